//! The interactive API page at the root, the pages behind the links of mails and of sign-in, and a clear answer for paths nobody serves.

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::any,
};
use backend::{door::App, problem::Problem};
use domain::Error;
use http::{HeaderName, Method, StatusCode, header};
use std::sync::{Arc, LazyLock};
use utoipa_swagger_ui::Config;

/// The API as the handlers declare it; a test holds this file against them.
pub const OPENAPI: &str = include_str!("../openapi.json");

const PAGES: &[(&str, &str, &str)] = &[
    ("/openapi.json", "application/json", OPENAPI),
    ("/join", "text/html; charset=utf-8", include_str!("../pages/join.html")),
    ("/join-platform", "text/html; charset=utf-8", include_str!("../pages/join-platform.html")),
    ("/verify-email", "text/html; charset=utf-8", include_str!("../pages/verify-email.html")),
    ("/reset-password", "text/html; charset=utf-8", include_str!("../pages/reset-password.html")),
    ("/sign-in", "text/html; charset=utf-8", include_str!("../pages/sign-in.html")),
    (CALLBACK, "text/html; charset=utf-8", include_str!("../pages/callback.html")),
    ("/pages.css", "text/css", include_str!("../pages/pages.css")),
    ("/pages.js", "text/javascript", include_str!("../pages/pages.js")),
    ("/join.js", "text/javascript", include_str!("../pages/join.js")),
    ("/join-platform.js", "text/javascript", include_str!("../pages/join-platform.js")),
    ("/reset-password.js", "text/javascript", include_str!("../pages/reset-password.js")),
    ("/verify-email.js", "text/javascript", include_str!("../pages/verify-email.js")),
    ("/sign-in.js", "text/javascript", include_str!("../pages/sign-in.js")),
    ("/callback.js", "text/javascript", include_str!("../pages/callback.js")),
];

/// Where providers of sign-in lead back to, each to an address of its own below this.
const CALLBACK: &str = "/oidc/callback";

/// Our pages run our own scripts and nothing else.
const POLICY: &str =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'";

static SWAGGER: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    Arc::new(
        Config::new(["/openapi.json"]).try_it_out_enabled(true).persist_authorization(true).display_request_duration(true).filter(true),
    )
});

pub fn routes() -> Router<App> {
    Router::new().route("/", any(page)).route("/{*path}", any(page))
}

async fn page(request: Request) -> Result<Response, Problem> {
    let path = request.uri().path();
    let path = if path.strip_prefix(CALLBACK).is_some_and(|rest| rest.starts_with('/')) { CALLBACK } else { path };
    let found = match PAGES.iter().find(|(name, ..)| *name == path) {
        Some((_, media, text)) => Some((media.to_string(), text.as_bytes().to_vec())),
        None => utoipa_swagger_ui::serve(path.trim_start_matches('/'), SWAGGER.clone())
            .map_err(|e| Error::internal(e.to_string()))?
            .map(|file| (file.content_type, file.bytes.into_owned())),
    };
    let (media, bytes) = found.ok_or(Error::NotFound("page"))?;
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Err(Error::MethodNotAllowed.into());
    }
    let headers = [
        (header::CONTENT_TYPE, media),
        (HeaderName::from_static("content-security-policy"), POLICY.to_owned()),
        (header::CACHE_CONTROL, "max-age=300".to_owned()),
    ];
    Ok((StatusCode::OK, headers, bytes).into_response())
}
