//! Passkeys: keys on a person's own devices, which sign them in without a password.

use crate::{
    Error, Result, Timestamp,
    account::Session,
    commit::{Commit, Write},
    id::*,
    limits,
    second_factor::SecondFactor,
    text::Line,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key of one device, or of one account that several devices share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passkey {
    pub id: PasskeyId,
    pub user: UserId,
    pub name: Line,
    /// What the device calls it, in base64url.
    pub credential: String,
    pub key: VerifyingKey,
    /// How often the device says that it was used; a copy of it falls behind. Many devices do not count.
    pub counter: u32,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub version: u64,
}

/// What signatures are verified with; numbers and points in base64url.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "algorithm", rename_all = "snake_case")]
pub enum VerifyingKey {
    Es256 { point: String },
    Ed25519 { point: String },
    Rs256 { modulus: String, exponent: String },
}

/// What a device said of a key it made.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub credential: String,
    pub key: VerifyingKey,
    pub counter: u32,
}

/// What its owner is shown of a passkey.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PasskeyView {
    pub id: PasskeyId,
    #[schema(example = "My phone")]
    pub name: Line,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub version: u64,
}

/// Whether this session may add a passkey beside those there are. A passkey stands for password and code together: who is
/// asked for a code adds none without one.
pub fn may_add(factor: Option<&SecondFactor>, session: &Session, others: &[Passkey]) -> Result<()> {
    if factor.is_some_and(SecondFactor::is_on) && !session.second_factor {
        return Err(Error::Conflict("log in with your second factor first".to_owned()));
    }
    if others.len() >= limits::PASSKEYS {
        return Err(Error::Conflict(format!("a person has {} passkeys at the most", limits::PASSKEYS)));
    }
    Ok(())
}

impl Passkey {
    pub fn new(id: PasskeyId, user: &UserId, name: Line, made: Made, others: &[Self], now: Timestamp) -> Result<(Self, Commit)> {
        if others.iter().any(|other| other.credential == made.credential) {
            return Err(Error::Conflict("this device has a passkey here already".to_owned()));
        }
        let Made { credential, key, counter } = made;
        let passkey = Self { id, user: user.clone(), name, credential, key, counter, created_at: now, last_used_at: None, version: 1 };
        Ok((passkey.clone(), Commit::noted("passkey.added", &passkey).also_create(passkey)))
    }

    pub fn rename(self, name: Line) -> (Self, Commit) {
        let after = Self { name, version: self.version + 1, ..self.clone() };
        (after.clone(), Commit::noted("passkey.renamed", &after).also_replace(self.version, after))
    }

    pub fn remove(self) -> Commit {
        let seen = self.version;
        Commit::noted("passkey.removed", &self).with(Write::Delete { record: self.into(), seen })
    }

    /// It signed somebody in; nothing when its counter has not moved on, because then it is a copy.
    pub fn used(self, counter: u32, now: Timestamp) -> Option<Commit> {
        let counts = counter > 0 || self.counter > 0;
        if counts && counter <= self.counter {
            return None;
        }
        let after = Self { counter, last_used_at: Some(now), version: self.version + 1, ..self.clone() };
        Some(Commit::quiet().also_replace(self.version, after))
    }

    pub fn view(&self) -> PasskeyView {
        let Self { id, name, created_at, last_used_at, version, .. } = self.clone();
        PasskeyView { id, name, created_at, last_used_at, version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_goes_up_or_stays_nothing() {
        let now = Timestamp::UNIX_EPOCH;
        let key = VerifyingKey::Ed25519 { point: String::new() };
        let made = |counter| Made { credential: "id".to_owned(), key: key.clone(), counter };
        let passkey = |counter| {
            let made = Passkey::new(PasskeyId::new(now, 1), &UserId::new(now, 2), "Phone".parse().unwrap(), made(counter), &[], now);
            made.unwrap().0
        };
        for (kept, given, good) in [(0, 0, true), (0, 1, true), (5, 6, true), (5, 5, false), (5, 4, false), (5, 0, false)] {
            assert_eq!(passkey(kept).used(given, now).is_some(), good, "from {kept} to {given}");
        }
    }
}
