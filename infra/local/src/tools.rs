//! What developers and tests have under `/_local`: the mailbox, the clock, queues, faults, and the wait for all work to be done.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{mailbox::Letter, mailbox_page, system::System};

pub(crate) fn router(system: Arc<System>) -> Router {
    Router::new()
        .route("/mail", get(mail))
        .route("/mail.json", get(mail_json))
        .route("/mail/{id}", get(mail_page))
        .route("/mail/{id}/raw", get(mail_raw))
        .route("/clock", get(clock).post(advance))
        .route("/environment", get(environment))
        .route("/idle", post(idle))
        .route("/queues", get(queues))
        .route("/queues/{queue}", post(enqueue))
        .route("/faults", post(faults))
        .route("/secrets", put(put_secrets))
        .route("/calls", get(calls).post(record))
        .route("/mentions", post(mentions))
        .layer(from_fn(only_from_here))
        .with_state(system)
}

/// Another site's page can point a name of its own at this machine, or post here from afar: both say where they are.
async fn only_from_here(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let local = host_is_local(headers, header::HOST).unwrap_or(false);
    let origin = host_is_local(headers, header::ORIGIN).unwrap_or(true);
    if local && origin { next.run(request).await } else { StatusCode::FORBIDDEN.into_response() }
}

/// Whether a header names this machine; `None` if it is not there.
fn host_is_local(headers: &HeaderMap, name: header::HeaderName) -> Option<bool> {
    let uri = headers.get(name)?.to_str().ok()?.parse::<Uri>();
    let host = uri.as_ref().ok().and_then(Uri::host);
    Some(matches!(host, Some("localhost" | "127.0.0.1" | "[::1]")))
}

fn letters(system: &System) -> Vec<Letter> {
    let mails = system.mailbox.list();
    mails.iter().map(|mail| mail.letter()).collect()
}

async fn mail(State(system): State<Arc<System>>) -> impl IntoResponse {
    mailbox_page::list(&letters(&system))
}

async fn mail_json(State(system): State<Arc<System>>) -> Json<Vec<Letter>> {
    Json(letters(&system))
}

async fn mail_page(State(system): State<Arc<System>>, Path(id): Path<String>) -> Response {
    match system.mailbox.get(&id) {
        Some(mail) => mailbox_page::show(&mail.letter()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn mail_raw(State(system): State<Arc<System>>, Path(id): Path<String>) -> Response {
    match system.mailbox.get(&id) {
        Some(mail) => ([(header::CONTENT_TYPE, "message/rfc822")], mail.raw.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn clock(State(system): State<Arc<System>>) -> Json<Value> {
    Json(json!({ "now": system.clock.now() }))
}

#[derive(Deserialize)]
struct Advance {
    advance_seconds: u64,
}

async fn advance(State(system): State<Arc<System>>, Json(request): Json<Advance>) -> Json<Value> {
    let by = Duration::from_secs(request.advance_seconds);
    system.advance(by).await;
    clock(State(system)).await
}

/// With these variables a bootstrap runs beside the system as one of its functions; the keys open nothing else.
async fn environment(State(system): State<Arc<System>>) -> impl IntoResponse {
    Json(system.environment.variables.clone())
}

async fn idle(State(system): State<Arc<System>>) -> Response {
    match system.idle().await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(busy) => (StatusCode::GATEWAY_TIMEOUT, Json(json!({ "busy": busy.0 }))).into_response(),
    }
}

async fn queues(State(system): State<Arc<System>>) -> impl IntoResponse {
    Json(system.queues.depths())
}

async fn enqueue(State(system): State<Arc<System>>, Path(queue): Path<String>, body: String) -> StatusCode {
    match system.queues.send(&queue, &body, 0, HashMap::new()) {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::NOT_FOUND,
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct PerMille {
    refused: u32,
    lost: u32,
}

async fn faults(State(system): State<Arc<System>>, Json(request): Json<PerMille>) -> StatusCode {
    system.faults.set(request.refused, request.lost);
    StatusCode::NO_CONTENT
}

async fn put_secrets(State(system): State<Arc<System>>, document: String) -> StatusCode {
    system.secrets.put(document);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Record {
    recording: bool,
    /// Stream, queues and schedules wait meanwhile.
    #[serde(default)]
    hold: bool,
}

async fn record(State(system): State<Arc<System>>, Json(request): Json<Record>) -> StatusCode {
    system.runtime.hold(request.recording && request.hold);
    system.recorder.switch(request.recording);
    StatusCode::NO_CONTENT
}

/// Where in the table and among the files a text is found: after an organisation was removed, its id is in few places.
async fn mentions(State(system): State<Arc<System>>, text: String) -> Response {
    match system.mentions(&text) {
        Ok(found) => Json(found).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The calls since the last look.
async fn calls(State(system): State<Arc<System>>) -> impl IntoResponse {
    Json(system.recorder.take())
}
