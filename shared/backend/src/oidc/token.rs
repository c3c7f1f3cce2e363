//! ID tokens: signed by a key of the provider, of this provider, for us, of this sign-in, and still good.

use super::Flaw;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Timestamp, limits, provider::Identity};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// What a token has to say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    pub(super) nonce: &'a str,
}

/// A key as its owner publishes it (RFC 7517).
#[derive(Deserialize)]
pub(super) struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// What must be understood, of which nothing is.
    crit: Option<Value>,
}

/// By what a token may be signed: always with the private half of a pair, and never with what both of us know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn parse<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&decode(part)?).ok()
}

impl Jwk {
    /// The one algorithm a key is for: it follows from the key and not from what a token claims.
    fn algorithm(&self) -> Option<Algorithm> {
        let found = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Algorithm::Rs256,
            ("EC", Some("P-256")) => Algorithm::Es256,
            ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
            _ => return None,
        };
        let signs = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        let meant = self.alg.as_deref().is_none_or(|name| Algorithm::named(name) == Some(found));
        Some(found).filter(|_| signs && meant)
    }

    pub(super) fn is_taken(&self) -> bool {
        self.algorithm().is_some()
    }

    fn fits(&self, header: &Header, algorithm: Algorithm) -> bool {
        let named = header.kid.is_none() || self.kid == header.kid;
        named && self.algorithm() == Some(algorithm)
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> Option<bool> {
        let field = |field: &Option<String>| decode(field.as_deref()?);
        let is_point = |bytes: &Vec<u8>| bytes.len() == 32;
        Some(match self.algorithm()? {
            Algorithm::Rs256 => {
                let key = RsaPublicKeyComponents { n: field(&self.n)?, e: field(&self.e)? };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Algorithm::Es256 => {
                let (x, y) = (field(&self.x).filter(is_point)?, field(&self.y).filter(is_point)?);
                let point = [&[4][..], &x, &y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            Algorithm::EdDsa => UnparsedPublicKey::new(&ED25519, field(&self.x).filter(is_point)?).verify(message, signature).is_ok(),
        })
    }
}

/// Whether it is for us: for us alone, or for several of which the one who asked for it is named and is us.
fn is_for(client: &str, claims: &Value) -> bool {
    let named = |value: &Value| value.as_str() == Some(client);
    let authorized = &claims["azp"];
    let (among, alone) = match &claims["aud"] {
        Value::Array(all) => (all.iter().any(named), all.len() == 1),
        one => (named(one), true),
    };
    among && (named(authorized) || (authorized.is_null() && alone))
}

/// Whether it is good now, give or take what clocks differ.
fn is_in_time(claims: &Value, now: Timestamp) -> bool {
    let (now, skew) = (now.as_second() as f64, limits::PROVIDER_SKEW.as_secs() as f64);
    let (ends, made) = (claims["exp"].as_f64(), claims["iat"].as_f64());
    let begun = claims["nbf"].as_f64().is_none_or(|begins| begins <= now + skew);
    ends.is_some_and(|ends| now < ends + skew) && made.is_some_and(|made| made <= now + skew) && begun
}

/// Some providers write a boolean as text.
fn is_true(value: &Value) -> Option<bool> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text == "true"),
        other => Some(other == &Value::Bool(true)),
    }
}

pub(super) fn read(token: &str, keys: &[Jwk], expected: &Expected<'_>, now: Timestamp) -> Result<Identity, Flaw> {
    let (message, signature) = token.rsplit_once('.').ok_or(Flaw::NoToken)?;
    let (header, claims) = message.split_once('.').filter(|(_, claims)| !claims.contains('.')).ok_or(Flaw::NoToken)?;
    let header: Header = parse(header).ok_or(Flaw::NoToken)?;
    let algorithm = Algorithm::named(&header.alg).filter(|_| header.crit.is_none()).ok_or(Flaw::OtherAlgorithm)?;
    let signature = decode(signature).ok_or(Flaw::NoToken)?;
    let mut fitting = keys.iter().filter(|key| key.fits(&header, algorithm)).peekable();
    fitting.peek().ok_or(Flaw::UnknownKey)?;
    if !fitting.any(|key| key.has_signed(message.as_bytes(), &signature) == Some(true)) {
        // A new key may go by an old name, or by none
        return Err(if header.kid.is_some() { Flaw::Forged } else { Flaw::UnknownKey });
    }
    let claims: Value = parse(claims).filter(Value::is_object).ok_or(Flaw::NoToken)?;
    let text = |name: &str| claims[name].as_str();
    if text("iss") != Some(expected.issuer) {
        return Err(Flaw::Issuer);
    }
    if !is_for(expected.client, &claims) {
        return Err(Flaw::Audience);
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(Flaw::Nonce);
    }
    if !is_in_time(&claims, now) {
        return Err(Flaw::Time);
    }
    let subject = text("sub").filter(|subject| !subject.is_empty() && subject.chars().count() <= limits::SUBJECT);
    Ok(Identity {
        subject: subject.ok_or(Flaw::NoToken)?.to_owned(),
        email: text("email").and_then(|email| email.parse().ok()),
        email_verified: is_true(&claims["email_verified"]),
        name: text("name").map(|name| name.chars().take(200).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
    };
    use serde_json::json;

    const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);
    const EXPECTED: Expected<'static> = Expected { issuer: "https://login.acme.example", client: "office", nonce: "NONCE" };

    fn encode(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn claims() -> Value {
        let now = NOW.as_second();
        json!({ "iss": "https://login.acme.example", "aud": "office", "nonce": "NONCE", "iat": now, "exp": now + 300, "sub": "1" })
    }

    struct Signer(EcdsaKeyPair);

    impl Signer {
        fn new() -> Self {
            let random = SystemRandom::new();
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap())
        }

        fn jwk(&self) -> Value {
            let point = self.0.public_key().as_ref();
            json!({ "kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
            let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
            format!("{message}.{}", encode(signature))
        }
    }

    fn keys(list: &[Value]) -> Vec<Jwk> {
        list.iter().map(|key| serde_json::from_value(key.clone()).unwrap()).collect()
    }

    #[test]
    fn a_token_is_taken_only_when_all_it_says_is_right() {
        let signer = Signer::new();
        let keys = keys(&[signer.jwk()]);
        let header = json!({ "alg": "ES256", "kid": "1" });
        let taken = |claims: &Value| read(&signer.sign(&header, claims), &keys, &EXPECTED, NOW);
        assert_eq!(taken(&claims()).unwrap().subject, "1");
        let now = NOW.as_second();
        for (name, value, fine) in [
            ("iss", json!("https://login.evil.example"), false),
            ("iss", json!("https://login.acme.example/"), false),
            ("aud", json!("other"), false),
            ("aud", json!(["office"]), true),
            ("aud", json!(["office", "other"]), false),
            ("azp", json!("office"), true),
            ("azp", json!("other"), false),
            ("nonce", json!("other"), false),
            ("nonce", json!(null), false),
            ("exp", json!(now - 61), false),
            ("exp", json!(now - 59), true),
            ("exp", json!("never"), false),
            ("iat", json!(now + 61), false),
            ("iat", json!(null), false),
            ("nbf", json!(now + 61), false),
            ("sub", json!(""), false),
            ("sub", json!(1), false),
            ("sub", json!("x".repeat(256)), false),
        ] {
            let mut claims = claims();
            claims[name] = value.clone();
            assert_eq!(taken(&claims).is_ok(), fine, "{name} {value}");
        }
        let several = json!({ "aud": ["office", "other"], "azp": "office" });
        let mut claims = claims();
        several.as_object().unwrap().iter().for_each(|(name, value)| claims[name] = value.clone());
        assert!(taken(&claims).is_ok());
    }

    #[test]
    fn a_token_is_signed_by_one_of_the_keys_and_by_the_algorithm_of_that_key() {
        let (signer, other) = (Signer::new(), Signer::new());
        let keys = keys(&[json!({ "kty": "oct", "k": "x" }), signer.jwk()]);
        let read = |token: &str| read(token, &keys, &EXPECTED, NOW);
        let good = json!({ "alg": "ES256", "kid": "1" });
        assert!(matches!(read(&other.sign(&good, &claims())), Err(Flaw::Forged)));
        for header in
            [json!({ "alg": "none" }), json!({ "alg": "HS256", "kid": "1" }), json!({ "alg": "ES256", "kid": "1", "crit": ["x"] })]
        {
            assert!(matches!(read(&signer.sign(&header, &claims())), Err(Flaw::OtherAlgorithm)), "{header}");
        }
        for header in [json!({ "alg": "RS256", "kid": "1" }), json!({ "alg": "EdDSA", "kid": "1" }), json!({ "alg": "ES256", "kid": "2" })]
        {
            assert!(matches!(read(&signer.sign(&header, &claims())), Err(Flaw::UnknownKey)), "{header}");
        }
        let token = signer.sign(&good, &claims());
        let mut changed = claims();
        changed["sub"] = json!("2");
        let parts: Vec<_> = token.split('.').collect();
        let forged = format!("{}.{}.{}", parts[0], encode(changed.to_string()), parts[2]);
        assert!(matches!(read(&forged), Err(Flaw::Forged)));
        assert!(matches!(read(&format!("{}.{}.", parts[0], parts[1])), Err(Flaw::Forged)));
        for text in ["", "a", "a.b", "a.b.c", "a.b.c.d", &format!("{token}.{}", parts[2])] {
            assert!(matches!(read(text), Err(Flaw::NoToken)), "{text}");
        }
        assert!(read(&signer.sign(&json!({ "alg": "ES256" }), &claims())).is_ok(), "a provider with one key need not name it");
    }

    #[test]
    fn what_the_standards_give_as_signed_is_signed() {
        // RFC 8037, appendix A.4, and RFC 7515, appendix A.2
        let ed25519 = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        let rsa = json!({ "kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" });
        let rsa_message =
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let rsa_signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        for (key, message, signature) in [(ed25519, message, signature), (rsa, rsa_message, rsa_signature)] {
            let (key, signature) = (&keys(&[key])[0], decode(signature).unwrap());
            assert_eq!(key.has_signed(message.as_bytes(), &signature), Some(true));
            assert_eq!(key.has_signed(b"another", &signature), Some(false));
        }
    }

    #[test]
    fn what_is_said_of_an_address_is_read_as_it_is_written() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let keys = keys(&[json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key()) })]);
        for (said, verified) in [
            (json!(true), Some(true)),
            (json!("true"), Some(true)),
            (json!(false), Some(false)),
            (json!("false"), Some(false)),
            (json!(1), Some(false)),
            (json!(null), None),
        ] {
            let mut claims = claims();
            claims["email"] = json!("Mia@Example.com");
            claims["email_verified"] = said.clone();
            let message = format!("{}.{}", encode(r#"{"alg":"EdDSA"}"#), encode(claims.to_string()));
            let token = format!("{message}.{}", encode(pair.sign(message.as_bytes())));
            let identity = read(&token, &keys, &EXPECTED, NOW).unwrap();
            assert_eq!((identity.email_verified, identity.email.unwrap().as_str()), (verified, "mia@example.com"), "{said}");
        }
    }
}
