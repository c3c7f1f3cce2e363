//! Fires timers that fell due: reads again what they are about, and acts only if it still holds.

mod removal;

use backend::{
    Backend,
    event::each_message,
    keys,
    queue::{MailJob, TimerJob},
    system::System,
};
use domain::{Error, Result, commit::Commit, id::TaskId, notification, timer::Purpose, timer::Timer};
use serde_json::Value;

pub async fn handle(backend: Backend, event: Value) -> Result<Value> {
    each_message(backend, event, fire).await
}

async fn fire(backend: Backend, job: TimerJob) -> Result<()> {
    let system = backend.system(&job.organization);
    if system.now() < job.timer.at {
        return backend.set_off(&job).await;
    }
    // What falls due while nothing is sent is not sent later either
    if job.timer.purpose != Purpose::Removal && system.is_suspended().await? {
        return take(&system, Commit::quiet().also_take(job.timer)).await;
    }
    let TimerJob { organization, timer } = job;
    let commit = match timer.purpose.clone() {
        Purpose::TaskDueSoon { task } | Purpose::TaskDue { task } => remind(&system, timer, &task).await?,
        Purpose::Mail { user, notification } => {
            // Asked for twice, it is sent once
            backend.ask_for_mail(&MailJob::Notification { organization, user, notification }).await?;
            Commit::quiet().also_take(timer)
        }
        Purpose::Removal => return removal::go_on(&backend, &system, timer).await,
    };
    take(&system, commit).await
}

async fn take(system: &System, commit: Commit) -> Result<()> {
    match system.commit(commit).await {
        // Fired before: the timer is gone
        Err(Error::NotFound(_)) => Ok(()),
        other => other,
    }
}

async fn remind(system: &System, timer: Timer, task: &TaskId) -> Result<Commit> {
    let task = system.get(keys::task(system.tenant(), task)).await?;
    let told = task.map(|task| notification::of_timer(&timer, &task)).unwrap_or_default();
    Ok(system.telling(told).await?.into_iter().fold(Commit::quiet().also_take(timer), Commit::and))
}
