//! Organisations served at once by the same processes: nothing of one is told to the other.

use domain::timer::{Purpose, Timer};
use local::Options;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tests::{Organization, Person, World};
use tokio::task::JoinSet;

const AT_ONCE: usize = 16;

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("{value} has no id")).to_owned()
}

/// An organisation with something of every kind, all of which has its name somewhere in it.
struct House {
    /// In lower case; everything in it says it.
    name: String,
    people: Vec<Person>,
    /// What is asked for by nobody's id.
    lists: Vec<String>,
    /// What is asked for by an id of this house.
    objects: Vec<String>,
    task: String,
}

impl House {
    async fn build(world: &World, name: &str) -> Self {
        let acme: Organization = world.organization(name).await;
        let owner = &acme.owner;
        let ben = acme.joins(&format!("Ben-{name}"), "admin").await;
        let project = acme.project(&format!("{name} garden")).await;
        let task = id(&owner.task(&project, &format!("Paint the {name} fence")).await);
        let conversation = owner.talks_to(&ben).await;
        let messages = format!("/api/v1/conversations/{conversation}/messages");
        owner.post(&messages, json!({ "text": format!("{name} for lunch?") })).await.expect(201);
        let client = json!({ "name": format!("{name} & Sons"), "email": "rose@example.com", "address": "2 High Street" });
        let client = id(&owner.post("/api/v1/clients", client).await.expect(201));
        let lines = json!([{ "description": format!("{name} hedge"), "quantity_milli": 1_000, "unit": "h", "unit_price": 100 }]);
        let invoice = id(&owner.post("/api/v1/invoices", json!({ "client": client, "lines": lines })).await.expect(201));
        let team = id(&owner.post("/api/v1/teams", json!({ "name": format!("{name} planters") })).await.expect(201));
        world.idle().await;
        let lists = ["auth/verify", "organization", "members", "projects", "clients", "invoices", "teams", "changes?limit=20"];
        let objects = [
            format!("members/{}", ben.id),
            format!("projects/{project}"),
            format!("tasks?project={project}"),
            format!("tasks/{task}"),
            format!("clients/{client}"),
            format!("invoices/{invoice}"),
            format!("teams/{team}"),
            format!("conversations/{conversation}/messages"),
        ];
        let path = |rest: &str| format!("/api/v1/{rest}");
        Self {
            name: name.to_lowercase(),
            people: vec![owner.clone(), ben],
            lists: lists.map(path).into(),
            objects: objects.map(|rest| path(&rest)).into(),
            task,
        }
    }

    /// One request of somebody of this house, the `turn`th: for what is theirs, or for what is the other's.
    async fn ask(&self, other: &Self, turn: usize) {
        let person = &self.people[turn / 40 % 2];
        let (method, path, body, own) = match turn % 20 {
            0 => (Method::POST, format!("/api/v1/tasks/{}/comments", self.task), json!({ "text": format!("{} blue?", self.name) }), true),
            1..=4 => (Method::GET, self.lists[turn / 20 % self.lists.len()].clone(), Value::Null, true),
            5..=12 => (Method::GET, self.objects[turn % self.objects.len()].clone(), Value::Null, true),
            _ => (Method::GET, other.objects[turn % other.objects.len()].clone(), Value::Null, false),
        };
        let mut request = person.request(method, &path);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = person.world.ask(request).await;
        let text = answer.text.to_lowercase();
        assert!(!text.contains(&other.name), "{path} told {} of {}: {}", self.name, other.name, answer.text);
        if own {
            assert!(answer.status.is_success() && text.contains(&self.name), "{path} was answered with {}", answer.text);
        } else {
            // A list of what is not there is empty
            let nothing = answer.status == 404 || answer.json["items"] == json!([]);
            assert!(nothing, "{path} was answered with {}", answer.text);
        }
    }
}

/// Many requests of two organisations, in turn, some at a time, in one process.
async fn mix(requests: usize) {
    let world = World::with(Options::product(None, 0)).await;
    let houses = Arc::new([House::build(&world, "Quince").await, House::build(&world, "Medlar").await]);
    let turns = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (houses, turns) = (houses.clone(), turns.clone());
        workers.spawn(async move {
            let [one, other] = &*houses;
            loop {
                let turn = turns.fetch_add(1, Ordering::Relaxed);
                if turn >= requests {
                    return;
                }
                let (ours, theirs) = if turn % 2 == 0 { (one, other) } else { (other, one) };
                ours.ask(theirs, turn / 2).await;
            }
        });
    }
    workers.join_all().await;
}

#[tokio::test]
async fn thousands_of_requests_of_two_organisations_in_one_process_tell_neither_of_the_other() {
    mix(2_000).await;
}

#[tokio::test]
#[ignore = "takes a minute of both processors: make scale"]
async fn ten_thousand_requests_of_two_organisations_in_one_process_tell_neither_of_the_other() {
    mix(10_000).await;
}

#[tokio::test]
async fn a_worker_does_nothing_for_a_message_whose_organisation_is_not_that_of_its_record() {
    let world = World::alone().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let (owner, ben) = (&other.owner, other.joins("Ben", "member").await);
    let invited = json!({ "email": world.email("lee"), "role": "member" });
    let invitation = id(&owner.post("/api/v1/invitations", invited).await.expect(201));
    let project = other.project("Garden").await;
    let task = json!({ "project": project, "title": "Paint", "assignees": [ben.id], "due_at": "2040-01-01T00:00:00Z" });
    let task = id(&owner.post("/api/v1/tasks", task).await.expect(201));
    let client = json!({ "name": "Rose", "email": "rose@example.com", "address": "2 High Street" });
    let client = id(&owner.post("/api/v1/clients", client).await.expect(201));
    let lines = json!([{ "description": "x", "quantity_milli": 1_000, "unit": "h", "unit_price": 100 }]);
    let invoice = id(&owner.post("/api/v1/invoices", json!({ "client": client, "lines": lines })).await.expect(201));
    owner.post(&format!("/api/v1/invoices/{invoice}/issue"), json!({})).await.expect(200);
    world.idle().await;
    let notification = id(&ben.list("/api/v1/notifications").await[0]);
    let state = async || {
        let queues = world.queues().await;
        let dead = ["Mail", "Documents", "Reminders"].map(|queue| queues[format!("{queue}DeadLetters")]["visible"].clone());
        let printed = owner.get(&format!("/api/v1/invoices/{invoice}")).await.expect(200);
        (world.mailbox().await.len(), ben.list("/api/v1/notifications").await, printed, dead)
    };
    let (before, change) = (state().await, "chg_01k9zt3vw8fqj2m4x6c7b5n0ra");
    let timer = Timer::new(Purpose::TaskDue { task: task.parse().expect("an id") }, world.now().await);
    for (queue, message) in [
        ("MailQueue", json!({ "mail": "welcome", "organization": acme.id, "user": owner.id })),
        ("MailQueue", json!({ "mail": "invitation", "organization": acme.id, "invitation": invitation, "sending": 1 })),
        ("MailQueue", json!({ "mail": "provisioned", "organization": acme.id, "user": ben.id, "at": world.now().await })),
        ("MailQueue", json!({ "mail": "notification", "organization": acme.id, "user": ben.id, "notification": notification })),
        ("MailQueue", json!({ "mail": "removal", "organization": acme.id, "user": owner.id, "change": change, "kept": true })),
        ("MailQueue", json!({ "mail": "suspension", "organization": acme.id, "user": owner.id, "change": change, "suspended": false })),
        ("DocumentsQueue", json!({ "paper": "invoice", "organization": acme.id, "invoice": invoice })),
        ("RemindersQueue", json!({ "organization": acme.id, "timer": timer })),
    ] {
        world.enqueue(queue, &message.to_string()).await;
    }
    world.idle().await;
    assert_eq!(state().await, before);
    acme.owner.get(&format!("/api/v1/invoices/{invoice}")).await.refused(404, "not-found");
}
