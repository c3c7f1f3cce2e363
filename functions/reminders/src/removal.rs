//! The end of an organisation, step by step: each message does some of it, keeps how far it came, and sends the next.

use backend::{Backend, queue::TimerJob, system::System};
use domain::{Error, Result, commit::Commit, limits, removal::Tombstone, timer::Timer};

/// Nothing a message says decides anything: what is to be done stands in the tombstone, so that one which comes twice, or late,
/// or after a crash goes on where the removal is.
pub async fn go_on(backend: &Backend, system: &System, timer: Timer) -> Result<()> {
    let tombstone = match system.tombstone().await? {
        Some(tombstone) => tombstone,
        None => match begin(system, timer).await? {
            Some(tombstone) => tombstone,
            None => return Ok(()),
        },
    };
    if tombstone.finished_at.is_none() && tombstone.next_at <= system.now() {
        let after = tombstone.after(system.clear(&tombstone).await?, system.now());
        match system.act(tombstone.commit(after.clone())).await {
            // Another message is at it, too: each goes on from what is there
            Err(Error::Stale { .. }) => {}
            other => other?,
        }
        return next(backend, &after).await;
    }
    next(backend, &tombstone).await
}

async fn next(backend: &Backend, tombstone: &Tombstone) -> Result<()> {
    match tombstone.timer() {
        Some(timer) => backend.set_off(&TimerJob { organization: tombstone.organization.clone(), timer }).await,
        None => Ok(()),
    }
}

/// The waiting is over. Whoever keeps the organisation, or changes anything of it, at this moment is met and read again.
async fn begin(system: &System, timer: Timer) -> Result<Option<Tombstone>> {
    for _ in 0..limits::RACE_TRIES {
        let planned = system.house().await?.and_then(|house| house.begin_removal(timer.clone(), system.now()));
        let Some(act) = planned else {
            // It was kept, or planned anew for later
            return match system.commit(Commit::quiet().also_take(timer)).await {
                Ok(()) | Err(Error::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            };
        };
        match system.act(act).await {
            Ok(()) | Err(Error::Conflict(_)) => return system.tombstone().await,
            // The timer is gone: another message was quicker, or somebody keeps it
            Err(Error::NotFound(_)) => return system.tombstone().await,
            Err(Error::Stale { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Busy("the organisation keeps changing".into()))
}
