use backend::{
    door::Can,
    page::Page,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    access::{Granting, GrantingDraft, GrantingEdit, GrantingId},
    id::{GroupId, RoleId},
    policy::{Grants, ManageRoles, ReadDirectory, Role},
};
use serde::Serialize;
use utoipa::ToSchema;

/// A built-in role and what it gives.
#[derive(Serialize, ToSchema)]
pub struct BuiltIn {
    role: Role,
    permissions: Grants,
}

/// The built-in roles and what each gives.
#[utoipa::path(get, path = "/api/v1/roles/built-in", operation_id = "list_built_in_roles", tag = "organization", responses((status = 200, body = Page<BuiltIn>)))]
pub async fn built_in(_: Can<ReadDirectory>) -> Result<Answer, Problem> {
    let items = Role::ALL.map(|role| BuiltIn { role, permissions: role.grants() }).into();
    Ok(Answer::ok(&Page { items, next: None })?)
}

async fn create<I: GrantingId>(can: &Can<ManageRoles>, id: I, draft: GrantingDraft, at: &str) -> Result<Answer, Problem> {
    let (id, draft) = (&id, &draft);
    can.settle(|can| async move {
        let (made, commit) = can.access().clone().create(id.clone(), draft.clone(), can.grants(), can.now())?;
        let answer = Answer::versioned(made.version, &made)?.at(format_args!("/api/v1/{at}/{}", made.id));
        Ok((commit, answer))
    })
    .await
}

async fn edit<I: GrantingId>(can: &Can<ManageRoles>, id: &I, seen: IfMatch, edit: GrantingEdit) -> Result<Answer, Problem> {
    let edit = &edit;
    can.settle(|can| async move {
        seen.check_version(I::WHAT, can.access().find(id)?.version)?;
        let (one, commit) = can.access().clone().edit(id, edit.clone(), can.grants())?;
        Ok((commit, Answer::versioned(one.version, &one)?))
    })
    .await
}

async fn delete<I: GrantingId>(can: &Can<ManageRoles>, id: &I, seen: IfMatch) -> Result<Answer, Problem> {
    can.settle(|can| async move {
        seen.check_version(I::WHAT, can.access().find(id)?.version)?;
        Ok((can.access().clone().delete(id, can.grants())?, Answer::nothing()))
    })
    .await
}

fn list<I: GrantingId>(can: &Can<ReadDirectory>) -> Result<Answer, Problem> {
    let items: Vec<Granting<I>> = I::all(can.access()).clone();
    Ok(Answer::ok(&Page { items, next: None })?)
}

/// The organisation's own roles.
#[utoipa::path(get, path = "/api/v1/roles", operation_id = "list_roles", tag = "organization", responses((status = 200, body = Page<Granting<RoleId>>)))]
pub async fn roles(can: Can<ReadDirectory>) -> Result<Answer, Problem> {
    list::<RoleId>(&can)
}

/// Name a set of permissions. Nobody names more than they have.
#[utoipa::path(post, path = "/api/v1/roles", operation_id = "create_role", tag = "organization", request_body = GrantingDraft, responses((status = 201, body = Granting<RoleId>)))]
pub async fn create_role(can: Can<ManageRoles>, Body(draft): Body<GrantingDraft>) -> Result<Answer, Problem> {
    create(&can, RoleId::new(can.now(), can.random()), draft, "roles").await
}

/// Change a role; it holds for all who have it at their next request.
#[utoipa::path(patch, path = "/api/v1/roles/{role}", operation_id = "edit_role", tag = "organization", params(("role" = RoleId, Path), IfMatchHeader), request_body = GrantingEdit, responses((status = 200, body = Granting<RoleId>)))]
pub async fn edit_role(
    can: Can<ManageRoles>,
    Path(id): Path<RoleId>,
    seen: IfMatch,
    Body(change): Body<GrantingEdit>,
) -> Result<Answer, Problem> {
    edit(&can, &id, seen, change).await
}

/// Delete a role; those who had it lose what it gave.
#[utoipa::path(delete, path = "/api/v1/roles/{role}", operation_id = "delete_role", tag = "organization", params(("role" = RoleId, Path), IfMatchHeader), responses((status = 204)))]
pub async fn delete_role(can: Can<ManageRoles>, Path(id): Path<RoleId>, seen: IfMatch) -> Result<Answer, Problem> {
    delete(&can, &id, seen).await
}

/// The groups.
#[utoipa::path(get, path = "/api/v1/groups", operation_id = "list_groups", tag = "organization", responses((status = 200, body = Page<Granting<GroupId>>)))]
pub async fn groups(can: Can<ReadDirectory>) -> Result<Answer, Problem> {
    list::<GroupId>(&can)
}

/// Make a group. Its members get the permissions it carries.
#[utoipa::path(post, path = "/api/v1/groups", operation_id = "create_group", tag = "organization", request_body = GrantingDraft, responses((status = 201, body = Granting<GroupId>)))]
pub async fn create_group(can: Can<ManageRoles>, Body(draft): Body<GrantingDraft>) -> Result<Answer, Problem> {
    create(&can, GroupId::new(can.now(), can.random()), draft, "groups").await
}

/// Change a group; it holds for its members at their next request.
#[utoipa::path(patch, path = "/api/v1/groups/{group}", operation_id = "edit_group", tag = "organization", params(("group" = GroupId, Path), IfMatchHeader), request_body = GrantingEdit, responses((status = 200, body = Granting<GroupId>)))]
pub async fn edit_group(
    can: Can<ManageRoles>,
    Path(id): Path<GroupId>,
    seen: IfMatch,
    Body(change): Body<GrantingEdit>,
) -> Result<Answer, Problem> {
    edit(&can, &id, seen, change).await
}

/// Delete a group; its members lose what it gave.
#[utoipa::path(delete, path = "/api/v1/groups/{group}", operation_id = "delete_group", tag = "organization", params(("group" = GroupId, Path), IfMatchHeader), responses((status = 204)))]
pub async fn delete_group(can: Can<ManageRoles>, Path(id): Path<GroupId>, seen: IfMatch) -> Result<Answer, Problem> {
    delete(&can, &id, seen).await
}
