use crate::session::end_each;
use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Body},
};
use domain::{
    Error,
    account::{Credentials, Session, User, change_password as changed},
    id::*,
    limits,
    organization::{Letterhead, Organization},
    password::NewPassword,
    policy::{Grants, Role, UseAccount, UseSession},
    removal::{RemovalPlan, RemovalView},
    tenant::Suspension,
    text::{Email, Password},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whom a token speaks for.
#[derive(Serialize, ToSchema)]
pub struct Verified {
    user: UserId,
    name: String,
    organization: Letterhead,
    role: Role,
    /// All that this person may here.
    permissions: Grants,
    session: SessionId,
    /// Whether this session was opened with a second factor …
    second_factor: bool,
    /// … and whether the organisation asks for one.
    second_factor_needed: bool,
    /// The provider of sign-in that opened this session, which is then for this organisation alone …
    provider: Option<ProviderId>,
    /// … and whether the organisation asks for one.
    single_sign_on_needed: bool,
    /// Why the organisation may change nothing at present, and since when.
    suspension: Option<Suspension>,
    /// When the organisation will be removed, with all it has.
    removal: Option<RemovalView>,
}

/// Check the access token, and see whom it speaks for.
#[utoipa::path(get, path = "/api/v1/auth/verify", tag = "identity", responses((status = 200, body = Verified)))]
pub async fn verify(can: Can<UseSession>) -> Result<Answer, Problem> {
    let organization: Organization = can.find(keys::organization(can.tenant()), "organisation").await?;
    let verified = Verified {
        user: can.user().clone(),
        name: can.name().to_owned(),
        organization: organization.letterhead(),
        role: can.role(),
        permissions: can.grants().clone(),
        session: can.session()?.id.clone(),
        second_factor: can.session()?.second_factor,
        second_factor_needed: can.access().second_factor,
        provider: can.session()?.through.clone(),
        single_sign_on_needed: can.access().single_sign_on,
        suspension: can.access().suspension.clone(),
        removal: can.access().removal.as_ref().map(RemovalPlan::view),
    };
    Ok(Answer::ok(&verified)?)
}

/// Ask for another mail with a link that confirms my address, or the one I asked for. None is sent when there is nothing to confirm.
#[utoipa::path(post, path = "/api/v1/auth/verify-email/resend", operation_id = "resend_verification", tag = "identity", responses((status = 204)))]
pub async fn resend_verification(can: Can<UseAccount>) -> Result<Answer, Problem> {
    let user: User = can.find(keys::user(&can.me()), "account").await?;
    if let Some(asked) = user.unconfirmed_email(can.now()) {
        can.count_confirmation(&asked.email).await?;
        can.commit(user.ask_to_confirm()).await?;
    }
    Ok(Answer::nothing())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailChange {
    email: Email,
    /// My password.
    password: Password,
}

/// Ask for another address of my account. It has it once the link of the mail that goes there is followed, within a day.
///
/// Until then all stays as it is, and `new_email` of my profile says what was asked for; to ask for the address I have takes that
/// back. Then every organisation I belong to follows, but one whose directory knows me by the address before, and the new one logs
/// in. It is one that all of them allow. The address I have is told of both. The answer is the same if the new one has an account.
#[utoipa::path(post, path = "/api/v1/auth/change-email", tag = "identity", request_body = EmailChange, responses((status = 204)))]
pub async fn change_email(can: Can<UseAccount>, Body(form): Body<EmailChange>) -> Result<Answer, Problem> {
    let credentials: Credentials = can.find(keys::credentials(&can.me()), "account").await?;
    if !can.is_password(&form.password, &credentials).await? {
        return Err(Error::invalid("/password", "is not your password").into());
    }
    let email = &form.email;
    let user: User = can.find(keys::user(&can.me()), "account").await?;
    if user.email != *email {
        can.check_address(email).await?;
        can.count_confirmation(email).await?;
    }
    can.settle(|can| async move {
        let user: User = can.find(keys::user(&can.me()), "account").await?;
        Ok((user.ask_for_email(email.clone(), can.now()), Answer::nothing()))
    })
    .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    #[schema(format = Password)]
    current: Password,
    new: NewPassword,
}

/// Change my password; every other session of mine ends.
///
/// The new one satisfies what each organisation I belong to asks of passwords.
#[utoipa::path(post, path = "/api/v1/auth/change-password", tag = "identity", request_body = PasswordChange, responses((status = 204)))]
pub async fn change_password(can: Can<UseAccount>, Body(form): Body<PasswordChange>) -> Result<Answer, Problem> {
    let me = can.me();
    let credentials: Credentials = can.find(keys::credentials(&me), "account").await?;
    if !can.is_password(&form.current, &credentials).await? {
        return Err(Error::invalid("/current", "is not your password").into());
    }
    let user: User = can.find(keys::user(&me), "account").await?;
    can.demands().await?.check("/new", &form.new, &user.name, &user.email)?;
    let hash = can.hash(&form.new).await?;
    let (old, current) = (credentials.version, &can.session()?.id);
    let others = async || -> Result<Vec<Session>, Error> {
        let mut sessions: Vec<Session> = can.latest(keys::sessions(&me), limits::SESSIONS).await?;
        sessions.retain(|session| session.id != *current && session.credentials <= old && session.is_alive(can.now()));
        Ok(sessions)
    };
    can.commit(changed(&user, credentials, hash, &others().await?, can.now())?).await?;
    // Logins with the old password that were quicker than the change; from now on there are none
    end_each(&can, &me, &others().await?).await?;
    Ok(Answer::nothing())
}
