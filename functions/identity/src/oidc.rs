use crate::session::{Proved, TokenPair, open_pair};
use backend::{
    keys::{self, Me},
    oidc::{Attempt, Flaw, Started},
    page::Page,
    problem::Problem,
    secrets::sha256,
    visitor::Visitor,
    web::{Answer, Body, Path},
};
use domain::{
    Error, Result,
    access::Access,
    account::{Credentials, EmailOwner},
    commit::Commit,
    id::*,
    limits,
    organization::Membership,
    provider::{Identity, Link, Provider, SubjectOwner},
    text::Line,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A way to sign in to an organisation, as it stands on a button.
#[derive(Serialize, ToSchema)]
pub struct Button {
    provider: ProviderId,
    #[schema(example = "Acme account")]
    name: Line,
}

/// The providers through which an organisation's members sign in. Of an organisation that there is not there are none.
#[utoipa::path(get, path = "/api/v1/auth/oidc/organizations/{organization}", operation_id = "list_sign_in_buttons", tag = "identity", params(("organization" = OrganizationId, Path)), security(()), responses((status = 200, body = Page<Button>)))]
pub async fn buttons(visitor: Visitor, Path(organization): Path<OrganizationId>) -> Result<Answer, Problem> {
    let providers = visitor.providers(&visitor.organization(&organization)).await?;
    let items = providers.into_iter().map(|provider| Button { provider: provider.id, name: provider.name }).collect();
    Ok(Answer::ok(&Page::<Button> { items, next: None })?)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    organization: OrganizationId,
    provider: ProviderId,
}

/// Begin to sign in through a provider: where to go, and what to keep in this browser until it leads back.
#[utoipa::path(post, path = "/api/v1/auth/oidc/start", operation_id = "start_sign_in", tag = "identity", request_body = Start, security(()), responses((status = 200, body = Started)))]
pub async fn start(visitor: Visitor, Body(form): Body<Start>) -> Result<Answer, Problem> {
    visitor.count_provider_sign_in().await?;
    let (provider, access) = trusted(&visitor, &form.organization, &form.provider).await?.ok_or(Error::NotFound("provider"))?;
    if !access.trusts(&provider.id) {
        return Err(Error::NotFound("provider").into());
    }
    let started = visitor.begin_sign_in(&form.organization, &provider).await;
    Ok(Answer::ok(&started.map_err(|flaw| flaw.refused(&provider.id))?)?)
}

/// A provider, with what says whether it is on.
async fn trusted(visitor: &Visitor, organization: &OrganizationId, id: &ProviderId) -> Result<Option<(Provider, Access)>> {
    let tenant = visitor.organization(organization);
    let (provider, access) = tokio::try_join!(visitor.get(keys::provider(&tenant, id)), visitor.get(keys::access(&tenant)))?;
    Ok(Option::zip(provider, access))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// Whose page led back: the last part of the address it led to.
    provider: ProviderId,
    state: String,
    code: String,
    /// What was kept in this browser.
    verifier: Option<String>,
}

/// What came of it: tokens, or, of a test, what the provider said.
#[derive(Serialize, ToSchema)]
pub struct Finished {
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<TokenPair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<Tested>,
}

#[derive(Serialize, ToSchema)]
pub struct Tested {
    /// Whether somebody would be let in by this.
    lets_in: bool,
    /// Why not.
    problem: Option<String>,
    subject: Option<String>,
    email: Option<String>,
    /// As the provider says; absent, it says nothing of it.
    email_verified: Option<bool>,
    name: Option<String>,
}

const LATE: Error = Error::SignInFailed("the sign-in took too long, was finished before, or began elsewhere; begin it anew");

/// Finish to sign in through a provider, with what it led back with.
///
/// The session is for the organisation alone: it reaches neither the account itself nor other organisations. It ends after a day,
/// and at once when the provider is switched off.
#[utoipa::path(post, path = "/api/v1/auth/oidc/finish", operation_id = "finish_sign_in", tag = "identity", request_body = Finish, security(()), responses((status = 200, body = Finished)))]
pub async fn finish(visitor: Visitor, Body(form): Body<Finish>) -> Result<Answer, Problem> {
    let attempt = visitor.read_state(&form.state).await?;
    // A page of another's that leads here brings a code of another's
    let attempt = attempt.filter(|attempt| attempt.provider == form.provider && form.code.len() <= limits::PROVIDER_CODE).ok_or(LATE)?;
    let (provider, access) = trusted(&visitor, &attempt.organization, &attempt.provider).await?.ok_or(LATE)?;
    let trusted = access.trusts(&provider.id);
    if !trusted && !attempt.is_test {
        return Err(LATE.into());
    }
    let identity = visitor.identify(&provider, &attempt, &form.code, form.verifier.as_deref()).await;
    if attempt.is_test {
        let test = Some(tested(&visitor, &attempt, &provider, &access, identity).await?);
        return Ok(Answer::ok(&Finished { tokens: None, test })?);
    }
    let identity = identity.map_err(|flaw| flaw.refused(&provider.id))?;
    let known = recognise(&visitor, &attempt, &provider, &access, &identity).await?;
    let Known { credentials, member, link } = known.map_err(|reason| visitor.turn_away(&provider.id, reason))?;
    let proved = Proved { credentials, member, second_factor: provider.asks_second_factor, through: Some(provider.id) };
    match open_pair(&visitor, attempt.session, proved, link).await {
        // It was finished at the same moment, or before
        Err(Error::Stale { .. } | Error::NotFound(_) | Error::Conflict(_)) => Err(LATE.into()),
        tokens => Ok(Answer::ok(&Finished { tokens: Some(tokens?), test: None })?),
    }
}

/// A member whom a provider means.
struct Known {
    credentials: Credentials,
    member: Membership,
    /// That it does, where that was not known.
    link: Commit,
}

/// Whom a provider means by a name: whom it meant before, or else whose address it is. Else why nobody is let in by it.
async fn recognise(
    visitor: &Visitor,
    attempt: &Attempt,
    provider: &Provider,
    access: &Access,
    identity: &Identity,
) -> Result<Result<Known, &'static str>> {
    let tenant = visitor.organization(&attempt.organization);
    let subject = sha256(identity.subject.as_bytes());
    let owner: Option<SubjectOwner> = visitor.get(keys::subject_owner(&tenant, &provider.id, &subject)).await?;
    let is_known = owner.is_some();
    let me: Me = match owner {
        Some(owner) => visitor.person(&owner.user),
        None => {
            let Some(email) = provider.address(identity) else { return Ok(Err("it gives no address that it says was verified")) };
            let owner: Option<EmailOwner> = visitor.get(keys::email_owner(email)).await?;
            let Some(owner) = owner else { return Ok(Err("no member has this address")) };
            visitor.person(&owner.user)
        }
    };
    let (member, credentials, link) = tokio::try_join!(
        visitor.get(keys::member(&tenant, me.id())),
        visitor.get(keys::credentials(&me)),
        visitor.get(keys::sign_in_link(&tenant, &provider.id, me.id()))
    )?;
    // Of somebody who is no member, nothing else is told than of nobody
    let (Some(member), Some(credentials)) = (member, credentials) else { return Ok(Err("no member has this address")) };
    if !is_known && link.is_some() {
        return Ok(Err("the provider knew this member by another name; forget that first, if it is the same person"));
    }
    if !provider.lets_in(&member, access) {
        return Ok(Err("the member is not active, or may more than whoever connected the provider"));
    }
    let link = if is_known { Commit::quiet() } else { Link::make(provider, subject, me.id(), visitor.now()) };
    Ok(Ok(Known { credentials, member, link }))
}

async fn tested(
    visitor: &Visitor,
    attempt: &Attempt,
    provider: &Provider,
    access: &Access,
    identity: Result<Identity, Flaw>,
) -> Result<Tested> {
    let identity = match identity {
        Ok(identity) => identity,
        Err(Flaw::Ours(error)) => return Err(error),
        Err(flaw) => {
            let problem = Some(flaw.to_string());
            return Ok(Tested { lets_in: false, problem, subject: None, email: None, email_verified: None, name: None });
        }
    };
    let problem = recognise(visitor, attempt, provider, access, &identity).await?.err().map(str::to_owned);
    let Identity { subject, email, email_verified, name } = identity;
    let email = email.map(String::from);
    Ok(Tested { lets_in: problem.is_none(), problem, subject: Some(subject), email, email_verified, name })
}
