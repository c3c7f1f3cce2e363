//! Providers of sign-in (OpenID Connect), which an organisation trusts with its own members and with nobody else's.
//!
//! Whoever runs a provider can say to be anybody. So a session it opens is for its organisation alone, reaches nobody's account
//! itself, and is opened for nobody who may more there than whoever connected it.

use crate::{
    Error, Result, Timestamp,
    access::Access,
    commit::{Commit, Write},
    id::*,
    organization::{Membership, Standing},
    policy::{Grants, Role},
    text::{ClientSecret, Email, Line, Url},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    pub id: ProviderId,
    pub name: Line,
    /// It stays what it is: somebody else's names for people are other people's.
    pub issuer: Url,
    pub client_id: Line,
    /// Our secret there, sealed.
    pub sealed: String,
    pub asks_second_factor: bool,
    pub vouches_for_addresses: bool,
    pub backing: Backing,
    pub created_at: Timestamp,
    pub version: u64,
}

/// What somebody was who connected or changed a provider. It stays when they go, so that the others can go on signing in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backing {
    role: Role,
    roles: Vec<RoleId>,
    groups: Vec<GroupId>,
}

impl Backing {
    fn of(member: &Membership) -> Self {
        Self { role: member.role, roles: member.roles.clone(), groups: member.groups.clone() }
    }

    fn grants(&self, access: &Access) -> Grants {
        access.grants_of(self.role, &self.roles, &self.groups)
    }
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderDraft {
    /// As it stands on the button.
    #[schema(example = "Acme account")]
    pub name: Line,
    /// As the provider writes it, to the letter: `/.well-known/openid-configuration` is found below it.
    #[schema(example = "https://login.acme.example")]
    pub issuer: Url,
    #[schema(example = "office-copilot")]
    pub client_id: Line,
    pub client_secret: ClientSecret,
    /// Whether it asks everybody for a second factor itself, so that none is asked for here.
    #[serde(default)]
    pub asks_second_factor: bool,
    /// Whether its addresses are given by you alone, so that they are believed where it does not say that they were verified.
    #[serde(default)]
    pub vouches_for_addresses: bool,
}

/// What is absent stays. The issuer cannot be changed: add another provider.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub name: Option<Line>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub client_id: Option<Line>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub client_secret: Option<ClientSecret>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub asks_second_factor: Option<bool>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub vouches_for_addresses: Option<bool>,
    /// Whether it signs anybody in; `false` ends the sessions it opened, at once.
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub on: Option<bool>,
}

/// What a provider shows of itself, never its secret.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ProviderView {
    pub id: ProviderId,
    pub name: Line,
    pub issuer: Url,
    pub client_id: Line,
    pub asks_second_factor: bool,
    pub vouches_for_addresses: bool,
    pub on: bool,
    pub created_at: Timestamp,
    pub version: u64,
}

/// What a provider says of somebody, as far as it is used.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Its own name for them, which stays.
    pub subject: String,
    pub email: Option<Email>,
    /// Absent where it says nothing of that.
    pub email_verified: Option<bool>,
    pub name: Option<String>,
}

/// Who connects, changes and removes providers: they let in nobody who may more than they.
pub struct Connector<'a> {
    pub member: &'a Membership,
    pub grants: &'a Grants,
    pub access: &'a Access,
}

impl Connector<'_> {
    /// What somebody with more has connected is theirs.
    fn may_touch(&self, provider: &Provider) -> Result<()> {
        if self.grants.cover(&provider.backing.grants(self.access)) {
            Ok(())
        } else {
            Err(Error::forbidden("somebody who may more than you stands behind this provider"))
        }
    }

    /// It is off until it was tried.
    pub fn add(&self, id: ProviderId, draft: ProviderDraft, sealed: String, now: Timestamp) -> Result<(ProviderView, Commit)> {
        if draft.issuer.as_str().contains('?') {
            return Err(Error::invalid("/issuer", "has a query, which no issuer has"));
        }
        let provider = Provider {
            id,
            name: draft.name,
            issuer: draft.issuer,
            client_id: draft.client_id,
            sealed,
            asks_second_factor: draft.asks_second_factor,
            vouches_for_addresses: draft.vouches_for_addresses,
            backing: Backing::of(self.member),
            created_at: now,
            version: 1,
        };
        let after = self.access.with_provider(&provider.id)?;
        let view = provider.view(&after);
        let commit = Commit::part("provider.added", "provider", &provider.id, None, Some(&view)).also_create(provider);
        Ok((view, commit.also_replace(self.access.version, after)))
    }

    /// `sealed` is the new secret, where there is one.
    pub fn edit(&self, before: Provider, edit: ProviderEdit, sealed: Option<String>, now: Timestamp) -> Result<(ProviderView, Commit)> {
        self.may_touch(&before)?;
        let provider = Provider {
            name: edit.name.unwrap_or_else(|| before.name.clone()),
            client_id: edit.client_id.unwrap_or_else(|| before.client_id.clone()),
            sealed: sealed.unwrap_or_else(|| before.sealed.clone()),
            asks_second_factor: edit.asks_second_factor.unwrap_or(before.asks_second_factor),
            vouches_for_addresses: edit.vouches_for_addresses.unwrap_or(before.vouches_for_addresses),
            backing: Backing::of(self.member),
            version: before.version + 1,
            ..before.clone()
        };
        let on = self.access.trusts(&before.id);
        let after = match edit.on.filter(|wanted| *wanted != on) {
            Some(wanted) => Some(self.access.switched(&before.id, wanted.then_some(now))?),
            None => None,
        };
        let was = before.view(self.access);
        let view = provider.view(after.as_ref().unwrap_or(self.access));
        let commit = Commit::part("provider.edited", "provider", &provider.id, Some(&was), Some(&view));
        let commit = commit.also_replace(before.version, provider);
        Ok((view, after.into_iter().fold(commit, |commit, after| commit.also_replace(self.access.version, after))))
    }

    /// The sessions it opened end with it.
    pub fn remove(&self, provider: Provider) -> Result<Commit> {
        self.may_touch(&provider)?;
        let after = self.access.without_provider(&provider.id)?;
        let (seen, view) = (provider.version, provider.view(self.access));
        let commit = Commit::part("provider.removed", "provider", &provider.id, Some(&view), None);
        Ok(commit.with(Write::Delete { record: provider.into(), seen }).also_replace(self.access.version, after))
    }
}

impl Provider {
    pub fn view(&self, access: &Access) -> ProviderView {
        let Self { id, name, issuer, client_id, asks_second_factor, vouches_for_addresses, created_at, version, .. } = self.clone();
        let on = access.trusts(&id);
        ProviderView { id, name, issuer, client_id, asks_second_factor, vouches_for_addresses, on, created_at, version }
    }

    /// The address somebody is known by the first time, if it is one they proved to have.
    pub fn address<'a>(&self, identity: &'a Identity) -> Option<&'a Email> {
        let proved = identity.email_verified.unwrap_or(self.vouches_for_addresses);
        identity.email.as_ref().filter(|_| proved)
    }

    /// Whether somebody is let in whom it named.
    pub fn lets_in(&self, member: &Membership, access: &Access) -> bool {
        member.standing == Standing::Active && self.backing.grants(access).cover(&access.grants_anywhere(member))
    }
}

/// Whom a provider means by one of its names for people. One for each member, so that an address that was given to somebody
/// else does not open what was its first owner's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub provider: ProviderId,
    pub user: UserId,
    /// The hash of the provider's name for them.
    pub subject: String,
    pub since: Timestamp,
    pub version: u64,
}

/// Which member a provider's name for somebody means; makes those names unique.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectOwner {
    pub provider: ProviderId,
    pub subject: String,
    pub user: UserId,
    pub version: u64,
}

impl Link {
    pub fn make(provider: &Provider, subject: String, user: &UserId, now: Timestamp) -> Commit {
        let link = Self { provider: provider.id.clone(), user: user.clone(), subject, since: now, version: 1 };
        let owner = link.owner();
        Commit::noted("sign_in_link.made", &link).also_create(link).also_create(owner)
    }

    fn owner(&self) -> SubjectOwner {
        let Self { provider, user, subject, .. } = self.clone();
        SubjectOwner { provider, subject, user, version: 1 }
    }

    /// The next sign-in makes another, by the address.
    pub fn undo(self) -> Commit {
        let (seen, owner) = (self.version, self.owner());
        Commit::noted("sign_in_link.undone", &self).with(Write::Delete { record: self.into(), seen }).also_remove(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::{Group, SignInRules},
        account::{Login, Session, somebody},
        policy::Grant,
    };

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn member(number: u128, role: Role) -> Membership {
        Membership { user: UserId::new(NOW, number), role, ..somebody(NOW) }
    }

    fn draft() -> ProviderDraft {
        let draft = serde_json::json!({
            "name": "Acme account", "issuer": "https://login.acme.example", "client_id": "office", "client_secret": "secret"
        });
        serde_json::from_value(draft).unwrap()
    }

    fn connected(by: &Membership, access: &Access) -> Result<(Provider, Access)> {
        let id = ProviderId::new(NOW, access.providers.len() as u128);
        let grants = access.grants(by);
        let (_, commit) = Connector { member: by, grants: &grants, access }.add(id, draft(), "SEALED".to_owned(), NOW)?;
        let (mut provider, mut after) = (None, None);
        for write in commit.writes {
            match write.record() {
                crate::commit::Record::Provider(one) => provider = Some(Provider::clone(one)),
                crate::commit::Record::Access(one) => after = Some(Access::clone(one)),
                other => panic!("wrote {}", other.kind()),
            }
        }
        Ok((provider.unwrap(), after.unwrap()))
    }

    fn session(through: Option<ProviderId>) -> Session {
        session_at(NOW, through)
    }

    fn session_at(now: Timestamp, through: Option<ProviderId>) -> Session {
        let login = Login {
            id: SessionId::new(NOW, 1),
            place: &somebody(NOW),
            device: String::new(),
            address: String::new(),
            refresh_hash: String::new(),
            credentials: 1,
            second_factor: false,
            through,
        };
        Session::open(login, now).0
    }

    #[test]
    fn a_provider_lets_in_nobody_who_may_more_than_whoever_connected_it() {
        let (owner, admin, plain) = (member(1, Role::Owner), member(2, Role::Admin), member(3, Role::Member));
        let mut access = Access::of_founder(&owner.user);
        let (by_admin, _) = connected(&admin, &access).unwrap();
        let (by_owner, _) = connected(&owner, &access).unwrap();
        assert!(by_owner.lets_in(&owner, &access) && by_owner.lets_in(&plain, &access));
        assert!(!by_admin.lets_in(&owner, &access) && by_admin.lets_in(&admin, &access));
        let locked_out = Membership { standing: Standing::Deactivated, ..plain.clone() };
        assert!(!by_owner.lets_in(&locked_out, &access));
        // Nor does a group give what the admin has not
        let group = GroupId::new(NOW, 1);
        let permissions = [Grant::HandOver].into_iter().collect();
        let heirs = Group { id: group.clone(), name: "Heirs".parse().unwrap(), permissions, created_at: NOW, version: 1 };
        access.groups.push(heirs);
        assert!(!by_admin.lets_in(&Membership { groups: vec![group], ..plain }, &access));
        // And an admin touches nothing that an owner vouches for
        let grants = access.grants(&admin);
        let hand = Connector { member: &admin, grants: &grants, access: &access };
        assert!(matches!(hand.remove(by_owner), Err(Error::Forbidden(_))));
        assert!(hand.remove(by_admin).is_ok());
    }

    #[test]
    fn an_address_counts_where_it_was_proved() {
        let owner = member(1, Role::Owner);
        let (provider, _) = connected(&owner, &Access::of_founder(&owner.user)).unwrap();
        let vouching = Provider { vouches_for_addresses: true, ..provider.clone() };
        let email: Email = "mia@example.com".parse().unwrap();
        for (verified, plain, vouched) in [(Some(true), true, true), (None, false, true), (Some(false), false, false)] {
            let identity = Identity { subject: "1".to_owned(), email: Some(email.clone()), email_verified: verified, name: None };
            assert_eq!(provider.address(&identity).is_some(), plain, "{verified:?}");
            assert_eq!(vouching.address(&identity).is_some(), vouched, "{verified:?}");
        }
    }

    #[test]
    fn a_session_goes_on_while_its_provider_is_on_and_the_last_stays_on_while_it_is_asked_for() {
        let owner = member(1, Role::Owner);
        let (provider, access) = connected(&owner, &Access::of_founder(&owner.user)).unwrap();
        let (through, own) = (session(Some(provider.id.clone())), session(None));
        assert!(!access.lets_in(&through) && access.lets_in(&own));
        let on = access.switched(&provider.id, Some(NOW)).unwrap();
        assert!(on.lets_in(&through) && on.is_narrowed_to(&access));
        // What it opened before it was switched off does not come back with it
        let later = NOW + jiff::SignedDuration::from_mins(1);
        let again = on.switched(&provider.id, None).unwrap().switched(&provider.id, Some(later)).unwrap();
        assert!(!again.lets_in(&through) && again.lets_in(&session_at(later, Some(provider.id.clone()))));
        let rules = SignInRules { second_factor: false, single_sign_on: true };
        assert!(on.ask(rules, &own).is_err());
        let (asked, _) = on.ask(rules, &through).unwrap();
        assert!(asked.switched(&provider.id, None).is_err() && asked.without_provider(&provider.id).is_err());
        for (role, admitted) in [(Role::Owner, true), (Role::Admin, false), (Role::Member, false), (Role::Guest, true)] {
            let member = member(2, role);
            assert_eq!(asked.admits(&own, &member, Grant::ReadTasks).is_ok(), admitted, "{role:?}");
            assert!(asked.admits(&own, &member, Grant::UseAccount).is_ok() && asked.admits(&through, &member, Grant::ReadTasks).is_ok());
        }
    }

    #[test]
    fn an_organisation_has_a_few_providers() {
        let owner = member(1, Role::Owner);
        let mut access = Access::of_founder(&owner.user);
        for _ in 0..crate::limits::PROVIDERS {
            access = connected(&owner, &access).unwrap().1;
        }
        assert!(matches!(connected(&owner, &access), Err(Error::Conflict(_))));
    }

    #[test]
    fn what_a_provider_opened_lasts_a_day_and_sees_no_other_sessions() {
        let (through, own) = (session(Some(ProviderId::new(NOW, 1))), session(None));
        assert_eq!(through.ends_at, NOW + crate::limits::PROVIDER_SESSION);
        assert!(through.is_seen_from(&through) && through.is_seen_from(&own) && own.is_seen_from(&own));
        assert!(!own.is_seen_from(&through));
        let elsewhere = Session { organization: OrganizationId::new(NOW, 2), ..through.clone() };
        assert!(!elsewhere.is_seen_from(&through));
    }
}
