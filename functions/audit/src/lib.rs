//! The trail of every change over HTTP.

mod changes;

backend::operations! {
    changes::list,
}
