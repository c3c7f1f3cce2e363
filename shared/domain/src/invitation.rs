//! How one joins an organisation: by an invitation, or by asking for one.

use crate::{
    Error, Result, Timestamp,
    access::Access,
    account::User,
    commit::Commit,
    id::*,
    limits,
    management::join,
    organization::{Everyone, Joining, Membership, Organization, Standing},
    policy::{Grant, Grants, Role},
    text::*,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    /// Asked for by a code, and not yet approved.
    Requested,
    Pending,
    /// Pending until its link was good no more: after a week, or when whoever sent it could not give what it gives any more. It can
    /// be sent again. The trail never says so, for nothing changes then.
    Expired,
    Accepted,
    Revoked,
}

/// An invitation by mail. Its one-time link is derived from its id and `link_number`, and is kept nowhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    pub id: InvitationId,
    pub organization: OrganizationId,
    pub organization_name: Line,
    pub email: Email,
    pub role: Role,
    /// Roles of the organisation's own, and groups; one that is deleted until it is accepted goes.
    pub roles: Vec<RoleId>,
    pub groups: Vec<GroupId>,
    pub department: Option<DepartmentId>,
    /// Absent when somebody asked to join by a code and nobody approved it yet.
    pub invited_by: Option<UserId>,
    /// Who invites; the organisation itself when somebody joins by its code.
    pub inviter: Line,
    pub state: InvitationState,
    /// How often it was sent.
    pub sending: u32,
    /// Which of its links is good. Whoever sends it again makes a new one; whoever asks for it again is sent the same.
    pub link_number: u32,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub version: u64,
    /// When it is forgotten, in seconds since 1970: thirty days after it has expired.
    pub expires: i64,
}

/// Which invitation an address had last, so that one at a time waits for an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invited {
    pub email: Email,
    pub invitation: InvitationId,
    pub version: u64,
    /// No later than what it leads to.
    pub expires: i64,
}

/// When an invitation is forgotten that is sent now.
fn forgotten(now: Timestamp) -> i64 {
    (now + limits::INVITATION + limits::INVITATION_KEPT).as_second()
}

/// What an address had before: its last invitation, and what leads to it.
#[derive(Clone, Default)]
pub struct Earlier {
    pub invited: Option<Invited>,
    pub invitation: Option<Invitation>,
}

impl Earlier {
    /// Another one than this that waits for an answer.
    fn waiting(&self, but: &InvitationId, now: Timestamp) -> Option<&Invitation> {
        self.invitation.as_ref().filter(|invitation| invitation.id != *but && invitation.is_waiting(now))
    }

    /// What waits for an answer gives way to another invitation, and so does what has expired, if whoever invites could send it again.
    fn make_room(&self, by: &InvitationId, inviter: &Inviter<'_>) -> Result<Commit> {
        let before = self.invitation.clone().filter(|invitation| invitation.id != *by && invitation.is_unanswered(inviter.now));
        match before.map(|before| (before.is_expired(inviter.now), before.revoke(inviter))) {
            None | Some((true, Err(_))) => Ok(Commit::quiet()),
            Some((_, revoked)) => revoked.map(|(_, commit)| commit),
        }
    }

    fn check_none_waits(&self, but: &InvitationId, now: Timestamp) -> Result<()> {
        match self.waiting(but, now) {
            Some(_) => Err(Error::Conflict("a later invitation to this address waits for an answer; revoke that one first".to_owned())),
            None => Ok(()),
        }
    }

    /// Makes an invitation the last of its address, unless another becomes that in the same moment.
    fn lead_to(&self, invitation: &Invitation) -> Commit {
        let seen = self.invited.as_ref().map(|invited| invited.version);
        let (email, version) = (invitation.email.clone(), seen.unwrap_or_default() + 1);
        let invited = Invited { email, invitation: invitation.id.clone(), version, expires: invitation.expires };
        match seen {
            Some(seen) => Commit::quiet().also_replace(seen, invited),
            None => Commit::quiet().also_create(invited),
        }
    }
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationDraft {
    pub email: Email,
    pub role: Role,
    /// Roles of the organisation's own, beside the built-in one.
    #[serde(default)]
    pub roles: Vec<RoleId>,
    #[serde(default)]
    pub groups: Vec<GroupId>,
    pub department: Option<DepartmentId>,
}

/// Somebody who lets people in: what they may decides as what.
pub struct Inviter<'a> {
    pub member: &'a Membership,
    pub access: &'a Access,
    pub grants: &'a Grants,
    pub now: Timestamp,
}

impl Inviter<'_> {
    /// What is given by name is there, and nobody gives more than they have.
    fn check(&self, invitation: Invitation) -> Result<Invitation> {
        let roles = self.access.known("/roles", Some(invitation.roles), &[])?;
        let groups = self.access.known("/groups", Some(invitation.groups), &[])?;
        let invitation = Invitation { roles, groups, ..invitation };
        let gives = |roles: &[RoleId], groups: &[GroupId]| self.grants.cover(&self.access.grants_of(invitation.role, roles, groups));
        let field = match (gives(&[], &[]), gives(&invitation.roles, &[]), gives(&invitation.roles, &invitation.groups)) {
            (false, ..) => "/role",
            (_, false, _) => "/roles",
            (.., false) => "/groups",
            _ => return Ok(invitation),
        };
        Err(Error::invalid(field, "is more than you have yourself"))
    }

    /// Nobody sends or takes back what they could not give.
    fn check_covers(&self, invitation: &Invitation) -> Result<()> {
        match self.grants.cover(&invitation.gives(self.access)) {
            true => Ok(()),
            false => Err(Error::forbidden("this invitation is to a role that may more than you")),
        }
    }
}

/// What somebody who asked to join becomes; a member when nothing is said.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    pub role: Option<Role>,
    #[serde(default)]
    pub roles: Vec<RoleId>,
    #[serde(default)]
    pub groups: Vec<GroupId>,
    pub department: Option<DepartmentId>,
}

impl Membership {
    /// Nobody is invited to where they are, locked out or not.
    pub fn check_outside(&self) -> Result<()> {
        let told = match self.standing {
            Standing::Active => "somebody with this address is a member already",
            Standing::Deactivated => "somebody with this address is a member and deactivated; reactivate them instead",
            Standing::Removed => return Ok(()),
        };
        Err(Error::Conflict(told.to_owned()))
    }
}

impl Invitation {
    /// Takes the place of one that waits for an answer from the same address.
    pub fn new(
        id: InvitationId,
        draft: InvitationDraft,
        organization: &Organization,
        inviter: &Inviter<'_>,
        earlier: &Earlier,
    ) -> Result<(Self, Commit)> {
        let invitation = inviter.check(Self {
            roles: draft.roles,
            groups: draft.groups,
            department: draft.department,
            invited_by: Some(inviter.member.user.clone()),
            inviter: inviter.member.name.clone(),
            ..Self::sent(id, draft.email, draft.role, organization, inviter.now)
        })?;
        let commit = earlier.make_room(&invitation.id, inviter)?;
        let commit = commit.and(Commit::create("invitation.sent", invitation.clone())).and(earlier.lead_to(&invitation));
        Ok((invitation, commit))
    }

    /// All that it gives everywhere.
    fn gives(&self, access: &Access) -> Grants {
        access.grants_of(self.role, &self.roles, &self.groups)
    }

    /// As it is sent, in the name of the organisation itself.
    fn sent(id: InvitationId, email: Email, role: Role, organization: &Organization, now: Timestamp) -> Self {
        Self {
            id,
            organization: organization.id.clone(),
            organization_name: organization.name.clone(),
            email,
            role,
            roles: Vec::new(),
            groups: Vec::new(),
            department: None,
            invited_by: None,
            inviter: organization.name.clone(),
            state: InvitationState::Pending,
            sending: 1,
            link_number: 1,
            expires_at: now + limits::INVITATION,
            created_at: now,
            version: 1,
            expires: forgotten(now),
        }
    }

    /// Somebody is to own an organisation that the platform made for them.
    pub(crate) fn to_own(id: InvitationId, email: Email, organization: &Organization, now: Timestamp) -> (Self, Commit) {
        let invitation = Self::sent(id, email, Role::Owner, organization, now);
        (invitation.clone(), Commit::create("invitation.sent", invitation))
    }

    /// Somebody asks to join by the organisation's code. What follows goes to the address they gave, so that nobody joins
    /// under another's. Who asks again is sent again what waits for them, with the link they were sent, for anybody could ask in
    /// their name; what waits for an approval waits on.
    pub fn asked_for(
        id: InvitationId,
        email: Email,
        organization: &Organization,
        joining: &Joining,
        earlier: &Earlier,
        now: Timestamp,
    ) -> Option<Commit> {
        if let Some(before) = earlier.waiting(&id, now) {
            let again = Self { sending: before.sending + 1, version: before.version + 1, ..before.clone() };
            let sent_enough = before.sending >= before.link_number + limits::ASKED_AGAIN;
            return (before.is_open(now) && !sent_enough).then(|| Commit::replace("invitation.sent", before.clone(), again));
        }
        let (state, sent) = if joining.approval { (InvitationState::Requested, 0) } else { (InvitationState::Pending, 1) };
        let invitation = Self { state, sending: sent, link_number: sent, ..Self::sent(id, email, Role::Member, organization, now) };
        let action = if joining.approval { "invitation.requested" } else { "invitation.sent" };
        Some(Commit::create(action, invitation.clone()).and(earlier.lead_to(&invitation)))
    }

    /// Says yes to somebody who asked to join.
    pub fn approve(self, approval: Approval, inviter: &Inviter<'_>, earlier: &Earlier) -> Result<(Self, Commit)> {
        let now = inviter.now;
        if self.state != InvitationState::Requested || now >= self.expires_at {
            return Err(Error::Conflict("nobody asked for this, or it was answered already".to_owned()));
        }
        earlier.check_none_waits(&self.id, now)?;
        let after = inviter.check(Self {
            role: approval.role.unwrap_or(self.role),
            roles: approval.roles,
            groups: approval.groups,
            department: approval.department.or_else(|| self.department.clone()),
            invited_by: Some(inviter.member.user.clone()),
            inviter: inviter.member.name.clone(),
            state: InvitationState::Pending,
            ..self.clone()
        })?;
        let after = after.opened_anew(now);
        let commit = Commit::replace("invitation.sent", self, after.clone()).and(earlier.lead_to(&after));
        Ok((after, commit))
    }

    /// With a link that is good from now on, and the only one.
    fn opened_anew(self, now: Timestamp) -> Self {
        let (sending, link_number, version) = (self.sending + 1, self.link_number + 1, self.version + 1);
        Self { sending, link_number, expires_at: now + limits::INVITATION, version, expires: forgotten(now), ..self }
    }

    /// Whether it waits for somebody: for the one who is invited, or for an approval.
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        matches!(self.state, InvitationState::Pending | InvitationState::Requested) && now < self.expires_at
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        self.state == InvitationState::Pending && now >= self.expires_at
    }

    /// Whether there is something to be done about it: it waits, or it did and can be sent again.
    pub fn is_unanswered(&self, now: Timestamp) -> bool {
        self.is_waiting(now) || (self.is_expired(now) && now.as_second() < self.expires)
    }

    /// As it is listed, without what was deleted since; `inviter` is whoever sent it, as far as they are known.
    #[must_use]
    pub fn as_seen(self, inviter: Option<&Membership>, access: &Access, now: Timestamp) -> Self {
        let (roles, groups) = (access.known("/roles", None, &self.roles), access.known("/groups", None, &self.groups));
        let (roles, groups) = (roles.unwrap_or_default(), groups.unwrap_or_default());
        let void = self.is_expired(now) || (self.state == InvitationState::Pending && !self.is_backed_by(inviter, access));
        let state = if void { InvitationState::Expired } else { self.state };
        Self { state, roles, groups, ..self }
    }

    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == InvitationState::Pending && now < self.expires_at
    }

    fn pending(self) -> Result<Self> {
        match self.state {
            InvitationState::Pending | InvitationState::Expired => Ok(self),
            InvitationState::Requested => Err(Error::Conflict("the invitation was asked for and is not approved".to_owned())),
            InvitationState::Accepted => Err(Error::Conflict("the invitation has been accepted".to_owned())),
            InvitationState::Revoked => Err(Error::Conflict("the invitation has been revoked".to_owned())),
        }
    }

    pub fn resend(self, inviter: &Inviter<'_>, earlier: &Earlier) -> Result<(Self, Commit)> {
        let before = self.pending()?;
        inviter.check_covers(&before)?;
        earlier.check_none_waits(&before.id, inviter.now)?;
        let (by, name) = match before.invited_by {
            Some(_) => (Some(inviter.member.user.clone()), inviter.member.name.clone()),
            // By a code it is the organisation that sends
            None => (None, before.inviter.clone()),
        };
        let after = Self { invited_by: by, inviter: name, state: InvitationState::Pending, ..before.clone() }.opened_anew(inviter.now);
        let commit = Commit::replace("invitation.sent", before, after.clone()).and(earlier.lead_to(&after));
        Ok((after, commit))
    }

    pub fn revoke(self, inviter: &Inviter<'_>) -> Result<(Self, Commit)> {
        inviter.check_covers(&self)?;
        let before = if self.state == InvitationState::Requested { self } else { self.pending()? };
        let after = Self { state: InvitationState::Revoked, version: before.version + 1, ..before.clone() };
        Ok((after.clone(), Commit::replace("invitation.revoked", before, after)))
    }

    /// Whether whoever invited may still invite, and give what the invitation gives. Who joins by the organisation's code is invited by nobody.
    pub fn is_backed_by(&self, inviter: Option<&Membership>, access: &Access) -> bool {
        let backs = |inviter: &Membership| {
            let grants = access.grants(inviter);
            inviter.standing == Standing::Active && grants.allow(Grant::InviteMembers) && grants.cover(&self.gives(access))
        };
        self.invited_by.is_none() || inviter.is_some_and(backs)
    }

    /// Whether it is the platform's, for the first owner.
    pub fn is_to_own(&self) -> bool {
        self.invited_by.is_none() && self.role == Role::Owner
    }

    /// The platform invites somebody else instead.
    pub(crate) fn withdraw(self) -> Commit {
        let after = Self { state: InvitationState::Revoked, version: self.version + 1, ..self.clone() };
        Commit::replace("invitation.revoked", self, after)
    }

    /// Whether it was sent since somebody was taken out; what was sent before brings nobody back.
    pub fn is_sent_since(&self, before: Option<&Membership>) -> bool {
        before.is_none_or(|before| before.standing != Standing::Removed || before.admitted_at <= self.sent_at())
    }

    fn sent_at(&self) -> Timestamp {
        self.expires_at - limits::INVITATION
    }

    /// The invited person joins: the invitation is used up and the membership made, in one commit.
    /// `before` is the place of somebody who was here once.
    pub fn accept(
        self,
        user: &User,
        before: Option<Membership>,
        access: &Access,
        everyone: Option<&Everyone>,
        now: Timestamp,
    ) -> Result<(Membership, Commit)> {
        if self.is_to_own() && !access.owners.is_empty() {
            return Err(Error::Conflict("the organisation has an owner already".to_owned()));
        }
        let place = user.joins(&self.organization, self.role, self.department.clone(), now);
        // What was deleted since may be named by nobody any more
        let (roles, groups) = (access.known("/roles", None, &self.roles)?, access.known("/groups", None, &self.groups)?);
        let place = Membership { roles, groups, ..place };
        let after = Self { state: InvitationState::Accepted, version: self.version + 1, ..self.clone() };
        let (member, joined) = join(access, place, before, everyone, now)?;
        Ok((member, Commit::replace("invitation.accepted", self, after).and(joined)))
    }
}
