//! Database calls written down, so that a test can show what an operation costs.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use serde::Serialize;
use serde_json::Value;

use crate::lock;

#[derive(Default)]
pub(crate) struct Recorder {
    on: AtomicBool,
    calls: Mutex<Vec<Call>>,
    round: Mutex<Round>,
}

/// Calls made at once: a round is over as soon as one of them is.
#[derive(Default)]
struct Round {
    number: u32,
    open: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Call {
    pub operation: String,
    pub status: u16,
    /// Calls of the same round were made at once, those of the next had to wait for them.
    pub round: u32,
    pub request: Value,
    /// With `ConsumedCapacity`, whether it was asked for or not.
    pub response: Value,
}

/// What nobody takes is dropped from here on, so that a forgotten recorder does not fill the memory.
const MOST: usize = 10_000;

impl Recorder {
    pub fn switch(&self, on: bool) {
        lock(&self.calls).clear();
        *lock(&self.round) = Round::default();
        self.on.store(on, Ordering::Relaxed);
    }

    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// The round of a call that begins.
    pub fn begin(&self) -> u32 {
        let mut round = lock(&self.round);
        if !round.open {
            *round = Round { number: round.number + 1, open: true };
        }
        round.number
    }

    pub fn end(&self, number: u32) {
        let mut round = lock(&self.round);
        round.open &= round.number != number;
    }

    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut lock(&self.calls))
    }

    pub fn add(&self, call: Call) {
        let mut calls = lock(&self.calls);
        if calls.len() < MOST {
            calls.push(call);
        }
    }
}

/// Asks for the capacity of a call that has any. The index capacities come with it.
pub(crate) fn with_capacity(operation: &str, mut request: Value) -> Value {
    const MEASURED: [&str; 10] = [
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    ];
    if MEASURED.contains(&operation) && request.is_object() {
        request["ReturnConsumedCapacity"] = "INDEXES".into();
    }
    request
}
