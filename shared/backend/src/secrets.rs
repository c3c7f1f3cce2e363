//! The keys everything signed is signed with: one document in a parameter, several signing keys so that they can be rotated.

use crate::clock::Entropy;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Error, Result};
use ring::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair},
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Document {
    /// The first signs; all verify.
    signing: Vec<SeedDocument>,
    mac: String,
}

#[derive(Serialize, Deserialize)]
struct SeedDocument {
    kid: String,
    seed: String,
}

pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pub(crate) seed: Vec<u8>,
    pub(crate) public: Vec<u8>,
}

pub struct Secrets {
    pub(crate) signing: Vec<SigningKey>,
    mac: hmac::Key,
}

impl Secrets {
    pub fn parse(text: &str) -> Result<Self> {
        let document: Document =
            serde_json::from_str(text).map_err(|_| Error::internal("the secrets are not the document they should be"))?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::internal("a secret is not base64"));
        let signing = document
            .signing
            .into_iter()
            .map(|key| {
                let seed = decode(&key.seed)?;
                let pair =
                    Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| Error::internal("a signing key is not an Ed25519 seed"))?;
                Ok(SigningKey { kid: key.kid, public: pair.public_key().as_ref().to_vec(), seed })
            })
            .collect::<Result<Vec<_>>>()?;
        if signing.is_empty() {
            return Err(Error::internal("there is no signing key"));
        }
        Ok(Self { signing, mac: hmac::Key::new(hmac::HMAC_SHA256, &decode(&document.mac)?) })
    }

    /// A new document, for the first start of a local stack or the operator of a real one.
    pub fn generate(entropy: &Entropy) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let key = SeedDocument { kid: encode(&entropy.bytes::<9>()), seed: encode(&entropy.bytes::<32>()) };
        let document = Document { signing: vec![key], mac: encode(&entropy.bytes::<32>()) };
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// An unforgeable mark over the parts; `purpose` keeps the marks of one use from serving another.
    pub(crate) fn mark(&self, purpose: &str, parts: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(purpose, parts).as_ref())
    }

    pub(crate) fn is_mark(&self, purpose: &str, parts: &[&str], mark: &str) -> bool {
        let expected = self.tag(purpose, parts);
        URL_SAFE_NO_PAD.decode(mark).is_ok_and(|mark| equal_in_constant_time(expected.as_ref(), &mark))
    }

    fn tag(&self, purpose: &str, parts: &[&str]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.mac);
        for part in [purpose].iter().chain(parts) {
            // With its length before it, no part can pass for the end of another
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign()
    }
}

/// Compares without telling by its time where the two differ.
pub(crate) fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
