use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Path},
};
use domain::{
    id::UserId,
    policy::{ManageMembers, ReadDirectory},
    profile::{Card, Personal},
};

/// A member's card: phone, skills, working hours, and what they did before.
#[utoipa::path(get, path = "/api/v1/members/{member}/card", operation_id = "get_card", tag = "organization", params(("member" = UserId, Path)), responses((status = 200, body = Card)))]
pub async fn card(can: Can<ReadDirectory>, Path(id): Path<UserId>) -> Result<Answer, Problem> {
    let (member, card) = tokio::try_join!(can.find(keys::member(can.tenant(), &id), "member"), can.get(keys::card(can.tenant(), &id)))?;
    Ok(Answer::record(&card.unwrap_or_else(|| Card::blank(&member.user)))?)
}

/// What colleagues do not see of a member.
#[utoipa::path(get, path = "/api/v1/members/{member}/personal", operation_id = "get_personal", tag = "organization", params(("member" = UserId, Path)), responses((status = 200, body = Personal)))]
pub async fn personal(can: Can<ManageMembers>, Path(id): Path<UserId>) -> Result<Answer, Problem> {
    let (member, personal) =
        tokio::try_join!(can.find(keys::member(can.tenant(), &id), "member"), can.get(keys::personal(can.tenant(), &id)))?;
    Ok(Answer::record(&personal.unwrap_or_else(|| Personal::blank(&member.user)))?)
}
