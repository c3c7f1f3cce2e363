//! What heads, managers, leads, guests and contacts may: over their own part of the organisation, and nowhere else.

use serde_json::{Value, json};
use tests::{Answer, Organization, Person, World};

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("{value} has no id")).to_owned()
}

async fn made(by: &Person, path: &str, body: Value) -> String {
    id(&by.post(path, body).await.expect(201))
}

async fn department(acme: &Organization, name: &str, parent: Option<&str>) -> String {
    made(&acme.owner, "/api/v1/departments", json!({ "name": name, "parent": parent })).await
}

async fn heads(acme: &Organization, person: &Person, department: &str) {
    acme.owner.put(&format!("/api/v1/departments/{department}/heads/{}", person.id), json!({})).await.expect(200);
}

async fn rename(person: &Person, project: &str) -> Answer {
    person.patch(&format!("/api/v1/projects/{project}"), json!({ "name": "Renamed" })).await
}

fn names(list: &[Value]) -> Vec<&str> {
    list.iter().map(|one| one["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn a_manager_makes_projects_and_manages_their_own() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (cleo, ben) = (acme.joins("Cleo", "manager").await, acme.joins("Ben", "member").await);
    let theirs = acme.project("Theirs").await;
    rename(&cleo, &theirs).await.refused(403, "forbidden");
    let own = cleo.post("/api/v1/projects", json!({ "name": "Own" })).await.expect(201);
    assert_eq!(own["lead"], json!(cleo.id));
    rename(&cleo, &id(&own)).await.expect(200);
    rename(&cleo, &theirs).await.refused(404, "not-found");
    // All of it is still theirs to read
    assert_eq!(cleo.list("/api/v1/projects").await.len(), 2);
    ben.post("/api/v1/projects", json!({ "name": "x" })).await.refused(403, "forbidden");

    // Who hands the lead on has it no more
    cleo.patch(&format!("/api/v1/projects/{}", id(&own)), json!({ "lead": ben.id })).await.expect(200);
    rename(&cleo, &id(&own)).await.refused(403, "forbidden");
    rename(&ben, &id(&own)).await.expect(200);
    acme.owner.patch(&format!("/api/v1/projects/{}", id(&own)), json!({ "lead": null })).await.expect(200);
    rename(&ben, &id(&own)).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_head_manages_what_is_below_their_department_however_it_is_moved() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let (sales, gardens) = (department(&acme, "Sales", None).await, department(&acme, "Gardens", None).await);
    let europe = department(&acme, "Europe", Some(&sales)).await;
    let project = made(&acme.owner, "/api/v1/projects", json!({ "name": "Shop", "department": europe })).await;
    let other = made(&acme.owner, "/api/v1/projects", json!({ "name": "Shed", "department": gardens })).await;
    rename(&ben, &project).await.refused(403, "forbidden");
    heads(&acme, &ben, &sales).await;
    rename(&ben, &project).await.expect(200);
    rename(&ben, &other).await.refused(404, "not-found");

    let to = |parent: &str| json!({ "parent": parent });
    acme.owner.patch(&format!("/api/v1/departments/{europe}"), to(&gardens)).await.expect(200);
    rename(&ben, &project).await.refused(404, "not-found");
    acme.owner.patch(&format!("/api/v1/departments/{europe}"), to(&sales)).await.expect(200);
    rename(&ben, &project).await.expect(200);

    // Nothing is moved out from under them to where they manage nothing, and nothing made there
    ben.patch(&format!("/api/v1/projects/{project}"), json!({ "department": gardens })).await.refused(403, "forbidden");
    ben.post("/api/v1/projects", json!({ "name": "x", "department": gardens })).await.refused(403, "forbidden");
    ben.post("/api/v1/projects", json!({ "name": "x" })).await.refused(403, "forbidden");
    ben.post("/api/v1/projects", json!({ "name": "Stall", "department": europe })).await.expect(201);
    acme.owner.delete(&format!("/api/v1/departments/{sales}/heads/{}", ben.id)).await.expect(200);
    rename(&ben, &project).await.refused(404, "not-found");
}

#[tokio::test]
async fn heads_make_teams_in_their_department_and_managers_run_their_own() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, ann, dan) = (acme.joins("Ben", "member").await, acme.joins("Ann", "member").await, acme.joins("Dan", "member").await);
    let (sales, gardens) = (department(&acme, "Sales", None).await, department(&acme, "Gardens", None).await);
    let foreign = made(&acme.owner, "/api/v1/teams", json!({ "name": "Foreign", "department": gardens })).await;
    heads(&acme, &ben, &sales).await;
    let team = made(&ben, "/api/v1/teams", json!({ "name": "Shop", "department": sales })).await;
    ben.post("/api/v1/teams", json!({ "name": "x", "department": gardens })).await.refused(403, "forbidden");
    ben.post("/api/v1/teams", json!({ "name": "x" })).await.refused(403, "forbidden");
    let place = |team: &str, person: &Person| format!("/api/v1/teams/{team}/members/{}", person.id);
    ben.put(&place(&team, &ann), json!({ "role": "manager" })).await.expect(200);
    ben.put(&place(&foreign, &ann), json!({ "role": "manager" })).await.refused(404, "not-found");

    ann.put(&place(&team, &dan), json!({})).await.expect(200);
    ann.post(&format!("/api/v1/teams/{team}/goals"), json!({ "text": "Sell" })).await.expect(201);
    ann.patch(&format!("/api/v1/teams/{foreign}"), json!({ "name": "Mine" })).await.refused(404, "not-found");
    dan.put(&place(&team, &dan), json!({ "role": "manager" })).await.refused(403, "forbidden");
    let project = made(&ann, "/api/v1/projects", json!({ "name": "Counter", "team": team })).await;
    let made = dan.get(&format!("/api/v1/projects/{project}")).await.expect(200);
    assert_eq!((&made["lead"], &made["department"]), (&json!(ann.id), &json!(sales)), "a project is of the department of its team");
    ann.post("/api/v1/projects", json!({ "name": "x", "team": foreign })).await.refused_fields(&["/team"]);
    rename(&ben, &project).await.expect(200);
    rename(&dan, &project).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_project_is_moved_only_to_where_whoever_moves_it_could_have_made_it() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, cleo) = (acme.joins("Ben", "member").await, acme.joins("Cleo", "manager").await);
    let (sales, gardens) = (department(&acme, "Sales", None).await, department(&acme, "Gardens", None).await);
    let europe = department(&acme, "Europe", Some(&sales)).await;
    let team =
        async |name: &str, department: &str| made(&acme.owner, "/api/v1/teams", json!({ "name": name, "department": department })).await;
    let (counter, shed) = (team("Counter", &sales).await, team("Shed", &gardens).await);
    let draft = |lead: &Person| json!({ "name": "Shop", "lead": lead.id, "department": sales, "team": counter });
    let path = format!("/api/v1/projects/{}", made(&acme.owner, "/api/v1/projects", draft(&ben)).await);
    let moves = async |by: &Person, to: Value| by.patch(&path, to).await;

    // A lead has no right over any place, and takes the project out of none
    for elsewhere in [
        json!({ "department": gardens }),
        json!({ "department": null }),
        json!({ "team": null }),
        json!({ "department": null, "team": null }),
    ] {
        moves(&ben, elsewhere).await.refused(403, "forbidden");
    }
    moves(&ben, json!({ "team": shed })).await.refused_fields(&["/team"]);
    moves(&ben, json!({ "department": "dep_01k9zt3vw8fqj2m4x6c7b5n0ra" })).await.refused_fields(&["/department"]);
    // Where it is already is nowhere else
    moves(&ben, json!({ "name": "Kiosk", "department": sales, "team": counter })).await.expect(200);

    // Whoever heads the one and not the other moves it within theirs, though they lead it besides
    heads(&acme, &ben, &sales).await;
    moves(&ben, json!({ "department": europe, "team": null })).await.expect(200);
    moves(&ben, json!({ "department": gardens })).await.refused(403, "forbidden");
    moves(&ben, json!({ "department": gardens, "team": counter })).await.refused(403, "forbidden");
    moves(&ben, json!({ "department": null })).await.refused(403, "forbidden");
    moves(&ben, json!({ "department": sales, "team": counter })).await.expect(200);
    let kept = acme.owner.get(&path).await.expect(200);
    assert_eq!((&kept["department"], &kept["team"]), (&json!(sales), &json!(counter)));

    // Nor is one made for a team of theirs in a department that is not
    let dan = acme.joins("Dan", "member").await;
    acme.owner.put(&format!("/api/v1/teams/{counter}/members/{}", dan.id), json!({ "role": "manager" })).await.expect(200);
    let draft = |department: &str| json!({ "name": "Stall", "team": counter, "department": department });
    dan.post("/api/v1/projects", draft(&gardens)).await.refused(403, "forbidden");
    let stall = made(&dan, "/api/v1/projects", draft(&sales)).await;
    dan.patch(&format!("/api/v1/projects/{stall}"), json!({ "department": gardens })).await.refused(403, "forbidden");

    // Whoever makes projects anywhere moves those they lead anywhere
    acme.owner.patch(&path, json!({ "lead": cleo.id })).await.expect(200);
    moves(&cleo, json!({ "department": gardens })).await.expect(200);
    moves(&cleo, json!({ "department": null, "team": null })).await.expect(200);
    moves(&acme.owner, json!({ "department": sales })).await.expect(200);
}

#[tokio::test]
async fn a_guest_sees_the_project_they_were_let_into_and_nothing_else() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (gus, ben) = (acme.joins("Gus", "guest").await, acme.joins("Ben", "member").await);
    let (garden, shed) = (acme.project("Garden").await, acme.project("Shed").await);
    let (paint, nail) = (id(&ben.task(&garden, "Paint").await), id(&ben.task(&shed, "Nail").await));
    gus.get(&format!("/api/v1/projects/{garden}")).await.refused(403, "forbidden");
    let guest = |person: &Person| format!("/api/v1/projects/{garden}/guests/{}", person.id);
    acme.owner.put(&guest(&ben), json!({})).await.refused(409, "conflict");
    ben.put(&guest(&gus), json!({})).await.refused(403, "forbidden");
    acme.owner.put(&guest(&gus), json!({})).await.expect(200);

    assert_eq!(names(&gus.list("/api/v1/projects").await), ["Garden"]);
    gus.get(&format!("/api/v1/projects/{garden}/statistics")).await.expect(200);
    assert_eq!(gus.list(&format!("/api/v1/tasks?project={garden}")).await.len(), 1);
    gus.get(&format!("/api/v1/tasks/{paint}")).await.expect(200);
    gus.post(&format!("/api/v1/tasks/{paint}/comments"), json!({ "text": "Blue?" })).await.expect(201);
    assert_eq!(ben.list(&format!("/api/v1/tasks/{paint}/comments")).await.len(), 1);
    assert!(gus.list(&format!("/api/v1/files?task={paint}")).await.is_empty());

    // What they were not given answers as what is not there
    let never = "01k9zt3vw8fqj2m4x6c7b5n0ra";
    for (theirs, none) in [
        (format!("/api/v1/projects/{shed}"), format!("/api/v1/projects/prj_{never}")),
        (format!("/api/v1/projects/{shed}/statistics"), format!("/api/v1/projects/prj_{never}/statistics")),
        (format!("/api/v1/tasks/{nail}"), format!("/api/v1/tasks/tsk_{never}")),
        (format!("/api/v1/tasks/{nail}/comments"), format!("/api/v1/tasks/tsk_{never}/comments")),
        (format!("/api/v1/files?task={nail}"), format!("/api/v1/files?task=tsk_{never}")),
        (format!("/api/v1/tasks?project={shed}"), format!("/api/v1/tasks?project=prj_{never}")),
        (format!("/api/v1/tasks?project={shed}&limit=1&text=nail"), format!("/api/v1/tasks?project=prj_{never}&limit=1&text=nail")),
    ] {
        let (theirs, none) = (gus.get(&theirs).await, gus.get(&none).await);
        let told = |answer: &Answer| (answer.status, answer.text.replace(answer.header("x-request-id"), ""));
        assert_eq!(told(&theirs), told(&none), "{}", theirs.asked);
    }
    gus.post(&format!("/api/v1/tasks/{nail}/comments"), json!({ "text": "Mine" })).await.refused(404, "not-found");
    for path in
        ["/api/v1/members", "/api/v1/changes", "/api/v1/clients", "/api/v1/teams", "/api/v1/departments", "/api/v1/organization/chart"]
    {
        gus.get(path).await.refused(403, "forbidden");
    }
    gus.get(&format!("/api/v1/tasks?assignee={}", ben.id)).await.refused(403, "forbidden");
    gus.post("/api/v1/tasks", json!({ "project": garden, "title": "x" })).await.refused(403, "forbidden");
    gus.patch(&format!("/api/v1/tasks/{paint}"), json!({ "title": "x" })).await.refused(403, "forbidden");
    rename(&gus, &garden).await.refused(403, "forbidden");

    acme.owner.delete(&guest(&gus)).await.expect(200);
    gus.get(&format!("/api/v1/tasks/{paint}")).await.refused(403, "forbidden");
}

#[tokio::test]
async fn of_the_organisation_a_guest_sees_its_letterhead() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (gus, ben) = (acme.joins("Gus", "guest").await, acme.joins("Ben", "member").await);
    acme.owner.patch("/api/v1/organization", json!({ "tax_number": "GB 123", "bank": "IBAN GB33" })).await.expect(200);
    acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200);
    let told = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    for person in [&gus, &ben] {
        let verified = person.get("/api/v1/auth/verify").await.expect(200);
        let house = &verified["organization"];
        assert_eq!((&house["id"], &house["name"]), (&json!(acme.id), &json!("Acme")));
        assert_eq!(told(house), ["address", "currency", "email", "id", "name", "phone", "zone"]);
    }
    let days = "/api/v1/organization/working-days?from=2026-12-21&to=2026-12-31";
    for path in ["/api/v1/organization", "/api/v1/organization/settings", days] {
        gus.get(path).await.refused(403, "forbidden");
        ben.get(path).await.expect(200);
    }
    assert_eq!(ben.get("/api/v1/organization").await.expect(200)["expected_users"], 25);

    // Whoever becomes a guest sees no more than they
    acme.owner.patch(&format!("/api/v1/members/{}", ben.id), json!({ "role": "guest" })).await.expect(200);
    ben.get("/api/v1/organization/settings").await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_guest_pages_through_many_projects_without_a_gap() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let gus = acme.joins("Gus", "guest").await;
    let mut given = Vec::new();
    for number in 0..5 {
        let project = acme.project(&format!("Project {number}")).await;
        acme.project("Other").await;
        acme.owner.put(&format!("/api/v1/projects/{project}/guests/{}", gus.id), json!({})).await.expect(200);
        given.insert(0, format!("Project {number}"));
    }
    assert_eq!(names(&gus.list("/api/v1/projects?limit=2").await), given);
}

#[tokio::test]
async fn a_guest_watches_their_project_live_until_it_is_taken_from_them() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let gus = acme.joins("Gus", "guest").await;
    let (garden, shed) = (acme.project("Garden").await, acme.project("Shed").await);
    let guest = format!("/api/v1/projects/{garden}/guests/{}", gus.id);
    acme.owner.put(&guest, json!({})).await.expect(200);
    world.idle().await;
    let mut live = gus.live().await;
    live.tell("watch", json!({ "project": garden })).await;
    let refused = live.ask("watch", json!({ "project": shed })).await;
    assert_eq!(refused["problem"]["status"], 404, "{refused}");
    acme.owner.task(&garden, "Paint").await;
    assert_eq!(live.event("change").await["record"]["title"], "Paint");
    acme.owner.delete(&guest).await.expect(200);
    while live.read().await.is_some() {}
    let refused = gus.live().await.ask("watch", json!({ "project": garden })).await;
    assert_eq!(refused["problem"]["status"], 403, "{refused}");
}

#[tokio::test]
async fn a_guest_is_not_told_who_else_is_one() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (gus, ida, ben) = (acme.joins("Gus", "guest").await, acme.joins("Ida", "guest").await, acme.joins("Ben", "member").await);
    let garden = acme.project("Garden").await;
    let path = format!("/api/v1/projects/{garden}");
    acme.owner.put(&format!("{path}/guests/{}", gus.id), json!({})).await.expect(200);
    world.idle().await;
    let (mut theirs, mut bens) = (gus.live().await, ben.live().await);
    for live in [&mut theirs, &mut bens] {
        live.tell("watch", json!({ "project": garden })).await;
    }
    acme.owner.put(&format!("{path}/guests/{}", ida.id), json!({})).await.expect(200);
    let both = json!([gus.id, ida.id]);
    assert_eq!(bens.event("change").await["record"]["guests"], both);
    let shown = theirs.event("change").await;
    assert_eq!(
        (&shown["action"], &shown["record"]["name"], &shown["record"]["guests"]),
        (&json!("project.edited"), &json!("Garden"), &json!([]))
    );
    for answer in [gus.get(&path).await, gus.get("/api/v1/projects").await] {
        assert!(answer.status == 200 && answer.text.contains(&garden) && !answer.text.contains(&ida.id), "{}", answer.text);
    }
    assert_eq!(ben.get(&path).await.expect(200)["guests"], both);
    assert_eq!(ben.list("/api/v1/projects").await[0]["guests"], both);
}

#[tokio::test]
async fn a_contact_reads_the_invoices_issued_to_their_client_and_no_others() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let gus = acme.joins("Gus", "guest").await;
    let client = async |name: &str| {
        made(&acme.owner, "/api/v1/clients", json!({ "name": name, "email": "rose@example.com", "address": "2 High Street" })).await
    };
    let invoice = async |client: &str, issued: bool| {
        let lines = json!([{ "description": "x", "quantity_milli": 1_000, "unit": "h", "unit_price": 100 }]);
        let invoice = made(&acme.owner, "/api/v1/invoices", json!({ "client": client, "lines": lines })).await;
        if issued {
            acme.owner.post(&format!("/api/v1/invoices/{invoice}/issue"), json!({})).await.expect(200);
        }
        invoice
    };
    let (rose, iris) = (client("Rose").await, client("Iris").await);
    let (issued, draft, foreign) = (invoice(&rose, true).await, invoice(&rose, false).await, invoice(&iris, true).await);
    gus.get("/api/v1/invoices").await.refused(403, "forbidden");
    let contact = |client: &str| format!("/api/v1/clients/{client}/contacts/{}", gus.id);
    acme.owner.put(&contact(&rose), json!({})).await.expect(200);
    world.idle().await;
    let listed = gus.list("/api/v1/invoices").await;
    assert_eq!(listed.iter().map(id).collect::<Vec<_>>(), std::slice::from_ref(&issued));
    gus.get(&format!("/api/v1/invoices/{issued}")).await.expect(200);
    gus.get(&format!("/api/v1/invoices/{issued}/pdf")).await.expect(200);
    for absent in [&draft, &foreign] {
        gus.get(&format!("/api/v1/invoices/{absent}")).await.refused(404, "not-found");
        gus.get(&format!("/api/v1/invoices/{absent}/pdf")).await.refused(404, "not-found");
    }
    assert!(gus.list(&format!("/api/v1/invoices?client={iris}")).await.is_empty());
    gus.get("/api/v1/clients").await.refused(403, "forbidden");
    gus.get(&format!("/api/v1/clients/{rose}")).await.refused(404, "not-found");
    acme.owner.put(&contact(&iris), json!({})).await.expect(200);
    gus.get("/api/v1/invoices").await.refused_fields(&["client"]);
    assert_eq!(gus.list(&format!("/api/v1/invoices?client={iris}")).await.len(), 1);
    acme.owner.delete(&contact(&rose)).await.expect(200);
    gus.get(&format!("/api/v1/invoices/{issued}")).await.refused(404, "not-found");
}

#[tokio::test]
async fn nobody_gives_a_post_that_is_more_than_they_have() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, gus) = (acme.joins("Ben", "member").await, acme.joins("Gus", "guest").await);
    let permissions = json!(["manage_departments", "manage_teams", "manage_members"]);
    let role = made(&acme.owner, "/api/v1/roles", json!({ "name": "Desk", "permissions": permissions })).await;
    acme.owner.patch(&format!("/api/v1/members/{}", ben.id), json!({ "roles": [role] })).await.expect(200);
    let sales = department(&acme, "Sales", None).await;
    // Heads make and manage projects, which the desk does not
    ben.put(&format!("/api/v1/departments/{sales}/heads/{}", ben.id), json!({})).await.refused(403, "forbidden");
    let team = made(&ben, "/api/v1/teams", json!({ "name": "Desk" })).await;
    ben.put(&format!("/api/v1/teams/{team}/members/{}", ben.id), json!({ "role": "manager" })).await.refused(403, "forbidden");
    ben.put(&format!("/api/v1/teams/{team}/members/{}", ben.id), json!({})).await.expect(200);
    // Nor is it taken by whoever has it not
    let ann = acme.joins("Ann", "member").await;
    heads(&acme, &ann, &sales).await;
    ben.delete(&format!("/api/v1/departments/{sales}/heads/{}", ann.id)).await.refused(403, "forbidden");
    ben.delete(&format!("/api/v1/members/{}", ann.id)).await.refused(403, "forbidden");
    // A lead lets guests in, and only into their own
    let project = made(&acme.owner, "/api/v1/projects", json!({ "name": "Garden", "lead": ann.id })).await;
    let other = acme.project("Shed").await;
    ann.put(&format!("/api/v1/projects/{project}/guests/{}", gus.id), json!({})).await.expect(200);
    acme.owner.delete(&format!("/api/v1/departments/{sales}/heads/{}", ann.id)).await.expect(200);
    ann.put(&format!("/api/v1/projects/{other}/guests/{}", gus.id), json!({})).await.refused(404, "not-found");
}

/// Somebody who has these permissions everywhere, by a role of the organisation's own.
async fn with_role(acme: &Organization, name: &str, permission: &str) -> Person {
    let role = made(&acme.owner, "/api/v1/roles", json!({ "name": format!("{name}'s role"), "permissions": [permission] })).await;
    let person = acme.joins(name, "member").await;
    acme.owner.patch(&format!("/api/v1/members/{}", person.id), json!({ "roles": [role] })).await.expect(200);
    person
}

#[tokio::test]
async fn what_a_post_gives_it_gives_where_it_is_and_nowhere_else() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, gus) = (acme.joins("Ann", "member").await, acme.joins("Gus", "guest").await);
    // Over departments
    let dan = with_role(&acme, "Dan", "manage_departments").await;
    let (board, tiny) = (department(&acme, "Board", None).await, department(&acme, "Tiny", None).await);
    let below = department(&acme, "Below", Some(&tiny)).await;
    heads(&acme, &ann, &board).await;
    heads(&acme, &dan, &tiny).await;
    let head = |department: &str, person: &Person| format!("/api/v1/departments/{department}/heads/{}", person.id);
    dan.put(&head(&board, &dan), json!({})).await.refused(403, "forbidden");
    dan.delete(&head(&board, &ann)).await.refused(403, "forbidden");
    dan.put(&head(&tiny, &ann), json!({})).await.expect(200);
    dan.put(&head(&below, &ann), json!({})).await.expect(200);

    // Over projects
    let ed = with_role(&acme, "Ed", "edit_projects").await;
    let (own, secret) = (acme.project("Own").await, acme.project("Secret").await);
    let project = |id: &str| format!("/api/v1/projects/{id}");
    acme.owner.patch(&project(&own), json!({ "lead": ed.id })).await.expect(200);
    ed.patch(&project(&secret), json!({ "lead": ed.id })).await.refused(403, "forbidden");
    ed.put(&format!("{}/guests/{}", project(&secret), gus.id), json!({})).await.refused(404, "not-found");
    rename(&ed, &secret).await.expect(200);
    ed.put(&format!("{}/guests/{}", project(&own), gus.id), json!({})).await.expect(200);
    ed.patch(&project(&own), json!({ "lead": ann.id })).await.expect(200);

    // Over teams
    let tom = with_role(&acme, "Tom", "manage_teams").await;
    let make = async |name: &str| made(&acme.owner, "/api/v1/teams", json!({ "name": name })).await;
    let (ours, theirs) = (make("Ours").await, make("Theirs").await);
    let place = |team: &str, person: &Person| format!("/api/v1/teams/{team}/members/{}", person.id);
    acme.owner.put(&place(&ours, &tom), json!({ "role": "manager" })).await.expect(200);
    tom.put(&place(&theirs, &tom), json!({ "role": "manager" })).await.refused(403, "forbidden");
    tom.put(&place(&theirs, &ann), json!({ "role": "member" })).await.expect(200);
    tom.put(&place(&ours, &ann), json!({ "role": "manager" })).await.expect(200);
}

#[tokio::test]
async fn a_move_gives_and_takes_nothing_that_whoever_moves_could_not() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, dan) = (acme.joins("Ann", "member").await, with_role(&acme, "Dan", "manage_departments").await);
    let (headed, free) = (department(&acme, "Headed", None).await, department(&acme, "Free", None).await);
    let (one, inner) = (department(&acme, "One", None).await, department(&acme, "Inner", Some(&headed)).await);
    heads(&acme, &ann, &headed).await;
    let to =
        async |by: &Person, one: &str, parent: Value| by.patch(&format!("/api/v1/departments/{one}"), json!({ "parent": parent })).await;
    to(&dan, &one, json!(headed)).await.refused(403, "forbidden");
    to(&dan, &inner, json!(null)).await.refused(403, "forbidden");
    to(&dan, &headed, json!(free)).await.expect(200);
    to(&dan, &one, json!(free)).await.expect(200);
    // Nor by a post of their own
    heads(&acme, &dan, &one).await;
    to(&dan, &inner, json!(one)).await.refused(403, "forbidden");
    to(&acme.owner, &inner, json!(one)).await.expect(200);
    to(&dan, &inner, json!(null)).await.refused(403, "forbidden");

    let tom = with_role(&acme, "Tom", "manage_teams").await;
    let team = made(&acme.owner, "/api/v1/teams", json!({ "name": "Crew" })).await;
    let into = async |by: &Person, department: Value| by.patch(&format!("/api/v1/teams/{team}"), json!({ "department": department })).await;
    into(&tom, json!(headed)).await.refused(403, "forbidden");
    into(&tom, json!(free)).await.expect(200);
    into(&acme.owner, json!(headed)).await.expect(200);
    into(&tom, json!(null)).await.refused(403, "forbidden");

    let ed = with_role(&acme, "Ed", "edit_projects").await;
    let shop = made(&acme.owner, "/api/v1/projects", json!({ "name": "Shop", "department": free })).await;
    let place = async |by: &Person, place: Value| by.patch(&format!("/api/v1/projects/{shop}"), json!({ "department": place })).await;
    place(&ed, json!(headed)).await.refused(403, "forbidden");
    place(&ed, json!(null)).await.refused(403, "forbidden");
    // Nor do they take it to where they head more than they may where it is, unless they lead it
    heads(&acme, &ed, &headed).await;
    place(&ed, json!(headed)).await.refused(403, "forbidden");
    acme.owner.patch(&format!("/api/v1/projects/{shop}"), json!({ "lead": ed.id })).await.expect(200);
    place(&ed, json!(headed)).await.expect(200);

    // Who makes projects anywhere, and lets no guests in, gives nobody the right to
    let role = json!({ "name": "Mover", "permissions": ["edit_projects", "create_projects"] });
    let role = made(&acme.owner, "/api/v1/roles", role).await;
    let (mel, cleo) = (acme.joins("Mel", "member").await, acme.joins("Cleo", "member").await);
    acme.owner.patch(&format!("/api/v1/members/{}", mel.id), json!({ "roles": [role] })).await.expect(200);
    let (crew, idle) = (made(&acme.owner, "/api/v1/teams", json!({ "name": "Run" })).await, department(&acme, "Idle", None).await);
    acme.owner.put(&format!("/api/v1/teams/{crew}/members/{}", cleo.id), json!({ "role": "manager" })).await.expect(200);
    let shed = made(&acme.owner, "/api/v1/projects", json!({ "name": "Shed" })).await;
    let edit = async |by: &Person, edit: Value| by.patch(&format!("/api/v1/projects/{shed}"), edit).await;
    edit(&mel, json!({ "team": crew })).await.refused(403, "forbidden");
    edit(&mel, json!({ "department": headed })).await.refused(403, "forbidden");
    edit(&mel, json!({ "department": idle })).await.expect(200);
    edit(&acme.owner, json!({ "department": headed })).await.expect(200);
    edit(&mel, json!({ "department": null })).await.refused(403, "forbidden");
    // And whoever makes projects anywhere moves the one they lead into any team
    let cara = with_role(&acme, "Cara", "create_projects").await;
    let stall = made(&cara, "/api/v1/projects", json!({ "name": "Stall" })).await;
    cara.patch(&format!("/api/v1/projects/{stall}"), json!({ "team": crew })).await.expect(200);
}

#[tokio::test]
async fn whoever_goes_and_comes_back_has_no_post_left() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, gus) = (acme.joins("Ben", "member").await, acme.joins("Gus", "guest").await);
    let project = made(&acme.owner, "/api/v1/projects", json!({ "name": "Garden", "lead": ben.id })).await;
    acme.owner.put(&format!("/api/v1/projects/{project}/guests/{}", gus.id), json!({})).await.expect(200);
    gus.delete(&format!("/api/v1/auth/organizations/{}", acme.id)).await.expect(204);
    acme.owner.delete(&format!("/api/v1/members/{}", ben.id)).await.expect(204);
    world.idle().await;
    let kept = acme.owner.get(&format!("/api/v1/projects/{project}")).await.expect(200);
    assert_eq!((&kept["lead"], &kept["guests"]), (&Value::Null, &json!([])));
    acme.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "member" })).await.expect(201);
    let form = json!({ "token": world.link(&ben.email, "join").await, "password": "correct horse battery" });
    assert_eq!(world.post("/api/v1/auth/join", form).await.expect(201)["posts"], json!([]));
    let ben = Person::login(&world, &ben.email, "correct horse battery").await;
    rename(&ben, &project).await.refused(403, "forbidden");
}

#[tokio::test]
async fn another_organisation_has_no_part_in_ours() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let project = acme.project("Garden").await;
    let eve = other.joins("Eve", "guest").await;
    acme.owner.put(&format!("/api/v1/projects/{project}/guests/{}", eve.id), json!({})).await.refused(404, "not-found");
    let own = other.project("Own").await;
    other.owner.put(&format!("/api/v1/projects/{own}/guests/{}", eve.id), json!({})).await.expect(200);
    eve.get(&format!("/api/v1/projects/{project}")).await.refused(404, "not-found");
    let foreign = made(&acme.owner, "/api/v1/teams", json!({ "name": "Ours" })).await;
    other.owner.post("/api/v1/projects", json!({ "name": "x", "team": foreign })).await.refused_fields(&["/team"]);
}
