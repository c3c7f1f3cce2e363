//! The organisation over HTTP: itself, its people, its departments, its invitations.

mod invitations;
mod members;
mod organization;

use backend::door::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(organization::get, organization::edit))
        .routes(routes!(organization::departments))
        .routes(routes!(members::list))
        .routes(routes!(members::get))
        .routes(routes!(invitations::list, invitations::invite))
        .routes(routes!(invitations::resend))
        .routes(routes!(invitations::revoke))
}
