//! Sessions: how one is opened, refreshed, shown and ended.

use backend::{
    door::Can,
    keys::{self, Me},
    page::Page,
    problem::Problem,
    visitor::Visitor,
    web::{Answer, Body, Path},
};
use domain::{
    Error, Result,
    account::{Credentials, Login, Refresh, Session, SessionView},
    commit::{Actor, Commit, Kept},
    id::*,
    limits,
    organization::Membership,
    policy::{Permission, Reads, UseSession},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

/// Somebody who proved who they are, and where they want to be.
pub(crate) struct Proved {
    pub credentials: Credentials,
    pub member: Membership,
    pub second_factor: bool,
    /// The provider that says so.
    pub through: Option<ProviderId>,
}

/// Opens a session for somebody who has just proved who they are: every way in that needs no session before it ends here.
///
/// It is opened only while the password is the one that was read, so that a login with an old one does not outlive its change.
pub(crate) async fn open(visitor: &Visitor, id: SessionId, proved: Proved, proof: Commit) -> Result<Answer, Problem> {
    Ok(Answer::ok(&open_pair(visitor, id, proved, proof).await?)?)
}

pub(crate) async fn open_pair(visitor: &Visitor, id: SessionId, proved: Proved, proof: Commit) -> Result<TokenPair> {
    let Proved { credentials, member, second_factor, through } = proved;
    // Through a provider it is the organisation that says so
    let accepts = !member.accepted && through.is_none();
    let (refresh_token, refresh_hash) = visitor.refresh_token(&id, &member.user).await?;
    let origin = visitor.origin().clone();
    let login = Login {
        id,
        place: &member,
        device: origin.device,
        address: origin.address,
        refresh_hash,
        credentials: credentials.version,
        second_factor,
        through,
    };
    let (session, opened) = Session::open(login, visitor.now());
    let actor = Actor::person(&member.user, &member.name);
    let tenant = visitor.organization(&member.organization);
    visitor.commit(&tenant, actor.clone(), proof.and(opened).while_holds(credentials)).await?;
    if accepts {
        taken(visitor.commit(&tenant, actor, member.accept()).await)?;
    }
    pair(visitor, &session, refresh_token).await
}

/// A place that could not be taken at this moment is taken the next time it is opened.
pub(crate) fn taken(accepted: Result<()>) -> Result<()> {
    match accepted {
        Err(Error::Stale { .. } | Error::Suspended(_)) => Ok(()),
        other => other,
    }
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

async fn pair(visitor: &Visitor, session: &Session, refresh_token: String) -> Result<TokenPair> {
    Ok(TokenPair::new(session, visitor.access_token(session).await?, refresh_token))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshToken {
    refresh_token: String,
}

/// Trade a refresh token for new tokens.
///
/// Each refresh token is good once. One that comes back later than ten seconds after its use was copied: its session ends,
/// and whoever it belongs to is told by mail.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "identity", request_body = RefreshToken, security(()), responses((status = 200, body = TokenPair)))]
pub async fn refresh(visitor: Visitor, Body(form): Body<RefreshToken>) -> Result<Answer, Problem> {
    let (user, id, presented) = visitor.read_refresh_token(&form.refresh_token).await?.ok_or(Error::Unauthenticated)?;
    let me = visitor.person(&user);
    let session = visitor.get(keys::session(&me, &id)).await?.ok_or(Error::Unauthenticated)?;
    let tenant = visitor.organization(&session.organization);
    let trust = async {
        match session.through {
            Some(_) => visitor.get(keys::access(&tenant)).await,
            None => Ok(None),
        }
    };
    let (member, trust) = tokio::try_join!(visitor.get(keys::member(&tenant, &user)), trust)?;
    let goes_on = |member: &Membership| member.lets_in(&session) && trust.unwrap_or_default().lets_in(&session);
    let member = member.filter(goes_on).ok_or(Error::Unauthenticated)?;
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
                    Ok(Answer::ok(&pair(&visitor, &next, token).await?)?)
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
pub async fn logout(can: Can<UseSession>) -> Result<Answer, Problem> {
    end(&can, &can.me(), can.session()?.clone()).await?;
    Ok(Answer::nothing())
}

/// Log out everywhere: every session of this person ends. From one that a provider opened, those that a provider opened here.
#[utoipa::path(post, path = "/api/v1/auth/logout-everywhere", tag = "identity", responses((status = 204)))]
pub async fn logout_everywhere(can: Can<UseSession>) -> Result<Answer, Problem> {
    let sessions = mine(&can).await?;
    let current = &can.session()?.id;
    // This one last, so that what fails halfway can be asked for again
    let (this, mut ending): (Vec<_>, Vec<_>) = sessions.into_iter().partition(|session| session.id == *current);
    ending.extend(this);
    end_each(&can, &can.me(), &ending).await?;
    Ok(Answer::nothing())
}

/// Ends those of these sessions that are open, many in one write, even if they are refreshed in the same moment.
pub(crate) async fn end_each<P: Permission + Reads<Session>>(can: &Can<P>, of: &Me, sessions: &[Session]) -> Result<()> {
    let alive: Vec<_> = sessions.iter().filter(|session| session.is_alive(can.now())).collect();
    for some in alive.chunks(limits::TRANSACTION / 2) {
        let ended = |commit: Commit, session: &&Session| {
            commit.and(Commit::noted("session.ended", *session)).also_replace(session.version(), session.end())
        };
        match can.commit(some.iter().fold(Commit::quiet(), ended)).await {
            // One of them is being refreshed
            Err(Error::Stale { .. }) => {
                for session in some {
                    end(can, of, Session::clone(session)).await?;
                }
            }
            other => other?,
        }
    }
    Ok(())
}

/// Those a caller may see.
async fn mine(can: &Can<UseSession>) -> Result<Vec<Session>> {
    let mut sessions: Vec<Session> = can.latest(keys::sessions(&can.me()), limits::SESSIONS).await?;
    let current = can.session()?;
    sessions.retain(|session| session.is_seen_from(current));
    Ok(sessions)
}

/// My open sessions, with device, address and last use. From one that a provider opened, those that a provider opened here.
#[utoipa::path(get, path = "/api/v1/auth/sessions", tag = "identity", responses((status = 200, body = Page<SessionView>)))]
pub async fn sessions(can: Can<UseSession>) -> Result<Answer, Problem> {
    let sessions = mine(&can).await?;
    let current = &can.session()?.id;
    // Those from before somebody was locked out here open nothing any more
    let here = |session: &&Session| session.organization != *can.tenant().id() || can.membership().lets_in(session);
    let items = sessions.iter().filter(|session| session.is_alive(can.now())).filter(here).map(|session| session.view(current)).collect();
    Ok(Answer::ok(&Page { items, next: None })?)
}

/// End one of my sessions.
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{session}", tag = "identity", params(("session" = SessionId, Path)), responses((status = 204)))]
pub async fn end_session(can: Can<UseSession>, Path(id): Path<SessionId>) -> Result<Answer, Problem> {
    let session: Session = can.find(keys::session(&can.me(), &id), "session").await?;
    if !session.is_seen_from(can.session()?) {
        return Err(Error::NotFound("session").into());
    }
    end(&can, &can.me(), session).await?;
    Ok(Answer::nothing())
}

/// Ends a session, even if it is refreshed in the same moment.
async fn end<P: Permission + Reads<Session>>(can: &Can<P>, of: &Me, mut session: Session) -> Result<()> {
    for tries in 0..limits::RACE_TRIES {
        if !session.is_alive(can.now()) {
            return Ok(());
        }
        match can.commit(Commit::noted("session.ended", &session).also_replace(session.version(), session.end())).await {
            Err(Error::Stale { .. }) => can.step_aside(tries).await,
            other => return other,
        }
        session = can.find(keys::session(of, &session.id), "session").await?;
    }
    Err(Error::Busy("the session keeps changing".into()))
}
