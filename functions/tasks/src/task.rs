use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Error, Result,
    id::{TaskId, UserId},
    organization::{Membership, Standing},
    policy::{EditTasks, Grant, ReadTasks},
    project::Project,
    task::{Task, TaskDraft, TaskEdit},
    workflow::State,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Make a task.
#[utoipa::path(post, path = "/api/v1/tasks", operation_id = "create_task", tag = "tasks", request_body = TaskDraft, responses((status = 201, body = Task)))]
pub async fn create(can: Can<EditTasks>, Body(draft): Body<TaskDraft>) -> Result<Answer, Problem> {
    let (project, assignees) = tokio::join!(can.get(keys::project(can.tenant(), &draft.project)), check_assignees(&can, &draft.assignees));
    let project: Project = project?.ok_or_else(|| Error::invalid("/project", "is not a project of this organisation"))?;
    project.takes_tasks()?;
    assignees?;
    let id = TaskId::new(can.now(), can.random());
    let (task, commit) = Task::new(id, draft, can.user(), can.now())?;
    let answer = Answer::created(format_args!("/api/v1/tasks/{}", task.id), &task)?;
    Ok(can.answer(commit, answer).await?)
}

/// One task.
#[utoipa::path(get, path = "/api/v1/tasks/{task}", operation_id = "get_task", tag = "tasks", params(("task" = TaskId, Path)), responses((status = 200, body = Task)))]
pub async fn get(can: Can<ReadTasks>, Path(id): Path<TaskId>) -> Result<Answer, Problem> {
    Ok(Answer::record(&can.find(keys::task(can.tenant(), &id), "task").await?)?)
}

/// Edit a task.
#[utoipa::path(patch, path = "/api/v1/tasks/{task}", operation_id = "edit_task", tag = "tasks", params(("task" = TaskId, Path), IfMatchHeader), request_body = TaskEdit, responses((status = 200, body = Task)))]
pub async fn edit(can: Can<EditTasks>, Path(id): Path<TaskId>, seen: IfMatch, Body(edit): Body<TaskEdit>) -> Result<Answer, Problem> {
    let (id, edit) = (&id, &edit);
    can.settle(|can| async move {
        let assignees = edit.assignees.as_deref().unwrap_or_default();
        let (task, assignees) = tokio::join!(can.find(keys::task(can.tenant(), id), "task"), check_assignees(&can, assignees));
        let task: Task = seen.check(task?)?;
        assignees?;
        let (task, commit) = task.edit(edit.clone(), can.now())?;
        Ok((commit, Answer::record(&task)?))
    })
    .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StateChange {
    state: State,
}

/// Move a task to another state of the workflow. A refused move names those that are allowed.
#[utoipa::path(put, path = "/api/v1/tasks/{task}/state", operation_id = "set_task_state", tag = "tasks", params(("task" = TaskId, Path), IfMatchHeader), request_body = StateChange, responses((status = 200, body = Task)))]
pub async fn set_state(
    can: Can<EditTasks>,
    Path(id): Path<TaskId>,
    seen: IfMatch,
    Body(change): Body<StateChange>,
) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move {
        let task: Task = seen.check(can.find(keys::task(can.tenant(), id), "task").await?)?;
        let (task, commit) = task.move_to(change.state, can.now())?;
        Ok((commit, Answer::record(&task)?))
    })
    .await
}

/// Delete a task.
#[utoipa::path(delete, path = "/api/v1/tasks/{task}", operation_id = "delete_task", tag = "tasks", params(("task" = TaskId, Path), IfMatchHeader), responses((status = 204)))]
pub async fn delete(can: Can<EditTasks>, Path(id): Path<TaskId>, seen: IfMatch) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move {
        let task: Task = seen.check(can.find(keys::task(can.tenant(), id), "task").await?)?;
        Ok((task.delete(can.now()), Answer::nothing()))
    })
    .await
}

/// A task is given only to people who are there.
async fn check_assignees(can: &Can<EditTasks>, assignees: &[UserId]) -> Result<()> {
    if assignees.is_empty() {
        return Ok(());
    }
    if assignees.len() > domain::limits::ASSIGNEES {
        return Err(Error::invalid("/assignees", format!("has more than {} people", domain::limits::ASSIGNEES)));
    }
    let mut keys: Vec<_> = assignees.to_vec();
    keys.sort();
    keys.dedup();
    let members: Vec<Membership> = can.get_many(keys.iter().map(|user| keys::member(can.tenant(), user)).collect()).await?;
    // A guest could not open what was given to them
    let works = |member: &Membership| member.standing == Standing::Active && can.access().grants(member).allow(Grant::ReadTasks);
    let fits = |user: &UserId| members.iter().any(|member| member.user == *user && works(member));
    match assignees.iter().position(|user| !fits(user)) {
        Some(place) => Err(Error::invalid(&format!("/assignees/{place}"), "is nobody in this organisation who works on tasks")),
        None => Ok(()),
    }
}
