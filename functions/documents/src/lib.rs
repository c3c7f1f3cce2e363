//! Makes PDFs of issued invoices and keeps them; the same invoice always gives the same bytes.

pub mod invoice;

use backend::{Backend, event::each_message, keys, queue::PaperJob};
use domain::{
    Error, Result,
    billing::{Invoice, InvoiceStatus, Paper},
};
use serde_json::Value;

pub async fn handle(backend: Backend, event: Value) -> Result<Value> {
    each_message(backend, event, print).await
}

async fn print(backend: Backend, job: PaperJob) -> Result<()> {
    let system = backend.system(&job.organization);
    let Some(invoice): Option<Invoice> = system.get(keys::invoice(system.tenant(), &job.invoice)).await? else { return Ok(()) };
    if invoice.status != InvoiceStatus::Issued || invoice.pdf.is_some() {
        return Ok(());
    }
    let source = invoice.clone();
    // Off the threads that wait for messages: a long invoice takes a while
    let pdf = tokio::task::spawn_blocking(move || invoice::render(&source)).await.map_err(Error::internal)??;
    let paper = Paper { bytes: pdf.len() as u64, sha256: Backend::sha256(&pdf) };
    system.keep_invoice(&invoice, pdf).await?;
    match system.commit(invoice.printed(paper)).await {
        // Printed by the same job delivered twice: the bytes are the same
        Err(Error::Stale { .. }) => Ok(()),
        other => other,
    }
}
