//! Passwords: how often one is guessed, what is told of a wrong one, and how they are kept.

use crate::sessions::refresh;
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use tests::{Answer, Person, World};

const PASSWORD: &str = "correct horse battery";

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
    let dashes = "-".repeat(10);
    acme.owner.post("/api/v1/auth/change-password", json!({ "current": PASSWORD, "new": dashes })).await.expect(204);
    for password in ["", "-", "---------", &"-".repeat(129)] {
        login(&world, &acme.owner.email, password).await.refused(401, "wrong-credentials");
    }
    login(&world, &acme.owner.email, &dashes).await.expect(200);
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
