//! How an organisation is built: departments, who heads them, and the chart.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::{Organization, Person, World};

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("{value} has no id")).to_owned()
}

fn at(department: &str) -> String {
    format!("/api/v1/departments/{department}")
}

fn head(department: &str, person: &Person) -> String {
    format!("{}/heads/{}", at(department), person.id)
}

/// A department of this name, below another or at the top.
async fn department(acme: &Organization, name: &str, parent: Option<&str>) -> String {
    id(&acme.owner.post("/api/v1/departments", json!({ "name": name, "parent": parent })).await.expect(201))
}

async fn posts(of: &Person, seen_by: &Person) -> Value {
    seen_by.get(&format!("/api/v1/members/{}", of.id)).await.expect(200)["posts"].clone()
}

#[tokio::test]
async fn departments_stand_below_each_other_and_are_renamed_and_moved() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let sales = department(&acme, "Sales", None).await;
    let europe = department(&acme, "Europe", Some(&sales)).await;
    let paris = department(&acme, "Paris", Some(&europe)).await;
    let listed = acme.owner.list("/api/v1/departments").await;
    assert_eq!(listed.len(), 6);
    let one = acme.owner.get(&at(&paris)).await;
    assert_eq!((one.header("etag"), &one.json["parent"]), ("\"1\"", &json!(europe)));

    let renamed = acme.owner.patch_seen(1, &at(&paris), json!({ "name": "France" })).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["parent"], &renamed["version"]), (&json!("France"), &json!(europe), &json!(2)));
    let stale = acme.owner.patch_seen(1, &at(&paris), json!({ "name": "Paris" })).await.refused(412, "stale");
    assert_eq!(stale["version"], 2);
    // Another department was changed meanwhile, and is in nobody's way
    acme.owner.patch_seen(1, &at(&europe), json!({ "parent": null })).await.expect(200);
    let tree = acme.owner.get("/api/v1/organization/chart").await.expect(200);
    let top: Vec<_> = tree["departments"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(top, ["Europe", "Finance", "Management", "Operations", "Sales"]);
    assert_eq!(tree["departments"][0]["departments"][0]["name"], "France");
    let trail = acme.owner.list(&format!("/api/v1/changes?record={paris}")).await;
    assert_eq!((&trail[0]["action"], &trail[0]["before"]["name"]), (&json!("department.edited"), &json!("Paris")));
}

#[tokio::test]
async fn a_department_moves_nowhere_below_itself_and_nowhere_that_is_not() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let sales = department(&acme, "Sales", None).await;
    let europe = department(&acme, "Europe", Some(&sales)).await;
    let paris = department(&acme, "Paris", Some(&europe)).await;
    let to = |parent: &str| json!({ "parent": parent });
    let refused = acme.owner.patch(&at(&sales), to(&paris)).await.refused_fields(&["/parent"]);
    assert_eq!(refused["errors"][0]["message"], "is below the department itself: Sales › Europe › Paris");
    acme.owner.patch(&at(&sales), to(&sales)).await.refused_fields(&["/parent"]);
    let foreign = id(&other.owner.list("/api/v1/departments").await[0]);
    acme.owner.patch(&at(&sales), to(&foreign)).await.refused_fields(&["/parent"]);
    acme.owner.post("/api/v1/departments", json!({ "name": "x", "parent": foreign })).await.refused_fields(&["/parent"]);
    acme.owner.post("/api/v1/departments", json!({ "name": "Europe", "parent": sales })).await.refused(409, "conflict");
    department(&acme, "Europe", None).await;
}

#[tokio::test]
async fn two_moves_that_cross_make_no_circle() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    for round in 0..10 {
        let (a, b) = (department(&acme, &format!("A{round}"), None).await, department(&acme, &format!("B{round}"), None).await);
        let crossed = |one: String, parent: String| {
            let owner = acme.owner.clone();
            async move { owner.patch(&at(&one), json!({ "parent": parent })).await.status.as_u16() }
        };
        let mut answers = tokio::join!(crossed(a.clone(), b.clone()), crossed(b, a));
        if answers.0 > answers.1 {
            answers = (answers.1, answers.0);
        }
        assert_eq!(answers, (200, 422));
    }
}

#[tokio::test]
async fn many_departments_are_made_at_once_and_none_is_lost() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let mut making = tokio::task::JoinSet::new();
    for number in 0..8 {
        let acme = acme.clone();
        making.spawn(async move { department(&acme, &format!("Number {number}"), None).await });
    }
    assert_eq!(making.join_all().await.len(), 8);
    assert_eq!(acme.owner.list("/api/v1/departments").await.len(), 11);
}

#[tokio::test]
async fn a_department_goes_when_nobody_and_nothing_is_in_it() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, ann) = (acme.joins("Ben", "member").await, acme.joins("Ann", "member").await);
    let sales = department(&acme, "Sales", None).await;
    let europe = department(&acme, "Europe", Some(&sales)).await;
    let detail = acme.owner.delete(&at(&sales)).await.refused(409, "conflict")["detail"].clone();
    assert_eq!(detail, "below it there are departments: Europe");
    acme.owner.patch(&format!("/api/v1/members/{}", ben.id), json!({ "department": europe })).await.expect(200);
    world.idle().await;
    acme.owner.delete(&at(&europe)).await.refused(409, "conflict");
    acme.owner.patch(&format!("/api/v1/members/{}", ben.id), json!({ "department": null })).await.expect(200);
    acme.owner.put(&head(&europe, &ann), json!({})).await.expect(200);
    world.idle().await;
    acme.owner.delete(&at(&europe)).await.expect(204);
    assert_eq!(posts(&ann, &acme.owner).await, json!([]), "the post went with the department");
    acme.owner.get(&at(&europe)).await.refused(404, "not-found");
    acme.owner.delete(&at(&europe)).await.refused(404, "not-found");
    acme.owner.delete(&at(&sales)).await.expect(204);
}

#[tokio::test]
async fn projects_of_a_team_or_department_that_goes_are_of_none() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let europe = department(&acme, "Europe", None).await;
    let make = async |path: &str, draft: Value| id(&acme.owner.post(path, draft).await.expect(201));
    let team = make("/api/v1/teams", json!({ "name": "Crew" })).await;
    let project = make("/api/v1/projects", json!({ "name": "Shop", "team": team, "department": europe })).await;
    let (project, elsewhere) = (format!("/api/v1/projects/{project}"), make("/api/v1/projects", json!({ "name": "Shed" })).await);
    acme.owner.delete(&at(&europe)).await.expect(204);
    world.idle().await;
    let left = acme.owner.get(&project).await.expect(200);
    assert_eq!((&left["department"], &left["team"]), (&json!(null), &json!(team)));
    acme.owner.delete(&format!("/api/v1/teams/{team}")).await.expect(204);
    world.idle().await;
    assert_eq!(acme.owner.get(&project).await.expect(200)["team"], json!(null));
    assert_eq!(acme.owner.get(&format!("/api/v1/projects/{elsewhere}")).await.expect(200)["version"], 1);
}

#[tokio::test]
async fn whoever_is_invited_into_a_department_that_goes_joins_in_none() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let europe = department(&acme, "Europe", None).await;
    let email = world.email("ben");
    acme.owner.post("/api/v1/invitations", json!({ "email": email, "role": "member", "department": europe })).await.expect(201);
    let form = json!({ "token": world.link(&email, "join").await, "name": "Ben", "password": "correct horse battery" });
    acme.owner.delete(&at(&europe)).await.expect(204);
    let ben = world.post("/api/v1/auth/join", form).await.expect(201);
    assert_eq!(ben["department"], Value::Null);
    world.idle().await;
    let member = format!("/api/v1/members/{}", ben["user"].as_str().expect("an id"));
    assert_eq!(acme.owner.get(&member).await.expect(200)["department"], Value::Null);
    acme.owner.patch(&member, json!({ "department": europe })).await.refused_fields(&["/department"]);
}

#[tokio::test]
async fn heads_are_named_and_stand_in_the_directory_and_the_chart() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, gus) = (acme.joins("Ben", "member").await, acme.joins("Gus", "guest").await);
    let sales = department(&acme, "Sales", None).await;
    let named = acme.owner.put(&head(&sales, &ben), json!({})).await.expect(200);
    assert_eq!((&named["heads"], &named["version"]), (&json!([ben.id]), &json!(2)));
    // Said twice is said once
    assert_eq!(acme.owner.put(&head(&sales, &ben), json!({})).await.expect(200)["version"], 2);
    assert_eq!(posts(&ben, &ben).await, json!([{ "role": "head", "over": sales }]));
    let tree = acme.owner.get("/api/v1/organization/chart").await.expect(200);
    let branch = tree["departments"].as_array().unwrap().iter().find(|one| one["name"] == "Sales").unwrap();
    assert_eq!(branch["heads"], json!([{ "user": ben.id, "name": "Ben" }]));

    acme.owner.put(&head(&sales, &gus), json!({})).await.refused(409, "conflict");
    ben.put(&head(&sales, &ben), json!({})).await.refused(403, "forbidden");
    acme.owner.patch(&format!("/api/v1/members/{}", ben.id), json!({ "role": "guest" })).await.refused(409, "conflict");
    acme.owner.delete(&head(&sales, &ben)).await.expect(200);
    assert_eq!(posts(&ben, &ben).await, json!([]));
    acme.owner.delete(&head(&sales, &ben)).await.refused(404, "not-found");
}

#[tokio::test]
async fn whoever_goes_heads_nothing_and_whoever_is_locked_out_is_still_listed() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, ann) = (acme.joins("Ben", "member").await, acme.joins("Ann", "member").await);
    let (sales, europe) = (department(&acme, "Sales", None).await, department(&acme, "Europe", None).await);
    for (department, person) in [(&sales, &ben), (&europe, &ben), (&europe, &ann)] {
        acme.owner.put(&head(department, person), json!({})).await.expect(200);
    }
    acme.owner.post(&format!("/api/v1/members/{}/deactivate", ben.id), json!({})).await.expect(200);
    assert_eq!(acme.owner.get(&at(&sales)).await.expect(200)["heads"], json!([ben.id]));
    // The chart shows who is there
    let tree = acme.owner.get("/api/v1/organization/chart").await.expect(200);
    let heads: BTreeMap<_, _> =
        tree["departments"].as_array().unwrap().iter().map(|one| (one["name"].as_str().unwrap(), &one["heads"])).collect();
    assert_eq!((heads["Sales"], heads["Europe"]), (&json!([]), &json!([{ "user": ann.id, "name": "Ann" }])));
    acme.owner.delete(&format!("/api/v1/members/{}", ben.id)).await.expect(204);
    assert_eq!(acme.owner.get(&at(&sales)).await.expect(200)["heads"], json!([]));
    assert_eq!(acme.owner.get(&at(&europe)).await.expect(200)["heads"], json!([ann.id]));
    ann.delete(&format!("/api/v1/auth/organizations/{}", acme.id)).await.expect(204);
    assert_eq!(acme.owner.get(&at(&europe)).await.expect(200)["heads"], json!([]));
    acme.owner.put(&head(&europe, &ann), json!({})).await.refused(409, "conflict");
}

#[tokio::test]
async fn the_chart_is_a_picture_too() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    acme.owner.patch("/api/v1/organization", json!({ "name": "Acme & <Sons>" })).await.expect(200);
    let sales = department(&acme, "Sales \"<script>alert(1)</script>\"", None).await;
    department(&acme, "מחלקת המכירות", Some(&sales)).await;
    acme.owner.put(&head(&sales, &acme.owner), json!({})).await.expect(200);
    let picture = acme.owner.get("/api/v1/organization/chart.svg").await;
    assert_eq!((picture.status.as_u16(), picture.header("content-type")), (200, "image/svg+xml"));
    assert!(picture.header("content-security-policy").contains("default-src 'none'"));
    assert!(picture.text.contains("<title id=\"title\">Organisation chart of Acme &amp; &lt;Sons&gt;</title>"), "{}", picture.text);
    assert!(picture.text.contains("below Acme &amp; &lt;Sons&gt;, headed by Acme Owner: 0 people."), "{}", picture.text);
    assert!(!picture.text.contains("<script") && picture.text.matches("<rect").count() == 2 * 6, "{}", picture.text);
}
