//! Keys of programs: what one opens, for how long, and what is left of it.

use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Person, World};

const KEYS: &str = "/api/v1/api-keys";
const HOUR: Duration = Duration::from_secs(3_600);

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("{value} has no id")).to_owned()
}

/// A program that holds this secret.
fn program(secret: &Value, maker: &Person) -> Person {
    Person { access: secret.as_str().unwrap_or_else(|| panic!("{secret} is no secret")).to_owned(), ..maker.clone() }
}

pub(crate) async fn key(maker: &Person, permissions: &[&str]) -> (String, Person) {
    let made = maker.post(KEYS, json!({ "name": "Nightly import", "permissions": permissions })).await.expect(201);
    (format!("{KEYS}/{}", id(&made["api_key"])), program(&made["secret"], maker))
}

async fn refused(program: &Person) {
    program.get("/api/v1/projects").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_nowhere() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let draft = json!({ "name": "Nightly import", "permissions": ["read_tasks", "read_projects"] });
    let first = acme.owner.post_once("one", KEYS, draft.clone()).await;
    let made = first.clone().expect(201);
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("ok_") && secret.len() == 129 && secret[3..].bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()));
    assert_eq!(first.header("location"), format!("{KEYS}/{}", id(&made["api_key"])));
    // The same request made again makes nothing, and does not show it
    let again = acme.owner.post_once("one", KEYS, draft).await;
    assert_eq!((again.header("location"), &again.json["secret"]), (first.header("location"), &Value::Null));
    assert_eq!(again.json["api_key"], made["api_key"]);
    let listed = acme.owner.list(KEYS).await;
    assert_eq!(listed, [made["api_key"].clone()]);
    assert_eq!((&listed[0]["state"], &listed[0]["made_by"]), (&json!("active"), &json!(acme.owner.id)));
    program(&made["secret"], &acme.owner).get("/api/v1/projects").await.expect(200);
    for path in [KEYS.to_owned(), first.header("location").to_owned(), "/api/v1/changes".to_owned()] {
        let text = acme.owner.get(&path).await.text;
        assert!(!text.contains(secret) && !text.contains("hash"), "{path} gives it away: {text}");
    }
}

#[tokio::test]
async fn a_program_stands_on_the_trail_under_its_own_name_and_that_of_who_answers_for_it() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let (path, import) = key(&acme.owner, &["edit_tasks", "comment_tasks", "read_tasks"]).await;
    let task = import.post_once("one", "/api/v1/tasks", json!({ "project": project, "title": "Paint" })).await.expect(201);
    let change = acme.owner.list(&format!("/api/v1/changes?record={}", id(&task))).await.remove(0);
    let by = json!({ "user": acme.owner.id, "name": "Nightly import (key of Acme Owner)", "key": path.rsplit('/').next() });
    assert_eq!(change["by"], by);
    let comment = import.post(&format!("/api/v1/tasks/{}/comments", id(&task)), json!({ "text": "Imported" })).await.expect(201);
    assert_eq!(comment["author_name"], "Nightly import (key of Acme Owner)");
    // Its retries are its own, and so are its pages
    let again = import.post_once("one", "/api/v1/tasks", json!({ "project": project, "title": "Paint" })).await.expect(201);
    assert_eq!(again, task);
    let hers = acme.owner.post_once("one", "/api/v1/tasks", json!({ "project": project, "title": "Paint" })).await.expect(201);
    assert_ne!(id(&hers), id(&task));
    let page = import.get(&format!("/api/v1/tasks?project={project}&limit=1")).await.expect(200);
    let next = page["next"].as_str().unwrap();
    assert_eq!(import.get(&format!("/api/v1/tasks?project={project}&limit=1&cursor={next}")).await.expect(200)["items"][0], hers);
}

#[tokio::test]
async fn a_key_cannot_do_what_is_for_people_and_is_told_so() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (_, import) = key(&acme.owner, &["read_tasks"]).await;
    for path in ["/api/v1/auth/profile", "/api/v1/notifications", "/api/v1/conversations", "/api/v1/api-keys", "/api/v1/invitations"] {
        let problem = import.get(path).await.refused(403, "people-only");
        assert_eq!(problem["detail"], "a key cannot do this; log in");
    }
    import.post("/api/v1/socket-tickets", json!({})).await.refused(403, "people-only");
    import.get("/api/v1/clients").await.refused(403, "forbidden");
    for permissions in [json!(["use_account"]), json!(["read_tasks", "manage_roles"]), json!(["converse"]), json!([])] {
        let draft = json!({ "name": "x", "permissions": permissions });
        acme.owner.post(KEYS, draft).await.refused_fields(&["/permissions"]);
    }
}

#[tokio::test]
async fn a_key_may_no_more_than_who_answers_for_it_may_now() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, ben) = (acme.joins("Ann", "admin").await, acme.joins("Ben", "member").await);
    let desk = json!({ "name": "Machines", "permissions": ["manage_integrations"] });
    let desk = id(&acme.owner.post("/api/v1/roles", desk).await.expect(201));
    acme.owner.patch(&format!("/api/v1/members/{}", ben.id), json!({ "roles": [desk] })).await.expect(200);
    // Nobody makes, widens or takes over a key that may more than they
    ben.post(KEYS, json!({ "name": "x", "permissions": ["read_billing"] })).await.refused_fields(&["/permissions"]);
    let (path, billing) = key(&ann, &["read_billing", "read_projects"]).await;
    ben.patch(&path, json!({ "name": "Mine" })).await.refused_fields(&["/permissions"]);
    ben.post(&format!("{path}/rotate"), json!({})).await.refused_fields(&["/permissions"]);
    billing.get("/api/v1/clients").await.expect(200);
    // What is taken from its maker is taken from it, at the next request
    acme.owner.patch(&format!("/api/v1/members/{}", ann.id), json!({ "role": "member" })).await.expect(200);
    billing.get("/api/v1/clients").await.refused(403, "forbidden");
    billing.get("/api/v1/projects").await.expect(200);
    // But to revoke one, whoever manages them may
    ben.delete(&path).await.expect(204);
    refused(&billing).await;
}

#[tokio::test]
async fn a_key_ends_with_who_answers_for_it_unless_somebody_takes_it_over() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ann = acme.joins("Ann", "admin").await;
    let member = format!("/api/v1/members/{}", ann.id);
    let (path, import) = key(&ann, &["read_projects"]).await;
    import.get("/api/v1/projects").await.expect(200);
    acme.owner.post(&format!("{member}/deactivate"), json!({})).await.expect(200);
    refused(&import).await;
    assert_eq!(acme.owner.get(&path).await.expect(200)["state"], "orphaned");
    // Whatever a copy of the old secret is worth, it is not worth a grace
    let rotated = acme.owner.post(&format!("{path}/rotate"), json!({ "grace_minutes": 60 })).await.expect(200);
    assert_eq!((&rotated["api_key"]["state"], &rotated["api_key"]["made_by"]), (&json!("active"), &json!(acme.owner.id)));
    program(&rotated["secret"], &acme.owner).get("/api/v1/projects").await.expect(200);
    refused(&import).await;
    // Who is let in again begins anew, with keys as with sessions
    world.advance(Duration::from_secs(10)).await;
    acme.owner.post(&format!("{member}/reactivate"), json!({})).await.expect(200);
    refused(&import).await;
}

#[tokio::test]
async fn a_rotated_key_takes_both_secrets_for_the_grace_that_was_chosen() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let (path, old) = key(&acme.owner, &["read_projects"]).await;
    acme.owner.post(&format!("{path}/rotate"), json!({ "grace_minutes": 10_081 })).await.refused_fields(&["/grace_minutes"]);
    let rotated = acme.owner.post(&format!("{path}/rotate"), json!({ "grace_minutes": 60 })).await.expect(200);
    let new = program(&rotated["secret"], &acme.owner);
    for program in [&old, &new] {
        program.get("/api/v1/projects").await.expect(200);
    }
    world.advance(HOUR).await;
    refused(&old).await;
    new.get("/api/v1/projects").await.expect(200);
    let owner = Person::login(&world, &acme.owner.email, "correct horse battery").await;
    let last = owner.post(&format!("{path}/rotate"), json!({})).await.expect(200);
    refused(&new).await;
    program(&last["secret"], &owner).get("/api/v1/projects").await.expect(200);
    let actions: Vec<_> = owner.list(&format!("/api/v1/changes?record={}", path.rsplit('/').next().unwrap())).await;
    let actions: Vec<_> = actions.iter().map(|change| change["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["api_key.rotated", "api_key.rotated", "api_key.created"], "using a key is no change of it");
}

#[tokio::test]
async fn a_key_ends_at_its_time_and_when_it_is_revoked() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ends = world.now().await + jiff::SignedDuration::from_mins(5);
    let draft = |at: String| json!({ "name": "Short", "permissions": ["read_projects"], "expires_at": at });
    let made = acme.owner.post(KEYS, draft(ends.to_string())).await.expect(201);
    let short = program(&made["secret"], &acme.owner);
    short.get("/api/v1/projects").await.expect(200);
    for wrong in ["2020-01-01T00:00:00Z", "2200-01-01T00:00:00Z"] {
        acme.owner.post(KEYS, draft(wrong.to_owned())).await.refused_fields(&["/expires_at"]);
    }
    world.advance(Duration::from_secs(300)).await;
    refused(&short).await;
    let path = format!("{KEYS}/{}", id(&made["api_key"]));
    assert_eq!(acme.owner.get(&path).await.expect(200)["state"], "expired");
    // It can be given more time, and is then what it was
    acme.owner.patch_seen(made["api_key"]["version"].as_u64().unwrap(), &path, json!({ "expires_at": null })).await.expect(200);
    short.get("/api/v1/projects").await.expect(200);
    acme.owner.delete(&path).await.expect(204);
    refused(&short).await;
    acme.owner.get(&path).await.refused(404, "not-found");
    assert!(acme.owner.list(KEYS).await.is_empty());
}

#[tokio::test]
async fn a_key_shows_when_it_was_used_to_the_hour() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let (path, import) = key(&acme.owner, &["read_projects"]).await;
    assert_eq!(acme.owner.get(&path).await.expect(200)["last_used_at"], Value::Null);
    let used = async || acme.owner.get(&path).await.expect(200)["last_used_at"].clone();
    // Even for what it may not do
    import.get("/api/v1/clients").await.refused(403, "forbidden");
    let first = used().await;
    assert!(first.is_string());
    // Whatever it is used for first
    let (trail, reader) = key(&acme.owner, &["read_audit"]).await;
    reader.get("/api/v1/changes").await.expect(200);
    assert!(acme.owner.get(&trail).await.expect(200)["last_used_at"].is_string());
    world.advance(Duration::from_secs(600)).await;
    import.get("/api/v1/projects").await.expect(200);
    assert_eq!(used().await, first);
}

#[tokio::test]
async fn a_key_with_any_slip_and_one_of_another_organisation_open_nothing() {
    let world = World::new().await;
    let (acme, evil) = (world.organization("Acme").await, world.organization("Evil").await);
    let (path, import) = key(&acme.owner, &["read_projects"]).await;
    let (_, theirs) = key(&evil.owner, &["read_projects"]).await;
    let ask = async |token: &str| -> Answer { Person { access: token.to_owned(), ..import.clone() }.get("/api/v1/projects").await };
    for place in (0..import.access.len()).step_by(3) {
        let mut token = import.access.clone();
        let other = if &token[place..=place] == "7" { "8" } else { "7" };
        token.replace_range(place..=place, other);
        ask(&token).await.refused(401, "unauthenticated");
    }
    // Whole in itself and made of two, with a checksum that fits
    for cut in [29, 55, 81] {
        let text = format!("{}{}", &import.access[..cut], &theirs.access[cut..121]);
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let checksum: String = digest.as_ref()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        ask(&format!("{text}{checksum}")).await.refused(401, "unauthenticated");
    }
    for token in ["ok_", "ok_x", &import.access[..128], &import.access.to_uppercase()] {
        ask(token).await.refused(401, "unauthenticated");
    }
    ask(&import.access).await.expect(200);
    evil.owner.get(&path).await.refused(404, "not-found");
    evil.owner.delete(&path).await.refused(404, "not-found");
}

#[tokio::test]
async fn an_organisation_has_a_hundred_keys_at_the_most() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    for _ in 0..100 {
        key(&acme.owner, &["read_projects"]).await;
    }
    acme.owner.post(KEYS, json!({ "name": "x", "permissions": ["read_projects"] })).await.refused(409, "conflict");
    assert_eq!(acme.owner.list(KEYS).await.len(), 100);
}

#[tokio::test]
async fn owners_are_told_that_keys_open_nothing_more_because_their_maker_is_gone() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ann = acme.joins("Ann", "admin").await;
    for name in ["Import", "Export"] {
        ann.post("/api/v1/api-keys", json!({ "name": name, "permissions": ["read_tasks"] })).await.expect(201);
    }
    acme.owner.post("/api/v1/api-keys", json!({ "name": "Mine", "permissions": ["read_tasks"] })).await.expect(201);
    acme.owner.post(&format!("/api/v1/members/{}/deactivate", ann.id), json!({})).await.expect(200);
    world.idle().await;
    let told = acme.owner.list("/api/v1/notifications").await.remove(0);
    assert_eq!(told["reason"], "keys_orphaned");
    let text = "2 keys of Ann open nothing more until somebody rotates them: Import, Export";
    assert_eq!(told["text"], text);
    let mail = world.mails(&acme.owner.email).await.remove(0);
    assert_eq!(mail["subject"], text);
    let (ben, cleo) = (acme.joins("Ben", "member").await, acme.joins("Cleo", "admin").await);
    cleo.post("/api/v1/api-keys", json!({ "name": "Backup", "permissions": ["read_tasks"] })).await.expect(201);
    for person in [&ben, &cleo] {
        acme.owner.post(&format!("/api/v1/members/{}/deactivate", person.id), json!({})).await.expect(200);
    }
    world.idle().await;
    let told = acme.owner.list("/api/v1/notifications").await;
    assert_eq!(told.len(), 2, "of whoever has none nothing is told");
    assert_eq!(told[0]["text"], "One key of Cleo opens nothing more until somebody rotates it: Backup");
}
