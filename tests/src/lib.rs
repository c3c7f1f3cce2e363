//! What the specification acts with: a running system, people in it, and their open sockets.
//!
//! Everything goes over HTTP and WebSocket to a base URL: that of a system started for the test, or of
//! `OFFICE_COPILOT_URL` when it is set: that of a deployed one, whose tools, if it has any, are at `OFFICE_COPILOT_TOOLS`.
//! Where these list several, each test that runs at a time has one to itself.

mod answer;
mod authenticator;
mod device;
mod live;
mod operators;
mod people;
mod provider;
mod receiver;
mod world;

pub use answer::Answer;
pub use authenticator::code;
pub use device::Device;
pub use live::Live;
pub use people::{Organization, Person};
pub use provider::{Claims, Lie, Provider, Redirect};
pub use receiver::{Received, Receiver};
pub use world::World;
