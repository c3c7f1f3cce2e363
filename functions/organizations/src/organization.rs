use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader},
};
use domain::{
    organization::{JoiningDraft, Organization, OrganizationEdit},
    policy::{EditOrganization, Grant, ReadOrganization},
};

/// My organisation.
///
/// Guests are shown its letterhead, by `auth/verify`.
#[utoipa::path(get, path = "/api/v1/organization", operation_id = "get_organization", tag = "organization", responses((status = 200, body = Organization)))]
pub async fn get(can: Can<ReadOrganization>) -> Result<Answer, Problem> {
    let mut organization: Organization = can.find(keys::organization(can.tenant()), "organisation").await?;
    // The code lets people in
    organization.joining = organization.joining.filter(|_| can.grants().allow(Grant::EditOrganization));
    Ok(Answer::record(&organization)?)
}

/// Edit my organisation.
#[utoipa::path(patch, path = "/api/v1/organization", operation_id = "edit_organization", tag = "organization", params(IfMatchHeader), request_body = OrganizationEdit, responses((status = 200, body = Organization)))]
pub async fn edit(can: Can<EditOrganization>, seen: IfMatch, Body(edit): Body<OrganizationEdit>) -> Result<Answer, Problem> {
    let edit = &edit;
    can.settle(|can| async move {
        let organization = seen.check(can.find(keys::organization(can.tenant()), "organisation").await?)?;
        let (organization, commit) = organization.edit(edit.clone());
        Ok((commit, Answer::record(&organization)?))
    })
    .await
}

/// Give the organisation a new code to join by; the one before no longer works.
#[utoipa::path(post, path = "/api/v1/organization/join-code", operation_id = "open_joining", tag = "organization", request_body = JoiningDraft, responses((status = 200, body = Organization)))]
pub async fn open_joining(can: Can<EditOrganization>, Body(draft): Body<JoiningDraft>) -> Result<Answer, Problem> {
    let draft = &draft;
    can.settle(|can| async move {
        let organization: Organization = can.find(keys::organization(can.tenant()), "organisation").await?;
        let (organization, commit) = organization.open_joining(draft.clone(), can.random())?;
        Ok((commit, Answer::record(&organization)?))
    })
    .await
}

/// Nobody joins by a code any more; those who asked before can still be approved.
#[utoipa::path(delete, path = "/api/v1/organization/join-code", operation_id = "close_joining", tag = "organization", responses((status = 204)))]
pub async fn close_joining(can: Can<EditOrganization>) -> Result<Answer, Problem> {
    can.settle(|can| async move {
        let organization: Organization = can.find(keys::organization(can.tenant()), "organisation").await?;
        let (_, commit) = organization.close_joining();
        Ok((commit, Answer::nothing()))
    })
    .await
}
