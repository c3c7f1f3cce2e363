use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Result, Timestamp,
    commit::Commit,
    id::{ProjectId, UserId},
    organization::Membership,
    policy::InviteGuests,
    project::Project,
};

/// A guest is written elsewhere, too, as by what follows from their card: then it is decided anew.
async fn change(
    can: &Can<InviteGuests>,
    (id, user): (ProjectId, UserId),
    seen: IfMatch,
    rule: fn(Project, &Membership, Timestamp) -> Result<(Project, Commit)>,
) -> Result<Answer, Problem> {
    let (id, user) = (&id, &user);
    can.settle(|can| async move {
        let project: Project = seen.check(can.find(keys::project(can.tenant(), id), "project").await?)?;
        let guest: Membership = can.find(keys::member(can.tenant(), user), "member").await?;
        let (project, commit) = rule(project, &guest, can.now())?;
        Ok((commit, Answer::record(&project)?))
    })
    .await
}

/// Let a guest of the organisation see a project: its tasks, their comments and files. They may comment.
#[utoipa::path(put, path = "/api/v1/projects/{project}/guests/{member}", operation_id = "let_guest_in", tag = "projects", params(("project" = ProjectId, Path), ("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Project)))]
pub async fn let_in(can: Can<InviteGuests>, Path(whom): Path<(ProjectId, UserId)>, seen: IfMatch) -> Result<Answer, Problem> {
    change(&can, whom, seen, Project::let_in).await
}

/// A guest sees a project no more, at once and on open screens.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/guests/{member}", operation_id = "see_guest_out", tag = "projects", params(("project" = ProjectId, Path), ("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Project)))]
pub async fn see_out(can: Can<InviteGuests>, Path(whom): Path<(ProjectId, UserId)>, seen: IfMatch) -> Result<Answer, Problem> {
    change(&can, whom, seen, Project::see_out).await
}
