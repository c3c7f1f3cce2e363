//! The door of the platform's operators, beside that of members: no token of the one opens the other.
//!
//! An operator sees what organisations are and what holds for them, and nothing of what is in them:
//! ```compile_fail
//! use backend::{keys::{self, Tenant}, platform::Operator};
//! use domain::{Result, platform::ManageTenants, id::TaskId, task::Task};
//! async fn handler(operator: Operator<ManageTenants>, t: Tenant, id: TaskId) -> Result<Option<Task>> {
//!     operator.get(keys::task(&t, &id)).await
//! }
//! ```

use crate::{
    Backend,
    door::{App, Refusal, bearer},
    guesses::{Guesses, OPERATOR_PASSWORDS},
    idempotency::Claim,
    keys::{self, Key, Range, Tenant},
    page::{Page, Paging},
    password,
    room::Room,
    secrets::sha256,
    table::{Table, parse, text},
    tokens,
    trail::ChangeFilter,
    web::{Answer, Facts},
};
use axum::extract::FromRequestParts;
use domain::{
    Error, Result, Timestamp,
    access::Access,
    commit::{Actor, Change, Commit, Kept, Origin, Write},
    id::*,
    organization::Organization,
    password::NewPassword,
    platform::*,
    tenant::{Act, Dossier, House},
    text::Password,
};
use http::request::Parts;
use std::marker::PhantomData;

/// Proof that the caller is an operator of the platform, for one of their duties.
pub struct Operator<D> {
    pub(crate) room: Room,
    roster: Roster,
    account: OperatorAccount,
    session: OperatorSession,
    duty: PhantomData<fn() -> D>,
}

/// Where the platform's own is written.
pub(crate) fn room(backend: &Backend, actor: Actor, origin: Origin, claim: Option<Claim>) -> Room {
    let inner = backend.0.clone();
    let (store, now) = (inner.own.clone(), inner.clock.now());
    Room { inner, store, tenant: Tenant::of_platform(), actor, origin, claim, hooked: false, now }
}

impl<D: Duty> FromRequestParts<App> for Operator<D> {
    type Rejection = Refusal;

    /// Session and roster are read in one call: whoever signed out or was taken out is out at once.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let inner = &app.0.0;
        let now = inner.clock.now();
        let facts = parts.extensions.get::<Facts>().cloned().unwrap_or_default();
        let claims = tokens::verify_operator(&*inner.secrets().await?, bearer(parts)?, now)?;
        let claim = Claim::of_member(&facts, &Tenant::of_platform(), claims.sub.as_str(), now);
        let wanted = [Table::key_item(keys::operator_session(&claims.sub, &claims.sid)), Table::key_item(keys::roster())];
        let also = claim.iter().map(|claim| Table::key_item(claim.key()));
        let (mut session, mut roster, mut kept) = (None, None, None);
        for item in inner.own.table.get_items(wanted.into_iter().chain(also).collect()).await? {
            match text(&item, "kind") {
                Some(OperatorSession::KIND) => session = Some(parse::<OperatorSession>(item)?),
                Some(Roster::KIND) => roster = Some(parse::<Roster>(item)?),
                _ => kept = Some(item),
            }
        }
        let (session, roster) = Option::zip(session, roster).ok_or(Error::Unauthenticated)?;
        let account = roster.find(&claims.sub).filter(|account| session.lets_in(account, now)).ok_or(Error::Unauthenticated)?.clone();
        session.admits::<D>()?;
        if let Some(claim) = &claim {
            let _ = facts.claim.set(claim.clone());
            if let Some(kept) = kept {
                return Err(Refusal::Replay(claim.replay(&kept)?));
            }
        }
        let room = room(&app.0, Actor::operator(&account.id, &account.name), facts.origin, claim);
        Ok(Self { room, roster, account, session, duty: PhantomData })
    }
}

impl<D: Duty> Operator<D> {
    pub fn account(&self) -> &OperatorAccount {
        &self.account
    }

    pub fn session(&self) -> &OperatorSession {
        &self.session
    }

    /// Everybody who runs the platform, as it was read when the caller was let in.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    pub fn now(&self) -> Timestamp {
        self.room.now
    }

    pub fn random(&self) -> u128 {
        self.room.random()
    }

    pub async fn get<R: Kept>(&self, key: Key<R>) -> Result<Option<R>>
    where
        D: Sees<R>,
    {
        self.room.store.table.get(key).await
    }

    pub async fn get_many<R: Kept>(&self, keys: Vec<Key<R>>) -> Result<Vec<R>>
    where
        D: Sees<R>,
    {
        self.room.get_many(keys).await
    }

    /// Everything in a range that is known to be short, up to `limit`.
    pub async fn all<R: Kept>(&self, range: Range<R>, limit: usize) -> Result<Vec<R>>
    where
        D: Sees<R>,
    {
        self.room.all(range, limit, false).await
    }

    /// The last of a range, latest first, up to `limit`.
    pub async fn latest<R: Kept>(&self, range: Range<R>, limit: usize) -> Result<Vec<R>>
    where
        D: Sees<R>,
    {
        self.room.all(range, limit, true).await
    }

    fn check_writes(&self, writes: &[Write]) -> Result<()> {
        match writes.iter().map(|write| write.record().kind()).find(|kind| !D::WRITES.contains(kind)) {
            Some(kind) => Err(Error::internal(format!("{} does not write {kind}", D::NAME))),
            None => Ok(()),
        }
    }

    /// Stores what is the platform's own, with its change on the platform's trail.
    pub async fn commit(&self, commit: Commit) -> Result<()> {
        self.check_writes(&commit.writes)?;
        self.room.execute(commit, None).await.map(drop)
    }

    pub async fn answer(&self, commit: Commit, answer: Answer) -> Result<Answer> {
        self.check_writes(&commit.writes)?;
        self.room.execute(commit, Some(answer)).await?.ok_or_else(|| Error::internal("an answer was lost on its way"))
    }
}

impl Operator<UseOperatorAccount> {
    /// Whether this is the caller's password; refuses whoever has guessed it too often in this minute.
    pub async fn is_password(&self, guess: &Password, kept: &OperatorCredentials) -> Result<bool> {
        let Room { inner, origin, now, .. } = &self.room;
        let (who, hash) = (sha256(self.account.email.as_str().as_bytes()), Some(kept.password_hash.as_str()));
        let guesses = Guesses { table: &inner.own.table, of: &OPERATOR_PASSWORDS, who, address: &origin.address, now: *now };
        Ok(guesses.check(async { Ok(password::verify(guess.reveal(), hash).await?.then_some(())) }).await?.is_some())
    }

    pub async fn hash(&self, password: &NewPassword) -> Result<String> {
        password::hash(password, &self.room.inner.entropy).await
    }
}

impl Operator<ReadPlatformTrail> {
    /// One page of the platform's trail, latest first; of what was done to one organisation, if one is named.
    pub async fn changes(&self, of: Option<OrganizationId>, paging: &Paging) -> Result<Page<Change>> {
        let filter = ChangeFilter { subject: of.map(String::from), user: None };
        self.room.changes(filter, paging, self.roster.opened_at).await
    }
}

impl<D: Sees<Organization> + Sees<Access> + Sees<Dossier>> Operator<D> {
    /// The organisation of this id, by which its keys are made.
    pub fn tenant(&self, organization: &OrganizationId) -> Result<Tenant> {
        // Nobody acts on the platform as if it were an organisation
        if organization.is_platform() { Err(Error::NotFound("organisation")) } else { Ok(Tenant(organization.clone())) }
    }

    /// What holds for an organisation, in one call.
    pub async fn house(&self, id: &OrganizationId) -> Result<House> {
        let tenant = self.tenant(id)?;
        let (mut organization, mut access, mut dossier) = (None, None, None);
        let wanted =
            [Table::key_item(keys::organization(&tenant)), Table::key_item(keys::access(&tenant)), Table::key_item(keys::dossier(id))];
        for item in self.room.store.table.get_items(wanted.into()).await? {
            match text(&item, "kind") {
                Some(Organization::KIND) => organization = Some(parse(item)?),
                Some(Access::KIND) => access = Some(parse(item)?),
                _ => dossier = Some(parse(item)?),
            }
        }
        let (organization, access) = Option::zip(organization, access).ok_or(Error::NotFound("organisation"))?;
        Ok(House { organization, access, dossier: dossier.unwrap_or_else(|| Dossier::empty(id)) })
    }
}

impl Operator<ManageTenants> {
    /// Waits a moment after a lost race.
    pub async fn step_aside(&self, tries: usize) {
        self.room.step_aside(tries).await;
    }

    /// Stores what is done to an organisation, in one transaction: on its trail as done by the platform, on the platform's by whom.
    pub async fn act(&self, tenant: &Tenant, act: Act, answer: Option<Answer>) -> Result<Option<Answer>> {
        self.check_writes(&act.theirs.writes)?;
        self.check_writes(&act.ours.writes)?;
        // Who of the operators it was, and from where, is nothing for the organisation
        let origin = Origin { request: self.room.origin.request.clone(), ..Origin::default() };
        let theirs = Room { tenant: tenant.clone(), actor: Actor::platform(), origin, claim: None, hooked: true, ..self.room.clone() };
        self.room.execute_with(act.ours, Some((&theirs, act.theirs)), answer).await
    }
}
