use backend::{
    chat::ConversationView,
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::Problem,
    sockets::TicketView,
    web::{All, Answer, Body, List, Path},
};
use domain::{
    Error,
    conversation::{Conversation, ConversationDraft, DirectPair},
    id::ConversationId,
    organization::Standing,
    policy::{Converse, StartConversations},
};
use http::StatusCode;

/// My conversations, with the last message and what I have not seen.
#[utoipa::path(get, path = "/api/v1/conversations", operation_id = "list_conversations", tag = "chat", params(PageQuery), responses((status = 200, body = Page<ConversationView>)))]
pub async fn list(can: Can<Converse>, list: List<All>) -> Result<Answer, Problem> {
    let page = can.conversations(&list.paging).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for (conversation, mine) in page.items {
        items.push(can.view(conversation, mine).await?);
    }
    Ok(Answer::ok(&Page { items, next: page.next })?)
}

/// One conversation.
#[utoipa::path(get, path = "/api/v1/conversations/{conversation}", operation_id = "get_conversation", tag = "chat", params(("conversation" = ConversationId, Path)), responses((status = 200, body = ConversationView)))]
pub async fn get(can: Can<Converse>, Path(id): Path<ConversationId>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&can.view_of(&id).await?)?)
}

/// Start a one-to-one conversation, or get the one there is.
#[utoipa::path(post, path = "/api/v1/conversations", operation_id = "start_conversation", tag = "chat", request_body = ConversationDraft, responses((status = 200, body = Conversation, description = "There was one"), (status = 201, body = Conversation)))]
pub async fn start(can: Can<StartConversations>, Body(draft): Body<ConversationDraft>) -> Result<Answer, Problem> {
    let other = can.get(keys::member(can.tenant(), &draft.with)).await?;
    other
        .filter(|member| member.standing == Standing::Active)
        .ok_or_else(|| Error::invalid("/with", "is not a member of this organisation"))?;
    let id = ConversationId::new(can.now(), can.random());
    let (conversation, commit) = Conversation::direct(id, can.user(), &draft.with, can.now())?;
    let answer = Answer::created(format_args!("/api/v1/conversations/{}", conversation.id), &conversation)?;
    match can.answer(commit, answer).await {
        Err(Error::Conflict(_)) => {
            let pair: DirectPair = can.find(keys::direct_pair(can.tenant(), can.user(), &draft.with), "conversation").await?;
            let conversation: Conversation = can.find(keys::conversation(can.tenant(), &pair.conversation), "conversation").await?;
            Ok(Answer::json(StatusCode::OK, &conversation)?)
        }
        other => Ok(other?),
    }
}

/// Get a ticket that opens one WebSocket, once and within 30 seconds.
///
/// Over it, frames are JSON objects with an `action`: `send`, `mark`, `typing`, `presence`, `history`, `watch`, `unwatch` or `ping`.
/// An `id` in a frame comes back in its answer. The README lists every frame and event.
#[utoipa::path(post, path = "/api/v1/socket-tickets", operation_id = "create_socket_ticket", tag = "chat", responses((status = 200, body = TicketView)))]
pub async fn ticket(can: Can<Converse>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&can.socket_ticket().await?)?)
}
