//! Passwords: Argon2id, 19 MiB, two passes.

use crate::clock::Entropy;
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use domain::{Error, Result, limits, text::Password};
use tokio::sync::Semaphore;

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// What the password of an account that does not exist is compared with, so that it takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5aG9tZWhlcmU$3nn0xOtRrNU9uhdTQDEZQ4DTjd0B0xVxjAUYJgj5d8c";

/// Each takes 19 MiB; more at once would wait for the processor anyway.
static AT_ONCE: Semaphore = Semaphore::const_new(limits::HASHES_AT_ONCE);

pub(crate) async fn hash(password: &Password, entropy: &Entropy) -> Result<String> {
    let (password, salt) = (password.clone(), entropy.bytes::<16>());
    let _turn = AT_ONCE.acquire().await.map_err(Error::internal)?;
    // Off the threads that serve requests: it takes tens of milliseconds by design
    tokio::task::spawn_blocking(move || argon2().hash_password_with_salt(password.reveal().as_bytes(), &salt).map(|hash| hash.to_string()))
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
