//! How often an organisation asks for mails to people outside of it, counted in the table.

use crate::{
    Backend,
    door::Can,
    secrets::sha256,
    visitor::{count_in_hour, count_within},
};
use domain::{Result, limits, policy::InviteMembers, text::Email};
use tokio::try_join;

const DAY: i64 = 24 * 3600;

impl Can<InviteMembers> {
    /// Counts an invitation that is asked for, before it is known whether it is sent, and refuses when there were too many.
    pub async fn count_invitation(&self, email: &Email) -> Result<()> {
        let (backend, organization) = (Backend(self.room.inner.clone()), self.tenant().id());
        let (house, address) = (sha256(organization.as_str().as_bytes()), sha256(format!("{organization} {email}").as_bytes()));
        try_join!(
            count_in_hour(&backend, self.now(), "INVITE_FROM", &house, limits::INVITATIONS),
            count_within(&backend, self.now(), DAY, "INVITE", &address, limits::INVITATIONS_TO_ONE),
        )?;
        Ok(())
    }

    /// Counts a list of people to invite, whoever stands in it.
    pub async fn count_import(&self) -> Result<()> {
        let house = sha256(self.tenant().id().as_str().as_bytes());
        count_in_hour(&Backend(self.room.inner.clone()), self.now(), "IMPORT", &house, limits::IMPORTS).await
    }
}
