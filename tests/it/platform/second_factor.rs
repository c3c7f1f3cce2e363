//! Codes of operators: nothing is done for the platform without one.

use super::{CASES, PASSWORD, another};
use crate::cases::{cases_of, public_operations};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Person, World};

const LOGIN: &str = "/api/v1/platform/login";
const FACTOR: &str = "/api/v1/platform/second-factor";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

async fn sign_in(operator: &Person, code: &str) -> Answer {
    operator.world.post(LOGIN, json!({ "email": operator.email, "password": PASSWORD, "code": code })).await
}

/// Somebody who has just joined the operators, with the token of their first sign-in.
async fn newcomer(operator: &Person) -> Person {
    let world = &operator.world;
    let email = world.email("eve");
    operator.post("/api/v1/platform/operators", json!({ "email": email })).await.expect(201);
    let form = json!({ "token": world.link(&email, "join-platform").await, "name": "Eve", "password": PASSWORD });
    world.post("/api/v1/platform/join", form).await.expect(201);
    let token = Person::half_signed_in(world, &email).await.expect(200);
    Person { id: text(&token["operator"]["id"]), email, access: text(&token["access_token"]), refresh: String::new(), world: world.clone() }
}

#[tokio::test]
async fn without_a_second_factor_an_operator_reaches_their_own_account_and_nothing_else() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let eve = newcomer(&operator).await;
    let objects = [("operator", operator.id.clone()), ("organization", acme.id.clone())].into();
    let public = public_operations();
    let own =
        |operation: &str| ["/me", "/change-password", "/logout"].iter().any(|end| operation.ends_with(end)) || operation.contains(FACTOR);
    for case in cases_of(CASES).filter(|case| !public.contains(&case.operation()) && !own(&case.operation())) {
        case.ask(&world, Some(&eve), &objects).await.refused(403, "second-factor-needed");
    }
    eve.get("/api/v1/platform/me").await.expect(200);
    assert_eq!(eve.get(FACTOR).await.expect(200), json!({ "on": false, "since": null, "recovery_codes_left": 0 }));
    eve.post(FACTOR, json!({ "password": "something else" })).await.refused_fields(&["/password"]);

    let enrolment = eve.post(FACTOR, json!({ "password": PASSWORD })).await.expect(200);
    assert!(text(&enrolment["uri"]).starts_with("otpauth://totp/Office%20Copilot:") && text(&enrolment["qr"]).starts_with("<svg "));
    eve.post(&format!("{FACTOR}/confirm"), json!({ "code": "12345" })).await.refused_fields(&["/code"]);
    eve.get("/api/v1/platform/tenants").await.refused(403, "second-factor-needed");
    let code = tests::code(&text(&enrolment["secret"]), world.now().await, 0);
    let codes = eve.post(&format!("{FACTOR}/confirm"), json!({ "code": code })).await.expect(200);
    assert_eq!(codes["recovery_codes"].as_array().map(Vec::len), Some(10));
    eve.get("/api/v1/platform/tenants").await.expect(200);
    eve.post(FACTOR, json!({ "password": PASSWORD })).await.refused(409, "conflict");
    // A session from before, or another's, has proved nothing
    Person::half_signed_in(&world, &eve.email).await.refused(401, "code-required");
}

#[tokio::test]
async fn an_operator_signs_in_with_password_and_code_and_each_code_is_good_once() {
    let world = World::alone().await;
    let bob = another(&world.operator().await).await;
    world.post(LOGIN, json!({ "email": bob.email, "password": "something else" })).await.refused(401, "wrong-credentials");
    let wrong = json!({ "email": bob.email, "password": "something else", "code": "123456" });
    world.post(LOGIN, wrong).await.refused(401, "wrong-credentials");
    Person::half_signed_in(&world, &bob.email).await.refused(401, "code-required");
    sign_in(&bob, "00000").await.refused(401, "wrong-code");
    let code = world.operator_code(&bob.email).await;
    sign_in(&bob, &code).await.expect(200);
    sign_in(&bob, &code).await.refused(401, "wrong-code");

    let path = format!("{FACTOR}/recovery-codes");
    world.advance(Duration::from_secs(30)).await;
    let form = json!({ "password": PASSWORD, "code": world.operator_code(&bob.email).await });
    let renewed = bob.post(&path, form).await.expect(200);
    let recovery = text(&renewed["recovery_codes"][0]);
    sign_in(&bob, &recovery).await.expect(200);
    sign_in(&bob, &recovery).await.refused(401, "wrong-code");
    assert_eq!(bob.get(FACTOR).await.expect(200)["recovery_codes_left"], 9);
}

#[tokio::test]
async fn an_operators_code_is_guessed_ten_times_an_hour() {
    let world = World::alone().await;
    let bob = another(&world.operator().await).await;
    let into = world.now().await.as_second().rem_euclid(3600) as u64;
    world.advance(Duration::from_secs(3600 - into)).await;
    for _ in 0..10 {
        sign_in(&bob, "000000x").await.refused(401, "wrong-code");
    }
    sign_in(&bob, &world.operator_code(&bob.email).await).await.refused(429, "too-many-requests");
}

#[tokio::test]
async fn who_switches_it_off_is_out_and_begins_anew() {
    let world = World::alone().await;
    let bob = another(&world.operator().await).await;
    let path = format!("{FACTOR}/switch-off");
    bob.post(&path, json!({ "password": PASSWORD, "code": "000000x" })).await.refused_fields(&["/code"]);
    let form = json!({ "password": PASSWORD, "code": world.operator_code(&bob.email).await });
    bob.post(&path, form).await.expect(204);
    bob.get("/api/v1/platform/me").await.refused(401, "unauthenticated");
    let token = Person::half_signed_in(&world, &bob.email).await.expect(200);
    let bob = Person { access: text(&token["access_token"]), ..bob };
    bob.get("/api/v1/platform/tenants").await.refused(403, "second-factor-needed");
    let enrolment = bob.post(FACTOR, json!({ "password": PASSWORD })).await.expect(200);
    let code = tests::code(&text(&enrolment["secret"]), world.now().await, 0);
    bob.post(&format!("{FACTOR}/confirm"), json!({ "code": code })).await.expect(200);
    bob.get("/api/v1/platform/tenants").await.expect(200);
}
