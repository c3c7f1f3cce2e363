//! How somebody gets another address.

use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Organization, Person, World};

const PASSWORD: &str = "correct horse battery";

async fn ask(person: &Person, email: &str) -> Answer {
    person.post("/api/v1/auth/change-email", json!({ "email": email, "password": PASSWORD })).await
}

async fn confirm(world: &World, token: &str, password: &str) -> Answer {
    world.post("/api/v1/auth/verify-email", json!({ "token": token, "password": password })).await
}

async fn subjects(world: &World, email: &str) -> Vec<Value> {
    world.mails(email).await.into_iter().map(|mail| mail["subject"].clone()).collect()
}

async fn login(world: &World, email: &str) -> Answer {
    world.post("/api/v1/auth/login", json!({ "email": email, "password": PASSWORD })).await
}

#[tokio::test]
async fn an_account_has_another_address_once_the_mail_that_went_there_is_confirmed() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let ben = acme.joins("Ben", "owner").await;
    other.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "member" })).await.expect(201);
    let form = json!({ "token": world.link(&ben.email, "join").await, "password": PASSWORD });
    world.post("/api/v1/auth/join", form).await.expect(201);
    let new = world.email("benjamin");

    let wrong = json!({ "email": new, "password": "wrong horse battery" });
    ben.post("/api/v1/auth/change-email", wrong).await.refused_fields(&["/password"]);
    ask(&ben, "no address").await.refused_fields(&["/email"]);
    ask(&ben, &new).await.expect(204);
    let profile = async || ben.get("/api/v1/auth/profile").await.expect(200);
    let asked = profile().await;
    assert_eq!((&asked["email"], &asked["new_email"]["email"]), (&json!(ben.email), &json!(new)));
    let token = world.link(&new, "verify-email").await;
    assert_eq!(subjects(&world, &new).await, ["Confirm your new address for Office Copilot"]);
    assert_eq!(subjects(&world, &ben.email).await[0], "Another address was asked for");
    // Until then all is as it was
    login(&world, &new).await.refused(401, "wrong-credentials");
    confirm(&world, &token, "wrong horse battery").await.refused(401, "wrong-credentials");
    confirm(&world, &format!("{token}x"), PASSWORD).await.refused(409, "conflict");
    login(&world, &ben.email).await.expect(200);

    confirm(&world, &token, PASSWORD).await.expect(204);
    confirm(&world, &token, PASSWORD).await.expect(204);
    let changed = profile().await;
    assert_eq!((&changed["email"], &changed["email_verified"], &changed["new_email"]), (&json!(new), &json!(true), &json!(null)));
    login(&world, &ben.email).await.refused(401, "wrong-credentials");
    login(&world, &new).await.expect(200);
    // The address before is told, and not of the other
    let told = world.mails(&ben.email).await.remove(0);
    assert_eq!(told["subject"], "Your address was changed");
    assert!(!told["text"].as_str().unwrap().contains(&new), "{told}");
    assert!(!subjects(&world, &new).await.contains(&json!("Your address was changed")));

    // Every organisation follows, and finds them by it
    for by in [&acme.owner, &other.owner] {
        assert_eq!(by.get(&format!("/api/v1/members/{}", ben.id)).await.expect(200)["email"], json!(new));
        assert_eq!(by.list("/api/v1/members?q=benjamin").await.len(), 1);
        by.post("/api/v1/invitations", json!({ "email": new, "role": "member" })).await.refused(409, "conflict");
    }
    let trail = acme.owner.list("/api/v1/changes").await;
    let change = trail.iter().find(|change| change["action"] == "profile.email_changed").expect("it is on record");
    let was = |email: &str| json!({ "email": email, "email_verified": true });
    assert_eq!((&change["before"], &change["after"]), (&was(&ben.email), &was(&new)));
    assert!(!trail.iter().any(|change| change["action"] == "profile.email_asked" && change.to_string().contains(&new)));

    // The address before is free again
    acme.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "member" })).await.expect(201);
    let form = json!({ "token": world.link(&ben.email, "join").await, "name": "Another Ben", "password": PASSWORD });
    assert_ne!(world.post("/api/v1/auth/join", form).await.expect(201)["user"], json!(ben.id));
}

#[tokio::test]
async fn nobody_gets_the_address_of_another_or_learns_that_it_has_an_account() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, ann) = (acme.joins("Ben", "member").await, acme.joins("Ann", "member").await);
    let (free, count) = (world.email("free"), subjects(&world, &ann.email).await.len());
    let (taken, open) = (ask(&ben, &ann.email).await, ask(&ben, &free).await);
    assert_eq!((taken.status, &taken.text), (open.status, &open.text));
    let told = world.mails(&ann.email).await;
    assert_eq!((told.len(), &told[0]["subject"]), (count + 1, &json!("This address has an account on Office Copilot")));
    assert!(!told[0]["text"].as_str().unwrap().contains("token="), "{told:?}");
    // Two ask for it, and one has it
    let first = world.link(&free, "verify-email").await;
    ask(&ann, &free).await.expect(204);
    let second = world.link(&free, "verify-email").await;
    let both = [confirm(&world, &first, PASSWORD), confirm(&world, &second, PASSWORD)];
    let mut statuses: Vec<_> = futures_util::future::join_all(both).await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
    login(&world, &free).await.expect(200);
}

#[tokio::test]
async fn an_address_that_was_asked_for_can_be_taken_back_and_waits_a_day() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let (ben, ann) = (acme.joins("Ben", "member").await, acme.joins("Ann", "member").await);
    let new = world.email("new");
    ask(&ben, &new).await.expect(204);
    let first = world.link(&new, "verify-email").await;
    ask(&ben, &ben.email).await.expect(204);
    assert_eq!(ben.get("/api/v1/auth/profile").await.expect(200)["new_email"], json!(null));
    confirm(&world, &first, PASSWORD).await.refused(409, "conflict");

    ask(&ben, &new).await.expect(204);
    world.advance(Duration::from_secs(23 * 3600)).await;
    let ben = Person::login(&world, &ben.email, PASSWORD).await;
    ben.post("/api/v1/auth/verify-email/resend", json!({})).await.expect(204);
    let second = world.link(&new, "verify-email").await;
    world.advance(Duration::from_secs(3600)).await;
    confirm(&world, &second, PASSWORD).await.refused(409, "conflict");
    let ben = Person::login(&world, &ben.email, PASSWORD).await;
    assert_eq!(ben.get("/api/v1/auth/profile").await.expect(200)["new_email"], json!(null));
    let count = world.mails(&new).await.len();
    ben.post("/api/v1/auth/verify-email/resend", json!({})).await.expect(204);
    assert_eq!(world.mails(&new).await.len(), count, "it has to be asked for anew");

    ask(&ben, &new).await.expect(204);
    world.post("/api/v1/auth/forgot-password", json!({ "email": ben.email })).await.expect(204);
    let reset = json!({ "token": world.link(&ben.email, "reset-password").await, "new": "another horse battery" });
    confirm(&world, &world.link(&new, "verify-email").await, PASSWORD).await.expect(204);
    // Whoever reads the mails of the address before gets in by none of them
    world.post("/api/v1/auth/reset-password", reset).await.refused(409, "conflict");
    ben.get("/api/v1/auth/verify").await.expect(200);

    // Nobody is sent more than a few, whoever asks
    let (flooded, ann) = (world.email("flooded"), Person::login(&world, &ann.email, PASSWORD).await);
    for person in [&ben, &ann, &ben, &ann, &ann] {
        ask(person, &flooded).await.expect(204);
    }
    ask(&ben, &flooded).await.refused(429, "too-many-requests");
}

#[tokio::test]
async fn an_address_is_one_that_every_organisation_of_its_owner_would_have() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, vic) = (acme.joins("Ben", "member").await, acme.joins("Vic", "guest").await);
    let here = format!("ben-{}@acme.example", world.unique());
    let there = format!("ben-{}@elsewhere.example", world.unique());
    ask(&ben, &there).await.expect(204);
    let link = world.link(&there, "verify-email").await;
    acme.owner.patch("/api/v1/organization/settings", json!({ "email_domains": ["acme.example"] })).await.expect(200);
    ask(&ben, &there).await.refused_fields(&["/email"]);
    confirm(&world, &link, PASSWORD).await.refused_fields(&["/email"]);
    // Guests are from outside
    ask(&vic, &format!("vic-{}@elsewhere.example", world.unique())).await.expect(204);
    ask(&ben, &here).await.expect(204);
    confirm(&world, &world.link(&here, "verify-email").await, PASSWORD).await.expect(204);
}

/// Two organisations of one person, of whom the first asks for addresses at a domain.
async fn restricted(world: &World) -> (Organization, Organization, Person) {
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let ben = other.joins("Ben", "member").await;
    acme.owner.patch("/api/v1/organization/settings", json!({ "email_domains": ["example.com"] })).await.expect(200);
    (acme, other, ben)
}

#[tokio::test]
async fn nobody_takes_a_place_by_an_address_while_they_get_another() {
    let world = World::new().await;
    let (acme, _, _) = restricted(&world).await;
    for _ in 0..5 {
        let (other, new) = (world.organization("Third").await, format!("ben-{}@elsewhere.example", world.unique()));
        let ben = other.joins("Ben", "member").await;
        acme.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "member" })).await.expect(201);
        let join = json!({ "token": world.link(&ben.email, "join").await, "password": PASSWORD });
        ask(&ben, &new).await.expect(204);
        let token = world.link(&new, "verify-email").await;
        let (changed, joined) = tokio::join!(confirm(&world, &token, PASSWORD), world.post("/api/v1/auth/join", join));
        world.idle().await;
        let (changed, joined) = (changed.status == 204, joined.status == 201);
        assert!(changed != joined, "they got another address: {changed}, and joined: {joined}");
        let there = acme.owner.get(&format!("/api/v1/members/{}", ben.id)).await;
        assert!(if joined { there.json["email"] == json!(ben.email) } else { there.status == 404 }, "{}", there.text);
    }
}

#[tokio::test]
async fn an_organisation_that_locked_somebody_out_has_no_say_over_their_address() {
    let world = World::new().await;
    let (acme, other, ben) = restricted(&world).await;
    acme.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "member" })).await.expect(201);
    let join = json!({ "token": world.link(&ben.email, "join").await, "password": PASSWORD });
    world.post("/api/v1/auth/join", join).await.expect(201);
    let new = format!("ben-{}@elsewhere.example", world.unique());
    ask(&ben, &new).await.refused_fields(&["/email"]);
    acme.owner.post(&format!("/api/v1/members/{}/deactivate", ben.id), json!({})).await.expect(200);
    ask(&ben, &new).await.expect(204);
    let token = world.link(&new, "verify-email").await;
    // And whoever is let in nowhere changes nothing of their account
    let place = format!("/api/v1/members/{}", ben.id);
    other.owner.post(&format!("{place}/deactivate"), json!({})).await.expect(200);
    confirm(&world, &token, PASSWORD).await.refused(409, "conflict");
    other.owner.post(&format!("{place}/reactivate"), json!({})).await.expect(200);
    confirm(&world, &token, PASSWORD).await.expect(204);
    // Nor are they let in again under one that it does not allow
    world.idle().await;
    acme.owner.post(&format!("{place}/reactivate"), json!({})).await.refused(409, "conflict");
    acme.owner.patch("/api/v1/organization/settings", json!({ "email_domains": [] })).await.expect(200);
    acme.owner.post(&format!("{place}/reactivate"), json!({})).await.expect(200);
}

#[tokio::test]
async fn a_link_is_followed_twice_at_once_and_while_the_profile_is_edited() {
    let world = World::new().await;
    let ben = world.organization("Acme").await.joins("Ben", "member").await;
    for round in 0..4 {
        let new = world.email("ben");
        ask(&ben, &new).await.expect(204);
        let token = world.link(&new, "verify-email").await;
        let edits = (0..3).map(|n| ben.patch("/api/v1/auth/profile", json!({ "name": format!("Ben {round}{n}") })));
        let both = futures_util::future::join_all([(); 2].map(|()| confirm(&world, &token, PASSWORD)));
        let (both, edits) = tokio::join!(both, futures_util::future::join_all(edits));
        both.iter().for_each(|answer| assert_eq!(answer.status, 204, "{}", answer.text));
        edits.iter().for_each(|answer| assert_eq!(answer.status, 200, "{}", answer.text));
        assert_eq!(ben.get("/api/v1/auth/profile").await.expect(200)["email"], json!(new));
    }
}

#[tokio::test]
async fn an_address_that_nobody_proved_is_told_nothing_of_the_account() {
    let world = World::new().await;
    let owner = world.organization("Acme").await.owner;
    let (count, new) = (world.mails(&owner.email).await.len(), world.email("owner"));
    ask(&owner, &new).await.expect(204);
    confirm(&world, &world.link(&new, "verify-email").await, PASSWORD).await.expect(204);
    assert_eq!(world.mails(&owner.email).await.len(), count);
    let profile = owner.get("/api/v1/auth/profile").await.expect(200);
    assert_eq!((&profile["email"], &profile["email_verified"]), (&json!(new), &json!(true)));
}
