//! A task, its comments, and what can be found of it.

use crate::{
    Error, Result, Timestamp,
    commit::{Commit, Record},
    id::*,
    limits,
    text::*,
    timer::{Purpose, Timer},
    workflow::State,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    Low,
    #[default]
    Normal,
    High,
    Urgent,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    pub id: TaskId,
    pub project: ProjectId,
    pub title: Line,
    pub description: Markdown,
    pub state: State,
    pub priority: Priority,
    pub assignees: Vec<UserId>,
    pub labels: Vec<Label>,
    pub due_at: Option<Timestamp>,
    /// How long before it is due its people are reminded, besides the moment itself.
    pub remind_minutes: Option<u32>,
    pub estimate_minutes: Option<u32>,
    pub created_by: UserId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub version: u64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskDraft {
    pub project: ProjectId,
    #[schema(example = "Paint the fence")]
    pub title: Line,
    pub description: Option<Markdown>,
    #[serde(default)]
    pub priority: Priority,
    #[serde(default)]
    pub assignees: Vec<UserId>,
    #[serde(default)]
    pub labels: Vec<Label>,
    pub due_at: Option<Timestamp>,
    #[schema(maximum = 40_320)]
    pub remind_minutes: Option<u32>,
    #[schema(maximum = 600_000)]
    pub estimate_minutes: Option<u32>,
}

/// What may change about a task; what is absent stays, and `null` clears a date or a number.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub title: Option<Line>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub description: Option<Markdown>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub priority: Option<Priority>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub assignees: Option<Vec<UserId>>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub labels: Option<Vec<Label>>,
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Timestamp>)]
    pub due_at: Option<Option<Timestamp>>,
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<u32>)]
    pub remind_minutes: Option<Option<u32>>,
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<u32>)]
    pub estimate_minutes: Option<Option<u32>>,
}

impl Task {
    pub fn new(id: TaskId, draft: TaskDraft, by: &UserId, now: Timestamp) -> Result<(Self, Commit)> {
        let task = Self {
            id,
            project: draft.project,
            title: draft.title,
            description: draft.description.unwrap_or_else(Markdown::none),
            state: State::Open,
            priority: draft.priority,
            assignees: draft.assignees,
            labels: draft.labels,
            due_at: draft.due_at,
            remind_minutes: draft.remind_minutes,
            estimate_minutes: draft.estimate_minutes,
            created_by: by.clone(),
            created_at: now,
            updated_at: now,
            closed_at: None,
            version: 1,
        }
        .checked()?;
        let commit = Commit::create("task.created", task.clone());
        Ok((task.clone(), task.timed(None, commit, now)))
    }

    pub fn edit(self, edit: TaskEdit, now: Timestamp) -> Result<(Self, Commit)> {
        let after = Self {
            title: edit.title.unwrap_or_else(|| self.title.clone()),
            description: edit.description.unwrap_or_else(|| self.description.clone()),
            priority: edit.priority.unwrap_or(self.priority),
            assignees: edit.assignees.unwrap_or_else(|| self.assignees.clone()),
            labels: edit.labels.unwrap_or_else(|| self.labels.clone()),
            due_at: edit.due_at.unwrap_or(self.due_at),
            remind_minutes: edit.remind_minutes.unwrap_or(self.remind_minutes),
            estimate_minutes: edit.estimate_minutes.unwrap_or(self.estimate_minutes),
            updated_at: now,
            version: self.version + 1,
            ..self.clone()
        }
        .checked()?;
        let (after, commit) = Commit::edit("task.edited", self.clone(), after);
        let commit = if commit.is_empty() { commit } else { after.clone().timed(Some(&self), commit, now) };
        Ok((after, commit))
    }

    pub fn move_to(self, state: State, now: Timestamp) -> Result<(Self, Commit)> {
        let after = Self {
            state: self.state.move_to(state)?,
            updated_at: now,
            closed_at: state.is_closed().then_some(now),
            version: self.version + 1,
            ..self.clone()
        };
        let commit = Commit::replace("task.moved", self.clone(), after.clone());
        Ok((after.clone(), after.timed(Some(&self), commit, now)))
    }

    pub fn delete(self, now: Timestamp) -> Commit {
        let gone = Self { state: State::Cancelled, ..self.clone() };
        gone.timed(Some(&self), Commit::delete("task.deleted", self.clone()), now)
    }

    fn checked(mut self) -> Result<Self> {
        let mut seen = BTreeSet::new();
        self.assignees.retain(|user| seen.insert(user.clone()));
        let faults = [
            (self.assignees.len() > limits::ASSIGNEES, "/assignees", "has more than 10 people"),
            (self.due_at.is_some_and(|due| !limits::DATES.contains(&due)), "/due_at", "is not between 1970 and 2200"),
            (self.labels.len() > limits::LABELS, "/labels", "has more than 20 labels"),
            (self.remind_minutes.is_some_and(|m| m > 40_320), "/remind_minutes", "is more than four weeks"),
            (self.estimate_minutes.is_some_and(|m| m > 600_000), "/estimate_minutes", "is more than 10,000 hours"),
        ];
        match faults.into_iter().find(|(wrong, ..)| *wrong) {
            Some((_, field, message)) => Err(Error::invalid(field, message)),
            None => Ok(self),
        }
    }

    pub fn is_overdue(&self, now: Timestamp) -> bool {
        !self.state.is_closed() && self.due_at.is_some_and(|due| due < now)
    }

    /// When its people are to be told, and why.
    fn moments(&self) -> Vec<(Timestamp, Purpose)> {
        let Some(due) = self.due_at.filter(|_| !self.state.is_closed()) else { return Vec::new() };
        let soon = self.remind_minutes.filter(|minutes| *minutes > 0);
        let soon =
            soon.map(|minutes| (due - jiff::SignedDuration::from_mins(minutes.into()), Purpose::TaskDueSoon { task: self.id.clone() }));
        soon.into_iter().chain([(due, Purpose::TaskDue { task: self.id.clone() })]).collect()
    }

    pub fn timers(&self) -> Vec<Timer> {
        self.moments().into_iter().map(|(at, purpose)| Timer::new(purpose, at)).collect()
    }

    /// Sets the timers that now hold and removes those that no longer do; a moment already past sets none.
    fn timed(&self, before: Option<&Task>, mut commit: Commit, now: Timestamp) -> Commit {
        let (old, new) = (before.map(Task::timers).unwrap_or_default(), self.timers());
        for timer in old.iter().filter(|timer| !new.contains(timer)) {
            commit = commit.also_remove(timer.clone());
        }
        for timer in new.iter().filter(|timer| !old.contains(timer) && timer.at > now) {
            commit = commit.also_put(timer.clone());
        }
        commit
    }

    /// The words a search finds it by.
    pub fn words(&self) -> BTreeSet<String> {
        // A long description is found by its first words; title and labels by all of theirs
        let labels = self.labels.iter().map(Label::as_str);
        words([self.title.as_str()].into_iter().chain(labels).chain([self.description.as_str()]))
    }

    /// Every record by which this task is found: its words in its project, and its people.
    pub fn entries(&self) -> Vec<Record> {
        let words = self.words().into_iter().map(|word| {
            let entry = TaskWord { project: self.project.clone(), word, task: self.id.clone() };
            Record::from(entry)
        });
        let people = self.assignees.iter().map(|user| {
            let entry = Assignment { user: user.clone(), due_at: self.due_at, task: self.id.clone() };
            Record::from(entry)
        });
        words.chain(people).collect()
    }

    /// Every word of the search begins a word of the task.
    pub fn matches(&self, search: &BTreeSet<String>) -> bool {
        let own = self.words();
        search.iter().all(|sought| own.iter().any(|word| word.starts_with(sought.as_str())))
    }
}

/// A word of a task, by which a search finds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskWord {
    pub project: ProjectId,
    pub word: String,
    pub task: TaskId,
}

/// A person has a task, sorted by when it is due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    pub user: UserId,
    pub due_at: Option<Timestamp>,
    pub task: TaskId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Comment {
    pub id: CommentId,
    pub task: TaskId,
    pub project: ProjectId,
    pub author: UserId,
    pub author_name: String,
    pub text: Markdown,
    pub created_at: Timestamp,
    pub version: u64,
}

impl Comment {
    pub fn new(id: CommentId, task: &Task, author: &UserId, author_name: &str, text: Markdown, now: Timestamp) -> Result<(Self, Commit)> {
        if text.as_str().trim().is_empty() {
            return Err(Error::invalid("/text", "is empty"));
        }
        let comment = Self {
            id,
            task: task.id.clone(),
            project: task.project.clone(),
            author: author.clone(),
            author_name: author_name.to_owned(),
            text,
            created_at: now,
            version: 1,
        };
        Ok((comment.clone(), Commit::create("comment.written", comment)))
    }
}
