//! How people come in: by an invitation, or by asking for one.

use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Organization, Person, World};

const PASSWORD: &str = "correct horse battery";

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
async fn a_hundred_ask_to_join_one_organisation_in_an_hour_wherever_they_are() {
    let world = World::alone().await;
    begin(&world, 3600).await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let code =
        async |of: &Organization| of.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200)["joining"]["code"].clone();
    let (code, others) = (code(&acme).await, code(&other).await);
    let (there, elsewhere) = (world.elsewhere(), world.elsewhere().elsewhere());
    let ask = async |from: &World, code: &Value| {
        from.post("/api/v1/auth/ask-to-join", json!({ "code": code, "email": world.email("ben") })).await
    };
    for from in [&world, &there] {
        for _ in 0..50 {
            ask(from, &code).await.expect(204);
        }
        ask(from, &others).await.refused(429, "too-many-requests");
    }
    ask(&elsewhere, &code).await.refused(429, "too-many-requests");
    ask(&elsewhere, &others).await.expect(204);
    begin(&world, 3600).await;
    ask(&world, &code).await.expect(204);
}

#[tokio::test]
async fn whoever_asks_again_and_again_is_sent_a_few_mails() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let code = acme.owner.post("/api/v1/organization/join-code", json!({ "approval": false })).await.expect(200)["joining"]["code"].clone();
    let email = world.email("zoe");
    invite(&acme.owner, &email).await.expect(201);
    for _ in 0..2 {
        begin(&world, 3600).await;
        for _ in 0..5 {
            world.post("/api/v1/auth/ask-to-join", json!({ "code": code, "email": email })).await.expect(204);
            // Of two that are asked for at once, one is sent
            world.idle().await;
        }
    }
    assert_eq!(world.mails(&email).await.len(), 4, "by the invitation, and three times again");
}

#[tokio::test]
async fn whoever_was_invited_by_somebody_who_may_no_longer_asks_as_if_they_were_not() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, email) = (acme.joins("Ann", "admin").await, world.email("zoe"));
    let code = acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200)["joining"]["code"].clone();
    invite(&ann, &email).await.expect(201);
    let link = world.link(&email, "join").await;
    acme.owner.patch(&format!("/api/v1/members/{}", ann.id), json!({ "role": "member" })).await.expect(200);
    world.post("/api/v1/auth/join", json!({ "token": link, "name": "Zoe", "password": PASSWORD })).await.refused(409, "conflict");
    let count = world.mails(&email).await.len();
    world.post("/api/v1/auth/ask-to-join", json!({ "code": code, "email": email })).await.expect(204);
    let states: Vec<_> = acme.owner.list("/api/v1/invitations").await.iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, ["requested", "expired"]);
    assert_eq!(world.mails(&email).await.len(), count, "no link that is good for nothing");
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

#[tokio::test]
async fn whoever_asks_twice_asks_once_and_is_sent_again_what_waits_for_them() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let code = async |draft| acme.owner.post("/api/v1/organization/join-code", draft).await.expect(200)["joining"]["code"].clone();
    let ask = async |code: &Value, email: &str| world.post("/api/v1/auth/ask-to-join", json!({ "code": code, "email": email })).await;
    let (first, ned) = (code(json!({})).await, world.email("ned"));
    let both = futures_util::future::join_all((0..3).map(|_| ask(&first, &ned))).await;
    assert!(both.iter().all(|answer| answer.status == 204));
    assert_eq!(acme.owner.list("/api/v1/invitations").await.len(), 1);
    world.idle().await;
    let told = acme.owner.list("/api/v1/notifications").await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (second, lee) = (code(json!({ "approval": false })).await, world.email("lee"));
    ask(&second, &lee).await.expect(204);
    let link = world.link(&lee, "join").await;
    ask(&second, &lee).await.expect(204);
    assert_eq!((world.mails(&lee).await.len(), world.link(&lee, "join").await), (2, link.clone()));
    let join = async |token: &str| world.post("/api/v1/auth/join", json!({ "token": token, "name": "Lee", "password": PASSWORD })).await;
    join(&link).await.expect(201);
    assert_eq!(acme.owner.list("/api/v1/invitations").await.len(), 1, "who joined is invited no more");
}

#[tokio::test]
async fn nobody_ends_or_prolongs_the_invitation_of_another_by_asking_in_their_name() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let (zoe, draft) = (world.email("zoe"), json!({ "approval": false }));
    let code = acme.owner.post("/api/v1/organization/join-code", draft).await.expect(200)["joining"]["code"].clone();
    let invited = acme.owner.post("/api/v1/invitations", json!({ "email": zoe, "role": "manager" })).await.expect(201);
    let (link, days) = (world.link(&zoe, "join").await, async |days: u64| world.advance(Duration::from_secs(days * 24 * 3600)).await);
    let form = json!({ "code": code, "email": zoe });
    days(6).await;
    world.post("/api/v1/auth/ask-to-join", form.clone()).await.expect(204);
    assert_eq!(world.mails(&zoe).await.len(), 2, "whoever asks is sent what waits for them");
    let looked = world.post("/api/v1/auth/invitation", json!({ "token": link })).await.expect(200);
    assert_eq!((&looked["role"], &looked["expires_at"]), (&json!("manager"), &invited["expires_at"]));
    days(1).await;
    world.post("/api/v1/auth/join", json!({ "token": link, "name": "Zoe", "password": PASSWORD })).await.refused(409, "conflict");
    world.post("/api/v1/auth/ask-to-join", form).await.expect(204);
    let form = json!({ "token": world.link(&zoe, "join").await, "name": "Zoe", "password": PASSWORD });
    assert_eq!(world.post("/api/v1/auth/join", form).await.expect(201)["role"], "member", "what has expired gives nothing");
}

#[tokio::test]
async fn of_one_address_the_last_link_alone_is_good() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, zoe) = (acme.joins("Ann", "admin").await, world.email("zoe"));
    let invite = async |by: &Person, role: &str| by.post("/api/v1/invitations", json!({ "email": zoe, "role": role })).await;
    let first = invite(&acme.owner, "member").await.expect(201);
    let link = world.link(&zoe, "join").await;
    invite(&ann, "guest").await.expect(201);
    let second = world.link(&zoe, "join").await;
    let join = async |token: &str| world.post("/api/v1/auth/join", json!({ "token": token, "name": "Zoe", "password": PASSWORD })).await;
    join(&link).await.refused(409, "conflict");
    let waiting = acme.owner.list("/api/v1/invitations").await;
    assert_eq!(waiting.iter().map(|one| &one["role"]).collect::<Vec<_>>(), ["guest"]);
    let resend = format!("/api/v1/invitations/{}/resend", first["id"].as_str().unwrap());
    acme.owner.post(&resend, json!({})).await.refused(409, "conflict");
    // Nobody takes back by it what they could not give
    invite(&acme.owner, "owner").await.expect(201);
    invite(&ann, "member").await.refused(403, "forbidden");
    join(&second).await.refused(409, "conflict");
    assert_eq!(join(&world.link(&zoe, "join").await).await.expect(201)["role"], "owner");
}

#[tokio::test]
async fn whoever_has_a_link_sees_what_it_is_to_and_can_still_join_by_it() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let (zoe, mia) = (world.email("zoe"), &other.owner.email);
    let look = async |token: &str| world.post("/api/v1/auth/invitation", json!({ "token": token })).await;
    for (email, has_account) in [(&zoe, false), (mia, true)] {
        acme.owner.post("/api/v1/invitations", json!({ "email": email, "role": "manager" })).await.expect(201);
        let token = world.link(email, "join").await;
        let seen = look(&token).await.expect(200);
        let told = ["organization", "inviter", "role", "email"].map(|part| seen[part].as_str().unwrap_or_default().to_owned());
        assert_eq!(told, ["Acme", "Acme Owner", "manager", email]);
        assert_eq!(seen["has_account"], has_account);
        let form = json!({ "token": token, "name": "Zoe", "password": PASSWORD });
        world.post("/api/v1/auth/join", form).await.expect(201);
        look(&token).await.refused(409, "conflict");
    }
    // Whoever is a member by another way is invited to nothing any more
    let lee = acme.joins("Lee", "member").await;
    acme.owner.delete(&format!("/api/v1/members/{}", lee.id)).await.expect(204);
    acme.owner.post("/api/v1/invitations", json!({ "email": lee.email, "role": "admin" })).await.expect(201);
    let token = world.link(&lee.email, "join").await;
    look(&token).await.expect(200);
    let key = json!({ "name": "Directory", "permissions": ["provision_members"] });
    let key = acme.owner.post("/api/v1/api-keys", key).await.expect(201)["secret"].as_str().expect("a secret").to_owned();
    let directory = Person { access: key, ..acme.owner.clone() };
    directory.post("/scim/v2/Users", json!({ "userName": lee.email })).await.expect(201);
    look(&token).await.refused(409, "conflict");
    for token in ["", "x", "x.y"] {
        look(token).await.refused(409, "conflict");
    }
    let ann = acme.joins("Ann", "admin").await;
    let kim = world.email("kim");
    ann.post("/api/v1/invitations", json!({ "email": kim, "role": "admin" })).await.expect(201);
    let token = world.link(&kim, "join").await;
    acme.owner.patch(&format!("/api/v1/members/{}", ann.id), json!({ "role": "member" })).await.expect(200);
    look(&token).await.refused(409, "conflict");
}

#[tokio::test]
async fn an_invitation_brings_roles_and_groups_that_are_still_there() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ann = acme.joins("Ann", "member").await;
    let make = async |what: &str, permissions: &[&str]| {
        let draft = json!({ "name": format!("With {}", permissions[0]), "permissions": permissions });
        acme.owner.post(&format!("/api/v1/{what}"), draft).await.expect(201)["id"].clone()
    };
    let (desk, books, gone) =
        (make("roles", &["read_audit"]).await, make("groups", &["read_billing"]).await, make("groups", &["read_usage"]).await);
    let door = make("roles", &["invite_members", "read_audit", "read_usage"]).await;
    acme.owner.patch(&format!("/api/v1/members/{}", ann.id), json!({ "roles": [door] })).await.expect(200);
    let zoe = world.email("zoe");
    let draft = |roles: Value, groups: Value| json!({ "email": zoe, "role": "member", "roles": roles, "groups": groups });
    ann.post("/api/v1/invitations", draft(json!([desk]), json!([books]))).await.refused_fields(&["/groups"]);
    let unknown = json!(["grp_01k9zt3vw8fqj2m4x6c7b5n0ra"]);
    ann.post("/api/v1/invitations", draft(json!([]), unknown)).await.refused_fields(&["/groups"]);
    acme.owner.post("/api/v1/invitations", draft(json!([desk]), json!([books, gone]))).await.expect(201);
    acme.owner.delete(&format!("/api/v1/groups/{}", gone.as_str().unwrap())).await.expect(204);
    let form = json!({ "token": world.link(&zoe, "join").await, "name": "Zoe", "password": PASSWORD });
    let member = world.post("/api/v1/auth/join", form).await.expect(201);
    assert_eq!((&member["roles"], &member["groups"]), (&json!([desk]), &json!([books])));
    let zoe = Person::login(&world, &zoe, PASSWORD).await;
    zoe.get("/api/v1/clients").await.expect(200);
    zoe.get("/api/v1/changes").await.expect(200);
    zoe.get("/api/v1/organization/usage").await.refused(403, "forbidden");
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
    let organization = acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200);
    let ask = json!({ "code": organization["joining"]["code"], "email": email });
    world.post("/api/v1/auth/ask-to-join", ask.clone()).await.expect(204);
    let asked = acme.owner.list("/api/v1/invitations").await.remove(0);
    assert_eq!(asked["state"], "requested");
    let first = invite(&acme.owner, &email).await.expect(201);
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
    // Nor do they ask again, locked out or not, and nobody is told that they did
    let (mails, member) = (world.mails(&email).await.len(), Person::login(&world, &email, PASSWORD).await);
    world.post("/api/v1/auth/ask-to-join", ask.clone()).await.expect(204);
    acme.owner.post(&format!("/api/v1/members/{}/deactivate", member.id), json!({})).await.expect(200);
    world.post("/api/v1/auth/ask-to-join", ask).await.expect(204);
    assert!(acme.owner.list("/api/v1/invitations").await.is_empty());
    assert_eq!(world.mails(&email).await.len(), mails);
}

#[tokio::test]
async fn an_invitation_of_somebody_who_may_no_longer_give_it_is_sent_again_by_somebody_who_may() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, zoe) = (acme.joins("Ann", "admin").await, world.email("zoe"));
    let sent = ann.post("/api/v1/invitations", json!({ "email": zoe, "role": "admin" })).await.expect(201);
    acme.owner.patch(&format!("/api/v1/members/{}", ann.id), json!({ "role": "member" })).await.expect(200);
    assert_eq!(acme.owner.list("/api/v1/invitations").await[0]["state"], "expired");
    let again = format!("/api/v1/invitations/{}/resend", sent["id"].as_str().unwrap());
    let again = acme.owner.post(&again, json!({})).await.expect(200);
    assert_eq!(
        (&again["invited_by"], &again["inviter"], &again["state"]),
        (&json!(acme.owner.id), &json!("Acme Owner"), &json!("pending"))
    );
    let mail = world.mails(&zoe).await.remove(0);
    assert_eq!(mail["subject"], "Acme Owner invites you to Acme");
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains("as an administrator") && text.contains(&zoe), "{text}");
    let form = json!({ "token": world.link(&zoe, "join").await, "name": "Zoe", "password": PASSWORD });
    world.post("/api/v1/auth/join", form).await.expect(201);
}

/// The first second of an hour or a day, so that none begins while somebody counts in it.
async fn begin(world: &World, seconds: u64) {
    let now = world.now().await.as_second().unsigned_abs();
    world.advance(Duration::from_secs(seconds - now % seconds)).await;
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
    let last = invite(&ann, &email.to_uppercase()).await.expect(201);
    for answer in [invite(&acme.owner, &email).await, ann.post(&again, json!({})).await] {
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=24 * 3600).contains(&seconds)));
        answer.refused(429, "too-many-requests");
    }
    // One that a later one made void before it went is not sent
    assert!((1..=10).contains(&world.mails(&email).await.len()));
    invite(&acme.owner, &world.email("cleo")).await.expect(201);
    invite(&world.organization("Other").await.owner, &email).await.expect(201);
    world.advance(Duration::from_secs(24 * 3600)).await;
    let owner = Person::login(&world, &acme.owner.email, PASSWORD).await;
    let again = format!("/api/v1/invitations/{}/resend", last["id"].as_str().expect("an id"));
    owner.post(&again, json!({})).await.expect(200);
}

#[tokio::test]
async fn whoever_invites_many_times_at_once_is_counted_for_each_once() {
    let world = World::alone().await;
    begin(&world, 24 * 3600).await;
    let acme = world.organization("Acme").await;
    let email = world.email("ben");
    let at_once = futures_util::future::join_all((0..6).map(|_| invite(&acme.owner, &email))).await;
    assert!(at_once.iter().all(|answer| answer.status == 201));
    assert_eq!(acme.owner.list("/api/v1/invitations").await.len(), 1);
    for _ in 0..4 {
        invite(&acme.owner, &email).await.expect(201);
    }
    invite(&acme.owner, &email).await.refused(429, "too-many-requests");
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
    world.advance(Duration::from_secs(3600)).await;
    let owner = Person::login(&world, &acme.owner.email, PASSWORD).await;
    invite(&owner, &world.email("zoe")).await.expect(201);
}

#[tokio::test]
async fn an_invitation_that_expired_is_seen_and_sent_again_until_it_is_forgotten() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let days = async |days: u64| {
        world.advance(Duration::from_secs(days * 24 * 3600)).await;
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
    // A new one takes its place
    invite(&owner, &ben).await.expect(201);
    assert_eq!(told(&seen(&owner).await), [json!([ben, "pending"])]);
    owner.post(&again, json!({})).await.refused(409, "conflict");
    world.post("/api/v1/auth/join", form(&world.link(&ben, "join").await)).await.expect(201);
    assert!(seen(&owner).await.is_empty());

    invite(&owner, &world.email("eve")).await.expect(201);
    let owner = days(37).await;
    assert!(seen(&owner).await.is_empty(), "after thirty days nobody is reminded of it");
    // A list invites whoever was invited too long ago
    let request = owner.request(reqwest::Method::POST, "/api/v1/members/import").header("content-type", "text/csv");
    assert_eq!(world.ask(request.body(format!("email\n{dan}\n"))).await.expect(200)["invite"], 1);
}
