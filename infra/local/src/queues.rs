//! The embedded SQS: messages wait, are received for a while, and come back or go to the dead letters.
//!
//! Queues, visibility and dead letters are winterbaume's. It reads real time, so its times are moved when time is moved.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
    time::Duration,
};

use serde::Serialize;
use serde_json::json;
use tokio::sync::Notify;
use winterbaume_sqs::{
    SqsState,
    state::{QueueState, SendMessageOutcome},
    types::{Message, MessageAttribute},
};

use crate::{
    Error,
    aws::{ACCOUNT, REGION, queue_arn},
    clock::{real_millis, saturating_millis},
    lock,
    template::{RedrivePolicy, Template},
};

/// A failed message comes back after this long for each time it was received: in the cloud it would be minutes.
const BACKOFF: Duration = Duration::from_millis(200);

pub(crate) struct Queues {
    state: Mutex<SqsState>,
    /// Wakes the consumer of a queue that has one.
    sent: BTreeMap<String, Notify>,
    /// After how many times a message that failed is a dead letter.
    last: HashMap<String, u32>,
}

/// How many messages a queue has.
#[derive(Debug, Default, Serialize, PartialEq, Eq)]
pub(crate) struct Depth {
    pub visible: usize,
    /// Being handled, or waiting to be tried again.
    pub in_flight: usize,
    /// Sent for later.
    pub delayed: usize,
}

impl Queues {
    pub fn new(template: &Template) -> Result<Self, Error> {
        let mut state = SqsState::default();
        let mut last = HashMap::new();
        for (name, queue) in &template.queues {
            let mut attributes = HashMap::from([("VisibilityTimeout".to_owned(), queue.visibility_timeout.to_string())]);
            if let Some(RedrivePolicy { queue: dead_letters, max_receive_count }) = &queue.redrive_policy {
                let policy = json!({ "deadLetterTargetArn": queue_arn(dead_letters), "maxReceiveCount": max_receive_count });
                attributes.insert("RedrivePolicy".to_owned(), policy.to_string());
                last.insert(name.clone(), *max_receive_count);
            }
            state.create_queue(name, REGION, ACCOUNT, &attributes, None)?;
        }
        let consumed = template.consumers.iter().map(|consumer| consumer.event.queue.clone());
        Ok(Self { state: Mutex::new(state), sent: consumed.map(|queue| (queue, Notify::new())).collect(), last })
    }

    pub fn send(
        &self,
        queue: &str,
        body: &str,
        delay_seconds: u32,
        attributes: HashMap<String, MessageAttribute>,
    ) -> Result<SendMessageOutcome, Error> {
        let sent = lock(&self.state).send_message(queue, body, Some(delay_seconds), attributes, None, None)?;
        if let Some(notify) = self.sent.get(queue) {
            notify.notify_one();
        }
        Ok(sent)
    }

    pub fn receive(&self, queue: &str, most: usize) -> Vec<Message> {
        let received = lock(&self.state).receive_message(queue, most, None);
        received.unwrap_or_else(|error| {
            tracing::error!(%error, queue, "nothing can be received");
            Vec::new()
        })
    }

    /// Deletes what was handled; what failed comes back soon, or at once if it is on its way to the dead letters.
    pub fn settle(&self, queue: &str, received: &[Message], failed: impl Fn(&str) -> bool) {
        let mut state = lock(&self.state);
        let Some(QueueState { messages, .. }) = state.queues.get_mut(queue) else { return };
        for Message { message_id, .. } in received {
            let Some(index) = messages.iter().position(|message| message.message_id == *message_id) else { continue };
            if failed(message_id) {
                let count = messages[index].approximate_receive_count;
                let is_last = self.last.get(queue).is_some_and(|last| count >= *last);
                let wait = if is_last { Duration::ZERO } else { BACKOFF * count };
                messages[index].visible_at = real_millis() + saturating_millis(wait);
            } else {
                messages.remove(index);
            }
        }
    }

    /// Returns when something may be there to receive.
    pub async fn wait(&self, queue: &str) {
        let Some(sent) = self.sent.get(queue) else { return std::future::pending().await };
        let next = {
            let state = lock(&self.state);
            state.queues.get(queue).and_then(|queue| queue.messages.iter().map(|message| message.visible_at).min())
        };
        match next {
            Some(next) => {
                let wait = Duration::from_millis((next - real_millis()).try_into().unwrap_or(0));
                let _ = tokio::time::timeout(wait, sent.notified()).await;
            }
            None => sent.notified().await,
        }
    }

    /// Time has moved: what was sent for later is nearer by as much.
    pub fn advance(&self, by: Duration) {
        let mut state = lock(&self.state);
        let messages = state.queues.values_mut().flat_map(|queue| &mut queue.messages);
        for message in messages.filter(|message| message.approximate_receive_count == 0) {
            message.visible_at = message.visible_at.saturating_sub(saturating_millis(by));
        }
        drop(state);
        self.sent.values().for_each(Notify::notify_one);
    }

    pub fn depths(&self) -> BTreeMap<String, Depth> {
        let now = real_millis();
        let depth = |queue: &QueueState| {
            let mut depth = Depth::default();
            for message in &queue.messages {
                match message {
                    message if message.visible_at <= now => depth.visible += 1,
                    message if message.approximate_receive_count > 0 => depth.in_flight += 1,
                    _ => depth.delayed += 1,
                }
            }
            depth
        };
        let state = lock(&self.state);
        state.queues.iter().map(|(name, queue)| (name.clone(), depth(queue))).collect()
    }

    /// The queues with something to do now. What nobody consumes, such as dead letters, does not count.
    pub fn busy(&self) -> Vec<String> {
        let depths = self.depths().into_iter().filter(|(name, _)| self.sent.contains_key(name));
        depths.filter(|(_, depth)| depth.visible + depth.in_flight > 0).map(|(name, depth)| format!("{name} has {depth:?}")).collect()
    }

    /// Nothing waits for a consumer, now or later.
    pub fn are_empty(&self) -> bool {
        let state = lock(&self.state);
        state.queues.iter().all(|(name, queue)| !self.sent.contains_key(name) || queue.messages.is_empty())
    }
}
