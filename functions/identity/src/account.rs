use backend::{
    door::Can,
    keys,
    page::Page,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Error, Result,
    account::{ProfileEdit, Session, SessionView, User, change_password as changed},
    commit::{Commit, Kept},
    id::*,
    limits,
    organization::{Membership, Organization},
    policy::{Grant, Grants, Role, UseAccount},
    text::Password,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whom a token speaks for.
#[derive(Serialize, ToSchema)]
pub struct Verified {
    user: UserId,
    name: String,
    organization: Organization,
    role: Role,
    /// All that this person may here.
    permissions: Grants,
    session: SessionId,
}

/// Check the access token, and see whom it speaks for.
#[utoipa::path(get, path = "/api/v1/auth/verify", tag = "identity", responses((status = 200, body = Verified)))]
pub async fn verify(can: Can<UseAccount>) -> Result<Answer, Problem> {
    let mut organization: Organization = can.find(keys::organization(can.tenant()), "organisation").await?;
    // The code lets people in
    organization.joining = organization.joining.filter(|_| can.grants().allow(Grant::EditOrganization));
    let verified = Verified {
        user: can.user().clone(),
        name: can.name().to_owned(),
        organization,
        role: can.role(),
        permissions: can.grants().clone(),
        session: can.session()?.id.clone(),
    };
    Ok(Answer::ok(&verified)?)
}

/// My profile.
#[utoipa::path(get, path = "/api/v1/auth/profile", tag = "identity", responses((status = 200, body = User)))]
pub async fn profile(can: Can<UseAccount>) -> Result<Answer, Problem> {
    Ok(Answer::record(&can.find(keys::user(&can.me()), "account").await?)?)
}

/// Edit my profile.
#[utoipa::path(patch, path = "/api/v1/auth/profile", tag = "identity", params(IfMatchHeader), request_body = ProfileEdit, responses((status = 200, body = User)))]
pub async fn edit_profile(can: Can<UseAccount>, seen: IfMatch, Body(edit): Body<ProfileEdit>) -> Result<Answer, Problem> {
    let user = seen.check(can.find(keys::user(&can.me()), "account").await?)?;
    let (user, commit): (User, Commit) = user.edit(Membership::clone(can.membership()), edit);
    can.commit(commit).await?;
    Ok(Answer::record(&user)?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    #[schema(format = Password)]
    current: Password,
    new: Password,
}

/// Change my password; every other session of mine ends.
#[utoipa::path(post, path = "/api/v1/auth/change-password", tag = "identity", request_body = PasswordChange, responses((status = 204)))]
pub async fn change_password(can: Can<UseAccount>, Body(form): Body<PasswordChange>) -> Result<Answer, Problem> {
    let me = can.me();
    let credentials = can.find(keys::credentials(&me), "account").await?;
    if !can.is_password(&form.current, &credentials).await? {
        return Err(Error::invalid("/current", "is not your password").into());
    }
    let user = can.find(keys::user(&me), "account").await?;
    let sessions: Vec<Session> = can.latest(keys::sessions(&me), limits::SESSIONS).await?;
    let current = &can.session()?.id;
    let others: Vec<_> = sessions.into_iter().filter(|session| session.id != *current && session.is_alive(can.now())).collect();
    let hash = can.hash(&form.new).await?;
    can.commit(changed(&user, credentials, hash, &others, can.now())?).await?;
    Ok(Answer::nothing())
}

/// My open sessions, with device, address and last use.
#[utoipa::path(get, path = "/api/v1/auth/sessions", tag = "identity", responses((status = 200, body = Page<SessionView>)))]
pub async fn sessions(can: Can<UseAccount>) -> Result<Answer, Problem> {
    let sessions: Vec<Session> = can.latest(keys::sessions(&can.me()), limits::SESSIONS).await?;
    let current = &can.session()?.id;
    let items = sessions.iter().filter(|session| session.is_alive(can.now())).map(|session| session.view(current)).collect();
    Ok(Answer::ok(&Page { items, next: None })?)
}

/// End one of my sessions.
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{session}", tag = "identity", params(("session" = SessionId, Path)), responses((status = 204)))]
pub async fn end_session(can: Can<UseAccount>, Path(id): Path<SessionId>) -> Result<Answer, Problem> {
    let session: Session = can.find(keys::session(&can.me(), &id), "session").await?;
    end(&can, session).await?;
    Ok(Answer::nothing())
}

/// Ends a session, even if it is refreshed in the same moment.
pub(crate) async fn end(can: &Can<UseAccount>, mut session: Session) -> Result<()> {
    for tries in 0..limits::RACE_TRIES {
        if !session.is_alive(can.now()) {
            return Ok(());
        }
        match can.commit(Commit::noted("session.ended", &session).also_replace(session.version(), session.end())).await {
            Err(Error::Stale { .. }) => can.step_aside(tries).await,
            other => return other,
        }
        session = can.find(keys::session(&can.me(), &session.id), "session").await?;
    }
    Err(Error::Busy("the session keeps changing".into()))
}
