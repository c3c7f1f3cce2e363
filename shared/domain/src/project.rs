//! A project and its life.

use crate::{Error, Result, Timestamp, commit::Commit, id::*, task::Task, text::*, workflow::State};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProjectStatus {
    Planned,
    Active,
    OnHold,
    Completed,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    pub id: ProjectId,
    pub name: Line,
    pub description: Markdown,
    pub status: ProjectStatus,
    pub lead: Option<UserId>,
    /// First and last day, in the project's time zone.
    pub starts_on: Option<Date>,
    pub ends_on: Option<Date>,
    pub zone: Zone,
    pub created_by: UserId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: u64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectDraft {
    pub name: Line,
    #[serde(default)]
    pub description: Option<Markdown>,
    pub lead: Option<UserId>,
    pub starts_on: Option<Date>,
    pub ends_on: Option<Date>,
    #[serde(default)]
    pub zone: Zone,
}

/// What may change about a project; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectEdit {
    pub name: Option<Line>,
    pub description: Option<Markdown>,
    pub lead: Option<UserId>,
    pub starts_on: Option<Date>,
    pub ends_on: Option<Date>,
}

/// Figures of one project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProjectStatistics {
    /// Tasks by state; every state is listed.
    pub tasks: std::collections::BTreeMap<String, u64>,
    pub total: u64,
    pub overdue: u64,
    /// Whole per cent of the tasks that are not cancelled and are done.
    pub progress: u8,
    /// True when the project has more tasks than were counted.
    pub partial: bool,
}

fn in_order(starts_on: Option<Date>, ends_on: Option<Date>) -> Result<()> {
    match (starts_on, ends_on) {
        (Some(start), Some(end)) if end < start => Err(Error::invalid("/ends_on", "is before the start")),
        _ => Ok(()),
    }
}

impl Project {
    pub fn new(id: ProjectId, draft: ProjectDraft, by: &UserId, now: Timestamp) -> Result<(Self, Commit)> {
        in_order(draft.starts_on, draft.ends_on)?;
        let project = Self {
            id,
            name: draft.name,
            description: draft.description.unwrap_or_else(Markdown::none),
            status: ProjectStatus::Planned,
            lead: draft.lead,
            starts_on: draft.starts_on,
            ends_on: draft.ends_on,
            zone: draft.zone,
            created_by: by.clone(),
            created_at: now,
            updated_at: now,
            version: 1,
        };
        Ok((project.clone(), Commit::create("project.created", project)))
    }

    pub fn edit(self, edit: ProjectEdit, now: Timestamp) -> Result<(Self, Commit)> {
        let after = Self {
            name: edit.name.unwrap_or_else(|| self.name.clone()),
            description: edit.description.unwrap_or_else(|| self.description.clone()),
            lead: edit.lead.or_else(|| self.lead.clone()),
            starts_on: edit.starts_on.or(self.starts_on),
            ends_on: edit.ends_on.or(self.ends_on),
            updated_at: now,
            version: self.version + 1,
            ..self.clone()
        };
        in_order(after.starts_on, after.ends_on)?;
        Ok((after.clone(), Commit::replace("project.edited", self, after)))
    }

    pub fn set_status(self, status: ProjectStatus, now: Timestamp) -> (Self, Commit) {
        let after = Self { status, updated_at: now, version: self.version + 1, ..self.clone() };
        (after.clone(), Commit::replace("project.status_changed", self, after))
    }

    /// A project that has ended takes no new tasks.
    pub fn takes_tasks(&self) -> Result<()> {
        match self.status {
            ProjectStatus::Completed | ProjectStatus::Cancelled => {
                Err(Error::Conflict("the project has ended; change its status first".to_owned()))
            }
            ProjectStatus::Planned | ProjectStatus::Active | ProjectStatus::OnHold => Ok(()),
        }
    }
}

impl ProjectStatistics {
    pub fn of(tasks: &[Task], partial: bool, now: Timestamp) -> Self {
        let mut by_state: std::collections::BTreeMap<_, _> = State::ALL.iter().map(|state| (state.as_str().to_owned(), 0)).collect();
        for task in tasks {
            *by_state.entry(task.state.as_str().to_owned()).or_default() += 1;
        }
        let in_state = |state: State| by_state.get(state.as_str()).copied().unwrap_or_default();
        let total = tasks.len() as u64;
        let wanted = total - in_state(State::Cancelled);
        let progress = (in_state(State::Done) * 100).checked_div(wanted).unwrap_or_default() as u8;
        let overdue = tasks.iter().filter(|task| task.is_overdue(now)).count() as u64;
        Self { tasks: by_state, total, overdue, progress, partial }
    }
}
