//! The specification. Its modules are the table of contents of the product.

mod people;
