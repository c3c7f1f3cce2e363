//! The platform over HTTP, for those who run it: who they are, and the organisations as they see them.

mod account;
mod operators;
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
    operators::list, operators::invite,
    operators::remove,
    tenants::list, tenants::create,
    tenant::get, tenant::edit,
    tenant::suspend,
    tenant::resume,
    tenant::invite_owner,
    usage::of_tenant,
    usage::of_all,
    trail::changes,
}
