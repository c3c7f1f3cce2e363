use crate::session::end_each;
use backend::{
    door::Can,
    keys,
    problem::Problem,
    second_factor::{Code, Enrolment, PasswordAgain, PasswordAndCode, RecoveryCodes},
    web::{Answer, Body, Path},
};
use domain::{
    Error, Result,
    account::{Credentials, Session},
    id::*,
    limits,
    management::Manager,
    policy::{ManageMembers, UseAccount},
    second_factor::{SecondFactor, SecondFactorView},
    text::Password,
};

/// My second factor.
#[utoipa::path(get, path = "/api/v1/auth/second-factor", operation_id = "get_second_factor", tag = "identity", responses((status = 200, body = SecondFactorView)))]
pub async fn get(can: Can<UseAccount>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&SecondFactor::view(can.get(keys::second_factor(&can.me())).await?.as_ref()))?)
}

/// Set up a second factor: an authenticator app that makes codes. It is on when a first code has confirmed it.
#[utoipa::path(post, path = "/api/v1/auth/second-factor", operation_id = "begin_second_factor", tag = "identity", request_body = PasswordAgain, responses((status = 200, body = Enrolment)))]
pub async fn begin(can: Can<UseAccount>, Body(form): Body<PasswordAgain>) -> Result<Answer, Problem> {
    check_password(&can, &form.password).await?;
    let before = can.get(keys::second_factor(&can.me())).await?;
    let (seed, sealed) = can.new_seed().await?;
    can.commit(SecondFactor::begin(can.user(), sealed, before)?).await?;
    Ok(Answer::ok(&Enrolment::new(&seed, &can.membership().email)?)?)
}

pub(crate) async fn check_password(can: &Can<UseAccount>, password: &Password) -> Result<()> {
    let credentials: Credentials = can.find(keys::credentials(&can.me()), "account").await?;
    match can.is_password(password, &credentials).await? {
        true => Ok(()),
        false => Err(Error::invalid("/password", "is not your password")),
    }
}

/// Confirm the second factor by a first code: from now on a login asks for one. This session has thereby proved it.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/confirm", operation_id = "confirm_second_factor", tag = "identity", request_body = Code, responses((status = 200, body = RecoveryCodes)))]
pub async fn confirm(can: Can<UseAccount>, Body(form): Body<Code>) -> Result<Answer, Problem> {
    let factor = begun(&can).await?;
    let proof = can.prove(&factor, &form.code).await?;
    let (recovery_codes, hashes) = can.new_recovery_codes();
    // Never kept for a retry, as other answers are: they would stand in the table
    can.commit(factor.confirm(proof.as_ref(), hashes, can.session()?, can.now())?).await?;
    Ok(Answer::ok(&RecoveryCodes { recovery_codes })?)
}

async fn begun(can: &Can<UseAccount>) -> Result<SecondFactor> {
    can.get(keys::second_factor(&can.me())).await?.ok_or_else(|| Error::Conflict("there is no second factor".to_owned()))
}

/// Get new recovery codes; those before are good no more.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/recovery-codes", operation_id = "renew_recovery_codes", tag = "identity", request_body = PasswordAndCode, responses((status = 200, body = RecoveryCodes)))]
pub async fn renew(can: Can<UseAccount>, Body(form): Body<PasswordAndCode>) -> Result<Answer, Problem> {
    let factor = begun(&can).await?;
    check_password(&can, &form.password).await?;
    let proof = can.prove(&factor, &form.code).await?;
    let (recovery_codes, hashes) = can.new_recovery_codes();
    can.commit(factor.renew(proof.as_ref(), hashes)?).await?;
    Ok(Answer::ok(&RecoveryCodes { recovery_codes })?)
}

/// Switch the second factor off. Other sessions that were opened with it end.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/switch-off", operation_id = "switch_off_second_factor", tag = "identity", request_body = PasswordAndCode, responses((status = 204)))]
pub async fn switch_off(can: Can<UseAccount>, Body(form): Body<PasswordAndCode>) -> Result<Answer, Problem> {
    let factor = begun(&can).await?;
    check_password(&can, &form.password).await?;
    let proof = can.prove(&factor, &form.code).await?;
    let off = factor.switch_off(proof.as_ref(), can.session()?)?;
    let mut others: Vec<Session> = can.latest(keys::sessions(&can.me()), limits::SESSIONS).await?;
    let current = &can.session()?.id;
    others.retain(|session| session.second_factor && session.id != *current);
    // Before it: one that is opened with a code meanwhile changes the factor, and it is asked for again
    end_each(&can, &can.me(), &others).await?;
    can.commit(off).await?;
    Ok(Answer::nothing())
}

/// Take the second factor from a member who lost it with all recovery codes.
///
/// Only from somebody who belongs to no other organisation: theirs is at stake there, too. The member is logged out
/// everywhere and told by mail, and logs in with the password.
#[utoipa::path(delete, path = "/api/v1/auth/members/{member}/second-factor", operation_id = "lift_second_factor", tag = "identity", params(("member" = UserId, Path)), responses((status = 204)))]
pub async fn lift(can: Can<ManageMembers>, Path(id): Path<UserId>) -> Result<Answer, Problem> {
    let member = can.find(keys::member(can.tenant(), &id), "member").await?;
    let manager = Manager { access: can.access(), grants: can.grants() };
    manager.may_lift_second_factor(can.membership(), &member)?;
    let (account, factor) = can.factor_of(&member).await?;
    let sessions: Vec<Session> = can.latest(keys::sessions(&account), limits::SESSIONS).await?;
    end_each(&can, &account, &sessions).await?;
    can.commit(factor.lift()).await?;
    Ok(Answer::nothing())
}
