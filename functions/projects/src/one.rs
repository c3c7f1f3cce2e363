use crate::project::{check_move, check_place, lead_of};
use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    id::ProjectId,
    limits,
    policy::{EditProjects, ReadProjects},
    project::{Project, ProjectEdit, ProjectStatistics, ProjectStatus},
    task::Task,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// One project.
#[utoipa::path(get, path = "/api/v1/projects/{project}", operation_id = "get_project", tag = "projects", params(("project" = ProjectId, Path)), responses((status = 200, body = Project)))]
pub async fn get(can: Can<ReadProjects>, Path(id): Path<ProjectId>) -> Result<Answer, Problem> {
    let project: Project = can.find(keys::project(can.tenant(), &id), "project").await?;
    Ok(Answer::record(&project.as_shown_to(can.role()))?)
}

/// Edit a project.
///
/// It is moved to another team or department by those who could have made it there, and taken out of them by those who make
/// projects anywhere.
#[utoipa::path(patch, path = "/api/v1/projects/{project}", operation_id = "edit_project", tag = "projects", params(("project" = ProjectId, Path), IfMatchHeader), request_body = ProjectEdit, responses((status = 200, body = Project)))]
pub async fn edit(
    can: Can<EditProjects>,
    Path(id): Path<ProjectId>,
    seen: IfMatch,
    Body(edit): Body<ProjectEdit>,
) -> Result<Answer, Problem> {
    let (id, edit) = (&id, &edit);
    can.settle(|can| async move {
        let project: Project = seen.check(can.find(keys::project(can.tenant(), id), "project").await?)?;
        check_place(&can, edit.new_team(&project), edit.new_department(&project)).await?;
        check_move(&can, &project, edit).await?;
        let (mut before, mut after) = (None, None);
        if let Some(lead) = &edit.lead {
            if let Some(lead) = &project.lead {
                before = can.get(keys::member(can.tenant(), lead)).await?;
            }
            if let Some(lead) = lead {
                after = Some(lead_of(&can, lead).await?);
            }
        }
        let (project, commit) = project.edit(edit.clone(), (before.as_ref(), after.as_ref()), can.now())?;
        Ok((commit, Answer::record(&project)?))
    })
    .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusChange {
    status: ProjectStatus,
}

/// Change the status of a project.
#[utoipa::path(put, path = "/api/v1/projects/{project}/status", operation_id = "set_project_status", tag = "projects", params(("project" = ProjectId, Path), IfMatchHeader), request_body = StatusChange, responses((status = 200, body = Project)))]
pub async fn set_status(
    can: Can<EditProjects>,
    Path(id): Path<ProjectId>,
    seen: IfMatch,
    Body(change): Body<StatusChange>,
) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move {
        let project: Project = seen.check(can.find(keys::project(can.tenant(), id), "project").await?)?;
        let (project, commit) = project.set_status(change.status, can.now());
        Ok((commit, Answer::record(&project)?))
    })
    .await
}

/// Figures of a project: tasks by state, overdue, progress.
#[utoipa::path(get, path = "/api/v1/projects/{project}/statistics", operation_id = "get_project_statistics", tag = "projects", params(("project" = ProjectId, Path)), responses((status = 200, body = ProjectStatistics)))]
pub async fn statistics(can: Can<ReadProjects>, Path(id): Path<ProjectId>) -> Result<Answer, Problem> {
    can.find(keys::project(can.tenant(), &id), "project").await?;
    let tasks: Vec<Task> = can.all(keys::tasks(can.tenant(), &id), limits::COUNTED_TASKS).await?;
    Ok(Answer::ok(&ProjectStatistics::of(&tasks, tasks.len() >= limits::COUNTED_TASKS, can.now()))?)
}
