//! Errors as RFC 9457 problem documents: what the outside is told and what the log is told never mix.

use axum::response::{IntoResponse, Response};
use domain::{Error, Timestamp, error::Fault, scim::FaultKind};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// What every refusal looks like.
#[derive(Serialize, ToSchema)]
pub struct ProblemDocument {
    /// Stable name of the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid")]
    kind: String,
    #[schema(example = "The request is not valid")]
    title: &'static str,
    #[schema(example = 422)]
    status: u16,
    /// What is wrong this time, in a sentence; never about a fault of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The request's id, for whoever asks for help.
    #[schema(example = "01k9zt3vw8fqj2m4x6c7b5n0ra")]
    request: String,
    /// Each field that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    /// The version the record has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// What to send with the code of the second factor, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<Timestamp>,
    /// The states a task may move to from where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<Vec<String>>,
}

/// An error on its way out. The id of the request is filled in by `wrap` of [`crate::web`].
#[derive(Debug)]
pub struct Problem(pub Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// The one place where status codes are decided.
fn kind(error: &Error) -> (StatusCode, &'static str, &'static str) {
    match error {
        Error::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "Sign in first"),
        Error::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong-credentials", "Email or password is wrong"),
        Error::SecondFactorRequired { .. } => (StatusCode::UNAUTHORIZED, "second-factor-required", "A code is needed"),
        Error::WrongCode => (StatusCode::UNAUTHORIZED, "wrong-code", "The code is wrong"),
        Error::WrongPasskey => (StatusCode::UNAUTHORIZED, "wrong-passkey", "The passkey is not taken"),
        Error::CodeRequired => (StatusCode::UNAUTHORIZED, "code-required", "A code is needed"),
        Error::SecondFactorNeeded => (StatusCode::FORBIDDEN, "second-factor-needed", "A second factor is needed"),
        Error::SingleSignOnNeeded => (StatusCode::FORBIDDEN, "single-sign-on-needed", "Sign in through your organisation"),
        Error::OwnLoginNeeded => (StatusCode::FORBIDDEN, "own-login-needed", "Log in yourself"),
        Error::SignInFailed(_) => (StatusCode::UNAUTHORIZED, "sign-in-failed", "The sign-in did not succeed"),
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
        Error::PeopleOnly => (StatusCode::FORBIDDEN, "people-only", "Not with a key"),
        Error::KeysOnly => (StatusCode::FORBIDDEN, "keys-only", "Only with a key"),
        Error::NotFound(_) => (StatusCode::NOT_FOUND, "not-found", "Not found"),
        Error::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request is not valid"),
        Error::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed", "The request cannot be read"),
        Error::BadCursor => (StatusCode::BAD_REQUEST, "bad-cursor", "The cursor does not belong here"),
        Error::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large"),
        Error::UnsupportedMedia(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type"),
        Error::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
        Error::Stale { .. } => (StatusCode::PRECONDITION_FAILED, "stale", "Changed in between"),
        Error::Conflict(_) => (StatusCode::CONFLICT, "conflict", "Conflict"),
        Error::Scim { kind: FaultKind::Uniqueness, .. } => (StatusCode::CONFLICT, "conflict", "Conflict"),
        Error::Scim { .. } => (StatusCode::BAD_REQUEST, "malformed", "The request cannot be read"),
        Error::IllegalMove { .. } => (StatusCode::CONFLICT, "illegal-move", "Not a move of the workflow"),
        Error::Suspended(_) => (StatusCode::FORBIDDEN, "organization-suspended", "The organisation is suspended"),
        Error::QuotaExceeded(_) => (StatusCode::CONFLICT, "quota-exceeded", "The organisation has no room for more"),
        Error::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "Idempotency-Key used before"),
        Error::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests"),
        Error::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy"),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here"),
    }
}

pub(crate) fn status(error: &Error) -> StatusCode {
    kind(error).0
}

/// Names of all problems, for the documentation.
pub fn slug(error: &Error) -> &'static str {
    kind(error).1
}

/// The error and everything it was caused by, for the log.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

pub fn log(error: &Error) {
    if matches!(error, Error::Internal(_) | Error::Busy(_)) {
        tracing::error!(cause = causes(error), "failed");
    }
}

/// What the headers say of a refusal: how to sign in, when to try again, which version there is.
pub(crate) fn hints(error: &Error, headers: &mut HeaderMap) {
    match error {
        Error::Unauthenticated => drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        Error::TooMany { seconds } => drop(headers.insert(header::RETRY_AFTER, (*seconds).into())),
        Error::Busy(_) => drop(headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"))),
        Error::Stale { present, .. } => {
            if let Ok(etag) = format!("\"{present}\"").parse() {
                headers.insert(header::ETAG, etag);
            }
        }
        _ => {}
    }
}

impl Problem {
    /// The document, as it also goes into an error frame of a WebSocket.
    pub fn document(&self, request: &str) -> ProblemDocument {
        let (status, slug, title) = kind(&self.0);
        ProblemDocument {
            kind: format!("/problems/{slug}"),
            title,
            status: status.as_u16(),
            detail: (!status.is_server_error()).then(|| self.0.to_string()),
            request: request.to_owned(),
            errors: if let Error::Invalid(faults) = &self.0 { faults.clone() } else { Vec::new() },
            version: if let Error::Stale { present, .. } = self.0 { Some(present) } else { None },
            challenge: if let Error::SecondFactorRequired { challenge, .. } = &self.0 { Some(challenge.clone()) } else { None },
            ends_at: if let Error::SecondFactorRequired { ends_at, .. } = self.0 { Some(ends_at) } else { None },
            allowed: if let Error::IllegalMove { allowed, .. } = &self.0 { Some(allowed.clone()) } else { None },
        }
    }

    pub fn respond(&self, request: &str) -> Response {
        log(&self.0);
        let body = serde_json::to_vec(&self.document(request)).unwrap_or_default();
        let mut response = (kind(&self.0).0, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        hints(&self.0, headers);
        response
    }
}

impl IntoResponse for Problem {
    /// Carries the error to `wrap` of [`crate::web`], which knows the request's id.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}
