//! How an organisation ends: planned, waited for, and then removed with all it has. What remains is a tombstone.

use crate::{
    Error, Result, Timestamp,
    access::Access,
    account::User,
    commit::{Commit, Write},
    id::*,
    limits,
    organization::{JoinCode, Membership, Organization, Standing},
    tenant::{Act, Dossier, House},
    text::{Line, Password},
    timer::{Purpose, Timer},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// That an organisation will be removed, and when. Until then it can be read and kept, and nothing else changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemovalPlan {
    /// The owner who asked for it; absent when the platform decided it.
    pub owner: Option<UserId>,
    pub reason: Option<Line>,
    pub asked_at: Timestamp,
    /// When nothing of it can be had any more.
    pub at: Timestamp,
    /// Whether that moment has come: nobody is let in any more.
    pub begun: bool,
}

/// As members read it who are refused to change something.
impl fmt::Display for RemovalPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%-d %B %Y, %H:%M UTC");
        write!(f, "it will be removed on {at}")?;
        self.reason.as_ref().map_or(Ok(()), |reason| write!(f, ". {reason}"))
    }
}

/// An owner's wish to end the organisation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemovalWish {
    /// The organisation's name, typed once more.
    #[schema(example = "Acme Gardens")]
    pub name: String,
    #[schema(format = Password)]
    pub password: Password,
    #[schema(value_type = Option<String>, example = "We work with another product now.")]
    pub reason: Option<Line>,
}

/// An operator's.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemovalDraft {
    #[schema(value_type = String, example = "The contract ended.")]
    pub reason: Line,
}

const ACTIONS: [&str; 2] = ["organization.removal_planned", "organization.kept"];

impl RemovalPlan {
    fn new(owner: Option<UserId>, reason: Option<Line>, now: Timestamp) -> Self {
        Self { owner, reason, asked_at: now, at: now + limits::REMOVAL_WAIT, begun: false }
    }

    fn timer(&self) -> Timer {
        Timer::new(Purpose::Removal, self.at)
    }

    pub fn view(&self) -> RemovalView {
        let Self { owner, reason, asked_at, at, .. } = self.clone();
        RemovalView { owner, reason, asked_at, at, began_at: None, finished_at: None, removed: 0 }
    }
}

impl Access {
    /// Whether nobody is let in any more.
    pub fn is_closed(&self) -> bool {
        self.removal.as_ref().is_some_and(|plan| plan.begun)
    }

    fn with_removal(&self, removal: Option<RemovalPlan>) -> Self {
        Self { removal, version: self.version + 1, ..self.clone() }
    }

    fn check_stays(&self) -> Result<()> {
        match &self.removal {
            Some(plan) => Err(Error::Conflict(format!("the organisation is to go already: {plan}"))),
            None => Ok(()),
        }
    }

    /// An owner asks for the organisation to be removed, having typed its name.
    pub fn ask_for_removal(&self, of: &Organization, owner: &UserId, wish: RemovalWish, now: Timestamp) -> Result<(RemovalView, Commit)> {
        if wish.name.trim() != of.name.as_str() {
            return Err(Error::invalid("/name", "is not the organisation's name"));
        }
        self.check_stays()?;
        let plan = RemovalPlan::new(Some(owner.clone()), wish.reason, now);
        let view = plan.view();
        let commit = Commit::part(ACTIONS[0], "organization", &of.id, None, Some(&view)).also_put(plan.timer());
        Ok((view, commit.also_replace(self.version, self.with_removal(Some(plan)))))
    }

    /// An owner takes it back. What the platform decided, the platform takes back.
    pub fn keep(&self, id: &OrganizationId) -> Result<Commit> {
        let plan = self.removal.as_ref().ok_or_else(stays)?;
        if plan.owner.is_none() {
            return Err(Error::Conflict("the platform decided this, and only the platform takes it back".to_owned()));
        }
        let commit = Commit::part(ACTIONS[1], "organization", id, Some(&plan.view()), None).also_remove(plan.timer());
        Ok(commit.also_replace(self.version, self.with_removal(None)))
    }
}

fn stays() -> Error {
    Error::Conflict("the organisation is not to be removed".to_owned())
}

impl House {
    /// An operator plans the removal. It holds at once as a suspension does.
    pub fn remove(&self, reason: Line, now: Timestamp) -> Result<Act> {
        self.access.check_stays()?;
        let plan = RemovalPlan::new(None, Some(reason), now);
        let timer = plan.timer();
        let act = self.act(ACTIONS[0], &self.with_access(|access| access.removal = Some(plan)), None);
        Ok(Act { theirs: act.theirs.also_put(timer), ..act })
    }

    /// Takes it back, whoever asked. What was suspended before is so again.
    pub fn keep(&self) -> Result<Act> {
        let plan = self.access.removal.as_ref().ok_or_else(stays)?;
        let act = self.act(ACTIONS[1], &self.with_access(|access| access.removal = None), None);
        Ok(Act { theirs: act.theirs.also_remove(plan.timer()), ..act })
    }

    /// The waiting is over: in one moment the door is closed, the organisation is gone from all lists, and a tombstone stands
    /// for it. Nothing, when the plan no longer holds.
    pub fn begin_removal(self, timer: Timer, now: Timestamp) -> Option<Act> {
        let Self { organization, access, .. } = self;
        let plan = access.removal.clone().filter(|plan| !plan.begun && plan.at <= now && plan.at == timer.at)?;
        let tombstone = Tombstone::new(&organization, &plan, now);
        let closed = access.with_removal(Some(RemovalPlan { begun: true, ..plan }));
        let code = organization.joining.as_ref().map(|joining| joining.code.clone());
        let code = code.map(|code| JoinCode { code, organization: organization.id.clone(), version: 1 });
        let ours = Commit::part("organization.removal_begun", "organization", &organization.id, None, Some(&tombstone.view()));
        let gone = Write::Delete { seen: organization.version, record: organization.into() };
        // On its own trail nothing is added that would have to go at once
        let theirs = Commit::quiet().also_take(timer).with(gone).also_replace(access.version, closed);
        Some(Act { theirs: code.into_iter().fold(theirs, Commit::also_remove), ours: ours.also_create(tombstone) })
    }
}

/// What remains of an organisation, and how far its removal has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tombstone {
    pub organization: OrganizationId,
    pub name: Line,
    pub plan: RemovalPlan,
    pub began_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// Records and files that were removed.
    pub removed: u64,
    pub stage: Stage,
    /// How often all places were looked through.
    pub rounds: u32,
    /// What the present round has found.
    pub found: u64,
    /// Not before this is there anything to do.
    pub next_at: Timestamp,
    pub version: u64,
}

/// Where a removal goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum Stage {
    /// What stands in the organisation's own partitions, and what that leads to: its people first.
    Records,
    /// The trail, day by day, and what it names.
    Trail {
        day: Date,
    },
    Files,
}

/// A removal as operators follow it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RemovalView {
    /// The owner who asked for it; absent when the platform decided it.
    pub owner: Option<UserId>,
    #[schema(value_type = Option<String>, example = "We work with another product now.")]
    pub reason: Option<Line>,
    pub asked_at: Timestamp,
    /// Until then it can be kept.
    pub at: Timestamp,
    pub began_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// Records and files that were removed.
    pub removed: u64,
}

/// What one step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    pub removed: u64,
    /// Whether nothing is left where it looked.
    pub done: bool,
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

impl Tombstone {
    fn new(organization: &Organization, plan: &RemovalPlan, now: Timestamp) -> Self {
        Self {
            organization: organization.id.clone(),
            name: organization.name.clone(),
            plan: plan.clone(),
            began_at: now,
            finished_at: None,
            removed: 0,
            stage: Stage::Records,
            rounds: 0,
            found: 0,
            next_at: now + limits::REMOVAL_REST,
            version: 1,
        }
    }

    pub fn view(&self) -> RemovalView {
        RemovalView { began_at: Some(self.began_at), finished_at: self.finished_at, removed: self.removed, ..self.plan.view() }
    }

    /// The next step, when there is one. It asks nothing of the one before but that it was made at all.
    pub fn timer(&self) -> Option<Timer> {
        self.finished_at.is_none().then(|| Timer::new(Purpose::Removal, self.next_at))
    }

    fn next_stage(&self, now: Timestamp) -> Option<Stage> {
        match &self.stage {
            // Nothing of an organisation is older than itself
            Stage::Records => Some(Stage::Trail { day: day(self.organization.made_at()) }),
            Stage::Trail { day: last } if *last >= day(now) => Some(Stage::Files),
            Stage::Trail { day } => Some(day.tomorrow().map_or(Stage::Files, |day| Stage::Trail { day })),
            Stage::Files => None,
        }
    }

    /// After a step. What was under way when the door closed may be written later than it was looked for: so the last round
    /// is one that found nothing, some while after the one before.
    pub fn after(&self, step: Cleared, now: Timestamp) -> Self {
        let next = Self {
            removed: self.removed + step.removed,
            found: self.found + step.removed,
            next_at: now,
            version: self.version + 1,
            ..self.clone()
        };
        match (step.done, self.next_stage(now)) {
            (false, _) => next,
            (true, Some(stage)) => Self { stage, ..next },
            (true, None) if self.rounds > 0 && next.found == 0 => Self { finished_at: Some(now), ..next },
            (true, None) => Self { stage: Stage::Records, rounds: self.rounds + 1, found: 0, next_at: now + limits::REMOVAL_REST, ..next },
        }
    }

    /// What is written for it: at the end the door itself goes, and what operators noted.
    pub fn commit(&self, after: Self) -> Act {
        if after.finished_at.is_none() {
            return Act { theirs: Commit::quiet(), ours: Commit::quiet().also_replace(self.version, after) };
        }
        let ours = Commit::part("organization.removed", "organization", &self.organization, Some(&self.view()), Some(&after.view()));
        let ours = ours.also_remove(Dossier::empty(&self.organization)).also_replace(self.version, after);
        Act { theirs: Commit::quiet().also_remove(Access::default()), ours }
    }
}

impl User {
    /// Somebody whose home is no more is at home elsewhere: in another of their organisations, or with the platform, which
    /// is where an account stands that belongs to none.
    pub fn leaves_home(&self, gone: &OrganizationId, places: &[Membership]) -> Option<Commit> {
        if self.home != *gone {
            return None;
        }
        // Not where others put an address that nobody proved to be theirs
        let mut places = places.iter().filter(|_| self.email_verified);
        let other = places.find(|place| place.organization != *gone && place.standing == Standing::Active);
        let home = other.map_or_else(OrganizationId::of_platform, |place| place.organization.clone());
        Some(Commit::quiet().also_replace(self.version, Self { home, version: self.version + 1, ..self.clone() }))
    }

    /// By the mail of an invitation the address is proved, and whoever belonged to no organisation is at home in that one.
    #[must_use]
    pub fn settles_in(&self, organization: &OrganizationId) -> Option<Self> {
        let home = if self.home.is_platform() { organization.clone() } else { self.home.clone() };
        let after = Self { home, email_verified: true, version: self.version + 1, ..self.clone() };
        (after.home != self.home || !self.email_verified).then_some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

    fn tombstone() -> Tombstone {
        let id = OrganizationId::new(NOW, 1);
        let line = |text: &str| text.parse().unwrap();
        let address = "1 Mill Lane".parse().unwrap();
        let phone = "+44 20 7946 0000".parse().unwrap();
        let organization = Organization::new(id, line("Acme"), address, phone, 5, Default::default(), Default::default(), NOW).unwrap();
        Tombstone::new(&organization, &RemovalPlan::new(None, None, NOW), NOW + limits::REMOVAL_WAIT)
    }

    fn found(removed: u64) -> Cleared {
        Cleared { removed, done: true }
    }

    /// One round in which each step but the first finds nothing more.
    fn round(mut at: Tombstone, first: u64, now: Timestamp) -> Tombstone {
        let rounds = at.rounds;
        at = at.after(found(first), now);
        for _ in 0..100 {
            if at.rounds != rounds || at.finished_at.is_some() {
                return at;
            }
            at = at.after(found(0), now);
        }
        panic!("the round has no end: {at:?}");
    }

    #[test]
    fn it_is_over_after_a_round_that_found_nothing_and_never_after_the_first() {
        let now = NOW + limits::REMOVAL_WAIT;
        let first = round(tombstone(), 0, now);
        assert_eq!((first.finished_at, first.rounds, &first.stage), (None, 1, &Stage::Records));
        assert_eq!(first.next_at, now + limits::REMOVAL_REST);
        let second = round(first, 3, now);
        assert_eq!((second.finished_at, second.rounds, second.removed), (None, 2, 3));
        let last = round(second, 0, now);
        assert_eq!(last.finished_at, Some(now));
        assert!(last.timer().is_none());
    }

    #[test]
    fn every_day_from_the_first_to_the_present_is_looked_through() {
        let now = NOW + limits::REMOVAL_WAIT;
        let mut at = tombstone().after(found(0), now);
        let mut days = Vec::new();
        while let Stage::Trail { day } = at.stage {
            // What does not fit into one step goes on where it was
            assert_eq!(at.after(Cleared { removed: 5, done: false }, now).stage, at.stage);
            days.push(day);
            at = at.after(found(0), now);
        }
        assert_eq!((days.first(), days.last(), days.len()), (Some(&day(NOW)), Some(&day(now)), 31));
        assert_eq!(at.stage, Stage::Files);
    }

    #[test]
    fn only_the_platform_takes_back_what_it_decided() {
        let id = OrganizationId::new(NOW, 1);
        let planned = |owner| Access::default().with_removal(Some(RemovalPlan::new(owner, None, NOW)));
        assert!(matches!(planned(None).keep(&id), Err(Error::Conflict(_))));
        assert!(planned(Some(UserId::new(NOW, 2))).keep(&id).is_ok());
        assert!(matches!(Access::default().keep(&id), Err(Error::Conflict(_))));
    }
}
