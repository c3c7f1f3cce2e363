use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// A device that holds one passkey, as a browser and its authenticator would; what it says can be changed.
#[derive(Clone)]
pub struct Device {
    pub key: Arc<EcdsaKeyPair>,
    pub credential: String,
    pub user: String,
    pub origin: String,
    pub site: String,
    /// Present and verified.
    pub flags: u8,
    /// Counted up at each use; one that stays nothing does not count.
    pub counter: u32,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

impl Device {
    /// A new passkey for what the options say.
    pub fn new(options: &Value, origin: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).expect("a key");
        Self {
            credential: encode(digest(&SHA256, key.public_key().as_ref())),
            key: Arc::new(key),
            user: text(&options["user"]["id"]),
            origin: origin.to_owned(),
            site: text(&options["rp"]["id"]),
            flags: 5,
            counter: 1,
        }
    }

    fn client_data(&self, kind: &str, challenge: &str) -> String {
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false }).to_string()
    }

    fn device_data(&self, flags: u8) -> Vec<u8> {
        [digest(&SHA256, self.site.as_bytes()).as_ref(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// What `navigator.credentials.create` gives.
    pub fn made(&self, options: &Value) -> Value {
        let credential = URL_SAFE_NO_PAD.decode(&self.credential).expect("base64");
        let point = self.key.public_key().as_ref();
        // A map of five: kind, algorithm, curve, and the two coordinates
        let key = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], &point[1..33], &[0x22, 0x58, 32], &point[33..]].concat();
        let made = [self.device_data(self.flags | 64), vec![0; 16], vec![0, credential.len() as u8], credential, key].concat();
        let client_data = self.client_data("webauthn.create", &text(&options["challenge"]));
        json!({
            "id": self.credential, "rawId": self.credential, "type": "public-key", "clientExtensionResults": {},
            "response": { "clientDataJSON": encode(client_data), "authenticatorData": encode(made), "transports": ["internal"] }
        })
    }

    /// What `navigator.credentials.get` gives for a challenge.
    pub fn answers(&mut self, challenge: &str) -> Value {
        self.counter += u32::from(self.counter > 0);
        let (device_data, client_data) = (self.device_data(self.flags), self.client_data("webauthn.get", challenge));
        let message = [device_data.as_slice(), digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &message).expect("a signature");
        json!({
            "id": self.credential, "rawId": self.credential, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(client_data), "authenticatorData": encode(device_data), "signature": encode(signature),
                "userHandle": self.user
            }
        })
    }
}
