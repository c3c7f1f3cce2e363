//! What every answer carries, whatever it says, and what no answer and no record gives away.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Person, World};

const ORIGIN: &str = "http://localhost:5173";
const PASSWORD: &str = "correct horse battery";

fn check(answer: &Answer) {
    let asked = format!("{} answered with {}", answer.asked, answer.status);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-site"),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
        ("access-control-allow-origin", ORIGIN),
        ("access-control-expose-headers", "etag,location,retry-after,x-request-id"),
    ] {
        assert_eq!(answer.header(name), value, "{name} of {asked}");
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{name} of {asked}");
    }
    assert!(!answer.header("x-request-id").is_empty(), "{asked}");
    for name in ["server", "x-powered-by", "access-control-allow-credentials"] {
        assert!(!answer.headers.contains_key(name), "{name} of {asked}");
    }
    let media = match answer.status.as_u16() {
        204 => "",
        ..300 => "application/json",
        _ => "application/problem+json",
    };
    assert_eq!(answer.header("content-type"), media, "{asked}");
}

async fn ask(person: &Person, method: Method, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = person.request(method, path).header("origin", ORIGIN).header("content-type", "application/json").body(body);
    person.world.ask(request).await
}

#[tokio::test]
async fn every_answer_has_the_same_headers() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "guest").await;
    let path = format!("/api/v1/projects/{}", acme.project("Garden").await);
    let owner = &acme.owner;
    for (status, method, path, body) in [
        (200, Method::GET, path.as_str(), String::new()),
        (201, Method::POST, "/api/v1/projects", r#"{"name":"Shed"}"#.to_owned()),
        (400, Method::POST, "/api/v1/projects", "{".to_owned()),
        (404, Method::GET, "/api/v1/projects/prj_01k9zt3vw8fqj2m4x6c7b5n0ra", String::new()),
        (404, Method::GET, "/api/v1/projects/x/y/z", String::new()),
        (404, Method::GET, "/api/v2/projects", String::new()),
        (404, Method::GET, "/.env", String::new()),
        (404, Method::POST, "/index.php", String::new()),
        (405, Method::DELETE, path.as_str(), String::new()),
        (405, Method::PUT, "/api/v1/projects", String::new()),
        (405, Method::GET, "/api/v1/auth/login", String::new()),
        (405, Method::POST, "/openapi.json", String::new()),
        (405, Method::TRACE, path.as_str(), String::new()),
        (409, Method::POST, "/api/v1/auth/verify-email", r#"{"token":"x","password":"correct horse battery"}"#.to_owned()),
        (413, Method::POST, "/api/v1/projects", " ".repeat(70_000)),
        (422, Method::POST, "/api/v1/projects", "{}".to_owned()),
        (422, Method::GET, "/api/v1/projects?limit=0", String::new()),
    ] {
        let answer = ask(owner, method, path, body).await;
        assert_eq!(answer.status, status, "{} {}", answer.asked, answer.text);
        check(&answer);
    }
    check(&ask(&ben, Method::GET, &path, "").await);
    check(&world.ask(world.request(Method::GET, &path).header("origin", ORIGIN)).await);
    check(&world.ask(owner.request(Method::POST, "/api/v1/projects").header("origin", ORIGIN).body("{}")).await);
    check(&world.ask(owner.request(Method::PATCH, &path).header("origin", ORIGIN).header("if-match", "\"9\"").json(&json!({}))).await);
    check(&ask(owner, Method::POST, "/api/v1/auth/logout", "").await);
}

#[tokio::test]
async fn a_fault_of_ours_says_nothing_but_its_request() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    world.faults(1_000, 0).await;
    let answers = [
        ask(&acme.owner, Method::GET, "/api/v1/projects", "").await,
        ask(&acme.owner, Method::POST, "/api/v1/projects", r#"{"name":"x"}"#).await,
    ];
    world.faults(0, 0).await;
    for answer in answers {
        check(&answer);
        assert_eq!(answer.header("retry-after"), "1");
        let problem = answer.clone().refused(503, "busy");
        let said: Vec<_> = problem.as_object().expect("a problem").keys().map(String::as_str).collect();
        assert_eq!(said, ["request", "status", "title", "type"], "{problem}");
        assert_eq!(problem["request"], answer.header("x-request-id"));
    }
    assert!(acme.owner.list("/api/v1/projects").await.is_empty());
}

#[tokio::test]
async fn a_method_that_is_not_taken_is_answered_with_those_that_are() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    for (path, method, taken) in
        [("/api/v1/projects", Method::DELETE, vec!["GET", "HEAD", "POST"]), ("/api/v1/auth/login", Method::GET, vec!["POST"])]
    {
        let answer = ask(&acme.owner, method, path, "").await;
        let mut allowed: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
        allowed.sort_unstable();
        assert_eq!(allowed, taken, "{path}");
        answer.refused(405, "method-not-allowed");
    }
}

#[tokio::test]
async fn the_web_application_may_ask_and_no_other_site() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let preflight = |origin: &'static str| {
        let request = world.request(Method::OPTIONS, "/api/v1/tasks").header("origin", origin);
        let request =
            request.header("access-control-request-method", "POST").header("access-control-request-headers", "authorization,if-match");
        world.ask(request)
    };
    let ours = preflight(ORIGIN).await;
    assert_eq!((ours.status.is_success(), ours.header("access-control-allow-origin")), (true, ORIGIN));
    assert_eq!(ours.header("access-control-allow-headers"), "authorization,content-type,idempotency-key,if-match");
    assert_eq!(ours.header("access-control-allow-methods"), "GET,POST,PUT,PATCH,DELETE");
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost:5174",
        "https://localhost:5173",
        "http://localhost:5173.evil.example",
        "http://evil.localhost:5173",
    ] {
        assert_eq!(preflight(origin).await.header("access-control-allow-origin"), "", "{origin}");
        let answer = world.ask(acme.owner.request(Method::GET, "/api/v1/projects").header("origin", origin)).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
    }
}

#[tokio::test]
async fn what_a_client_says_of_itself_is_not_put_on_record() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let request = acme.owner.request(Method::POST, "/api/v1/projects").json(&json!({ "name": "Garden" }));
    let request =
        ["x-request-id", "x-amzn-request-id", "x-amzn-trace-id"].into_iter().fold(request, |request, name| request.header(name, "forged"));
    let request = ["x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip"]
        .into_iter()
        .fold(request, |request, name| request.header(name, "203.0.113.7"));
    let answer = world.ask(request.header("user-agent", "phone\u{20}\"}{\"level\":\"error\"")).await;
    let id = answer.header("x-request-id").to_owned();
    assert_ne!(id, "forged");
    let project = answer.expect(201);
    let changes = acme.owner.list(&format!("/api/v1/changes?record={}", project["id"].as_str().expect("an id"))).await;
    let origin = &changes[0]["origin"];
    assert_eq!((&origin["device"], &origin["request"]), (&json!("phone \"}{\"level\":\"error\""), &json!(id)));
    let address = origin["address"].as_str().expect("an address");
    assert!(address != "203.0.113.7" && address.parse::<std::net::IpAddr>().is_ok(), "{address}");
}

#[tokio::test]
async fn no_secret_stands_in_the_trail() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (new, planted) = ("another horse battery", "planted-secret");
    let owner = Person::login(&world, &acme.owner.email, PASSWORD).await;
    let mut secrets: Vec<String> = [PASSWORD, new, planted, &owner.access, &acme.owner.access].map(str::to_owned).to_vec();
    secrets.push(world.link(&owner.email, "verify-email").await);
    world.post("/api/v1/auth/verify-email", json!({ "token": secrets.last(), "password": PASSWORD })).await.expect(204);
    let next = world.post("/api/v1/auth/refresh", json!({ "refresh_token": owner.refresh })).await.expect(200);
    let refresh_tokens = [owner.refresh.clone(), text(&next["refresh_token"])];
    for token in &refresh_tokens {
        let secret = token.split('.').nth(2).expect("a secret");
        secrets.extend([token.clone(), secret.to_owned(), backend::secrets::sha256(secret.as_bytes())]);
    }
    let email = world.email("ben");
    acme.owner.post("/api/v1/invitations", json!({ "email": email, "role": "member" })).await.expect(201);
    secrets.push(world.link(&email, "join").await);
    let form = json!({ "token": secrets.last(), "name": "Ben", "password": planted });
    world.post("/api/v1/auth/join", form).await.expect(201);
    let ben = Person::login(&world, &email, planted).await;
    acme.owner.post("/api/v1/auth/change-password", json!({ "current": PASSWORD, "new": new })).await.expect(204);
    world
        .post("/api/v1/auth/login", json!({ "email": ben.email, "password": "planted-secret-too" }))
        .await
        .refused(401, "wrong-credentials");
    let ticket = text(&ben.post("/api/v1/socket-tickets", json!({})).await.json["url"]);
    secrets.push(ticket.split("ticket=").nth(1).expect("a ticket").to_owned());
    // What people say to each other is nobody else's
    let talk = acme.owner.talks_to(&ben).await;
    ben.post(&format!("/api/v1/conversations/{talk}/messages"), json!({ "text": "planted-secret in confidence" })).await.expect(201);
    world.idle().await;

    let trail = json!(acme.owner.list("/api/v1/changes").await).to_string();
    assert!(trail.contains("profile.password_changed") && trail.contains("message.sent") && trail.contains("member.joined"));
    for secret in secrets {
        assert!(!trail.contains(&secret), "{secret} stands in the trail");
    }
    for name in ["$argon2", "password_hash", "refresh_hash", "previous_hash"] {
        assert!(!trail.contains(name), "{name} stands in the trail");
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
