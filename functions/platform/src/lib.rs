//! The platform over HTTP, for those who run it: who they are, and the organisations as they see them.

mod account;
mod operators;
mod second_factor;
mod signin;
mod tenant;
mod tenants;
mod trail;
mod usage;

backend::operations! {
    signin::set_up,
    signin::login,
    signin::join,
    account::me,
    account::change_password,
    account::logout,
    second_factor::get, second_factor::begin,
    second_factor::confirm,
    second_factor::renew,
    second_factor::switch_off,
    operators::list, operators::invite,
    operators::remove,
    tenants::list, tenants::create,
    tenant::get, tenant::edit,
    tenant::suspend,
    tenant::resume,
    tenant::remove,
    tenant::keep,
    tenant::invite_owner,
    usage::of_tenant,
    usage::of_all,
    trail::changes,
}
