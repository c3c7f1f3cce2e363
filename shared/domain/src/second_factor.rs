//! The second factor: codes of an authenticator app, and recovery codes for whoever lost it.

use crate::{
    Error, Result, Timestamp,
    account::Session,
    commit::{Commit, Kept, Write},
    id::{OperatorId, UserId},
    platform::OperatorSession,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person, or an operator of the platform, proves themselves with beside the password. Kept apart from the account, as
/// the password is.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Factor<I> {
    pub owner: I,
    /// What codes are made of, sealed: whoever reads the table can make none.
    pub sealed: String,
    /// Absent until a first code has shown that the app was set up.
    pub since: Option<Timestamp>,
    /// The step of the last code that was taken: a code is good once, and none from before it is.
    pub last_step: i64,
    /// Hashes of the recovery codes that are left.
    pub recovery: Vec<String>,
    pub version: u64,
}

pub type SecondFactor = Factor<UserId>;
pub type OperatorFactor = Factor<OperatorId>;

/// A session, which may have proved it.
pub trait Proving: Kept {
    #[must_use]
    fn with_second_factor(&self, proved: bool) -> Self;
}

impl Proving for Session {
    fn with_second_factor(&self, proved: bool) -> Self {
        Self { second_factor: proved, version: self.version + 1, ..self.clone() }
    }
}

impl Proving for OperatorSession {
    fn with_second_factor(&self, proved: bool) -> Self {
        Self { second_factor: proved, version: self.version + 1, ..self.clone() }
    }
}

/// What a person is shown of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondFactorView {
    pub on: bool,
    pub since: Option<Timestamp>,
    pub recovery_codes_left: usize,
}

/// What a given code turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// A code of the app, for this step of thirty seconds.
    Code { step: i64 },
    /// A recovery code, by its hash.
    Recovery { hash: String },
}

fn wrong() -> Error {
    Error::invalid("/code", "is wrong, or was used")
}

fn off() -> Error {
    Error::Conflict("there is no second factor".to_owned())
}

impl<I: Clone> Factor<I>
where
    Self: Kept,
{
    pub fn is_on(&self) -> bool {
        self.since.is_some()
    }

    pub fn view(factor: Option<&Self>) -> SecondFactorView {
        let factor = factor.filter(|factor| factor.is_on());
        let recovery_codes_left = factor.map_or(0, |factor| factor.recovery.len());
        SecondFactorView { on: factor.is_some(), since: factor.and_then(|factor| factor.since), recovery_codes_left }
    }

    /// Sets it up, once more if it was never confirmed; one that is on is switched off first.
    pub fn begin(owner: &I, sealed: String, before: Option<Self>) -> Result<Commit> {
        if before.as_ref().is_some_and(Self::is_on) {
            return Err(Error::Conflict("there is a second factor; switch it off first".to_owned()));
        }
        let version = before.as_ref().map_or(1, |before| before.version + 1);
        let begun = Self { owner: owner.clone(), sealed, since: None, last_step: 0, recovery: Vec::new(), version };
        Ok(match before {
            None => Commit::quiet().also_create(begun),
            Some(before) => Commit::quiet().also_replace(before.version, begun),
        })
    }

    /// It after this proof, which is good no more; nothing when the proof was used before.
    fn after(&self, proof: &Proof) -> Option<Self> {
        let next = Self { version: self.version + 1, ..self.clone() };
        match proof {
            Proof::Code { step } if *step > self.last_step => Some(Self { last_step: *step, ..next }),
            Proof::Recovery { hash } if self.recovery.contains(hash) => {
                Some(Self { recovery: self.recovery.iter().filter(|other| *other != hash).cloned().collect(), ..next })
            }
            _ => None,
        }
    }

    /// Switches it on with a first code. The session that did it has thereby proved it.
    pub fn confirm(self, proof: Option<&Proof>, recovery: Vec<String>, session: &impl Proving, now: Timestamp) -> Result<Commit> {
        if self.is_on() {
            return Err(Error::Conflict("the second factor is on already".to_owned()));
        }
        let confirmed = proof.and_then(|proof| self.after(proof)).ok_or_else(wrong)?;
        let confirmed = Self { since: Some(now), recovery, ..confirmed };
        let commit = Commit::noted("second_factor.switched_on", &confirmed).also_replace(self.version, confirmed);
        Ok(commit.also_replace(session.version(), session.with_second_factor(true)))
    }

    /// Lets somebody in who gave a code: it is used up in the commit that opens the session.
    pub fn let_in(self, proof: &Proof) -> Option<Commit> {
        let after = self.after(proof)?;
        let commit = match proof {
            Proof::Code { .. } => Commit::quiet(),
            Proof::Recovery { .. } => Commit::noted("second_factor.recovery_code_used", &after),
        };
        Some(commit.also_replace(self.version, after))
    }

    /// New recovery codes; those before are good no more.
    pub fn renew(self, proof: Option<&Proof>, recovery: Vec<String>) -> Result<Commit> {
        if !self.is_on() {
            return Err(off());
        }
        let after = Self { recovery, ..proof.and_then(|proof| self.after(proof)).ok_or_else(wrong)? };
        Ok(Commit::noted("second_factor.recovery_codes_renewed", &after).also_replace(self.version, after))
    }

    /// Switches it off. The session that did it goes on as one opened without it.
    pub fn switch_off(self, proof: Option<&Proof>, session: &impl Proving) -> Result<Commit> {
        if !self.is_on() {
            return Err(off());
        }
        proof.and_then(|proof| self.after(proof)).ok_or_else(wrong)?;
        Ok(self.removed("second_factor.switched_off").also_replace(session.version(), session.with_second_factor(false)))
    }

    /// Takes it from somebody who lost it.
    pub fn lift(self) -> Commit {
        self.removed("second_factor.lifted")
    }

    fn removed(self, action: &'static str) -> Commit {
        let seen = self.version;
        // Without what it was: the trail is read by others
        Commit::noted(action, &self).with(Write::Delete { record: self.into(), seen })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factor() -> SecondFactor {
        let user = UserId::new(Timestamp::UNIX_EPOCH, 1);
        let recovery = vec!["one".to_owned(), "two".to_owned()];
        SecondFactor { owner: user, sealed: String::new(), since: Some(Timestamp::UNIX_EPOCH), last_step: 10, recovery, version: 1 }
    }

    #[test]
    fn a_code_is_good_once_and_none_from_before_it_is() {
        let after = factor().after(&Proof::Code { step: 12 }).unwrap();
        for step in [10, 11, 12] {
            assert!(after.after(&Proof::Code { step }).is_none(), "took the code of step {step}");
        }
        assert!(after.after(&Proof::Code { step: 13 }).is_some());
    }

    #[test]
    fn a_recovery_code_is_good_once_and_the_others_stay_good() {
        let used = Proof::Recovery { hash: "one".to_owned() };
        let after = factor().after(&used).unwrap();
        assert!(after.after(&used).is_none());
        assert_eq!(after.recovery, ["two"]);
    }
}
