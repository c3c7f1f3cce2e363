//! Signing up, joining, logging in and out.

use serde_json::json;
use tests::{Person, World};

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
async fn whoever_leaves_twice_at_once_has_left_and_stays_where_they_are() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let owner = &acme.owner;
    other.owner.post("/api/v1/invitations", json!({ "email": owner.email, "role": "member" })).await.expect(201);
    let form = json!({ "token": world.link(&owner.email, "join").await, "password": PASSWORD });
    world.post("/api/v1/auth/join", form).await.expect(201);
    let path = format!("/api/v1/auth/organizations/{}", other.id);
    let left = futures_util::future::join_all((0..5).map(|_| owner.delete(&path))).await;
    let mut statuses: Vec<_> = left.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404, 404, 404, 404]);
    owner.get("/api/v1/auth/verify").await.expect(200);
}
