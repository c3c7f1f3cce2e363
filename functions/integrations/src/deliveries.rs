use crate::webhooks::find;
use backend::{
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::Problem,
    web::{Answer, Body, List, Path},
};
use domain::{
    Error, Timestamp,
    id::{DeliveryId, WebhookId},
    limits,
    policy::ManageIntegrations,
    webhook::{Delivery, DeliveryState},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Only those in this state.
    state: Option<DeliveryState>,
}

/// What a webhook was told in the last 30 days, the latest first: each attempt with its answer's beginning.
#[utoipa::path(get, path = "/api/v1/webhooks/{webhook}/deliveries", operation_id = "list_deliveries", tag = "integrations", params(("webhook" = WebhookId, Path), Filter, PageQuery), responses((status = 200, body = Page<Delivery>)))]
pub async fn list(can: Can<ManageIntegrations>, Path(id): Path<WebhookId>, list: List<Filter>) -> Result<Answer, Problem> {
    let webhook = find(&can, &id).await?;
    let range = match list.filter.state {
        Some(state) => keys::deliveries_in(can.tenant(), &webhook.id, state),
        None => keys::deliveries(can.tenant(), &webhook.id),
    };
    let now = can.now();
    Ok(Answer::ok(&can.list_where(range, &list.paging, true, |delivery: &Delivery| delivery.is_kept(now)).await?)?)
}

async fn delivery(can: &Can<ManageIntegrations>, webhook: &WebhookId, id: &DeliveryId) -> Result<Delivery, Error> {
    let found: Option<Delivery> = can.get(keys::delivery(can.tenant(), webhook, id)).await?;
    found.filter(|delivery| delivery.is_kept(can.now())).ok_or(Error::NotFound("delivery"))
}

/// One delivery.
#[utoipa::path(get, path = "/api/v1/webhooks/{webhook}/deliveries/{delivery}", operation_id = "get_delivery", tag = "integrations", params(("webhook" = WebhookId, Path), ("delivery" = DeliveryId, Path)), responses((status = 200, body = Delivery)))]
pub async fn get(can: Can<ManageIntegrations>, Path((webhook, id)): Path<(WebhookId, DeliveryId)>) -> Result<Answer, Problem> {
    Ok(Answer::record(&delivery(&can, &find(&can, &webhook).await?.id, &id).await?)?)
}

/// Tell a webhook again, with the same `webhook-id`.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/deliveries/{delivery}/replay", operation_id = "replay_delivery", tag = "integrations", params(("webhook" = WebhookId, Path), ("delivery" = DeliveryId, Path)), responses((status = 200, body = Delivery)))]
pub async fn replay(can: Can<ManageIntegrations>, Path((webhook, id)): Path<(WebhookId, DeliveryId)>) -> Result<Answer, Problem> {
    let webhook = find(&can, &webhook).await?;
    let (delivery, commit) = delivery(&can, &webhook.id, &id).await?.replay(can.now())?;
    webhook.check_listens(&delivery)?;
    can.commit(commit).await?;
    Ok(Answer::record(&delivery)?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayFailed {
    /// What happened since then and was not taken.
    since: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub struct Replayed {
    /// How many are told again now.
    replayed: usize,
    /// Whether some are left: ask again.
    more: bool,
}

/// Tell a webhook again all that failed since a moment, the earliest first, a hundred with each request.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhook}/replay", operation_id = "replay_failed_deliveries", tag = "integrations", params(("webhook" = WebhookId, Path)), request_body = ReplayFailed, responses((status = 200, body = Replayed)))]
pub async fn replay_failed(
    can: Can<ManageIntegrations>,
    Path(id): Path<WebhookId>,
    Body(form): Body<ReplayFailed>,
) -> Result<Answer, Problem> {
    let webhook = find(&can, &id).await?;
    let range = keys::deliveries_since(can.tenant(), &webhook.id, DeliveryState::Failed, form.since);
    let mut failed: Vec<Delivery> = can.all(range, limits::REPLAYS + 1).await?;
    let more = failed.len() > limits::REPLAYS;
    failed.truncate(limits::REPLAYS);
    failed.retain(|delivery| delivery.is_kept(can.now()));
    let mut replayed = 0;
    for delivery in failed {
        webhook.check_listens(&delivery)?;
        // The index may be a moment behind: what was replayed meanwhile is left alone
        let Ok((_, commit)) = delivery.replay(can.now()) else { continue };
        match can.commit(commit).await {
            Ok(()) => replayed += 1,
            Err(Error::Stale { .. } | Error::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Answer::ok(&Replayed { replayed, more })?)
}
