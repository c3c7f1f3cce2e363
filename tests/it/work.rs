//! Projects, tasks, the workflow, comments, lists.

use serde_json::{Value, json};
use std::time::Duration;
use tests::World;

fn titles(items: &[Value]) -> Vec<&str> {
    items.iter().filter_map(|item| item["title"].as_str()).collect()
}

#[tokio::test]
async fn a_task_goes_its_way_through_the_workflow() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let project = acme.project("Garden").await;
    let task = ben
        .post("/api/v1/tasks", json!({ "project": project, "title": "Paint the fence", "assignees": [ben.id], "labels": ["wood"] }))
        .await
        .expect(201);
    let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
    let state = format!("{path}/state");

    let problem = ben.put(&state, json!({ "state": "DONE" })).await.refused(409, "illegal-move");
    assert_eq!(problem["allowed"], json!(["IN_PROGRESS", "CANCELLED"]));
    for step in ["IN_PROGRESS", "IN_REVIEW", "DONE", "OPEN"] {
        assert_eq!(ben.put(&state, json!({ "state": step })).await.expect(200)["state"], step);
    }
    let task = ben.get(&path).await.expect(200);
    assert_eq!((&task["version"], &task["closed_at"]), (&json!(5), &Value::Null));
}

#[tokio::test]
async fn what_is_absent_in_an_edit_stays_and_null_clears() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let due = "2030-01-02T10:00:00Z";
    let draft = json!({ "project": project, "title": "Paint", "due_at": due, "estimate_minutes": 90, "priority": "high" });
    let task = acme.owner.post("/api/v1/tasks", draft).await.expect(201);
    let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
    let task = acme.owner.patch_seen(1, &path, json!({ "title": "Paint it" })).await.expect(200);
    assert_eq!((&task["due_at"], &task["estimate_minutes"], &task["priority"]), (&json!(due), &json!(90), &json!("high")));
    let task = acme.owner.patch_seen(2, &path, json!({ "due_at": null })).await.expect(200);
    assert_eq!((&task["due_at"], &task["estimate_minutes"], &task["title"]), (&Value::Null, &json!(90), &json!("Paint it")));
    let problem = acme.owner.patch_seen(2, &path, json!({ "title": "Late" })).await.refused(412, "stale");
    assert_eq!(problem["version"], 3);
}

#[tokio::test]
async fn tasks_are_listed_by_state_person_due_date_and_words() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let project = acme.project("Garden").await;
    let now = world.now().await;
    let in_hours = |hours: i64| (now + jiff::SignedDuration::from_hours(hours)).to_string();
    for (title, assignees, due) in [
        ("Paint the fence", vec![&ben.id], Some(in_hours(5))),
        ("Paint the shed", vec![], Some(in_hours(1))),
        ("Mow the lawn", vec![&ben.id, &acme.owner.id], None),
        ("Fix the painted gate", vec![&ben.id], Some(in_hours(3))),
    ] {
        acme.owner
            .post("/api/v1/tasks", json!({ "project": project, "title": title, "assignees": assignees, "due_at": due }))
            .await
            .expect(201);
    }
    world.idle().await;
    let list = |query: String| {
        let ben = ben.clone();
        async move { ben.list(&format!("/api/v1/tasks?{query}")).await }
    };
    for (query, expected) in [
        (format!("project={project}"), vec!["Paint the fence", "Paint the shed", "Mow the lawn", "Fix the painted gate"]),
        (
            format!("project={project}&order=descending&limit=3"),
            vec!["Fix the painted gate", "Mow the lawn", "Paint the shed", "Paint the fence"],
        ),
        (format!("project={project}&sort=due"), vec!["Paint the shed", "Fix the painted gate", "Paint the fence", "Mow the lawn"]),
        (
            format!("project={project}&sort=due&state=OPEN&limit=1"),
            vec!["Paint the shed", "Fix the painted gate", "Paint the fence", "Mow the lawn"],
        ),
        (format!("project={project}&state=DONE"), vec![]),
        ("assignee=me".to_owned(), vec!["Fix the painted gate", "Paint the fence", "Mow the lawn"]),
        (format!("assignee={}", acme.owner.id), vec!["Mow the lawn"]),
        (format!("project={project}&text=paint&limit=1"), vec!["Paint the fence", "Paint the shed", "Fix the painted gate"]),
        (format!("project={project}&text=PAINT+gate"), vec!["Fix the painted gate"]),
        (format!("project={project}&text=the+f"), vec!["Paint the fence", "Fix the painted gate"]),
        (format!("project={project}&text=nothing"), vec![]),
    ] {
        let (listed, mut expected) = (list(query.clone()).await, expected);
        let mut found = titles(&listed);
        if query.contains("text=") {
            found.sort_unstable();
            expected.sort_unstable();
        }
        assert_eq!(found, expected, "{query}");
    }
    world.advance(Duration::from_secs(4 * 3600)).await;
    let ben = tests::Person::login(&world, &ben.email, "correct horse battery").await;
    assert_eq!(titles(&ben.list("/api/v1/tasks?assignee=me&overdue=true").await), ["Fix the painted gate"]);
    assert_eq!(
        titles(&ben.list(&format!("/api/v1/tasks?project={project}&sort=due&overdue=true")).await),
        ["Paint the shed", "Fix the painted gate"]
    );
}

#[tokio::test]
async fn a_search_follows_what_is_renamed_and_deleted() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let task = acme.owner.task(&project, "Paint the fence").await;
    let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
    acme.owner.patch(&path, json!({ "title": "Build a wall" })).await.expect(200);
    world.idle().await;
    assert!(acme.owner.list(&format!("/api/v1/tasks?project={project}&text=fence")).await.is_empty());
    assert_eq!(acme.owner.list(&format!("/api/v1/tasks?project={project}&text=wall")).await.len(), 1);
    acme.owner.delete(&path).await.expect(204);
    world.idle().await;
    assert!(acme.owner.list(&format!("/api/v1/tasks?project={project}&text=wall")).await.is_empty());
    acme.owner.get(&path).await.refused(404, "not-found");
}

#[tokio::test]
async fn comments_are_kept_in_order_and_their_people_are_told_once() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let project = acme.project("Garden").await;
    let task = acme.owner.post("/api/v1/tasks", json!({ "project": project, "title": "Paint", "assignees": [ben.id] })).await.expect(201);
    let path = format!("/api/v1/tasks/{}/comments", task["id"].as_str().unwrap());
    for text in ["First", "Second", "Third"] {
        acme.owner.post(&path, json!({ "text": text })).await.expect(201);
    }
    let comments = ben.list(&format!("{path}?limit=2")).await;
    assert_eq!(comments.iter().map(|comment| comment["text"].as_str().unwrap()).collect::<Vec<_>>(), ["First", "Second", "Third"]);
    world.idle().await;
    let told = ben.list("/api/v1/notifications").await;
    let reasons: Vec<_> = told.iter().map(|one| one["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["commented", "commented", "commented", "assigned"]);
    assert!(acme.owner.list("/api/v1/notifications").await.is_empty(), "nobody is told of what they did themselves");
    let mails = world.mails(&ben.email).await;
    assert_eq!(mails.iter().filter(|mail| mail["subject"] == "Acme Owner gave you “Paint”").count(), 1);

    let read = format!("/api/v1/notifications/{}/read", told[0]["id"].as_str().unwrap());
    assert!(ben.put(&read, json!({})).await.expect(200)["read_at"].is_string());
    acme.owner.put(&read, json!({})).await.refused(404, "not-found");
}

#[tokio::test]
async fn a_project_counts_its_tasks_and_takes_none_when_it_has_ended() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let path = format!("/api/v1/projects/{project}");
    for (title, moves) in [("a", vec!["IN_PROGRESS", "IN_REVIEW", "DONE"]), ("b", vec!["CANCELLED"]), ("c", vec![])] {
        let task = acme.owner.task(&project, title).await;
        for state in moves {
            acme.owner.put(&format!("/api/v1/tasks/{}/state", task["id"].as_str().unwrap()), json!({ "state": state })).await.expect(200);
        }
    }
    let figures = acme.owner.get(&format!("{path}/statistics")).await.expect(200);
    assert_eq!(
        figures,
        json!({ "tasks": { "OPEN": 1, "IN_PROGRESS": 0, "IN_REVIEW": 0, "DONE": 1, "CANCELLED": 1 }, "total": 3, "overdue": 0, "progress": 50, "partial": false })
    );
    acme.owner.put(&format!("{path}/status"), json!({ "status": "completed" })).await.expect(200);
    acme.owner.post("/api/v1/tasks", json!({ "project": project, "title": "Too late" })).await.refused(409, "conflict");
}
