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
    invitation::{Approval, Invitation, InvitationDraft},
    policy::InviteMembers,
};

/// Invitations that are still open, and those that were asked for and wait for an approval.
#[utoipa::path(get, path = "/api/v1/invitations", operation_id = "list_invitations", tag = "organization", params(PageQuery), responses((status = 200, body = Page<Invitation>)))]
pub async fn list(can: Can<InviteMembers>, list: List<All>) -> Result<Answer, Problem> {
    let now = can.now();
    let open = can.list_where(keys::invitations(can.tenant()), &list.paging, true, |invitation: &Invitation| invitation.is_waiting(now));
    Ok(Answer::ok(&open.await?)?)
}

/// Invite somebody by mail. The one-time link stands in the mail and nowhere else.
#[utoipa::path(post, path = "/api/v1/invitations", operation_id = "invite", tag = "organization", request_body = InvitationDraft, responses((status = 201, body = Invitation)))]
pub async fn invite(can: Can<InviteMembers>, Body(draft): Body<InvitationDraft>) -> Result<Answer, Problem> {
    can.access().check_seat()?;
    check_department(&can, draft.department.as_ref()).await?;
    let (organization, settings) =
        tokio::try_join!(can.find(keys::organization(can.tenant()), "organisation"), can.get(keys::settings(can.tenant())))?;
    settings.unwrap_or_default().check_address(&draft.email)?;
    let id = InvitationId::new(can.now(), can.random());
    let (invitation, commit) = Invitation::new(id, draft, &organization, can.membership(), can.grants(), can.now())?;
    let answer = Answer::created(format_args!("/api/v1/invitations/{}", invitation.id), &invitation)?;
    Ok(can.answer(commit, answer).await?)
}

/// Say yes to somebody who asked to join; the one-time link goes to the address they gave.
#[utoipa::path(post, path = "/api/v1/invitations/{invitation}/approve", operation_id = "approve_invitation", tag = "organization", params(("invitation" = InvitationId, Path)), request_body = Approval, responses((status = 200, body = Invitation)))]
pub async fn approve(can: Can<InviteMembers>, Path(id): Path<InvitationId>, Body(approval): Body<Approval>) -> Result<Answer, Problem> {
    can.access().check_seat()?;
    check_department(&can, approval.department.as_ref()).await?;
    let invitation: Invitation = can.find(keys::invitation(can.tenant(), &id), "invitation").await?;
    check_domain(&can, &invitation).await?;
    let (invitation, commit) = invitation.approve(approval, can.membership(), can.grants(), can.now())?;
    can.commit(commit).await?;
    Ok(Answer::record(&invitation)?)
}

/// The domains that are allowed may have changed since.
async fn check_domain(can: &Can<InviteMembers>, invitation: &Invitation) -> Result<()> {
    match can.get(keys::settings(can.tenant())).await?.unwrap_or_default().admits(&invitation.email) {
        true => Ok(()),
        false => Err(Error::Conflict("the address is at none of the domains this organisation allows".to_owned())),
    }
}

/// Send an invitation again; the link sent before no longer works.
#[utoipa::path(post, path = "/api/v1/invitations/{invitation}/resend", operation_id = "resend_invitation", tag = "organization", params(("invitation" = InvitationId, Path)), responses((status = 200, body = Invitation)))]
pub async fn resend(can: Can<InviteMembers>, Path(id): Path<InvitationId>) -> Result<Answer, Problem> {
    let invitation: Invitation = can.find(keys::invitation(can.tenant(), &id), "invitation").await?;
    check_domain(&can, &invitation).await?;
    let (invitation, commit) = invitation.resend(can.grants(), can.now())?;
    can.commit(commit).await?;
    Ok(Answer::record(&invitation)?)
}

/// Revoke an invitation; its link no longer works.
#[utoipa::path(delete, path = "/api/v1/invitations/{invitation}", operation_id = "revoke_invitation", tag = "organization", params(("invitation" = InvitationId, Path)), responses((status = 204)))]
pub async fn revoke(can: Can<InviteMembers>, Path(id): Path<InvitationId>) -> Result<Answer, Problem> {
    let invitation: Invitation = can.find(keys::invitation(can.tenant(), &id), "invitation").await?;
    let (_, commit) = invitation.revoke(can.grants())?;
    can.commit(commit).await?;
    Ok(Answer::nothing())
}
