//! The specification. Its modules are the table of contents of the product.

mod access;
mod again;
mod chat;
mod costs;
mod directory;
mod faults;
mod files;
mod forms;
mod headers;
mod import;
mod input;
mod keys;
mod money;
mod people;
mod platform;
mod posts;
mod reminders;
mod roles;
mod scale;
mod second_factor;
mod structure;
mod teams;
mod tokens;
mod trail;
mod work;
