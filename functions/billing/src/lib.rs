//! Clients and invoices over HTTP.

mod clients;
mod invoices;

backend::operations! {
    clients::list, clients::create,
    clients::get,
    invoices::list, invoices::draft,
    invoices::get,
    invoices::issue,
    invoices::pdf,
}
