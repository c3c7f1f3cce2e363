//! A person's inbox over HTTP.

mod inbox;

use backend::door::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(inbox::list)).routes(routes!(inbox::read))
}
