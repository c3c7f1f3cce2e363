//! The whole system in one process: no Docker, no account.
//!
//! `template.yaml` decides what runs where. An embedded DynamoDB, S3 and SQS answer on loopback, and the functions
//! reach them through the ordinary AWS SDK; HTTP routes, the WebSocket, queues, stream and schedules drive the
//! functions as in the cloud. What a maintained crate does, the crate does; here is only the glue.

#![expect(clippy::disallowed_types, reason = "no product API is answered here, only what AWS and developers ask")]

mod aws;
mod background;
mod bucket;
mod clock;
mod consumer;
pub mod demo;
mod environment;
mod faults;
mod function;
pub mod functions;
mod gateway;
mod intrinsics;
mod mailbox;
mod mailbox_page;
pub mod openapi;
mod product;
mod proxy;
mod queues;
mod recorder;
mod schedule;
mod secrets;
mod socket;
mod socket_event;
mod sockets;
mod sqs;
mod stack;
mod stream;
mod system;
mod table;
mod template;
mod tools;

#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use environment::Environment;
pub use faults::Faults;
pub use function::{EventHandler, Function, Functions};
pub use stack::{Options, Stack};
pub use system::StillBusy;
pub use template::{Template, TemplateError};

pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A lock that a panic elsewhere does not take away: what it guards here is valid after every statement.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
