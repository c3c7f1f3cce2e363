//! Guessed passwords, counted in the table per account and per address and minute.

use crate::{
    keys, password,
    table::{Table, number},
};
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

    fn expires(&self) -> i64 {
        self.now.as_second() + 300
    }

    /// Whether this is the account's password; `None` stands for an account that does not exist.
    pub(crate) async fn check(&self, guess: &str, hash: Option<&str>) -> Result<bool> {
        self.begin().await?;
        let right = password::verify(guess, hash).await?;
        self.end(right).await?;
        Ok(right)
    }

    /// Counts a guess of this account before it is looked at, so that those made at once are counted too,
    /// and refuses whoever has guessed too often in this minute.
    async fn begin(&self) -> Result<()> {
        let [account, address] = self.keys();
        let (guesses, wrong) = try_join!(self.table.count(account, 1, self.expires()), self.table.get_item(address))?;
        let wrong = wrong.and_then(|item| number(&item, "n")).unwrap_or_default();
        if guesses > limits::WRONG_LOGINS.into() || wrong >= limits::WRONG_LOGINS_PER_ADDRESS.into() {
            return Err(Error::TooMany { seconds: (60 - self.now.as_second().rem_euclid(60)) as u32 });
        }
        Ok(())
    }

    /// A right guess counts for nothing, a wrong one for the address too.
    async fn end(&self, right: bool) -> Result<()> {
        let [account, address] = self.keys();
        match right {
            true => self.table.count(account, -1, self.expires()).await,
            false => self.table.count(address, 1, self.expires()).await,
        }
        .map(drop)
    }
}
