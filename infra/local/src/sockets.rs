//! The open WebSockets, and the management API by which functions reach them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json,
    body::Bytes,
    extract::ws::{CloseFrame, Message},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Clock, aws::fault, background::Tasks, function::Runtime, lock, socket::LARGEST_MESSAGE, socket_event::Peer, template::Socket};

/// A client this many messages behind is as good as gone.
const BEHIND: usize = 256;

pub(crate) struct Sockets {
    pub api: Socket,
    pub clock: Clock,
    pub tracker: TaskTracker,
    runtime: Arc<Runtime>,
    connections: Mutex<HashMap<String, Connection>>,
    /// Ends all connections.
    end: CancellationToken,
}

struct Connection {
    peer: Peer,
    outbox: mpsc::Sender<Message>,
    active: Arc<Mutex<Instant>>,
    cut: CancellationToken,
    /// Nothing can be sent any more; `$disconnect` is still to be told.
    over: bool,
}

/// What the task of a connection holds of it.
pub(crate) struct Door {
    pub outbox: mpsc::Receiver<Message>,
    /// When something went in or out.
    pub active: Arc<Mutex<Instant>>,
    /// Ends the connection, whatever the client does.
    pub cut: CancellationToken,
}

/// How a connection ends: what the client is told, and what the function is told.
pub(crate) type End = (u16, &'static str);

pub(crate) const CLOSED: End = (1000, "closed");

impl Sockets {
    pub fn new(api: Socket, runtime: Arc<Runtime>, clock: Clock, tasks: &Tasks) -> Self {
        let end = tasks.stop.child_token();
        Self { api, clock, tracker: TaskTracker::new(), runtime, connections: Mutex::default(), end }
    }

    /// Ends all connections while there still is a database where functions can note it.
    pub async fn close_all(&self) {
        self.end.cancel();
        self.tracker.close();
        let _ = tokio::time::timeout(Duration::from_secs(2), self.tracker.wait()).await;
    }

    /// How many connections end just now.
    pub fn ending(&self) -> usize {
        lock(&self.connections).values().filter(|connection| connection.over).count()
    }

    /// Calls the function of a route, if there is one. A failure is in the log, and an answer without success.
    pub async fn call(&self, route: &str, event: impl FnOnce(&str) -> Value) -> Option<Value> {
        let function = &self.api.routes.get(route)?.function;
        let answer = self.runtime.event(function, event(route)).await;
        Some(answer.unwrap_or_else(|_| json!({ "statusCode": 500 })))
    }

    pub fn open(&self, peer: Peer) -> Door {
        let (sender, outbox) = mpsc::channel(BEHIND);
        let door = Door { outbox, active: Arc::new(Mutex::new(Instant::now())), cut: self.end.child_token() };
        let id = peer.connection.clone();
        let connection = Connection { peer, outbox: sender, active: door.active.clone(), cut: door.cut.clone(), over: false };
        lock(&self.connections).insert(id, connection);
        door
    }

    /// From here on the connection is gone for all functions.
    pub fn finish(&self, id: &str) {
        if let Some(connection) = lock(&self.connections).get_mut(id) {
            connection.over = true;
        }
    }

    pub fn forget(&self, id: &str) {
        lock(&self.connections).remove(id);
    }

    /// `POST @connections`. The answer says what could be queued, not what arrived.
    pub fn post(&self, id: &str, body: &Bytes) -> Response {
        if body.len() > LARGEST_MESSAGE {
            return fault(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeException", "the payload is too large");
        }
        self.send(id, std::str::from_utf8(body).map_or_else(|_| Message::Binary(body.clone()), Message::text))
    }

    /// `DELETE @connections`
    pub fn close(&self, id: &str) -> Response {
        let answer = self.send(id, close_frame(CLOSED));
        self.finish(id);
        answer
    }

    /// `GET @connections`
    pub fn describe(&self, id: &str) -> Response {
        let connections = lock(&self.connections);
        let Some(Connection { peer, active, .. }) = connections.get(id).filter(|connection| !connection.over) else { return gone() };
        let idle = jiff::SignedDuration::try_from(lock(active).elapsed()).unwrap_or_default();
        Json(json!({
            "connectedAt": jiff::Timestamp::from_millisecond(peer.connected_millis).unwrap_or_default(),
            "lastActiveAt": self.clock.now() - idle,
            "identity": { "sourceIp": peer.address, "userAgent": peer.user_agent },
        }))
        .into_response()
    }

    fn send(&self, id: &str, frame: Message) -> Response {
        let mut connections = lock(&self.connections);
        let Some(connection) = connections.get_mut(id).filter(|connection| !connection.over) else { return gone() };
        *lock(&connection.active) = Instant::now();
        if connection.outbox.try_send(frame).is_err() {
            connection.cut.cancel();
            connection.over = true;
            return gone();
        }
        StatusCode::OK.into_response()
    }
}

pub(crate) fn close_frame((code, reason): End) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}

fn gone() -> Response {
    fault(StatusCode::GONE, "GoneException", "the connection is gone")
}
