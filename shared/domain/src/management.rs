//! Who belongs to the organisation: members managed by those who have more, joining and leaving.

use crate::{
    Error, Result, Timestamp,
    access::Access,
    commit::Commit,
    conversation::Participation,
    id::*,
    organization::{Everyone, Membership, Standing},
    policy::{Grants, Role},
    structure::{Places, Post},
    text::Line,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// What changes of a member's place; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub role: Option<Role>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub roles: Option<Vec<RoleId>>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub groups: Option<Vec<GroupId>>,
    /// `null` takes the title away.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Line>)]
    pub title: Option<Option<Line>>,
    /// `null` takes the member out of the department.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<DepartmentId>)]
    pub department: Option<Option<DepartmentId>>,
}

/// Somebody who manages members: what they may decides what they may give and whom they may touch.
pub struct Manager<'a> {
    pub access: &'a Access,
    pub grants: &'a Grants,
}

impl Membership {
    /// Nobody is made to own what they never took a place in.
    fn check_accepted(&self, field: &str) -> Result<()> {
        match self.accepted {
            true => Ok(()),
            false => Err(Error::invalid(field, "makes somebody an owner who has not opened the organisation yet")),
        }
    }
}

impl Manager<'_> {
    /// Whoever has more is managed by nobody who has less.
    pub fn may_touch(&self, member: &Membership) -> Result<()> {
        if self.grants.cover(&self.access.grants_anywhere(member)) {
            Ok(())
        } else {
            Err(Error::forbidden("this member has permissions that you do not have"))
        }
    }

    /// Whether a second factor may be taken from a member; one's own is switched off with a code.
    pub fn may_lift_second_factor(&self, by: &Membership, member: &Membership) -> Result<()> {
        if by.user == member.user {
            return Err(Error::Conflict("your own second factor is switched off with a code".to_owned()));
        }
        self.may_touch(member)
    }

    /// Written together with what was known of everybody's rights: whoever was taken theirs in between changes nothing more,
    /// and two owners who go at once meet.
    fn commit(&self, action: &'static str, before: Membership, after: Membership) -> Result<Commit> {
        let owns = after.role == Role::Owner && after.standing == Standing::Active;
        let access = self.access.with_owner(&before.user, owns)?.counted(Some(before.standing), after.standing)?;
        Ok(Commit::replace(action, before, after).also_replace(self.access.version, access))
    }

    pub fn edit(&self, before: Membership, edit: MemberEdit, everyone: Option<&Everyone>, now: Timestamp) -> Result<(Membership, Commit)> {
        self.may_touch(&before)?;
        if before.standing == Standing::Removed {
            return Err(Error::Conflict("the member is removed".to_owned()));
        }
        let given = match (&edit.role, &edit.roles) {
            (Some(_), _) => "/role",
            (None, Some(_)) => "/roles",
            (None, None) => "/groups",
        };
        let roles = self.access.known("/roles", edit.roles, &before.roles)?;
        let groups = self.access.known("/groups", edit.groups, &before.groups)?;
        let after = Membership {
            role: edit.role.unwrap_or(before.role),
            roles,
            groups,
            title: edit.title.unwrap_or_else(|| before.title.clone()),
            department: edit.department.unwrap_or_else(|| before.department.clone()),
            version: before.version + 1,
            ..before.clone()
        };
        if !self.grants.cover(&self.access.grants_anywhere(&after)) {
            return Err(Error::invalid(given, "is more than you have yourself"));
        }
        let works_here = |post: &Post| !post.role.is_for_guests();
        if after.role == Role::Guest && (after.posts.iter().any(works_here) || !after.teams.is_empty()) {
            let told = "the member heads, manages or leads something or is in a team, which guests do not";
            return Err(Error::Conflict(told.to_owned()));
        }
        if (Membership { version: before.version, ..after.clone() }) == before {
            return Ok((before, Commit::quiet()));
        }
        if after.role == Role::Owner {
            after.check_accepted("/role")?;
        }
        let was_guest = before.role == Role::Guest;
        let mut commit = self.commit("member.edited", before, after.clone())?;
        // Guests do not hear the channel for everybody
        if let Some(everyone) = everyone {
            let place = Participation::new(&everyone.channel, &after.user, now);
            match (was_guest, after.role == Role::Guest) {
                (true, false) => commit = commit.also_put(place),
                (false, true) => commit = commit.also_remove(place),
                _ => {}
            }
        }
        Ok((after, commit))
    }

    /// Nothing of what they wrote goes; they are let in no more, at once and everywhere.
    pub fn deactivate(&self, before: Membership) -> Result<(Membership, Commit)> {
        self.may_touch(&before)?;
        let after = Membership { standing: Standing::Deactivated, ..before.clone() };
        self.stand("member.deactivated", before, after, &[Standing::Active])
    }

    /// The sessions from before stay closed.
    pub fn reactivate(&self, before: Membership, now: Timestamp) -> Result<(Membership, Commit)> {
        self.may_touch(&before)?;
        let after = Membership { standing: Standing::Active, admitted_at: now, ..before.clone() };
        self.stand("member.reactivated", before, after, &[Standing::Deactivated])
    }

    /// Out of the organisation and its directory. The record stays as the author of what they wrote.
    /// Their places in the structure fall vacant in the same moment.
    pub fn remove(&self, before: Membership, places: Places, now: Timestamp) -> Result<(Membership, Commit)> {
        self.may_touch(&before)?;
        let after = Membership {
            standing: Standing::Removed,
            department: None,
            teams: Vec::new(),
            posts: Vec::new(),
            admitted_at: now,
            ..before.clone()
        };
        let (member, commit) = self.stand("member.removed", before, after, &[Standing::Active, Standing::Deactivated])?;
        let vacated = places.vacated_by(&member.user);
        Ok((member, commit.and(vacated)))
    }

    /// What a directory elsewhere says of a member: what they are `wanted` to be, and whether they are let in. Nothing, when it is so.
    pub fn provision(&self, before: Membership, wanted: Membership, active: bool, now: Timestamp) -> Result<(Membership, Commit)> {
        let (standing, admitted_at, action) = match (before.standing, active) {
            (Standing::Active, false) => (Standing::Deactivated, before.admitted_at, "member.deactivated"),
            (Standing::Deactivated, true) => (Standing::Active, now, "member.reactivated"),
            _ if wanted == before => return Ok((before, Commit::quiet())),
            _ => (before.standing, before.admitted_at, "member.edited"),
        };
        self.may_touch(&before)?;
        let after = Membership { standing, admitted_at, version: before.version + 1, ..wanted };
        let commit = self.commit(action, before, after.clone())?;
        Ok((after, commit))
    }

    /// Puts members into a group or takes them out, as many as one transaction holds. Nobody gets more than the manager has.
    pub fn regroup(&self, group: &GroupId, some: Vec<Membership>, come: bool) -> Result<Commit> {
        self.access.find(group)?;
        let mut commit = Commit::quiet();
        for before in some.into_iter().filter(|member| member.groups.contains(group) != come) {
            self.may_touch(&before)?;
            let mut groups: Vec<_> = before.groups.iter().filter(|id| *id != group).cloned().collect();
            groups.extend(come.then(|| group.clone()));
            groups.sort();
            let after = Membership { groups, version: before.version + 1, ..before.clone() };
            self.may_touch(&after)?;
            // With it, so that whoever reads the list next reads it as it is
            let entry = after.group_entry(group);
            commit = commit.and(Commit::replace("member.edited", before, after));
            commit = if come { commit.also_put(entry) } else { commit.also_remove(entry) };
        }
        Ok(if commit.writes.is_empty() { commit } else { commit.also_replace(self.access.version, self.access.next()) })
    }

    fn stand(&self, action: &'static str, before: Membership, after: Membership, from: &[Standing]) -> Result<(Membership, Commit)> {
        if !from.contains(&before.standing) {
            return Err(Error::Conflict(format!("the member is {}", before.standing.as_str())));
        }
        let after = Membership { version: before.version + 1, ..after };
        let commit = self.commit(action, before, after.clone())?;
        Ok((after, commit))
    }

    /// The owner makes somebody else one, and is an administrator from then on.
    pub fn hand_over(&self, from: Membership, to: Membership) -> Result<(Membership, Commit)> {
        if from.role != Role::Owner {
            return Err(Error::forbidden("only an owner hands the organisation over"));
        }
        if from.user == to.user {
            return Err(Error::invalid("/to", "is yourself"));
        }
        if to.standing != Standing::Active || to.role == Role::Guest {
            return Err(Error::invalid("/to", "is nobody who works here"));
        }
        to.check_accepted("/to")?;
        let mut access = self.access.next();
        access.owners.retain(|owner| *owner != from.user && *owner != to.user);
        access.owners.push(to.user.clone());
        let admin = Membership { role: Role::Admin, version: from.version + 1, ..from.clone() };
        let owner = Membership { role: Role::Owner, version: to.version + 1, ..to.clone() };
        let commit = Commit::replace("organization.handed_over", to, owner.clone())
            .and(Commit::replace("member.edited", from, admin))
            .also_replace(self.access.version, access);
        Ok((owner, commit))
    }
}

/// Somebody goes of their own accord.
pub fn leave(access: &Access, member: Membership, places: Places, now: Timestamp) -> Result<Commit> {
    let grants = access.grants_anywhere(&member);
    Manager { access, grants: &grants }.remove(member, places, now).map(|(_, commit)| commit)
}

/// Somebody takes their place, for the first time or again. They and the owners are counted, and all but guests hear the channel.
pub fn join(
    access: &Access,
    place: Membership,
    before: Option<Membership>,
    everyone: Option<&Everyone>,
    now: Timestamp,
) -> Result<(Membership, Commit)> {
    access.check_open()?;
    let standing = before.as_ref().map(|before| before.standing);
    let (member, mut commit) = match before {
        None => (place.clone(), Commit::create("member.joined", place)),
        Some(before) if before.standing == Standing::Removed => {
            let member = Membership { version: before.version + 1, ..place };
            (member.clone(), Commit::replace("member.joined", before, member))
        }
        Some(_) => return Err(Error::Conflict("you belong to this organisation already".to_owned())),
    };
    let after = if member.role == Role::Owner { access.with_owner(&member.user, true)? } else { access.next() };
    commit = commit.also_replace(access.version, after.counted(standing, member.standing)?);
    if let Some(everyone) = everyone.filter(|_| member.role != Role::Guest) {
        commit = commit.also_put(Participation::new(&everyone.channel, &member.user, now));
    }
    Ok((member, commit))
}
