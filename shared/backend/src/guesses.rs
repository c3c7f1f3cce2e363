//! Wrong passwords, counted in the table per account and per address and minute.

use crate::{
    keys,
    table::{Table, number, text},
};
use domain::{Error, Result, Timestamp, limits, text::Email};

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

    /// Refuses whoever has guessed too often in this minute.
    pub(crate) async fn check(&self) -> Result<()> {
        let [account, address] = self.keys();
        let allowed = [(account.pk.clone(), limits::WRONG_LOGINS), (address.pk.clone(), limits::WRONG_LOGINS_PER_ADDRESS)];
        let found = self.table.get_items(vec![Table::key_item(account), Table::key_item(address)]).await?;
        let used_up = found.iter().any(|item| {
            let most = allowed.iter().find(|(pk, _)| text(item, "pk") == Some(pk)).map(|(_, most)| u64::from(*most));
            most.is_some_and(|most| number(item, "n").unwrap_or_default() >= most)
        });
        if used_up { Err(Error::TooMany { seconds: (60 - self.now.as_second().rem_euclid(60)) as u32 }) } else { Ok(()) }
    }

    pub(crate) async fn note(&self) -> Result<()> {
        let expires = self.now.as_second() + 300;
        let [account, address] = self.keys().map(|key| self.table.count(key, expires));
        futures_util::try_join!(account, address).map(drop)
    }
}
