//! Keys of programs as they are shown, once.
//!
//! A key is `ok_` and lower-case letters and digits: the ids of the organisation, of who answers for it, and its own, without their
//! prefixes, so that one read finds all that decides; then 160 random bits, and the beginning of the SHA-256 of all before it,
//! so that a slip of the pen is known without a read, and a scanner for lost secrets takes nothing else for one.

use crate::{
    door::{Can, Pass, Proof},
    secrets::{hexadecimal, sha256},
};
use domain::{Error, Result, api_key::Secret, id::*, organization::Membership, policy::ManageIntegrations};

const PREFIX: &str = "ok_";
/// Characters of an id without its prefix, of the random part, and of the checksum.
const LENGTHS: [usize; 5] = [26, 26, 26, 40, CHECKSUM];
const CHECKSUM: usize = 8;

/// Whom a key names: `None` for what is no key at all, and refused when it is one that was changed.
pub(crate) fn read(token: &str) -> Result<Option<Pass>> {
    let Some(mut rest) = token.strip_prefix(PREFIX) else { return Ok(None) };
    let mut parts = [""; LENGTHS.len()];
    for (part, length) in parts.iter_mut().zip(LENGTHS) {
        (*part, rest) = rest.split_at_checked(length).ok_or(Error::Unauthenticated)?;
    }
    let [organization, user, key, _, checksum] = parts;
    if !rest.is_empty() || check(&token[..token.len() - CHECKSUM]) != checksum {
        return Err(Error::Unauthenticated);
    }
    let id = |prefix: &str, part: &str| format!("{prefix}{part}");
    let organization = id(OrganizationId::PREFIX, organization).parse().map_err(|_| Error::Unauthenticated)?;
    let user = id(UserId::PREFIX, user).parse().map_err(|_| Error::Unauthenticated)?;
    let key = id(ApiKeyId::PREFIX, key).parse().map_err(|_| Error::Unauthenticated)?;
    Ok(Some(Pass { user, organization, proof: Proof::Key(key, sha256(token.as_bytes())) }))
}

fn check(text: &str) -> String {
    let mut digest = sha256(text.as_bytes());
    digest.truncate(CHECKSUM);
    digest
}

fn spell(organization: &OrganizationId, user: &UserId, key: &ApiKeyId, random: [u8; 20]) -> String {
    let bare = |id: &str, prefix: &str| id[prefix.len()..].to_owned();
    let organization = bare(organization.as_str(), OrganizationId::PREFIX);
    let user = bare(user.as_str(), UserId::PREFIX);
    let text = format!("{PREFIX}{organization}{user}{}{}", bare(key.as_str(), ApiKeyId::PREFIX), hexadecimal(&random));
    format!("{text}{}", check(&text))
}

impl Can<ManageIntegrations> {
    /// A new secret of a key, for which the caller answers: as it is shown, and as it is kept.
    pub fn new_secret(&self, key: &ApiKeyId) -> (String, Secret) {
        let shown = spell(self.tenant().id(), self.user(), key, self.room.inner.entropy.bytes());
        let hash = sha256(shown.as_bytes());
        let Membership { user, name, admitted_at, .. } = self.membership().clone();
        let kept = Secret { hash, by: user, by_name: name, admitted_at, made_at: self.now() };
        (shown, kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Timestamp;
    use proptest::prelude::*;

    fn key() -> String {
        let now = Timestamp::UNIX_EPOCH;
        spell(&OrganizationId::new(now, 1), &UserId::new(now, 2), &ApiKeyId::new(now, 3), [7; 20])
    }

    #[test]
    fn a_key_names_its_organisation_its_person_and_itself() {
        let pass = read(&key()).expect("whole").expect("a key");
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!((pass.organization, pass.user), (OrganizationId::new(now, 1), UserId::new(now, 2)));
        assert!(matches!(pass.proof, Proof::Key(id, hash) if id == ApiKeyId::new(now, 3) && hash == sha256(key().as_bytes())));
        assert!(read("eyJhbGciOiJFZERTQSJ9.e30.c2ln").expect("no key").is_none());
    }

    #[test]
    fn a_key_with_any_slip_is_refused_before_anything_is_read() {
        let key = key();
        for place in PREFIX.len()..key.len() {
            let mut text = key.clone();
            let other = if &text[place..=place] == "a" { "b" } else { "a" };
            text.replace_range(place..=place, other);
            assert!(read(&text).is_err(), "{place}");
        }
        for text in [&key[..key.len() - 1], &format!("{key}a"), "ok_", "ok_é"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_shown_for_a_key_is_read_without_falling_over(text in "ok_.{0,140}") {
            prop_assert!(read(&text).is_err());
        }
    }
}
