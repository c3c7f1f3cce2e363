use crate::session::end_each;
use backend::{
    door::Can,
    keys,
    oidc::Started,
    page::Page,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Error, Result,
    id::{ProviderId, UserId},
    limits,
    management::Manager,
    policy::{ManageMembers, ManageSignIn},
    provider::{Connector, Link, Provider, ProviderDraft, ProviderEdit, ProviderView},
};
use serde::Serialize;
use utoipa::ToSchema;

/// A provider, and the address that has to be entered there as the one it leads back to.
#[derive(Serialize, ToSchema)]
pub struct Connected {
    provider: ProviderView,
    #[schema(example = "https://office.example.com/oidc/callback/idp_01k9zt3vw8fqj2m4x6c7b5n0ra")]
    redirect_uri: String,
}

impl Connected {
    fn of(can: &Can<ManageSignIn>, provider: ProviderView) -> Result<Self> {
        Ok(Self { redirect_uri: can.redirect_uri(&provider.id)?, provider })
    }
}

fn connector(can: &Can<ManageSignIn>) -> Connector<'_> {
    Connector { member: can.membership(), grants: can.grants(), access: can.access() }
}

async fn find(can: &Can<ManageSignIn>, id: &ProviderId) -> Result<Provider> {
    can.find(keys::provider(can.tenant(), id), "provider").await
}

/// The organisation's providers of sign-in, the oldest first.
#[utoipa::path(get, path = "/api/v1/auth/oidc/providers", operation_id = "list_providers", tag = "identity", responses((status = 200, body = Page<Connected>)))]
pub async fn list(can: Can<ManageSignIn>) -> Result<Answer, Problem> {
    let providers: Vec<Provider> = can.all(keys::providers(can.tenant()), limits::PROVIDERS).await?;
    let items = providers.iter().map(|provider| Connected::of(&can, provider.view(can.access()))).collect::<Result<Vec<_>>>()?;
    Ok(Answer::ok(&Page { items, next: None })?)
}

/// Connect a provider of sign-in that speaks OpenID Connect.
///
/// Its configuration and keys are looked at at once. It is off: enter the `redirect_uri` there, `test` it, and switch it on by
/// `PATCH`. Then members sign in by it whose verified address it names, or whom it named before. It lets in nobody who may more
/// than whoever connected it, so that an owner has to do it for owners.
#[utoipa::path(post, path = "/api/v1/auth/oidc/providers", operation_id = "add_provider", tag = "identity", request_body = ProviderDraft, responses((status = 201, body = Connected)))]
pub async fn add(can: Can<ManageSignIn>, Body(draft): Body<ProviderDraft>) -> Result<Answer, Problem> {
    let id = ProviderId::new(can.now(), can.random());
    let sealed = can.seal_client_secret(&id, &draft.client_secret).await?;
    let issuer = draft.issuer.clone();
    let (view, commit) = connector(&can).add(id, draft, sealed, can.now())?;
    can.check_issuer(&issuer, "/issuer").await?;
    let location = format!("/api/v1/auth/oidc/providers/{}", view.id);
    let answer = Answer::versioned(view.version, &Connected::of(&can, view)?)?.at(location);
    Ok(can.answer(commit, answer).await?)
}

/// One provider of sign-in.
#[utoipa::path(get, path = "/api/v1/auth/oidc/providers/{provider}", operation_id = "get_provider", tag = "identity", params(("provider" = ProviderId, Path)), responses((status = 200, body = Connected)))]
pub async fn get(can: Can<ManageSignIn>, Path(id): Path<ProviderId>) -> Result<Answer, Problem> {
    let view = find(&can, &id).await?.view(can.access());
    Ok(Answer::versioned(view.version, &Connected::of(&can, view)?)?)
}

/// Change a provider, and switch it on or off. Off, it lets in nobody, and the sessions it opened end at once.
#[utoipa::path(patch, path = "/api/v1/auth/oidc/providers/{provider}", operation_id = "edit_provider", tag = "identity", params(("provider" = ProviderId, Path), IfMatchHeader), request_body = ProviderEdit, responses((status = 200, body = Connected)))]
pub async fn edit(
    can: Can<ManageSignIn>,
    Path(id): Path<ProviderId>,
    seen: IfMatch,
    Body(edit): Body<ProviderEdit>,
) -> Result<Answer, Problem> {
    let (id, edit) = (&id, &edit);
    can.settle(|can| async move {
        let provider = seen.check(find(&can, id).await?)?;
        let sealed = match &edit.client_secret {
            Some(secret) => Some(can.seal_client_secret(id, secret).await?),
            None => None,
        };
        if edit.on == Some(true) {
            can.check_issuer(&provider.issuer, "/on").await?;
        }
        let (view, commit) = connector(&can).edit(provider, edit.clone(), sealed, can.now())?;
        Ok((commit, Answer::versioned(view.version, &Connected::of(&can, view)?)?))
    })
    .await
}

/// Remove a provider: the sessions it opened end at once, and whom it named is forgotten.
#[utoipa::path(delete, path = "/api/v1/auth/oidc/providers/{provider}", operation_id = "remove_provider", tag = "identity", params(("provider" = ProviderId, Path), IfMatchHeader), responses((status = 204)))]
pub async fn remove(can: Can<ManageSignIn>, Path(id): Path<ProviderId>, seen: IfMatch) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move {
        let provider = seen.check(find(&can, id).await?)?;
        Ok((connector(&can).remove(provider)?, Answer::nothing()))
    })
    .await
}

/// Try a provider, on or off: open the `url` and sign in there. The page it leads back to shows what the provider said, and
/// whether that would let somebody in. It opens nothing.
#[utoipa::path(post, path = "/api/v1/auth/oidc/providers/{provider}/test", operation_id = "test_provider", tag = "identity", params(("provider" = ProviderId, Path)), responses((status = 200, body = Started)))]
pub async fn test(can: Can<ManageSignIn>, Path(id): Path<ProviderId>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&can.begin_test(&find(&can, &id).await?).await?)?)
}

/// Forget by which name a provider knows a member: when it has made them anew, or named the wrong one. The sessions it opened
/// for them end, and the next sign-in goes by the address again.
#[utoipa::path(delete, path = "/api/v1/auth/members/{member}/links/{provider}", operation_id = "unlink_member", tag = "identity", params(("member" = UserId, Path), ("provider" = ProviderId, Path)), responses((status = 204)))]
pub async fn unlink(can: Can<ManageMembers>, Path((id, provider)): Path<(UserId, ProviderId)>) -> Result<Answer, Problem> {
    let link: Link = can.find(keys::sign_in_link(can.tenant(), &provider, &id), "link").await?;
    let member = can.find(keys::member(can.tenant(), &id), "member").await?;
    Manager { access: can.access(), grants: can.grants() }.may_touch(&member)?;
    match can.commit(link.undo()).await {
        // Somebody else was quicker
        Err(Error::Stale { .. }) => return Err(Error::NotFound("link").into()),
        other => other?,
    }
    // After it: from then on the same name opens none
    let (account, sessions) = can.sessions_through(&provider, &id).await?;
    end_each(&can, &account, &sessions).await?;
    Ok(Answer::nothing())
}
