//! Time and randomness, passed in so that tests can move the one and nothing reaches for the other.

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;

/// Tells the time; the system's own in a function, one that can be moved in the local stack.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where the system's clock is read")]
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    /// To the millisecond, as it is stored and shown.
    pub fn now(&self) -> Timestamp {
        let now = (self.0)();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// Random bytes from the operating system.
#[derive(Clone)]
pub struct Entropy(SystemRandom);

impl Entropy {
    pub fn system() -> Self {
        Self(SystemRandom::new())
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        // Without randomness every token could be guessed, so there is nothing to go on with
        assert!(self.0.fill(&mut bytes).is_ok(), "the operating system gives no random bytes");
        bytes
    }

    pub fn number(&self) -> u128 {
        u128::from_be_bytes(self.bytes())
    }
}
