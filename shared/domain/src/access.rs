//! What members may beyond their built-in role: roles of the organisation's own, and groups; and who owns the organisation.

use crate::{
    Error, Result, Timestamp,
    account::Session,
    commit::Commit,
    conversation::Participation,
    id::*,
    limits,
    organization::{Everyone, Membership, Standing},
    policy::{Grant, Grants, Role},
    removal::RemovalPlan,
    structure::{Places, Post},
    tenant::{Quota, Suspension},
    text::{Line, folded},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an organisation decides of who may do what. It is read with every request, so that a change of it holds at the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Access {
    /// In this one record, so that the last owner cannot go while another goes.
    pub owners: Vec<UserId>,
    pub roles: Vec<CustomRole>,
    pub groups: Vec<Group>,
    /// Whether a session needs a second factor for anything but one's own account.
    pub second_factor: bool,
    /// Whether it has to be opened through a provider for that, by all but owners and guests.
    pub single_sign_on: bool,
    /// Those that may open sessions here; one that is trusted no more ends those that it opened.
    pub providers: Vec<Trust>,
    /// How many are active; here, so that those who join at once meet and none is one too many.
    pub members: u32,
    pub quota: Quota,
    /// Absent while the organisation may do all it does.
    pub suspension: Option<Suspension>,
    /// Absent while nobody wants the organisation to end.
    pub removal: Option<RemovalPlan>,
    /// How many webhooks there are: without any, nobody has to look who hears of a change.
    pub webhooks: u32,
    pub version: u64,
}

/// A provider of sign-in, and since when it lets somebody in. What it opened before that stays closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trust {
    pub provider: ProviderId,
    pub since: Option<Timestamp>,
}

/// What an organisation asks of whoever signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInRules {
    /// Whether everybody needs a second factor. Without one a session reaches its own account and no further.
    pub second_factor: bool,
    /// Whether everybody has to sign in through a provider, but for owners, who mend it when it fails, and guests, whom it
    /// does not know. A login of one's own then reaches the own account and no further.
    #[serde(default)]
    pub single_sign_on: bool,
}

/// Permissions under a name, which members have beside those of their built-in role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Granting<I> {
    pub id: I,
    #[schema(example = "Bookkeeping assistant")]
    pub name: Line,
    pub permissions: Grants,
    pub created_at: Timestamp,
    pub version: u64,
}

/// A role of the organisation's own.
pub type CustomRole = Granting<RoleId>;
/// Members who belong together for any purpose, and what they may because of it.
pub type Group = Granting<GroupId>;

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantingDraft {
    pub name: Line,
    #[serde(default)]
    pub permissions: Grants,
}

/// What is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantingEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub name: Option<Line>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub permissions: Option<Grants>,
}

/// What tells roles from groups.
pub trait GrantingId: PartialEq + Clone + Serialize + std::fmt::Display {
    const WHAT: &'static str;
    /// Created, edited, deleted.
    const ACTIONS: [&'static str; 3];
    const MOST: usize;
    /// Those whose names nothing of one's own has.
    const RESERVED: &[Role] = &[];
    fn all(access: &Access) -> &Vec<Granting<Self>>;
    fn all_mut(access: &mut Access) -> &mut Vec<Granting<Self>>;
}

impl GrantingId for RoleId {
    const WHAT: &'static str = "role";
    const ACTIONS: [&'static str; 3] = ["role.created", "role.edited", "role.deleted"];
    const MOST: usize = limits::CUSTOM_ROLES;
    const RESERVED: &[Role] = &Role::ALL;
    fn all(access: &Access) -> &Vec<CustomRole> {
        &access.roles
    }
    fn all_mut(access: &mut Access) -> &mut Vec<CustomRole> {
        &mut access.roles
    }
}

impl GrantingId for GroupId {
    const WHAT: &'static str = "group";
    const ACTIONS: [&'static str; 3] = ["group.created", "group.edited", "group.deleted"];
    const MOST: usize = limits::GROUPS;
    fn all(access: &Access) -> &Vec<Group> {
        &access.groups
    }
    fn all_mut(access: &mut Access) -> &mut Vec<Group> {
        &mut access.groups
    }
}

/// Whether somebody may name these permissions.
fn check_given(by: &Grants, permissions: &Grants) -> Result<()> {
    if let Some(grant) = permissions.iter().find(|grant| grant.is_for_owners()) {
        return Err(Error::invalid("/permissions", format!("names {grant}, which owners alone have")));
    }
    if by.cover(permissions) { Ok(()) } else { Err(Error::invalid("/permissions", "has more than you have yourself")) }
}

/// Whether somebody may change what carries these permissions.
fn check_touched<I: GrantingId>(by: &Grants, one: &Granting<I>) -> Result<()> {
    let told = || Error::forbidden(format!("this {} has permissions that you do not have", I::WHAT));
    if by.cover(&one.permissions) { Ok(()) } else { Err(told()) }
}

/// How far the clocks of two machines may differ.
const SKEW: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

impl Access {
    pub fn of_founder(owner: &UserId) -> Self {
        Self { owners: vec![owner.clone()], members: 1, version: 1, ..Self::default() }
    }

    /// All that a member may: by built-in role, by roles of the organisation's own, and by groups.
    pub fn grants(&self, member: &Membership) -> Grants {
        self.grants_of(member.role, &member.roles, &member.groups)
    }

    pub(crate) fn grants_of(&self, role: Role, roles: &[RoleId], groups: &[GroupId]) -> Grants {
        let mut grants = role.grants();
        let roles = self.roles.iter().filter(|role| roles.contains(&role.id)).map(|role| &role.permissions);
        let groups = self.groups.iter().filter(|group| groups.contains(&group.id)).map(|group| &group.permissions);
        roles.chain(groups).for_each(|more| grants.add(more));
        grants
    }

    /// Those that are there, each once. One that somebody `had` and that was deleted since may be named, and goes.
    pub(crate) fn known<I: GrantingId + Ord>(&self, field: &'static str, wanted: Option<Vec<I>>, had: &[I]) -> Result<Vec<I>> {
        let exists = |id: &I| I::all(self).iter().any(|one| one.id == *id);
        let mut ids = wanted.unwrap_or_else(|| had.to_vec());
        if !ids.iter().all(|id| exists(id) || had.contains(id)) {
            return Err(Error::invalid(field, format!("names a {} that is not there", I::WHAT)));
        }
        ids.retain(exists);
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// With what their posts give over parts of the organisation.
    pub fn grants_anywhere(&self, member: &Membership) -> Grants {
        let mut grants = self.grants(member);
        member.posts.iter().for_each(|post| grants.add(&post.role.grants()));
        grants
    }

    fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    fn name_is_free<I: GrantingId>(&self, name: &Line, but: Option<&I>) -> Result<()> {
        let wanted = folded(name.as_str());
        let taken = I::all(self).iter().any(|other| folded(other.name.as_str()) == wanted && Some(&other.id) != but);
        if taken || I::RESERVED.iter().any(|role| role.as_str() == wanted) {
            Err(Error::Conflict(format!("there is a {} of this name already", I::WHAT)))
        } else {
            Ok(())
        }
    }

    pub fn find<I: GrantingId>(&self, id: &I) -> Result<Granting<I>> {
        I::all(self).iter().find(|one| one.id == *id).cloned().ok_or(Error::NotFound(I::WHAT))
    }

    pub fn create<I: GrantingId>(self, id: I, draft: GrantingDraft, by: &Grants, now: Timestamp) -> Result<(Granting<I>, Commit)> {
        check_given(by, &draft.permissions)?;
        self.name_is_free::<I>(&draft.name, None)?;
        if I::all(&self).len() >= I::MOST {
            return Err(Error::Conflict(format!("an organisation has {} of these at the most", I::MOST)));
        }
        let made = Granting { id, name: draft.name, permissions: draft.permissions, created_at: now, version: 1 };
        let mut after = self.next();
        I::all_mut(&mut after).push(made.clone());
        let commit = Commit::part(I::ACTIONS[0], I::WHAT, &made.id, None, Some(&made)).also_replace(self.version, after);
        Ok((made, commit))
    }

    pub fn edit<I: GrantingId>(self, id: &I, edit: GrantingEdit, by: &Grants) -> Result<(Granting<I>, Commit)> {
        let before = self.find(id)?;
        // Nor is anything taken from those who have more
        check_touched(by, &before)?;
        let name = edit.name.unwrap_or_else(|| before.name.clone());
        self.name_is_free(&name, Some(id))?;
        edit.permissions.iter().try_for_each(|permissions| check_given(by, permissions))?;
        let permissions = edit.permissions.unwrap_or_else(|| before.permissions.clone());
        if (&name, &permissions) == (&before.name, &before.permissions) {
            return Ok((before, Commit::quiet()));
        }
        let one = Granting { name, permissions, version: before.version + 1, ..before.clone() };
        let mut after = self.next();
        I::all_mut(&mut after).iter_mut().filter(|other| other.id == *id).for_each(|other| *other = one.clone());
        let commit = Commit::part(I::ACTIONS[1], I::WHAT, id, Some(&before), Some(&one)).also_replace(self.version, after);
        Ok((one, commit))
    }

    pub fn delete<I: GrantingId>(self, id: &I, by: &Grants) -> Result<Commit> {
        let before = self.find(id)?;
        check_touched(by, &before)?;
        let mut after = self.next();
        I::all_mut(&mut after).retain(|one| one.id != *id);
        Ok(Commit::part(I::ACTIONS[2], I::WHAT, id, Some(&before), None).also_replace(self.version, after))
    }

    /// Whether somebody may be left with less than before.
    pub fn is_narrowed_to(&self, after: &Self) -> bool {
        fn narrowed<I: GrantingId>(before: &Access, after: &Access) -> bool {
            I::all(before)
                .iter()
                .any(|one| after.find(&one.id).map_or(!one.permissions.is_empty(), |now| !now.permissions.cover(&one.permissions)))
        }
        let asks_more = (after.second_factor && !self.second_factor) || (after.single_sign_on && !self.single_sign_on);
        let trusts_less = self.providers.iter().any(|trust| trust.since.is_some() && !after.trusts(&trust.provider));
        narrowed::<RoleId>(self, after)
            || narrowed::<GroupId>(self, after)
            || asks_more
            || trusts_less
            || (after.is_closed() && !self.is_closed())
    }

    /// Whether a session may what it is granted: one that is not as the organisation asks reaches its own account and no
    /// further, so that it can become so.
    pub fn admits(&self, session: &Session, member: &Membership, grant: Grant) -> Result<()> {
        if matches!(grant, Grant::UseAccount | Grant::EditProfile | Grant::UseSession) {
            return Ok(());
        }
        if self.single_sign_on && session.through.is_none() && !matches!(member.role, Role::Owner | Role::Guest) {
            return Err(Error::SingleSignOnNeeded);
        }
        if self.second_factor && !session.second_factor { Err(Error::SecondFactorNeeded) } else { Ok(()) }
    }

    /// Whether a session goes on: one that a provider opened does only here, and while that is trusted.
    pub fn lets_in(&self, session: &Session) -> bool {
        session.through.as_ref().is_none_or(|provider| self.since(provider).is_some_and(|since| session.created_at + SKEW >= since))
    }

    fn since(&self, provider: &ProviderId) -> Option<Timestamp> {
        self.providers.iter().find(|trust| trust.provider == *provider)?.since
    }

    /// Whether a provider lets somebody in now.
    pub fn trusts(&self, provider: &ProviderId) -> bool {
        self.since(provider).is_some()
    }

    /// With one provider more, which is off.
    pub(crate) fn with_provider(&self, provider: &ProviderId) -> Result<Self> {
        let mut after = self.next();
        after.providers.push(Trust { provider: provider.clone(), since: None });
        if after.providers.len() > limits::PROVIDERS {
            return Err(Error::Conflict(format!("an organisation has {} providers at the most", limits::PROVIDERS)));
        }
        Ok(after)
    }

    /// With a provider switched on, from now on, or off.
    pub(crate) fn switched(&self, provider: &ProviderId, since: Option<Timestamp>) -> Result<Self> {
        let mut after = self.next();
        after.providers.iter_mut().filter(|trust| trust.provider == *provider).for_each(|trust| trust.since = since);
        after.checked()
    }

    pub(crate) fn without_provider(&self, provider: &ProviderId) -> Result<Self> {
        let mut after = self.next();
        after.providers.retain(|trust| trust.provider != *provider);
        after.checked()
    }

    /// Nobody takes away what everybody needs.
    fn checked(self) -> Result<Self> {
        if self.single_sign_on && self.providers.iter().all(|trust| trust.since.is_none()) {
            let told = "everybody is asked to sign in through a provider, and this is the last; change that first";
            return Err(Error::Conflict(told.to_owned()));
        }
        Ok(self)
    }

    /// Asks something of everybody who signs in, or no more. Whoever asks does so themselves, and so locks nobody in without a key.
    pub fn ask(&self, rules: SignInRules, by: &Session) -> Result<(Self, Commit)> {
        if rules.second_factor && !by.second_factor {
            return Err(Error::Conflict("set up a second factor of your own first, and log in with it".to_owned()));
        }
        if rules.single_sign_on && !self.single_sign_on && by.through.is_none() {
            return Err(Error::Conflict("sign in through a provider yourself first".to_owned()));
        }
        let after = Self { second_factor: rules.second_factor, single_sign_on: rules.single_sign_on, ..self.next() };
        let rules = |access: &Self| access.sign_in();
        let commit = Commit::part("organization.sign_in_changed", "organization", "sign-in", Some(&rules(self)), Some(&rules(&after)));
        Ok((after.clone(), commit.also_replace(self.version, after)))
    }

    pub fn sign_in(&self) -> SignInRules {
        SignInRules { second_factor: self.second_factor, single_sign_on: self.single_sign_on }
    }

    /// Refuses what would change something while the organisation is suspended, or is going to be removed.
    pub fn check_open(&self) -> Result<()> {
        match (&self.removal, &self.suspension) {
            (Some(plan), _) => Err(Error::Suspended(plan.to_string())),
            (None, Some(suspension)) => Err(Error::Suspended(suspension.reason.to_string())),
            (None, None) => Ok(()),
        }
    }

    /// Whether one more may join, as far as can be known now; who joins is counted when they do.
    pub fn check_seat(&self) -> Result<()> {
        match self.quota.members {
            Some(most) if self.members >= most => {
                let members = if self.members == 1 { "member" } else { "members" };
                Err(Error::QuotaExceeded(format!("the organisation has {} {members}, and {most} at the most", self.members)))
            }
            _ => Ok(()),
        }
    }

    /// One more is active, or one fewer.
    fn counted(mut self, before: Option<Standing>, after: Standing) -> Result<Self> {
        match (before == Some(Standing::Active), after == Standing::Active) {
            (false, true) => {
                self.check_seat()?;
                self.members += 1;
            }
            (true, false) => self.members = self.members.saturating_sub(1),
            _ => {}
        }
        Ok(self)
    }

    pub fn with_webhooks(&self, webhooks: u32) -> Result<Self> {
        match webhooks {
            count if count > limits::WEBHOOKS => {
                Err(Error::Conflict(format!("an organisation has {} webhooks at the most", limits::WEBHOOKS)))
            }
            webhooks => Ok(Self { webhooks, ..self.next() }),
        }
    }

    /// With this one among the owners or not; the last one stays.
    fn with_owner(&self, user: &UserId, owns: bool) -> Result<Self> {
        let mut after = self.next();
        after.owners.retain(|owner| owner != user);
        if owns {
            after.owners.push(user.clone());
        }
        if after.owners.is_empty() {
            return Err(Error::Conflict("an organisation needs an owner: hand it over to somebody first".to_owned()));
        }
        if after.owners.len() > limits::OWNERS {
            return Err(Error::Conflict(format!("an organisation has {} owners at the most", limits::OWNERS)));
        }
        Ok(after)
    }
}

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
