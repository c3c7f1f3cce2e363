//! What browsers and devices say when a passkey is made or used (Web Authentication, level 3), checked with ring.

use crate::{
    Backend,
    door::Can,
    keys::{self, Me},
    secrets::equal_in_constant_time,
    visitor::Visitor,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ciborium::Value as Cbor;
use domain::{
    Error, Result, Timestamp,
    id::{PasskeyId, SessionId, UserId},
    limits,
    passkey::{Made, Passkey, VerifyingKey},
    policy::UseAccount,
};
use ring::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A new passkey, as `PublicKeyCredential.toJSON()` gives it; more fields than these are not looked at.
#[derive(Deserialize, ToSchema)]
pub struct Registration {
    response: RegistrationResponse,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
}

/// A passkey that was used, as `PublicKeyCredential.toJSON()` gives it; more fields than these are not looked at.
#[derive(Deserialize, ToSchema)]
pub struct Assertion {
    id: String,
    response: AssertionResponse,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What the browser says of the page on which it was asked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

impl ClientData {
    fn parse(text: &str) -> Option<(Self, Vec<u8>)> {
        let bytes = decode(text)?;
        Some((serde_json::from_slice(&bytes).ok()?, bytes))
    }

    /// The challenge as we gave it.
    fn challenge(&self) -> Option<String> {
        String::from_utf8(decode(&self.challenge)?).ok()
    }
}

/// Whom passkeys are for: a device gives none to another site, and a browser names the page it is on.
struct Site {
    id: String,
    origin: String,
}

impl Backend {
    /// Where we are to be found. A key is bound to that for good, so that there are none where no name was chosen.
    fn site(&self) -> Result<Site> {
        let none = || Error::Conflict("passkeys need an address of this system's own".to_owned());
        let url: http::Uri = self.setting("PUBLIC_URL").parse().map_err(|_| none())?;
        let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else { return Err(none()) };
        Ok(Site { id: authority.host().to_owned(), origin: format!("{scheme}://{authority}") })
    }
}

const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const HAS_KEY: u8 = 1 << 6;

/// What the device says: for which site, whether somebody was there and proved to be its owner, and how often it was used.
struct DeviceData<'a> {
    site: &'a [u8],
    flags: u8,
    counter: u32,
    rest: &'a [u8],
}

impl<'a> DeviceData<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (site, rest) = bytes.split_at_checked(32)?;
        let (flags, rest) = rest.split_first()?;
        let (counter, rest) = rest.split_first_chunk()?;
        Some(Self { site, flags: *flags, counter: u32::from_be_bytes(*counter), rest })
    }

    /// The key that was made, and its name.
    fn made(&self) -> Option<Made> {
        // The model of the device, of which we ask nothing, and the length of the name
        let (_, rest) = self.rest.split_at_checked(16)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (credential, key) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let fine = self.flags & HAS_KEY != 0 && (1..=1023).contains(&credential.len());
        fine.then(|| Some(Made { credential: encode(credential), key: key_of(key)?, counter: self.counter }))?
    }
}

/// A key as COSE (RFC 9052) writes it, of a kind we offered.
fn key_of(bytes: &[u8]) -> Option<VerifyingKey> {
    let map = ciborium::from_reader::<Cbor, _>(bytes).ok()?.into_map().ok()?;
    let field = |name: i64| map.iter().find(|(key, _)| key.as_integer() == Some(name.into())).map(|(_, value)| value);
    let number = |name| field(name).and_then(Cbor::as_integer).and_then(|number| i64::try_from(number).ok());
    let bytes = |name| field(name).and_then(Cbor::as_bytes);
    let point = |name| bytes(name).filter(|bytes| bytes.len() == 32);
    match (number(1)?, number(3)?) {
        (2, ES256) if number(-1)? == 1 => {
            Some(VerifyingKey::Es256 { point: encode([&[4][..], point(-2)?.as_slice(), point(-3)?.as_slice()].concat()) })
        }
        (1, EDDSA) if number(-1)? == 6 => Some(VerifyingKey::Ed25519 { point: encode(point(-2)?) }),
        (3, RS256) => Some(VerifyingKey::Rs256 { modulus: encode(bytes(-1)?), exponent: encode(bytes(-2)?) }),
        _ => None,
    }
}

const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

fn is_signed(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> Option<bool> {
    Some(match key {
        VerifyingKey::Es256 { point } => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, decode(point)?).verify(message, signature).is_ok(),
        VerifyingKey::Ed25519 { point } => UnparsedPublicKey::new(&ED25519, decode(point)?).verify(message, signature).is_ok(),
        VerifyingKey::Rs256 { modulus, exponent } => {
            let key = RsaPublicKeyComponents { n: decode(modulus)?, e: decode(exponent)? };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
        }
    })
}

impl Site {
    /// Whether browser and device were asked by us, for this, and by the device's owner.
    fn is_ours(&self, kind: &str, client: &ClientData, device: &DeviceData<'_>) -> bool {
        let asked = client.kind == kind && client.origin == self.origin && !client.cross_origin;
        let id = digest(&SHA256, self.id.as_bytes());
        asked && equal_in_constant_time(device.site, id.as_ref()) && device.flags & (PRESENT | VERIFIED) == PRESENT | VERIFIED
    }

    fn made(&self, registration: &Registration) -> Option<(String, Made)> {
        let (client, _) = ClientData::parse(&registration.response.client_data)?;
        let bytes = decode(&registration.response.authenticator_data)?;
        let device = DeviceData::parse(&bytes)?;
        if !self.is_ours("webauthn.create", &client, &device) {
            return None;
        }
        Some((client.challenge()?, device.made()?))
    }

    /// The device's counter, if this passkey signed it.
    fn signed(&self, passkey: &Passkey, assertion: &Assertion) -> Option<u32> {
        let (client, text) = ClientData::parse(&assertion.response.client_data)?;
        let bytes = decode(&assertion.response.authenticator_data)?;
        let device = DeviceData::parse(&bytes)?;
        let message = [bytes.as_slice(), digest(&SHA256, &text).as_ref()].concat();
        let signed = is_signed(&passkey.key, &message, &decode(&assertion.response.signature)?)?;
        (signed && self.is_ours("webauthn.get", &client, &device)).then_some(device.counter)
    }
}

impl Assertion {
    /// The challenge it answers.
    pub fn challenge(&self) -> Option<String> {
        ClientData::parse(&self.response.client_data)?.0.challenge()
    }

    /// Whose the device says it is, which is to be proved.
    pub fn user(&self) -> Option<UserId> {
        String::from_utf8(decode(self.response.user_handle.as_ref()?)?).ok()?.parse().ok()
    }
}

const MAKING: &str = "passkey";
const USING: &str = "passkey-login";

impl Can<UseAccount> {
    pub async fn passkeys(&self) -> Result<Vec<Passkey>> {
        self.all(keys::passkeys(&self.me()), limits::PASSKEYS).await
    }

    /// What a browser needs to have a passkey made. The challenge names the passkey that will be made, so that it makes one.
    pub async fn passkey_options(&self, others: &[Passkey]) -> Result<Value> {
        let backend = Backend(self.room.inner.clone());
        let site = backend.site()?;
        let id = PasskeyId::new(self.now(), self.random());
        let ends = (self.now() + limits::CHALLENGE).as_second().to_string();
        let challenge = backend.link(MAKING, &[self.user().as_str(), self.session()?.id.as_str(), id.as_str(), &ends]).await?;
        let kinds = [ES256, EDDSA, RS256].map(|alg| json!({ "type": "public-key", "alg": alg }));
        let key = |id: &str| json!({ "type": "public-key", "id": id });
        Ok(json!({
            "challenge": encode(challenge),
            "rp": { "id": site.id, "name": "Office Copilot" },
            "user": { "id": encode(self.user().as_str()), "name": self.membership().email, "displayName": self.name() },
            "pubKeyCredParams": kinds,
            "excludeCredentials": others.iter().map(|other| key(&other.credential)).collect::<Vec<_>>(),
            "authenticatorSelection": { "residentKey": "required", "requireResidentKey": true, "userVerification": "required" },
            "attestation": "none",
            "timeout": limits::CHALLENGE.as_millis() as u64,
        }))
    }

    /// What was made for options of this session, and under which id; `None` when it was not, or too long ago.
    pub async fn read_passkey(&self, registration: &Registration) -> Result<Option<(PasskeyId, Made)>> {
        let backend = Backend(self.room.inner.clone());
        let Some((challenge, made)) = backend.site()?.made(registration) else { return Ok(None) };
        let Some([user, session, id, second]) = backend.read_link(MAKING, &challenge).await? else { return Ok(None) };
        let mine = user == self.user().as_str() && session == self.session()?.id.as_str() && is_ahead(&second, self.now());
        Ok(id.parse().ok().filter(|_| mine).map(|id| (id, made)))
    }
}

fn is_ahead(second: &str, now: Timestamp) -> bool {
    second.parse().is_ok_and(|second: i64| now.as_second() < second)
}

impl Visitor {
    pub async fn passkeys(&self, me: &Me) -> Result<Vec<Passkey>> {
        self.own(keys::passkeys(me), limits::PASSKEYS).await
    }

    /// What a browser needs to have a passkey used, whosever it is. The challenge names the session that will be opened.
    pub async fn passkey_options(&self) -> Result<Value> {
        let site = self.backend.site()?;
        let session = SessionId::new(self.now(), self.random());
        let ends = (self.now() + limits::CHALLENGE).as_second().to_string();
        let challenge = self.backend.link(USING, &[session.as_str(), &ends]).await?;
        let timeout = limits::CHALLENGE.as_millis() as u64;
        Ok(json!({ "challenge": encode(challenge), "rpId": site.id, "userVerification": "required", "timeout": timeout }))
    }

    /// The session that a challenge opens, if it is one of ours and not too old.
    pub async fn read_passkey_challenge(&self, challenge: &str) -> Result<Option<SessionId>> {
        let Some([session, second]) = self.backend.read_link(USING, challenge).await? else { return Ok(None) };
        Ok(session.parse().ok().filter(|_| is_ahead(&second, self.now())))
    }

    /// Which of these passkeys answered, and how often its device says that it was used.
    pub fn recognise(&self, passkeys: Vec<Passkey>, assertion: &Assertion) -> Result<Option<(Passkey, u32)>> {
        let site = self.backend.site()?;
        let Some(passkey) = passkeys.into_iter().find(|passkey| passkey.credential == assertion.id) else { return Ok(None) };
        Ok(site.signed(&passkey, assertion).map(|counter| (passkey, counter)))
    }
}
