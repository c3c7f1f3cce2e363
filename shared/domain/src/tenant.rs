//! An organisation as the platform's operators see it: what holds for it, and how it is found.

use crate::{
    Error, Result, Timestamp,
    access::Access,
    commit::Commit,
    id::*,
    invitation::Invitation,
    money::Currency,
    organization::{Membership, Organization, settled},
    removal::{RemovalPlan, RemovalView, Tombstone},
    text::*,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Why an organisation may change nothing, and since when. Its members read the reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Suspension {
    #[schema(example = "The invoice of March is not paid.")]
    pub reason: Line,
    pub since: Timestamp,
}

/// How much an organisation may have; what is absent has no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// People who are active in it.
    #[schema(minimum = 1, example = 100)]
    pub members: Option<u32>,
    /// Of files that are kept.
    #[schema(minimum = 1, example = 10_000_000_000_u64)]
    pub storage_bytes: Option<u64>,
}

/// What operators note of an organisation, which it does not see. Every act of an operator on it raises the version,
/// so that two who act at once meet here, and not in what the organisation itself keeps changing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dossier {
    pub organization: OrganizationId,
    pub note: Markdown,
    pub version: u64,
}

/// An organisation as operators see it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantView {
    pub id: OrganizationId,
    pub name: Line,
    /// Absent, as those below, of one that is gone.
    pub address: Option<Address>,
    pub phone: Option<Phone>,
    pub expected_users: Option<u32>,
    pub state: TenantState,
    pub suspension: Option<Suspension>,
    pub removal: Option<RemovalView>,
    pub quota: Quota,
    /// People who are active in it.
    pub members: u32,
    pub owners: Vec<Owner>,
    pub created_at: Timestamp,
    /// When something was last done in it, this month or the one before.
    pub last_active_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    Active,
    /// It reads, and changes nothing.
    Suspended,
    /// So does this, and it will be removed.
    ToBeRemoved,
    /// Nobody is let in any more.
    Removing,
    /// Nothing is left of it.
    Removed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Owner {
    pub user: UserId,
    pub name: Line,
    pub email: Email,
}

impl From<Membership> for Owner {
    fn from(member: Membership) -> Self {
        Self { user: member.user, name: member.name, email: member.email }
    }
}

/// What is known of one organisation where an operator acts on it.
#[derive(Clone)]
pub struct House {
    pub organization: Organization,
    pub access: Access,
    pub dossier: Dossier,
}

/// What an operator does: written in the organisation, where it stands on the trail as done by the platform, and on the
/// platform, where it stands with who it was.
pub struct Act {
    pub theirs: Commit,
    pub ours: Commit,
}

/// What an operator changes; what is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub name: Option<Line>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(minimum = 1, maximum = 1_000_000, nullable = false)]
    pub expected_users: Option<u32>,
    /// Both limits: one that is absent in it is lifted.
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub quota: Option<Quota>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub note: Option<Markdown>,
}

/// An organisation that is made for somebody.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantDraft {
    #[schema(example = "Acme Gardens")]
    pub name: Line,
    pub address: Address,
    pub phone: Phone,
    #[schema(minimum = 1, maximum = 1_000_000, example = 25)]
    pub expected_users: u32,
    #[serde(default)]
    pub currency: Currency,
    #[serde(default)]
    pub zone: Zone,
    /// Where the invitation to own it goes.
    pub owner: Email,
    #[serde(default)]
    pub quota: Quota,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspensionDraft {
    #[schema(example = "The invoice of March is not paid.")]
    pub reason: Line,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerDraft {
    pub email: Email,
}

/// What a change of an organisation by an operator shows.
#[derive(Serialize)]
struct Facts<'a> {
    name: &'a Line,
    expected_users: u32,
    quota: &'a Quota,
    suspension: &'a Option<Suspension>,
    removal: Option<RemovalView>,
}

impl Quota {
    fn check(&self) -> Result<()> {
        if self.storage_bytes == Some(0) {
            return Err(Error::invalid("/quota/storage_bytes", "is nothing at all"));
        }
        if self.members == Some(0) { Err(Error::invalid("/quota/members", "is less than the one who owns it")) } else { Ok(()) }
    }
}

impl Dossier {
    /// Of an organisation nothing was noted of yet.
    pub fn empty(organization: &OrganizationId) -> Self {
        Self { organization: organization.clone(), note: Markdown::none(), version: 0 }
    }

    fn next(self, note: Option<Markdown>) -> Commit {
        let seen = self.version;
        let after = Self { note: note.unwrap_or(self.note), version: seen + 1, organization: self.organization };
        if seen == 0 { Commit::quiet().also_create(after) } else { Commit::quiet().also_replace(seen, after) }
    }
}

impl House {
    pub fn view(&self, owners: Vec<Owner>, last_active_at: Option<Timestamp>) -> TenantView {
        let Organization { id, name, address, phone, expected_users, created_at, .. } = self.organization.clone();
        let Access { suspension, removal, quota, members, .. } = self.access.clone();
        let state = match (&removal, &suspension) {
            (Some(_), _) => TenantState::ToBeRemoved,
            (None, Some(_)) => TenantState::Suspended,
            (None, None) => TenantState::Active,
        };
        TenantView {
            id,
            name,
            address: Some(address),
            phone: Some(phone),
            expected_users: Some(expected_users),
            state,
            suspension,
            removal: removal.as_ref().map(RemovalPlan::view),
            quota,
            members,
            owners,
            created_at,
            last_active_at,
        }
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            name: &self.organization.name,
            expected_users: self.organization.expected_users,
            quota: &self.access.quota,
            suspension: &self.access.suspension,
            removal: self.access.removal.as_ref().map(RemovalPlan::view),
        }
    }

    /// The change as it stands on both trails, and the dossier that says there was one.
    pub(crate) fn act(&self, action: &'static str, after: &Self, note: Option<Markdown>) -> Act {
        let id = &self.organization.id;
        let change = || Commit::part(action, "organization", id, Some(&self.facts()), Some(&after.facts()));
        let mut theirs = change();
        if after.organization != self.organization {
            theirs = theirs.also_replace(self.organization.version, after.organization.clone());
        }
        if after.access != self.access {
            theirs = theirs.also_replace(self.access.version, after.access.clone());
        }
        let mut ours = change();
        if let Some(note) = &note
            && *note != self.dossier.note
        {
            ours = ours.and(Commit::part("organization.noted", "organization", id, Some(&self.dossier.note), Some(note)));
        }
        Act { theirs, ours: ours.and(self.dossier.clone().next(note)) }
    }

    pub(crate) fn with_access(&self, change: impl FnOnce(&mut Access)) -> Self {
        let mut after = self.clone();
        change(&mut after.access);
        after.access.version += 1;
        after
    }

    pub fn edit(&self, edit: TenantEdit) -> Result<Act> {
        let mut after = self.clone();
        if let Some(quota) = edit.quota.filter(|quota| *quota != self.access.quota) {
            quota.check()?;
            after = self.with_access(|access| access.quota = quota);
        }
        let users = edit.expected_users.unwrap_or(self.organization.expected_users);
        if !(1..=1_000_000).contains(&users) {
            return Err(Error::invalid("/expected_users", "is not between 1 and 1,000,000"));
        }
        let name = edit.name.unwrap_or_else(|| self.organization.name.clone());
        if (&name, users) != (&self.organization.name, self.organization.expected_users) {
            let version = self.organization.version + 1;
            after.organization = Organization { name, expected_users: users, version, ..self.organization.clone() };
        }
        let noted = edit.note.as_ref().is_some_and(|note| *note != self.dossier.note);
        if !noted && (&after.organization, &after.access) == (&self.organization, &self.access) {
            return Ok(Act { theirs: Commit::quiet(), ours: Commit::quiet() });
        }
        Ok(self.act("organization.edited", &after, edit.note))
    }

    /// It reads and exports, and changes nothing from its next request on.
    pub fn suspend(&self, reason: Line, now: Timestamp) -> Result<Act> {
        if self.access.suspension.is_some() {
            return Err(Error::Conflict("the organisation is suspended already".to_owned()));
        }
        let after = self.with_access(|access| access.suspension = Some(Suspension { reason, since: now }));
        Ok(self.act("organization.suspended", &after, None))
    }

    pub fn resume(&self) -> Result<Act> {
        if self.access.suspension.is_none() {
            return Err(Error::Conflict("the organisation is not suspended".to_owned()));
        }
        let after = self.with_access(|access| access.suspension = None);
        Ok(self.act("organization.resumed", &after, None))
    }

    /// Invites somebody to own an organisation that nobody owns yet. Whoever was invited before is so no longer.
    pub fn invite_owner(&self, id: InvitationId, email: Email, before: Vec<Invitation>, now: Timestamp) -> Result<Act> {
        if !self.access.owners.is_empty() {
            return Err(Error::Conflict("the organisation has an owner, who invites whom they like".to_owned()));
        }
        self.access.check_open()?;
        let (invitation, theirs) = Invitation::to_own(id, email, &self.organization, now);
        let theirs = before.into_iter().filter(Invitation::is_to_own).map(Invitation::withdraw).fold(theirs, Commit::and);
        let ours = Commit::part("organization.owner_invited", "organization", &self.organization.id, None, Some(&invitation.email));
        Ok(Act { theirs, ours: ours.and(self.dossier.clone().next(None)) })
    }
}

impl Tombstone {
    /// What is left to be shown of an organisation.
    pub fn tenant_view(&self) -> TenantView {
        TenantView {
            id: self.organization.clone(),
            name: self.name.clone(),
            address: None,
            phone: None,
            expected_users: None,
            state: if self.finished_at.is_some() { TenantState::Removed } else { TenantState::Removing },
            suspension: None,
            removal: Some(self.view()),
            quota: Quota::default(),
            members: 0,
            owners: Vec::new(),
            created_at: self.organization.made_at(),
            last_active_at: None,
        }
    }
}

/// Makes an organisation for somebody, who is invited to own it.
pub fn found_for(draft: TenantDraft, now: Timestamp, mut random: impl FnMut() -> u128) -> Result<(House, Act)> {
    draft.quota.check()?;
    let organization = Organization::new(
        OrganizationId::new(now, random()),
        draft.name,
        draft.address,
        draft.phone,
        draft.expected_users,
        draft.currency,
        draft.zone,
        now,
    )?;
    let access = Access { quota: draft.quota, version: 1, ..Access::default() };
    let (_, theirs) = settled(&organization, access.clone(), now, &mut random)?;
    let (_, invited) = Invitation::to_own(InvitationId::new(now, random()), draft.owner, &organization, now);
    let house = House { dossier: Dossier::empty(&organization.id), organization, access };
    let ours = Commit::part("organization.founded", "organization", &house.organization.id, None, Some(&house.facts()));
    let act = Act { theirs: theirs.and(invited), ours: ours.and(house.dossier.clone().next(None)) };
    let dossier = Dossier { version: 1, ..house.dossier };
    Ok((House { dossier, ..house }, act))
}

/// An entry by which operators find an organisation. It knows the other words as well, so that several are looked for in one read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TenantWord {
    pub word: String,
    pub words: Vec<String>,
    pub organization: OrganizationId,
}

impl TenantWord {
    /// What of a name or of an owner operators find an organisation by.
    pub fn of<'a>(organization: &OrganizationId, texts: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let words: Vec<_> = words(texts).into_iter().collect();
        let entry = |word: &String| Self { word: word.clone(), words: words.clone(), organization: organization.clone() };
        words.iter().map(entry).collect()
    }

    /// By the words of its name and of its owners' names and addresses.
    pub fn all(organization: &Organization, owners: &[Membership]) -> Vec<Self> {
        let people = owners.iter().flat_map(|owner| [owner.email.as_str(), owner.name.as_str()]);
        Self::of(&organization.id, [organization.name.as_str()].into_iter().chain(people))
    }

    /// Whether it is what is looked for by words that begin so; of several entries of one organisation the first.
    pub fn fits(&self, beginning: &str, others: &BTreeSet<String>) -> bool {
        let first = self.words.iter().find(|word| word.starts_with(beginning));
        first == Some(&self.word) && others.iter().all(|other| self.words.iter().any(|word| word.starts_with(other.as_str())))
    }
}
