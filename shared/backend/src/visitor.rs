//! The door of those who have no token yet: sign-up, login, refresh, an invitation's link.
//!
//! Only the identity function takes it. What it may do is what the routes without a token need and nothing more.

use crate::{
    Backend,
    door::{App, Refusal},
    guesses::{Guesses, PASSWORDS},
    idempotency::Claim,
    keys::{self, Key, Me, Range, Tenant},
    password,
    room::Room,
    secrets::sha256,
    table::{Walk, parse},
    tokens,
    web::{Answer, Facts},
};
use axum::extract::FromRequestParts;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Error, Result, Timestamp,
    access::Access,
    account::{Challenge, Credentials, EmailOwner, ResetAsk, Session, User},
    commit::{Actor, Commit, Kept, Origin},
    id::*,
    invitation::{Invitation, Invited},
    limits,
    organization::{Everyone, JoinCode, Membership, Organization, Standing},
    passkey::Passkey,
    password::NewPassword,
    platform::OperatorInvitation,
    provider::{Link, Provider, SubjectOwner},
    second_factor::SecondFactor,
    settings::{Demands, Settings},
    structure::Structure,
    text::Email,
};
use http::request::Parts;
use serde_json::Value;

/// Kinds of record that are read before anybody has proved who they are.
pub trait BeforeLogin: Kept {}
impl BeforeLogin for EmailOwner {}
impl BeforeLogin for User {}
impl BeforeLogin for Credentials {}
impl BeforeLogin for SecondFactor {}
impl BeforeLogin for Passkey {}
impl BeforeLogin for Session {}
impl BeforeLogin for Membership {}
impl BeforeLogin for Organization {}
impl BeforeLogin for Invitation {}
impl BeforeLogin for Invited {}
impl BeforeLogin for Everyone {}
impl BeforeLogin for Access {}
impl BeforeLogin for JoinCode {}
impl BeforeLogin for Settings {}
impl BeforeLogin for Structure {}
impl BeforeLogin for Provider {}
impl BeforeLogin for Link {}
impl BeforeLogin for SubjectOwner {}

/// Kinds of record that are a person's and no organisation's, or by which they get in.
const PERSONAL: [&str; 9] = [
    User::KIND,
    EmailOwner::KIND,
    Credentials::KIND,
    SecondFactor::KIND,
    Passkey::KIND,
    Session::KIND,
    ResetAsk::KIND,
    Link::KIND,
    SubjectOwner::KIND,
];

/// Somebody without a token.
pub struct Visitor {
    pub(crate) backend: Backend,
    pub(crate) facts: Facts,
    pub(crate) claim: Option<Claim>,
    pub(crate) now: Timestamp,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let inner = &app.0.0;
        let facts = parts.extensions.get::<Facts>().cloned().unwrap_or_default();
        let now = inner.clock.now();
        let claim = Claim::of_visitor(&facts, now);
        if let Some(claim) = &claim {
            let _ = facts.claim.set(claim.clone());
            if let Some(kept) = inner.own.table.get_item(claim.key()).await? {
                return Err(Refusal::Replay(claim.replay(&kept)?));
            }
        }
        Ok(Self { backend: app.0.clone(), facts, claim, now })
    }
}

impl Visitor {
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub fn random(&self) -> u128 {
        self.backend.0.entropy.number()
    }

    pub fn origin(&self) -> &Origin {
        &self.facts.origin
    }

    pub fn person(&self, user: &UserId) -> Me {
        Me(user.clone())
    }

    pub fn organization(&self, organization: &OrganizationId) -> Tenant {
        Tenant(organization.clone())
    }

    pub async fn get<R: BeforeLogin>(&self, key: Key<R>) -> Result<Option<R>> {
        self.backend.0.own.table.get(key).await
    }

    /// Everything in a short range of a person's own.
    pub(crate) async fn own<R: BeforeLogin>(&self, range: Range<R>, limit: usize) -> Result<Vec<R>> {
        let found = self.backend.0.own.table.query(&range, Walk { descending: false, limit, after: None }).await?;
        found.items.into_iter().map(parse).collect()
    }

    fn room(&self, tenant: &Tenant, actor: Actor) -> Room {
        Room {
            inner: self.backend.0.clone(),
            store: self.backend.0.own.clone(),
            tenant: tenant.clone(),
            actor,
            origin: self.facts.origin.clone(),
            claim: self.claim.clone(),
            hooked: true,
            now: self.now,
        }
    }

    /// What is a person's own goes on while an organisation is suspended; what is the organisation's does not.
    async fn check_open(&self, tenant: &Tenant, commit: &Commit) -> Result<()> {
        let mut kinds = commit.writes.iter().map(|write| write.record().kind());
        // What replaces the record that says so was decided by it
        if kinds.clone().all(|kind| PERSONAL.contains(&kind)) || kinds.any(|kind| kind == Access::KIND) {
            return Ok(());
        }
        self.get(keys::access(tenant)).await?.map_or(Ok(()), |access| access.check_open())
    }

    /// Stores in the name of the person a sign-up or login just made known.
    pub async fn commit(&self, tenant: &Tenant, actor: Actor, commit: Commit) -> Result<()> {
        self.check_open(tenant, &commit).await?;
        self.room(tenant, actor).execute(commit, None).await.map(drop)
    }

    pub async fn answer(&self, tenant: &Tenant, actor: Actor, commit: Commit, answer: Answer) -> Result<Answer> {
        self.check_open(tenant, &commit).await?;
        self.room(tenant, actor).execute(commit, Some(answer)).await?.ok_or_else(|| Error::internal("an answer was lost on its way"))
    }

    pub async fn hash(&self, password: &NewPassword) -> Result<String> {
        password::hash(password, &self.backend.0.entropy).await
    }

    pub async fn refresh_token(&self, session: &SessionId, user: &UserId) -> Result<(String, String)> {
        self.backend.0.refresh_token(session, user).await
    }

    /// The person, the session and the hash that a refresh token of ours names.
    pub async fn read_refresh_token(&self, token: &str) -> Result<Option<(UserId, SessionId, String)>> {
        let secrets = self.backend.0.secrets().await?;
        let Some((token, _)) = token.rsplit_once('.').filter(|(token, mark)| secrets.is_mark("refresh", &[token], mark)) else {
            return Ok(None);
        };
        let mut parts = token.split('.');
        let (user, session) = (parts.next().and_then(|id| id.parse().ok()), parts.next().and_then(|id| id.parse().ok()));
        let hash = parts.next().map(|secret| sha256(secret.as_bytes()));
        Ok(user.zip(session).zip(hash).map(|((user, session), hash)| (user, session, hash)))
    }

    pub async fn access_token(&self, session: &Session) -> Result<String> {
        self.backend.0.access_token(session, self.now).await
    }

    /// The public keys access tokens are verified with.
    pub async fn jwks(&self) -> Result<Value> {
        Ok(tokens::jwks(&*self.backend.0.secrets().await?))
    }

    /// Whether this is the account's password; refuses whoever has guessed too often in this minute, by account or by address.
    pub async fn is_password(&self, email: &Email, guess: &str, kept: Option<&Credentials>) -> Result<bool> {
        let (who, hash) = (sha256(email.as_str().as_bytes()), kept.map(|kept| kept.password_hash.as_str()));
        let guesses = Guesses { table: &self.backend.0.own.table, of: &PASSWORDS, who, address: &self.facts.origin.address, now: self.now };
        Ok(guesses.check(async { Ok(password::verify(guess, hash).await?.then_some(())) }).await?.is_some())
    }

    /// A password that was just found right, hashed as passwords are now, if it was hashed at a lower cost.
    pub async fn hash_anew(&self, right: &str, kept: &Credentials) -> Result<Option<String>> {
        password::hash_anew(right, &kept.password_hash, &self.backend.0.entropy).await
    }

    async fn count_in_hour(&self, what: &str, who: &str, most: u32) -> Result<()> {
        count_in_hour(&self.backend, self.now, what, who, most).await
    }

    /// Counts a sign-in through a provider, before it is known whether there is such a one.
    pub async fn count_provider_sign_in(&self) -> Result<()> {
        self.count_in_hour("PROVIDER_FROM", &self.facts.origin.address, limits::PROVIDER_SIGN_INS_PER_ADDRESS).await
    }

    /// Counts a sign-up from this address and refuses when there were too many in this hour.
    pub async fn count_sign_up(&self) -> Result<()> {
        self.count_in_hour("SIGN_UP", &self.facts.origin.address, limits::SIGN_UPS_PER_ADDRESS).await
    }

    /// Keeps that a new password was asked for, the same way for every address.
    pub async fn ask_for_reset(&self, email: Email) -> Result<()> {
        self.count_in_hour("RESET_FROM", &self.facts.origin.address, limits::RESETS_PER_ADDRESS).await?;
        self.count_in_hour("RESET", &sha256(email.as_str().as_bytes()), limits::RESETS).await?;
        let ask = ResetAsk::new(email, self.now);
        self.backend.0.own.table.put(keys::reset_ask(&ask.email), &ask).await
    }

    /// Counts that somebody asked to join, before it is known whether the code is good.
    pub async fn count_join(&self, email: &Email) -> Result<()> {
        self.count_in_hour("JOIN_FROM", &self.facts.origin.address, limits::JOINS_PER_ADDRESS).await?;
        self.count_in_hour("JOIN", &sha256(email.as_str().as_bytes()), limits::JOINS).await
    }

    /// Counts that somebody asks to join, in an organisation whose administrators are told of each.
    pub async fn count_asking(&self, tenant: &Tenant) -> Result<()> {
        self.count_in_hour("JOIN_IN", tenant.id().as_str(), limits::JOINS_IN_ONE).await
    }

    /// Whether an address is that of somebody who is in the organisation.
    pub async fn is_member(&self, tenant: &Tenant, email: &Email) -> Result<bool> {
        let Some(owner) = self.get(keys::email_owner(email)).await? else { return Ok(false) };
        let member: Option<Membership> = self.get(keys::member(tenant, &owner.user)).await?;
        Ok(member.is_some_and(|member| member.standing != Standing::Removed))
    }

    /// Where a person is let in, if anywhere; where they were before, rather than where they were put since.
    pub async fn place_of(&self, me: &Me) -> Result<Option<Membership>> {
        let mut places = self.own(keys::memberships(me), limits::ORGANIZATIONS_OF_ONE).await?;
        places.retain(|place: &Membership| place.standing == Standing::Active);
        places.sort_by_key(|place| !place.accepted);
        Ok(places.into_iter().next())
    }

    /// What a person's organisations ask of a password.
    pub async fn demands(&self, home: &Tenant, me: &Me) -> Result<Demands> {
        self.room(home, Actor::system()).demands(me).await
    }

    /// Refuses an address for a person that an organisation of theirs would not have.
    pub async fn check_address(&self, home: &Tenant, me: &Me, email: &Email) -> Result<()> {
        self.room(home, Actor::system()).check_address(me, email).await
    }

    /// The open sessions of a person.
    pub async fn open_sessions(&self, home: &Tenant, me: &Me) -> Result<Vec<Session>> {
        let sessions: Vec<Session> = self.room(home, Actor::system()).all(keys::sessions(me), limits::SESSIONS, true).await?;
        Ok(sessions.into_iter().filter(|session| session.is_alive(self.now)).collect())
    }

    /// The invitation a link stands for, and which of its links it is: `None` for anything that is not a link of ours.
    pub async fn read_invitation_link(&self, link: &str) -> Result<Option<(OrganizationId, InvitationId, u32)>> {
        let Some([organization, invitation, number]) = self.backend.read_link("invitation", link).await? else { return Ok(None) };
        Ok(organization
            .parse()
            .ok()
            .zip(invitation.parse().ok())
            .zip(number.parse().ok())
            .map(|((organization, invitation), number)| (organization, invitation, number)))
    }

    /// What somebody who gave the right password is asked for next. It is derived, never stored, and holds on this device only.
    pub async fn challenge(&self, challenge: &Challenge) -> Result<String> {
        let Challenge { user, organization, session, credentials, ends_at } = challenge;
        let (credentials, second, device) = (credentials.to_string(), ends_at.as_second().to_string(), self.device());
        let parts = [user.as_str(), organization.as_str(), session.as_str(), &credentials, &second, &device];
        self.backend.link("second-factor", &parts).await
    }

    /// Of an address nothing is asked: a phone changes it between two requests.
    fn device(&self) -> String {
        sha256(self.facts.origin.device.as_bytes())
    }

    /// The challenge, if it is one of ours, given to this device, and not too old.
    pub async fn read_challenge(&self, text: &str) -> Result<Option<Challenge>> {
        let Some([user, organization, session, credentials, second, device]) = self.backend.read_link("second-factor", text).await? else {
            return Ok(None);
        };
        let ends_at = second.parse().ok().and_then(|second| Timestamp::from_second(second).ok());
        let (Ok(user), Ok(organization), Ok(session), Ok(credentials), Some(ends_at)) =
            (user.parse(), organization.parse(), session.parse(), credentials.parse(), ends_at)
        else {
            return Ok(None);
        };
        let challenge = Challenge { user, organization, session, credentials, ends_at };
        Ok(Some(challenge).filter(|challenge| self.now < challenge.ends_at && device == self.device()))
    }

    /// The person and address an email link stands for, while it is good.
    pub async fn read_email_link(&self, link: &str) -> Result<Option<(UserId, Email)>> {
        let Some([user, email, second]) = self.backend.read_link("email", link).await? else { return Ok(None) };
        Ok(user.parse().ok().zip(email.parse().ok()).filter(|_| self.is_before(&second)))
    }

    /// The person, their address and the state of their password a link for a new one stands for, while it is good.
    pub async fn read_reset_link(&self, link: &str) -> Result<Option<(UserId, Email, u64)>> {
        let Some([user, email, version, second]) = self.backend.read_link("reset", link).await? else { return Ok(None) };
        let parts = user.parse().ok().zip(email.parse().ok()).zip(version.parse().ok());
        Ok(parts.map(|((user, email), version)| (user, email, version)).filter(|_| self.is_before(&second)))
    }

    fn is_before(&self, second: &str) -> bool {
        second.parse().is_ok_and(|second| self.now.as_second() < second)
    }
}

/// Counts what was asked and refuses when it was asked too often in this hour.
pub(crate) async fn count_in_hour(backend: &Backend, now: Timestamp, what: &str, who: &str, most: u32) -> Result<()> {
    count_within(backend, now, 3600, what, who, most).await
}

/// The same in so many seconds.
pub(crate) async fn count_within(backend: &Backend, now: Timestamp, seconds: i64, what: &str, who: &str, most: u32) -> Result<()> {
    let second = now.as_second();
    match backend.0.own.table.count(keys::attempts(what, who, second / seconds), 1, second + 2 * seconds).await? {
        count if count > most.into() => Err(Error::TooMany { seconds: (seconds - second.rem_euclid(seconds)) as u32 }),
        _ => Ok(()),
    }
}

impl Backend {
    /// What a link of a mail carries. It is derived, never stored: who reads the table cannot follow it.
    pub(crate) async fn link(&self, purpose: &str, parts: &[&str]) -> Result<String> {
        let payload = URL_SAFE_NO_PAD.encode(parts.join("\n"));
        Ok(format!("{payload}.{}", self.0.secrets().await?.mark(purpose, &[&payload])))
    }

    pub(crate) async fn read_link<const N: usize>(&self, purpose: &str, link: &str) -> Result<Option<[String; N]>> {
        let secrets = self.0.secrets().await?;
        let Some((payload, mark)) = link.split_once('.') else { return Ok(None) };
        if !secrets.is_mark(purpose, &[payload], mark) {
            return Ok(None);
        }
        let parts = URL_SAFE_NO_PAD.decode(payload).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(parts.and_then(|text| text.split('\n').map(str::to_owned).collect::<Vec<_>>().try_into().ok()))
    }

    pub async fn operator_link(&self, invitation: &OperatorInvitation) -> Result<String> {
        self.link("operator", &[invitation.id.as_str(), invitation.email.as_str()]).await
    }

    pub async fn invitation_link(&self, invitation: &Invitation) -> Result<String> {
        self.link("invitation", &[invitation.organization.as_str(), invitation.id.as_str(), &invitation.link_number.to_string()]).await
    }

    /// It works until the password or the address is another one.
    pub async fn reset_link(&self, user: &User, credentials: &Credentials, ends: Timestamp) -> Result<String> {
        let (version, ends) = (credentials.version.to_string(), ends.as_second().to_string());
        self.link("reset", &[user.id.as_str(), user.email.as_str(), &version, &ends]).await
    }

    /// The account an address belongs to, for a worker that was asked by address.
    pub async fn account_of(&self, email: &Email) -> Result<Option<User>> {
        let table = &self.0.own.table;
        match table.get(keys::email_owner(email)).await? {
            Some(owner) => table.get(keys::user(&Me(owner.user))).await,
            None => Ok(None),
        }
    }

    pub async fn email_link(&self, user: &UserId, email: &Email, ends: Timestamp) -> Result<String> {
        self.link("email", &[user.as_str(), email.as_str(), &ends.as_second().to_string()]).await
    }
}
