//! The parts that work by themselves, and when all of them are done.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use dynoxide::Database;
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use crate::{
    Clock, Environment, Error, Faults,
    background::Tasks,
    consumer::consume,
    function::Runtime,
    mailbox::Mailbox,
    queues::Queues,
    recorder::Recorder,
    schedule,
    secrets::Secrets,
    sockets::Sockets,
    stream::Stream,
    template::{QueueEvent, ScheduleEvent, Source},
};

/// What was still going on when waiting for all work to be done took too long.
#[derive(Debug, thiserror::Error)]
#[error("still busy: {}", .0.join(", "))]
pub struct StillBusy(pub Vec<String>);

/// How long `idle` waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// Expired items go this often.
const SWEEP: Duration = Duration::from_secs(30);

pub(crate) struct System {
    pub clock: Clock,
    pub database: Database,
    pub environment: Environment,
    /// Where the files of buckets are.
    pub files: PathBuf,
    pub table: String,
    pub faults: Faults,
    pub mailbox: Arc<Mailbox>,
    pub queues: Arc<Queues>,
    pub recorder: Arc<Recorder>,
    pub runtime: Arc<Runtime>,
    pub secrets: Arc<Secrets>,
    pub schedules: Vec<Arc<Source<ScheduleEvent>>>,
    pub sockets: Arc<Sockets>,
    pub stream: Option<Arc<Stream>>,
    /// Tells the stream that there is something in it.
    pub written: watch::Sender<()>,
}

impl System {
    /// The keys of items that have a text anywhere, and the files that have it in their names.
    pub fn mentions(&self, text: &str) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        let mut request = json!({ "TableName": self.table });
        loop {
            let page = serde_json::to_value(self.database.scan(serde_json::from_value(request.clone())?)?)?;
            for item in page["Items"].as_array().into_iter().flatten().filter(|item| item.to_string().contains(text)) {
                found.push(format!("{} | {}", item["pk"]["S"].as_str().unwrap_or_default(), item["sk"]["S"].as_str().unwrap_or_default()));
            }
            match &page["LastEvaluatedKey"] {
                Value::Null => break,
                last => request["ExclusiveStartKey"] = last.clone(),
            }
        }
        named(&self.files, text, &mut found)?;
        Ok(found)
    }

    pub fn start(&self, consumers: Vec<Source<QueueEvent>>, tasks: &Tasks) {
        for consumer in consumers {
            tasks.spawn(consume(consumer, self.queues.clone(), self.runtime.clone()));
        }
        if let Some(stream) = &self.stream {
            tasks.spawn(stream.clone().run(self.written.subscribe()));
        }
        for schedule in &self.schedules {
            let (schedule, clock, runtime) = (schedule.clone(), self.clock.clone(), self.runtime.clone());
            // Counted from here, so that nobody takes the system for idle before it has run
            let first = runtime.enter(&schedule.function);
            tasks.spawn(async move {
                schedule::run(&schedule, &clock, &runtime).await;
                drop(first);
                schedule::keep(&schedule, &clock, &runtime).await;
            });
        }
        let (database, written) = (self.database.clone(), self.written.clone());
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                sweep(&database, &written).await;
            }
        });
    }

    pub async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.queues.advance(by);
        sweep(&self.database, &self.written).await;
        for schedule in &self.schedules {
            schedule::run(schedule, &self.clock, &self.runtime).await;
        }
    }

    pub async fn idle(&self) -> Result<(), StillBusy> {
        let end = Instant::now() + PATIENCE;
        loop {
            let busy = self.busy();
            if busy.is_empty() {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(StillBusy(busy));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// What still goes on. Only functions pass work on, so if none began meanwhile the picture is whole.
    fn busy(&self) -> Vec<String> {
        let before = self.runtime.activity();
        let mut busy: Vec<_> = before.running.iter().map(|(name, count)| format!("{name} runs {count} times")).collect();
        if self.stream.as_ref().is_some_and(|stream| !stream.is_drained()) {
            busy.push("the stream has records".into());
        }
        busy.extend(self.queues.busy());
        if self.sockets.ending() > 0 {
            busy.push("connections end".into());
        }
        if busy.is_empty() && self.runtime.activity().begun != before.begun {
            busy.push("a function has run just now".into());
        }
        busy
    }
}

/// Deletes what has expired, which the store does not do by itself.
async fn sweep(database: &Database, written: &watch::Sender<()>) {
    let database = database.clone();
    match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
        Ok(Ok(_)) => written.send_replace(()),
        Ok(Err(error)) => tracing::error!(%error, "nothing expires"),
        Err(error) => tracing::error!(%error, "nothing expires"),
    }
}

fn named(folder: &Path, text: &str, found: &mut Vec<String>) -> Result<(), Error> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            named(&path, text, found)?;
        } else if path.to_string_lossy().contains(text) {
            found.push(path.display().to_string());
        }
    }
    Ok(())
}
