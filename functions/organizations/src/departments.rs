use backend::{
    door::Can,
    keys,
    page::Page,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Error, Result,
    commit::{Commit, Kept},
    id::DepartmentId,
    limits,
    policy::{ManageDepartments, Permission, ReadDirectory, Reads},
    structure::{Department, DepartmentDraft, DepartmentEdit, Structure},
};

/// All departments with their places in the tree.
#[utoipa::path(get, path = "/api/v1/departments", operation_id = "list_departments", tag = "organization", responses((status = 200, body = Page<Department>)))]
pub async fn list(can: Can<ReadDirectory>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&Page { items: structure(&can).await?.departments, next: None })?)
}

/// Make a department, at the top or below another.
#[utoipa::path(post, path = "/api/v1/departments", operation_id = "create_department", tag = "organization", request_body = DepartmentDraft, responses((status = 201, body = Department)))]
pub async fn create(can: Can<ManageDepartments>, Body(draft): Body<DepartmentDraft>) -> Result<Answer, Problem> {
    let id = DepartmentId::new(can.now(), can.random());
    for tries in 0..limits::CONTENDED_TRIES {
        let (one, commit) = structure(&can).await?.create(id.clone(), draft.clone(), can.now())?;
        let answer = Answer::versioned(one.version, &one)?.at(format_args!("/api/v1/departments/{}", one.id));
        match can.answer(commit, answer).await {
            // Another department was changed in this moment
            Err(Error::Stale { kind: Structure::KIND, .. }) => can.step_aside(tries).await,
            other => return Ok(other?),
        }
    }
    Err(Error::Busy("the departments keep changing".into()).into())
}

/// One department.
#[utoipa::path(get, path = "/api/v1/departments/{department}", operation_id = "get_department", tag = "organization", params(("department" = DepartmentId, Path)), responses((status = 200, body = Department)))]
pub async fn get(can: Can<ReadDirectory>, Path(id): Path<DepartmentId>) -> Result<Answer, Problem> {
    let structure = structure(&can).await?;
    let one = structure.find(&id)?;
    Ok(Answer::versioned(one.version, one)?)
}

/// Rename a department, or move it with all below it.
///
/// It does not move below itself; the answer to that names the way by which it would.
#[utoipa::path(patch, path = "/api/v1/departments/{department}", operation_id = "edit_department", tag = "organization", params(("department" = DepartmentId, Path), IfMatchHeader), request_body = DepartmentEdit, responses((status = 200, body = Department)))]
pub async fn edit(
    can: Can<ManageDepartments>,
    Path(id): Path<DepartmentId>,
    seen: IfMatch,
    Body(edit): Body<DepartmentEdit>,
) -> Result<Answer, Problem> {
    let one = change(&can, &id, seen, |structure| structure.edit(&id, edit.clone())).await?;
    Ok(Answer::versioned(one.version, &one)?)
}

/// Delete an empty department: one with departments below it, members or teams stays.
#[utoipa::path(delete, path = "/api/v1/departments/{department}", operation_id = "delete_department", tag = "organization", params(("department" = DepartmentId, Path), IfMatchHeader), responses((status = 204)))]
pub async fn delete(can: Can<ManageDepartments>, Path(id): Path<DepartmentId>, seen: IfMatch) -> Result<Answer, Problem> {
    let department = structure(&can).await?.find(&id)?.clone();
    let heads = department.heads.iter().map(|head| keys::member(can.tenant(), head)).collect();
    let (heads, members, teams) = tokio::try_join!(
        can.get_many(heads),
        can.all(keys::members_in(can.tenant(), &id), 1),
        can.all(keys::teams_in(can.tenant(), &id), 1),
    )?;
    change(&can, &id, seen, |structure| Ok(((), structure.delete(&id, !members.is_empty(), !teams.is_empty(), &heads)?))).await?;
    Ok(Answer::nothing())
}

/// Changes one department. Who changed another one in the same moment is in nobody's way: the rule is asked again.
pub(crate) async fn change<T>(
    can: &Can<ManageDepartments>,
    id: &DepartmentId,
    seen: IfMatch,
    rule: impl Fn(Structure) -> Result<(T, Commit)>,
) -> Result<T> {
    for tries in 0..limits::CONTENDED_TRIES {
        let structure = structure(can).await?;
        seen.check_version("department", structure.find(id)?.version)?;
        let (made, commit) = rule(structure)?;
        match can.commit(commit).await {
            Err(Error::Stale { kind: Structure::KIND, .. }) => can.step_aside(tries).await,
            other => return other.map(|()| made),
        }
    }
    Err(Error::Busy("the departments keep changing".into()))
}

pub(crate) async fn structure<P: Permission + Reads<Structure>>(can: &Can<P>) -> Result<Structure> {
    can.find(keys::structure(can.tenant()), "structure").await
}

/// Nobody is put into a department that is not there.
pub(crate) async fn check_department<P: Permission + Reads<Structure>>(can: &Can<P>, department: Option<&DepartmentId>) -> Result<()> {
    match department {
        Some(department) => structure(can).await?.check(department),
        None => Ok(()),
    }
}
