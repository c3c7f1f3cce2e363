use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Body},
};
use domain::{
    Error,
    organization::Organization,
    policy::RemoveOrganization,
    removal::{RemovalView, RemovalWish},
};

/// Have the organisation removed. It can be read, and changes nothing, from its next request on, its owners are told by mail, and
/// after thirty days everything it has is removed. Until then it can be kept.
#[utoipa::path(post, path = "/api/v1/organization/remove", operation_id = "remove_organization", tag = "organization", request_body = RemovalWish, responses((status = 200, body = RemovalView)))]
pub async fn remove(can: Can<RemoveOrganization>, Body(wish): Body<RemovalWish>) -> Result<Answer, Problem> {
    if !can.is_password(&wish.password).await? {
        return Err(Error::invalid("/password", "is not your password").into());
    }
    let organization: Organization = can.find(keys::organization(can.tenant()), "organisation").await?;
    let (planned, commit) = can.access().ask_for_removal(&organization, can.user(), wish, can.now())?;
    can.commit(commit).await?;
    Ok(Answer::ok(&planned)?)
}

/// Keep the organisation after all, where an owner asked for its removal. What was suspended before is so again.
#[utoipa::path(post, path = "/api/v1/organization/keep", operation_id = "keep_organization", tag = "organization", responses((status = 204)))]
pub async fn keep(can: Can<RemoveOrganization>) -> Result<Answer, Problem> {
    can.settle(|can| async move { Ok((can.access().keep(can.tenant().id())?, Answer::nothing())) }).await
}
