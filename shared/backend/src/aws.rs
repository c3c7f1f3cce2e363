//! The AWS clients, each made when it is first needed: a function that sends no mail pays nothing for it.

use crate::{
    clock::{Clock, Entropy},
    secrets::Secrets,
    settings::Settings,
    table::Table,
};
use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::{behavior_version::BehaviorVersion, http::SharedHttpClient};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use domain::{Error, Result};
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
    pub(crate) table: Table,
    /// The present second and the frames each connection sent in it.
    pub(crate) frames: Mutex<(i64, HashMap<String, u32>)>,
    /// Those of this process who want the same record, one after the other.
    pub(crate) turns: [tokio::sync::Mutex<()>; 64],
    secrets: tokio::sync::OnceCell<Secrets>,
    http: SharedHttpClient,
    s3: OnceLock<aws_sdk_s3::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    ses: OnceLock<aws_sdk_sesv2::Client>,
    sockets: OnceLock<aws_sdk_apigatewaymanagement::Client>,
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
    let local = settings.find("AWS_ENDPOINT_URL_DYNAMODB").is_some_and(|url| url.starts_with("http://"));
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

/// A client of one service, configured without `aws-config`: region and keys stand in a function's environment.
macro_rules! client {
    ($sdk:ident, $inner:expr, $endpoint:expr $(, $more:ident)*) => {{
        let settings = &$inner.settings;
        let credentials = Credentials::new(
            settings.get("AWS_ACCESS_KEY_ID"),
            settings.get("AWS_SECRET_ACCESS_KEY"),
            settings.find("AWS_SESSION_TOKEN").map(str::to_owned),
            None,
            "environment",
        );
        let mut config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region($sdk::config::Region::new(settings.find("AWS_REGION").unwrap_or("eu-central-1").to_owned()))
            .credentials_provider(credentials)
            .http_client($inner.http.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(25)))
            .timeout_config(TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).operation_attempt_timeout(Duration::from_secs(5)).build());
        config.set_endpoint_url($endpoint.map(str::to_owned));
        $(let config = config.$more(true);)*
        $sdk::Client::from_conf(config.build())
    }};
}

impl Backend {
    pub fn new(settings: Settings, clock: Clock, entropy: Entropy) -> Self {
        let http = http_client(&settings);
        struct Early {
            settings: Settings,
            http: SharedHttpClient,
        }
        let early = Early { settings, http };
        let dynamodb = client!(aws_sdk_dynamodb, early, early.settings.find("AWS_ENDPOINT_URL_DYNAMODB"));
        let table = Table::new(dynamodb, early.settings.get("TABLE").to_owned());
        Self(Arc::new(Inner {
            settings: early.settings,
            clock,
            entropy,
            table,
            frames: Mutex::default(),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            secrets: tokio::sync::OnceCell::new(),
            http: early.http,
            s3: OnceLock::new(),
            sqs: OnceLock::new(),
            ses: OnceLock::new(),
            sockets: OnceLock::new(),
        }))
    }

    pub fn from_env() -> Self {
        Self::new(Settings::from_env(), Clock::system(), Entropy::system())
    }
}

impl Inner {
    pub(crate) fn s3(&self) -> &aws_sdk_s3::Client {
        self.s3.get_or_init(|| client!(aws_sdk_s3, self, self.settings.find("AWS_ENDPOINT_URL_S3"), force_path_style))
    }

    pub(crate) fn sqs(&self) -> &aws_sdk_sqs::Client {
        self.sqs.get_or_init(|| client!(aws_sdk_sqs, self, self.settings.find("AWS_ENDPOINT_URL_SQS")))
    }

    pub(crate) fn ses(&self) -> &aws_sdk_sesv2::Client {
        self.ses.get_or_init(|| client!(aws_sdk_sesv2, self, self.settings.find("AWS_ENDPOINT_URL_SES")))
    }

    pub(crate) fn sockets(&self) -> &aws_sdk_apigatewaymanagement::Client {
        self.sockets.get_or_init(|| client!(aws_sdk_apigatewaymanagement, self, self.settings.find("SOCKET_MANAGEMENT_URL")))
    }

    /// The signing keys, read from their parameter once per process.
    pub(crate) async fn secrets(&self) -> Result<&Secrets> {
        self.secrets
            .get_or_try_init(|| async {
                let ssm = client!(aws_sdk_ssm, self, self.settings.find("AWS_ENDPOINT_URL_SSM"));
                let answer = ssm
                    .get_parameter()
                    .name(self.settings.get("SECRETS_PARAMETER"))
                    .with_decryption(true)
                    .send()
                    .await
                    .map_err(Error::internal)?;
                let text = answer
                    .parameter
                    .and_then(|parameter| parameter.value)
                    .ok_or_else(|| Error::internal("the secrets parameter is empty"))?;
                Secrets::parse(&text)
            })
            .await
    }
}
