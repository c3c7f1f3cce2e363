//! SQS as the SDK speaks to it. Functions only send; receiving and deleting is done for them.

use std::collections::HashMap;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use winterbaume_sqs::{
    model::{
        MessageAttributeValue, SendMessageBatchRequest, SendMessageBatchResult, SendMessageBatchResultEntry, SendMessageRequest,
        SendMessageResult,
    },
    types::MessageAttribute,
};

use crate::{Error, aws::fault, queues::Queues};

/// SQS takes no longer messages, one or ten together.
const LONGEST: usize = 256 * 1024;
const LONGEST_DELAY: i32 = 15 * 60;

pub(crate) fn call(queues: &Queues, operation: &str, request: Value) -> Response {
    match operation {
        "SendMessage" => answer(request, |request| send_message(queues, request)),
        "SendMessageBatch" => answer(request, |request| send_batch(queues, request)),
        _ => fault(StatusCode::BAD_REQUEST, "UnsupportedOperation", "functions only send"),
    }
}

fn send_message(queues: &Queues, request: SendMessageRequest) -> Result<SendMessageResult, Error> {
    check(request.message_body.len())?;
    let delay = delay(request.delay_seconds)?;
    let sent = queues.send(queue(&request.queue_url), &request.message_body, delay, attributes(request.message_attributes))?;
    Ok(SendMessageResult { message_id: Some(sent.message_id), m_d5_of_message_body: Some(sent.body_md5), ..SendMessageResult::default() })
}

fn send_batch(queues: &Queues, request: SendMessageBatchRequest) -> Result<SendMessageBatchResult, Error> {
    check(request.entries.iter().map(|entry| entry.message_body.len()).sum())?;
    if !(1..=10).contains(&request.entries.len()) {
        return Err("a batch has one to ten messages".into());
    }
    let mut successful = Vec::new();
    for entry in request.entries {
        let delay = delay(entry.delay_seconds)?;
        let sent = queues.send(queue(&request.queue_url), &entry.message_body, delay, attributes(entry.message_attributes))?;
        successful.push(SendMessageBatchResultEntry {
            id: Some(entry.id),
            message_id: Some(sent.message_id),
            m_d5_of_message_body: Some(sent.body_md5),
            ..SendMessageBatchResultEntry::default()
        });
    }
    // The SDK wants to see both lists, even empty
    Ok(SendMessageBatchResult { successful: Some(successful), failed: Some(Vec::new()) })
}

fn answer<T: DeserializeOwned, R: Serialize>(request: Value, call: impl FnOnce(T) -> Result<R, Error>) -> Response {
    match serde_json::from_value(request).map_err(Error::from).and_then(call) {
        Ok(result) => Json(result).into_response(),
        Err(error) => fault(StatusCode::BAD_REQUEST, "com.amazonaws.sqs#InvalidParameterValue", &error.to_string()),
    }
}

fn queue(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

fn check(length: usize) -> Result<(), Error> {
    if (1..=LONGEST).contains(&length) { Ok(()) } else { Err(format!("SQS takes 1 to {LONGEST} bytes, not {length}").into()) }
}

fn delay(seconds: Option<i32>) -> Result<u32, Error> {
    let seconds = seconds.unwrap_or(0);
    if seconds > LONGEST_DELAY {
        return Err(format!("SQS delays by {LONGEST_DELAY} seconds at most, not {seconds}").into());
    }
    Ok(seconds.try_into()?)
}

fn attributes(attributes: Option<HashMap<String, MessageAttributeValue>>) -> HashMap<String, MessageAttribute> {
    let attributes = attributes.unwrap_or_default().into_iter();
    let text = |value: MessageAttributeValue| MessageAttribute {
        data_type: value.data_type,
        string_value: value.string_value,
        binary_value: None,
    };
    attributes.map(|(name, value)| (name, text(value))).collect()
}
