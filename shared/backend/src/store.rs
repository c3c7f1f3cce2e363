//! The table and the files as one set of credentials may use them: the function's own, or those of one organisation.
//!
//! With a `TENANT_ROLE`, what a caller does is done with credentials that reach the rows and files of their
//! organisation and no others: a key that was spelled wrongly is refused by AWS itself.

use crate::{
    aws::{Inner, client},
    keys::{self, Tenant},
    settings::Settings,
    table::Table,
};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::{behavior_version::BehaviorVersion, http::SharedHttpClient};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use domain::{Error, Result, Timestamp, id::OrganizationId, limits};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

pub(crate) struct Store {
    pub(crate) table: Table,
    pub(crate) credentials: Credentials,
    http: SharedHttpClient,
    s3: OnceLock<aws_sdk_s3::Client>,
}

impl Store {
    pub(crate) fn new(settings: &Settings, http: &SharedHttpClient, credentials: Credentials) -> Self {
        let dynamodb = client!(aws_sdk_dynamodb, settings, http, credentials.clone(), settings.endpoint("DYNAMODB"));
        let table = Table::new(dynamodb, settings.get("TABLE").to_owned());
        Self { table, credentials, http: http.clone(), s3: OnceLock::new() }
    }

    pub(crate) fn s3(&self, settings: &Settings) -> &aws_sdk_s3::Client {
        let credentials = || self.credentials.clone();
        self.s3.get_or_init(|| client!(aws_sdk_s3, settings, self.http, credentials(), settings.endpoint("S3"), force_path_style))
    }
}

/// Stores of organisations, each kept while its credentials are good.
#[derive(Default)]
pub(crate) struct Stores(tokio::sync::Mutex<HashMap<OrganizationId, (Timestamp, Arc<Store>)>>);

impl Inner {
    /// What a caller of this organisation may use.
    pub(crate) async fn store_of(&self, tenant: &Tenant) -> Result<Arc<Store>> {
        let Some(role) = self.settings.find("TENANT_ROLE") else { return Ok(self.own.clone()) };
        let now = self.clock.now();
        let mut stores = self.stores.0.lock().await;
        stores.retain(|_, (ends_at, _)| now < *ends_at);
        if let Some((_, store)) = stores.get(tenant.id()) {
            return Ok(store.clone());
        }
        let request = self.sts().assume_role().role_arn(role).role_session_name(tenant.id().as_str());
        let answer = request.policy(policy(&self.settings, role, tenant)?).send().await.map_err(crate::table::failed)?;
        let given = answer.credentials.ok_or_else(|| Error::internal("no credentials were given for the organisation"))?;
        let credentials = Credentials::new(given.access_key_id, given.secret_access_key, Some(given.session_token), None, "tenant");
        let store = Arc::new(self.store(credentials));
        let ends_at = Timestamp::from_second(given.expiration.secs()).map_err(Error::internal)? - limits::TENANT_STORE_MARGIN;
        if stores.len() >= limits::TENANT_STORES
            && let Some(first) = stores.iter().min_by_key(|(_, (ends_at, _))| *ends_at).map(|(id, _)| id.clone())
        {
            stores.remove(&first);
        }
        stores.insert(tenant.id().clone(), (ends_at, store.clone()));
        Ok(store)
    }
}

/// What is left of the tenant role's rights for one organisation.
fn policy(settings: &Settings, role: &str, tenant: &Tenant) -> Result<String> {
    let mut arn = role.split(':');
    let (partition, account) = (arn.nth(1), arn.nth(2));
    let (Some(partition), Some(account)) = (partition, account) else { return Err(Error::internal("TENANT_ROLE is not an ARN")) };
    let table = format!("arn:{partition}:dynamodb:{}:{account}:table/{}", settings.region(), settings.get("TABLE"));
    let theirs = keys::partitions(tenant);
    let writable = [theirs.as_slice(), &keys::SHARED.map(str::to_owned)].concat();
    // Of a call that names no key at all, a condition on all of its keys would be true
    let only = |keys: &[String]| json!({ "ForAllValues:StringLike": { "dynamodb:LeadingKeys": keys }, "Null": { "dynamodb:LeadingKeys": "false" } });
    let read = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"];
    let write = ["dynamodb:DeleteItem", "dynamodb:PutItem"];
    let files = format!("arn:{partition}:s3:::{}/{}/*", settings.get("BUCKET"), tenant.id());
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": read, "Resource": [&table, &format!("{table}/index/*")], "Condition": only(&theirs) },
        { "Effect": "Allow", "Action": write, "Resource": &table, "Condition": only(&writable) },
        { "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": files },
    ]});
    Ok(policy.to_string())
}
