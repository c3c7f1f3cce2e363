use backend::{
    door::Can,
    keys,
    page::Page,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Error,
    api_key::Rotation,
    id::WebhookId,
    limits,
    policy::ManageIntegrations,
    text::Url,
    webhook::{Webhook, WebhookDraft, WebhookEdit, WebhookView},
};
use serde::Serialize;
use utoipa::ToSchema;

/// A webhook with the secret that signs for it, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct NewWebhook {
    webhook: WebhookView,
    /// What `webhook-signature` is made with. Absent when this answers the same request made again: rotate the secret then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw…")]
    secret: Option<String>,
}

pub(crate) async fn find(can: &Can<ManageIntegrations>, id: &WebhookId) -> Result<Webhook, Error> {
    can.find(keys::webhook(can.tenant(), id), "webhook").await
}

/// Refused here for a clear answer; what counts is the address at each delivery.
async fn check(can: &Can<ManageIntegrations>, url: &Url) -> Result<(), Error> {
    can.outside().check(url).await.map_err(|failure| Error::invalid("/url", failure.to_string()))
}

/// Webhooks, the oldest first.
#[utoipa::path(get, path = "/api/v1/webhooks", operation_id = "list_webhooks", tag = "integrations", responses((status = 200, body = Page<WebhookView>)))]
pub async fn list(can: Can<ManageIntegrations>) -> Result<Answer, Problem> {
    let kept: Vec<Webhook> = can.all(keys::webhooks(can.tenant()), limits::WEBHOOKS as usize).await?;
    Ok(Answer::ok(&Page { items: kept.iter().map(|webhook| webhook.view(can.now())).collect(), next: None })?)
}

/// Have changes told to a program elsewhere: each is posted to the address, signed by the Standard Webhooks scheme.
///
/// What is not taken with a status of 2xx is tried for a day, ever less often; then it is `failed` and can be replayed. 410 pauses
/// the webhook at once, and a day of failures does. Redirects are not followed. The same event always has the same `webhook-id`;
/// order is not promised. You answer for it: it tells no more than you may read, and nothing when you are no longer active.
#[utoipa::path(post, path = "/api/v1/webhooks", operation_id = "create_webhook", tag = "integrations", request_body = WebhookDraft, responses((status = 201, body = NewWebhook)))]
pub async fn create(can: Can<ManageIntegrations>, Body(draft): Body<WebhookDraft>) -> Result<Answer, Problem> {
    check(&can, &draft.url).await?;
    let id = WebhookId::new(can.now(), can.random());
    let (webhook, commit) = Webhook::new(id, draft, can.membership(), can.access(), can.now())?;
    let answer = |secret| {
        let shown = NewWebhook { webhook: webhook.view(can.now()), secret };
        Ok::<_, Error>(Answer::versioned(webhook.version, &shown)?.at(format_args!("/api/v1/webhooks/{}", webhook.id)))
    };
    let secret = can.webhook_secret(&webhook).await?;
    Ok(can.answer_once(commit, answer(Some(secret))?, answer(None)?).await?)
}

/// One webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{webhook}", operation_id = "get_webhook", tag = "integrations", params(("webhook" = WebhookId, Path)), responses((status = 200, body = WebhookView)))]
pub async fn get(can: Can<ManageIntegrations>, Path(id): Path<WebhookId>) -> Result<Answer, Problem> {
    let webhook = find(&can, &id).await?;
    Ok(Answer::versioned(webhook.version, &webhook.view(can.now()))?)
}

/// Change where a webhook leads and what it hears; pause it, and let it go on. From then on you answer for it.
#[utoipa::path(patch, path = "/api/v1/webhooks/{webhook}", operation_id = "edit_webhook", tag = "integrations", params(("webhook" = WebhookId, Path), IfMatchHeader), request_body = WebhookEdit, responses((status = 200, body = WebhookView)))]
pub async fn edit(
    can: Can<ManageIntegrations>,
    Path(id): Path<WebhookId>,
    seen: IfMatch,
    Body(edit): Body<WebhookEdit>,
) -> Result<Answer, Problem> {
    let (id, edit) = (&id, &edit);
    can.settle(|can| async move {
        let webhook = seen.check(find(&can, id).await?)?;
        if let Some(url) = &edit.url {
            check(&can, url).await?;
        }
        let (webhook, commit) = webhook.edit(edit.clone(), can.membership(), can.access(), can.now())?;
        Ok((commit, Answer::versioned(webhook.version, &webhook.view(can.now()))?))
    })
    .await
}

/// Give a webhook a new secret, shown in this answer and never again. For as long as you say, a week at the most, messages are signed
/// with the one before as well. From then on you answer for it.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/rotate", operation_id = "rotate_webhook_secret", tag = "integrations", params(("webhook" = WebhookId, Path), IfMatchHeader), request_body = Rotation, responses((status = 200, body = NewWebhook)))]
pub async fn rotate(
    can: Can<ManageIntegrations>,
    Path(id): Path<WebhookId>,
    seen: IfMatch,
    Body(rotation): Body<Rotation>,
) -> Result<Answer, Problem> {
    let (id, minutes) = (&id, rotation.grace_minutes);
    let rotated = can.settle_part(|can| async move {
        let (webhook, commit) = seen.check(find(&can, id).await?)?.rotate(minutes, can.membership(), can.now())?;
        Ok((commit, webhook))
    });
    let webhook = rotated.await?;
    let secret = Some(can.webhook_secret(&webhook).await?);
    Ok(Answer::versioned(webhook.version, &NewWebhook { webhook: webhook.view(can.now()), secret })?)
}

/// Send a webhook a `webhook.pinged`, once, even while it is paused; what came of it is among its deliveries.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/ping", operation_id = "ping_webhook", tag = "integrations", params(("webhook" = WebhookId, Path)), responses((status = 204)))]
pub async fn ping(can: Can<ManageIntegrations>, Path(id): Path<WebhookId>) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move { Ok((find(&can, id).await?.ping(), Answer::nothing())) }).await
}

/// Delete a webhook. Nothing more is told to it, not even what was being tried.
#[utoipa::path(delete, path = "/api/v1/webhooks/{webhook}", operation_id = "delete_webhook", tag = "integrations", params(("webhook" = WebhookId, Path), IfMatchHeader), responses((status = 204)))]
pub async fn delete(can: Can<ManageIntegrations>, Path(id): Path<WebhookId>, seen: IfMatch) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move { Ok((seen.check(find(&can, id).await?)?.delete(can.access())?, Answer::nothing())) }).await
}
