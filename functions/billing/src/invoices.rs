use backend::{
    blobs::Download,
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::{Problem, ProblemDocument},
    web::{Answer, Body, IfMatch, IfMatchHeader, List, Path},
};
use domain::{
    Error,
    billing::{Client, Invoice, InvoiceDraft},
    id::{ClientId, InvoiceId},
    policy::{EditBilling, ReadBilling},
    structure::Scope,
};
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct InvoiceFilter {
    /// Those that are issued to this client. A contact of several clients has to say which.
    client: Option<ClientId>,
}

/// Invoices, the newest first: all, or those that are issued to a client.
#[utoipa::path(get, path = "/api/v1/invoices", operation_id = "list_invoices", tag = "billing", params(InvoiceFilter, PageQuery), responses((status = 200, body = Page<Invoice>)))]
pub async fn list(can: Can<ReadBilling>, List { filter, paging }: List<InvoiceFilter>) -> Result<Answer, Problem> {
    let own: Option<Vec<_>> = can.within().map(|scopes| {
        let client = |scope: &Scope| if let Scope::Client(id) = scope { Some(id.clone()) } else { None };
        scopes.filter_map(client).collect()
    });
    let client = match (filter.client, own.as_deref()) {
        (None, Some([only])) => Some(only.clone()),
        (None, Some(_)) => return Err(Error::invalid("client", "is needed by a contact of several").into()),
        (client, _) => client,
    };
    let range = client.map_or_else(|| keys::invoices(can.tenant()), |client| keys::invoices_of(can.tenant(), &client));
    Ok(Answer::ok(&can.list(range, &paging, true).await?)?)
}

/// Draft an invoice.
///
/// Money is in minor units of the currency. Each line is rounded half away from zero, and tax once per rate on the sum of its lines.
#[utoipa::path(post, path = "/api/v1/invoices", operation_id = "draft_invoice", tag = "billing", request_body = InvoiceDraft, responses((status = 201, body = Invoice)))]
pub async fn draft(can: Can<EditBilling>, Body(draft): Body<InvoiceDraft>) -> Result<Answer, Problem> {
    let (client, organization, settings) = tokio::try_join!(
        can.get(keys::client(can.tenant(), &draft.client)),
        can.find(keys::organization(can.tenant()), "organisation"),
        can.get(keys::settings(can.tenant()))
    )?;
    let client: Client = client.ok_or_else(|| Error::invalid("/client", "is not a client of this organisation"))?;
    let id = InvoiceId::new(can.now(), can.random());
    let (invoice, commit) = Invoice::draft(id, draft, &client, &organization, settings.and_then(|settings| settings.colour), can.now())?;
    let answer = Answer::created(format_args!("/api/v1/invoices/{}", invoice.id), &invoice)?;
    Ok(can.answer(commit, answer).await?)
}

/// One invoice.
#[utoipa::path(get, path = "/api/v1/invoices/{invoice}", operation_id = "get_invoice", tag = "billing", params(("invoice" = InvoiceId, Path)), responses((status = 200, body = Invoice)))]
pub async fn get(can: Can<ReadBilling>, Path(id): Path<InvoiceId>) -> Result<Answer, Problem> {
    Ok(Answer::record(&can.find(keys::invoice(can.tenant(), &id), "invoice").await?)?)
}

/// Issue an invoice: it gets the next number of its year, and from then on does not change. A worker makes its PDF.
#[utoipa::path(post, path = "/api/v1/invoices/{invoice}/issue", operation_id = "issue_invoice", tag = "billing", params(("invoice" = InvoiceId, Path), IfMatchHeader), responses((status = 200, body = Invoice)))]
pub async fn issue(can: Can<EditBilling>, Path(id): Path<InvoiceId>, seen: IfMatch) -> Result<Answer, Problem> {
    let _turn = can.turn(can.tenant().id().as_str()).await;
    let id = &id;
    can.settle(|can| async move {
        let invoice: Invoice = seen.check(can.find(keys::invoice(can.tenant(), id), "invoice").await?)?;
        let series = can.get(keys::series(can.tenant(), &invoice.series(can.now()))).await?;
        let (issued, commit) = invoice.issue(series, can.now())?;
        Ok((commit, Answer::record(&issued)?))
    })
    .await
}

/// Get a link to the PDF of an issued invoice, good for five minutes.
#[utoipa::path(get, path = "/api/v1/invoices/{invoice}/pdf", operation_id = "download_invoice", tag = "billing", params(("invoice" = InvoiceId, Path)), responses((status = 200, body = Download), (status = 409, description = "A draft, or the PDF is being made", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn pdf(can: Can<ReadBilling>, Path(id): Path<InvoiceId>) -> Result<Answer, Problem> {
    let invoice: Invoice = can.find(keys::invoice(can.tenant(), &id), "invoice").await?;
    match (&invoice.number, &invoice.pdf) {
        (None, _) => Err(Error::Conflict("the invoice is a draft; issue it first".to_owned()).into()),
        (Some(_), None) => Err(Error::Conflict("the PDF is being made; try again in a moment".to_owned()).into()),
        (Some(_), Some(_)) => Ok(Answer::ok(&can.download_invoice(&invoice).await?)?),
    }
}
