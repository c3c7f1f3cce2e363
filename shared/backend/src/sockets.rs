//! Open WebSockets: who may open one, what may be asked over it, and how something is sent to it.
//!
//! No token stands in an address: a connection is opened with a ticket that works once and for thirty seconds.

use crate::{
    Backend,
    aws::Inner,
    door::{Caller, Can, Pass},
    keys,
    room::Room,
    secrets::sha256,
    system::System,
};
use aws_sdk_apigatewaymanagement::{error::SdkError, primitives::Blob};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Error, Result, Timestamp,
    account::Session,
    commit::{Commit, Origin},
    conversation::{Connection, Presence, Socket, Ticket},
    id::*,
    limits,
    policy::{Connect, Converse, Permission, Role},
};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A ticket as it is given out.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketView {
    /// Open this address as a WebSocket; it holds the ticket.
    #[schema(example = "wss://example.com/live?ticket=rJ2…")]
    pub url: String,
    pub ends_at: Timestamp,
}

impl Can<Converse> {
    pub async fn socket_ticket(&self) -> Result<TicketView> {
        let inner = &self.room.inner;
        let secret = URL_SAFE_NO_PAD.encode(inner.entropy.bytes::<24>());
        let ends_at = self.now() + limits::SOCKET_TICKET;
        let ticket = Ticket {
            hash: sha256(secret.as_bytes()),
            user: self.user().clone(),
            organization: self.tenant().id().clone(),
            session: self.session()?.id.clone(),
            ends_at,
            expires: ends_at.as_second(),
        };
        self.commit(Commit::quiet().also_put(ticket)).await?;
        Ok(TicketView { url: format!("{}?ticket={secret}", inner.settings.get("SOCKET_URL")), ends_at })
    }
}

/// A connection that was identified; each frame asks it for the permission it needs.
pub struct Line {
    pub connection: Connection,
    backend: Backend,
    origin: Origin,
}

impl Backend {
    /// Opens a connection for whoever holds an unused ticket.
    pub async fn open_socket(&self, ticket: &str, connection: &str, origin: Origin) -> Result<()> {
        let now = self.now();
        let ticket = self.0.own.table.get(keys::ticket(&sha256(ticket.as_bytes()))).await?;
        let ticket = ticket.filter(|ticket: &Ticket| now < ticket.ends_at).ok_or(Error::Unauthenticated)?;
        let pass = Pass::of_session(&ticket.user, &ticket.organization, &ticket.session);
        let caller = Caller::identify(self, &pass, origin, Vec::new()).await?;
        let can = caller.can::<Connect>().await?;
        let (_, commit) = Connection::open(connection.to_owned(), &ticket, can.role(), now);
        match can.room.execute(commit, None).await {
            Ok(_) => Ok(()),
            // Somebody else was quicker with the same ticket
            Err(Error::NotFound(_) | Error::Stale { .. }) => Err(Error::Unauthenticated),
            Err(error) => Err(error),
        }
    }

    pub async fn close_socket(&self, connection: &str) -> Result<()> {
        forget(&self.0, connection).await
    }

    pub async fn line(&self, connection: &str, origin: Origin) -> Result<Line> {
        let connection = self.0.own.table.get(keys::connection(connection)).await?.ok_or(Error::Unauthenticated)?;
        Ok(Line { connection, backend: self.clone(), origin })
    }

    /// Counts a frame of this connection; whoever sends too many in a second is told to slow down.
    /// Each process counts for itself: in the cloud the API's own throttling bounds what reaches them together.
    pub fn count_frame(&self, connection: &str) -> Result<()> {
        let second = self.now().as_second();
        let mut frames = self.0.frames.lock().map_err(|_| Error::internal("the frame counter was left in pieces"))?;
        if frames.0 != second {
            *frames = (second, std::collections::HashMap::new());
        }
        let count = frames.1.entry(connection.to_owned()).or_default();
        *count += 1;
        if *count > limits::FRAMES_A_SECOND { Err(Error::TooMany { seconds: 1 }) } else { Ok(()) }
    }

    /// Sends to one connection, as the answer to its frame.
    pub async fn post_to(&self, connection: &str, payload: &impl Serialize) -> Result<()> {
        let bytes = serde_json::to_vec(payload).map_err(Error::internal)?;
        post(&self.0, connection, bytes).await
    }
}

impl Line {
    /// Session, membership and permission are read anew for every frame: what was taken away a moment ago is gone.
    pub async fn can<P: Permission>(&self) -> Result<Can<P>> {
        let Connection { user, session, organization, .. } = &self.connection;
        let pass = Pass::of_session(user, organization, session);
        Caller::identify(&self.backend, &pass, self.origin.clone(), Vec::new()).await?.can::<P>().await
    }
}

async fn forget(inner: &std::sync::Arc<Inner>, id: &str) -> Result<()> {
    let Some(connection) = inner.own.table.get::<Connection>(keys::connection(id)).await? else { return Ok(()) };
    let backend = Backend(inner.clone());
    backend.system(&connection.organization).commit(connection.close()).await
}

/// Sends to one connection. One that is gone is forgotten and is no error.
async fn post(inner: &std::sync::Arc<Inner>, connection: &str, bytes: Vec<u8>) -> Result<()> {
    let sent = inner.sockets().post_to_connection().connection_id(connection).data(Blob::new(bytes)).send().await;
    match sent {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(error)) if error.err().is_gone_exception() => {
            let kept = inner.own.table.get::<Connection>(keys::connection(connection)).await?;
            // One that is just being opened is not there yet, and is not gone
            match kept.filter(|kept| inner.clock.now() >= kept.since + limits::SOCKET_OPENING) {
                Some(_) => forget(inner, connection).await,
                None => Ok(()),
            }
        }
        Err(error) => Err(crate::table::failed(error)),
    }
}

async fn hang_up(inner: &std::sync::Arc<Inner>, connection: &str) -> Result<()> {
    match inner.sockets().delete_connection().connection_id(connection).send().await {
        Ok(_) => {}
        Err(SdkError::ServiceError(error)) if error.err().is_gone_exception() => {}
        Err(error) => return Err(crate::table::failed(error)),
    }
    forget(inner, connection).await
}

impl Room {
    /// Sends one payload to many connections, some at a time. What cannot be reached catches up when it comes back.
    pub(crate) async fn push(&self, connections: impl IntoIterator<Item = String>, payload: &Value) {
        let bytes = payload.to_string().into_bytes();
        let posts = connections.into_iter().take(limits::FAN_OUT).map(|connection| {
            let bytes = bytes.clone();
            async move {
                if let Err(error) = post(&self.inner, &connection, bytes).await {
                    tracing::warn!(connection, error = %error, "a connection could not be reached");
                }
            }
        });
        stream::iter(posts).buffer_unordered(limits::FAN_OUT_AT_ONCE).collect::<()>().await;
    }

    pub(crate) async fn sockets_of(&self, user: &UserId) -> Result<Vec<Socket>> {
        self.all(keys::sockets_of(&self.tenant, user), limits::FAN_OUT, false).await
    }

    pub(crate) async fn push_to_users(&self, users: &[UserId], payload: &Value) -> Result<()> {
        let sockets = futures_util::future::try_join_all(users.iter().map(|user| self.sockets_of(user))).await?;
        self.push(sockets.into_iter().flatten().map(|socket| socket.connection), payload).await;
        Ok(())
    }

    /// Online when any connection is, away when all that are open are away.
    pub(crate) async fn presence(&self, user: &UserId) -> Result<Presence> {
        let sockets = self.sockets_of(user).await?;
        Ok(match sockets.iter().map(|socket| socket.presence).collect::<Vec<_>>().as_slice() {
            [] => Presence::Offline,
            open if open.contains(&Presence::Online) => Presence::Online,
            _ => Presence::Away,
        })
    }
}

impl System {
    pub async fn push_to_user(&self, user: &UserId, payload: &Value) -> Result<()> {
        self.room.push_to_users(std::slice::from_ref(user), payload).await
    }

    /// Sends to every connection that has this on its screen, to guests what is for guests.
    pub async fn push_to_watchers(&self, topic: &str, payload: impl Fn(Role) -> Result<Value>) -> Result<()> {
        let watches = self.all(keys::watches(self.tenant(), topic), limits::FAN_OUT).await?;
        let (guests, others): (Vec<_>, Vec<_>) = watches.into_iter().partition(|watch| watch.role == Role::Guest);
        for (watches, role) in [(others, Role::Member), (guests, Role::Guest)].into_iter().filter(|(watches, _)| !watches.is_empty()) {
            self.room.push(watches.into_iter().map(|watch| watch.connection), &payload(role)?).await;
        }
        Ok(())
    }

    pub async fn presence(&self, user: &UserId) -> Result<Presence> {
        self.room.presence(user).await
    }

    /// Closes every connection of a person to this organisation.
    pub async fn hang_up_on(&self, user: &UserId) -> Result<()> {
        self.hang_up_each(connections(self.room.sockets_of(user).await?)).await
    }

    /// Closes every connection to this organisation.
    pub async fn hang_up_on_all(&self) -> Result<()> {
        self.hang_up_each(connections(self.all(keys::sockets(self.tenant()), limits::HANG_UP).await?)).await
    }

    /// Closes the connections of a session that has ended.
    pub async fn hang_up(&self, session: &Session) -> Result<()> {
        let sockets = self.room.sockets_of(&session.user).await?;
        let keys = sockets.iter().map(|socket| keys::connection(&socket.connection)).collect();
        let open: Vec<Connection> = self.room.get_many(keys).await?;
        self.hang_up_each(open.into_iter().filter(|connection| connection.session == session.id).map(|connection| connection.id)).await
    }

    /// Some at a time. One that fails leaves none of the others open, and is tried again with all.
    async fn hang_up_each(&self, connections: impl IntoIterator<Item = String>) -> Result<()> {
        let inner = &self.room.inner;
        let closing = connections.into_iter().map(|connection| async move { hang_up(inner, &connection).await });
        let closed: Vec<Result<()>> = stream::iter(closing).buffer_unordered(limits::FAN_OUT_AT_ONCE).collect().await;
        closed.into_iter().collect()
    }
}

fn connections(sockets: Vec<Socket>) -> impl Iterator<Item = String> {
    sockets.into_iter().map(|socket| socket.connection)
}

impl Can<Connect> {
    /// Puts a screen on the list of those that see changes of a topic.
    pub async fn watch(&self, line: &Line, topic: &str) -> Result<()> {
        self.commit(line.connection.watch(topic)?).await
    }

    pub async fn unwatch(&self, line: &Line, topic: &str) -> Result<()> {
        self.commit(line.connection.unwatch(topic)).await
    }

    pub async fn set_presence(&self, line: &Line, presence: Presence) -> Result<()> {
        self.commit(line.connection.show(presence)).await
    }
}
