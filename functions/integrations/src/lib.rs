//! What programs need to work with an organisation: keys to come in with, and webhooks by which they are told what changed.

mod api_keys;
mod deliveries;
mod webhooks;

backend::operations! {
    api_keys::list, api_keys::create,
    api_keys::get, api_keys::edit, api_keys::revoke,
    api_keys::rotate,
    webhooks::list, webhooks::create,
    webhooks::get, webhooks::edit, webhooks::delete,
    webhooks::rotate,
    webhooks::ping,
    deliveries::list,
    deliveries::get,
    deliveries::replay,
    deliveries::replay_failed,
}
