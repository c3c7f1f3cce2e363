//! How a function starts: the few lines every `main` shares.

use crate::{Backend, door::App, problem};
use domain::{Error, Result};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use std::pin::Pin;
use tracing_subscriber::EnvFilter;
use utoipa_axum::router::OpenApiRouter;

/// Structured logs on standard output, as CloudWatch takes them; no colours, no secrets: nothing logs a body or a header.
pub fn logs() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,dynoxide=error,s3s=off,s3s_fs=off"));
    let subscriber =
        tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_current_span(true).with_span_list(false);
    // A second start in one process keeps the first one's log
    let _ = subscriber.with_ansi(false).try_init();
}

/// Runs a function behind the HTTP API.
pub async fn http(routes: OpenApiRouter<App>) -> Result<(), lambda_http::Error> {
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
