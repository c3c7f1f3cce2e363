//! Teams: who is in them, as what, and what they want to reach.

use serde_json::{Value, json};
use tests::{Organization, Person, World};

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("{value} has no id")).to_owned()
}

fn at(team: &str) -> String {
    format!("/api/v1/teams/{team}")
}

fn place(team: &str, person: &Person) -> String {
    format!("{}/members/{}", at(team), person.id)
}

async fn team(acme: &Organization, name: &str, department: Option<&str>) -> String {
    id(&acme.owner.post("/api/v1/teams", json!({ "name": name, "department": department })).await.expect(201))
}

async fn member(of: &Person, seen_by: &Person) -> Value {
    seen_by.get(&format!("/api/v1/members/{}", of.id)).await.expect(200)
}

fn names(list: &[Value]) -> Vec<&str> {
    list.iter().map(|one| one["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn a_team_has_members_with_roles_and_each_knows_their_teams() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, ann) = (acme.joins("Ben", "member").await, acme.joins("Ann", "member").await);
    let planting = team(&acme, "Planting", None).await;
    let paving = team(&acme, "Paving", None).await;
    acme.owner.put(&place(&planting, &ben), json!({ "role": "manager" })).await.expect(200);
    let put = acme.owner.put(&place(&planting, &ann), json!({ "title": "Head gardener" })).await.expect(200);
    assert_eq!(
        put["members"],
        json!([{ "user": ben.id, "role": "manager", "title": null }, { "user": ann.id, "role": "member", "title": "Head gardener" }])
    );
    acme.owner.put(&place(&paving, &ben), json!({})).await.expect(200);
    let of_ben = member(&ben, &ann).await;
    assert_eq!((&of_ben["teams"], &of_ben["posts"]), (&json!([planting, paving]), &json!([{ "role": "manager", "over": planting }])));
    assert_eq!(names(&ann.list(&format!("/api/v1/teams?member={}", ben.id)).await), ["Planting", "Paving"]);

    // Another role is the same place
    acme.owner.put(&place(&planting, &ben), json!({ "role": "member" })).await.expect(200);
    let of_ben = member(&ben, &ann).await;
    assert_eq!((&of_ben["teams"], &of_ben["posts"]), (&json!([planting, paving]), &json!([])));
    acme.owner.delete(&place(&planting, &ben)).await.expect(200);
    acme.owner.delete(&place(&planting, &ben)).await.refused(404, "not-found");
    assert_eq!(member(&ben, &ann).await["teams"], json!([paving]));
    acme.owner.delete(&at(&paving)).await.expect(204);
    assert_eq!(member(&ben, &ann).await["teams"], json!([]));
    acme.owner.get(&at(&paving)).await.refused(404, "not-found");
}

#[tokio::test]
async fn teams_stand_in_a_department_that_does_not_go_without_them() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let department = id(&acme.owner.post("/api/v1/departments", json!({ "name": "Gardens" })).await.expect(201));
    let never = "dep_01k9zt3vw8fqj2m4x6c7b5n0ra";
    acme.owner.post("/api/v1/teams", json!({ "name": "x", "department": never })).await.refused_fields(&["/department"]);
    let planting = team(&acme, "Planting", Some(&department)).await;
    team(&acme, "Across", None).await;
    world.idle().await;
    assert_eq!(names(&acme.owner.list(&format!("/api/v1/teams?department={department}")).await), ["Planting"]);
    assert_eq!(names(&acme.owner.list("/api/v1/teams").await), ["Planting", "Across"]);
    acme.owner.get(&format!("/api/v1/teams?department={department}&member={}", acme.owner.id)).await.refused_fields(&["member"]);
    let chart = acme.owner.get("/api/v1/organization/chart").await.expect(200);
    let branch = chart["departments"].as_array().unwrap().iter().find(|one| one["name"] == "Gardens").unwrap();
    assert_eq!((&branch["teams"][0]["name"], &chart["teams"][0]["name"]), (&json!("Planting"), &json!("Across")));

    acme.owner.delete(&format!("/api/v1/departments/{department}")).await.refused(409, "conflict");
    acme.owner.patch(&at(&planting), json!({ "department": null })).await.expect(200);
    world.idle().await;
    acme.owner.delete(&format!("/api/v1/departments/{department}")).await.expect(204);
}

#[tokio::test]
async fn a_team_sets_itself_goals() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let planting = team(&acme, "Planting", None).await;
    let goals = format!("{}/goals", at(&planting));
    acme.owner.post(&goals, json!({ "text": "Trees", "due_at": "2999-01-01T00:00:00Z" })).await.refused_fields(&["/due_at"]);
    let set = acme.owner.post(&goals, json!({ "text": "Two hundred trees", "due_at": "2041-01-01T00:00:00Z" })).await.expect(201);
    let goal = format!("{goals}/{}", id(&set["goals"][0]));
    let edited = acme.owner.patch_seen(2, &goal, json!({ "done": true, "due_at": null })).await.expect(200);
    assert_eq!(
        (&edited["goals"][0]["text"], &edited["goals"][0]["done"], &edited["goals"][0]["due_at"]),
        (&json!("Two hundred trees"), &json!(true), &Value::Null)
    );
    acme.owner.patch_seen(2, &goal, json!({ "done": false })).await.refused(412, "stale");
    assert_eq!(acme.owner.delete(&goal).await.expect(200)["goals"], json!([]));
    acme.owner.delete(&goal).await.refused(404, "not-found");
}

#[tokio::test]
async fn whoever_goes_is_in_no_team_and_no_guest_is() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, ann, gus) = (acme.joins("Ben", "member").await, acme.joins("Ann", "member").await, acme.joins("Gus", "guest").await);
    let planting = team(&acme, "Planting", None).await;
    acme.owner.put(&place(&planting, &gus), json!({})).await.refused(409, "conflict");
    for (person, role) in [(&ben, "manager"), (&ann, "member")] {
        acme.owner.put(&place(&planting, person), json!({ "role": role })).await.expect(200);
    }
    acme.owner.patch(&format!("/api/v1/members/{}", ann.id), json!({ "role": "guest" })).await.refused(409, "conflict");
    acme.owner.post(&format!("/api/v1/members/{}/deactivate", ben.id), json!({})).await.expect(200);
    assert_eq!(acme.owner.get(&at(&planting)).await.expect(200)["members"][0]["user"], json!(ben.id));
    acme.owner.delete(&format!("/api/v1/members/{}", ben.id)).await.expect(204);
    ann.delete(&format!("/api/v1/auth/organizations/{}", acme.id)).await.expect(204);
    assert_eq!(acme.owner.get(&at(&planting)).await.expect(200)["members"], json!([]));
    assert_eq!(acme.owner.list(&format!("/api/v1/teams?member={}", ben.id)).await, Vec::<Value>::new());
}

#[tokio::test]
async fn of_all_who_are_put_into_a_team_at_once_none_is_lost() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let planting = team(&acme, "Planting", None).await;
    let mut putting = tokio::task::JoinSet::new();
    for name in ["Ben", "Ann", "Cleo", "Dan"] {
        let (owner, path) = (acme.owner.clone(), place(&planting, &acme.joins(name, "member").await));
        putting.spawn(async move { owner.put(&path, json!({})).await.status.as_u16() });
    }
    assert_eq!(putting.join_all().await, [200; 4]);
    assert_eq!(acme.owner.get(&at(&planting)).await.expect(200)["members"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn a_team_is_moved_and_deleted_from_above_and_not_by_whoever_manages_it() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (mona, mike) = (acme.joins("Mona", "member").await, acme.joins("Mike", "member").await);
    let department = async |name: &str| acme.owner.post("/api/v1/departments", json!({ "name": name })).await.expect(201)["id"].clone();
    let (works, sales) = (department("Works").await, department("Yards").await);
    acme.owner.put(&format!("/api/v1/departments/{}/heads/{}", works.as_str().unwrap(), mona.id), json!({})).await.expect(200);
    let team = mona.post("/api/v1/teams", json!({ "name": "Planting", "department": works })).await.expect(201);
    let team = team["id"].as_str().unwrap();
    let path = at(team);
    mona.put(&place(team, &mike), json!({ "role": "manager" })).await.expect(200);
    mike.patch(&path, json!({ "name": "Trees" })).await.expect(200);
    for person in [&mike, &mona] {
        for department in [&sales, &json!(null)] {
            person.patch(&path, json!({ "department": department })).await.refused(403, "forbidden");
        }
    }
    mike.delete(&path).await.refused(403, "forbidden");
    assert_eq!(acme.owner.get(&path).await.expect(200)["department"], works);
    // Within what one heads it is moved freely
    let below = acme.owner.post("/api/v1/departments", json!({ "name": "North", "parent": works })).await.expect(201)["id"].clone();
    mona.patch(&path, json!({ "department": below })).await.expect(200);
    mona.delete(&path).await.expect(204);
}
