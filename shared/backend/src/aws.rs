//! The AWS clients, each made when it is first needed: a function that sends no mail pays nothing for it.

use crate::{
    clock::{Clock, Entropy},
    oidc::Known,
    outside::Outside,
    secrets::Secrets,
    settings::Settings,
    store::{Store, Stores},
};
use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::{behavior_version::BehaviorVersion, http::SharedHttpClient};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use domain::{Error, Result, Timestamp, limits};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

/// What one process shares: settings, clients, keys, clock. Made by a main or the local stack; a handler never sees it.
#[derive(Clone)]
pub struct Backend(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    /// Table and files as the function itself may use them.
    pub(crate) own: Arc<Store>,
    /// And as it may use them for one organisation.
    pub(crate) stores: Stores,
    /// The present second and the frames each connection sent in it.
    pub(crate) frames: Mutex<(i64, HashMap<String, u32>)>,
    /// Those of this process who want the same record, one after the other.
    pub(crate) turns: [tokio::sync::Mutex<()>; 64],
    secrets: tokio::sync::RwLock<Option<Kept>>,
    http: SharedHttpClient,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    ses: OnceLock<aws_sdk_sesv2::Client>,
    sockets: OnceLock<aws_sdk_apigatewaymanagement::Client>,
    outside: OnceLock<Outside>,
    /// What providers of sign-in say of themselves.
    pub(crate) providers: Known,
}

/// Secrets as they were read, and until when they are not read again.
struct Kept {
    secrets: Arc<Secrets>,
    until: Timestamp,
}

/// The authorities that certify the endpoints of AWS: infra/decisions/0008.
const AMAZON: &str = include_str!("amazon.pem");

/// `AWS_CA_BUNDLE` names a file of others, such as that of a proxy which opens TLS.
fn authorities(settings: &Settings) -> Vec<u8> {
    let bundle =
        settings.find("AWS_CA_BUNDLE").map(|file| std::fs::read(file).map_err(|error| tracing::error!(file, %error, "no authorities")));
    bundle.and_then(Result::ok).unwrap_or_else(|| AMAZON.into())
}

/// Plain HTTP is only ever spoken to a local stack; there the TLS stack would be made for nothing.
fn http_client(settings: &Settings) -> SharedHttpClient {
    let local = settings.endpoint("DYNAMODB").is_some_and(|url| url.starts_with("http://"));
    let builder = aws_smithy_http_client::Builder::new();
    if local {
        builder.build_http()
    } else {
        let context = TlsContext::builder().with_trust_store(TrustStore::empty().with_pem_certificate(authorities(settings))).build();
        builder
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .tls_context(context.unwrap_or_default())
            .build_https()
    }
}

/// The function's own credentials, which stand in its environment.
fn credentials(settings: &Settings) -> Credentials {
    let token = settings.find("AWS_SESSION_TOKEN").map(str::to_owned);
    Credentials::new(settings.get("AWS_ACCESS_KEY_ID"), settings.get("AWS_SECRET_ACCESS_KEY"), token, None, "environment")
}

/// A client of one service, configured without `aws-config`: region and keys stand in a function's environment.
macro_rules! client {
    ($sdk:ident, $settings:expr, $http:expr, $credentials:expr, $endpoint:expr $(, $more:ident)*) => {{
        let mut config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region($sdk::config::Region::new($settings.region().to_owned()))
            .credentials_provider($credentials)
            .http_client($http.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(25)))
            .timeout_config(TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).operation_attempt_timeout(Duration::from_secs(5)).build());
        let endpoint: Option<&str> = $endpoint;
        config.set_endpoint_url(endpoint.map(str::to_owned));
        $(let config = config.$more(true);)*
        $sdk::Client::from_conf(config.build())
    }};
}
pub(crate) use client;

impl Backend {
    pub fn new(settings: Settings, clock: Clock, entropy: Entropy) -> Self {
        let http = http_client(&settings);
        let own = Arc::new(Store::new(&settings, &http, credentials(&settings)));
        Self(Arc::new(Inner {
            settings,
            clock,
            entropy,
            own,
            stores: Stores::default(),
            frames: Mutex::default(),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            secrets: tokio::sync::RwLock::default(),
            http,
            sqs: OnceLock::new(),
            ses: OnceLock::new(),
            sockets: OnceLock::new(),
            outside: OnceLock::new(),
            providers: Known::default(),
        }))
    }

    pub fn from_env() -> Self {
        Self::new(Settings::from_env(), Clock::system(), Entropy::system())
    }
}

impl Inner {
    pub(crate) fn sqs(&self) -> &aws_sdk_sqs::Client {
        let settings = &self.settings;
        self.sqs.get_or_init(|| client!(aws_sdk_sqs, settings, self.http, credentials(settings), settings.endpoint("SQS")))
    }

    pub(crate) fn ses(&self) -> &aws_sdk_sesv2::Client {
        let settings = &self.settings;
        self.ses.get_or_init(|| client!(aws_sdk_sesv2, settings, self.http, credentials(settings), settings.endpoint("SES")))
    }

    pub(crate) fn sockets(&self) -> &aws_sdk_apigatewaymanagement::Client {
        let settings = &self.settings;
        let address = settings.find("SOCKET_MANAGEMENT_URL");
        self.sockets.get_or_init(|| client!(aws_sdk_apigatewaymanagement, settings, self.http, credentials(settings), address))
    }

    /// The way to others than AWS. The variable is set by the local stack and by nothing else.
    pub(crate) fn outside(&self) -> &Outside {
        self.outside.get_or_init(|| Outside::of_machine(self.settings.find("OUTSIDE_LOOPBACK").is_some()))
    }

    pub(crate) fn sts(&self) -> aws_sdk_sts::Client {
        let settings = &self.settings;
        client!(aws_sdk_sts, settings, self.http, credentials(settings), settings.endpoint("STS"))
    }

    /// A store with other credentials than the function's own.
    pub(crate) fn store(&self, credentials: Credentials) -> Store {
        Store::new(&self.settings, &self.http, credentials)
    }

    /// The signing keys, read from their parameter now and then, so that they change while everything runs.
    pub(crate) async fn secrets(&self) -> Result<Arc<Secrets>> {
        let now = self.clock.now();
        let fresh = |kept: &Option<Kept>| kept.as_ref().filter(|kept| now < kept.until).map(|kept| kept.secrets.clone());
        if let Some(secrets) = fresh(&*self.secrets.read().await) {
            return Ok(secrets);
        }
        let mut kept = self.secrets.write().await;
        if let Some(secrets) = fresh(&kept) {
            return Ok(secrets);
        }
        let secrets = match (self.read_secrets().await, &*kept) {
            (Ok(secrets), _) => Arc::new(secrets),
            // What was good a moment ago is better than nothing
            (Err(error), Some(before)) => {
                tracing::warn!(%error, "the secrets could not be read again");
                before.secrets.clone()
            }
            (Err(error), None) => return Err(error),
        };
        *kept = Some(Kept { secrets: secrets.clone(), until: now + limits::SECRETS_KEPT });
        Ok(secrets)
    }

    async fn read_secrets(&self) -> Result<Secrets> {
        let settings = &self.settings;
        let ssm = client!(aws_sdk_ssm, settings, self.http, credentials(settings), settings.endpoint("SSM"));
        let name = settings.get("SECRETS_PARAMETER");
        let answer = ssm.get_parameter().name(name).with_decryption(true).send().await.map_err(Error::internal)?;
        let text =
            answer.parameter.and_then(|parameter| parameter.value).ok_or_else(|| Error::internal("the secrets parameter is empty"))?;
        Secrets::parse(&text)
    }
}
