//! Mail through SES: a finished message in, nothing else known of it.

use crate::Backend;
use aws_sdk_sesv2::{
    primitives::Blob,
    types::{Destination, EmailContent, RawMessage},
};
use domain::{Error, Result, text::Email};

impl Backend {
    /// Sends a complete MIME message to one person.
    pub async fn send_mail(&self, to: &Email, message: Vec<u8>) -> Result<()> {
        let raw = RawMessage::builder().data(Blob::new(message)).build().map_err(Error::internal)?;
        let request = self.0.ses().send_email().from_email_address(self.0.settings.get("MAIL_FROM"));
        let request = request.destination(Destination::builder().to_addresses(to.as_str()).build());
        request.content(EmailContent::builder().raw(raw).build()).send().await.map_err(crate::table::failed)?;
        Ok(())
    }
}
