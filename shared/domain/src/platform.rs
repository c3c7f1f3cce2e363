//! Who runs the platform: its operators, how they prove it, and what they may. None belongs to an organisation by it.

use crate::{
    Error, Result, Timestamp,
    access::Access,
    commit::{Commit, Kept, Origin, Write},
    conversation::Conversation,
    id::*,
    invitation::Invitation,
    limits,
    organization::{Everyone, Membership, Organization},
    removal::Tombstone,
    second_factor::OperatorFactor,
    structure::Structure,
    tenant::Dossier,
    text::{Email, Line},
    timer::Timer,
    usage::{Storage, Usage},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The name under which the platform keeps its own records and its trail. No organisation is made at this moment.
const PLATFORM: &str = "org_00000000000000000000000000";

impl OrganizationId {
    pub fn of_platform() -> Self {
        Self::new(Timestamp::UNIX_EPOCH, 0)
    }

    pub fn is_platform(&self) -> bool {
        self.as_str() == PLATFORM
    }
}

/// Everybody who runs the platform. It is one record, read with each request of an operator, so that there is one first
/// operator, one account of an address, and never none; and that whoever is taken out is out at the next request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roster {
    pub operators: Vec<OperatorAccount>,
    pub invited: Vec<OperatorInvitation>,
    pub opened_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatorAccount {
    pub id: OperatorId,
    pub name: Line,
    pub email: Email,
    pub joined_at: Timestamp,
    /// Rises with each new password and with the end of a second factor, and ends what was opened under the one before.
    pub passwords: u32,
}

/// Somebody who is to become an operator. The link is derived from the id and kept nowhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatorInvitation {
    pub id: OperatorId,
    pub email: Email,
    pub inviter: Line,
    pub expires_at: Timestamp,
}

/// An operator, or somebody invited to be one, as operators see each other.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OperatorView {
    pub id: OperatorId,
    /// Absent until they have joined.
    pub name: Option<Line>,
    pub email: Email,
    pub joined_at: Option<Timestamp>,
    /// Until when an invitation is good.
    pub expires_at: Option<Timestamp>,
}

impl OperatorAccount {
    pub fn view(&self) -> OperatorView {
        let Self { id, name, email, joined_at, .. } = self.clone();
        OperatorView { id, name: Some(name), email, joined_at: Some(joined_at), expires_at: None }
    }
}

impl OperatorInvitation {
    pub fn view(&self) -> OperatorView {
        let Self { id, email, expires_at, .. } = self.clone();
        OperatorView { id, name: None, email, joined_at: None, expires_at: Some(expires_at) }
    }
}

const WHAT: &str = "operator";

impl Roster {
    /// The first operator: made once, because the roster is.
    pub fn open(id: OperatorId, name: Line, email: Email, password_hash: String, now: Timestamp) -> (OperatorAccount, Commit) {
        let first = OperatorAccount { id, name, email, joined_at: now, passwords: 1 };
        let roster = Self { operators: vec![first.clone()], invited: Vec::new(), opened_at: now, version: 1 };
        let commit = Commit::part("platform.opened", WHAT, &first.id, None, Some(&first.view()));
        let credentials = OperatorCredentials::new(&first.id, password_hash, now);
        (first, commit.also_create(roster).also_create(credentials))
    }

    pub fn find(&self, id: &OperatorId) -> Option<&OperatorAccount> {
        self.operators.iter().find(|one| one.id == *id)
    }

    pub fn find_by_email(&self, email: &Email) -> Option<&OperatorAccount> {
        self.operators.iter().find(|one| one.email == *email)
    }

    /// Who is invited by this id, while it is good.
    pub fn find_invited(&self, id: &OperatorId, now: Timestamp) -> Option<&OperatorInvitation> {
        self.invited.iter().find(|one| one.id == *id && now < one.expires_at)
    }

    fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Invites somebody; whoever is invited again gets another link, and the one before no longer works.
    pub fn invite(&self, id: OperatorId, email: Email, by: &OperatorAccount, now: Timestamp) -> Result<(OperatorInvitation, Commit)> {
        if self.find_by_email(&email).is_some() {
            return Err(Error::Conflict("there is an operator with this address already".to_owned()));
        }
        let mut after = self.next();
        after.invited.retain(|one| one.email != email && now < one.expires_at);
        if after.operators.len() + after.invited.len() >= limits::OPERATORS {
            return Err(Error::Conflict(format!("there are {} operators at the most", limits::OPERATORS)));
        }
        let invited = OperatorInvitation { id, email, inviter: by.name.clone(), expires_at: now + limits::INVITATION };
        after.invited.push(invited.clone());
        let commit = Commit::part("operator.invited", WHAT, &invited.id, None, Some(&invited.view()));
        Ok((invited, commit.also_replace(self.version, after)))
    }

    pub fn join(&self, invited: &OperatorInvitation, name: Line, password_hash: String, now: Timestamp) -> (OperatorAccount, Commit) {
        let joined = OperatorAccount { id: invited.id.clone(), name, email: invited.email.clone(), joined_at: now, passwords: 1 };
        let mut after = self.next();
        after.invited.retain(|one| one.id != joined.id);
        after.operators.push(joined.clone());
        let commit = Commit::part("operator.joined", WHAT, &joined.id, Some(&invited.view()), Some(&joined.view()));
        let credentials = OperatorCredentials::new(&joined.id, password_hash, now);
        (joined, commit.also_replace(self.version, after).also_create(credentials))
    }

    /// Takes an operator out with what they proved themselves by, or an invitation back; the last operator stays.
    pub fn remove(&self, id: &OperatorId, credentials: Option<OperatorCredentials>, factor: Option<OperatorFactor>) -> Result<Commit> {
        let mut after = self.next();
        after.operators.retain(|one| one.id != *id);
        after.invited.retain(|one| one.id != *id);
        let account = self.find(id).map(OperatorAccount::view);
        let before = account.or_else(|| self.invited.iter().find(|one| one.id == *id).map(OperatorInvitation::view));
        let before = before.ok_or(Error::NotFound(WHAT))?;
        if after.operators.is_empty() {
            return Err(Error::Conflict("the platform needs an operator: invite somebody first".to_owned()));
        }
        let commit = Commit::part("operator.removed", WHAT, id, Some(&before), None).also_replace(self.version, after);
        let commit = credentials.into_iter().fold(commit, |commit, it| commit.with(Write::Delete { seen: it.version, record: it.into() }));
        Ok(factor.into_iter().fold(commit, |commit, it| commit.with(Write::Delete { seen: it.version, record: it.into() })))
    }

    /// Every session of an operator is over, this one too.
    fn without_sessions_of(&self, me: &OperatorAccount) -> Self {
        let mut after = self.next();
        after.operators.iter_mut().filter(|one| one.id == me.id).for_each(|one| one.passwords += 1);
        after
    }

    /// Without a second factor nothing is left of what was opened with it.
    pub fn end_sessions_of(&self, me: &OperatorAccount) -> Commit {
        Commit::quiet().also_replace(self.version, self.without_sessions_of(me))
    }

    /// A new password ends every session, this one too.
    pub fn change_password(&self, me: &OperatorAccount, credentials: &OperatorCredentials, hash: String, now: Timestamp) -> Commit {
        let after = self.without_sessions_of(me);
        let changed = OperatorCredentials { password_hash: hash, changed_at: now, version: credentials.version + 1, ..credentials.clone() };
        Commit::noted("operator.password_changed", credentials).also_replace(self.version, after).also_replace(credentials.version, changed)
    }
}

/// How an operator proves who they are. Kept apart from [`Roster`] so that no list, log or change ever holds it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct OperatorCredentials {
    pub operator: OperatorId,
    pub password_hash: String,
    pub changed_at: Timestamp,
    pub version: u64,
}

impl OperatorCredentials {
    fn new(operator: &OperatorId, password_hash: String, now: Timestamp) -> Self {
        Self { operator: operator.clone(), password_hash, changed_at: now, version: 1 }
    }

    /// The same password, hashed anew. The version tells one password from the next and so stays.
    pub fn rehash(self, password_hash: String) -> Commit {
        Commit::quiet().also_replace(self.version, Self { password_hash, ..self })
    }
}

/// One sign-in of an operator: an hour, and nothing prolongs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatorSession {
    pub id: SessionId,
    pub operator: OperatorId,
    /// The password it was opened under, counted.
    pub passwords: u32,
    pub device: String,
    pub address: String,
    pub created_at: Timestamp,
    pub ends_at: Timestamp,
    pub ended: bool,
    /// Whether a second factor was proved: without it, it reaches its own account and no further.
    pub second_factor: bool,
    pub version: u64,
    /// When the table may forget it, in seconds since 1970; never what decides whether it is alive.
    pub expires: i64,
}

/// Somebody who proved to be an operator, and from where.
pub struct SignIn<'a> {
    pub id: SessionId,
    pub operator: &'a OperatorAccount,
    pub origin: Origin,
    pub second_factor: bool,
}

impl OperatorSession {
    pub fn open(sign_in: SignIn<'_>, now: Timestamp) -> (Self, Commit) {
        let SignIn { id, operator, origin, second_factor } = sign_in;
        let ends_at = now + limits::OPERATOR_SESSION;
        let session = Self {
            id,
            operator: operator.id.clone(),
            passwords: operator.passwords,
            device: origin.device,
            address: origin.address,
            created_at: now,
            ends_at,
            ended: false,
            second_factor,
            version: 1,
            expires: ends_at.as_second(),
        };
        (session.clone(), Commit::noted("operator.signed_in", &session).also_create(session))
    }

    pub fn lets_in(&self, operator: &OperatorAccount, now: Timestamp) -> bool {
        !self.ended && now < self.ends_at && self.operator == operator.id && self.passwords == operator.passwords
    }

    /// Whether it may be used for a duty.
    pub fn admits<D: Duty>(&self) -> Result<()> {
        let admitted = self.second_factor || D::NAME == UseOperatorAccount::NAME;
        if admitted { Ok(()) } else { Err(Error::SecondFactorNeeded) }
    }

    pub fn end(&self) -> Commit {
        let after = Self { ended: true, version: self.version + 1, ..self.clone() };
        Commit::noted("operator.signed_out", self).also_replace(self.version, after)
    }
}

/// A duty of operators, named in a handler's signature.
pub trait Duty: Send + Sync + 'static {
    const NAME: &'static str;
    /// Kinds of record a commit under this duty may write.
    const WRITES: &'static [&'static str];
}

/// Records of kind `R` may be read under this duty.
pub trait Sees<R>: Duty {}

/// One duty, for people.
pub struct DutyRow {
    pub duty: &'static str,
    pub reads: &'static [&'static str],
    pub writes: &'static [&'static str],
}

macro_rules! duties {
    ($($(#[$doc:meta])* $name:ident: reads [$($read:ident),*], writes [$($write:ident),*];)*) => {
        $(
            $(#[$doc])*
            pub enum $name {}
            impl Duty for $name {
                const NAME: &'static str = stringify!($name);
                const WRITES: &'static [&'static str] = &[$($write::KIND),*];
            }
            $(impl Sees<$read> for $name {})*
        )*

        pub const DUTIES: &[DutyRow] =
            &[$(DutyRow { duty: stringify!($name), reads: &[$($read::KIND),*], writes: &[$($write::KIND),*] }),*];
    };
}

duties! {
    /// One's own account as an operator: password, second factor and session. All that there is to do without a second factor.
    UseOperatorAccount: reads [OperatorCredentials, OperatorFactor], writes [Roster, OperatorCredentials, OperatorFactor, OperatorSession];
    ManageOperators: reads [OperatorCredentials, OperatorFactor], writes [Roster, OperatorCredentials, OperatorFactor];
    /// What an organisation is, who owns it and what holds for it; nothing of what is in it.
    ReadTenants: reads [Organization, Access, Membership, Dossier, Tombstone, Usage, Storage], writes [];
    ManageTenants: reads [Organization, Access, Membership, Dossier, Usage, Invitation], writes [Organization, Access, Dossier, Everyone, Structure, Conversation, Invitation, Timer];
    ReadPlatformTrail: reads [], writes [];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::Record;

    const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

    fn roster(commit: &Commit) -> Roster {
        let found = commit.writes.iter().find_map(|write| match write.record() {
            Record::Roster(roster) => Some(Roster::clone(roster)),
            _ => None,
        });
        found.unwrap()
    }

    fn opened() -> (Roster, OperatorAccount) {
        let (first, commit) =
            Roster::open(OperatorId::new(NOW, 1), "Ada".parse().unwrap(), "ada@example.com".parse().unwrap(), String::new(), NOW);
        (roster(&commit), first)
    }

    fn signed_in(operator: &OperatorAccount, second_factor: bool) -> OperatorSession {
        OperatorSession::open(SignIn { id: SessionId::new(NOW, 1), operator, origin: Origin::default(), second_factor }, NOW).0
    }

    #[test]
    fn without_a_second_factor_there_is_ones_own_account_and_nothing_else() {
        let (_, first) = opened();
        let (without, with) = (signed_in(&first, false), signed_in(&first, true));
        assert!(without.admits::<UseOperatorAccount>().is_ok());
        assert!(matches!(without.admits::<ManageTenants>(), Err(Error::SecondFactorNeeded)));
        assert!(matches!(without.admits::<ReadPlatformTrail>(), Err(Error::SecondFactorNeeded)));
        assert!(with.admits::<ManageTenants>().is_ok());
    }

    #[test]
    fn the_platform_never_has_fewer_operators_than_one() {
        let (roster, first) = opened();
        assert!(matches!(roster.remove(&first.id, None, None), Err(Error::Conflict(_))));
        // Nor does somebody who was only invited make up for the last
        let (_, invited) = roster.invite(OperatorId::new(NOW, 2), "bob@example.com".parse().unwrap(), &first, NOW).unwrap();
        let roster = self::roster(&invited);
        assert!(matches!(roster.remove(&first.id, None, None), Err(Error::Conflict(_))));
        let (_, joined) = roster.join(&roster.invited[0], "Bob".parse().unwrap(), String::new(), NOW);
        let left = self::roster(&self::roster(&joined).remove(&first.id, None, None).unwrap());
        assert_eq!(left.operators.len(), 1);
    }

    #[test]
    fn an_invitation_made_anew_ends_the_one_before_and_each_ends_in_time() {
        let (roster, first) = opened();
        let invite = |roster: &Roster, random| roster.invite(OperatorId::new(NOW, random), "bob@example.com".parse().unwrap(), &first, NOW);
        let (one, commit) = invite(&roster, 2).unwrap();
        let roster = self::roster(&commit);
        let (two, commit) = invite(&roster, 3).unwrap();
        let roster = self::roster(&commit);
        assert!(roster.find_invited(&one.id, NOW).is_none());
        assert!(roster.find_invited(&two.id, NOW).is_some());
        assert!(roster.find_invited(&two.id, NOW + limits::INVITATION).is_none());
    }

    #[test]
    fn a_new_password_ends_what_was_opened_under_the_one_before() {
        let (roster, first) = opened();
        let session = signed_in(&first, true);
        assert!(session.lets_in(&first, NOW));
        assert!(!session.lets_in(&first, NOW + limits::OPERATOR_SESSION));
        let credentials = OperatorCredentials::new(&first.id, String::new(), NOW);
        let roster = self::roster(&roster.change_password(&first, &credentials, "new".to_owned(), NOW));
        assert!(!session.lets_in(roster.find(&first.id).unwrap(), NOW));
    }

    #[test]
    fn the_platform_has_a_name_that_no_organisation_gets() {
        assert!(OrganizationId::of_platform().is_platform());
        assert!(!OrganizationId::new(NOW, 0).is_platform());
    }
}
