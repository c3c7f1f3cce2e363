//! Files and pictures over HTTP: their content goes straight between the client and the store.

mod file;
mod picture;

backend::operations! {
    file::list, file::announce,
    file::get,
    file::complete,
    file::download,
    picture::announce,
    picture::get,
    picture::complete,
    picture::of_member,
    picture::logo,
}
