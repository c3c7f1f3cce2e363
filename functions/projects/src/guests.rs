use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, IfMatch, IfMatchHeader, Path},
};
use domain::{
    id::{ProjectId, UserId},
    organization::Membership,
    policy::InviteGuests,
    project::Project,
};

/// Let a guest of the organisation see a project: its tasks, their comments and files. They may comment.
#[utoipa::path(put, path = "/api/v1/projects/{project}/guests/{member}", operation_id = "let_guest_in", tag = "projects", params(("project" = ProjectId, Path), ("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Project)))]
pub async fn let_in(can: Can<InviteGuests>, Path((id, user)): Path<(ProjectId, UserId)>, seen: IfMatch) -> Result<Answer, Problem> {
    let (id, user) = (&id, &user);
    can.settle(|can| async move {
        let project: Project = seen.check(can.find(keys::project(can.tenant(), id), "project").await?)?;
        let guest: Membership = can.find(keys::member(can.tenant(), user), "member").await?;
        let (project, commit) = project.let_in(&guest, can.now())?;
        Ok((commit, Answer::record(&project)?))
    })
    .await
}

/// A guest sees a project no more, at once and on open screens.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/guests/{member}", operation_id = "see_guest_out", tag = "projects", params(("project" = ProjectId, Path), ("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Project)))]
pub async fn see_out(can: Can<InviteGuests>, Path((id, user)): Path<(ProjectId, UserId)>, seen: IfMatch) -> Result<Answer, Problem> {
    let (id, user) = (&id, &user);
    can.settle(|can| async move {
        let project: Project = seen.check(can.find(keys::project(can.tenant(), id), "project").await?)?;
        let guest: Membership = can.find(keys::member(can.tenant(), user), "member").await?;
        let (project, commit) = project.see_out(&guest, can.now())?;
        Ok((commit, Answer::record(&project)?))
    })
    .await
}
