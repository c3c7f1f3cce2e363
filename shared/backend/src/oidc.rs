//! Sign-in by OpenID Connect (Core 1.0 and Discovery 1.0, by code, with PKCE): what providers are asked, and what of it is believed.
//!
//! Nothing is stored between the two steps. The `state` says what it was given out for and carries our mark; it names the session
//! that will be opened, and so opens one. The verifier stays in the browser: who has not begun a sign-in cannot finish it.

mod exchange;
mod known;
mod token;

pub(crate) use known::Known;

use crate::{
    Backend,
    door::Can,
    keys::{self, Tenant},
    outside::Failure,
    second_factor::escaped,
    visitor::Visitor,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Error, Result, Timestamp,
    access::Access,
    id::*,
    limits,
    policy::ManageSignIn,
    provider::{Identity, Provider},
    text::{ClientSecret, Url},
};
use ring::digest::{SHA256, digest};
use serde::Serialize;
use utoipa::ToSchema;

/// What is wrong with what a provider says. Told to those who connect it; others learn only that they are not signed in.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    #[error("{what}: {failure}")]
    Unreachable { what: &'static str, failure: Failure },
    #[error("{what}: it was answered with {status}")]
    Status { what: &'static str, status: u16 },
    #[error("{what}: the answer is too long, or not what the standard says")]
    Strange { what: &'static str },
    #[error("its configuration is of another issuer; write the issuer as it does, to the letter")]
    OtherIssuer,
    #[error("it takes none of the ways in which a secret is shown here: client_secret_basic and client_secret_post")]
    OtherMethod,
    #[error("it signs by none of the algorithms that are taken here: RS256, ES256 and EdDSA")]
    OtherAlgorithm,
    #[error("it does not take the code: {0}")]
    Refused(String),
    #[error("the ID token is not what the standard says")]
    NoToken,
    #[error("the ID token is signed by none of its keys")]
    UnknownKey,
    #[error("the ID token's signature is wrong")]
    Forged,
    #[error("the ID token is of another issuer")]
    Issuer,
    #[error("the ID token is for somebody else than us")]
    Audience,
    #[error("the ID token is of another sign-in than this one")]
    Nonce,
    #[error("the ID token is too old, or from the future")]
    Time,
    #[error(transparent)]
    Ours(#[from] Error),
}

/// Where a browser goes to sign in.
#[derive(Serialize, ToSchema)]
pub struct Started {
    /// The provider's page; it leads back to `/oidc/callback/…` here, with a `state` and a `code`.
    #[schema(example = "https://login.acme.example/authorize?response_type=code&client_id=…")]
    url: String,
    /// To be kept in this browser, and sent with the two. Absent for a test, which opens nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    verifier: Option<String>,
    ends_at: Timestamp,
}

/// What a `state` was given out for.
pub struct Attempt {
    pub organization: OrganizationId,
    pub provider: ProviderId,
    /// The session that it opens.
    pub session: SessionId,
    pub is_test: bool,
    challenge: String,
}

const STATE: &str = "oidc";
const NONCE: &str = "oidc-nonce";
const TEST: &str = "oidc-test";
const SECRET: &str = "oidc-secret";

/// What a provider is shown of the verifier, by which it knows who has it.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

impl Backend {
    /// Where a provider leads back to. An address of its own for each, so that no other's code is taken for one of it.
    fn redirect(&self, provider: &ProviderId) -> Result<String> {
        let url = self.setting("PUBLIC_URL").trim_end_matches('/');
        if url.is_empty() {
            return Err(Error::Conflict("sign-in through a provider needs an address of this system's own".to_owned()));
        }
        Ok(format!("{url}/oidc/callback/{provider}"))
    }

    async fn begin(&self, organization: &OrganizationId, provider: &Provider, is_test: bool) -> Result<Started, Flaw> {
        let redirect = self.redirect(&provider.id)?;
        let configuration = self.0.configuration(&provider.issuer).await?;
        let secrets = self.0.secrets().await?;
        let now = self.now();
        let session = SessionId::new(now, self.0.entropy.number());
        let verifier = match is_test {
            true => secrets.mark(TEST, &[session.as_str()]),
            false => URL_SAFE_NO_PAD.encode(self.0.entropy.bytes::<32>()),
        };
        let (challenge, ends_at) = (challenge(&verifier), now + limits::PROVIDER_SIGN_IN);
        let (second, kind) = (ends_at.as_second().to_string(), if is_test { "test" } else { "login" });
        let state = [organization.as_str(), provider.id.as_str(), session.as_str(), kind, &challenge, &second];
        let state = self.link(STATE, &state).await?;
        let pairs = [
            ("response_type", "code"),
            ("client_id", provider.client_id.as_str()),
            ("redirect_uri", &redirect),
            ("scope", "openid email profile"),
            ("state", &state),
            ("nonce", &secrets.mark(NONCE, &[session.as_str()])),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let page = configuration.authorization_endpoint.as_str();
        let url = format!("{page}{}{}", if page.contains('?') { '&' } else { '?' }, form(&pairs));
        Ok(Started { url, verifier: Some(verifier).filter(|_| !is_test), ends_at })
    }

    async fn identify(&self, provider: &Provider, attempt: &Attempt, code: &str, verifier: Option<&str>) -> Result<Identity, Flaw> {
        let inner = &self.0;
        let secrets = inner.secrets().await?;
        let kept = secrets.mark(TEST, &[attempt.session.as_str()]);
        let verifier = if attempt.is_test { Some(kept.as_str()) } else { verifier };
        let verifier = verifier.filter(|verifier| challenge(verifier) == attempt.challenge).ok_or(Flaw::Nonce)?;
        let configuration = inner.configuration(&provider.issuer).await?;
        let secret = secrets.open(SECRET, provider.id.as_str(), &provider.sealed)?;
        let secret = String::from_utf8(secret).map_err(Error::internal)?;
        let redirect = self.redirect(&provider.id)?;
        let pairs = [("code", code), ("redirect_uri", redirect.as_str()), ("code_verifier", verifier)];
        let token = inner.exchange(provider, &configuration, &secret, &pairs).await?;
        let nonce = secrets.mark(NONCE, &[attempt.session.as_str()]);
        let expected = token::Expected { issuer: provider.issuer.as_str(), client: provider.client_id.as_str(), nonce: &nonce };
        match token::read(&token, &inner.keys_of(&configuration, false).await?, &expected, self.now()) {
            // It has changed its keys since they were read
            Err(Flaw::UnknownKey) => token::read(&token, &inner.keys_of(&configuration, true).await?, &expected, self.now()),
            other => other,
        }
    }
}

/// Pairs as a form or a query has them.
fn form(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

impl Flaw {
    /// For whoever connects a provider.
    fn told(self, refusal: impl FnOnce(String) -> Error) -> Error {
        match self {
            Self::Ours(error) => error,
            flaw => refusal(flaw.to_string()),
        }
    }

    /// For whoever wants to sign in.
    pub fn refused(self, provider: &ProviderId) -> Error {
        match self {
            Self::Ours(error) => error,
            flaw => {
                tracing::info!(provider = provider.as_str(), %flaw, "a sign-in was refused");
                Error::SignInFailed("your provider's answer is not taken; your administrator can test the provider to learn why")
            }
        }
    }
}

impl Can<ManageSignIn> {
    fn backend(&self) -> Backend {
        Backend(self.room.inner.clone())
    }

    /// The address that has to be entered where the provider is run.
    pub fn redirect_uri(&self, provider: &ProviderId) -> Result<String> {
        self.backend().redirect(provider)
    }

    /// Asks the issuer for its configuration and keys, as if for the first time; what is wrong is told of this field.
    pub async fn check_issuer(&self, issuer: &Url, field: &str) -> Result<()> {
        self.room.inner.examine(issuer).await.map_err(|flaw| flaw.told(|flaw| Error::invalid(field, flaw)))
    }

    pub async fn seal_client_secret(&self, provider: &ProviderId, secret: &ClientSecret) -> Result<String> {
        let inner = &self.room.inner;
        inner.secrets().await?.seal(SECRET, provider.as_str(), secret.reveal().as_bytes(), &inner.entropy)
    }

    /// A sign-in that shows what the provider says, and opens nothing.
    pub async fn begin_test(&self, provider: &Provider) -> Result<Started> {
        self.backend().begin(self.tenant().id(), provider, true).await.map_err(|flaw| flaw.told(Error::Conflict))
    }
}

impl Visitor {
    /// The providers of an organisation that let somebody in.
    pub async fn providers(&self, tenant: &Tenant) -> Result<Vec<Provider>> {
        let (mut providers, access) =
            tokio::try_join!(self.own(keys::providers(tenant), limits::PROVIDERS), self.get(keys::access(tenant)))?;
        let access: Access = access.unwrap_or_default();
        providers.retain(|provider: &Provider| access.trusts(&provider.id));
        Ok(providers)
    }

    pub async fn begin_sign_in(&self, organization: &OrganizationId, provider: &Provider) -> Result<Started, Flaw> {
        self.backend.begin(organization, provider, false).await
    }

    /// What a state of ours was given out for, if it is not too old.
    pub async fn read_state(&self, state: &str) -> Result<Option<Attempt>> {
        let Some([organization, provider, session, kind, challenge, second]) = self.backend.read_link(STATE, state).await? else {
            return Ok(None);
        };
        let (Ok(organization), Ok(provider), Ok(session), Ok(second)) =
            (organization.parse(), provider.parse(), session.parse(), second.parse::<i64>())
        else {
            return Ok(None);
        };
        let attempt = Attempt { organization, provider, session, is_test: kind == "test", challenge };
        Ok(Some(attempt).filter(|_| self.now().as_second() < second))
    }

    /// Of somebody whom a provider named and who is not let in. Why stands in the log and in no answer.
    pub fn turn_away(&self, provider: &ProviderId, reason: &str) -> Error {
        tracing::info!(provider = provider.as_str(), reason, "a sign-in was refused");
        Error::SignInFailed("your provider knows you, but you are not let in by that; ask your administrator")
    }

    /// Trades the code for what the provider says of whoever signed in there.
    pub async fn identify(&self, provider: &Provider, attempt: &Attempt, code: &str, verifier: Option<&str>) -> Result<Identity, Flaw> {
        self.backend.identify(provider, attempt, code, verifier).await
    }
}
