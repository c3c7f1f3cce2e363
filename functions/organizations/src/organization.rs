use backend::{
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::Problem,
    web::{All, Answer, Body, IfMatch, IfMatchHeader, List},
};
use domain::{
    organization::{Department, Organization, OrganizationEdit},
    policy::{EditOrganization, ReadDirectory, ReadOrganization},
};

/// My organisation.
#[utoipa::path(get, path = "/api/v1/organization", operation_id = "get_organization", tag = "organization", responses((status = 200, body = Organization)))]
pub async fn get(can: Can<ReadOrganization>) -> Result<Answer, Problem> {
    Ok(Answer::record(&can.find(keys::organization(can.tenant()), "organisation").await?)?)
}

/// Edit my organisation.
#[utoipa::path(patch, path = "/api/v1/organization", operation_id = "edit_organization", tag = "organization", params(IfMatchHeader), request_body = OrganizationEdit, responses((status = 200, body = Organization)))]
pub async fn edit(can: Can<EditOrganization>, seen: IfMatch, Body(edit): Body<OrganizationEdit>) -> Result<Answer, Problem> {
    let organization = seen.check(can.find(keys::organization(can.tenant()), "organisation").await?)?;
    let (organization, commit) = organization.edit(edit);
    can.commit(commit).await?;
    Ok(Answer::record(&organization)?)
}

/// The departments.
#[utoipa::path(get, path = "/api/v1/departments", operation_id = "list_departments", tag = "organization", params(PageQuery), responses((status = 200, body = Page<Department>)))]
pub async fn departments(can: Can<ReadDirectory>, list: List<All>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&can.list(keys::departments(can.tenant()), &list.paging, false).await?)?)
}
