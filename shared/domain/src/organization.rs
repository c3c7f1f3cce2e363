//! An organisation, and who belongs to it.

use crate::{
    Error, Result, Timestamp,
    access::Access,
    account::{Credentials, EmailOwner, Session, User},
    api_key::Secret,
    commit::{Commit, Write},
    conversation::{Conversation, Participation},
    id::{sortable, *},
    money::Currency,
    policy::Role,
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

/// An organisation as everybody in it is shown it, guests too.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Letterhead {
    pub id: OrganizationId,
    pub name: Line,
    pub address: Address,
    pub phone: Phone,
    pub email: Option<Email>,
    pub currency: Currency,
    pub zone: Zone,
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

#[derive(Clone, Debug, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub name: Option<Name>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub address: Option<Address>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub phone: Option<Phone>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub currency: Option<Currency>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub zone: Option<Zone>,
    /// `null` takes it off invoices.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Email>)]
    pub email: Option<Option<Email>>,
    /// `null` takes it off invoices.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Label>)]
    pub tax_number: Option<Option<Label>>,
    /// `null` takes it off invoices.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Line>)]
    pub bank: Option<Option<Line>>,
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

    pub fn letterhead(self) -> Letterhead {
        let Self { id, name, address, phone, email, currency, zone, .. } = self;
        Letterhead { id, name, address, phone, email, currency, zone }
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
            name: edit.name.map_or_else(|| self.name.clone(), Line::from),
            address: edit.address.unwrap_or_else(|| self.address.clone()),
            phone: edit.phone.unwrap_or_else(|| self.phone.clone()),
            currency: edit.currency.unwrap_or(self.currency),
            zone: edit.zone.unwrap_or_else(|| self.zone.clone()),
            email: edit.email.unwrap_or_else(|| self.email.clone()),
            tax_number: edit.tax_number.unwrap_or_else(|| self.tax_number.clone()),
            bank: edit.bank.unwrap_or_else(|| self.bank.clone()),
            version: self.version + 1,
            ..self.clone()
        };
        Commit::edit("organization.edited", self, after)
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
    /// Since when they are let in. What was opened or sent before is from before somebody was locked out, and lets nobody in.
    pub admitted_at: Timestamp,
    /// Whether they took the place: by an invitation, by founding, or by opening what a directory gave to an account they had. Until
    /// then it is the organisation's alone, and no reason to ask anything of their account.
    pub accepted: bool,
    pub version: u64,
}

impl Membership {
    pub fn lets_in(&self, session: &Session) -> bool {
        // A session of another organisation was there before, and opens one here
        let elsewhere = session.organization != self.organization;
        self.standing == Standing::Active && (elsewhere || session.admitted_at == self.admitted_at)
    }

    /// Whether a program may go on with a secret this member answers for: it ends with them.
    pub fn lets_in_with(&self, secret: &Secret) -> bool {
        self.user == secret.by && self.standing == Standing::Active && secret.admitted_at == self.admitted_at
    }

    /// Whether it is a place of theirs, and not only one that somebody gave them.
    pub fn is_theirs(&self) -> bool {
        self.accepted && self.standing != Standing::Removed
    }

    /// Whether somebody has no other place than this one.
    pub fn is_all_of(&self, places: &[Membership]) -> bool {
        self.accepted && places.iter().all(|place| place.organization == self.organization || !place.is_theirs())
    }

    /// They open it themselves.
    pub fn accept(self) -> Commit {
        let after = Self { accepted: true, version: self.version + 1, ..self.clone() };
        Commit::replace("member.accepted", self, after)
    }

    /// Without the roles and groups that are there no more.
    #[must_use]
    pub fn as_known(self, access: &Access) -> Self {
        let mut member = self;
        member.roles.retain(|id| access.find(id).is_ok());
        member.groups.retain(|id| access.find(id).is_ok());
        member
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
    pub name: Name,
    pub email: Email,
    /// None that everybody guesses.
    pub password: Password,
    #[schema(example = "Acme Gardens")]
    pub organization: Name,
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
    let user = User::new(UserId::new(now, random()), form.name.clone().into(), form.email.clone(), form.zone.clone(), id, now);
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
    let organization = Organization::new(user.home.clone(), organization.into(), address, phone, expected_users, currency, zone, now)?;
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
