//! Database calls that fail on purpose.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// How many calls in a thousand fail. Off by default; the same settings give the same sequence of faults.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    refused: AtomicU32,
    lost: AtomicU32,
    calls: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Passes,
    /// Fails and has changed nothing.
    Refused,
    /// Is carried out, and fails all the same for who asked.
    Lost,
}

impl Faults {
    /// Per mille of calls, from now on; the sequence begins anew.
    pub fn set(&self, refused: u32, lost: u32) {
        self.inner.refused.store(refused, Ordering::Relaxed);
        self.inner.lost.store(lost, Ordering::Relaxed);
        self.inner.calls.store(0, Ordering::Relaxed);
    }

    pub(crate) fn next(&self) -> Fate {
        let refused = self.inner.refused.load(Ordering::Relaxed);
        let lost = self.inner.lost.load(Ordering::Relaxed);
        if refused + lost == 0 {
            return Fate::Passes;
        }
        let call = self.inner.calls.fetch_add(1, Ordering::Relaxed);
        match scatter(call) % 1000 {
            n if n < u64::from(refused) => Fate::Refused,
            n if n < u64::from(refused + lost) => Fate::Lost,
            _ => Fate::Passes,
        }
    }
}

/// SplitMix64: neighbouring numbers become unrelated ones.
fn scatter(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}
