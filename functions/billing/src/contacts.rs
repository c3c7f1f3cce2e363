use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Result,
    billing::Client,
    commit::Commit,
    id::{ClientId, UserId},
    organization::Membership,
    policy::NameContacts,
};

async fn change(
    can: &Can<NameContacts>,
    (id, user): (ClientId, UserId),
    seen: IfMatch,
    rule: fn(Client, &Membership) -> Result<(Client, Commit)>,
) -> Result<Answer, Problem> {
    let (id, user) = (&id, &user);
    can.settle(|can| async move {
        let client: Client = seen.check(can.find(keys::client(can.tenant(), id), "client").await?)?;
        let guest: Membership = can.find(keys::member(can.tenant(), user), "member").await?;
        let (client, commit) = rule(client, &guest)?;
        Ok((commit, Answer::record(&client)?))
    })
    .await
}

/// Let a guest of the organisation read the invoices that are issued to a client.
#[utoipa::path(put, path = "/api/v1/clients/{client}/contacts/{member}", operation_id = "name_contact", tag = "billing", params(("client" = ClientId, Path), ("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Client)))]
pub async fn name(can: Can<NameContacts>, Path(whom): Path<(ClientId, UserId)>, seen: IfMatch) -> Result<Answer, Problem> {
    change(&can, whom, seen, Client::name_contact).await
}

/// A guest reads a client's invoices no more.
#[utoipa::path(delete, path = "/api/v1/clients/{client}/contacts/{member}", operation_id = "remove_contact", tag = "billing", params(("client" = ClientId, Path), ("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Client)))]
pub async fn remove(can: Can<NameContacts>, Path(whom): Path<(ClientId, UserId)>, seen: IfMatch) -> Result<Answer, Problem> {
    change(&can, whom, seen, Client::remove_contact).await
}
