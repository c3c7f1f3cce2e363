//! What a person is told, and why.

use crate::{
    Timestamp,
    access::Access,
    account::User,
    api_key::ApiKey,
    commit::{Change, Commit, Kept, Subject},
    id::*,
    invitation::Invitation,
    limits,
    organization::Membership,
    preferences::Channels,
    settings::Settings,
    task::{Comment, Task},
    timer::{Purpose, Timer},
    webhook::{PauseReason, Webhook},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

// From text as a whole, so that what is wrong below it in a form is found by its name
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum Reason {
    Assigned,
    Commented,
    Moved,
    DueSoon,
    Due,
    /// Somebody asks to join the organisation.
    JoinRequested,
    /// A webhook is told nothing more.
    WebhookPaused,
    /// Keys open nothing more, because whoever answers for them works here no more.
    KeysOrphaned,
}

impl Reason {
    pub const ALL: [Reason; 8] = [
        Reason::Assigned,
        Reason::Commented,
        Reason::Moved,
        Reason::DueSoon,
        Reason::Due,
        Reason::JoinRequested,
        Reason::WebhookPaused,
        Reason::KeysOrphaned,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Commented => "commented",
            Self::Moved => "moved",
            Self::DueSoon => "due_soon",
            Self::Due => "due",
            Self::JoinRequested => "join_requested",
            Self::WebhookPaused => "webhook_paused",
            Self::KeysOrphaned => "keys_orphaned",
        }
    }

    /// How somebody is told who has chosen nothing.
    pub fn channels(self) -> Channels {
        Channels { in_app: true, email: self != Reason::Moved }
    }
}

impl TryFrom<String> for Reason {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == name)
            .ok_or_else(|| format!("has to be one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// One entry of a person's inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    pub id: NotificationId,
    pub user: UserId,
    pub reason: Reason,
    pub subject: Subject,
    #[schema(example = "“Paint the fence” is due")]
    pub text: String,
    pub at: Timestamp,
    /// As the person wanted it then.
    pub channels: Channels,
    /// When quiet hours end that its mail waits for.
    pub mail_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
    pub version: u64,
    /// When it is forgotten, in seconds since 1970.
    pub expires: i64,
}

const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * limits::INBOX_DAYS as i64);

impl Notification {
    fn new(id: NotificationId, user: UserId, reason: Reason, about: &impl Kept, text: String, at: Timestamp) -> Self {
        let subject = about.subject();
        let (channels, expires) = (reason.channels(), (at + KEPT).as_second());
        Self { id, user, reason, subject, text, at, channels, mail_at: None, read_at: None, version: 1, expires }
    }

    /// As somebody wants to be told: by the channels they chose, and by mail not in their quiet hours.
    /// What they want to hear of by no channel is not kept, and what is kept goes when the organisation says.
    pub fn tell(self, user: Option<&User>, settings: &Settings, now: Timestamp) -> Option<Commit> {
        let told = Self { expires: settings.inbox_until(now), ..self };
        let Some(user) = user else { return Some(Commit::quiet().also_create(told)) };
        let channels = user.notifications.channels(told.reason);
        if !channels.in_app && !channels.email {
            return None;
        }
        let quiet = user.quiet_hours.as_ref().filter(|_| channels.email);
        let mail_at = quiet.and_then(|quiet| quiet.until(now, &user.zone));
        let told = Self { channels, mail_at, ..told };
        let timer = told.timer();
        Some(timer.into_iter().fold(Commit::quiet().also_create(told), Commit::also_put))
    }

    /// What waits for the end of somebody's quiet hours, if anything does.
    pub fn timer(&self) -> Option<Timer> {
        let purpose = Purpose::Mail { user: self.user.clone(), notification: self.id.clone() };
        self.mail_at.map(|at| Timer::new(purpose, at))
    }

    pub fn read(self, now: Timestamp) -> (Self, Commit) {
        let after = Self { read_at: self.read_at.or(Some(now)), version: self.version + 1, ..self.clone() };
        let commit = Commit::quiet().also_replace(self.version, after.clone());
        (after, commit)
    }

    /// Whether its mail goes out at once; one that waits has a timer.
    pub fn is_mailed_at_once(&self) -> bool {
        self.channels.email && self.mail_at.is_none()
    }
}

/// The id follows from that of what is told, so that telling twice tells once.
fn id_after(told: &str, prefix: &str) -> Option<NotificationId> {
    told.replace(prefix, NotificationId::PREFIX).parse().ok()
}

/// Who is told of a change, each once and never the one who made it.
pub fn of_change(change: &Change) -> Vec<Notification> {
    let read = |value: &Option<serde_json::Value>| value.clone().and_then(|value| serde_json::from_value::<Task>(value).ok());
    let mut told = Vec::new();
    let mut tell = |user: &UserId, reason, task: &Task, text: String| {
        if change.by.user.as_ref() != Some(user)
            && let Some(id) = id_after(change.id.as_str(), ChangeId::PREFIX)
        {
            told.push(Notification::new(id, user.clone(), reason, task, text, change.at));
        }
    };
    let (before, after) = (read(&change.before), read(&change.after));
    match (change.action.as_str(), before, after) {
        ("task.created" | "task.edited", before, Some(task)) => {
            let had: BTreeSet<_> = before.map(|task| task.assignees).unwrap_or_default().into_iter().collect();
            for user in task.assignees.iter().filter(|user| !had.contains(user)) {
                tell(user, Reason::Assigned, &task, format!("{} gave you “{}”", change.by.name, task.title));
            }
        }
        ("task.moved", _, Some(task)) => {
            for user in people(&task) {
                tell(&user, Reason::Moved, &task, format!("{} moved “{}” to {}", change.by.name, task.title, task.state.as_str()));
            }
        }
        _ => {}
    }
    told
}

/// Who is told of a comment: the task's people, not its author.
pub fn of_comment(change: &Change, comment: &Comment, task: &Task) -> Vec<Notification> {
    let Some(id) = id_after(change.id.as_str(), ChangeId::PREFIX) else { return Vec::new() };
    people(task)
        .into_iter()
        .filter(|user| *user != comment.author)
        .map(|user| {
            let text = format!("{} wrote on “{}”", comment.author_name, task.title);
            Notification::new(id.clone(), user, Reason::Commented, task, text, change.at)
        })
        .collect()
}

/// Those who may answer are told that somebody waits for it.
pub fn of_request(change: &Change, invitation: &Invitation, told: &[UserId]) -> Vec<Notification> {
    let Some(id) = id_after(change.id.as_str(), ChangeId::PREFIX) else { return Vec::new() };
    let text = format!("{} asks to join {}", invitation.email, invitation.organization_name);
    let tell = |user: &UserId| Notification::new(id.clone(), user.clone(), Reason::JoinRequested, invitation, text.clone(), change.at);
    told.iter().map(tell).collect()
}

/// The owners are told that keys open nothing more, because whoever answers for them works here no more.
pub fn of_orphans(change: &Change, maker: &Membership, keys: &[ApiKey], access: &Access) -> Vec<Notification> {
    let (Some(id), [_, ..]) = (id_after(change.id.as_str(), ChangeId::PREFIX), keys) else { return Vec::new() };
    let names: Vec<_> = keys.iter().take(limits::NAMES_TOLD).map(|key| key.name.as_str()).collect();
    let more = if keys.len() > names.len() { ", …" } else { "" };
    let (count, opens, them) =
        if keys.len() == 1 { ("One key".to_owned(), "opens", "it") } else { (format!("{} keys", keys.len()), "open", "them") };
    let text = format!("{count} of {} {opens} nothing more until somebody rotates {them}: {}{more}", maker.name, names.join(", "));
    let owners = access.owners.iter().filter(|owner| **owner != maker.user);
    let tell = |user: &UserId| Notification::new(id.clone(), user.clone(), Reason::KeysOrphaned, maker, text.clone(), change.at);
    owners.map(tell).collect()
}

/// The owners, and whoever set it up, are told that a webhook was paused for them.
pub fn of_paused(change: &Change, webhook: &Webhook, access: &Access) -> Vec<Notification> {
    let Some(id) = id_after(change.id.as_str(), ChangeId::PREFIX) else { return Vec::new() };
    let why = match webhook.paused.as_ref().map(|paused| paused.reason) {
        Some(PauseReason::Gone) => "it answered that it is gone",
        Some(PauseReason::Orphaned) => "whoever made it is no longer active",
        _ => "it took nothing for a day",
    };
    let text = format!("The webhook to {} was paused: {why}", webhook.url);
    let told: BTreeSet<&UserId> = access.owners.iter().chain([&webhook.made_by]).collect();
    let tell = |user: &UserId| Notification::new(id.clone(), user.clone(), Reason::WebhookPaused, webhook, text.clone(), change.at);
    told.into_iter().map(tell).collect()
}

/// What a timer that fired says, if the task still says so; otherwise nobody is told anything.
pub fn of_timer(timer: &Timer, task: &Task) -> Vec<Notification> {
    if !task.timers().contains(timer) {
        return Vec::new();
    }
    let Some(id) = id_after(timer.id.as_str(), TimerId::PREFIX) else { return Vec::new() };
    let (reason, text) = match timer.purpose {
        Purpose::TaskDueSoon { .. } => {
            (Reason::DueSoon, format!("“{}” is due in {}", task.title, minutes(task.remind_minutes.unwrap_or_default())))
        }
        Purpose::TaskDue { .. } => (Reason::Due, format!("“{}” is due", task.title)),
        Purpose::Mail { .. } | Purpose::Removal => return Vec::new(),
    };
    let told = if task.assignees.is_empty() { vec![task.created_by.clone()] } else { task.assignees.clone() };
    told.into_iter().map(|user| Notification::new(id.clone(), user, reason, task, text.clone(), timer.at)).collect()
}

/// A while as people say it.
fn minutes(count: u32) -> String {
    let (count, unit) = match count {
        days if days.is_multiple_of(1_440) => (days / 1_440, "day"),
        hours if hours.is_multiple_of(60) => (hours / 60, "hour"),
        minutes => (minutes, "minute"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

fn people(task: &Task) -> BTreeSet<UserId> {
    task.assignees.iter().cloned().chain([task.created_by.clone()]).collect()
}
