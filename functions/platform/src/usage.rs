use backend::{
    keys,
    platform::Operator,
    problem::Problem,
    web::{Answer, List, Path},
};
use domain::{
    id::OrganizationId,
    limits,
    platform::ReadTenants,
    usage::{Month, UsageSum, UsageView},
};
use serde::Deserialize;
use utoipa::IntoParams;

/// What one organisation uses, as it sees it itself.
#[utoipa::path(get, path = "/api/v1/platform/tenants/{organization}/usage", operation_id = "get_tenant_usage", tag = "platform", params(("organization" = OrganizationId, Path)), security(("operator" = [])), responses((status = 200, body = UsageView)))]
pub async fn of_tenant(operator: Operator<ReadTenants>, Path(id): Path<OrganizationId>) -> Result<Answer, Problem> {
    let house = operator.house(&id).await?;
    let tenant = operator.tenant(&id)?;
    let storage = operator.get(keys::storage(&tenant)).await?.unwrap_or_default();
    let months = operator.latest(keys::usages(&tenant), limits::USAGE_MONTHS).await?;
    Ok(Answer::ok(&UsageView::new(house.access.members, house.access.quota, &storage, months))?)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UsageFilter {
    /// The present one when absent.
    month: Option<Month>,
}

/// What all organisations together used in a month, and an estimate of what that cost.
#[utoipa::path(get, path = "/api/v1/platform/usage", operation_id = "get_platform_usage", tag = "platform", params(UsageFilter), security(("operator" = [])), responses((status = 200, body = UsageSum)))]
pub async fn of_all(operator: Operator<ReadTenants>, list: List<UsageFilter>) -> Result<Answer, Problem> {
    let month = list.filter.month.unwrap_or_else(|| Month::of(operator.now()));
    let (usages, complete) = operator.usages(&month).await?;
    Ok(Answer::ok(&UsageSum::new(month, &usages, complete))?)
}
