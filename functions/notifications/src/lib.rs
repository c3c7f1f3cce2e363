//! A person's inbox over HTTP.

mod inbox;

backend::operations! {
    inbox::list,
    inbox::read,
}
