//! The only door from a request to the table.
//!
//! A handler names the permission it needs as an argument, and that argument is all it has. It is bound to the
//! organisation of the caller's token, reads only the kinds of record its permission names, and writes only through
//! [`Can::commit`], which stores the change beside the records in one transaction.
//!
//! Reading what the permission names compiles:
//! ```
//! use backend::{door::Can, keys};
//! use domain::{Result, id::TaskId, policy::ReadTasks, task::Task};
//! async fn handler(can: Can<ReadTasks>, id: TaskId) -> Result<Option<Task>> {
//!     can.get(keys::task(can.tenant(), &id)).await
//! }
//! ```
//! Reading anything else does not:
//! ```compile_fail
//! use backend::{door::Can, keys};
//! use domain::{Result, billing::Invoice, id::InvoiceId, policy::ReadTasks};
//! async fn handler(can: Can<ReadTasks>, id: InvoiceId) -> Result<Option<Invoice>> {
//!     can.get(keys::invoice(can.tenant(), &id)).await
//! }
//! ```
//! Nor does whoever reads the directory learn when somebody was born:
//! ```compile_fail
//! use backend::{door::Can, keys};
//! use domain::{Result, id::UserId, policy::ReadDirectory, profile::Personal};
//! async fn handler(can: Can<ReadDirectory>, id: UserId) -> Result<Option<Personal>> {
//!     can.get(keys::personal(can.tenant(), &id)).await
//! }
//! ```
//! Another organisation cannot be named, because nobody but the door makes a tenant:
//! ```compile_fail
//! use backend::keys::Tenant;
//! fn other(id: domain::id::OrganizationId) -> Tenant {
//!     Tenant(id)
//! }
//! ```
//! Nor can another person:
//! ```compile_fail
//! fn other(id: domain::id::UserId) -> backend::keys::Me {
//!     backend::keys::Me(id)
//! }
//! ```
//! The state of a router offers nothing:
//! ```compile_fail
//! fn table(app: backend::door::App) {
//!     app.0;
//! }
//! ```
//! Nor is the table itself to be had:
//! ```compile_fail
//! use backend::table::Table;
//! ```
//! A caller who may only read the trail reads nothing else:
//! ```compile_fail
//! use backend::{door::Can, keys};
//! use domain::{Result, policy::ReadAudit, project::Project, id::ProjectId};
//! async fn handler(can: Can<ReadAudit>, id: ProjectId) -> Result<Option<Project>> {
//!     can.get(keys::project(can.tenant(), &id)).await
//! }
//! ```
//! And the trail itself is read by nobody else:
//! ```compile_fail
//! use backend::{door::Can, page::Paging};
//! async fn handler(can: Can<domain::policy::EditTasks>, paging: Paging) {
//!     can.changes(Default::default(), &paging).await;
//! }
//! ```

use crate::{
    Backend, api_keys,
    idempotency::Claim,
    keys::{self, Key, Me, Range, Tenant},
    page::{Page, Paging},
    problem::Problem,
    reach::Reach,
    room::Room,
    table::{Item, Table, parse, text},
    tokens,
    web::{Answer, Facts},
};
use axum::{extract::FromRequestParts, response::IntoResponse, response::Response};
use domain::{
    Error, Result, Timestamp,
    access::Access,
    account::Session,
    api_key::ApiKey,
    commit::{Actor, Commit, Kept, Origin, Write},
    conversation::{Connection, Socket, Ticket, Watch},
    id::*,
    organization::Membership,
    policy::{Grant, Grants, Permission, Reads, Role},
};
use http::{header, request::Parts};
use std::{
    marker::PhantomData,
    sync::atomic::{AtomicBool, Ordering},
};

/// The router's state. It offers a handler nothing.
#[derive(Clone)]
pub struct App(pub(crate) Backend);

/// What a session writes to go on, and to end.
const OF_A_SESSION: [&str; 5] = [Session::KIND, Ticket::KIND, Connection::KIND, Socket::KIND, Watch::KIND];

/// Whether something of this permission is done in a suspended organisation.
fn goes_on(grant: Grant) -> bool {
    matches!(
        grant,
        Grant::UseAccount
            | Grant::EditProfile
            | Grant::UseSession
            | Grant::Converse
            | Grant::Connect
            | Grant::InviteMembers
            | Grant::ManageIntegrations
            | Grant::ManageMembers
            | Grant::ProvisionMembers
            | Grant::RemoveOrganization
    )
}

/// What cuts somebody off.
const CUTS_OFF: [&str; 3] = ["api_key.revoked", "invitation.revoked", "member.deactivated"];

/// What is done there: with what is a person's own, for a session to go on, to cut somebody off, and for the organisation to end.
fn is_still_done(grant: Grant, commit: &Commit) -> bool {
    let mut written = commit.writes.iter().filter(|write| !matches!(write, Write::Hold { .. }));
    match grant {
        Grant::UseAccount | Grant::EditProfile | Grant::RemoveOrganization => true,
        Grant::InviteMembers | Grant::ManageIntegrations | Grant::ManageMembers | Grant::ProvisionMembers => {
            !commit.drafts.is_empty() && commit.drafts.iter().all(|draft| CUTS_OFF.contains(&draft.action))
        }
        grant => written.all(|write| goes_on(grant) && OF_A_SESSION.contains(&write.record().kind())),
    }
}

/// Proof that the caller may do `P` in the organisation of their token.
pub struct Can<P> {
    pub(crate) pass: Pass,
    pub(crate) room: Room,
    pub(crate) membership: Membership,
    access: Access,
    grants: Grants,
    pub(crate) reach: Reach,
    /// Absent when it is a program that acts.
    session: Option<Session>,
    permission: PhantomData<fn() -> P>,
}

/// Why a request goes no further: it may not, or it was answered before.
pub enum Refusal {
    Problem(Problem),
    Replay(Answer),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Problem(Problem(error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Replay(answer) => answer.into_response(),
        }
    }
}

impl<P> Clone for Can<P> {
    fn clone(&self) -> Self {
        let Self { pass, room, membership, access, grants, reach, session, permission } = self;
        let (pass, room, membership, access) = (pass.clone(), room.clone(), membership.clone(), access.clone());
        Self {
            pass,
            room,
            membership,
            access,
            grants: grants.clone(),
            reach: reach.clone(),
            session: session.clone(),
            permission: *permission,
        }
    }
}

/// Whom a token names, and what it shows for it.
#[derive(Clone)]
pub(crate) struct Pass {
    pub(crate) user: UserId,
    pub(crate) organization: OrganizationId,
    pub(crate) proof: Proof,
}

#[derive(Clone)]
pub(crate) enum Proof {
    Session(SessionId),
    /// A program's, with the hash of what it showed.
    Key(ApiKeyId, String),
}

impl Pass {
    pub(crate) fn of_session(user: &UserId, organization: &OrganizationId, session: &SessionId) -> Self {
        Self { user: user.clone(), organization: organization.clone(), proof: Proof::Session(session.clone()) }
    }

    /// Under whose name what was done once is kept.
    fn who(&self) -> &str {
        match &self.proof {
            Proof::Session(_) => self.user.as_str(),
            Proof::Key(key, _) => key.as_str(),
        }
    }
}

/// What let a caller in.
pub(crate) enum Opener {
    Session(Session),
    Key(ApiKey),
}

/// A caller whose session or key, and membership, were read and hold.
pub(crate) struct Caller {
    pass: Pass,
    pub(crate) room: Room,
    pub(crate) membership: Membership,
    pub(crate) access: Access,
    pub(crate) opener: Opener,
    /// What else was asked for in the same read.
    pub(crate) found: Vec<Item>,
}

impl Caller {
    /// Reads session or key, and membership, and whatever else is wanted, in one call.
    pub(crate) async fn identify(backend: &Backend, pass: &Pass, origin: Origin, also: Vec<Item>) -> Result<Self> {
        let inner = &backend.0;
        let now = inner.clock.now();
        let Pass { user, organization, proof } = pass;
        let (tenant, me) = (Tenant(organization.clone()), Me(user.clone()));
        let opener = match proof {
            Proof::Session(session) => Table::key_item(keys::session(&me, session)),
            Proof::Key(key, _) => Table::key_item(keys::api_key(&tenant, key)),
        };
        let wanted = [opener, Table::key_item(keys::member(&tenant, user)), Table::key_item(keys::access(&tenant))];
        let (mut session, mut key, mut membership, mut access, mut found) = (None, None, None, Access::default(), Vec::new());
        for item in inner.own.table.get_items(wanted.into_iter().chain(also).collect()).await? {
            match text(&item, "kind") {
                Some(Session::KIND) => session = Some(parse::<Session>(item)?),
                Some(ApiKey::KIND) => key = Some(parse::<ApiKey>(item)?),
                Some(Access::KIND) => access = parse(item)?,
                Some(Membership::KIND) if text(&item, "user") == Some(user.as_str()) => membership = Some(parse::<Membership>(item)?),
                _ => found.push(item),
            }
        }
        let membership = membership.filter(|_| !access.is_closed()).ok_or(Error::Unauthenticated)?;
        let opener = match (proof, session, key) {
            (Proof::Session(_), Some(session), _) if session.is_alive(now) && membership.lets_in(&session) && access.lets_in(&session) => {
                Opener::Session(session)
            }
            (Proof::Key(_, hash), _, Some(key)) if key.admits(hash, now).is_some_and(|secret| membership.lets_in_with(secret)) => {
                Opener::Key(key)
            }
            _ => return Err(Error::Unauthenticated),
        };
        let actor = match &opener {
            Opener::Session(_) => Actor::person(user, &membership.name),
            Opener::Key(key) => Actor::program(key, user, &membership.name),
        };
        let store = inner.store_of(&tenant).await?;
        Ok(Self {
            pass: pass.clone(),
            room: Room { inner: inner.clone(), store, tenant, actor, origin, claim: None, hooked: access.webhooks > 0, now },
            membership,
            access,
            opener,
            found,
        })
    }

    pub(crate) async fn can<P: Permission>(self) -> Result<Can<P>> {
        let grants = self.access.grants(&self.membership);
        let grants = match &self.opener {
            Opener::Session(_) if !P::GRANT.is_for_people() => return Err(Error::KeysOnly),
            Opener::Key(_) if !P::GRANT.is_for_keys() => return Err(Error::PeopleOnly),
            Opener::Session(_) => grants,
            Opener::Key(key) => grants.shared_with(&key.permissions),
        };
        self.check_opener(P::GRANT).await?;
        let reach = self.reach::<P>(&grants).await?;
        let Self { pass, room, membership, access, opener, .. } = self;
        let session = match opener {
            Opener::Session(session) => Some(session),
            Opener::Key(_) => None,
        };
        // A key is given and taken by those who are asked themselves
        if let Some(session) = &session {
            access.admits(session, &membership, P::GRANT)?;
        }
        Ok(Can { pass, room, membership, access, grants, reach, session, permission: PhantomData })
    }

    /// A session that an organisation's provider opened is for what is that organisation's. Whoever runs the provider could be in it.
    async fn check_opener(&self, grant: Grant) -> Result<()> {
        let Opener::Session(Session { through: Some(_), .. }) = &self.opener else { return Ok(()) };
        let ours = match grant {
            Grant::UseAccount => false,
            Grant::EditProfile => self.room.has_only(&self.membership).await?,
            _ => true,
        };
        if ours { Ok(()) } else { Err(Error::OwnLoginNeeded) }
    }

    /// Notes that a key was used. What cannot be noted is no reason to refuse what it is used for.
    async fn note_use(&self) {
        if let Opener::Key(key) = &self.opener
            && let Some(commit) = key.used(self.room.now)
            && let Err(error) = self.room.execute(commit, None).await
        {
            tracing::warn!(key = key.id.as_str(), %error, "the use of a key could not be noted");
        }
    }
}

pub(crate) fn bearer(parts: &Parts) -> Result<&str> {
    let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or(Error::Unauthenticated)?;
    let (scheme, token) = value.split_once(' ').ok_or(Error::Unauthenticated)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(Error::Unauthenticated) }
}

impl<P: Permission> FromRequestParts<App> for Can<P> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let inner = &app.0.0;
        let facts = parts.extensions.get::<Facts>().cloned().unwrap_or_default();
        let token = bearer(parts)?;
        let pass = match api_keys::read(token)? {
            Some(pass) => pass,
            None => tokens::verify(&*inner.secrets().await?, token, inner.clock.now())?.pass(),
        };
        let claim = Claim::of_member(&facts, &Tenant(pass.organization.clone()), pass.who(), inner.clock.now());
        let also = claim.iter().map(|claim| Table::key_item(claim.key())).collect();
        let mut caller = Caller::identify(&app.0, &pass, facts.origin, also).await?;
        let _ = facts.organization.set(pass.organization.clone());
        tracing::Span::current().record("organization", pass.organization.as_str());
        caller.note_use().await;
        let kept = std::mem::take(&mut caller.found).pop();
        caller.room.claim = claim;
        let can = caller.can::<P>().await?;
        // Before anything is done for it, unless it may be for a session to go on; then what it writes decides
        if !parts.method.is_safe() && !P::WRITES.is_empty() && !goes_on(P::GRANT) {
            can.check_open()?;
        }
        if let Some(claim) = &can.room.claim {
            let _ = facts.claim.set(claim.clone());
        }
        match (&can.room.claim, kept) {
            (Some(claim), Some(kept)) => Err(Refusal::Replay(claim.replay(&kept)?)),
            _ => Ok(can),
        }
    }
}

impl<P: Permission> Can<P> {
    pub fn tenant(&self) -> &Tenant {
        &self.room.tenant
    }

    pub fn me(&self) -> Me {
        Me(self.membership.user.clone())
    }

    pub fn user(&self) -> &UserId {
        &self.membership.user
    }

    /// The caller as others are told of them: a program by its own name.
    pub fn name(&self) -> &str {
        &self.room.actor.name
    }

    pub fn role(&self) -> Role {
        self.membership.role
    }

    /// The caller's own membership, as it was read when they were let in.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// All that the caller may everywhere, as it was read when they were let in.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Who may do what in this organisation, as it was read when the caller was let in.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The session of a person; a program has none.
    pub fn session(&self) -> Result<&Session> {
        self.session.as_ref().ok_or(Error::PeopleOnly)
    }

    pub fn now(&self) -> Timestamp {
        self.room.now
    }

    pub fn random(&self) -> u128 {
        self.room.random()
    }

    /// Waits for the others of this process who want the same record, so that they do not race each other for nothing.
    /// Those of other processes are met by the record's version.
    pub async fn turn(&self, of: &str) -> tokio::sync::MutexGuard<'_, ()> {
        let turns = &self.room.inner.turns;
        turns[keys::shard(of, turns.len() as u32) as usize].lock().await
    }

    /// Waits a moment after a lost race.
    pub async fn step_aside(&self, tries: usize) {
        self.room.step_aside(tries).await;
    }

    pub async fn get<R: Kept>(&self, key: Key<R>) -> Result<Option<R>>
    where
        P: Reads<R>,
    {
        let found = self.room.store.table.get(key).await?;
        Ok(found.filter(|record| self.sees(record)))
    }

    pub(crate) fn sees<R: Kept>(&self, record: &R) -> bool {
        self.reach.sees(&self.room.tenant, record)
    }

    /// The record somebody asked for by its id.
    pub async fn find<R: Kept>(&self, key: Key<R>, what: &'static str) -> Result<R>
    where
        P: Reads<R>,
    {
        self.get(key).await?.ok_or(Error::NotFound(what))
    }

    /// Reads several records in one call, in the order of their keys; absent ones are left out.
    pub async fn get_many<R: Kept>(&self, keys: Vec<Key<R>>) -> Result<Vec<R>>
    where
        P: Reads<R>,
    {
        let mut found = self.room.get_many(keys).await?;
        found.retain(|record| self.sees(record));
        Ok(found)
    }

    /// One page of a range.
    pub async fn list<R: Kept>(&self, range: Range<R>, paging: &Paging, descending: bool) -> Result<Page<R>>
    where
        P: Reads<R>,
    {
        self.list_where(range, paging, descending, |_| true).await
    }

    /// One page of what fits in a range. A filter that fits little reads a bounded number of pages and says where to go on.
    pub async fn list_where<R: Kept>(
        &self,
        range: Range<R>,
        paging: &Paging,
        descending: bool,
        fits: impl Fn(&R) -> bool + Send,
    ) -> Result<Page<R>>
    where
        P: Reads<R>,
    {
        self.reach.check_kind::<R>()?;
        let outside = &AtomicBool::new(false);
        let fits = move |record: &R| {
            let within = self.sees(record);
            outside.fetch_or(!within, Ordering::Relaxed);
            within && fits(record)
        };
        let page = self.room.list(range, paging, descending, fits).await?;
        // A cursor would tell that there is something
        Ok(if outside.load(Ordering::Relaxed) { Page { items: Vec::new(), next: None } } else { page })
    }

    /// Everything in a range that is known to be short, up to `limit`.
    pub async fn all<R: Kept>(&self, range: Range<R>, limit: usize) -> Result<Vec<R>>
    where
        P: Reads<R>,
    {
        let mut found = self.room.all(range, limit, false).await?;
        found.retain(|record| self.sees(record));
        Ok(found)
    }

    /// The last of a range, latest first, up to `limit`.
    pub async fn latest<R: Kept>(&self, range: Range<R>, limit: usize) -> Result<Vec<R>>
    where
        P: Reads<R>,
    {
        let mut found = self.room.all(range, limit, true).await?;
        found.retain(|record| self.sees(record));
        Ok(found)
    }

    /// Stores the records and their change in one transaction.
    pub async fn commit(&self, commit: Commit) -> Result<()> {
        self.check_writes(&commit).await?;
        self.room.execute(commit, None).await.map(drop)
    }

    /// Stores, and answers; the same request made again gets the same answer and does nothing.
    pub async fn answer(&self, commit: Commit, answer: Answer) -> Result<Answer> {
        self.check_writes(&commit).await?;
        self.room.execute(commit, Some(answer)).await?.ok_or_else(|| Error::internal("an answer was lost on its way"))
    }

    /// Stores, and answers with what is shown this once: the same request made again is answered without it.
    pub async fn answer_once(&self, commit: Commit, shown: Answer, kept: Answer) -> Result<Answer> {
        let location = kept.location.clone();
        let given = self.answer(commit, kept).await?;
        Ok(if given.location == location { shown } else { given })
    }

    /// While the organisation is suspended, nothing is written but what keeps a session going.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.access.check_open()
    }

    async fn check_writes(&self, commit: &Commit) -> Result<()> {
        if !is_still_done(P::GRANT, commit) {
            self.check_open()?;
        }
        match commit.writes.iter().map(|write| write.record().kind()).find(|kind| !P::WRITES.contains(kind)) {
            Some(kind) => Err(Error::internal(format!("{} does not write {kind}", P::NAME))),
            None => {
                self.reach.check_writes(&self.room.tenant, commit, &self.membership)?;
                self.check_gifts(commit).await
            }
        }
    }
}
