//! Who and what was put into a department in the moment it was deleted is taken out again, whichever came first.

use backend::{keys, system::System};
use domain::{Error, Result, commit::Change, id::DepartmentId, limits, organization::Membership, structure::Structure, team::Team};

pub async fn settled(system: &System, before: Option<Membership>, after: Membership) -> Result<()> {
    let Some(department) = &after.department else { return Ok(()) };
    if before.is_some_and(|before| before.department == after.department) || is_there(system, department).await? {
        return Ok(());
    }
    vacate(system, &after, department).await
}

pub async fn settled_team(system: &System, team: Team) -> Result<()> {
    match &team.department {
        Some(department) if !is_there(system, department).await? => vacate_team(system, &team, department).await,
        _ => Ok(()),
    }
}

pub async fn closed(system: &System, change: &Change) -> Result<()> {
    let department: DepartmentId = change.subject.id.parse().map_err(|e: String| Error::internal(e))?;
    for member in system.all(keys::members_in(system.tenant(), &department), limits::PAGE_MOST).await? {
        vacate(system, &member, &department).await?;
    }
    for team in system.all(keys::teams_in(system.tenant(), &department), limits::PAGE_MOST).await? {
        vacate_team(system, &team, &department).await?;
    }
    Ok(())
}

async fn is_there(system: &System, department: &DepartmentId) -> Result<bool> {
    let structure: Option<Structure> = system.get(keys::structure(system.tenant())).await?;
    Ok(structure.is_some_and(|structure| structure.find(department).is_ok()))
}

/// As the member is now, for what is known of them may be old.
async fn vacate(system: &System, member: &Membership, department: &DepartmentId) -> Result<()> {
    match system.get(keys::member(system.tenant(), &member.user)).await? {
        Some(now) if now.department.as_ref() == Some(department) => system.commit(now.without_department()).await,
        _ => Ok(()),
    }
}

async fn vacate_team(system: &System, team: &Team, department: &DepartmentId) -> Result<()> {
    match system.get(keys::team(system.tenant(), &team.id)).await? {
        Some(now) if now.department.as_ref() == Some(department) => system.commit(now.without_department()).await,
        _ => Ok(()),
    }
}
