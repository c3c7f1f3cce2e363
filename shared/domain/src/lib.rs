//! The product without I/O: records, rules, roles and limits.
//!
//! A rule is a pure function from what was read to what shall be written (a [`commit::Commit`]).
//! Time, randomness and ids come in as arguments; nothing here waits, reads or sends.

pub mod access;
pub mod account;
pub mod alert;
pub mod api_key;
pub mod billing;
pub mod chart;
pub mod commit;
pub mod conversation;
pub mod directory;
pub mod error;
pub mod file;
pub mod holidays;
pub mod hours;
pub mod id;
pub mod import;
pub mod invitation;
pub mod limits;
pub mod mail;
pub mod management;
pub mod money;
pub mod notification;
pub mod organization;
pub mod passkey;
pub mod password;
pub mod picture;
pub mod platform;
pub mod policy;
pub mod preferences;
pub mod profile;
pub mod project;
pub mod provider;
pub mod removal;
pub mod scim;
pub mod second_factor;
pub mod settings;
pub mod structure;
pub mod task;
pub mod team;
pub mod tenant;
pub mod text;
pub mod timer;
pub mod usage;
pub mod webhook;
pub mod workflow;

pub use error::{Error, Result};
pub use jiff::Timestamp;
