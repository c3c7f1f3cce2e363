use crate::departments::check_department;
use backend::{
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::Problem,
    web::{All, Answer, Body, List, Path},
};
use domain::{
    Error, Result,
    id::InvitationId,
    invitation::{Approval, Earlier, Invitation, InvitationDraft, Invited, Inviter},
    organization::Membership,
    policy::InviteMembers,
    settings::Settings,
    text::Email,
};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

/// Invitations that nobody has answered: open ones, expired ones, and those that were asked for and wait for an approval.
///
/// An invitation expires a week after it was sent, or when whoever sent it may no longer give what it gives. For thirty days
/// more it is kept and listed here as `expired`, so that it can be sent again, which opens it anew, or revoked; then it is
/// forgotten. What was asked for and not approved within a week is listed no more.
#[utoipa::path(get, path = "/api/v1/invitations", operation_id = "list_invitations", tag = "organization", params(PageQuery), responses((status = 200, body = Page<Invitation>)))]
pub async fn list(can: Can<InviteMembers>, list: List<All>) -> Result<Answer, Problem> {
    let now = can.now();
    let fits = |invitation: &Invitation| invitation.is_unanswered(now);
    let page = can.list_where(keys::invitations(can.tenant()), &list.paging, true, fits).await?;
    let inviters: BTreeSet<_> = page.items.iter().filter_map(|invitation| invitation.invited_by.clone()).collect();
    let inviters: Vec<Membership> = can.get_many(inviters.iter().map(|user| keys::member(can.tenant(), user)).collect()).await?;
    let seen = |invitation: Invitation| {
        let inviter = inviters.iter().find(|inviter| Some(&inviter.user) == invitation.invited_by.as_ref());
        invitation.as_seen(inviter, can.access(), now)
    };
    Ok(Answer::ok(&page.map(seen))?)
}

/// Invite somebody by mail. The one-time link stands in the mail and nowhere else.
///
/// Whoever has the address and is a member already, deactivated ones too, is not invited. One that waits for an answer from the
/// same address is revoked by it, so that one link at a time is good. One address is invited ten times a day at the most, sent
/// again or not, and all of them two hundred times an hour.
#[utoipa::path(post, path = "/api/v1/invitations", operation_id = "invite", tag = "organization", request_body = InvitationDraft, responses((status = 201, body = Invitation)))]
pub async fn invite(can: Can<InviteMembers>, Body(draft): Body<InvitationDraft>) -> Result<Answer, Problem> {
    let (draft, counted) = (&draft, &AtomicBool::new(false));
    can.settle(|can| async move {
        can.access().check_seat()?;
        check_department(&can, draft.department.as_ref()).await?;
        let (organization, settings, earlier, ()) = tokio::try_join!(
            can.find(keys::organization(can.tenant()), "organisation"),
            settings_for(&can, &draft.email),
            earlier(&can, &draft.email),
            count_once(&can, &draft.email, counted)
        )?;
        settings.check_address(&draft.email, draft.role)?;
        let id = InvitationId::new(can.now(), can.random());
        let (invitation, commit) = Invitation::new(id, draft.clone(), &organization, &inviter(&can), &earlier)?;
        Ok((commit, Answer::created(format_args!("/api/v1/invitations/{}", invitation.id), &invitation)?))
    })
    .await
}

/// A request is counted once, however often it is decided.
async fn count_once(can: &Can<InviteMembers>, email: &Email, counted: &AtomicBool) -> Result<()> {
    if counted.swap(true, Ordering::Relaxed) { Ok(()) } else { can.count_invitation(email).await }
}

pub(crate) fn inviter(can: &Can<InviteMembers>) -> Inviter<'_> {
    Inviter { member: can.membership(), access: can.access(), grants: can.grants(), now: can.now() }
}

/// What the address had before.
async fn earlier(can: &Can<InviteMembers>, email: &Email) -> Result<Earlier> {
    let invited: Option<Invited> = can.get(keys::invited(can.tenant(), email)).await?;
    let invitation = match &invited {
        Some(invited) => can.get(keys::invitation(can.tenant(), &invited.invitation)).await?,
        None => None,
    };
    Ok(Earlier { invited, invitation })
}

/// Say yes to somebody who asked to join; the one-time link goes to the address they gave.
#[utoipa::path(post, path = "/api/v1/invitations/{invitation}/approve", operation_id = "approve_invitation", tag = "organization", params(("invitation" = InvitationId, Path)), request_body = Approval, responses((status = 200, body = Invitation)))]
pub async fn approve(can: Can<InviteMembers>, Path(id): Path<InvitationId>, Body(approval): Body<Approval>) -> Result<Answer, Problem> {
    let (id, approval) = (&id, &approval);
    can.settle(|can| async move {
        can.access().check_seat()?;
        check_department(&can, approval.department.as_ref()).await?;
        let invitation = find(&can, id).await?;
        let (settings, earlier) = tokio::try_join!(settings_for(&can, &invitation.email), earlier(&can, &invitation.email))?;
        check_domain(&settings, &invitation)?;
        let (invitation, commit) = invitation.approve(approval.clone(), &inviter(&can), &earlier)?;
        Ok((commit, Answer::record(&invitation)?))
    })
    .await
}

async fn find(can: &Can<InviteMembers>, id: &InvitationId) -> Result<Invitation> {
    can.find(keys::invitation(can.tenant(), id), "invitation").await
}

/// What the organisation has decided, for an address that nobody has who is here.
async fn settings_for(can: &Can<InviteMembers>, email: &Email) -> Result<Settings> {
    let (settings, mail) = tokio::try_join!(can.get(keys::settings(can.tenant())), can.get(keys::member_mail(can.tenant(), email)))?;
    // An address leads to its member for a moment after they went
    if let Some(mail) = mail
        && let Some(member) = can.get(keys::member(can.tenant(), &mail.user)).await?
    {
        member.check_outside()?;
    }
    Ok(settings.unwrap_or_default())
}

/// The domains that are allowed may have changed since.
fn check_domain(settings: &Settings, invitation: &Invitation) -> Result<()> {
    match settings.admits(&invitation.email, invitation.role) {
        true => Ok(()),
        false => Err(Error::Conflict("the address is at none of the domains this organisation allows".to_owned())),
    }
}

/// Send an invitation again; the link sent before no longer works.
///
/// One that has expired is opened anew, and from then on it is yours. It is refused, and counted, as a new one is.
#[utoipa::path(post, path = "/api/v1/invitations/{invitation}/resend", operation_id = "resend_invitation", tag = "organization", params(("invitation" = InvitationId, Path)), responses((status = 200, body = Invitation)))]
pub async fn resend(can: Can<InviteMembers>, Path(id): Path<InvitationId>) -> Result<Answer, Problem> {
    let (id, counted) = (&id, &AtomicBool::new(false));
    can.settle(|can| async move {
        let invitation = find(&can, id).await?;
        let (settings, earlier, ()) = tokio::try_join!(
            settings_for(&can, &invitation.email),
            earlier(&can, &invitation.email),
            count_once(&can, &invitation.email, counted)
        )?;
        check_domain(&settings, &invitation)?;
        let (invitation, commit) = invitation.resend(&inviter(&can), &earlier)?;
        Ok((commit, Answer::record(&invitation)?))
    })
    .await
}

/// Revoke an invitation; its link no longer works.
#[utoipa::path(delete, path = "/api/v1/invitations/{invitation}", operation_id = "revoke_invitation", tag = "organization", params(("invitation" = InvitationId, Path)), responses((status = 204)))]
pub async fn revoke(can: Can<InviteMembers>, Path(id): Path<InvitationId>) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move {
        let (_, commit) = find(&can, id).await?.revoke(&inviter(&can))?;
        Ok((commit, Answer::nothing()))
    })
    .await
}
