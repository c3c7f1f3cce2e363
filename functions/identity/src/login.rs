use crate::account::end;
use backend::{
    door::Can,
    keys,
    problem::Problem,
    visitor::Visitor,
    web::{Answer, Body},
};
use domain::{
    Error, Result,
    account::{self, Refresh, Session},
    commit::{Actor, Commit, Kept},
    id::*,
    limits,
    organization::Standing,
    policy::UseAccount,
    text::Email,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    email: Email,
    /// As it was chosen; what cannot be a password is simply a wrong one.
    #[schema(format = Password, example = "correct horse battery")]
    password: String,
    /// Which of one's organisations to open; the one joined first when absent.
    organization: Option<OrganizationId>,
}

/// What opens the API: send the access token as `Authorization: Bearer …`.
#[derive(Serialize, ToSchema)]
pub struct TokenPair {
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds the access token is good for.
    #[schema(example = 900)]
    expires_in: i64,
    /// Good once; each refresh gives the next.
    refresh_token: String,
    organization: OrganizationId,
    user: UserId,
}

/// Log in with email and password.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "identity", request_body = Login, security(()), responses((status = 200, body = TokenPair)))]
pub async fn login(visitor: Visitor, Body(form): Body<Login>) -> Result<Answer, Problem> {
    let owner = visitor.get(keys::email_owner(&form.email)).await?;
    let me = owner.map(|owner| visitor.person(&owner.user));
    let (credentials, user) = match &me {
        Some(me) => tokio::try_join!(visitor.get(keys::credentials(me)), visitor.get(keys::user(me)))?,
        None => (None, None),
    };
    let right = visitor.is_password(&form.email, &form.password, credentials.as_ref()).await?;
    let (Some(user), true) = (user, right) else { return Err(Error::WrongCredentials.into()) };
    let wanted = form.organization.as_ref().unwrap_or(&user.home);
    let member = visitor.get(keys::member(&visitor.organization(wanted), &user.id)).await?;
    let member = match member.filter(|member| member.standing == Standing::Active) {
        // Who does not say where, and is no longer where they were at home, is let in where they are
        None if form.organization.is_none() => visitor.place_of(&visitor.person(&user.id)).await?,
        member => member,
    };
    let member = member.ok_or(Error::WrongCredentials)?;
    let organization = &member.organization;

    let id = SessionId::new(visitor.now(), visitor.random());
    let (refresh_token, refresh_hash) = visitor.refresh_token(&id, &user.id).await?;
    let origin = visitor.origin().clone();
    let login = account::Login { id, user: &user.id, organization, device: origin.device, address: origin.address, refresh_hash };
    let session = Session::open(login, visitor.now());
    let actor = Actor::person(&user.id, &member.name);
    let commit = Commit::noted("session.opened", &session).also_create(session.clone());
    visitor.commit(&visitor.organization(organization), actor, commit).await?;
    pair(&visitor, &session, refresh_token).await
}

impl TokenPair {
    pub(crate) fn new(session: &Session, access_token: String, refresh_token: String) -> Self {
        Self {
            access_token,
            token_type: "Bearer",
            expires_in: limits::ACCESS_TOKEN.as_secs(),
            refresh_token,
            organization: session.organization.clone(),
            user: session.user.clone(),
        }
    }
}

async fn pair(visitor: &Visitor, session: &Session, refresh_token: String) -> Result<Answer, Problem> {
    Ok(Answer::ok(&TokenPair::new(session, visitor.access_token(session).await?, refresh_token))?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshToken {
    refresh_token: String,
}

/// Trade a refresh token for new tokens.
///
/// Each refresh token is good once. One that comes back later than ten seconds after its use was copied: its session ends.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "identity", request_body = RefreshToken, security(()), responses((status = 200, body = TokenPair)))]
pub async fn refresh(visitor: Visitor, Body(form): Body<RefreshToken>) -> Result<Answer, Problem> {
    let (user, id, presented) = visitor.read_refresh_token(&form.refresh_token).await?.ok_or(Error::Unauthenticated)?;
    let me = visitor.person(&user);
    let session = visitor.get(keys::session(&me, &id)).await?.ok_or(Error::Unauthenticated)?;
    let tenant = visitor.organization(&session.organization);
    let member = visitor.get(keys::member(&tenant, &user)).await?;
    let member = member.filter(|member| member.lets_in(&session)).ok_or(Error::Unauthenticated)?;
    let actor = Actor::person(&user, &member.name);
    let (token, hash) = visitor.refresh_token(&id, &user).await?;
    match session.refresh(&presented, hash, visitor.now()) {
        Refresh::Rotated(next) => {
            let commit = Commit::quiet().also_replace(session.version(), (*next).clone());
            match visitor.commit(&tenant, actor, commit).await {
                // Another refresh with the same token was quicker
                Err(Error::Stale { .. }) => Err(Error::Unauthenticated.into()),
                other => {
                    other?;
                    pair(&visitor, &next, token).await
                }
            }
        }
        Refresh::Reused(ended) => {
            let commit = Commit::noted("session.reused_token", &*ended).also_replace(session.version(), *ended);
            match visitor.commit(&tenant, actor, commit).await {
                // The copy came twice at once
                Ok(()) | Err(Error::Stale { .. }) => Err(Error::Unauthenticated.into()),
                Err(error) => Err(error.into()),
            }
        }
        Refresh::Raced | Refresh::Dead => Err(Error::Unauthenticated.into()),
    }
}

/// Log out: this session ends, and its access token is refused at once.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "identity", responses((status = 204)))]
pub async fn logout(can: Can<UseAccount>) -> Result<Answer, Problem> {
    end(&can, can.session()?.clone()).await?;
    Ok(Answer::nothing())
}

/// Log out everywhere: every session of this person ends.
#[utoipa::path(post, path = "/api/v1/auth/logout-everywhere", tag = "identity", responses((status = 204)))]
pub async fn logout_everywhere(can: Can<UseAccount>) -> Result<Answer, Problem> {
    let sessions: Vec<Session> = can.latest(keys::sessions(&can.me()), limits::SESSIONS).await?;
    let alive = sessions.into_iter().filter(|session| session.is_alive(can.now()));
    let current = &can.session()?.id;
    // This one last, so that what fails halfway can be asked for again
    let (this, mut ending): (Vec<_>, Vec<_>) = alive.partition(|session| session.id == *current);
    ending.extend(this);
    for some in ending.chunks(limits::TRANSACTION / 2) {
        let ended = |commit: Commit, session: &Session| {
            commit.and(Commit::noted("session.ended", session)).also_replace(session.version(), session.end())
        };
        match can.commit(some.iter().fold(Commit::quiet(), ended)).await {
            // One of them is being refreshed
            Err(Error::Stale { .. }) => {
                for session in some {
                    end(&can, session.clone()).await?;
                }
            }
            other => other?,
        }
    }
    Ok(Answer::nothing())
}

/// The public keys access tokens are signed with, as a JSON Web Key Set.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "identity", security(()), responses((status = 200)))]
pub async fn jwks(visitor: Visitor) -> Result<Answer, Problem> {
    Ok(Answer::ok(&visitor.jwks().await?)?)
}
