//! The organisations as operators list and find them.

use crate::{
    keys::{self, Tenant},
    page::{self, Page, Paging},
    platform::Operator,
    table::{Item, Table, Walk, parse, text},
};
use domain::{
    Result, Timestamp,
    access::Access,
    commit::Kept,
    id::OrganizationId,
    limits,
    organization::{Membership, Organization},
    platform::Sees,
    removal::Tombstone,
    tenant::{Dossier, House, Owner, TenantView, TenantWord},
    text::words,
    usage::{Month, Usage},
};
use futures_util::future::try_join_all;
use std::collections::HashMap;

impl<D: Sees<Usage>> Operator<D> {
    /// What was counted of all organisations in a month, and whether that is all.
    pub async fn usages(&self, month: &Month) -> Result<(Vec<Usage>, bool)> {
        let most = limits::USAGE_SUMMED / limits::TENANT_SHARDS as usize;
        let shards = (0..limits::TENANT_SHARDS).map(|shard| self.room.all(keys::usages_in(month, shard), most, false));
        let shards = try_join_all(shards).await?;
        let complete = shards.iter().all(|usages| usages.len() < most);
        Ok((shards.into_iter().flatten().collect(), complete))
    }
}

/// An organisation as it stands in the list of all.
enum Listed {
    There(Organization),
    Gone(Tombstone),
}

impl Listed {
    fn read(item: Item) -> Result<Self> {
        match text(&item, "kind") {
            Some(Tombstone::KIND) => parse(item).map(Self::Gone),
            _ => parse(item).map(Self::There),
        }
    }

    fn id(&self) -> &OrganizationId {
        match self {
            Self::There(organization) => &organization.id,
            Self::Gone(tombstone) => &tombstone.organization,
        }
    }
}

impl<D: Sees<Organization> + Sees<Access> + Sees<Dossier> + Sees<Membership> + Sees<Tombstone> + Sees<Usage>> Operator<D> {
    /// All organisations, the latest first, or those that are found by an id or by words that begin so.
    pub async fn tenants(&self, wanted: Option<&str>, paging: &Paging) -> Result<Page<TenantView>> {
        let found = match wanted {
            None => self.every_tenant(paging).await?,
            Some(text) => match text.trim().parse::<OrganizationId>() {
                Ok(id) if !id.is_platform() => Page { items: self.listed(vec![id]).await?, next: None },
                _ => self.tenants_with(text, paging).await?,
            },
        };
        Ok(Page { items: self.views(found.items).await?, next: found.next })
    }

    async fn every_tenant(&self, paging: &Paging) -> Result<Page<Listed>> {
        let secrets = &*self.room.inner.secrets().await?;
        let scope = self.room.tenant.id().as_str();
        let before = page::open(secrets, scope, paging)?.unwrap_or_else(|| "org_~".to_owned());
        let shards = (0..limits::TENANT_SHARDS).map(|shard| {
            let range = keys::tenants(shard, &before);
            // One more than asked for, because the bound itself was already given, and one more to know whether there are more
            let walk = Walk { descending: true, limit: paging.limit + 2, after: None };
            async move { self.room.store.table.query(&range, walk).await }
        });
        let mut items = Vec::new();
        for found in try_join_all(shards).await? {
            for item in found.items {
                items.push(Listed::read(item)?);
            }
        }
        items.retain(|listed| listed.id().as_str() < before.as_str());
        items.sort_by(|a, b| b.id().cmp(a.id()));
        let more = items.len() > paging.limit;
        items.truncate(paging.limit);
        let last = items.last().filter(|_| more);
        let next = last.map(|listed| page::seal(secrets, scope, paging, listed.id().as_str()));
        Ok(Page { items, next })
    }

    async fn tenants_with(&self, wanted: &str, paging: &Paging) -> Result<Page<Listed>> {
        let mut wanted = words([wanted]);
        // By the longest, which begins the fewest
        let Some(longest) = wanted.iter().max_by_key(|word| word.len()).cloned() else { return Ok(Page { items: Vec::new(), next: None }) };
        wanted.remove(&longest);
        let fits = |entry: &TenantWord| entry.fits(&longest, &wanted);
        let found = self.room.list(keys::tenant_words(&longest), paging, false, fits).await?;
        let ids = found.items.into_iter().map(|entry| entry.organization).collect();
        Ok(Page { items: self.listed(ids).await?, next: found.next })
    }

    async fn listed(&self, ids: Vec<OrganizationId>) -> Result<Vec<Listed>> {
        let keys = |id: &OrganizationId| [Table::key_item(keys::organization(&Tenant(id.clone()))), Table::key_item(keys::tombstone(id))];
        let found = self.room.store.table.get_items(ids.iter().flat_map(keys).collect()).await?;
        let mut found = found.into_iter().map(Listed::read).collect::<Result<Vec<_>>>()?;
        found.sort_by_key(|listed| ids.iter().position(|id| id == listed.id()));
        Ok(found)
    }

    async fn views(&self, listed: Vec<Listed>) -> Result<Vec<TenantView>> {
        let there = listed.iter().filter_map(|listed| match listed {
            Listed::There(organization) => Some(organization.clone()),
            Listed::Gone(_) => None,
        });
        let mut there = self.views_of(there.collect()).await?.into_iter();
        let view = |listed| match listed {
            Listed::There(_) => there.next(),
            Listed::Gone(tombstone) => Some(tombstone.tenant_view()),
        };
        Ok(listed.into_iter().filter_map(view).collect())
    }

    async fn views_of(&self, organizations: Vec<Organization>) -> Result<Vec<TenantView>> {
        let months = months(self.room.now);
        let wanted = organizations.iter().flat_map(|organization| {
            let tenant = Tenant(organization.id.clone());
            let usages = months.iter().map(|month| Table::key_item(keys::usage(&tenant, month)));
            [Table::key_item(keys::access(&tenant))].into_iter().chain(usages.collect::<Vec<_>>())
        });
        let (mut access, mut active) = (HashMap::new(), HashMap::new());
        for item in self.room.store.table.get_items(wanted.collect()).await? {
            let of = text(&item, "tenant").unwrap_or_default().to_owned();
            if text(&item, "kind") == Some(Usage::KIND) {
                let last: &mut Option<Timestamp> = active.entry(of).or_default();
                *last = (*last).max(parse::<Usage>(item)?.last_at);
            } else {
                access.insert(of, parse::<Access>(item)?);
            }
        }
        let access_of = |id: &OrganizationId| access.get(id.as_str()).cloned().unwrap_or_default();
        let owners = organizations.iter().flat_map(|organization| {
            let tenant = Tenant(organization.id.clone());
            access_of(&organization.id).owners.into_iter().map(move |owner| keys::member(&tenant, &owner))
        });
        let mut of: HashMap<OrganizationId, Vec<Owner>> = HashMap::new();
        for member in self.room.get_many(owners.collect()).await? {
            of.entry(member.organization.clone()).or_default().push(member.into());
        }
        let view = |organization: Organization| {
            let owners = of.remove(&organization.id).unwrap_or_default();
            let (access, dossier) = (access_of(&organization.id), Dossier::empty(&organization.id));
            let active = active.get(organization.id.as_str()).copied().flatten();
            House { organization, access, dossier }.view(owners, active)
        };
        Ok(organizations.into_iter().map(view).collect())
    }
}

impl<D: Sees<Membership> + Sees<Usage>> Operator<D> {
    /// When something was last done in it.
    pub async fn last_active(&self, house: &House) -> Result<Option<Timestamp>> {
        let tenant = Tenant(house.organization.id.clone());
        let usages = months(self.room.now).iter().map(|month| keys::usage(&tenant, month)).collect();
        Ok(self.room.get_many::<Usage>(usages).await?.into_iter().filter_map(|usage| usage.last_at).max())
    }

    /// Who owns it, with the address to write to.
    pub async fn owners(&self, house: &House) -> Result<Vec<Owner>> {
        let tenant = Tenant(house.organization.id.clone());
        let owners = house.access.owners.iter().map(|owner| keys::member(&tenant, owner)).collect();
        Ok(self.room.get_many::<Membership>(owners).await?.into_iter().map(Owner::from).collect())
    }
}

/// The present month and the one before.
fn months(now: Timestamp) -> [Month; 2] {
    let first = now.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    let before = first.yesterday().ok().and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok()).map_or(now, |day| day.timestamp());
    [Month::of(now), Month::of(before)]
}
