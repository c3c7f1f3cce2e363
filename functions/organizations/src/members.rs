use crate::departments::check_department;
use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Error, Result,
    access::{Manager, MemberEdit, leave as left},
    commit::Commit,
    id::UserId,
    organization::Membership,
    policy::{HandOver, ManageMembers, ReadDirectory, UseAccount},
};
use serde::Deserialize;
use utoipa::ToSchema;

/// One member; somebody who has left is still shown as the author of what they wrote.
#[utoipa::path(get, path = "/api/v1/members/{member}", operation_id = "get_member", tag = "organization", params(("member" = UserId, Path)), responses((status = 200, body = Membership)))]
pub async fn get(can: Can<ReadDirectory>, Path(member): Path<UserId>) -> Result<Answer, Problem> {
    Ok(Answer::record(&can.find(keys::member(can.tenant(), &member), "member").await?)?)
}

/// Change what a member is and may: built-in role, roles of the organisation's own, groups, department.
///
/// It holds at their next request, and their open sockets close. Nobody gives or takes what they have not themselves,
/// and the last owner stays.
#[utoipa::path(patch, path = "/api/v1/members/{member}", operation_id = "edit_member", tag = "organization", params(("member" = UserId, Path), IfMatchHeader), request_body = MemberEdit, responses((status = 200, body = Membership)))]
pub async fn edit(can: Can<ManageMembers>, Path(id): Path<UserId>, seen: IfMatch, Body(edit): Body<MemberEdit>) -> Result<Answer, Problem> {
    check_department(&can, edit.department.as_ref().and_then(Option::as_ref)).await?;
    let member = seen.check(can.find(keys::member(can.tenant(), &id), "member").await?)?;
    let everyone = match edit.role {
        Some(_) => can.get(keys::everyone(can.tenant())).await?,
        None => None,
    };
    settle(&can, manager(&can).edit(member, edit, everyone.as_ref(), can.now())?).await
}

fn manager(can: &Can<ManageMembers>) -> Manager<'_> {
    Manager { access: can.access(), grants: can.grants() }
}

async fn settle(can: &Can<ManageMembers>, (member, commit): (Membership, Commit)) -> Result<Answer, Problem> {
    can.commit(commit).await?;
    Ok(Answer::record(&member)?)
}

/// Lock a member out: logged out everywhere at once, and still the author of what they wrote.
#[utoipa::path(post, path = "/api/v1/members/{member}/deactivate", operation_id = "deactivate_member", tag = "organization", params(("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Membership)))]
pub async fn deactivate(can: Can<ManageMembers>, Path(id): Path<UserId>, seen: IfMatch) -> Result<Answer, Problem> {
    let member = seen.check(can.find(keys::member(can.tenant(), &id), "member").await?)?;
    settle(&can, manager(&can).deactivate(member)?).await
}

/// Let a deactivated member in again.
#[utoipa::path(post, path = "/api/v1/members/{member}/reactivate", operation_id = "reactivate_member", tag = "organization", params(("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Membership)))]
pub async fn reactivate(can: Can<ManageMembers>, Path(id): Path<UserId>, seen: IfMatch) -> Result<Answer, Problem> {
    let member = seen.check(can.find(keys::member(can.tenant(), &id), "member").await?)?;
    settle(&can, manager(&can).reactivate(member, can.now())?).await
}

/// Take a member out of the organisation. What they wrote keeps their name; they can be invited again.
#[utoipa::path(delete, path = "/api/v1/members/{member}", operation_id = "remove_member", tag = "organization", params(("member" = UserId, Path), IfMatchHeader), responses((status = 204)))]
pub async fn remove(can: Can<ManageMembers>, Path(id): Path<UserId>, seen: IfMatch) -> Result<Answer, Problem> {
    let member = seen.check(can.find(keys::member(can.tenant(), &id), "member").await?)?;
    let places = can.places_of(&member).await?;
    settle(&can, manager(&can).remove(member, places, can.now())?).await?;
    Ok(Answer::nothing())
}

/// Leave the organisation. Its last owner hands it over first.
#[utoipa::path(post, path = "/api/v1/organization/leave", operation_id = "leave_organization", tag = "organization", responses((status = 204)))]
pub async fn leave(can: Can<UseAccount>) -> Result<Answer, Problem> {
    let places = can.places_of(can.membership()).await?;
    can.commit(left(can.access(), can.membership().clone(), places, can.now())?).await?;
    Ok(Answer::nothing())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Successor {
    to: UserId,
}

/// Hand the organisation over: somebody else owns it, and you are an administrator of it from then on.
#[utoipa::path(post, path = "/api/v1/organization/hand-over", operation_id = "hand_over_organization", tag = "organization", request_body = Successor, responses((status = 200, body = Membership)))]
pub async fn hand_over(can: Can<HandOver>, Body(successor): Body<Successor>) -> Result<Answer, Problem> {
    let to: Membership =
        can.get(keys::member(can.tenant(), &successor.to)).await?.ok_or_else(|| Error::invalid("/to", "is nobody who works here"))?;
    let manager = Manager { access: can.access(), grants: can.grants() };
    let (owner, commit) = manager.hand_over(can.membership().clone(), to)?;
    can.commit(commit).await?;
    Ok(Answer::record(&owner)?)
}
