//! Conversations over HTTP; the same conversations are live over the WebSocket.

mod conversation;
mod message;

backend::operations! {
    conversation::list, conversation::start,
    conversation::get,
    message::history, message::send,
    message::mark,
    conversation::ticket,
}
