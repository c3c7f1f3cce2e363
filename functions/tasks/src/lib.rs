//! Tasks over HTTP.

mod comments;
mod list;
mod task;

backend::operations! {
    list::list, task::create,
    task::get, task::edit, task::delete,
    task::set_state,
    comments::list, comments::write,
}
