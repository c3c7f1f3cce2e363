use backend::{
    outsider::Outsider,
    problem::Problem,
    web::{Answer, Body},
};
use domain::{
    Error,
    commit::{Commit, Kept},
    id::{OperatorId, SessionId},
    limits,
    password::NewPassword,
    platform::{OperatorSession, OperatorView, Roster, SignIn},
    second_factor::OperatorFactor,
    text::{Email, Line},
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
    password: NewPassword,
}

/// Make the first operator of the platform, by the setup token of its secrets. It works once.
#[utoipa::path(post, path = "/api/v1/platform/setup", operation_id = "set_up_platform", tag = "platform", request_body = Setup, security(()), responses((status = 201, body = OperatorView)))]
pub async fn set_up(outsider: Outsider, Body(form): Body<Setup>) -> Result<Answer, Problem> {
    if !outsider.is_setup_token(&form.token).await? {
        return Err(Error::forbidden("this is not the setup token").into());
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
    /// Of the authenticator app, or one of the recovery codes: asked for by the problem `code-required`.
    #[schema(example = "123456")]
    code: Option<String>,
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

/// Log in as an operator, with a code where a second factor is set up. The token is good for an hour, and nothing prolongs it.
///
/// Without a second factor it reaches one's own account and no further.
#[utoipa::path(post, path = "/api/v1/platform/login", operation_id = "log_in_operator", tag = "platform", request_body = OperatorLogin, security(()), responses((status = 200, body = OperatorToken)))]
pub async fn login(outsider: Outsider, Body(form): Body<OperatorLogin>) -> Result<Answer, Problem> {
    let roster = outsider.roster().await?;
    let operator = roster.as_ref().and_then(|roster| roster.find_by_email(&form.email));
    let (credentials, factor) = match operator {
        Some(operator) => tokio::try_join!(outsider.credentials(&operator.id), outsider.second_factor(&operator.id))?,
        None => (None, None),
    };
    let right = outsider.is_password(&form.email, &form.password, credentials.as_ref()).await?;
    let (Some(operator), Some(credentials), true) = (operator, credentials, right) else { return Err(Error::WrongCredentials.into()) };
    let factor = factor.filter(OperatorFactor::is_on);
    let second_factor = factor.is_some();
    let proved = match factor {
        Some(factor) => {
            let code = form.code.ok_or(Error::CodeRequired)?;
            let proof = outsider.prove(&factor, &code).await?.ok_or(Error::WrongCode)?;
            factor.let_in(&proof).ok_or(Error::WrongCode)?
        }
        None => Commit::quiet(),
    };
    let anew = outsider.hash_anew(&form.password, &credentials).await?;
    let id = SessionId::new(outsider.now(), outsider.random());
    let sign_in = SignIn { id, operator, origin: outsider.origin().clone(), second_factor };
    let (session, opened) = OperatorSession::open(sign_in, outsider.now());
    let commit = match anew {
        Some(hash) => proved.and(opened).and(credentials.rehash(hash)),
        None => proved.and(opened),
    };
    match outsider.commit(operator, commit).await {
        // The code was used, or the second factor switched off, at the same moment
        Err(Error::Stale { kind: OperatorFactor::KIND, .. } | Error::NotFound(OperatorFactor::KIND)) => {
            return Err(Error::WrongCode.into());
        }
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
    password: NewPassword,
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
