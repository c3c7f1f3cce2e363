//! What stands below what: the way on which all that an organisation has is found again when it is removed, without looking
//! through the table. A new kind of record says here what it leads to.

use super::*;
use domain::removal::Stage;

/// Something that goes before what leads to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Below {
    /// All of a partition that is the organisation's alone.
    Partition(String),
    /// One record among those of others.
    One { pk: String, sk: String },
}

fn one(t: &Tenant, record: impl Into<Record>) -> Below {
    let Place { pk, sk, .. } = place(t, &record.into());
    Below::One { pk, sk }
}

/// The partition in which something has its place.
fn with<R>(key: Key<R>) -> Below {
    Below::Partition(key.pk)
}

fn all<R>(range: Range<R>) -> Below {
    debug_assert_eq!(range.index, Index::Table);
    Below::Partition(range.pk)
}

fn idempotent(t: &Tenant, who: &str) -> Below {
    with(idempotency(t, who, ""))
}

fn linked(t: &Tenant, id: &ProviderId) -> Below {
    Below::Partition(format!("{t}#LINKS#{id}"))
}

fn told_of(t: &Tenant, id: &ConversationId) -> [Below; 2] {
    [with(conversation(t, id)), Below::Partition(format!("{t}#CONVERSATION#{id}#SENT"))]
}

fn owner_words(t: &Tenant, texts: [&str; 2]) -> Vec<Below> {
    texts.into_iter().flat_map(|text| TenantWord::of(t.id(), [text])).map(|word| one(t, word)).collect()
}

/// Where a removal begins at a stage.
pub(crate) fn roots(t: &Tenant, stage: &Stage, name: &Line) -> Vec<Below> {
    match stage {
        Stage::Records => {
            let words = TenantWord::of(t.id(), [name.as_str()]).into_iter().map(|word| one(t, word));
            let own = [all(sockets(t)), with(mailed(t, "")), all(usages(t)), Below::Partition(t.to_string())];
            words.chain(own).collect()
        }
        Stage::Trail { day } => (0..limits::CHANGE_SHARDS).map(|shard| Below::Partition(format!("{t}#CHANGES#{day}#{shard}"))).collect(),
        Stage::Files => Vec::new(),
    }
}

/// What stands in a partition. Of the organisation's own the door stays until the end, which is the first of it.
pub(crate) fn contents(t: &Tenant, partition: &str) -> Range<()> {
    if partition == t.to_string() {
        between(Index::Table, partition, format_args!("{}~", access(t).sk), "~")
    } else {
        range(Index::Table, partition, "")
    }
}

/// What a record leads to. What nothing else leads to stands in [`roots`], or is led to by the change that made it.
pub(crate) fn below(t: &Tenant, record: &Record) -> Vec<Below> {
    match record {
        Record::Access(it) => it.groups.iter().map(|group| with(provisioned(t, group.id.as_str()))).collect(),
        Record::Membership(it) => {
            let id = &it.user;
            let own = [all(assignments(t, id)), all(participations(t, id)), all(notifications(t, id)), with(provisioned(t, id.as_str()))];
            let words =
                if it.role == domain::policy::Role::Owner { owner_words(t, [it.name.as_str(), it.email.as_str()]) } else { Vec::new() };
            let lists = it.entries().into_iter().map(|entry| one(t, entry));
            own.into_iter().chain([idempotent(t, id.as_str()), with(member_mail(t, &it.email))]).chain(lists).chain(words).collect()
        }
        Record::Provisioned(it) => {
            let kinds = [Resource::User, Resource::Group];
            it.external_id.iter().flat_map(|value| kinds.map(|kind| with(external_id(t, kind, value)))).collect()
        }
        Record::ApiKey(it) => vec![idempotent(t, it.id.as_str())],
        Record::Webhook(it) => vec![all(deliveries(t, &it.id))],
        Record::Provider(it) => vec![linked(t, &it.id)],
        Record::Invitation(it) => vec![with(invited(t, &it.email))],
        Record::Participation(it) => told_of(t, &it.conversation).into(),
        Record::Conversation(it) => match &it.audience {
            Audience::Direct { members: [a, b] } => vec![with(direct_pair(t, a, b))],
            Audience::Everyone { .. } => Vec::new(),
        },
        Record::Task(it) => it.timers().into_iter().map(|timer| one(t, timer)).collect(),
        Record::Notification(it) => it.timer().into_iter().map(|timer| one(t, timer)).collect(),
        Record::Socket(it) => {
            let Key { pk, sk, .. } = connection(&it.connection);
            vec![Below::One { pk, sk }]
        }
        // They lead nowhere, or to what the trail leads to as well
        Record::Organization(_)
        | Record::Settings(_)
        | Record::Everyone(_)
        | Record::MemberWord(_)
        | Record::MemberMail(_)
        | Record::Card(_)
        | Record::Personal(_)
        | Record::Structure(_)
        | Record::Team(_)
        | Record::Delivery(_)
        | Record::Invited(_)
        | Record::ExternalId(_)
        | Record::Link(_)
        | Record::SubjectOwner(_)
        | Record::Project(_)
        | Record::TaskWord(_)
        | Record::Assignment(_)
        | Record::Comment(_)
        | Record::Picture(_)
        | Record::File(_)
        | Record::DirectPair(_)
        | Record::Message(_)
        | Record::Sent(_)
        | Record::Watch(_)
        | Record::Client(_)
        | Record::Series(_)
        | Record::Invoice(_)
        | Record::Mailed(_)
        | Record::Storage(_)
        | Record::Usage(_) => Vec::new(),
        // In no partition of an organisation
        Record::User(_)
        | Record::EmailOwner(_)
        | Record::Credentials(_)
        | Record::SecondFactor(_)
        | Record::Passkey(_)
        | Record::Session(_)
        | Record::ResetAsk(_)
        | Record::JoinCode(_)
        | Record::Ticket(_)
        | Record::Connection(_)
        | Record::Timer(_)
        | Record::Roster(_)
        | Record::OperatorCredentials(_)
        | Record::OperatorFactor(_)
        | Record::OperatorSession(_)
        | Record::Dossier(_)
        | Record::Tombstone(_)
        | Record::TenantWord(_) => Vec::new(),
    }
}

/// What a change leads to: whatever was made has one, and the id of what it is about says where that is.
pub(crate) fn below_change(t: &Tenant, change: &Change) -> Vec<Below> {
    let id = change.subject.id.as_str();
    let watched = || all(watches(t, id));
    if let Ok(id) = id.parse() {
        vec![with(project(t, &id)), all(tasks_with(t, &id, "")), watched()]
    } else if let Ok(id) = id.parse() {
        vec![with(task(t, &id))]
    } else if let Ok(id) = id.parse() {
        told_of(t, &id).into_iter().chain([watched()]).collect()
    } else if let Ok(id) = id.parse() {
        vec![with(file(t, &id))]
    } else if let Ok(id) = id.parse() {
        vec![with(picture(t, &id))]
    } else if let Ok(id) = id.parse() {
        vec![with(team(t, &id))]
    } else if let Ok(id) = id.parse() {
        vec![with(client(t, &id))]
    } else if let Ok(id) = id.parse() {
        vec![with(invoice(t, &id))]
    } else if let Ok(id) = id.parse() {
        vec![all(deliveries(t, &id))]
    } else if let Ok(id) = id.parse() {
        vec![linked(t, &id)]
    } else if id.parse::<ApiKeyId>().is_ok() {
        vec![idempotent(t, id)]
    } else if id.parse::<GroupId>().is_ok() {
        vec![with(provisioned(t, id))]
    } else {
        Vec::new()
    }
}
