use crate::tenant::Noted;
use backend::{
    page::{Page, PageQuery},
    platform::Operator,
    problem::Problem,
    web::{Answer, Body, List},
};
use domain::{
    Error,
    error::Fault,
    limits,
    platform::{ManageTenants, ReadTenants},
    tenant::{TenantDraft, TenantView, found_for},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TenantFilter {
    /// An organisation's id, or words with which its name, or an owner's name or address, begin.
    #[param(max_length = 100, example = "acme")]
    text: Option<String>,
}

/// The organisations, the latest first, or those that are looked for.
#[utoipa::path(get, path = "/api/v1/platform/tenants", operation_id = "list_tenants", tag = "platform", params(TenantFilter, PageQuery), security(("operator" = [])), responses((status = 200, body = Page<TenantView>)))]
pub async fn list(operator: Operator<ReadTenants>, List { filter, paging }: List<TenantFilter>) -> Result<Answer, Problem> {
    if filter.text.as_ref().is_some_and(|text| text.chars().count() > limits::SEARCH_TEXT) {
        let message = format!("has more than {} characters", limits::SEARCH_TEXT);
        return Err(Error::Invalid(vec![Fault { field: "text".to_owned(), message }]).into());
    }
    Ok(Answer::ok(&operator.tenants(filter.text.as_deref(), &paging).await?)?)
}

/// Make an organisation for somebody, who gets an invitation to own it.
#[utoipa::path(post, path = "/api/v1/platform/tenants", operation_id = "create_tenant", tag = "platform", request_body = TenantDraft, security(("operator" = [])), responses((status = 201, body = Noted)))]
pub async fn create(operator: Operator<ManageTenants>, Body(draft): Body<TenantDraft>) -> Result<Answer, Problem> {
    let (house, act) = found_for(draft, operator.now(), || operator.random())?;
    let tenant = operator.tenant(&house.organization.id)?;
    let made = Noted::new(&house, Vec::new(), None);
    let answer = Answer::versioned(house.dossier.version, &made)?.at(format_args!("/api/v1/platform/tenants/{}", tenant.id()));
    let given = operator.act(&tenant, act, Some(answer)).await?;
    Ok(given.ok_or_else(|| Error::internal("an answer was lost on its way"))?)
}
