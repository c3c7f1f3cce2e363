//! Makes PDFs of issued invoices and keeps them; the same invoice always gives the same bytes. Makes squares of pictures.

pub mod invoice;
pub mod picture;

use backend::{Backend, event::each_message, keys, queue::PaperJob, system::System};
use domain::{
    Error, Result,
    billing::{Invoice, InvoiceStatus, Paper},
    id::InvoiceId,
};
use serde_json::Value;

pub async fn handle(backend: Backend, event: Value) -> Result<Value> {
    each_message(backend, event, work).await
}

async fn work(backend: Backend, job: PaperJob) -> Result<()> {
    match job {
        PaperJob::Invoice { organization, invoice } => print(&backend.system(&organization), &invoice).await,
        PaperJob::Picture { organization, picture } => picture::look(&backend.system(&organization), &picture).await,
        PaperJob::Forget { organization, owner, picture } => backend.system(&organization).drop_picture(owner.as_ref(), &picture).await,
    }
}

async fn print(system: &System, id: &InvoiceId) -> Result<()> {
    let Some(invoice): Option<Invoice> = system.get(keys::invoice(system.tenant(), id)).await? else { return Ok(()) };
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
