//! What falls due: a record in a time index.

use crate::{Timestamp, id::*};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Purpose {
    TaskDueSoon {
        task: TaskId,
    },
    TaskDue {
        task: TaskId,
    },
    /// A mail that waited for the end of somebody's quiet hours.
    Mail {
        user: UserId,
        notification: NotificationId,
    },
    /// The end of an organisation, and each further step of it.
    Removal,
}

/// Something to be done at a moment. It holds only if what it is about still says so when it fires.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    pub id: TimerId,
    pub at: Timestamp,
    pub purpose: Purpose,
}

impl Timer {
    /// The same purpose at the same moment is always the same timer, so setting it twice sets it once.
    pub fn new(purpose: Purpose, at: Timestamp) -> Self {
        Self { id: TimerId::derived(at, &purpose), at, purpose }
    }
}

impl Purpose {
    fn name(&self) -> String {
        match self {
            Self::TaskDueSoon { task } => format!("{task}.soon"),
            Self::TaskDue { task } => format!("{task}.due"),
            Self::Mail { user, notification } => format!("{notification}.{user}"),
            Self::Removal => "removal".to_owned(),
        }
    }
}

impl TimerId {
    fn derived(at: Timestamp, purpose: &Purpose) -> Self {
        // FNV-1a: it only has to be the same everywhere and spread well; the ids in it are the secret part
        let hash = purpose.name().bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        });
        Self::new(at, hash)
    }
}
