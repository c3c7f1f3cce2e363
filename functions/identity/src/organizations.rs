use crate::session::{TokenPair, taken};
use backend::{
    door::Can,
    keys,
    page::Page,
    problem::Problem,
    web::{Answer, Body, Path},
};
use domain::{
    Error,
    account::{Login, Session},
    id::{OrganizationId, SessionId},
    management::leave as left,
    organization::{Membership, Organization},
    policy::{Role, UseAccount},
    text::Line,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One of my organisations, and what I am there.
#[derive(Serialize, ToSchema)]
pub struct Place {
    id: OrganizationId,
    name: Line,
    role: Role,
    /// Whether it is the one this session is in.
    current: bool,
    /// False of one whose directory made me a member, until I open it. Before that it asks nothing of my account.
    accepted: bool,
}

/// My organisations.
#[utoipa::path(get, path = "/api/v1/auth/organizations", operation_id = "list_my_organizations", tag = "identity", responses((status = 200, body = Page<Place>)))]
pub async fn list(can: Can<UseAccount>) -> Result<Answer, Problem> {
    let mine = can.organizations().await?;
    let place = |(organization, member): (Organization, Membership)| Place {
        current: organization.id == *can.tenant().id(),
        id: organization.id,
        name: organization.name,
        role: member.role,
        accepted: member.accepted,
    };
    Ok(Answer::ok(&Page { items: mine.into_iter().map(place).collect(), next: None })?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    organization: OrganizationId,
}

/// Leave one of my organisations, whether I opened it or not. Its last owner hands it over first.
#[utoipa::path(delete, path = "/api/v1/auth/organizations/{organization}", operation_id = "leave_organization", tag = "identity", params(("organization" = OrganizationId, Path)), responses((status = 204)))]
pub async fn leave(can: Can<UseAccount>, Path(organization): Path<OrganizationId>) -> Result<Answer, Problem> {
    let there = can.elsewhere(&organization).await?;
    let gone = there.settle(|there| async move {
        let places = there.places_of(there.membership()).await?;
        Ok((left(there.access(), there.membership().clone(), places, there.now())?, Answer::nothing()))
    });
    match gone.await {
        // In the same moment by another request, or by somebody else
        Err(Error::Unauthenticated) => Err(Error::NotFound("organisation").into()),
        other => Ok(other?),
    }
}

/// Open another of my organisations, without a password: a session of its own beside this one.
#[utoipa::path(post, path = "/api/v1/auth/switch", tag = "identity", request_body = Switch, responses((status = 200, body = TokenPair)))]
pub async fn switch(can: Can<UseAccount>, Body(switch): Body<Switch>) -> Result<Answer, Problem> {
    let (there, me) = tokio::try_join!(can.elsewhere(&switch.organization), can.find(keys::user(&can.me()), "account"))?;
    me.check_proved(there.membership())?;
    let id = SessionId::new(can.now(), can.random());
    let (refresh_token, refresh_hash) = can.refresh_token(&id).await?;
    let origin = can.origin().clone();
    let parent = can.session()?;
    let login = Login {
        id,
        place: there.membership(),
        device: origin.device,
        address: origin.address,
        refresh_hash,
        credentials: parent.credentials,
        second_factor: parent.second_factor,
        through: parent.through.clone(),
    };
    let (session, opened) = Session::open_until(login, can.now(), parent.ends_at);
    // Only while the session it comes from is as it was: one that is being ended opens no other
    there.commit(opened.also_replace(parent.version, Session { version: parent.version + 1, ..parent.clone() })).await?;
    if !there.membership().accepted {
        taken(there.commit(there.membership().clone().accept()).await)?;
    }
    let access_token = can.access_token(&session).await?;
    Ok(Answer::ok(&TokenPair::new(&session, access_token, refresh_token))?)
}
