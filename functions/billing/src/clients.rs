use backend::{
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::Problem,
    web::{All, Answer, Body, List, Path},
};
use domain::{
    billing::{Client, ClientDraft},
    id::ClientId,
    policy::{EditBilling, ReadBilling},
};

/// Clients, the newest first.
#[utoipa::path(get, path = "/api/v1/clients", operation_id = "list_clients", tag = "billing", params(PageQuery), responses((status = 200, body = Page<Client>)))]
pub async fn list(can: Can<ReadBilling>, list: List<All>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&can.list(keys::clients(can.tenant()), &list.paging, true).await?)?)
}

/// Add a client.
#[utoipa::path(post, path = "/api/v1/clients", operation_id = "create_client", tag = "billing", request_body = ClientDraft, responses((status = 201, body = Client)))]
pub async fn create(can: Can<EditBilling>, Body(draft): Body<ClientDraft>) -> Result<Answer, Problem> {
    let (client, commit) = Client::new(ClientId::new(can.now(), can.random()), draft, can.now());
    let answer = Answer::created(format_args!("/api/v1/clients/{}", client.id), &client)?;
    Ok(can.answer(commit, answer).await?)
}

/// One client.
#[utoipa::path(get, path = "/api/v1/clients/{client}", operation_id = "get_client", tag = "billing", params(("client" = ClientId, Path)), responses((status = 200, body = Client)))]
pub async fn get(can: Can<ReadBilling>, Path(id): Path<ClientId>) -> Result<Answer, Problem> {
    Ok(Answer::record(&can.find(keys::client(can.tenant(), &id), "client").await?)?)
}
