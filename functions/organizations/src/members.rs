use backend::{
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::Problem,
    web::{All, Answer, List, Path},
};
use domain::{id::UserId, organization::Membership, policy::ReadDirectory};

/// The directory: everybody in the organisation.
#[utoipa::path(get, path = "/api/v1/members", operation_id = "list_members", tag = "organization", params(PageQuery), responses((status = 200, body = Page<Membership>)))]
pub async fn list(can: Can<ReadDirectory>, list: List<All>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&can.list(keys::members(can.tenant()), &list.paging, false).await?)?)
}

/// One member.
#[utoipa::path(get, path = "/api/v1/members/{member}", operation_id = "get_member", tag = "organization", params(("member" = UserId, Path)), responses((status = 200, body = Membership)))]
pub async fn get(can: Can<ReadDirectory>, Path(member): Path<UserId>) -> Result<Answer, Problem> {
    Ok(Answer::record(&can.find(keys::member(can.tenant(), &member), "member").await?)?)
}
