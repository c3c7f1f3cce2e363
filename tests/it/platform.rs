//! Those who run the platform: how they sign in, what they see of organisations, and what they do to them.

mod second_factor;
mod suspension;
mod usage;

use crate::{
    access::name,
    cases::{cases, cases_of, objects, public_operations},
    keys::key,
    tokens::{SEED, known_key, part, signed, with},
};
use domain::policy::Role;
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tests::{Organization, Person, World};

const PASSWORD: &str = "correct horse battery";

/// What every operation of the platform is asked with. Names in braces stand for real objects.
pub(crate) const CASES: &[(&str, &str)] = &[
    ("POST /api/v1/platform/setup", r#"{"token":"x","name":"Eve","email":"eve@example.com","password":"correct horse battery"}"#),
    ("POST /api/v1/platform/login", r#"{"email":"eve@example.com","password":"correct horse battery"}"#),
    ("POST /api/v1/platform/join", r#"{"token":"x","name":"Eve","password":"correct horse battery"}"#),
    ("GET /api/v1/platform/me", ""),
    ("GET /api/v1/platform/operators", ""),
    ("POST /api/v1/platform/operators", r#"{"email":"eve@example.com"}"#),
    ("DELETE /api/v1/platform/operators/{operator}", ""),
    ("GET /api/v1/platform/tenants", ""),
    ("POST /api/v1/platform/tenants", r#"{"name":"New","address":"1 Road","phone":"12345","expected_users":1,"owner":"eve@example.com"}"#),
    ("GET /api/v1/platform/tenants/{organization}", ""),
    ("PATCH /api/v1/platform/tenants/{organization}", r#"{"note":"Nice people"}"#),
    ("POST /api/v1/platform/tenants/{organization}/suspend", r#"{"reason":"x"}"#),
    ("POST /api/v1/platform/tenants/{organization}/resume", ""),
    ("POST /api/v1/platform/tenants/{organization}/remove", r#"{"reason":"x"}"#),
    ("POST /api/v1/platform/tenants/{organization}/keep", ""),
    ("POST /api/v1/platform/tenants/{organization}/invite-owner", r#"{"email":"eve@example.com"}"#),
    ("GET /api/v1/platform/tenants/{organization}/usage", ""),
    ("GET /api/v1/platform/usage", ""),
    ("GET /api/v1/platform/changes", ""),
    ("POST /api/v1/platform/change-password", r#"{"current":"correct horse battery","new":"correct horse battery"}"#),
    ("GET /api/v1/platform/second-factor", ""),
    ("POST /api/v1/platform/second-factor", r#"{"password":"correct horse battery"}"#),
    ("POST /api/v1/platform/second-factor/confirm", r#"{"code":"123456"}"#),
    ("POST /api/v1/platform/second-factor/recovery-codes", r#"{"password":"correct horse battery","code":"123456"}"#),
    ("POST /api/v1/platform/second-factor/switch-off", r#"{"password":"correct horse battery","code":"123456"}"#),
    ("POST /api/v1/platform/logout", ""),
];

fn tenant(organization: &Organization) -> String {
    format!("/api/v1/platform/tenants/{}", organization.id)
}

async fn suspend(operator: &Person, organization: &Organization) {
    operator.post(&format!("{}/suspend", tenant(organization)), json!({ "reason": "Nobody paid." })).await.expect(200);
}

/// Somebody more who runs the platform, by an invitation.
async fn another(operator: &Person) -> Person {
    let world = &operator.world;
    let email = world.email("bob");
    operator.post("/api/v1/platform/operators", json!({ "email": email })).await.expect(201);
    let form = json!({ "token": world.link(&email, "join-platform").await, "name": "Bob", "password": PASSWORD });
    world.post("/api/v1/platform/join", form.clone()).await.expect(201);
    world.post("/api/v1/platform/join", form).await.refused(409, "conflict");
    Person::sign_in_operator(world, &email).await
}

async fn names(operator: &Person, text: &str) -> BTreeSet<String> {
    let found = operator.list(&format!("/api/v1/platform/tenants?text={text}")).await;
    found.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn the_first_operator_is_made_once_by_the_setup_token() {
    let world = World::new().await;
    let form = |token: &str| json!({ "token": token, "name": "Eve", "email": world.email("eve"), "password": PASSWORD });
    for wrong in ["", "x", &format!("{}x", world.setup_token())] {
        world.post("/api/v1/platform/setup", form(wrong)).await.refused(403, "forbidden");
    }
    let operator = world.operator().await;
    world.post("/api/v1/platform/setup", form(&world.setup_token())).await.refused(409, "conflict");
    let me = operator.get("/api/v1/platform/me").await.expect(200);
    assert_eq!((&me["name"], &me["id"]), (&json!("Ada"), &json!(operator.id)));
}

#[tokio::test]
async fn the_setup_token_is_guessed_ten_times_an_hour() {
    let world = World::alone().await;
    let form = json!({ "token": "x", "name": "Eve", "email": "eve@example.com", "password": PASSWORD });
    for _ in 0..10 {
        world.post("/api/v1/platform/setup", form.clone()).await.refused(403, "forbidden");
    }
    world.post("/api/v1/platform/setup", form).await.refused(429, "too-many-requests");
}

#[tokio::test]
async fn no_token_of_an_organisation_opens_the_platform_and_no_operators_an_organisation() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let ben = acme.joins("Ben", "member").await;
    let mut ours = objects(&acme, &ben).await;
    ours.insert("operator", operator.id.clone());
    let public = public_operations();
    let mut people = vec![None];
    for role in Role::ALL {
        people.push(Some(acme.joins("Kim", &name(role)).await));
    }
    people.push(Some(key(&acme.owner, &["read_tasks", "edit_tasks"]).await.1));
    for case in cases_of(CASES).filter(|case| !public.contains(&case.operation())) {
        for person in &people {
            case.ask(&world, person.as_ref(), &ours).await.refused(401, "unauthenticated");
        }
    }
    for case in cases().filter(|case| !public.contains(&case.operation())) {
        let answer = case.ask(&world, Some(&operator), &ours).await;
        case.refused(answer, 401, "unauthenticated");
    }
    operator.get("/api/v1/platform/me").await.expect(200);
}

#[tokio::test]
async fn an_operators_token_is_refused_unless_all_it_says_is_right() {
    let world = known_key().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let good = operator.access.clone();
    let (header, claims) = (part(&good, 0), part(&good, 1));
    let (theirs, member) = (part(&acme.owner.access, 0), part(&acme.owner.access, 1));
    let now = world.now().await.as_second();
    let never = "01k9zt3vw8fqj2m4x6c7b5n0ra";
    let mut wrong = Vec::new();
    for place in (0..good.len()).filter(|place| good.as_bytes()[*place] != b'.') {
        let mut bytes = good.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        wrong.push(String::from_utf8(bytes).expect("text"));
    }
    for value in [None, Some(theirs["typ"].clone()), Some(json!("JWT")), Some(json!(""))] {
        wrong.push(signed(&with(&header, "typ", value), &claims, SEED));
    }
    wrong.push(signed(&with(&header, "alg", json!("none")), &claims, SEED));
    wrong.push(signed(&header, &claims, [8; 32]));
    for (name, values) in [
        ("aud", vec![None, Some(member["aud"].clone()), Some(json!("")), Some(json!(["office-copilot-platform", "other"]))]),
        ("iss", vec![None, Some(json!("https://evil.example"))]),
        ("exp", vec![None, Some(json!(now)), Some(json!("never"))]),
        ("iat", vec![None, Some(json!(now + 120))]),
        ("sub", vec![None, Some(member["sub"].clone()), Some(json!(format!("opr_{never}")))]),
        ("sid", vec![None, Some(member["sid"].clone()), Some(json!(format!("ses_{never}")))]),
        ("org", vec![Some(member["org"].clone())]),
        ("role", vec![Some(json!("operator"))]),
    ] {
        wrong.extend(values.into_iter().map(|value| signed(&header, &with(&claims, name, value), SEED)));
    }
    // A member's in the clothes of an operator's
    wrong.push(signed(&header, &with(&member, "aud", claims["aud"].clone()), SEED));
    wrong.push(acme.owner.access.clone());
    assert!(wrong.len() > 200);
    for token in wrong {
        Person { access: token, ..operator.clone() }.get("/api/v1/platform/me").await.refused(401, "unauthenticated");
    }
    // And the other way round
    let dressed = signed(&theirs, &with(&with(&claims, "aud", member["aud"].clone()), "org", member["org"].clone()), SEED);
    Person { access: dressed, ..operator.clone() }.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    let again = signed(&header, &claims, SEED);
    Person { access: again, ..operator.clone() }.get("/api/v1/platform/me").await.expect(200);
}

#[tokio::test]
async fn an_operator_is_signed_in_for_an_hour_and_out_at_once() {
    let world = World::alone().await;
    let first = world.operator().await;
    // The first may have been signed in for a while
    let (operator, bob) = (another(&first).await, another(&first).await);
    bob.post("/api/v1/platform/logout", json!({})).await.expect(204);
    bob.get("/api/v1/platform/me").await.refused(401, "unauthenticated");
    let (bob, other) = (Person::sign_in_operator(&world, &bob.email).await, Person::sign_in_operator(&world, &bob.email).await);
    let change = json!({ "current": "something else", "new": "wrong battery horse" });
    bob.post("/api/v1/platform/change-password", change).await.refused_fields(&["/current"]);
    let change = json!({ "current": PASSWORD, "new": "wrong battery horse" });
    bob.post("/api/v1/platform/change-password", change).await.expect(204);
    for device in [&bob, &other] {
        device.get("/api/v1/platform/me").await.refused(401, "unauthenticated");
    }
    world.advance(Duration::from_secs(30)).await;
    let code = world.operator_code(&bob.email).await;
    let login = |password: &str| json!({ "email": bob.email, "password": password, "code": code });
    world.post("/api/v1/platform/login", login(PASSWORD)).await.refused(401, "wrong-credentials");
    let token = world.post("/api/v1/platform/login", login("wrong battery horse")).await.expect(200);
    let bob = Person { access: token["access_token"].as_str().expect("a token").to_owned(), ..bob.clone() };

    operator.delete(&format!("/api/v1/platform/operators/{}", bob.id)).await.expect(204);
    bob.get("/api/v1/platform/me").await.refused(401, "unauthenticated");
    world.post("/api/v1/platform/login", login("wrong battery horse")).await.refused(401, "wrong-credentials");
    world.advance(Duration::from_secs(3500)).await;
    operator.get("/api/v1/platform/me").await.expect(200);
    world.advance(Duration::from_secs(70)).await;
    operator.get("/api/v1/platform/me").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn an_operators_password_is_guessed_ten_times_a_minute() {
    let world = World::alone().await;
    let operator = world.operator().await;
    for (email, times) in [(operator.email.clone(), 10), (world.email("nobody"), 10)] {
        let form = json!({ "email": email, "password": "something else" });
        for _ in 0..times {
            world.post("/api/v1/platform/login", form.clone()).await.refused(401, "wrong-credentials");
        }
        world.post("/api/v1/platform/login", form).await.refused(429, "too-many-requests");
    }
}

#[tokio::test]
async fn an_operators_invitation_can_be_taken_back() {
    let world = World::new().await;
    let (operator, eve) = (world.operator().await, world.email("eve"));
    let invited = operator.post("/api/v1/platform/operators", json!({ "email": eve })).await.expect(201);
    let form = json!({ "token": world.link(&eve, "join-platform").await, "name": "Eve", "password": PASSWORD });
    assert_eq!((&invited["name"], &invited["email"]), (&json!(null), &json!(eve)));
    let path = format!("/api/v1/platform/operators/{}", invited["id"].as_str().expect("an id"));
    operator.delete(&path).await.expect(204);
    operator.delete(&path).await.refused(404, "not-found");
    world.post("/api/v1/platform/join", form).await.refused(409, "conflict");
    operator.post("/api/v1/platform/operators", json!({ "email": operator.email })).await.refused(409, "conflict");
}

#[tokio::test]
async fn organisations_are_listed_latest_first_and_found_by_name_owner_and_id() {
    let world = World::alone().await;
    let operator = world.operator().await;
    let own = world.unique();
    let (first, second) = (format!("Quillon{own} Works"), format!("Quillon{own} Garden"));
    let (one, two) = (world.organization(&first).await, world.organization(&second).await);
    world.idle().await;
    let page = operator.get("/api/v1/platform/tenants?limit=1").await.expect(200);
    assert_eq!((&page["items"][0]["id"], &page["items"][0]["members"]), (&json!(two.id), &json!(1)));
    assert_eq!(page["items"][0]["owners"][0]["email"], json!(two.owner.email));
    let next = format!("/api/v1/platform/tenants?limit=1&cursor={}", page["next"].as_str().expect("more"));
    assert_eq!(operator.get(&next).await.expect(200)["items"][0]["id"], json!(one.id));

    let quillon = format!("quillon{own}");
    let both = BTreeSet::from([first.clone(), second.clone()]);
    assert_eq!(names(&operator, &quillon).await, both);
    assert_eq!(names(&operator, &format!("gard%20{quillon}")).await, BTreeSet::from([second.clone()]));
    assert_eq!(names(&operator, &one.owner.email).await, BTreeSet::from([first.clone()]));
    assert_eq!(names(&operator, &one.id).await, BTreeSet::from([first]));
    assert!(names(&operator, "nobody-has-this-word").await.is_empty());
    assert!(names(&operator, "org_00000000000000000000000000").await.is_empty());

    // Under another name, and with another owner, it is found by these alone
    operator.patch(&tenant(&two), json!({ "name": format!("Renamed{own}") })).await.expect(200);
    let ben = two.joins("Ben", "member").await;
    two.owner.post("/api/v1/organization/hand-over", json!({ "to": ben.id })).await.expect(200);
    world.idle().await;
    assert!(!names(&operator, &quillon).await.contains(&second));
    for text in [format!("renamed{own}"), ben.email] {
        assert_eq!(names(&operator, &text).await, BTreeSet::from([format!("Renamed{own}")]), "{text}");
    }
    let owners = operator.get(&tenant(&two)).await.expect(200)["tenant"]["owners"].clone();
    assert_eq!((owners.as_array().map(Vec::len), &owners[0]["user"]), (Some(1), &json!(ben.id)));
}

#[tokio::test]
async fn an_organisation_is_made_for_somebody_who_is_invited_to_own_it() {
    let world = World::new().await;
    let operator = world.operator().await;
    let (wrong, right) = (world.email("wrong"), world.email("rose"));
    let draft = json!({ "name": "Rose Gardens", "address": "1 Road", "phone": "12345", "expected_users": 5, "owner": wrong });
    let key = world.email("key");
    let made = operator.post_once(&key, "/api/v1/platform/tenants", draft.clone()).await.expect(201);
    let again = operator.post_once(&key, "/api/v1/platform/tenants", draft).await.expect(201);
    assert_eq!(made, again);
    assert_eq!((&made["tenant"]["members"], &made["tenant"]["owners"]), (&json!(0), &json!([])));
    assert_eq!(world.mails(&wrong).await.len(), 1);
    let (void, path) =
        (world.link(&wrong, "join").await, format!("/api/v1/platform/tenants/{}", made["tenant"]["id"].as_str().expect("an id")));

    operator.post(&format!("{path}/invite-owner"), json!({ "email": right })).await.expect(200);
    let join = |token: &str| json!({ "token": token, "name": "Rose", "password": PASSWORD });
    world.post("/api/v1/auth/join", join(&void)).await.refused(409, "conflict");
    let mail = &world.mails(&right).await[0];
    assert_eq!(mail["subject"], "Rose Gardens is ready for you");
    world.post("/api/v1/auth/join", join(&world.link(&right, "join").await)).await.expect(201);
    let rose = Person::login(&world, &right, PASSWORD).await;
    let verified = rose.get("/api/v1/auth/verify").await.expect(200);
    assert_eq!((&verified["role"], &verified["organization"]["name"]), (&json!("owner"), &json!("Rose Gardens")));
    assert_eq!(rose.list("/api/v1/departments").await.len(), 3);
    assert_eq!(rose.list("/api/v1/conversations").await.len(), 1);
    operator.post(&format!("{path}/invite-owner"), json!({ "email": wrong })).await.refused(409, "conflict");
    let now = operator.get(&path).await.expect(200);
    assert_eq!((&now["tenant"]["members"], &now["tenant"]["owners"][0]["email"]), (&json!(1), &json!(right)));
    rose.delete(&format!("/api/v1/auth/organizations/{}", verified["organization"]["id"].as_str().unwrap())).await.refused(409, "conflict");
}

#[tokio::test]
async fn two_operators_who_change_an_organisation_at_once_meet() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let edited = operator.patch_seen(0, &tenant(&acme), json!({ "note": "Nice people", "expected_users": 40 })).await;
    assert_eq!(edited.header("etag"), "\"1\"");
    let edited = edited.expect(200);
    assert_eq!((&edited["note"], &edited["tenant"]["expected_users"]), (&json!("Nice people"), &json!(40)));
    operator.patch_seen(0, &tenant(&acme), json!({ "note": "x" })).await.refused(412, "stale");
    // What the organisation itself does is no reason to refuse
    acme.joins("Ben", "member").await;
    operator.patch_seen(1, &tenant(&acme), json!({ "note": "y" })).await.expect(200);
    operator.patch(&tenant(&acme), json!({ "expected_users": 0 })).await.refused_fields(&["/expected_users"]);
    operator.patch(&tenant(&acme), json!({ "quota": { "members": 0 } })).await.refused_fields(&["/quota/members"]);
    for never in ["org_01k9zt3vw8fqj2m4x6c7b5n0ra", "org_00000000000000000000000000", "x"] {
        let path = format!("/api/v1/platform/tenants/{never}");
        operator.get(&path).await.refused(404, "not-found");
        operator.post(&format!("{path}/suspend"), json!({ "reason": "x" })).await.refused(404, "not-found");
    }
}

#[tokio::test]
async fn what_an_operator_does_is_on_record_with_who_and_the_organisation_reads_that_the_platform_did_it() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    operator.patch(&tenant(&acme), json!({ "note": "Secretly nice" })).await.expect(200);
    suspend(&operator, &acme).await;
    let acts = operator.list(&format!("/api/v1/platform/changes?organization={}", acme.id)).await;
    let actions: Vec<_> = acts.iter().map(|act| act["action"].as_str().expect("an action")).collect();
    assert_eq!(actions[0], "organization.suspended");
    assert!(actions.contains(&"organization.noted"));
    let act = &acts[0];
    assert_eq!((&act["by"]["operator"], &act["by"]["name"]), (&json!(operator.id), &json!("Ada")));
    assert_eq!((&act["before"]["suspension"], &act["after"]["suspension"]["reason"]), (&json!(null), &json!("Nobody paid.")));
    assert!(act["origin"]["address"].as_str().is_some_and(|address| !address.is_empty()));

    let trail = acme.owner.get(&format!("/api/v1/changes?record={}", acme.id)).await;
    let seen = &trail.json["items"][0];
    assert_eq!(seen["action"], "organization.suspended");
    assert_eq!((&seen["by"], &seen["origin"]["address"]), (&json!({ "user": null, "name": "The platform" }), &json!("")));
    assert_eq!(seen["after"]["suspension"]["reason"], "Nobody paid.");
    for secret in ["Secretly nice", operator.id.as_str(), "Ada"] {
        assert!(!trail.text.contains(secret), "{secret} stands on the organisation's trail");
    }
    // All that operators do stands in the whole trail, signing in as well, and no password
    let whole = operator.get("/api/v1/platform/changes?limit=100").await;
    assert!(whole.json["items"].as_array().expect("items").iter().any(|act| act["action"] == "operator.signed_in"));
    assert!(!whole.text.contains("argon2") && !whole.text.contains(PASSWORD));
}

#[test]
fn what_operators_may_is_read_in_one_place() {
    let rows = domain::platform::DUTIES
        .iter()
        .map(|row| format!("{:<22}reads {} / writes {}", row.duty, row.reads.join(" "), row.writes.join(" ")));
    insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn an_operators_list_gives_no_cursor_to_another_list() {
    let world = World::alone().await;
    let operator = world.operator().await;
    for name in ["One", "Two"] {
        world.organization(name).await;
    }
    let page: Value = operator.get("/api/v1/platform/tenants?limit=1").await.expect(200);
    let cursor = page["next"].as_str().expect("more");
    operator.get(&format!("/api/v1/platform/changes?cursor={cursor}")).await.refused(400, "bad-cursor");
    let unknown = world.ask(operator.request(Method::GET, "/api/v1/platform/tenants?name=x")).await;
    unknown.refused_fields(&["name"]);
}
