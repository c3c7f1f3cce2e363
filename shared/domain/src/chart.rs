//! The chart of an organisation: its departments as a tree, with who heads them and how many people they have.

use crate::{
    id::*,
    organization::{Membership, Standing},
    structure::{Department, Structure},
    team::Team,
    text::Line,
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub struct Chart {
    pub name: Line,
    /// Active members, in departments and in none.
    pub members: usize,
    pub departments: Vec<Branch>,
    /// Those across departments.
    pub teams: Vec<TeamView>,
    /// True when the organisation has more members or teams than were counted.
    pub partial: bool,
}

/// A department with all below it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Branch {
    pub id: DepartmentId,
    pub name: Line,
    pub heads: Vec<HeadView>,
    /// Active members of the department itself, without those below.
    pub members: usize,
    pub teams: Vec<TeamView>,
    #[schema(no_recursion)]
    pub departments: Vec<Branch>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TeamView {
    pub id: TeamId,
    pub name: Line,
    pub members: usize,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeadView {
    pub user: UserId,
    pub name: Line,
}

/// What the chart is drawn from.
struct Known<'a> {
    structure: &'a Structure,
    teams: &'a [Team],
    names: BTreeMap<&'a UserId, &'a Line>,
    counts: BTreeMap<&'a DepartmentId, usize>,
}

impl Chart {
    /// `heads` are those who may not be among the `members` that were counted.
    pub fn of(name: Line, structure: &Structure, teams: &[Team], members: &[Membership], heads: &[Membership], partial: bool) -> Self {
        let mut counts = BTreeMap::new();
        let active = || members.iter().filter(|member| member.standing == Standing::Active);
        for department in active().filter_map(|member| member.department.as_ref()) {
            *counts.entry(department).or_default() += 1;
        }
        // Who is locked out heads nothing at present
        let here = members.iter().chain(heads).filter(|member| member.standing == Standing::Active);
        let names = here.map(|member| (&member.user, &member.name)).collect();
        let known = Known { structure, teams, names, counts };
        Self { name, members: active().count(), departments: known.branches(None), teams: known.teams(None), partial }
    }
}

impl Known<'_> {
    fn branches(&self, below: Option<&DepartmentId>) -> Vec<Branch> {
        let mut children: Vec<_> = self.structure.children(below).collect();
        children.sort_by_key(|one| (one.name.as_str().to_lowercase(), &one.id));
        children.into_iter().map(|one| self.branch(one)).collect()
    }

    fn teams(&self, of: Option<&DepartmentId>) -> Vec<TeamView> {
        let here = self.teams.iter().filter(|team| team.department.as_ref() == of);
        here.map(|team| TeamView { id: team.id.clone(), name: team.name.clone(), members: team.members.len() }).collect()
    }

    fn branch(&self, one: &Department) -> Branch {
        let head = |user: &UserId| self.names.get(user).map(|name| HeadView { user: user.clone(), name: (*name).clone() });
        Branch {
            id: one.id.clone(),
            name: one.name.clone(),
            heads: one.heads.iter().filter_map(head).collect(),
            members: self.counts.get(&one.id).copied().unwrap_or_default(),
            teams: self.teams(Some(&one.id)),
            departments: self.branches(Some(&one.id)),
        }
    }
}
