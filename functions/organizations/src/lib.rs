//! The organisation over HTTP: itself, its people and what they may, its departments, its invitations.

mod invitations;
mod members;
mod organization;
mod roles;

use backend::door::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(organization::get, organization::edit))
        .routes(routes!(organization::departments))
        .routes(routes!(members::list))
        .routes(routes!(members::get, members::edit, members::remove))
        .routes(routes!(members::deactivate))
        .routes(routes!(members::reactivate))
        .routes(routes!(members::leave))
        .routes(routes!(members::hand_over))
        .routes(routes!(roles::built_in))
        .routes(routes!(roles::roles, roles::create_role))
        .routes(routes!(roles::edit_role, roles::delete_role))
        .routes(routes!(roles::groups, roles::create_group))
        .routes(routes!(roles::edit_group, roles::delete_group))
        .routes(routes!(invitations::list, invitations::invite))
        .routes(routes!(invitations::resend))
        .routes(routes!(invitations::revoke))
}
