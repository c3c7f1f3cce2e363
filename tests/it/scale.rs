//! People in great numbers: what is done with them costs the same, however many there are.

use crate::costs::{Cost, measure};
use backend::{
    Backend,
    clock::{Clock, Entropy},
    keys,
    system::System,
};
use domain::{
    access::Access,
    account::{EmailOwner, User},
    commit::{Commit, Record},
    id::*,
    management::join,
    organization::{Everyone, Membership, found},
    policy::Role,
    profile::Card,
    text::Label,
};
use serde_json::{Value, json};
use std::{
    cell::{Cell, RefCell},
    ops::Range,
};
use tests::{Organization, Person, World};

const PASSWORD: &str = "correct horse battery";

/// Members whom nobody invited, so that there can be thousands within seconds; what follows from their joining follows.
async fn enrol(system: &System, department: &DepartmentId, team: &TeamId, members: Range<usize>) -> Vec<UserId> {
    let (organization, now) = (system.tenant().id().clone(), system.now());
    let everyone: Everyone = system.get(keys::everyone(system.tenant())).await.unwrap().unwrap();
    let mut ids = Vec::new();
    for some in members.clone().collect::<Vec<_>>().chunks(16) {
        let mut commit = Commit::quiet();
        for n in some {
            let (name, email) = (format!("Member {n:05}"), format!("member-{n:05}@example.com"));
            let id = UserId::new(now, Entropy::system().number());
            let user = User::new(id.clone(), name.parse().unwrap(), email.parse().unwrap(), Default::default(), organization.clone(), now);
            let skills: Vec<Label> = vec!["Pruning".parse().unwrap()];
            let place = user.joins(&organization, Role::Member, Some(department.clone()), now);
            // Of a team there are no thousands
            let teams = (*n < 60).then(|| team.clone()).into_iter().collect();
            let place = Membership { skills: skills.clone(), teams, ..place };
            let (_, mut joined) = join(&Access::default(), place, None, Some(&everyone), now).unwrap();
            // Counted below, once for all of them
            joined.writes.retain(|write| !matches!(write.record(), Record::Access(_)));
            let card = Card { skills, version: 1, ..Card::blank(&id) };
            commit = commit.and(joined).also_create(card).also_create(EmailOwner::of(&user)).also_create(user);
            ids.push(id);
        }
        system.commit(commit).await.unwrap();
    }
    let access: Access = system.get(keys::access(system.tenant())).await.unwrap().unwrap();
    let (seen, members) = (access.version, access.members + u32::try_from(members.len()).unwrap());
    system.commit(Commit::quiet().also_replace(seen, Access { members, version: seen + 1, ..access })).await.unwrap();
    ids
}

/// Organisations that signed up, as far as others could come upon them.
async fn neighbours(backend: &Backend, some: Range<usize>) {
    for n in some {
        let form = json!({
            "name": format!("Member {n:05}"), "email": format!("member-{n:05}@other.example"), "password": PASSWORD, "organization": "Acme",
            "address": "1 Mill Lane", "phone": "+44 20 7946 0000", "expected_users": 25
        });
        let (founded, commit) =
            found(serde_json::from_value(form).unwrap(), String::new(), backend.now(), || Entropy::system().number()).unwrap();
        let kept =
            |record: &Record| matches!(record, Record::Organization(_) | Record::Access(_) | Record::User(_) | Record::EmailOwner(_));
        let writes = commit.writes.into_iter().filter(|write| kept(write.record())).collect();
        backend.system(&founded.organization.id).commit(Commit { writes, drafts: Vec::new() }).await.unwrap();
    }
}

async fn crowd(world: &World, members: usize, others: usize) -> (Organization, Vec<UserId>, String, TeamId) {
    let acme = world.organization("Acme").await;
    let department = acme.owner.list("/api/v1/departments").await[0]["id"].as_str().unwrap().to_owned();
    let backend = Backend::new(world.variables().await.into(), Clock::system(), Entropy::system());
    // Some at a time, so that what follows from them has followed before there are more
    for first in (0..others).step_by(500) {
        neighbours(&backend, first..others.min(first + 500)).await;
        world.idle().await;
    }
    let team = TeamId::new(backend.now(), 1);
    let mut ids = Vec::with_capacity(members);
    for first in (0..members).step_by(500) {
        let some = first..members.min(first + 500);
        ids.extend(enrol(&backend.system(&acme.id.parse().unwrap()), &department.parse().unwrap(), &team, some).await);
        world.idle().await;
    }
    (acme, ids, department, team)
}

async fn table(world: &World, members: usize, others: usize) -> String {
    let (mut acme, ids, department, team) = crowd(world, members, others).await;
    // Their token may have run out meanwhile
    acme.owner = Person::login(world, &acme.owner.email, PASSWORD).await;
    let owner = &acme.owner;
    let ben = acme.joins("Ben", "member").await;
    let role = owner.post("/api/v1/roles", json!({ "name": "Desk", "permissions": ["read_audit"] })).await.expect(201);
    let role = format!("/api/v1/roles/{}", role["id"].as_str().unwrap());
    let mut tokens = Vec::new();
    for n in 0..3 {
        let email = world.email(&format!("late{n}"));
        owner.post("/api/v1/invitations", json!({ "email": email, "role": "member" })).await.expect(201);
        tokens.push(world.link(&email, "join").await);
    }
    let (tokens, ids) = (RefCell::new(tokens), RefCell::new(ids));
    let somebody = || format!("/api/v1/members/{}", ids.borrow_mut().pop().unwrap());
    let turns = Cell::new(0);
    let turn = || {
        turns.set(turns.get() + 1);
        turns.get()
    };
    let refresh = RefCell::new(ben.refresh.clone());

    let mut costs: Vec<Cost> = Vec::new();
    let mut add = |cost: Cost| costs.push(cost);
    let get = async |path: &str| drop(owner.get(path).await.expect(200));
    let post = async |path: &str, body: Value, status: u16| drop(owner.post(path, body).await.expect(status));
    add(measure(world, "log in", async || drop(Person::login(world, &ben.email, PASSWORD).await)).await);
    add(measure(world, "refresh", async || {
        let token = refresh.borrow().clone();
        let pair = world.post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await.expect(200);
        *refresh.borrow_mut() = pair["refresh_token"].as_str().unwrap().to_owned();
    })
    .await);
    for (name, path) in [
        ("verify", "/api/v1/auth/verify".to_owned()),
        ("my organisations", "/api/v1/auth/organizations".to_owned()),
        ("directory", "/api/v1/members?limit=5".to_owned()),
        ("directory by role", "/api/v1/members?limit=5&role=member".to_owned()),
        ("directory by name", "/api/v1/members?limit=5&q=mem".to_owned()),
        ("directory by two words", "/api/v1/members?limit=5&q=0000%20member".to_owned()),
        ("directory by everything", format!("/api/v1/members?limit=5&q=member&role=member&standing=active&department={department}")),
        ("directory by team", format!("/api/v1/members?limit=5&team={team}")),
        ("directory by skill", "/api/v1/members?limit=5&skill=prun".to_owned()),
        ("directory by team, skill", format!("/api/v1/members?limit=5&skill=prun&team={team}&q=mem")),
        ("find one by name", "/api/v1/members?limit=5&role=member&q=member-00003".to_owned()),
        ("find nobody", "/api/v1/members?limit=5&role=admin&q=mem".to_owned()),
        ("departments", "/api/v1/departments".to_owned()),
        ("roles", "/api/v1/roles".to_owned()),
        ("open invitations", "/api/v1/invitations?limit=5".to_owned()),
    ] {
        add(measure(world, name, async || get(&path).await).await);
    }
    add(measure(world, "get member", async || get(&somebody()).await).await);
    add(measure(world, "edit member", async || {
        owner.patch(&somebody(), json!({ "role": "manager", "department": department })).await.expect(200);
    })
    .await);
    add(measure(world, "deactivate", async || post(&format!("{}/deactivate", somebody()), json!({}), 200).await).await);
    add(measure(world, "remove", async || drop(owner.delete(&somebody()).await.expect(204))).await);
    add(measure(world, "edit role", async || {
        owner.patch(&role, json!({ "name": format!("Desk {}", turn()), "permissions": [] })).await.expect(200);
    })
    .await);
    add(measure(world, "invite", async || {
        post("/api/v1/invitations", json!({ "email": world.email("new"), "role": "member" }), 201).await;
    })
    .await);
    add(measure(world, "join", async || {
        let form = json!({ "token": tokens.borrow_mut().pop().unwrap(), "name": "Late", "password": PASSWORD });
        world.post("/api/v1/auth/join", form).await.expect(201);
    })
    .await);
    let key = json!({ "name": "Directory", "permissions": ["provision_members"] });
    let secret = owner.post("/api/v1/api-keys", key).await.expect(201)["secret"].as_str().unwrap().to_owned();
    let directory = Person { access: secret, ..owner.clone() };
    let seven = directory.get("/scim/v2/Users?filter=userName%20eq%20%22member-00007%40example.com%22").await.expect(200);
    let seven = format!("/scim/v2/Users/{}", seven["Resources"][0]["id"].as_str().unwrap());
    let group = directory.post("/scim/v2/Groups", json!({ "displayName": "Some" })).await.expect(201);
    let group = format!("/scim/v2/Groups/{}", group["id"].as_str().unwrap());
    let change = |path: &str, value: Value| json!({ "schemas": [domain::scim::PATCH], "Operations": [{ "op": "add", "path": path, "value": value }] });
    add(measure(world, "SCIM: find by userName", async || {
        directory.get("/scim/v2/Users?filter=userName%20eq%20%22member-00008%40example.com%22").await.expect(200);
    })
    .await);
    add(measure(world, "SCIM: get user", async || drop(directory.get(&seven).await.expect(200))).await);
    add(measure(world, "SCIM: create user", async || {
        let draft = json!({ "userName": world.email("new"), "externalId": world.email("id") });
        directory.post("/scim/v2/Users", draft).await.expect(201);
    })
    .await);
    let active = Cell::new(true);
    add(measure(world, "SCIM: lock in or out", async || {
        active.set(!active.get());
        directory.patch(&seven, change("active", json!(active.get()))).await.expect(200);
    })
    .await);
    add(measure(world, "SCIM: put into a group", async || {
        let id = ids.borrow_mut().pop().unwrap();
        directory.patch(&format!("{group}?excludedAttributes=members"), change("members", json!([{ "value": id }]))).await.expect(200);
    })
    .await);
    if members >= domain::limits::SCIM_SCAN {
        let refused = directory.get("/scim/v2/Users?filter=displayName%20sw%20%22Mem%22").await.expect(400);
        assert_eq!(refused["scimType"], "tooMany");
        let page = directory.get(&format!("/scim/v2/Users?startIndex={}&count=2", members / 2)).await.expect(200);
        assert_eq!((page["Resources"].as_array().unwrap().len(), page["startIndex"].as_u64()), (2, Some(members as u64 / 2)));
        assert!(page["totalResults"].as_u64().unwrap() >= members as u64 - 20, "{}", page["totalResults"]);
    }
    let lines: Vec<_> = costs.iter().map(Cost::to_string).collect();
    format!("{}\n{}", crate::costs::HEAD, lines.join("\n"))
}

#[tokio::test]
async fn what_is_done_with_people_costs_what_is_written_here() {
    insta::assert_snapshot!("people", table(&World::new().await, 120, 0).await);
}

#[tokio::test]
async fn nothing_costs_more_among_a_thousand_members_and_many_organisations() {
    insta::assert_snapshot!("people", table(&World::new().await, 1_000, 300).await);
}

#[tokio::test]
#[ignore = "takes minutes to fill the table even when optimised: make scale"]
async fn nothing_costs_more_among_ten_thousand_members_and_ten_thousand_organisations() {
    insta::assert_snapshot!("people", table(&World::new().await, 10_000, 10_000).await);
}
