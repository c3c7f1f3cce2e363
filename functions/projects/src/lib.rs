//! Projects over HTTP.

mod one;
mod project;

use backend::door::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(project::list, project::create))
        .routes(routes!(one::get, one::edit))
        .routes(routes!(one::set_status))
        .routes(routes!(one::statistics))
}
