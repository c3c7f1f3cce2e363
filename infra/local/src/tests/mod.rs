//! The stack as functions, clients and developers meet it.

mod database;
mod http;
mod mail;
mod queue;
mod socket;
mod stream;
mod template;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, Request, StatusCode},
};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};

use crate::{Faults, Function, Functions, Options, Stack, lock};

const TEMPLATE: &str = include_str!("template.yaml");

/// What the functions of a test were called with.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Value>>>);

impl Seen {
    fn add(&self, value: Value) {
        lock(&self.0).push(value);
    }

    fn all(&self) -> Vec<Value> {
        lock(&self.0).clone()
    }
}

/// Functions that do nothing, except for those given.
fn functions(given: impl IntoIterator<Item = (&'static str, Function)>) -> Functions {
    let mut functions = BTreeMap::new();
    for name in ["follow", "tick", "socket", "work"] {
        let nothing = Function::event(|_| async { Ok(json!({ "statusCode": 200 })) });
        functions.insert(name.to_owned(), nothing);
    }
    functions.insert("web".to_owned(), Function::Http(Router::new()));
    functions.extend(given.into_iter().map(|(name, f)| (name.to_owned(), f)));
    functions
}

async fn start(given: impl IntoIterator<Item = (&'static str, Function)>) -> Stack {
    start_in(None, given).await
}

async fn start_in(folder: Option<&Path>, given: impl IntoIterator<Item = (&'static str, Function)>) -> Stack {
    let options = Options {
        template: TEMPLATE.to_owned(),
        data: folder.map(Path::to_owned),
        port: 0,
        faults: Faults::default(),
        secrets: Box::new(|| uuid::Uuid::new_v4().to_string()),
    };
    let stack = Stack::start(options, |_| functions(given)).await;
    stack.expect("the stack starts")
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }
}

async fn send(request: Request<Full<Bytes>>) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request).await.expect("an answer").into_parts();
    Answer { status: head.status, headers: head.headers, body: body.collect().await.expect("a body").to_bytes() }
}

async fn ask(stack: &Stack, method: Method, path: &str, body: impl Into<Bytes>) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", stack.url()))
        .header("content-type", "application/json")
        .body(Full::new(body.into()));
    send(request.expect("a request")).await
}

/// What the SDK would send.
async fn aws(stack: &Stack, target: &str, request: Value) -> Answer {
    let address = &stack.environment().variables["AWS_ENDPOINT_URL_SQS"];
    let request = Request::post(address)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", target)
        .header("x-amz-date", "20300101T000000Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host, Signature=0",
        )
        .body(Full::new(request.to_string().into()));
    send(request.expect("a request")).await
}

async fn put(stack: &Stack, pk: &str) {
    let item = json!({ "pk": { "S": pk }, "sk": { "S": "a" } });
    let request = json!({ "TableName": "Table", "Item": item });
    let answer = aws(stack, "DynamoDB_20120810.PutItem", request).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
}

async fn enqueue(stack: &Stack, body: &str, delay: u32) {
    let url = &stack.environment().variables["WORK_QUEUE"];
    let request = json!({ "QueueUrl": url, "MessageBody": body, "DelaySeconds": delay });
    let answer = aws(stack, "AmazonSQS.SendMessage", request).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
}
