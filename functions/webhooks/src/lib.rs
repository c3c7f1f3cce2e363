//! Tells programs elsewhere what changed: each webhook that hears of a change gets a delivery of its own, tried by itself.
//!
//! A delivery is tried at least once, and its receiver knows a double by its id. Order is not promised: what was not taken comes
//! later than what was.

mod attempt;
mod endpoints;

use backend::{Backend, event::messages_at_once, keys, queue::WebhookJob, system::System};
use domain::{
    Error, Result,
    commit::{Commit, Subject},
    id::ChangeId,
    webhook::{Delivery, DeliveryState},
};
use endpoints::Endpoints;
use serde_json::Value;
use std::sync::Arc;

pub async fn handle(backend: Backend, event: Value) -> Result<Value> {
    messages_at_once(backend, event, Endpoints::default(), work).await
}

async fn work(backend: Backend, endpoints: Arc<Endpoints>, job: WebhookJob) -> Result<()> {
    let system = backend.system(job.organization());
    match &job {
        WebhookJob::Tell { change, action, subject, .. } => tell(&system, &endpoints, change, action, subject).await,
        // A queue keeps nothing back for longer than a quarter of an hour
        WebhookJob::Deliver { at, .. } if system.now() < *at => backend.ask_for_webhook(&job).await,
        WebhookJob::Deliver { webhook, delivery, version, .. } => {
            let delivery: Option<Delivery> = system.get(keys::delivery(system.tenant(), webhook, delivery)).await?;
            match delivery.filter(|delivery| delivery.version == *version && delivery.state == DeliveryState::Pending) {
                Some(delivery) => deliver(&backend, &system, &endpoints, delivery).await,
                None => Ok(()),
            }
        }
    }
}

/// Makes the deliveries of a change, all or none. What they are queued by is the stream.
async fn tell(system: &System, endpoints: &Endpoints, change: &ChangeId, action: &str, subject: &Subject) -> Result<()> {
    let webhooks = endpoints.of(system).await?;
    let hearing = webhooks.iter().filter(|webhook| webhook.hears(action, subject));
    let deliveries = hearing.filter_map(|webhook| Delivery::new(webhook, change, action, subject, system.now()));
    let commit = deliveries.fold(Commit::quiet(), Commit::also_create);
    if commit.writes.is_empty() {
        return Ok(());
    }
    match system.commit(commit).await {
        // Told before is told
        Err(Error::Conflict(_)) => Ok(()),
        other => other,
    }
}

async fn deliver(backend: &Backend, system: &System, endpoints: &Endpoints, delivery: Delivery) -> Result<()> {
    let webhooks = endpoints.of(system).await?;
    let webhook = webhooks.iter().find(|webhook| webhook.id == delivery.webhook);
    let webhook = webhook.filter(|webhook| webhook.paused.is_none() || delivery.is_test());
    let change = system.change(&delivery.event, &delivery.subject).await?;
    let Some((webhook, change)) = webhook.zip(change) else {
        return unless_raced(system.commit(delivery.give_up()).await);
    };
    if let Some(until) = webhook.rests(&delivery, system.now()) {
        return unless_raced(system.commit(delivery.put_off(until, system.random())).await);
    }
    let began = system.now();
    let outcome = attempt::make(backend, webhook, &change).await?;
    let now = backend.now();
    let (_, tried) = delivery.tried(&outcome, began, now, system.random());
    unless_raced(system.commit(tried).await)?;
    match webhook.clone().after(&outcome, now) {
        // Who was quicker knows as much
        Some(learned) => unless_raced(system.commit(learned).await),
        None => Ok(()),
    }
}

/// The same message came twice, or somebody changed the webhook meanwhile: what is there now counts.
fn unless_raced(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(Error::Stale { .. } | Error::NotFound(_)) => Ok(()),
        other => other,
    }
}
