//! Clients and invoices over HTTP.

mod clients;
mod invoices;

use backend::door::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(clients::list, clients::create))
        .routes(routes!(clients::get))
        .routes(routes!(invoices::list, invoices::draft))
        .routes(routes!(invoices::get))
        .routes(routes!(invoices::issue))
        .routes(routes!(invoices::pdf))
}
