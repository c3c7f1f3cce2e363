use backend::{
    keys,
    page::Page,
    platform::Operator,
    problem::Problem,
    web::{Answer, Body, Path},
};
use domain::{
    id::OperatorId,
    platform::{ManageOperators, OperatorAccount, OperatorInvitation, OperatorView},
    text::Email,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Everybody who runs the platform, and who is invited to.
#[utoipa::path(get, path = "/api/v1/platform/operators", operation_id = "list_operators", tag = "platform", security(("operator" = [])), responses((status = 200, body = Page<OperatorView>)))]
pub async fn list(operator: Operator<ManageOperators>) -> Result<Answer, Problem> {
    let (roster, now) = (operator.roster(), operator.now());
    let waiting = roster.invited.iter().filter(|invited| now < invited.expires_at).map(OperatorInvitation::view);
    let items = roster.operators.iter().map(OperatorAccount::view).chain(waiting).collect();
    Ok(Answer::ok(&Page { items, next: None })?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorDraft {
    email: Email,
}

/// Invite somebody to run the platform. The one-time link stands in the mail and nowhere else; inviting again sends another.
#[utoipa::path(post, path = "/api/v1/platform/operators", operation_id = "invite_operator", tag = "platform", request_body = OperatorDraft, security(("operator" = [])), responses((status = 201, body = OperatorView)))]
pub async fn invite(operator: Operator<ManageOperators>, Body(draft): Body<OperatorDraft>) -> Result<Answer, Problem> {
    let id = OperatorId::new(operator.now(), operator.random());
    let (invited, commit) = operator.roster().invite(id, draft.email, operator.account(), operator.now())?;
    let answer = Answer::ok(&invited.view())?.at(format_args!("/api/v1/platform/operators/{}", invited.id));
    Ok(operator.answer(commit, answer).await?)
}

/// Take an operator out, who is out at once, or an invitation back. The last operator stays.
#[utoipa::path(delete, path = "/api/v1/platform/operators/{operator}", operation_id = "remove_operator", tag = "platform", params(("operator" = OperatorId, Path)), security(("operator" = [])), responses((status = 204)))]
pub async fn remove(operator: Operator<ManageOperators>, Path(id): Path<OperatorId>) -> Result<Answer, Problem> {
    let (credentials, factor) = tokio::try_join!(operator.get(keys::operator_credentials(&id)), operator.get(keys::operator_factor(&id)))?;
    operator.commit(operator.roster().remove(&id, credentials, factor)?).await?;
    Ok(Answer::nothing())
}
