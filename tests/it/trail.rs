//! The trail of every change.

use serde_json::{Value, json};
use std::time::Duration;
use tests::{Person, World};

fn actions(changes: &[Value]) -> Vec<&str> {
    changes.iter().filter_map(|change| change["action"].as_str()).collect()
}

#[tokio::test]
async fn the_trail_says_who_changed_what_from_what_to_what_and_from_where() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let project = acme.project("Garden").await;
    let task = ben.task(&project, "Paint").await;
    let id = task["id"].as_str().unwrap();
    acme.owner.patch(&format!("/api/v1/tasks/{id}"), json!({ "title": "Paint it" })).await.expect(200);

    let changes = acme.owner.list(&format!("/api/v1/changes?record={id}")).await;
    assert_eq!(actions(&changes), ["task.edited", "task.created"]);
    let edited = &changes[0];
    assert_eq!((&edited["before"]["title"], &edited["after"]["title"]), (&json!("Paint"), &json!("Paint it")));
    assert_eq!(edited["by"]["name"], "Acme Owner");
    let address = edited["origin"]["address"].as_str().and_then(|address| address.parse().ok());
    assert!(address.is_some() && address == world.address().or(address), "{edited}");

    let by_ben = acme.owner.list(&format!("/api/v1/changes?person={}", ben.id)).await;
    assert_eq!(actions(&by_ben), ["task.created", "session.opened", "member.joined", "invitation.accepted"]);
    ben.get("/api/v1/changes").await.refused(403, "forbidden");
}

#[tokio::test]
async fn what_something_was_is_shown_to_those_who_may_read_it_anyway() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let role = json!({ "name": "Auditor", "permissions": ["read_audit"] });
    let role = acme.owner.post("/api/v1/roles", role).await.expect(201)["id"].clone();
    let ben = acme.joins("Ben", "member").await;
    acme.owner.patch(&format!("/api/v1/members/{}", ben.id), json!({ "roles": [role] })).await.expect(200);
    acme.owner.post("/api/v1/clients", json!({ "name": "Secret buyer", "email": "x@example.com", "address": "x" })).await.expect(201);
    acme.project("Garden").await;
    let joining = acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200)["joining"]["code"].clone();
    acme.owner.patch("/api/v1/organization", json!({ "phone": "+44 20 7946 0001" })).await.expect(200);
    let hook = json!({ "url": "http://127.0.0.1:9/hook?token=secret-of-ours", "events": ["task.*"] });
    acme.owner.post("/api/v1/webhooks", hook).await.expect(201);
    acme.owner.post("/api/v1/conversations", json!({ "with": ben.id })).await.expect(201);
    let seen = async |by: &tests::Person, action: &str| {
        let trail = by.list("/api/v1/changes").await;
        trail.into_iter().find(|change| change["action"] == action).expect("it is on record")
    };
    let client = seen(&ben, "client.created").await;
    assert!(!client.to_string().contains("Secret buyer") && client["subject"]["kind"] == "client", "{client}");
    assert_eq!(seen(&ben, "project.created").await["after"]["name"], "Garden");
    for action in ["webhook.created", "conversation.created"] {
        assert_eq!(seen(&ben, action).await["after"], json!(null), "{action}");
    }
    // The code that lets people in stands there for nobody
    for by in [&ben, &acme.owner] {
        let edited = seen(by, "organization.edited").await;
        assert!(!edited.to_string().contains(joining.as_str().unwrap()), "{edited}");
    }
    assert_eq!(seen(&acme.owner, "webhook.created").await["after"]["url"], "http://127.0.0.1:9/hook?token=secret-of-ours");
    assert_eq!(seen(&acme.owner, "client.created").await["after"]["name"], "Secret buyer");
}

#[tokio::test]
async fn the_trail_is_read_page_by_page_over_days() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    for name in ["a", "b", "c"] {
        acme.project(name).await;
    }
    world.advance(Duration::from_secs(40 * 24 * 3600)).await;
    let owner = Person::login(&world, &acme.owner.email, "correct horse battery").await;
    for name in ["d", "e"] {
        owner.post("/api/v1/projects", json!({ "name": name })).await.expect(201);
    }
    let changes = owner.list("/api/v1/changes?limit=2").await;
    let projects: Vec<_> = changes
        .iter()
        .filter(|change| change["action"] == "project.created")
        .map(|change| change["after"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(projects, ["e", "d", "c", "b", "a"]);
    let mut ids: Vec<_> = changes.iter().map(|change| change["id"].as_str().unwrap()).collect();
    let count = ids.len();
    ids.dedup();
    assert_eq!((ids.len(), ids.is_sorted_by(|a, b| a > b)), (count, true));
}
