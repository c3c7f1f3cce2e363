//! Identity over HTTP: who somebody is, and how they come and go.

mod account;
mod join;
mod login;
mod organizations;
mod register;
mod reset;

backend::operations! {
    register::register,
    join::join,
    join::ask_to_join,
    join::verify_email,
    login::login,
    login::refresh,
    login::logout,
    login::logout_everywhere,
    account::verify,
    account::profile, account::edit_profile,
    account::change_password,
    reset::forgot_password,
    reset::reset_password,
    organizations::list,
    organizations::switch,
    account::sessions,
    account::end_session,
    login::jwks,
}
