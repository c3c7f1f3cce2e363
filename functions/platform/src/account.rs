use backend::{
    keys,
    platform::Operator,
    problem::Problem,
    web::{Answer, Body},
};
use domain::{
    Error,
    password::NewPassword,
    platform::{OperatorView, UseOperatorAccount},
    text::Password,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Whom an operator's token speaks for.
#[utoipa::path(get, path = "/api/v1/platform/me", operation_id = "get_me_operator", tag = "platform", security(("operator" = [])), responses((status = 200, body = OperatorView)))]
pub async fn me(operator: Operator<UseOperatorAccount>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&operator.account().view())?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorPasswordChange {
    #[schema(format = Password)]
    current: Password,
    new: NewPassword,
}

/// Change my password. Every session of mine ends, this one too.
#[utoipa::path(post, path = "/api/v1/platform/change-password", operation_id = "change_operator_password", tag = "platform", request_body = OperatorPasswordChange, security(("operator" = [])), responses((status = 204)))]
pub async fn change_password(operator: Operator<UseOperatorAccount>, Body(form): Body<OperatorPasswordChange>) -> Result<Answer, Problem> {
    let me = operator.account();
    let credentials = operator.get(keys::operator_credentials(&me.id)).await?.ok_or(Error::NotFound("account"))?;
    if !operator.is_password(&form.current, &credentials).await? {
        return Err(Error::invalid("/current", "is not your password").into());
    }
    let hash = operator.hash(&form.new).await?;
    operator.commit(operator.roster().change_password(me, &credentials, hash, operator.now())).await?;
    Ok(Answer::nothing())
}

/// Sign out: the token is refused at once.
#[utoipa::path(post, path = "/api/v1/platform/logout", operation_id = "log_out_operator", tag = "platform", security(("operator" = [])), responses((status = 204)))]
pub async fn logout(operator: Operator<UseOperatorAccount>) -> Result<Answer, Problem> {
    match operator.commit(operator.session().end()).await {
        // Signed out twice at once
        Ok(()) | Err(Error::Stale { .. }) => Ok(Answer::nothing()),
        Err(error) => Err(error.into()),
    }
}
