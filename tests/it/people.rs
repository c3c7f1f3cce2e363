//! Signing up, joining, logging in and out.

use serde_json::{Value, json};
use tests::{Answer, Person, World};

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn an_organisation_signs_up_and_its_owner_logs_in() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let verified = acme.owner.get("/api/v1/auth/verify").await.expect(200);
    assert_eq!((&verified["role"], &verified["organization"]["name"]), (&json!("owner"), &json!("Acme")));
    let departments = acme.owner.list("/api/v1/departments").await;
    assert_eq!(departments.len(), 3);
    let channels = acme.owner.list("/api/v1/conversations").await;
    assert_eq!(channels[0]["audience"], json!({ "kind": "everyone", "name": "general" }));
}

#[tokio::test]
async fn an_email_address_has_one_account() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let again = json!({ "name": "Eve", "email": acme.owner.email, "password": PASSWORD, "organization": "Evil", "address": "1 Road", "phone": "12345", "expected_users": 1 });
    world.post("/api/v1/auth/register", again).await.refused(409, "conflict");
}

#[tokio::test]
async fn the_address_is_confirmed_by_the_link_of_the_welcome_mail_and_the_password_of_who_signed_up() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let token = world.link(&acme.owner.email, "verify-email").await;
    let confirm =
        async |token: &str, password: &str| world.post("/api/v1/auth/verify-email", json!({ "token": token, "password": password })).await;
    confirm(&format!("{token}x"), PASSWORD).await.refused(409, "conflict");
    // Whoever has the address may be another than whoever signed up with it, and did not choose the password
    confirm(&token, "wrong horse battery").await.refused(401, "wrong-credentials");
    assert_eq!(acme.owner.get("/api/v1/auth/profile").await.expect(200)["email_verified"], false);
    confirm(&token, PASSWORD).await.expect(204);
    assert_eq!(acme.owner.get("/api/v1/auth/profile").await.expect(200)["email_verified"], true);
}

#[tokio::test]
async fn the_mail_that_confirms_an_address_is_sent_again_until_it_is_confirmed() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let resend = async |person: &Person| person.post("/api/v1/auth/verify-email/resend", json!({})).await;
    let mails = async || world.mails(&acme.owner.email).await;
    let count = mails().await.len();
    world.advance(std::time::Duration::from_secs(25 * 3600)).await;
    let owner = Person::login(&world, &acme.owner.email, PASSWORD).await;
    resend(&owner).await.expect(204);
    assert_eq!((mails().await.len(), &mails().await[0]["subject"]), (count + 1, &json!("Confirm your address for Office Copilot")));
    let token = world.link(&owner.email, "verify-email").await;
    // Nobody is sent more than a few, and nobody else is kept waiting
    for _ in 0..4 {
        resend(&owner).await.expect(204);
    }
    let answer = resend(&owner).await;
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds <= 3600));
    answer.refused(429, "too-many-requests");
    assert_eq!(mails().await.len(), count + 5);
    let other = world.organization("Other").await.owner;
    resend(&other).await.expect(204);

    world.post("/api/v1/auth/verify-email", json!({ "token": token, "password": PASSWORD })).await.expect(204);
    assert_eq!(owner.get("/api/v1/auth/profile").await.expect(200)["email_verified"], true);
    for _ in 0..6 {
        resend(&owner).await.expect(204);
    }
    assert_eq!(mails().await.len(), count + 5, "there is nothing to confirm any more");
}

#[tokio::test]
async fn a_logged_out_token_is_refused_at_once() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let other_device = Person::login(&world, &acme.owner.email, PASSWORD).await;
    acme.owner.post("/api/v1/auth/logout", json!({})).await.expect(204);
    acme.owner.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    world.post("/api/v1/auth/refresh", json!({ "refresh_token": acme.owner.refresh })).await.refused(401, "unauthenticated");
    other_device.get("/api/v1/auth/verify").await.expect(200);
}

#[tokio::test]
async fn a_colleague_joins_by_a_link_that_works_once() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let email = world.email("ben");
    acme.owner.post("/api/v1/invitations", json!({ "email": email, "role": "member" })).await.expect(201);
    let token = world.link(&email, "join").await;
    let form = json!({ "token": token, "name": "Ben", "password": PASSWORD });
    let member = world.post("/api/v1/auth/join", form.clone()).await.expect(201);
    assert_eq!((&member["name"], &member["role"]), (&json!("Ben"), &json!("member")));
    world.post("/api/v1/auth/join", form).await.refused(409, "conflict");
    let ben = Person::login(&world, &email, PASSWORD).await;
    assert_eq!(ben.get("/api/v1/auth/verify").await.expect(200)["organization"]["id"], acme.id);
    assert!(acme.owner.list("/api/v1/invitations").await.is_empty());
}

#[tokio::test]
async fn somebody_with_an_account_joins_another_organisation_and_opens_either() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    acme.owner.post("/api/v1/invitations", json!({ "email": other.owner.email, "role": "member" })).await.expect(201);
    let token = world.link(&other.owner.email, "join").await;
    world.post("/api/v1/auth/join", json!({ "token": token, "password": "something else" })).await.refused(401, "wrong-credentials");
    world.post("/api/v1/auth/join", json!({ "token": token, "password": PASSWORD })).await.expect(201);
    for (organization, role) in [(&acme.id, "member"), (&other.id, "owner")] {
        let login = json!({ "email": other.owner.email, "password": PASSWORD, "organization": organization });
        let access = world.post("/api/v1/auth/login", login).await.expect(200)["access_token"].as_str().unwrap().to_owned();
        let verified = Person { access, ..other.owner.clone() }.get("/api/v1/auth/verify").await.expect(200);
        assert_eq!((&verified["organization"]["id"], &verified["role"]), (&json!(organization), &json!(role)));
    }
    let third = world.organization("Third").await;
    let login = json!({ "email": other.owner.email, "password": PASSWORD, "organization": third.id });
    world.post("/api/v1/auth/login", login).await.refused(401, "wrong-credentials");
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_a_link_that_works_once_and_ends_every_session() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let owner = &acme.owner;
    let (forgot, reset) = ("/api/v1/auth/forgot-password", "/api/v1/auth/reset-password");
    let nobody = world.email("nobody");
    let answers = [world.post(forgot, json!({ "email": owner.email })).await, world.post(forgot, json!({ "email": nobody })).await];
    assert!(answers.iter().all(|answer| answer.status == 204 && answer.text.is_empty()), "the answer tells who has an account");
    assert!(world.mails(&nobody).await.is_empty());
    let token = world.link(&owner.email, "reset-password").await;
    let mut live = owner.live().await;

    let new = "wrong battery horse";
    world.post(reset, json!({ "token": token, "new": "short" })).await.refused_fields(&["/new"]);
    world.post(reset, json!({ "token": format!("{token}x"), "new": new })).await.refused(409, "conflict");
    world.post(reset, json!({ "token": token, "new": new })).await.expect(204);
    world.post(reset, json!({ "token": token, "new": PASSWORD })).await.refused(409, "conflict");
    owner.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    while live.read().await.is_some() {}
    world.post("/api/v1/auth/login", json!({ "email": owner.email, "password": PASSWORD })).await.refused(401, "wrong-credentials");
    let again = Person::login(&world, &owner.email, new).await;
    assert_eq!(again.get("/api/v1/auth/profile").await.expect(200)["email_verified"], true, "whoever has the mail has the address");
}

#[tokio::test]
async fn a_link_for_a_new_password_is_good_for_an_hour_and_until_the_password_changes() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ask = async |email: &str| {
        world.post("/api/v1/auth/forgot-password", json!({ "email": email })).await.expect(204);
        world.link(email, "reset-password").await
    };
    let reset = async |token: &str| world.post("/api/v1/auth/reset-password", json!({ "token": token, "new": "new horse battery" })).await;
    let (first, second) = (ask(&acme.owner.email).await, ask(&acme.owner.email).await);
    reset(&second).await.expect(204);
    reset(&first).await.refused(409, "conflict");
    let late = ask(&acme.owner.email).await;
    world.advance(std::time::Duration::from_secs(3600)).await;
    reset(&late).await.refused(409, "conflict");
    // The sixth in an hour waits, whoever it is for
    let nobody = world.email("nobody");
    for _ in 0..5 {
        world.post("/api/v1/auth/forgot-password", json!({ "email": nobody })).await.expect(204);
    }
    let answer = world.post("/api/v1/auth/forgot-password", json!({ "email": nobody })).await;
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds <= 3600));
    answer.refused(429, "too-many-requests");
}

#[tokio::test]
async fn a_person_switches_between_their_organisations_without_a_password() {
    let world = World::alone().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let owner = &other.owner;
    world.advance(std::time::Duration::from_secs(60)).await;
    acme.owner.post("/api/v1/invitations", json!({ "email": owner.email, "role": "member" })).await.expect(201);
    world.post("/api/v1/auth/join", json!({ "token": world.link(&owner.email, "join").await, "password": PASSWORD })).await.expect(201);
    let mine = owner.list("/api/v1/auth/organizations").await;
    let mut told: Vec<_> = mine.iter().map(|one| json!([one["name"], one["role"], one["current"]])).collect();
    told.sort_by_key(ToString::to_string);
    assert_eq!(told, [json!(["Acme", "member", false]), json!(["Other", "owner", true])]);

    let pair = owner.post("/api/v1/auth/switch", json!({ "organization": acme.id })).await.expect(200);
    let text = |name: &str| pair[name].as_str().expect("a text").to_owned();
    let there = Person { access: text("access_token"), refresh: text("refresh_token"), ..owner.clone() };
    let verified = there.get("/api/v1/auth/verify").await.expect(200);
    assert_eq!((&verified["organization"]["id"], &verified["role"]), (&json!(acme.id), &json!("member")));
    world.post("/api/v1/auth/refresh", json!({ "refresh_token": there.refresh })).await.expect(200);
    // The session one came from goes on, and nothing of the one is seen from the other
    assert_eq!(owner.get("/api/v1/auth/verify").await.expect(200)["organization"]["id"], other.id);
    owner.get(&format!("/api/v1/members/{}", acme.owner.id)).await.refused(404, "not-found");

    let third = world.organization("Third").await;
    owner.post("/api/v1/auth/switch", json!({ "organization": third.id })).await.refused(404, "not-found");
    acme.owner.delete(&format!("/api/v1/members/{}", owner.id)).await.expect(204);
    owner.post("/api/v1/auth/switch", json!({ "organization": acme.id })).await.refused(404, "not-found");
    assert_eq!(owner.list("/api/v1/auth/organizations").await.len(), 1);
}

#[tokio::test]
async fn people_ask_to_join_by_a_code_and_somebody_says_yes() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ask = async |code: &str, email: &str| world.post("/api/v1/auth/ask-to-join", json!({ "code": code, "email": email })).await;
    let code = async |draft| {
        let organization = acme.owner.post("/api/v1/organization/join-code", draft).await.expect(200);
        organization["joining"]["code"].as_str().expect("a code").to_owned()
    };
    let (first, ben) = (code(json!({})).await, world.email("ben"));
    ask(&first, &ben).await.expect(204);
    assert!(world.mails(&ben).await.is_empty(), "nobody has said yes");
    let asked = acme.owner.list("/api/v1/invitations").await;
    assert_eq!((&asked[0]["email"], &asked[0]["state"], &asked[0]["invited_by"]), (&json!(ben), &json!("requested"), &json!(null)));
    let told = &acme.owner.list("/api/v1/notifications").await[0];
    assert_eq!((&told["reason"], &told["subject"]["id"]), (&json!("join_requested"), &asked[0]["id"]));
    let mails = world.mails(&acme.owner.email).await;
    assert!(mails.iter().any(|mail| mail["subject"] == format!("{ben} asks to join Acme")), "{mails:?}");
    let path = format!("/api/v1/invitations/{}", asked[0]["id"].as_str().expect("an id"));
    acme.owner.post(&format!("{path}/resend"), json!({})).await.refused(409, "conflict");
    acme.owner.post(&format!("{path}/approve"), json!({ "role": "accountant" })).await.expect(200);
    acme.owner.post(&format!("{path}/approve"), json!({})).await.refused(409, "conflict");
    let form = json!({ "token": world.link(&ben, "join").await, "name": "Ben", "password": PASSWORD });
    assert_eq!(world.post("/api/v1/auth/join", form).await.expect(201)["role"], "accountant");

    // Without approval the link comes at once, and a new code ends the one before
    let second = code(json!({ "approval": false })).await;
    ask(&first, &world.email("x")).await.refused_fields(&["/code"]);
    let cleo = world.email("cleo");
    ask(&second, &cleo).await.expect(204);
    assert_eq!(world.mails(&cleo).await[0]["subject"], "Join Acme");
    let form = json!({ "token": world.link(&cleo, "join").await, "name": "Cleo", "password": PASSWORD });
    assert_eq!(world.post("/api/v1/auth/join", form).await.expect(201)["role"], "member");

    acme.owner.delete("/api/v1/organization/join-code").await.expect(204);
    ask(&second, &world.email("x")).await.refused_fields(&["/code"]);
    let ned = world.email("ned");
    for _ in 0..5 {
        ask("0000000000", &ned).await.refused_fields(&["/code"]);
    }
    ask("0000000000", &ned).await.refused(429, "too-many-requests");
}

#[tokio::test]
async fn everybody_who_may_answer_is_told_that_somebody_asks_to_join_and_nobody_else() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, cleo, dan) = (acme.joins("Ann", "admin").await, acme.joins("Cleo", "member").await, acme.joins("Dan", "member").await);
    let (ben, eve) = (acme.joins("Ben", "manager").await, acme.joins("Eve", "admin").await);
    let make = async |what: &str| {
        let draft = json!({ "name": "Desk", "permissions": ["invite_members"] });
        acme.owner.post(&format!("/api/v1/{what}"), draft).await.expect(201)["id"].clone()
    };
    let (role, group) = (make("roles").await, make("groups").await);
    let give = async |person: &Person, edit| acme.owner.patch(&format!("/api/v1/members/{}", person.id), edit).await.expect(200);
    give(&cleo, json!({ "roles": [role] })).await;
    give(&dan, json!({ "groups": [group] })).await;
    // Somebody who has it twice is told once
    give(&ann, json!({ "groups": [group] })).await;
    acme.owner.post(&format!("/api/v1/members/{}/deactivate", eve.id), json!({})).await.expect(200);
    world.idle().await;
    let organization = acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200);
    let ned = world.email("ned");
    world.post("/api/v1/auth/ask-to-join", json!({ "code": organization["joining"]["code"], "email": ned })).await.expect(204);
    let told = async |email: &str| {
        let mut mails = world.mails(email).await;
        mails.retain(|mail| mail["subject"] == format!("{ned} asks to join Acme"));
        mails
    };
    for person in [&acme.owner, &ann, &cleo, &dan] {
        let mails = told(&person.email).await;
        assert_eq!(mails.len(), 1, "{}", person.email);
        let person = Person::login(&world, &person.email, PASSWORD).await;
        assert_eq!(person.list("/api/v1/notifications").await[0]["reason"], "join_requested");
        let asked = person.list("/api/v1/invitations").await;
        assert_eq!(asked[0]["state"], "requested", "whoever is told can see to it");
    }
    assert!(told(&acme.owner.email).await[0]["text"].as_str().expect("a text").contains("because you may invite people"));
    for person in [&ben, &eve] {
        assert!(told(&person.email).await.is_empty(), "{}", person.email);
    }
}

#[tokio::test]
async fn somebody_who_asked_to_join_can_be_refused() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let organization = acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200);
    let ned = world.email("ned");
    world.post("/api/v1/auth/ask-to-join", json!({ "code": organization["joining"]["code"], "email": ned })).await.expect(204);
    let asked = acme.owner.list("/api/v1/invitations").await;
    let path = format!("/api/v1/invitations/{}", asked[0]["id"].as_str().expect("an id"));
    acme.owner.delete(&path).await.expect(204);
    acme.owner.post(&format!("{path}/approve"), json!({})).await.refused(409, "conflict");
    assert!(acme.owner.list("/api/v1/invitations").await.is_empty() && world.mails(&ned).await.is_empty());
}

async fn invite(by: &Person, email: &str) -> Answer {
    by.post("/api/v1/invitations", json!({ "email": email, "role": "member" })).await
}

#[tokio::test]
async fn nobody_is_invited_who_is_there_already_whatever_they_are() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, gus) = (acme.joins("Ben", "member").await, acme.joins("Gus", "guest").await);
    let key = json!({ "name": "Directory", "permissions": ["provision_members"] });
    let secret = acme.owner.post("/api/v1/api-keys", key).await.expect(201)["secret"].as_str().expect("a secret").to_owned();
    let (directory, una) = (Person { access: secret, ..acme.owner.clone() }, world.email("una"));
    directory.post("/scim/v2/Users", json!({ "userName": una })).await.expect(201);
    world.idle().await;
    for email in [&acme.owner.email, &ben.email, &ben.email.to_uppercase(), &gus.email, &una] {
        let refused = invite(&acme.owner, email).await.refused(409, "conflict");
        assert_eq!(refused["detail"], "somebody with this address is a member already", "{email}");
    }
    let member = format!("/api/v1/members/{}", ben.id);
    acme.owner.post(&format!("{member}/deactivate"), json!({})).await.expect(200);
    let refused = invite(&acme.owner, &ben.email).await.refused(409, "conflict");
    assert_eq!(refused["detail"], "somebody with this address is a member and deactivated; reactivate them instead");
    assert!(acme.owner.list("/api/v1/invitations").await.is_empty());
    let invited = async || world.mails(&ben.email).await.iter().filter(|mail| mail["subject"] == "Acme Owner invites you to Acme").count();
    assert_eq!(invited().await, 1);

    // Another organisation is told nothing of who is in this one
    let other = world.organization("Other").await;
    invite(&other.owner, &ben.email).await.expect(201);
    // Whoever went can come back, in the same moment
    acme.owner.delete(&member).await.expect(204);
    invite(&acme.owner, &ben.email).await.expect(201);
    assert_eq!(invited().await, 2);
}

#[tokio::test]
async fn whoever_joined_by_another_way_is_sent_no_invitation_again() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let email = world.email("ben");
    let first = invite(&acme.owner, &email).await.expect(201);
    let organization = acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200);
    let ask = json!({ "code": organization["joining"]["code"], "email": email });
    world.post("/api/v1/auth/ask-to-join", ask).await.expect(204);
    let listed = acme.owner.list("/api/v1/invitations").await;
    let asked = listed.iter().find(|one| one["state"] == "requested").expect("a request");
    let form = json!({ "token": world.link(&email, "join").await, "name": "Ben", "password": PASSWORD });
    world.post("/api/v1/auth/join", form).await.expect(201);
    world.idle().await;
    for verb in ["approve", "resend"] {
        let path = format!("/api/v1/invitations/{}/{verb}", asked["id"].as_str().expect("an id"));
        let refused = acme.owner.post(&path, json!({})).await.refused(409, "conflict");
        assert_eq!(refused["detail"], "somebody with this address is a member already");
    }
    let again = format!("/api/v1/invitations/{}/resend", first["id"].as_str().expect("an id"));
    acme.owner.post(&again, json!({})).await.refused(409, "conflict");
}

/// The first second of an hour or a day, so that none begins while somebody counts in it.
async fn begin(world: &World, seconds: u64) {
    let now = world.now().await.as_second().unsigned_abs();
    world.advance(std::time::Duration::from_secs(seconds - now % seconds)).await;
}

#[tokio::test]
async fn one_address_is_invited_ten_times_a_day_at_the_most_sent_again_or_not() {
    let world = World::alone().await;
    begin(&world, 24 * 3600).await;
    let acme = world.organization("Acme").await;
    let ann = acme.joins("Ann", "admin").await;
    let email = world.email("ben");
    let first = invite(&acme.owner, &email).await.expect(201);
    let again = format!("/api/v1/invitations/{}/resend", first["id"].as_str().expect("an id"));
    for _ in 0..8 {
        acme.owner.post(&again, json!({})).await.expect(200);
    }
    // Whoever asks, and however the address is written
    invite(&ann, &email.to_uppercase()).await.expect(201);
    for answer in [invite(&acme.owner, &email).await, ann.post(&again, json!({})).await] {
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=24 * 3600).contains(&seconds)));
        answer.refused(429, "too-many-requests");
    }
    // One that a later one made void before it went is not sent
    assert!((1..=10).contains(&world.mails(&email).await.len()));
    invite(&acme.owner, &world.email("cleo")).await.expect(201);
    invite(&world.organization("Other").await.owner, &email).await.expect(201);
    world.advance(std::time::Duration::from_secs(24 * 3600)).await;
    let owner = Person::login(&world, &acme.owner.email, PASSWORD).await;
    owner.post(&again, json!({})).await.expect(200);
}

#[tokio::test]
async fn an_organisation_invites_two_hundred_times_an_hour_at_the_most_and_by_lists_besides() {
    let world = World::alone().await;
    begin(&world, 3600).await;
    let acme = world.organization("Acme").await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..203 {
        let (owner, email) = (acme.owner.clone(), world.email("ben"));
        tries.spawn(async move { invite(&owner, &email).await });
    }
    let answers = tries.join_all().await;
    let (sent, late): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((sent.len(), late.len()), (200, 3));
    for answer in late {
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=3600).contains(&seconds)));
        answer.refused(429, "too-many-requests");
    }
    let import = async |query: &str| {
        let request = acme.owner.request(reqwest::Method::POST, &format!("/api/v1/members/import{query}"));
        world.ask(request.header("content-type", "text/csv").body(format!("email\n{}\n", world.email("list")))).await
    };
    for _ in 0..20 {
        assert_eq!(import("").await.expect(200)["invite"], 1);
    }
    import("").await.refused(429, "too-many-requests");
    import("?dry_run=true").await.expect(200);
    invite(&world.organization("Other").await.owner, &world.email("zoe")).await.expect(201);
    world.advance(std::time::Duration::from_secs(3600)).await;
    let owner = Person::login(&world, &acme.owner.email, PASSWORD).await;
    invite(&owner, &world.email("zoe")).await.expect(201);
}

#[tokio::test]
async fn an_invitation_that_expired_is_seen_and_sent_again_until_it_is_forgotten() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let days = async |days: u64| {
        world.advance(std::time::Duration::from_secs(days * 24 * 3600)).await;
        Person::login(&world, &acme.owner.email, PASSWORD).await
    };
    let (ben, cleo, dan) = (world.email("ben"), world.email("cleo"), world.email("dan"));
    for email in [&ben, &cleo, &dan] {
        invite(&acme.owner, email).await.expect(201);
    }
    let (first, second) = (world.link(&ben, "join").await, world.link(&cleo, "join").await);
    let form = |token: &str| json!({ "token": token, "name": "Kim", "password": PASSWORD });
    world.post("/api/v1/auth/join", form(&second)).await.expect(201);
    let seen = async |owner: &Person| {
        let list = owner.list("/api/v1/invitations").await;
        list.iter().map(|one| (one["email"].clone(), one["state"].clone(), one["id"].clone())).collect::<Vec<_>>()
    };
    let told = |seen: &[(Value, Value, Value)]| seen.iter().map(|(email, state, _)| json!([email, state])).collect::<Vec<_>>();
    assert_eq!(told(&seen(&acme.owner).await), [json!([dan, "pending"]), json!([ben, "pending"])]);

    let owner = days(7).await;
    world.post("/api/v1/auth/join", form(&first)).await.refused(409, "conflict");
    let expired = seen(&owner).await;
    assert_eq!(told(&expired), [json!([dan, "expired"]), json!([ben, "expired"])], "who joined has answered");
    let path = |one: &(Value, Value, Value)| format!("/api/v1/invitations/{}", one.2.as_str().expect("an id"));
    // Whoever takes one back is done with it
    owner.delete(&path(&expired[0])).await.expect(204);
    assert_eq!(told(&seen(&owner).await), [json!([ben, "expired"])]);

    // Long after, and for as long as a new one
    let owner = days(29).await;
    let again = format!("{}/resend", path(&expired[1]));
    assert_eq!(owner.post(&again, json!({})).await.expect(200)["state"], "pending");
    assert_eq!(told(&seen(&owner).await), [json!([ben, "pending"])]);
    world.post("/api/v1/auth/join", form(&first)).await.refused(409, "conflict");
    let owner = days(36).await;
    assert_eq!(told(&seen(&owner).await), [json!([ben, "expired"])]);
    owner.post(&again, json!({})).await.expect(200);
    world.post("/api/v1/auth/join", form(&world.link(&ben, "join").await)).await.expect(201);
    assert!(seen(&owner).await.is_empty());

    invite(&owner, &world.email("eve")).await.expect(201);
    let owner = days(37).await;
    assert!(seen(&owner).await.is_empty(), "after thirty days nobody is reminded of it");
    // A list invites whoever was invited too long ago
    let request = owner.request(reqwest::Method::POST, "/api/v1/members/import").header("content-type", "text/csv");
    assert_eq!(world.ask(request.body(format!("email\n{dan}\n"))).await.expect(200)["invite"], 1);
}
