use backend::{Backend, keys, queue::MailJob, system::System};
use domain::{
    Result,
    account::{Proved, Session},
    alert::{Alert, is_from_new_device},
    commit::Change,
    id::UserId,
    limits,
    text::Email,
};

/// Tells a person by mail what touches how they sign in.
pub async fn about(backend: &Backend, system: &System, change: &Change) -> Result<()> {
    let Some(alert) = Alert::of(change) else { return Ok(()) };
    if alert.is_for_owners() {
        for owner in system.get(keys::access(system.tenant())).await?.unwrap_or_default().owners {
            ask(backend, owner, alert, change).await?;
        }
        return Ok(());
    }
    // The account it is about; a session's is that of whoever opened it
    let Some(user) = change.subject.id.parse().ok().or_else(|| change.by.user.clone()) else { return Ok(()) };
    if alert == Alert::NewDevice && !is_news(system, &user, change).await? {
        return Ok(());
    }
    ask(backend, user, alert, change).await
}

async fn ask(backend: &Backend, user: UserId, alert: Alert, change: &Change) -> Result<()> {
    let to = match (alert, proved_before(change)) {
        (Alert::EmailChanged, None) => return Ok(()),
        (Alert::EmailChanged, to) => to,
        _ => None,
    };
    let job = MailJob::Alert {
        organization: change.organization.clone(),
        user,
        alert,
        to,
        change: change.id.clone(),
        at: change.at,
        by: change.by.name.clone(),
        address: change.origin.address.clone(),
        device: change.origin.device.clone(),
    };
    backend.ask_for_mail(&job).await
}

/// The address an account had before, unless it may be a stranger's.
fn proved_before(change: &Change) -> Option<Email> {
    let before: Proved = serde_json::from_value(change.before.clone()?).ok()?;
    before.email_verified.then_some(before.email)
}

async fn is_news(system: &System, user: &UserId, change: &Change) -> Result<bool> {
    let sessions: Vec<Session> = system.latest(keys::sessions(&system.person(user)), limits::SESSIONS_COMPARED).await?;
    let opened = sessions.iter().find(|session| session.id.as_str() == change.subject.id);
    Ok(opened.is_some_and(|session| is_from_new_device(session, &sessions)))
}
