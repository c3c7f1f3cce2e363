//! Access tokens: EdDSA-signed JWTs, verified with the clock that was passed in. Those of members are good for fifteen
//! minutes, those of operators for as long as their session; neither passes for the other.

use crate::{
    door::Pass,
    secrets::{Secrets, SigningKey},
};
use domain::{Error, Result, Timestamp, id::*, limits, platform::OperatorSession};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::ErrorKind,
};
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use signature::{Signer, Verifier};

const ISSUER: &str = "office-copilot";

/// What a token says, and what tells its kind from the other.
trait Claimed: Serialize + DeserializeOwned {
    const AUDIENCE: &'static str;
    const TYPE: &'static str;
    /// From when it is good, and until when.
    fn times(&self) -> (i64, i64);
}

/// A member's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    iss: String,
    aud: String,
    pub sub: UserId,
    pub sid: SessionId,
    pub org: OrganizationId,
    iat: i64,
    exp: i64,
}

impl Claims {
    pub(crate) fn pass(&self) -> Pass {
        Pass::of_session(&self.sub, &self.org, &self.sid)
    }
}

impl Claimed for Claims {
    const AUDIENCE: &'static str = "office-copilot-api";
    const TYPE: &'static str = "at+jwt";
    fn times(&self) -> (i64, i64) {
        (self.iat, self.exp)
    }
}

/// An operator's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperatorClaims {
    iss: String,
    aud: String,
    pub(crate) sub: OperatorId,
    pub(crate) sid: SessionId,
    iat: i64,
    exp: i64,
}

impl Claimed for OperatorClaims {
    const AUDIENCE: &'static str = "office-copilot-platform";
    const TYPE: &'static str = "platform-at+jwt";
    fn times(&self) -> (i64, i64) {
        (self.iat, self.exp)
    }
}

/// Signs with ring, which the TLS stack brings anyway; the crates behind jsonwebtoken's own features are larger than everything else here.
struct Ring<T>(T);

impl Signer<Vec<u8>> for Ring<Ed25519KeyPair> {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Ring<Ed25519KeyPair> {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

impl Verifier<Vec<u8>> for Ring<UnparsedPublicKey<Vec<u8>>> {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.0.verify(message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Ring<UnparsedPublicKey<Vec<u8>>> {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match algorithm {
        Algorithm::EdDSA => {
            let pair = Ed25519KeyPair::from_seed_unchecked(key.as_bytes()).map_err(|_| ErrorKind::InvalidEddsaKey)?;
            Ok(Box::new(Ring(pair)))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    verifier_factory: |algorithm, key| match algorithm {
        Algorithm::EdDSA => Ok(Box::new(Ring(UnparsedPublicKey::new(&ED25519, key.try_get_as_bytes()?.to_vec())))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    key_utils: KeyUtils::new_unimplemented(),
};

fn install() {
    // Refused when it stands already, which is as good
    let _ = PROVIDER.install_default();
}

pub(crate) fn issue(
    secrets: &Secrets,
    user: &UserId,
    session: &SessionId,
    organization: &OrganizationId,
    now: Timestamp,
) -> Result<String> {
    sign(
        secrets,
        &Claims {
            iss: ISSUER.to_owned(),
            aud: Claims::AUDIENCE.to_owned(),
            sub: user.clone(),
            sid: session.clone(),
            org: organization.clone(),
            iat: now.as_second(),
            exp: (now + limits::ACCESS_TOKEN).as_second(),
        },
    )
}

pub(crate) fn issue_to_operator(secrets: &Secrets, session: &OperatorSession) -> Result<String> {
    sign(
        secrets,
        &OperatorClaims {
            iss: ISSUER.to_owned(),
            aud: OperatorClaims::AUDIENCE.to_owned(),
            sub: session.operator.clone(),
            sid: session.id.clone(),
            iat: session.created_at.as_second(),
            exp: session.ends_at.as_second(),
        },
    )
}

fn sign<C: Claimed>(secrets: &Secrets, claims: &C) -> Result<String> {
    install();
    let key = secrets.signing.first().ok_or_else(|| Error::internal("there is no signing key"))?;
    let header = Header { alg: Algorithm::EdDSA, typ: Some(C::TYPE.to_owned()), kid: Some(key.kid.clone()), ..Header::default() };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(&key.seed)).map_err(Error::internal)
}

/// Anything but a token of ours that is still good is `Unauthenticated`, whatever is wrong with it.
pub(crate) fn verify(secrets: &Secrets, token: &str, now: Timestamp) -> Result<Claims> {
    read(secrets, token, now)
}

pub(crate) fn verify_operator(secrets: &Secrets, token: &str, now: Timestamp) -> Result<OperatorClaims> {
    read(secrets, token, now)
}

fn read<C: Claimed>(secrets: &Secrets, token: &str, now: Timestamp) -> Result<C> {
    install();
    let header = jsonwebtoken::decode_header(token).map_err(|_| Error::Unauthenticated)?;
    let key = secrets.signing.iter().find(|key| Some(&key.kid) == header.kid.as_ref()).ok_or(Error::Unauthenticated)?;
    if header.typ.as_deref() != Some(C::TYPE) {
        return Err(Error::Unauthenticated);
    }
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[C::AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    // The library would ask the system's clock
    validation.validate_exp = false;
    let claims =
        jsonwebtoken::decode::<C>(token, &DecodingKey::from_ed_der(&key.public), &validation).map_err(|_| Error::Unauthenticated)?.claims;
    let (second, (from, until)) = (now.as_second(), claims.times());
    if until <= second || from > second + 60 {
        return Err(Error::Unauthenticated);
    }
    Ok(claims)
}

/// The public keys, as other services fetch them (RFC 7517, RFC 8037).
pub fn jwks(secrets: &Secrets) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let key = |key: &SigningKey| json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.kid, "x": URL_SAFE_NO_PAD.encode(&key.public) });
    json!({ "keys": secrets.signing.iter().map(key).collect::<Vec<_>>() })
}
