//! A project and its life.

use crate::{
    Error, Result, Timestamp,
    commit::Commit,
    id::*,
    limits,
    organization::Membership,
    policy::Role,
    structure::{Post, Scope},
    task::Task,
    text::*,
    workflow::State,
};
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
    pub team: Option<TeamId>,
    pub department: Option<DepartmentId>,
    /// People from outside, who see this project and no other; of each other they are not told.
    pub guests: Vec<UserId>,
    /// First and last day, in the project's time zone.
    pub starts_on: Option<Date>,
    pub ends_on: Option<Date>,
    pub zone: Zone,
    pub created_by: UserId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectDraft {
    pub name: Line,
    #[serde(default)]
    pub description: Option<Markdown>,
    pub lead: Option<UserId>,
    pub team: Option<TeamId>,
    /// That of the team when nothing is said.
    pub department: Option<DepartmentId>,
    pub starts_on: Option<Date>,
    pub ends_on: Option<Date>,
    #[serde(default)]
    pub zone: Zone,
}

/// What may change about a project; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub name: Option<Line>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub description: Option<Markdown>,
    /// `null` leaves it without a lead.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<UserId>)]
    pub lead: Option<Option<UserId>>,
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<TeamId>)]
    pub team: Option<Option<TeamId>>,
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<DepartmentId>)]
    pub department: Option<Option<DepartmentId>>,
    /// `null` leaves it open.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Date>)]
    pub starts_on: Option<Option<Date>>,
    /// `null` leaves it open.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Date>)]
    pub ends_on: Option<Option<Date>>,
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

/// The parts of the organisation that a project of this team and this department is in.
fn places(team: Option<&TeamId>, department: Option<&DepartmentId>) -> Vec<Scope> {
    team.cloned().map(Scope::Team).into_iter().chain(department.cloned().map(Scope::Department)).collect()
}

impl ProjectEdit {
    /// The team that the project is moved to.
    pub fn new_team(&self, project: &Project) -> Option<&TeamId> {
        self.team.as_ref()?.as_ref().filter(|team| project.team.as_ref() != Some(team))
    }

    /// The department that the project is moved to.
    pub fn new_department(&self, project: &Project) -> Option<&DepartmentId> {
        self.department.as_ref()?.as_ref().filter(|department| project.department.as_ref() != Some(department))
    }

    /// The team and the department that the project is in after a move.
    pub fn moves_to(&self, project: &Project) -> Option<Vec<Scope>> {
        let team = self.team.as_ref().unwrap_or(&project.team);
        let department = self.department.as_ref().unwrap_or(&project.department);
        let stays = (team, department) == (&project.team, &project.department);
        (!stays).then(|| places(team.as_ref(), department.as_ref()))
    }
}

impl Project {
    pub(crate) fn hangs_below(&self) -> Vec<Scope> {
        [Scope::Project(self.id.clone())].into_iter().chain(self.places()).collect()
    }

    /// Whoever leads it knows it from the same moment on.
    pub fn new(id: ProjectId, draft: ProjectDraft, lead: Option<&Membership>, by: &UserId, now: Timestamp) -> Result<(Self, Commit)> {
        in_order(draft.starts_on, draft.ends_on)?;
        let project = Self {
            id,
            name: draft.name,
            description: draft.description.unwrap_or_else(Markdown::none),
            status: ProjectStatus::Planned,
            lead: lead.map(|lead| lead.user.clone()),
            team: draft.team,
            department: draft.department,
            guests: Vec::new(),
            starts_on: draft.starts_on,
            ends_on: draft.ends_on,
            zone: draft.zone,
            created_by: by.clone(),
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let commit = project.hand_on(Commit::create("project.created", project.clone()), None, lead)?;
        Ok((project, commit))
    }

    /// Takes the lead's post from one and gives it to another.
    fn hand_on(&self, commit: Commit, from: Option<&Membership>, to: Option<&Membership>) -> Result<Commit> {
        let post = Post::lead(&self.id);
        let goes = from.filter(|from| from.holds(&post) && to.is_none_or(|to| to.user != from.user));
        let commit = goes.into_iter().fold(commit, |commit, from| commit.also_replace(from.version, from.lays_down(&post)));
        match to.filter(|to| !to.holds(&post)) {
            Some(to) => Ok(commit.also_replace(to.version, to.takes(post)?)),
            None => Ok(commit),
        }
    }

    /// `leads` are the one before and the one after, where that changes.
    pub fn edit(self, edit: ProjectEdit, leads: (Option<&Membership>, Option<&Membership>), now: Timestamp) -> Result<(Self, Commit)> {
        let after = Self {
            name: edit.name.unwrap_or_else(|| self.name.clone()),
            description: edit.description.unwrap_or_else(|| self.description.clone()),
            lead: edit.lead.unwrap_or_else(|| self.lead.clone()),
            team: edit.team.unwrap_or_else(|| self.team.clone()),
            department: edit.department.unwrap_or_else(|| self.department.clone()),
            starts_on: edit.starts_on.unwrap_or(self.starts_on),
            ends_on: edit.ends_on.unwrap_or(self.ends_on),
            updated_at: now,
            version: self.version + 1,
            ..self.clone()
        };
        in_order(after.starts_on, after.ends_on)?;
        let (after, commit) = Commit::edit("project.edited", self, after);
        let commit = after.hand_on(commit, leads.0, leads.1)?;
        Ok((after, commit))
    }

    /// As somebody in this role is shown it: guests are not told who else is one.
    #[must_use]
    pub fn as_shown_to(self, role: Role) -> Self {
        if role == Role::Guest { Self { guests: Vec::new(), ..self } } else { self }
    }

    fn with_guests(self, change: impl FnOnce(&mut Vec<UserId>), now: Timestamp) -> (Self, Commit) {
        let mut after = Self { updated_at: now, version: self.version + 1, ..self.clone() };
        change(&mut after.guests);
        Commit::edit("project.edited", self, after)
    }

    /// Lets a guest of the organisation see the project: its tasks, their comments and files.
    pub fn let_in(self, guest: &Membership, now: Timestamp) -> Result<(Self, Commit)> {
        let post = Post::guest(&self.id);
        if guest.holds(&post) && self.guests.contains(&guest.user) {
            return Ok((self, Commit::quiet()));
        }
        let admitted = guest.takes(post)?;
        let enter = |guests: &mut Vec<UserId>| {
            guests.retain(|other| *other != guest.user);
            guests.push(guest.user.clone());
        };
        let (project, commit) = self.with_guests(enter, now);
        if project.guests.len() > limits::PROJECT_GUESTS {
            return Err(Error::Conflict(format!("a project has {} guests at the most", limits::PROJECT_GUESTS)));
        }
        Ok((project, commit.also_replace(guest.version, admitted)))
    }

    pub fn see_out(self, guest: &Membership, now: Timestamp) -> Result<(Self, Commit)> {
        if !self.guests.contains(&guest.user) {
            return Err(Error::NotFound("guest"));
        }
        let without = guest.lays_down(&Post::guest(&self.id));
        let (project, commit) = self.with_guests(|guests| guests.retain(|other| *other != guest.user), now);
        Ok((project, commit.also_replace(guest.version, without)))
    }

    /// The team and the department that it is in.
    pub fn places(&self) -> Vec<Scope> {
        places(self.team.as_ref(), self.department.as_ref())
    }

    /// Whether it is of this team or department.
    pub fn is_of(&self, place: &Scope) -> bool {
        self.places().contains(place)
    }

    /// Without a team or department that is no more.
    pub fn taken_out_of(self, place: &Scope, now: Timestamp) -> Commit {
        let team = self.team.clone().filter(|team| *place != Scope::Team(team.clone()));
        let department = self.department.clone().filter(|department| *place != Scope::Department(department.clone()));
        let after = Self { team, department, updated_at: now, version: self.version + 1, ..self.clone() };
        Commit::replace("project.edited", self, after)
    }

    /// Without somebody who is in the organisation no more.
    pub fn vacated_by(self, user: &UserId, now: Timestamp) -> Commit {
        let lead = self.lead.clone().filter(|lead| lead != user);
        let mut after = Self { lead, updated_at: now, version: self.version + 1, ..self.clone() };
        after.guests.retain(|guest| guest != user);
        Commit::replace("project.edited", self, after)
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
