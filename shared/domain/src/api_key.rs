//! Keys with which programs work in an organisation.

use crate::{
    Error, Result, Timestamp,
    commit::{Commit, Kept},
    id::*,
    limits,
    organization::Membership,
    policy::Grants,
    text::Line,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key of a program. It may what it was given, as long as whoever answers for it may that as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: Line,
    pub permissions: Grants,
    pub secret: Secret,
    /// The one before, while it is still taken.
    pub previous: Option<Previous>,
    pub created_at: Timestamp,
    pub ends_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub version: u64,
    /// When the table may forget it, in seconds since 1970; never what decides whether it is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}

/// What is kept of a secret, and who answers for what is done with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    pub hash: String,
    pub by: UserId,
    pub by_name: Line,
    /// Since when they were let in: it is good no more when they are let in anew.
    pub admitted_at: Timestamp,
    pub made_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Previous {
    pub secret: Secret,
    pub until: Timestamp,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyDraft {
    #[schema(example = "Nightly import")]
    pub name: Line,
    /// None that is for people only, and none that you have not yourself.
    pub permissions: Grants,
    /// Absent, the key is good until it is revoked.
    pub expires_at: Option<Timestamp>,
}

/// What is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub name: Option<Line>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub permissions: Option<Grants>,
    /// `null` takes the end away.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Option<Option<Timestamp>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// How long the secret before is still taken; absent, it ends at once.
    #[serde(default)]
    #[schema(default = 0, maximum = 10_080)]
    pub grace_minutes: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyState {
    Active,
    Expired,
    /// Whoever answers for it works here no more: it opens nothing until somebody rotates it.
    Orphaned,
}

/// What a key shows of itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApiKeyView {
    pub id: ApiKeyId,
    pub name: Line,
    pub permissions: Grants,
    pub state: ApiKeyState,
    /// Who made or last rotated it, and answers for what it does.
    pub made_by: UserId,
    pub made_by_name: Line,
    pub created_at: Timestamp,
    pub rotated_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// Until when the secret before is still taken.
    pub previous_until: Option<Timestamp>,
    /// To the hour.
    pub last_used_at: Option<Timestamp>,
    pub version: u64,
}

/// What stands on the trail: never what proves anything.
#[derive(Serialize)]
struct Noted<'a> {
    id: &'a ApiKeyId,
    name: &'a Line,
    permissions: &'a Grants,
    made_by: &'a UserId,
    expires_at: Option<Timestamp>,
    previous_until: Option<Timestamp>,
    version: u64,
}

fn checked(permissions: &Grants, by: &Grants) -> Result<()> {
    let wrong = |message: String| Err(Error::invalid("/permissions", message));
    if permissions.is_empty() {
        return wrong("is empty".to_owned());
    }
    if let Some(grant) = permissions.iter().find(|grant| !grant.is_for_keys()) {
        return wrong(format!("has {}, which is for people only", grant));
    }
    if by.cover(permissions) { Ok(()) } else { wrong("has more than you have yourself".to_owned()) }
}

fn ending(at: Option<Timestamp>, now: Timestamp) -> Result<Option<Timestamp>> {
    match at {
        Some(at) if at <= now => Err(Error::invalid("/expires_at", "is not in the future")),
        Some(at) if at > now + limits::API_KEY_LIFE => Err(Error::invalid("/expires_at", "is more than five years away")),
        at => Ok(at),
    }
}

impl ApiKey {
    pub fn new(id: ApiKeyId, draft: ApiKeyDraft, secret: Secret, by: &Grants, now: Timestamp) -> Result<(Self, Commit)> {
        checked(&draft.permissions, by)?;
        let key = Self {
            id,
            name: draft.name,
            permissions: draft.permissions,
            secret,
            previous: None,
            created_at: now,
            ends_at: ending(draft.expires_at, now)?,
            last_used_at: None,
            version: 1,
            expires: None,
        }
        .forgotten_after_its_end();
        let commit = Commit::part("api_key.created", Self::KIND, &key.id, None, Some(&key.noted())).also_create(key.clone());
        Ok((key, commit))
    }

    /// An ended key is still shown for a while.
    fn forgotten_after_its_end(self) -> Self {
        Self { expires: self.ends_at.map(|at| (at + limits::API_KEY_SHOWN).as_second()), ..self }
    }

    fn replaced(self, action: &'static str, after: Self) -> (Self, Commit) {
        let after = Self { version: self.version + 1, ..after }.forgotten_after_its_end();
        let commit = Commit::part(action, Self::KIND, &self.id, Some(&self.noted()), Some(&after.noted()));
        (after.clone(), commit.also_replace(self.version, after))
    }

    /// Nobody changes a key that may more than they.
    pub fn edit(self, edit: ApiKeyEdit, by: &Grants, now: Timestamp) -> Result<(Self, Commit)> {
        checked(&self.permissions, by)?;
        let permissions = edit.permissions.unwrap_or_else(|| self.permissions.clone());
        checked(&permissions, by)?;
        let ends_at = match edit.expires_at {
            Some(at) => ending(at, now)?,
            None => self.ends_at,
        };
        let after = Self { name: edit.name.unwrap_or_else(|| self.name.clone()), permissions, ends_at, ..self.clone() };
        if after == self {
            return Ok((self, Commit::quiet()));
        }
        Ok(self.replaced("api_key.edited", after))
    }

    /// A new secret, for which whoever asks for it answers from now on.
    pub fn rotate(self, rotation: &Rotation, secret: Secret, by: &Grants, now: Timestamp) -> Result<(Self, Commit)> {
        checked(&self.permissions, by)?;
        let grace = jiff::SignedDuration::from_mins(rotation.grace_minutes.into());
        if grace > limits::API_KEY_GRACE {
            return Err(Error::invalid("/grace_minutes", "is more than a week"));
        }
        let previous = (!grace.is_zero()).then(|| Previous { secret: self.secret.clone(), until: now + grace });
        let after = Self { secret, previous, ..self.clone() };
        Ok(self.replaced("api_key.rotated", after))
    }

    /// It is gone at once; the trail keeps what it was.
    pub fn revoke(self) -> Commit {
        let seen = self.version;
        let commit = Commit::part("api_key.revoked", Self::KIND, &self.id, Some(&self.noted()), None);
        commit.with(crate::commit::Write::Delete { record: self.into(), seen })
    }

    /// The secret with this hash, if it is taken now.
    pub fn admits(&self, hash: &str, now: Timestamp) -> Option<&Secret> {
        if self.ends_at.is_some_and(|at| now >= at) {
            return None;
        }
        let previous = self.previous.as_ref().filter(|previous| now < previous.until).map(|previous| &previous.secret);
        [&self.secret].into_iter().chain(previous).find(|secret| secret.hash == hash)
    }

    /// Notes that it was used, once an hour. It stays the version it is: nobody who edits it has to know.
    pub fn used(&self, now: Timestamp) -> Option<Commit> {
        let lately = self.last_used_at.is_some_and(|at| now < at + limits::API_KEY_USED);
        (!lately).then(|| Commit::quiet().also_replace(self.version, Self { last_used_at: Some(now), ..self.clone() }))
    }

    fn noted(&self) -> Noted<'_> {
        Noted {
            id: &self.id,
            name: &self.name,
            permissions: &self.permissions,
            made_by: &self.secret.by,
            expires_at: self.ends_at,
            previous_until: self.previous.as_ref().map(|previous| previous.until),
            version: self.version,
        }
    }

    /// `maker` is who answers for it, as they stand now.
    pub fn view(&self, maker: Option<&Membership>, now: Timestamp) -> ApiKeyView {
        let state = match maker {
            _ if self.ends_at.is_some_and(|at| now >= at) => ApiKeyState::Expired,
            Some(maker) if maker.lets_in_with(&self.secret) => ApiKeyState::Active,
            _ => ApiKeyState::Orphaned,
        };
        ApiKeyView {
            id: self.id.clone(),
            name: self.name.clone(),
            permissions: self.permissions.clone(),
            state,
            made_by: self.secret.by.clone(),
            made_by_name: self.secret.by_name.clone(),
            created_at: self.created_at,
            rotated_at: self.secret.made_at,
            expires_at: self.ends_at,
            previous_until: self.previous.as_ref().map(|previous| previous.until).filter(|until| now < *until),
            last_used_at: self.last_used_at,
            version: self.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Role;

    const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

    fn secret(hash: &str) -> Secret {
        Secret { hash: hash.to_owned(), by: UserId::new(NOW, 1), by_name: "Mia".parse().unwrap(), admitted_at: NOW, made_at: NOW }
    }

    fn key(permissions: &str, expires_at: Option<Timestamp>) -> Result<ApiKey> {
        let draft = ApiKeyDraft { name: "Import".parse().unwrap(), permissions: serde_json::from_str(permissions).unwrap(), expires_at };
        ApiKey::new(ApiKeyId::new(NOW, 2), draft, secret("one"), &Role::Admin.grants(), NOW).map(|(key, _)| key)
    }

    #[test]
    fn a_key_has_no_more_than_its_maker_and_nothing_that_is_for_people() {
        assert!(key(r#"["read_tasks"]"#, None).is_ok());
        for permissions in ["[]", r#"["use_account"]"#, r#"["read_tasks","manage_roles"]"#, r#"["converse"]"#] {
            assert!(matches!(key(permissions, None), Err(Error::Invalid(_))), "{permissions}");
        }
        let by = Role::Member.grants();
        let billing = key(r#"["read_billing"]"#, None).unwrap();
        assert!(billing.clone().rotate(&Rotation { grace_minutes: 0 }, secret("two"), &by, NOW).is_err());
        let name = Some("Mine".parse().unwrap());
        assert!(billing.edit(ApiKeyEdit { name, permissions: None, expires_at: None }, &by, NOW).is_err());
    }

    #[test]
    fn the_secret_before_is_taken_until_its_grace_is_over() {
        let by = Role::Admin.grants();
        let day = jiff::SignedDuration::from_hours(24);
        let first = key(r#"["read_tasks"]"#, None).unwrap();
        let (second, _) = first.rotate(&Rotation { grace_minutes: 1_440 }, secret("two"), &by, NOW).unwrap();
        let last = NOW + day - jiff::SignedDuration::from_millis(1);
        assert!(second.admits("one", last).is_some() && second.admits("two", last).is_some());
        assert!(second.admits("one", NOW + day).is_none() && second.admits("two", NOW + day).is_some());
        // Of three in a row the first is out
        let (third, _) = second.clone().rotate(&Rotation { grace_minutes: 1 }, secret("three"), &by, NOW).unwrap();
        assert!(third.admits("one", NOW).is_none() && third.admits("two", NOW).is_some());
        let (fourth, _) = third.rotate(&Rotation { grace_minutes: 0 }, secret("four"), &by, NOW).unwrap();
        assert!(fourth.admits("three", NOW).is_none());
        assert!(second.rotate(&Rotation { grace_minutes: 10_081 }, secret("x"), &by, NOW).is_err());
    }

    #[test]
    fn an_ended_key_opens_nothing() {
        let ends = NOW + jiff::SignedDuration::from_hours(1);
        let key = key(r#"["read_tasks"]"#, Some(ends)).unwrap();
        assert!(key.admits("one", ends - jiff::SignedDuration::from_millis(1)).is_some());
        assert!(key.admits("one", ends).is_none());
    }

    #[test]
    fn a_use_is_noted_once_an_hour() {
        let key = key(r#"["read_tasks"]"#, None).unwrap();
        assert!(key.used(NOW).is_some());
        let used = ApiKey { last_used_at: Some(NOW), ..key };
        assert!(used.used(NOW + jiff::SignedDuration::from_mins(59)).is_none());
        assert!(used.used(NOW + jiff::SignedDuration::from_mins(60)).is_some());
    }
}
