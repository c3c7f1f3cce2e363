//! Members and groups kept in step with a directory elsewhere, as Entra ID and Okta do it.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Organization, Person, World};

const PASSWORD: &str = "correct horse battery";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A directory elsewhere, with its key.
struct Directory {
    key: String,
    world: World,
}

impl Directory {
    async fn of(acme: &Organization, by: &Person) -> Self {
        let draft = json!({ "name": "Directory", "permissions": ["provision_members"] });
        let made = by.post("/api/v1/api-keys", draft).await.expect(201);
        Self { key: made["secret"].as_str().expect("a secret").to_owned(), world: acme.owner.world.clone() }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.world.request(method, &format!("/scim/v2{path}")).bearer_auth(&self.key)
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self.request(method, path).header("content-type", "application/scim+json");
        self.world.ask(request.body(body.to_string())).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.world.ask(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, body).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path, body).await
    }

    async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        self.ask(Method::PATCH, path, body).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.world.ask(self.request(Method::DELETE, path)).await
    }

    async fn find(&self, what: &str, filter: &str) -> Value {
        self.get(&filtered(what, filter)).await.expect(200)
    }

    async fn user(&self, email: &str, name: &str) -> Value {
        let draft =
            json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": email, "displayName": name, "active": true });
        self.post("/Users", draft).await.expect(201)
    }

    async fn group(&self, name: &str, members: &[&Value]) -> Value {
        let members: Vec<_> = members.iter().map(|user| json!({ "value": user["id"] })).collect();
        let draft = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name, "members": members });
        self.post("/Groups", draft).await.expect(201)
    }
}

/// A list with a filter, written as a query has it.
fn filtered(what: &str, filter: &str) -> String {
    let byte = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    format!("/{what}?filter={}", filter.bytes().map(byte).collect::<String>())
}

fn place(kind: &str, resource: &Value) -> String {
    format!("/{kind}/{}", resource["id"].as_str().expect("an id"))
}

/// A refusal as the standard writes it.
#[track_caller]
fn refused(answer: Answer, status: u16, kind: Option<&str>) -> Value {
    assert_eq!(answer.header("content-type"), "application/scim+json", "{}", answer.text);
    let error = answer.expect(status);
    assert_eq!((&error["schemas"], &error["status"]), (&json!([ERROR]), &json!(status.to_string())), "{error}");
    assert_eq!(error["scimType"].as_str(), kind, "{error}");
    error
}

/// Somebody whom a directory made a member chooses a password by the link of their mail.
async fn arrives(world: &World, email: &str) -> Person {
    let token = world.link(email, "reset-password").await;
    world.post("/api/v1/auth/reset-password", json!({ "token": token, "new": PASSWORD })).await.expect(204);
    Person::login(world, email, PASSWORD).await
}

#[tokio::test]
async fn okta_makes_a_user_lets_them_in_and_out_and_takes_them_away() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let okta = Directory::of(&acme, &acme.owner).await;
    let email = world.email("ben");
    let filter = format!("userName eq \"{email}\"");
    let nobody = okta.find("Users", &filter).await;
    assert_eq!((&nobody["totalResults"], &nobody["Resources"], &nobody["startIndex"]), (&json!(0), &json!([]), &json!(1)));
    let draft = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": email, "name": { "givenName": "Ben", "familyName": "Li" },
        "emails": [{ "primary": true, "value": email, "type": "work" }], "displayName": "Ben Li", "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [], "password": "1mz050nq", "active": true
    });
    let answer = okta.post("/Users", draft.clone()).await;
    assert_eq!(answer.header("content-type"), "application/scim+json");
    let (location, etag) = (answer.header("location").to_owned(), answer.header("etag").to_owned());
    let ben = answer.expect(201);
    assert_eq!((ben["meta"]["location"].as_str(), ben["meta"]["version"].as_str()), (Some(location.as_str()), Some(etag.as_str())));
    assert_eq!(ben["name"], json!({ "formatted": "Ben Li", "givenName": "Ben", "familyName": "Li" }));
    assert_eq!(ben["emails"], json!([{ "value": email, "type": "work", "primary": true }]));
    let path = place("Users", &ben);
    assert_eq!(location, format!("/scim/v2{path}"));
    // At once, and by whatever names them
    for filter in [
        filter.as_str(),
        "externalId eq \"00ujl29u0le5T6Aj10h7\"",
        &format!("emails.value eq \"{email}\""),
        &format!("emails[type eq \"work\"].value eq \"{email}\""),
        &format!("id eq {}", ben["id"]),
    ] {
        let found = okta.find("Users", filter).await;
        assert_eq!((&found["totalResults"], &found["Resources"][0]), (&json!(1), &ben), "{filter}");
    }
    refused(okta.post("/Users", draft.clone()).await, 409, Some("uniqueness"));

    // What was sent as a password is none; they choose one themselves
    world.post("/api/v1/auth/login", json!({ "email": email, "password": "1mz050nq" })).await.refused(401, "wrong-credentials");
    let person = arrives(&world, &email).await;
    let told = person.get("/api/v1/auth/verify").await.expect(200);
    assert_eq!((&told["organization"]["id"], &told["role"], &told["name"]), (&json!(acme.id), &json!("member"), &json!("Ben Li")));
    let out = okta.patch(&path, json!([{ "op": "replace", "value": { "active": false } }])).await.expect(200);
    assert_eq!(out["active"], false);
    person.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    world.post("/api/v1/auth/refresh", json!({ "refresh_token": person.refresh })).await.refused(401, "unauthenticated");
    // Said again it is as it is
    okta.patch(&path, json!([{ "op": "replace", "value": { "active": false } }])).await.expect(200);
    // What is not said of it, or said to be nothing, lets nobody in
    for active in [json!({}), json!({ "active": null })] {
        let mut silent = json!({ "userName": email.to_uppercase(), "displayName": "Ben Li", "externalId": "00ujl29u0le5T6Aj10h7" });
        silent.as_object_mut().unwrap().extend(active.as_object().unwrap().clone());
        assert_eq!(okta.put(&path, silent).await.expect(200)["active"], false);
    }
    let mut whole = okta.get(&path).await.expect(200);
    (whole["active"], whole["displayName"]) = (json!(true), json!("Benjamin Li"));
    assert_eq!(okta.put(&path, whole).await.expect(200)["displayName"], "Benjamin Li");
    let person = Person::login(&world, &email, PASSWORD).await;
    assert_eq!(person.get("/api/v1/auth/verify").await.expect(200)["name"], "Benjamin Li");

    okta.delete(&path).await.expect(204);
    refused(okta.get(&path).await, 404, None);
    refused(okta.delete(&path).await, 404, None);
    person.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    // And back, under the same external id
    okta.post("/Users", draft).await.expect(201);
    Person::login(&world, &email, PASSWORD).await;
}

#[tokio::test]
async fn entra_provisions_users_and_groups_in_its_own_way() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let entra = Directory::of(&acme, &acme.owner).await;
    let email = world.email("ben");
    // It asks for somebody who cannot be, to see that it is understood
    let probe = entra.find("Users", "userName eq \"non-existent user\"").await;
    assert_eq!((&probe["totalResults"], &probe["schemas"]), (&json!(0), &json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"])));
    let draft = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "userName": email.to_uppercase(), "active": true,
        "emails": [{ "primary": true, "type": "work", "value": email }], "meta": { "resourceType": "User" },
        "name": { "formatted": "Ben Li", "familyName": "Li", "givenName": "Ben" }, "roles": []
    });
    let ben = entra.post("/Users", draft).await.expect(201);
    assert_eq!((&ben["userName"], &ben["displayName"]), (&json!(email), &json!("Ben Li")));
    let path = place("Users", &ben);
    let changed = entra.patch(
        &path,
        json!([
            { "op": "Replace", "path": "displayName", "value": "B. Li" },
            { "op": "Add", "path": "emails[type eq \"work\"].value", "value": email },
            { "op": "Replace", "path": "name.familyName", "value": "Lee" },
            { "op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Sales" },
        ]),
    );
    let changed = changed.await.expect(200);
    assert_eq!((&changed["displayName"], &changed["name"]["familyName"]), (&json!("B. Li"), &json!("Lee")));
    let out = entra.patch(&path, json!([{ "op": "Replace", "path": "active", "value": "False" }])).await.expect(200);
    assert_eq!(out["active"], false);
    entra.patch(&path, json!([{ "op": "Replace", "path": "active", "value": "True" }])).await.expect(200);

    let group = entra.post("/Groups", json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "displayName": "Sales",
        "meta": { "resourceType": "Group" }
    }));
    let group = group.await.expect(201);
    let at = place("Groups", &group);
    entra.patch(&at, json!([{ "op": "Add", "path": "members", "value": [{ "$ref": null, "value": ben["id"] }] }])).await.expect(200);
    world.idle().await;
    let whole = entra.get(&at).await.expect(200);
    assert_eq!((&whole["members"][0]["value"], &whole["externalId"]), (&ben["id"], &group["externalId"]));
    assert!(entra.get(&format!("{at}?excludedAttributes=members")).await.expect(200).get("members").is_none());
    assert_eq!(entra.get(&path).await.expect(200)["groups"][0]["display"], "Sales");
    for filter in
        ["displayName eq \"sales\"", "externalId eq \"8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159\"", &format!("members eq {}", ben["id"])]
    {
        assert_eq!(entra.find("Groups", filter).await["totalResults"], 1, "{filter}");
    }
    entra.patch(&at, json!([{ "op": "Remove", "path": "members", "value": [{ "value": ben["id"] }] }])).await.expect(200);
    assert_eq!(entra.get(&path).await.expect(200)["groups"], json!([]));
    entra.patch(&at, json!([{ "op": "Replace", "path": "displayName", "value": "Sellers" }])).await.expect(200);
    refused(entra.post("/Groups", json!({ "displayName": "Sellers" })).await, 409, Some("uniqueness"));
    assert_eq!(acme.owner.list("/api/v1/groups").await[0]["name"], "Sellers");
    entra.delete(&at).await.expect(204);
    refused(entra.get(&at).await, 404, None);
}

#[tokio::test]
async fn a_group_gives_what_people_here_gave_it_and_a_directory_gives_nothing() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ann = acme.joins("Ann", "member").await;
    let role = json!({ "name": "Directory", "permissions": ["manage_integrations", "provision_members", "read_billing"] });
    let role = acme.owner.post("/api/v1/roles", role).await.expect(201);
    acme.owner.patch(&format!("/api/v1/members/{}", ann.id), json!({ "roles": [role["id"]] })).await.expect(200);
    let directory = Directory::of(&acme, &ann).await;
    let email = world.email("ben");
    let ben = directory.user(&email, "Ben").await;
    let group = directory.group("Books", &[]).await;
    let (at, here) = (place("Groups", &group), format!("/api/v1/groups/{}", group["id"].as_str().unwrap()));
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": ben["id"] }] }]);
    refused(
        directory.patch(&at, json!([{ "op": "replace", "path": "permissions", "value": ["read_billing"] }])).await,
        400,
        Some("mutability"),
    );
    // Roles mean nothing here: nobody becomes more than a member
    let more = json!([{ "op": "add", "path": "roles", "value": [{ "value": "owner" }] }]);
    directory.patch(&place("Users", &ben), more).await.expect(200);
    let person = arrives(&world, &email).await;
    assert_eq!(person.get("/api/v1/auth/verify").await.expect(200)["role"], "member");

    person.get("/api/v1/clients").await.refused(403, "forbidden");
    acme.owner.patch(&here, json!({ "permissions": ["read_billing"] })).await.expect(200);
    directory.patch(&at, add.clone()).await.expect(200);
    person.get("/api/v1/clients").await.expect(200);
    directory.patch(&at, json!([{ "op": "remove", "path": format!("members[value eq {}]", ben["id"]) }])).await.expect(200);
    person.get("/api/v1/clients").await.refused(403, "forbidden");

    // What whoever answers for the key has not, the key gives nobody
    acme.owner.patch(&here, json!({ "permissions": ["edit_billing"] })).await.expect(200);
    refused(directory.patch(&at, add).await, 403, None);
    refused(directory.delete(&at).await, 403, None);
    acme.owner.patch(&here, json!({ "permissions": [] })).await.expect(200);
    // What is refused in part is not done in part
    let both = json!([
        { "op": "replace", "path": "displayName", "value": "Ledgers" },
        { "op": "add", "path": "members", "value": [{ "value": ben["id"] }, { "value": acme.owner.id }] }
    ]);
    refused(directory.patch(&at, both).await, 403, None);
    let after = directory.get(&at).await.expect(200);
    assert_eq!((&after["displayName"], after["members"].as_array().map_or(0, Vec::len)), (&json!("Books"), 0));
    // Nor does it touch those who have more, and the last owner stays whoever asks
    let boss = format!("/Users/{}", acme.owner.id);
    let out = json!([{ "op": "replace", "path": "active", "value": false }]);
    refused(directory.patch(&boss, out.clone()).await, 403, None);
    refused(directory.delete(&boss).await, 403, None);
    let own = Directory::of(&acme, &acme.owner).await;
    refused(own.patch(&boss, out).await, 409, None);
    refused(own.delete(&boss).await, 409, None);
    acme.owner.get("/api/v1/auth/verify").await.expect(200);
}

#[tokio::test]
async fn somebody_with_an_account_joins_with_it_is_told_and_keeps_it_to_themselves() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let directory = Directory::of(&acme, &acme.owner).await;
    let made = directory.user(&other.owner.email, "Whoever").await;
    world.idle().await;
    // The answer tells nothing of the account, and nothing of the account changed
    assert!(!made.to_string().contains("Other"), "{made}");
    let owner = &other.owner;
    let mailed = async |of: &str| {
        let subject = format!("You are a member of {of} now");
        let mails = world.mails(&owner.email).await;
        mails.into_iter().find(|mail| mail["subject"] == subject).expect("a mail")["text"].as_str().unwrap().to_owned()
    };
    // Nobody proved the address: whoever has it may be another, and chooses a password of their own
    assert!(mailed("Acme").await.contains("/reset-password?token="));
    assert_eq!(owner.get("/api/v1/auth/profile").await.expect(200)["name"], "Other Owner");
    assert_eq!(
        Person::login(&world, &owner.email, PASSWORD).await.get("/api/v1/auth/verify").await.expect(200)["organization"]["id"],
        other.id
    );
    assert_eq!(owner.list("/api/v1/auth/organizations").await.len(), 2);

    // Nor is it told later, by what is given to them there or what they say of themselves elsewhere
    let (here, card) = (format!("/api/v1/members/{}", owner.id), format!("/api/v1/members/{}/card", owner.id));
    let edit = json!({ "phone": "+44 20 7946 0001", "zone": "Asia/Tokyo", "date_of_birth": "1990-05-17" });
    owner.patch("/api/v1/auth/profile", edit).await.expect(200);
    acme.owner.patch(&here, json!({ "title": "Adviser" })).await.expect(200);
    world.idle().await;
    let told = [here.clone(), card.clone(), format!("{here}/personal")];
    let told = futures_util::future::join_all(told.iter().map(|path| acme.owner.get(path))).await;
    for answer in &told {
        for secret in ["Other", "7946", "Tokyo", "1990"] {
            assert!(answer.status == 200 && !answer.text.contains(secret), "{secret} is told in {}", answer.text);
        }
    }
    assert_eq!((&told[0].json["name"], &told[1].json["history"][0]["title"]), (&json!("Whoever"), &json!("Adviser")));
    // Whoever signed up with an address that nobody proved to be theirs is not let in by it
    owner.post("/api/v1/auth/switch", json!({ "organization": acme.id })).await.refused(409, "conflict");
    let form = json!({ "email": owner.email, "password": PASSWORD, "organization": acme.id });
    world.post("/api/v1/auth/login", form).await.refused(409, "conflict");
    owner.post("/api/v1/auth/verify-email/resend", json!({})).await.expect(204);
    world.idle().await;
    let confirm = json!({ "token": world.link(&owner.email, "verify-email").await, "password": PASSWORD });
    world.post("/api/v1/auth/verify-email", confirm).await.expect(204);
    let third = world.organization("Third").await;
    Directory::of(&third, &third.owner).await.user(&owner.email, "Whoever").await;
    assert!(!mailed("Third").await.contains("token="), "their password is theirs");
    // What they say there is, but for the name
    let there = owner.post("/api/v1/auth/switch", json!({ "organization": acme.id })).await.expect(200);
    let there = Person { access: there["access_token"].as_str().unwrap().to_owned(), ..owner.clone() };
    there.patch("/api/v1/auth/profile", json!({ "locale": "en-GB" })).await.expect(200);
    world.idle().await;
    assert_eq!(acme.owner.get(&card).await.expect(200)["phone"], "+44 20 7946 0001");
    assert_eq!(acme.owner.get(&here).await.expect(200)["name"], "Whoever");

    // Locked out there, they are as they were here; and nobody there moves the account to another address
    let path = place("Users", &made);
    directory.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }])).await.expect(200);
    owner.get("/api/v1/auth/verify").await.expect(200);
    let moved = json!([{ "op": "replace", "path": "userName", "value": "mallory@example.com" }]);
    let moved = refused(directory.patch(&path, moved).await, 400, Some("mutability"));
    assert!(moved["detail"].as_str().unwrap().contains("make a user of the new address"), "{moved}");
    let shouted = json!([{ "op": "replace", "path": "userName", "value": owner.email.to_uppercase() }]);
    assert_eq!(directory.patch(&path, shouted).await.expect(200)["userName"], owner.email);
    // They go when they want to
    directory.patch(&path, json!([{ "op": "replace", "path": "active", "value": true }])).await.expect(200);
    let there = owner.post("/api/v1/auth/switch", json!({ "organization": acme.id })).await.expect(200);
    let there = Person { access: there["access_token"].as_str().unwrap().to_owned(), ..owner.clone() };
    there.delete(&format!("/api/v1/auth/organizations/{}", acme.id)).await.expect(204);
    refused(directory.get(&path).await, 404, None);
}

#[tokio::test]
async fn a_place_that_a_directory_gave_asks_nothing_of_an_account_until_it_is_opened() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let ben = other.joins("Ben", "member").await;
    acme.owner.patch("/api/v1/organization/settings", json!({ "passwords": { "least": 40, "own_words": true } })).await.expect(200);
    let made = Directory::of(&acme, &acme.owner).await.user(&ben.email, "Benjamin").await;
    let member = format!("/api/v1/members/{}", made["id"].as_str().unwrap());
    let mine = async || {
        let places = ben.list("/api/v1/auth/organizations").await;
        places.iter().find(|place| place["id"] == acme.id).expect("a place")["accepted"].clone()
    };
    let told = world.mails(&ben.email).await.remove(0);
    assert!(told["text"].as_str().unwrap().contains("Your account stays as it is until you open it there"), "{told}");
    assert_eq!((mine().await, &acme.owner.get(&member).await.expect(200)["accepted"]), (json!(false), &json!(false)));
    let other_horse = json!({ "current": PASSWORD, "new": "another horse battery" });
    ben.post("/api/v1/auth/change-password", other_horse).await.expect(204);
    // Where they are at home they are still helped
    let begun = ben.post("/api/v1/auth/second-factor", json!({ "password": "another horse battery" })).await.expect(200);
    let code = json!({ "code": tests::code(begun["secret"].as_str().unwrap(), world.now().await, 0) });
    ben.post("/api/v1/auth/second-factor/confirm", code).await.expect(200);
    let lift = format!("/api/v1/auth/members/{}/second-factor", ben.id);
    let refused = acme.owner.delete(&lift).await.refused(409, "conflict");
    assert!(refused["detail"].as_str().unwrap().contains("cannot be taken away here"), "{refused}");
    other.owner.delete(&lift).await.expect(204);
    // Whether somebody belongs elsewhere is told of nobody who has none
    acme.owner.delete(&lift).await.refused(404, "not-found");
    other.owner.delete(&lift).await.refused(404, "not-found");
    let ben = Person::login(&world, &ben.email, "another horse battery").await;
    let there = ben.post("/api/v1/auth/switch", json!({ "organization": acme.id })).await.expect(200);
    assert_eq!(ben.list("/api/v1/auth/organizations").await.len(), 2);
    assert_eq!(acme.owner.get(&member).await.expect(200)["accepted"], true);
    let short = json!({ "current": "another horse battery", "new": "a third horse battery" });
    ben.post("/api/v1/auth/change-password", short).await.refused_fields(&["/new"]);
    // They leave from where they are
    ben.delete(&format!("/api/v1/auth/organizations/{}", acme.id)).await.expect(204);
    ben.delete(&format!("/api/v1/auth/organizations/{}", acme.id)).await.refused(404, "not-found");
    let there = Person { access: there["access_token"].as_str().unwrap().to_owned(), ..ben.clone() };
    there.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    ben.get("/api/v1/auth/verify").await.expect(200);
}

#[tokio::test]
async fn nobody_is_made_to_own_what_they_never_opened() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let vic = other.joins("Vic", "member").await;
    let made = Directory::of(&acme, &acme.owner).await.user(&vic.email, "Vic").await;
    let path = format!("/api/v1/members/{}", made["id"].as_str().unwrap());
    acme.owner.patch(&path, json!({ "role": "owner" })).await.refused_fields(&["/role"]);
    acme.owner.post("/api/v1/organization/hand-over", json!({ "to": vic.id })).await.refused_fields(&["/to"]);
    // Nor what they could not open yet
    let (directory, email) = (Directory::of(&acme, &acme.owner).await, world.email("new"));
    let new = directory.user(&email, "New").await;
    let newcomer = format!("/api/v1/members/{}", new["id"].as_str().unwrap());
    acme.owner.patch(&newcomer, json!({ "role": "owner" })).await.refused_fields(&["/role"]);
    acme.owner.post("/api/v1/organization/hand-over", json!({ "to": new["id"] })).await.refused_fields(&["/to"]);
    arrives(&world, &email).await;
    acme.owner.patch(&newcomer, json!({ "role": "owner" })).await.expect(200);
    acme.owner.patch(&path, json!({ "role": "admin" })).await.expect(200);
    vic.post("/api/v1/auth/switch", json!({ "organization": acme.id })).await.expect(200);
    acme.owner.patch(&path, json!({ "role": "owner" })).await.expect(200);
}

#[tokio::test]
async fn a_place_is_for_whoever_has_the_address_it_was_given_to() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let (pat, directory) = (other.joins("Pat", "member").await, Directory::of(&acme, &acme.owner).await);
    let (old, new) = (pat.email.clone(), world.email("pat.new"));
    let made = directory.user(&old, "Pat").await;
    let moves = async |person: &Person, to: &str| {
        let ask = json!({ "email": to, "password": PASSWORD });
        person.post("/api/v1/auth/change-email", ask).await.expect(204);
        let confirm = json!({ "token": world.link(to, "verify-email").await, "password": PASSWORD });
        world.post("/api/v1/auth/verify-email", confirm).await.expect(204);
        world.idle().await;
    };
    moves(&pat, &new).await;
    pat.post("/api/v1/auth/switch", json!({ "organization": acme.id })).await.refused(409, "conflict");
    let form = json!({ "email": new, "password": PASSWORD, "organization": acme.id });
    world.post("/api/v1/auth/login", form).await.refused(409, "conflict");
    // The directory still knows them by it, and makes nobody else of the same name
    let named = format!("userName eq \"{old}\"");
    assert_eq!(directory.find("Users", &named).await["Resources"][0]["id"], made["id"]);
    let twin = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": old });
    refused(directory.post("/Users", twin).await, 409, Some("uniqueness"));
    let project = acme.project("Garden").await;
    acme.owner.post("/api/v1/tasks", json!({ "project": project, "title": "Dig", "assignees": [pat.id] })).await.expect(201);
    assert!(world.mails(&new).await.iter().all(|mail| !mail["text"].as_str().unwrap().contains("Dig")), "nothing of there is mailed");
    directory.delete(&place("Users", &made)).await.expect(204);
    assert_ne!(directory.user(&old, "Pat").await["id"], made["id"]);

    // Whoever has opened their place keeps it, by the name the directory has for them
    let (ben, ours) = (acme.joins("Ben", "member").await, world.email("ben.new"));
    let known = json!([{ "op": "replace", "path": "externalId", "value": "00u7" }]);
    directory.patch(&format!("/Users/{}", ben.id), known).await.expect(200);
    moves(&ben, &ours).await;
    ben.get("/api/v1/auth/verify").await.expect(200);
    let seen = directory.find("Users", &format!("userName eq \"{}\"", ben.email)).await;
    assert_eq!((&seen["totalResults"], &seen["Resources"][0]["id"]), (&json!(1), &json!(ben.id)));
}

#[tokio::test]
async fn whom_a_directory_made_and_let_in_later_is_told_when_they_are_let_in() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (directory, email) = (Directory::of(&acme, &acme.owner).await, world.email("late"));
    let draft = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": email, "active": false });
    let made = directory.post("/Users", draft).await.expect(201);
    assert!(world.mails(&email).await.is_empty());
    let active = |active: bool| json!([{ "op": "replace", "path": "active", "value": active }]);
    directory.patch(&place("Users", &made), active(true)).await.expect(200);
    assert_eq!(world.mails(&email).await.len(), 1);
    let reset = json!({ "token": world.link(&email, "reset-password").await, "new": PASSWORD });
    world.post("/api/v1/auth/reset-password", reset).await.expect(204);
    let count = world.mails(&email).await.len();
    for on in [false, true] {
        directory.patch(&place("Users", &made), active(on)).await.expect(200);
    }
    assert_eq!(world.mails(&email).await.len(), count, "whoever knows how to log in is told nothing");
}

#[tokio::test]
async fn title_and_department_are_what_the_directory_says_they_are() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let entra = Directory::of(&acme, &acme.owner).await;
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let sales = acme.owner.post("/api/v1/departments", json!({ "name": "Sales" })).await.expect(201)["id"].clone();
    let mut draft = json!({ "userName": world.email("ben"), "displayName": "Ben Li", "title": "Gardener" });
    draft[enterprise] = json!({ "department": "sales", "manager": { "value": "x" } });
    let ben = entra.post("/Users", draft).await.expect(201);
    assert_eq!(
        (&ben["title"], &ben[enterprise], &ben["schemas"][1]),
        (&json!("Gardener"), &json!({ "department": "sales" }), &json!(enterprise))
    );
    let (path, member) = (place("Users", &ben), format!("/api/v1/members/{}", ben["id"].as_str().unwrap()));
    let here = async || acme.owner.get(&member).await.expect(200);
    assert_eq!((&here().await["title"], &here().await["department"]), (&json!("Gardener"), &sales));
    assert_eq!(entra.find("Users", "title eq \"gardener\"").await["totalResults"], 1);
    // One that is none here is kept, and puts nobody anywhere
    let path_of = format!("{enterprise}:department");
    let patch = async |operations: Value| entra.patch(&path, operations).await.expect(200);
    let moved = patch(json!([{ "op": "Replace", "path": path_of, "value": "Moon base" }, { "op": "Remove", "path": "title" }])).await;
    assert_eq!((&moved[enterprise]["department"], &moved["title"]), (&json!("Moon base"), &json!(null)));
    assert_eq!((&here().await["title"], &here().await["department"]), (&json!(null), &json!(null)));
    // Where people here put somebody they stay, until the directory says something new
    acme.owner.patch(&member, json!({ "department": sales, "title": "Foreman" })).await.expect(200);
    patch(json!([{ "op": "replace", "path": "externalId", "value": "7" }])).await;
    assert_eq!((&here().await["title"], &here().await["department"]), (&json!("Foreman"), &sales));
    // A marriage changes what they are called, unless the directory says by what
    patch(json!([{ "op": "replace", "value": { "name": { "givenName": "Ben", "familyName": "Li" } } }])).await;
    assert_eq!(patch(json!([{ "op": "replace", "path": "name.familyName", "value": "Okafor" }])).await["displayName"], "Ben Okafor");
    let both = json!([{ "op": "replace", "value": { "name.familyName": "Li", "displayName": "B. Li" } }]);
    assert_eq!(patch(both).await["displayName"], "B. Li");
    assert_eq!(patch(json!([{ "op": "replace", "path": "name.formatted", "value": "Benjamin Li" }])).await["displayName"], "Benjamin Li");
}

#[tokio::test]
async fn a_name_that_a_directory_gave_stays_whatever_else_changes() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, okta) = (acme.joins("Ben", "member").await, Directory::of(&acme, &acme.owner).await);
    okta.patch(&format!("/Users/{}", ben.id), json!([{ "op": "replace", "path": "displayName", "value": "Benjamin" }])).await.expect(200);
    let member = format!("/api/v1/members/{}", ben.id);
    acme.owner.patch(&member, json!({ "title": "Gardener" })).await.expect(200);
    // What says nothing of a name leaves it, and names nobody
    let cleo = acme.joins("Cleo", "member").await;
    for person in [&ben, &cleo] {
        okta.put(&format!("/Users/{}", person.id), json!({ "userName": person.email, "active": true })).await.expect(200);
    }
    cleo.patch("/api/v1/auth/profile", json!({ "name": "Cleopatra" })).await.expect(200);
    world.idle().await;
    assert_eq!(acme.owner.get(&format!("/api/v1/members/{}", cleo.id)).await.expect(200)["name"], "Cleopatra");
    ben.patch("/api/v1/auth/card", json!({ "skills": ["Pruning"] })).await.expect(200);
    ben.patch("/api/v1/auth/profile", json!({ "name": "Benny" })).await.expect(200);
    world.idle().await;
    assert_eq!(acme.owner.get(&member).await.expect(200)["name"], "Benjamin");
}

#[tokio::test]
async fn a_directory_does_not_lock_out_whoever_answers_for_its_key() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, path) = (acme.joins("Ann", "admin").await, "/api/v1/api-keys");
    let okta = Directory::of(&acme, &ann).await;
    let at = format!("/Users/{}", ann.id);
    let out = json!([{ "op": "replace", "path": "active", "value": false }]);
    let refusal = refused(okta.patch(&at, out.clone()).await, 409, None);
    assert!(refusal["detail"].as_str().unwrap().contains("somebody else has to rotate it first"), "{refusal}");
    refused(okta.delete(&at).await, 409, None);
    okta.patch(&at, json!([{ "op": "replace", "path": "title", "value": "Head" }])).await.expect(200);
    let key = acme.owner.list(path).await[0]["id"].as_str().unwrap().to_owned();
    let rotated = acme.owner.post(&format!("{path}/{key}/rotate"), json!({})).await.expect(200);
    let okta = Directory { key: rotated["secret"].as_str().unwrap().to_owned(), world: world.clone() };
    assert_eq!(okta.patch(&at, out).await.expect(200)["active"], false);
    ann.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn whom_a_directory_has_joins_whatever_domains_are_allowed_to_those_who_are_invited() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (directory, email) = (Directory::of(&acme, &acme.owner).await, world.email("ben"));
    acme.owner.patch("/api/v1/organization/settings", json!({ "email_domains": ["acme.example"] })).await.expect(200);
    acme.owner.post("/api/v1/invitations", json!({ "email": email, "role": "member" })).await.refused_fields(&["/email"]);
    directory.user(&email, "Ben").await;
    assert_eq!(arrives(&world, &email).await.get("/api/v1/auth/verify").await.expect(200)["role"], "member");
}

#[tokio::test]
async fn two_who_make_the_same_user_at_once_make_one() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let directory = Directory::of(&acme, &acme.owner).await;
    let draft = json!({ "userName": world.email("ben"), "externalId": "7", "displayName": "Ben" });
    let tries = futures_util::future::join_all((0..6).map(|_| directory.post("/Users", draft.clone()))).await;
    let mut statuses: Vec<_> = tries.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    for answer in tries.into_iter().filter(|answer| answer.status == 409) {
        refused(answer, 409, Some("uniqueness"));
    }
    let other = json!({ "userName": world.email("lee"), "externalId": "7" });
    refused(directory.post("/Users", other).await, 409, Some("uniqueness"));
    // Many changes of a group at once are all made
    let mut users = Vec::new();
    for n in 0..6 {
        users.push(directory.user(&world.email(&format!("p{n}")), &format!("P {n}")).await);
    }
    let at = place("Groups", &directory.group("All", &[]).await);
    let add = |user: &Value| json!([{ "op": "add", "path": "members", "value": [{ "value": user["id"] }] }]);
    let added = futures_util::future::join_all(users.iter().map(|user| directory.patch(&at, add(user)))).await;
    assert!(added.iter().all(|answer| answer.status == 200), "{added:?}");
    world.idle().await;
    assert_eq!(directory.get(&at).await.expect(200)["members"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn another_organisations_users_and_groups_are_not_there() {
    let world = World::new().await;
    let (acme, evil) = (world.organization("Acme").await, world.organization("Evil").await);
    let (ours, theirs) = (Directory::of(&acme, &acme.owner).await, Directory::of(&evil, &evil.owner).await);
    let email = world.email("ben");
    let ben = ours.user(&email, "Ben").await;
    let group = ours.group("Sales", &[&ben]).await;
    world.idle().await;
    for path in [place("Users", &ben), place("Groups", &group)] {
        refused(theirs.get(&path).await, 404, None);
        refused(theirs.delete(&path).await, 404, None);
        refused(theirs.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "x" }])).await, 404, None);
    }
    for filter in [format!("userName eq \"{email}\""), format!("id eq {}", ben["id"]), "displayName sw \"B\"".to_owned()] {
        assert_eq!(theirs.find("Users", &filter).await["totalResults"], 0, "{filter}");
    }
    refused(theirs.post("/Groups", json!({ "displayName": "x", "members": [{ "value": ben["id"] }] })).await, 400, Some("invalidValue"));
    assert_eq!(theirs.get("/Groups").await.expect(200)["totalResults"], 0);
}

#[tokio::test]
async fn lists_are_paged_filtered_and_cut_as_the_standard_says() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let directory = Directory::of(&acme, &acme.owner).await;
    for name in ["Ann Adler", "Ben Berg", "Cleo Adler"] {
        directory.user(&world.email(&name.to_lowercase().replace(' ', ".")), name).await;
    }
    world.idle().await;
    let page = directory.get("/Users?startIndex=2&count=2&attributes=displayName").await.expect(200);
    assert_eq!((&page["totalResults"], &page["startIndex"], &page["itemsPerPage"]), (&json!(4), &json!(2), &json!(2)));
    let names: Vec<_> = page["Resources"].as_array().unwrap().iter().map(|user| user["displayName"].as_str().unwrap()).collect();
    assert_eq!(names, ["Ann Adler", "Ben Berg"]);
    assert!(page["Resources"][0].get("userName").is_none() && page["Resources"][0].get("id").is_some());
    for (path, total, returned) in
        [("/Users?startIndex=99", 4, 0), ("/Users?startIndex=-1&count=-5", 4, 0), ("/Users?count=0", 4, 0), ("/Users?count=1000", 4, 4)]
    {
        let page = directory.get(path).await.expect(200);
        assert_eq!((&page["totalResults"], page["Resources"].as_array().unwrap().len()), (&json!(total), returned), "{path}");
    }
    for (filter, total) in [
        ("displayName ew \"adler\"", 2),
        ("displayName ew \"adler\" and not (displayName sw \"Ann\")", 1),
        ("active eq true", 4),
        ("externalId pr", 0),
        ("emails[type eq \"work\" and value co \"berg\"]", 1),
    ] {
        assert_eq!(directory.find("Users", filter).await["totalResults"], total, "{filter}");
    }
    for filter in ["displayName", "displayName is \"x\"", "(active eq true"] {
        refused(directory.get(&filtered("Users", filter)).await, 400, Some("invalidFilter"));
    }
    refused(directory.get("/Users?count=many").await, 400, Some("invalidValue"));
}

#[tokio::test]
async fn a_change_is_meant_for_a_version_and_refusals_are_those_of_the_standard() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let directory = Directory::of(&acme, &acme.owner).await;
    let ben = directory.user(&world.email("ben"), "Ben").await;
    let path = place("Users", &ben);
    let rename = |name: &str| json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{ "op": "replace", "path": "displayName", "value": name }] });
    let meant = async |etag: &str, name: &str| {
        let request = directory.request(Method::PATCH, &path).header("if-match", etag).header("content-type", "application/scim+json");
        world.ask(request.body(rename(name).to_string())).await
    };
    let etag = ben["meta"]["version"].as_str().unwrap();
    meant(etag, "Benny").await.expect(200);
    refused(meant(etag, "Benno").await, 412, None);
    for (body, kind) in [(json!({}), "invalidValue"), (json!({ "userName": "ben" }), "invalidValue"), (json!([]), "invalidValue")] {
        refused(directory.post("/Users", body).await, 400, Some(kind));
    }
    refused(directory.ask(Method::PATCH, &path, json!({ "Operations": [{ "op": "replace" }] })).await, 400, Some("invalidSyntax"));
    refused(directory.patch(&path, json!([{ "op": "replace", "path": "a[", "value": 1 }])).await, 400, Some("invalidPath"));
    let xml = directory.request(Method::POST, "/Users").header("content-type", "application/xml").body("<a/>");
    refused(world.ask(xml).await, 415, None);
    refused(directory.get("/Nothing").await, 404, None);
    refused(directory.get("/Users/usr_x").await, 404, None);
    // Without a key, with somebody's own token, and with a key for other things
    refused(world.get("/scim/v2/Users").await, 401, None);
    refused(acme.owner.get("/scim/v2/Users").await, 403, None);
    let other = acme.owner.post("/api/v1/api-keys", json!({ "name": "Tasks", "permissions": ["read_tasks"] })).await.expect(201);
    let other = Directory { key: other["secret"].as_str().unwrap().to_owned(), world: world.clone() };
    refused(other.get("/Users").await, 403, None);
    // What is served is what is said to be
    let config = directory.get("/ServiceProviderConfig").await.expect(200);
    assert_eq!(
        (&config["patch"]["supported"], &config["bulk"]["supported"], &config["filter"]["maxResults"]),
        (&json!(true), &json!(false), &json!(200))
    );
    for path in ["/ResourceTypes", "/ResourceTypes/User", "/Schemas", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group"] {
        directory.get(path).await.expect(200);
    }
    let trail = acme.owner.list(&format!("/api/v1/changes?record={}", ben["id"].as_str().unwrap())).await;
    let actions: Vec<_> = trail.iter().map(|change| change["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["member.edited", "member.provisioned", "member.joined"]);
    assert!(trail[0]["by"]["name"].as_str().unwrap().starts_with("Directory"), "{}", trail[0]["by"]);
}

#[tokio::test]
async fn a_groups_version_tells_that_members_came_or_went() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (directory, ben) = (Directory::of(&acme, &acme.owner).await, acme.joins("Ben", "member").await);
    let made = directory.group("Council", &[]).await;
    let path = place("Groups", &made);
    let seen = made["meta"]["version"].as_str().unwrap().to_owned();
    let come = json!([{ "op": "add", "path": "members", "value": [{ "value": ben.id }] }]);
    let came = directory.patch(&path, come.clone()).await.expect(200);
    assert_ne!(came["meta"]["version"], json!(seen));
    assert_eq!(directory.patch(&path, come).await.expect(200)["meta"]["version"], came["meta"]["version"], "nobody came");
    let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Council", "members": [] });
    let request = directory.request(Method::PUT, &path).header("content-type", "application/scim+json").header("if-match", seen);
    refused(world.ask(request.body(body.to_string())).await, 412, None);
    assert_eq!(directory.get(&path).await.expect(200)["members"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_group_that_is_replaced_right_after_it_was_filled_has_whom_it_was_replaced_by() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let directory = Directory::of(&acme, &acme.owner).await;
    let mut people = Vec::new();
    for n in 0..12 {
        people.push(directory.user(&world.email(&format!("p{n}")), "Somebody").await);
    }
    let at = place("Groups", &directory.group("Desk", &[]).await);
    let members = |some: &[Value]| some.iter().map(|one| json!({ "value": one["id"] })).collect::<Vec<_>>();
    for _ in 0..3 {
        directory.patch(&at, json!([{ "op": "add", "path": "members", "value": members(&people) }])).await.expect(200);
        let one = json!([{ "op": "replace", "path": "members", "value": members(&people[..1]) }]);
        directory.patch(&at, one).await.expect(200);
        let left = directory.get(&at).await.expect(200);
        assert_eq!(left["members"].as_array().map(Vec::len), Some(1), "{left}");
    }
    world.idle().await;
    let left = directory.get(&at).await.expect(200);
    assert_eq!((left["members"].as_array().map(Vec::len), &left["members"][0]["value"]), (Some(1), &people[0]["id"]));
}
