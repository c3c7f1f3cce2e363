//! Events of queues and of the table's stream, and the one wrapper that turns a function of one message into a partial answer.

use crate::{Backend, problem};
use domain::{Error, Result, id::OrganizationId};
use futures_util::future::join_all;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
struct QueueEvent {
    #[serde(rename = "Records")]
    records: Vec<QueueRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueRecord {
    message_id: String,
    body: String,
}

/// Works on each message of a batch by itself and reports exactly those that failed, which come again and end among the dead letters.
pub async fn each_message<J, F>(backend: Backend, event: Value, work: fn(Backend, J) -> F) -> Result<Value>
where
    J: DeserializeOwned,
    F: Future<Output = Result<()>>,
{
    let event: QueueEvent = serde_json::from_value(event).map_err(Error::internal)?;
    let mut failures = Vec::new();
    for record in event.records {
        let outcome = match serde_json::from_str(&record.body) {
            Ok(job) => work(backend.clone(), job).await,
            Err(e) => Err(Error::internal(e)),
        };
        failures.extend(outcome.err().map(|error| failure(record.message_id, &error)));
    }
    Ok(json!({ "batchItemFailures": failures }))
}

/// Works on the messages of a batch at once, so that one that takes long holds up none of the others. `shared` is what they find
/// out together.
pub async fn messages_at_once<J, S, F>(backend: Backend, event: Value, shared: S, work: fn(Backend, Arc<S>, J) -> F) -> Result<Value>
where
    J: DeserializeOwned,
    F: Future<Output = Result<()>>,
{
    let event: QueueEvent = serde_json::from_value(event).map_err(Error::internal)?;
    let shared = Arc::new(shared);
    let each = event.records.into_iter().map(|record| {
        let (backend, shared) = (backend.clone(), shared.clone());
        async move {
            let outcome = match serde_json::from_str(&record.body) {
                Ok(job) => work(backend, shared, job).await,
                Err(e) => Err(Error::internal(e)),
            };
            outcome.err().map(|error| failure(record.message_id, &error))
        }
    });
    let failures: Vec<Value> = join_all(each).await.into_iter().flatten().collect();
    Ok(json!({ "batchItemFailures": failures }))
}

fn failure(message: String, error: &Error) -> Value {
    problem::log(error);
    tracing::warn!(message, %error, "a message failed");
    json!({ "itemIdentifier": message })
}

#[derive(Deserialize)]
struct StreamEvent {
    #[serde(rename = "Records")]
    records: Vec<StreamRecord>,
}

#[derive(Deserialize)]
struct StreamRecord {
    dynamodb: StreamImages,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamImages {
    sequence_number: String,
    new_image: Option<serde_dynamo::Item>,
    old_image: Option<serde_dynamo::Item>,
}

/// A record of the table that was written or removed.
pub struct Written {
    pub kind: String,
    /// The partition it stands in, whose order the stream keeps, and its place in that order.
    pub partition: String,
    pub place: String,
    pub tenant: Option<OrganizationId>,
    /// Whether a webhook may hear of it.
    pub heard: bool,
    new: Option<serde_dynamo::Item>,
    old: Option<serde_dynamo::Item>,
}

impl Written {
    /// It was not there before.
    pub fn is_new(&self) -> bool {
        self.old.is_none()
    }

    /// The record as it is now; `None` when it was removed.
    pub fn record<R: DeserializeOwned>(&self) -> Result<Option<R>> {
        self.new.clone().map(serde_dynamo::from_item).transpose().map_err(Error::internal)
    }

    pub fn previous<R: DeserializeOwned>(&self) -> Result<Option<R>> {
        self.old.clone().map(serde_dynamo::from_item).transpose().map_err(Error::internal)
    }
}

fn written(images: StreamImages) -> Written {
    let text = |name: &str| {
        let image = images.new_image.as_ref().or(images.old_image.as_ref())?;
        match image.get(name) {
            Some(serde_dynamo::AttributeValue::S(text)) => Some(text.clone()),
            _ => None,
        }
    };
    Written {
        kind: text("kind").unwrap_or_default(),
        partition: text("pk").unwrap_or_default(),
        place: images.sequence_number.clone(),
        tenant: text("tenant").or_else(|| text("organization")).and_then(|id| id.parse().ok()),
        heard: matches!(images.new_image.as_ref().and_then(|image| image.get("heard")), Some(serde_dynamo::AttributeValue::Bool(true))),
        new: images.new_image,
        old: images.old_image,
    }
}

/// Works on what was written, in order; the first that fails is reported, and the stream comes again from there.
/// What is noted of those that were worked on is summed up once in the end.
pub async fn each_write<N, F, S>(
    backend: Backend,
    event: Value,
    note: fn(&Written) -> Option<N>,
    work: fn(Backend, Written) -> F,
    sum_up: fn(Backend, Vec<N>) -> S,
) -> Result<Value>
where
    F: Future<Output = Result<()>>,
    S: Future<Output = Result<()>>,
{
    let event: StreamEvent = serde_json::from_value(event).map_err(Error::internal)?;
    let first = event.records.first().map(|record| record.dynamodb.sequence_number.clone());
    let (mut notes, mut failed) = (Vec::new(), None);
    for record in event.records {
        let written = written(record.dynamodb);
        let (noted, place) = (note(&written), written.place.clone());
        match work(backend.clone(), written).await {
            Ok(()) => notes.extend(noted),
            Err(error) => {
                problem::log(&error);
                tracing::warn!(sequence = place, error = %error, "a write could not be followed up");
                failed = Some(place);
                break;
            }
        }
    }
    if let Err(error) = sum_up(backend, notes).await {
        problem::log(&error);
        tracing::warn!(error = %error, "writes could not be summed up");
        failed = first;
    }
    let failures: Vec<Value> = failed.into_iter().map(|place| json!({ "itemIdentifier": place })).collect();
    Ok(json!({ "batchItemFailures": failures }))
}
