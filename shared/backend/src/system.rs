//! The door of workers: they act without a caller, in the organisation of what they work on.

use crate::{
    Backend,
    keys::{self, Key, Me, Range, Tenant},
    room::Room,
};
use domain::{
    Result, Timestamp,
    account::User,
    commit::{Actor, Commit, Kept, Origin, Record, Write},
    id::*,
    limits,
    notification::Notification,
    organization::Membership,
    platform::{OperatorInvitation, Roster},
};
use std::collections::BTreeSet;

/// Acts without a caller, in the organisation of the message being worked on: for workers.
pub struct System {
    pub(crate) room: Room,
}

impl Backend {
    pub fn system(&self, organization: &OrganizationId) -> System {
        tracing::Span::current().record("organization", organization.as_str());
        let inner = self.0.clone();
        let now = inner.clock.now();
        let (store, tenant) = (inner.own.clone(), Tenant(organization.clone()));
        System { room: Room { inner, store, tenant, actor: Actor::system(), origin: Origin::default(), claim: None, hooked: true, now } }
    }

    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The name Lambda has for this function; nothing else has one.
    pub(crate) fn function(&self) -> Option<&str> {
        self.0.settings.find("AWS_LAMBDA_FUNCTION_NAME")
    }

    /// An environment variable of the template.
    pub fn setting(&self, name: &str) -> &str {
        self.0.settings.get(name)
    }
}

impl Backend {
    /// Somebody who is to be an operator, while the invitation is good.
    pub async fn invited_operator(&self, operator: &OperatorId) -> Result<Option<OperatorInvitation>> {
        let roster = self.0.own.table.get(keys::roster()).await?;
        Ok(roster.and_then(|roster: Roster| roster.find_invited(operator, self.now()).cloned()))
    }
}

impl System {
    /// Whether nothing is to be done for the organisation for now.
    pub async fn is_suspended(&self) -> Result<bool> {
        Ok(self.get(keys::access(self.tenant())).await?.is_some_and(|access| access.check_open().is_err()))
    }

    pub fn tenant(&self) -> &Tenant {
        &self.room.tenant
    }

    pub fn now(&self) -> Timestamp {
        self.room.now
    }

    pub fn person(&self, user: &UserId) -> Me {
        Me(user.clone())
    }

    pub async fn get<R: Kept>(&self, key: Key<R>) -> Result<Option<R>> {
        self.room.store.table.get(key).await
    }

    pub async fn all<R: Kept>(&self, range: Range<R>, limit: usize) -> Result<Vec<R>> {
        self.room.all(range, limit, false).await
    }

    /// The last of a range, latest first, up to `limit`.
    pub async fn latest<R: Kept>(&self, range: Range<R>, limit: usize) -> Result<Vec<R>> {
        self.room.all(range, limit, true).await
    }

    /// What is to be written so that some people are told, each as they want to be.
    pub async fn telling(&self, told: Vec<Notification>) -> Result<Vec<Commit>> {
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let ids: BTreeSet<_> = told.iter().map(|one| &one.user).collect();
        let people = ids.into_iter().map(|id| keys::user(&self.person(id))).collect();
        let (people, settings) = tokio::try_join!(self.get_many::<User>(people), self.get(keys::settings(self.tenant())))?;
        let settings = settings.unwrap_or_default();
        let tell = |one: Notification| {
            let person = people.iter().find(|person| person.id == one.user);
            one.tell(person, &settings, self.now())
        };
        Ok(told.into_iter().filter_map(tell).collect())
    }

    /// A person's places in all organisations.
    pub async fn places_of(&self, user: &UserId) -> Result<Vec<Membership>> {
        self.all(keys::memberships(&self.person(user)), limits::ORGANIZATIONS_OF_ONE).await
    }

    pub async fn commit(&self, commit: Commit) -> Result<()> {
        self.room.execute(commit, None).await.map(drop)
    }

    pub async fn get_many<R: Kept>(&self, keys: Vec<Key<R>>) -> Result<Vec<R>> {
        self.room.get_many(keys).await
    }

    /// Brings derived entries in step: puts those that hold now and did not before, removes those that held and no longer do.
    pub async fn replace_entries(&self, before: Vec<Record>, after: Vec<Record>, now: Vec<Record>) -> Result<()> {
        self.room.store.table.write_each(&self.room.tenant, self.steps(before, after, now)).await
    }

    /// The same, as long as what the entries are derived from is as it was read; it is stale otherwise.
    pub async fn replace_entries_while<R: Kept + Clone>(
        &self,
        holds: Option<R>,
        before: Vec<Record>,
        after: Vec<Record>,
        now: Vec<Record>,
    ) -> Result<()> {
        let Some(holds) = holds else { return self.replace_entries(before, after, now).await };
        for some in self.steps(before, after, now).chunks(limits::TRANSACTION - 1) {
            let commit = Commit { writes: some.to_vec(), drafts: Vec::new() };
            self.commit(commit.while_holds(holds.clone())).await?;
        }
        Ok(())
    }

    fn steps(&self, before: Vec<Record>, after: Vec<Record>, now: Vec<Record>) -> Vec<Write> {
        let place = |record: &Record| {
            let place = keys::place(&self.room.tenant, record);
            (place.pk, place.sk)
        };
        let had: BTreeSet<_> = before.iter().map(place).collect();
        let has: BTreeSet<_> = now.iter().map(place).collect();
        let mut gone = BTreeSet::new();
        let removals =
            before.into_iter().chain(after).filter(|record| !has.contains(&place(record)) && gone.insert(place(record))).map(Write::Remove);
        let puts = now.iter().filter(|record| !had.contains(&place(record))).cloned().map(Write::Put);
        removals.chain(puts).collect()
    }
}
