//! The organisation over HTTP: itself, its people, its departments, its invitations.

mod invitations;
mod members;
mod organization;

backend::operations! {
    organization::get, organization::edit,
    organization::departments,
    members::list,
    members::get,
    invitations::list, invitations::invite,
    invitations::resend,
    invitations::revoke,
}
