//! HTTP as the product speaks it: bodies, paths and queries whose refusals are problems, answers with versions, and what wraps every request.

use crate::{
    Backend,
    door::App,
    idempotency::Claim,
    json::from_json,
    metrics,
    page::Paging,
    problem::Problem,
    secrets::{equal_in_constant_time, sha256},
};
use axum::{
    Router,
    body::{Body as AxumBody, Bytes},
    extract::{FromRequest, FromRequestParts, MatchedPath, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use domain::{
    Error, Result,
    commit::{Kept, Origin},
    error::Fault,
    id::OrganizationId,
    limits,
};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use lambda_http::{RequestExt, request::RequestContext};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
};
use tracing::{Instrument, field::Empty};

/// What is known of a request before anybody looks at what it asks.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub origin: Origin,
    /// Hash of the `Idempotency-Key` and of the request it came with.
    pub(crate) idempotency: Option<(String, String)>,
    /// The key as that of a caller who was let in.
    pub(crate) claim: Arc<OnceLock<Claim>>,
    /// The organisation a verified token names, for the log.
    pub(crate) organization: Arc<OnceLock<OrganizationId>>,
}

/// What the body of an answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Media {
    #[default]
    Json,
    Csv,
    Svg,
    Scim,
}

impl Media {
    pub(crate) const ALL: [Self; 4] = [Self::Json, Self::Csv, Self::Svg, Self::Scim];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
            Self::Svg => "image/svg+xml",
            Self::Scim => "application/scim+json",
        }
    }

    /// With how its characters are written, where nobody could know.
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Csv => "text/csv; charset=utf-8",
            other => other.name(),
        })
    }

    /// Whether a request names it as what it wants.
    pub fn is_wanted(self, headers: &HeaderMap) -> bool {
        let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        accepted.split(',').any(|one| one.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(self.name())))
    }
}

/// An answer as it is sent, and as it is kept for a retry.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) media: Media,
    pub(crate) body: Bytes,
    pub(crate) etag: Option<String>,
    pub(crate) location: Option<String>,
    /// The name under which a browser saves it.
    pub(crate) file: Option<String>,
}

impl Answer {
    pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(value).map_err(Error::internal)?.into();
        Ok(Self { status, body, ..Self::nothing() })
    }

    /// A drawing. It is text from people: whoever shows it by itself runs nothing in it.
    pub fn svg(drawing: String) -> Self {
        Self { status: StatusCode::OK, media: Media::Svg, body: drawing.into(), ..Self::nothing() }
    }

    /// A table to be opened by a spreadsheet, which takes it for UTF-8 by the mark in front.
    pub fn csv(file: &str, table: &str) -> Self {
        let body = format!("\u{feff}{table}").into();
        Self { status: StatusCode::OK, media: Media::Csv, body, file: Some(file.to_owned()), ..Self::nothing() }
    }

    pub fn ok(value: &impl Serialize) -> Result<Self> {
        Self::json(StatusCode::OK, value)
    }

    /// A record with its version as `ETag`.
    pub fn record(record: &impl Kept) -> Result<Self> {
        Self::versioned(record.version(), record)
    }

    /// Part of a record, with a version of its own.
    pub fn versioned(version: u64, part: &impl Serialize) -> Result<Self> {
        Ok(Self { etag: Some(format!("\"{version}\"")), ..Self::ok(part)? })
    }

    /// The answer to what made something.
    #[must_use]
    pub fn at(self, location: impl std::fmt::Display) -> Self {
        Self { status: StatusCode::CREATED, location: Some(location.to_string()), ..self }
    }

    pub fn created(location: impl std::fmt::Display, record: &impl Kept) -> Result<Self> {
        Ok(Self::record(record)?.at(location))
    }

    pub fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, media: Media::Json, body: Bytes::new(), etag: None, location: None, file: None }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, AxumBody::from(self.body)).into_response();
        let headers = response.headers_mut();
        if self.status != StatusCode::NO_CONTENT {
            headers.insert(header::CONTENT_TYPE, self.media.header());
        } else {
            headers.remove(header::CONTENT_TYPE);
        }
        if self.media == Media::Csv {
            // The runtime hands on as bytes what is encoded in any way, and text without the mark in front of it
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("identity"));
        }
        let saved = self.file.map(|file| format!("attachment; filename=\"{file}\""));
        for (name, value) in [(header::ETAG, self.etag), (header::LOCATION, self.location), (header::CONTENT_DISPOSITION, saved)] {
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// Where something is for so many seconds.
pub struct Elsewhere {
    pub url: String,
    pub seconds: i64,
}

impl IntoResponse for Elsewhere {
    fn into_response(self) -> Response {
        let kept = format!("private, max-age={}", self.seconds);
        (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, self.url), (header::CACHE_CONTROL, kept)]).into_response()
    }
}

/// A JSON body, checked field by field.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(from_json(&body_of(request, state, "application/json").await?)?))
    }
}

async fn body_of<S: Send + Sync>(request: Request, state: &S, wanted: &'static str) -> Result<Bytes> {
    let media = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(wanted)) {
        return Err(Error::UnsupportedMedia(wanted));
    }
    Bytes::from_request(request, state).await.map_err(|_| Error::TooLarge(limits::BODY_BYTES))
}

/// A table of comma-separated values, as text without the mark that spreadsheets put in front.
pub struct Csv(pub String);

impl<S: Send + Sync> FromRequest<S> for Csv {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = body_of(request, state, Media::Csv.name()).await?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Self(text.trim_start_matches('\u{feff}').to_owned())),
            Err(_) => Err(Error::Malformed("the file is not UTF-8; save it as “CSV UTF-8”".to_owned()).into()),
        }
    }
}

/// Ids in the path; what is no id names nothing, so it is not found.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    #[expect(clippy::disallowed_types, reason = "wrapped here, so that its refusal is a problem")]
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Error::NotFound("object").into()),
        }
    }
}

/// Filters of a list and the page of it.
pub struct List<T> {
    pub filter: T,
    pub paging: Paging,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for List<T> {
    type Rejection = Problem;

    #[expect(clippy::disallowed_types, reason = "wrapped here, so that its refusal is a problem")]
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        type Pairs = axum::extract::Query<Vec<(String, String)>>;
        let Ok(pairs) = Pairs::try_from_uri(&parts.uri) else { return Err(Error::Malformed("the query cannot be read".to_owned()).into()) };
        let mut query = BTreeMap::new();
        for (name, value) in pairs.0 {
            if query.insert(name.clone(), value).is_some() {
                return Err(Error::invalid(&name, "is given twice").into());
            }
        }
        let paging = Paging::take(parts.uri.path(), &mut query)?;
        // Through JSON, so that a wrong filter is named as a wrong field is
        let filters = query.into_iter().map(|(name, value)| (name, serde_json::Value::String(value))).collect::<serde_json::Map<_, _>>();
        let filter = from_json(serde_json::Value::Object(filters).to_string().as_bytes()).map_err(|error| match error {
            Error::Invalid(faults) => Error::Invalid(
                faults.into_iter().map(|fault| Fault { field: fault.field.trim_start_matches('/').to_owned(), ..fault }).collect(),
            ),
            other => other,
        })?;
        Ok(Self { filter, paging })
    }
}

/// A list without filters.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct All {}

/// How [`IfMatch`] stands in the document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes the header that `IfMatch` reads")]
pub struct IfMatchHeader {
    /// The `ETag` of the version this is meant for.
    #[param(rename = "If-Match", example = "\"3\"")]
    if_match: Option<String>,
}

/// The version a change is meant for.
#[derive(Clone, Copy, Debug)]
pub struct IfMatch(Option<u64>);

impl IfMatch {
    /// Refuses a change meant for another version than this record's.
    pub fn check<R: Kept>(self, record: R) -> Result<R> {
        self.check_version(R::KIND, record.version())?;
        Ok(record)
    }

    pub fn check_version(self, kind: &'static str, present: u64) -> Result<()> {
        match self.0 {
            Some(wanted) if wanted != present => Err(Error::Stale { kind, present }),
            _ => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        let text = text.strip_prefix("W/").unwrap_or(text);
        let version = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|version| version.parse().ok());
        match version {
            Some(version) => Ok(Self(Some(version))),
            None => Err(Error::Malformed("If-Match is not the ETag of a record, such as \"3\"".to_owned()).into()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Facts {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(parts.extensions.get::<Facts>().cloned().unwrap_or_default())
    }
}

impl Backend {
    /// Makes a function's routes answer: the router that a Lambda runs and the local stack mounts.
    pub fn serve(&self, routes: Router<App>) -> Router {
        routes
            .fallback(|| async { Problem(Error::NotFound("page")) })
            .method_not_allowed_fallback(|| async { Problem(Error::MethodNotAllowed) })
            .layer(middleware::from_fn_with_state(self.clone(), wrap))
            .with_state(App(self.clone()))
    }
}

/// What is true of every request: an id, a limit of its body, its `Idempotency-Key` read, a panic survived, the same headers on
/// every answer, and a line in the log.
async fn wrap(State(backend): State<Backend>, request: Request, next: Next) -> Response {
    let began = backend.now();
    let id = request_id(&backend, &request);
    let (method, route) = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
    // Never the path itself: it is the caller's text
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let is_scim = request.uri().path().starts_with(domain::scim::BASE);
    let organization = Arc::default();
    let function = backend.function();
    let span = tracing::info_span!("request", id, %method, route, function, organization = Empty);
    let mut response = answer(&backend, &id, request, next, Arc::clone(&organization)).instrument(span.clone()).await;
    if let Some(problem) = response.extensions_mut().remove::<Arc<Problem>>() {
        let _entered = span.enter();
        let allow = response.headers_mut().remove(header::ALLOW);
        response = if is_scim { problem.respond_scim() } else { problem.respond(&id) };
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    let headers = response.headers_mut();
    for (name, value) in [
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-site"),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
    ] {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::try_from(&id) {
        headers.insert("x-request-id", value);
    }
    let status = response.status();
    let metrics = [("Requests", "Count", 1.0), ("Errors", "Count", if status.is_server_error() { 1.0 } else { 0.0 })];
    let organization = organization.get().map(OrganizationId::as_str);
    let line = json!({
        "message": "answered", "request": id, "method": method.as_str(), "route": route, "status": status.as_u16(),
        "organization": organization,
    });
    metrics::record(function, began, backend.now(), &metrics, line);
    response
}

async fn answer(backend: &Backend, id: &str, request: Request, next: Next, organization: Arc<OnceLock<OrganizationId>>) -> Response {
    let request = match prepare(backend, id, request, organization).await {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    let claim = request.extensions().get::<Facts>().map(|facts| facts.claim.clone()).unwrap_or_default();
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) if response.extensions().get::<Arc<Problem>>().is_some() => {
            twin(backend, &claim).await.map_or(response, Answer::into_response)
        }
        Ok(response) => response,
        Err(_) => Problem(Error::internal("a handler panicked")).into_response(),
    }
}

/// What the twin of a request was answered with, that was quicker and so had this one refused.
async fn twin(backend: &Backend, claim: &OnceLock<Claim>) -> Option<Answer> {
    let claim = claim.get()?;
    let kept = backend.0.own.table.get_item(claim.key()).await.ok()??;
    claim.replay(&kept).ok()
}

/// The gateway's id, so that its log and ours name the same request. What a client claims is not asked:
/// the gateway of the local stack has put its own in the place of that.
fn request_id(backend: &Backend, request: &Request) -> String {
    let given = match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.as_deref(),
        _ => request.headers().get("x-request-id").and_then(|value| value.to_str().ok()),
    };
    match given {
        Some(id)
            if !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'=' || b == b'_') =>
        {
            id.to_owned()
        }
        _ => domain::id::sortable(backend.0.clock.now(), backend.0.entropy.number()),
    }
}

/// Where a request came from. The last address is the one the gateway saw, and what stands before it the client may have made up.
/// Only where the distribution proved itself with its key is the last address the distribution's, and the one before it what that saw.
fn address(headers: &HeaderMap, edge_key: Option<&str>) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let through_edge = edge_key.is_some_and(|key| equal_in_constant_time(key.as_bytes(), text("x-edge-key").as_bytes()));
    let address = text("x-forwarded-for").rsplit(',').nth(usize::from(through_edge)).unwrap_or_default();
    address.trim().chars().take(64).collect()
}

async fn prepare(backend: &Backend, id: &str, request: Request, organization: Arc<OnceLock<OrganizationId>>) -> Result<Request, Problem> {
    // The gateway hands the path over decoded, and it would be read only as far as one of these
    if request.raw_http_path().contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '#' | '?' | '\\')) {
        return Err(Error::NotFound("page").into());
    }
    let (mut parts, body) = request.into_parts();
    let text = |name: &str, most: usize| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.chars().take(most).collect::<String>()
    };
    let address = address(&parts.headers, backend.0.settings.find("EDGE_KEY"));
    let origin = Origin { address, device: text("user-agent", 200), request: id.to_owned() };
    let bytes = axum::body::to_bytes(body, limits::BODY_BYTES).await.map_err(|_| Error::TooLarge(limits::BODY_BYTES))?;
    let idempotency = match parts.headers.get("idempotency-key") {
        Some(key) if parts.method == Method::POST => {
            let key = key.to_str().unwrap_or_default();
            if key.is_empty() || key.len() > limits::IDEMPOTENCY_KEY {
                return Err(
                    Error::Malformed(format!("Idempotency-Key is not 1 to {} printable characters", limits::IDEMPOTENCY_KEY)).into()
                );
            }
            let request = [parts.uri.path().as_bytes(), b"\n", &bytes].concat();
            Some((sha256(key.as_bytes()), sha256(&request)))
        }
        _ => None,
    };
    parts.extensions.insert(Facts { origin, idempotency, claim: Arc::default(), organization });
    Ok(Request::from_parts(parts, AxumBody::from(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address_of(forwarded: &str, sent: Option<&str>, expected: Option<&str>) -> String {
        let mut headers = HeaderMap::new();
        let mut put = |name, value: &str| headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"));
        put("x-forwarded-for", forwarded);
        sent.map(|key| put("x-edge-key", key));
        address(&headers, expected)
    }

    #[test]
    fn an_address_is_what_the_last_trusted_hop_saw() {
        let forwarded = "6.6.6.6, 203.0.113.7, 198.51.100.9";
        assert_eq!(address_of(forwarded, None, None), "198.51.100.9");
        assert_eq!(address_of(forwarded, Some("key"), Some("key")), "203.0.113.7");
        // Without the key, with a wrong one, and where there is no distribution, nobody is believed
        assert_eq!(address_of(forwarded, None, Some("key")), "198.51.100.9");
        assert_eq!(address_of(forwarded, Some("kex"), Some("key")), "198.51.100.9");
        assert_eq!(address_of(forwarded, Some(""), None), "198.51.100.9");
    }

    #[test]
    fn a_long_claim_does_not_push_the_address_out() {
        let forwarded = format!("{}198.51.100.9", "6.6.6.6, ".repeat(500));
        assert_eq!(address_of(&forwarded, None, None), "198.51.100.9");
    }
}
