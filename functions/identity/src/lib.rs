//! Identity over HTTP: who somebody is, and how they come and go.

mod account;
mod join;
mod login;
mod register;

use backend::door::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(join::join))
        .routes(routes!(join::verify_email))
        .routes(routes!(login::login))
        .routes(routes!(login::refresh))
        .routes(routes!(login::logout))
        .routes(routes!(login::logout_everywhere))
        .routes(routes!(account::verify))
        .routes(routes!(account::profile, account::edit_profile))
        .routes(routes!(account::change_password))
        .routes(routes!(account::sessions))
        .routes(routes!(account::end_session))
        .routes(routes!(login::jwks))
}
