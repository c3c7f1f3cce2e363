use backend::{Backend, event::Written, keys};
use domain::{
    Error, Result,
    commit::{Change, Commit, Kept},
    id::OrganizationId,
    limits,
    mail::Mailed,
    usage::{Countable, Counted, Month, Usage},
};
use std::collections::BTreeMap;

/// What of a write is counted, and for whom: each change once, and each mail when it went out.
pub fn note(written: &Written) -> Option<(OrganizationId, Counted)> {
    let organization = written.tenant.clone().filter(|organization| !organization.is_platform())?;
    let (what, at) = match written.kind.as_str() {
        "change" if written.is_new() => {
            let change = written.record::<Change>().ok()??;
            (Countable::of_action(&change.action), change.at)
        }
        Mailed::KIND => {
            let mailed = written.record::<Mailed>().ok()?.filter(|mailed| mailed.sent)?;
            let before = written.previous::<Mailed>().ok()?;
            (Countable::Mail, before.is_none_or(|before| !before.sent).then(|| mailed.begun_at())?)
        }
        _ => return None,
    };
    // Without what is the same for all of this organisation
    let source = written.partition.rsplit_once("#CHANGES#").map_or("MAILED", |(_, source)| source).to_owned();
    Some((organization, Counted { what, at, source, place: written.place.clone() }))
}

/// Adds what a batch brought to the month of each organisation: one write for as many changes as came together.
pub async fn sum_up(backend: Backend, notes: Vec<(OrganizationId, Counted)>) -> Result<()> {
    let mut sums: BTreeMap<(OrganizationId, Month), Vec<Counted>> = BTreeMap::new();
    for (organization, counted) in notes {
        sums.entry((organization, Month::of(counted.at))).or_default().push(counted);
    }
    for ((organization, month), things) in sums {
        count(&backend, &organization, month, &things).await?;
    }
    Ok(())
}

async fn count(backend: &Backend, organization: &OrganizationId, month: Month, things: &[Counted]) -> Result<()> {
    let system = backend.system(organization);
    for _ in 0..limits::RACE_TRIES {
        let kept = system.get(keys::usage(system.tenant(), &month)).await?;
        let before = kept.unwrap_or_else(|| Usage::empty(organization, month.clone()));
        let Some(after) = before.count(things) else { return Ok(()) };
        let commit = match before.version {
            0 => Commit::quiet().also_create(after),
            seen => Commit::quiet().also_replace(seen, after),
        };
        match system.commit(commit).await {
            // Another part of the stream was counted at the same moment
            Err(Error::Stale { .. } | Error::Conflict(_)) => {}
            other => return other,
        }
    }
    Err(Error::Busy("the usage keeps changing".into()))
}
