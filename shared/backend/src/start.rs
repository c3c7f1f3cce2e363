//! How a function starts: the few lines every `main` shares.

use crate::{Backend, door::App, metrics, problem};
use axum::Router;
use domain::{Error, Result};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use std::pin::Pin;
use tracing::{Instrument, field::Empty};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Structured logs on standard output, as CloudWatch takes them; no colours, no secrets: nothing logs a body or a header.
pub fn logs() {
    let told = std::env::var("RUST_LOG").ok().and_then(|told| told.parse().ok());
    let filter = told.unwrap_or_else(|| {
        let quiet = [("dynoxide", LevelFilter::ERROR), ("s3s", LevelFilter::OFF), ("s3s_fs", LevelFilter::OFF)];
        Targets::new().with_default(LevelFilter::INFO).with_targets(quiet)
    });
    let lines = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false).with_ansi(false);
    // A second start in one process keeps the first one's log
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// Runs a function behind the HTTP API.
pub async fn http(routes: Router<App>) -> Result<(), lambda_http::Error> {
    logs();
    lambda_http::run(Backend::from_env().serve(routes)).await
}

/// Runs a function of events.
pub async fn events<F>(handle: fn(Backend, Value) -> F) -> Result<(), lambda_runtime::Error>
where
    F: Future<Output = Result<Value>> + Send + 'static,
{
    logs();
    let backend = Backend::from_env();
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let (backend, began) = (backend.clone(), backend.now());
        let messages = event.payload["Records"].as_array().map_or(1, Vec::len);
        let request = event.context.request_id;
        let function = backend.function();
        let span = tracing::info_span!("event", id = request, function, organization = Empty);
        // Boxed, so that the type of a main does not hold the types of all that is done in it
        let work: Pin<Box<dyn Future<Output = Result<Value>> + Send>> =
            Box::pin(handle(backend.clone(), event.payload).instrument(span.clone()));
        async move {
            let answer = work.await;
            let failed = answer.as_ref().map_or(messages, |answer| answer["batchItemFailures"].as_array().map_or(0, Vec::len));
            let errors = if answer.is_err() { 1.0 } else { 0.0 };
            let metrics = [("Messages", "Count", messages as f64), ("Failures", "Count", failed as f64), ("Errors", "Count", errors)];
            let line = json!({ "message": "worked", "request": request });
            metrics::record(backend.function(), began, backend.now(), &metrics, line);
            answer.map_err(|error: Error| -> lambda_runtime::Error {
                span.in_scope(|| problem::log(&error));
                error.to_string().into()
            })
        }
    }))
    .await
}
