//! Teams: people of one department or of several who work together, and what they want to reach.

use crate::{
    Error, Result, Timestamp,
    commit::Commit,
    id::*,
    limits,
    organization::Membership,
    structure::{Post, Scope},
    text::Line,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Team {
    pub id: TeamId,
    #[schema(example = "Spring planting")]
    pub name: Line,
    /// The department it is in; absent, it is across departments.
    pub department: Option<DepartmentId>,
    pub members: Vec<TeamMember>,
    pub goals: Vec<Goal>,
    pub created_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TeamRole {
    Manager,
    #[default]
    Member,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TeamMember {
    pub user: UserId,
    pub role: TeamRole,
    /// What they are called in the team.
    #[schema(example = "Head gardener")]
    pub title: Option<Line>,
}

/// Something the team wants to reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Goal {
    pub id: GoalId,
    #[schema(example = "Plant two hundred trees")]
    pub text: Line,
    pub due_at: Option<Timestamp>,
    pub done: bool,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamDraft {
    pub name: Line,
    pub department: Option<DepartmentId>,
}

/// What is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub name: Option<Line>,
    /// `null` makes it a team across departments.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<DepartmentId>)]
    pub department: Option<Option<DepartmentId>>,
}

/// What somebody is in a team; a member without a title when nothing is said.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamPlace {
    #[serde(default)]
    pub role: TeamRole,
    pub title: Option<Line>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GoalDraft {
    pub text: Line,
    pub due_at: Option<Timestamp>,
}

/// What is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GoalEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub text: Option<Line>,
    /// `null` takes the date away.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Timestamp>)]
    pub due_at: Option<Option<Timestamp>>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub done: Option<bool>,
}

fn check_date(due_at: Option<Timestamp>) -> Result<()> {
    match due_at {
        Some(at) if !limits::DATES.contains(&at) => Err(Error::invalid("/due_at", "is not between 1970 and 2200")),
        _ => Ok(()),
    }
}

impl Membership {
    fn without_team(&self, team: &TeamId) -> Self {
        let teams = self.teams.iter().filter(|one| *one != team).cloned().collect();
        Self { teams, ..self.lays_down(&Post::manager(team)) }
    }
}

impl Team {
    pub fn new(id: TeamId, draft: TeamDraft, now: Timestamp) -> (Self, Commit) {
        let team = Self {
            id,
            name: draft.name,
            department: draft.department,
            members: Vec::new(),
            goals: Vec::new(),
            created_at: now,
            version: 1,
        };
        (team.clone(), Commit::create("team.created", team))
    }

    pub(crate) fn hangs_below(&self) -> Vec<Scope> {
        [Scope::Team(self.id.clone())].into_iter().chain(self.department.clone().map(Scope::Department)).collect()
    }

    pub fn is_managed(&self) -> bool {
        self.members.iter().any(|member| member.role == TeamRole::Manager)
    }

    fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    fn edited(self, after: Self) -> (Self, Commit) {
        Commit::edit("team.edited", self, after)
    }

    pub fn edit(self, edit: TeamEdit) -> (Self, Commit) {
        let after = Self {
            name: edit.name.unwrap_or_else(|| self.name.clone()),
            department: edit.department.unwrap_or_else(|| self.department.clone()),
            ..self.next()
        };
        self.edited(after)
    }

    /// Out of a department that is no more.
    pub fn without_department(self) -> Commit {
        let after = Self { department: None, ..self.next() };
        self.edited(after).1
    }

    /// Its members are in it no more in the same moment.
    pub fn delete(self, members: &[Membership]) -> Commit {
        let id = self.id.clone();
        let here = members.iter().filter(|member| member.teams.contains(&id));
        here.fold(Commit::delete("team.deleted", self), |commit, member| commit.also_replace(member.version, member.without_team(&id)))
    }

    /// Puts somebody into the team, or gives them another role in it.
    pub fn put(self, member: &Membership, place: TeamPlace) -> Result<(Self, Commit)> {
        let mut after = self.next();
        let one = TeamMember { user: member.user.clone(), role: place.role, title: place.title };
        match after.members.iter_mut().find(|other| other.user == one.user) {
            Some(other) if *other == one => return Ok((self, Commit::quiet())),
            Some(other) => *other = one,
            None => after.members.push(one),
        }
        if after.members.len() > limits::TEAM_MEMBERS {
            return Err(Error::Conflict(format!("a team has {} members at the most", limits::TEAM_MEMBERS)));
        }
        let mut placed = member.lays_down(&Post::manager(&self.id));
        if place.role == TeamRole::Manager {
            placed = placed.takes(Post::manager(&self.id))?;
        }
        placed.check_works_here()?;
        if !placed.teams.contains(&self.id) {
            placed.teams.push(self.id.clone());
        }
        if placed.teams.len() > limits::TEAMS_OF_ONE {
            return Err(Error::Conflict(format!("somebody is in {} teams at the most", limits::TEAMS_OF_ONE)));
        }
        placed.version = member.version + 1;
        let (team, commit) = self.edited(after);
        Ok((team, commit.also_replace(member.version, placed)))
    }

    pub fn take_out(self, member: &Membership) -> Result<(Self, Commit)> {
        let mut after = self.next();
        after.members.retain(|other| other.user != member.user);
        if after.members.len() == self.members.len() {
            return Err(Error::NotFound("member"));
        }
        let id = self.id.clone();
        let (team, commit) = self.edited(after);
        Ok((team, commit.also_replace(member.version, member.without_team(&id))))
    }

    /// Without somebody who goes.
    pub fn vacated_by(self, user: &UserId) -> Commit {
        let mut after = self.next();
        after.members.retain(|other| other.user != *user);
        if after.members.len() == self.members.len() { Commit::quiet() } else { self.edited(after).1 }
    }

    pub fn set_goal(self, id: GoalId, draft: GoalDraft) -> Result<(Self, Commit)> {
        check_date(draft.due_at)?;
        if self.goals.len() >= limits::GOALS {
            return Err(Error::Conflict(format!("a team has {} goals at the most", limits::GOALS)));
        }
        let mut after = self.next();
        after.goals.push(Goal { id, text: draft.text, due_at: draft.due_at, done: false });
        Ok(self.edited(after))
    }

    pub fn edit_goal(self, id: &GoalId, edit: GoalEdit) -> Result<(Self, Commit)> {
        check_date(edit.due_at.flatten())?;
        let mut after = self.next();
        let goal = after.goals.iter_mut().find(|goal| goal.id == *id).ok_or(Error::NotFound("goal"))?;
        goal.text = edit.text.unwrap_or_else(|| goal.text.clone());
        goal.due_at = edit.due_at.unwrap_or(goal.due_at);
        goal.done = edit.done.unwrap_or(goal.done);
        Ok(self.edited(after))
    }

    pub fn drop_goal(self, id: &GoalId) -> Result<(Self, Commit)> {
        let mut after = self.next();
        after.goals.retain(|goal| goal.id != *id);
        if after.goals.len() == self.goals.len() { Err(Error::NotFound("goal")) } else { Ok(self.edited(after)) }
    }
}
