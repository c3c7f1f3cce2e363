//! A person's account: who they are, how they prove it, and their sessions.

use crate::{
    Error, Result, Timestamp,
    commit::{Commit, Write},
    hours::QuietHours,
    id::*,
    limits,
    notification::Reason,
    organization::{Membership, Standing},
    passkey::Passkey,
    policy::Role,
    preferences::{ChannelsEdit, Preferences},
    second_factor::SecondFactor,
    text::*,
};
use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct User {
    pub id: UserId,
    pub name: Line,
    pub email: Email,
    pub email_verified: bool,
    /// Another address that was asked for, until the link of its mail is followed.
    pub new_email: Option<NewEmail>,
    pub phone: Option<Phone>,
    pub date_of_birth: Option<Date>,
    pub picture: Option<PictureId>,
    pub zone: Zone,
    pub locale: Locale,
    /// While these last, mails about work wait; the inbox does not.
    pub quiet_hours: Option<QuietHours>,
    pub notifications: Preferences,
    /// The organisation a login opens.
    pub home: OrganizationId,
    pub created_at: Timestamp,
    pub version: u64,
}

/// An address that somebody asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewEmail {
    pub email: Email,
    /// Until when its link is good.
    pub expires_at: Timestamp,
}

/// What a person may change about themselves; what is absent stays, and `null` clears what may be empty.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub name: Option<Name>,
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Phone>)]
    pub phone: Option<Option<Phone>>,
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Date>)]
    pub date_of_birth: Option<Option<Date>>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub zone: Option<Zone>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub locale: Option<Locale>,
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<QuietHours>)]
    pub quiet_hours: Option<Option<QuietHours>>,
    /// Kinds of events and channels that are absent stay as they are.
    #[serde(default)]
    pub notifications: BTreeMap<Reason, ChannelsEdit>,
}

/// An address, and whether it was proved, as the trail keeps them.
#[derive(Serialize, Deserialize)]
pub struct Proved {
    pub email: Email,
    pub email_verified: bool,
}

/// What a profile says to others; the rest stands in no trail.
#[derive(PartialEq, Serialize)]
struct Shown<'a> {
    name: &'a Line,
    phone: &'a Option<Phone>,
    picture: &'a Option<PictureId>,
    zone: &'a Zone,
    locale: &'a Locale,
}

impl User {
    pub fn new(id: UserId, name: Line, email: Email, zone: Zone, home: OrganizationId, now: Timestamp) -> Self {
        Self {
            id,
            name,
            email,
            email_verified: false,
            new_email: None,
            phone: None,
            date_of_birth: None,
            picture: None,
            zone,
            locale: Locale::default(),
            quiet_hours: None,
            notifications: Preferences::default(),
            home,
            created_at: now,
            version: 1,
        }
    }

    /// Who has not proved their address is let in where they signed up, and nowhere that others put them by it.
    pub fn check_proved(&self, place: &Membership) -> Result<()> {
        if !self.has(place) {
            return Err(Error::Conflict("this place was given to the address that you had before".to_owned()));
        }
        match self.email_verified || self.home == place.organization {
            true => Ok(()),
            false => Err(Error::Conflict("confirm your address first, by the link of the mail that was sent to it".to_owned())),
        }
    }

    /// Whether a place is theirs. Until it is taken, it is for whoever has the address it was given to.
    pub fn has(&self, place: &Membership) -> bool {
        place.accepted || place.email == self.email
    }

    /// Without what waited too long.
    #[must_use]
    pub fn as_seen(self, now: Timestamp) -> Self {
        Self { new_email: self.new_email.filter(|new| now < new.expires_at), ..self }
    }

    pub fn joins(&self, organization: &OrganizationId, role: Role, department: Option<DepartmentId>, now: Timestamp) -> Membership {
        Membership {
            user: self.id.clone(),
            organization: organization.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            role,
            roles: Vec::new(),
            groups: Vec::new(),
            standing: Standing::Active,
            title: None,
            picture: self.picture.clone(),
            skills: Vec::new(),
            department,
            teams: Vec::new(),
            posts: Vec::new(),
            joined_at: now,
            admitted_at: now,
            accepted: true,
            version: 1,
        }
    }

    fn shown(&self) -> Shown<'_> {
        Shown { name: &self.name, phone: &self.phone, picture: &self.picture, zone: &self.zone, locale: &self.locale }
    }

    /// Edits the profile; every organisation the person belongs to follows.
    pub fn edit(self, edit: ProfileEdit, now: Timestamp) -> Result<(Self, Commit)> {
        let after = Self {
            name: edit.name.map_or_else(|| self.name.clone(), Line::from),
            phone: edit.phone.unwrap_or_else(|| self.phone.clone()),
            date_of_birth: edit.date_of_birth.unwrap_or(self.date_of_birth),
            zone: edit.zone.unwrap_or_else(|| self.zone.clone()),
            locale: edit.locale.unwrap_or_else(|| self.locale.clone()),
            quiet_hours: edit.quiet_hours.unwrap_or_else(|| self.quiet_hours.clone()),
            notifications: self.notifications.clone().edit(edit.notifications),
            version: self.version + 1,
            ..self.clone()
        };
        let today = now.to_zoned(after.zone.time_zone()).date();
        if after.date_of_birth.is_some_and(|born| born < date(1900, 1, 1) || born > today) {
            return Err(Error::invalid("/date_of_birth", "is not between 1900 and today"));
        }
        if (Self { version: self.version, ..after.clone() }) == self {
            return Ok((self, Commit::quiet()));
        }
        let commit = self.become_one(&after);
        Ok((after, commit))
    }

    fn become_one(&self, after: &Self) -> Commit {
        let commit = if self.shown() == after.shown() {
            Commit::noted("profile.edited", after)
        } else {
            Commit::part("profile.edited", "user", &self.id, Some(&self.shown()), Some(&after.shown()))
        };
        commit.also_replace(self.version, after.clone())
    }

    /// With this picture, or with none.
    pub fn show(&self, picture: Option<PictureId>) -> Commit {
        self.become_one(&Self { picture, version: self.version + 1, ..self.clone() })
    }

    /// The address that is to be confirmed, if one is: the one that was asked for, or the one that was signed up with. A mail that
    /// is asked for now has a link that is good until then.
    pub fn unconfirmed_email(&self, now: Timestamp) -> Option<NewEmail> {
        let own = || NewEmail { email: self.email.clone(), expires_at: now + limits::EMAIL_TOKEN };
        let asked = self.new_email.clone().filter(|new| now < new.expires_at);
        asked.or_else(|| (!self.email_verified).then(own))
    }

    /// Asks for another mail to confirm the address.
    pub fn ask_to_confirm(&self) -> Commit {
        Commit::noted("profile.confirmation_asked", self)
    }

    /// Asks for another address. The one they have takes back what was asked for before.
    pub fn ask_for_email(self, email: Email, now: Timestamp) -> Commit {
        let new_email = (email != self.email).then(|| NewEmail { email, expires_at: now + limits::EMAIL_TOKEN });
        let action = match (&self.new_email, &new_email) {
            (None, None) => return Commit::quiet(),
            (Some(_), None) => "profile.email_kept",
            (_, Some(_)) => "profile.email_asked",
        };
        let after = Self { new_email, version: self.version + 1, ..self.clone() };
        Commit::noted(action, &after).also_replace(self.version, after)
    }

    /// The link of a mail to this address was followed: nothing, when that was known; `None`, when nobody asked for it any more.
    /// `owner` is what leads from the present address to the account.
    pub fn confirm_email(self, email: &Email, owner: EmailOwner, now: Timestamp) -> Option<Commit> {
        if self.email == *email {
            return Some(if self.email_verified { Commit::quiet() } else { self.verify_email() });
        }
        self.new_email.as_ref().filter(|new| new.email == *email && now < new.expires_at)?;
        let after = Self { email: email.clone(), email_verified: true, new_email: None, version: self.version + 1, ..self.clone() };
        let shown = |user: &Self| Proved { email: user.email.clone(), email_verified: user.email_verified };
        let commit = Commit::part("profile.email_changed", "user", &self.id, Some(&shown(&self)), Some(&shown(&after)));
        let owner = Write::Delete { seen: owner.version, record: owner.into() };
        Some(commit.with(owner).also_create(EmailOwner::of(&after)).also_replace(self.version, after))
    }

    fn verify_email(self) -> Commit {
        let after = Self { email_verified: true, version: self.version + 1, ..self.clone() };
        Commit::noted("profile.email_verified", &after).also_replace(self.version, after)
    }
}

/// Which account an email address belongs to; makes addresses unique.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmailOwner {
    pub email: Email,
    pub user: UserId,
    pub version: u64,
}

impl EmailOwner {
    pub fn of(user: &User) -> Self {
        Self { email: user.email.clone(), user: user.id.clone(), version: 1 }
    }

    /// Somebody is given a place by the address: the account gets no other in that moment.
    pub fn relied_on(self) -> Write {
        let after = Self { version: self.version + 1, ..self.clone() };
        Write::Replace { seen: self.version, record: after.into() }
    }
}

/// How a person proves who they are. Kept apart from [`User`] so that no list, log or change ever holds it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Credentials {
    pub user: UserId,
    pub password_hash: String,
    pub changed_at: Timestamp,
    pub version: u64,
}

/// A hash of nothing: its last part is random, so that no password has it.
const NO_PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$0fO0mMCyIxnesadeD2w2DA$Nq4pkYA5FIk3u5YU21wCeEjR6NZV8fYnv64wo0Gv74Y";

impl Credentials {
    pub fn new(user: &UserId, password_hash: String, now: Timestamp) -> Self {
        Self { user: user.clone(), password_hash, changed_at: now, version: 1 }
    }

    /// Of somebody who has yet to choose a password, by the link of a mail.
    pub fn without_password(user: &UserId, now: Timestamp) -> Self {
        Self::new(user, NO_PASSWORD.to_owned(), now)
    }

    pub fn has_password(&self) -> bool {
        self.password_hash != NO_PASSWORD
    }

    /// The same password, hashed anew. The version tells one password from the next and so stays: no session ends, no link of
    /// a mail, and whoever changes the password at this moment is not in the way.
    pub fn rehash(self, password_hash: String) -> (Self, Commit) {
        let after = Self { password_hash, ..self };
        (after.clone(), Commit::quiet().also_replace(after.version, after))
    }
}

/// What somebody who gave the right password is asked for next: a code, on the same device, within minutes. It names the session
/// that will be opened, so that it opens one.
#[derive(Clone, Debug, PartialEq)]
pub struct Challenge {
    pub user: UserId,
    pub organization: OrganizationId,
    pub session: SessionId,
    /// The version of the password that was right.
    pub credentials: u64,
    pub ends_at: Timestamp,
}

/// One login on one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    pub organization: OrganizationId,
    /// Since when they were let in there as it was opened: it ends when they are let in anew.
    pub admitted_at: Timestamp,
    pub device: String,
    pub address: String,
    pub refresh_hash: String,
    pub previous_hash: Option<String>,
    pub rotated_at: Timestamp,
    pub created_at: Timestamp,
    pub idle_until: Timestamp,
    pub ends_at: Timestamp,
    pub ended: bool,
    /// The version of the password when it was opened: a newer one ends it.
    pub credentials: u64,
    /// Whether whoever opened it proved a second factor.
    pub second_factor: bool,
    /// The organisation's provider that opened it: then it is for that organisation alone.
    pub through: Option<ProviderId>,
    pub version: u64,
    /// When the table may forget it, in seconds since 1970; never what decides whether it is alive.
    pub expires: i64,
}

/// What a session shows of itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionView {
    pub id: SessionId,
    pub device: String,
    pub address: String,
    pub created_at: Timestamp,
    pub last_refreshed_at: Timestamp,
    /// Whether it was opened with a second factor.
    pub second_factor: bool,
    /// The provider of sign-in that opened it; absent, it was a login of your own.
    pub provider: Option<ProviderId>,
    pub current: bool,
}

/// What a presented refresh token turns out to be.
pub enum Refresh {
    /// The session's next state.
    Rotated(Box<Session>),
    /// Used a moment ago by another tab of the same person: refused, and no harm done.
    Raced,
    /// Used before: somebody has a copy, so the session ends.
    Reused(Box<Session>),
    Dead,
}

/// How long after a rotation the token before it is taken for a race and not for a theft.
const RACE: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);

pub struct Login<'a> {
    pub id: SessionId,
    /// Where it is opened, and by whom.
    pub place: &'a Membership,
    pub device: String,
    pub address: String,
    pub refresh_hash: String,
    /// The version of the password it is opened under.
    pub credentials: u64,
    pub second_factor: bool,
    pub through: Option<ProviderId>,
}

impl Session {
    /// Whoever opens it has proved who they are; every way in ends here.
    pub fn open(login: Login<'_>, now: Timestamp) -> (Self, Commit) {
        let lasts = if login.through.is_some() { limits::PROVIDER_SESSION } else { limits::SESSION_ABSOLUTE };
        Self::open_until(login, now, now + lasts)
    }

    /// One that was opened from another ends with it.
    pub fn open_until(login: Login<'_>, now: Timestamp, ends_at: Timestamp) -> (Self, Commit) {
        let session = Self {
            id: login.id,
            user: login.place.user.clone(),
            organization: login.place.organization.clone(),
            admitted_at: login.place.admitted_at,
            device: login.device,
            address: login.address,
            refresh_hash: login.refresh_hash,
            previous_hash: None,
            rotated_at: now,
            created_at: now,
            idle_until: now + limits::SESSION_IDLE,
            ends_at,
            ended: false,
            credentials: login.credentials,
            second_factor: login.second_factor,
            through: login.through,
            version: 1,
            expires: ends_at.as_second(),
        };
        let commit = Commit::noted("session.opened", &session).also_create(session.clone());
        (session, commit)
    }

    pub fn is_alive(&self, now: Timestamp) -> bool {
        !self.ended && now < self.idle_until && now < self.ends_at
    }

    pub fn refresh(&self, presented: &str, next_hash: String, now: Timestamp) -> Refresh {
        if !self.is_alive(now) {
            return Refresh::Dead;
        }
        if presented == self.refresh_hash {
            return Refresh::Rotated(Box::new(Self {
                previous_hash: Some(self.refresh_hash.clone()),
                refresh_hash: next_hash,
                rotated_at: now,
                idle_until: now + limits::SESSION_IDLE,
                version: self.version + 1,
                ..self.clone()
            }));
        }
        if self.previous_hash.as_deref() == Some(presented) && now < self.rotated_at + RACE {
            return Refresh::Raced;
        }
        Refresh::Reused(Box::new(self.end()))
    }

    pub fn end(&self) -> Self {
        Self { ended: true, version: self.version + 1, ..self.clone() }
    }

    /// Whether it is shown to this one, which may end it: one that a provider opened knows of no others than its like.
    pub fn is_seen_from(&self, other: &Self) -> bool {
        other.through.is_none() || (self.through.is_some() && self.organization == other.organization)
    }

    pub fn view(&self, current: &SessionId) -> SessionView {
        SessionView {
            id: self.id.clone(),
            device: self.device.clone(),
            address: self.address.clone(),
            created_at: self.created_at,
            last_refreshed_at: self.rotated_at,
            second_factor: self.second_factor,
            provider: self.through.clone(),
            current: self.id == *current,
        }
    }
}

/// Somebody asked for a new password for an address. It is kept the same way whether there is such an account or not,
/// so that neither the answer nor its time tells; what follows finds out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResetAsk {
    pub email: Email,
    pub at: Timestamp,
    pub expires: i64,
}

impl ResetAsk {
    pub fn new(email: Email, now: Timestamp) -> Self {
        Self { email, at: now, expires: (now + limits::RESET_LINK).as_second() }
    }
}

/// What somebody may be known by besides a password.
#[derive(Clone, Default)]
pub struct Proofs {
    pub factor: Option<SecondFactor>,
    pub passkeys: Vec<Passkey>,
}

/// A new password by the link of a mail: whoever has the mail has the address, and every session ends. Whoever had the account
/// while nobody had proved that the address is theirs has no other way into it either.
pub fn reset_password(
    user: User,
    credentials: Credentials,
    hash: String,
    sessions: &[Session],
    unproved: Proofs,
    now: Timestamp,
) -> Commit {
    let after = Credentials { password_hash: hash, changed_at: now, version: credentials.version + 1, ..credentials.clone() };
    let commit = Commit::noted("profile.password_reset", &user).also_replace(credentials.version, after);
    let ended = |commit: Commit, session: &Session| commit.also_replace(session.version, session.end());
    let commit = sessions.iter().fold(commit, ended);
    if user.email_verified {
        return commit;
    }
    let commit = unproved.passkeys.into_iter().fold(commit, |commit, passkey| commit.and(passkey.remove()));
    let commit = unproved.factor.into_iter().fold(commit, |commit, factor| commit.and(factor.lift()));
    commit.and(user.verify_email())
}

/// A changed password ends every session but the one it was changed in.
pub fn change_password(user: &User, credentials: Credentials, hash: String, others: &[Session], now: Timestamp) -> Result<Commit> {
    let after = Credentials { password_hash: hash, changed_at: now, version: credentials.version + 1, ..credentials.clone() };
    let mut commit = Commit::noted("profile.password_changed", user).also_replace(credentials.version, after);
    for session in others {
        commit = commit.also_replace(session.version, session.end());
    }
    if commit.writes.len() >= limits::TRANSACTION {
        return Err(Error::Conflict("you have too many open sessions; log out everywhere first".to_owned()));
    }
    Ok(commit)
}

/// Somebody who is in an organisation.
#[cfg(test)]
pub(crate) fn somebody(now: Timestamp) -> Membership {
    let (id, organization) = (UserId::new(now, 2), OrganizationId::new(now, 3));
    let (name, email) = (Line::try_from("Mia".to_owned()), Email::try_from("mia@example.com".to_owned()));
    let user = User::new(id, name.expect("a name"), email.expect("an address"), Zone::default(), organization.clone(), now);
    user.joins(&organization, Role::Member, None, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(now: Timestamp) -> Session {
        let id = SessionId::new(now, 1);
        let login = Login {
            id,
            place: &somebody(now),
            device: String::new(),
            address: String::new(),
            refresh_hash: "one".into(),
            credentials: 1,
            second_factor: false,
            through: None,
        };
        Session::open(login, now).0
    }

    #[test]
    fn a_refresh_token_works_once_and_its_second_use_ends_the_session() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let Refresh::Rotated(second) = session(now).refresh("one", "two".into(), now) else { panic!("refused the first use") };
        assert!(matches!(second.refresh("one", "x".into(), now), Refresh::Raced));
        let later = now + jiff::SignedDuration::from_secs(11);
        let Refresh::Reused(ended) = second.refresh("one", "x".into(), later) else { panic!("took a used token") };
        assert!(!ended.is_alive(later));
        assert!(matches!(ended.refresh("two", "x".into(), later), Refresh::Dead));
    }

    #[test]
    fn a_session_ends_for_good_however_often_it_is_refreshed() {
        let mut now = Timestamp::from_second(1_000_000).unwrap();
        let mut current = session(now);
        for turn in 0.. {
            now += jiff::SignedDuration::from_hours(24 * 13);
            match current.refresh(&current.refresh_hash, format!("{turn}"), now) {
                Refresh::Rotated(next) => current = *next,
                _ => break,
            }
        }
        assert!(now >= current.ends_at && now < current.ends_at + jiff::SignedDuration::from_hours(24 * 14));
    }
}
