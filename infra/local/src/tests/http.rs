use axum::{body::Body, response::IntoResponse, routing::any};

use super::*;
use crate::{
    gateway::Routes,
    template::{HttpEvent, Source},
};

fn route(method: &str, path: &str, function: &str) -> Source<HttpEvent> {
    Source { function: function.to_owned(), event: HttpEvent { method: method.to_owned(), path: path.to_owned() } }
}

#[test]
fn the_most_precise_route_wins() {
    let routes = Routes::new(&[
        route("ANY", "/{proxy+}", "rest"),
        route("ANY", "/", "root"),
        route("ANY", "/tasks/{proxy+}", "below"),
        route("ANY", "/tasks/{id}", "any"),
        route("GET", "/tasks/{id}", "get"),
        route("ANY", "/tasks/mine", "mine"),
        route("POST", "/tasks", "create"),
    ]);
    for (method, path, function) in [
        (Method::GET, "/", Some("root")),
        (Method::GET, "/tasks", Some("rest")),
        (Method::POST, "/tasks", Some("create")),
        (Method::GET, "/tasks/mine", Some("mine")),
        (Method::GET, "/tasks/1", Some("get")),
        (Method::PUT, "/tasks/1", Some("any")),
        (Method::PUT, "/tasks/1/notes", Some("below")),
        (Method::GET, "/tasks/", Some("rest")),
        (Method::GET, "/other/a/b", Some("rest")),
    ] {
        assert_eq!(routes.find(&method, path), function, "{method} {path}");
    }
    assert_eq!(Routes::new(&[]).find(&Method::GET, "/"), None);
}

fn web() -> Function {
    let echo = |headers: HeaderMap, body: Bytes| async move {
        let text = |name: &str| String::from_utf8_lossy(headers[name].as_bytes()).into_owned();
        let id = text("x-request-id");
        let from = text("x-forwarded-for");
        axum::Json(json!({ "id": id, "from": from, "length": body.len() })).into_response()
    };
    let router = Router::new()
        .route("/echo", any(echo))
        .route(
            "/panic",
            any(|| async {
                if true {
                    panic!("as it should")
                }
            }),
        )
        .route("/slow", any(std::future::pending::<()>))
        .route("/large", any(|| async { Body::from(vec![0; 6 * 1024 * 1024 + 1]) }))
        .layer(axum::extract::DefaultBodyLimit::disable());
    Function::Http(router)
}

#[tokio::test]
async fn a_function_cannot_be_told_who_calls_it() {
    let stack = start([("web", web())]).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let request = Request::get(format!("{}/echo", stack.url()))
            .header("x-forwarded-for", "6.6.6.6")
            .header("x-request-id", "mine")
            .body(Full::default());
        let answer = send(request.expect("a request")).await;
        assert_eq!(answer.json()["from"], "127.0.0.1");
        assert_eq!(answer.json()["id"], answer.headers["x-request-id"].to_str().expect("text"));
        ids.push(answer.json()["id"].clone());
    }
    assert!(ids[0] != ids[1] && ids[0] != "mine");
}

#[tokio::test]
async fn ten_megabytes_are_taken_and_not_a_byte_more() {
    let stack = start([("web", web())]).await;
    let most = 10 * 1024 * 1024;
    let answer = ask(&stack, Method::POST, "/echo", vec![0; most]).await;
    assert_eq!(answer.json()["length"], most);
    let answer = ask(&stack, Method::POST, "/echo", vec![0; most + 1]).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.json()["type"], "/problems/too-large");
}

#[tokio::test]
async fn a_function_that_fails_says_nothing_but_its_request_id() {
    let stack = start([("web", web())]).await;
    for path in ["/panic", "/slow", "/large"] {
        let answer = ask(&stack, Method::GET, path, "").await;
        assert_eq!(answer.status, 500, "{path}");
        let id = answer.headers["x-request-id"].to_str().expect("text");
        let expected = json!({
            "type": "/problems/internal", "title": "Something went wrong here", "status": 500, "request": id,
        });
        assert_eq!(answer.json(), expected, "{path}");
    }
}

#[tokio::test]
async fn the_web_application_may_read_every_answer_and_other_pages_none() {
    let stack = start([("web", web())]).await;
    for (origin, allowed) in [("http://localhost:5173", true), ("http://evil.example", false)] {
        for path in ["/echo", "/panic"] {
            let request = Request::get(format!("{}{path}", stack.url())).header("origin", origin).body(Full::default());
            let answer = send(request.expect("a request")).await;
            let header = answer.headers.get("access-control-allow-origin");
            assert_eq!(header.is_some(), allowed, "{origin} {path}");
        }
    }
    let request = Request::options(format!("{}/echo", stack.url()))
        .header("origin", "http://localhost:5173")
        .header("access-control-request-method", "POST")
        .body(Full::default());
    let answer = send(request.expect("a request")).await;
    assert!(answer.status.is_success());
    assert_eq!(answer.headers["access-control-allow-methods"], "GET,POST");
}

#[tokio::test]
async fn the_tools_answer_only_this_machine() {
    let stack = start([]).await;
    for (name, value) in [("host", "evil.example"), ("origin", "http://evil.example")] {
        let request = Request::get(format!("{}/_local/clock", stack.url())).header(name, value).body(Full::default());
        assert_eq!(send(request.expect("a request")).await.status, 403, "{name}");
    }
    let answer = ask(&stack, Method::POST, "/_local/clock", r#"{"advance_seconds":60}"#).await;
    assert!(answer.json()["now"].is_string());
}
