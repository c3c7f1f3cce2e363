//! The organisation over HTTP: itself, its people and what they may, its departments, its invitations.

mod chart;
mod departments;
mod directory;
mod drawing;
mod export;
mod heads;
mod import;
mod invitations;
mod members;
mod names;
mod organization;
mod profile;
mod removal;
mod roles;
mod settings;
mod sign_in;
mod team_goals;
mod team_members;
mod teams;
mod usage;

backend::operations! {
    organization::get, organization::edit,
    organization::open_joining, organization::close_joining,
    sign_in::get, sign_in::put,
    settings::get, settings::edit,
    settings::remove_logo,
    settings::import_holidays,
    settings::working_days,
    departments::list, departments::create,
    departments::get, departments::edit, departments::delete,
    heads::name, heads::remove,
    teams::list, teams::create,
    teams::get, teams::edit, teams::delete,
    team_members::put, team_members::remove,
    team_goals::set,
    team_goals::edit, team_goals::remove,
    chart::tree,
    chart::picture,
    usage::get,
    directory::list,
    names::get,
    import::import,
    export::export,
    members::get, members::edit, members::remove,
    profile::card,
    profile::personal,
    members::deactivate,
    members::reactivate,
    members::hand_over,
    removal::remove,
    removal::keep,
    roles::built_in,
    roles::roles, roles::create_role,
    roles::edit_role, roles::delete_role,
    roles::groups, roles::create_group,
    roles::edit_group, roles::delete_group,
    invitations::list, invitations::invite,
    invitations::approve,
    invitations::resend,
    invitations::revoke,
}
