use backend::{
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::Problem,
    web::{All, Answer, Body, List, Path},
};
use domain::{
    id::{CommentId, TaskId},
    policy::{CommentTasks, ReadTasks},
    task::{Comment, Task},
    text::Markdown,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Comments on a task, the oldest first.
#[utoipa::path(get, path = "/api/v1/tasks/{task}/comments", operation_id = "list_comments", tag = "tasks", params(("task" = TaskId, Path), PageQuery), responses((status = 200, body = Page<Comment>)))]
pub async fn list(can: Can<ReadTasks>, Path(id): Path<TaskId>, list: List<All>) -> Result<Answer, Problem> {
    can.find(keys::task(can.tenant(), &id), "task").await?;
    Ok(Answer::ok(&can.list(keys::comments(can.tenant(), &id), &list.paging, false).await?)?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentDraft {
    text: Markdown,
}

/// Comment on a task.
#[utoipa::path(post, path = "/api/v1/tasks/{task}/comments", operation_id = "write_comment", tag = "tasks", params(("task" = TaskId, Path)), request_body = CommentDraft, responses((status = 201, body = Comment)))]
pub async fn write(can: Can<CommentTasks>, Path(id): Path<TaskId>, Body(draft): Body<CommentDraft>) -> Result<Answer, Problem> {
    let task: Task = can.find(keys::task(can.tenant(), &id), "task").await?;
    let comment_id = CommentId::new(can.now(), can.random());
    let (comment, commit) = Comment::new(comment_id, &task, can.user(), can.name(), draft.text, can.now())?;
    let answer = Answer::created(format_args!("/api/v1/tasks/{id}/comments/{}", comment.id), &comment)?;
    Ok(can.answer(commit, answer).await?)
}
