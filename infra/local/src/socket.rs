//! A WebSocket from its upgrade to its end: frames become events.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    extract::{
        ConnectInfo, Query, State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    lock,
    socket_event::{Peer, connect, disconnect, message},
    sockets::{CLOSED, Door, End, Sockets, close_frame},
};

const LARGEST_FRAME: usize = 32 * 1024;
pub(crate) const LARGEST_MESSAGE: usize = 128 * 1024;
const IDLE: Duration = Duration::from_secs(10 * 60);
const LIFE: Duration = Duration::from_secs(2 * 60 * 60);
/// For the last frame. A client that does not listen does not listen to that one either.
const FAREWELL: Duration = Duration::from_millis(500);

const LOST: End = (1006, "the connection was lost");

/// `GET /live`: the function of `$connect` decides who may come in.
pub(crate) async fn upgrade(
    State(sockets): State<Arc<Sockets>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let now = sockets.clock.now_millis();
    let peer = Peer {
        // Sixteen characters that end in `=`, as in the cloud
        connection: general_purpose::URL_SAFE.encode(&uuid::Uuid::new_v4().as_bytes()[..11]),
        address: address.ip().to_string(),
        user_agent: text(header::USER_AGENT),
        host: text(header::HOST),
        stage: sockets.api.stage_name.clone(),
        connected_millis: now,
    };
    let answer = sockets.call("$connect", |route| connect(peer.context(route, "CONNECT", now), &headers, &query)).await;
    let answer = answer.unwrap_or_else(|| json!({ "statusCode": 200 }));
    let status = answer["statusCode"].as_u64().and_then(|status| StatusCode::from_u16(status.try_into().ok()?).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !status.is_success() {
        return status.into_response();
    }

    // Known before the upgrade is done: a function may have something to say at once
    let door = sockets.open(peer.clone());
    let upgrade = match answer["headers"]["Sec-WebSocket-Protocol"].as_str() {
        Some(protocol) => upgrade.protocols([protocol.to_owned()]),
        None => upgrade,
    };
    let (failed, id) = (sockets.clone(), peer.connection.clone());
    let upgrade = upgrade.max_frame_size(LARGEST_FRAME).max_message_size(LARGEST_MESSAGE).on_failed_upgrade(move |error| {
        tracing::debug!(%error, "a WebSocket was not opened");
        failed.forget(&id);
    });
    upgrade.on_upgrade(move |socket| {
        let tracker = sockets.tracker.clone();
        tracker.track_future(run(sockets, socket, peer, door))
    })
}

async fn run(sockets: Arc<Sockets>, socket: WebSocket, peer: Peer, mut door: Door) {
    let (mut sink, mut frames) = socket.split();
    let end = tokio::select! {
        biased;
        () = door.cut.cancelled() => (1001, "going away"),
        end = read(&sockets, &mut frames, &peer, &door.active) => end,
        end = write(&mut sink, &mut door.outbox) => end,
        () = tokio::time::sleep(LIFE) => (1001, "two hours are over"),
    };
    sockets.finish(&peer.connection);
    let _ = tokio::time::timeout(FAREWELL, sink.send(close_frame(end))).await;
    let now = sockets.clock.now_millis();
    let (code, reason) = end;
    sockets.call("$disconnect", |route| disconnect(peer.context(route, "DISCONNECT", now), code, reason)).await;
    sockets.forget(&peer.connection);
}

/// One frame after the other. In the cloud they may overtake each other.
async fn read(sockets: &Sockets, frames: &mut SplitStream<WebSocket>, peer: &Peer, active: &Mutex<Instant>) -> End {
    loop {
        let deadline = *lock(active) + IDLE;
        let frame = match tokio::time::timeout_at(deadline, frames.next()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) if is_too_long(&error) => return (1009, "the message is too long"),
            Ok(_) => return LOST,
            // Something may have been sent meanwhile
            Err(_) if *lock(active) + IDLE > Instant::now() => continue,
            Err(_) => return (1001, "nothing was said for ten minutes"),
        };
        *lock(active) = Instant::now();
        let (body, base64) = match frame {
            Message::Text(text) => (text.to_string(), false),
            Message::Binary(bytes) => (general_purpose::STANDARD.encode(bytes), true),
            Message::Close(_) => return CLOSED,
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        let now = sockets.clock.now_millis();
        let route = route(sockets, &body);
        sockets.call(route, |route| message(peer.context(route, "MESSAGE", now), body, base64)).await;
    }
}

/// Sends what functions have to say until there is nothing more.
async fn write(sink: &mut SplitSink<WebSocket, Message>, outbox: &mut mpsc::Receiver<Message>) -> End {
    while let Some(frame) = outbox.recv().await {
        if matches!(frame, Message::Close(_)) {
            return CLOSED;
        }
        if sink.send(frame).await.is_err() {
            return LOST;
        }
    }
    CLOSED
}

/// `$request.body.action`, where the template has such a route.
fn route<'a>(sockets: &'a Sockets, body: &str) -> &'a str {
    let body = serde_json::from_str::<Value>(body).unwrap_or_default();
    let action = body["action"].as_str().filter(|action| !action.starts_with('$'));
    let route = action.and_then(|action| sockets.api.routes.get_key_value(action));
    route.map_or("$default", |(key, _)| key)
}

/// Axum hides the kind of error behind its own; only its text tells.
fn is_too_long(error: &axum::Error) -> bool {
    error.to_string().contains("too long")
}
