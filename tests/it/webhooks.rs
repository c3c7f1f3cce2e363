//! Webhooks: what programs elsewhere are told, how they know it is us, and what happens when they do not listen.

use crate::forms::{client, id};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
    time::Duration,
};
use tests::{Organization, Person, Received, Receiver, World};

const WEBHOOKS: &str = "/api/v1/webhooks";
const PASSWORD: &str = "correct horse battery";

/// A webhook and its secret.
async fn webhook(person: &Person, url: &str, events: &[&str]) -> (String, String) {
    let made = person.post(WEBHOOKS, json!({ "url": url, "events": events })).await.expect(201);
    (format!("{WEBHOOKS}/{}", id(&made["webhook"])), made["secret"].as_str().expect("a secret").to_owned())
}

/// By the words of the scheme, and nothing of ours.
fn is_signed(received: &Received, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a prefix")).expect("base64");
    let signed = format!("{}.{}.{}", received.header("webhook-id"), received.header("webhook-timestamp"), received.body);
    let expected = STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes()));
    received.header("webhook-signature").split(' ').any(|one| one == format!("v1,{expected}"))
}

async fn again(world: &World, acme: &Organization) -> Person {
    Person::login(world, &acme.owner.email, PASSWORD).await
}

async fn pass(world: &World, seconds: u64) {
    world.advance(Duration::from_secs(seconds)).await;
    world.idle().await;
}

#[tokio::test]
async fn a_change_is_told_signed_and_once_to_whoever_named_it() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let (tasks, money, theirs) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    let (_, secret) = webhook(&acme.owner, &tasks.url, &["task.*", "project.created"]).await;
    webhook(&acme.owner, &money.url, &["invoice.issued"]).await;
    webhook(&other.owner, &theirs.url, &["*"]).await;
    let project = acme.project("Garden").await;
    let task = acme.owner.task(&project, "Paint").await;
    acme.owner.patch(&format!("/api/v1/tasks/{}", id(&task)), json!({ "title": "Paint it" })).await.expect(200);
    client(&acme).await;
    world.idle().await;
    let received = tasks.received();
    let mut told: Vec<_> = received.iter().map(|one| one.json()["type"].as_str().unwrap().to_owned()).collect();
    told.sort();
    assert_eq!(told, ["project.created", "task.created", "task.edited"]);
    assert!(money.received().is_empty() && theirs.received().is_empty());
    for one in &received {
        assert!(is_signed(one, &secret), "{one:?}");
        assert_eq!((&one.line, one.header("content-type")), (&format!("POST {} HTTP/1.1", tasks.path), "application/json"));
        let sent: i64 = one.header("webhook-timestamp").parse().unwrap();
        assert!((world.now().await.as_second() - sent).abs() < 60);
    }
    let edited = received.iter().find(|one| one.json()["type"] == "task.edited").unwrap().json();
    let change = acme.owner.list(&format!("/api/v1/changes?record={}", id(&task))).await.remove(0);
    assert_eq!(edited["timestamp"], change["at"]);
    let expected = json!({ "organization": acme.id, "subject": change["subject"], "by": change["by"], "record": change["after"] });
    assert_eq!(edited["data"], expected, "neither from where it was done, nor what it was before");
    // Another secret, another body or another time does not fit
    let wrong = format!("whsec_{}", STANDARD.encode([7; 32]));
    assert!(!is_signed(&received[0], &wrong));
    assert!(!is_signed(&Received { body: received[0].body.replace("Acme", "Evil"), ..received[0].clone() }, &secret));
}

#[tokio::test]
async fn a_secret_of_a_webhook_is_shown_once_and_a_rotated_one_overlaps() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let receiver = Receiver::start().await;
    let draft = json!({ "url": receiver.url, "events": ["project.*"] });
    let first = acme.owner.post_once("one", WEBHOOKS, draft.clone()).await;
    let again_made = acme.owner.post_once("one", WEBHOOKS, draft).await;
    assert_eq!((again_made.header("location"), &again_made.json["secret"]), (first.header("location"), &Value::Null));
    let (path, old) = (first.header("location").to_owned(), first.json["secret"].as_str().unwrap().to_owned());
    assert_eq!(acme.owner.list(WEBHOOKS).await, [first.json["webhook"].clone()]);
    acme.owner.post(&format!("{path}/rotate"), json!({ "grace_minutes": 10_081 })).await.refused_fields(&["/grace_minutes"]);
    let rotated = acme.owner.post(&format!("{path}/rotate"), json!({ "grace_minutes": 10 })).await.expect(200);
    let new = rotated["secret"].as_str().unwrap().to_owned();
    acme.project("Garden").await;
    world.idle().await;
    let both = receiver.received().remove(0);
    assert!(new != old && is_signed(&both, &old) && is_signed(&both, &new));
    pass(&world, 600).await;
    acme.project("Shed").await;
    world.idle().await;
    let one = receiver.received().remove(1);
    assert!(!is_signed(&one, &old) && is_signed(&one, &new));
    for path in [WEBHOOKS, &path, "/api/v1/changes", &format!("{path}/deliveries")] {
        let text = acme.owner.get(path).await.text;
        assert!(!text.contains(&old[6..]) && !text.contains(&new[6..]), "{path} gives it away");
    }
}

#[tokio::test]
async fn what_is_not_taken_comes_again_under_the_same_id_until_it_is() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let receiver = Receiver::start().await;
    let (path, secret) = webhook(&acme.owner, &receiver.url, &["project.*"]).await;
    receiver.answers(500, "");
    acme.project("Garden").await;
    world.idle().await;
    assert_eq!(receiver.received().len(), 1);
    pass(&world, 4).await;
    assert_eq!(receiver.received().len(), 1, "it came back too early");
    receiver.answers(429, "retry-after: 300\r\n");
    pass(&world, 3).await;
    assert_eq!(receiver.received().len(), 2);
    pass(&world, 200).await;
    assert_eq!(receiver.received().len(), 2, "it did not wait as it was asked to");
    // A redirect is no way to somewhere else
    let elsewhere = Receiver::start().await;
    receiver.answers(307, &format!("location: {}\r\n", elsewhere.url));
    pass(&world, 170).await;
    assert_eq!((receiver.received().len(), elsewhere.received().len()), (3, 0));
    receiver.answers(200, "");
    pass(&world, 1_000).await;
    let received = receiver.received();
    assert_eq!(received.len(), 4);
    assert!(received.iter().all(|one| is_signed(one, &secret)));
    assert_eq!(received.iter().map(|one| one.header("webhook-id")).collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(received.iter().map(|one| one.body.as_str()).collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(received.iter().map(|one| one.header("webhook-timestamp")).collect::<BTreeSet<_>>().len(), 4);
    let owner = again(&world, &acme).await;
    let log = owner.list(&format!("{path}/deliveries?state=delivered")).await.remove(0);
    assert_eq!(
        (&log["action"], &log["event"], &log["tries"]),
        (&json!("project.created"), &json!(received[0].header("webhook-id")), &json!(4))
    );
    let statuses: Vec<_> = log["attempts"].as_array().unwrap().iter().map(|attempt| attempt["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [500, 429, 307, 200]);
    assert_eq!(owner.get(&format!("{path}/deliveries/{}", id(&log))).await.expect(200), log);
    assert!(owner.list(&format!("{path}/deliveries?state=pending")).await.is_empty());
    assert_eq!(owner.get(&path).await.expect(200)["failing_since"], Value::Null);
    owner.get(&format!("{path}/deliveries?state=lost")).await.refused_fields(&["state"]);
}

#[tokio::test]
async fn a_webhook_that_takes_nothing_for_a_day_is_paused_and_what_failed_can_be_replayed() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ann = acme.joins("Ann", "admin").await;
    let receiver = Receiver::start().await;
    let (path, _) = webhook(&ann, &receiver.url, &["project.*"]).await;
    receiver.answers(503, "");
    let begun = world.now().await;
    acme.project("Garden").await;
    world.idle().await;
    for _ in 0..26 {
        pass(&world, 3_600).await;
    }
    let owner = again(&world, &acme).await;
    let paused = owner.get(&path).await.expect(200);
    assert_eq!((&paused["active"], &paused["paused"]["reason"]), (&json!(false), &json!("failing")));
    for email in [&owner.email, &ann.email] {
        let person = Person::login(&world, email, PASSWORD).await;
        let told = person.list("/api/v1/notifications").await;
        let told: Vec<_> = told.iter().filter(|one| one["reason"] == "webhook_paused").collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0]["text"].as_str().unwrap().ends_with("was paused: it took nothing for a day"));
        let mails = world.mails(email).await;
        assert_eq!(mails.iter().filter(|mail| mail["subject"].as_str().is_some_and(|text| text.contains("was paused"))).count(), 1);
    }
    let trail = owner.list(&format!("/api/v1/changes?record={}", path.rsplit('/').next().unwrap())).await;
    assert_eq!((&trail[0]["action"], &trail[0]["by"]["user"]), (&json!("webhook.paused"), &Value::Null));
    // Nothing more is told, and nothing is replayed to it, until somebody lets it go on
    let tries = receiver.received().len();
    owner.post("/api/v1/projects", json!({ "name": "Shed" })).await.expect(201);
    world.idle().await;
    assert_eq!(receiver.received().len(), tries);
    let since = json!({ "since": begun.to_string() });
    owner.post(&format!("{path}/replay"), since.clone()).await.refused(409, "conflict");
    receiver.answers(204, "");
    owner.patch(&path, json!({ "active": true })).await.expect(200);
    assert_eq!(owner.post(&format!("{path}/replay"), since.clone()).await.expect(200), json!({ "replayed": 1, "more": false }));
    world.idle().await;
    let received = receiver.received();
    assert_eq!(received.len(), tries + 1);
    assert_eq!(received[tries].header("webhook-id"), received[0].header("webhook-id"));
    let delivered = owner.list(&format!("{path}/deliveries?state=delivered")).await.remove(0);
    assert_eq!(owner.post(&format!("{path}/replay"), since).await.expect(200), json!({ "replayed": 0, "more": false }));
    owner.post(&format!("{path}/deliveries/{}/replay", id(&delivered)), json!({})).await.expect(200);
    world.idle().await;
    assert_eq!(receiver.received().len(), tries + 2);
    let reads = owner.get(&path).await.expect(200);
    assert_eq!((&reads["active"], &reads["failing_since"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_told_nothing_more_and_a_test_goes_out_even_so() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let receiver = Receiver::start().await;
    let (path, _) = webhook(&acme.owner, &receiver.url, &["project.*"]).await;
    receiver.answers(410, "");
    acme.project("Garden").await;
    world.idle().await;
    assert_eq!(acme.owner.get(&path).await.expect(200)["paused"]["reason"], "gone");
    acme.project("Shed").await;
    world.idle().await;
    assert_eq!(receiver.received().len(), 1);
    receiver.answers(204, "");
    acme.owner.post(&format!("{path}/ping"), json!({})).await.expect(204);
    world.idle().await;
    let ping = receiver.received().remove(1).json();
    assert_eq!((&ping["type"], &ping["data"]["record"]), (&json!("webhook.pinged"), &Value::Null));
    assert_eq!(acme.owner.list(&format!("{path}/deliveries?state=delivered")).await.len(), 1);
    acme.owner.delete(&path).await.expect(204);
    acme.owner.get(&format!("{path}/deliveries")).await.refused(404, "not-found");
}

#[tokio::test]
async fn a_webhook_tells_what_whoever_answers_for_it_may_read_and_ends_with_them() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let role = json!({ "name": "Plumber", "permissions": ["manage_integrations"] });
    let role = id(&acme.owner.post("/api/v1/roles", role).await.expect(201));
    let ben = acme.joins("Ben", "member").await;
    acme.owner.patch(&format!("/api/v1/members/{}", ben.id), json!({ "roles": [role] })).await.expect(200);
    let receiver = Receiver::start().await;
    ben.post(WEBHOOKS, json!({ "url": receiver.url, "events": ["client.created"] })).await.refused_fields(&["/events"]);
    let (path, _) = webhook(&ben, &receiver.url, &["*"]).await;
    client(&acme).await;
    acme.project("Garden").await;
    world.idle().await;
    let told = || receiver.received().iter().map(|one| one.json()["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(told(), ["project.created"]);
    acme.owner.post(&format!("/api/v1/members/{}/deactivate", ben.id), json!({})).await.expect(200);
    acme.project("Shed").await;
    world.idle().await;
    assert_eq!(told(), ["project.created"]);
    assert_eq!(acme.owner.get(&path).await.expect(200)["paused"]["reason"], "orphaned");
    let inbox = acme.owner.list("/api/v1/notifications").await;
    assert!(inbox.iter().any(|one| one["text"].as_str().is_some_and(|text| text.contains("no longer active"))), "{inbox:?}");
    // Whoever lets it go on answers for it, and it tells what they may read
    acme.owner.patch(&path, json!({ "active": true })).await.expect(200);
    client(&acme).await;
    world.idle().await;
    assert_eq!(told(), ["project.created", "client.created"]);
}

#[tokio::test]
async fn whoever_rotates_the_secret_of_a_webhook_answers_for_it() {
    let world = World::new().await;
    let (acme, receiver) = (world.organization("Acme").await, Receiver::start().await);
    let ann = acme.joins("Ann", "admin").await;
    let (path, _) = webhook(&ann, &receiver.url, &["project.*"]).await;
    acme.owner.post(&format!("{path}/rotate"), json!({ "grace_minutes": 0 })).await.expect(200);
    assert_eq!(acme.owner.get(&path).await.expect(200)["made_by"], json!(acme.owner.id));
    acme.owner.post(&format!("/api/v1/members/{}/deactivate", ann.id), json!({})).await.expect(200);
    acme.project("Shed").await;
    world.idle().await;
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(acme.owner.get(&path).await.expect(200)["paused"], json!(null));
}

#[tokio::test]
async fn one_that_hangs_or_talks_rubbish_holds_up_nobody() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (slow, rude, endless, good) = (Receiver::start().await, Receiver::start().await, Receiver::start().await, Receiver::start().await);
    slow.hangs();
    rude.says("SSH-2.0-OpenSSH_9.9\r\n");
    endless.says(&format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{}", "x".repeat(9_000)));
    let mut paths = Vec::new();
    for receiver in [&slow, &rude, &endless, &good] {
        paths.push(webhook(&acme.owner, &receiver.url, &["project.*"]).await.0);
    }
    for name in ["Garden", "Shed", "Fence"] {
        acme.project(name).await;
    }
    good.wait(3).await;
    slow.wait(1).await;
    let waiting = acme.owner.list(&format!("{}/deliveries?state=pending", paths[0])).await;
    assert_eq!(waiting.len(), 3, "the slow one has answered, or was given up");
    world.idle().await;
    let told = async |path: &str| acme.owner.list(&format!("{path}/deliveries")).await;
    let last = |delivery: &Value| delivery["attempts"].as_array().unwrap().last().unwrap().clone();
    let hung = told(&paths[0]).await.into_iter().filter(|one| !one["attempts"].as_array().unwrap().is_empty()).map(|one| last(&one));
    assert!(hung.into_iter().all(|attempt| attempt["problem"] == "it took too long" && attempt["status"].is_null()));
    let rubbish = told(&paths[1]).await.into_iter().find(|one| !one["attempts"].as_array().unwrap().is_empty());
    assert_eq!(last(&rubbish.expect("an attempt"))["problem"], "the answer was not HTTP, or broke off");
    let long = told(&paths[2]).await;
    assert!(long.iter().all(|one| one["state"] == "delivered" && last(one)["answer"].as_str().unwrap().len() == 500));
    assert!(told(&paths[3]).await.iter().all(|one| one["state"] == "delivered"));
}

#[tokio::test]
async fn a_webhook_leads_to_a_public_address_and_hears_what_is_told() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    for url in [
        "https://10.0.0.1/",
        "https://192.168.1.1:8443/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00:ec2::254]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://0.0.0.0/",
        "http://93.184.216.34/",
        "https://mia@93.184.216.34/",
        "ftp://93.184.216.34/",
        "https://93.184.216.34/#part",
        "javascript:alert(1)",
    ] {
        acme.owner.post(WEBHOOKS, json!({ "url": url, "events": ["*"] })).await.refused_fields(&["/url"]);
    }
    let receiver = Receiver::start().await;
    for event in ["session.opened", "organization.edited", "message.sent", "task", "Task.*", "task.*.x", ""] {
        acme.owner.post(WEBHOOKS, json!({ "url": receiver.url, "events": [event] })).await.refused_fields(&["/events/0"]);
    }
    acme.owner.post(WEBHOOKS, json!({ "url": receiver.url, "events": [] })).await.refused_fields(&["/events"]);
    let (path, _) = webhook(&acme.owner, &receiver.url, &["*"]).await;
    acme.owner.patch(&path, json!({ "url": "https://10.0.0.1/" })).await.refused_fields(&["/url"]);
    // Of the account and the conversations of people nobody elsewhere hears, whatever they named
    acme.owner.patch("/api/v1/auth/profile", json!({ "locale": "ja-JP" })).await.expect(200);
    acme.owner.patch("/api/v1/organization", json!({ "phone": "+44 20 7946 0001" })).await.expect(200);
    let ben = acme.joins("Ben", "member").await;
    let conversation = acme.owner.talks_to(&ben).await;
    acme.owner.post(&format!("/api/v1/conversations/{conversation}/messages"), json!({ "text": "Secret" })).await.expect(201);
    world.idle().await;
    let kinds: BTreeSet<_> = receiver.received().iter().map(|one| one.json()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, BTreeSet::from(["invitation.accepted", "invitation.sent", "member.joined"].map(str::to_owned)));
    for _ in 1..20 {
        webhook(&acme.owner, &receiver.url, &["team.*"]).await;
    }
    acme.owner.post(WEBHOOKS, json!({ "url": receiver.url, "events": ["*"] })).await.refused(409, "conflict");
    acme.owner.delete(&path).await.expect(204);
    webhook(&acme.owner, &receiver.url, &["team.*"]).await;
}

#[tokio::test]
async fn the_example_in_the_guide_knows_our_messages_from_others() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let receiver = Receiver::start().await;
    let (_, secret) = webhook(&acme.owner, &receiver.url, &["project.*"]).await;
    acme.project("Garden").await;
    world.idle().await;
    let received = receiver.received().remove(0);
    let guide = include_str!("../../functions/webhooks/README.md");
    let example = guide.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let check = "import json, sys\ngiven = json.load(sys.stdin)\n\
                 print(verify(given['secret'], given['headers'], given['body'].encode(), given['now']))\n";
    let run = |headers: &Value, body: &str, now: i64| {
        let mut python = Command::new("python3");
        python.args(["-c", &format!("{example}\n{check}")]);
        let given = json!({ "secret": secret, "headers": headers, "body": body, "now": now }).to_string();
        let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3");
        std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), given.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("an end");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    let headers = json!(received.headers);
    let sent: i64 = received.header("webhook-timestamp").parse().unwrap();
    assert_eq!(run(&headers, &received.body, sent + 10), "True");
    assert_eq!(run(&headers, &received.body.replace("Garden", "Garten"), sent), "False");
    assert_eq!(run(&headers, &received.body, sent + 301), "False", "an old message was taken");
    let mut forged = headers.clone();
    forged["webhook-id"] = json!("chg_01k9zt3vw8fqj2m4x6c7b5n0ra");
    assert_eq!(run(&forged, &received.body, sent), "False");
}
