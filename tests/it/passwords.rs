//! Passwords: how often one is guessed, what is told of a wrong one, and how they are kept.

use crate::{forms::with, sessions::refresh};
use backend::{
    Backend,
    clock::{Clock, Entropy},
    keys,
    system::System,
};
use domain::{account::Credentials, id::OperatorId, platform::OperatorCredentials};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use tests::{Answer, Organization, Person, World, code};

const PASSWORD: &str = "correct horse battery";
/// The password as it was hashed when that cost half of what it costs now, and what a hash of now begins with.
const CHEAP: &str = "$argon2id$v=19$m=19456,t=1,p=1$c2l4dGVlbiBieXRlcyBvaw$X8MSD1c+G0QnP0DWVsEZp8GRH3ASyae+tGuEGFXtIbY";
const PRESENT: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

async fn login(world: &World, email: &str, password: &str) -> Answer {
    world.post("/api/v1/auth/login", json!({ "email": email, "password": password })).await
}

/// To the beginning of the next minute, in which guesses are counted anew.
async fn next_minute(world: &World) {
    let second = world.now().await.as_second().rem_euclid(60);
    world.advance(Duration::from_secs(u64::try_from(60 - second).expect("seconds"))).await;
}

#[tokio::test]
async fn the_eleventh_wrong_password_in_a_minute_has_to_wait() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    next_minute(&world).await;
    for _ in 0..10 {
        login(&world, &acme.owner.email, "wrong horse battery").await.refused(401, "wrong-credentials");
    }
    let answer = login(&world, &acme.owner.email, "wrong horse battery").await;
    let wait: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    answer.refused(429, "too-many-requests");
    // Not even the right one now, and in whatever way the address is written
    login(&world, &acme.owner.email, PASSWORD).await.refused(429, "too-many-requests");
    login(&world, &acme.owner.email.to_uppercase(), PASSWORD).await.refused(429, "too-many-requests");
    // A changed password is no way round, nor is anybody else kept waiting
    let change = json!({ "current": "wrong horse battery", "new": "another horse battery" });
    acme.owner.post("/api/v1/auth/change-password", change).await.refused(429, "too-many-requests");
    login(&world, &ben.email, PASSWORD).await.expect(200);
    world.advance(Duration::from_secs(wait)).await;
    login(&world, &acme.owner.email, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn guesses_made_all_at_once_are_counted_too() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    next_minute(&world).await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (world, email) = (world.clone(), acme.owner.email.clone());
        tries.spawn(async move { login(&world, &email, "wrong horse battery").await.status.as_u16() });
    }
    let answers = tries.join_all().await;
    let tried = answers.iter().filter(|status| **status == 401).count();
    assert!(tried <= 10, "{tried} passwords were tried: {answers:?}");
}

#[tokio::test]
async fn right_passwords_are_not_counted() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    next_minute(&world).await;
    for _ in 0..12 {
        login(&world, &acme.owner.email, PASSWORD).await.expect(200);
    }
}

#[tokio::test]
async fn an_unknown_account_and_a_wrong_password_answer_alike() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let answers = [
        login(&world, &acme.owner.email, "wrong horse battery").await,
        login(&world, "nobody@acme.example", "wrong horse battery").await,
        login(&world, &acme.owner.email, "short").await,
        login(&world, "nobody@acme.example", "short").await,
        login(&world, &acme.owner.email, "").await,
    ];
    let told: BTreeSet<_> = answers
        .into_iter()
        .map(|answer| {
            let headers: Vec<_> = answer
                .headers
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id" | "apigw-requestid"))
                .map(|(name, value)| format!("{name}: {value:?}"))
                .collect();
            (answer.status.as_u16(), headers.join("\n"), answer.text.replace(answer.header("x-request-id"), ""))
        })
        .collect();
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[tokio::test]
async fn what_cannot_be_a_password_opens_nothing() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let shortest = "-+*/=-+*/=";
    acme.owner.post("/api/v1/auth/change-password", json!({ "current": PASSWORD, "new": shortest })).await.expect(204);
    for password in ["", "-", &shortest[..9], &shortest.repeat(13)] {
        login(&world, &acme.owner.email, password).await.refused(401, "wrong-credentials");
    }
    login(&world, &acme.owner.email, shortest).await.expect(200);
}

#[tokio::test]
async fn what_everybody_guesses_is_chosen_nowhere() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let (zoe, cleo) = (world.email("zoe"), world.email("cleo"));
    acme.owner.post("/api/v1/invitations", json!({ "email": cleo, "role": "member" })).await.expect(201);
    world.post("/api/v1/auth/forgot-password", json!({ "email": ben.email })).await.expect(204);
    let ada = world.operator().await;
    let bob = world.email("bob");
    ada.post("/api/v1/platform/operators", json!({ "email": bob })).await.expect(201);
    let (reset, join) = (world.link(&ben.email, "reset-password").await, world.link(&cleo, "join").await);
    let operators = world.link(&bob, "join-platform").await;
    let sign_up = json!({
        "name": "Zoe", "email": zoe, "organization": "New", "address": "1 Road", "phone": "12345", "expected_users": 1
    });
    let chosen: [(&Person, &str, serde_json::Value, &str); 7] = [
        (&acme.owner, "/api/v1/auth/register", sign_up, "password"),
        (&acme.owner, "/api/v1/auth/join", json!({ "token": join, "name": "Cleo" }), "password"),
        (&acme.owner, "/api/v1/auth/change-password", json!({ "current": PASSWORD }), "new"),
        (&acme.owner, "/api/v1/auth/reset-password", json!({ "token": reset }), "new"),
        (&ada, "/api/v1/platform/setup", json!({ "token": "x", "name": "Eve", "email": "eve@example.com" }), "password"),
        (&ada, "/api/v1/platform/join", json!({ "token": operators, "name": "Bob" }), "password"),
        (&ada, "/api/v1/platform/change-password", json!({ "current": PASSWORD }), "new"),
    ];
    for (person, path, form, field) in &chosen {
        for weak in ["Password123!", "qwertyuiop", "1234567890", "aaaaaaaaaaaa", "P@ssw0rd2024"] {
            person.post(path, with(form, field, json!(weak))).await.refused_fields(&[&format!("/{field}")]);
        }
    }
    // Where an address has an account, its password is not chosen anew: what was taken once goes on, and a wrong one is a wrong one
    login(&world, &acme.owner.email, "Password123!").await.refused(401, "wrong-credentials");
    for (person, path, form, field) in chosen.iter().filter(|(person, path, ..)| person.id != ada.id || path.ends_with("/join")) {
        let answer = person.post(path, with(form, field, json!("correct horse staple"))).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_not_this_one() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (phone, laptop) = (Person::login(&world, &acme.owner.email, PASSWORD).await, &acme.owner);
    let new = "another horse battery";
    laptop
        .post("/api/v1/auth/change-password", json!({ "current": "wrong horse battery", "new": new }))
        .await
        .refused_fields(&["/current"]);
    phone.get("/api/v1/auth/verify").await.expect(200);
    laptop.post("/api/v1/auth/change-password", json!({ "current": PASSWORD, "new": "short" })).await.refused_fields(&["/new"]);
    laptop.post("/api/v1/auth/change-password", json!({ "current": PASSWORD, "new": new })).await.expect(204);
    phone.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    refresh(&world, &phone.refresh).await.refused(401, "unauthenticated");
    laptop.get("/api/v1/auth/verify").await.expect(200);
    refresh(&world, &laptop.refresh).await.expect(200);
    login(&world, &laptop.email, PASSWORD).await.refused(401, "wrong-credentials");
    login(&world, &laptop.email, new).await.expect(200);
}

/// What the system keeps of an organisation, past its functions.
async fn inside(world: &World, acme: &Organization) -> System {
    let backend = Backend::new(world.variables().await.into(), Clock::system(), Entropy::system());
    backend.system(&acme.id.parse().expect("an id"))
}

async fn credentials(system: &System, person: &Person) -> Credentials {
    let me = system.person(&person.id.parse().expect("an id"));
    system.get(keys::credentials(&me)).await.expect("an answer").expect("credentials")
}

/// As if the password had been chosen when less was asked of hashes.
async fn hash_cheaply(system: &System, person: &Person) -> Credentials {
    let (cheap, commit) = credentials(system, person).await.rehash(CHEAP.to_owned());
    system.commit(commit).await.expect("it is kept");
    cheap
}

#[tokio::test]
async fn a_password_is_hashed_anew_at_a_login_when_the_cost_was_raised_and_nothing_else_changes() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (system, owner) = (inside(&world, &acme).await, &acme.owner);
    world.post("/api/v1/auth/forgot-password", json!({ "email": owner.email })).await.expect(204);
    let link = world.link(&owner.email, "reset-password").await;
    let cheap = hash_cheaply(&system, owner).await;
    login(&world, &owner.email, "wrong horse battery").await.refused(401, "wrong-credentials");
    assert_eq!(credentials(&system, owner).await.password_hash, CHEAP, "a wrong password changes nothing");
    let (told, changes) = (world.mails(&owner.email).await.len(), owner.list("/api/v1/changes").await.len());

    // Two at once do not get in each other's way
    let (one, other) = tokio::join!(login(&world, &owner.email, PASSWORD), login(&world, &owner.email, PASSWORD));
    for answer in [one, other] {
        answer.expect(200);
    }
    let anew = credentials(&system, owner).await;
    assert!(anew.password_hash.starts_with(PRESENT), "{}", anew.password_hash);
    assert_eq!((anew.version, anew.changed_at), (cheap.version, cheap.changed_at));
    login(&world, &owner.email, PASSWORD).await.expect(200);
    assert_eq!(credentials(&system, owner).await.password_hash, anew.password_hash, "it is hashed anew once");

    // The session from before goes on, and so does the link; nobody is told anything but of the logins
    owner.get("/api/v1/auth/verify").await.expect(200);
    refresh(&world, &owner.refresh).await.expect(200);
    assert_eq!(world.mails(&owner.email).await.len(), told);
    assert_eq!(owner.list("/api/v1/changes").await.len(), changes + 3);
    world.post("/api/v1/auth/reset-password", json!({ "token": link, "new": "another horse battery" })).await.expect(204);
    login(&world, &owner.email, PASSWORD).await.refused(401, "wrong-credentials");
}

#[tokio::test]
async fn a_password_is_hashed_anew_before_the_code_of_a_second_factor_too_and_an_operators_as_well() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (system, ben) = (inside(&world, &acme).await, acme.joins("Ben", "member").await);
    let path = "/api/v1/auth/second-factor";
    let enrolment = ben.post(path, json!({ "password": PASSWORD })).await.expect(200);
    let secret = enrolment["secret"].as_str().expect("a secret");
    ben.post(&format!("{path}/confirm"), json!({ "code": code(secret, world.now().await, 0) })).await.expect(200);
    hash_cheaply(&system, &ben).await;
    let refused = login(&world, &ben.email, PASSWORD).await.refused(401, "second-factor-required");
    assert!(credentials(&system, &ben).await.password_hash.starts_with(PRESENT));
    let second = json!({ "challenge": refused["challenge"], "code": code(secret, world.now().await, 1) });
    world.post("/api/v1/auth/login/second-factor", second).await.expect(200);

    let ada = world.operator().await;
    let id: OperatorId = ada.id.parse().expect("an id");
    let kept =
        async || -> OperatorCredentials { system.get(keys::operator_credentials(&id)).await.expect("an answer").expect("credentials") };
    system.commit(kept().await.rehash(CHEAP.to_owned())).await.expect("it is kept");
    let again = Person::sign_in_operator(&world, &ada.email).await;
    assert!(kept().await.password_hash.starts_with(PRESENT));
    for operator in [ada, again] {
        operator.get("/api/v1/platform/me").await.expect(200);
    }
}
