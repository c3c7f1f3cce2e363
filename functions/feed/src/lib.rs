//! All that follows a change, from the table's stream: what is found of tasks and members, what is shown of people, who is
//! told, what is live on open screens, what workers are asked for.
//!
//! Everything here may run twice for the same change and has its effect once.

mod alert;
mod directory;
mod follow;
mod people;
mod places;
mod presence;
mod tenants;
mod usage;

use backend::{
    Backend,
    event::{Written, each_write},
    queue::{MailJob, TimerJob, WebhookJob},
    system::System,
};
use domain::{
    Error, Result,
    access::Access,
    account::{ResetAsk, Session},
    commit::{Change, Kept},
    conversation::Socket,
    id::OrganizationId,
    limits,
    notification::Notification,
    organization::{Membership, Organization},
    team::Team,
    timer::Timer,
    webhook::{Delivery, DeliveryState},
};
use serde_json::{Value, json};

pub async fn handle(backend: Backend, event: Value) -> Result<Value> {
    each_write(backend, event, usage::note, follow_up, usage::sum_up).await
}

async fn follow_up(backend: Backend, written: Written) -> Result<()> {
    if written.kind == ResetAsk::KIND {
        return match written.record::<ResetAsk>()? {
            Some(ask) => forgot(&backend, ask).await,
            None => Ok(()),
        };
    }
    let Some(organization) = &written.tenant else { return Ok(()) };
    let system = backend.system(organization);
    match written.kind.as_str() {
        "change" if written.is_new() => match written.record::<Change>()? {
            Some(change) => {
                if written.heard {
                    follow::tell(&backend, &change).await?;
                }
                follow::change(&backend, &system, &change).await
            }
            None => Ok(()),
        },
        Delivery::KIND => match (written.previous::<Delivery>()?, written.record::<Delivery>()?) {
            (before, Some(after)) => deliver(&backend, organization, before, after).await,
            _ => Ok(()),
        },
        Notification::KIND if written.is_new() => match written.record::<Notification>()? {
            Some(notification) => told(&backend, &system, notification).await,
            None => Ok(()),
        },
        Timer::KIND if written.is_new() => match written.record::<Timer>()? {
            Some(timer) => soon(&backend, &system, timer).await,
            None => Ok(()),
        },
        // Whoever is or may something else sees it on open screens, too: they open again as what they are now
        Membership::KIND => {
            let (before, after) = (written.previous::<Membership>()?, written.record::<Membership>()?);
            directory::refind(&system, before.as_ref(), after.as_ref()).await?;
            let Some(after) = after else { return Ok(()) };
            if before.as_ref().is_some_and(|before| before.place() != after.place()) {
                system.hang_up_on(&after.user).await?;
            }
            places::settled(&system, before, after).await
        }
        Team::KIND => match (written.previous::<Team>()?, written.record::<Team>()?) {
            (before, Some(after)) if before.as_ref().is_none_or(|before| before.department != after.department) => {
                places::settled_team(&system, after).await
            }
            _ => Ok(()),
        },
        Access::KIND => match (written.previous::<Access>()?, written.record::<Access>()?) {
            (before, Some(after)) => {
                tenants::owned(&system, before.as_ref(), &after).await?;
                if before.is_some_and(|before| before.is_narrowed_to(&after)) { system.hang_up_on_all().await } else { Ok(()) }
            }
            _ => Ok(()),
        },
        Organization::KIND => match written.record::<Organization>()? {
            Some(after) => tenants::named(&system, written.previous()?, after).await,
            None => Ok(()),
        },
        Session::KIND => match (written.previous::<Session>()?, written.record::<Session>()?) {
            (Some(before), Some(after)) if after.ended && !before.ended => system.hang_up(&after).await,
            _ => Ok(()),
        },
        Socket::KIND => presence::changed(&system, written.previous()?, written.record()?).await,
        _ => Ok(()),
    }
}

/// Only whoever reads the mail learns whether the address has an account.
async fn forgot(backend: &Backend, ask: ResetAsk) -> Result<()> {
    match backend.account_of(&ask.email).await? {
        Some(user) => backend.ask_for_mail(&MailJob::Reset { organization: user.home, user: user.id, asked_at: ask.at }).await,
        None => Ok(()),
    }
}

/// What is still to be delivered is queued whenever it was written, so that no delivery is forgotten.
async fn deliver(backend: &Backend, organization: &OrganizationId, before: Option<Delivery>, after: Delivery) -> Result<()> {
    if after.state != DeliveryState::Pending || before.is_some_and(|before| before.version == after.version) {
        return Ok(());
    }
    backend.ask_for_webhook(&WebhookJob::deliver(organization, after)).await
}

/// What falls due before the next sweep has passed would be late for it, so it is queued at once.
async fn soon(backend: &Backend, system: &System, timer: Timer) -> Result<()> {
    if timer.at > system.now() + limits::SWEEP_AHEAD {
        return Ok(());
    }
    backend.set_off(&TimerJob { organization: system.tenant().id().clone(), timer }).await
}

/// What stands in an inbox is seen at once on open screens, and goes out by mail.
async fn told(backend: &Backend, system: &System, notification: Notification) -> Result<()> {
    if notification.channels.in_app {
        system.push_to_user(&notification.user, &json!({ "event": "notification", "notification": notification })).await?;
    }
    if notification.is_mailed_at_once() {
        let organization = system.tenant().id().clone();
        backend.ask_for_mail(&MailJob::Notification { organization, user: notification.user, notification: notification.id }).await?;
    }
    Ok(())
}

/// Done before is done.
pub(crate) fn once(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(Error::Conflict(_)) => Ok(()),
        other => other,
    }
}
