//! What members may: built-in roles, roles of the organisation's own, groups, and who owns the organisation.

use serde_json::{Value, json};
use tests::{Answer, Organization, Person, World};

const PASSWORD: &str = "correct horse battery";

fn member(person: &Person) -> String {
    format!("/api/v1/members/{}", person.id)
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("{value} has no id")).to_owned()
}

async fn give(by: &Person, to: &Person, edit: Value) -> Answer {
    by.patch(&member(to), edit).await
}

/// A role of the organisation's own with these permissions.
async fn role(acme: &Organization, name: &str, permissions: &[&str]) -> String {
    id(&acme.owner.post("/api/v1/roles", json!({ "name": name, "permissions": permissions })).await.expect(201))
}

async fn may_read_clients(person: &Person) -> bool {
    match person.get("/api/v1/clients").await {
        answer if answer.status == 200 => true,
        answer => {
            answer.refused(403, "forbidden");
            false
        }
    }
}

#[tokio::test]
async fn a_changed_role_holds_at_the_next_request_and_on_open_sockets() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let mut live = ben.live().await;
    assert!(!may_read_clients(&ben).await);
    let edited = give(&acme.owner, &ben, json!({ "role": "accountant" })).await.expect(200);
    assert_eq!(edited["role"], "accountant");
    assert!(may_read_clients(&ben).await);
    while live.read().await.is_some() {}
    ben.live().await.tell("ping", json!({})).await;
    let trail = acme.owner.list(&format!("/api/v1/changes?record={}", ben.id)).await;
    assert_eq!(
        (&trail[0]["action"], &trail[0]["before"]["role"], &trail[0]["after"]["role"]),
        (&json!("member.edited"), &json!("member"), &json!("accountant"))
    );
}

#[tokio::test]
async fn a_role_of_ones_own_and_a_group_give_what_they_name_for_as_long_as_they_name_it() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    for (list, field) in [("roles", "roles"), ("groups", "groups")] {
        let path = format!("/api/v1/{list}");
        let made = acme.owner.post(&path, json!({ "name": "Cash desk", "permissions": ["read_billing"] })).await.expect(201);
        let (one, version) = (format!("{path}/{}", id(&made)), made["version"].as_u64().unwrap());
        acme.owner.post(&path, json!({ "name": "Cash desk" })).await.refused(409, "conflict");
        assert!(!may_read_clients(&ben).await);

        give(&acme.owner, &ben, json!({ field: [made["id"]] })).await.expect(200);
        assert!(may_read_clients(&ben).await);
        let told = ben.get("/api/v1/auth/verify").await.expect(200);
        assert!(told["permissions"].as_array().unwrap().contains(&json!("read_billing")), "{told}");

        let mut live = ben.live().await;
        let edited = acme.owner.patch_seen(version, &one, json!({ "permissions": [] })).await.expect(200);
        assert_eq!((&edited["name"], &edited["permissions"]), (&json!("Cash desk"), &json!([])));
        assert!(!may_read_clients(&ben).await);
        while live.read().await.is_some() {}
        acme.owner.patch_seen(version, &one, json!({ "permissions": ["read_billing"] })).await.refused(412, "stale");
        acme.owner.patch(&one, json!({ "permissions": ["read_billing"] })).await.expect(200);
        assert!(may_read_clients(&ben).await);

        acme.owner.delete(&one).await.expect(204);
        assert!(!may_read_clients(&ben).await);
        assert!(acme.owner.list(&path).await.is_empty());
        acme.owner.delete(&one).await.refused(404, "not-found");
        // What the member still names of it goes with the next edit
        assert_eq!(give(&acme.owner, &ben, json!({ field: [made["id"]] })).await.expect(200)[field], json!([]));
        give(&acme.owner, &ben, json!({ field: [made["id"]] })).await.refused_fields(&[&format!("/{field}")]);
    }
}

#[tokio::test]
async fn what_is_not_a_permission_a_role_or_a_group_is_named() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    acme.owner.post("/api/v1/roles", json!({ "name": "x", "permissions": ["fly"] })).await.refused_fields(&["/permissions/0"]);
    let never = "01k9zt3vw8fqj2m4x6c7b5n0ra";
    give(&acme.owner, &ben, json!({ "roles": [format!("rol_{never}")] })).await.refused_fields(&["/roles"]);
    give(&acme.owner, &ben, json!({ "groups": [format!("grp_{never}")] })).await.refused_fields(&["/groups"]);
    give(&acme.owner, &ben, json!({ "department": format!("dep_{never}") })).await.refused_fields(&["/department"]);
    give(&acme.owner, &ben, json!({ "standing": "removed" })).await.refused_fields(&["/standing"]);
}

#[tokio::test]
async fn nobody_gives_or_takes_what_they_have_not_themselves() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, ben) = (acme.joins("Ann", "admin").await, acme.joins("Ben", "member").await);
    // An administrator neither makes nor unmakes owners, by whatever way
    give(&ann, &ben, json!({ "role": "owner" })).await.refused_fields(&["/role"]);
    give(&ann, &acme.owner, json!({ "role": "member" })).await.refused(403, "forbidden");
    for end in ["/deactivate", ""] {
        let path = format!("{}{end}", member(&acme.owner));
        let answer = if end.is_empty() { ann.delete(&path).await } else { ann.post(&path, json!({})).await };
        answer.refused(403, "forbidden");
    }
    ann.post("/api/v1/roles", json!({ "name": "x", "permissions": ["hand_over"] })).await.refused_fields(&["/permissions"]);
    ann.post("/api/v1/invitations", json!({ "email": world.email("x"), "role": "owner" })).await.refused_fields(&["/role"]);

    // Somebody who may manage members and roles, and little else
    let desk = role(&acme, "Front desk", &["manage_members", "manage_roles", "invite_members"]).await;
    give(&acme.owner, &ben, json!({ "roles": [desk] })).await.expect(200);
    let cleo = acme.joins("Cleo", "guest").await;
    give(&ben, &cleo, json!({ "role": "member" })).await.expect(200);
    give(&ben, &cleo, json!({ "role": "accountant" })).await.refused_fields(&["/role"]);
    give(&ben, &ann, json!({ "role": "member" })).await.refused(403, "forbidden");
    ben.post("/api/v1/roles", json!({ "name": "Spy", "permissions": ["read_audit"] })).await.refused_fields(&["/permissions"]);
    let books = role(&acme, "Books", &["read_billing"]).await;
    ben.delete(&format!("/api/v1/roles/{books}")).await.refused(403, "forbidden");
    ben.patch(&format!("/api/v1/roles/{books}"), json!({ "name": "Reading" })).await.refused(403, "forbidden");
    give(&ben, &cleo, json!({ "roles": [books] })).await.refused_fields(&["/roles"]);
    // Nor by sending again or taking back what somebody else could give
    let more = acme.owner.post("/api/v1/invitations", json!({ "email": world.email("y"), "role": "owner" })).await.expect(201);
    let more = format!("/api/v1/invitations/{}", id(&more));
    for person in [&ann, &ben] {
        person.post(&format!("{more}/resend"), json!({})).await.refused(403, "forbidden");
        person.delete(&more).await.refused(403, "forbidden");
    }
    // What goes with owning the organisation nobody else has
    for grant in ["hand_over", "remove_organization"] {
        let heir = json!({ "name": "Heir", "permissions": [grant] });
        acme.owner.post("/api/v1/roles", heir.clone()).await.refused_fields(&["/permissions"]);
        acme.owner.post("/api/v1/groups", heir).await.refused_fields(&["/permissions"]);
    }
    // Nor to oneself
    give(&ben, &ben, json!({ "role": "admin" })).await.refused_fields(&["/role"]);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let owner = &acme.owner;
    give(owner, owner, json!({ "role": "admin" })).await.refused(409, "conflict");
    owner.post(&format!("{}/deactivate", member(owner)), json!({})).await.refused(409, "conflict");
    owner.delete(&member(owner)).await.refused(409, "conflict");
    let leave = format!("/api/v1/auth/organizations/{}", acme.id);
    owner.delete(&leave).await.refused(409, "conflict");
    // Of several who all go at once one is left
    let mut owners = vec![owner.clone()];
    for name in ["Ann", "Ben", "Cleo"] {
        owners.push(acme.joins(name, "owner").await);
    }
    let mut going = tokio::task::JoinSet::new();
    for owner in owners.clone() {
        let path = leave.clone();
        going.spawn(async move { owner.delete(&path).await.status.as_u16() });
    }
    let mut answers = going.join_all().await;
    answers.sort_unstable();
    assert_eq!(answers, [204, 204, 204, 409]);
    let mut left = 0;
    for owner in owners {
        left += usize::from(owner.get("/api/v1/organization").await.status == 200);
    }
    assert_eq!(left, 1);
}

#[tokio::test]
async fn an_organisation_is_handed_over() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, gus) = (acme.joins("Ben", "member").await, acme.joins("Gus", "guest").await);
    let to = |person: &Person| json!({ "to": person.id });
    for nobody in [to(&gus), to(&acme.owner), json!({ "to": "usr_01k9zt3vw8fqj2m4x6c7b5n0ra" })] {
        acme.owner.post("/api/v1/organization/hand-over", nobody).await.refused_fields(&["/to"]);
    }
    ben.post("/api/v1/organization/hand-over", to(&ben)).await.refused(403, "forbidden");
    let owner = acme.owner.post("/api/v1/organization/hand-over", to(&ben)).await.expect(200);
    assert_eq!((&owner["user"], &owner["role"]), (&json!(ben.id), &json!("owner")));
    assert_eq!(ben.get(&member(&acme.owner)).await.expect(200)["role"], "admin");
    acme.owner.post("/api/v1/organization/hand-over", to(&ben)).await.refused(403, "forbidden");
    acme.owner.delete(&format!("/api/v1/auth/organizations/{}", acme.id)).await.expect(204);
    ben.delete(&format!("/api/v1/auth/organizations/{}", acme.id)).await.refused(409, "conflict");
}

#[tokio::test]
async fn a_deactivated_member_is_let_in_nowhere_and_keeps_what_they_wrote() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let project = acme.project("Garden").await;
    let task = ben.task(&project, "Paint").await;
    let mut live = ben.live().await;
    let login = json!({ "email": ben.email, "password": PASSWORD });

    acme.owner.post(&format!("{}/deactivate", member(&ben)), json!({})).await.expect(200);
    ben.get("/api/v1/tasks").await.refused(401, "unauthenticated");
    world.post("/api/v1/auth/refresh", json!({ "refresh_token": ben.refresh })).await.refused(401, "unauthenticated");
    world.post("/api/v1/auth/login", login.clone()).await.refused(403, "forbidden");
    while live.read().await.is_some() {}
    acme.owner.post(&format!("{}/deactivate", member(&ben)), json!({})).await.refused(409, "conflict");
    let task = acme.owner.get(&format!("/api/v1/tasks/{}", id(&task))).await.expect(200);
    assert_eq!(task["created_by"], ben.id);
    let draft = json!({ "project": project, "title": "Mow", "assignees": [ben.id] });
    acme.owner.post("/api/v1/tasks", draft).await.refused_fields(&["/assignees/0"]);

    world.advance(std::time::Duration::from_secs(5)).await;
    acme.owner.post(&format!("{}/reactivate", member(&ben)), json!({})).await.expect(200);
    ben.get("/api/v1/tasks").await.refused(401, "unauthenticated");
    world.post("/api/v1/auth/refresh", json!({ "refresh_token": ben.refresh })).await.refused(401, "unauthenticated");
    world.post("/api/v1/auth/login", login).await.expect(200);
    acme.owner.post(&format!("{}/reactivate", member(&ben)), json!({})).await.refused(409, "conflict");
}

#[tokio::test]
async fn a_removed_member_is_gone_from_the_directory_and_can_come_back() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    acme.owner.delete(&member(&ben)).await.expect(204);
    ben.get("/api/v1/organization").await.refused(401, "unauthenticated");
    let listed = acme.owner.list("/api/v1/members").await;
    assert_eq!(listed.iter().map(|one| &one["user"]).collect::<Vec<_>>(), [&json!(acme.owner.id)]);
    assert_eq!(acme.owner.get(&member(&ben)).await.expect(200)["standing"], "removed");
    acme.owner.delete(&member(&ben)).await.refused(409, "conflict");
    acme.owner.post(&format!("{}/reactivate", member(&ben)), json!({})).await.refused(409, "conflict");

    acme.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "accountant" })).await.expect(201);
    let form = json!({ "token": world.link(&ben.email, "join").await, "password": PASSWORD });
    let back = world.post("/api/v1/auth/join", form).await.expect(201);
    assert_eq!((&back["user"], &back["role"], &back["standing"]), (&json!(ben.id), &json!("accountant"), &json!("active")));
    assert!(may_read_clients(&Person::login(&world, &ben.email, PASSWORD).await).await);
}

#[tokio::test]
async fn the_channel_for_everybody_follows_who_is_a_guest() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    assert_eq!(ben.list("/api/v1/conversations").await.len(), 1);
    give(&acme.owner, &ben, json!({ "role": "guest" })).await.expect(200);
    assert!(ben.list("/api/v1/conversations").await.is_empty());
    give(&acme.owner, &ben, json!({ "role": "member" })).await.expect(200);
    assert_eq!(ben.list("/api/v1/conversations").await.len(), 1);
}

#[tokio::test]
async fn the_code_to_join_is_shown_to_those_who_made_it() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let code = acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200)["joining"]["code"].clone();
    assert_eq!(acme.owner.get("/api/v1/organization").await.expect(200)["joining"]["code"], code);
    for path in ["/api/v1/organization", "/api/v1/auth/verify"] {
        assert!(!ben.get(path).await.text.contains(code.as_str().expect("a code")), "{path}");
    }
    let trail = acme.owner.get("/api/v1/changes").await;
    assert!(!trail.text.contains(code.as_str().expect("a code")));
}

#[tokio::test]
async fn an_invitation_is_worth_no_more_than_whoever_sent_it() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, eve) = (acme.joins("Ann", "admin").await, world.email("eve"));
    ann.post("/api/v1/invitations", json!({ "email": eve, "role": "admin" })).await.expect(201);
    let form = json!({ "token": world.link(&eve, "join").await, "name": "Eve", "password": PASSWORD });
    give(&acme.owner, &ann, json!({ "role": "member" })).await.expect(200);
    world.post("/api/v1/auth/join", form.clone()).await.refused(409, "conflict");
    give(&acme.owner, &ann, json!({ "role": "admin" })).await.expect(200);
    world.post("/api/v1/auth/join", form).await.expect(201);
}

#[tokio::test]
async fn a_link_from_before_somebody_was_taken_out_brings_nobody_back() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let email = world.email("ben");
    acme.owner.post("/api/v1/invitations", json!({ "email": email, "role": "member" })).await.expect(201);
    let link = json!({ "token": world.link(&email, "join").await, "name": "Ben", "password": PASSWORD });
    // They come in by another way
    let key = json!({ "name": "Directory", "permissions": ["provision_members"] });
    let key = acme.owner.post("/api/v1/api-keys", key).await.expect(201)["secret"].as_str().expect("a secret").to_owned();
    let directory = Person { access: key, ..acme.owner.clone() };
    let ben = directory.post("/scim/v2/Users", json!({ "userName": email })).await.expect(201);
    let token = world.link(&email, "reset-password").await;
    world.post("/api/v1/auth/reset-password", json!({ "token": token, "new": PASSWORD })).await.expect(204);
    acme.owner.delete(&format!("/api/v1/members/{}", ben["id"].as_str().expect("an id"))).await.expect(204);
    world.post("/api/v1/auth/join", link).await.refused(409, "conflict");
}

#[tokio::test]
async fn a_role_that_was_deleted_is_seen_nowhere() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let desk = role(&acme, "Front desk", &["read_audit"]).await;
    acme.owner.post("/api/v1/roles", json!({ "name": "FRONT desk" })).await.refused(409, "conflict");
    acme.owner.post("/api/v1/roles", json!({ "name": "Admin" })).await.refused(409, "conflict");
    give(&acme.owner, &ben, json!({ "roles": [desk] })).await.expect(200);
    world.idle().await;
    let found = format!("/api/v1/members?role={desk}");
    assert_eq!(acme.owner.list(&found).await.len(), 1);
    acme.owner.delete(&format!("/api/v1/roles/{desk}")).await.expect(204);
    assert_eq!(acme.owner.get(&member(&ben)).await.expect(200)["roles"], json!([]));
    assert!(acme.owner.list(&found).await.is_empty());
}

#[tokio::test]
async fn whoever_is_locked_out_and_let_in_again_has_no_session_from_before() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    for verb in ["deactivate", "reactivate"] {
        acme.owner.post(&format!("{}/{verb}", member(&ben)), json!({})).await.expect(200);
    }
    // However short it was
    ben.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    world.post("/api/v1/auth/refresh", json!({ "refresh_token": ben.refresh })).await.refused(401, "unauthenticated");
    let ben = Person::login(&world, &ben.email, PASSWORD).await;
    assert_eq!(ben.list("/api/v1/auth/sessions").await.len(), 1);
}

#[tokio::test]
async fn whoever_has_left_where_they_were_at_home_is_let_in_where_they_are() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let ben = acme.joins("Ben", "member").await;
    other.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "member" })).await.expect(201);
    world.post("/api/v1/auth/join", json!({ "token": world.link(&ben.email, "join").await, "password": PASSWORD })).await.expect(201);
    ben.delete(&format!("/api/v1/auth/organizations/{}", acme.id)).await.expect(204);
    let login = json!({ "email": ben.email, "password": PASSWORD });
    assert_eq!(world.post("/api/v1/auth/login", login.clone()).await.expect(200)["organization"], other.id);
    other.owner.delete(&member(&ben)).await.expect(204);
    world.post("/api/v1/auth/login", login).await.refused(403, "forbidden");
}

#[tokio::test]
async fn who_is_refused_is_told_what_they_lack_and_not_that_it_is_their_role() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, kim) = (acme.joins("Ben", "member").await, acme.joins("Kim", "admin").await);
    let key = json!({ "name": "Reader", "permissions": ["read_tasks"] });
    let key = acme.owner.post("/api/v1/api-keys", key).await.expect(201);
    let key = Person { access: key["secret"].as_str().expect("a secret").to_owned(), ..ben.clone() };
    let (owner, project) = (format!("/api/v1/members/{}", acme.owner.id), acme.project("Garden").await);
    let team = acme.owner.post("/api/v1/teams", json!({ "name": "Planting" })).await.expect(201);
    let place = format!("/api/v1/teams/{}/members/{}", team["id"].as_str().expect("an id"), ben.id);
    acme.owner.put(&place, json!({ "role": "manager" })).await.expect(200);
    let setup = json!({ "token": "x", "name": "Eve", "email": "eve@example.com", "password": PASSWORD });
    for (answer, says) in [
        (ben.patch("/api/v1/organization/settings", json!({ "inbox_days": 30 })).await, "permission edit_organization"),
        (key.post("/api/v1/tasks", json!({ "project": project, "title": "x" })).await, "the key or whoever answers for it"),
        (kim.patch(&owner, json!({ "title": "x" })).await, "permissions that you do not have"),
        (kim.post("/api/v1/organization/hand-over", json!({ "to": ben.id })).await, "permission hand_over"),
        (ben.post("/api/v1/teams", json!({ "name": "Other" })).await, "over the parts of the organisation"),
        (world.post("/api/v1/platform/setup", setup).await, "setup token"),
    ] {
        let problem = answer.refused(403, "forbidden");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(says) && !detail.contains("role"), "{detail}");
    }
}
