//! How a function starts: the few lines every `main` shares.

use crate::{Backend, door::App, problem};
use axum::Router;
use domain::{Error, Result};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use std::pin::Pin;
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
        // Boxed, so that the type of a main does not hold the types of all that is done in it
        let work: Pin<Box<dyn Future<Output = Result<Value>> + Send>> = Box::pin(handle(backend.clone(), event.payload));
        async move {
            work.await.map_err(|error: Error| -> lambda_runtime::Error {
                problem::log(&error);
                error.to_string().into()
            })
        }
    }))
    .await
}
