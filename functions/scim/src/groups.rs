use crate::rights::Rights;
use backend::{
    door::Can,
    keys,
    problem::Problem,
    scim::{ScimBody, ScimQuery},
    web::{Answer, IfMatch, Path},
};
use domain::{
    Error, Result,
    access::Group,
    directory::group_list,
    id::{GroupId, UserId},
    limits,
    organization::{Membership, Standing},
    policy::ProvisionMembers,
    scim::{
        self, ExternalId, Fault, FaultKind, GroupChange, GroupDraft, PatchRequest, Projection, Provisioned, Provisioning, Resource,
        group_view,
    },
    text::Line,
};
use http::StatusCode;
use serde_json::Value;
use std::collections::BTreeSet;

type Scim = Can<ProvisionMembers>;

/// Members whose changes fit one transaction, beside what was known of everybody's rights.
const AT_ONCE: usize = limits::TRANSACTION / 3 - 1;

async fn noted(can: &Scim, id: &GroupId) -> Result<Provisioned> {
    let noted = can.get(keys::provisioned(can.tenant(), id.as_str())).await?;
    Ok(noted.unwrap_or_else(|| Provisioned::none(id)))
}

async fn members(can: &Scim, id: &GroupId) -> Result<Vec<UserId>> {
    let list = keys::members_with(can.tenant(), &group_list(id));
    Ok(can.all(list, limits::SCIM_LIST).await?.into_iter().map(|entry| entry.user).collect())
}

/// A group with those who are in it, where that is asked for.
async fn view(can: &Scim, group: &Group, noted: &Provisioned, projection: &Projection) -> Result<Value> {
    let members = if projection.has("members") { members(can, &group.id).await? } else { Vec::new() };
    Ok(group_view(group, noted, &members, projection))
}

fn answer(status: StatusCode, group: &Group, noted: &Provisioned, view: &Value) -> Result<Answer> {
    Answer::scim_resource(status, Resource::Group, group.id.as_str(), group.version + noted.version, view)
}

async fn check_external(can: &Scim, external: Option<&Line>, id: &GroupId) -> Result<()> {
    let Some(external) = external else { return Ok(()) };
    let named: Option<ExternalId> = can.get(keys::external_id(can.tenant(), Resource::Group, external)).await?;
    match named {
        Some(named) if named.id != id.as_str() => {
            Err(Fault::new(FaultKind::Uniqueness, "there is a group of this externalId already").into())
        }
        _ => Ok(()),
    }
}

/// Groups, all or those that a filter finds.
#[utoipa::path(get, path = "/scim/v2/Groups", operation_id = "scim_list_groups", tag = "scim", params(ScimQuery), responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn list(can: Scim, query: ScimQuery) -> Result<Answer, Problem> {
    let (start, count) = query.page();
    let filter = query.filter()?;
    let groups = can.access().groups.clone();
    let all: Vec<Provisioned> =
        can.get_many(groups.iter().map(|group| keys::provisioned(can.tenant(), group.id.as_str())).collect()).await?;
    let noted = |group: &Group| all.iter().find(|one| one.id == group.id.as_str()).cloned().unwrap_or_else(|| Provisioned::none(&group.id));
    // Members are read for a filter that asks for them, and for the groups of the page
    let asks = query.filter.as_ref().is_some_and(|text| text.to_lowercase().contains("members"));
    let whole = if asks { Projection::default() } else { Projection { excluded: Some("members".to_owned()), ..Projection::default() } };
    let mut found = Vec::new();
    for group in groups {
        let noted = noted(&group);
        let fits = match &filter {
            Some(filter) => filter.fits(&view(&can, &group, &noted, &whole).await?),
            None => true,
        };
        if fits {
            found.push((group, noted));
        }
    }
    let total = found.len();
    let mut page = Vec::new();
    for (group, noted) in found.iter().skip(start - 1).take(count) {
        page.push(view(&can, group, noted, &query.projection()).await?);
    }
    Ok(Answer::scim(StatusCode::OK, &scim::list(page, total, start))?)
}

/// Make a group. It carries nothing until somebody here gives it permissions.
#[utoipa::path(post, path = "/scim/v2/Groups", operation_id = "scim_create_group", tag = "scim", request_body(content = Value, content_type = "application/scim+json"), responses((status = 201, content_type = "application/scim+json", body = Value)))]
pub async fn create(can: Scim, query: ScimQuery, ScimBody(body): ScimBody<Value>) -> Result<Answer, Problem> {
    let draft = GroupDraft::read(&body).map_err(Error::from)?;
    // Asked before anything is made, so that nothing is made by half
    let coming = here(&can, &draft.members).await?;
    coming.iter().try_for_each(|member| Rights::of(&can).manager().may_touch(member))?;
    let id = GroupId::new(can.now(), can.random());
    let everybody: Vec<_> = draft.members.iter().cloned().collect();
    let (draft, everybody, query, id) = (&draft, &everybody, &query, &id);
    let made = can.settle::<_, Error>(|can| async move {
        check_external(&can, draft.external_id.as_ref(), id).await?;
        let rights = Rights::of(&can);
        let provisioning = Provisioning { access: &rights.access, grants: &rights.grants, now: can.now() };
        let (group, noted, commit) = provisioning.create(id.clone(), draft)?;
        let answer = answer(StatusCode::CREATED, &group, &noted, &group_view(&group, &noted, everybody, &query.projection()))?;
        Ok((commit, answer))
    });
    let answer = made.await?;
    regroup(&can, id, &draft.members, true).await?;
    Ok(answer)
}

/// One group.
#[utoipa::path(get, path = "/scim/v2/Groups/{group}", operation_id = "scim_get_group", tag = "scim", params(("group" = GroupId, Path), ScimQuery), responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn get(can: Scim, Path(id): Path<GroupId>, query: ScimQuery) -> Result<Answer, Problem> {
    let group = can.access().find(&id)?;
    let noted = noted(&can, &id).await?;
    Ok(answer(StatusCode::OK, &group, &noted, &view(&can, &group, &noted, &query.projection()).await?)?)
}

/// Those of them who are in the organisation.
async fn present(can: &Scim, ids: impl IntoIterator<Item = &UserId>) -> Result<Vec<Membership>> {
    let members: Vec<Membership> = can.get_many(ids.into_iter().map(|id| keys::member(can.tenant(), id)).collect()).await?;
    Ok(members.into_iter().filter(|member| member.standing != Standing::Removed).collect())
}

/// Refuses whoever is not in the organisation.
async fn here(can: &Scim, ids: &BTreeSet<UserId>) -> Result<Vec<Membership>> {
    let members = present(can, ids).await?;
    match ids.iter().find(|id| !members.iter().any(|member| member.user == **id)) {
        Some(stranger) => Err(Fault::new(FaultKind::InvalidValue, format!("there is no user {stranger}")).into()),
        None => Ok(members),
    }
}

/// Puts members into a group or takes them out, some at a time.
async fn regroup(can: &Scim, id: &GroupId, who: &BTreeSet<UserId>, come: bool) -> Result<()> {
    let who: Vec<_> = who.iter().cloned().collect();
    for some in who.chunks(AT_ONCE) {
        // What was known of everybody's rights is of before the group, or those before these
        let can = can.again().await?;
        can.settle_part(|can| async move { Ok((Rights::of(&can).manager().regroup(id, present(&can, some).await?, come)?, ())) }).await?;
    }
    Ok(())
}

async fn change(can: &Scim, id: &GroupId, seen: IfMatch, query: &ScimQuery, change: GroupChange) -> Result<Answer> {
    // The list of a group follows within moments: whoever shall be in it is looked at themselves
    let before: BTreeSet<UserId> =
        if change.everybody.is_some() { members(can, id).await?.into_iter().collect() } else { change.go.clone() };
    let (_, go) = change.against(&before);
    let come: BTreeSet<UserId> =
        change.everybody.iter().flatten().chain(&change.come).filter(|id| !change.go.contains(*id)).cloned().collect();
    // Asked before anything is done, so that nothing is done by half
    let rights = Rights::of(can);
    let external = change.external_id.as_ref().and_then(Option::as_ref);
    let (known, coming, going, ()) =
        tokio::try_join!(noted(can, id), here(can, &come), present(can, &go), check_external(can, external, id))?;
    seen.check_version("group", rights.access.find(id)?.version + known.version)?;
    Provisioning { access: &rights.access, grants: &rights.grants, now: can.now() }.change(id, &known, &change, false)?;
    let moves = going.iter().any(|member| member.groups.contains(id)) || coming.iter().any(|member| !member.groups.contains(id));
    rights.manager().regroup(id, going, false)?;
    rights.manager().regroup(id, coming, true)?;
    regroup(can, id, &go, false).await?;
    regroup(can, id, &come, true).await?;
    let (change, go, come) = (&change, &go, &come);
    let can = can.again().await?;
    can.settle(|can| async move {
        let rights = Rights::of(&can);
        let noted = noted(&can, id).await?;
        let before = rights.access.find(id)?;
        seen.check_version("group", before.version + noted.version)?;
        check_external(&can, external, id).await?;
        let provisioning = Provisioning { access: &rights.access, grants: &rights.grants, now: can.now() };
        let (group, noted, commit) = provisioning.change(id, &noted, change, moves)?;
        let listed = if query.projection().has("members") { members(&can, id).await? } else { Vec::new() };
        let mut everybody: BTreeSet<UserId> = listed.into_iter().collect();
        everybody.extend(come.iter().cloned());
        everybody.retain(|id| !go.contains(id));
        let everybody: Vec<_> = everybody.into_iter().collect();
        let answer = answer(StatusCode::OK, &group, &noted, &group_view(&group, &noted, &everybody, &query.projection()))?;
        Ok((commit, answer))
    })
    .await
}

/// Replace a group and who is in it.
#[utoipa::path(put, path = "/scim/v2/Groups/{group}", operation_id = "scim_replace_group", tag = "scim", params(("group" = GroupId, Path)), request_body(content = Value, content_type = "application/scim+json"), responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn replace(
    can: Scim,
    Path(id): Path<GroupId>,
    seen: IfMatch,
    query: ScimQuery,
    ScimBody(body): ScimBody<Value>,
) -> Result<Answer, Problem> {
    let draft = GroupDraft::read(&body).map_err(Error::from)?;
    Ok(change(&can, &id, seen, &query, draft.into()).await?)
}

/// Change a group by operations, as Entra ID and Okta write them.
#[utoipa::path(patch, path = "/scim/v2/Groups/{group}", operation_id = "scim_patch_group", tag = "scim", params(("group" = GroupId, Path)), request_body(content = Value, content_type = "application/scim+json"), responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn patch(
    can: Scim,
    Path(id): Path<GroupId>,
    seen: IfMatch,
    query: ScimQuery,
    ScimBody(patch): ScimBody<PatchRequest>,
) -> Result<Answer, Problem> {
    let operations = patch.checked().map_err(Error::from)?.operations;
    Ok(change(&can, &id, seen, &query, GroupChange::read(&operations).map_err(Error::from)?).await?)
}

/// Delete a group; its members lose what it gave.
#[utoipa::path(delete, path = "/scim/v2/Groups/{group}", operation_id = "scim_delete_group", tag = "scim", params(("group" = GroupId, Path)), responses((status = 204)))]
pub async fn delete(can: Scim, Path(id): Path<GroupId>, seen: IfMatch) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move {
        let rights = Rights::of(&can);
        let noted = noted(&can, id).await?;
        seen.check_version("group", rights.access.find(id)?.version + noted.version)?;
        let provisioning = Provisioning { access: &rights.access, grants: &rights.grants, now: can.now() };
        Ok((provisioning.delete(id, &noted)?, Answer::nothing()))
    })
    .await
}
