use backend::{
    door::Can,
    page::Page,
    problem::Problem,
    web::{Answer, Body, List, Path},
};
use domain::{
    Error, Result,
    conversation::{Message, MessageDraft, Participation},
    id::ConversationId,
    policy::Converse,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HistoryFilter {
    /// Messages numbered lower, the latest first.
    #[param(value_type = Option<u64>)]
    before: Option<String>,
    /// Messages numbered higher, the oldest first: what a client that was away has missed.
    #[param(value_type = Option<u64>)]
    after: Option<String>,
    /// Most messages to return.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 50)]
    #[serde(rename = "limit")]
    _limit: Option<String>,
}

fn number(name: &str, text: Option<&str>) -> Result<Option<u64>> {
    text.map(|text| text.parse().map_err(|_| Error::invalid(name, "is not the number of a message"))).transpose()
}

/// Messages of a conversation, both ways; without a filter the latest.
#[utoipa::path(get, path = "/api/v1/conversations/{conversation}/messages", operation_id = "list_messages", tag = "chat", params(("conversation" = ConversationId, Path), HistoryFilter), responses((status = 200, body = Page<Message>)))]
pub async fn history(
    can: Can<Converse>,
    Path(id): Path<ConversationId>,
    List { filter, paging }: List<HistoryFilter>,
) -> Result<Answer, Problem> {
    let (before, after) = (number("before", filter.before.as_deref())?, number("after", filter.after.as_deref())?);
    let items = can.history(&id, before, after, paging.limit()).await?;
    Ok(Answer::ok(&Page { items, next: None })?)
}

/// Say something in a conversation.
#[utoipa::path(post, path = "/api/v1/conversations/{conversation}/messages", operation_id = "send_message", tag = "chat", params(("conversation" = ConversationId, Path)), request_body = MessageDraft, responses((status = 201, body = Message)))]
pub async fn send(can: Can<Converse>, Path(id): Path<ConversationId>, Body(draft): Body<MessageDraft>) -> Result<Answer, Problem> {
    Ok(can.speak(&id, draft).await?.answer)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Marks {
    /// The number of the last message that reached this person's device.
    #[serde(default)]
    delivered: u64,
    /// The number of the last message this person has seen.
    #[serde(default)]
    seen: u64,
}

/// Mark messages as delivered to me and seen by me; marks never move back.
#[utoipa::path(put, path = "/api/v1/conversations/{conversation}/marks", operation_id = "mark_messages", tag = "chat", params(("conversation" = ConversationId, Path)), request_body = Marks, responses((status = 200, body = Participation)))]
pub async fn mark(can: Can<Converse>, Path(id): Path<ConversationId>, Body(marks): Body<Marks>) -> Result<Answer, Problem> {
    Ok(Answer::record(&can.mark(&id, marks.delivered, marks.seen).await?)?)
}
