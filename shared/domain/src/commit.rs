//! What a rule wants written: records, the conditions under which, and the changes to put on record.

use crate::{
    Timestamp,
    access::Access,
    account::*,
    api_key::ApiKey,
    billing::*,
    conversation::*,
    directory::*,
    file::File,
    id::*,
    invitation::*,
    mail::Mailed,
    notification::Notification,
    organization::*,
    passkey::Passkey,
    picture::Picture,
    platform::*,
    policy::{Grant, Grants},
    profile::*,
    project::Project,
    provider::{Link, Provider, SubjectOwner},
    removal::Tombstone,
    scim::{ExternalId, Provisioned},
    second_factor::{OperatorFactor, SecondFactor},
    settings::Settings,
    structure::{Scope, Structure},
    task::*,
    team::Team,
    tenant::*,
    timer::Timer,
    usage::{Storage, Usage},
    webhook::*,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One kind of thing the table keeps.
pub trait Kept: Serialize + serde::de::DeserializeOwned + Clone + Into<Record> {
    /// The kind's name, as it stands in the table, in changes and in live updates.
    const KIND: &'static str;
    /// Rises by one with every write; 0 for what is only ever put or removed.
    fn version(&self) -> u64;
    fn subject(&self) -> Subject;
    /// Whether something of this kind hangs below a part of the organisation, and is had by those who have a post over it.
    const HANGS: bool = false;
    /// The parts it hangs below; itself, where it is one.
    fn scopes(&self) -> Vec<Scope> {
        Vec::new()
    }
    /// The screen on which a change of this is seen live, by the id of what it shows.
    fn topic(&self) -> Option<String> {
        None
    }
}

/// A record as it is kept, whatever its kind.
pub trait Keeping {
    type Error;
    fn read<R: Kept>(self) -> Result<R, Self::Error>;
}

macro_rules! records {
    ($($name:ident, $kind:literal, |$it:ident| $version:expr, $id:expr $(, $topic:expr)? $(=> $scopes:expr)?;)*) => {
        /// Every kind of record.
        #[derive(Clone)]
        pub enum Record { $($name(Box<$name>)),* }

        impl Record {
            pub const KINDS: &[&str] = &[$($kind),*];

            pub fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $kind),* }
            }

            pub fn version(&self) -> u64 {
                match self { $(Self::$name(record) => record.version()),* }
            }

            pub fn subject(&self) -> Subject {
                match self { $(Self::$name(record) => record.subject()),* }
            }

            pub fn scopes(&self) -> Vec<Scope> {
                match self { $(Self::$name(record) => record.scopes()),* }
            }
        }

        impl Record {
            /// A record as it is kept, by the name of its kind; `None` for what is no record.
            pub fn read<K: Keeping>(kind: &str, kept: K) -> Option<Result<Self, K::Error>> {
                match kind {
                    $($kind => Some(kept.read::<$name>().map(Self::from)),)*
                    _ => None,
                }
            }
        }

        impl Serialize for Record {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$name(record) => record.serialize(serializer)),* }
            }
        }

        $(
            impl From<$name> for Record {
                fn from(record: $name) -> Self { Self::$name(Box::new(record)) }
            }

            impl Kept for $name {
                const KIND: &'static str = $kind;
                fn version(&self) -> u64 { let $it = self; let _ = $it; $version }
                fn subject(&self) -> Subject {
                    let $it = self;
                    let _ = $it;
                    Subject { kind: $kind.to_owned(), id: $id.to_string() }
                }
                $(
                    const HANGS: bool = !stringify!($scopes).is_empty();
                    fn scopes(&self) -> Vec<Scope> { let $it = self; $scopes }
                )?
                $(fn topic(&self) -> Option<String> { let $it = self; Some($topic.to_string()) })?
            }
        )*
    };
}

records! {
    Provisioned, "provisioned", |it| it.version, it.id;
    ExternalId, "external_id", |it| 0, it.id;
    User, "user", |it| it.version, it.id;
    EmailOwner, "email_owner", |it| it.version, it.user;
    Credentials, "credentials", |it| it.version, it.user;
    SecondFactor, "second_factor", |it| it.version, it.owner;
    Passkey, "passkey", |it| it.version, it.id;
    Provider, "provider", |it| it.version, it.id;
    Link, "sign_in_link", |it| it.version, it.user;
    SubjectOwner, "subject_owner", |it| it.version, it.user;
    Session, "session", |it| it.version, it.id;
    ResetAsk, "reset_ask", |it| 0, it.email;
    Organization, "organization", |it| it.version, it.id;
    Settings, "settings", |it| it.version, "settings";
    Everyone, "everyone", |it| it.version, it.channel;
    Access, "access", |it| it.version, "access";
    Membership, "member", |it| it.version, it.user;
    MemberWord, "member_word", |it| 0, it.user;
    MemberMail, "member_mail", |it| 0, it.user;
    Card, "card", |it| it.version, it.user;
    Personal, "personal", |it| it.version, it.user;
    Structure, "structure", |it| it.version, "structure";
    ApiKey, "api_key", |it| it.version, it.id;
    Team, "team", |it| it.version, it.id => it.hangs_below();
    Webhook, "webhook", |it| it.version, it.id;
    Delivery, "delivery", |it| it.version, it.id;
    JoinCode, "join_code", |it| it.version, it.organization;
    Invitation, "invitation", |it| it.version, it.id;
    Invited, "invited", |it| it.version, it.invitation;
    Project, "project", |it| it.version, it.id, it.id => it.hangs_below();
    Task, "task", |it| it.version, it.id, it.project => Scope::project(&it.project);
    Comment, "comment", |it| it.version, it.id, it.project => Scope::project(&it.project);
    TaskWord, "task_word", |it| 0, it.task => Scope::project(&it.project);
    Assignment, "assignment", |it| 0, it.task;
    Picture, "picture", |it| it.version, it.id;
    File, "file", |it| it.version, it.id => it.project.iter().flat_map(Scope::project).collect();
    Conversation, "conversation", |it| it.version, it.id;
    DirectPair, "direct_pair", |it| 0, it.conversation;
    Participation, "participation", |it| it.version, it.conversation;
    Message, "message", |it| it.version, it.id;
    Sent, "sent", |it| 0, it.conversation;
    Ticket, "ticket", |it| 0, it.user;
    Connection, "connection", |it| it.version, it.user;
    Socket, "socket", |it| 0, it.user;
    Watch, "watch", |it| 0, it.topic;
    Client, "client", |it| it.version, it.id;
    Series, "series", |it| it.version, it.name;
    Invoice, "invoice", |it| it.version, it.id => it.hangs_below();
    Notification, "notification", |it| it.version, it.id;
    Timer, "timer", |it| 0, it.id;
    Mailed, "mailed", |it| 0, it.name;
    Storage, "storage", |it| it.version, "storage";
    Usage, "usage", |it| it.version, it.month.as_str();
    Roster, "roster", |it| it.version, "roster";
    OperatorCredentials, "operator_credentials", |it| it.version, it.operator;
    OperatorFactor, "operator_factor", |it| it.version, it.owner;
    OperatorSession, "operator_session", |it| it.version, it.id;
    Dossier, "dossier", |it| it.version, it.organization;
    Tombstone, "tombstone", |it| it.version, it.organization;
    TenantWord, "tenant_word", |it| 0, it.organization;
}

/// What a change is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subject {
    #[schema(example = "task")]
    pub kind: String,
    #[schema(example = "tsk_01k9zt3vw8fqj2m4x6c7b5n0ra")]
    pub id: String,
}

/// One write of a commit, with the condition under which it holds.
#[derive(Clone)]
pub enum Write {
    /// Must not be there yet.
    Create(Record),
    /// Must still have the version that was seen.
    Replace {
        record: Record,
        seen: u64,
    },
    /// Must still have the version that was seen.
    Delete {
        record: Record,
        seen: u64,
    },
    /// Must be there; once.
    Take(Record),
    /// Stays as it is, and must still have the version that was seen.
    Hold {
        record: Record,
        seen: u64,
    },
    Put(Record),
    Remove(Record),
}

impl Write {
    pub fn record(&self) -> &Record {
        match self {
            Self::Create(record) | Self::Take(record) | Self::Put(record) | Self::Remove(record) => record,
            Self::Replace { record, .. } | Self::Delete { record, .. } | Self::Hold { record, .. } => record,
        }
    }
}

/// A change as a rule knows it; who, when and from where is added where it is written.
#[derive(Clone, Debug)]
pub struct Draft {
    pub action: &'static str,
    pub subject: Subject,
    pub topic: Option<String>,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Everything one action writes: all of it or nothing.
#[derive(Clone, Default)]
pub struct Commit {
    pub writes: Vec<Write>,
    pub drafts: Vec<Draft>,
}

fn json(record: &impl Serialize) -> Option<Value> {
    serde_json::to_value(record).ok()
}

impl Commit {
    pub fn create(action: &'static str, record: impl Kept) -> Self {
        Self::draft(action, &record, None, json(&record)).with(Write::Create(record.into()))
    }

    pub fn replace<R: Kept>(action: &'static str, before: R, after: R) -> Self {
        let seen = before.version();
        Self::draft(action, &after, json(&before), json(&after)).with(Write::Replace { record: after.into(), seen })
    }

    /// What an edit comes to: nothing, where no more is new than when and how often the record was written.
    pub fn edit<R: Kept>(action: &'static str, before: R, after: R) -> (R, Self) {
        let content = |record: &R| {
            let mut content = json(record);
            if let Some(Value::Object(fields)) = &mut content {
                ["version", "updated_at"].iter().for_each(|name| drop(fields.remove(*name)));
            }
            content
        };
        match content(&before) == content(&after) {
            true => (before, Self::quiet()),
            false => (after.clone(), Self::replace(action, before, after)),
        }
    }

    /// Whether nothing is written and nothing told.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.drafts.is_empty()
    }

    pub fn delete(action: &'static str, before: impl Kept) -> Self {
        let seen = before.version();
        Self::draft(action, &before, json(&before), None).with(Write::Delete { record: before.into(), seen })
    }

    /// A change of what is kept as part of a record.
    pub fn part<T: Serialize>(action: &'static str, kind: &str, id: impl std::fmt::Display, before: Option<&T>, after: Option<&T>) -> Self {
        let subject = Subject { kind: kind.to_owned(), id: id.to_string() };
        let (before, after) = (before.and_then(json), after.and_then(json));
        Self { writes: Vec::new(), drafts: vec![Draft { action, subject, topic: None, before, after }] }
    }

    /// A change on record whose content is nobody's business: a password, the words of a message.
    pub fn noted(action: &'static str, about: &impl Kept) -> Self {
        Self::draft(action, about, None, None)
    }

    /// Writes that are no change of the product: a session used, a screen opened, a message seen.
    pub fn quiet() -> Self {
        Self::default()
    }

    fn draft(action: &'static str, about: &impl Kept, before: Option<Value>, after: Option<Value>) -> Self {
        let draft = Draft { action, subject: about.subject(), topic: about.topic(), before, after };
        Self { writes: Vec::new(), drafts: vec![draft] }
    }

    pub fn and(mut self, other: Commit) -> Self {
        self.writes.extend(other.writes);
        self.drafts.extend(other.drafts);
        self
    }

    pub fn with(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    pub fn also_create(self, record: impl Kept) -> Self {
        self.with(Write::Create(record.into()))
    }

    pub fn also_replace(self, seen: u64, record: impl Kept) -> Self {
        self.with(Write::Replace { record: record.into(), seen })
    }

    pub fn also_put(self, record: impl Kept) -> Self {
        self.with(Write::Put(record.into()))
    }

    pub fn also_take(self, record: impl Kept) -> Self {
        self.with(Write::Take(record.into()))
    }

    /// Only while this is as it was read.
    pub fn while_holds(self, record: impl Kept) -> Self {
        let seen = record.version();
        self.with(Write::Hold { record: record.into(), seen })
    }

    pub fn also_remove(self, record: impl Kept) -> Self {
        self.with(Write::Remove(record.into()))
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Actor {
    /// Absent when the system itself acted, as when a reminder fell due.
    pub user: Option<UserId>,
    #[schema(example = "Mia Chen")]
    pub name: String,
    /// The key it was done with; the person is then who answers for that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ApiKeyId>,
    /// On the platform's own trail: which operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
}

impl Actor {
    pub fn system() -> Self {
        Self::named("Office Copilot")
    }

    fn named(name: impl std::fmt::Display) -> Self {
        Self { user: None, name: name.to_string(), key: None, operator: None }
    }

    pub fn person(user: &UserId, name: impl std::fmt::Display) -> Self {
        Self { user: Some(user.clone()), ..Self::named(name) }
    }

    /// A program, for which somebody answers.
    pub fn program(key: &ApiKey, by: &UserId, name: impl std::fmt::Display) -> Self {
        let name = format!("{} (key of {name})", key.name);
        Self { user: Some(by.clone()), key: Some(key.id.clone()), ..Self::named(name) }
    }

    /// Somebody who has no account, by what they say of themselves.
    pub fn stranger(name: impl std::fmt::Display) -> Self {
        Self::named(name)
    }

    pub fn operator(operator: &OperatorId, name: impl std::fmt::Display) -> Self {
        Self { operator: Some(operator.clone()), ..Self::named(name) }
    }

    /// The platform's operators, as the organisations are told of them.
    pub fn platform() -> Self {
        Self::named("The platform")
    }
}

/// From where it was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Origin {
    pub address: String,
    pub device: String,
    pub request: String,
}

/// One entry of the audit trail: who did what to which record, when, from where, and what it was before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    pub id: ChangeId,
    pub organization: OrganizationId,
    #[schema(example = "task.moved")]
    pub action: String,
    pub subject: Subject,
    pub by: Actor,
    pub at: Timestamp,
    pub origin: Origin,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// Under what permission the content of a kind is read. Of what is not named here, such as conversations, nobody reads it.
fn content_of(kind: &str) -> Option<Grant> {
    match kind {
        "organization" | "settings" => Some(Grant::ReadOrganization),
        "card" | "user" => Some(Grant::ReadDirectory),
        "api_key" | "webhook" => Some(Grant::ManageIntegrations),
        "provider" => Some(Grant::ManageSignIn),
        told => crate::webhook::reads(told),
    }
}

impl Change {
    /// Without what it was and is, where somebody may not read that.
    #[must_use]
    pub fn as_read_with(mut self, grants: &Grants) -> Self {
        // The code lets people in, and is nobody's to read here
        for content in [&mut self.before, &mut self.after].into_iter().flatten() {
            if let Some(joining) = content.get_mut("joining").and_then(Value::as_object_mut) {
                joining.remove("code");
            }
        }
        match content_of(&self.subject.kind).is_some_and(|grant| grants.allow(grant)) {
            true => self,
            false => Self { before: None, after: None, ..self },
        }
    }
}
