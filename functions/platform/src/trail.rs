use backend::{
    page::{Page, PageQuery},
    platform::Operator,
    problem::Problem,
    web::{Answer, List},
};
use domain::{commit::Change, id::OrganizationId, platform::ReadPlatformTrail};
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ActFilter {
    /// Only what was done to this organisation.
    organization: Option<OrganizationId>,
}

/// What operators did: who, when, from where, and what it was before and after; the latest first.
#[utoipa::path(get, path = "/api/v1/platform/changes", operation_id = "list_platform_changes", tag = "platform", params(ActFilter, PageQuery), security(("operator" = [])), responses((status = 200, body = Page<Change>)))]
pub async fn changes(operator: Operator<ReadPlatformTrail>, list: List<ActFilter>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&operator.changes(list.filter.organization, &list.paging).await?)?)
}
