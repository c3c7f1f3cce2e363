//! The end of an organisation: planned, waited for, and then nothing of it is left.

use crate::{
    cases::{Objects, objects},
    files,
    keys::key,
    pictures,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Organization, Person, World};

const PASSWORD: &str = "correct horse battery";
const DAY: Duration = Duration::from_secs(24 * 3600);
const REMOVE: &str = "/api/v1/organization/remove";
const KEEP: &str = "/api/v1/organization/keep";

fn tenant(organization: &Organization) -> String {
    format!("/api/v1/platform/tenants/{}", organization.id)
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("{value} has no id")).to_owned()
}

async fn planned(operator: &Person, organization: &Organization) -> Value {
    operator.post(&format!("{}/remove", tenant(organization)), json!({ "reason": "The contract ended." })).await.expect(200)
}

/// An owner's wish, with the name and password that are typed.
fn wish(name: &str) -> Value {
    json!({ "name": name, "password": PASSWORD, "reason": "We are done." })
}

async fn subjects(person: &Person) -> Vec<Value> {
    person.world.mails(&person.email).await.iter().map(|mail| mail["subject"].clone()).collect()
}

/// Somebody of one organisation joins another as well, with the account they have.
async fn joins_too(person: &Person, other: &Organization) {
    other.owner.post("/api/v1/invitations", json!({ "email": person.email, "role": "member" })).await.expect(201);
    let form = json!({ "token": person.world.link(&person.email, "join").await, "password": PASSWORD });
    person.world.post("/api/v1/auth/join", form).await.expect(201);
}

/// Makes the organisation have everything one can have: records of every kind, files, pictures and papers.
async fn fill(acme: &Organization, ben: &Person) -> Objects {
    let (owner, world) = (&acme.owner, &ben.world);
    let made = objects(acme, ben).await;
    owner.post(&format!("/api/v1/invoices/{}/issue", made["invoice"]), json!({})).await.expect(200);
    owner.post("/api/v1/organization/join-code", json!({})).await.expect(200);
    let draft = json!({ "name": "plan.txt", "media_type": "text/plain", "bytes": 5, "task": made["task"] });
    let announced = owner.post("/api/v1/files", draft).await.expect(201);
    assert!((200..300).contains(&files::upload(world, &announced, b"Paint".to_vec(), &[]).await));
    owner.post(&files::path(&announced, "/complete"), json!({})).await.expect(200);
    pictures::shows_logo(owner).await;
    let due = (world.now().await + Duration::from_secs(365 * 24 * 3600)).to_string();
    let draft = json!({ "project": made["project"], "title": "Much later", "assignees": [ben.id], "due_at": due, "remind_minutes": 60 });
    let task = id(&owner.post("/api/v1/tasks", draft).await.expect(201));
    ben.post(&format!("/api/v1/tasks/{task}/comments"), json!({ "text": "Blue?" })).await.expect(201);
    // Somebody in their quiet hours: the mail waits
    let quiet = json!({ "quiet_hours": { "from": "00:00", "to": "23:59" } });
    ben.patch("/api/v1/auth/profile", quiet).await.expect(200);
    let draft = json!({ "project": made["project"], "title": "For Ben", "assignees": [ben.id] });
    owner.post_once(&world.email("key"), "/api/v1/tasks", draft).await.expect(201);
    // What was delivered for a webhook that is no more
    owner.delete(&format!("/api/v1/webhooks/{}", made["webhook"])).await.expect(204);
    let directory = key(owner, &["provision_members"]).await.1;
    directory.post("/scim/v2/Users", json!({ "userName": world.email("una"), "externalId": "00u1" })).await.expect(201);
    let message = json!({ "text": "Bye", "nonce": "once" });
    ben.post(&format!("/api/v1/conversations/{}/messages", made["conversation"]), message).await.expect(201);
    world.idle().await;
    made
}

/// Lets time go by until the removal is over, without asking anybody for it.
async fn wait_for_the_end(world: &World) {
    world.advance(Duration::from_secs(60)).await;
    for _ in 0..8 {
        world.idle().await;
        world.advance(Duration::from_secs(300)).await;
    }
    world.idle().await;
}

#[tokio::test]
async fn an_organisation_that_will_be_removed_reads_on_and_its_owners_are_told_when() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let ben = acme.joins("Ben", "member").await;
    let shown = planned(&operator, &acme).await;
    assert_eq!(shown["tenant"]["state"], "to_be_removed");
    let removal = &shown["tenant"]["removal"];
    assert_eq!((&removal["reason"], &removal["owner"], &removal["began_at"]), (&json!("The contract ended."), &json!(null), &json!(null)));
    let moment = |name: &str| removal[name].as_str().expect("a moment").parse::<jiff::Timestamp>().expect("a moment");
    assert_eq!(moment("at").duration_since(moment("asked_at")), jiff::SignedDuration::from_hours(30 * 24));

    acme.owner.get("/api/v1/organization").await.expect(200);
    let refused = acme.owner.patch("/api/v1/organization", json!({ "phone": "+44 20 7946 0001" })).await;
    let problem = refused.refused(403, "organization-suspended");
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.contains("it will be removed on") && detail.contains("The contract ended."), "{detail}");
    let mail = world.mails(&acme.owner.email).await.remove(0);
    assert_eq!(mail["subject"], "Acme will be removed");
    assert!(mail["text"].as_str().is_some_and(|text| text.contains("The contract ended.")), "{mail}");
    assert!(!subjects(&ben).await.contains(&json!("Acme will be removed")));
    operator.post(&format!("{}/remove", tenant(&acme)), json!({ "reason": "x" })).await.refused(409, "conflict");
    // What the platform decided is not the owner's to take back
    acme.owner.post(KEEP, json!({})).await.refused(409, "conflict");
    acme.owner.post(REMOVE, wish("Acme")).await.refused(409, "conflict");
}

#[tokio::test]
async fn what_is_kept_is_as_it_was_before_and_stays() {
    let world = World::alone().await;
    let (operator, acme, other) = (world.operator().await, world.organization("Acme").await, world.organization("Other").await);
    operator.post(&format!("{}/suspend", tenant(&other)), json!({ "reason": "Nobody paid." })).await.expect(200);
    for organization in [&acme, &other] {
        planned(&operator, organization).await;
    }
    world.idle().await;
    let kept = operator.post(&format!("{}/keep", tenant(&acme)), json!({})).await.expect(200);
    assert_eq!((&kept["tenant"]["state"], &kept["tenant"]["removal"]), (&json!("active"), &json!(null)));
    let kept = operator.post(&format!("{}/keep", tenant(&other)), json!({})).await.expect(200);
    assert_eq!((&kept["tenant"]["state"], &kept["tenant"]["suspension"]["reason"]), (&json!("suspended"), &json!("Nobody paid.")));
    operator.post(&format!("{}/keep", tenant(&acme)), json!({})).await.refused(409, "conflict");
    assert_eq!(subjects(&acme.owner).await[..2], [json!("Acme is kept"), json!("Acme will be removed")]);
    acme.owner.patch("/api/v1/organization", json!({ "phone": "+44 20 7946 0001" })).await.expect(200);

    world.advance(DAY * 31).await;
    wait_for_the_end(&world).await;
    let owner = Person::login(&world, &acme.owner.email, PASSWORD).await;
    owner.get("/api/v1/organization").await.expect(200);
    let acts = world.operator().await.list(&format!("/api/v1/platform/changes?organization={}", acme.id)).await;
    let actions: Vec<_> = acts.iter().map(|act| act["action"].as_str().expect("an action")).collect();
    assert_eq!(actions, ["organization.kept", "organization.removal_planned"]);
}

#[tokio::test]
async fn an_owner_types_name_and_password_and_can_think_better_of_it() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let (kim, ann) = (acme.joins("Kim", "owner").await, acme.joins("Ann", "admin").await);
    ann.post(REMOVE, wish("Acme")).await.refused(403, "forbidden");
    kim.post(REMOVE, wish("acme")).await.refused_fields(&["/name"]);
    let wrong = json!({ "name": "Acme", "password": "something else" });
    kim.post(REMOVE, wrong).await.refused_fields(&["/password"]);
    kim.patch("/api/v1/organization", json!({ "phone": "+44 20 7946 0001" })).await.expect(200);

    let removal = kim.post(REMOVE, wish("Acme")).await.expect(200);
    assert_eq!((&removal["owner"], &removal["reason"]), (&json!(kim.id), &json!("We are done.")));
    for owner in [&acme.owner, &kim] {
        assert_eq!(subjects(owner).await[0], "Acme will be removed");
    }
    acme.owner.patch("/api/v1/organization", json!({ "phone": "1" })).await.refused(403, "organization-suspended");
    ann.post(KEEP, json!({})).await.refused(403, "forbidden");
    // Another owner may take it back, and the platform as well
    acme.owner.post(KEEP, json!({})).await.expect(204);
    acme.owner.post(KEEP, json!({})).await.refused(409, "conflict");
    acme.owner.patch("/api/v1/organization", json!({ "phone": "+44 20 7946 0002" })).await.expect(200);
    acme.owner.post(REMOVE, wish("Acme")).await.expect(200);
    operator.post(&format!("{}/keep", tenant(&acme)), json!({})).await.expect(200);
    let changes = acme.owner.list(&format!("/api/v1/changes?record={}", acme.id)).await;
    let actions: Vec<_> = changes.iter().map(|change| change["action"].as_str().expect("an action")).collect();
    let [planned, kept] = ["organization.removal_planned", "organization.kept"];
    assert_eq!(actions.iter().filter(|action| [planned, kept].contains(action)).collect::<Vec<_>>(), [&kept, &planned, &kept, &planned]);
    // A suspended organisation may go as well: what it owes is owed elsewhere
    operator.post(&format!("{}/suspend", tenant(&acme)), json!({ "reason": "Nobody paid." })).await.expect(200);
    acme.owner.post(REMOVE, wish("Acme")).await.expect(200);
}

#[tokio::test]
async fn after_thirty_days_nothing_of_it_answers_and_its_neighbour_notices_nothing() {
    let world = World::alone().await;
    let (operator, acme, other) = (world.operator().await, world.organization("Acme").await, world.organization("Other").await);
    let ben = acme.joins("Ben", "member").await;
    let both = acme.joins("Kim", "admin").await;
    joins_too(&both, &other).await;
    fill(&acme, &ben).await;
    let zoe = world.email("zoe");
    acme.owner.post("/api/v1/invitations", json!({ "email": zoe, "role": "member" })).await.expect(201);
    let token = world.link(&zoe, "join").await;
    let code = acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200)["joining"]["code"].clone();
    let program = key(&acme.owner, &["read_tasks"]).await.1;
    let project = other.project("Garden").await;
    let task = id(&other.owner.task(&project, "Paint").await);
    planned(&operator, &acme).await;

    world.advance(DAY * 29).await;
    world.idle().await;
    let owner = Person::login(&world, &acme.owner.email, PASSWORD).await;
    owner.get("/api/v1/organization").await.expect(200);
    program.get("/api/v1/projects").await.refused(403, "forbidden");
    let live = owner.live().await;
    world.advance(DAY).await;
    drop(live);
    wait_for_the_end(&world).await;

    for person in [&owner, &program, &ben] {
        person.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
        person.get("/api/v1/projects").await.refused(401, "unauthenticated");
    }
    world.post("/api/v1/auth/refresh", json!({ "refresh_token": owner.refresh })).await.refused(401, "unauthenticated");
    let login = |email: &str| json!({ "email": email, "password": PASSWORD });
    for email in [&acme.owner.email, &ben.email] {
        world.post("/api/v1/auth/login", login(email)).await.refused(403, "forbidden");
    }
    world.post("/api/v1/auth/join", json!({ "token": token, "name": "Zoe", "password": PASSWORD })).await.refused(409, "conflict");
    world.post("/api/v1/auth/ask-to-join", json!({ "code": code, "email": zoe })).await.refused_fields(&["/code"]);

    // Whoever belongs elsewhere, too, is at home there, and sees nothing of what was
    let kim = Person::login(&world, &both.email, PASSWORD).await;
    let places = kim.list("/api/v1/auth/organizations").await;
    assert_eq!(places.iter().map(|place| place["name"].clone()).collect::<Vec<_>>(), [json!("Other")]);
    kim.post("/api/v1/auth/switch", json!({ "organization": acme.id })).await.refused(404, "not-found");
    kim.get(&format!("/api/v1/tasks/{task}")).await.expect(200);
    assert_eq!(Person::login(&world, &other.owner.email, PASSWORD).await.list(&format!("/api/v1/tasks?project={project}")).await.len(), 1);

    let operator = world.operator().await;
    let shown = operator.get(&tenant(&acme)).await.expect(200);
    assert_eq!((&shown["tenant"]["state"], &shown["tenant"]["name"], &shown["note"]), (&json!("removed"), &json!("Acme"), &json!("")));
    assert!(shown["tenant"]["removal"]["finished_at"].is_string(), "{shown}");
    let listed = operator.list(&format!("/api/v1/platform/tenants?text={}", acme.id)).await;
    assert_eq!(listed, [shown["tenant"].clone()]);
    let newest = operator.list("/api/v1/platform/tenants?limit=100").await;
    let state = |id: &str| newest.iter().find(|one| one["id"] == id).expect("it is listed")["state"].clone();
    assert_eq!((state(&acme.id), state(&other.id)), (json!("removed"), json!("active")));
    for act in ["suspend", "resume", "remove", "keep"] {
        let request = operator.request(Method::POST, &format!("{}/{act}", tenant(&acme)));
        world.ask(request.json(&json!({ "reason": "x" }))).await.refused(404, "not-found");
    }
    let acts = operator.list(&format!("/api/v1/platform/changes?organization={}", acme.id)).await;
    let actions: Vec<_> = acts.iter().map(|act| act["action"].as_str().expect("an action")).collect();
    assert_eq!(actions, ["organization.removed", "organization.removal_begun", "organization.removal_planned"]);
}

#[tokio::test]
async fn whose_organisation_is_gone_keeps_an_account_that_founds_and_joins_another() {
    let world = World::alone().await;
    let (acme, mut other) = (world.organization("Acme").await, world.organization("Other").await);
    let ben = acme.joins("Ben", "member").await;
    acme.owner.post(REMOVE, wish("Acme")).await.expect(200);
    world.advance(DAY * 30).await;
    wait_for_the_end(&world).await;
    other.owner = Person::login(&world, &other.owner.email, PASSWORD).await;

    let form = |password: &str| {
        json!({
            "name": "Mia", "email": acme.owner.email, "password": password, "organization": "Phoenix", "address": "1 Mill Lane",
            "phone": "+44 20 7946 0000", "expected_users": 5
        })
    };
    world.post("/api/v1/auth/register", form("something else")).await.refused(409, "conflict");
    let founded = world.post("/api/v1/auth/register", form(PASSWORD)).await.expect(201);
    assert_eq!(founded["user"]["id"], json!(acme.owner.id));
    world.post("/api/v1/auth/register", form(PASSWORD)).await.refused(409, "conflict");
    let mia = Person::login(&world, &acme.owner.email, PASSWORD).await;
    assert_eq!(mia.get("/api/v1/auth/verify").await.expect(200)["organization"]["name"], "Phoenix");
    assert_eq!(mia.list("/api/v1/conversations").await.len(), 1);

    // A forgotten password is had anew by whoever belongs nowhere
    world.post("/api/v1/auth/forgot-password", json!({ "email": ben.email })).await.expect(204);
    let reset = json!({ "token": world.link(&ben.email, "reset-password").await, "new": "wrong battery horse" });
    world.post("/api/v1/auth/reset-password", reset).await.expect(204);
    world.post("/api/v1/auth/login", json!({ "email": ben.email, "password": "wrong battery horse" })).await.refused(403, "forbidden");
    other.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "member" })).await.expect(201);
    let form = json!({ "token": world.link(&ben.email, "join").await, "password": "wrong battery horse" });
    world.post("/api/v1/auth/join", form).await.expect(201);
    let ben = Person::login(&world, &ben.email, "wrong battery horse").await;
    assert_eq!(ben.get("/api/v1/auth/verify").await.expect(200)["organization"]["name"], "Other");
}

/// Where something of an organisation stands that is not the platform's.
async fn left_of(world: &World, organization: &Organization) -> Vec<String> {
    let mut found = world.mentions(&organization.id).await;
    found.retain(|place| !place.starts_with("PLATFORM"));
    found
}

#[tokio::test]
async fn no_record_and_no_file_names_an_organisation_that_was_removed() {
    let world = World::alone().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let ben = acme.joins("Ben", "owner").await;
    joins_too(&ben, &other).await;
    fill(&acme, &ben).await;
    let live = acme.owner.live().await;
    let (planted, theirs) = (left_of(&world, &acme).await, left_of(&world, &other).await);
    for part in [
        "#ASSIGNEE#",
        "#SENT |",
        "#SOCKETS",
        "#MAILED",
        "#USAGE",
        "#EXTERNAL#",
        "TENANT_WORDS#",
        "TIMERS#",
        "/invoices/",
        "/files/",
        "/pictures/",
    ] {
        assert!(planted.iter().any(|place| place.contains(part)), "nothing was planted at {part}: {planted:#?}");
    }
    acme.owner.post(REMOVE, wish("Acme")).await.expect(200);
    world.advance(DAY * 30).await;
    drop(live);
    wait_for_the_end(&world).await;
    assert_eq!(left_of(&world, &acme).await, Vec::<String>::new());
    let now = left_of(&world, &other).await;
    // What forgets itself aside: sessions, mails that went out, answers kept for a day
    let lasting = |place: &&String| !["IDEMPOTENCY#", "#MAILED", "TICKET#", "SESSION#"].iter().any(|part| place.contains(part));
    for place in theirs.iter().filter(lasting) {
        assert!(now.contains(place), "{place} was another organisation's");
    }
}

#[tokio::test]
async fn a_removal_goes_on_through_a_store_that_fails_now_and_then() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    fill(&acme, &ben).await;
    let project = acme.project("Large").await;
    for n in 0..60 {
        acme.owner.task(&project, &format!("Task number {n}")).await;
    }
    world.idle().await;
    acme.owner.post(REMOVE, wish("Acme")).await.expect(200);
    world.idle().await;
    world.faults(50, 50).await;
    world.advance(DAY * 30).await;
    wait_for_the_end(&world).await;
    world.faults(0, 0).await;
    wait_for_the_end(&world).await;
    assert_eq!(left_of(&world, &acme).await, Vec::<String>::new());
    let shown = world.operator().await.get(&tenant(&acme)).await.expect(200);
    assert_eq!(shown["tenant"]["state"], "removed");
}
