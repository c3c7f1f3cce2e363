//! The HTTP API: one port, the routes of the template, and the limits of API Gateway.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use serde_json::json;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer, ExposeHeaders};

use crate::{
    function::Runtime,
    template::{Cors, HttpEvent, Source},
};

const LARGEST_REQUEST: usize = 10 * 1024 * 1024;
/// Read and thrown away up to here, so that the client hears the answer instead of a broken connection.
const LARGEST_WASTE: usize = 100 * 1024 * 1024;
const LARGEST_ANSWER: usize = 6 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

pub(crate) struct Gateway {
    pub routes: Routes,
    pub runtime: Arc<Runtime>,
}

pub(crate) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let id = uuid::Uuid::new_v4().to_string();
    let (mut head, body) = request.into_parts();
    // What the client says about itself is worth nothing
    let headers = &mut head.headers;
    if let (Ok(address), Ok(id)) = (address.ip().to_string().parse(), id.parse()) {
        headers.insert(FORWARDED_FOR, address);
        headers.insert(REQUEST_ID, id);
    }
    let Some(function) = gateway.routes.find(&head.method, head.uri.path()) else {
        return problem(StatusCode::NOT_FOUND, "not-found", "Not found", &id);
    };
    let Some(body) = read(body).await else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", &id);
    };
    let request = Request::from_parts(head, Body::from(body));
    let call = gateway.runtime.http(function, request);
    let answer = match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => return failed(&id),
        Err(_) => return problem(StatusCode::GATEWAY_TIMEOUT, "timeout", "Timeout", &id),
    };
    let (mut head, body) = answer.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_ANSWER).await else {
        tracing::error!(function, "the answer is larger than Lambda allows");
        return failed(&id);
    };
    if let Ok(id) = id.parse() {
        head.headers.entry(REQUEST_ID).or_insert(id);
    }
    Response::from_parts(head, Body::from(body))
}

async fn read(body: Body) -> Option<Bytes> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut size = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.ok()?;
        size += chunk.len();
        if size <= LARGEST_REQUEST {
            bytes.extend_from_slice(&chunk);
        } else if size > LARGEST_WASTE {
            break;
        }
    }
    (size <= LARGEST_REQUEST).then(|| bytes.into())
}

/// The log says what happened; the outside only hears under which id to look.
fn failed(id: &str) -> Response {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    problem(status, "internal", "Something went wrong here", id)
}

fn problem(status: StatusCode, kind: &str, title: &str, id: &str) -> Response {
    let body = json!({
        "type": format!("/problems/{kind}"),
        "title": title,
        "status": status.as_u16(),
        "request": id,
    });
    let headers = [(header::CONTENT_TYPE, "application/problem+json"), (REQUEST_ID, id)];
    (status, headers, Json(body).into_response().into_body()).into_response()
}

/// Routes, the most precise first.
pub(crate) struct Routes(Vec<Route>);

struct Route {
    segments: Vec<Segment>,
    method: Option<String>,
    function: String,
}

/// In the order in which API Gateway prefers them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Exact(String),
    /// `{name}`
    Any,
    /// `{name+}`
    Rest,
}

impl Routes {
    pub fn new(routes: &[Source<HttpEvent>]) -> Self {
        let mut routes: Vec<_> = routes
            .iter()
            .map(|route| Route {
                segments: route.event.path.split('/').skip(1).map(Segment::new).collect(),
                method: Some(route.event.method.to_uppercase()).filter(|method| method != "ANY"),
                function: route.function.clone(),
            })
            .collect();
        routes.sort_by(|a, b| {
            let path = a.segments.cmp(&b.segments);
            path.then_with(|| a.method.is_none().cmp(&b.method.is_none()))
        });
        Self(routes)
    }

    pub fn find(&self, method: &Method, path: &str) -> Option<&str> {
        let parts: Vec<_> = path.split('/').skip(1).collect();
        let found = self.0.iter().find(|route| {
            let methods = route.method.as_deref();
            methods.is_none_or(|m| m == method.as_str()) && matches(&route.segments, &parts)
        });
        found.map(|route| route.function.as_str())
    }
}

impl Segment {
    fn new(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
            Some(name) if name.ends_with('+') => Self::Rest,
            Some(_) => Self::Any,
            None => Self::Exact(text.to_owned()),
        }
    }
}

fn matches(segments: &[Segment], parts: &[&str]) -> bool {
    match (segments, parts) {
        ([], []) => true,
        ([Segment::Rest, ..], [first, rest @ ..]) => !first.is_empty() || !rest.is_empty(),
        ([Segment::Any, segments @ ..], [part, parts @ ..]) => !part.is_empty() && matches(segments, parts),
        ([Segment::Exact(text), segments @ ..], [part, parts @ ..]) => text == part && matches(segments, parts),
        _ => false,
    }
}

/// CORS as the template has it, on every answer.
pub(crate) fn cors(cors: &Cors) -> CorsLayer {
    let all = |items: &[String]| items.iter().any(|item| item == "*");
    let layer = CorsLayer::new().max_age(Duration::from_secs(cors.max_age));
    let layer = layer.allow_origin(if all(&cors.allow_origins) {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(parsed::<HeaderValue>(&cors.allow_origins))
    });
    let layer = layer.allow_methods(if all(&cors.allow_methods) {
        AllowMethods::any()
    } else {
        AllowMethods::list(parsed::<Method>(&cors.allow_methods))
    });
    let layer = layer.allow_headers(if all(&cors.allow_headers) {
        AllowHeaders::any()
    } else {
        AllowHeaders::list(parsed::<HeaderName>(&cors.allow_headers))
    });
    layer.expose_headers(if all(&cors.expose_headers) {
        ExposeHeaders::any()
    } else {
        ExposeHeaders::list(parsed::<HeaderName>(&cors.expose_headers))
    })
}

fn parsed<T: std::str::FromStr>(items: &[String]) -> impl Iterator<Item = T> {
    items.iter().filter_map(|item| item.parse().ok())
}
