use backend::{keys, system::System};
use domain::{
    Result,
    access::Access,
    id::OrganizationId,
    limits,
    organization::{Membership, Standing},
    policy::Grants,
    webhook::Webhook,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::OnceCell;

/// A webhook, and what whoever answers for it may read now; absent when they are no longer active.
#[derive(Clone)]
pub struct Endpoint {
    pub webhook: Webhook,
    pub grants: Option<Grants>,
}

/// The webhooks of the organisations of one batch, each read once. While an organisation is suspended it has none.
#[derive(Default)]
pub struct Endpoints(Mutex<HashMap<OrganizationId, Arc<OnceCell<Vec<Endpoint>>>>>);

impl Endpoints {
    pub async fn of(&self, system: &System) -> Result<Vec<Endpoint>> {
        let cell = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(system.tenant().id().clone()).or_default().clone()
        };
        cell.get_or_try_init(|| read(system)).await.cloned()
    }
}

async fn read(system: &System) -> Result<Vec<Endpoint>> {
    let tenant = system.tenant();
    let access: Access = system.get(keys::access(tenant)).await?.unwrap_or_default();
    if access.check_open().is_err() {
        return Ok(Vec::new());
    }
    let webhooks: Vec<Webhook> = system.all(keys::webhooks(tenant), limits::WEBHOOKS as usize).await?;
    let mut makers: Vec<_> = webhooks.iter().map(|webhook| webhook.made_by.clone()).collect();
    makers.sort();
    makers.dedup();
    let makers: Vec<Membership> = system.get_many(makers.iter().map(|maker| keys::member(tenant, maker)).collect()).await?;
    let grants = |webhook: &Webhook| {
        let maker = makers.iter().find(|maker| maker.user == webhook.made_by && maker.standing == Standing::Active)?;
        Some(access.grants(maker))
    };
    Ok(webhooks.into_iter().map(|webhook| Endpoint { grants: grants(&webhook), webhook }).collect())
}
