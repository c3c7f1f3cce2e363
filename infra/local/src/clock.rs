//! Real time plus an offset that tests move.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_millis: Arc<AtomicI64>,
}

impl Clock {
    /// Milliseconds since 1970.
    #[must_use]
    pub fn now_millis(&self) -> i64 {
        real_millis() + self.offset_millis.load(Ordering::Relaxed)
    }

    /// Only `Stack::advance` moves time, because queues and schedules have to hear of it.
    pub(crate) fn advance(&self, by: Duration) {
        self.offset_millis.fetch_add(saturating_millis(by), Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.now_millis()).unwrap_or_default()
    }
}

#[expect(clippy::disallowed_methods, reason = "the local stack is what gives functions their time")]
pub(crate) fn real_millis() -> i64 {
    saturating_millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

pub(crate) fn saturating_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The embedded DynamoDB lets items expire and dates stream records by the same clock.
impl dynoxide::storage_backend::Clock for Clock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.now_millis() / 1000).unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds fit for 285,000 years")]
        let millis = self.now_millis() as f64;
        millis / 1000.0
    }
}
