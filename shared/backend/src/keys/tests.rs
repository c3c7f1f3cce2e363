//! The list of keys, printed: the document of the data model.

use super::*;
use domain::{api_key::Secret, text::Label};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Write as _};

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// Ids of every kind; all but the organisation's are the same for every `Ids`.
struct Ids {
    t: Tenant,
    me: Me,
    user: UserId,
    other: UserId,
    session: SessionId,
    passkey: PasskeyId,
    provider: ProviderId,
    invitation: InvitationId,
    department: DepartmentId,
    api_key: ApiKeyId,
    team: TeamId,
    webhook: WebhookId,
    delivery: DeliveryId,
    project: ProjectId,
    task: TaskId,
    comment: CommentId,
    file: FileId,
    picture: PictureId,
    conversation: ConversationId,
    client: ClientId,
    invoice: InvoiceId,
    notification: NotificationId,
    timer: Timer,
    operator: OperatorId,
    change: Change,
}

impl Ids {
    fn of(organization: OrganizationId) -> Self {
        let (user, task) = (UserId::new(NOW, 1), TaskId::new(NOW, 2));
        Self {
            t: Tenant(organization.clone()),
            me: Me(user.clone()),
            other: UserId::new(NOW, 3),
            session: SessionId::new(NOW, 4),
            passkey: PasskeyId::new(NOW, 15),
            provider: ProviderId::new(NOW, 19),
            invitation: InvitationId::new(NOW, 5),
            department: DepartmentId::new(NOW, 6),
            api_key: ApiKeyId::new(NOW, 15),
            team: TeamId::new(NOW, 15),
            webhook: WebhookId::new(NOW, 17),
            delivery: DeliveryId::new(NOW, 18),
            project: ProjectId::new(NOW, 7),
            comment: CommentId::new(NOW, 8),
            file: FileId::new(NOW, 9),
            picture: PictureId::new(NOW, 15),
            conversation: ConversationId::new(NOW, 10),
            client: ClientId::new(NOW, 11),
            invoice: InvoiceId::new(NOW, 12),
            notification: NotificationId::new(NOW, 13),
            timer: Timer::new(domain::timer::Purpose::TaskDue { task: task.clone() }, NOW),
            operator: OperatorId::new(NOW, 15),
            change: Change {
                id: ChangeId::new(NOW, 14),
                organization,
                action: "task.created".to_owned(),
                subject: Subject { kind: "task".to_owned(), id: task.to_string() },
                by: Actor::person(&user, "Mia"),
                at: NOW,
                origin: Origin::default(),
                topic: None,
                before: None,
                after: None,
            },
            user,
            task,
        }
    }

    /// Every function that gives a key.
    fn keys(&self) -> Vec<(&'static str, Place)> {
        macro_rules! list {
            ($($name:ident($($argument:expr),*),)*) => { vec![$((stringify!($name), $name($($argument),*).into())),*] };
        }
        let t = &self.t;
        list![
            user(&self.me),
            credentials(&self.me),
            second_factor(&self.me),
            passkey(&self.me, &self.passkey),
            session(&self.me, &self.session),
            email_owner(&"mia@example.com".parse().unwrap()),
            join_code(&"8fqj2m4x6c".parse().unwrap()),
            reset_ask(&"mia@example.com".parse().unwrap()),
            ticket("HASH"),
            connection("CONNECTION"),
            attempts("LOGIN", "HASH", 29_453_760),
            visitor_idempotency("HASH"),
            timer(t, &self.timer),
            organization(t),
            settings(t),
            access(t),
            everyone(t),
            member(t, &self.user),
            provider(t, &self.provider),
            sign_in_link(t, &self.provider, &self.user),
            subject_owner(t, &self.provider, "HASH"),
            provisioned(t, self.user.as_str()),
            external_id(t, domain::scim::Resource::User, &"00u1".parse().unwrap()),
            member_mail(t, &"mia@example.com".parse().unwrap()),
            card(t, &self.user),
            personal(t, &self.user),
            structure(t),
            api_key(t, &self.api_key),
            team(t, &self.team),
            webhook(t, &self.webhook),
            delivery(t, &self.webhook, &self.delivery),
            invitation(t, &self.invitation),
            invited(t, &"mia@example.com".parse().unwrap()),
            project(t, &self.project),
            task(t, &self.task),
            comment(t, &self.task, &self.comment),
            picture(t, &self.picture),
            file(t, &self.file),
            conversation(t, &self.conversation),
            direct_pair(t, &self.other, &self.user),
            participation(t, &self.user, &self.conversation),
            message(t, &self.conversation, 7),
            sent(t, &self.conversation, &self.user, "NONCE"),
            socket(t, &self.user, "CONNECTION"),
            watch(t, "TOPIC", "CONNECTION"),
            client(t, &self.client),
            series(t, "2026"),
            invoice(t, &self.invoice),
            notification(t, &self.user, &self.notification),
            mailed(t, "NAME"),
            storage(t),
            usage(t, &Month::of(NOW)),
            idempotency(t, self.user.as_str(), "HASH"),
            change(t, &self.change),
            roster(),
            operator_credentials(&self.operator),
            operator_factor(&self.operator),
            operator_session(&self.operator, &self.session),
            tombstone(t.id()),
            dossier(t.id()),
            change_of(t, &self.change.id, "SUBJECT"),
        ]
    }

    /// Every function that gives a range.
    fn ranges(&self) -> Vec<(&'static str, Range<()>)> {
        macro_rules! list {
            ($($name:ident($($argument:expr),*),)*) => { vec![$((stringify!($name), untyped($name($($argument),*)))),*] };
        }
        fn untyped<R>(it: Range<R>) -> Range<()> {
            Range { index: it.index, pk: it.pk, bounds: it.bounds, record: PhantomData }
        }
        let t = &self.t;
        list![
            passkeys(&self.me),
            sessions(&self.me),
            memberships(&self.me),
            timers(3, NOW),
            members(t),
            members_with(t, "WORD"),
            members_in(t, &self.department),
            providers(t),
            api_keys(t),
            teams(t),
            teams_in(t, &self.department),
            webhooks(t),
            deliveries(t, &self.webhook),
            deliveries_in(t, &self.webhook, DeliveryState::Failed),
            deliveries_since(t, &self.webhook, DeliveryState::Failed, NOW),
            invitations(t),
            projects(t),
            tasks(t, &self.project),
            tasks_by_due(t, &self.project),
            tasks_in(t, &self.project, State::InReview),
            tasks_with(t, &self.project, "WORD"),
            assignments(t, &self.user),
            assignments_due_before(t, &self.user, NOW),
            comments(t, &self.task),
            files_of(t, &self.task),
            participations(t, &self.user),
            messages(t, &self.conversation, 1, 50),
            sockets_of(t, &self.user),
            sockets(t),
            watches(t, "TOPIC"),
            clients(t),
            invoices(t),
            invoices_of(t, &self.client),
            notifications(t, &self.user),
            changes_on(t, NOW, 3, "chg_~"),
            changes_of(t, self.task.as_str()),
            changes_by(t, &self.user),
            usages(t),
            usages_in(&Month::of(NOW), 3),
            tenants(3, "org_~"),
            tenant_words("acme"),
        ]
    }

    /// A record of every kind, made by the rules themselves.
    fn records(&self) -> Vec<Record> {
        let (commits, beside) = self.made();
        commits.into_iter().flat_map(|commit| commit.writes).map(|write| write.record().clone()).chain(beside).collect()
    }

    /// What the rules of the product write, and what follows from it.
    fn made(&self) -> (Vec<Commit>, Vec<Record>) {
        let mut next = 100;
        let mut random = || {
            next += 1;
            next
        };
        let organization = self.t.id();
        let form = json!({
            "name": "Mia", "email": "mia@example.com", "password": "correct horse", "organization": "Acme", "address": "1 Mill Lane",
            "phone": "+44 20 7946 0000", "expected_users": 5
        });
        let (founded, founding) = found(read(form), "HASH".to_owned(), NOW, &mut random).unwrap();
        let house = Organization { id: organization.clone(), ..founded.organization };
        let me = User { id: self.user.clone(), ..founded.user };
        let inviter = me.joins(organization, domain::policy::Role::Owner, Some(self.department.clone()), NOW);
        let login = Login {
            id: self.session.clone(),
            place: &inviter,
            device: String::new(),
            address: String::new(),
            refresh_hash: String::new(),
            credentials: 1,
            second_factor: false,
            through: None,
        };
        let born = User { date_of_birth: Some("1990-05-17".parse().unwrap()), ..me.clone() };
        let member = born.joins(organization, domain::policy::Role::Member, None, NOW);
        let known = Known { member, card: None, personal: None, provisioned: None };
        let followed = known.follow(&born, Some((Some((read(json!("Gardener")), None)), NOW))).unwrap();
        let draft = json!({ "email": "ben@example.com", "role": "member" });
        let (access, grants) = (Access::default(), inviter.role.grants());
        let by = Inviter { member: &inviter, access: &access, grants: &grants, now: NOW };
        let (_, invited) = Invitation::new(self.invitation.clone(), read(draft), &house, &by, &Earlier::default()).unwrap();
        let draft = json!({ "name": "Planting", "department": self.department });
        let (_, gathered) = domain::team::Team::new(self.team.clone(), read(draft), NOW);
        let (_, planned) = Project::new(self.project.clone(), read(json!({ "name": "Garden" })), None, &self.user, NOW).unwrap();
        let due = NOW + jiff::SignedDuration::from_hours(1);
        let draft = json!({ "project": self.project, "title": "Paint", "assignees": [self.user], "due_at": due });
        let (task, made) = Task::new(self.task.clone(), read(draft), &self.user, NOW).unwrap();
        let (_, commented) = Comment::new(self.comment.clone(), &task, &self.user, "Mia", read(json!("Blue?")), NOW).unwrap();
        let draft = json!({ "name": "plan.pdf", "media_type": "application/pdf", "bytes": 9, "task": self.task });
        let (_, announced) = File::new(self.file.clone(), read(draft), Some(self.project.clone()), &self.user, NOW).unwrap();
        let draft = read(json!({ "of": "me", "media_type": "image/png", "bytes": 9 }));
        let (_, pictured) = Picture::new(self.picture.clone(), draft, &self.user, &inviter.role.grants(), NOW).unwrap();
        let (talk, started) = Conversation::direct(self.conversation.clone(), &self.user, &self.other, NOW).unwrap();
        let words = read(json!({ "text": "Lunch?", "nonce": "NONCE" }));
        let (_, said) = talk.say(MessageId::new(NOW, 1), &self.user, "Mia", words, NOW);
        let ticket = Ticket {
            hash: "HASH".to_owned(),
            user: self.user.clone(),
            organization: organization.clone(),
            session: self.session.clone(),
            ends_at: NOW,
            expires: 0,
        };
        let (connection, opened) = Connection::open("CONNECTION".to_owned(), &ticket, domain::policy::Role::Owner, NOW);
        let draft = json!({ "name": "Rose", "email": "rose@example.com", "address": "2 High Street" });
        let (client, taken_on) = Client::new(self.client.clone(), read(draft), NOW);
        let lines = json!([{ "description": "x", "quantity_milli": 1, "unit": "h", "unit_price": 1 }]);
        let draft = read(json!({ "client": self.client, "lines": lines }));
        let (invoice, drafted) = Invoice::draft(self.invoice.clone(), draft, &client, &house, None, NOW).unwrap();
        let (_, issued) = invoice.issue(None, NOW).unwrap();
        let told = domain::notification::of_timer(&task.timers()[0], &task);
        let (_, decided) = Settings::default().edit(read(json!({ "inbox_days": 30 }))).unwrap();
        let (_, opened_joining) = house.clone().open_joining(read(json!({})), 7).unwrap();
        let secret = Secret { hash: "HASH".to_owned(), by: self.user.clone(), by_name: read(json!("Mia")), admitted_at: NOW, made_at: NOW };
        let draft = read(json!({ "name": "Import", "permissions": ["read_tasks"] }));
        let (_, keyed) = ApiKey::new(self.api_key.clone(), draft, secret, &inviter.role.grants(), NOW).unwrap();
        let enrolled = SecondFactor::begin(&self.user, "SEALED".to_owned(), None).unwrap();
        let (first, platform_opened) = Roster::open(self.operator.clone(), read(json!("Ada")), me.email.clone(), "HASH".to_owned(), NOW);
        let sign_in = SignIn { id: self.session.clone(), operator: &first, origin: Origin::default(), second_factor: false };
        let (_, signed_in) = OperatorSession::open(sign_in, NOW);
        let secured = OperatorFactor::begin(&self.operator, "SEALED".to_owned(), None).unwrap();
        let dossier = Dossier::empty(organization);
        let access = domain::access::Access::of_founder(&self.user);
        let wish = read(json!({ "name": "Acme", "password": "correct horse" }));
        let (view, asked) = access.ask_for_removal(&house, &self.user, wish, NOW).unwrap();
        let planned_for = view.at;
        let asked_of = |write: &Write| match write.record() {
            Record::Access(access) => Some(access.as_ref().clone()),
            _ => None,
        };
        let leaving =
            House { organization: house.clone(), access: asked.writes.iter().find_map(asked_of).unwrap(), dossier: dossier.clone() };
        let buried = leaving.begin_removal(Timer::new(domain::timer::Purpose::Removal, planned_for), planned_for).unwrap();
        let noted = House { organization: house.clone(), access, dossier }.suspend(read(json!("x")), NOW).unwrap();
        let words = TenantWord::all(&house, std::slice::from_ref(&inviter)).into_iter().map(Record::from);
        let draft = read(json!({ "url": "https://hooks.example.com/", "events": ["*"] }));
        let (hook, hooked) = Webhook::new(self.webhook.clone(), draft, &inviter, &Access::default(), NOW).unwrap();
        let delivery = Delivery::new(&hook, &self.change.id, &self.change.action, &self.change.subject, NOW).unwrap();
        let key = domain::passkey::VerifyingKey::Ed25519 { point: String::new() };
        let by_device = domain::passkey::Made { credential: "CREDENTIAL".to_owned(), key, counter: 0 };
        let (_, added) = Passkey::new(self.passkey.clone(), &self.user, read(json!("Phone")), by_device, &[], NOW).unwrap();
        let draft = json!({ "name": "Acme account", "issuer": "https://login.acme.example", "client_id": "x", "client_secret": "x" });
        let (grants, rights) = (inviter.role.grants(), Access::of_founder(&self.user));
        let connector = domain::provider::Connector { member: &inviter, grants: &grants, access: &rights };
        let (_, connected) = connector.add(self.provider.clone(), read(draft), "SEALED".to_owned(), NOW).unwrap();
        let link = Link { provider: self.provider.clone(), user: self.user.clone(), subject: "HASH".to_owned(), since: NOW, version: 1 };
        let commits = vec![
            connected,
            link.undo(),
            enrolled,
            added,
            platform_opened,
            signed_in,
            secured,
            noted.ours,
            buried.ours,
            founding,
            hooked,
            keyed,
            decided,
            opened_joining,
            followed,
            invited,
            gathered,
            planned,
            made,
            commented,
            announced,
            pictured,
            started,
            said,
            opened,
            connection.watch(self.project.as_str()).unwrap(),
            taken_on,
            drafted,
            issued,
        ];
        let used = Record::from(Usage::empty(organization, Month::of(NOW)));
        let kept = Record::from(Storage::default());
        let session = Record::from(Session::open(login, NOW).0);
        let provisioned =
            domain::scim::Provisioned { external_id: Some(read(json!("00u1"))), version: 1, ..domain::scim::Provisioned::none(&self.user) };
        let external =
            domain::scim::ExternalId { resource: domain::scim::Resource::User, value: read(json!("00u1")), id: self.user.to_string() };
        let mailed = Record::from(Mailed::begun("NAME", NOW));
        let placed = Record::from(inviter.clone());
        let partner = User { id: self.other.clone(), ..me.clone() }.joins(organization, domain::policy::Role::Member, None, NOW);
        let ask = Record::from(ResetAsk::new(me.email.clone(), NOW));
        let beside = words
            .chain(task.entries())
            .chain(inviter.entries())
            .chain(told.into_iter().map(Record::from))
            .chain([session, mailed, ask, placed, partner.into(), used, kept, delivery.into(), provisioned.into(), external.into()])
            .collect();
        (commits, beside)
    }
}

/// What stands elsewhere and goes with the door, with the session's person, or by itself within a minute.
const GOES_OTHERWISE: [&str; 4] = ["access", "join_code", "session", "ticket"];

#[test]
fn all_that_an_organisation_has_is_led_to_from_its_own_partition_and_its_trail() {
    use below::{Below, below, below_change, roots};
    use domain::removal::Stage;
    let ids = Ids::of(organization_number(0));
    let (t, (commits, _)) = (&ids.t, ids.made());
    let drafts = commits.iter().flat_map(|commit| &commit.drafts);
    let change = |subject: &Subject| Change { subject: subject.clone(), ..ids.change.clone() };
    let trail: Vec<_> = drafts.map(|draft| change(&draft.subject)).collect();
    let places: Vec<_> = ids.records().into_iter().map(|record| (place(t, &record), record)).collect();
    let stages = [Stage::Records, Stage::Trail { day: ids.change.at.to_zoned(jiff::tz::TimeZone::UTC).date() }];
    let mut todo: Vec<_> = stages.iter().flat_map(|stage| roots(t, stage, &"Acme".parse().unwrap())).collect();
    let mut led_to = BTreeSet::new();
    while let Some(next) = todo.pop() {
        if !led_to.insert(next.clone()) {
            continue;
        }
        let Below::Partition(pk) = next else { continue };
        todo.extend(places.iter().filter(|(place, _)| place.pk == pk).flat_map(|(_, record)| below(t, record)));
        todo.extend(trail.iter().filter(|change| change_place(t, change).pk == pk).flat_map(|change| below_change(t, change)));
    }
    let theirs = |record: &Record, place: &Place| {
        let shared = SHARED.iter().any(|shared| place.pk.starts_with(shared.trim_end_matches('*'))) || record.kind() == "tenant_word";
        shared || place.pk == t.to_string() || place.pk.starts_with(&format!("{t}#"))
    };
    for (place, record) in places.iter().filter(|(place, record)| theirs(record, place) && !GOES_OTHERWISE.contains(&record.kind())) {
        let one = Below::One { pk: place.pk.clone(), sk: place.sk.clone() };
        let found = led_to.contains(&one) || led_to.contains(&Below::Partition(place.pk.clone()));
        assert!(found, "nothing leads to {} at {} | {}: see keys/below.rs", record.kind(), place.pk, place.sk);
    }
}

fn organization_number(random: u128) -> OrganizationId {
    OrganizationId::new(NOW, random)
}

#[test]
fn the_list_of_keys() {
    let ids = Ids::of(organization_number(0));
    let mut list = String::from("# Keys\n");
    for (name, Place { pk, sk, .. }) in ids.keys() {
        let _ = writeln!(list, "{name:<24}{pk} | {sk}");
    }
    list.push_str("\n# Ranges\n");
    for (name, range) in ids.ranges() {
        let _ = writeln!(list, "{name:<24}{range}");
    }
    list.push_str("\n# Records in indexes\n");
    let mut seen = BTreeSet::new();
    let places = ids.records().into_iter().map(|record| (record.kind(), place(&ids.t, &record)));
    for (kind, Place { indexed, .. }) in places.chain([("change", change_place(&ids.t, &ids.change))]) {
        for (index, pk, sk) in indexed {
            if seen.insert((kind, index.names().0)) {
                let _ = writeln!(list, "{kind:<24}{index:?}: {pk} | {sk}");
            }
        }
    }
    insta::assert_snapshot!(list);
}

#[test]
fn every_key_is_in_the_list() {
    let ids = Ids::of(organization_number(0));
    let listed: BTreeSet<_> = ids.keys().into_iter().map(|(name, _)| name).chain(ids.ranges().into_iter().map(|(name, _)| name)).collect();
    let source = include_str!("../keys.rs");
    for function in
        source.split("\nfn ").flat_map(|part| part.split(" fn ")).filter(|text| text.contains("(t: &Tenant") || text.contains("(me: &Me"))
    {
        let (name, rest) = function.split_once('(').unwrap();
        let gives = rest.split('{').next().unwrap();
        if gives.contains("-> Key<") || gives.contains("-> Range<") {
            assert!(listed.contains(name), "add {name} to the list in shared/backend/src/keys/tests.rs");
        }
    }
    let kinds: BTreeSet<_> = ids.records().iter().map(Record::kind).collect();
    assert_eq!(kinds, Record::KINDS.iter().copied().collect(), "make one of each kind in `Ids::records`");
}

#[test]
fn no_record_has_a_field_that_the_table_has_for_itself() {
    let indexes = [Index::Table, Index::Gsi1, Index::Gsi2, Index::Gsi3].map(Index::names);
    let taken: Vec<_> = indexes.iter().flat_map(|(_, pk, sk)| [*pk, *sk]).chain(["kind", "tenant", "heard"]).collect();
    for record in Ids::of(organization_number(0)).records() {
        let fields = serde_json::to_value(&record).unwrap();
        for name in &taken {
            assert!(fields.get(name).is_none(), "{} has a field {name}", record.kind());
        }
    }
}

/// What stands outside the organisations: a person's own, what nobody has proved to be yet, the timers, whose keys name theirs,
/// and the platform's own.
const OUTSIDE: &[&str] = &[
    "user",
    "passkey",
    "passkeys",
    "credentials",
    "second_factor",
    "session",
    "memberships",
    "email_owner",
    "join_code",
    "reset_ask",
    "ticket",
    "connection",
    "attempts",
    "visitor_idempotency",
    "sessions",
    "timers",
    "roster",
    "operator_credentials",
    "operator_factor",
    "operator_session",
    "tenants",
    "usages_in",
    "tenant_words",
    "tenant_word",
];

fn is_in<R>(range: &Range<R>, index: Index, pk: &str, sk: &str) -> bool {
    // Stronger than a query, which compares the whole partition key
    let fits = match &range.bounds {
        Bounds::Prefix(prefix) => sk.starts_with(prefix.as_str()),
        Bounds::Between(from, to) => from.as_str() <= sk && sk <= to.as_str(),
    };
    range.index == index && pk.starts_with(&range.pk) && fits
}

proptest! {
    #[test]
    fn what_is_of_one_organisation_is_in_no_range_and_under_no_key_of_another(a: u128, b: u128, near in 0u32..80) {
        for (a, b) in [(a, b), (a, a ^ (1 << near))] {
            let (a, b) = (organization_number(a), organization_number(b));
            prop_assume!(a != b);
            let (ours, theirs) = (Ids::of(a), Ids::of(b));
            let mut places: Vec<_> = ours.records().into_iter().filter(|record| !OUTSIDE.contains(&record.kind())).map(|record| (record.kind(), place(&ours.t, &record))).collect();
            places.push(("change", change_place(&ours.t, &ours.change)));
            let ranges: Vec<_> = theirs.ranges().into_iter().filter(|(name, _)| !OUTSIDE.contains(name)).collect();
            let keys: Vec<_> = theirs.keys().into_iter().filter(|(name, _)| !OUTSIDE.contains(name)).collect();
            for (kind, at) in &places {
                let everywhere = [(Index::Table, &at.pk, &at.sk)].into_iter().chain(at.indexed.iter().map(|(index, pk, sk)| (*index, pk, sk)));
                for (index, pk, sk) in everywhere {
                    for (name, range) in &ranges {
                        prop_assert!(!is_in(range, index, pk, sk), "{} is in {}", kind, name);
                    }
                }
                for (name, key) in &keys {
                    prop_assert!((&key.pk, &key.sk) != (&at.pk, &at.sk), "{} is at {}", kind, name);
                }
            }
        }
    }

    #[test]
    fn words_from_outside_do_not_lead_out_of_their_place(text in "[#~|a-z_]{1,40}") {
        let ids = Ids::of(organization_number(0));
        let Ok(nonce) = text.parse::<Label>() else { return Ok(()) };
        let at = sent(&ids.t, &ids.conversation, &ids.user, nonce.as_str());
        let other = sent(&ids.t, &ids.conversation, &ids.other, nonce.as_str());
        prop_assert!(at.sk != other.sk && at.pk == other.pk);
        let mine = ids.user.as_str();
        prop_assert!(!other.sk.starts_with(mine));
        for word in domain::text::words([text.as_str()]) {
            prop_assert!(!word.contains('#'));
        }
    }
}
