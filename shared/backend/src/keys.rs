//! Every key pattern of the table. A key needs a [`Tenant`] or a [`Me`], which only a checked caller has,
//! so a key of another organisation or person cannot be spelled.

use domain::{
    Timestamp,
    access::Access,
    account::*,
    api_key::ApiKey,
    billing::*,
    commit::*,
    conversation::*,
    directory::*,
    file::File,
    id::*,
    invitation::*,
    limits,
    mail::Mailed,
    notification::Notification,
    organization::*,
    passkey::Passkey,
    picture::Picture,
    platform::*,
    profile::*,
    project::Project,
    provider::{Link, Provider, SubjectOwner},
    removal::Tombstone,
    scim::{ExternalId, Provisioned, Resource},
    second_factor::{OperatorFactor, SecondFactor},
    settings::Settings,
    structure::Structure,
    task::*,
    team::Team,
    tenant::*,
    text::{Email, Label, Line},
    timer::Timer,
    usage::{Month, Storage, Usage},
    webhook::{Delivery, DeliveryState, Webhook},
    workflow::State,
};
use std::{fmt, marker::PhantomData};

/// An organisation the caller was found to belong to. There is no public constructor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant(pub(crate) OrganizationId);

impl Tenant {
    pub fn id(&self) -> &OrganizationId {
        &self.0
    }

    /// Where the platform keeps its own records and its trail.
    pub(crate) fn of_platform() -> Self {
        Self(OrganizationId::of_platform())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_platform() { f.write_str("PLATFORM") } else { write!(f, "ORG#{}", self.0) }
    }
}

/// A person who proved to be that person. There is no public constructor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me(pub(crate) UserId);

impl Me {
    pub fn id(&self) -> &UserId {
        &self.0
    }
}

/// Where one record of kind `R` is.
pub struct Key<R> {
    pub(crate) pk: String,
    pub(crate) sk: String,
    record: PhantomData<fn() -> R>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    Table,
    Gsi1,
    Gsi2,
    Gsi3,
}

impl Index {
    /// Its name and the names of its two key attributes.
    pub(crate) fn names(self) -> (Option<&'static str>, &'static str, &'static str) {
        match self {
            Self::Table => (None, "pk", "sk"),
            Self::Gsi1 => (Some("gsi1"), "gsi1pk", "gsi1sk"),
            Self::Gsi2 => (Some("gsi2"), "gsi2pk", "gsi2sk"),
            Self::Gsi3 => (Some("gsi3"), "gsi3pk", "gsi3sk"),
        }
    }
}

/// Where the records of kind `R` that begin alike are, in order.
pub struct Range<R> {
    pub(crate) index: Index,
    pub(crate) pk: String,
    pub(crate) bounds: Bounds,
    record: PhantomData<fn() -> R>,
}

pub(crate) enum Bounds {
    Prefix(String),
    Between(String, String),
}

fn key<R>(pk: impl fmt::Display, sk: impl fmt::Display) -> Key<R> {
    Key { pk: pk.to_string(), sk: sk.to_string(), record: PhantomData }
}

fn range<R>(index: Index, pk: impl fmt::Display, prefix: impl fmt::Display) -> Range<R> {
    Range { index, pk: pk.to_string(), bounds: Bounds::Prefix(prefix.to_string()), record: PhantomData }
}

fn between<R>(index: Index, pk: impl fmt::Display, from: impl fmt::Display, to: impl fmt::Display) -> Range<R> {
    Range { index, pk: pk.to_string(), bounds: Bounds::Between(from.to_string(), to.to_string()), record: PhantomData }
}

impl<R> fmt::Display for Key<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {}", self.pk, self.sk)
    }
}

impl<R> fmt::Display for Range<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.bounds {
            Bounds::Prefix(prefix) => write!(f, "{:?}: {} | {prefix}*", self.index, self.pk),
            Bounds::Between(from, to) => write!(f, "{:?}: {} | {from} … {to}", self.index, self.pk),
        }
    }
}

/// An instant that sorts as text.
fn instant(at: Timestamp) -> String {
    format!("{:013}", at.as_millisecond().max(0))
}

/// Without a date comes last.
fn due(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "never".to_owned(), instant)
}

/// Spreads what belongs to one id over a few partitions.
pub(crate) fn shard(id: &str, shards: u32) -> u32 {
    id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)) % shards
}

// A person's own, in no organisation

pub fn user(me: &Me) -> Key<User> {
    key(format_args!("USER#{}", me.0), "USER")
}
pub fn credentials(me: &Me) -> Key<Credentials> {
    key(format_args!("USER#{}", me.0), "CREDENTIALS")
}
pub fn second_factor(me: &Me) -> Key<SecondFactor> {
    key(format_args!("USER#{}", me.0), "SECOND_FACTOR")
}
pub fn passkey(me: &Me, id: &PasskeyId) -> Key<Passkey> {
    key(format_args!("USER#{}", me.0), format_args!("PASSKEY#{id}"))
}
pub fn passkeys(me: &Me) -> Range<Passkey> {
    range(Index::Table, format_args!("USER#{}", me.0), "PASSKEY#")
}
pub fn session(me: &Me, id: &SessionId) -> Key<Session> {
    key(format_args!("USER#{}", me.0), format_args!("SESSION#{id}"))
}
pub fn sessions(me: &Me) -> Range<Session> {
    range(Index::Table, format_args!("USER#{}", me.0), "SESSION#")
}
/// A person's places in all organisations.
pub(crate) fn memberships(me: &Me) -> Range<Membership> {
    range(Index::Gsi1, format_args!("MEMBERSHIPS#{}", me.0), "")
}
pub fn email_owner(email: &Email) -> Key<EmailOwner> {
    key(format_args!("EMAIL#{email}"), "EMAIL")
}
pub fn join_code(code: &Label) -> Key<JoinCode> {
    key(format_args!("JOIN_CODE#{code}"), "JOIN_CODE")
}
pub(crate) fn reset_ask(email: &Email) -> Key<ResetAsk> {
    key(format_args!("RESET#{email}"), "RESET")
}
pub(crate) fn ticket(hash: &str) -> Key<Ticket> {
    key(format_args!("TICKET#{hash}"), "TICKET")
}
pub(crate) fn connection(id: &str) -> Key<Connection> {
    key(format_args!("CONNECTION#{id}"), "CONNECTION")
}
/// A counter of one minute or hour.
pub(crate) fn attempts(what: &str, who: &str, period: i64) -> Key<()> {
    key(format_args!("ATTEMPTS#{what}#{who}"), period)
}
pub(crate) fn visitor_idempotency(hash: &str) -> Key<()> {
    key(format_args!("IDEMPOTENCY#{hash}"), "IDEMPOTENCY")
}
pub(crate) fn timers(shard: u32, until: Timestamp) -> Range<Timer> {
    between(Index::Table, format_args!("TIMERS#{shard}"), "", format_args!("{}~", instant(until)))
}
/// Timers stand outside the organisations so that one sweep finds all that fall due; the organisation is in the key.
pub fn timer(t: &Tenant, timer: &Timer) -> Key<Timer> {
    let shard = shard(timer.id.as_str(), limits::TIMER_SHARDS);
    key(format_args!("TIMERS#{shard}"), format_args!("{}#{}#{}", instant(timer.at), t.0, timer.id))
}

/// Partitions many organisations share: a caller writes there what carries its organisation in itself, and reads nothing.
pub(crate) const SHARED: [&str; 4] = ["CONNECTION#*", "JOIN_CODE#*", "TICKET#*", "TIMERS#*"];

// An organisation's

/// The partitions of an organisation, in the table and its indexes.
pub(crate) fn partitions(t: &Tenant) -> [String; 2] {
    [t.to_string(), format!("{t}#*")]
}
pub fn organization(t: &Tenant) -> Key<Organization> {
    key(t, "ORGANIZATION")
}
pub fn settings(t: &Tenant) -> Key<Settings> {
    key(t, "SETTINGS")
}
pub fn access(t: &Tenant) -> Key<Access> {
    key(t, "ACCESS")
}
pub fn everyone(t: &Tenant) -> Key<Everyone> {
    key(t, "EVERYONE")
}
pub fn member(t: &Tenant, user: &UserId) -> Key<Membership> {
    key(t, format_args!("MEMBER#{user}"))
}
/// Members by name, without those who were removed.
pub fn members(t: &Tenant) -> Range<Membership> {
    range(Index::Gsi3, format_args!("{t}#MEMBERS"), "")
}
/// A list of the directory, by name.
pub fn members_with(t: &Tenant, word: &str) -> Range<MemberWord> {
    range(Index::Table, format_args!("{t}#MEMBERS#{word}"), "")
}
fn by_name(name: &str, user: &UserId) -> String {
    format!("{name}#{user}")
}
/// Where a member stands in every list of the directory.
pub fn place_by_name(member: &Membership) -> String {
    by_name(&member.sorting_name(), &member.user)
}
pub fn provider(t: &Tenant, id: &ProviderId) -> Key<Provider> {
    key(t, format_args!("PROVIDER#{id}"))
}
pub fn providers(t: &Tenant) -> Range<Provider> {
    range(Index::Table, t, "PROVIDER#")
}
pub fn sign_in_link(t: &Tenant, provider: &ProviderId, user: &UserId) -> Key<Link> {
    key(format_args!("{t}#LINKS#{provider}"), format_args!("MEMBER#{user}"))
}
/// `subject` is the hash of a provider's name for somebody.
pub fn subject_owner(t: &Tenant, provider: &ProviderId, subject: &str) -> Key<SubjectOwner> {
    key(format_args!("{t}#LINKS#{provider}"), format_args!("SUBJECT#{subject}"))
}
/// What a directory elsewhere says of a member or a group.
pub fn provisioned(t: &Tenant, id: &str) -> Key<Provisioned> {
    key(format_args!("{t}#PROVISIONED#{id}"), "PROVISIONED")
}
pub fn external_id(t: &Tenant, kind: Resource, value: &Line) -> Key<ExternalId> {
    key(format_args!("{t}#EXTERNAL#{}#{value}", kind.as_str()), "EXTERNAL")
}
pub fn member_mail(t: &Tenant, email: &Email) -> Key<MemberMail> {
    key(format_args!("{t}#MAIL#{email}"), "MEMBER")
}
/// Who is in a department.
pub fn members_in(t: &Tenant, department: &DepartmentId) -> Range<Membership> {
    range(Index::Gsi2, format_args!("{t}#DEPARTMENT#{department}#MEMBERS"), "")
}
pub fn team(t: &Tenant, id: &TeamId) -> Key<Team> {
    key(format_args!("{t}#TEAM#{id}"), "TEAM")
}
pub fn teams(t: &Tenant) -> Range<Team> {
    range(Index::Gsi1, format_args!("{t}#TEAMS"), "")
}
pub fn teams_in(t: &Tenant, department: &DepartmentId) -> Range<Team> {
    range(Index::Gsi2, format_args!("{t}#DEPARTMENT#{department}#TEAMS"), "")
}
pub fn card(t: &Tenant, user: &UserId) -> Key<Card> {
    key(t, format_args!("CARD#{user}"))
}
pub fn personal(t: &Tenant, user: &UserId) -> Key<Personal> {
    key(t, format_args!("PERSONAL#{user}"))
}
pub fn structure(t: &Tenant) -> Key<Structure> {
    key(t, "STRUCTURE")
}
pub fn api_key(t: &Tenant, id: &ApiKeyId) -> Key<ApiKey> {
    key(t, format_args!("API_KEY#{id}"))
}
pub fn api_keys(t: &Tenant) -> Range<ApiKey> {
    range(Index::Table, t, "API_KEY#")
}
pub fn webhook(t: &Tenant, id: &WebhookId) -> Key<Webhook> {
    key(t, format_args!("WEBHOOK#{id}"))
}
pub fn webhooks(t: &Tenant) -> Range<Webhook> {
    range(Index::Table, t, "WEBHOOK#")
}
pub fn delivery(t: &Tenant, webhook: &WebhookId, id: &DeliveryId) -> Key<Delivery> {
    key(format_args!("{t}#DELIVERIES#{webhook}"), id)
}
pub fn deliveries(t: &Tenant, webhook: &WebhookId) -> Range<Delivery> {
    range(Index::Table, format_args!("{t}#DELIVERIES#{webhook}"), "")
}
pub fn deliveries_in(t: &Tenant, webhook: &WebhookId, state: DeliveryState) -> Range<Delivery> {
    range(Index::Gsi1, format_args!("{t}#DELIVERIES#{webhook}#{}", state.as_str()), "")
}
/// Those in one state of changes made since.
pub fn deliveries_since(t: &Tenant, webhook: &WebhookId, state: DeliveryState, since: Timestamp) -> Range<Delivery> {
    let pk = format!("{t}#DELIVERIES#{webhook}#{}", state.as_str());
    between(Index::Gsi1, pk, DeliveryId::new(since, 0), "dlv_~")
}
pub fn invitation(t: &Tenant, id: &InvitationId) -> Key<Invitation> {
    key(t, format_args!("INVITATION#{id}"))
}
pub fn invitations(t: &Tenant) -> Range<Invitation> {
    range(Index::Table, t, "INVITATION#")
}
/// The latest invitation of an address.
pub fn invited(t: &Tenant, email: &Email) -> Key<Invited> {
    key(format_args!("{t}#MAIL#{email}"), "INVITATION")
}
pub fn project(t: &Tenant, id: &ProjectId) -> Key<Project> {
    key(format_args!("{t}#PROJECT#{id}"), "PROJECT")
}
pub fn projects(t: &Tenant) -> Range<Project> {
    range(Index::Gsi1, format_args!("{t}#PROJECTS"), "")
}
pub fn task(t: &Tenant, id: &TaskId) -> Key<Task> {
    key(format_args!("{t}#TASK#{id}"), "TASK")
}
/// Tasks of a project as they were made.
pub fn tasks(t: &Tenant, project: &ProjectId) -> Range<Task> {
    range(Index::Gsi1, format_args!("{t}#PROJECT#{project}#TASKS"), "")
}
/// Tasks of a project by when they are due.
pub fn tasks_by_due(t: &Tenant, project: &ProjectId) -> Range<Task> {
    range(Index::Gsi2, format_args!("{t}#PROJECT#{project}#DUE"), "")
}
/// Tasks of a project in one state, by when they are due.
pub fn tasks_in(t: &Tenant, project: &ProjectId, state: State) -> Range<Task> {
    range(Index::Gsi3, format_args!("{t}#PROJECT#{project}#STATE#{}", state.as_str()), "")
}
/// Tasks of a project with a word that begins so.
pub fn tasks_with(t: &Tenant, project: &ProjectId, word: &str) -> Range<TaskWord> {
    range(Index::Table, format_args!("{t}#PROJECT#{project}#WORDS"), word)
}
/// What a person has to do, by when it is due.
pub fn assignments(t: &Tenant, user: &UserId) -> Range<Assignment> {
    range(Index::Table, format_args!("{t}#ASSIGNEE#{user}"), "")
}
/// What a person has to do that was due before.
pub fn assignments_due_before(t: &Tenant, user: &UserId, at: Timestamp) -> Range<Assignment> {
    between(Index::Table, format_args!("{t}#ASSIGNEE#{user}"), "0", instant(at))
}
pub fn comments(t: &Tenant, task: &TaskId) -> Range<Comment> {
    range(Index::Table, format_args!("{t}#TASK#{task}"), "COMMENT#")
}
pub fn comment(t: &Tenant, task: &TaskId, id: &CommentId) -> Key<Comment> {
    key(format_args!("{t}#TASK#{task}"), format_args!("COMMENT#{id}"))
}
pub fn picture(t: &Tenant, id: &PictureId) -> Key<Picture> {
    key(format_args!("{t}#PICTURE#{id}"), "PICTURE")
}
pub fn file(t: &Tenant, id: &FileId) -> Key<File> {
    key(format_args!("{t}#FILE#{id}"), "FILE")
}
pub fn files_of(t: &Tenant, task: &TaskId) -> Range<File> {
    range(Index::Gsi1, format_args!("{t}#TASK#{task}#FILES"), "")
}
pub fn conversation(t: &Tenant, id: &ConversationId) -> Key<Conversation> {
    key(format_args!("{t}#CONVERSATION#{id}"), "CONVERSATION")
}
pub fn direct_pair(t: &Tenant, a: &UserId, b: &UserId) -> Key<DirectPair> {
    let (first, second) = DirectPair::order(a, b);
    key(format_args!("{t}#PAIR#{first}#{second}"), "PAIR")
}
pub fn participation(t: &Tenant, user: &UserId, id: &ConversationId) -> Key<Participation> {
    key(format_args!("{t}#PARTICIPANT#{user}"), format_args!("CONVERSATION#{id}"))
}
pub fn participations(t: &Tenant, user: &UserId) -> Range<Participation> {
    range(Index::Table, format_args!("{t}#PARTICIPANT#{user}"), "CONVERSATION#")
}
pub fn message(t: &Tenant, conversation: &ConversationId, seq: u64) -> Key<Message> {
    key(format_args!("{t}#CONVERSATION#{conversation}"), format_args!("MESSAGE#{seq:012}"))
}
/// Messages numbered `from` to `to`, both included.
pub fn messages(t: &Tenant, conversation: &ConversationId, from: u64, to: u64) -> Range<Message> {
    between(
        Index::Table,
        format_args!("{t}#CONVERSATION#{conversation}"),
        format_args!("MESSAGE#{from:012}"),
        format_args!("MESSAGE#{to:012}"),
    )
}
pub fn sent(t: &Tenant, conversation: &ConversationId, author: &UserId, nonce: &str) -> Key<Sent> {
    key(format_args!("{t}#CONVERSATION#{conversation}#SENT"), format_args!("{author}#{nonce}"))
}
/// The open connections of one person.
pub fn sockets_of(t: &Tenant, user: &UserId) -> Range<Socket> {
    range(Index::Table, format_args!("{t}#SOCKETS"), format_args!("{user}#"))
}
pub fn sockets(t: &Tenant) -> Range<Socket> {
    range(Index::Table, format_args!("{t}#SOCKETS"), "")
}
fn socket(t: &Tenant, user: &UserId, connection: &str) -> Key<Socket> {
    key(format_args!("{t}#SOCKETS"), format_args!("{user}#{connection}"))
}
pub fn watches(t: &Tenant, topic: &str) -> Range<Watch> {
    range(Index::Table, format_args!("{t}#WATCHES#{topic}"), "")
}
fn watch(t: &Tenant, topic: &str, connection: &str) -> Key<Watch> {
    key(format_args!("{t}#WATCHES#{topic}"), connection)
}
pub fn client(t: &Tenant, id: &ClientId) -> Key<Client> {
    key(format_args!("{t}#CLIENT#{id}"), "CLIENT")
}
pub fn clients(t: &Tenant) -> Range<Client> {
    range(Index::Gsi1, format_args!("{t}#CLIENTS"), "")
}
pub fn series(t: &Tenant, name: &str) -> Key<Series> {
    key(t, format_args!("SERIES#{name}"))
}
pub fn invoice(t: &Tenant, id: &InvoiceId) -> Key<Invoice> {
    key(format_args!("{t}#INVOICE#{id}"), "INVOICE")
}
pub fn invoices(t: &Tenant) -> Range<Invoice> {
    range(Index::Gsi1, format_args!("{t}#INVOICES"), "")
}
/// Those that are issued to a client.
pub fn invoices_of(t: &Tenant, client: &ClientId) -> Range<Invoice> {
    range(Index::Gsi2, format_args!("{t}#CLIENT#{client}#INVOICES"), "")
}
pub fn notification(t: &Tenant, user: &UserId, id: &NotificationId) -> Key<Notification> {
    key(format_args!("{t}#INBOX#{user}"), id)
}
pub fn notifications(t: &Tenant, user: &UserId) -> Range<Notification> {
    range(Index::Table, format_args!("{t}#INBOX#{user}"), "")
}
pub fn mailed(t: &Tenant, name: &str) -> Key<Mailed> {
    key(format_args!("{t}#MAILED"), name)
}
pub fn storage(t: &Tenant) -> Key<Storage> {
    key(t, "STORAGE")
}
pub fn usage(t: &Tenant, month: &Month) -> Key<Usage> {
    key(format_args!("{t}#USAGE"), month.as_str())
}
/// By month.
pub fn usages(t: &Tenant) -> Range<Usage> {
    range(Index::Table, format_args!("{t}#USAGE"), "")
}
/// `who` is the id of a person or of a key.
pub(crate) fn idempotency(t: &Tenant, who: &str, hash: &str) -> Key<()> {
    key(format_args!("{t}#IDEMPOTENCY#{who}"), hash)
}
pub(crate) fn change(t: &Tenant, change: &Change) -> Key<Change> {
    change_of(t, &change.id, &change.subject.id)
}
/// A change by its id and the id of what it is about.
pub(crate) fn change_of(t: &Tenant, id: &ChangeId, subject: &str) -> Key<Change> {
    // All changes of one record stand in one partition of the day, so that the stream delivers them in order
    let shard = shard(subject, limits::CHANGE_SHARDS);
    key(format_args!("{t}#CHANGES#{}#{shard}", day(id.made_at())), id)
}
pub(crate) fn changes_on(t: &Tenant, at: Timestamp, shard: u32, until: &str) -> Range<Change> {
    between(Index::Table, format_args!("{t}#CHANGES#{}#{shard}", day(at)), "", until)
}
pub(crate) fn changes_of(t: &Tenant, subject: &str) -> Range<Change> {
    range(Index::Gsi1, format_args!("{t}#CHANGES_OF#{subject}"), "")
}
pub(crate) fn changes_by(t: &Tenant, user: &UserId) -> Range<Change> {
    range(Index::Gsi2, format_args!("{t}#CHANGES_BY#{user}"), "")
}

// The platform's

pub(crate) fn roster() -> Key<Roster> {
    key(Tenant::of_platform(), "ROSTER")
}
pub fn operator_credentials(id: &OperatorId) -> Key<OperatorCredentials> {
    key(format_args!("PLATFORM#OPERATOR#{id}"), "CREDENTIALS")
}
pub fn operator_factor(id: &OperatorId) -> Key<OperatorFactor> {
    key(format_args!("PLATFORM#OPERATOR#{id}"), "SECOND_FACTOR")
}
pub(crate) fn operator_session(operator: &OperatorId, id: &SessionId) -> Key<OperatorSession> {
    key(format_args!("PLATFORM#OPERATOR#{operator}"), format_args!("SESSION#{id}"))
}
pub fn dossier(organization: &OrganizationId) -> Key<Dossier> {
    key(format_args!("PLATFORM#TENANT#{organization}"), "DOSSIER")
}
/// What is left of an organisation that was removed. It stands in the list of all of them as the organisation did.
pub fn tombstone(organization: &OrganizationId) -> Key<Tombstone> {
    key(format_args!("PLATFORM#TENANT#{organization}"), "TOMBSTONE")
}
/// All organisations, by when they were made, in a few partitions.
pub(crate) fn tenants(shard: u32, until: &str) -> Range<Organization> {
    between(Index::Gsi1, format_args!("TENANTS#{shard}"), "", until)
}
/// Of all organisations in one month, in a few partitions.
pub(crate) fn usages_in(month: &Month, shard: u32) -> Range<Usage> {
    range(Index::Gsi1, format_args!("USAGES#{}#{shard}", month.as_str()), "")
}
/// Words that begin so, and the organisations they are of. Words that begin alike stand together, the others elsewhere.
pub(crate) fn tenant_words(beginning: &str) -> Range<TenantWord> {
    let first: String = beginning.chars().take(1).collect();
    range(Index::Table, format_args!("TENANT_WORDS#{first}"), beginning)
}

fn day(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

/// Where a record is written: its key and its places in the indexes.
pub(crate) struct Place {
    pub(crate) pk: String,
    pub(crate) sk: String,
    pub(crate) indexed: Vec<(Index, String, String)>,
}

impl<R> From<Key<R>> for Place {
    fn from(key: Key<R>) -> Self {
        Self { pk: key.pk, sk: key.sk, indexed: Vec::new() }
    }
}

impl Place {
    fn in_index<R>(mut self, range: Range<R>, sk: impl fmt::Display) -> Self {
        self.indexed.push((range.index, range.pk, sk.to_string()));
        self
    }
}

pub(crate) fn place(t: &Tenant, record: &Record) -> Place {
    let me = |id: &UserId| Me(id.clone());
    match record {
        Record::User(it) => user(&me(&it.id)).into(),
        Record::EmailOwner(it) => email_owner(&it.email).into(),
        Record::Credentials(it) => credentials(&me(&it.user)).into(),
        Record::Passkey(it) => passkey(&me(&it.user), &it.id).into(),
        Record::SecondFactor(it) => second_factor(&me(&it.owner)).into(),
        Record::ResetAsk(it) => reset_ask(&it.email).into(),
        Record::Session(it) => session(&me(&it.user), &it.id).into(),
        Record::Organization(it) => {
            let shard = shard(it.id.as_str(), limits::TENANT_SHARDS);
            Place::from(organization(t)).in_index(tenants(shard, ""), &it.id)
        }
        Record::Settings(_) => settings(t).into(),
        Record::Access(_) => access(t).into(),
        Record::Everyone(_) => everyone(t).into(),
        Record::Membership(it) => {
            let place = Place::from(member(t, &it.user)).in_index(memberships(&me(&it.user)), &it.organization);
            let place = match it.standing {
                Standing::Removed => place,
                _ => place.in_index(members(t), place_by_name(it)),
            };
            match &it.department {
                Some(department) => place.in_index(members_in(t, department), &it.user),
                None => place,
            }
        }
        Record::Provider(it) => provider(t, &it.id).into(),
        Record::Link(it) => sign_in_link(t, &it.provider, &it.user).into(),
        Record::SubjectOwner(it) => subject_owner(t, &it.provider, &it.subject).into(),
        Record::Provisioned(it) => provisioned(t, &it.id).into(),
        Record::ExternalId(it) => external_id(t, it.resource, &it.value).into(),
        Record::MemberMail(it) => member_mail(t, &it.email).into(),
        Record::MemberWord(it) => key::<MemberWord>(members_with(t, &it.word).pk, by_name(&it.name, &it.user)).into(),
        Record::Structure(_) => structure(t).into(),
        Record::ApiKey(it) => api_key(t, &it.id).into(),
        Record::Team(it) => {
            let place = Place::from(team(t, &it.id)).in_index(teams(t), &it.id);
            match &it.department {
                Some(department) => place.in_index(teams_in(t, department), &it.id),
                None => place,
            }
        }
        Record::Card(it) => card(t, &it.user).into(),
        Record::Personal(it) => personal(t, &it.user).into(),
        Record::Webhook(it) => webhook(t, &it.id).into(),
        Record::Delivery(it) => Place::from(delivery(t, &it.webhook, &it.id)).in_index(deliveries_in(t, &it.webhook, it.state), &it.id),
        Record::JoinCode(it) => join_code(&it.code).into(),
        Record::Invitation(it) => invitation(t, &it.id).into(),
        Record::Invited(it) => invited(t, &it.email).into(),
        Record::Project(it) => Place::from(project(t, &it.id)).in_index(projects(t), &it.id),
        Record::Task(it) => Place::from(task(t, &it.id))
            .in_index(tasks(t, &it.project), &it.id)
            .in_index(tasks_by_due(t, &it.project), format_args!("{}#{}", due(it.due_at), it.id))
            .in_index(tasks_in(t, &it.project, it.state), format_args!("{}#{}", due(it.due_at), it.id)),
        Record::Comment(it) => comment(t, &it.task, &it.id).into(),
        Record::TaskWord(it) => key::<TaskWord>(tasks_with(t, &it.project, "").pk, format_args!("{}#{}", it.word, it.task)).into(),
        Record::Assignment(it) => key::<Assignment>(assignments(t, &it.user).pk, format_args!("{}#{}", due(it.due_at), it.task)).into(),
        Record::Picture(it) => picture(t, &it.id).into(),
        Record::File(it) => match &it.task {
            Some(task) => Place::from(file(t, &it.id)).in_index(files_of(t, task), &it.id),
            None => file(t, &it.id).into(),
        },
        Record::Conversation(it) => conversation(t, &it.id).into(),
        Record::DirectPair(it) => direct_pair(t, &it.first, &it.second).into(),
        Record::Participation(it) => participation(t, &it.user, &it.conversation).into(),
        Record::Message(it) => message(t, &it.conversation, it.seq).into(),
        Record::Sent(it) => sent(t, &it.conversation, &it.author, it.nonce.as_str()).into(),
        Record::Ticket(it) => ticket(&it.hash).into(),
        Record::Connection(it) => connection(&it.id).into(),
        Record::Socket(it) => socket(t, &it.user, &it.connection).into(),
        Record::Watch(it) => watch(t, &it.topic, &it.connection).into(),
        Record::Client(it) => Place::from(client(t, &it.id)).in_index(clients(t), &it.id),
        Record::Series(it) => series(t, &it.name).into(),
        Record::Invoice(it) => {
            let place = Place::from(invoice(t, &it.id)).in_index(invoices(t), &it.id);
            match it.status {
                InvoiceStatus::Issued => place.in_index(invoices_of(t, &it.client), &it.id),
                InvoiceStatus::Draft => place,
            }
        }
        Record::Notification(it) => notification(t, &it.user, &it.id).into(),
        Record::Timer(it) => timer(t, it).into(),
        Record::Mailed(it) => mailed(t, &it.name).into(),
        Record::Storage(_) => storage(t).into(),
        Record::Usage(it) => {
            let shard = shard(it.organization.as_str(), limits::TENANT_SHARDS);
            Place::from(usage(t, &it.month)).in_index(usages_in(&it.month, shard), &it.organization)
        }
        Record::Roster(_) => roster().into(),
        Record::OperatorCredentials(it) => operator_credentials(&it.operator).into(),
        Record::OperatorFactor(it) => operator_factor(&it.owner).into(),
        Record::OperatorSession(it) => operator_session(&it.operator, &it.id).into(),
        Record::Dossier(it) => dossier(&it.organization).into(),
        Record::Tombstone(it) => {
            let shard = shard(it.organization.as_str(), limits::TENANT_SHARDS);
            Place::from(tombstone(&it.organization)).in_index(tenants(shard, ""), &it.organization)
        }
        Record::TenantWord(it) => key::<TenantWord>(tenant_words(&it.word).pk, format_args!("{}#{}", it.word, it.organization)).into(),
    }
}

pub(crate) fn change_place(t: &Tenant, it: &Change) -> Place {
    let place = Place::from(change(t, it)).in_index(changes_of(t, &it.subject.id), &it.id);
    match &it.by.user {
        Some(user) => place.in_index(changes_by(t, user), &it.id),
        None => place,
    }
}

pub(crate) mod below;
#[cfg(test)]
mod tests;
