//! What is asked of a provider.

use super::{
    Flaw, form,
    known::{Configuration, json},
};
use crate::{
    aws::Inner,
    outside::{Ask, Told},
    second_factor::escaped,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{limits, provider::Provider, text::Url};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;

/// Characters of a refusal that are repeated.
const REFUSAL: usize = 100;

impl Inner {
    pub(super) async fn fetch(&self, what: &'static str, url: &Url) -> Result<Value, Flaw> {
        let told = self.talk(what, Method::GET, url, HeaderMap::new(), Vec::new()).await?;
        match told.status.as_u16() {
            200 => json(what, &told),
            status => Err(Flaw::Status { what, status }),
        }
    }

    async fn talk(&self, what: &'static str, method: Method, url: &Url, mut headers: HeaderMap, body: Vec<u8>) -> Result<Told, Flaw> {
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("Office-Copilot"));
        let (patience, most) = (limits::PROVIDER_PATIENCE.unsigned_abs(), limits::PROVIDER_ANSWER);
        let ask = Ask { method, url: url.clone(), headers, body, patience, most };
        self.outside().ask(ask).await.map_err(|failure| Flaw::Unreachable { what, failure })
    }

    /// Trades a code for an ID token, over a connection to the provider itself.
    pub(super) async fn exchange(
        &self,
        provider: &Provider,
        configuration: &Configuration,
        secret: &str,
        more: &[(&str, &str)],
    ) -> Result<String, Flaw> {
        let what = "its token endpoint";
        let id = provider.client_id.as_str();
        let mut pairs = [&[("grant_type", "authorization_code"), ("client_id", id)], more].concat();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if configuration.takes_secret_in_body {
            pairs.push(("client_secret", secret));
        } else {
            let shown = format!("Basic {}", STANDARD.encode(format!("{}:{}", escaped(id), escaped(secret))));
            let shown = HeaderValue::try_from(shown).map_err(|_| Flaw::Strange { what })?;
            headers.insert(header::AUTHORIZATION, shown);
        }
        let told = self.talk(what, Method::POST, &configuration.token_endpoint, headers, form(&pairs).into_bytes()).await?;
        match told.status.as_u16() {
            200 => json(what, &told)?["id_token"].as_str().map(str::to_owned).ok_or(Flaw::NoToken),
            400 | 401 => {
                let refusal = json(what, &told).ok().and_then(|told| told["error"].as_str().map(str::to_owned)).unwrap_or_default();
                let plain = refusal.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(REFUSAL);
                Err(Flaw::Refused(plain.collect()))
            }
            status => Err(Flaw::Status { what, status }),
        }
    }
}
