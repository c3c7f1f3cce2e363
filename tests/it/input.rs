//! What comes in: read strictly, refused with the name of what is wrong, and never a reason to fall over.

use crate::forms::{client, id, line, with};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::{Answer, Person, World};

const JSON: &str = "application/json";

async fn send(person: &Person, method: Method, path: &str, media: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = person.request(method, path).body(body);
    person.world.ask(if media.is_empty() { request } else { request.header("content-type", media) }).await
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let bodies: Vec<Vec<u8>> = [
        "",
        " \n ",
        "{",
        "}",
        r#"{"name":"x""#,
        r#"{"name":"x"} x"#,
        r#"{"name":"x"}{}"#,
        r#"{"name":"x",}"#,
        "{'name':'x'}",
        "{name:1}",
        "nul",
        "NaN",
        "\u{feff}{}",
        r#"{"name":"\ud800"}"#,
        "{\"name\":\"a\nb\"}",
        "{\"name\":\"a\0b\"}",
        r#"{"name":1e999}"#,
        r#"{"name":01}"#,
        "name=x",
        "<name>x</name>",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([
        "[".repeat(10_000).into_bytes(),
        [vec![b'['; 10_000], vec![b']'; 10_000]].concat(),
        r#"{"name":"#.repeat(5_000).into_bytes(),
        format!(r#"{{"name":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000)).into_bytes(),
        format!(r#"{{"other":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000)).into_bytes(),
    ])
    .collect();
    for (method, path) in
        [(Method::POST, "/api/v1/projects"), (Method::PATCH, "/api/v1/organization"), (Method::POST, "/api/v1/auth/login")]
    {
        for body in &bodies {
            send(&acme.owner, method.clone(), path, JSON, body.clone()).await.refused(400, "malformed");
        }
    }
    assert!(acme.owner.list("/api/v1/projects").await.is_empty());
}

#[tokio::test]
async fn a_body_is_an_object() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    for body in
        ["null", "1", "1.5", "true", r#""x""#, "[]", r#"["Garden"]"#, r#"["Garden",null,null,null,null,"Etc/UTC"]"#, " [\"Garden\"]"]
    {
        send(&acme.owner, Method::POST, "/api/v1/projects", JSON, body).await.refused_fields(&[""]);
    }
    assert!(acme.owner.list("/api/v1/projects").await.is_empty());
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (project, client) = (acme.project("Garden").await, client(&acme).await);
    let cases: &[(&str, Value, &[&str])] = &[
        ("/api/v1/tasks", json!({}), &["/project"]),
        ("/api/v1/tasks", json!({ "project": project }), &["/title"]),
        ("/api/v1/tasks", json!({ "project": 1, "title": 2 }), &["/project", "/title"]),
        ("/api/v1/tasks", json!({ "project": null, "title": "x" }), &["/project"]),
        ("/api/v1/tasks", json!({ "project": client, "title": "x" }), &["/project"]),
        ("/api/v1/tasks", json!({ "project": project, "title": ["x"] }), &["/title"]),
        ("/api/v1/tasks", json!({ "project": project, "title": "x", "labels": "a" }), &["/labels"]),
        ("/api/v1/tasks", json!({ "project": project, "title": "x", "labels": ["a", 1] }), &["/labels/1"]),
        ("/api/v1/tasks", json!({ "project": project, "title": "x", "labels": ["a", ""] }), &["/labels/1"]),
        ("/api/v1/tasks", json!({ "project": project, "title": "x", "labels": vec!["a"; 21] }), &["/labels"]),
        ("/api/v1/tasks", json!({ "project": project, "title": "x", "assignees": ["x"] }), &["/assignees/0"]),
        ("/api/v1/tasks", json!({ "project": project, "title": "x", "assignees": vec![&acme.owner.id; 11] }), &["/assignees"]),
        (
            "/api/v1/tasks",
            json!({ "project": project, "title": "x", "assignees": [acme.owner.id, "usr_01k9zt3vw8fqj2m4x6c7b5n0ra"] }),
            &["/assignees/1"],
        ),
        ("/api/v1/tasks", json!({ "project": project, "title": "x", "priority": "huge" }), &["/priority"]),
        ("/api/v1/tasks", json!({ "project": project, "title": "x", "due_at": "tomorrow" }), &["/due_at"]),
        ("/api/v1/tasks", json!({ "project": project, "title": "x", "due_at": 1 }), &["/due_at"]),
        (
            "/api/v1/tasks",
            json!({ "project": project, "title": "x", "remind_minutes": -1, "estimate_minutes": 1.5 }),
            &["/estimate_minutes", "/remind_minutes"],
        ),
        ("/api/v1/tasks", json!({ "project": project, "title": "x", "remind_minutes": 40_321 }), &["/remind_minutes"]),
        ("/api/v1/tasks", json!({ "project": project, "title": "x", "estimate_minutes": 4_294_967_296_u64 }), &["/estimate_minutes"]),
        ("/api/v1/projects", json!({ "name": "x", "lead": "usr_01k9zt3vw8fqj2m4x6c7b5n0ra" }), &["/lead"]),
        ("/api/v1/projects", json!({ "name": "x", "zone": "Europe/Atlantis" }), &["/zone"]),
        ("/api/v1/projects", json!({ "name": "x", "zone": "../../etc/passwd" }), &["/zone"]),
        ("/api/v1/projects", json!({ "name": "x", "starts_on": "2026-02-30" }), &["/starts_on"]),
        ("/api/v1/projects", json!({ "name": "x", "starts_on": "2026-02-02", "ends_on": "2026-02-01" }), &["/ends_on"]),
        ("/api/v1/invitations", json!({ "email": "x", "role": "king" }), &["/email", "/role"]),
        ("/api/v1/invitations", json!({ "email": "x@example.com", "role": "Owner" }), &["/role"]),
        (
            "/api/v1/invitations",
            json!({ "email": "x@example.com", "role": "member", "department": "dep_01k9zt3vw8fqj2m4x6c7b5n0ra" }),
            &["/department"],
        ),
        ("/api/v1/invoices", json!({ "client": client, "lines": {} }), &["/lines"]),
        ("/api/v1/invoices", json!({ "client": client, "lines": [1] }), &["/lines/0"]),
        (
            "/api/v1/invoices",
            json!({ "client": client, "lines": [line(), with(&line(), "unit_price", json!("1"))] }),
            &["/lines/1/unit_price"],
        ),
        ("/api/v1/invoices", json!({ "client": client, "lines": [with(&line(), "net", json!(1))] }), &["/lines/0/net"]),
        ("/api/v1/invoices", json!({ "client": client, "lines": vec![line(); 201] }), &["/lines"]),
        ("/api/v1/invoices", json!({ "client": client, "lines": [line()], "currency": "XXX" }), &["/currency"]),
        ("/api/v1/invoices", json!({ "client": client, "lines": [line()], "term_days": 366 }), &["/term_days"]),
        ("/api/v1/invoices", json!({ "client": "cli_01k9zt3vw8fqj2m4x6c7b5n0ra", "lines": [line()] }), &["/client"]),
        ("/api/v1/conversations", json!({ "with": acme.owner.id }), &["/with"]),
        (
            "/api/v1/auth/register",
            json!({ "name": "", "email": "", "password": "", "organization": "", "address": "", "phone": "", "expected_users": -1 }),
            &["/address", "/email", "/expected_users", "/name", "/organization", "/password", "/phone"],
        ),
        ("/api/v1/auth/login", json!({ "email": "x", "password": 1 }), &["/email", "/password"]),
        ("/api/v1/auth/refresh", json!({ "token": "x" }), &["/refresh_token", "/token"]),
    ];
    for (path, body, fields) in cases {
        let answer = acme.owner.post(path, body.clone()).await;
        let problem = answer.refused(422, "invalid");
        let named: BTreeSet<_> =
            problem["errors"].as_array().expect("errors").iter().map(|error| error["field"].as_str().expect("a field")).collect();
        assert_eq!(named, fields.iter().copied().collect(), "{path} {body}: {problem}");
        assert!(problem["errors"].as_array().expect("errors").iter().all(|error| error["message"] != ""), "{problem}");
    }
}

#[tokio::test]
async fn what_the_system_decides_nobody_else_writes() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let (project, client) = (acme.project("Garden").await, client(&acme).await);
    let task = id(&acme.owner.task(&project, "Paint").await);
    let always = ["id", "version", "created_at", "organization", "tenant", "pk", "sk", "kind", "gsi1pk", "expires", "__proto__", ""];
    let cases: &[(Method, String, Value, &[&str])] = &[
        (Method::POST, "/api/v1/projects".into(), json!({ "name": "x" }), &["status", "created_by", "updated_at"]),
        (Method::PATCH, format!("/api/v1/projects/{project}"), json!({ "name": "x" }), &["status", "created_by", "zone"]),
        (
            Method::POST,
            "/api/v1/tasks".into(),
            json!({ "project": project, "title": "x" }),
            &["state", "created_by", "closed_at", "updated_at"],
        ),
        (Method::PATCH, format!("/api/v1/tasks/{task}"), json!({ "title": "x" }), &["state", "project", "created_by", "closed_at"]),
        (Method::PUT, format!("/api/v1/tasks/{task}/state"), json!({ "state": "IN_PROGRESS" }), &["title"]),
        (Method::POST, format!("/api/v1/tasks/{task}/comments"), json!({ "text": "x" }), &["author", "author_name", "task"]),
        (Method::PATCH, "/api/v1/organization".into(), json!({ "name": "x" }), &["expected_users"]),
        (
            Method::PATCH,
            "/api/v1/auth/profile".into(),
            json!({ "name": "x" }),
            &["email", "email_verified", "new_email", "home", "role", "password", "title"],
        ),
        (
            Method::POST,
            "/api/v1/invitations".into(),
            json!({ "email": "x@example.com", "role": "member" }),
            &["state", "sending", "link_number", "invited_by", "expires_at"],
        ),
        (Method::POST, "/api/v1/clients".into(), json!({ "name": "x", "email": "x@example.com", "address": "x" }), &[]),
        (
            Method::POST,
            "/api/v1/invoices".into(),
            json!({ "client": client, "lines": [line()] }),
            &["number", "status", "totals", "seller", "buyer", "pdf", "issued_on"],
        ),
        (
            Method::POST,
            "/api/v1/files".into(),
            json!({ "name": "x", "media_type": "text/plain", "bytes": 1 }),
            &["state", "uploaded_by", "key"],
        ),
        (Method::POST, "/api/v1/conversations".into(), json!({ "with": ben.id }), &["audience", "last_seq", "members"]),
        (Method::POST, "/api/v1/auth/login".into(), json!({ "email": acme.owner.email, "password": "x" }), &["role"]),
    ];
    for (method, path, good, more) in cases {
        for field in always.iter().chain(*more) {
            let answer = send(&acme.owner, method.clone(), path, JSON, with(good, field, json!("x")).to_string()).await;
            answer.refused_fields(&[&format!("/{field}")]);
        }
    }
}

#[tokio::test]
async fn a_field_given_twice_is_named() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    for body in [r#"{"name":"a","name":"b"}"#, r#"{"name":"a","description":"x","name":"b"}"#, r#"{"name":1,"name":"b"}"#] {
        send(&acme.owner, Method::POST, "/api/v1/projects", JSON, body).await.refused_fields(&["/name"]);
    }
}

#[tokio::test]
async fn a_text_is_what_it_looks_like() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let task = id(&acme.owner.task(&project, "Paint").await);
    let person = json!({ "name": "Rose", "email": "rose@example.com", "address": "2 High Street" });
    let title = json!({ "project": project, "title": "x" });
    let (comments, profile) = (format!("/api/v1/tasks/{task}/comments"), json!({}));
    // The most characters, and whether it has several lines
    let fields: &[(Method, &str, &Value, &str, usize, bool)] = &[
        (Method::POST, "/api/v1/projects", &profile, "name", 200, false),
        (Method::POST, "/api/v1/tasks", &title, "title", 200, false),
        (Method::POST, "/api/v1/tasks", &title, "description", 10_000, true),
        (Method::POST, &comments, &profile, "text", 10_000, true),
        (Method::POST, "/api/v1/clients", &person, "name", 200, false),
        (Method::POST, "/api/v1/clients", &person, "address", 500, true),
        (Method::POST, "/api/v1/clients", &person, "tax_number", 40, false),
        (Method::PATCH, "/api/v1/organization", &profile, "name", 200, false),
        (Method::PATCH, "/api/v1/auth/profile", &profile, "name", 200, false),
    ];
    for (method, path, body, field, most, lines) in fields {
        let ask = |text: String| send(&acme.owner, method.clone(), path, JSON, with(body, field, json!(text)).to_string());
        let mut wrong = vec!["x".repeat(most + 1), "ä".repeat(most + 1)];
        wrong.extend(
            [
                "\0",
                "\u{1b}[2J",
                "\u{7f}",
                "\u{85}",
                "\u{200b}",
                "\u{200e}",
                "\u{202e}",
                "\u{2028}",
                "\u{2029}",
                "\u{2066}",
                "\u{61c}",
                "\u{2060}",
                "\u{feff}",
            ]
            .map(|mark| format!("a{mark}b")),
        );
        if !lines {
            wrong.extend(["", "   ", "a\nb", "a\rb", "a\tb", "\u{2800}", "\u{3164}\u{200d}", "\u{ad}", "\u{301}"].map(str::to_owned));
        }
        for text in wrong {
            let answer = ask(text.clone()).await;
            assert_eq!(answer.status, 422, "{path} took {text:?} as its {field}: {}", answer.text);
            answer.refused_fields(&[&format!("/{field}")]);
        }
        for text in [
            "ä".repeat(*most),
            "שלום 你好 नमस्ते 👩‍👩‍👧 İ ß".to_owned(),
            "می‌خواهم ❤️".to_owned(),
            r#"<b onload="x">{{7*7}}</b>'; DROP TABLE--"#.chars().take(*most).collect(),
        ] {
            let answer = ask(text.clone()).await;
            assert!(answer.status.is_success(), "{path} refused {text:?}: {}", answer.text);
            assert_eq!(answer.json[*field], text);
        }
    }
    assert_eq!(acme.owner.post("/api/v1/projects", json!({ "name": "  Shed " })).await.expect(201)["name"], "Shed");
}

#[tokio::test]
async fn a_date_is_within_reach() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    for (due_at, fine) in [
        ("-009999-01-02T01:59:59Z", false),
        ("-000001-01-01T00:00:00Z", false),
        ("1969-12-31T23:59:59Z", false),
        ("1970-01-01T00:00:00Z", true),
        ("2026-02-28T12:00:00+01:00", true),
        ("2199-12-31T23:59:59Z", true),
        ("2300-01-01T00:00:00Z", false),
        ("9999-12-30T22:00:00Z", false),
    ] {
        let draft = json!({ "project": project, "title": "x", "due_at": due_at, "remind_minutes": 40_320 });
        let answer = acme.owner.post("/api/v1/tasks", draft).await;
        if fine { drop(answer.expect(201)) } else { drop(answer.refused_fields(&["/due_at"])) }
    }
}

#[tokio::test]
async fn a_body_says_that_it_is_json() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let body = json!({ "name": "Garden" }).to_string();
    for media in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json+x",
        "text/json",
        "application/xml, application/json",
    ] {
        send(&acme.owner, Method::POST, "/api/v1/projects", media, body.clone()).await.refused(415, "unsupported-media-type");
    }
    for media in [JSON, "application/json; charset=utf-8", "Application/JSON"] {
        send(&acme.owner, Method::POST, "/api/v1/projects", media, body.clone()).await.expect(201);
    }
    assert_eq!(acme.owner.list("/api/v1/projects").await.len(), 3);
}

#[tokio::test]
async fn a_body_has_64_kib_at_the_most() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let body = |bytes: usize| {
        let form = json!({ "name": "Garden" }).to_string();
        " ".repeat(bytes - form.len()) + &form
    };
    send(&acme.owner, Method::POST, "/api/v1/projects", JSON, body(64 * 1024)).await.expect(201);
    for bytes in [64 * 1024 + 1, 1024 * 1024, 11 * 1024 * 1024] {
        send(&acme.owner, Method::POST, "/api/v1/projects", JSON, body(bytes)).await.refused(413, "too-large");
        send(&acme.owner, Method::POST, "/api/v1/auth/login", JSON, body(bytes)).await.refused(413, "too-large");
        send(&acme.owner, Method::GET, "/api/v1/projects", JSON, body(bytes)).await.refused(413, "too-large");
    }
    assert_eq!(acme.owner.list("/api/v1/projects").await.len(), 1);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let world = World::direct().await;
    let acme = world.organization("Acme").await;
    let body = b"{\"name\":\"\xff\xfe\"}".to_vec();
    send(&acme.owner, Method::POST, "/api/v1/projects", JSON, body).await.refused(400, "malformed");
}

#[tokio::test]
async fn what_is_no_id_names_nothing() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let task = id(&acme.owner.task(&project, "Paint").await);
    let ids = [
        "x".to_owned(),
        "prj_".to_owned(),
        project.to_uppercase(),
        project[4..].to_owned(),
        project[..29].to_owned(),
        format!("{project}0"),
        format!("{project}%20"),
        format!("{project}%00"),
        format!("{project}%23"),
        format!("{project}%2f"),
        format!("%20{project}"),
        task,
        "%00".to_owned(),
        "%ff%fe".to_owned(),
        "%2e%2e%2f%2e%2e".to_owned(),
        "😀".to_owned(),
        "x".repeat(5_000),
        "null".to_owned(),
        "*".to_owned(),
        "prj_01k9zt3vw8fqj2m4x6c7b5n0ru".to_owned(),
    ];
    for id in &ids {
        for (method, rest) in [(Method::GET, ""), (Method::GET, "/statistics"), (Method::PATCH, "")] {
            send(&acme.owner, method, &format!("/api/v1/projects/{id}{rest}"), JSON, "{}").await.refused(404, "not-found");
        }
    }
    acme.owner.get("/api/v1/projects/").await.refused(404, "not-found");
    acme.owner.get(&format!("/api/v1/projects/{project}/")).await.refused(404, "not-found");
    acme.owner.get(&format!("/api/v1//projects/{project}")).await.refused(404, "not-found");
    acme.owner.get(&format!("/api/v1/projects/{project}")).await.expect(200);
}

#[tokio::test]
async fn a_cursor_leads_on_in_its_own_list_only() {
    let world = World::new().await;
    let (acme, evil) = (world.organization("Acme").await, world.organization("Evil").await);
    let mut projects = Vec::new();
    for name in ["a", "b", "c"] {
        projects.push(acme.project(name).await);
        evil.project(name).await;
    }
    for project in &projects {
        for title in ["x", "y"] {
            acme.owner.task(project, title).await;
        }
    }
    let cursor = |answer: Answer| answer.expect(200)["next"].as_str().expect("there is more").to_owned();
    let own = cursor(acme.owner.get("/api/v1/projects?limit=1").await);
    let tasks = cursor(acme.owner.get(&format!("/api/v1/tasks?project={}&limit=1", projects[0])).await);
    let foreign = cursor(evil.owner.get("/api/v1/projects?limit=1").await);
    let (payload, mark) = own.split_once('.').expect("a mark");
    let other = foreign.split_once('.').expect("a mark");
    let mut wrong = vec![
        String::new(),
        ".".to_owned(),
        "x".to_owned(),
        "x.y".to_owned(),
        foreign.clone(),
        tasks.clone(),
        payload.to_owned(),
        format!("{payload}."),
        format!("{payload}.{}", other.1),
        format!("{}.{mark}", other.0),
        format!("{own}."),
        format!("{own}A"),
        "%ff.%ff".to_owned(),
        "A".repeat(4_000),
    ];
    for place in (0..own.len()).step_by(9) {
        let mut bytes = own.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        wrong.push(String::from_utf8(bytes).expect("text"));
        wrong.push(own[..place].to_owned());
    }
    for cursor in wrong {
        acme.owner.get(&format!("/api/v1/projects?cursor={cursor}")).await.refused(400, "bad-cursor");
    }
    acme.owner.get(&format!("/api/v1/clients?cursor={own}")).await.refused(400, "bad-cursor");
    for filter in [
        format!("project={}", projects[1]),
        format!("project={}&order=descending", projects[0]),
        format!("project={}&state=OPEN", projects[0]),
    ] {
        acme.owner.get(&format!("/api/v1/tasks?{filter}&cursor={tasks}")).await.refused(400, "bad-cursor");
    }
    let rest = acme.owner.get(&format!("/api/v1/projects?limit=2&cursor={own}")).await.expect(200);
    assert_eq!(rest["items"].as_array().expect("items").len(), 2);
}

#[tokio::test]
async fn a_cursor_of_ones_own_list_leads_a_colleague_nowhere() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, mia) = (acme.joins("Ben", "member").await, acme.joins("Mia", "member").await);
    let project = acme.project("Garden").await;
    for title in ["a", "b"] {
        let draft = json!({ "project": project, "title": title, "assignees": [ben.id, mia.id] });
        acme.owner.post("/api/v1/tasks", draft).await.expect(201);
    }
    ben.talks_to(&mia).await;
    world.idle().await;
    for list in ["/api/v1/notifications?limit=1", "/api/v1/conversations?limit=1", "/api/v1/tasks?assignee=me&limit=1"] {
        let page = ben.get(list).await.expect(200);
        let next = page["next"].as_str().unwrap_or_else(|| panic!("{list} has one page"));
        mia.get(&format!("{list}&cursor={next}")).await.refused(400, "bad-cursor");
        assert_eq!(ben.get(&format!("{list}&cursor={next}")).await.expect(200)["items"].as_array().expect("items").len(), 1);
    }
}

#[tokio::test]
async fn a_query_is_read_as_strictly_as_a_body() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let task = id(&acme.owner.task(&project, "Paint").await);
    let conversation = id(&acme.owner.list("/api/v1/conversations").await[0]);
    let tasks = format!("/api/v1/tasks?project={project}");
    let (long, messages) = ("x".repeat(101), format!("/api/v1/conversations/{conversation}/messages"));
    for (path, field) in [
        ("/api/v1/projects?limit=0".to_owned(), "limit"),
        ("/api/v1/projects?limit=101".to_owned(), "limit"),
        ("/api/v1/projects?limit=abc".to_owned(), "limit"),
        ("/api/v1/projects?limit=-1".to_owned(), "limit"),
        ("/api/v1/projects?limit=1.5".to_owned(), "limit"),
        ("/api/v1/projects?limit=".to_owned(), "limit"),
        ("/api/v1/projects?limit=99999999999999999999".to_owned(), "limit"),
        ("/api/v1/projects?limit=1&limit=2".to_owned(), "limit"),
        ("/api/v1/projects?limit=1&limit=1".to_owned(), "limit"),
        ("/api/v1/projects?cursor=a&cursor=b".to_owned(), "cursor"),
        ("/api/v1/projects?colour=blue".to_owned(), "colour"),
        ("/api/v1/projects?Limit=1".to_owned(), "Limit"),
        ("/api/v1/clients?project=x".to_owned(), "project"),
        ("/api/v1/tasks".to_owned(), "project"),
        ("/api/v1/tasks?project=x".to_owned(), "project"),
        ("/api/v1/tasks?project=".to_owned(), "project"),
        (format!("{tasks}&state=open"), "state"),
        (format!("{tasks}&state=OPEN&state=DONE"), "state"),
        (format!("{tasks}&sort=title"), "sort"),
        (format!("{tasks}&order=up"), "order"),
        (format!("{tasks}&overdue=yes"), "overdue"),
        (format!("{tasks}&assignee=ben"), "assignee"),
        (format!("{tasks}&text={long}"), "text"),
        (format!("{tasks}&text=x&sort=due"), "sort"),
        (format!("{messages}?before=x"), "before"),
        (format!("{messages}?before=-1"), "before"),
        (format!("{messages}?before=18446744073709551616"), "before"),
        (format!("{messages}?before=1&after=1"), "after"),
        ("/api/v1/changes?record=".to_owned(), "record"),
        (format!("/api/v1/changes?record={task}%23"), "record"),
        (format!("/api/v1/changes?record={long}"), "record"),
        ("/api/v1/changes?person=ben".to_owned(), "person"),
        ("/api/v1/files".to_owned(), "task"),
        (format!("/api/v1/files?task={project}"), "task"),
    ] {
        let answer = acme.owner.get(&path).await;
        assert_eq!(answer.status, 422, "{path} was answered with {}", answer.text);
        answer.refused_fields(&[field]);
    }
    // Odd, but read as what it says
    for path in [
        format!("{tasks}&text=%ff"),
        format!("{tasks}&text=%00"),
        format!("{tasks}&text="),
        format!("{messages}?before=18446744073709551615"),
        format!("{messages}?after=18446744073709551615"),
        format!("{messages}?before=0"),
        "/api/v1/projects?&&limit=%31".to_owned(),
    ] {
        acme.owner.get(&path).await.expect(200);
    }
}

/// SplitMix64: the same numbers every time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let n = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((n ^ (n >> 31)) % sides as u64).expect("small")
    }

    fn value(&mut self, depth: usize) -> Value {
        let texts = [
            "",
            " ",
            "x",
            "\0",
            "null",
            "1",
            "9999-12-31T23:59:59Z",
            "-009999-01-02T01:59:59Z",
            "2026-01-01",
            "usr_01k9zt3vw8fqj2m4x6c7b5n0ra",
            "../..",
            "#",
            "\u{202e}",
            "🦀",
            "{{7*7}}",
            "mia@example.com",
            "EUR",
            "owner",
        ];
        match self.throw(if depth > 4 { 10 } else { 14 }) {
            0 => Value::Null,
            1 => json!(self.throw(2) == 0),
            2 => json!([0, 1, -1, i64::MAX, i64::MIN, 1 << 53, 4_294_967_296][self.throw(7)]),
            3 => json!(u64::MAX),
            4 => json!([0.5, -0.0, 1e308, 5e-324, 1e15][self.throw(5)]),
            5 => json!("long ".repeat(self.throw(4_000))),
            6..=9 => json!(texts[self.throw(texts.len())]),
            10 | 11 => (0..self.throw(6)).map(|_| self.value(depth + 1)).collect(),
            _ => Value::Object((0..self.throw(6)).map(|_| (texts[self.throw(texts.len())].to_owned(), self.value(depth + 1))).collect()),
        }
    }

    /// A good body with some of its values replaced, however deep.
    fn spoil(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) if self.throw(4) > 0 => {
                for (_, field) in fields.iter_mut() {
                    if self.throw(3) == 0 {
                        self.spoil(field);
                    }
                }
            }
            Value::Array(items) if self.throw(3) > 0 => items.iter_mut().for_each(|item| self.spoil(item)),
            _ => *value = self.value(0),
        }
    }
}

#[tokio::test]
async fn no_json_makes_the_system_fall_over() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (project, client) = (acme.project("Garden").await, client(&acme).await);
    let good = [
        (
            "/api/v1/projects",
            json!({ "name": "x", "description": "x", "lead": acme.owner.id, "starts_on": "2026-01-01", "ends_on": "2026-02-01", "zone": "Europe/London" }),
        ),
        (
            "/api/v1/tasks",
            json!({ "project": project, "title": "x", "description": "x", "priority": "high", "assignees": [acme.owner.id], "labels": ["a"], "due_at": "2026-12-01T00:00:00Z", "remind_minutes": 60, "estimate_minutes": 60 }),
        ),
        ("/api/v1/clients", json!({ "name": "x", "email": "x@example.com", "address": "x", "tax_number": "x" })),
        (
            "/api/v1/invoices",
            json!({ "client": client, "currency": "EUR", "lines": [with(&line(), "discount", json!(1)), with(&line(), "tax_rate", json!(1))], "term_days": 1, "notes": "x" }),
        ),
        ("/api/v1/files", json!({ "name": "x.txt", "media_type": "text/plain", "bytes": 10, "task": null })),
    ];
    let mut dice = Dice(42);
    for turn in 0..60 {
        for (path, good) in &good {
            let mut body = good.clone();
            if turn % 4 == 0 {
                body = dice.value(0)
            } else {
                dice.spoil(&mut body)
            }
            let answer = acme.owner.post(path, body.clone()).await;
            assert!(
                matches!(answer.status.as_u16(), 201 | 400 | 409 | 413 | 422),
                "{path} {body} was answered with {} {}",
                answer.status,
                answer.text
            );
        }
    }
    for (path, good) in &good {
        acme.owner.post(path, good.clone()).await.expect(201);
    }
    world.idle().await;
}
