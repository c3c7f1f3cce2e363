//! Identity over HTTP: who somebody is, and how they come and go.

mod account;
mod join;
mod login;
mod oidc;
mod organizations;
mod passkey;
mod profile;
mod provider;
mod register;
mod reset;
mod second_factor;
mod session;

backend::operations! {
    register::register,
    join::look,
    join::join,
    join::ask_to_join,
    join::verify_email,
    login::login,
    login::login_with_code,
    passkey::begin_login,
    passkey::login,
    session::refresh,
    session::logout,
    session::logout_everywhere,
    second_factor::get, second_factor::begin,
    second_factor::confirm,
    second_factor::renew,
    second_factor::switch_off,
    second_factor::lift,
    passkey::list, passkey::add,
    passkey::begin,
    passkey::rename, passkey::remove,
    oidc::buttons,
    oidc::start,
    oidc::finish,
    provider::list, provider::add,
    provider::get, provider::edit, provider::remove,
    provider::test,
    provider::unlink,
    account::verify,
    account::resend_verification,
    profile::profile, profile::edit_profile,
    profile::remove_picture,
    profile::card, profile::edit_card,
    account::change_password,
    account::change_email,
    reset::forgot_password,
    reset::reset_password,
    organizations::list,
    organizations::leave,
    organizations::switch,
    session::sessions,
    session::end_session,
    login::jwks,
}
