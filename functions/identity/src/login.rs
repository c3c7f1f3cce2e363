use crate::session::{Proved, TokenPair, open};
use backend::{
    keys,
    passkey::Assertion,
    problem::Problem,
    visitor::Visitor,
    web::{Answer, Body},
};
use domain::{
    Error, Result,
    account::{Challenge, Credentials, User},
    commit::{Actor, Commit, Kept},
    id::*,
    limits,
    organization::{Membership, Standing},
    second_factor::SecondFactor,
    text::Email,
};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginForm {
    email: Email,
    /// As it was chosen; what cannot be a password is simply a wrong one.
    #[schema(format = Password, example = "correct horse battery")]
    password: String,
    /// Which of one's organisations to open; the one joined first when absent.
    organization: Option<OrganizationId>,
}

/// Log in with email and password.
///
/// Somebody with a second factor is answered with the problem `second-factor-required`. Its `challenge` goes with a code to
/// `/api/v1/auth/login/second-factor`, from the same device, until `ends_at`.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "identity", request_body = LoginForm, security(()), responses((status = 200, body = TokenPair)))]
pub async fn login(visitor: Visitor, Body(form): Body<LoginForm>) -> Result<Answer, Problem> {
    let owner = visitor.get(keys::email_owner(&form.email)).await?;
    let me = owner.map(|owner| visitor.person(&owner.user));
    let (credentials, user, factor) = match &me {
        Some(me) => {
            tokio::try_join!(visitor.get(keys::credentials(me)), visitor.get(keys::user(me)), visitor.get(keys::second_factor(me)))?
        }
        None => (None, None, None),
    };
    let right = visitor.is_password(&form.email, &form.password, credentials.as_ref()).await?;
    let (Some(user), Some(credentials), true) = (user, credentials, right) else { return Err(Error::WrongCredentials.into()) };
    let member = place(&visitor, &user, form.organization.as_ref()).await?.ok_or_else(|| placeless(form.organization.as_ref()))?;
    let credentials = kept_anew(&visitor, &member, credentials, &form.password).await?;
    let session = SessionId::new(visitor.now(), visitor.random());
    if factor.is_some_and(|factor: SecondFactor| factor.is_on()) {
        let (organization, ends_at) = (member.organization, visitor.now() + limits::CHALLENGE);
        let challenge = Challenge { user: user.id, organization, session, credentials: credentials.version, ends_at };
        return Err(Error::SecondFactorRequired { challenge: visitor.challenge(&challenge).await?, ends_at }.into());
    }
    let proved = Proved { credentials, member, second_factor: false, through: None };
    match open(&visitor, session, proved, Commit::quiet()).await {
        // It was the password a moment ago
        Err(Problem(Error::Stale { kind: Credentials::KIND, .. })) => Err(Error::WrongCredentials.into()),
        other => other,
    }
}

/// Whoever has proved who they are is told that no organisation lets them in; of one that they name they are told nothing.
pub(crate) fn placeless(wanted: Option<&OrganizationId>) -> Error {
    match wanted {
        Some(_) => Error::WrongCredentials,
        None => Error::forbidden("no organisation lets this account in: join one by an invitation, or sign one up"),
    }
}

/// A password that was hashed at a lower cost than passwords are now is kept hashed anew, while it is known. With a second factor
/// the session is opened by another request, which knows it no more.
async fn kept_anew(visitor: &Visitor, member: &Membership, credentials: Credentials, right: &str) -> Result<Credentials> {
    let Some(hash) = visitor.hash_anew(right, &credentials).await? else { return Ok(credentials) };
    let (credentials, commit) = credentials.rehash(hash);
    let actor = Actor::person(&member.user, &member.name);
    match visitor.commit(&visitor.organization(&member.organization), actor, commit).await {
        // It was the password a moment ago
        Err(Error::Stale { .. }) => Err(Error::WrongCredentials),
        other => other.map(|()| credentials),
    }
}

/// Where somebody is let in, if anywhere.
pub(crate) async fn place(visitor: &Visitor, user: &User, wanted: Option<&OrganizationId>) -> Result<Option<Membership>> {
    let tenant = visitor.organization(wanted.unwrap_or(&user.home));
    let member = visitor.get(keys::member(&tenant, &user.id)).await?;
    let member = match member.filter(|member| member.standing == Standing::Active) {
        // Who does not say where, and is no longer where they were at home, is let in where they are
        None if wanted.is_none() => visitor.place_of(&visitor.person(&user.id)).await?,
        member => member,
    };
    if let Some(member) = &member {
        user.check_proved(member)?;
    }
    Ok(member)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondStep {
    /// As the refusal of the first step gave it.
    challenge: String,
    /// Of the authenticator app, or one of the recovery codes …
    #[schema(example = "123456")]
    code: Option<String>,
    /// … or a passkey, used with the challenge's bytes as its own.
    passkey: Option<Assertion>,
}

/// Log in with a code or a passkey, after the password.
///
/// A challenge opens one session, and a code is good once.
#[utoipa::path(post, path = "/api/v1/auth/login/second-factor", tag = "identity", request_body = SecondStep, security(()), responses((status = 200, body = TokenPair)))]
pub async fn login_with_code(visitor: Visitor, Body(form): Body<SecondStep>) -> Result<Answer, Problem> {
    let challenge = visitor.read_challenge(&form.challenge).await?.ok_or(Error::WrongCode)?;
    let (me, tenant) = (visitor.person(&challenge.user), visitor.organization(&challenge.organization));
    let (factor, credentials, member) = tokio::try_join!(
        visitor.get(keys::second_factor(&me)),
        visitor.get(keys::credentials(&me)),
        visitor.get(keys::member(&tenant, &challenge.user))
    )?;
    let factor: SecondFactor = factor.filter(SecondFactor::is_on).ok_or(Error::WrongCode)?;
    // Since the password was given it may have become another, or the person have been locked out
    let credentials = credentials.filter(|kept: &Credentials| kept.version == challenge.credentials).ok_or(Error::WrongCode)?;
    let member = member.filter(|member| member.standing == Standing::Active).ok_or(Error::WrongCode)?;
    let used = match (form.code, form.passkey) {
        (Some(code), None) => {
            let proof = visitor.prove(&factor, &code).await?.ok_or(Error::WrongCode)?;
            factor.let_in(&proof)
        }
        (None, Some(passkey)) if passkey.challenge().as_ref() == Some(&form.challenge) => {
            let known = visitor.recognise(visitor.passkeys(&me).await?, &passkey)?;
            known.and_then(|(passkey, counter)| passkey.used(counter, visitor.now()))
        }
        (None, Some(_)) => None,
        _ => return Err(Error::invalid("/code", "is given, or else a passkey").into()),
    };
    let used = used.ok_or(Error::WrongCode)?;
    match open(&visitor, challenge.session, Proved { credentials, member, second_factor: true, through: None }, used).await {
        // The code or the challenge was used at the same moment, or before
        Err(Problem(Error::Stale { .. } | Error::NotFound(_) | Error::Conflict(_))) => Err(Error::WrongCode.into()),
        other => other,
    }
}

/// The public keys access tokens are signed with, as a JSON Web Key Set.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "identity", security(()), responses((status = 200, description = "A JSON Web Key Set (RFC 7517)", body = serde_json::Value)))]
pub async fn jwks(visitor: Visitor) -> Result<Answer, Problem> {
    Ok(Answer::ok(&visitor.jwks().await?)?)
}
