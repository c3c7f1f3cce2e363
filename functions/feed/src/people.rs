use backend::{Backend, keys, system::System};
use domain::{
    Error, Result, Timestamp,
    account::User,
    commit::{Change, Kept},
    id::UserId,
    limits,
    organization::{Membership, Standing},
    profile::{Given, Known, position_of},
    structure::Structure,
};
use serde_json::Value;

/// Brings what organisations show of somebody in step with who they are and what they do.
pub async fn follow(backend: &Backend, system: &System, change: &Change) -> Result<()> {
    if matches!(change.action.as_str(), "profile.edited" | "profile.email_changed") {
        let id: UserId = change.subject.id.parse().map_err(|e: String| Error::internal(e))?;
        for place in system.places_of(&id).await?.into_iter().filter(|place| place.standing != Standing::Removed) {
            keep_in_step(&backend.system(&place.organization), &id, None).await?;
        }
    }
    // What somebody can stands on their card, and finds them in the directory; who takes their place is seen as they are
    if matches!(change.action.as_str(), "card.edited" | "member.accepted") {
        let id: UserId = change.subject.id.parse().map_err(|e: String| Error::internal(e))?;
        return keep_in_step(system, &id, None).await;
    }
    if change.subject.kind != Membership::KIND {
        return Ok(());
    }
    let member = |value: &Option<Value>| value.clone().and_then(|value| serde_json::from_value::<Membership>(value).ok());
    let (before, Some(after)) = (member(&change.before), member(&change.after)) else { return Ok(()) };
    if before.as_ref().and_then(position_of) == position_of(&after) {
        return Ok(());
    }
    let position = match position_of(&after) {
        Some((title, department)) => {
            let structure: Option<Structure> = match department {
                Some(_) => system.get(keys::structure(system.tenant())).await?,
                None => None,
            };
            let department = department.zip(structure).and_then(|(id, structure)| structure.find(id).ok().map(|one| one.name.clone()));
            Some((title.cloned(), department))
        }
        None => None,
    };
    keep_in_step(system, &after.user, Some((position, change.at))).await
}

/// Somebody may be writing on their card at this moment: then it is read again.
async fn keep_in_step(system: &System, id: &UserId, position: Option<(Option<Given>, Timestamp)>) -> Result<()> {
    let tenant = system.tenant();
    for _ in 0..limits::RACE_TRIES {
        let user: Option<User> = system.get(keys::user(&system.person(id))).await?;
        let Some((user, member)) = user.zip(system.get(keys::member(tenant, id)).await?) else { return Ok(()) };
        let card = system.get(keys::card(tenant, id)).await?;
        let personal = system.get(keys::personal(tenant, id)).await?;
        let provisioned = system.get(keys::provisioned(tenant, id.as_str())).await?;
        let Some(commit) = (Known { member, card, personal, provisioned }).follow(&user, position.clone()) else { return Ok(()) };
        match system.commit(commit).await {
            Err(Error::Stale { .. } | Error::Conflict(_)) => {}
            other => return other,
        }
    }
    Err(Error::Busy("the member keeps changing".into()))
}
