//! Feeds a function from a queue, as the event source mapping of Lambda does.

use std::{collections::HashSet, sync::Arc};

use serde_json::{Map, Value, json};
use winterbaume_sqs::types::{Message, MessageAttribute};

use crate::{
    aws::{REGION, queue_arn},
    function::Runtime,
    queues::Queues,
    template::{QueueEvent, ResponseType, Source},
};

pub(crate) async fn consume(source: Source<QueueEvent>, queues: Arc<Queues>, runtime: Arc<Runtime>) {
    let QueueEvent { queue, batch_size, function_response_types } = source.event;
    let partial = function_response_types.contains(&ResponseType::ReportBatchItemFailures);
    loop {
        runtime.released().await;
        let received = queues.receive(&queue, batch_size);
        if received.is_empty() {
            queues.wait(&queue).await;
            continue;
        }
        let records: Vec<_> = received.iter().map(|message| record(&queue, message)).collect();
        let answer = runtime.event(&source.function, json!({ "Records": records }));
        let known: HashSet<_> = received.iter().map(|m| m.message_id.as_str()).collect();
        let failed = match answer.await {
            Ok(answer) if partial => failures(&answer, &known),
            Ok(_) => Some(HashSet::new()),
            Err(_) => None,
        };
        queues.settle(&queue, &received, |id| failed.as_ref().is_none_or(|failed| failed.contains(id)));
    }
}

/// The messages that failed, or `None` for all of them: Lambda takes an answer it cannot read for a failure.
fn failures(answer: &Value, known: &HashSet<&str>) -> Option<HashSet<String>> {
    let Some(failures) = answer.get("batchItemFailures") else {
        return Some(HashSet::new());
    };
    let failures = failures.as_array().map(Vec::as_slice).unwrap_or_default();
    let ids = failures.iter().map(|failure| failure["itemIdentifier"].as_str());
    ids.map(|id| id.filter(|id| known.contains(id)).map(str::to_owned)).collect()
}

fn record(queue: &str, message: &Message) -> Value {
    let attributes: Map<_, _> = message.message_attributes.iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
    json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "md5OfBody": message.body_md5,
        "attributes": {
            "ApproximateReceiveCount": message.approximate_receive_count.to_string(),
            "SentTimestamp": message.sent_timestamp.to_string(),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp":
                message.approximate_first_receive_timestamp.unwrap_or_default().to_string(),
        },
        "messageAttributes": attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn(queue),
        "awsRegion": REGION,
    })
}

fn attribute(value: &MessageAttribute) -> Value {
    json!({
        "stringValue": value.string_value,
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value.data_type,
    })
}
