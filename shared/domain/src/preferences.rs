//! What somebody wants to be told, by which channel, and when not.

use crate::notification::Reason;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// By which ways something reaches somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Channels {
    /// The inbox, and open screens.
    pub in_app: bool,
    pub email: bool,
}

/// The channels of each kind of event. What concerns the account itself is always mailed and not among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(from = "BTreeMap<Reason, Channels>")]
pub struct Preferences(BTreeMap<Reason, Channels>);

/// What is absent stays.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelsEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub in_app: Option<bool>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub email: Option<bool>,
}

impl From<BTreeMap<Reason, Channels>> for Preferences {
    fn from(chosen: BTreeMap<Reason, Channels>) -> Self {
        let mut all: BTreeMap<_, _> = Reason::ALL.into_iter().map(|reason| (reason, reason.channels())).collect();
        all.extend(chosen);
        Self(all)
    }
}

impl Default for Preferences {
    fn default() -> Self {
        BTreeMap::new().into()
    }
}

impl Preferences {
    pub fn channels(&self, reason: Reason) -> Channels {
        self.0.get(&reason).copied().unwrap_or_else(|| reason.channels())
    }

    pub fn edit(mut self, edit: BTreeMap<Reason, ChannelsEdit>) -> Self {
        for (reason, edit) in edit {
            let now = self.channels(reason);
            self.0.insert(reason, Channels { in_app: edit.in_app.unwrap_or(now.in_app), email: edit.email.unwrap_or(now.email) });
        }
        self
    }
}
