//! The specification. Its modules are the table of contents of the product.

mod files;
mod money;
mod people;
mod trail;
mod work;
