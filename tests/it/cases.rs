//! What every operation is asked with, and the objects it is asked about.

use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tests::{Answer, Claims, Device, Organization, Person, Provider, World};

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
    ("GET /api/v1/auth/oidc/organizations/{organization}", ""),
    ("POST /api/v1/auth/oidc/start", r#"{"organization":"{organization}","provider":"{provider}"}"#),
    (
        "POST /api/v1/auth/oidc/finish",
        r#"{"provider":"{provider}","state":"{sign_in_state}","code":"{sign_in_code}","verifier":"{sign_in_verifier}"}"#,
    ),
    ("GET /api/v1/auth/oidc/providers", ""),
    (
        "POST /api/v1/auth/oidc/providers",
        r#"{"name":"Acme account","issuer":"http://{issuer_place}","client_id":"office copilot","client_secret":"x"}"#,
    ),
    ("GET /api/v1/auth/oidc/providers/{provider}", ""),
    ("PATCH /api/v1/auth/oidc/providers/{provider}", r#"{"name":"Acme"}"#),
    ("POST /api/v1/auth/oidc/providers/{provider}/test", ""),
    ("DELETE /api/v1/auth/members/{colleague}/links/{provider}", ""),
    ("DELETE /api/v1/auth/oidc/providers/{provider}", ""),
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
    ("POST /api/v1/auth/invitation", r#"{"token":"{invitation_token}"}"#),
    ("POST /api/v1/auth/join", r#"{"token":"{invitation_token}","name":"Zoe","password":"correct horse battery"}"#),
    ("POST /api/v1/auth/verify-email", r#"{"token":"{email_token}","password":"correct horse battery"}"#),
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
    ("POST /api/v1/auth/change-email", r#"{"email":"kim-{member}@example.com","password":"correct horse battery"}"#),
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
    ("GET /api/v1/members/names?of={member}", ""),
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
    ("POST /api/v1/webhooks", r#"{"url":"http://127.0.0.1:9/hook","events":["file.stored"]}"#),
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
    ("POST /api/v1/organization/remove", r#"{"name":"Acme","password":"correct horse battery"}"#),
    ("POST /api/v1/organization/keep", ""),
    ("POST /api/v1/auth/logout-everywhere", ""),
    ("POST /api/v1/auth/logout", ""),
    ("POST /api/v1/organization/hand-over", r#"{"to":"{colleague}"}"#),
    ("DELETE /api/v1/auth/organizations/{organization}", ""),
];

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Names of real objects and their ids.
pub(crate) type Objects = BTreeMap<&'static str, String>;

pub(crate) struct Case {
    pub(crate) request: &'static str,
    pub(crate) body: &'static str,
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
    pub(crate) fn is_scim(&self) -> bool {
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

    pub(crate) fn names_an_object(&self) -> bool {
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

pub(crate) fn id(value: &Value) -> String {
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
    // Nobody listens at that port, and no file is stored before its test is told
    let webhook = json!({ "url": "http://127.0.0.1:9/hook", "events": ["file.stored"] });
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
    let (provider, place) = provider(owner, person).await;
    Objects::from([
        ("provider", provider),
        ("issuer_place", place),
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

/// A provider of sign-in, of this person if they may connect one, and where it is. There may be as many as an organisation has.
async fn provider(owner: &Person, person: &Person) -> (String, String) {
    let provider = Provider::start().await;
    let place = provider.issuer.trim_start_matches("http://").to_owned();
    for by in [person, owner] {
        let made = by.post("/api/v1/auth/oidc/providers", provider.draft()).await;
        if made.status == 201 {
            return (id(&made.json["provider"]), place);
        }
    }
    (id(&owner.list("/api/v1/auth/oidc/providers").await[0]["provider"]), place)
}

/// What somebody has who signed in at a provider: a state, a code and what was kept.
pub(crate) async fn signed_in(acme: &Organization, ben: &Person) -> [(&'static str, String); 4] {
    let (world, owner, provider) = (&ben.world, &acme.owner, Provider::start().await);
    let made = id(&owner.post("/api/v1/auth/oidc/providers", provider.draft()).await.expect(201)["provider"]);
    owner.patch(&format!("/api/v1/auth/oidc/providers/{made}"), json!({ "on": true })).await.expect(200);
    let form = json!({ "organization": acme.id, "provider": made });
    let started = world.post("/api/v1/auth/oidc/start", form).await.expect(200);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let back = provider.signs_in(&text(&started["url"]), &Claims::new("1", &ben.email), world.now().await);
    let verifier = text(&started["verifier"]);
    [("provider", made), ("sign_in_state", back.state), ("sign_in_code", back.code), ("sign_in_verifier", verifier)]
}

/// A passkey of this person, and the device that has it.
pub(crate) async fn passkey(person: &Person) -> (String, Device) {
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
