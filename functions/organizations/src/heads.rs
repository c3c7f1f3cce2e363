use crate::departments::change;
use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Result,
    id::{DepartmentId, UserId},
    organization::Membership,
    policy::ManageDepartments,
    structure::Department,
};

/// Name somebody head of a department.
#[utoipa::path(put, path = "/api/v1/departments/{department}/heads/{member}", operation_id = "name_head", tag = "organization", params(("department" = DepartmentId, Path), ("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Department)))]
pub async fn name(
    can: Can<ManageDepartments>,
    Path((department, user)): Path<(DepartmentId, UserId)>,
    seen: IfMatch,
) -> Result<Answer, Problem> {
    let member: Membership = can.find(keys::member(can.tenant(), &user), "member").await?;
    let one = change(&can, &department, seen, |structure| structure.name_head(&department, member.clone())).await?;
    Ok(Answer::versioned(one.version, &one)?)
}

/// Take somebody out of the heads of a department.
#[utoipa::path(delete, path = "/api/v1/departments/{department}/heads/{member}", operation_id = "remove_head", tag = "organization", params(("department" = DepartmentId, Path), ("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Department)))]
pub async fn remove(
    can: Can<ManageDepartments>,
    Path((department, user)): Path<(DepartmentId, UserId)>,
    seen: IfMatch,
) -> Result<Answer, Problem> {
    let member: Membership = can.find(keys::member(can.tenant(), &user), "member").await?;
    let one = change(&can, &department, seen, |structure| structure.remove_head(&department, member.clone())).await?;
    Ok(Answer::versioned(one.version, &one)?)
}
