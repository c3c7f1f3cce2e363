//! The address where functions find DynamoDB, SQS, SES, SSM and the sockets' management API.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use crate::{mailbox::Mailbox, proxy::Proxy, queues::Queues, secrets::Secrets, sockets::Sockets, sqs};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "us-east-1";

pub(crate) struct Services {
    pub dynamodb: Proxy,
    pub queues: Arc<Queues>,
    pub secrets: Arc<Secrets>,
    pub mailbox: Arc<Mailbox>,
    pub sockets: Arc<Sockets>,
}

pub(crate) fn router(services: Services) -> Router {
    let connection = get(describe_connection).post(post_to_connection).delete(delete_connection);
    Router::new()
        .route("/v2/email/outbound-emails", post(send_email))
        .route("/{stage}/@connections/{id}", connection)
        .fallback(by_target)
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(signed))
        .with_state(Arc::new(services))
}

/// Every SDK call has a signature, which is not checked; a web page that reaches this port cannot send the header.
async fn signed(request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::AUTHORIZATION) {
        next.run(request).await
    } else {
        fault(StatusCode::FORBIDDEN, "MissingAuthenticationToken", "not signed")
    }
}

async fn by_target(State(services): State<Arc<Services>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|t| t.to_str().ok());
    let target = target.unwrap_or_default().to_owned();
    let json = || serde_json::from_slice::<Value>(&body).unwrap_or_default();
    match target.split_once('.') {
        Some(("DynamoDB_20120810", operation)) => services.dynamodb.call(operation, headers, body).await,
        Some(("AmazonSQS", operation)) => sqs::call(&services.queues, operation, json()),
        Some(("AmazonSSM", "GetParameter")) => services.secrets.get_parameter(&json()),
        _ => fault(StatusCode::NOT_IMPLEMENTED, "NotImplemented", &format!("{target:?}")),
    }
}

async fn send_email(State(services): State<Arc<Services>>, Json(request): Json<Value>) -> impl IntoResponse {
    services.mailbox.send_email(&request)
}

async fn post_to_connection(State(services): State<Arc<Services>>, Path((_stage, id)): Path<(String, String)>, body: Bytes) -> Response {
    services.sockets.post(&id, &body)
}

async fn describe_connection(State(services): State<Arc<Services>>, Path((_stage, id)): Path<(String, String)>) -> Response {
    services.sockets.describe(&id)
}

async fn delete_connection(State(services): State<Arc<Services>>, Path((_stage, id)): Path<(String, String)>) -> Response {
    services.sockets.close(&id)
}

/// An error as AWS writes it in JSON; the header is for the REST services, the member for the others.
pub(crate) fn fault(status: StatusCode, code: &str, message: &str) -> Response {
    let body = Json(json!({ "__type": code, "message": message }));
    (status, [("x-amzn-errortype", code.to_owned())], body).into_response()
}

pub(crate) fn queue_arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}

pub(crate) fn table_stream_arn(table: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/local")
}

pub(crate) fn function_arn(function: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}")
}
