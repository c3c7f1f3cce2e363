//! Files over HTTP: their content goes straight between the client and the store.

mod file;

use backend::door::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(file::list, file::announce))
        .routes(routes!(file::get))
        .routes(routes!(file::complete))
        .routes(routes!(file::download))
}
