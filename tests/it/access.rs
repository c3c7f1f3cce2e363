//! Who may ask what: every operation, asked by nobody, by strangers and in every role.
//!
//! An operation without a case in [`CASES`] fails here, and so does a case without an operation.

use domain::{
    policy::{POLICY, Role, Row},
    structure::ScopedRole,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tests::{Answer, Device, Organization, Person, World, code};

/// What every operation is asked with, and a body that is taken. Names in braces stand for real objects.
/// What ends an object comes after what needs it.
const CASES: &[(&str, &str)] = &[
    ("GET /.well-known/jwks.json", ""),
    (
        "POST /api/v1/auth/register",
        r#"{"name":"Zoe","email":"{new_email}","password":"correct horse battery","organization":"New","address":"1 Road","phone":"12345","expected_users":1}"#,
    ),
    ("POST /api/v1/auth/login", r#"{"email":"{email}","password":"correct horse battery"}"#),
    ("POST /api/v1/auth/login/second-factor", r#"{"challenge":"{challenge}","code":"{second_code}"}"#),
    ("POST /api/v1/auth/login/passkey/begin", ""),
    ("POST /api/v1/auth/login/passkey", r#"{"passkey":{assertion}}"#),
    ("GET /api/v1/auth/passkeys", ""),
    ("POST /api/v1/auth/passkeys/begin", r#"{"password":"correct horse battery"}"#),
    ("POST /api/v1/auth/passkeys", r#"{"name":"Phone","credential":{"response":{"clientDataJSON":"","authenticatorData":""}}}"#),
    ("PATCH /api/v1/auth/passkeys/{passkey}", r#"{"name":"Old phone"}"#),
    ("DELETE /api/v1/auth/passkeys/{passkey}", ""),
    ("GET /api/v1/auth/second-factor", ""),
    ("POST /api/v1/auth/second-factor/confirm", r#"{"code":"123456"}"#),
    ("POST /api/v1/auth/second-factor/recovery-codes", r#"{"password":"correct horse battery","code":"123456"}"#),
    ("POST /api/v1/auth/second-factor/switch-off", r#"{"password":"correct horse battery","code":"123456"}"#),
    ("POST /api/v1/auth/second-factor", r#"{"password":"correct horse battery"}"#),
    ("DELETE /api/v1/auth/members/{colleague}/second-factor", ""),
    ("POST /api/v1/auth/refresh", r#"{"refresh_token":"{refresh_token}"}"#),
    ("POST /api/v1/auth/join", r#"{"token":"{invitation_token}","name":"Zoe","password":"correct horse battery"}"#),
    ("POST /api/v1/auth/verify-email", r#"{"token":"{email_token}"}"#),
    ("GET /api/v1/auth/verify", ""),
    ("POST /api/v1/auth/verify-email/resend", ""),
    ("GET /api/v1/auth/profile", ""),
    ("PATCH /api/v1/auth/profile", r#"{"locale":"en-GB"}"#),
    ("GET /api/v1/auth/card", ""),
    ("PATCH /api/v1/auth/card", r#"{"skills":["Pruning"]}"#),
    ("POST /api/v1/auth/forgot-password", r#"{"email":"{new_email}"}"#),
    ("POST /api/v1/auth/ask-to-join", r#"{"code":"{code}","email":"{new_email}"}"#),
    ("POST /api/v1/auth/reset-password", r#"{"token":"{reset_token}","new":"correct horse battery"}"#),
    ("GET /api/v1/auth/organizations", ""),
    ("POST /api/v1/auth/switch", r#"{"organization":"{organization}"}"#),
    ("GET /api/v1/auth/sessions", ""),
    ("DELETE /api/v1/auth/sessions/{session}", ""),
    ("POST /api/v1/auth/change-password", r#"{"current":"correct horse battery","new":"correct horse battery"}"#),
    ("GET /api/v1/organization", ""),
    ("PATCH /api/v1/organization", r#"{"phone":"+44 20 7946 0001"}"#),
    ("POST /api/v1/organization/join-code", "{}"),
    ("DELETE /api/v1/organization/join-code", ""),
    ("GET /api/v1/organization/settings", ""),
    ("PATCH /api/v1/organization/settings", r#"{"inbox_days":90}"#),
    ("POST /api/v1/organization/holidays", r#"{"text":"2026-12-25 Christmas Day"}"#),
    ("GET /api/v1/organization/working-days?from=2026-12-21&to=2026-12-31", ""),
    ("GET /api/v1/organization/chart", ""),
    ("GET /api/v1/organization/chart.svg", ""),
    ("GET /api/v1/organization/sign-in", ""),
    ("PUT /api/v1/organization/sign-in", r#"{"second_factor":false}"#),
    ("GET /api/v1/organization/usage", ""),
    ("GET /api/v1/departments", ""),
    ("GET /api/v1/departments/{department}", ""),
    ("POST /api/v1/departments", r#"{"name":"{new_email}","parent":"{department}"}"#),
    ("PATCH /api/v1/departments/{department}", r#"{"parent":null}"#),
    ("PUT /api/v1/departments/{department}/heads/{colleague}", ""),
    ("DELETE /api/v1/departments/{department}/heads/{colleague}", ""),
    ("DELETE /api/v1/departments/{empty}", ""),
    ("GET /api/v1/teams", ""),
    ("GET /api/v1/teams?department={department}", ""),
    ("GET /api/v1/teams?member={member}", ""),
    ("POST /api/v1/teams", r#"{"name":"Planting","department":"{department}"}"#),
    ("GET /api/v1/teams/{team}", ""),
    ("PATCH /api/v1/teams/{team}", r#"{"department":"{department}"}"#),
    ("PUT /api/v1/teams/{team}/members/{colleague}", r#"{"role":"member","title":"Gardener"}"#),
    ("PUT /api/v1/teams/{own_team}/members/{colleague}", "{}"),
    ("DELETE /api/v1/teams/{team}/members/{colleague}", ""),
    ("POST /api/v1/teams/{team}/goals", r#"{"text":"Two hundred trees"}"#),
    ("PATCH /api/v1/teams/{team}/goals/{goal}", r#"{"done":true}"#),
    ("DELETE /api/v1/teams/{team}/goals/{goal}", ""),
    ("GET /api/v1/members", ""),
    ("POST /api/v1/members/import", "email\nzoe@example.com"),
    ("GET /api/v1/members/export", ""),
    ("GET /api/v1/members/{member}", ""),
    ("GET /api/v1/members/{member}/card", ""),
    ("GET /api/v1/members/{member}/personal", ""),
    ("PATCH /api/v1/members/{colleague}", r#"{"groups":[]}"#),
    ("POST /api/v1/members/{colleague}/deactivate", ""),
    ("POST /api/v1/members/{colleague}/reactivate", ""),
    ("DELETE /api/v1/members/{leaver}", ""),
    ("GET /api/v1/roles", ""),
    ("GET /api/v1/roles/built-in", ""),
    ("POST /api/v1/roles", r#"{"name":"Auditor","permissions":["read_audit"]}"#),
    ("PATCH /api/v1/roles/{role}", r#"{"permissions":[]}"#),
    ("DELETE /api/v1/roles/{role}", ""),
    ("GET /api/v1/groups", ""),
    ("POST /api/v1/groups", r#"{"name":"Works council"}"#),
    ("PATCH /api/v1/groups/{group}", r#"{"permissions":["read_billing"]}"#),
    ("DELETE /api/v1/groups/{group}", ""),
    ("GET /api/v1/invitations", ""),
    ("POST /api/v1/invitations", r#"{"email":"kim@example.com","role":"guest","department":"{department}"}"#),
    ("POST /api/v1/invitations/{invitation}/approve", "{}"),
    ("POST /api/v1/invitations/{invitation}/resend", ""),
    ("DELETE /api/v1/invitations/{invitation}", ""),
    ("GET /api/v1/projects", ""),
    ("POST /api/v1/projects", r#"{"name":"Shed","lead":"{member}"}"#),
    ("GET /api/v1/projects/{project}", ""),
    ("PATCH /api/v1/projects/{project}", r#"{"name":"Garden"}"#),
    ("PUT /api/v1/projects/{project}/status", r#"{"status":"active"}"#),
    ("GET /api/v1/projects/{project}/statistics", ""),
    ("PUT /api/v1/projects/{project}/guests/{visitor}", ""),
    ("DELETE /api/v1/projects/{project}/guests/{visitor}", ""),
    ("GET /api/v1/tasks?project={project}", ""),
    ("GET /api/v1/tasks?assignee={member}", ""),
    ("POST /api/v1/tasks", r#"{"project":"{project}","title":"Paint"}"#),
    ("POST /api/v1/tasks", r#"{"project":"{own_project}","title":"Paint","assignees":["{member}"]}"#),
    ("GET /api/v1/tasks/{task}", ""),
    ("PATCH /api/v1/tasks/{task}", r#"{"title":"Paint it"}"#),
    ("PATCH /api/v1/tasks/{own_task}", r#"{"assignees":["{member}"]}"#),
    ("PUT /api/v1/tasks/{task}/state", r#"{"state":"IN_PROGRESS"}"#),
    ("GET /api/v1/tasks/{task}/comments", ""),
    ("POST /api/v1/tasks/{task}/comments", r#"{"text":"Blue?"}"#),
    ("GET /api/v1/files?task={task}", ""),
    ("POST /api/v1/files", r#"{"name":"plan.pdf","media_type":"application/pdf","bytes":9,"task":"{task}"}"#),
    ("GET /api/v1/files/{file}", ""),
    ("POST /api/v1/files/{file}/complete", ""),
    ("GET /api/v1/files/{file}/download", ""),
    ("POST /api/v1/pictures", r#"{"of":"me","media_type":"image/png","bytes":9}"#),
    ("GET /api/v1/pictures/{picture}", ""),
    ("POST /api/v1/pictures/{picture}/complete", ""),
    ("GET /api/v1/pictures/members/{member}/64", ""),
    ("GET /api/v1/pictures/logo/64", ""),
    ("DELETE /api/v1/organization/logo", ""),
    ("DELETE /api/v1/auth/picture", ""),
    ("DELETE /api/v1/tasks/{task}", ""),
    ("GET /api/v1/conversations", ""),
    ("POST /api/v1/conversations", r#"{"with":"{other_member}"}"#),
    ("GET /api/v1/conversations/{conversation}", ""),
    ("GET /api/v1/conversations/{conversation}/messages", ""),
    ("POST /api/v1/conversations/{conversation}/messages", r#"{"text":"Lunch?"}"#),
    ("PUT /api/v1/conversations/{conversation}/marks", r#"{"seen":1}"#),
    ("POST /api/v1/socket-tickets", ""),
    ("GET /api/v1/clients", ""),
    ("POST /api/v1/clients", r#"{"name":"Rose","email":"rose@example.com","address":"2 High Street"}"#),
    ("GET /api/v1/clients/{client}", ""),
    ("PUT /api/v1/clients/{client}/contacts/{visitor}", ""),
    ("DELETE /api/v1/clients/{client}/contacts/{visitor}", ""),
    ("GET /api/v1/invoices?client={client}", ""),
    ("GET /api/v1/invoices", ""),
    ("POST /api/v1/invoices", r#"{"client":"{client}","lines":[{"description":"x","quantity_milli":1000,"unit":"h","unit_price":1}]}"#),
    ("GET /api/v1/invoices/{invoice}", ""),
    ("POST /api/v1/invoices/{invoice}/issue", ""),
    ("GET /api/v1/invoices/{invoice}/pdf", ""),
    ("GET /api/v1/notifications", ""),
    ("PUT /api/v1/notifications/{notification}/read", ""),
    ("GET /api/v1/api-keys", ""),
    ("POST /api/v1/api-keys", r#"{"name":"Import","permissions":["read_tasks"]}"#),
    ("GET /api/v1/api-keys/{api_key}", ""),
    ("PATCH /api/v1/api-keys/{api_key}", r#"{"name":"Nightly import"}"#),
    ("POST /api/v1/api-keys/{api_key}/rotate", r#"{"grace_minutes":60}"#),
    ("DELETE /api/v1/api-keys/{api_key}", ""),
    ("GET /api/v1/webhooks", ""),
    ("POST /api/v1/webhooks", r#"{"url":"http://127.0.0.1:9/hook","events":["file.deleted"]}"#),
    ("GET /api/v1/webhooks/{webhook}", ""),
    ("PATCH /api/v1/webhooks/{webhook}", r#"{"description":"Stock"}"#),
    ("POST /api/v1/webhooks/{webhook}/rotate", "{}"),
    ("POST /api/v1/webhooks/{webhook}/ping", ""),
    ("GET /api/v1/webhooks/{webhook}/deliveries", ""),
    ("GET /api/v1/webhooks/{webhook}/deliveries/{delivery}", ""),
    ("POST /api/v1/webhooks/{webhook}/deliveries/{delivery}/replay", ""),
    ("POST /api/v1/webhooks/{webhook}/replay", r#"{"since":"2026-01-01T00:00:00Z"}"#),
    ("DELETE /api/v1/webhooks/{webhook}", ""),
    ("GET /scim/v2/ServiceProviderConfig", ""),
    ("GET /scim/v2/ResourceTypes", ""),
    ("GET /scim/v2/ResourceTypes/{kind}", ""),
    ("GET /scim/v2/Schemas", ""),
    ("GET /scim/v2/Schemas/{schema}", ""),
    ("GET /scim/v2/Users", ""),
    ("POST /scim/v2/Users", r#"{"userName":"{new_email}"}"#),
    ("GET /scim/v2/Users/{user}", ""),
    ("PUT /scim/v2/Users/{user}", r#"{"userName":"{user_email}"}"#),
    (
        "PATCH /scim/v2/Users/{user}",
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":true}]}"#,
    ),
    ("GET /scim/v2/Groups", ""),
    ("POST /scim/v2/Groups", r#"{"displayName":"{new_email}"}"#),
    ("GET /scim/v2/Groups/{group}", ""),
    ("PUT /scim/v2/Groups/{group}", r#"{"displayName":"Council"}"#),
    (
        "PATCH /scim/v2/Groups/{group}",
        r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"displayName","value":"Council"}]}"#,
    ),
    ("DELETE /scim/v2/Groups/{group}", ""),
    ("DELETE /scim/v2/Users/{user}", ""),
    ("GET /api/v1/changes", ""),
    ("GET /api/v1/changes?record={task}", ""),
    ("GET /api/v1/changes?person={member}", ""),
    ("DELETE /api/v1/teams/{team}", ""),
    ("POST /api/v1/auth/logout-everywhere", ""),
    ("POST /api/v1/auth/logout", ""),
    ("POST /api/v1/organization/hand-over", r#"{"to":"{colleague}"}"#),
    ("POST /api/v1/organization/leave", ""),
];

const PASSWORD: &str = "correct horse battery";

/// Names of real objects and their ids.
pub(crate) type Objects = BTreeMap<&'static str, String>;

pub(crate) struct Case {
    pub(crate) request: &'static str,
    body: &'static str,
}

pub(crate) fn cases() -> impl Iterator<Item = Case> {
    cases_of(CASES)
}

pub(crate) fn cases_of(cases: &'static [(&'static str, &'static str)]) -> impl Iterator<Item = Case> {
    cases.iter().map(|(request, body)| Case { request, body })
}

impl Case {
    /// Method and path as the operation declares them.
    pub(crate) fn operation(&self) -> String {
        let declared = self.request.split('?').next().unwrap_or_default();
        declared
            .replace("/64", "/{size}")
            .replace("{own_task}", "{task}")
            .replace("{own_team}", "{team}")
            .replace("{colleague}", "{member}")
            .replace("{leaver}", "{member}")
            .replace("{visitor}", "{member}")
            .replace("{empty}", "{department}")
    }

    /// What keeps members in step refuses in words of its own, and is for programs alone.
    fn is_scim(&self) -> bool {
        self.request.contains(" /scim/")
    }

    #[track_caller]
    pub(crate) fn refused(&self, answer: Answer, status: u16, kind: &str) {
        if self.is_scim() {
            assert_eq!(answer.header("content-type"), "application/scim+json", "{} was answered with {}", self.request, answer.text);
            answer.expect(status);
        } else {
            answer.refused(status, kind);
        }
    }

    fn names_an_object(&self) -> bool {
        self.request.contains('{') || self.body.contains("\"{")
    }

    pub(crate) async fn ask(&self, world: &World, person: Option<&Person>, objects: &Objects) -> Answer {
        let fill = |text: &str| objects.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id));
        let (method, path) = self.request.split_once(' ').expect("a method and a path");
        let (method, path) = (method.parse::<Method>().expect("a method"), fill(path));
        let mut request = person.map_or_else(|| world.request(method.clone(), &path), |person| person.request(method.clone(), &path));
        if !self.body.is_empty() {
            let media = if self.body.starts_with('{') { "application/json" } else { "text/csv" };
            request = request.header("content-type", media).body(fill(self.body));
        }
        world.ask(request).await
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("{value} has no id")).to_owned()
}

/// Objects of every kind: the organisation's, and this person's own.
pub(crate) async fn objects(acme: &Organization, person: &Person) -> Objects {
    let owner = &acme.owner;
    let project = acme.project("Garden").await;
    // A guest is given no tasks, and so is told of none
    let guest = owner.get(&format!("/api/v1/members/{}", person.id)).await.json["role"] == "guest";
    let assignee = if guest { &owner.id } else { &person.id };
    let draft = json!({ "project": project, "title": "Paint", "assignees": [assignee] });
    let task = id(&owner.post("/api/v1/tasks", draft).await.expect(201));
    let conversation = owner.talks_to(person).await;
    owner.post(&format!("/api/v1/conversations/{conversation}/messages"), json!({ "text": "Hello" })).await.expect(201);
    let client = json!({ "name": "Rose", "email": "rose@example.com", "address": "2 High Street" });
    let client = id(&owner.post("/api/v1/clients", client).await.expect(201));
    let lines = json!([{ "description": "x", "quantity_milli": 1_000, "unit": "h", "unit_price": 100 }]);
    let invoice = id(&owner.post("/api/v1/invoices", json!({ "client": client, "lines": lines })).await.expect(201));
    let file = json!({ "name": "plan.pdf", "media_type": "application/pdf", "bytes": 9 });
    let file = id(&owner.post("/api/v1/files", file).await.expect(201)["file"]);
    let picture = json!({ "of": "me", "media_type": "image/png", "bytes": 9 });
    let picture = id(&person.post("/api/v1/pictures", picture).await.expect(201)["picture"]);
    let invitation = json!({ "email": person.world.email("lee"), "role": "member" });
    let invitation = id(&owner.post("/api/v1/invitations", invitation).await.expect(201));
    let department = id(&owner.list("/api/v1/departments").await[0]);
    let empty = id(&owner.post("/api/v1/departments", json!({ "name": person.world.email("empty") })).await.expect(201));
    let team = owner.post("/api/v1/teams", json!({ "name": "Planting" })).await.expect(201);
    let goals = format!("/api/v1/teams/{}/goals", id(&team));
    let goal = id(&owner.post(&goals, json!({ "text": "Trees" })).await.expect(201)["goals"][0]);
    let (colleague, leaver) = (acme.joins("Lou", "member").await, acme.joins("Ned", "member").await);
    let visitor = acme.joins("Vic", "guest").await;
    let provisioned = acme.joins("Una", "member").await;
    let named = json!({ "name": person.world.email("role") });
    let role = id(&owner.post("/api/v1/roles", named.clone()).await.expect(201));
    let group = id(&owner.post("/api/v1/groups", named).await.expect(201));
    let key = json!({ "name": "Import", "permissions": ["read_tasks"] });
    let api_key = id(&owner.post("/api/v1/api-keys", key).await.expect(201)["api_key"]);
    // Nobody listens at that port, and nothing it hears of happens: only its test is told
    let webhook = json!({ "url": "http://127.0.0.1:9/hook", "events": ["file.deleted"] });
    let webhook = id(&owner.post("/api/v1/webhooks", webhook).await.expect(201)["webhook"]);
    owner.post(&format!("/api/v1/webhooks/{webhook}/ping"), json!({})).await.expect(204);
    person.world.idle().await;
    let delivery = id(&owner.list(&format!("/api/v1/webhooks/{webhook}/deliveries")).await[0]);
    Person::login(&person.world, &person.email, PASSWORD).await;
    let sessions = person.list("/api/v1/auth/sessions").await;
    let session = id(sessions.iter().find(|session| session["current"] == false).expect("another session"));
    person.world.idle().await;
    let notification = person.list("/api/v1/notifications").await.first().map_or_else(|| "ntf_01k9zt3vw8fqj2m4x6c7b5n0ra".to_owned(), id);
    let (passkey, _) = passkey(person).await;
    Objects::from([
        ("passkey", passkey),
        ("new_email", person.world.email("zoe")),
        ("organization", acme.id.clone()),
        ("project", project.clone()),
        ("own_project", project),
        ("task", task.clone()),
        ("own_task", task),
        ("conversation", conversation),
        ("client", client),
        ("invoice", invoice),
        ("file", file),
        ("picture", picture),
        ("invitation", invitation),
        ("department", department),
        ("empty", empty),
        ("team", id(&team)),
        ("own_team", id(&team)),
        ("goal", goal),
        ("session", session),
        ("notification", notification),
        ("member", person.id.clone()),
        ("other_member", owner.id.clone()),
        ("colleague", colleague.id),
        ("leaver", leaver.id),
        ("visitor", visitor.id),
        ("user", provisioned.id),
        ("user_email", provisioned.email),
        ("kind", "User".to_owned()),
        ("schema", domain::scim::USER.to_owned()),
        ("role", role),
        ("group", group),
        ("api_key", api_key),
        ("webhook", webhook),
        ("delivery", delivery),
    ])
}

/// A passkey of this person, and the device that has it.
async fn passkey(person: &Person) -> (String, Device) {
    let options = person.post("/api/v1/auth/passkeys/begin", json!({ "password": PASSWORD })).await.expect(200);
    let device = Device::new(&options, person.world.url());
    let form = json!({ "name": "Phone", "credential": device.made(&options) });
    (id(&person.post("/api/v1/auth/passkeys", form).await.expect(201)), device)
}

/// Operations that need no token, as the API's own document says.
pub(crate) fn public_operations() -> BTreeSet<String> {
    let document = serde_json::to_value(local::openapi::document()).expect("a document");
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().expect("operations");
        item.iter()
            .filter(|(_, operation)| operation["security"] == json!([{}]))
            .map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

#[test]
fn every_operation_has_a_case_and_every_case_an_operation() {
    let declared: BTreeSet<_> = local::functions::operations().into_iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let asked: BTreeSet<_> = cases().chain(cases_of(crate::platform::CASES)).map(|case| case.operation()).collect();
    let missing: Vec<_> = declared.difference(&asked).collect();
    let left_over: Vec<_> = asked.difference(&declared).collect();
    assert!(missing.is_empty(), "give each of these a case in CASES of tests/it/access.rs: {missing:#?}");
    assert!(left_over.is_empty(), "no function declares these; remove them from CASES of tests/it/access.rs: {left_over:#?}");
}

#[test]
fn what_needs_no_token_is_a_short_list() {
    let list: Vec<_> = public_operations().into_iter().collect();
    insta::assert_snapshot!(list.join("\n"), @r"
    GET /.well-known/jwks.json
    POST /api/v1/auth/ask-to-join
    POST /api/v1/auth/forgot-password
    POST /api/v1/auth/join
    POST /api/v1/auth/login
    POST /api/v1/auth/login/passkey
    POST /api/v1/auth/login/passkey/begin
    POST /api/v1/auth/login/second-factor
    POST /api/v1/auth/refresh
    POST /api/v1/auth/register
    POST /api/v1/auth/reset-password
    POST /api/v1/auth/verify-email
    POST /api/v1/platform/join
    POST /api/v1/platform/login
    POST /api/v1/platform/setup
    ");
}

/// What somebody with a second factor needs after the password.
async fn second_step(person: &Person) -> (String, String) {
    let path = "/api/v1/auth/second-factor";
    let enrolment = person.post(path, json!({ "password": PASSWORD })).await.expect(200);
    let code = async |steps| code(enrolment["secret"].as_str().expect("a secret"), person.world.now().await, steps);
    person.post(&format!("{path}/confirm"), json!({ "code": code(0).await })).await.expect(200);
    let login = json!({ "email": person.email, "password": PASSWORD });
    let refused = person.world.post("/api/v1/auth/login", login).await.refused(401, "second-factor-required");
    (refused["challenge"].as_str().expect("a challenge").to_owned(), code(1).await)
}

#[tokio::test]
async fn without_a_token_nothing_is_answered_but_the_short_list() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let email_token = world.link(&acme.owner.email).await;
    let ben = acme.joins("Ben", "member").await;
    let mut objects = objects(&acme, &ben).await;
    let joining = acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200);
    let code = joining["joining"]["code"].as_str().expect("a code").to_owned();
    world.post("/api/v1/auth/forgot-password", json!({ "email": acme.owner.email })).await.expect(204);
    let reset_token = world.link(&acme.owner.email).await;
    let zoe = world.email("zoe");
    acme.owner.post("/api/v1/invitations", json!({ "email": zoe, "role": "member" })).await.expect(201);
    let options = world.post("/api/v1/auth/login/passkey/begin", json!({})).await.expect(200);
    let assertion = passkey(&ben).await.1.answers(options["challenge"].as_str().expect("a challenge"));
    let (challenge, second_code) = second_step(&acme.joins("Sam", "member").await).await;
    objects.extend([
        ("assertion", assertion.to_string()),
        ("challenge", challenge),
        ("second_code", second_code),
        ("email", ben.email.clone()),
        ("refresh_token", ben.refresh.clone()),
        ("invitation_token", world.link(&zoe).await),
        ("email_token", email_token),
        ("reset_token", reset_token),
        ("code", code),
    ]);
    let public = public_operations();
    for case in cases() {
        let answer = case.ask(&world, None, &objects).await;
        if public.contains(&case.operation()) {
            assert!(answer.status.is_success(), "{} is public, but was answered with {}", case.request, answer.text);
        } else {
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{}", case.request);
            case.refused(answer, 401, "unauthenticated");
        }
    }
}

#[tokio::test]
async fn a_stranger_cannot_tell_our_objects_from_those_that_never_were() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let ours = objects(&acme, &ben).await;
    let evil = world.organization("Evil").await;
    let mallory = evil.joins("Mallory", "owner").await;
    let theirs = objects(&evil, &mallory).await;
    // Where a request names two objects, the other one is the stranger's own, so that the answer is about ours
    let own = |name: &'static str| (name, theirs[name.trim_start_matches("own_")].clone());
    let ours: Objects = ours.into_iter().chain([own("own_project"), own("own_task"), own("own_team")]).collect();
    let never: Objects = ours
        .iter()
        .map(|(name, id)| match *name {
            "own_project" | "own_task" | "own_team" => (*name, id.clone()),
            _ => (*name, format!("{}01k9zt3vw8fqj2m4x6c7b5n0ra", &id[..4])),
        })
        .collect();
    let public = public_operations();
    for case in cases().filter(|case| case.names_an_object() && !case.is_scim() && !public.contains(&case.operation())) {
        let (real, none) = (case.ask(&world, Some(&mallory), &ours).await, case.ask(&world, Some(&mallory), &never).await);
        assert_eq!(told(&real), told(&none), "{} {}", case.request, case.body);
        assert!(matches!(real.status.as_u16(), 200 | 404 | 422), "{} was answered with {} {}", case.request, real.status, real.text);
        for id in ours.values().filter(|id| !theirs.values().any(|own| own == *id)) {
            assert!(!real.text.contains(id.as_str()), "{} was told of {id}: {}", case.request, real.text);
        }
    }
}

/// All that an answer tells: its status, its headers and its body, without what names this one request.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id" | "apigw-requestid"));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned())).collect();
    (answer.status.as_u16(), headers, answer.text.replace(answer.header("x-request-id"), ""))
}

#[tokio::test]
async fn every_role_may_ask_what_the_policy_says() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let public = public_operations();
    let mut rows: BTreeMap<String, Vec<Role>> =
        cases().map(|case| (case.operation(), Vec::new())).filter(|(operation, _)| !public.contains(operation)).collect();
    for role in Role::ALL {
        let mut person = acme.joins("Kim", &name(role)).await;
        let objects = objects(&acme, &person).await;
        for case in cases().filter(|case| !public.contains(&case.operation())) {
            if ["/logout", "/hand-over"].iter().any(|end| case.request.contains(end)) {
                person = Person::login(&world, &person.email, PASSWORD).await;
            }
            let answer = case.ask(&world, Some(&person), &objects).await;
            match answer.status.as_u16() {
                // A guest's inbox is empty, and nobody here has a picture, or a second factor that could be taken away
                404 if ["/notifications/", "/pictures/logo/", "/pictures/members/", "/members/{colleague}/second-factor"]
                    .iter()
                    .any(|none| case.request.contains(none)) =>
                {
                    rows.entry(case.operation()).or_default().push(role)
                }
                // Who made a project of their own has a post by now, and sees that others are not theirs
                404 => {}
                200 | 201 | 204 | 409 => {
                    let roles = rows.entry(case.operation()).or_default();
                    if roles.last() != Some(&role) {
                        roles.push(role);
                    }
                }
                403 => case.refused(answer, 403, "forbidden"),
                _ => panic!("{} as {} was answered with {}", case.request, name(role), answer.text),
            }
        }
    }
    for (operation, roles) in rows.iter().filter(|(operation, _)| !operation.contains(" /scim/")) {
        assert!(POLICY.iter().any(|row| row.roles == roles), "{operation} is for {roles:?}, which is no row of the policy");
    }
    insta::assert_snapshot!(matrix(rows.iter().map(|(operation, roles)| (operation.as_str(), roles.as_slice(), String::new()))));
}

#[tokio::test]
async fn a_key_may_what_it_was_given_and_nothing_else() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "owner").await;
    let objects = objects(&acme, &ben).await;
    let public = public_operations();
    let asked: Vec<Case> = cases().filter(|case| !public.contains(&case.operation())).collect();
    let mut rows: BTreeMap<String, BTreeSet<&str>> = asked.iter().map(|case| (case.operation(), BTreeSet::new())).collect();
    for row in POLICY.iter().filter(|row| row.grant.is_for_keys()) {
        let draft = json!({ "name": row.permission, "permissions": [row.grant] });
        let key = acme.owner.post("/api/v1/api-keys", draft).await.expect(201);
        let program = Person { access: key["secret"].as_str().expect("a secret").to_owned(), ..acme.owner.clone() };
        for case in &asked {
            let answer = case.ask(&world, Some(&program), &objects).await;
            let opened_by = match answer.status.as_u16() {
                // What another key has deleted before is absent, or named as a wrong field
                200 | 201 | 204 | 404 | 409 | 422 => row.permission,
                403 if answer.json["type"] == "/problems/people-only" => "people only",
                403 => {
                    case.refused(answer, 403, "forbidden");
                    continue;
                }
                _ => panic!("{} with {} was answered with {}", case.request, row.permission, answer.text),
            };
            rows.entry(case.operation()).or_default().insert(opened_by);
        }
    }
    for (operation, permissions) in &rows {
        assert_eq!(permissions.len(), 1, "{operation} is opened by {permissions:?}");
    }
    let lines = rows.iter().map(|(operation, permissions)| format!("{operation:<58}{}", permissions.first().unwrap_or(&"")));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

/// Operations over a part of the organisation that this person is served for these objects.
async fn served(world: &World, person: &Person, objects: &Objects) -> BTreeSet<String> {
    let mut served = BTreeSet::new();
    let parted = |case: &Case| !["/auth/", "/leave", "/hand-over"].iter().any(|part| case.request.contains(part));
    for case in cases().filter(parted) {
        let answer = case.ask(world, Some(person), objects).await;
        match answer.status.as_u16() {
            200 | 201 | 204 | 409 => {
                served.insert(format!("{} {}", case.request, case.body));
            }
            // A list of what is not within is empty
            403 | 404 => {}
            // Another object that is named is not within
            422 if !answer.text.contains("is missing") => {}
            _ => panic!("{} was answered with {}", case.request, answer.text),
        }
    }
    served
}

#[tokio::test]
async fn a_post_gives_what_the_policy_says_over_its_own_part_and_nothing_over_others() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let owner = &acme.owner;
    let mut lines = Vec::new();
    for post in ScopedRole::ALL {
        let role = if post.is_for_guests() { "guest" } else { "member" };
        let (kim, pat) = (acme.joins("Kim", role).await, acme.joins("Pat", role).await);
        let (mut own, foreign) = (objects(&acme, &kim).await, objects(&acme, &kim).await);
        let plain = served(&world, &pat, &objects(&acme, &pat).await).await;
        let department = id(&owner.post("/api/v1/departments", json!({ "name": world.email("own") })).await.expect(201));
        for path in [format!("/api/v1/teams/{}", own["team"]), format!("/api/v1/projects/{}", own["project"])] {
            owner.patch(&path, json!({ "department": department })).await.expect(200);
        }
        owner.patch(&format!("/api/v1/projects/{}", own["project"]), json!({ "team": own["team"] })).await.expect(200);
        own.insert("department", department);
        owner.post(&format!("/api/v1/invoices/{}/issue", own["invoice"]), json!({})).await.expect(200);
        let kim_id = &kim.id;
        match post {
            ScopedRole::Head => owner.put(&format!("/api/v1/departments/{}/heads/{kim_id}", own["department"]), json!({})).await,
            ScopedRole::Manager => {
                owner.put(&format!("/api/v1/teams/{}/members/{kim_id}", own["team"]), json!({ "role": "manager" })).await
            }
            ScopedRole::Lead => owner.patch(&format!("/api/v1/projects/{}", own["project"]), json!({ "lead": kim_id })).await,
            ScopedRole::Guest => owner.put(&format!("/api/v1/projects/{}/guests/{kim_id}", own["project"]), json!({})).await,
            ScopedRole::Contact => owner.put(&format!("/api/v1/clients/{}/contacts/{kim_id}", own["client"]), json!({})).await,
        }
        .expect(200);
        let over_foreign = served(&world, &kim, &foreign).await;
        let over_own = served(&world, &kim, &own).await;
        lines.push(format!("# {} of what is theirs, beyond a {role}", post_name(post)));
        lines.extend(over_own.difference(&plain).cloned());
        lines.push(format!("# {} of what is not", post_name(post)));
        lines.extend(over_foreign.difference(&plain).cloned());
        lines.push(String::new());
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_policy_is_read_in_one_place() {
    let bearers = |row: &Row| match (row.grant.is_for_people(), row.grant.is_for_keys()) {
        (true, true) => "people and keys",
        (true, false) => "people",
        (false, _) => "keys",
    };
    let over = |row: &Row| match row.posts {
        [] => String::new(),
        posts => format!("over {} / ", posts.iter().copied().map(post_name).collect::<Vec<_>>().join(" ")),
    };
    let more = |row: &Row| format!("{:<16}{}reads {} / writes {}", bearers(row), over(row), row.reads.join(" "), row.writes.join(" "));
    let rows = POLICY.iter().map(|row| (row.permission, row.roles, more(row)));
    insta::assert_snapshot!(matrix(rows));
}

pub(crate) fn name(role: Role) -> String {
    json!(role).as_str().expect("a name").to_owned()
}

fn post_name(post: ScopedRole) -> String {
    json!(post).as_str().expect("a name").to_owned()
}

fn matrix<'a>(rows: impl Iterator<Item = (&'a str, &'a [Role], String)>) -> String {
    let line = |what: &str, cells: Vec<String>, more: &str| format!("{what:<58}{} {more}", cells.join(" ")).trim_end().to_owned();
    let head = line("", Role::ALL.iter().map(|role| name(*role)).collect(), "");
    let rows = rows.map(|(what, roles, more)| {
        let cell = |role: &Role| format!("{:<1$}", if roles.contains(role) { "yes" } else { "-" }, name(*role).len());
        line(what, Role::ALL.iter().map(cell).collect(), &more)
    });
    [head].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// The function that the template sends a path to: an exact path before a longer beginning before a shorter one.
fn resolve<'a>(template: &'a local::Template, path: &str) -> &'a str {
    let fits = |route: &str| match route.strip_suffix("{proxy+}") {
        Some(beginning) => path.len() > beginning.len() && path.starts_with(beginning),
        None => path == route,
    };
    let routes = template.routes.iter().filter(|route| fits(&route.event.path));
    let best = routes.max_by_key(|route| (!route.event.path.ends_with("{proxy+}"), route.event.path.len()));
    best.map_or("nobody", |route| &route.function)
}

fn template() -> local::Template {
    local::Template::parse(include_str!("../../template.yaml")).expect("the template")
}

#[test]
fn the_template_sends_every_operation_to_the_function_that_declares_it() {
    let template = template();
    for (method, path, function) in local::functions::operations() {
        assert_eq!(resolve(&template, &path), function, "{method} {path}");
    }
}

#[test]
fn every_path_of_the_template_is_served() {
    let template = template();
    for route in template.routes.iter().filter(|route| route.function != "reference") {
        assert_eq!(route.event.method, "ANY", "{}: methods are declared by the handlers", route.event.path);
        let served = local::functions::operations().iter().any(|(_, path, function)| {
            *function == route.function
                && matches!(route.event.path.strip_suffix("{proxy+}"), Some(beginning) if path.starts_with(beginning))
                || *path == route.event.path
        });
        assert!(served, "no operation of {} is below {}", route.function, route.event.path);
    }
}

#[test]
fn the_api_document_is_that_of_the_handlers() {
    let declared = local::openapi::document().to_pretty_json().expect("a document");
    let kept = include_str!("../../functions/reference/openapi.json");
    assert!(kept.trim() == declared.trim(), "functions/reference/openapi.json is not what the handlers declare; run `make openapi`");
}
