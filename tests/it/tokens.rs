//! Tokens: what proves who somebody is, for how long, and what is no proof.

use crate::sessions::refresh;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use local::Options;
use ring::{
    hmac,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tests::{Answer, Organization, Person, World};

const PASSWORD: &str = "correct horse battery";
pub(crate) const SEED: [u8; 32] = [7; 32];
const KID: &str = "key-of-the-tests";

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A system whose signing key the test knows, so that it can make tokens that are wrong in one thing only.
pub(crate) async fn known_key() -> World {
    let secrets = keys(&[KID]).to_string();
    World::with(Options { secrets: Box::new(|| secrets), ..Options::product(None, 0) }).await
}

/// The document in which the keys of these names stand; the first one signs.
fn keys(names: &[&str]) -> Value {
    let seed = |name: &str| if name == KID { SEED } else { [8; 32] };
    let signing: Vec<Value> = names.iter().map(|name| json!({ "kid": name, "seed": base64(seed(name)) })).collect();
    json!({ "signing": signing, "mac": base64([9; 32]), "sealing": [{ "kid": KID, "key": base64([6; 32]) }], "setup": base64([5; 24]) })
}

pub(crate) fn signed(header: &Value, claims: &Value, seed: [u8; 32]) -> String {
    let message = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
    let signature = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a key").sign(message.as_bytes());
    format!("{message}.{}", base64(signature))
}

pub(crate) fn part(token: &str, place: usize) -> Value {
    let part = token.split('.').nth(place).expect("a part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}

/// `value` with one field set, or taken out if it is set to nothing.
pub(crate) fn with(value: &Value, name: &str, field: impl Into<Option<Value>>) -> Value {
    let mut value = value.clone();
    match field.into() {
        Some(field) => value[name] = field,
        None => drop(value.as_object_mut().expect("an object").remove(name)),
    }
    value
}

pub(crate) async fn shown(world: &World, authorization: &str) -> Answer {
    world.ask(world.request(reqwest::Method::GET, "/api/v1/auth/verify").header("authorization", authorization)).await
}

/// Each of these is answered with the same 401.
async fn refused(world: &World, tokens: impl IntoIterator<Item = (String, String)>) -> usize {
    let mut count = 0;
    for (what, token) in tokens {
        let answer = shown(world, &format!("Bearer {token}")).await;
        assert_eq!(answer.status, 401, "{what} was answered with {}", answer.text);
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{what}");
        let mut problem = answer.refused(401, "unauthenticated");
        problem["request"].take();
        let same = json!({ "type": "/problems/unauthenticated", "title": "Sign in first", "status": 401, "detail": "a valid token is needed", "request": null });
        assert_eq!(problem, same, "{what}");
        count += 1;
    }
    count
}

#[tokio::test]
async fn a_token_that_was_changed_anywhere_is_refused() {
    let world = known_key().await;
    let acme = world.organization("Acme").await;
    let good = acme.owner.access.clone();
    let (header, claims) = (part(&good, 0), part(&good, 1));
    let parts: Vec<_> = good.split('.').map(str::to_owned).collect();
    let mut wrong: Vec<(String, String)> = Vec::new();

    // Every character changed, each to its neighbour in the alphabet
    for place in (0..good.len()).filter(|place| good.as_bytes()[*place] != b'.') {
        let mut bytes = good.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        wrong.push((format!("character {place} changed"), String::from_utf8(bytes).expect("text")));
    }
    // The bits of the last character that stand for nothing
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars().filter(|last| !good.ends_with(*last)) {
        wrong.push((format!("ends with {last}"), format!("{}{last}", &good[..good.len() - 1])));
    }
    for length in (0..good.len()).step_by(7) {
        wrong.push((format!("cut to {length}"), good[..length].to_owned()));
    }
    let [h, c, s] = [&parts[0], &parts[1], &parts[2]];
    for (what, token) in [
        ("parts in another order", format!("{c}.{h}.{s}")),
        ("no signature", format!("{h}.{c}.")),
        ("no signature and no dot", format!("{h}.{c}")),
        ("a fourth part", format!("{good}.{s}")),
        ("padding", format!("{good}=")),
        ("a dot more", format!(".{good}")),
        ("twice", format!("{good} {good}")),
        ("nothing", String::new()),
        ("not base64", "%.%.%".to_owned()),
        ("only dots", "..".to_owned()),
        ("a refresh token", acme.owner.refresh.clone()),
        ("100 KB of header", format!("{}.{c}.{s}", "A".repeat(100_000))),
        ("100 KB of claims", format!("{h}.{}.{s}", "A".repeat(100_000))),
        ("deep JSON", format!("{}.{c}.{s}", base64("[".repeat(20_000)))),
    ] {
        wrong.push((what.to_owned(), token));
    }
    // Signed with something else than the key
    let public = Ed25519KeyPair::from_seed_unchecked(&SEED).expect("a key").public_key().as_ref().to_vec();
    for algorithm in ["HS256", "HS384", "HS512"] {
        for secret in [public.clone(), base64(&public).into_bytes(), SEED.to_vec(), Vec::new(), b"secret".to_vec()] {
            let message = format!("{}.{c}", base64(with(&header, "alg", json!(algorithm)).to_string()));
            let mark = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
            wrong.push((format!("{algorithm} with {} bytes", secret.len()), format!("{message}.{}", base64(mark))));
        }
    }
    for algorithm in ["none", "None", "NONE", "nOnE", "", "RS256", "ES256", "PS256", "EdDSA ", "eddsa", "Ed25519"] {
        let changed = with(&header, "alg", json!(algorithm));
        wrong.push((format!("{algorithm} without a signature"), format!("{}.{c}.", base64(changed.to_string()))));
        wrong.push((format!("{algorithm} with the signature"), format!("{}.{c}.{s}", base64(changed.to_string()))));
        wrong.push((format!("{algorithm} signed anew"), signed(&changed, &claims, SEED)));
    }
    let foreign = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).expect("a key").public_key().as_ref().to_vec();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": base64(foreign) });
    wrong.push(("another key".to_owned(), signed(&header, &claims, [8; 32])));
    wrong.push(("another key, brought along".to_owned(), signed(&with(&header, "jwk", jwk), &claims, [8; 32])));
    wrong.push((
        "another key, to be fetched".to_owned(),
        signed(&with(&header, "jku", json!("https://evil.example/jwks.json")), &claims, [8; 32]),
    ));
    // The same signature in its other form: S + L
    let mut signature = URL_SAFE_NO_PAD.decode(s).expect("base64");
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0x10u8,
    ];
    let mut carry = 0u16;
    for (digit, more) in signature[32..].iter_mut().zip(order) {
        carry += u16::from(*digit) + u16::from(more);
        *digit = carry as u8;
        carry >>= 8;
    }
    wrong.push(("the other form of the signature".to_owned(), format!("{h}.{c}.{}", base64(signature))));

    let count = refused(&world, wrong).await;
    assert!(count > 400, "{count}");
    shown(&world, &format!("Bearer {good}")).await.expect(200);
}

#[tokio::test]
async fn a_token_signed_with_our_key_is_refused_unless_all_it_says_is_right() {
    let world = known_key().await;
    let acme = world.organization("Acme").await;
    let evil = world.organization("Evil").await;
    let (header, claims) = (part(&acme.owner.access, 0), part(&acme.owner.access, 1));
    let (now, theirs) = (world.now().await.as_second(), part(&evil.owner.access, 1));
    let mut wrong = Vec::new();
    for (name, values) in [
        ("typ", vec![None, Some(json!("JWT")), Some(json!("at+JWT ")), Some(json!("")), Some(json!(1))]),
        ("kid", vec![None, Some(json!("")), Some(json!("another")), Some(json!("../../dev/null")), Some(json!([KID])), Some(Value::Null)]),
    ] {
        for value in values {
            wrong.push((format!("header {name} {value:?}"), signed(&with(&header, name, value), &claims, SEED)));
        }
    }
    for (name, values) in [
        (
            "iss",
            vec![
                None,
                Some(json!("")),
                Some(json!("office-copilot ")),
                Some(json!("https://evil.example")),
                Some(json!(["office-copilot"])),
            ],
        ),
        ("aud", vec![None, Some(json!("")), Some(json!("office-copilot")), Some(json!([])), Some(json!(["office-copilot-api", "other"]))]),
        (
            "exp",
            vec![
                None,
                Some(json!(now)),
                Some(json!(now - 1)),
                Some(json!(0)),
                Some(json!(-1)),
                Some(json!("never")),
                Some(json!(1e300)),
                Some(Value::Null),
            ],
        ),
        ("iat", vec![None, Some(json!(now + 120)), Some(json!(i64::MAX)), Some(json!("now"))]),
        (
            "sub",
            vec![None, Some(theirs["sub"].clone()), Some(json!("")), Some(json!("usr_01k9zt3vw8fqj2m4x6c7b5n0ra")), Some(acme_id(&acme))],
        ),
        ("sid", vec![None, Some(theirs["sid"].clone()), Some(json!("ses_01k9zt3vw8fqj2m4x6c7b5n0ra")), Some(json!("ses_#"))]),
        ("org", vec![None, Some(theirs["org"].clone()), Some(json!("org_01k9zt3vw8fqj2m4x6c7b5n0ra")), Some(json!("org_1#ORG"))]),
        ("role", vec![Some(json!("owner"))]),
        ("nbf", vec![Some(json!(now + 600))]),
    ] {
        for value in values {
            wrong.push((format!("claim {name} {value:?}"), signed(&header, &with(&claims, name, value), SEED)));
        }
    }
    let twice = claims.to_string().replacen('{', &format!(r#"{{"org":{},"#, theirs["org"]), 1);
    let message = format!("{}.{}", base64(header.to_string()), base64(twice));
    let signature = Ed25519KeyPair::from_seed_unchecked(&SEED).expect("a key").sign(message.as_bytes());
    wrong.push(("a claim made twice".to_owned(), format!("{message}.{}", base64(signature))));
    refused(&world, wrong).await;

    // Nothing but those was wrong with them
    shown(&world, &format!("Bearer {}", signed(&header, &claims, SEED))).await.expect(200);
    shown(&world, &format!("bearer {}", signed(&header, &claims, SEED))).await.expect(200);
    for authorization in ["", "Bearer", "Bearer ", "Basic YTpi", &acme.owner.access, &format!("Token {}", acme.owner.access)] {
        shown(&world, authorization).await.refused(401, "unauthenticated");
    }
    let good = &acme.owner.access;
    for path in [format!("/api/v1/auth/verify?access_token={good}"), format!("/api/v1/auth/verify?token={good}")] {
        world.get(&path).await.refused(401, "unauthenticated");
    }
    let cookie = world
        .request(reqwest::Method::GET, "/api/v1/auth/verify")
        .header("cookie", format!("access_token={good}; Authorization=Bearer {good}"));
    world.ask(cookie).await.refused(401, "unauthenticated");
}

fn acme_id(acme: &Organization) -> Value {
    json!(acme.id)
}

#[tokio::test]
async fn keys_rotate_under_load_without_a_refused_request() {
    const FELT: Duration = Duration::from_secs(5 * 60);
    let world = known_key().await;
    let acme = world.organization("Acme").await;
    let over = AtomicBool::new(false);
    let load = async |mut person: Person| {
        let mut kids = BTreeSet::new();
        while !over.load(Ordering::Relaxed) {
            let pair = refresh(&world, &person.refresh).await.expect(200);
            person.refresh = pair["refresh_token"].as_str().expect("a token").to_owned();
            let access = pair["access_token"].as_str().expect("a token");
            kids.insert(part(access, 0)["kid"].as_str().expect("a name").to_owned());
            shown(&world, &format!("Bearer {access}")).await.expect(200);
        }
        kids
    };
    let (one, other) = (Person::login(&world, &acme.owner.email, PASSWORD).await, Person::login(&world, &acme.owner.email, PASSWORD).await);
    let rotation = async {
        let before = acme.owner.access.clone();
        for names in [&[KID, "next"][..], &["next", KID]] {
            world.secrets(&keys(names)).await;
            world.advance(FELT).await;
            shown(&world, &format!("Bearer {before}")).await.expect(200);
        }
        assert_eq!(world.get("/.well-known/jwks.json").await.expect(200)["keys"][0]["kid"], "next");
        world.advance(FELT).await;
        world.secrets(&keys(&["next"])).await;
        world.advance(FELT).await;
        let jwks = world.get("/.well-known/jwks.json").await.expect(200);
        assert_eq!(jwks["keys"].as_array().map(Vec::len), Some(1));
        over.store(true, Ordering::Relaxed);
    };
    let (one, other, ()) = tokio::join!(load(one), load(other), rotation);
    let both = BTreeSet::from([KID.to_owned(), "next".to_owned()]);
    assert_eq!((one, other), (both.clone(), both));
}

#[tokio::test]
async fn a_token_is_good_for_fifteen_minutes_by_the_clock() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let claims = part(&acme.owner.access, 1);
    let ends = claims["exp"].as_i64().expect("a time");
    assert_eq!(ends - claims["iat"].as_i64().expect("a time"), 15 * 60);
    let left = |now: jiff::Timestamp| u64::try_from(ends - now.as_second()).expect("it is good now");
    world.advance(Duration::from_secs(left(world.now().await) - 5)).await;
    acme.owner.get("/api/v1/auth/verify").await.expect(200);
    world.advance(Duration::from_secs(left(world.now().await))).await;
    acme.owner.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    // The session goes on
    refresh(&world, &acme.owner.refresh).await.expect(200);
}

#[tokio::test]
async fn the_public_keys_verify_the_tokens() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let keys = world.get("/.well-known/jwks.json").await.expect(200);
    let header = part(&acme.owner.access, 0);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
    let key = keys["keys"].as_array().expect("keys").iter().find(|key| key["kid"] == header["kid"]).expect("the key that signed");
    assert_eq!((&key["kty"], &key["crv"], &key["use"], &key["alg"]), (&json!("OKP"), &json!("Ed25519"), &json!("sig"), &json!("EdDSA")));
    let names: BTreeSet<_> = key.as_object().expect("a key").keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["alg", "crv", "kid", "kty", "use", "x"]), "a public key and nothing of the private one");
    let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().expect("x")).expect("base64");
    let (message, signature) = acme.owner.access.rsplit_once('.').expect("a signature");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
    UnparsedPublicKey::new(&ED25519, public).verify(message.as_bytes(), &signature).expect("it verifies");
}
