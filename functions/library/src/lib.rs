//! Files over HTTP: their content goes straight between the client and the store.

mod file;

backend::operations! {
    file::list, file::announce,
    file::get,
    file::complete,
    file::download,
}
