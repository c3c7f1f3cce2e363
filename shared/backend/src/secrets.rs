//! The keys everything signed is signed with: one document in a parameter, several signing keys so that they can be rotated.

use crate::clock::Entropy;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Error, Result};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    signature::{Ed25519KeyPair, KeyPair},
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Document {
    /// The first signs; all verify.
    signing: Vec<SeedDocument>,
    mac: String,
    /// The first seals; all open.
    sealing: Vec<SealDocument>,
    /// Makes the first operator of the platform; without it nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    setup: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct SeedDocument {
    kid: String,
    seed: String,
}

#[derive(Serialize, Deserialize)]
struct SealDocument {
    kid: String,
    key: String,
}

pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pub(crate) seed: Vec<u8>,
    pub(crate) public: Vec<u8>,
}

pub struct Secrets {
    pub(crate) signing: Vec<SigningKey>,
    mac: hmac::Key,
    sealing: Vec<(String, LessSafeKey)>,
    setup: Option<String>,
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
        let sealing = document
            .sealing
            .into_iter()
            .map(|SealDocument { kid, key }| match UnboundKey::new(&AES_256_GCM, &decode(&key)?) {
                Ok(key) => Ok((kid, LessSafeKey::new(key))),
                Err(_) => Err(Error::internal("a sealing key has not 32 bytes")),
            })
            .collect::<Result<Vec<_>>>()?;
        if sealing.is_empty() {
            return Err(Error::internal("there is no sealing key"));
        }
        Ok(Self { signing, sealing, mac: hmac::Key::new(hmac::HMAC_SHA256, &decode(&document.mac)?), setup: document.setup })
    }

    /// A new document, for the first start of a local stack or the operator of a real one.
    pub fn generate(entropy: &Entropy) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let key = SeedDocument { kid: encode(&entropy.bytes::<9>()), seed: encode(&entropy.bytes::<32>()) };
        let seal = SealDocument { kid: encode(&entropy.bytes::<9>()), key: encode(&entropy.bytes::<32>()) };
        let setup = Some(encode(&entropy.bytes::<24>()));
        let document = Document { signing: vec![key], mac: encode(&entropy.bytes::<32>()), sealing: vec![seal], setup };
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// The setup token in a document, for whoever makes the first operator.
    pub fn setup_token(text: &str) -> Option<String> {
        serde_json::from_str::<Document>(text).ok()?.setup
    }

    /// An empty or short one is nobody's.
    pub(crate) fn is_setup_token(&self, token: &str) -> bool {
        let expected = self.setup.as_deref().filter(|setup| setup.len() >= 16);
        expected.is_some_and(|setup| equal_in_constant_time(sha256(setup.as_bytes()).as_bytes(), sha256(token.as_bytes()).as_bytes()))
    }

    /// An unforgeable mark over the parts; `purpose` keeps the marks of one use from serving another.
    pub(crate) fn mark(&self, purpose: &str, parts: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(purpose, parts).as_ref())
    }

    pub(crate) fn is_mark(&self, purpose: &str, parts: &[&str], mark: &str) -> bool {
        let expected = self.tag(purpose, parts);
        URL_SAFE_NO_PAD.decode(mark).is_ok_and(|mark| equal_in_constant_time(expected.as_ref(), &mark))
    }

    pub(crate) fn tag(&self, purpose: &str, parts: &[&str]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.mac);
        context.update(&joined(purpose, parts));
        context.sign()
    }

    /// Seals what only we may read again. What it is for and whose it is are sealed with it, so that it opens in no other place.
    pub(crate) fn seal(&self, purpose: &str, of: &str, content: &[u8], entropy: &Entropy) -> Result<String> {
        let (kid, key) = self.sealing.first().ok_or_else(|| Error::internal("there is no sealing key"))?;
        let nonce = entropy.bytes::<NONCE_LEN>();
        let mut sealed = content.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(joined(purpose, &[of])), &mut sealed)
            .map_err(|_| Error::internal("nothing could be sealed"))?;
        Ok(format!("{kid}.{}", URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())))
    }

    pub(crate) fn open(&self, purpose: &str, of: &str, sealed: &str) -> Result<Vec<u8>> {
        let broken = || Error::internal("what was sealed cannot be opened");
        let (kid, content) = sealed.split_once('.').ok_or_else(broken)?;
        let (_, key) = self.sealing.iter().find(|(known, _)| known == kid).ok_or_else(broken)?;
        let mut content = URL_SAFE_NO_PAD.decode(content).map_err(|_| broken())?;
        let (nonce, content) = content.split_first_chunk_mut::<NONCE_LEN>().ok_or_else(broken)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        key.open_in_place(nonce, Aad::from(joined(purpose, &[of])), content).map(|open| open.to_vec()).map_err(|_| broken())
    }
}

/// Parts as one. With its length before it, none can pass for the end of another.
fn joined(purpose: &str, parts: &[&str]) -> Vec<u8> {
    let with_length = |part: &&str| [&(part.len() as u64).to_be_bytes(), part.as_bytes()].concat();
    [purpose].iter().chain(parts).flat_map(with_length).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_and_in_no_other() {
        let entropy = Entropy::system();
        let (old, new) = (Secrets::parse(&Secrets::generate(&entropy)).unwrap(), Secrets::parse(&Secrets::generate(&entropy)).unwrap());
        let sealed = old.seal("purpose", "mia", b"content", &entropy).unwrap();
        assert_eq!(old.open("purpose", "mia", &sealed).unwrap(), b"content");
        assert!(old.open("purpose", "ben", &sealed).is_err(), "it is another's");
        assert!(old.open("other", "mia", &sealed).is_err(), "it is for something else");
        assert!(new.open("purpose", "mia", &sealed).is_err(), "the key is another");
        assert!(old.open("purpose", "mia", &sealed[..sealed.len() - 2]).is_err(), "it is cut short");
        // A new key seals, and the one before still opens
        let rotated = Secrets { sealing: new.sealing.into_iter().chain(old.sealing).collect(), ..old };
        assert_eq!(rotated.open("purpose", "mia", &sealed).unwrap(), b"content");
    }
}
