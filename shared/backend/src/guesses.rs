//! Guessed passwords, counted in the table per account and per address and minute.

use crate::{keys, password, table::Table};
use domain::{Error, Result, Timestamp, limits, text::Email};
use futures_util::try_join;

pub(crate) struct Guesses<'a> {
    pub(crate) table: &'a Table,
    pub(crate) email: &'a Email,
    pub(crate) address: &'a str,
    pub(crate) now: Timestamp,
}

impl Guesses<'_> {
    fn keys(&self) -> [keys::Key<()>; 2] {
        let minute = self.now.as_second() / 60;
        [
            keys::attempts("LOGIN", &crate::secrets::sha256(self.email.as_str().as_bytes()), minute),
            keys::attempts("LOGIN_FROM", self.address, minute),
        ]
    }

    /// Whether this is the account's password; `None` stands for an account that does not exist.
    pub(crate) async fn check(&self, guess: &str, hash: Option<&str>) -> Result<bool> {
        self.begin().await?;
        let right = password::verify(guess, hash).await?;
        if right {
            self.count(-1).await?;
        }
        Ok(right)
    }

    /// Counts a guess before it is looked at, so that those made at once are counted too, and refuses whoever has
    /// guessed too often in this minute. What is refused or right counts for nothing.
    async fn begin(&self) -> Result<()> {
        let (account, address) = self.count(1).await?;
        if account <= limits::WRONG_LOGINS.into() && address <= limits::WRONG_LOGINS_PER_ADDRESS.into() {
            return Ok(());
        }
        self.count(-1).await?;
        Err(Error::TooMany { seconds: (60 - self.now.as_second().rem_euclid(60)) as u32 })
    }

    async fn count(&self, more: i8) -> Result<(u64, u64)> {
        let [account, address] = self.keys().map(|key| self.table.count(key, more, self.now.as_second() + 300));
        try_join!(account, address)
    }
}
