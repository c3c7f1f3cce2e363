//! Requests that meet others: a change is meant for a version, and what is asked again is done once.

use crate::forms::{client, id, line, with};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::{Answer, Person, World};

#[tokio::test]
async fn a_change_is_meant_for_a_version() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let task = id(&acme.owner.task(&project, "Paint").await);
    let path = format!("/api/v1/tasks/{task}");
    let patch = |seen: &'static str| {
        let title = format!("Paint it {}", world.unique());
        world.ask(acme.owner.request(Method::PATCH, &path).header("if-match", seen).json(&json!({ "title": title })))
    };
    for seen in ["1", "\"x\"", "", "\"\"", "\"1\", \"2\"", "\"-1\"", "\"1", "\"1.0\"", "\"18446744073709551616\"", "**"] {
        patch(seen).await.refused(400, "malformed");
    }
    // What lies between may call a version weak, as SCIM does
    assert_eq!(patch("W/\"1\"").await.expect(200)["version"], 2);
    assert_eq!(patch("*").await.expect(200)["version"], 3);
    for seen in ["\"1\"", "\"0\"", "\"4\"", "\"18446744073709551615\""] {
        let answer = patch(seen).await;
        assert_eq!(answer.header("etag"), "\"3\"");
        assert_eq!(answer.refused(412, "stale")["version"], 3);
    }
    let stale =
        |method: Method, path: String, body: Value| world.ask(acme.owner.request(method, &path).header("if-match", "\"1\"").json(&body));
    for (method, rest, body) in [(Method::DELETE, "", json!({})), (Method::PUT, "/state", json!({ "state": "IN_PROGRESS" }))] {
        assert_eq!(stale(method, format!("{path}{rest}"), body).await.refused(412, "stale")["version"], 3);
    }
    let read = acme.owner.get(&path).await;
    assert_eq!((read.header("etag"), &read.json["version"], &read.json["state"]), ("\"3\"", &json!(3), &json!("OPEN")));
}

#[tokio::test]
async fn of_many_changes_of_one_version_one_is_made() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let path = format!("/api/v1/tasks/{}", id(&acme.owner.task(&project, "Paint").await));
    let mut changes = tokio::task::JoinSet::new();
    for turn in 0..30 {
        let (owner, path) = (acme.owner.clone(), path.clone());
        changes.spawn(async move { owner.patch_seen(1, &path, json!({ "title": format!("Paint {turn}") })).await });
    }
    let (made, refused): (Vec<_>, Vec<_>) = changes.join_all().await.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((made.len(), refused.len()), (1, 29));
    for answer in refused {
        assert_eq!(answer.header("etag"), "\"2\"");
        assert_eq!(answer.refused(412, "stale")["version"], 2);
    }
    assert_eq!(acme.owner.get(&path).await.expect(200)["title"], made[0].json["title"]);
}

#[tokio::test]
async fn of_many_changes_at_once_that_name_no_version_each_is_made() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let task = id(&acme.owner.task(&project, "Paint").await);
    let path = format!("/api/v1/tasks/{task}");
    let mut changes = tokio::task::JoinSet::new();
    for turn in 0..12 {
        let (owner, path) = (acme.owner.clone(), path.clone());
        changes.spawn(async move { owner.patch(&path, json!({ "title": format!("Paint {turn}") })).await.expect(200) });
    }
    let versions: BTreeSet<_> = changes.join_all().await.iter().map(|task| task["version"].as_u64().expect("a version")).collect();
    assert_eq!(versions, (2..14).collect());
    assert_eq!(acme.owner.get(&path).await.expect(200)["version"], 13);
    let edits = acme.owner.list(&format!("/api/v1/changes?record={task}")).await;
    assert_eq!(edits.len(), 13, "each is on record");
}

#[tokio::test]
async fn whoever_changes_another_member_or_role_in_the_same_moment_is_in_nobodys_way() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, ben, cleo) = (acme.joins("Ann", "admin").await, acme.joins("Ben", "member").await, acme.joins("Cleo", "member").await);
    let mut changes = tokio::task::JoinSet::new();
    for (turn, (by, member)) in [(&acme.owner, &ben), (&ann, &cleo), (&acme.owner, &cleo), (&ann, &ben)].into_iter().enumerate() {
        let (by, path) = (by.clone(), format!("/api/v1/members/{}", member.id));
        changes.spawn(async move {
            let title = if turn < 2 { json!({ "title": "Gardener" }) } else { json!({ "role": "manager" }) };
            by.patch(&path, title).await.expect(200);
            by.post("/api/v1/groups", json!({ "name": format!("Group {turn}") })).await.expect(201);
        });
    }
    changes.join_all().await;
    // Nor of another key or of an organisation as operators see it
    let key = acme.owner.post("/api/v1/api-keys", json!({ "name": "Import", "permissions": ["read_tasks"] })).await.expect(201);
    let key = format!("/api/v1/api-keys/{}", key["api_key"]["id"].as_str().unwrap());
    let (operator, tenant) = (world.operator().await, format!("/api/v1/platform/tenants/{}", acme.id));
    let mut changes = tokio::task::JoinSet::new();
    for turn in 0..5 {
        let (by, operator, key, tenant) = (ann.clone(), operator.clone(), key.clone(), tenant.clone());
        changes.spawn(async move {
            by.patch(&key, json!({ "name": format!("Import {turn}") })).await.expect(200);
            by.post(&format!("{key}/rotate"), json!({})).await.expect(200);
            operator.patch(&tenant, json!({ "note": format!("Note {turn}") })).await.expect(200);
        });
    }
    changes.join_all().await;
    let suspend = format!("{tenant}/suspend");
    let suspended = futures_util::future::join_all((0..3).map(|_| operator.post(&suspend, json!({ "reason": "x" })))).await;
    let mut told: Vec<_> = suspended.iter().map(|answer| answer.json["detail"].as_str().unwrap_or("suspended")).collect();
    told.sort_unstable();
    assert_eq!(told, ["suspended", "the organisation is suspended already", "the organisation is suspended already"]);
    for member in [ben, cleo] {
        let member = acme.owner.get(&format!("/api/v1/members/{}", member.id)).await.expect(200);
        assert_eq!((&member["title"], &member["role"]), (&json!("Gardener"), &json!("manager")));
    }
    assert_eq!(acme.owner.list("/api/v1/groups").await.len(), 4);
}

/// What a repeated request has to be answered with again.
fn told(answer: &Answer) -> (u16, String, String, String) {
    (answer.status.as_u16(), answer.header("location").to_owned(), answer.header("etag").to_owned(), answer.text.clone())
}

#[tokio::test]
async fn a_request_made_again_is_answered_as_before_and_does_nothing() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let project = acme.project("Garden").await;
    let draft = json!({ "project": project, "title": "Paint" });
    let first = acme.owner.post_once("one", "/api/v1/tasks", draft.clone()).await;
    assert_eq!((first.status.as_u16(), first.header("etag")), (201, "\"1\""));
    assert_eq!(first.header("location"), format!("/api/v1/tasks/{}", id(&first.json)));
    acme.owner.patch(&format!("/api/v1/tasks/{}", id(&first.json)), json!({ "title": "Paint it" })).await.expect(200);
    assert_eq!(told(&acme.owner.post_once("one", "/api/v1/tasks", draft.clone()).await), told(&first));
    // Another body, and even the same in other words, is another request
    acme.owner.post_once("one", "/api/v1/tasks", with(&draft, "title", json!("Other"))).await.refused(422, "idempotency-key-reused");
    acme.owner.post_once("one", "/api/v1/projects", json!({ "name": "Shed" })).await.refused(422, "idempotency-key-reused");
    // The key is this person's alone
    let theirs = ben.post_once("one", "/api/v1/tasks", draft.clone()).await;
    assert_ne!(id(&theirs.json), id(&first.json));
    assert_eq!(acme.owner.list(&format!("/api/v1/tasks?project={project}")).await.len(), 2);
    assert_eq!(acme.owner.list("/api/v1/projects").await.len(), 1);
}

#[tokio::test]
async fn a_refused_request_can_be_made_again_under_its_key() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    acme.owner.post_once("one", "/api/v1/tasks", json!({ "project": project, "title": "" })).await.refused_fields(&["/title"]);
    acme.owner.post_once("one", "/api/v1/tasks", json!({ "project": project, "title": "Paint" })).await.expect(201);
    assert_eq!(acme.owner.list(&format!("/api/v1/tasks?project={project}")).await.len(), 1);
}

#[tokio::test]
async fn a_key_has_1_to_128_printable_characters() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ask = |key: Vec<u8>| {
        world.ask(acme.owner.request(Method::POST, "/api/v1/projects").header("idempotency-key", key).json(&json!({ "name": "x" })))
    };
    for key in [Vec::new(), vec![b'x'; 129], "ä".into(), b"\xff".to_vec()] {
        ask(key).await.refused(400, "malformed");
    }
    ask(vec![b'x'; 128]).await.expect(201);
    ask(b"#|*'\"{} \\".to_vec()).await.expect(201);
    assert_eq!(acme.owner.list("/api/v1/projects").await.len(), 2);
}

/// Twenty people's fingers at once on one button: one answer, given twenty times.
async fn one_answer(world: &World, person: Option<&Person>, path: &str, body: Value) -> Answer {
    let mut requests = tokio::task::JoinSet::new();
    for turn in 0..20 {
        let request = person.map_or_else(|| world.request(Method::POST, path), |person| person.request(Method::POST, path));
        let (world, request) = (world.clone(), request.header("idempotency-key", "one").json(&body));
        requests.spawn(async move {
            // A little one after the other, so that they meet in every stage of each other
            for _ in 0..turn * 15 {
                tokio::task::yield_now().await;
            }
            world.ask(request).await
        });
    }
    let answers = requests.join_all().await;
    let different: BTreeSet<_> = answers.iter().map(told).collect();
    assert_eq!(different.len(), 1, "{path}: {different:#?}");
    answers.into_iter().next().expect("an answer")
}

#[tokio::test]
async fn a_task_asked_for_twenty_times_at_once_is_made_once() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    one_answer(&world, Some(&acme.owner), "/api/v1/tasks", json!({ "project": project, "title": "Paint" })).await.expect(201);
    assert_eq!(acme.owner.list(&format!("/api/v1/tasks?project={project}")).await.len(), 1);
}

#[tokio::test]
async fn an_invoice_issued_twenty_times_at_once_has_one_number() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let client = client(&acme).await;
    let invoice = id(&acme.owner.post("/api/v1/invoices", json!({ "client": client, "lines": [line()] })).await.expect(201));
    let issued = one_answer(&world, Some(&acme.owner), &format!("/api/v1/invoices/{invoice}/issue"), json!({})).await.expect(200);
    assert!(issued["number"].as_str().is_some_and(|number| number.ends_with("-0001")), "{issued}");
}

#[tokio::test]
async fn words_sent_twenty_times_at_once_are_said_once() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let conversation = id(&acme.owner.list("/api/v1/conversations").await[0]);
    let path = format!("/api/v1/conversations/{conversation}/messages");
    one_answer(&world, Some(&acme.owner), &path, json!({ "text": "Hello" })).await.expect(201);
    assert_eq!(acme.owner.list(&path).await.len(), 1);
}

#[tokio::test]
async fn a_conversation_started_twenty_times_at_once_is_one() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    one_answer(&world, Some(&acme.owner), "/api/v1/conversations", json!({ "with": ben.id })).await.expect(201);
    assert_eq!(ben.list("/api/v1/conversations").await.len(), 2);
}

#[tokio::test]
async fn an_organisation_that_signs_up_twenty_times_at_once_is_one() {
    let world = World::new().await;
    let mia = world.email("mia");
    let form = json!({
        "name": "Mia", "email": mia, "password": "correct horse battery", "organization": "Acme",
        "address": "1 Mill Lane", "phone": "12345", "expected_users": 3
    });
    one_answer(&world, None, "/api/v1/auth/register", form).await.expect(201);
    world.idle().await;
    assert_eq!(world.mails(&mia).await.len(), 1);
}
