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
async fn the_address_is_confirmed_by_the_link_of_the_welcome_mail() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let token = world.link(&acme.owner.email).await;
    world.post("/api/v1/auth/verify-email", json!({ "token": format!("{token}x") })).await.refused(409, "conflict");
    assert_eq!(acme.owner.get("/api/v1/auth/profile").await.expect(200)["email_verified"], false);
    world.post("/api/v1/auth/verify-email", json!({ "token": token })).await.expect(204);
    assert_eq!(acme.owner.get("/api/v1/auth/profile").await.expect(200)["email_verified"], true);
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
    let token = world.link(&email).await;
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
    let token = world.link(&other.owner.email).await;
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
