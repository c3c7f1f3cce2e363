use backend::{
    door::Can,
    keys,
    page::{Page, PageQuery, Paging},
    problem::Problem,
    web::{Answer, List},
};
use domain::{
    Error, Result,
    id::{ProjectId, TaskId, UserId},
    policy::ReadTasks,
    task::{Assignment, Task, TaskWord},
    text::words,
    workflow::State,
};
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// As they were made.
    #[default]
    Created,
    /// By when they are due; those without a date last.
    Due,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    Ascending,
    Descending,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TaskFilter {
    /// Tasks of this project. Needed unless an assignee is given.
    project: Option<ProjectId>,
    state: Option<State>,
    /// A person, or `me`.
    assignee: Option<String>,
    /// `true`: only those that are due and not closed. `false`: only others.
    overdue: Option<String>,
    /// Every word must begin a word of the task's title, description or labels.
    #[param(max_length = 100)]
    text: Option<String>,
    /// Not together with `text`.
    #[param(inline)]
    sort: Option<Sort>,
    #[param(inline)]
    order: Option<Order>,
}

/// What a task must be to be listed.
struct Wanted {
    project: Option<ProjectId>,
    state: Option<State>,
    assignee: Option<UserId>,
    overdue: Option<bool>,
    words: BTreeSet<String>,
    now: domain::Timestamp,
}

impl Wanted {
    fn fits(&self, task: &Task) -> bool {
        self.project.as_ref().is_none_or(|project| task.project == *project)
            && self.state.is_none_or(|state| task.state == state)
            && self.assignee.as_ref().is_none_or(|user| task.assignees.contains(user))
            && self.overdue.is_none_or(|overdue| task.is_overdue(self.now) == overdue)
            && task.matches(&self.words)
    }
}

/// Tasks by project, state, person, due date and words.
///
/// Search and a person's tasks follow a change within moments, not within it.
#[utoipa::path(get, path = "/api/v1/tasks", operation_id = "list_tasks", tag = "tasks", params(TaskFilter, PageQuery), responses((status = 200, body = Page<Task>)))]
pub async fn list(can: Can<ReadTasks>, List { filter, paging }: List<TaskFilter>) -> Result<Answer, Problem> {
    let wanted = wanted(&can, &filter)?;
    if wanted.words.is_empty() && filter.text.as_ref().is_some_and(|text| !text.trim().is_empty()) {
        // Signs alone are no words, and no task has them
        return Ok(Answer::ok(&Page::<Task> { items: Vec::new(), next: None })?);
    }
    let (sort, descending) = (filter.sort.unwrap_or_default(), filter.order == Some(Order::Descending));
    let page = match (&filter.project, wanted.words.iter().max_by_key(|word| word.len()), &wanted.assignee) {
        (Some(project), Some(word), _) if filter.sort.is_none() => by_word(&can, project, word, &wanted, &paging, descending).await?,
        (Some(_), Some(_), _) => return Err(Error::invalid("sort", "is not for a search, which sorts by the words it finds").into()),
        (Some(project), None, _) => {
            let range = match (wanted.state, sort) {
                (Some(state), Sort::Due) => keys::tasks_in(can.tenant(), project, state),
                (None, Sort::Due) => keys::tasks_by_due(can.tenant(), project),
                (_, Sort::Created) => keys::tasks(can.tenant(), project),
            };
            can.list_where(range, &paging, descending, |task| wanted.fits(task)).await?
        }
        (None, _, Some(_)) if filter.sort == Some(Sort::Created) => {
            return Err(Error::invalid("sort", "is due for a person's tasks, unless a project is given").into());
        }
        (None, _, Some(user)) => by_person(&can, user, &wanted, &paging, descending).await?,
        (None, _, None) => return Err(Error::invalid("project", "is needed unless an assignee is given").into()),
    };
    Ok(Answer::ok(&page)?)
}

fn wanted(can: &Can<ReadTasks>, filter: &TaskFilter) -> Result<Wanted> {
    let assignee = match filter.assignee.as_deref() {
        None => None,
        Some("me") => Some(can.user().clone()),
        Some(user) => Some(user.parse().map_err(|e: String| Error::invalid("assignee", e))?),
    };
    let overdue = match filter.overdue.as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(Error::invalid("overdue", "is neither true nor false")),
    };
    let text = filter.text.as_deref().unwrap_or_default();
    if text.chars().count() > domain::limits::SEARCH_TEXT {
        return Err(Error::invalid("text", format!("has more than {} characters", domain::limits::SEARCH_TEXT)));
    }
    Ok(Wanted { project: filter.project.clone(), state: filter.state, assignee, overdue, words: words([text]), now: can.now() })
}

async fn tasks(can: &Can<ReadTasks>, ids: impl Iterator<Item = &TaskId>) -> Result<Vec<Task>> {
    let mut seen = BTreeSet::new();
    let keys = ids.filter(|id| seen.insert((*id).clone())).map(|id| keys::task(can.tenant(), id)).collect();
    can.get_many(keys).await
}

async fn by_word(
    can: &Can<ReadTasks>,
    project: &ProjectId,
    word: &str,
    wanted: &Wanted,
    paging: &Paging,
    descending: bool,
) -> Result<Page<Task>> {
    let found: Page<TaskWord> = can.list(keys::tasks_with(can.tenant(), project, word), paging, descending).await?;
    let tasks = tasks(can, found.items.iter().map(|entry| &entry.task)).await?;
    // A task with several words that begin so is listed at the first of them, and on no other page again
    let listed = |task: &Task| {
        let first = task.words().into_iter().find(|own| own.starts_with(word));
        found.items.iter().any(|entry| entry.task == task.id && Some(&entry.word) == first.as_ref())
    };
    let items = tasks.into_iter().filter(|task| wanted.fits(task) && listed(task)).collect();
    Ok(Page { items, next: found.next })
}

async fn by_person(can: &Can<ReadTasks>, user: &UserId, wanted: &Wanted, paging: &Paging, descending: bool) -> Result<Page<Task>> {
    let range = match wanted.overdue {
        Some(true) => keys::assignments_due_before(can.tenant(), user, wanted.now),
        _ => keys::assignments(can.tenant(), user),
    };
    let found: Page<Assignment> = can.list(range, paging, descending).await?;
    let tasks = tasks(can, found.items.iter().map(|entry| &entry.task)).await?;
    // An entry that a newer date has replaced says nothing
    let current = |task: &Task| found.items.iter().any(|entry| entry.task == task.id && entry.due_at == task.due_at);
    let items = tasks.into_iter().filter(|task| wanted.fits(task) && current(task)).collect();
    Ok(Page { items, next: found.next })
}
