//! What a suspended organisation still does, and what it does not.

use super::{PASSWORD, suspend, tenant};
use crate::cases::{cases, objects, public_operations};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use tests::{Person, World};

/// What goes on while an organisation is suspended: sessions and sockets, what is a person's own, that a key opens nothing more,
/// that somebody goes, and that it ends.
const GOES_ON: [&str; 19] = [
    "POST /api/v1/auth/verify-email/resend",
    "PATCH /api/v1/auth/profile",
    "POST /api/v1/members/{colleague}/deactivate",
    "POST /api/v1/auth/passkeys/begin",
    "PATCH /api/v1/auth/passkeys/{passkey}",
    "DELETE /api/v1/auth/passkeys/{passkey}",
    "POST /api/v1/auth/second-factor",
    "POST /api/v1/auth/change-email",
    "POST /api/v1/auth/change-password",
    "DELETE /api/v1/auth/organizations/{organization}",
    "DELETE /api/v1/api-keys/{api_key}",
    "DELETE /api/v1/invitations/{invitation}",
    "POST /api/v1/organization/remove",
    "POST /api/v1/organization/keep",
    "POST /api/v1/auth/switch",
    "DELETE /api/v1/auth/sessions/{session}",
    "POST /api/v1/socket-tickets",
    "POST /api/v1/auth/logout-everywhere",
    "POST /api/v1/auth/logout",
];

#[tokio::test]
async fn a_suspended_organisation_reads_everything_and_changes_nothing() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let mut kim = acme.joins("Kim", "owner").await;
    let objects = objects(&acme, &kim).await;
    let public = public_operations();
    let own = || cases().filter(|case| !public.contains(&case.operation()));
    let mut read = Vec::new();
    for case in own().filter(|case| case.request.starts_with("GET")) {
        read.push(case.ask(&world, Some(&kim), &objects).await.status);
    }
    suspend(&operator, &acme).await;
    for (case, before) in own().filter(|case| case.request.starts_with("GET")).zip(read) {
        assert_eq!(case.ask(&world, Some(&kim), &objects).await.status, before, "{}", case.request);
    }
    let mut goes_on = BTreeSet::new();
    // Nor does a key, which alone speaks SCIM
    for case in own().filter(|case| !case.request.starts_with("GET") && !case.request.contains(" /scim/")) {
        if ["/logout", "/hand-over"].iter().any(|end| case.request.contains(end)) {
            kim = Person::login(&world, &kim.email, PASSWORD).await;
        }
        let answer = case.ask(&world, Some(&kim), &objects).await;
        if GOES_ON.contains(&case.request) {
            assert!(answer.status.is_success(), "{} was answered with {}", case.request, answer.text);
            goes_on.insert(case.request);
        } else if ["/second-factor", "/auth/passkeys", "/auth/picture", "/links/", "/approve"]
            .iter()
            .any(|none| case.request.contains(none))
        {
            // There is none, so that nothing is done, or said before
            assert!(answer.status.is_client_error() || answer.status == 204, "{} was answered with {}", case.request, answer.text);
        } else {
            let problem = answer.refused(403, "organization-suspended");
            assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("Nobody paid.")), "{problem}");
        }
    }
    assert_eq!(goes_on, BTreeSet::from(GOES_ON));
    // Kim has left, and the other owner is let in as before
    let owner = Person::login(&world, &acme.owner.email, PASSWORD).await;
    world.post("/api/v1/auth/refresh", json!({ "refresh_token": owner.refresh })).await.expect(200);

    operator.post(&format!("{}/resume", tenant(&acme)), json!({})).await.expect(200);
    operator.post(&format!("{}/resume", tenant(&acme)), json!({})).await.refused(409, "conflict");
    owner.patch("/api/v1/organization", json!({ "phone": "+44 20 7946 0001" })).await.expect(200);
}

#[tokio::test]
async fn an_open_socket_reads_on_and_says_nothing_while_its_organisation_is_suspended() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let ben = acme.joins("Ben", "member").await;
    let conversation = acme.owner.talks_to(&ben).await;
    let mut live = ben.live().await;
    suspend(&operator, &acme).await;
    let refused = live.ask("send", json!({ "conversation": conversation, "text": "Hello" })).await;
    assert_eq!(refused["problem"]["type"], "/problems/organization-suspended", "{refused}");
    live.tell("history", json!({ "conversation": conversation })).await;
    ben.live().await.tell("ping", json!({})).await;
}

#[tokio::test]
async fn nobody_joins_a_suspended_organisation_and_its_neighbours_notice_nothing() {
    let world = World::new().await;
    let (operator, acme, other) = (world.operator().await, world.organization("Acme").await, world.organization("Other").await);
    let (zoe, lee) = (world.email("zoe"), world.email("lee"));
    acme.owner.post("/api/v1/invitations", json!({ "email": zoe, "role": "member" })).await.expect(201);
    let token = world.link(&zoe, "join").await;
    let joining = acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200);
    suspend(&operator, &acme).await;
    let form = json!({ "token": token, "name": "Zoe", "password": PASSWORD });
    // Why is for its members to know
    let refused = world.post("/api/v1/auth/join", form.clone()).await.refused(409, "conflict");
    assert_eq!(refused["detail"], "the organisation takes nobody in at present");
    let ask = json!({ "code": joining["joining"]["code"], "email": lee });
    world.post("/api/v1/auth/ask-to-join", ask).await.refused(409, "conflict");
    assert!(acme.owner.get("/api/v1/auth/verify").await.expect(200)["suspension"]["reason"].is_string());
    other.joins("Ned", "member").await;
    // An account is a person's own: it can still be made safe
    world.post("/api/v1/auth/forgot-password", json!({ "email": acme.owner.email })).await.expect(204);
    assert_eq!(world.mails(&acme.owner.email).await[0]["subject"], "A new password for Office Copilot");
    operator.post(&format!("{}/resume", tenant(&acme)), json!({})).await.expect(200);
    world.post("/api/v1/auth/join", form).await.expect(201);
}

#[tokio::test]
async fn nothing_is_sent_for_a_suspended_organisation_nor_made_up_for_later() {
    let world = World::alone().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let ben = acme.joins("Ben", "member").await;
    let project = acme.project("Garden").await;
    let due = world.now().await + Duration::from_secs(600);
    let draft = json!({ "project": project, "title": "Paint", "assignees": [ben.id], "due_at": due.to_string() });
    acme.owner.post("/api/v1/tasks", draft).await.expect(201);
    let mails = world.mails(&ben.email).await.len();
    suspend(&operator, &acme).await;
    world.advance(Duration::from_secs(1200)).await;
    world.idle().await;
    // Their sign-in may have run out meanwhile
    let operator = world.operator().await;
    operator.post(&format!("{}/resume", tenant(&acme)), json!({})).await.expect(200);
    world.advance(Duration::from_secs(120)).await;
    assert_eq!(world.mails(&ben.email).await.len(), mails);
    let owner = Person::login(&world, &acme.owner.email, PASSWORD).await;
    let reasons: Vec<_> = owner.list("/api/v1/notifications").await.into_iter().map(|told| told["reason"].clone()).collect();
    assert!(reasons.is_empty(), "{reasons:?}");
    let ben = Person::login(&world, &ben.email, PASSWORD).await;
    let told = ben.list("/api/v1/notifications").await;
    assert_eq!(told.iter().map(|one| &one["reason"]).collect::<Vec<_>>(), ["assigned"]);
}

#[tokio::test]
async fn the_owners_are_told_by_mail_that_their_organisation_is_suspended_and_that_it_goes_on() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let ben = acme.joins("Ben", "member").await;
    let before = world.mails(&ben.email).await.len();
    suspend(&operator, &acme).await;
    let mail = world.mails(&acme.owner.email).await.remove(0);
    assert_eq!(mail["subject"], "Acme is suspended");
    assert!(mail["text"].as_str().is_some_and(|text| text.contains("Their reason: Nobody paid.")), "{mail}");
    operator.post(&format!("{}/resume", tenant(&acme)), json!({})).await.expect(200);
    assert_eq!(world.mails(&acme.owner.email).await[0]["subject"], "Acme goes on");
    assert_eq!(world.mails(&ben.email).await.len(), before);
}
