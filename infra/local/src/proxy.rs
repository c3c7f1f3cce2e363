//! The door in front of the embedded DynamoDB: it wakes the stream, injects faults and writes calls down.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Request, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    Error,
    aws::fault,
    faults::{Fate, Faults},
    recorder::{Call, Recorder, with_capacity},
};

pub(crate) struct Proxy {
    client: Client<HttpConnector, Full<Bytes>>,
    target: Uri,
    faults: Faults,
    recorder: Arc<Recorder>,
    written: watch::Sender<()>,
}

impl Proxy {
    pub fn new(port: u16, faults: Faults, recorder: Arc<Recorder>, written: watch::Sender<()>) -> Result<Self, Error> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            target: format!("http://127.0.0.1:{port}/").parse()?,
            faults,
            recorder,
            written,
        })
    }

    pub async fn call(&self, operation: &str, mut headers: HeaderMap, body: Bytes) -> Response {
        let fate = self.faults.next();
        if fate == Fate::Refused {
            return internal_error();
        }
        let recorded: Option<Value> = (self.recorder.is_on()).then(|| serde_json::from_slice(&body).ok()).flatten();
        let sent = match &recorded {
            Some(request) => with_capacity(operation, request.clone()).to_string().into(),
            None => body,
        };
        let round = if recorded.is_some() { self.recorder.begin() } else { 0 };
        // The client writes its own
        headers.remove(header::HOST);
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::TRANSFER_ENCODING);
        let (status, headers, answer) = match self.send(headers, sent).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(%error, operation, "the database does not answer");
                return internal_error();
            }
        };
        if is_write(operation) {
            self.written.send_replace(());
        }
        if let Some(request) = recorded {
            // Long enough for calls made at once to be seen as such
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.recorder.end(round);
            self.recorder.add(Call {
                operation: operation.to_owned(),
                status: status.as_u16(),
                round,
                request,
                response: serde_json::from_slice(&answer).unwrap_or_default(),
            });
        }
        if fate == Fate::Lost {
            return internal_error();
        }
        (status, headers, Body::from(answer)).into_response()
    }

    async fn send(&self, headers: HeaderMap, body: Bytes) -> Result<(StatusCode, HeaderMap, Bytes), Error> {
        let mut request = Request::post(self.target.clone()).body(Full::new(body))?;
        *request.headers_mut() = headers;
        let (head, body) = self.client.request(request).await?.into_parts();
        Ok((head.status, head.headers, body.collect().await?.to_bytes()))
    }
}

fn is_write(operation: &str) -> bool {
    !matches!(operation, "GetItem" | "BatchGetItem" | "TransactGetItems" | "Query" | "Scan" | "DescribeTable")
}

fn internal_error() -> Response {
    fault(StatusCode::INTERNAL_SERVER_ERROR, "com.amazonaws.dynamodb.v20120810#InternalServerError", "Internal server error")
}
