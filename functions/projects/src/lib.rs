//! Projects over HTTP.

mod one;
mod project;

backend::operations! {
    project::list, project::create,
    one::get, one::edit,
    one::set_status,
    one::statistics,
}
