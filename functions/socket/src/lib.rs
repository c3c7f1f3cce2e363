//! The WebSocket API: opens and closes connections, and answers frames.

mod frame;

use backend::Backend;
use domain::{Error, Result, commit::Origin, limits};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    request_context: Context,
    #[serde(default)]
    query_string_parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    event_type: EventType,
    connection_id: String,
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    identity: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum EventType {
    Connect,
    Disconnect,
    Message,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    #[serde(default)]
    source_ip: String,
    #[serde(default)]
    user_agent: Option<String>,
}

pub async fn handle(backend: Backend, event: Value) -> Result<Value> {
    let event: Event = serde_json::from_value(event).map_err(Error::internal)?;
    let Context { event_type, connection_id, request_id, identity } = event.request_context;
    let device = identity.user_agent.unwrap_or_default().chars().take(200).collect();
    let origin = Origin { address: identity.source_ip, device, request: request_id };
    match event_type {
        EventType::Connect => {
            let headers = event.headers.unwrap_or_default();
            let page = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("origin")).map(|(_, value)| value.as_str());
            let ticket = event.query_string_parameters.unwrap_or_default().remove("ticket").unwrap_or_default();
            let status = match connect(&backend, page, &ticket, &connection_id, origin).await {
                Ok(()) => 200,
                Err(Error::Forbidden(_) | Error::SecondFactorNeeded | Error::SingleSignOnNeeded) => 403,
                Err(Error::Unauthenticated | Error::NotFound(_)) => 401,
                // The gateway answers it with a 500, and the alarm of this function counts it
                Err(error) => return Err(error),
            };
            Ok(json!({ "statusCode": status }))
        }
        EventType::Disconnect => {
            backend.close_socket(&connection_id).await?;
            Ok(json!({ "statusCode": 200 }))
        }
        EventType::Message => {
            let body = event.body.unwrap_or_default();
            let answer = if event.is_base64_encoded {
                frame::refuse(&origin.request, None, Error::Malformed("a frame is text, not bytes".to_owned()))
            } else if body.len() > limits::FRAME_BYTES {
                frame::refuse(&origin.request, None, Error::TooLarge(limits::FRAME_BYTES))
            } else {
                frame::answer(&backend, &connection_id, &body, origin).await
            };
            backend.post_to(&connection_id, &answer).await?;
            Ok(json!({ "statusCode": 200 }))
        }
    }
}

/// A browser says which page opens the connection; only our own may. Programs say nothing and need only the ticket.
async fn connect(backend: &Backend, page: Option<&str>, ticket: &str, connection: &str, origin: Origin) -> Result<()> {
    let allowed = [backend.setting("ALLOWED_ORIGIN"), backend.setting("PUBLIC_URL")];
    if page.is_some_and(|page| !allowed.contains(&page)) {
        return Err(Error::forbidden("this page opens no connections"));
    }
    backend.open_socket(ticket, connection, origin).await
}
