//! A store that fails, messages that poison, and a machine that stops: what was accepted is done, and done once.

use futures_util::future::join_all;
use local::Options;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};
use tests::{Answer, Organization, Person, World};

const PASSWORD: &str = "correct horse battery";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// SplitMix64: the same seed gives the same storm.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let n = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((n ^ (n >> 31)) % most as u64) as usize
    }
}

/// Asks until the answer is not a fault of ours.
async fn until(count: &mut usize, mut ask: impl AsyncFnMut() -> Answer) -> Answer {
    for _ in 0..40 {
        let answer = ask().await;
        if !answer.status.is_server_error() {
            return answer;
        }
        *count += 1;
    }
    panic!("forty tries were not enough");
}

/// What a worker of the storm knows to have been accepted.
#[derive(Default)]
struct Accepted {
    /// By the label that names the creation: the id, the assignee, and all titles the task had.
    tasks: BTreeMap<String, (String, String, Vec<String>)>,
    comments: BTreeSet<String>,
    messages: BTreeSet<String>,
    drafts: BTreeSet<String>,
    issued: BTreeSet<String>,
    invited: BTreeSet<String>,
    retries: usize,
}

struct Storm {
    acme: Organization,
    people: Vec<Person>,
    project: String,
    client: String,
    conversation: String,
}

impl Storm {
    async fn begin(world: &World) -> Self {
        let acme = world.organization("Acme").await;
        let (ben, cleo) = (acme.joins("Ben", "member").await, acme.joins("Cleo", "manager").await);
        let project = acme.project("Garden").await;
        let client = json!({ "name": "Rose", "email": "rose@example.com", "address": "2 High Street" });
        let client = text(&acme.owner.post("/api/v1/clients", client).await.expect(201)["id"]);
        let conversations = acme.owner.list("/api/v1/conversations").await;
        let conversation = text(&conversations[0]["id"]);
        let people = vec![acme.owner.clone(), ben, cleo];
        Self { acme, people, project, client, conversation }
    }

    /// One person's actions, one after the other.
    async fn work(&self, worker: usize, operations: usize) -> Accepted {
        let (mut dice, mut done) = (Dice(worker as u64 + 1), Accepted::default());
        let (me, owner) = (&self.people[worker % self.people.len()], &self.acme.owner);
        for n in 0..operations {
            let key = format!("w{worker}n{n}");
            let mut retries = 0;
            let some = done.tasks.keys().nth(dice.below(done.tasks.len().max(1))).cloned();
            match (dice.below(100), some) {
                (0..35, _) | (_, None) => {
                    let assignee = self.people[dice.below(3)].id.clone();
                    let draft =
                        json!({ "project": self.project, "title": format!("Paint t{key}"), "labels": [key], "assignees": [assignee] });
                    let task = until(&mut retries, async || me.post_once(&key, "/api/v1/tasks", draft.clone()).await).await.expect(201);
                    done.tasks.insert(key.clone(), (text(&task["id"]), assignee, vec![format!("t{key}")]));
                }
                (35..50, Some(label)) => {
                    let (id, _, words) = done.tasks.get_mut(&label).unwrap();
                    let (path, title) = (format!("/api/v1/tasks/{id}"), format!("Paint e{key}"));
                    until(&mut retries, async || me.patch(&path, json!({ "title": title })).await).await.expect(200);
                    words.push(format!("e{key}"));
                }
                (50..60, Some(label)) => {
                    let path = format!("/api/v1/tasks/{}/state", done.tasks[&label].0);
                    let state = ["IN_PROGRESS", "IN_REVIEW", "DONE", "OPEN", "CANCELLED"][dice.below(5)];
                    let answer = until(&mut retries, async || me.put(&path, json!({ "state": state })).await).await;
                    assert!(matches!(answer.status.as_u16(), 200 | 409), "{}", answer.text);
                }
                (60..72, Some(label)) => {
                    let path = format!("/api/v1/tasks/{}/comments", done.tasks[&label].0);
                    until(&mut retries, async || me.post_once(&key, &path, json!({ "text": key })).await).await.expect(201);
                    done.comments.insert(key.clone());
                }
                (72..88, _) => {
                    let path = format!("/api/v1/conversations/{}/messages", self.conversation);
                    let form = json!({ "text": key, "nonce": key });
                    until(&mut retries, async || me.post(&path, form.clone()).await).await.expect(201);
                    done.messages.insert(key.clone());
                }
                (88..95, _) => {
                    let line = json!({ "description": key, "quantity_milli": 1_000, "unit": "hour", "unit_price": 9_500 });
                    let form = json!({ "client": self.client, "lines": [line] });
                    let draft = until(&mut retries, async || owner.post_once(&key, "/api/v1/invoices", form.clone()).await).await;
                    let id = text(&draft.expect(201)["id"]);
                    let (path, again) = (format!("/api/v1/invoices/{id}/issue"), format!("{key}i"));
                    until(&mut retries, async || owner.post_once(&again, &path, json!({})).await).await.expect(200);
                    done.drafts.insert(key.clone());
                    done.issued.insert(id);
                }
                (_, _) => {
                    let email = format!("{key}@example.com");
                    let form = json!({ "email": email, "role": "member" });
                    until(&mut retries, async || owner.post_once(&key, "/api/v1/invitations", form.clone()).await).await.expect(201);
                    done.invited.insert(email);
                }
            }
            done.retries += retries;
        }
        done
    }
}

/// Changes of each record, the oldest first.
fn by_record(changes: &[Value]) -> BTreeMap<String, Vec<&Value>> {
    let mut by_record: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for change in changes.iter().rev() {
        by_record.entry(text(&change["subject"]["id"])).or_default().push(change);
    }
    by_record
}

/// Every version of the record is one change, and each begins where the one before ended.
#[track_caller]
fn has_its_history(record: &Value, changes: &[&Value]) {
    assert_eq!(record["version"].as_u64().unwrap(), changes.len() as u64, "{record} has other changes: {changes:#?}");
    assert!(changes[0].get("before").is_none(), "{}", changes[0]);
    // Changes of one millisecond have no order among themselves; their versions do
    let mut chain = changes.to_vec();
    chain.sort_by_key(|change| change["after"]["version"].as_u64());
    for pair in chain.windows(2) {
        assert_eq!(pair[0]["after"], pair[1]["before"], "a change does not begin where the one before ended");
    }
    assert_eq!(&chain.last().unwrap()["after"], record);
}

async fn storm(operations: usize, refused: u32, lost: u32) {
    const WORKERS: usize = 8;
    let world = World::new().await;
    let storm = Storm::begin(&world).await;
    world.idle().await;
    world.faults(refused, lost).await;
    let done = join_all((0..WORKERS).map(|worker| storm.work(worker, operations / WORKERS))).await;
    world.faults(0, 0).await;
    world.idle().await;
    let (owner, project) = (&storm.acme.owner, &storm.project);
    let mut changes = owner.list("/api/v1/changes?limit=100").await;
    changes.sort_by(|a, b| b["id"].as_str().cmp(&a["id"].as_str()));
    let history = by_record(&changes);
    let count = |action: &str| changes.iter().filter(|change| change["action"] == action).count();
    eprintln!(
        "{operations} operations, {} answers were faults and asked for again, {} changes",
        done.iter().map(|one| one.retries).sum::<usize>(),
        changes.len()
    );

    // Tasks: each that was accepted is there once, with its history
    let tasks = owner.list(&format!("/api/v1/tasks?project={project}&limit=100")).await;
    let found: BTreeMap<_, _> = tasks.iter().map(|task| (text(&task["labels"][0]), task)).collect();
    let accepted: BTreeMap<_, _> = done.iter().flat_map(|one| &one.tasks).collect();
    assert_eq!(found.len(), tasks.len(), "a task was made twice");
    assert_eq!(found.keys().collect::<Vec<_>>(), accepted.keys().copied().collect::<Vec<_>>());
    assert_eq!(count("task.created"), tasks.len());
    for task in &tasks {
        has_its_history(task, &history[&text(&task["id"])]);
    }

    // Search: each is found by the words it has, and by no word it had
    for (label, (id, _, words)) in &accepted {
        for word in words {
            let hits = owner.list(&format!("/api/v1/tasks?project={project}&text={word}")).await;
            let holds = found[*label]["title"].as_str().unwrap().ends_with(word.as_str());
            let expected = if holds { vec![json!(id)] } else { Vec::new() };
            let hits: Vec<_> = hits
                .into_iter()
                .filter(|hit| hit["title"].as_str().unwrap().ends_with(word.as_str()))
                .map(|hit| hit["id"].clone())
                .collect();
            assert_eq!(hits, expected, "the search for {word}");
        }
    }

    // Comments
    let mut comments = BTreeSet::new();
    for task in &tasks {
        for comment in owner.list(&format!("/api/v1/tasks/{}/comments?limit=100", text(&task["id"]))).await {
            assert!(comments.insert(text(&comment["text"])), "{comment} was written twice");
        }
    }
    assert_eq!(comments, done.iter().flat_map(|one| one.comments.clone()).collect());
    assert_eq!(count("comment.written"), comments.len());

    // Messages
    let (mut messages, mut after) = (Vec::new(), 0);
    loop {
        let page = owner.get(&format!("/api/v1/conversations/{}/messages?after={after}&limit=100", storm.conversation)).await.expect(200);
        let page = page["items"].as_array().unwrap();
        let Some(last) = page.last() else { break };
        after = last["seq"].as_u64().unwrap();
        messages.extend(page.iter().cloned());
    }
    let numbers: Vec<_> = messages.iter().map(|message| message["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=messages.len() as u64).collect::<Vec<_>>());
    let said: Vec<_> = messages.iter().map(|message| text(&message["text"])).collect();
    assert_eq!(said.iter().cloned().collect::<BTreeSet<_>>(), done.iter().flat_map(|one| one.messages.clone()).collect());
    assert_eq!((said.len(), said.len()), (said.iter().collect::<BTreeSet<_>>().len(), count("message.sent")));

    // Invoices
    let invoices = owner.list("/api/v1/invoices?limit=100").await;
    let described: Vec<_> = invoices.iter().map(|invoice| text(&invoice["lines"][0]["description"])).collect();
    assert_eq!(described.len(), described.iter().collect::<BTreeSet<_>>().len(), "an invoice was drafted twice");
    assert_eq!(described.into_iter().collect::<BTreeSet<_>>(), done.iter().flat_map(|one| one.drafts.clone()).collect());
    let mut given: Vec<_> = invoices.iter().map(|invoice| text(&invoice["number"])).collect();
    given.sort();
    let year = world.now().await.to_zoned(jiff::tz::TimeZone::UTC).year();
    assert_eq!(given, (1..=given.len()).map(|n| format!("{year}-{n:04}")).collect::<Vec<_>>());
    assert_eq!(
        invoices.iter().map(|invoice| text(&invoice["id"])).collect::<BTreeSet<_>>(),
        done.iter().flat_map(|one| one.issued.clone()).collect()
    );
    for invoice in &invoices {
        assert!(invoice["pdf"].is_object(), "{invoice} has no paper");
        has_its_history(invoice, &history[&text(&invoice["id"])]);
    }

    // What followed: one mail per invitation, one notification per cause, and nothing given up
    let mut mailed: BTreeMap<String, usize> = BTreeMap::new();
    for mail in world.mailbox().await {
        *mailed.entry(format!("{} | {}", mail["to"][0], mail["subject"])).or_default() += 1;
    }
    let invited: BTreeSet<_> = done.iter().flat_map(|one| one.invited.clone()).collect();
    for email in &invited {
        let subject = format!("{} | {}", json!(email), json!("Acme Owner invites you to Acme"));
        assert_eq!(mailed.get(&subject), Some(&1), "{email} was not invited once");
    }
    assert_eq!(count("invitation.sent"), invited.len() + 2);
    for person in &storm.people {
        let inbox = person.list("/api/v1/notifications?limit=100").await;
        let ids: BTreeSet<_> = inbox.iter().map(|one| text(&one["id"])).collect();
        assert_eq!(ids.len(), inbox.len());
        let of = |reason: &str| inbox.iter().filter(|one| one["reason"] == reason).count();
        let is_told = |change: &Value, task: &Value| {
            change["by"]["user"] != person.id && (task["created_by"] == person.id || task["assignees"][0] == person.id)
        };
        let task_of = |change: &Value| tasks.iter().find(|task| task["id"] == change["after"]["task"]).unwrap();
        let assigned = changes
            .iter()
            .filter(|one| one["action"] == "task.created" && one["by"]["user"] != person.id && one["after"]["assignees"][0] == person.id);
        let moved = changes.iter().filter(|one| one["action"] == "task.moved" && is_told(one, &one["after"]));
        let commented = changes.iter().filter(|one| one["action"] == "comment.written" && is_told(one, task_of(one)));
        assert_eq!((of("assigned"), of("moved"), of("commented")), (assigned.count(), moved.count(), commented.count()));
    }
    let queues = world.queues().await;
    for (name, depth) in queues.as_object().unwrap() {
        assert_eq!(depth, &json!({ "visible": 0, "in_flight": 0, "delayed": 0 }), "{name}");
    }
}

#[tokio::test]
async fn a_thousand_actions_on_a_store_that_fails_now_and_then_are_each_done_once() {
    storm(1_000, 20, 20).await;
}

#[tokio::test]
async fn two_hundred_actions_on_a_store_that_fails_all_the_time_are_each_done_once() {
    storm(200, 150, 150).await;
}

#[tokio::test]
async fn a_poisoned_message_goes_aside_and_holds_up_nothing() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    world.idle().await;
    let dead_letters = async |queue: &str| world.queues().await[format!("{queue}DeadLetters")]["visible"].as_u64().unwrap();
    let mut before = Vec::new();
    for queue in ["Mail", "Documents", "Reminders", "Feed"] {
        before.push((queue, dead_letters(queue).await));
    }
    for (queue, body) in [
        ("MailQueue", "no JSON"),
        ("MailQueue", "{\"mail\":\"love_letter\"}"),
        ("DocumentsQueue", "{\"organization\":\"org_x\",\"invoice\":1}"),
        ("RemindersQueue", "[]"),
    ] {
        world.enqueue(queue, body).await;
    }
    let dan = world.email("dan");
    acme.owner.post("/api/v1/invitations", json!({ "email": dan, "role": "member" })).await.expect(201);
    assert_eq!(world.mails(&dan).await.len(), 1);
    for ((queue, before), more) in before.into_iter().zip([2, 1, 1, 0]) {
        assert_eq!(dead_letters(queue).await - before, more, "{queue}");
    }
    assert_eq!(world.mails(&acme.owner.email).await.len(), 1, "the welcome");
}

/// A life of the system in this folder; at its end the machine is switched off.
fn live<T>(folder: &Path, life: impl AsyncFnOnce(World) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let end = runtime.block_on(async {
        let world = World::with(Options::product(Some(folder.to_owned()), 0)).await;
        life(world).await
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    end
}

/// Subjects by the id of the mail: one that was sent when the machine stopped, and not yet noted, is sent again under its id,
/// by which mailboxes know it for the same.
fn once(mails: Vec<Value>) -> BTreeMap<String, String> {
    mails.iter().map(|mail| (text(&mail["message_id"]), text(&mail["subject"]))).collect()
}

async fn busy_day(world: &World, acme: &Organization, ben: &str, name: &str) -> (String, String) {
    let project = acme.project(name).await;
    let client = json!({ "name": "Rose", "email": "rose@example.com", "address": "2 High Street" });
    let client = acme.owner.post("/api/v1/clients", client).await.expect(201);
    let line = json!({ "description": name, "quantity_milli": 1_000, "unit": "hour", "unit_price": 9_500 });
    let invoice = acme.owner.post("/api/v1/invoices", json!({ "client": client["id"], "lines": [line] })).await.expect(201);
    let invoice = text(&invoice["id"]);
    acme.owner.post(&format!("/api/v1/invoices/{invoice}/issue"), json!({})).await.expect(200);
    let due = world.now().await + jiff::SignedDuration::from_secs(100);
    for n in 0..5 {
        let draft = json!({ "project": project, "title": format!("{name} {n}"), "assignees": [ben], "due_at": due.to_string() });
        acme.owner.post("/api/v1/tasks", draft).await.expect(201);
    }
    acme.owner.post("/api/v1/invitations", json!({ "email": format!("{name}@example.com"), "role": "member" })).await.expect(201);
    (project, invoice)
}

#[test]
fn what_was_due_when_the_machine_stopped_is_done_once_after_it_starts_again() {
    let folder = std::env::temp_dir().join(format!("office-copilot-{}", std::process::id()));
    let (owner, ben, refresh, made) = live(&folder, async |world| {
        let acme = world.organization("Acme").await;
        let ben = acme.joins("Ben", "member").await;
        world.idle().await;
        // Nothing that follows has begun when the machine stops
        world.hold(true).await;
        let made = busy_day(&world, &acme, &ben.id, "first").await;
        (acme.owner.email.clone(), (ben.id.clone(), ben.email.clone(), ben.access.clone()), acme.owner.refresh.clone(), made)
    });
    let (ben_id, ben_email, access) = ben;
    let again = live(&folder, async |world| {
        let person = Person::login(&world, &owner, PASSWORD).await;
        let pair = world.post("/api/v1/auth/refresh", json!({ "refresh_token": refresh })).await.expect(200);
        assert_eq!(pair["user"], person.id);
        let ben =
            Person { id: ben_id.clone(), email: ben_email.clone(), access: access.clone(), refresh: String::new(), world: world.clone() };
        ben.get("/api/v1/auth/verify").await.expect(200);
        let (project, _) = &made;
        assert_eq!(person.list(&format!("/api/v1/tasks?project={project}")).await.len(), 5);
        world.idle().await;
        // What follows has begun and is in the middle when the machine stops
        let acme = Person::login(&world, &owner, PASSWORD).await;
        let project = text(&acme.post("/api/v1/projects", json!({ "name": "second" })).await.expect(201)["id"]);
        for n in 0..5 {
            let draft = json!({ "project": project, "title": format!("second {n}"), "assignees": [ben_id] });
            acme.post("/api/v1/tasks", draft).await.expect(201);
        }
        acme.post("/api/v1/invitations", json!({ "email": "second@example.com", "role": "member" })).await.expect(201);
        project
    });
    live(&folder, async |world| {
        world.idle().await;
        world.advance(Duration::from_secs(101)).await;
        world.idle().await;
        let owner = Person::login(&world, &owner, PASSWORD).await;
        let ben = Person::login(&world, &ben_email, PASSWORD).await;
        let (_, invoice) = &made;
        assert!(owner.get(&format!("/api/v1/invoices/{invoice}")).await.expect(200)["pdf"].is_object());
        assert_eq!(owner.list(&format!("/api/v1/tasks?project={again}&text=second")).await.len(), 5);
        let mut told: Vec<_> = ben.list("/api/v1/notifications").await.iter().map(|one| text(&one["text"])).collect();
        told.sort();
        let mut expected: Vec<_> = (0..5)
            .flat_map(|n| {
                [format!("Acme Owner gave you “first {n}”"), format!("Acme Owner gave you “second {n}”"), format!("“first {n}” is due")]
            })
            .collect();
        expected.sort();
        assert_eq!(told, expected);
        let mut mailed: Vec<_> = once(world.mails(&ben_email).await).into_values().collect();
        mailed.retain(|subject| subject != "Acme Owner invites you to Acme");
        mailed.sort();
        assert_eq!(mailed, expected);
        for email in ["first@example.com", "second@example.com"] {
            assert_eq!(once(world.mails(email).await).len(), 1, "{email}");
        }
    });
    std::fs::remove_dir_all(&folder).unwrap();
}
