use backend::{
    door::Can,
    keys,
    page::Page,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Error,
    api_key::{ApiKey, ApiKeyDraft, ApiKeyEdit, ApiKeyView, Rotation},
    id::ApiKeyId,
    limits,
    organization::Membership,
    policy::ManageIntegrations,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A key with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct NewApiKey {
    api_key: ApiKeyView,
    /// Send it as `Authorization: Bearer …`. Absent when this answers the same request made again: rotate the key then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ok_01k9zt3vw8fqj2m4x6c7b5n0ra…")]
    secret: Option<String>,
}

async fn find(can: &Can<ManageIntegrations>, id: &ApiKeyId) -> Result<ApiKey, Error> {
    can.find(keys::api_key(can.tenant(), id), "API key").await
}

/// Keys of programs, the oldest first, and whether each opens anything now.
#[utoipa::path(get, path = "/api/v1/api-keys", operation_id = "list_api_keys", tag = "integrations", responses((status = 200, body = Page<ApiKeyView>)))]
pub async fn list(can: Can<ManageIntegrations>) -> Result<Answer, Problem> {
    let kept: Vec<ApiKey> = can.all(keys::api_keys(can.tenant()), limits::API_KEYS).await?;
    let makers: std::collections::BTreeSet<_> = kept.iter().map(|key| key.secret.by.clone()).collect();
    let makers: Vec<Membership> = can.get_many(makers.iter().map(|user| keys::member(can.tenant(), user)).collect()).await?;
    let maker = |key: &ApiKey| makers.iter().find(|maker| maker.user == key.secret.by);
    let items = kept.iter().map(|key| key.view(maker(key), can.now())).collect();
    Ok(Answer::ok(&Page { items, next: None })?)
}

/// Give a program a key. Its secret is shown in this answer and never again.
///
/// The key may what is named here, as long as you may it as well; it ends with your membership, unless somebody else rotates it.
#[utoipa::path(post, path = "/api/v1/api-keys", operation_id = "create_api_key", tag = "integrations", request_body = ApiKeyDraft, responses((status = 201, body = NewApiKey)))]
pub async fn create(can: Can<ManageIntegrations>, Body(draft): Body<ApiKeyDraft>) -> Result<Answer, Problem> {
    if can.all(keys::api_keys(can.tenant()), limits::API_KEYS).await?.len() >= limits::API_KEYS {
        return Err(Error::Conflict(format!("an organisation has {} keys at the most", limits::API_KEYS)).into());
    }
    let id = ApiKeyId::new(can.now(), can.random());
    let (secret, kept) = can.new_secret(&id);
    let (key, commit) = ApiKey::new(id, draft, kept, can.grants(), can.now())?;
    let answer = |secret| {
        let api_key = key.view(Some(can.membership()), can.now());
        Ok::<_, Error>(Answer::versioned(key.version, &NewApiKey { api_key, secret })?.at(format_args!("/api/v1/api-keys/{}", key.id)))
    };
    Ok(can.answer_once(commit, answer(Some(secret))?, answer(None)?).await?)
}

/// One key.
#[utoipa::path(get, path = "/api/v1/api-keys/{api_key}", operation_id = "get_api_key", tag = "integrations", params(("api_key" = ApiKeyId, Path)), responses((status = 200, body = ApiKeyView)))]
pub async fn get(can: Can<ManageIntegrations>, Path(id): Path<ApiKeyId>) -> Result<Answer, Problem> {
    Ok(answer(&can, &find(&can, &id).await?).await?)
}

async fn answer(can: &Can<ManageIntegrations>, key: &ApiKey) -> Result<Answer, Error> {
    let maker = can.get(keys::member(can.tenant(), &key.secret.by)).await?;
    Answer::versioned(key.version, &key.view(maker.as_ref(), can.now()))
}

/// Rename a key, or change what it may and when it ends; it holds at its next request.
#[utoipa::path(patch, path = "/api/v1/api-keys/{api_key}", operation_id = "edit_api_key", tag = "integrations", params(("api_key" = ApiKeyId, Path), IfMatchHeader), request_body = ApiKeyEdit, responses((status = 200, body = ApiKeyView)))]
pub async fn edit(
    can: Can<ManageIntegrations>,
    Path(id): Path<ApiKeyId>,
    seen: IfMatch,
    Body(edit): Body<ApiKeyEdit>,
) -> Result<Answer, Problem> {
    let (id, edit) = (&id, &edit);
    can.settle(|can| async move {
        let (key, commit) = seen.check(find(&can, id).await?)?.edit(edit.clone(), can.grants(), can.now())?;
        Ok((commit, answer(&can, &key).await?))
    })
    .await
}

/// Give a key a new secret, shown in this answer and never again. The one before is taken for as long as you say, a week at the most.
///
/// From then on you answer for the key, and so you may all that it was given yourself.
#[utoipa::path(post, path = "/api/v1/api-keys/{api_key}/rotate", operation_id = "rotate_api_key", tag = "integrations", params(("api_key" = ApiKeyId, Path), IfMatchHeader), request_body = Rotation, responses((status = 200, body = NewApiKey)))]
pub async fn rotate(
    can: Can<ManageIntegrations>,
    Path(id): Path<ApiKeyId>,
    seen: IfMatch,
    Body(rotation): Body<Rotation>,
) -> Result<Answer, Problem> {
    let (id, rotation) = (&id, &rotation);
    let rotated = can.settle_part(|can| async move {
        let (secret, kept) = can.new_secret(id);
        let (key, commit) = seen.check(find(&can, id).await?)?.rotate(rotation, kept, can.grants(), can.now())?;
        let api_key = key.view(Some(can.membership()), can.now());
        Ok((commit, Answer::versioned(key.version, &NewApiKey { api_key, secret: Some(secret) })?))
    });
    Ok(rotated.await?)
}

/// Revoke a key: it opens nothing from its next request on.
#[utoipa::path(delete, path = "/api/v1/api-keys/{api_key}", operation_id = "revoke_api_key", tag = "integrations", params(("api_key" = ApiKeyId, Path), IfMatchHeader), responses((status = 204)))]
pub async fn revoke(can: Can<ManageIntegrations>, Path(id): Path<ApiKeyId>, seen: IfMatch) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move { Ok((seen.check(find(&can, id).await?)?.revoke(), Answer::nothing())) }).await
}
