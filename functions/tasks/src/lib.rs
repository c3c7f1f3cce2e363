//! Tasks over HTTP.

mod comments;
mod list;
mod task;

use backend::door::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list, task::create))
        .routes(routes!(task::get, task::edit, task::delete))
        .routes(routes!(task::set_state))
        .routes(routes!(comments::list, comments::write))
}
