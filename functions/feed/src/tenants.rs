use backend::{keys, system::System};
use domain::{
    Result,
    access::Access,
    commit::Record,
    id::UserId,
    organization::{Membership, Organization},
    tenant::TenantWord,
};

/// An organisation has another name: operators find it by that.
pub async fn named(system: &System, before: Option<Organization>, after: Organization) -> Result<()> {
    if before.as_ref().is_some_and(|before| before.name == after.name) {
        return Ok(());
    }
    let access = system.get(keys::access(system.tenant())).await?.unwrap_or_default();
    let owners = people(system, &access.owners).await?;
    refind(system, before.map(|before| TenantWord::all(&before, &owners))).await
}

/// Somebody else owns it: it is found by them.
pub async fn owned(system: &System, before: Option<&Access>, after: &Access) -> Result<()> {
    let Some(before) = before.filter(|before| before.owners != after.owners) else { return Ok(()) };
    let Some(organization) = system.get(keys::organization(system.tenant())).await? else { return Ok(()) };
    let owners = people(system, &before.owners).await?;
    refind(system, Some(TenantWord::all(&organization, &owners))).await
}

async fn people(system: &System, users: &[UserId]) -> Result<Vec<Membership>> {
    system.get_many(users.iter().map(|user| keys::member(system.tenant(), user)).collect()).await
}

/// Puts the entries that hold now, and removes those that held and no longer do, whatever the order in which changes arrive.
async fn refind(system: &System, before: Option<Vec<TenantWord>>) -> Result<()> {
    let Some(organization) = system.get(keys::organization(system.tenant())).await? else { return Ok(()) };
    let access = system.get(keys::access(system.tenant())).await?.unwrap_or_default();
    let now = TenantWord::all(&organization, &people(system, &access.owners).await?);
    // Each entry knows the others, so that all are put anew
    let gone = before.unwrap_or_default().into_iter().filter(|entry| now.iter().all(|now| now.word != entry.word));
    system.replace_entries(gone.map(Record::from).collect(), Vec::new(), now.into_iter().map(Record::from).collect()).await
}
