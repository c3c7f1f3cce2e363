use backend::{
    outsider::Outsider,
    problem::Problem,
    web::{Answer, Body},
};
use domain::{
    Error,
    id::{OperatorId, SessionId},
    limits,
    platform::{OperatorSession, OperatorView, Roster},
    text::{Email, Line, Password},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The setup token, as it stands in the secrets.
    token: String,
    name: Line,
    email: Email,
    password: Password,
}

/// Make the first operator of the platform, by the setup token of its secrets. It works once.
#[utoipa::path(post, path = "/api/v1/platform/setup", operation_id = "set_up_platform", tag = "platform", request_body = Setup, security(()), responses((status = 201, body = OperatorView)))]
pub async fn set_up(outsider: Outsider, Body(form): Body<Setup>) -> Result<Answer, Problem> {
    if !outsider.is_setup_token(&form.token).await? {
        return Err(Error::Forbidden.into());
    }
    let there = || Error::Conflict("the platform has an operator; ask them for an invitation".to_owned());
    if outsider.roster().await?.is_some() {
        return Err(there().into());
    }
    let hash = outsider.hash(&form.password).await?;
    let id = OperatorId::new(outsider.now(), outsider.random());
    let (first, commit) = Roster::open(id, form.name, form.email, hash, outsider.now());
    let answer = Answer::ok(&first.view())?.at("/api/v1/platform/me");
    match outsider.answer(&first, commit, answer).await {
        // Somebody else did it at the same moment
        Err(Error::Conflict(_)) => Err(there().into()),
        other => Ok(other?),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorLogin {
    email: Email,
    /// As it was chosen; what cannot be a password is simply a wrong one.
    #[schema(format = Password, example = "correct horse battery")]
    password: String,
}

/// What opens the platform: send the access token as `Authorization: Bearer …`.
#[derive(Serialize, ToSchema)]
pub struct OperatorToken {
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds it is good for; then log in again.
    #[schema(example = 3600)]
    expires_in: i64,
    operator: OperatorView,
}

/// Log in as an operator. The token is good for an hour, and nothing prolongs it.
#[utoipa::path(post, path = "/api/v1/platform/login", operation_id = "log_in_operator", tag = "platform", request_body = OperatorLogin, security(()), responses((status = 200, body = OperatorToken)))]
pub async fn login(outsider: Outsider, Body(form): Body<OperatorLogin>) -> Result<Answer, Problem> {
    let roster = outsider.roster().await?;
    let operator = roster.as_ref().and_then(|roster| roster.find_by_email(&form.email));
    let credentials = match operator {
        Some(operator) => outsider.credentials(&operator.id).await?,
        None => None,
    };
    let right = outsider.is_password(&form.email, &form.password, credentials.as_ref()).await?;
    let (Some(operator), Some(credentials), true) = (operator, credentials, right) else { return Err(Error::WrongCredentials.into()) };
    let anew = outsider.hash_anew(&form.password, &credentials).await?;
    let (id, origin) = (SessionId::new(outsider.now(), outsider.random()), outsider.origin().clone());
    let (session, commit) = OperatorSession::open(id, operator, origin.device, origin.address, outsider.now());
    let commit = match anew {
        Some(hash) => commit.and(credentials.rehash(hash)),
        None => commit,
    };
    match outsider.commit(operator, commit).await {
        // It was the password a moment ago
        Err(Error::Stale { .. }) => return Err(Error::WrongCredentials.into()),
        other => other?,
    }
    let access_token = outsider.access_token(&session).await?;
    let expires_in = limits::OPERATOR_SESSION.as_secs();
    Ok(Answer::ok(&OperatorToken { access_token, token_type: "Bearer", expires_in, operator: operator.view() })?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorJoin {
    /// The token of the invitation's link.
    token: String,
    name: Line,
    password: Password,
}

/// Become an operator by the one-time link of an invitation.
#[utoipa::path(post, path = "/api/v1/platform/join", operation_id = "join_operators", tag = "platform", request_body = OperatorJoin, security(()), responses((status = 201, body = OperatorView)))]
pub async fn join(outsider: Outsider, Body(form): Body<OperatorJoin>) -> Result<Answer, Problem> {
    let void = || Error::Conflict("this invitation is not valid, has expired or was used".to_owned());
    let (id, email) = outsider.read_operator_link(&form.token).await?.ok_or_else(void)?;
    let hash = outsider.hash(&form.password).await?;
    for _ in 0..limits::RACE_TRIES {
        let roster = outsider.roster().await?.ok_or_else(void)?;
        let invited = roster.find_invited(&id, outsider.now()).filter(|invited| invited.email == email).ok_or_else(void)?;
        let (operator, commit) = roster.join(invited, form.name.clone(), hash.clone(), outsider.now());
        match outsider.answer(&operator, commit, Answer::ok(&operator.view())?.at("/api/v1/platform/me")).await {
            // Another operator came or went
            Err(Error::Stale { .. }) => {}
            // Somebody used the link at the same moment
            Err(Error::Conflict(_)) => return Err(void().into()),
            other => return Ok(other?),
        }
    }
    Err(Error::Busy("the operators keep changing".into()).into())
}
