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
    directory::MemberMail,
    id::UserId,
    limits,
    organization::{Membership, Standing},
    policy::ProvisionMembers,
    scim::{self, ExternalId, Fault, FaultKind, Filter, PatchRequest, Provision, Provisioned, Resource, UserDraft, user_view},
    structure::Structure,
    text::Email,
};
use http::StatusCode;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

type Scim = Can<ProvisionMembers>;

/// Somebody who is in the organisation.
async fn find(can: &Scim, id: &UserId) -> Result<(Membership, Provisioned)> {
    let member: Option<Membership> = can.get(keys::member(can.tenant(), id)).await?;
    let member = member.filter(|member| member.standing != Standing::Removed).ok_or(Error::NotFound("user"))?;
    let noted = can.get(keys::provisioned(can.tenant(), id.as_str())).await?;
    Ok((member, noted.unwrap_or_else(|| Provisioned::none(id))))
}

fn provision<'a>(can: &'a Scim, rights: &'a Rights, structure: &'a Structure) -> Provision<'a> {
    Provision { manager: rights.manager(), by: can.user(), organization: can.tenant().id(), structure, now: can.now() }
}

/// The departments, where a directory says something new of one.
async fn structure_for(can: &Scim, draft: &UserDraft, noted: &Provisioned) -> Result<Structure> {
    match draft.department == noted.department {
        true => Ok(Structure::default()),
        false => can.find(keys::structure(can.tenant()), "structure").await,
    }
}

/// Refuses an external id that names somebody else.
fn unique(named: Option<ExternalId>, id: &UserId) -> Result<()> {
    match named {
        Some(named) if named.id != id.as_str() => {
            Err(Fault::new(FaultKind::Uniqueness, "there is a user of this externalId already").into())
        }
        _ => Ok(()),
    }
}

fn answer(status: StatusCode, member: &Membership, noted: &Provisioned, rights: &Rights, query: &ScimQuery) -> Result<Answer> {
    let view = query.projection().of(user_view(member, noted, &rights.access));
    Answer::scim_resource(status, Resource::User, member.user.as_str(), member.version + noted.version, &view)
}

/// Those whom a filter can be about at all, where it names somebody.
async fn named(can: &Scim, filter: &Filter) -> Result<Option<Vec<UserId>>> {
    if let Some(id) = filter.demands("id") {
        return Ok(Some(id.parse().ok().into_iter().collect()));
    }
    if let Some(address) = filter.demands("username").or_else(|| filter.demands("emails")) {
        let Ok(email) = address.parse::<Email>() else { return Ok(Some(Vec::new())) };
        // Whom the directory knows by an address has it here, whatever their account has by now
        let (account, known) = tokio::try_join!(can.account_of(&email), can.get(keys::member_mail(can.tenant(), &email)))?;
        let ids: BTreeSet<_> = account.map(|owner| owner.user).into_iter().chain(known.map(|known| known.user)).collect();
        return Ok(Some(ids.into_iter().collect()));
    }
    if let Some(external) = filter.demands("externalid") {
        let Ok(external) = external.parse() else { return Ok(Some(Vec::new())) };
        let named: Option<ExternalId> = can.get(keys::external_id(can.tenant(), Resource::User, &external)).await?;
        return Ok(Some(named.and_then(|named| named.id.parse().ok()).into_iter().collect()));
    }
    Ok(None)
}

/// Everybody, by the lists of the directory, which hold no more than who they are.
async fn everybody(can: &Scim) -> Result<Vec<UserId>> {
    let mut all = Vec::new();
    for standing in [Standing::Active, Standing::Deactivated] {
        let list = keys::members_with(can.tenant(), &format!("standing:{}", standing.as_str()));
        all.extend(can.all(list, limits::SCIM_LIST + 1 - all.len()).await?.into_iter().map(|entry| entry.user));
        if all.len() > limits::SCIM_LIST {
            let detail = format!("there are more than {} users; ask for some of them by a filter", limits::SCIM_LIST);
            return Err(Fault::new(FaultKind::TooMany, detail).into());
        }
    }
    Ok(all)
}

async fn views(can: &Scim, rights: &Rights, ids: &[UserId]) -> Result<Vec<Value>> {
    let members: Vec<Membership> = can.get_many(ids.iter().map(|id| keys::member(can.tenant(), id)).collect()).await?;
    let noted: Vec<Provisioned> = can.get_many(ids.iter().map(|id| keys::provisioned(can.tenant(), id.as_str())).collect()).await?;
    let noted: HashMap<_, _> = noted.into_iter().map(|noted| (noted.id.clone(), noted)).collect();
    let here = members.into_iter().filter(|member| member.standing != Standing::Removed);
    let view = |member: Membership| {
        let none = || Provisioned::none(&member.user);
        user_view(&member, &noted.get(member.user.as_str()).cloned().unwrap_or_else(none), &rights.access)
    };
    Ok(here.map(view).collect())
}

/// Users, all or those that a filter finds.
///
/// A filter that names somebody (`userName`, `emails`, `externalId` or `id` with `eq`) is cheap in any organisation. Any other
/// looks at everybody, and is refused with `tooMany` where that is more than a thousand. Pages follow a change within moments.
#[utoipa::path(get, path = "/scim/v2/Users", operation_id = "scim_list_users", tag = "scim", params(ScimQuery), responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn list(can: Scim, query: ScimQuery) -> Result<Answer, Problem> {
    let (start, count) = query.page();
    let filter = query.filter()?;
    let rights = Rights::of(&can);
    let ids = match &filter {
        Some(filter) => match named(&can, filter).await? {
            Some(ids) => ids,
            None => some(everybody(&can).await?)?,
        },
        None => everybody(&can).await?,
    };
    let page = |length: usize| (start - 1).min(length)..(start - 1).saturating_add(count).min(length);
    let (total, found) = match &filter {
        Some(filter) => {
            let mut found = views(&can, &rights, &ids).await?;
            found.retain(|view| filter.fits(view));
            (found.len(), found[page(found.len())].to_vec())
        }
        None => (ids.len(), views(&can, &rights, &ids[page(ids.len())]).await?),
    };
    let projection = query.projection();
    let found = found.into_iter().map(|view| projection.of(view)).collect();
    Ok(Answer::scim(StatusCode::OK, &scim::list(found, total, start))?)
}

fn some(ids: Vec<UserId>) -> Result<Vec<UserId>> {
    if ids.len() <= limits::SCIM_SCAN {
        return Ok(ids);
    }
    let detail = format!("the filter names nobody, and more than {} users would have to be looked at", limits::SCIM_SCAN);
    Err(Fault::new(FaultKind::TooMany, detail).into())
}

/// The member that an address leads to.
async fn whoever(can: &Scim, known: Option<MemberMail>) -> Result<Option<Membership>> {
    match known {
        Some(known) => can.get(keys::member(can.tenant(), &known.user)).await,
        None => Ok(None),
    }
}

/// Make somebody a member. They are told by mail when they are let in; who has no account yet chooses a password by its link.
///
/// `userName` is the address; `emails` follow it, and what is said of them is ignored. A `department` that is not there by this name,
/// or that several have, is kept as it was said and puts the user into none.
#[utoipa::path(post, path = "/scim/v2/Users", operation_id = "scim_create_user", tag = "scim", request_body(content = Value, content_type = "application/scim+json"), responses((status = 201, content_type = "application/scim+json", body = Value)))]
pub async fn create(can: Scim, query: ScimQuery, ScimBody(body): ScimBody<Value>) -> Result<Answer, Problem> {
    let draft = UserDraft::read(&body).map_err(Error::from)?;
    let id = UserId::new(can.now(), can.random());
    let (id, draft, query) = (&id, &draft, &query);
    can.settle(|can| async move {
        let rights = Rights::of(&can);
        let external = draft.external_id.as_ref().map(|external| keys::external_id(can.tenant(), Resource::User, external));
        let external = async {
            match external {
                Some(external) => can.get(external).await,
                None => Ok(None),
            }
        };
        let (account, everyone, external, known) = tokio::try_join!(
            can.account_of(&draft.email),
            can.get(keys::everyone(can.tenant())),
            external,
            can.get(keys::member_mail(can.tenant(), &draft.email))
        )?;
        let user = account.as_ref().map_or_else(|| id.clone(), |owner| owner.user.clone());
        let (before, noted, known) = match account.is_some() || known.is_some() {
            true => tokio::try_join!(
                can.get(keys::member(can.tenant(), &user)),
                can.get(keys::provisioned(can.tenant(), user.as_str())),
                whoever(&can, known.filter(|known| known.user != user))
            )?,
            false => (None, None, None),
        };
        // Somebody else whom the directory knows by it, and whose account has another address
        if known.is_some_and(|known| known.email == draft.email && known.standing != Standing::Removed) {
            return Err(Fault::new(FaultKind::Uniqueness, "there is a user of this userName already").into());
        }
        unique(external, &user)?;
        let noted = noted.unwrap_or_else(|| Provisioned::none(&user));
        let structure = structure_for(&can, draft, &noted).await?;
        let (member, noted, commit) =
            provision(&can, &rights, &structure).create(draft, account, id.clone(), before, &noted, everyone.as_ref())?;
        Ok((commit, answer(StatusCode::CREATED, &member, &noted, &rights, query)?))
    })
    .await
}

/// One user.
#[utoipa::path(get, path = "/scim/v2/Users/{user}", operation_id = "scim_get_user", tag = "scim", params(("user" = UserId, Path), ScimQuery), responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn get(can: Scim, Path(id): Path<UserId>, query: ScimQuery) -> Result<Answer, Problem> {
    let (member, noted) = find(&can, &id).await?;
    let rights = Rights::of(&can);
    Ok(answer(StatusCode::OK, &member, &noted, &rights, &query)?)
}

/// Makes somebody what a draft says, which may depend on what they are.
async fn change(can: &Scim, id: &UserId, seen: IfMatch, query: &ScimQuery, draft: impl Fn(Value) -> Result<UserDraft>) -> Result<Answer> {
    let draft = &draft;
    can.settle(|can| async move {
        let rights = Rights::of(&can);
        let (member, noted) = find(&can, id).await?;
        seen.check_version("user", member.version + noted.version)?;
        let draft = draft(user_view(&member, &noted, &rights.access))?;
        if let Some(external) = draft.external_id.as_ref().filter(|external| noted.external_id.as_ref() != Some(external)) {
            unique(can.get(keys::external_id(can.tenant(), Resource::User, external)).await?, id)?;
        }
        let structure = structure_for(&can, &draft, &noted).await?;
        let (member, noted, commit) = provision(&can, &rights, &structure).change(member, &noted, &draft)?;
        Ok((commit, answer(StatusCode::OK, &member, &noted, &rights, query)?))
    })
    .await
}

/// Replace a user: who is not `active` is logged out everywhere and let in no more.
#[utoipa::path(put, path = "/scim/v2/Users/{user}", operation_id = "scim_replace_user", tag = "scim", params(("user" = UserId, Path)), request_body(content = Value, content_type = "application/scim+json"), responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn replace(
    can: Scim,
    Path(id): Path<UserId>,
    seen: IfMatch,
    query: ScimQuery,
    ScimBody(body): ScimBody<Value>,
) -> Result<Answer, Problem> {
    let draft = UserDraft::read(&body).map_err(Error::from)?;
    Ok(change(&can, &id, seen, &query, |_| Ok(draft.clone())).await?)
}

/// Change a user by operations, as Entra ID and Okta write them.
#[utoipa::path(patch, path = "/scim/v2/Users/{user}", operation_id = "scim_patch_user", tag = "scim", params(("user" = UserId, Path)), request_body(content = Value, content_type = "application/scim+json"), responses((status = 200, content_type = "application/scim+json", body = Value)))]
pub async fn patch(
    can: Scim,
    Path(id): Path<UserId>,
    seen: IfMatch,
    query: ScimQuery,
    ScimBody(patch): ScimBody<PatchRequest>,
) -> Result<Answer, Problem> {
    let operations = patch.checked().map_err(Error::from)?.operations;
    Ok(change(&can, &id, seen, &query, |view| Ok(UserDraft::patched(view, &operations)?)).await?)
}

/// Take somebody out of the organisation. What they wrote keeps their name.
#[utoipa::path(delete, path = "/scim/v2/Users/{user}", operation_id = "scim_delete_user", tag = "scim", params(("user" = UserId, Path)), responses((status = 204)))]
pub async fn delete(can: Scim, Path(id): Path<UserId>, seen: IfMatch) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move {
        let rights = Rights::of(&can);
        let (member, noted) = find(&can, id).await?;
        seen.check_version("user", member.version + noted.version)?;
        let places = can.places_of(&member).await?;
        Ok((provision(&can, &rights, &Structure::default()).remove(member, places, &noted)?, Answer::nothing()))
    })
    .await
}
