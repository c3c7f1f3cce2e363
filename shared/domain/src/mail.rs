//! Which mails went out.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// That a mail was begun, and whether it went out, so that a job that comes twice sends once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mailed {
    pub name: String,
    pub sent: bool,
    pub expires: i64,
}

const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 30);

impl Mailed {
    pub fn begun_at(&self) -> Timestamp {
        Timestamp::from_second(self.expires).unwrap_or(Timestamp::UNIX_EPOCH) - KEPT
    }

    pub fn begun(name: &str, now: Timestamp) -> Self {
        Self { name: name.to_owned(), sent: false, expires: (now + KEPT).as_second() }
    }
}
