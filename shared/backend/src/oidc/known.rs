//! What providers say of themselves, kept in the process for a while.

use super::{Flaw, token::Jwk};
use crate::{aws::Inner, outside::Told};
use domain::{Timestamp, limits, text::Url};
use serde_json::Value;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// Where a provider is asked.
#[derive(Clone)]
pub(super) struct Configuration {
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    keys: Url,
    /// In a header else.
    pub(super) takes_secret_in_body: bool,
}

/// Of so many providers, and for so long.
#[derive(Default)]
pub(crate) struct Known {
    configurations: Remembered<Url, Configuration>,
    keys: Remembered<Url, Arc<Vec<Jwk>>>,
}

struct Remembered<K, V>(Mutex<HashMap<K, (Timestamp, V)>>);

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Remembered<K, V> {
    fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|(until, _)| now < *until).map(|(_, value)| value.clone())
    }

    fn keep(&self, key: &K, value: &V, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (until, _)| now < *until);
        if kept.len() >= limits::PROVIDERS_KNOWN
            && let Some(first) = kept.iter().min_by_key(|(_, (until, _))| *until).map(|(key, _)| key.clone())
        {
            kept.remove(&first);
        }
        kept.insert(key.clone(), (now + limits::PROVIDER_KNOWN, value.clone()));
    }
}

const CONFIGURATION: &str = "its configuration";
const KEYS: &str = "its keys";
/// By which ID tokens may be signed.
const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];

/// An answer that is all there.
pub(super) fn json(what: &'static str, told: &Told) -> Result<Value, Flaw> {
    let read = serde_json::from_slice(&told.body).ok().filter(|_| told.whole);
    read.ok_or(Flaw::Strange { what })
}

fn names(value: &Value) -> Option<Vec<&str>> {
    value.as_array().map(|names| names.iter().filter_map(Value::as_str).collect())
}

impl Configuration {
    fn read(issuer: &Url, told: &Value) -> Result<Self, Flaw> {
        if told["issuer"].as_str() != Some(issuer.as_str()) {
            return Err(Flaw::OtherIssuer);
        }
        let strange = || Flaw::Strange { what: CONFIGURATION };
        let url = |name: &str| told[name].as_str().and_then(|url| url.parse::<Url>().ok()).ok_or_else(strange);
        let page = url("authorization_endpoint")?;
        // A browser is sent there, and nobody else looks at it first
        if issuer.as_str().starts_with("https://") && !page.as_str().starts_with("https://") {
            return Err(strange());
        }
        // Without a word, it is the header
        let methods = names(&told["token_endpoint_auth_methods_supported"]).unwrap_or_else(|| vec!["client_secret_basic"]);
        let takes = |method: &str| methods.contains(&method);
        if !takes("client_secret_basic") && !takes("client_secret_post") {
            return Err(Flaw::OtherMethod);
        }
        if names(&told["id_token_signing_alg_values_supported"]).is_some_and(|taken| !taken.iter().any(|name| ALGORITHMS.contains(name))) {
            return Err(Flaw::OtherAlgorithm);
        }
        let takes_secret_in_body = !takes("client_secret_basic");
        Ok(Self { authorization_endpoint: page, token_endpoint: url("token_endpoint")?, keys: url("jwks_uri")?, takes_secret_in_body })
    }
}

impl Inner {
    pub(super) async fn configuration(&self, issuer: &Url) -> Result<Configuration, Flaw> {
        match self.providers.configurations.get(issuer, self.clock.now()) {
            Some(known) => Ok(known),
            None => self.discover(issuer).await,
        }
    }

    async fn discover(&self, issuer: &Url) -> Result<Configuration, Flaw> {
        let place = format!("{}/.well-known/openid-configuration", issuer.as_str().trim_end_matches('/'));
        let place = place.parse().map_err(|_: String| Flaw::Strange { what: CONFIGURATION })?;
        let found = Configuration::read(issuer, &self.fetch(CONFIGURATION, &place).await?)?;
        self.providers.configurations.keep(issuer, &found, self.clock.now());
        Ok(found)
    }

    /// The keys of a provider, as they are known, or else as they are now.
    pub(super) async fn keys_of(&self, configuration: &Configuration, anew: bool) -> Result<Arc<Vec<Jwk>>, Flaw> {
        let place = &configuration.keys;
        if let Some(known) = self.providers.keys.get(place, self.clock.now()).filter(|_| !anew) {
            return Ok(known);
        }
        let told = self.fetch(KEYS, place).await?;
        let list = told["keys"].as_array().ok_or(Flaw::Strange { what: KEYS })?;
        // Keys of a kind that nobody here knows are passed over
        let keys = list.iter().take(limits::PROVIDER_KEYS).filter_map(|key| serde_json::from_value(key.clone()).ok());
        let keys = Arc::new(keys.collect::<Vec<Jwk>>());
        self.providers.keys.keep(place, &keys, self.clock.now());
        Ok(keys)
    }

    /// Whether a provider is one that somebody could sign in through.
    pub(super) async fn examine(&self, issuer: &Url) -> Result<(), Flaw> {
        let configuration = self.discover(issuer).await?;
        // Each place was looked at only as a text so far
        for place in [&configuration.token_endpoint, &configuration.keys] {
            self.outside().check(place).await.map_err(|failure| Flaw::Unreachable { what: "one of its endpoints", failure })?;
        }
        match self.keys_of(&configuration, true).await?.iter().any(Jwk::is_taken) {
            true => Ok(()),
            false => Err(Flaw::OtherAlgorithm),
        }
    }
}
