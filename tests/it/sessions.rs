//! Sessions: how long one goes on, what a refresh token is good for, and how one ends.

use crate::tokens::{base64, shown};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Person, World};

const PASSWORD: &str = "correct horse battery";

pub(crate) async fn refresh(world: &World, token: &str) -> Answer {
    world.post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_copy_ends_the_session() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let other_device = Person::login(&world, &acme.owner.email, PASSWORD).await;
    let first = acme.owner.refresh.clone();
    let next = refresh(&world, &first).await.expect(200);
    let (access, second) = (text(&next["access_token"]), text(&next["refresh_token"]));
    assert_ne!(first, second);

    // At once it may be another tab of the same person
    refresh(&world, &first).await.refused(401, "unauthenticated");
    shown(&world, &format!("Bearer {access}")).await.expect(200);
    // Later somebody has a copy
    world.advance(Duration::from_secs(11)).await;
    refresh(&world, &first).await.refused(401, "unauthenticated");
    refresh(&world, &second).await.refused(401, "unauthenticated");
    shown(&world, &format!("Bearer {access}")).await.refused(401, "unauthenticated");
    acme.owner.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    other_device.get("/api/v1/auth/verify").await.expect(200);
    let changes = other_device.list("/api/v1/changes").await;
    assert!(changes.iter().any(|change| change["action"] == "session.reused_token"));
}

#[tokio::test]
async fn a_refresh_token_of_long_ago_ends_the_session_too() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let mut present = acme.owner.refresh.clone();
    for _ in 0..3 {
        present = text(&refresh(&world, &present).await.expect(200)["refresh_token"]);
    }
    refresh(&world, &acme.owner.refresh).await.refused(401, "unauthenticated");
    refresh(&world, &present).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_refresh_token_that_was_made_up_does_no_harm() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    // The trail names every session, so whoever reads it could name one here
    let (person, rest) = ben.refresh.split_once('.').expect("a person");
    let (session, secret) = rest.split_once('.').expect("a session");
    let others = acme.owner.refresh.rsplit('.').next().expect("a secret");
    for made_up in [
        format!("{person}.{session}.{}", base64([0; 32])),
        format!("{person}.{session}."),
        format!("{person}.{session}"),
        format!("{person}.{session}.{secret}x"),
        format!("{person}.{session}.{others}"),
        format!("{}.{session}.{secret}", acme.owner.id),
        format!("{person}.ses_01k9zt3vw8fqj2m4x6c7b5n0ra.{secret}"),
        ben.access.clone(),
        String::new(),
        ".".repeat(1_000),
    ] {
        refresh(&world, &made_up).await.refused(401, "unauthenticated");
    }
    ben.get("/api/v1/auth/verify").await.expect(200);
    refresh(&world, &ben.refresh).await.expect(200);
}

#[tokio::test]
async fn of_many_refreshes_at_once_one_has_a_successor() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (world, token) = (world.clone(), acme.owner.refresh.clone());
        tries.spawn(async move { refresh(&world, &token).await });
    }
    let answers = tries.join_all().await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1);
    for answer in lost {
        answer.refused(401, "unauthenticated");
    }
    refresh(&world, &text(&won[0].json["refresh_token"])).await.expect(200);
}

#[tokio::test]
async fn the_owner_of_a_copied_refresh_token_is_told_by_mail_once() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    ben.patch("/api/v1/auth/profile", json!({ "zone": "Asia/Tokyo" })).await.expect(200);
    let other_device = Person::login(&world, &ben.email, PASSWORD).await;
    let told = async || {
        let mut mails = world.mails(&ben.email).await;
        mails.retain(|mail| mail["subject"] == "A session was ended to protect you");
        mails
    };
    let steal = async |token: &str| {
        let request = world.request(reqwest::Method::POST, "/api/v1/auth/refresh").header("user-agent", "Copycat/1 <b>");
        world.ask(request.json(&json!({ "refresh_token": token }))).await.refused(401, "unauthenticated");
    };
    let next = text(&refresh(&world, &ben.refresh).await.expect(200)["refresh_token"]);
    // Two tabs of one person, or a token that nobody gave out, are no reason to worry anybody
    steal(&ben.refresh).await;
    steal(&format!("{}x", ben.refresh)).await;
    assert!(told().await.is_empty());

    world.advance(Duration::from_secs(11)).await;
    for _ in 0..3 {
        steal(&ben.refresh).await;
    }
    refresh(&world, &next).await.refused(401, "unauthenticated");
    let mails = told().await;
    assert_eq!(mails.len(), 1);
    let now = world.now().await.to_zoned(jiff::tz::TimeZone::get("Asia/Tokyo").expect("a zone"));
    let (words, html) = (text(&mails[0]["text"]), text(&mails[0]["html"]));
    let address = world.address().map(|address| address.to_string()).unwrap_or_default();
    for said in [now.strftime("%-d %B %Y").to_string(), "JST".to_owned(), "Copycat/1 <b>".to_owned(), address] {
        assert!(words.contains(&said), "{said} is not in {words}");
    }
    assert!(html.contains("Copycat/1 &lt;b&gt;"), "{html}");
    assert!(world.mails(&acme.owner.email).await.iter().all(|mail| mail["subject"] != mails[0]["subject"]));

    // Another session that is copied is news again
    refresh(&world, &other_device.refresh).await.expect(200);
    world.advance(Duration::from_secs(11)).await;
    steal(&other_device.refresh).await;
    assert_eq!(told().await.len(), 2);
}

#[tokio::test]
async fn a_copy_that_comes_many_times_at_once_is_refused_each_time() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    refresh(&world, &acme.owner.refresh).await.expect(200);
    world.advance(Duration::from_secs(11)).await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (world, token) = (world.clone(), acme.owner.refresh.clone());
        tries.spawn(async move { refresh(&world, &token).await });
    }
    for answer in tries.join_all().await {
        answer.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_session_ends_two_weeks_after_its_last_refresh() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let day = |days: u64| Duration::from_secs(days * 24 * 3600);
    world.advance(day(13)).await;
    let next = text(&refresh(&world, &acme.owner.refresh).await.expect(200)["refresh_token"]);
    world.advance(day(15)).await;
    refresh(&world, &next).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn logging_out_while_a_tab_refreshes_logs_out() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    for _ in 0..5 {
        let person = Person::login(&world, &acme.owner.email, PASSWORD).await;
        let out = person.post("/api/v1/auth/logout", json!({}));
        let (out, next) = tokio::join!(out, refresh(&world, &person.refresh));
        out.expect(204);
        person.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
        if next.status == 200 {
            refresh(&world, &text(&next.json["refresh_token"])).await.refused(401, "unauthenticated");
        }
    }
}

#[tokio::test]
async fn a_person_sees_their_sessions_and_ends_one_of_them() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (phone, laptop) = (Person::login(&world, &acme.owner.email, PASSWORD).await, &acme.owner);
    let ben = acme.joins("Ben", "admin").await;
    let sessions = laptop.list("/api/v1/auth/sessions").await;
    let current: Vec<_> = sessions.iter().map(|session| session["current"] == true).collect();
    assert_eq!((sessions.len(), current.iter().filter(|current| **current).count()), (2, 1));
    let address = |session: &Value| session["address"].as_str().and_then(|address| address.parse().ok());
    assert!(sessions.iter().all(|session| address(session) == world.address().or(address(session)) && session["created_at"].is_string()));
    for secret in [&phone.refresh, &laptop.refresh] {
        let secret = secret.split('.').nth(2).expect("a secret");
        assert!(!json!(sessions).to_string().contains(&backend::secrets::sha256(secret.as_bytes())));
    }
    let other = sessions.iter().find(|session| session["current"] == false).expect("the phone's");
    let path = format!("/api/v1/auth/sessions/{}", text(&other["id"]));
    ben.delete(&path).await.refused(404, "not-found");
    phone.get("/api/v1/auth/verify").await.expect(200);
    laptop.delete(&path).await.expect(204);
    phone.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    laptop.delete(&path).await.expect(204);
    assert_eq!(laptop.list("/api/v1/auth/sessions").await.len(), 1);
}

#[tokio::test]
async fn logging_out_everywhere_ends_every_session_of_this_person_only() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let mut devices = vec![acme.owner.clone()];
    for _ in 0..3 {
        devices.push(Person::login(&world, &acme.owner.email, PASSWORD).await);
    }
    devices[1].post("/api/v1/auth/logout-everywhere", json!({})).await.expect(204);
    for device in &devices {
        device.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
        refresh(&world, &device.refresh).await.refused(401, "unauthenticated");
    }
    ben.get("/api/v1/auth/verify").await.expect(200);
    Person::login(&world, &acme.owner.email, PASSWORD).await;
}
