use crate::{
    login::place,
    second_factor::check_password,
    session::{Proved, TokenPair, open},
};
use backend::{
    door::Can,
    keys,
    page::Page,
    passkey::{Assertion, Registration},
    problem::Problem,
    second_factor::PasswordAgain,
    visitor::Visitor,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Error,
    account::{Credentials, User},
    id::*,
    passkey::{Passkey, PasskeyView, may_add},
    policy::UseAccount,
    text::Line,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// My passkeys.
#[utoipa::path(get, path = "/api/v1/auth/passkeys", operation_id = "list_passkeys", tag = "identity", responses((status = 200, body = Page<PasskeyView>)))]
pub async fn list(can: Can<UseAccount>) -> Result<Answer, Problem> {
    let items = can.passkeys().await?.iter().map(Passkey::view).collect();
    Ok(Answer::ok(&Page::<PasskeyView> { items, next: None })?)
}

/// Begin to add a passkey: what goes into `navigator.credentials.create`, after `parseCreationOptionsFromJSON`.
#[utoipa::path(post, path = "/api/v1/auth/passkeys/begin", operation_id = "begin_passkey", tag = "identity", request_body = PasswordAgain, responses((status = 200, body = Object)))]
pub async fn begin(can: Can<UseAccount>, Body(form): Body<PasswordAgain>) -> Result<Answer, Problem> {
    check_password(&can, &form.password).await?;
    let others = can.passkeys().await?;
    may_add(can.get(keys::second_factor(&can.me())).await?.as_ref(), can.session()?, &others)?;
    Ok(Answer::ok(&can.passkey_options(&others).await?)?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasskey {
    #[schema(example = "My phone")]
    name: Line,
    credential: Registration,
}

/// Add the passkey that was made.
#[utoipa::path(post, path = "/api/v1/auth/passkeys", operation_id = "add_passkey", tag = "identity", request_body = NewPasskey, responses((status = 201, body = PasskeyView)))]
pub async fn add(can: Can<UseAccount>, Body(form): Body<NewPasskey>) -> Result<Answer, Problem> {
    let strange = || Error::Conflict("the passkey was not made for this, or it took too long; begin anew".to_owned());
    let (id, made) = can.read_passkey(&form.credential).await?.ok_or_else(strange)?;
    let others = can.passkeys().await?;
    // A second factor may have been switched on since it was begun
    may_add(can.get(keys::second_factor(&can.me())).await?.as_ref(), can.session()?, &others)?;
    let (passkey, commit) = Passkey::new(id, can.user(), form.name, made, &others, can.now())?;
    let answer = Answer::versioned(passkey.version, &passkey.view())?.at(format_args!("/api/v1/auth/passkeys/{}", passkey.id));
    Ok(can.answer(commit, answer).await?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyName {
    name: Line,
}

/// Name one of my passkeys anew.
#[utoipa::path(patch, path = "/api/v1/auth/passkeys/{passkey}", operation_id = "rename_passkey", tag = "identity", params(("passkey" = PasskeyId, Path), IfMatchHeader), request_body = PasskeyName, responses((status = 200, body = PasskeyView)))]
pub async fn rename(
    can: Can<UseAccount>,
    Path(id): Path<PasskeyId>,
    seen: IfMatch,
    Body(form): Body<PasskeyName>,
) -> Result<Answer, Problem> {
    let passkey: Passkey = seen.check(can.find(keys::passkey(&can.me(), &id), "passkey").await?)?;
    let (passkey, commit) = passkey.rename(form.name);
    can.commit(commit).await?;
    Ok(Answer::versioned(passkey.version, &passkey.view())?)
}

/// Remove one of my passkeys: it signs in no more.
#[utoipa::path(delete, path = "/api/v1/auth/passkeys/{passkey}", operation_id = "remove_passkey", tag = "identity", params(("passkey" = PasskeyId, Path), IfMatchHeader), responses((status = 204)))]
pub async fn remove(can: Can<UseAccount>, Path(id): Path<PasskeyId>, seen: IfMatch) -> Result<Answer, Problem> {
    let passkey: Passkey = seen.check(can.find(keys::passkey(&can.me(), &id), "passkey").await?)?;
    can.commit(passkey.remove()).await?;
    Ok(Answer::nothing())
}

/// Begin a login by passkey: what goes into `navigator.credentials.get`, after `parseRequestOptionsFromJSON`.
#[utoipa::path(post, path = "/api/v1/auth/login/passkey/begin", operation_id = "begin_passkey_login", tag = "identity", security(()), responses((status = 200, body = Object)))]
pub async fn begin_login(visitor: Visitor) -> Result<Answer, Problem> {
    let options: Value = visitor.passkey_options().await?;
    Ok(Answer::ok(&options)?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyLogin {
    passkey: Assertion,
    /// Which of one's organisations to open; the one joined first when absent.
    organization: Option<OrganizationId>,
}

/// Log in by a passkey, without a password. It counts as a second factor.
#[utoipa::path(post, path = "/api/v1/auth/login/passkey", operation_id = "login_with_passkey", tag = "identity", request_body = PasskeyLogin, security(()), responses((status = 200, body = TokenPair)))]
pub async fn login(visitor: Visitor, Body(form): Body<PasskeyLogin>) -> Result<Answer, Problem> {
    let challenge = form.passkey.challenge().ok_or(Error::WrongPasskey)?;
    let session = visitor.read_passkey_challenge(&challenge).await?.ok_or(Error::WrongPasskey)?;
    let me = visitor.person(&form.passkey.user().ok_or(Error::WrongPasskey)?);
    let (passkeys, credentials, user) =
        tokio::try_join!(visitor.passkeys(&me), visitor.get(keys::credentials(&me)), visitor.get(keys::user(&me)))?;
    let (passkey, counter) = visitor.recognise(passkeys, &form.passkey)?.ok_or(Error::WrongPasskey)?;
    let (user, credentials): (User, Credentials) = Option::zip(user, credentials).ok_or(Error::WrongPasskey)?;
    let used = passkey.used(counter, visitor.now()).ok_or(Error::WrongPasskey)?;
    let member = place(&visitor, &user, form.organization.as_ref()).await?.ok_or(Error::WrongPasskey)?;
    match open(&visitor, session, Proved { credentials, member, second_factor: true, through: None }, used).await {
        // It was used at the same moment, or before, or is gone
        Err(Problem(Error::Stale { .. } | Error::NotFound(_) | Error::Conflict(_))) => Err(Error::WrongPasskey.into()),
        other => other,
    }
}
