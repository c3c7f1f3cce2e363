//! What organisations use, and how much they may have.

use super::{PASSWORD, tenant};
use crate::files;
use serde_json::{Value, json};
use tests::{Person, World};

#[tokio::test]
async fn no_more_are_active_than_the_quota_allows_however_many_come_at_once() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let mut joining = tokio::task::JoinSet::new();
    let mut forms = Vec::new();
    for name in ["Ann", "Ben", "Cleo", "Dan", "Eli"] {
        let email = world.email(&name.to_lowercase());
        acme.owner.post("/api/v1/invitations", json!({ "email": email, "role": "member" })).await.expect(201);
        forms.push(json!({ "token": world.link(&email, "join").await, "name": name, "password": PASSWORD }));
    }
    let set = operator.patch(&tenant(&acme), json!({ "quota": { "members": 3 } })).await.expect(200);
    assert_eq!(set["tenant"]["quota"]["members"], 3);
    for form in forms {
        let world = world.clone();
        joining.spawn(async move { world.post("/api/v1/auth/join", form).await });
    }
    let answers = joining.join_all().await;
    let joined: Vec<_> = answers.iter().filter(|answer| answer.status == 201).map(|answer| answer.json["user"].clone()).collect();
    assert_eq!(joined.len(), 2, "{answers:?}");
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.refused(409, "quota-exceeded");
    }
    let invite = async || acme.owner.post("/api/v1/invitations", json!({ "email": world.email("fay"), "role": "member" })).await;
    invite().await.refused(409, "quota-exceeded");
    let ann = format!("/api/v1/members/{}", joined[0].as_str().expect("an id"));
    // Who is locked out takes no place, and comes back only to a free one
    acme.owner.post(&format!("{ann}/deactivate"), json!({})).await.expect(200);
    let fay = acme.joins("Fay", "member").await;
    acme.owner.post(&format!("{ann}/reactivate"), json!({})).await.refused(409, "quota-exceeded");
    fay.delete(&format!("/api/v1/auth/organizations/{}", acme.id)).await.expect(204);
    acme.owner.post(&format!("{ann}/reactivate"), json!({})).await.expect(200);
    let now = operator.get(&tenant(&acme)).await.expect(200);
    assert_eq!(now["tenant"]["members"], 3);
    operator.patch(&tenant(&acme), json!({ "quota": {} })).await.expect(200);
    invite().await.expect(201);
}

async fn used(person: &Person) -> Value {
    person.world.idle().await;
    person.get("/api/v1/organization/usage").await.expect(200)
}

/// Announces a file of so many bytes, uploads it, and says where to complete it.
async fn uploaded(person: &Person, bytes: usize) -> String {
    let announced = files::announce(person, "plan.txt", "text/plain", bytes).await;
    let status = files::upload(&person.world, &announced, vec![b'x'; bytes], &[]).await;
    assert!((200..300).contains(&status), "{status}");
    files::path(&announced, "/complete")
}

#[tokio::test]
async fn what_an_organisation_uses_is_counted_once_and_shown_to_it_and_to_operators() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let (before, project) = (used(&acme.owner).await, acme.project("Garden").await);
    for title in ["One", "Two", "Three"] {
        acme.owner.task(&project, title).await;
    }
    let ben = acme.joins("Ben", "member").await;
    let conversation = acme.owner.talks_to(&ben).await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    for _ in 0..5 {
        ben.post(&path, json!({ "text": "Hello" })).await.expect(201);
    }
    let (now, month) = (used(&acme.owner).await, |view: &Value| view["months"][0].clone());
    let more = |what: &str| {
        let count = |view: &Value| month(view)["counts"][what].as_u64().expect("a count");
        count(&now) - count(&before)
    };
    // The project, three tasks, the invitation sent and accepted, who joined, the conversation
    assert_eq!((more("changes"), more("messages"), more("sign_ins"), more("mails")), (8, 5, 1, 1), "{now}");
    assert_eq!((&now["members"], &now["files"], &now["quota"]["members"]), (&json!(2), &json!(0), &json!(null)));
    let cost = |view: &Value| month(view)["micro_dollars"].as_u64().expect("a sum");
    // A mail alone is a hundred millionths
    assert!(cost(&now) >= cost(&before) + 100, "{now}");
    assert!(now["basis"].as_str().is_some_and(|basis| basis.starts_with("An estimate by list prices")));

    assert_eq!(operator.get(&format!("{}/usage", tenant(&acme))).await.expect(200), now);
    let seen = operator.get(&tenant(&acme)).await.expect(200);
    assert!(seen["tenant"]["last_active_at"].is_string(), "{seen}");
    ben.get("/api/v1/organization/usage").await.refused(403, "forbidden");
}

#[tokio::test]
async fn the_usage_of_all_organisations_is_summed_up() {
    let world = World::alone().await;
    let operator = world.operator().await;
    let sum = async || {
        world.idle().await;
        operator.get("/api/v1/platform/usage").await.expect(200)
    };
    let before = sum().await;
    let (one, two) = (world.organization("One").await, world.organization("Two").await);
    let now = sum().await;
    let count = |view: &Value, what: &str| view["counts"][what].as_u64().expect("a count");
    let mut theirs = 0;
    for organization in [&one, &two] {
        theirs += count(&used(&organization.owner).await["months"][0], "changes");
    }
    assert_eq!(count(&now, "changes") - count(&before, "changes"), theirs);
    assert_eq!(count(&now, "sign_ins") - count(&before, "sign_ins"), 2);
    assert_eq!(now["organizations"].as_u64(), before["organizations"].as_u64().map(|count| count + 2));
    assert_eq!(now["complete"], true);
    let long_ago = operator.get("/api/v1/platform/usage?month=2001-01").await.expect(200);
    assert_eq!((&long_ago["organizations"], &long_ago["micro_dollars"]), (&json!(0), &json!(0)));
    operator.get("/api/v1/platform/usage?month=yesterday").await.refused_fields(&["month"]);
}

#[tokio::test]
async fn no_more_bytes_are_kept_than_the_quota_allows_however_many_come_at_once() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let mut paths = Vec::new();
    for _ in 0..6 {
        paths.push(uploaded(&acme.owner, 1_000).await);
    }
    operator.patch(&tenant(&acme), json!({ "quota": { "storage_bytes": 3_500 } })).await.expect(200);
    let mut completing = tokio::task::JoinSet::new();
    for path in paths.clone() {
        let owner = acme.owner.clone();
        completing.spawn(async move { owner.post(&path, json!({})).await });
    }
    let answers = completing.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 3, "{answers:?}");
    for answer in answers.into_iter().filter(|answer| answer.status != 200) {
        answer.refused(409, "quota-exceeded");
    }
    // What is kept is not counted again
    for path in &paths {
        let answer = acme.owner.post(path, json!({})).await;
        assert!(matches!(answer.status.as_u16(), 200 | 409), "{}", answer.text);
    }
    let now = used(&acme.owner).await;
    assert_eq!((&now["files"], &now["stored_bytes"], &now["quota"]["storage_bytes"]), (&json!(3), &json!(3_000), &json!(3_500)));
    let draft = |bytes: u64| json!({ "name": "plan.txt", "media_type": "text/plain", "bytes": bytes });
    acme.owner.post("/api/v1/files", draft(501)).await.refused(409, "quota-exceeded");
    acme.owner.post("/api/v1/files", draft(500)).await.expect(201);
    operator.patch(&tenant(&acme), json!({ "quota": { "storage_bytes": 0 } })).await.refused_fields(&["/quota/storage_bytes"]);
}
