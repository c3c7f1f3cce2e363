//! Signing in through an organisation's own provider, by OpenID Connect.

use crate::forms::id;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Claims, Lie, Organization, Person, Provider, Redirect, World};

const PASSWORD: &str = "correct horse battery";
const PROVIDERS: &str = "/api/v1/auth/oidc/providers";
const START: &str = "/api/v1/auth/oidc/start";
const FINISH: &str = "/api/v1/auth/oidc/finish";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Somebody connects a provider and switches it on.
async fn connect(by: &Person, provider: &Provider) -> String {
    let made = id(&by.post(PROVIDERS, provider.draft()).await.expect(201)["provider"]);
    by.patch(&format!("{PROVIDERS}/{made}"), json!({ "on": true })).await.expect(200);
    made
}

/// A way into an organisation.
#[derive(Clone)]
struct Way {
    world: World,
    organization: String,
    id: String,
    provider: Provider,
}

impl Way {
    async fn into(acme: &Organization) -> Self {
        Self::by(&acme.owner, acme).await
    }

    async fn by(connector: &Person, acme: &Organization) -> Self {
        let provider = Provider::start().await;
        let id = connect(connector, &provider).await;
        Self { world: acme.owner.world.clone(), organization: acme.id.clone(), id, provider }
    }

    fn path(&self) -> String {
        format!("{PROVIDERS}/{}", self.id)
    }

    async fn try_start(&self) -> Answer {
        self.world.post(START, json!({ "organization": self.organization, "provider": self.id })).await
    }

    /// Somebody begins, and signs in at the provider; what was kept, and where they were led back to.
    async fn begin(&self, claims: &Claims) -> (String, Redirect) {
        let started = self.try_start().await.expect(200);
        let redirect = self.provider.signs_in(&text(&started["url"]), claims, self.world.now().await);
        assert_eq!(redirect.path, format!("/oidc/callback/{}", self.id));
        (text(&started["verifier"]), redirect)
    }

    async fn finish(&self, verifier: &str, redirect: &Redirect) -> Answer {
        let Redirect { state, code, .. } = redirect;
        self.world.post(FINISH, json!({ "provider": self.id, "state": state, "code": code, "verifier": verifier })).await
    }

    async fn sign_in(&self, claims: &Claims) -> Answer {
        let (verifier, redirect) = self.begin(claims).await;
        self.finish(&verifier, &redirect).await
    }

    /// Somebody who is signed in.
    async fn person(&self, claims: &Claims) -> Person {
        let finished = self.sign_in(claims).await.expect(200);
        let tokens = &finished["tokens"];
        Person {
            id: text(&tokens["user"]),
            email: claims.email.clone(),
            access: text(&tokens["access_token"]),
            refresh: text(&tokens["refresh_token"]),
            world: self.world.clone(),
        }
    }
}

async fn refresh(person: &Person) -> Answer {
    person.world.post("/api/v1/auth/refresh", json!({ "refresh_token": person.refresh })).await
}

#[track_caller]
fn failed(answer: Answer) -> Value {
    answer.refused(401, "sign-in-failed")
}

#[tokio::test]
async fn a_member_signs_in_through_the_organisations_provider_without_a_password_here() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let way = Way::into(&acme).await;
    let buttons = world.get(&format!("/api/v1/auth/oidc/organizations/{}", acme.id)).await.expect(200);
    assert_eq!(buttons["items"], json!([{ "provider": way.id, "name": "Acme account" }]));
    let there = way.person(&Claims::new("00u1", &ben.email)).await;
    assert_eq!(there.id, ben.id);
    let verified = there.get("/api/v1/auth/verify").await.expect(200);
    assert_eq!((&verified["provider"], &verified["second_factor"]), (&json!(way.id), &json!(false)));
    there.get("/api/v1/members").await.expect(200);
    there.live().await.tell("ping", json!({})).await;
    let tokens = refresh(&there).await.expect(200);
    let there = Person { access: text(&tokens["access_token"]), ..there };
    let sessions = there.list("/api/v1/auth/sessions").await;
    assert_eq!(sessions.iter().map(|one| &one["provider"]).collect::<Vec<_>>(), [&json!(way.id)]);
    // The person is told, once
    way.person(&Claims::new("00u1", &ben.email)).await;
    let told = world.mails(&ben.email).await;
    let told: Vec<_> = told.iter().filter(|mail| mail["subject"] == "You sign in through your organisation").collect();
    assert_eq!(told.len(), 1);
    assert!(text(&told[0]["text"]).contains("Acme signed you in"));
    // Somebody whom a directory made, and who has no password
    let key = json!({ "name": "Directory", "permissions": ["provision_members"] });
    let key = text(&acme.owner.post("/api/v1/api-keys", key).await.expect(201)["secret"]);
    let una = world.email("una");
    let user = json!({ "userName": una, "displayName": "Una" }).to_string();
    let request = world.request(reqwest::Method::POST, "/scim/v2/Users").bearer_auth(key);
    world.ask(request.header("content-type", "application/scim+json").body(user)).await.expect(201);
    let una = way.person(&Claims::new("00u2", &una)).await;
    assert_eq!(una.get("/api/v1/auth/verify").await.expect(200)["name"], "Una");
}

#[tokio::test]
async fn what_a_provider_opened_is_for_that_organisation_and_not_for_the_account() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let ben = acme.joins("Ben", "owner").await;
    let way = Way::into(&acme).await;
    let there = way.person(&Claims::new("00u1", &ben.email)).await;
    // Somebody who belongs to no other organisation says here who they are
    there.patch("/api/v1/auth/profile", json!({ "phone": "+44 20 7946 0123" })).await.expect(200);
    let picture = json!({ "of": "me", "media_type": "image/png", "bytes": 9 });
    there.post("/api/v1/pictures", picture.clone()).await.expect(201);
    other.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "admin" })).await.expect(201);
    let token = world.link(&ben.email, "join").await;
    world.post("/api/v1/auth/join", json!({ "token": token, "password": PASSWORD })).await.expect(201);
    // And from then on not
    let mine = "own-login-needed";
    there.post("/api/v1/auth/switch", json!({ "organization": other.id })).await.refused(403, mine);
    there.get("/api/v1/auth/organizations").await.refused(403, mine);
    let change = json!({ "current": PASSWORD, "new": "another horse battery" });
    there.post("/api/v1/auth/change-password", change).await.refused(403, mine);
    let change = json!({ "email": world.email("mallory"), "password": PASSWORD });
    there.post("/api/v1/auth/change-email", change).await.refused(403, mine);
    for path in ["/api/v1/auth/second-factor", "/api/v1/auth/passkeys", "/api/v1/auth/profile"] {
        there.get(path).await.refused(403, mine);
    }
    for path in ["/api/v1/auth/second-factor", "/api/v1/auth/passkeys/begin"] {
        there.post(path, json!({ "password": PASSWORD })).await.refused(403, mine);
    }
    there.patch("/api/v1/auth/profile", json!({ "name": "Mallory" })).await.refused(403, mine);
    there.delete("/api/v1/auth/picture").await.refused(403, mine);
    there.post("/api/v1/pictures", picture).await.refused(403, mine);
    there.delete(&format!("/api/v1/auth/organizations/{}", acme.id)).await.refused(403, mine);
    // What is the organisation's goes on
    there.patch("/api/v1/auth/card", json!({ "skills": ["Pruning"] })).await.expect(200);
    there.post("/api/v1/projects", json!({ "name": "Garden" })).await.expect(201);
    let logo = json!({ "of": "organization", "media_type": "image/png", "bytes": 9 });
    there.post("/api/v1/pictures", logo).await.expect(201);
    // The sessions of the account are nobody's business either
    let login = ben.list("/api/v1/auth/sessions").await.into_iter().find(|session| session["current"] == true).expect("a session");
    assert_eq!(there.list("/api/v1/auth/sessions").await.len(), 1);
    there.delete(&format!("/api/v1/auth/sessions/{}", id(&login))).await.refused(404, "not-found");
    there.post("/api/v1/auth/logout-everywhere", json!({})).await.expect(204);
    there.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    ben.get("/api/v1/auth/verify").await.expect(200);
    assert_eq!(ben.get("/api/v1/auth/profile").await.expect(200)["name"], "Ben");
}

#[tokio::test]
async fn what_a_provider_says_is_taken_only_when_all_of_it_is_right() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let way = Way::into(&acme).await;
    let claims = Claims::new("00u1", &ben.email);
    way.sign_in(&claims).await.expect(200);
    let lies: [(&str, Lie); 12] = [
        ("another sign-in's", Lie::Claims(|claims| claims["nonce"] = json!("other"))),
        ("no sign-in's", Lie::Claims(|claims| claims["nonce"] = Value::Null)),
        ("for somebody else", Lie::Claims(|claims| claims["aud"] = json!("other"))),
        ("for several", Lie::Claims(|claims| claims["aud"] = json!(["office copilot", "other"]))),
        ("another provider's", Lie::Claims(|claims| claims["iss"] = json!("https://login.evil.example"))),
        ("expired", Lie::Claims(|claims| claims["exp"] = json!(1_000_000_000))),
        ("from the future", Lie::Claims(|claims| claims["iat"] = json!(9_000_000_000_u64))),
        ("of nobody", Lie::Claims(|claims| claims["sub"] = Value::Null)),
        ("unsigned", Lie::Unsigned),
        ("signed by another key", Lie::OtherKey),
        ("signed with the shared secret", Lie::SharedSecret),
        ("no token at all", Lie::Says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".to_owned())),
    ];
    for (what, lie) in lies {
        way.provider.lies(lie);
        let answer = way.sign_in(&claims).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text);
        let said = text(&failed(answer)["detail"]);
        assert!(said.starts_with("your provider's answer is not taken"), "{what}: {said}");
    }
    way.provider.is_honest();
    // A code of somebody else's sign-in, and one that was used
    let (verifier, mine) = way.begin(&claims).await;
    let (_, theirs) = way.begin(&Claims::new("00u2", &acme.owner.email)).await;
    failed(way.finish(&verifier, &Redirect { code: theirs.code.clone(), ..mine.clone() }).await);
    failed(way.finish(&verifier, &Redirect { code: theirs.code, ..mine }).await);
    assert_eq!(ben.list("/api/v1/auth/sessions").await.iter().filter(|session| session["provider"] == way.id.as_str()).count(), 1);
    way.sign_in(&claims).await.expect(200);
}

#[tokio::test]
async fn a_provider_that_answers_badly_is_not_waited_for_and_not_followed() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let (way, elsewhere) = (Way::into(&acme).await, Provider::start().await);
    let claims = Claims::new("00u1", &ben.email);
    let head = |more: &str| format!("HTTP/1.1 {more}\r\nconnection: close\r\n\r\n");
    let redirect = head(&format!("307 Elsewhere\r\nlocation: {}/token\r\ncontent-length: 0", elsewhere.issuer));
    let endless = format!("{}{{\"id_token\":\"{}", head("200 OK\r\ncontent-length: 99999999"), "x".repeat(600_000));
    for (what, lie) in [
        ("a redirect", Lie::Says(redirect)),
        ("a huge answer", Lie::Says(endless)),
        ("rubbish", Lie::Says("SSH-2.0-OpenSSH_9.9\r\n".to_owned())),
        ("a fault", Lie::Says(head("500 No\r\ncontent-length: 0"))),
        ("silence", Lie::Hangs),
    ] {
        way.provider.lies(lie);
        let answer = way.sign_in(&claims).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text);
    }
    assert!(elsewhere.asked().is_empty());
    way.provider.is_honest();
    way.sign_in(&claims).await.expect(200);
}

#[tokio::test]
async fn a_state_opens_one_session_in_the_browser_that_began_and_within_minutes() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let (way, other) = (Way::into(&acme).await, Way::into(&acme).await);
    let claims = Claims::new("00u1", &ben.email);
    let (verifier, redirect) = way.begin(&claims).await;
    let (another, _) = way.begin(&claims).await;
    failed(way.finish(&another, &redirect).await);
    failed(way.finish("", &redirect).await);
    let Redirect { state, code, .. } = &redirect;
    failed(world.post(FINISH, json!({ "provider": way.id, "state": state, "code": code })).await);
    // Where another provider leads back to, its own code would be another's
    failed(other.finish(&verifier, &redirect).await);
    failed(way.finish(&verifier, &Redirect { state: format!("{state}x"), ..redirect.clone() }).await);
    failed(way.finish(&verifier, &Redirect { state: "x".to_owned(), ..redirect.clone() }).await);
    way.finish(&verifier, &redirect).await.expect(200);
    failed(way.finish(&verifier, &redirect).await);
    // Not even with a new code, which the provider would take
    let started = way.try_start().await.expect(200);
    let (url, verifier) = (text(&started["url"]), text(&started["verifier"]));
    let now = world.now().await;
    let redirects: Vec<_> = (0..5).map(|_| way.provider.signs_in(&url, &claims, now)).collect();
    let answers = futures_util::future::join_all(redirects.iter().map(|redirect| way.finish(&verifier, redirect))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let (verifier, redirect) = way.begin(&claims).await;
    world.advance(Duration::from_secs(601)).await;
    failed(way.finish(&verifier, &redirect).await);
}

#[tokio::test]
async fn a_provider_of_another_organisation_is_as_absent() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let way = Way::into(&acme).await;
    let never = "idp_01k9zt3vw8fqj2m4x6c7b5n0ra";
    let start = async |organization: &str, provider: &str| {
        let problem = world.post(START, json!({ "organization": organization, "provider": provider })).await.refused(404, "not-found");
        problem["detail"].clone()
    };
    let absent = start(&other.id, never).await;
    assert_eq!(start(&other.id, &way.id).await, absent);
    assert_eq!(start("org_01k9zt3vw8fqj2m4x6c7b5n0ra", &way.id).await, absent);
    let off = acme.owner.post(PROVIDERS, Provider::start().await.draft()).await.expect(201);
    assert_eq!(start(&acme.id, &id(&off["provider"])).await, absent, "one that is off");
    for organization in [other.id.as_str(), "org_01k9zt3vw8fqj2m4x6c7b5n0ra"] {
        let found = world.get(&format!("/api/v1/auth/oidc/organizations/{organization}")).await.expect(200);
        assert_eq!(found, json!({ "items": [] }));
    }
    for provider in [&way.id, never] {
        let path = format!("{PROVIDERS}/{provider}");
        other.owner.get(&path).await.refused(404, "not-found");
        other.owner.patch(&path, json!({ "on": false })).await.refused(404, "not-found");
        other.owner.delete(&path).await.refused(404, "not-found");
        other.owner.post(&format!("{path}/test"), json!({})).await.refused(404, "not-found");
    }
    assert!(other.owner.list(PROVIDERS).await.is_empty());
    // A member of both gets into the one whose provider it is, and their session is nothing to the other
    other.owner.post("/api/v1/invitations", json!({ "email": acme.owner.email, "role": "owner" })).await.expect(201);
    let token = world.link(&acme.owner.email, "join").await;
    world.post("/api/v1/auth/join", json!({ "token": token, "password": PASSWORD })).await.expect(201);
    let there = way.person(&Claims::new("00u1", &acme.owner.email)).await;
    assert_eq!(there.get("/api/v1/auth/verify").await.expect(200)["organization"]["id"], acme.id.as_str());
    // And nobody gets in who is a member elsewhere alone
    failed(way.sign_in(&Claims::new("00u2", &other.owner.email)).await);
}

#[tokio::test]
async fn a_link_survives_a_changed_address_and_an_address_of_somebody_else_opens_nothing() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, eve) = (acme.joins("Ben", "member").await, acme.joins("Eve", "member").await);
    let way = Way::into(&acme).await;
    assert_eq!(way.person(&Claims::new("00u1", &ben.email)).await.id, ben.id);
    for claims in [
        Claims::new("00u1", "ben.chen@elsewhere.example"),
        Claims::new("00u1", &eve.email),
        Claims { email_verified: json!(false), ..Claims::new("00u1", &ben.email) },
    ] {
        assert_eq!(way.person(&claims).await.id, ben.id, "{claims:?}");
    }
    // Somebody else was given the address of one who is known by another name
    failed(way.sign_in(&Claims::new("00u2", &ben.email)).await);
    assert_eq!(way.person(&Claims::new("00u3", &eve.email)).await.id, eve.id);
    // Until somebody says that it is the same person: then the name before is nobody's, and its sessions end
    let there = way.person(&Claims::new("00u1", &ben.email)).await;
    let link = format!("/api/v1/auth/members/{}/links/{}", ben.id, way.id);
    eve.delete(&link).await.refused(403, "forbidden");
    acme.owner.delete(&link).await.expect(204);
    there.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    ben.get("/api/v1/auth/verify").await.expect(200);
    assert_eq!(way.person(&Claims::new("00u2", &ben.email)).await.id, ben.id);
    failed(way.sign_in(&Claims::new("00u1", &ben.email)).await);
    acme.owner.delete(&format!("/api/v1/auth/members/{}/links/{}", acme.owner.id, way.id)).await.refused(404, "not-found");
}

#[tokio::test]
async fn nobody_is_let_in_but_an_active_member_whose_address_was_proved() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let (ben, eve) = (acme.joins("Ben", "member").await, acme.joins("Eve", "member").await);
    let way = Way::into(&acme).await;
    let refused = async |claims: &Claims| text(&failed(way.sign_in(claims).await)["detail"]);
    let told = refused(&Claims::new("00u0", "nobody@example.com")).await;
    for verified in [json!(false), json!("false"), json!(1), Value::Null] {
        let claims = Claims { email_verified: verified, ..Claims::new("00u1", &ben.email) };
        assert_eq!(refused(&claims).await, told, "{claims:?}");
    }
    assert_eq!(refused(&Claims::new("00u2", &other.owner.email)).await, told);
    // Where the organisation says that nobody writes their own address there, silence is enough, and a no is not
    acme.owner.patch(&way.path(), json!({ "vouches_for_addresses": true })).await.expect(200);
    refused(&Claims { email_verified: json!(false), ..Claims::new("00u1", &ben.email) }).await;
    way.sign_in(&Claims { email_verified: Value::Null, ..Claims::new("00u1", &ben.email) }).await.expect(200);
    // Known or not, whoever is locked out or gone stays out
    acme.owner.post(&format!("/api/v1/members/{}/deactivate", ben.id), json!({})).await.expect(200);
    acme.owner.delete(&format!("/api/v1/members/{}", eve.id)).await.expect(204);
    assert_eq!(refused(&Claims::new("00u1", &ben.email)).await, told);
    assert_eq!(refused(&Claims::new("00u3", &eve.email)).await, told);
    acme.owner.post(&format!("/api/v1/members/{}/reactivate", ben.id), json!({})).await.expect(200);
    way.sign_in(&Claims::new("00u1", &ben.email)).await.expect(200);
}

#[tokio::test]
async fn a_provider_that_is_switched_off_or_removed_ends_its_sessions_at_once() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let (way, kept) = (Way::into(&acme).await, Way::into(&acme).await);
    let claims = Claims::new("00u1", &ben.email);
    let stays = kept.person(&claims).await;
    for remove in [false, true] {
        let there = way.person(&claims).await;
        let mut live = there.live().await;
        let (verifier, redirect) = way.begin(&claims).await;
        if remove {
            acme.owner.delete(&way.path()).await.expect(204);
        } else {
            acme.owner.patch(&way.path(), json!({ "on": false })).await.expect(200);
        }
        there.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
        refresh(&there).await.refused(401, "unauthenticated");
        failed(way.finish(&verifier, &redirect).await);
        way.try_start().await.refused(404, "not-found");
        while live.read().await.is_some() {}
        stays.get("/api/v1/auth/verify").await.expect(200);
        ben.get("/api/v1/auth/verify").await.expect(200);
        if !remove {
            world.advance(Duration::from_secs(10)).await;
            acme.owner.patch(&way.path(), json!({ "on": true })).await.expect(200);
            there.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
            refresh(&there).await.refused(401, "unauthenticated");
        }
    }
    acme.owner.get(&way.path()).await.refused(404, "not-found");
}

#[tokio::test]
async fn a_provider_lets_in_nobody_who_may_more_than_whoever_connected_it() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, ben) = (acme.joins("Ann", "admin").await, acme.joins("Ben", "member").await);
    let by_admin = Way::by(&ann, &acme).await;
    by_admin.sign_in(&Claims::new("00u1", &ann.email)).await.expect(200);
    by_admin.sign_in(&Claims::new("00u2", &ben.email)).await.expect(200);
    failed(by_admin.sign_in(&Claims::new("00u3", &acme.owner.email)).await);
    // Whom it knows is let in no more when they have become more
    acme.owner.patch(&format!("/api/v1/members/{}", ben.id), json!({ "role": "owner" })).await.expect(200);
    failed(by_admin.sign_in(&Claims::new("00u2", &ben.email)).await);
    // An owner who stands for it opens it for owners, and from then on it is theirs
    acme.owner.patch(&by_admin.path(), json!({ "name": "Everybody" })).await.expect(200);
    by_admin.sign_in(&Claims::new("00u3", &acme.owner.email)).await.expect(200);
    ann.patch(&by_admin.path(), json!({ "client_secret": "mine" })).await.refused(403, "forbidden");
    ann.delete(&by_admin.path()).await.refused(403, "forbidden");
    ben.get(PROVIDERS).await.expect(200);
}

#[tokio::test]
async fn a_provider_is_looked_at_before_it_is_connected_and_never_shows_its_secret() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, provider) = (acme.joins("Ann", "admin").await, Provider::start().await);
    let wrong: [fn(&mut Value); 7] = [
        |told| told["issuer"] = json!("https://login.evil.example"),
        |told| told["authorization_endpoint"] = json!("javascript:alert(1)"),
        |told| told["token_endpoint"] = json!("http://169.254.169.254/latest"),
        |told| told["jwks_uri"] = Value::Null,
        |told| told["jwks_uri"] = told["token_endpoint"].clone(),
        |told| told["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]),
        |told| told["id_token_signing_alg_values_supported"] = json!(["HS256", "none"]),
    ];
    for (place, lie) in wrong.into_iter().enumerate() {
        provider.lies(Lie::Configuration(lie));
        let answer = ann.post(PROVIDERS, provider.draft()).await;
        assert_eq!(answer.status, 422, "{place}: {}", answer.text);
        answer.refused_fields(&["/issuer"]);
    }
    provider.is_honest();
    for issuer in ["http://127.0.0.1:9", "https://10.0.0.1", "http://93.184.216.34", "https://login.example/?x=1", "login"] {
        let draft = json!({ "name": "x", "issuer": issuer, "client_id": "x", "client_secret": "x" });
        ann.post(PROVIDERS, draft).await.refused_fields(&["/issuer"]);
    }
    assert!(ann.list(PROVIDERS).await.is_empty());
    let made = ann.post_once("one", PROVIDERS, provider.draft()).await;
    let path = made.header("location").to_owned();
    let made = made.expect(201);
    let shown = &made["provider"];
    assert_eq!((&shown["on"], &shown["client_id"]), (&json!(false), &json!("office copilot")));
    assert_eq!(text(&made["redirect_uri"]), format!("{}/oidc/callback/{}", world.url(), id(shown)));
    assert_eq!(ann.list(PROVIDERS).await, std::slice::from_ref(&made));
    let edited = ann.patch_seen(1, &path, json!({ "name": "Acme", "client_secret": "another secret" })).await.expect(200);
    ann.patch_seen(1, &path, json!({ "name": "Acme" })).await.refused(412, "stale");
    assert_eq!(edited["provider"]["name"], "Acme");
    ann.patch(&path, json!({ "issuer": "https://login.example" })).await.refused_fields(&["/issuer"]);
    // What has become unfit is not switched on
    provider.lies(Lie::Configuration(|told| told["issuer"] = json!("https://login.evil.example")));
    ann.patch(&path, json!({ "on": true })).await.refused_fields(&["/on"]);
    for _ in 1..5 {
        acme.owner.post(PROVIDERS, Provider::start().await.draft()).await.expect(201);
    }
    acme.owner.post(PROVIDERS, Provider::start().await.draft()).await.refused(409, "conflict");
    acme.owner.delete(&path).await.expect(204);
    // Nowhere is the secret, and the owners know
    for path in [PROVIDERS, "/api/v1/changes"] {
        let said = acme.owner.get(path).await.text;
        assert!(!said.contains("s3cret") && !said.contains("another secret") && !said.contains("sealed"), "{path} gives it away");
    }
    let actions: Vec<_> = acme.owner.list(&format!("/api/v1/changes?record={}", id(shown))).await;
    let actions: Vec<_> = actions.iter().map(|change| text(&change["action"])).collect();
    assert_eq!(actions, ["provider.removed", "provider.edited", "provider.added"]);
    let mails = world.mails(&acme.owner.email).await;
    let about: Vec<_> = mails.iter().filter(|mail| text(&mail["text"]).contains("Ann connected an identity provider to Acme")).collect();
    assert_eq!(about.len(), 1);
    assert!(mails.iter().any(|mail| mail["subject"] == "An identity provider was changed"));
    assert!(mails.iter().any(|mail| mail["subject"] == "An identity provider was removed"));
}

#[tokio::test]
async fn a_test_shows_what_the_provider_says_and_opens_nothing() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let provider = Provider::start().await;
    let made = id(&acme.owner.post(PROVIDERS, provider.draft()).await.expect(201)["provider"]);
    let way = Way { world: world.clone(), organization: acme.id.clone(), id: made, provider };
    let tried = async |claims: &Claims| {
        let started = acme.owner.post(&format!("{}/test", way.path()), json!({})).await.expect(200);
        assert_eq!(started["verifier"], Value::Null);
        let Redirect { state, code, .. } = way.provider.signs_in(&text(&started["url"]), claims, world.now().await);
        let finished = world.post(FINISH, json!({ "provider": way.id, "state": state, "code": code })).await.expect(200);
        assert_eq!(finished["tokens"], Value::Null);
        finished["test"].clone()
    };
    let good = tried(&Claims::new("00u1", &ben.email)).await;
    let expected = json!({
        "lets_in": true, "problem": null, "subject": "00u1", "email": ben.email, "email_verified": true, "name": "Mia Chen"
    });
    assert_eq!(good, expected);
    let problem = |tested: &Value| {
        assert_eq!(tested["lets_in"], false);
        text(&tested["problem"])
    };
    assert_eq!(problem(&tried(&Claims::new("00u1", "nobody@example.com")).await), "no member has this address");
    let unproved = Claims { email_verified: Value::Null, ..Claims::new("00u1", &ben.email) };
    assert_eq!(problem(&tried(&unproved).await), "it gives no address that it says was verified");
    way.provider.lies(Lie::Claims(|claims| claims["aud"] = json!("other")));
    assert_eq!(problem(&tried(&unproved).await), "the ID token is for somebody else than us");
    way.provider.is_honest();
    acme.owner.patch(&way.path(), json!({ "client_secret": "wrong" })).await.expect(200);
    assert_eq!(problem(&tried(&unproved).await), "it does not take the code: invalid_client");
    // Nothing was kept of it, and what a test was given out for finishes no sign-in
    assert_eq!(ben.list("/api/v1/auth/sessions").await.len(), 1);
    acme.owner.delete(&format!("/api/v1/auth/members/{}/links/{}", ben.id, way.id)).await.refused(404, "not-found");
}

#[tokio::test]
async fn an_organisation_asks_everybody_but_owners_and_guests_to_sign_in_through_it() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, ben, vic) = (acme.joins("Ann", "admin").await, acme.joins("Ben", "member").await, acme.joins("Vic", "guest").await);
    let way = Way::into(&acme).await;
    let (rules, asked) = ("/api/v1/organization/sign-in", json!({ "second_factor": false, "single_sign_on": true }));
    // Whoever asks has seen that it works
    ann.put(rules, asked.clone()).await.refused(409, "conflict");
    let there = way.person(&Claims::new("00u1", &ann.email)).await;
    let mut live = ben.live().await;
    assert_eq!(there.put(rules, asked.clone()).await.expect(200), asked);
    while live.read().await.is_some() {}
    ben.get("/api/v1/members").await.refused(403, "single-sign-on-needed");
    ann.get("/api/v1/members").await.refused(403, "single-sign-on-needed");
    ben.post("/api/v1/socket-tickets", json!({})).await.refused(403, "single-sign-on-needed");
    // Everybody reaches their own account, by which a password is changed and another organisation opened
    ben.get("/api/v1/auth/profile").await.expect(200);
    assert_eq!(ben.get("/api/v1/auth/verify").await.expect(200)["single_sign_on_needed"], true);
    acme.owner.get("/api/v1/members").await.expect(200);
    vic.get("/api/v1/conversations").await.expect(200);
    let there = way.person(&Claims::new("00u2", &ben.email)).await;
    there.get("/api/v1/members").await.expect(200);
    // Nobody takes away what everybody needs
    acme.owner.patch(&way.path(), json!({ "on": false })).await.refused(409, "conflict");
    acme.owner.delete(&way.path()).await.refused(409, "conflict");
    acme.owner.put(rules, json!({ "second_factor": false })).await.expect(200);
    ben.get("/api/v1/members").await.expect(200);
    acme.owner.delete(&way.path()).await.expect(204);
}

#[tokio::test]
async fn a_provider_stands_for_the_second_factor_where_it_is_said_to_ask_for_one() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let way = Way::into(&acme).await;
    acme.owner.patch(&way.path(), json!({ "asks_second_factor": true })).await.expect(200);
    let there = way.person(&Claims::new("00u1", &acme.owner.email)).await;
    there.put("/api/v1/organization/sign-in", json!({ "second_factor": true })).await.expect(200);
    ben.get("/api/v1/members").await.refused(403, "second-factor-needed");
    way.person(&Claims::new("00u2", &ben.email)).await.get("/api/v1/members").await.expect(200);
    there.patch(&way.path(), json!({ "asks_second_factor": false })).await.expect(200);
    way.person(&Claims::new("00u2", &ben.email)).await.get("/api/v1/members").await.refused(403, "second-factor-needed");
}

#[tokio::test]
async fn keys_of_a_provider_are_read_again_when_it_signs_with_others() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let way = Way::into(&acme).await;
    let claims = Claims::new("00u1", &ben.email);
    let count = |what: &str| way.provider.asked().iter().filter(|path| *path == what).count();
    for _ in 0..3 {
        way.sign_in(&claims).await.expect(200);
    }
    let (configuration, keys) = (count("openid-configuration"), count("keys"));
    way.sign_in(&claims).await.expect(200);
    assert_eq!((count("openid-configuration"), count("keys")), (configuration, keys), "it was asked again for what is known");
    way.provider.rotates();
    way.sign_in(&claims).await.expect(200);
    // What was known is forgotten after a while, and so is a way of being asked
    way.provider.lies(Lie::SecretInBody);
    failed(way.sign_in(&claims).await);
    world.advance(Duration::from_secs(3_601)).await;
    way.sign_in(&claims).await.expect(200);
}

#[tokio::test]
async fn what_a_provider_opened_ends_after_a_day_however_often_it_is_refreshed() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let way = Way::into(&acme).await;
    let mut there = way.person(&Claims::new("00u1", &ben.email)).await;
    for _ in 0..3 {
        world.advance(Duration::from_secs(7 * 3_600)).await;
        there.refresh = text(&refresh(&there).await.expect(200)["refresh_token"]);
    }
    world.advance(Duration::from_secs(3 * 3_600 + 60)).await;
    refresh(&there).await.refused(401, "unauthenticated");
    refresh(&ben).await.expect(200);
}

#[tokio::test]
async fn a_suspended_organisation_signs_in_to_read() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let (way, operator) = (Way::into(&acme).await, world.operator().await);
    let path = format!("/api/v1/platform/tenants/{}", acme.id);
    operator.post(&format!("{path}/suspend"), json!({ "reason": "Nobody paid." })).await.expect(200);
    let there = way.person(&Claims::new("00u1", &ben.email)).await;
    there.get("/api/v1/members").await.expect(200);
    there.patch("/api/v1/auth/card", json!({ "skills": ["Pruning"] })).await.refused(403, "organization-suspended");
    acme.owner.patch(&way.path(), json!({ "on": false })).await.refused(403, "organization-suspended");
    there.post("/api/v1/auth/logout", json!({})).await.expect(204);
}

#[tokio::test]
async fn the_pages_of_a_sign_in_are_there_for_every_provider() {
    let world = World::new().await;
    for (path, script) in [
        ("/sign-in?organization=org_01k9zt3vw8fqj2m4x6c7b5n0ra", "/sign-in.js"),
        ("/oidc/callback/idp_01k9zt3vw8fqj2m4x6c7b5n0ra?state=x&code=y", "/callback.js"),
    ] {
        let page = world.get(path).await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert!(page.text.contains(script) && page.header("content-security-policy").starts_with("default-src 'self'"));
        assert!(world.get(script).await.text.contains("/api/v1/auth/oidc/"));
    }
    world.get("/oidc/callbacks").await.refused(404, "not-found");
}
