//! What members may beyond their built-in role: roles of the organisation's own, and groups; and who owns the organisation.

use crate::{
    Error, Result, Timestamp,
    account::Session,
    commit::Commit,
    id::*,
    limits,
    organization::{Membership, Standing},
    policy::{Grant, Grants, Role},
    removal::RemovalPlan,
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

    pub(crate) fn next(&self) -> Self {
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
    pub(crate) fn counted(mut self, before: Option<Standing>, after: Standing) -> Result<Self> {
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
    pub(crate) fn with_owner(&self, user: &UserId, owns: bool) -> Result<Self> {
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
