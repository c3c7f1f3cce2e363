//! What each operation costs: calls of the table, round trips one after the other, and capacity units.

use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use tests::{Organization, Person, World};
use tokio::task::JoinSet;

const PASSWORD: &str = "correct horse battery";
/// How often each operation is measured; calls made at once may by chance be seen as made one after the other.
const TIMES: usize = 3;

pub(crate) const HEAD: &str = "operation                  trips   reads  writes  items  calls";

pub(crate) struct Cost {
    name: &'static str,
    calls: Vec<String>,
    rounds: u64,
    reads: f64,
    writes: f64,
    items: usize,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, calls, rounds, reads, writes, items } = self;
        write!(f, "{name:<26}{rounds:>6}{reads:>8.1}{writes:>8.1}{items:>7}  {}", calls.join(" "))
    }
}

fn units(call: &Value) -> f64 {
    let consumed = &call["response"]["ConsumedCapacity"];
    let each = consumed.as_array().cloned().unwrap_or_else(|| vec![consumed.clone()]);
    each.iter().filter_map(|one| one["CapacityUnits"].as_f64()).sum()
}

fn items(call: &Value) -> usize {
    let (request, response) = (&call["request"], &call["response"]);
    let lists = [&request["TransactItems"], &response["Items"]];
    let listed: usize = lists.iter().filter_map(|list| list.as_array()).map(Vec::len).sum();
    let batch: usize = response["Responses"].as_object().into_iter().flatten().filter_map(|(_, list)| list.as_array()).map(Vec::len).sum();
    listed + batch + usize::from(response["Item"].is_object())
}

/// `2×Query` for calls made at once.
fn shown(calls: &[Value]) -> Vec<String> {
    let mut shown: Vec<(String, u64, usize)> = Vec::new();
    for call in calls {
        let (operation, round) = (call["operation"].as_str().unwrap(), call["round"].as_u64().unwrap());
        match shown.iter_mut().find(|one| one.0 == operation && one.1 == round) {
            Some(one) => one.2 += 1,
            None => shown.push((operation.to_owned(), round, 1)),
        }
    }
    shown.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    let mut text: Vec<(u64, String)> = Vec::new();
    for (operation, round, count) in shown {
        let one = if count == 1 { operation } else { format!("{count}×{operation}") };
        match text.last_mut() {
            Some(last) if last.0 == round => last.1 = format!("({} ∥ {one})", last.1.trim_matches(['(', ')'])),
            _ => text.push((round, one)),
        }
    }
    text.into_iter().map(|(_, one)| one).collect()
}

pub(crate) async fn measure(world: &World, name: &'static str, operation: impl AsyncFn()) -> Cost {
    let mut best: Option<Cost> = None;
    for _ in 0..TIMES {
        world.idle().await;
        world.hold(true).await;
        operation().await;
        let calls = world.calls().await;
        world.hold(false).await;
        let calls = calls.as_array().unwrap();
        assert!(calls.iter().all(|call| call["operation"] != "Scan"), "{name} scans the table");
        assert!(calls.iter().all(|call| call["status"] == 200), "{name} failed on its way: {calls:?}");
        let is_read = |call: &Value| matches!(call["operation"].as_str(), Some("GetItem" | "BatchGetItem" | "Query" | "TransactGetItems"));
        let sum = |reads: bool| calls.iter().filter(|call| is_read(call) == reads).map(units).sum::<f64>() + 0.0;
        let rounds = calls.iter().filter_map(|call| call["round"].as_u64()).max().unwrap_or_default();
        let cost = Cost { name, calls: shown(calls), rounds, reads: sum(true), writes: sum(false), items: calls.iter().map(items).sum() };
        if best.as_ref().is_none_or(|best| cost.rounds < best.rounds) {
            best = Some(cost);
        }
    }
    best.unwrap()
}

/// An organisation with more tasks than fit a page, all alike.
async fn house(world: &World, tasks: usize, others: usize) -> (Organization, Person, String) {
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let project = acme.project("Garden").await;
    let mut seeds = JoinSet::new();
    for n in 0..tasks {
        let (owner, project) = (acme.owner.clone(), project.clone());
        // A few more than a page are Ben's; each is told by mail, which would take the longest
        let assignees = if n < 60 || n % 6 == 0 { vec![ben.id.clone()] } else { Vec::new() };
        seeds.spawn(async move {
            let draft = json!({ "project": project, "title": format!("Paint fence {n:04}"), "assignees": assignees, "due_at": "2040-01-01T00:00:00Z" });
            owner.post("/api/v1/tasks", draft).await.expect(201);
        });
        if seeds.len() >= 8 {
            seeds.join_next().await.unwrap().unwrap();
        }
    }
    seeds.join_all().await;
    world.idle().await;
    for n in 0..others {
        world.organization(&format!("Other {n}")).await;
    }
    world.idle().await;
    (acme, ben, project)
}

async fn table(world: &World, tasks: usize, others: usize) -> (Vec<Cost>, String) {
    let (acme, ben, project) = house(world, tasks, others).await;
    let owner = &acme.owner;
    let mut costs = Vec::new();
    let count = Cell::new(0);
    let next = || {
        count.set(count.get() + 1);
        count.get()
    };

    let get = async |path: &str| drop(ben.get(path).await.expect(200));
    let post = async |path: &str, body: Value, status: u16| owner.post(path, body).await.expect(status);
    let task = post("/api/v1/tasks", json!({ "project": project, "title": "Paint fence 9998" }), 201).await;
    let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
    let client = post("/api/v1/clients", json!({ "name": "Rose", "email": "rose@example.com", "address": "2 High Street" }), 201).await;
    let line = json!({ "description": "Paint", "quantity_milli": 1_000, "unit": "hour", "unit_price": 9_500, "tax_rate": 1_900 });
    let invoice = json!({ "client": client["id"], "lines": [line] });
    let mut drafts = Vec::new();
    for _ in 0..=TIMES {
        drafts.push(post("/api/v1/invoices", invoice.clone(), 201).await["id"].as_str().unwrap().to_owned());
    }
    let drafts = RefCell::new(drafts);
    let issue = async || {
        let draft = drafts.borrow_mut().pop().unwrap();
        post(&format!("/api/v1/invoices/{draft}/issue"), json!({}), 200).await;
    };
    // The first of a year makes the series
    issue().await;
    let conversation = owner.talks_to(&ben).await;
    let (messages, marks) =
        (format!("/api/v1/conversations/{conversation}/messages"), format!("/api/v1/conversations/{conversation}/marks"));
    for n in 0..10 {
        post(&messages, json!({ "text": format!("Hello {n}") }), 201).await;
    }
    let (live, _theirs) = (tokio::sync::Mutex::new(owner.live().await), ben.live().await);
    let refresh = RefCell::new(owner.refresh.clone());
    let states = RefCell::new(vec!["DONE", "IN_REVIEW", "IN_PROGRESS"]);

    let mut add = |cost: Cost| costs.push(cost);
    add(measure(world, "login", async || drop(Person::login(world, &ben.email, PASSWORD).await)).await);
    let options = ben.post("/api/v1/auth/passkeys/begin", json!({ "password": PASSWORD })).await.expect(200);
    let device = tests::Device::new(&options, world.url());
    ben.post("/api/v1/auth/passkeys", json!({ "name": "Phone", "credential": device.made(&options) })).await.expect(201);
    let device = RefCell::new(device);
    add(measure(world, "login by passkey", async || {
        let options = world.post("/api/v1/auth/login/passkey/begin", json!({})).await.expect(200);
        let answer = device.borrow_mut().answers(options["challenge"].as_str().unwrap());
        world.post("/api/v1/auth/login/passkey", json!({ "passkey": answer })).await.expect(200);
    })
    .await);
    let provider = tests::Provider::start().await;
    let made = post("/api/v1/auth/oidc/providers", provider.draft(), 201).await["provider"]["id"].as_str().unwrap().to_owned();
    owner.patch(&format!("/api/v1/auth/oidc/providers/{made}"), json!({ "on": true })).await.expect(200);
    let (claims, now) = (tests::Claims::new("00u1", &ben.email), world.now().await);
    let sign_in = async || {
        let form = json!({ "organization": acme.id, "provider": made });
        let started = world.post("/api/v1/auth/oidc/start", form).await.expect(200);
        let back = provider.signs_in(started["url"].as_str().unwrap(), &claims, now);
        let form = json!({ "provider": made, "state": back.state, "code": back.code, "verifier": started["verifier"] });
        world.post("/api/v1/auth/oidc/finish", form).await.expect(200);
    };
    // The first time makes the link
    sign_in().await;
    add(measure(world, "sign in by a provider", sign_in).await);
    add(measure(world, "refresh", async || {
        let token = refresh.borrow().clone();
        let pair = world.post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await.expect(200);
        *refresh.borrow_mut() = pair["refresh_token"].as_str().unwrap().to_owned();
    })
    .await);
    add(measure(world, "verify", async || get("/api/v1/auth/verify").await).await);
    add(measure(world, "get task", async || get(&path).await).await);
    let key = json!({ "name": "Import", "permissions": ["read_tasks"] });
    let secret = post("/api/v1/api-keys", key, 201).await["secret"].as_str().unwrap().to_owned();
    let program = Person { access: secret, ..owner.clone() };
    add(measure(world, "get task with a key", async || drop(program.get(&path).await.expect(200))).await);
    for (name, query) in [
        ("list 50 by project", format!("project={project}")),
        ("list 50 by due date", format!("project={project}&sort=due")),
        ("list 50 by state", format!("project={project}&sort=due&state=OPEN")),
        ("search 50", format!("project={project}&text=fence")),
        ("list my 50", "assignee=me".to_owned()),
    ] {
        add(measure(world, name, async || get(&format!("/api/v1/tasks?{query}&limit=50")).await).await);
    }
    add(measure(world, "create task", async || {
        drop(post("/api/v1/tasks", json!({ "project": project, "title": "Paint it 1234" }), 201).await)
    })
    .await);
    add(measure(world, "create task for somebody", async || {
        post(
            "/api/v1/tasks",
            json!({ "project": project, "title": "Paint it 1234", "assignees": [ben.id], "due_at": "2041-01-01T00:00:00Z" }),
            201,
        )
        .await;
    })
    .await);
    add(measure(world, "edit task", async || {
        owner.patch(&path, json!({ "title": format!("Paint fence {:04}", next()) })).await.expect(200);
    })
    .await);
    add(measure(world, "move task", async || {
        let state = states.borrow_mut().pop().unwrap();
        owner.put(&format!("{path}/state"), json!({ "state": state })).await.expect(200);
    })
    .await);
    add(measure(world, "comment", async || drop(post(&format!("{path}/comments"), json!({ "text": "Blue?" }), 201).await)).await);
    add(measure(world, "send message (HTTP)", async || drop(post(&messages, json!({ "text": "Lunch?" }), 201).await)).await);
    add(measure(world, "send message (frame)", async || {
        live.lock().await.tell("send", json!({ "conversation": conversation, "text": "Lunch?" })).await;
    })
    .await);
    add(measure(world, "mark seen", async || drop(ben.put(&marks, json!({ "seen": next() })).await.expect(200))).await);
    add(measure(world, "history", async || get(&format!("{messages}?after=0&limit=10")).await).await);
    add(measure(world, "create project", async || drop(post("/api/v1/projects", json!({ "name": "House" }), 201).await)).await);
    add(measure(world, "announce file of a task", async || {
        let draft = json!({ "name": "plan.pdf", "media_type": "application/pdf", "bytes": 9, "task": task["id"] });
        post("/api/v1/files", draft, 201).await;
    })
    .await);
    add(measure(world, "draft invoice", async || drop(post("/api/v1/invoices", invoice.clone(), 201).await)).await);
    add(measure(world, "issue invoice", issue).await);
    add(measure(world, "invite", async || {
        post("/api/v1/invitations", json!({ "email": format!("p{:04}@example.com", next()), "role": "member" }), 201).await;
    })
    .await);
    add(measure(world, "changes of a record", async || {
        drop(owner.get(&format!("/api/v1/changes?record={}&limit=1", task["id"].as_str().unwrap())).await.expect(200))
    })
    .await);
    add(measure(world, "last change", async || drop(owner.get("/api/v1/changes?limit=1").await.expect(200))).await);
    add(measure(world, "inbox 50", async || get("/api/v1/notifications?limit=50").await).await);
    let lines: Vec<_> = costs.iter().map(Cost::to_string).collect();
    (costs, format!("{HEAD}\n{}", lines.join("\n")))
}

#[tokio::test]
async fn every_operation_costs_what_is_written_here() {
    let (costs, table) = table(&World::new().await, 60, 0).await;
    insta::assert_snapshot!("costs", table);
    let trips = |name: &str| costs.iter().find(|cost| cost.name == name).unwrap().rounds;
    for (name, most) in [
        ("get task", 2),
        ("get task with a key", 2),
        ("list 50 by project", 2),
        ("list 50 by due date", 2),
        ("inbox 50", 2),
        ("create project", 2),
        ("create task", 3),
        ("create task for somebody", 3),
        ("edit task", 3),
        ("comment", 3),
        ("draft invoice", 3),
    ] {
        assert!(trips(name) <= most, "{name} takes {} round trips; the most is {most}", trips(name));
    }
}

#[tokio::test]
async fn nothing_costs_more_among_many_tasks_and_many_organisations() {
    let (_, table) = table(&World::new().await, 360, 30).await;
    insta::assert_snapshot!("costs", table);
}
