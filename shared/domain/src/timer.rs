//! What falls due: a record in a time index.

use crate::{Timestamp, id::*};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    TaskDueSoon,
    TaskDue,
}

/// Something to be done at a moment. It holds only if what it is about still says so when it fires.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    pub id: TimerId,
    pub at: Timestamp,
    pub purpose: Purpose,
    pub task: TaskId,
}

impl Timer {
    /// The same moment of the same task is always the same timer, so setting it twice sets it once.
    pub fn for_task(task: &TaskId, purpose: Purpose, at: Timestamp) -> Self {
        Self { id: TimerId::derived(at, (task, purpose)), at, purpose, task: task.clone() }
    }
}

impl TimerId {
    fn derived(at: Timestamp, (task, purpose): (&TaskId, Purpose)) -> Self {
        // FNV-1a: it only has to be the same everywhere and spread well; the task's own id is the secret part
        let bytes = task.as_str().bytes().chain([purpose as u8]);
        let hash = bytes.fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        });
        Self::new(at, hash)
    }
}
