//! Webhooks: changes told to programs of others, each until it was taken or a day has passed.

use crate::{
    Error, Result, Timestamp,
    access::Access,
    commit::{Change, Commit, Subject, Write},
    id::*,
    limits,
    organization::Membership,
    policy::{Grant, Grants},
    text::{Event, Line, Url},
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What changes of are told. Accounts, conversations and the organisation itself are nobody's business elsewhere.
/// Each is read under a permission: a webhook tells no more than whoever answers for it may read.
const TOLD: &[(&str, Grant, &[&str])] = &[
    ("client", Grant::ReadBilling, &["created", "edited"]),
    ("comment", Grant::ReadTasks, &["written"]),
    ("department", Grant::ReadDirectory, &["created", "edited", "deleted"]),
    ("file", Grant::ReadFiles, &["announced", "stored"]),
    ("group", Grant::ReadDirectory, &["created", "edited", "deleted"]),
    ("invitation", Grant::InviteMembers, &["requested", "sent", "accepted", "revoked"]),
    ("invoice", Grant::ReadBilling, &["drafted", "issued", "printed"]),
    ("member", Grant::ReadDirectory, &["joined", "edited", "deactivated", "reactivated", "removed", "provisioned", "accepted", "followed"]),
    ("project", Grant::ReadProjects, &["created", "edited", "status_changed"]),
    ("role", Grant::ReadDirectory, &["created", "edited", "deleted"]),
    ("task", Grant::ReadTasks, &["created", "edited", "moved", "deleted"]),
    ("team", Grant::ReadDirectory, &["created", "edited", "deleted"]),
];

/// Under what permission changes of a kind are read, if they are told at all.
pub fn reads(kind: &str) -> Option<Grant> {
    TOLD.iter().find(|(told, ..)| *told == kind).map(|(_, grant, _)| *grant)
}

/// Whether this is what happens to something of a kind that is told.
pub fn is_event(kind: &str, verb: &str) -> bool {
    TOLD.iter().any(|(told, _, verbs)| *told == kind && verbs.contains(&verb))
}

/// Whether webhooks may be told of an action.
pub fn is_told(action: &str) -> bool {
    let told = action == PING || action.split_once('.').is_some_and(|(kind, verb)| is_event(kind, verb));
    debug_assert!(told || action.split_once('.').is_none_or(|(kind, _)| reads(kind).is_none()), "{action} is on no list");
    told
}

const PING: &str = "webhook.pinged";

/// Where changes are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    pub id: WebhookId,
    pub url: Url,
    pub description: Option<Line>,
    pub events: Vec<Event>,
    pub paused: Option<Paused>,
    /// Which of its secrets signs. They are derived and stand nowhere.
    pub secret: u32,
    /// Until when the one before signs as well.
    pub previous_until: Option<Timestamp>,
    /// Who made or last edited it: it tells no more than they may read, and nothing when they are no longer active.
    pub made_by: UserId,
    /// Since when nothing was taken.
    pub failing_since: Option<Timestamp>,
    /// Until when nothing more is tried, so that what does not answer holds nobody up.
    pub resting_until: Option<Timestamp>,
    pub created_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paused {
    pub reason: PauseReason,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// Somebody said so.
    Asked,
    /// Nothing was taken for a day.
    Failing,
    /// Whoever answered for it is no longer active.
    Orphaned,
    /// It answered 410: it is gone for good.
    Gone,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookDraft {
    /// It begins with `https://` and leads to a public address.
    pub url: Url,
    #[schema(min_items = 1, max_items = 50)]
    pub events: Vec<Event>,
    pub description: Option<Line>,
}

/// What is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub url: Option<Url>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(min_items = 1, max_items = 50, nullable = false)]
    pub events: Option<Vec<Event>>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Line>)]
    pub description: Option<Option<Line>>,
    /// `false` pauses it, `true` lets it go on. What happens meanwhile is not told.
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub active: Option<bool>,
}

/// What a webhook shows of itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookView {
    pub id: WebhookId,
    pub url: Url,
    pub description: Option<Line>,
    pub events: Vec<Event>,
    pub active: bool,
    pub paused: Option<Paused>,
    /// Who made or last edited it: it tells no more than they may read, and nothing when they are no longer active.
    pub made_by: UserId,
    /// Since when nothing was taken; after a day of it the webhook is paused.
    pub failing_since: Option<Timestamp>,
    /// Until when the secret before signs as well.
    pub previous_until: Option<Timestamp>,
    pub created_at: Timestamp,
    pub version: u64,
}

fn events(mut events: Vec<Event>, by: &Grants) -> Result<Vec<Event>> {
    events.sort();
    events.dedup();
    match events.len() {
        0 => Err(Error::invalid("/events", "is empty")),
        count if count > limits::WEBHOOK_EVENTS => Err(Error::invalid("/events", "has more than 50")),
        _ if events.iter().filter_map(Event::kind).filter_map(reads).any(|grant| !by.allow(grant)) => {
            Err(Error::invalid("/events", "has more than you may read yourself"))
        }
        _ => Ok(events),
    }
}

impl Webhook {
    /// Counted where every request reads, so that a change knows whether anybody elsewhere waits for it.
    pub fn new(id: WebhookId, draft: WebhookDraft, by: &Membership, access: &Access, now: Timestamp) -> Result<(Self, Commit)> {
        let webhook = Self {
            id,
            url: draft.url,
            description: draft.description,
            events: events(draft.events, &access.grants(by))?,
            paused: None,
            secret: 1,
            previous_until: None,
            made_by: by.user.clone(),
            failing_since: None,
            resting_until: None,
            created_at: now,
            version: 1,
        };
        let counted = access.with_webhooks(access.webhooks + 1)?;
        Ok((webhook.clone(), Commit::create("webhook.created", webhook).also_replace(access.version, counted)))
    }

    fn replaced(self, action: &'static str, after: Self) -> (Self, Commit) {
        let after = Self { version: self.version + 1, ..after };
        Commit::edit(action, self, after)
    }

    /// Whoever edits it answers for it from then on.
    pub fn edit(self, edit: WebhookEdit, by: &Membership, access: &Access, now: Timestamp) -> Result<(Self, Commit)> {
        let paused = match (edit.active, &self.paused) {
            (Some(true), _) => None,
            (Some(false), None) => Some(Paused { reason: PauseReason::Asked, at: now }),
            (_, paused) => paused.clone(),
        };
        // Another address, or another try, begins without the failures of before
        let anew = edit.url.as_ref().is_some_and(|url| *url != self.url) || self.paused.is_some() && paused.is_none();
        let after = Self {
            url: edit.url.unwrap_or_else(|| self.url.clone()),
            events: events(edit.events.unwrap_or_else(|| self.events.clone()), &access.grants(by))?,
            made_by: by.user.clone(),
            description: edit.description.unwrap_or_else(|| self.description.clone()),
            paused,
            failing_since: self.failing_since.filter(|_| !anew),
            resting_until: self.resting_until.filter(|_| !anew),
            ..self.clone()
        };
        Ok(self.replaced("webhook.edited", after))
    }

    /// A new secret; the one before signs as well for as long as was chosen. Whoever has it answers for what is told.
    pub fn rotate(self, grace_minutes: u32, by: &Membership, now: Timestamp) -> Result<(Self, Commit)> {
        let grace = SignedDuration::from_mins(grace_minutes.into());
        if grace > limits::WEBHOOK_GRACE {
            return Err(Error::invalid("/grace_minutes", "is more than a week"));
        }
        let previous_until = (!grace.is_zero()).then(|| now + grace);
        let after = Self { secret: self.secret + 1, previous_until, made_by: by.user.clone(), ..self.clone() };
        Ok(self.replaced("webhook.rotated", after))
    }

    pub fn delete(self, access: &Access) -> Result<Commit> {
        let counted = access.with_webhooks(access.webhooks.saturating_sub(1))?;
        Ok(Commit::delete("webhook.deleted", self).also_replace(access.version, counted))
    }

    /// A test: told to this one alone, even while it is paused, and once.
    pub fn ping(&self) -> Commit {
        Commit::noted(PING, self)
    }

    /// Whether it is told of this change, by what whoever answers for it may now. What was before it, it does not hear.
    pub fn hears(&self, change: &ChangeId, action: &str, subject: &Subject, grants: &Grants) -> bool {
        if action == PING {
            return subject.id == self.id.as_str();
        }
        let since = self.paused.is_none() && self.id.made_at() <= change.made_at();
        since && self.events.iter().any(|event| event.covers(action)) && Self::may_tell(action, grants)
    }

    pub fn may_tell(action: &str, grants: &Grants) -> bool {
        let kind = action.split_once('.').map_or(action, |(kind, _)| kind);
        action == PING || reads(kind).is_some_and(|grant| grants.allow(grant))
    }

    /// Nobody answers for it any more.
    pub fn orphaned(self, now: Timestamp) -> Commit {
        let after = Self { paused: Some(Paused { reason: PauseReason::Orphaned, at: now }), ..self.clone() };
        self.replaced("webhook.paused", after).1
    }

    /// Until when a delivery is put off, because nothing was taken a moment ago. A test and a last try are not.
    pub fn rests(&self, delivery: &Delivery, now: Timestamp) -> Option<Timestamp> {
        let waits = !delivery.is_test() && now < delivery.since + limits::WEBHOOK_RETRIED;
        self.resting_until.filter(|until| waits && now < *until)
    }

    /// Whether a replay reaches anybody.
    pub fn check_listens(&self, delivery: &Delivery) -> Result<()> {
        if self.paused.is_none() || delivery.is_test() {
            return Ok(());
        }
        Err(Error::Conflict("the webhook is paused: let it go on first".to_owned()))
    }

    /// The secrets that sign now, the latest first.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = u32> {
        let before = self.previous_until.filter(|until| now < *until).map(|_| self.secret - 1);
        [self.secret].into_iter().chain(before)
    }

    /// What an attempt says of the webhook, when it says something new. It stays the version it is, unless it is paused.
    pub fn after(self, outcome: &Outcome, now: Timestamp) -> Option<Commit> {
        let quiet = |after: Self| Some(Commit::quiet().also_replace(after.version, after));
        let pause = |reason| Some(Paused { reason, at: now });
        if outcome.is_taken() {
            return self.failing_since.is_some().then_some(Self { failing_since: None, resting_until: None, ..self }).and_then(quiet);
        }
        let since = self.failing_since.unwrap_or(now);
        let failing = now.duration_since(since);
        let reason = match outcome.status {
            Some(410) => Some(PauseReason::Gone),
            _ if failing >= limits::WEBHOOK_FAILING => Some(PauseReason::Failing),
            _ => None,
        };
        if let Some(reason) = reason.filter(|_| self.paused.is_none()) {
            let after = Self { paused: pause(reason), failing_since: Some(since), ..self.clone() };
            return Some(self.replaced("webhook.paused", after).1);
        }
        if self.resting_until.is_some_and(|until| now < until) {
            return None;
        }
        // The longer nothing is taken, the less often it is tried
        let rest = outcome.wait.unwrap_or(failing / 4).clamp(limits::WEBHOOK_REST.0, limits::WEBHOOK_REST.1);
        quiet(Self { failing_since: Some(since), resting_until: Some(now + rest), ..self })
    }

    pub fn view(&self, now: Timestamp) -> WebhookView {
        WebhookView {
            id: self.id.clone(),
            url: self.url.clone(),
            description: self.description.clone(),
            events: self.events.clone(),
            active: self.paused.is_none(),
            paused: self.paused.clone(),
            made_by: self.made_by.clone(),
            failing_since: self.failing_since,
            previous_until: self.previous_until.filter(|until| now < *until),
            created_at: self.created_at,
            version: self.version,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is tried, or will be.
    Pending,
    Delivered,
    /// It is not tried any more, unless somebody replays it.
    Failed,
}

impl DeliveryState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// One try, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    pub at: Timestamp,
    pub duration_ms: u32,
    /// Absent when there was no answer.
    pub status: Option<u16>,
    /// Why there was none.
    #[schema(example = "it took too long")]
    pub problem: Option<String>,
    /// The beginning of the answer.
    pub answer: String,
}

/// One change told to one webhook: a line of its log, kept for 30 days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    pub id: DeliveryId,
    pub webhook: WebhookId,
    /// What the receiver sees as `webhook-id`, whatever the attempt.
    pub event: ChangeId,
    #[schema(example = "task.created")]
    pub action: String,
    pub subject: Subject,
    pub state: DeliveryState,
    /// The last twenty, the earliest first.
    pub attempts: Vec<Attempt>,
    /// Tries since it was made or last replayed.
    pub tries: u32,
    /// Since when it is tried.
    pub since: Timestamp,
    /// When it is tried next, while it is pending.
    pub next_at: Timestamp,
    pub version: u64,
    /// When it is forgotten, in seconds since 1970.
    pub expires: i64,
}

/// What came of a try.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub status: Option<u16>,
    pub problem: Option<String>,
    pub answer: String,
    pub took: SignedDuration,
    /// How long the receiver asks us to wait.
    pub wait: Option<SignedDuration>,
}

impl Outcome {
    pub fn is_taken(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// How long after each try the next one comes; after the last of these, always as long.
const WAITS: [i64; 9] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600];

impl Delivery {
    /// Its id follows from that of the change, so that telling twice tells once.
    pub fn new(webhook: &Webhook, change: &ChangeId, action: &str, subject: &Subject, now: Timestamp) -> Option<Self> {
        Some(Self {
            id: change.as_str().replace(ChangeId::PREFIX, DeliveryId::PREFIX).parse().ok()?,
            webhook: webhook.id.clone(),
            event: change.clone(),
            action: action.to_owned(),
            subject: subject.clone(),
            state: DeliveryState::Pending,
            attempts: Vec::new(),
            tries: 0,
            since: now,
            next_at: now,
            version: 1,
            expires: (change.made_at() + limits::DELIVERIES_KEPT).as_second(),
        })
    }

    fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    fn written(self, after: Self) -> Commit {
        Commit::quiet().with(Write::Replace { record: after.into(), seen: self.version })
    }

    /// What follows from a try. `random` spreads those that failed together.
    pub fn tried(self, outcome: &Outcome, began: Timestamp, now: Timestamp, random: u128) -> (Self, Commit) {
        let mut after = self.next();
        let duration_ms = u32::try_from(outcome.took.as_millis()).unwrap_or(u32::MAX);
        let (status, problem, answer) = (outcome.status, outcome.problem.clone(), outcome.answer.clone());
        after.attempts.push(Attempt { at: began, duration_ms, status, problem, answer });
        if after.attempts.len() > limits::ATTEMPTS_SHOWN {
            after.attempts.remove(0);
        }
        after.tries += 1;
        let ends = self.since + limits::WEBHOOK_RETRIED;
        if outcome.is_taken() {
            after.state = DeliveryState::Delivered;
        } else if now >= ends || outcome.status == Some(410) || self.action == PING {
            after.state = DeliveryState::Failed;
        } else {
            let wait = SignedDuration::from_secs(WAITS[(self.tries as usize).min(WAITS.len() - 1)]);
            let wait = wait.max(outcome.wait.unwrap_or_default());
            after.next_at = (now + spread(wait, random)).min(ends);
        }
        (after.clone(), self.written(after))
    }

    /// Put off while its webhook rests; no try, but it does not live longer for it.
    pub fn put_off(self, until: Timestamp, random: u128) -> Commit {
        let ends = self.since + limits::WEBHOOK_RETRIED;
        let next_at = (until + spread(SignedDuration::from_secs(10), random) - SignedDuration::from_secs(10)).min(ends);
        let after = Self { next_at, ..self.next() };
        self.written(after)
    }

    /// Given up, because its webhook hears nothing any more.
    pub fn give_up(self) -> Commit {
        let after = Self { state: DeliveryState::Failed, ..self.next() };
        self.written(after)
    }

    /// Told again from the beginning, under the same id.
    pub fn replay(self, now: Timestamp) -> Result<(Self, Commit)> {
        if self.state == DeliveryState::Pending {
            return Err(Error::Conflict("it is being delivered".to_owned()));
        }
        let after = Self { state: DeliveryState::Pending, tries: 0, since: now, next_at: now, ..self.next() };
        Ok((after.clone(), self.written(after)))
    }

    pub fn is_kept(&self, now: Timestamp) -> bool {
        now.as_second() < self.expires
    }

    pub fn is_test(&self) -> bool {
        self.action == PING
    }
}

/// Up to a fifth longer.
fn spread(wait: SignedDuration, random: u128) -> SignedDuration {
    let more = wait.as_millis().max(0) / 5 + 1;
    wait + SignedDuration::from_millis((random % more.unsigned_abs()) as i64)
}

/// What a receiver is told: what it is now, and who did it. Neither what it was before, nor from where it was done.
pub fn message(change: &Change) -> Value {
    json!({
        "type": change.action,
        "timestamp": change.at,
        "data": { "organization": change.organization, "subject": change.subject, "by": change.by, "record": change.after },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account::User, policy::Role};

    const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

    fn webhook(events: &[&str]) -> Webhook {
        let draft = WebhookDraft {
            url: "https://hooks.example.com/".parse().unwrap(),
            events: events.iter().map(|event| event.parse().unwrap()).collect(),
            description: None,
        };
        Webhook::new(WebhookId::new(NOW, 1), draft, &member(Role::Owner), &Access::default(), NOW).unwrap().0
    }

    fn member(role: Role) -> Membership {
        let organization = OrganizationId::new(NOW, 4);
        let (name, email) = ("Mia".parse().unwrap(), "mia@example.com".parse().unwrap());
        User::new(UserId::new(NOW, 2), name, email, Default::default(), organization.clone(), NOW).joins(&organization, role, None, NOW)
    }

    fn delivery(webhook: &Webhook) -> Delivery {
        let subject = Subject { kind: "task".to_owned(), id: "tsk_1".to_owned() };
        Delivery::new(webhook, &ChangeId::new(NOW, 3), "task.created", &subject, NOW).unwrap()
    }

    fn status(status: u16) -> Outcome {
        Outcome { status: Some(status), ..Outcome::default() }
    }

    #[test]
    fn a_webhook_tells_no_more_than_whoever_answers_for_it_may_read() {
        let access = Access::default();
        let made = |events: &[&str], role: Role| {
            let draft = WebhookDraft {
                url: "https://hooks.example.com/".parse().unwrap(),
                events: events.iter().map(|event| event.parse().unwrap()).collect(),
                description: None,
            };
            Webhook::new(WebhookId::new(NOW, 1), draft, &member(role), &access, NOW).map(|(webhook, _)| webhook)
        };
        assert!(made(&["invoice.*"], Role::Member).is_err() && made(&["client.created"], Role::Member).is_err());
        assert!(made(&["invoice.*"], Role::Accountant).is_ok() && made(&["task.*"], Role::Member).is_ok());
        let all = made(&["*"], Role::Member).unwrap();
        let subject = Subject { kind: "task".to_owned(), id: "tsk_1".to_owned() };
        let (change, grants) = (ChangeId::new(NOW, 3), Role::Member.grants());
        assert!(all.hears(&change, "task.created", &subject, &grants) && !all.hears(&change, "client.created", &subject, &grants));
        assert!(!all.hears(&change, "task.created", &subject, &Grants::default()));
    }

    #[test]
    fn a_webhook_hears_what_it_named_and_nothing_else() {
        let subject = Subject { kind: "task".to_owned(), id: "tsk_1".to_owned() };
        let change = ChangeId::new(NOW, 3);
        let hears = |events: &[&str], action: &str| webhook(events).hears(&change, action, &subject, &Role::Owner.grants());
        assert!(hears(&["task.*"], "task.moved") && hears(&["task.moved"], "task.moved") && hears(&["*"], "invoice.issued"));
        assert!(!hears(&["task.*"], "invoice.issued") && !hears(&["task.moved"], "task.edited") && !hears(&["*"], PING));
        let before = ChangeId::new(NOW - SignedDuration::from_millis(1), 3);
        assert!(!webhook(&["*"]).hears(&before, "task.moved", &subject, &Role::Owner.grants()), "it was not there yet");
        for wrong in [
            "",
            "task",
            "task.",
            ".moved",
            "*.moved",
            "task.mo*",
            "task.painted",
            "session.opened",
            "message.*",
            "organization.*",
            "Task.*",
            "a.b.c",
        ] {
            assert!(wrong.parse::<Event>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_document_names_every_event() {
        let schema = json!(<Event as utoipa::PartialSchema>::schema());
        let text = schema["description"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        for (kind, _, verbs) in TOLD {
            assert!(text.contains(&format!("{kind}: {}", verbs.join(", "))), "{kind} is not told of in {text}");
        }
    }

    #[test]
    fn what_is_not_taken_is_tried_for_a_day_and_ever_less_often() {
        let (mut delivery, mut now, mut tries) = (delivery(&webhook(&["*"])), NOW, Vec::new());
        while delivery.state == DeliveryState::Pending {
            tries.push(now.duration_since(NOW).as_secs());
            delivery = delivery.tried(&status(500), now, now, 0).0;
            now = delivery.next_at;
        }
        assert_eq!(tries, [0, 5, 35, 155, 755, 2_555, 6_155, 13_355, 27_755, 49_355, 70_955, 86_700]);
        assert_eq!(delivery.state, DeliveryState::Failed);
        assert_eq!(delivery.attempts.len(), 12);
    }

    #[test]
    fn a_receiver_that_asks_us_to_wait_is_left_alone_for_that_long() {
        let outcome = Outcome { wait: Some(SignedDuration::from_mins(5)), ..status(429) };
        let (delivery, _) = delivery(&webhook(&["*"])).tried(&outcome, NOW, NOW, 0);
        assert_eq!(delivery.next_at, NOW + SignedDuration::from_mins(5));
        let Some(commit) = webhook(&["*"]).after(&outcome, NOW) else { panic!("it does not rest") };
        let crate::commit::Record::Webhook(rests) = commit.writes[0].record() else { panic!("no webhook") };
        assert_eq!((rests.resting_until, rests.version), (Some(NOW + SignedDuration::from_mins(5)), 1));
    }

    #[test]
    fn a_webhook_is_paused_when_it_is_gone_and_when_a_day_of_failures_has_passed() {
        let paused = |webhook: Webhook, outcome: Outcome, now| {
            let commit = webhook.after(&outcome, now)?;
            let crate::commit::Record::Webhook(after) = commit.writes[0].record() else { return None };
            after.paused.clone().map(|paused| paused.reason)
        };
        let failing = |since: i64| Webhook { failing_since: Some(NOW - SignedDuration::from_secs(since)), ..webhook(&["*"]) };
        assert_eq!(paused(webhook(&["*"]), status(410), NOW), Some(PauseReason::Gone));
        assert_eq!(paused(failing(86_399), status(500), NOW), None);
        assert_eq!(paused(failing(86_400), status(500), NOW), Some(PauseReason::Failing));
        assert_eq!(paused(failing(86_400), status(204), NOW), None);
        assert!(webhook(&["*"]).after(&status(204), NOW).is_none(), "what goes well is not written down");
    }
}
