//! How fast one process is: requests a second and percentiles of everyday operations, and of messages between two sockets.
//!
//! Client and system share one process and the machine's cores, so that figures compare within one run and not between machines.

use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tests::{Answer, Person, World};

/// People asking at once.
const CLIENTS: usize = 8;
const SECONDS: u64 = 4;

fn percentile(sorted: &[Duration], part: f64) -> f64 {
    let place = ((sorted.len() - 1) as f64 * part).round() as usize;
    sorted.get(place).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

fn report(name: &str, mut times: Vec<Duration>, elapsed: Duration) {
    times.sort();
    let rate = times.len() as f64 / elapsed.as_secs_f64();
    println!("| {name} | {rate:.0} | {:.2} | {:.2} |", percentile(&times, 0.5), percentile(&times, 0.99));
}

async fn measure<F, R>(name: &str, ask: F)
where
    F: Fn() -> R + Clone + Send + 'static,
    R: Future<Output = Answer> + Send,
{
    let begun = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let ask = ask.clone();
        clients.spawn(async move {
            let mut times = Vec::new();
            while begun.elapsed() < Duration::from_secs(SECONDS) {
                let asked = Instant::now();
                let answer = ask().await;
                assert!(answer.status.is_success(), "{}: {}", answer.asked, answer.text);
                times.push(asked.elapsed());
            }
            times
        });
    }
    let times = clients.join_all().await.into_iter().flatten().collect();
    report(name, times, begun.elapsed());
}

async fn messages(mia: &Person, ben: &Person) {
    const COUNT: usize = 2_000;
    let conversation = mia.talks_to(ben).await;
    let (mut hers, mut his) = (mia.live().await, ben.live().await);
    let mut times = Vec::with_capacity(COUNT);
    let begun = Instant::now();
    let mut second = Instant::now();
    let mut sent = 0;
    for _ in 0..COUNT {
        // A connection may send fifty frames a second
        sent += 1;
        if sent == 45 {
            tokio::time::sleep(Duration::from_secs(1).saturating_sub(second.elapsed())).await;
            (second, sent) = (Instant::now(), 0);
        }
        let asked = Instant::now();
        hers.send_text(json!({ "action": "send", "conversation": conversation, "text": "Hello" }).to_string()).await;
        his.event("message").await;
        times.push(asked.elapsed());
        hers.event("answer").await;
        if begun.elapsed() > Duration::from_secs(15) {
            break;
        }
    }
    report("message, one to one, stored and received", times, begun.elapsed());
}

#[tokio::main]
async fn main() {
    let started = Instant::now();
    let world = World::new().await;
    println!("System in memory ready after {:.0?}\n", started.elapsed());
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let project = acme.project("Garden").await;
    let mut task = Value::Null;
    for n in 0..200 {
        task = acme.owner.task(&project, &format!("Task {n}")).await;
    }
    world.idle().await;
    println!("| operation, {CLIENTS} clients | a second | p50 ms | p99 ms |\n|---|---|---|---|");
    let owner = Arc::new(acme.owner.clone());
    let (path, list) =
        (format!("/api/v1/tasks/{}", task["id"].as_str().unwrap_or_default()), format!("/api/v1/tasks?project={project}&limit=50"));
    let one = owner.clone();
    measure("get a task", move || {
        let (one, path) = (one.clone(), path.clone());
        async move { one.get(&path).await }
    })
    .await;
    let one = owner.clone();
    measure("list 50 tasks", move || {
        let (one, list) = (one.clone(), list.clone());
        async move { one.get(&list).await }
    })
    .await;
    let one = owner.clone();
    measure("create a task", move || {
        let (one, project) = (one.clone(), project.clone());
        async move { one.post("/api/v1/tasks", json!({ "project": project, "title": "Paint the fence" })).await }
    })
    .await;
    world.idle().await;
    let (email, there) = (ben.email.clone(), world.clone());
    measure("log in", move || {
        let (email, there) = (email.clone(), there.clone());
        async move { there.post("/api/v1/auth/login", json!({ "email": email, "password": "correct horse battery" })).await }
    })
    .await;
    world.idle().await;
    messages(&owner, &ben).await;
}
