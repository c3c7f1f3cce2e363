use backend::{
    door::Can,
    page::{Page, PageQuery},
    problem::Problem,
    trail::ChangeFilter,
    web::{Answer, List},
};
use domain::{Error, commit::Change, id::UserId, policy::ReadAudit};
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Changes of this record, by its id.
    #[param(max_length = 100, example = "tsk_01k9zt3vw8fqj2m4x6c7b5n0ra")]
    record: Option<String>,
    /// Changes made by this person.
    person: Option<UserId>,
}

/// The trail: who changed what, when, from where, and what it was before and after; the latest first.
///
/// It is written in the transaction of the change itself and cannot be edited. What something was and is, is shown to those who may
/// read it anyway: the trail of invoices without their content to somebody who reads no invoices, and of conversations to nobody.
/// A page may be short; go on while there is a `next`.
#[utoipa::path(get, path = "/api/v1/changes", operation_id = "list_changes", tag = "audit", params(Filter, PageQuery), responses((status = 200, body = Page<Change>)))]
pub async fn list(can: Can<ReadAudit>, List { filter, paging }: List<Filter>) -> Result<Answer, Problem> {
    if filter.record.as_ref().is_some_and(|id| id.is_empty() || id.len() > 100 || id.contains('#')) {
        return Err(Error::invalid("record", "is not an id").into());
    }
    let filter = ChangeFilter { subject: filter.record, user: filter.person };
    let page = can.changes(filter, &paging).await?;
    Ok(Answer::ok(&page.map(|change| change.as_read_with(can.grants())))?)
}
