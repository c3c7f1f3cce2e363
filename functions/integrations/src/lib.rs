//! What programs need to work in an organisation: keys.

mod api_keys;

backend::operations! {
    api_keys::list, api_keys::create,
    api_keys::get, api_keys::edit, api_keys::revoke,
    api_keys::rotate,
}
