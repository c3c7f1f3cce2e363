//! Speaking in a conversation, over HTTP or a WebSocket alike: stored first, then sent at once to whoever listens.

use crate::{
    door::Can,
    keys,
    page::{Page, Paging},
    web::Answer,
};
use domain::{
    Error, Result,
    conversation::{Audience, Conversation, Message, MessageDraft, Participation, Presence},
    id::*,
    limits,
    policy::Converse,
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A conversation as one of its people sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConversationView {
    #[serde(flatten)]
    pub conversation: Conversation,
    /// What the caller has not seen yet.
    pub unread: u64,
    pub delivered: u64,
    pub seen: u64,
    /// How far each of the others has it, in a one-to-one conversation.
    pub others: Vec<Participation>,
    /// Whether the other one is there, in a one-to-one conversation.
    pub presence: Option<Presence>,
}

/// What was said, now or before.
pub struct Said {
    pub message: Message,
    pub answer: Answer,
    audience: Audience,
    new: bool,
}

fn answer(message: &Message) -> Result<Answer> {
    let before = message.seq - 1;
    Answer::created(format_args!("/api/v1/conversations/{}/messages?after={before}&limit=1", message.conversation), message)
}

impl Can<Converse> {
    /// The conversation, if the caller is in it; for others it does not exist.
    pub async fn conversation(&self, id: &ConversationId) -> Result<Conversation> {
        let conversation: Conversation = self.find(keys::conversation(self.tenant(), id), "conversation").await?;
        if conversation.audience.admits(self.user(), self.role()) { Ok(conversation) } else { Err(Error::NotFound("conversation")) }
    }

    /// The conversations the caller is in.
    pub async fn conversations(&self, paging: &Paging) -> Result<Page<(Conversation, Participation)>> {
        let page = self.list(keys::participations(self.tenant(), self.user()), paging, true).await?;
        let keys = page.items.iter().map(|mine: &Participation| keys::conversation(self.tenant(), &mine.conversation)).collect();
        let conversations: Vec<Conversation> = self.get_many(keys).await?;
        let mut mine = page.items;
        let heard = conversations.into_iter().filter(|conversation| conversation.audience.admits(self.user(), self.role()));
        let items = heard.filter_map(|conversation| {
            let place = mine.iter().position(|mine| mine.conversation == conversation.id)?;
            Some((conversation, mine.swap_remove(place)))
        });
        Ok(Page { items: items.collect(), next: page.next })
    }

    async fn participation(&self, id: &ConversationId) -> Result<Participation> {
        let mine = self.get(keys::participation(self.tenant(), self.user(), id)).await?;
        Ok(mine.unwrap_or_else(|| Participation::new(id, self.user(), self.now())))
    }

    /// One conversation with what the caller and the others have of it.
    pub async fn view(&self, conversation: Conversation, mine: Participation) -> Result<ConversationView> {
        let mut view = ConversationView {
            unread: conversation.last_seq - mine.seen.min(conversation.last_seq),
            delivered: mine.delivered,
            seen: mine.seen,
            others: Vec::new(),
            presence: None,
            conversation,
        };
        if let Audience::Direct { members } = &view.conversation.audience
            && let Some(other) = members.iter().find(|member| *member != self.user())
        {
            view.others.extend(self.get(keys::participation(self.tenant(), other, &view.conversation.id)).await?);
            view.presence = Some(self.room.presence(other).await?);
        }
        Ok(view)
    }

    pub async fn view_of(&self, id: &ConversationId) -> Result<ConversationView> {
        let conversation = self.conversation(id).await?;
        let mine = self.participation(id).await?;
        self.view(conversation, mine).await
    }

    /// Messages before `before` (latest first) or after `after` (oldest first).
    pub async fn history(&self, id: &ConversationId, before: Option<u64>, after: Option<u64>, limit: usize) -> Result<Vec<Message>> {
        let conversation = self.conversation(id).await?;
        let limit = limit as u64;
        match (before, after) {
            (Some(_), Some(_)) => Err(Error::invalid("after", "is given together with before")),
            (_, Some(after)) => {
                let to = after.saturating_add(limit).min(conversation.last_seq);
                if to <= after {
                    Ok(Vec::new())
                } else {
                    self.all(keys::messages(self.tenant(), id, after + 1, to), limits::PAGE_MOST).await
                }
            }
            (before, None) => {
                let to = before.unwrap_or(u64::MAX).min(conversation.last_seq + 1).saturating_sub(1);
                if to == 0 {
                    return Ok(Vec::new());
                }
                self.latest(keys::messages(self.tenant(), id, (to + 1).saturating_sub(limit).max(1), to), limits::PAGE_MOST).await
            }
        }
    }

    /// Says something. Whoever speaks at the same time takes the next number; nobody's words are lost or doubled.
    async fn say(&self, id: &ConversationId, draft: MessageDraft) -> Result<Said> {
        let _turn = self.turn(id.as_str()).await;
        let mut conversation = self.conversation(id).await?;
        for tries in 0..limits::RACE_TRIES {
            let message_id = MessageId::new(self.now(), self.random());
            let (message, commit) = conversation.say(message_id, self.user(), self.name(), draft.clone(), self.now());
            let answer = answer(&message)?;
            let own = answer.body.clone();
            match self.answer(commit, answer).await {
                // With another body it is the answer to the same request made before
                Ok(answer) => return Ok(Said { new: answer.body == own, message, answer, audience: conversation.audience }),
                // Said before with the same nonce, or somebody else took the number: look again
                Err(Error::Conflict(_) | Error::Stale { .. }) => {
                    if let Some(message) = self.said_before(id, draft.nonce.as_ref().map(|nonce| nonce.as_str())).await? {
                        return Ok(Said { new: false, answer: self::answer(&message)?, message, audience: conversation.audience });
                    }
                    self.step_aside(tries).await;
                    conversation = self.conversation(id).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::Busy("too many speak in this conversation at once".into()))
    }

    async fn said_before(&self, id: &ConversationId, nonce: Option<&str>) -> Result<Option<Message>> {
        let Some(nonce) = nonce else { return Ok(None) };
        match self.get(keys::sent(self.tenant(), id, self.user(), nonce)).await? {
            Some(sent) => self.get(keys::message(self.tenant(), id, sent.seq)).await,
            None => Ok(None),
        }
    }

    /// Sends to every open connection of those a conversation is for.
    pub async fn tell(&self, audience: &Audience, payload: &Value) -> Result<()> {
        match audience {
            Audience::Direct { members } => self.room.push_to_users(members, payload).await,
            Audience::Everyone { .. } => {
                let sockets = self.all(keys::sockets(self.tenant()), limits::FAN_OUT).await?;
                let admitted = sockets.into_iter().filter(|socket| audience.admits(&socket.user, socket.role));
                self.room.push(admitted.map(|socket| socket.connection), payload).await;
                Ok(())
            }
        }
    }

    /// Says it and sends it: what both doors of a conversation do.
    pub async fn speak(&self, id: &ConversationId, draft: MessageDraft) -> Result<Said> {
        let said = self.say(id, draft).await?;
        if said.new
            && let Err(error) = self.tell(&said.audience, &json!({ "event": "message", "message": said.message })).await
        {
            // It is stored; who cannot be told now asks for what is missing later
            crate::problem::log(&error);
        }
        Ok(said)
    }

    /// Moves the caller's marks forward and lets the others see it.
    pub async fn mark(&self, id: &ConversationId, delivered: u64, seen: u64) -> Result<Participation> {
        let conversation = self.conversation(id).await?;
        for _ in 0..limits::RACE_TRIES {
            let kept = self.get(keys::participation(self.tenant(), self.user(), id)).await?;
            let mine = kept.clone().unwrap_or_else(|| Participation::new(id, self.user(), self.now()));
            let Some(after) = mine.mark(delivered, seen, conversation.last_seq) else { return Ok(mine) };
            let commit = domain::commit::Commit::quiet();
            let commit = if kept.is_some() { commit.also_replace(mine.version, after.clone()) } else { commit.also_create(after.clone()) };
            match self.commit(commit).await {
                Ok(()) => {
                    if let Audience::Direct { .. } = conversation.audience {
                        self.tell(&conversation.audience, &json!({ "event": "marked", "participation": after })).await?;
                    }
                    return Ok(after);
                }
                Err(Error::Stale { .. } | Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Busy("the marks of this conversation keep changing".into()))
    }

    /// Lets the others see that the caller is writing; nothing of it is kept.
    pub async fn typing(&self, id: &ConversationId) -> Result<()> {
        let conversation = self.conversation(id).await?;
        let payload = json!({ "event": "typing", "conversation": id, "user": self.user(), "name": self.name() });
        match &conversation.audience {
            Audience::Direct { members } => {
                let others: Vec<_> = members.iter().filter(|member| *member != self.user()).cloned().collect();
                self.room.push_to_users(&others, &payload).await
            }
            Audience::Everyone { .. } => self.tell(&conversation.audience, &payload).await,
        }
    }
}
