//! SCIM 2.0: a directory kept elsewhere makes members, lets them in and out, and puts them into groups.

mod about;
mod groups;
mod rights;
mod users;

backend::operations! {
    about::service_provider_config,
    about::resource_types,
    about::resource_type,
    about::schemas,
    about::schema,
    users::list, users::create,
    users::get, users::replace, users::patch, users::delete,
    groups::list, groups::create,
    groups::get, groups::replace, groups::patch, groups::delete,
}
