use backend::{
    keys,
    platform::Operator,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Error, Result, Timestamp,
    access::Access,
    commit::Kept,
    id::{InvitationId, OrganizationId},
    invitation::Invitation,
    limits,
    organization::{Membership, Organization},
    platform::{ManageTenants, ReadTenants, Sees},
    removal::{RemovalDraft, Tombstone},
    tenant::{Act, Dossier, House, Owner, OwnerDraft, SuspensionDraft, TenantEdit, TenantView},
    text::Markdown,
    usage::Usage,
};
use serde::Serialize;
use utoipa::ToSchema;

/// An organisation, and what operators noted of it, which it does not see.
#[derive(Serialize, ToSchema)]
pub struct Noted {
    tenant: TenantView,
    note: Markdown,
}

impl Noted {
    pub(crate) fn new(house: &House, owners: Vec<Owner>, active: Option<Timestamp>) -> Self {
        Self { tenant: house.view(owners, active), note: house.dossier.note.clone() }
    }

    /// Of what was noted of an organisation nothing outlasts it.
    fn of(tombstone: &Tombstone) -> Self {
        Self { tenant: tombstone.tenant_view(), note: Markdown::none() }
    }
}

/// One organisation: its state, its owners and its figures; of one that was removed, when and why. Its `ETag` rises with what
/// operators do.
#[utoipa::path(get, path = "/api/v1/platform/tenants/{organization}", operation_id = "get_tenant", tag = "platform", params(("organization" = OrganizationId, Path)), security(("operator" = [])), responses((status = 200, body = Noted)))]
pub async fn get(operator: Operator<ReadTenants>, Path(id): Path<OrganizationId>) -> Result<Answer, Problem> {
    let house = match operator.house(&id).await {
        Err(Error::NotFound(what)) => {
            let tombstone: Tombstone = operator.get(keys::tombstone(&id)).await?.ok_or(Error::NotFound(what))?;
            return Ok(Answer::versioned(tombstone.version, &Noted::of(&tombstone))?);
        }
        other => other?,
    };
    shown(&operator, &house).await
}

async fn shown<D: Sees<Organization> + Sees<Access> + Sees<Dossier> + Sees<Membership> + Sees<Usage>>(
    operator: &Operator<D>,
    house: &House,
) -> Result<Answer, Problem> {
    let (owners, active) = tokio::try_join!(operator.owners(house), operator.last_active(house))?;
    Ok(Answer::versioned(house.dossier.version, &Noted::new(house, owners, active))?)
}

/// Does something to an organisation as it is now, and decides anew when it, or another operator, was quicker.
async fn act(
    operator: &Operator<ManageTenants>,
    id: &OrganizationId,
    seen: IfMatch,
    rule: impl Fn(&House) -> Result<Act>,
) -> Result<Answer, Problem> {
    let tenant = operator.tenant(id)?;
    for tries in 0..limits::RACE_TRIES {
        let house = operator.house(id).await?;
        seen.check_version(Dossier::KIND, house.dossier.version)?;
        match operator.act(&tenant, rule(&house)?, None).await {
            Err(Error::Stale { .. } | Error::Conflict(_) | Error::NotFound(_)) => operator.step_aside(tries).await,
            other => {
                other?;
                let house = operator.house(id).await?;
                return shown(operator, &house).await;
            }
        }
    }
    Err(Error::Busy("the organisation keeps changing".into()).into())
}

/// Edit an organisation's name, its expected users, its quota and the note of it.
#[utoipa::path(patch, path = "/api/v1/platform/tenants/{organization}", operation_id = "edit_tenant", tag = "platform", params(("organization" = OrganizationId, Path), IfMatchHeader), request_body = TenantEdit, security(("operator" = [])), responses((status = 200, body = Noted)))]
pub async fn edit(
    operator: Operator<ManageTenants>,
    Path(id): Path<OrganizationId>,
    seen: IfMatch,
    Body(edit): Body<TenantEdit>,
) -> Result<Answer, Problem> {
    act(&operator, &id, seen, |house| house.edit(edit.clone())).await
}

/// Suspend an organisation: from its next request on it can be read and changes nothing, nobody joins, and nothing is sent for it.
/// Its members are told the reason.
#[utoipa::path(post, path = "/api/v1/platform/tenants/{organization}/suspend", operation_id = "suspend_tenant", tag = "platform", params(("organization" = OrganizationId, Path), IfMatchHeader), request_body = SuspensionDraft, security(("operator" = [])), responses((status = 200, body = Noted)))]
pub async fn suspend(
    operator: Operator<ManageTenants>,
    Path(id): Path<OrganizationId>,
    seen: IfMatch,
    Body(draft): Body<SuspensionDraft>,
) -> Result<Answer, Problem> {
    act(&operator, &id, seen, |house| house.suspend(draft.reason.clone(), operator.now())).await
}

/// Let a suspended organisation work again.
#[utoipa::path(post, path = "/api/v1/platform/tenants/{organization}/resume", operation_id = "resume_tenant", tag = "platform", params(("organization" = OrganizationId, Path), IfMatchHeader), security(("operator" = [])), responses((status = 200, body = Noted)))]
pub async fn resume(operator: Operator<ManageTenants>, Path(id): Path<OrganizationId>, seen: IfMatch) -> Result<Answer, Problem> {
    act(&operator, &id, seen, House::resume).await
}

/// Plan the removal of an organisation. From its next request on it can be read and changes nothing, and its owners are told by mail.
/// After thirty days everything it has is removed; until then it can be kept.
#[utoipa::path(post, path = "/api/v1/platform/tenants/{organization}/remove", operation_id = "remove_tenant", tag = "platform", params(("organization" = OrganizationId, Path), IfMatchHeader), request_body = RemovalDraft, security(("operator" = [])), responses((status = 200, body = Noted)))]
pub async fn remove(
    operator: Operator<ManageTenants>,
    Path(id): Path<OrganizationId>,
    seen: IfMatch,
    Body(draft): Body<RemovalDraft>,
) -> Result<Answer, Problem> {
    act(&operator, &id, seen, |house| house.remove(draft.reason.clone(), operator.now())).await
}

/// Keep an organisation that was to be removed, whoever asked for that. What was suspended before is so again.
#[utoipa::path(post, path = "/api/v1/platform/tenants/{organization}/keep", operation_id = "keep_tenant", tag = "platform", params(("organization" = OrganizationId, Path), IfMatchHeader), security(("operator" = [])), responses((status = 200, body = Noted)))]
pub async fn keep(operator: Operator<ManageTenants>, Path(id): Path<OrganizationId>, seen: IfMatch) -> Result<Answer, Problem> {
    act(&operator, &id, seen, House::keep).await
}

/// Invite somebody to own an organisation that nobody owns yet. An invitation that was sent before no longer works.
#[utoipa::path(post, path = "/api/v1/platform/tenants/{organization}/invite-owner", operation_id = "invite_owner", tag = "platform", params(("organization" = OrganizationId, Path), IfMatchHeader), request_body = OwnerDraft, security(("operator" = [])), responses((status = 200, body = Noted)))]
pub async fn invite_owner(
    operator: Operator<ManageTenants>,
    Path(id): Path<OrganizationId>,
    seen: IfMatch,
    Body(draft): Body<OwnerDraft>,
) -> Result<Answer, Problem> {
    let tenant = operator.tenant(&id)?;
    let mut sent: Vec<Invitation> = operator.all(keys::invitations(&tenant), limits::PAGE_MOST).await?;
    sent.retain(|invitation| invitation.is_open(operator.now()));
    let invitation = InvitationId::new(operator.now(), operator.random());
    act(&operator, &id, seen, |house| house.invite_owner(invitation.clone(), draft.email.clone(), sent.clone(), operator.now())).await
}
