//! WebSocket events as API Gateway writes them.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

/// Who is at the other end, as every event of a connection says it.
#[derive(Clone)]
pub(crate) struct Peer {
    pub connection: String,
    pub address: String,
    pub user_agent: String,
    pub host: String,
    pub stage: String,
    pub connected_millis: i64,
}

impl Peer {
    pub fn context(&self, route: &str, kind: &str, now_millis: i64) -> Value {
        json!({
            "routeKey": route,
            "eventType": kind,
            "messageDirection": "IN",
            "connectionId": self.connection,
            "connectedAt": self.connected_millis,
            "requestTimeEpoch": now_millis,
            "requestId": uuid::Uuid::new_v4(),
            "extendedRequestId": uuid::Uuid::new_v4(),
            "domainName": self.host,
            "stage": self.stage,
            "apiId": "local",
            "identity": { "sourceIp": self.address, "userAgent": self.user_agent },
        })
    }
}

pub(crate) fn connect(context: Value, headers: &HeaderMap, query: &[(String, String)]) -> Value {
    let headers = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), value)
    });
    let mut event = json!({ "requestContext": context, "isBase64Encoded": false });
    let (single, multi) = maps(headers);
    event["headers"] = single;
    event["multiValueHeaders"] = multi;
    if !query.is_empty() {
        let (single, multi) = maps(query.iter().cloned());
        event["queryStringParameters"] = single;
        event["multiValueQueryStringParameters"] = multi;
    }
    event
}

pub(crate) fn message(mut context: Value, body: String, base64: bool) -> Value {
    context["messageId"] = json!(uuid::Uuid::new_v4());
    json!({ "requestContext": context, "body": body, "isBase64Encoded": base64 })
}

pub(crate) fn disconnect(mut context: Value, code: u16, reason: &str) -> Value {
    context["disconnectStatusCode"] = code.into();
    context["disconnectReason"] = reason.into();
    json!({ "requestContext": context, "headers": {}, "isBase64Encoded": false })
}

/// The last value of each name, and all of them.
fn maps(pairs: impl Iterator<Item = (String, String)>) -> (Value, Value) {
    let mut multi = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in pairs {
        multi.entry(name).or_default().push(value);
    }
    let single: Map<_, _> = multi.iter().map(|(name, values)| (name.clone(), json!(values.last()))).collect();
    (Value::Object(single), json!(multi))
}
