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
    policy::Grants,
    webhook::{Delivery, DeliveryState, Webhook},
};
use endpoints::{Endpoint, Endpoints};
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
    let endpoints = endpoints.of(system).await?;
    let orphaned = endpoints.iter().filter(|endpoint| endpoint.grants.is_none() && endpoint.webhook.paused.is_none());
    for endpoint in orphaned {
        unless_raced(system.commit(endpoint.webhook.clone().orphaned(system.now())).await)?;
    }
    let none = Grants::default();
    let hears = |endpoint: &&Endpoint| endpoint.webhook.hears(change, action, subject, endpoint.grants.as_ref().unwrap_or(&none));
    let hearing = endpoints.iter().filter(hears);
    let deliveries = hearing.filter_map(|endpoint| Delivery::new(&endpoint.webhook, change, action, subject, system.now()));
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
    let endpoints = endpoints.of(system).await?;
    let endpoint = endpoints.iter().find(|endpoint| endpoint.webhook.id == delivery.webhook);
    // What may no longer be read is not told, even if it waited for that
    let endpoint = endpoint.filter(|endpoint| endpoint.grants.as_ref().is_some_and(|grants| Webhook::may_tell(&delivery.action, grants)));
    let webhook = endpoint.map(|endpoint| &endpoint.webhook).filter(|webhook| webhook.paused.is_none() || delivery.is_test());
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
