use crate::departments::check_department;
use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Error, Result,
    access::Access,
    commit::Commit,
    id::UserId,
    management::{Manager, MemberEdit},
    organization::Membership,
    policy::{HandOver, ManageMembers, Permission, ReadDirectory, Reads, Role},
    settings::Settings,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// One member; somebody who has left is still shown as the author of what they wrote.
#[utoipa::path(get, path = "/api/v1/members/{member}", operation_id = "get_member", tag = "organization", params(("member" = UserId, Path)), responses((status = 200, body = Membership)))]
pub async fn get(can: Can<ReadDirectory>, Path(member): Path<UserId>) -> Result<Answer, Problem> {
    let member: Membership = can.find(keys::member(can.tenant(), &member), "member").await?;
    Ok(Answer::record(&member.as_known(can.access()))?)
}

/// Change what a member is and may: built-in role, roles of the organisation's own, groups, department.
///
/// It holds at their next request, and their open sockets close. Nobody gives or takes what they have not themselves,
/// and the last owner stays.
#[utoipa::path(patch, path = "/api/v1/members/{member}", operation_id = "edit_member", tag = "organization", params(("member" = UserId, Path), IfMatchHeader), request_body = MemberEdit, responses((status = 200, body = Membership)))]
pub async fn edit(can: Can<ManageMembers>, Path(id): Path<UserId>, seen: IfMatch, Body(edit): Body<MemberEdit>) -> Result<Answer, Problem> {
    let (id, edit) = (&id, &edit);
    can.settle(|can| async move {
        check_department(&can, edit.department.as_ref().and_then(Option::as_ref)).await?;
        let member = find(&can, id, seen).await?;
        if edit.role == Some(Role::Owner) && member.role != Role::Owner {
            check_arrived(&can, &member, "/role").await?;
        }
        // Guests are from outside, and whoever is one no more is not
        if let Some(role) = edit.role.filter(|_| member.role == Role::Guest) {
            check_allowed(&can, &member, role).await?;
        }
        let everyone = match edit.role {
            Some(_) => can.get(keys::everyone(can.tenant())).await?,
            None => None,
        };
        shown(manager(&can).edit(member, edit.clone(), everyone.as_ref(), can.now())?)
    })
    .await
}

/// Refuses whoever has an address that the organisation does not allow in this role.
async fn check_allowed(can: &Can<ManageMembers>, member: &Membership, role: Role) -> Result<()> {
    let settings: Option<Settings> = can.get(keys::settings(can.tenant())).await?;
    match settings.unwrap_or_default().admits(&member.email, role) {
        true => Ok(()),
        false => Err(Error::Conflict("the address is at none of the domains this organisation allows".to_owned())),
    }
}

/// Nobody owns an organisation who never came to it: it would be nobody's.
async fn check_arrived<P: Permission + Reads<Membership> + Reads<Access>>(can: &Can<P>, member: &Membership, field: &str) -> Result<()> {
    match can.has_arrived(member).await? {
        true => Ok(()),
        false => Err(Error::invalid(field, "makes somebody an owner who has never logged in")),
    }
}

async fn find(can: &Can<ManageMembers>, id: &UserId, seen: IfMatch) -> Result<Membership> {
    seen.check(can.find(keys::member(can.tenant(), id), "member").await?)
}

fn manager(can: &Can<ManageMembers>) -> Manager<'_> {
    Manager { access: can.access(), grants: can.grants() }
}

fn shown((member, commit): (Membership, Commit)) -> Result<(Commit, Answer)> {
    let answer = Answer::record(&member)?;
    Ok((commit, answer))
}

/// Lock a member out: logged out everywhere at once, and still the author of what they wrote.
#[utoipa::path(post, path = "/api/v1/members/{member}/deactivate", operation_id = "deactivate_member", tag = "organization", params(("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Membership)))]
pub async fn deactivate(can: Can<ManageMembers>, Path(id): Path<UserId>, seen: IfMatch) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move { shown(manager(&can).deactivate(find(&can, id, seen).await?)?) }).await
}

/// Let a deactivated member in again, if their address is still one the organisation allows.
#[utoipa::path(post, path = "/api/v1/members/{member}/reactivate", operation_id = "reactivate_member", tag = "organization", params(("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Membership)))]
pub async fn reactivate(can: Can<ManageMembers>, Path(id): Path<UserId>, seen: IfMatch) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move {
        let member = find(&can, id, seen).await?;
        // Meanwhile the address may have become another
        check_allowed(&can, &member, member.role).await?;
        shown(manager(&can).reactivate(member, can.now())?)
    })
    .await
}

/// Take a member out of the organisation. What they wrote keeps their name; they can be invited again.
#[utoipa::path(delete, path = "/api/v1/members/{member}", operation_id = "remove_member", tag = "organization", params(("member" = UserId, Path), IfMatchHeader), responses((status = 204)))]
pub async fn remove(can: Can<ManageMembers>, Path(id): Path<UserId>, seen: IfMatch) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move {
        let member = find(&can, id, seen).await?;
        let places = can.places_of(&member).await?;
        let (_, commit) = manager(&can).remove(member, places, can.now())?;
        Ok((commit, Answer::nothing()))
    })
    .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Successor {
    to: UserId,
}

/// Hand the organisation over: somebody else owns it, and you are an administrator of it from then on.
#[utoipa::path(post, path = "/api/v1/organization/hand-over", operation_id = "hand_over_organization", tag = "organization", request_body = Successor, responses((status = 200, body = Membership)))]
pub async fn hand_over(can: Can<HandOver>, Body(successor): Body<Successor>) -> Result<Answer, Problem> {
    let to = &successor.to;
    can.settle(|can| async move {
        let to: Option<Membership> = can.get(keys::member(can.tenant(), to)).await?;
        let to = to.ok_or_else(|| Error::invalid("/to", "is nobody who works here"))?;
        check_arrived(&can, &to, "/to").await?;
        let manager = Manager { access: can.access(), grants: can.grants() };
        shown(manager.hand_over(can.membership().clone(), to)?)
    })
    .await
}
