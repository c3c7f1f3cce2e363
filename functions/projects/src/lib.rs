//! Projects over HTTP.

mod guests;
mod one;
mod project;

backend::operations! {
    project::list, project::create,
    one::get, one::edit,
    one::set_status,
    one::statistics,
    guests::let_in, guests::see_out,
}
