//! What functions are told about where everything is.

use std::collections::BTreeMap;

use crate::{
    Clock,
    aws::{ACCOUNT, REGION},
    bucket,
    template::Template,
};

/// What functions need to find everything.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The variables that the template gives to functions, and the addresses and keys that the SDK reads.
    pub variables: BTreeMap<String, String>,
    pub clock: Clock,
}

/// The ports of a system, all on loopback.
pub(crate) struct Ports {
    pub public: u16,
    pub aws: u16,
    pub s3: u16,
}

impl Environment {
    pub(crate) fn new(template: &Template, ports: &Ports, clock: Clock) -> Self {
        let aws = format!("http://127.0.0.1:{}", ports.aws);
        let local = |value: &String| {
            if template.queues.contains_key(value) {
                format!("{aws}/{ACCOUNT}/{value}")
            } else if template.buckets.contains(value) {
                bucket::name(value)
            } else {
                api_address(value, ports).unwrap_or_else(|| value.clone())
            }
        };
        let mut variables: BTreeMap<_, _> = template.variables.iter().map(|(name, value)| (name.clone(), local(value))).collect();
        for service in ["DYNAMODB", "SES", "SQS", "SSM"] {
            variables.insert(format!("AWS_ENDPOINT_URL_{service}"), aws.clone());
        }
        variables.insert("AWS_ENDPOINT_URL_S3".into(), format!("http://127.0.0.1:{}", ports.s3));
        variables.insert("AWS_REGION".into(), REGION.into());
        variables.insert("AWS_ACCESS_KEY_ID".into(), bucket::KEY.into());
        variables.insert("AWS_SECRET_ACCESS_KEY".into(), bucket::KEY.into());
        // Receivers of webhooks and providers of sign-in run on this machine, too, while something is developed
        variables.insert("OUTSIDE_LOOPBACK".into(), "true".into());
        Self { variables, clock }
    }
}

/// Where an API of API Gateway is found here: sockets and people use the public port, functions the internal one.
fn api_address(value: &str, ports: &Ports) -> Option<String> {
    let (scheme, rest) = value.split_once("://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !host.contains(".execute-api.") {
        return None;
    }
    Some(match (scheme, path) {
        ("wss", stage) => format!("ws://localhost:{}/{stage}", ports.public),
        (_, "") => format!("http://localhost:{}", ports.public),
        (_, stage) => format!("http://127.0.0.1:{}/{stage}", ports.aws),
    })
}
