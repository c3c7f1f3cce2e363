//! Who and what was put into a department in the moment it was deleted is taken out again, whichever came first.

use backend::{keys, system::System};
use domain::{
    Error, Result,
    billing::Client,
    commit::Change,
    id::DepartmentId,
    limits,
    organization::{Membership, Standing},
    project::Project,
    structure::{Scope, Structure},
    team::Team,
};

pub async fn settled(system: &System, before: Option<Membership>, after: Membership) -> Result<()> {
    if let Some(before) = before.as_ref().filter(|_| after.standing == Standing::Removed) {
        left(system, before).await?;
    }
    let Some(department) = &after.department else { return Ok(()) };
    if before.is_some_and(|before| before.department == after.department) || is_there(system, department).await? {
        return Ok(());
    }
    vacate(system, &after, department).await
}

/// Whoever left leads no project, and is nobody's guest or contact any more. What they head and manage fell vacant as they left.
async fn left(system: &System, before: &Membership) -> Result<()> {
    let (t, user) = (system.tenant(), &before.user);
    for post in &before.posts {
        // Somebody who came back may hold it again
        if system.get(keys::member(t, user)).await?.is_some_and(|now| now.holds(post)) {
            continue;
        }
        match &post.over {
            Scope::Project(id) => {
                let project: Option<Project> = system.get(keys::project(t, id)).await?;
                let named = |project: &Project| project.lead.as_ref() == Some(user) || project.guests.contains(user);
                if let Some(project) = project.filter(named) {
                    system.commit(project.vacated_by(user, system.now())).await?;
                }
            }
            Scope::Client(id) => {
                let client: Option<Client> = system.get(keys::client(t, id)).await?;
                if let Some(client) = client.filter(|client| client.contacts.contains(user)) {
                    system.commit(client.vacated_by(user).1).await?;
                }
            }
            Scope::Department(_) | Scope::Team(_) => {}
        }
    }
    Ok(())
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
    take_out_projects(system, &Scope::Department(department)).await
}

/// Projects of a team or department that is no more are of none.
pub async fn take_out_projects(system: &System, place: &Scope) -> Result<()> {
    let t = system.tenant();
    for project in system.all(keys::projects(t), limits::PROJECTS_SETTLED).await?.into_iter().filter(|project| project.is_of(place)) {
        for _ in 0..limits::RACE_TRIES {
            let Some(now) = system.get(keys::project(t, &project.id)).await?.filter(|now| now.is_of(place)) else { break };
            match system.commit(now.taken_out_of(place, system.now())).await {
                // Somebody edits it at this moment
                Err(Error::Stale { .. }) => {}
                other => {
                    other?;
                    break;
                }
            }
        }
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
