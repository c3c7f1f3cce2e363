//! Everything with I/O, and the only crate that knows AWS and HTTP.
//!
//! A handler gets at data through [`door::Can`] and nothing else.

mod account;
mod api_keys;
mod aws;
pub mod blobs;
pub mod chat;
pub mod clock;
pub mod door;
pub mod event;
mod guesses;
pub mod idempotency;
mod invitations;
pub mod json;
pub mod keys;
pub mod mail;
mod metrics;
pub mod oidc;
pub mod operations;
pub mod outside;
pub mod outsider;
pub mod page;
pub mod passkey;
pub mod password;
pub mod platform;
pub mod problem;
pub mod queue;
mod reach;
mod removal;
mod room;
pub mod scim;
mod search;
pub mod second_factor;
pub mod secrets;
pub mod settings;
mod settle;
pub mod sockets;
pub mod start;
mod store;
pub mod system;
mod table;
mod tenants;
pub mod tokens;
pub mod trail;
pub mod visitor;
pub mod web;
mod webhooks;

pub use aws::Backend;
