//! Passwords: Argon2id, 19 MiB, two passes.

use crate::clock::Entropy;
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use domain::{Error, Result, limits, password::NewPassword, text::Password};
use tokio::sync::Semaphore;

/// What passwords are hashed with. Raised here, each is hashed anew when its owner next logs in.
const COST: Params = Params::DEFAULT;

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, COST)
}

/// What the password of an account that does not exist is compared with, so that it takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5aG9tZWhlcmU$3nn0xOtRrNU9uhdTQDEZQ4DTjd0B0xVxjAUYJgj5d8c";

/// Each takes 19 MiB; more at once would wait for the processor anyway.
static AT_ONCE: Semaphore = Semaphore::const_new(limits::HASHES_AT_ONCE);

pub(crate) async fn hash(password: &NewPassword, entropy: &Entropy) -> Result<String> {
    hashed(password.reveal(), entropy).await
}

async fn hashed(password: &str, entropy: &Entropy) -> Result<String> {
    let (password, salt) = (password.to_owned(), entropy.bytes::<16>());
    let _turn = AT_ONCE.acquire().await.map_err(Error::internal)?;
    // Off the threads that serve requests: it takes tens of milliseconds by design
    tokio::task::spawn_blocking(move || argon2().hash_password_with_salt(password.as_bytes(), &salt).map(|hash| hash.to_string()))
        .await
        .map_err(Error::internal)?
        .map_err(|e| Error::internal(e.to_string()))
}

/// `None` stands for an account that does not exist; the answer is no, after the same time. So it is to what cannot be a password.
pub(crate) async fn verify(guess: &str, hash: Option<&str>) -> Result<bool> {
    let hash = hash.filter(|_| Password::try_from(guess.to_owned()).is_ok());
    let (guess, known, hash) = (guess.to_owned(), hash.is_some(), hash.unwrap_or(NOBODY).to_owned());
    let _turn = AT_ONCE.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(move || {
        let parsed = PasswordHash::new(&hash).map_err(|e| Error::internal(e.to_string()))?;
        Ok(argon2().verify_password(guess.as_bytes(), &parsed).is_ok() && known)
    })
    .await
    .map_err(Error::internal)?
}

/// A password that was just found right, hashed as passwords are now, if it was hashed at a lower cost.
pub(crate) async fn hash_anew(right: &str, kept: &str, entropy: &Entropy) -> Result<Option<String>> {
    if is_cheaper(kept) { hashed(right, entropy).await.map(Some) } else { Ok(None) }
}

/// Whether a hash was made with less than hashes are now, or in another way.
fn is_cheaper(hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let Ok(cost) = Params::try_from(&hash) else { return false };
    let alike = hash.algorithm == Algorithm::Argon2id.ident() && hash.version == Some(Version::V0x13.into());
    !alike || cost.m_cost() < COST.m_cost() || cost.t_cost() < COST.t_cost() || cost.p_cost() < COST.p_cost()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(cost: &str) -> String {
        NOBODY.replace("m=19456,t=2,p=1", cost)
    }

    #[test]
    fn what_was_hashed_at_a_lower_cost_is_told_from_what_was_not() {
        for (hash, cheaper) in [
            (with("m=19456,t=2,p=1"), false),
            (with("m=47104,t=3,p=2"), false),
            (with("m=19456,t=1,p=1"), true),
            (with("m=12288,t=3,p=1"), true),
            (NOBODY.replace("argon2id", "argon2i"), true),
            (NOBODY.replace("v=19", "v=16"), true),
            (String::new(), false),
        ] {
            assert_eq!(is_cheaper(&hash), cheaper, "{hash}");
        }
    }

    #[test]
    fn an_account_that_is_not_there_is_compared_at_the_cost_of_those_that_are() {
        assert!(!is_cheaper(NOBODY), "{NOBODY} is answered sooner than a password of today; hash it anew");
    }

    #[tokio::test]
    async fn a_password_hashed_anew_is_the_same_password() {
        let (right, entropy) = ("correct horse battery", Entropy::system());
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let cheap = cheap.hash_password_with_salt(right.as_bytes(), &[7; 16]).unwrap().to_string();
        assert!(verify(right, Some(&cheap)).await.unwrap());
        let anew = hash_anew(right, &cheap, &entropy).await.unwrap().unwrap();
        assert!(verify(right, Some(&anew)).await.unwrap() && !verify("another horse", Some(&anew)).await.unwrap());
        assert_eq!(hash_anew(right, &anew, &entropy).await.unwrap(), None);
    }
}
