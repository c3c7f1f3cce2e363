use backend::{
    door::Can,
    keys,
    page::Page,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Result,
    commit::Commit,
    id::DepartmentId,
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
    let (id, draft) = (&DepartmentId::new(can.now(), can.random()), &draft);
    can.settle(|can| async move {
        let (one, commit) = structure(&can).await?.create(id.clone(), draft.clone(), can.now())?;
        let answer = Answer::versioned(one.version, &one)?.at(format_args!("/api/v1/departments/{}", one.id));
        Ok((commit, answer))
    })
    .await
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
/// It does not move below itself; the answer to that names the way by which it would. Where a move gives heads rights over it, or
/// takes them, it is made by those who could name these heads.
#[utoipa::path(patch, path = "/api/v1/departments/{department}", operation_id = "edit_department", tag = "organization", params(("department" = DepartmentId, Path), IfMatchHeader), request_body = DepartmentEdit, responses((status = 200, body = Department)))]
pub async fn edit(
    can: Can<ManageDepartments>,
    Path(id): Path<DepartmentId>,
    seen: IfMatch,
    Body(edit): Body<DepartmentEdit>,
) -> Result<Answer, Problem> {
    let (id, edit) = (&id, &edit);
    can.settle(|can| async move {
        let structure = find(&can, id, seen).await?;
        let from = structure.find(id)?.parent.clone();
        if let Some(to) = edit.parent.as_ref().filter(|to| **to != from) {
            can.check_heads(&structure, from.as_ref(), to.as_ref()).await?;
        }
        shown(structure.edit(id, edit.clone())?)
    })
    .await
}

/// Delete an empty department: one with departments below it, members or teams stays.
#[utoipa::path(delete, path = "/api/v1/departments/{department}", operation_id = "delete_department", tag = "organization", params(("department" = DepartmentId, Path), IfMatchHeader), responses((status = 204)))]
pub async fn delete(can: Can<ManageDepartments>, Path(id): Path<DepartmentId>, seen: IfMatch) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move {
        let structure = find(&can, id, seen).await?;
        let heads = structure.find(id)?.heads.iter().map(|head| keys::member(can.tenant(), head)).collect();
        let (heads, members, teams) = tokio::try_join!(
            can.get_many(heads),
            can.all(keys::members_in(can.tenant(), id), 1),
            can.all(keys::teams_in(can.tenant(), id), 1),
        )?;
        Ok((structure.delete(id, !members.is_empty(), !teams.is_empty(), &heads)?, Answer::nothing()))
    })
    .await
}

/// The structure with a department that is to be changed.
pub(crate) async fn find(can: &Can<ManageDepartments>, id: &DepartmentId, seen: IfMatch) -> Result<Structure> {
    let structure = structure(can).await?;
    seen.check_version("department", structure.find(id)?.version)?;
    Ok(structure)
}

pub(crate) fn shown((one, commit): (Department, Commit)) -> Result<(Commit, Answer)> {
    let answer = Answer::versioned(one.version, &one)?;
    Ok((commit, answer))
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
