//! The states of a task and the moves between them.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    Open,
    InProgress,
    InReview,
    Done,
    Cancelled,
}

use State::*;

impl State {
    pub const ALL: [State; 5] = [Open, InProgress, InReview, Done, Cancelled];

    pub fn as_str(self) -> &'static str {
        match self {
            Open => "OPEN",
            InProgress => "IN_PROGRESS",
            InReview => "IN_REVIEW",
            Done => "DONE",
            Cancelled => "CANCELLED",
        }
    }

    /// Where a task in this state may go.
    pub fn moves(self) -> &'static [State] {
        match self {
            Open => &[InProgress, Cancelled],
            InProgress => &[InReview, Open, Cancelled],
            InReview => &[Done, InProgress, Cancelled],
            Done | Cancelled => &[Open],
        }
    }

    pub fn move_to(self, to: State) -> Result<State> {
        if self.moves().contains(&to) {
            return Ok(to);
        }
        Err(Error::IllegalMove {
            from: self.as_str().to_owned(),
            to: to.as_str().to_owned(),
            allowed: self.moves().iter().map(|state| state.as_str().to_owned()).collect(),
        })
    }

    /// Nothing more is to be done: such a task is never overdue and reminds nobody.
    pub fn is_closed(self) -> bool {
        matches!(self, Done | Cancelled)
    }
}
