//! Conversations over HTTP; the same conversations are live over the WebSocket.

mod conversation;
mod message;

use backend::door::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(conversation::list, conversation::start))
        .routes(routes!(conversation::get))
        .routes(routes!(message::history, message::send))
        .routes(routes!(message::mark))
        .routes(routes!(conversation::ticket))
}
