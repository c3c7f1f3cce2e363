//! How one joins an organisation: by an invitation, or by asking for one.

use crate::{
    Error, Result, Timestamp,
    access::{Access, join},
    account::User,
    commit::Commit,
    id::*,
    limits,
    organization::{Everyone, Joining, Membership, Organization, Standing},
    policy::{Grants, Role},
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
    /// Pending until its link was good no more; it can be sent again. The trail never says so, for nothing changes then.
    Expired,
    Accepted,
    Revoked,
}

/// An invitation by mail. Its one-time link is derived from its id and `sending`, and is kept nowhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    pub id: InvitationId,
    pub organization: OrganizationId,
    pub organization_name: Line,
    pub email: Email,
    pub role: Role,
    pub department: Option<DepartmentId>,
    /// Absent when somebody asked to join by a code and nobody approved it yet.
    pub invited_by: Option<UserId>,
    /// Who invites; the organisation itself when somebody joins by its code.
    pub inviter: Line,
    pub state: InvitationState,
    /// How often it was sent; each sending ends the link before it.
    pub sending: u32,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub version: u64,
    /// When it is forgotten, in seconds since 1970: thirty days after it has expired.
    pub expires: i64,
}

/// Which invitation an address had last, so that nobody is invited twice by the same list.
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

impl Invited {
    pub fn by(invitation: &Invitation) -> Self {
        // It is put whatever stands there, and yet must rise
        let version = invitation.sent_at().as_millisecond().unsigned_abs();
        Self { email: invitation.email.clone(), invitation: invitation.id.clone(), version, expires: invitation.expires }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationDraft {
    pub email: Email,
    pub role: Role,
    pub department: Option<DepartmentId>,
}

/// What somebody who asked to join becomes; a member when nothing is said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    pub role: Option<Role>,
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
    pub fn new(
        id: InvitationId,
        draft: InvitationDraft,
        organization: &Organization,
        inviter: &Membership,
        grants: &Grants,
        now: Timestamp,
    ) -> Result<(Self, Commit)> {
        let (invitation, commit) = Self::prepare(id, draft, organization, inviter, grants, now)?;
        let invited = Invited::by(&invitation);
        Ok((invitation, commit.also_put(invited)))
    }

    /// As it is sent, in the name of the organisation itself.
    fn sent(id: InvitationId, email: Email, role: Role, organization: &Organization, now: Timestamp) -> Self {
        Self {
            id,
            organization: organization.id.clone(),
            organization_name: organization.name.clone(),
            email,
            role,
            department: None,
            invited_by: None,
            inviter: organization.name.clone(),
            state: InvitationState::Pending,
            sending: 1,
            expires_at: now + limits::INVITATION,
            created_at: now,
            version: 1,
            expires: forgotten(now),
        }
    }

    /// Leaves it to the caller to write down that the address is invited.
    pub(crate) fn prepare(
        id: InvitationId,
        draft: InvitationDraft,
        organization: &Organization,
        inviter: &Membership,
        grants: &Grants,
        now: Timestamp,
    ) -> Result<(Self, Commit)> {
        if !grants.cover(&draft.role.grants()) {
            return Err(Error::invalid("/role", "is more than you have yourself"));
        }
        let invitation = Self {
            department: draft.department,
            invited_by: Some(inviter.user.clone()),
            inviter: inviter.name.clone(),
            ..Self::sent(id, draft.email, draft.role, organization, now)
        };
        Ok((invitation.clone(), Commit::create("invitation.sent", invitation)))
    }

    /// Somebody is to own an organisation that the platform made for them.
    pub(crate) fn to_own(id: InvitationId, email: Email, organization: &Organization, now: Timestamp) -> (Self, Commit) {
        let invitation = Self::sent(id, email, Role::Owner, organization, now);
        (invitation.clone(), Commit::create("invitation.sent", invitation))
    }

    /// Somebody asks to join by the organisation's code. What follows goes to the address they gave, so that nobody joins
    /// under another's.
    pub fn asked_for(id: InvitationId, email: Email, organization: &Organization, joining: &Joining, now: Timestamp) -> (Self, Commit) {
        let (state, sending) = if joining.approval { (InvitationState::Requested, 0) } else { (InvitationState::Pending, 1) };
        let invitation = Self { state, sending, ..Self::sent(id, email, Role::Member, organization, now) };
        let action = if joining.approval { "invitation.requested" } else { "invitation.sent" };
        let invited = Invited::by(&invitation);
        (invitation.clone(), Commit::create(action, invitation).also_put(invited))
    }

    /// Says yes to somebody who asked to join.
    pub fn approve(self, approval: Approval, inviter: &Membership, grants: &Grants, now: Timestamp) -> Result<(Self, Commit)> {
        let after = Self {
            role: approval.role.unwrap_or(self.role),
            department: approval.department.or_else(|| self.department.clone()),
            invited_by: Some(inviter.user.clone()),
            inviter: inviter.name.clone(),
            state: InvitationState::Pending,
            sending: 1,
            expires_at: now + limits::INVITATION,
            version: self.version + 1,
            expires: forgotten(now),
            ..self.clone()
        };
        if self.state != InvitationState::Requested || now >= self.expires_at {
            return Err(Error::Conflict("nobody asked for this, or it was answered already".to_owned()));
        }
        if !grants.cover(&after.role.grants()) {
            return Err(Error::invalid("/role", "is more than you have yourself"));
        }
        let invited = Invited::by(&after);
        Ok((after.clone(), Commit::replace("invitation.sent", self, after).also_put(invited)))
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

    #[must_use]
    pub fn as_seen(self, now: Timestamp) -> Self {
        if self.is_expired(now) { Self { state: InvitationState::Expired, ..self } } else { self }
    }

    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == InvitationState::Pending && now < self.expires_at
    }

    /// Nobody sends or takes back what they could not give.
    fn is_covered(&self, grants: &Grants) -> Result<()> {
        if grants.cover(&self.role.grants()) {
            Ok(())
        } else {
            Err(Error::forbidden("this invitation is to a role that may more than you"))
        }
    }

    fn pending(self) -> Result<Self> {
        match self.state {
            InvitationState::Pending | InvitationState::Expired => Ok(self),
            InvitationState::Requested => Err(Error::Conflict("the invitation was asked for and is not approved".to_owned())),
            InvitationState::Accepted => Err(Error::Conflict("the invitation has been accepted".to_owned())),
            InvitationState::Revoked => Err(Error::Conflict("the invitation has been revoked".to_owned())),
        }
    }

    pub fn resend(self, grants: &Grants, now: Timestamp) -> Result<(Self, Commit)> {
        let before = self.pending()?;
        before.is_covered(grants)?;
        let after = Self {
            sending: before.sending + 1,
            expires_at: now + limits::INVITATION,
            version: before.version + 1,
            expires: forgotten(now),
            ..before.clone()
        };
        let invited = Invited::by(&after);
        Ok((after.clone(), Commit::replace("invitation.sent", before, after).also_put(invited)))
    }

    pub fn revoke(self, grants: &Grants) -> Result<(Self, Commit)> {
        self.is_covered(grants)?;
        let before = if self.state == InvitationState::Requested { self } else { self.pending()? };
        let after = Self { state: InvitationState::Revoked, version: before.version + 1, ..before.clone() };
        Ok((after.clone(), Commit::replace("invitation.revoked", before, after)))
    }

    /// Whether whoever invited may still give what the invitation gives. Who joins by the organisation's code is invited by nobody.
    pub fn is_backed_by(&self, inviter: Option<&Membership>, access: &Access) -> bool {
        let backs = |inviter: &Membership| inviter.standing == Standing::Active && access.grants(inviter).cover(&self.role.grants());
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
        let after = Self { state: InvitationState::Accepted, version: self.version + 1, ..self.clone() };
        let (member, joined) = join(access, place, before, everyone, now)?;
        Ok((member, Commit::replace("invitation.accepted", self, after).and(joined)))
    }
}
