use crate::departments::{find, shown};
use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Result,
    commit::Commit,
    id::{DepartmentId, UserId},
    organization::Membership,
    policy::ManageDepartments,
    structure::{Department, Structure},
};

async fn change(
    can: Can<ManageDepartments>,
    id: &DepartmentId,
    user: &UserId,
    seen: IfMatch,
    rule: impl Fn(Structure, Membership) -> Result<(Department, Commit)>,
) -> Result<Answer> {
    let rule = &rule;
    can.settle(|can| async move {
        let member: Membership = can.find(keys::member(can.tenant(), user), "member").await?;
        shown(rule(find(&can, id, seen).await?, member)?)
    })
    .await
}

/// Name somebody head of a department.
#[utoipa::path(put, path = "/api/v1/departments/{department}/heads/{member}", operation_id = "name_head", tag = "organization", params(("department" = DepartmentId, Path), ("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Department)))]
pub async fn name(
    can: Can<ManageDepartments>,
    Path((department, user)): Path<(DepartmentId, UserId)>,
    seen: IfMatch,
) -> Result<Answer, Problem> {
    Ok(change(can, &department, &user, seen, |structure, member| structure.name_head(&department, member)).await?)
}

/// Take somebody out of the heads of a department.
#[utoipa::path(delete, path = "/api/v1/departments/{department}/heads/{member}", operation_id = "remove_head", tag = "organization", params(("department" = DepartmentId, Path), ("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Department)))]
pub async fn remove(
    can: Can<ManageDepartments>,
    Path((department, user)): Path<(DepartmentId, UserId)>,
    seen: IfMatch,
) -> Result<Answer, Problem> {
    Ok(change(can, &department, &user, seen, |structure, member| structure.remove_head(&department, member)).await?)
}
