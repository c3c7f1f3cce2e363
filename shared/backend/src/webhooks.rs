//! What webhooks are signed with, as the Standard Webhooks scheme has it: <https://www.standardwebhooks.com>.
//!
//! A secret is derived from ours and stands nowhere: who reads the table, a backup or the stream signs nothing.

use crate::{Backend, door::Can, keys, outside::Outside, secrets::Secrets, system::System};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    Result, Timestamp,
    commit::{Change, Subject},
    id::*,
    policy::ManageIntegrations,
    webhook::Webhook,
};
use ring::hmac;

fn secret(secrets: &Secrets, organization: &OrganizationId, webhook: &WebhookId, number: u32) -> hmac::Tag {
    secrets.tag("webhook", &[organization.as_str(), webhook.as_str(), &number.to_string()])
}

/// Over id, time and the very bytes that are sent.
fn signature(secret: &[u8], id: &str, at: Timestamp, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(format!("{id}.{}.", at.as_second()).as_bytes());
    context.update(body);
    format!("v1,{}", STANDARD.encode(context.sign()))
}

impl Can<ManageIntegrations> {
    pub fn outside(&self) -> &Outside {
        self.room.inner.outside()
    }

    /// The secret that signs for a webhook now, as it is shown.
    pub async fn webhook_secret(&self, webhook: &Webhook) -> Result<String> {
        let secrets = self.room.inner.secrets().await?;
        Ok(format!("whsec_{}", STANDARD.encode(secret(&secrets, self.tenant().id(), &webhook.id, webhook.secret))))
    }
}

impl Backend {
    /// The signatures of a message, one for each secret that signs now.
    pub async fn webhook_signatures(&self, organization: &OrganizationId, webhook: &Webhook, id: &str, body: &[u8]) -> Result<String> {
        let (secrets, now) = (self.0.secrets().await?, self.now());
        let sign = |number| signature(secret(&secrets, organization, &webhook.id, number).as_ref(), id, now, body);
        Ok(webhook.secrets(now).map(sign).collect::<Vec<_>>().join(" "))
    }
}

impl System {
    /// A change, read again by its id and that of what it is about.
    pub async fn change(&self, id: &ChangeId, subject: &Subject) -> Result<Option<Change>> {
        self.room.store.table.get_item(keys::change_of(self.tenant(), id, &subject.id)).await?.map(crate::table::parse).transpose()
    }

    pub fn random(&self) -> u128 {
        self.room.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_scheme_s_own_example() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signature = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
