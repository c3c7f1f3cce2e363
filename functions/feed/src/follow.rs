use crate::{alert, once, people, places};
use backend::{
    Backend, keys,
    queue::{MailJob, PaperJob, WebhookJob},
    system::System,
};
use domain::{
    Error, Result,
    access::Access,
    api_key::ApiKey,
    commit::{Change, Kept},
    id::{PictureId, UserId},
    invitation::Invitation,
    limits,
    notification::{self, Notification},
    organization::{Membership, Standing},
    policy::{Grant, Role},
    project::Project,
    structure::Scope,
    task::{Comment, Task},
    webhook::Webhook,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Does all that one change asks for.
pub async fn change(backend: &Backend, system: &System, change: &Change) -> Result<()> {
    if change.subject.kind == "task" {
        refind(system, change).await?;
    }
    people::follow(backend, system, change).await?;
    for commit in system.telling(told_of(system, change).await?).await? {
        once(system.commit(commit).await)?;
    }
    match change.action.as_str() {
        "department.deleted" => places::closed(system, change).await?,
        "team.deleted" => {
            let team = change.subject.id.parse().map_err(|e: String| Error::internal(e))?;
            places::take_out_projects(system, &Scope::Team(team)).await?;
        }
        _ => {}
    }
    ask(backend, system, change).await?;
    alert::about(backend, system, change).await?;
    if let Some(topic) = &change.topic {
        system.push_to_watchers(topic, |role| live(change, role)).await?;
    }
    Ok(())
}

/// Programs elsewhere may hear of it.
pub async fn tell(backend: &Backend, change: &Change) -> Result<()> {
    let Change { organization, id, action, subject, .. } = change.clone();
    backend.ask_for_webhook(&WebhookJob::Tell { organization, change: id, action, subject }).await
}

/// A change as the open screen of somebody in this role gets it: what it is now, and who did it.
fn live(change: &Change, role: Role) -> Result<Value> {
    let record = match change.subject.kind.as_str() {
        Project::KIND => json!(read::<Project>(&change.after)?.map(|project| project.as_shown_to(role))),
        _ => json!(change.after),
    };
    Ok(json!({ "event": "change", "action": change.action, "subject": change.subject, "by": change.by, "at": change.at, "record": record }))
}

fn read<T: DeserializeOwned>(value: &Option<Value>) -> Result<Option<T>> {
    value.clone().map(serde_json::from_value).transpose().map_err(Error::internal)
}

/// Brings what finds a task in step with the task as it is now, whatever the order in which its changes arrive.
async fn refind(system: &System, change: &Change) -> Result<()> {
    let (before, after): (Option<Task>, Option<Task>) = (read(&change.before)?, read(&change.after)?);
    let Some(id) = after.as_ref().or(before.as_ref()).map(|task| task.id.clone()) else { return Ok(()) };
    let now = system.get(keys::task(system.tenant(), &id)).await?;
    let entries = |task: Option<&Task>| task.map(Task::entries).unwrap_or_default();
    system.replace_entries(entries(before.as_ref()), entries(after.as_ref()), entries(now.as_ref())).await
}

async fn told_of(system: &System, change: &Change) -> Result<Vec<Notification>> {
    match change.action.as_str() {
        "comment.written" => {
            let Some(comment) = read::<Comment>(&change.after)? else { return Ok(Vec::new()) };
            let task = system.get(keys::task(system.tenant(), &comment.task)).await?;
            Ok(task.map(|task| notification::of_comment(change, &comment, &task)).unwrap_or_default())
        }
        "invitation.requested" => {
            let Some(invitation) = read::<Invitation>(&change.after)? else { return Ok(Vec::new()) };
            Ok(notification::of_request(change, &invitation, &who_may(system, Grant::InviteMembers).await?))
        }
        "webhook.paused" => {
            let access = system.get(keys::access(system.tenant())).await?;
            let paused = read::<Webhook>(&change.after)?.zip(access);
            Ok(paused.map(|(webhook, access)| notification::of_paused(change, &webhook, &access)).unwrap_or_default())
        }
        "member.deactivated" | "member.removed" => orphaned(system, change).await,
        _ => Ok(notification::of_change(change)),
    }
}

/// Keys that somebody answered for who works here no more.
async fn orphaned(system: &System, change: &Change) -> Result<Vec<Notification>> {
    let Some(maker) = read::<Membership>(&change.after)? else { return Ok(Vec::new()) };
    let mut keys: Vec<ApiKey> = system.all(keys::api_keys(system.tenant()), limits::API_KEYS).await?;
    keys.retain(|key| key.secret.by == maker.user);
    let access = system.get(keys::access(system.tenant())).await?;
    Ok(access.map(|access| notification::of_orphans(change, &maker, &keys, &access)).unwrap_or_default())
}

/// Whoever may do something, by whatever gives it to them, the owners first; no more of them than are told at once.
async fn who_may(system: &System, grant: Grant) -> Result<Vec<UserId>> {
    let access: Access = system.get(keys::access(system.tenant())).await?.unwrap_or_default();
    let mut users = access.owners.clone();
    for list in access.lists_with(grant) {
        let entries = system.all(keys::members_with(system.tenant(), &list), limits::TOLD).await?;
        let known: BTreeSet<_> = users.iter().cloned().collect();
        users.extend(entries.into_iter().map(|entry| entry.user).filter(|user| !known.contains(user)));
        users.truncate(limits::TOLD);
    }
    let members: Vec<Membership> = system.get_many(users.iter().map(|user| keys::member(system.tenant(), user)).collect()).await?;
    let may = |member: &Membership| member.standing == Standing::Active && access.grants(member).allow(grant);
    Ok(members.into_iter().filter(may).map(|member| member.user).collect())
}

/// What workers have to do for it.
async fn ask(backend: &Backend, system: &System, change: &Change) -> Result<()> {
    let organization = system.tenant().id().clone();
    match change.action.as_str() {
        "organization.founded" => match &change.by.user {
            Some(user) => backend.ask_for_mail(&MailJob::Welcome { organization, user: user.clone() }).await,
            None => Ok(()),
        },
        "profile.confirmation_asked" | "profile.email_asked" => {
            let user = change.subject.id.parse().map_err(|e: String| Error::internal(e))?;
            backend.ask_for_mail(&MailJob::Confirmation { organization, user, asked_at: change.at }).await
        }
        // Whoever is let in only now was told of it by nobody
        "member.provisioned" | "member.reactivated" => {
            let user = change.subject.id.parse().map_err(|e: String| Error::internal(e))?;
            backend.ask_for_mail(&MailJob::Provisioned { organization, user, at: change.at }).await
        }
        "invitation.sent" => match read::<Invitation>(&change.after)? {
            Some(Invitation { id, sending, .. }) => {
                backend.ask_for_mail(&MailJob::Invitation { organization, invitation: id, sending }).await
            }
            None => Ok(()),
        },
        "organization.removal_planned" | "organization.kept" => {
            let kept = change.action == "organization.kept";
            let job = |user| MailJob::Removal { organization: organization.clone(), user, change: change.id.clone(), kept };
            mail_owners(backend, system, job).await
        }
        "organization.suspended" | "organization.resumed" => {
            let suspended = change.action == "organization.suspended";
            let job = |user| MailJob::Suspension { organization: organization.clone(), user, change: change.id.clone(), suspended };
            mail_owners(backend, system, job).await
        }
        "operator.invited" => {
            let operator = change.subject.id.parse().map_err(|e: String| Error::internal(e))?;
            backend.ask_for_mail(&MailJob::Operator { operator }).await
        }
        "invoice.issued" => {
            let invoice = change.subject.id.parse().map_err(|e: String| Error::internal(e))?;
            backend.ask_for_paper(&PaperJob::Invoice { organization, invoice }).await
        }
        "picture.uploaded" => {
            let picture = change.subject.id.parse().map_err(|e: String| Error::internal(e))?;
            backend.ask_for_paper(&PaperJob::Picture { organization, picture }).await
        }
        // What was shown before is shown no more
        "profile.edited" | "settings.edited" => match replaced(change) {
            Some((owner, picture)) => backend.ask_for_paper(&PaperJob::Forget { organization, owner, picture }).await,
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

async fn mail_owners(backend: &Backend, system: &System, job: impl Fn(UserId) -> MailJob) -> Result<()> {
    let owners = system.get(keys::access(system.tenant())).await?.map(|access| access.owners).unwrap_or_default();
    for user in owners {
        backend.ask_for_mail(&job(user)).await?;
    }
    Ok(())
}

/// The picture of a person, or the logo, that another one came for, or none.
fn replaced(change: &Change) -> Option<(Option<UserId>, PictureId)> {
    let (name, owner) = if change.action == "profile.edited" { ("picture", change.subject.id.parse().ok()) } else { ("logo", None) };
    let shown = |value: &Option<Value>| value.as_ref().and_then(|value| value[name].as_str()?.parse::<PictureId>().ok());
    let before = shown(&change.before)?;
    (shown(&change.after).as_ref() != Some(&before)).then_some((owner, before))
}
