//! Guesses of what proves who somebody is, counted in the table per account and per address.

use crate::{keys, table::Table};
use domain::{Error, Result, Timestamp, limits};
use futures_util::try_join;

/// What is guessed, and how often somebody may be wrong.
pub(crate) struct Guessed {
    per_account: (&'static str, u32),
    per_address: (&'static str, u32),
    /// For how long they are counted together.
    seconds: i64,
}

pub(crate) const PASSWORDS: Guessed =
    Guessed { per_account: ("LOGIN", limits::WRONG_LOGINS), per_address: ("LOGIN_FROM", limits::WRONG_LOGINS_PER_ADDRESS), seconds: 60 };
/// Operators' count for themselves.
pub(crate) const OPERATOR_PASSWORDS: Guessed = Guessed {
    per_account: ("OPERATOR_LOGIN", limits::WRONG_LOGINS),
    per_address: ("OPERATOR_LOGIN_FROM", limits::WRONG_LOGINS_PER_ADDRESS),
    seconds: 60,
};
pub(crate) const CODES: Guessed =
    Guessed { per_account: ("CODE", limits::WRONG_CODES), per_address: ("CODE_FROM", limits::WRONG_CODES_PER_ADDRESS), seconds: 3600 };

pub(crate) struct Guesses<'a> {
    pub(crate) table: &'a Table,
    pub(crate) of: &'static Guessed,
    /// Stands for the account; no text of a stranger's.
    pub(crate) who: String,
    pub(crate) address: &'a str,
    pub(crate) now: Timestamp,
}

impl Guesses<'_> {
    /// What a guess turns out to be, if it is right.
    pub(crate) async fn check<T>(&self, compare: impl Future<Output = Result<Option<T>>>) -> Result<Option<T>> {
        self.begin().await?;
        let right = compare.await?;
        if right.is_some() {
            self.count(-1).await?;
        }
        Ok(right)
    }

    /// Counts a guess before it is looked at, so that those made at once are counted too, and refuses whoever has
    /// guessed too often. What is refused or right counts for nothing.
    async fn begin(&self) -> Result<()> {
        let (account, address) = self.count(1).await?;
        if account <= self.of.per_account.1.into() && address <= self.of.per_address.1.into() {
            return Ok(());
        }
        self.count(-1).await?;
        let seconds = self.of.seconds;
        Err(Error::TooMany { seconds: (seconds - self.now.as_second().rem_euclid(seconds)) as u32 })
    }

    async fn count(&self, more: i8) -> Result<(u64, u64)> {
        let second = self.now.as_second();
        let (period, ends) = (second.div_euclid(self.of.seconds), second + 5 * self.of.seconds);
        let count = |what: &str, who: &str| self.table.count(keys::attempts(what, who, period), more, ends);
        try_join!(count(self.of.per_account.0, &self.who), count(self.of.per_address.0, self.address))
    }
}
