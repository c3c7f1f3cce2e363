//! An organisation, who belongs to it, and how one joins.

use crate::{
    Error, Result, Timestamp,
    access::{Access, join},
    account::{Credentials, EmailOwner, Session, User},
    api_key::Secret,
    commit::{Commit, Write},
    conversation::{Conversation, Participation},
    id::{sortable, *},
    limits,
    money::Currency,
    policy::{Grants, Role},
    structure::{Post, Structure},
    text::*,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    pub id: OrganizationId,
    pub name: Line,
    pub address: Address,
    pub phone: Phone,
    pub expected_users: u32,
    pub currency: Currency,
    pub zone: Zone,
    /// As they stand on invoices.
    pub email: Option<Email>,
    pub tax_number: Option<Label>,
    #[schema(example = "IBAN GB33 BUKB 2020 1555 5555 55, BIC BUKBGB22")]
    pub bank: Option<Line>,
    /// How people join without an invitation; absent, they do not.
    pub joining: Option<Joining>,
    pub created_at: Timestamp,
    pub version: u64,
}

/// A code by which people ask to join.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Joining {
    #[schema(example = "8fqj2m4x6c")]
    pub code: Label,
    /// Whether somebody who may invite has to say yes to each.
    pub approval: bool,
}

/// Which organisation a code is of; makes codes unique.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JoinCode {
    pub code: Label,
    pub organization: OrganizationId,
    pub version: u64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoiningDraft {
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub approval: bool,
}

fn yes() -> bool {
    true
}

/// What an administrator may change about the organisation; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationEdit {
    pub name: Option<Line>,
    pub address: Option<Address>,
    pub phone: Option<Phone>,
    pub currency: Option<Currency>,
    pub zone: Option<Zone>,
    pub email: Option<Email>,
    pub tax_number: Option<Label>,
    pub bank: Option<Line>,
}

impl Organization {
    #[expect(clippy::too_many_arguments, reason = "the form in which an organisation is made, field by field")]
    pub(crate) fn new(
        id: OrganizationId,
        name: Line,
        address: Address,
        phone: Phone,
        expected_users: u32,
        currency: Currency,
        zone: Zone,
        now: Timestamp,
    ) -> Result<Self> {
        if !(1..=1_000_000).contains(&expected_users) {
            return Err(Error::invalid("/expected_users", "is not between 1 and 1,000,000"));
        }
        Ok(Self {
            id,
            name,
            address,
            phone,
            expected_users,
            currency,
            zone,
            email: None,
            tax_number: None,
            bank: None,
            joining: None,
            created_at: now,
            version: 1,
        })
    }

    fn with_joining(self, joining: Option<Joining>) -> (Self, Commit) {
        let after = Self { joining, version: self.version + 1, ..self.clone() };
        let code = |joining: &Joining| JoinCode { code: joining.code.clone(), organization: self.id.clone(), version: 1 };
        let (before, next) = (self.joining.as_ref().map(code), after.joining.as_ref().map(code));
        // The code lets people in, and is nobody's business who reads the trail
        let mut commit = Commit::noted("organization.joining_changed", &after).also_replace(self.version, after.clone());
        commit = before.into_iter().fold(commit, Commit::also_remove);
        (after, next.into_iter().fold(commit, Commit::also_create))
    }

    /// A new code; the one before no longer works.
    pub fn open_joining(self, draft: JoiningDraft, random: u128) -> Result<(Self, Commit)> {
        let code = sortable(Timestamp::UNIX_EPOCH, random)[16..].parse().map_err(Error::internal)?;
        Ok(self.with_joining(Some(Joining { code, approval: draft.approval })))
    }

    pub fn close_joining(self) -> (Self, Commit) {
        self.with_joining(None)
    }

    pub fn edit(self, edit: OrganizationEdit) -> (Self, Commit) {
        let after = Self {
            name: edit.name.unwrap_or_else(|| self.name.clone()),
            address: edit.address.unwrap_or_else(|| self.address.clone()),
            phone: edit.phone.unwrap_or_else(|| self.phone.clone()),
            currency: edit.currency.unwrap_or(self.currency),
            zone: edit.zone.unwrap_or_else(|| self.zone.clone()),
            email: edit.email.or_else(|| self.email.clone()),
            tax_number: edit.tax_number.or_else(|| self.tax_number.clone()),
            bank: edit.bank.or_else(|| self.bank.clone()),
            version: self.version + 1,
            ..self.clone()
        };
        (after.clone(), Commit::replace("organization.edited", self, after))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Active,
    Deactivated,
    /// Not in the organisation any more, and kept as the author of what they wrote.
    Removed,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Removed => "removed",
        }
    }
}

/// A person's place in an organisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Membership {
    pub user: UserId,
    pub organization: OrganizationId,
    pub name: Line,
    pub email: Email,
    pub role: Role,
    /// Roles of the organisation's own, beside the built-in one.
    pub roles: Vec<RoleId>,
    pub groups: Vec<GroupId>,
    pub standing: Standing,
    #[schema(value_type = Option<String>, example = "Head gardener")]
    pub title: Option<Line>,
    /// As the person has it; absent, there is none to be seen.
    pub picture: Option<PictureId>,
    /// As their card has them.
    #[schema(max_items = 30)]
    pub skills: Vec<Label>,
    pub department: Option<DepartmentId>,
    pub teams: Vec<TeamId>,
    /// What they are in parts of the organisation.
    pub posts: Vec<Post>,
    pub joined_at: Timestamp,
    /// What was opened or sent before this lets nobody in: it is from before somebody was locked out.
    pub admitted_at: Timestamp,
    pub version: u64,
}

/// How far the clocks of two machines may differ.
pub(crate) const SKEW: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

impl Membership {
    pub fn lets_in(&self, session: &Session) -> bool {
        // A session of another organisation was there before, and opens one here
        let elsewhere = session.organization != self.organization;
        self.standing == Standing::Active && (elsewhere || session.created_at + SKEW >= self.admitted_at)
    }

    /// Whether a program may go on with a secret this member answers for: it ends with them.
    pub fn lets_in_with(&self, secret: &Secret) -> bool {
        self.user == secret.by && self.standing == Standing::Active && secret.made_at + SKEW >= self.admitted_at
    }

    /// Whether somebody has no other place than this one.
    pub fn is_all_of(&self, places: &[Membership]) -> bool {
        places.iter().all(|place| place.organization == self.organization || place.standing == Standing::Removed)
    }

    /// What decides what somebody may.
    pub fn place(&self) -> (Role, &[RoleId], &[GroupId], &[Post], Standing) {
        (self.role, &self.roles, &self.groups, &self.posts, self.standing)
    }
}

const CHANNEL: &str = "general";

/// The form in which an organisation signs up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    #[schema(example = "Mia Chen")]
    pub name: Line,
    pub email: Email,
    pub password: Password,
    #[schema(example = "Acme Gardens")]
    pub organization: Line,
    pub address: Address,
    pub phone: Phone,
    #[schema(minimum = 1, maximum = 1_000_000, example = 25)]
    pub expected_users: u32,
    #[serde(default)]
    pub currency: Currency,
    #[serde(default)]
    pub zone: Zone,
}

/// What the founding of an organisation made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Founded {
    pub user: User,
    pub organization: Organization,
}

/// Makes the organisation, its owner, its first departments and its channel, in one commit.
pub fn found(form: SignUp, password_hash: String, now: Timestamp, mut random: impl FnMut() -> u128) -> Result<(Founded, Commit)> {
    let id = OrganizationId::new(now, random());
    let user = User::new(UserId::new(now, random()), form.name.clone(), form.email.clone(), form.zone.clone(), id, now);
    let (founded, commit) = founded_by(user, form, now, random)?;
    let user = &founded.user;
    let account = [EmailOwner::of(user).into(), Credentials::new(&user.id, password_hash, now).into(), user.clone().into()];
    let commit = account.into_iter().map(Write::Create).fold(commit, Commit::with);
    Ok((founded, commit))
}

/// The same by somebody who has an account and belongs to no organisation any more.
pub fn found_anew(form: SignUp, user: User, now: Timestamp, mut random: impl FnMut() -> u128) -> Result<(Founded, Commit)> {
    let seen = user.version;
    let user = User { home: OrganizationId::new(now, random()), version: seen + 1, ..user };
    let (founded, commit) = founded_by(user, form, now, random)?;
    let user = founded.user.clone();
    Ok((founded, commit.also_replace(seen, user)))
}

/// At the home of its owner.
fn founded_by(user: User, form: SignUp, now: Timestamp, random: impl FnMut() -> u128) -> Result<(Founded, Commit)> {
    let SignUp { organization, address, phone, expected_users, currency, zone, .. } = form;
    let organization = Organization::new(user.home.clone(), organization, address, phone, expected_users, currency, zone, now)?;
    let owner = user.joins(&organization.id, Role::Owner, None, now);
    let (channel, house) = settled(&organization, Access::of_founder(&user.id), now, random)?;
    let commit = house.and(Commit::create("member.joined", owner)).also_create(Participation::new(&channel, &user.id, now));
    Ok((Founded { user, organization }, commit))
}

/// An organisation with its first departments and its channel, and nobody in it yet.
pub(crate) fn settled(
    organization: &Organization,
    access: Access,
    now: Timestamp,
    mut random: impl FnMut() -> u128,
) -> Result<(ConversationId, Commit)> {
    let channel = Conversation::channel(ConversationId::new(now, random()), CHANNEL.parse().map_err(Error::internal)?, now);
    let mut commit = Commit::create("organization.founded", organization.clone())
        .and(Commit::create("conversation.created", channel.clone()))
        .also_create(access)
        .also_create(Everyone { channel: channel.id.clone(), version: 1 });
    let structure = Structure::first(now, random)?;
    for department in &structure.departments {
        commit = commit.and(Commit::part("department.created", "department", &department.id, None, Some(department)));
    }
    Ok((channel.id, commit.also_create(structure)))
}

/// The channel that whoever joins the organisation is put into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Everyone {
    pub channel: ConversationId,
    pub version: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    /// Asked for by a code, and not yet approved.
    Requested,
    Pending,
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
}

/// Which invitation an address had last, so that nobody is invited twice by the same list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invited {
    pub email: Email,
    pub invitation: InvitationId,
    pub version: u64,
}

impl Invited {
    pub fn by(invitation: &Invitation) -> Self {
        // It is put whatever stands there, and yet must rise
        let version = invitation.created_at.as_millisecond().unsigned_abs();
        Self { email: invitation.email.clone(), invitation: invitation.id.clone(), version }
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
            id,
            organization: organization.id.clone(),
            organization_name: organization.name.clone(),
            email: draft.email,
            role: draft.role,
            department: draft.department,
            invited_by: Some(inviter.user.clone()),
            inviter: inviter.name.clone(),
            state: InvitationState::Pending,
            sending: 1,
            expires_at: now + limits::INVITATION,
            created_at: now,
            version: 1,
        };
        Ok((invitation.clone(), Commit::create("invitation.sent", invitation)))
    }

    /// Somebody is to own an organisation that the platform made for them.
    pub(crate) fn to_own(id: InvitationId, email: Email, organization: &Organization, now: Timestamp) -> (Self, Commit) {
        let invitation = Self {
            id,
            organization: organization.id.clone(),
            organization_name: organization.name.clone(),
            email,
            role: Role::Owner,
            department: None,
            invited_by: None,
            inviter: organization.name.clone(),
            state: InvitationState::Pending,
            sending: 1,
            expires_at: now + limits::INVITATION,
            created_at: now,
            version: 1,
        };
        (invitation.clone(), Commit::create("invitation.sent", invitation))
    }

    /// Somebody asks to join by the organisation's code. What follows goes to the address they gave, so that nobody joins
    /// under another's.
    pub fn asked_for(id: InvitationId, email: Email, organization: &Organization, joining: &Joining, now: Timestamp) -> (Self, Commit) {
        let (state, sending) = if joining.approval { (InvitationState::Requested, 0) } else { (InvitationState::Pending, 1) };
        let invitation = Self {
            id,
            organization: organization.id.clone(),
            organization_name: organization.name.clone(),
            email,
            role: Role::Member,
            department: None,
            invited_by: None,
            inviter: organization.name.clone(),
            state,
            sending,
            expires_at: now + limits::INVITATION,
            created_at: now,
            version: 1,
        };
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
            ..self.clone()
        };
        if self.state != InvitationState::Requested || now >= self.expires_at {
            return Err(Error::Conflict("nobody asked for this, or it was answered already".to_owned()));
        }
        if !grants.cover(&after.role.grants()) {
            return Err(Error::invalid("/role", "is more than you have yourself"));
        }
        Ok((after.clone(), Commit::replace("invitation.sent", self, after)))
    }

    /// Whether it waits for somebody: for the one who is invited, or for an approval.
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        matches!(self.state, InvitationState::Pending | InvitationState::Requested) && now < self.expires_at
    }

    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == InvitationState::Pending && now < self.expires_at
    }

    /// Nobody sends or takes back what they could not give.
    fn is_covered(&self, grants: &Grants) -> Result<()> {
        if grants.cover(&self.role.grants()) { Ok(()) } else { Err(Error::Forbidden) }
    }

    fn pending(self) -> Result<Self> {
        match self.state {
            InvitationState::Pending => Ok(self),
            InvitationState::Requested => Err(Error::Conflict("the invitation was asked for and is not approved".to_owned())),
            InvitationState::Accepted => Err(Error::Conflict("the invitation has been accepted".to_owned())),
            InvitationState::Revoked => Err(Error::Conflict("the invitation has been revoked".to_owned())),
        }
    }

    pub fn resend(self, grants: &Grants, now: Timestamp) -> Result<(Self, Commit)> {
        let before = self.pending()?;
        before.is_covered(grants)?;
        let after =
            Self { sending: before.sending + 1, expires_at: now + limits::INVITATION, version: before.version + 1, ..before.clone() };
        Ok((after.clone(), Commit::replace("invitation.sent", before, after)))
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
        let sent_at = self.expires_at - limits::INVITATION;
        before.is_none_or(|before| before.standing != Standing::Removed || before.admitted_at <= sent_at)
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
