//! How an organisation is built: departments below each other, who heads them, and the posts people hold in it.

use crate::{
    Error, Result, Timestamp,
    commit::Commit,
    id::*,
    limits,
    organization::{Membership, Standing},
    policy::{Grants, POLICY, Role},
    team::Team,
    text::{Line, folded},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// All departments of an organisation in one record: a move is one write, and two that cross make no circle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Structure {
    pub departments: Vec<Department>,
    pub version: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Department {
    pub id: DepartmentId,
    #[schema(example = "Operations")]
    pub name: Line,
    /// The department it is below; absent, it is at the top.
    pub parent: Option<DepartmentId>,
    pub heads: Vec<UserId>,
    pub created_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DepartmentDraft {
    pub name: Line,
    pub parent: Option<DepartmentId>,
}

/// What is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DepartmentEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub name: Option<Line>,
    /// Moves it, with all below it; `null` moves it to the top.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<DepartmentId>)]
    pub parent: Option<Option<DepartmentId>>,
}

/// A role that holds over one part of the organisation only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopedRole {
    /// Of a department.
    Head,
    /// Of a team.
    Manager,
    /// Of a project.
    Lead,
    /// Somebody from outside, in a project.
    Guest,
    /// Somebody from outside, for a client.
    Contact,
}

impl ScopedRole {
    pub const ALL: [ScopedRole; 5] = [Self::Head, Self::Manager, Self::Lead, Self::Guest, Self::Contact];

    /// What the role gives over the part it is over.
    pub fn grants(self) -> Grants {
        POLICY.iter().filter(|row| row.posts.contains(&self)).map(|row| row.grant).collect()
    }

    /// Whether it is for guests, or for those who work here.
    pub fn is_for_guests(self) -> bool {
        matches!(self, Self::Guest | Self::Contact)
    }
}

/// A part of the organisation, by its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    Department(DepartmentId),
    Team(TeamId),
    Project(ProjectId),
    Client(ClientId),
}

impl Scope {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Department(id) => id.as_str(),
            Self::Team(id) => id.as_str(),
            Self::Project(id) => id.as_str(),
            Self::Client(id) => id.as_str(),
        }
    }

    pub fn department(&self) -> Option<&DepartmentId> {
        match self {
            Self::Department(id) => Some(id),
            _ => None,
        }
    }

    /// What hangs below a project and nothing else.
    pub fn project(id: &ProjectId) -> Vec<Self> {
        vec![Self::Project(id.clone())]
    }
}

impl TryFrom<String> for Scope {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.split('_').next() {
            Some("tem") => text.parse().map(Self::Team),
            Some("prj") => text.parse().map(Self::Project),
            Some("cli") => text.parse().map(Self::Client),
            _ => text.parse().map(Self::Department),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> String {
        scope.as_str().to_owned()
    }
}

/// What somebody is, and over what. It stands in their membership, so that it is known as soon as they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Post {
    pub role: ScopedRole,
    #[schema(value_type = String, example = "dep_01k9zt3vw8fqj2m4x6c7b5n0ra")]
    pub over: Scope,
}

impl Post {
    pub fn head(of: &DepartmentId) -> Self {
        Self { role: ScopedRole::Head, over: Scope::Department(of.clone()) }
    }

    pub fn manager(of: &TeamId) -> Self {
        Self { role: ScopedRole::Manager, over: Scope::Team(of.clone()) }
    }

    pub fn lead(of: &ProjectId) -> Self {
        Self { role: ScopedRole::Lead, over: Scope::Project(of.clone()) }
    }

    pub fn guest(of: &ProjectId) -> Self {
        Self { role: ScopedRole::Guest, over: Scope::Project(of.clone()) }
    }

    pub fn contact(of: &ClientId) -> Self {
        Self { role: ScopedRole::Contact, over: Scope::Client(of.clone()) }
    }
}

impl Membership {
    pub fn holds(&self, post: &Post) -> bool {
        self.posts.contains(post)
    }

    pub(crate) fn check_works_here(&self) -> Result<()> {
        let works = self.standing == Standing::Active && self.role != Role::Guest;
        if works { Ok(()) } else { Err(Error::Conflict("this is nobody who works here".to_owned())) }
    }

    fn check_is_guest(&self) -> Result<()> {
        let is_guest = self.standing == Standing::Active && self.role == Role::Guest;
        if is_guest { Ok(()) } else { Err(Error::Conflict("this is no guest of the organisation".to_owned())) }
    }

    /// With one more post.
    pub fn takes(&self, post: Post) -> Result<Self> {
        if post.role.is_for_guests() {
            self.check_is_guest()?;
        } else {
            self.check_works_here()?;
        }
        let mut posts = self.posts.clone();
        posts.push(post);
        posts.sort();
        posts.dedup();
        if posts.len() > limits::POSTS {
            return Err(Error::Conflict(format!("somebody holds {} posts at the most", limits::POSTS)));
        }
        Ok(Self { posts, version: self.version + 1, ..self.clone() })
    }

    pub fn lays_down(&self, post: &Post) -> Self {
        let posts = self.posts.iter().filter(|held| *held != post).cloned().collect();
        Self { posts, version: self.version + 1, ..self.clone() }
    }

    /// Out of a department that is no more.
    pub fn without_department(self) -> Commit {
        let after = Self { department: None, version: self.version + 1, ..self.clone() };
        Commit::replace("member.edited", self, after)
    }
}

/// What somebody who goes has places in.
#[derive(Default)]
pub struct Places {
    pub structure: Option<Structure>,
    pub teams: Vec<Team>,
}

impl Places {
    pub(crate) fn vacated_by(self, user: &UserId) -> Commit {
        let structure = self.structure.map(|structure| structure.vacated_by(user)).unwrap_or_default();
        self.teams.into_iter().fold(structure, |commit, team| commit.and(team.vacated_by(user)))
    }
}

const FIRST: [&str; 3] = ["Management", "Operations", "Finance"];

impl Structure {
    /// What an organisation begins with.
    pub fn first(now: Timestamp, mut random: impl FnMut() -> u128) -> Result<Self> {
        let department = |name: &&str| {
            let name = name.parse().map_err(Error::internal)?;
            Ok(Department { id: DepartmentId::new(now, random()), name, parent: None, heads: Vec::new(), created_at: now, version: 1 })
        };
        Ok(Self { departments: FIRST.iter().map(department).collect::<Result<_>>()?, version: 1 })
    }

    pub fn find(&self, id: &DepartmentId) -> Result<&Department> {
        self.departments.iter().find(|one| one.id == *id).ok_or(Error::NotFound("department"))
    }

    /// Refuses a department that is none of this organisation.
    pub fn check(&self, department: &DepartmentId) -> Result<()> {
        self.find(department).map(drop).map_err(|_| Error::invalid("/department", "is not a department of this organisation"))
    }

    pub fn children<'a>(&'a self, of: Option<&DepartmentId>) -> impl Iterator<Item = &'a Department> {
        self.departments.iter().filter(move |one| one.parent.as_ref() == of)
    }

    /// From the top down to the department itself.
    fn path(&self, id: &DepartmentId) -> Vec<&Department> {
        let mut path: Vec<&Department> = Vec::new();
        let mut next = Some(id);
        while let Some(one) = next.and_then(|id| self.departments.iter().find(|one| one.id == *id)) {
            path.push(one);
            next = one.parent.as_ref();
        }
        path.reverse();
        path
    }

    /// The department and all that it is below.
    pub fn above(&self, id: &DepartmentId) -> Vec<DepartmentId> {
        self.path(id).into_iter().map(|one| one.id.clone()).collect()
    }

    /// The department and those above it, as far as they have heads.
    pub fn headed(&self, id: &DepartmentId) -> BTreeSet<DepartmentId> {
        self.path(id).into_iter().filter(|one| !one.heads.is_empty()).map(|one| one.id.clone()).collect()
    }

    /// The department and all below it.
    pub fn below(&self, id: &DepartmentId) -> BTreeSet<DepartmentId> {
        let mut below = BTreeSet::from([id.clone()]);
        let mut open = vec![id.clone()];
        while let Some(id) = open.pop() {
            let children: Vec<_> = self.children(Some(&id)).map(|one| one.id.clone()).collect();
            below.extend(children.iter().cloned());
            open.extend(children);
        }
        below
    }

    fn height(&self, id: &DepartmentId) -> usize {
        1 + self.children(Some(id)).map(|child| self.height(&child.id)).max().unwrap_or_default()
    }

    fn with(&self, action: &'static str, before: Option<&Department>, after: Option<&Department>) -> Commit {
        let mut structure = Self { version: self.version + 1, ..self.clone() };
        match (before, after) {
            (Some(before), Some(after)) => {
                structure.departments.iter_mut().filter(|one| one.id == before.id).for_each(|one| *one = after.clone());
            }
            (Some(before), None) => structure.departments.retain(|one| one.id != before.id),
            (None, after) => structure.departments.extend(after.cloned()),
        }
        let id = before.or(after).map(|one| one.id.to_string()).unwrap_or_default();
        Commit::part(action, "department", id, before, after).also_replace(self.version, structure)
    }

    /// Whether a department may stand where it says.
    fn check_place(&self, one: &Department) -> Result<()> {
        if let Some(parent) = &one.parent {
            if *parent == one.id {
                return Err(Error::invalid("/parent", "is the department itself"));
            }
            let path = self.path(parent);
            if path.is_empty() {
                return Err(Error::invalid("/parent", "is not a department of this organisation"));
            }
            if let Some(place) = path.iter().position(|above| above.id == one.id) {
                let names: Vec<_> = path[place..].iter().map(|one| one.name.as_str()).collect();
                return Err(Error::invalid("/parent", format!("is below the department itself: {}", names.join(" › "))));
            }
            if path.len() + self.height(&one.id) > limits::DEPARTMENT_LEVELS {
                return Err(Error::invalid("/parent", format!("is too deep: there are {} levels at the most", limits::DEPARTMENT_LEVELS)));
            }
        }
        let wanted = folded(one.name.as_str());
        let twin = |other: &Department| other.id != one.id && other.parent == one.parent && folded(other.name.as_str()) == wanted;
        if self.departments.iter().any(twin) {
            return Err(Error::Conflict("there is a department of this name in the same place already".to_owned()));
        }
        Ok(())
    }

    pub fn create(self, id: DepartmentId, draft: DepartmentDraft, now: Timestamp) -> Result<(Department, Commit)> {
        if self.departments.len() >= limits::DEPARTMENTS {
            return Err(Error::Conflict(format!("an organisation has {} departments at the most", limits::DEPARTMENTS)));
        }
        let one = Department { id, name: draft.name, parent: draft.parent, heads: Vec::new(), created_at: now, version: 1 };
        self.check_place(&one)?;
        let commit = self.with("department.created", None, Some(&one));
        Ok((one, commit))
    }

    pub fn edit(self, id: &DepartmentId, edit: DepartmentEdit) -> Result<(Department, Commit)> {
        let before = self.find(id)?;
        let after = Department {
            name: edit.name.unwrap_or_else(|| before.name.clone()),
            parent: edit.parent.unwrap_or_else(|| before.parent.clone()),
            version: before.version + 1,
            ..before.clone()
        };
        self.check_place(&after)?;
        if (Department { version: before.version, ..after.clone() }) == *before {
            return Ok((before.clone(), Commit::quiet()));
        }
        let commit = self.with("department.edited", Some(before), Some(&after));
        Ok((after, commit))
    }

    /// Only an empty one goes: nobody is moved without being asked. Its heads lose the post with it.
    pub fn delete(self, id: &DepartmentId, has_members: bool, has_teams: bool, heads: &[Membership]) -> Result<Commit> {
        let before = self.find(id)?;
        let below: Vec<_> = self.children(Some(id)).map(|one| one.name.as_str()).collect();
        let names = match below.as_slice() {
            [] => None,
            [first, second, _, ..] => Some(format!("{first}, {second} and others")),
            few => Some(few.join(" and ")),
        };
        if let Some(names) = names {
            return Err(Error::Conflict(format!("below it there are departments: {names}")));
        }
        if has_members {
            return Err(Error::Conflict("it has members; move them first".to_owned()));
        }
        if has_teams {
            return Err(Error::Conflict("it has teams; move them first".to_owned()));
        }
        let commit = self.with("department.deleted", Some(before), None);
        let post = Post::head(id);
        let held = heads.iter().filter(|member| member.holds(&post));
        Ok(held.fold(commit, |commit, member| commit.also_replace(member.version, member.lays_down(&post))))
    }

    fn with_heads(&self, id: &DepartmentId, change: impl FnOnce(&mut Vec<UserId>)) -> Result<(Department, Commit)> {
        let before = self.find(id)?;
        let mut after = Department { version: before.version + 1, ..before.clone() };
        change(&mut after.heads);
        if after.heads == before.heads {
            return Ok((before.clone(), Commit::quiet()));
        }
        if after.heads.len() > limits::HEADS {
            return Err(Error::Conflict(format!("a department has {} heads at the most", limits::HEADS)));
        }
        let commit = self.with("department.edited", Some(before), Some(&after));
        Ok((after, commit))
    }

    /// Department and membership say the same, because they are written together.
    pub fn name_head(self, id: &DepartmentId, member: Membership) -> Result<(Department, Commit)> {
        let (department, commit) = self.with_heads(id, |heads| {
            heads.retain(|head| *head != member.user);
            heads.push(member.user.clone());
        })?;
        let post = Post::head(id);
        if member.holds(&post) {
            return Ok((self.find(id)?.clone(), Commit::quiet()));
        }
        Ok((department, commit.also_replace(member.version, member.takes(post)?)))
    }

    pub fn remove_head(self, id: &DepartmentId, member: Membership) -> Result<(Department, Commit)> {
        let post = Post::head(id);
        if !member.holds(&post) {
            self.find(id)?;
            return Err(Error::NotFound("head"));
        }
        let (department, commit) = self.with_heads(id, |heads| heads.retain(|head| *head != member.user))?;
        Ok((department, commit.also_replace(member.version, member.lays_down(&post))))
    }

    /// Without somebody who goes.
    pub fn vacated_by(self, user: &UserId) -> Commit {
        let mut structure = Self { version: self.version + 1, ..self.clone() };
        let mut commit = Commit::quiet();
        for one in structure.departments.iter_mut().filter(|one| one.heads.contains(user)) {
            let before = one.clone();
            one.heads.retain(|head| head != user);
            one.version += 1;
            commit = commit.and(Commit::part("department.edited", "department", &one.id, Some(&before), Some(&*one)));
        }
        if commit.drafts.is_empty() { commit } else { commit.also_replace(self.version, structure) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::Record;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

    fn id(number: usize) -> DepartmentId {
        DepartmentId::new(NOW, number as u128)
    }

    fn after(commit: &Commit) -> Structure {
        match commit.writes.first().map(|write| write.record()) {
            Some(Record::Structure(structure)) => structure.as_ref().clone(),
            _ => panic!("the structure is not written"),
        }
    }

    fn grown(parents: &[Option<usize>]) -> Structure {
        let mut structure = Structure { version: 1, ..Structure::default() };
        for (number, parent) in parents.iter().enumerate() {
            let draft = DepartmentDraft { name: format!("Department {number}").parse().unwrap(), parent: parent.map(id) };
            structure = after(&structure.create(id(number), draft, NOW).unwrap().1);
        }
        structure
    }

    proptest! {
        #[test]
        fn whatever_is_moved_everything_hangs_below_the_top(moves in proptest::collection::vec((0usize..12, proptest::option::of(0usize..12)), 0..60)) {
            let mut structure = grown(&[None; 12]);
            for (one, parent) in moves {
                let edit = DepartmentEdit { parent: Some(parent.map(id)), ..DepartmentEdit::default() };
                if let Ok((_, commit)) = structure.clone().edit(&id(one), edit)
                    && !commit.is_empty()
                {
                    structure = after(&commit);
                }
                let tops: Vec<_> = structure.children(None).map(|top| top.id.clone()).collect();
                let reached: usize = tops.iter().map(|top| structure.below(top).len()).sum();
                prop_assert_eq!(reached, structure.departments.len());
            }
        }
    }

    #[test]
    fn a_move_below_itself_is_refused_and_says_why() {
        let structure = grown(&[None, Some(0), Some(1)]);
        let to = |parent| DepartmentEdit { parent: Some(Some(id(parent))), ..DepartmentEdit::default() };
        let Err(Error::Invalid(faults)) = structure.clone().edit(&id(0), to(2)) else { panic!("a circle was made") };
        assert_eq!(faults[0].message, "is below the department itself: Department 0 › Department 1 › Department 2");
        let Err(Error::Invalid(faults)) = structure.edit(&id(0), to(0)) else { panic!("a circle was made") };
        assert_eq!(faults[0].message, "is the department itself");
    }

    #[test]
    fn there_are_so_many_levels_and_no_more_by_whatever_move() {
        let most = limits::DEPARTMENT_LEVELS;
        let chain: Vec<_> = (0..most).map(|number| number.checked_sub(1)).chain([None, Some(most)]).collect();
        let structure = grown(&chain);
        let draft = DepartmentDraft { name: "Deeper".parse().unwrap(), parent: Some(id(most - 1)) };
        assert!(structure.clone().create(id(99), draft, NOW).is_err());
        let to = |parent| DepartmentEdit { parent: Some(Some(id(parent))), ..DepartmentEdit::default() };
        assert!(structure.clone().edit(&id(most), to(most - 2)).is_err(), "what hangs below it is too deep");
        assert!(structure.edit(&id(most), to(most - 3)).is_ok());
    }
}
