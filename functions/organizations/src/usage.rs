use backend::{door::Can, keys, problem::Problem, web::Answer};
use domain::{limits, policy::ReadUsage, usage::UsageView};

/// What the organisation uses: members, files, what was done in each of the last months, and an estimate of what that cost.
#[utoipa::path(get, path = "/api/v1/organization/usage", operation_id = "get_usage", tag = "organization", responses((status = 200, body = UsageView)))]
pub async fn get(can: Can<ReadUsage>) -> Result<Answer, Problem> {
    let storage = can.get(keys::storage(can.tenant())).await?.unwrap_or_default();
    let months = can.latest(keys::usages(can.tenant()), limits::USAGE_MONTHS).await?;
    Ok(Answer::ok(&UsageView::new(can.access().members, can.access().quota.clone(), &storage, months))?)
}
