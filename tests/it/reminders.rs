//! What falls due, to the second and once.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Person, World};

async fn due_in(world: &World, seconds: i64) -> Timestamp {
    world.now().await + SignedDuration::from_secs(seconds)
}

async fn pass(world: &World, seconds: u64) {
    world.advance(Duration::from_secs(seconds)).await;
    world.idle().await;
}

fn path(task: &Value) -> String {
    format!("/api/v1/tasks/{}", task["id"].as_str().unwrap())
}

fn at(notification: &Value) -> Timestamp {
    notification["at"].as_str().unwrap().parse().unwrap()
}

/// What the clock told somebody of a task, the latest first.
async fn reminders(person: &Person, task: &Value) -> Vec<Value> {
    let told = person.list("/api/v1/notifications").await;
    let due = |one: &Value| one["subject"]["id"] == task["id"] && (one["reason"] == "due" || one["reason"] == "due_soon");
    told.into_iter().filter(due).collect()
}

fn delayed(queues: &Value) -> u64 {
    queues["RemindersQueue"]["delayed"].as_u64().unwrap_or_else(|| panic!("no reminders queue in {queues}"))
}

#[tokio::test]
async fn a_task_that_falls_due_tells_its_people_once_by_inbox_screen_and_mail() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let (ben, cleo) = (acme.joins("Ben", "member").await, acme.joins("Cleo", "member").await);
    let project = acme.project("Garden").await;
    let due = due_in(&world, 600).await;
    let draft = json!({ "project": project, "title": "Paint", "due_at": due.to_string(), "assignees": [ben.id, cleo.id] });
    let task = acme.owner.post("/api/v1/tasks", draft).await.expect(201);
    let draft = json!({ "project": project, "title": "Mow", "due_at": due.to_string() });
    let mine = acme.owner.post("/api/v1/tasks", draft).await.expect(201);
    let mut live = ben.live().await;

    pass(&world, 540).await;
    for person in [&ben, &cleo, &acme.owner] {
        assert!(reminders(person, &task).await.is_empty() && reminders(person, &mine).await.is_empty(), "told too early");
    }
    assert!(live.rest().await.iter().all(|event| event["notification"]["reason"] != "due"));

    pass(&world, 65).await;
    // Swept again and again, it has fired
    for _ in 0..3 {
        pass(&world, 60).await;
    }
    for person in [&ben, &cleo] {
        let told = reminders(person, &task).await;
        assert_eq!(told.iter().map(|one| (&one["reason"], &one["text"])).collect::<Vec<_>>(), [(&json!("due"), &json!("“Paint” is due"))]);
        assert_eq!(at(&told[0]), due);
        let mails = world.mails(&person.email).await;
        assert_eq!(mails.iter().filter(|mail| mail["subject"] == "“Paint” is due").count(), 1);
    }
    let events = live.rest().await;
    let seen: Vec<_> = events.iter().filter(|event| event["notification"]["reason"] == "due").collect();
    assert_eq!(seen.len(), 1, "{events:?}");
    assert_eq!(seen[0]["notification"], reminders(&ben, &task).await[0]);
    assert!(reminders(&acme.owner, &task).await.is_empty(), "who gave it away is not reminded");
    assert_eq!(reminders(&acme.owner, &mine).await.len(), 1, "what is given to nobody is its maker's");
}

#[tokio::test]
async fn what_is_closed_deleted_or_put_off_reminds_nobody_of_the_old_moment() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let dead_letters = world.queues().await["RemindersDeadLetters"].clone();
    let (due, later) = (due_in(&world, 300).await, due_in(&world, 420).await);
    let mut tasks = Vec::new();
    for title in ["closed", "deleted", "put off", "never", "reopened", "brought forward"] {
        let draft = json!({ "project": project, "title": title, "due_at": if title == "brought forward" { later } else { due }.to_string(), "remind_minutes": 1 });
        tasks.push(acme.owner.post("/api/v1/tasks", draft).await.expect(201));
    }
    // By now they wait on their queue, and what waits there must not fire either
    pass(&world, 190).await;
    assert!(delayed(&world.queues().await) > 0);
    let state = |task: &Value| format!("{}/state", path(task));
    acme.owner.put(&state(&tasks[0]), json!({ "state": "CANCELLED" })).await.expect(200);
    acme.owner.delete(&path(&tasks[1])).await.expect(204);
    acme.owner.patch(&path(&tasks[2]), json!({ "due_at": later.to_string() })).await.expect(200);
    acme.owner.patch(&path(&tasks[3]), json!({ "due_at": null })).await.expect(200);
    for step in ["IN_PROGRESS", "IN_REVIEW", "DONE", "OPEN"] {
        acme.owner.put(&state(&tasks[4]), json!({ "state": step })).await.expect(200);
    }
    acme.owner.patch(&path(&tasks[5]), json!({ "due_at": due.to_string() })).await.expect(200);
    let minute = SignedDuration::from_mins(1);
    let told = async |task: &Value| reminders(&acme.owner, task).await.iter().map(at).collect::<Vec<_>>();

    pass(&world, 130).await;
    for (place, expected) in [vec![], vec![], vec![], vec![], vec![due, due - minute], vec![due, due - minute]].into_iter().enumerate() {
        assert_eq!(told(&tasks[place]).await, expected, "{}", tasks[place]["title"]);
    }
    for _ in 0..3 {
        pass(&world, 60).await;
    }
    for (place, expected) in
        [vec![], vec![], vec![later, later - minute], vec![], vec![due, due - minute], vec![due, due - minute]].into_iter().enumerate()
    {
        assert_eq!(told(&tasks[place]).await, expected, "{}", tasks[place]["title"]);
    }
    assert_eq!(world.queues().await["RemindersDeadLetters"], dead_letters);
}

#[tokio::test]
async fn a_reminder_comes_the_asked_time_before() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let due = due_in(&world, 600).await;
    let draft = json!({ "project": project, "title": "Paint", "due_at": due.to_string(), "remind_minutes": 5 });
    let task = acme.owner.post("/api/v1/tasks", draft).await.expect(201);
    pass(&world, 270).await;
    assert!(reminders(&acme.owner, &task).await.is_empty());
    pass(&world, 31).await;
    let told = reminders(&acme.owner, &task).await;
    assert_eq!(
        told.iter().map(|one| (&one["reason"], &one["text"])).collect::<Vec<_>>(),
        [(&json!("due_soon"), &json!("“Paint” is due in 5 minutes"))]
    );
    assert_eq!(at(&told[0]), due - SignedDuration::from_mins(5));
    pass(&world, 300).await;
    let told = reminders(&acme.owner, &task).await;
    assert_eq!(told.iter().map(|one| one["reason"].as_str().unwrap()).collect::<Vec<_>>(), ["due", "due_soon"]);

    // A moment that has passed already is not made up for
    let draft = json!({ "project": project, "title": "Late", "due_at": due.to_string(), "remind_minutes": 60 });
    let late = acme.owner.post("/api/v1/tasks", draft).await.expect(201);
    pass(&world, 120).await;
    assert!(reminders(&acme.owner, &late).await.is_empty());
}

#[tokio::test]
async fn it_waits_on_its_queue_to_the_second_and_fires_once_however_often_it_is_swept() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let draft = json!({ "project": project, "title": "Paint", "due_at": due_in(&world, 600).await.to_string() });
    let task = acme.owner.post("/api/v1/tasks", draft).await.expect(201);
    world.idle().await;
    // On a system that others used, theirs may wait there too
    let others = delayed(&world.queues().await);
    let waiting = async || delayed(&world.queues().await) - others;
    pass(&world, 400).await;
    assert_eq!(waiting().await, 0, "it is queued only when it falls due soon");
    for swept in 1..=3 {
        pass(&world, if swept == 1 { 110 } else { 20 }).await;
        // At least: on a deployed system the schedule sweeps meanwhile as well
        assert!(waiting().await >= swept);
        assert!(reminders(&acme.owner, &task).await.is_empty(), "it fired early");
    }
    pass(&world, 51).await;
    assert_eq!(waiting().await, 0);
    assert_eq!(reminders(&acme.owner, &task).await.len(), 1);
    assert_eq!(world.mails(&acme.owner.email).await.iter().filter(|mail| mail["subject"] == "“Paint” is due").count(), 1);
}

#[tokio::test]
async fn what_is_due_in_two_seconds_does_not_wait_for_the_next_sweep() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    world.idle().await;
    let mut live = acme.owner.live().await;
    let due = due_in(&world, 2).await;
    acme.owner.post("/api/v1/tasks", json!({ "project": project, "title": "Tea", "due_at": due.to_string() })).await.expect(201);
    let event = live.event("notification").await;
    assert_eq!((&event["notification"]["reason"], at(&event["notification"])), (&json!("due"), due));
    assert!(world.now().await >= due, "it fired early");
}
