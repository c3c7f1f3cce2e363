//! What people do with their own account: tokens of their sessions, their password, and their other organisations.

use crate::{
    Backend,
    aws::Inner,
    door::{Caller, Can, Pass},
    guesses::{Guesses, PASSWORDS},
    keys::{self, Me, Tenant},
    password,
    room::Room,
    secrets::sha256,
    table::{Walk, parse},
    tokens,
    visitor::count_in_hour,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Error, Result, Timestamp,
    access::Access,
    account::{Credentials, Session},
    commit::Origin,
    id::*,
    limits,
    organization::{Membership, Organization, Standing},
    password::NewPassword,
    policy::{ChangePicture, ManageMembers, Permission, Reads, RemoveOrganization, Role, UseAccount},
    second_factor::SecondFactor,
    settings::{Demands, PasswordPolicy, Settings},
    text::{Email, Password},
};

impl Inner {
    /// A refresh token and what is kept of it. The session's id in front finds it, then come 256 random bits, and
    /// a mark that it is ours: one that was made up must not end a session as a used one does.
    pub(crate) async fn refresh_token(&self, session: &SessionId, user: &UserId) -> Result<(String, String)> {
        let secret = URL_SAFE_NO_PAD.encode(self.entropy.bytes::<32>());
        let token = format!("{user}.{session}.{secret}");
        let mark = self.secrets().await?.mark("refresh", &[&token]);
        Ok((format!("{token}.{mark}"), sha256(secret.as_bytes())))
    }

    pub(crate) async fn access_token(&self, session: &Session, now: Timestamp) -> Result<String> {
        tokens::issue(&*self.secrets().await?, &session.user, &session.id, &session.organization, now)
    }
}

impl Room {
    /// What the organisations of a person ask of a password: those whose place they took.
    pub(crate) async fn demands(&self, me: &Me) -> Result<Demands> {
        let tenants: Vec<_> = self.places(me).await?.into_iter().map(|place| Tenant(place.organization)).collect();
        let (settings, organizations) = tokio::try_join!(
            self.get_many::<Settings>(tenants.iter().map(keys::settings).collect()),
            self.get_many::<Organization>(tenants.iter().map(keys::organization).collect()),
        )?;
        let policy = PasswordPolicy::strictest(settings.into_iter().map(|settings| settings.passwords));
        Ok(Demands { policy, organizations: organizations.into_iter().map(|organization| organization.name).collect() })
    }
}

impl Room {
    /// The places a person took.
    async fn places(&self, me: &Me) -> Result<Vec<Membership>> {
        let mut places: Vec<Membership> = self.all(keys::memberships(me), limits::ORGANIZATIONS_OF_ONE, false).await?;
        places.retain(Membership::is_theirs);
        Ok(places)
    }

    /// Refuses an address for a person that an organisation which lets them in does not allow.
    pub(crate) async fn check_address(&self, me: &Me, email: &Email) -> Result<()> {
        let mut places = self.places(me).await?;
        places.retain(|place| place.standing == Standing::Active && place.role != Role::Guest);
        let settings: Vec<Settings> =
            self.get_many(places.into_iter().map(|place| keys::settings(&Tenant(place.organization))).collect()).await?;
        match settings.iter().all(|settings| settings.admits(email, Role::Member)) {
            true => Ok(()),
            false => Err(Error::invalid("/email", "is at none of the domains that an organisation of yours allows")),
        }
    }

    /// Whether a member belongs to no other organisation. The function asks as itself: a person's places are in no organisation.
    pub(crate) async fn has_only(&self, member: &Membership) -> Result<bool> {
        let walk = Walk { descending: false, limit: limits::ORGANIZATIONS_OF_ONE, after: None };
        let found = self.inner.own.table.query(&keys::memberships(&Me(member.user.clone())), walk).await?;
        let places = found.items.into_iter().map(parse).collect::<Result<Vec<Membership>>>()?;
        Ok(member.is_all_of(&places))
    }
}

impl<P: Permission + Reads<Membership> + Reads<Access>> Can<P> {
    /// Whether somebody ever logged in, or could: an account that a directory made waits for its first password. The function asks
    /// as itself: a person's account is in no organisation.
    pub async fn has_arrived(&self, member: &Membership) -> Result<bool> {
        let (me, table) = (Me(member.user.clone()), &self.room.inner.own.table);
        let kept: Option<Credentials> = table.get(keys::credentials(&me)).await?;
        if kept.is_some_and(|kept| kept.has_password()) {
            return Ok(true);
        }
        let walk = Walk { descending: true, limit: 1, after: None };
        Ok(!table.query(&keys::sessions(&me), walk).await?.items.is_empty())
    }
}

impl<P: Permission> Can<P> {
    fn guesses(&self) -> Guesses<'_> {
        let who = sha256(self.membership.email.as_str().as_bytes());
        Guesses { table: &self.room.inner.own.table, of: &PASSWORDS, who, address: &self.room.origin.address, now: self.now() }
    }

    async fn matches(&self, guess: &Password, kept: &Credentials) -> Result<bool> {
        let hash = Some(kept.password_hash.as_str());
        let right = self.guesses().check(async { Ok(password::verify(guess.reveal(), hash).await?.then_some(())) }).await?;
        Ok(right.is_some())
    }
}

impl Can<RemoveOrganization> {
    /// Whether this is the caller's password, once more; refuses whoever has guessed it too often in this minute.
    pub async fn is_password(&self, guess: &Password) -> Result<bool> {
        // A person's own, which is out of reach for what is bound to the organisation
        let kept = self.room.inner.own.table.get(keys::credentials(&self.me())).await?.ok_or(Error::PeopleOnly)?;
        self.matches(guess, &kept).await
    }
}

impl Can<ChangePicture> {
    /// Refuses to change what every organisation of a person shows of them, where only this one signed them in.
    pub async fn check_profile(&self) -> Result<()> {
        match self.session()?.through.is_none() || self.room.has_only(self.membership()).await? {
            true => Ok(()),
            false => Err(Error::OwnLoginNeeded),
        }
    }
}

impl Can<UseAccount> {
    /// What all of the caller's organisations ask of a password.
    pub async fn demands(&self) -> Result<Demands> {
        self.room.demands(&self.me()).await
    }

    pub async fn refresh_token(&self, session: &SessionId) -> Result<(String, String)> {
        self.room.inner.refresh_token(session, self.user()).await
    }

    pub async fn access_token(&self, session: &Session) -> Result<String> {
        self.room.inner.access_token(session, self.now()).await
    }

    pub fn origin(&self) -> &Origin {
        &self.room.origin
    }

    /// The caller in another organisation of theirs; for others it does not exist.
    pub async fn elsewhere(&self, organization: &OrganizationId) -> Result<Self> {
        let backend = Backend(self.room.inner.clone());
        let pass = Pass::of_session(self.user(), organization, &self.session()?.id);
        let can = match Caller::identify(&backend, &pass, self.origin().clone(), Vec::new()).await {
            Ok(caller) => caller.can().await,
            Err(error) => Err(error),
        };
        can.map_err(|error| match error {
            Error::Unauthenticated => Error::NotFound("organisation"),
            other => other,
        })
    }

    /// The organisations the caller belongs to, with their place in each.
    pub async fn organizations(&self) -> Result<Vec<(Organization, Membership)>> {
        let mut places: Vec<Membership> = self.room.all(keys::memberships(&self.me()), limits::ORGANIZATIONS_OF_ONE, false).await?;
        places.retain(|place| place.standing == Standing::Active);
        let keys = places.iter().map(|place| keys::organization(&Tenant(place.organization.clone()))).collect();
        let organizations: Vec<Organization> = self.room.get_many(keys).await?;
        let place_in = |organization: &Organization| places.iter().find(|place| place.organization == organization.id).cloned();
        Ok(organizations.into_iter().filter_map(|organization| place_in(&organization).map(|place| (organization, place))).collect())
    }

    /// Counts that the caller asked for a mail to confirm an address.
    pub async fn count_confirmation(&self, email: &Email) -> Result<()> {
        let backend = Backend(self.room.inner.clone());
        count_in_hour(&backend, self.now(), "CONFIRM", self.user().as_str(), limits::CONFIRMATIONS).await?;
        count_in_hour(&backend, self.now(), "CONFIRM_AT", &sha256(email.as_str().as_bytes()), limits::CONFIRMATIONS).await
    }

    /// Refuses an address that an organisation of the caller would not have.
    pub async fn check_address(&self, email: &Email) -> Result<()> {
        self.room.check_address(&self.me(), email).await
    }

    /// Whether this is the caller's password; refuses whoever has guessed it too often in this minute.
    pub async fn is_password(&self, guess: &Password, kept: &Credentials) -> Result<bool> {
        self.matches(guess, kept).await
    }

    pub async fn hash(&self, password: &NewPassword) -> Result<String> {
        password::hash(password, &self.room.inner.entropy).await
    }
}

impl Can<ManageMembers> {
    /// The second factor of a member, and the account it is of. It is this organisation's to decide on where they belong to no
    /// other; whether they do is told of nobody who has none.
    pub async fn factor_of(&self, member: &Membership) -> Result<(Me, SecondFactor)> {
        let me = Me(member.user.clone());
        let factor = self.find(keys::second_factor(&me), "second factor").await?;
        match self.room.has_only(member).await? {
            true => Ok((me, factor)),
            false => Err(Error::Conflict("this second factor cannot be taken away here; a recovery code stands in for it".to_owned())),
        }
    }

    /// The sessions a member has here that a provider opened.
    pub async fn sessions_through(&self, provider: &ProviderId, member: &UserId) -> Result<(Me, Vec<Session>)> {
        let me = Me(member.clone());
        let mut sessions: Vec<Session> = self.room.all(keys::sessions(&me), limits::SESSIONS, true).await?;
        sessions.retain(|session| session.through.as_ref() == Some(provider) && session.organization == *self.tenant().id());
        Ok((me, sessions))
    }
}
