//! Conversations, their messages in one order, who has seen them, and the connections they are heard over.

use crate::{Error, Result, Timestamp, commit::Commit, id::*, limits, policy::Role, text::*};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Audience {
    /// Two people.
    Direct { members: [UserId; 2] },
    /// Everybody in the organisation but guests.
    Everyone { name: Line },
}

impl Audience {
    pub fn admits(&self, user: &UserId, role: Role) -> bool {
        match self {
            Self::Direct { members } => members.contains(user),
            Self::Everyone { .. } => role != Role::Guest,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    pub author: UserId,
    pub author_name: String,
    pub text: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    pub id: ConversationId,
    pub audience: Audience,
    /// The number of its last message; its messages are numbered from 1 without a gap.
    pub last_seq: u64,
    pub last: Option<Preview>,
    pub created_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversationDraft {
    /// The person to talk to.
    pub with: UserId,
}

/// Makes a one-to-one conversation unique between two people, whoever begins it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectPair {
    pub first: UserId,
    pub second: UserId,
    pub conversation: ConversationId,
}

impl DirectPair {
    /// The two in their one order.
    pub fn order<'a>(a: &'a UserId, b: &'a UserId) -> (&'a UserId, &'a UserId) {
        if a < b { (a, b) } else { (b, a) }
    }
}

/// What a person has of a conversation: how far it was delivered to them and how far they have seen it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Participation {
    pub conversation: ConversationId,
    pub user: UserId,
    pub delivered: u64,
    pub seen: u64,
    pub since: Timestamp,
    pub version: u64,
}

impl Participation {
    pub fn new(conversation: &ConversationId, user: &UserId, now: Timestamp) -> Self {
        Self { conversation: conversation.clone(), user: user.clone(), delivered: 0, seen: 0, since: now, version: 1 }
    }

    /// Moves the marks forward, never back and never past the last message; nothing to write gives `None`.
    pub fn mark(&self, delivered: u64, seen: u64, last: u64) -> Option<Self> {
        let seen = self.seen.max(seen.min(last));
        let delivered = self.delivered.max(delivered.min(last)).max(seen);
        let moved = delivered > self.delivered || seen > self.seen;
        moved.then(|| Self { delivered, seen, version: self.version + 1, ..self.clone() })
    }
}

impl Conversation {
    pub fn channel(id: ConversationId, name: Line, now: Timestamp) -> Self {
        Self { id, audience: Audience::Everyone { name }, last_seq: 0, last: None, created_at: now, version: 1 }
    }

    pub fn direct(id: ConversationId, by: &UserId, with: &UserId, now: Timestamp) -> Result<(Self, Commit)> {
        if by == with {
            return Err(Error::invalid("/with", "is yourself"));
        }
        let (first, second) = DirectPair::order(by, with);
        let audience = Audience::Direct { members: [first.clone(), second.clone()] };
        let conversation = Self { id: id.clone(), audience, last_seq: 0, last: None, created_at: now, version: 1 };
        let commit = Commit::create("conversation.created", conversation.clone())
            .also_create(DirectPair { first: first.clone(), second: second.clone(), conversation: id.clone() })
            .also_create(Participation::new(&id, first, now))
            .also_create(Participation::new(&id, second, now));
        Ok((conversation, commit))
    }

    /// Takes the next number for a message and stores both, so that all see one order without a gap.
    pub fn say(&self, id: MessageId, author: &UserId, author_name: &str, draft: MessageDraft, now: Timestamp) -> (Message, Commit) {
        let message = Message {
            id,
            conversation: self.id.clone(),
            seq: self.last_seq + 1,
            author: author.clone(),
            author_name: author_name.to_owned(),
            text: draft.text,
            nonce: draft.nonce,
            at: now,
            version: 1,
        };
        let after = Self {
            last_seq: message.seq,
            last: Some(Preview {
                author: author.clone(),
                author_name: author_name.to_owned(),
                text: message.text.as_str().chars().take(120).collect(),
                at: now,
            }),
            version: self.version + 1,
            ..self.clone()
        };
        // The trail says that somebody spoke, not what: a private conversation is not for auditors
        let mut commit = Commit::noted("message.sent", &message).also_replace(self.version, after).also_create(message.clone());
        if let Some(nonce) = &message.nonce {
            commit = commit.also_create(Sent {
                conversation: self.id.clone(),
                author: author.clone(),
                nonce: nonce.clone(),
                seq: message.seq,
                expires: (now + limits::IDEMPOTENCY_KEPT).as_second(),
            });
        }
        (message, commit)
    }
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageDraft {
    pub text: Utterance,
    /// Chosen by the client; sending again with the same nonce within a day does not say it twice.
    pub nonce: Option<Label>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    pub id: MessageId,
    pub conversation: ConversationId,
    pub seq: u64,
    pub author: UserId,
    pub author_name: String,
    pub text: Utterance,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Label>,
    pub at: Timestamp,
    pub version: u64,
}

/// Remembers a nonce for a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    pub conversation: ConversationId,
    pub author: UserId,
    pub nonce: Label,
    pub seq: u64,
    pub expires: i64,
}

/// Lets one connection be opened, once and within 30 seconds, without a token in an address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    pub hash: String,
    pub user: UserId,
    pub organization: OrganizationId,
    pub session: SessionId,
    pub ends_at: Timestamp,
    pub expires: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    Online,
    Away,
    Offline,
}

/// An open WebSocket, found by its connection id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    pub id: String,
    pub user: UserId,
    pub organization: OrganizationId,
    pub session: SessionId,
    pub role: Role,
    pub since: Timestamp,
    pub watches: Vec<String>,
    pub version: u64,
    pub expires: i64,
}

/// The same connection, found by its organisation and person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Socket {
    pub user: UserId,
    pub connection: String,
    /// What the person was when it was opened: a guest does not hear the channels.
    pub role: Role,
    pub presence: Presence,
    pub expires: i64,
}

/// A connection that has a screen open on which changes of this topic are seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    pub topic: String,
    pub connection: String,
    /// What the person was when the connection was opened: a guest is shown less.
    pub role: Role,
    pub expires: i64,
}

/// A connection lives two hours at the most.
const CONNECTION: jiff::SignedDuration = jiff::SignedDuration::from_mins(125);

impl Connection {
    pub fn open(id: String, ticket: &Ticket, role: Role, now: Timestamp) -> (Self, Commit) {
        let expires = (now + CONNECTION).as_second();
        let connection = Self {
            id: id.clone(),
            user: ticket.user.clone(),
            organization: ticket.organization.clone(),
            session: ticket.session.clone(),
            role,
            since: now,
            watches: Vec::new(),
            version: 1,
            expires,
        };
        let commit =
            Commit::quiet().also_take(ticket.clone()).also_create(connection.clone()).also_put(connection.socket(Presence::Online));
        (connection, commit)
    }

    pub fn socket(&self, presence: Presence) -> Socket {
        Socket { user: self.user.clone(), connection: self.id.clone(), role: self.role, presence, expires: self.expires }
    }

    /// Holds only while the connection does, so that one that just closed is not left behind as somebody's presence.
    pub fn show(&self, presence: Presence) -> Commit {
        let after = Self { version: self.version + 1, ..self.clone() };
        Commit::quiet().also_put(self.socket(presence)).also_replace(self.version, after)
    }

    fn watch_record(&self, topic: &str) -> Watch {
        Watch { topic: topic.to_owned(), connection: self.id.clone(), role: self.role, expires: self.expires }
    }

    pub fn watch(&self, topic: &str) -> Result<Commit> {
        if self.watches.iter().any(|known| known == topic) {
            return Ok(Commit::quiet());
        }
        if self.watches.len() >= limits::WATCHES {
            return Err(Error::Conflict(format!("a connection watches {} things at the most", limits::WATCHES)));
        }
        let mut after = Self { version: self.version + 1, ..self.clone() };
        after.watches.push(topic.to_owned());
        Ok(Commit::quiet().also_put(self.watch_record(topic)).also_replace(self.version, after))
    }

    pub fn unwatch(&self, topic: &str) -> Commit {
        let mut after = Self { version: self.version + 1, ..self.clone() };
        after.watches.retain(|known| known != topic);
        Commit::quiet().also_remove(self.watch_record(topic)).also_replace(self.version, after)
    }

    pub fn close(&self) -> Commit {
        let commit = Commit::quiet().also_remove(self.clone()).also_remove(self.socket(Presence::Offline));
        self.watches.iter().fold(commit, |commit, topic| commit.also_remove(self.watch_record(topic)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_only_move_forward_and_never_past_the_last_message(steps in prop::collection::vec((0u64..50, 0u64..50, 0u64..40), 1..30)) {
            let now = Timestamp::UNIX_EPOCH;
            let mut mine = Participation::new(&ConversationId::new(now, 1), &UserId::new(now, 2), now);
            let mut last = 0;
            for (delivered, seen, more) in steps {
                last = last.max(more);
                let before = mine.clone();
                if let Some(after) = mine.mark(delivered, seen, last) {
                    prop_assert!(after.delivered >= before.delivered && after.seen >= before.seen && after != before);
                    mine = after;
                }
                prop_assert!(mine.seen <= mine.delivered && mine.delivered <= last);
            }
        }
    }
}
