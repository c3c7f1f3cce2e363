//! Clients and invoices over HTTP.

mod clients;
mod contacts;
mod invoices;

backend::operations! {
    clients::list, clients::create,
    clients::get,
    contacts::name, contacts::remove,
    invoices::list, invoices::draft,
    invoices::get,
    invoices::issue,
    invoices::pdf,
}
