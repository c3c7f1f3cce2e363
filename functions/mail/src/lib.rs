//! Writes mails and hands them to SES, each once.

mod letter;

use backend::{Backend, event::each_message, keys, queue::MailJob, system::System};
use domain::{
    Error, Result, Timestamp,
    account::{Credentials, NewEmail, User},
    alert::Alert,
    commit::Commit,
    id::{OrganizationId, UserId},
    limits,
    mail::Mailed,
    notification::Notification,
    organization::{Membership, Organization, Standing},
    tenant::House,
};
use letter::{Letter, render};
use serde_json::Value;

pub async fn handle(backend: Backend, event: Value) -> Result<Value> {
    each_message(backend, event, deliver).await
}

async fn deliver(backend: Backend, job: MailJob) -> Result<()> {
    let platform = OrganizationId::of_platform();
    let (organization, name) = match &job {
        MailJob::Operator { operator } => (&platform, format!("operator.{operator}")),
        MailJob::Welcome { organization, user } => (organization, format!("welcome.{user}")),
        MailJob::Confirmation { organization, user, asked_at } => (organization, format!("confirm.{user}.{}", asked_at.as_millisecond())),
        MailJob::Reset { organization, user, asked_at } => (organization, format!("reset.{user}.{}", asked_at.as_millisecond())),
        MailJob::Invitation { organization, invitation, sending } => (organization, format!("{invitation}.{sending}")),
        MailJob::Alert { organization, user, change, .. } => (organization, format!("alert.{change}.{user}")),
        MailJob::Provisioned { organization, user, at } => (organization, format!("provisioned.{user}.{}", at.as_millisecond())),
        MailJob::Removal { organization, user, change, .. } => (organization, format!("removal.{change}.{user}")),
        MailJob::Suspension { organization, user, change, .. } => (organization, format!("suspension.{change}.{user}")),
        MailJob::Notification { organization, user, notification } => (organization, format!("{notification}.{user}")),
    };
    let system = backend.system(organization);
    // What is about a person's own account is not the organisation's, and its end is what they have to hear of
    let goes_on = matches!(
        job,
        MailJob::Confirmation { .. } | MailJob::Reset { .. } | MailJob::Alert { .. } | MailJob::Removal { .. } | MailJob::Suspension { .. }
    );
    if !goes_on && system.is_suspended().await? {
        return Ok(());
    }
    let Some(letter) = write(&backend, &system, &job).await? else { return Ok(()) };
    let note = Mailed::begun(&name, system.now());
    match system.commit(Commit::quiet().also_create(note.clone())).await {
        Ok(()) => {}
        // Sent before is sent; only begun before was interrupted, and is sent now
        Err(Error::Conflict(_)) => {
            if let Some(Mailed { sent: true, .. }) = system.get(keys::mailed(system.tenant(), &name)).await? {
                return Ok(());
            }
        }
        Err(error) => return Err(error),
    }
    let message = render(&letter, backend.setting("MAIL_FROM"), &name, system.now())?;
    backend.send_mail(&letter.to, message).await?;
    system.commit(Commit::quiet().also_put(Mailed { sent: true, ..note })).await
}

/// The letter a job asks for; none when what it is about no longer holds.
async fn write(backend: &Backend, system: &System, job: &MailJob) -> Result<Option<Letter>> {
    let url = backend.setting("PUBLIC_URL").trim_end_matches('/');
    match job {
        MailJob::Welcome { user, .. } => {
            let user: Option<User> = system.get(keys::user(&system.person(user))).await?;
            let Some(user) = user.filter(|user| user.home == *system.tenant().id()) else { return Ok(None) };
            let ends: Timestamp = system.now() + limits::EMAIL_TOKEN;
            let link = format!("{url}/verify-email?token={}", backend.email_link(&user.id, &user.email, ends).await?);
            let Some(organization) = system.get(keys::organization(system.tenant())).await? else { return Ok(None) };
            Ok(Some(Letter::welcome(&user, &organization, link)))
        }
        MailJob::Confirmation { user, asked_at, .. } => {
            let user: Option<User> = system.get(keys::user(&system.person(user))).await?;
            let Some(user) = user else { return Ok(None) };
            let asked = user.unconfirmed_email(*asked_at).filter(|asked| system.now() < asked.expires_at);
            let Some(NewEmail { email, expires_at }) = asked else { return Ok(None) };
            // Only whoever reads the mail learns that the address has an account
            if backend.account_of(&email).await?.is_some_and(|owner| owner.id != user.id) {
                return Ok(Some(Letter::taken(&email)));
            }
            let link = format!("{url}/verify-email?token={}", backend.email_link(&user.id, &email, expires_at).await?);
            Ok(Some(Letter::confirmation(&user, &email, link)))
        }
        MailJob::Reset { user, asked_at, .. } => {
            let me = system.person(user);
            let ends = *asked_at + limits::RESET_LINK;
            let (user, credentials) = (system.get(keys::user(&me)).await?, system.get(keys::credentials(&me)).await?);
            let Some((user, credentials)) = Option::zip(user, credentials).filter(|_| system.now() < ends) else { return Ok(None) };
            let link = format!("{url}/reset-password?token={}", backend.reset_link(&user, &credentials, ends).await?);
            Ok(Some(Letter::reset(&user, link)))
        }
        MailJob::Invitation { invitation, sending, .. } => {
            let invitation = system.get(keys::invitation(system.tenant(), invitation)).await?;
            let Some(invitation) = invitation.filter(|it| it.sending == *sending && it.is_open(system.now())) else { return Ok(None) };
            let link = format!("{url}/join?token={}", backend.invitation_link(&invitation).await?);
            let organization: Option<Organization> = system.get(keys::organization(system.tenant())).await?;
            let zone = organization.map(|organization| organization.zone).unwrap_or_default();
            Ok(Some(Letter::invitation(&invitation, &zone, link)))
        }
        MailJob::Alert { user, alert, to, at, by, address, device, .. } => {
            let user: Option<User> = system.get(keys::user(&system.person(user))).await?;
            let house: Option<Organization> = system.get(keys::organization(system.tenant())).await?;
            let house = house.map_or_else(|| "your organisation".to_owned(), |house| house.name.to_string());
            // An address that nobody proved may be a stranger's
            let user = user.filter(|user| *alert != Alert::EmailAsked || user.email_verified);
            let letter = user.map(|user| Letter::alert(&user, *alert, &house, *at, by, address, device));
            Ok(letter.map(|letter| Letter { to: to.clone().unwrap_or(letter.to), ..letter }))
        }
        MailJob::Operator { operator } => {
            let Some(invited) = backend.invited_operator(operator).await? else { return Ok(None) };
            let link = format!("{url}/join-platform?token={}", backend.operator_link(&invited).await?);
            Ok(Some(Letter::operator(&invited, link)))
        }
        MailJob::Provisioned { user, at, .. } => {
            let member: Option<Membership> = system.get(keys::member(system.tenant(), user)).await?;
            // Whoever is not let in yet is told when they are
            let Some(member) = member.filter(|member| member.standing == Standing::Active) else { return Ok(None) };
            let me = system.person(user);
            let ends = *at + limits::INVITATION;
            let (user, credentials) = (system.get(keys::user(&me)).await?, system.get(keys::credentials(&me)).await?);
            let organization: Option<Organization> = system.get(keys::organization(system.tenant())).await?;
            // Nor is anything told to whoever is here already and knows how to log in
            let is_new = |credentials: &Credentials| !member.accepted || !credentials.has_password();
            let (user, credentials) = (user.filter(|user: &User| user.has(&member)), credentials.filter(is_new));
            let (Some((user, credentials)), Some(organization)) = (Option::zip(user, credentials), organization) else { return Ok(None) };
            // A password of an account whose address nobody proved may be a stranger's
            let link = match credentials.has_password() && user.email_verified {
                true => None,
                false => Some(format!("{url}/reset-password?token={}", backend.reset_link(&user, &credentials, ends).await?)),
            };
            Ok(Some(Letter::provisioned(&user, &organization, link)))
        }
        MailJob::Removal { user, kept, .. } => {
            let Some((user, house)) = owner(system, user).await? else { return Ok(None) };
            Ok(match house.access.removal {
                Some(plan) if !kept => Some(Letter::removal(&user, &house.organization, &plan)),
                None if *kept => Some(Letter::kept(&user, &house.organization)),
                _ => None,
            })
        }
        MailJob::Suspension { user, suspended, .. } => {
            let Some((user, house)) = owner(system, user).await? else { return Ok(None) };
            Ok(match house.access.suspension {
                Some(why) if *suspended => Some(Letter::suspended(&user, &house.organization, &why)),
                None if !suspended => Some(Letter::resumed(&user, &house.organization)),
                _ => None,
            })
        }
        MailJob::Notification { user, notification, .. } => {
            // Whoever was locked out since is told nothing more
            let member: Option<Membership> = system.get(keys::member(system.tenant(), user)).await?;
            let Some(member) = member.filter(|member| member.standing == Standing::Active) else { return Ok(None) };
            let notification = system.get(keys::notification(system.tenant(), user, notification)).await?;
            let user: Option<User> = system.get(keys::user(&system.person(user))).await?;
            let wanted =
                |(notification, user): &(Notification, User)| user.has(&member) && user.notifications.channels(notification.reason).email;
            Ok(notification.zip(user).filter(wanted).map(|(notification, user)| Letter::notification(&notification, &user)))
        }
    }
}

/// Somebody who owns the organisation, and the organisation.
async fn owner(system: &System, id: &UserId) -> Result<Option<(User, House)>> {
    let user: Option<User> = system.get(keys::user(&system.person(id))).await?;
    Ok(user.zip(system.house().await?).filter(|(user, house)| house.access.owners.contains(&user.id)))
}
