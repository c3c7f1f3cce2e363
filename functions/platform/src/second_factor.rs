//! The second factor of operators. Until they have one, these operations and the others of their account are all they reach.

use backend::{
    keys,
    platform::Operator,
    problem::Problem,
    second_factor::{Code, Enrolment, PasswordAgain, PasswordAndCode, RecoveryCodes},
    web::{Answer, Body},
};
use domain::{
    Error, Result,
    platform::UseOperatorAccount,
    second_factor::{OperatorFactor, SecondFactorView},
    text::Password,
};

type Me = Operator<UseOperatorAccount>;

/// My second factor as an operator.
#[utoipa::path(get, path = "/api/v1/platform/second-factor", operation_id = "get_operator_second_factor", tag = "platform", security(("operator" = [])), responses((status = 200, body = SecondFactorView)))]
pub async fn get(operator: Me) -> Result<Answer, Problem> {
    Ok(Answer::ok(&OperatorFactor::view(kept(&operator).await?.as_ref()))?)
}

async fn kept(operator: &Me) -> Result<Option<OperatorFactor>> {
    operator.get(keys::operator_factor(&operator.account().id)).await
}

async fn begun(operator: &Me) -> Result<OperatorFactor> {
    kept(operator).await?.ok_or_else(|| Error::Conflict("there is no second factor".to_owned()))
}

async fn check_password(operator: &Me, password: &Password) -> Result<()> {
    let credentials = operator.get(keys::operator_credentials(&operator.account().id)).await?.ok_or(Error::NotFound("account"))?;
    match operator.is_password(password, &credentials).await? {
        true => Ok(()),
        false => Err(Error::invalid("/password", "is not your password")),
    }
}

/// Set up a second factor: an authenticator app that makes codes. It is on when a first code has confirmed it.
#[utoipa::path(post, path = "/api/v1/platform/second-factor", operation_id = "begin_operator_second_factor", tag = "platform", request_body = PasswordAgain, security(("operator" = [])), responses((status = 200, body = Enrolment)))]
pub async fn begin(operator: Me, Body(form): Body<PasswordAgain>) -> Result<Answer, Problem> {
    check_password(&operator, &form.password).await?;
    let (me, before) = (operator.account(), kept(&operator).await?);
    let (seed, sealed) = operator.new_seed().await?;
    operator.commit(OperatorFactor::begin(&me.id, sealed, before)?).await?;
    Ok(Answer::ok(&Enrolment::new(&seed, &me.email)?)?)
}

/// Confirm the second factor by a first code. This session has thereby proved it, and may do all that operators do.
#[utoipa::path(post, path = "/api/v1/platform/second-factor/confirm", operation_id = "confirm_operator_second_factor", tag = "platform", request_body = Code, security(("operator" = [])), responses((status = 200, body = RecoveryCodes)))]
pub async fn confirm(operator: Me, Body(form): Body<Code>) -> Result<Answer, Problem> {
    let factor = begun(&operator).await?;
    let proof = operator.prove(&factor, &form.code).await?;
    let (recovery_codes, hashes) = operator.new_recovery_codes();
    // Never kept for a retry, as other answers are: they would stand in the table
    operator.commit(factor.confirm(proof.as_ref(), hashes, operator.session(), operator.now())?).await?;
    Ok(Answer::ok(&RecoveryCodes { recovery_codes })?)
}

/// Get new recovery codes; those before are good no more.
#[utoipa::path(post, path = "/api/v1/platform/second-factor/recovery-codes", operation_id = "renew_operator_recovery_codes", tag = "platform", request_body = PasswordAndCode, security(("operator" = [])), responses((status = 200, body = RecoveryCodes)))]
pub async fn renew(operator: Me, Body(form): Body<PasswordAndCode>) -> Result<Answer, Problem> {
    let factor = begun(&operator).await?;
    check_password(&operator, &form.password).await?;
    let proof = operator.prove(&factor, &form.code).await?;
    let (recovery_codes, hashes) = operator.new_recovery_codes();
    operator.commit(factor.renew(proof.as_ref(), hashes)?).await?;
    Ok(Answer::ok(&RecoveryCodes { recovery_codes })?)
}

/// Switch the second factor off, for another app or device. Every session of mine ends, this one too.
#[utoipa::path(post, path = "/api/v1/platform/second-factor/switch-off", operation_id = "switch_off_operator_second_factor", tag = "platform", request_body = PasswordAndCode, security(("operator" = [])), responses((status = 204)))]
pub async fn switch_off(operator: Me, Body(form): Body<PasswordAndCode>) -> Result<Answer, Problem> {
    let factor = begun(&operator).await?;
    check_password(&operator, &form.password).await?;
    let proof = operator.prove(&factor, &form.code).await?;
    let off = factor.switch_off(proof.as_ref(), operator.session())?;
    operator.commit(off.and(operator.roster().end_sessions_of(operator.account()))).await?;
    Ok(Answer::nothing())
}
