//! HTTP as SCIM speaks it (RFC 7644): its media type, its parameters, its errors; and what provisioning reads outside the organisation.

use crate::{
    door::Can,
    json::from_json,
    keys,
    problem::{self, Problem},
    web::{Answer, Media},
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use domain::{
    Error, Result,
    account::EmailOwner,
    error::Fault,
    limits,
    policy::ProvisionMembers,
    scim::{ERROR, FaultKind, Filter, Projection, Resource, etag},
    text::Email,
};
use http::{HeaderValue, StatusCode, header, request::Parts};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashMap;
use utoipa::IntoParams;

impl Can<ProvisionMembers> {
    /// Whose account an address is. Nothing else of the account is told.
    pub async fn account_of(&self, email: &Email) -> Result<Option<EmailOwner>> {
        self.room.inner.own.table.get(keys::email_owner(email)).await
    }
}

/// A body of SCIM, under its own media type or that of any JSON. Attributes that mean nothing here are ignored, as the standard has it.
pub struct ScimBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ScimBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if ![Media::Scim.name(), Media::Json.name()].contains(&media.as_str()) {
            return Err(Error::UnsupportedMedia(Media::Scim.name()).into());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|_| Error::TooLarge(limits::BODY_BYTES))?;
        Ok(Self(from_json(&bytes)?))
    }
}

/// The parameters of a list, and of whatever is answered with a resource.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ScimQuery {
    /// Such as `userName eq "ben@example.com"`.
    #[param(max_length = 1000)]
    pub filter: Option<String>,
    /// The place of the first resource, from 1.
    #[param(rename = "startIndex", minimum = 1)]
    pub start_index: Option<usize>,
    /// Most resources to return.
    #[param(minimum = 0, maximum = 200)]
    pub count: Option<usize>,
    /// The attributes to return, with commas.
    pub attributes: Option<String>,
    /// The attributes not to return, with commas.
    #[param(rename = "excludedAttributes")]
    pub excluded_attributes: Option<String>,
}

impl ScimQuery {
    pub fn filter(&self) -> Result<Option<Filter>> {
        Ok(self.filter.as_deref().filter(|filter| !filter.trim().is_empty()).map(str::parse).transpose()?)
    }

    /// The first place, from 1, and how many. What is below the least counts as the least, as the standard has it.
    pub fn page(&self) -> (usize, usize) {
        (self.start_index.unwrap_or(1).max(1), self.count.unwrap_or(limits::PAGE_MOST).min(limits::SCIM_PAGE))
    }

    pub fn projection(&self) -> Projection {
        Projection { attributes: self.attributes.clone(), excluded: self.excluded_attributes.clone() }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ScimQuery {
    type Rejection = Problem;

    #[expect(clippy::disallowed_types, reason = "wrapped here, so that its refusal is a problem")]
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        type Pairs = axum::extract::Query<HashMap<String, String>>;
        let Ok(pairs) = Pairs::try_from_uri(&parts.uri) else { return Err(Error::Malformed("the query cannot be read".to_owned()).into()) };
        let mut pairs = pairs.0;
        let mut number = |name: &str| match pairs.remove(name).map(|text| text.parse::<i64>()) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(usize::try_from(number).unwrap_or_default())),
            Some(Err(_)) => Err(Problem::from(Error::invalid(name, "is not a number"))),
        };
        let (start_index, count) = (number("startIndex")?, number("count")?);
        let mut text = |name: &str| pairs.remove(name);
        let (filter, attributes) = (text("filter"), text("attributes"));
        Ok(Self { filter, start_index, count, attributes, excluded_attributes: text("excludedAttributes") })
    }
}

impl Answer {
    pub fn scim(status: StatusCode, resource: &Value) -> Result<Self> {
        Ok(Self { media: Media::Scim, ..Self::json(status, resource)? })
    }

    /// A resource with its place and version.
    pub fn scim_resource(status: StatusCode, kind: Resource, id: &str, version: u64, resource: &Value) -> Result<Self> {
        Ok(Self { etag: Some(etag(version)), location: Some(kind.location(id)), ..Self::scim(status, resource)? })
    }
}

/// What the standard calls an error, where it has a name for it.
fn scim_type(error: &Error) -> Option<&'static str> {
    match error {
        Error::Scim { kind, .. } => Some(kind.name()),
        Error::Invalid(_) => Some(FaultKind::InvalidValue.name()),
        Error::Malformed(_) => Some(FaultKind::InvalidSyntax.name()),
        _ => None,
    }
}

impl Problem {
    /// The same refusal as the standard writes it: no problem document, because its clients read nothing else.
    pub(crate) fn respond_scim(&self) -> Response {
        let error = &self.0;
        problem::log(error);
        // It knows no 422
        let status = if matches!(error, Error::Invalid(_)) { StatusCode::BAD_REQUEST } else { problem::status(error) };
        let named =
            |faults: &[Fault]| faults.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect::<Vec<_>>().join("; ");
        let detail = match error {
            Error::Invalid(faults) => named(faults),
            _ if status.is_server_error() => "something went wrong here".to_owned(),
            other => other.to_string(),
        };
        let mut body = json!({ "schemas": [ERROR], "status": status.as_u16().to_string(), "detail": detail });
        if let Some(kind) = scim_type(error) {
            body["scimType"] = json!(kind);
        }
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
        problem::hints(error, headers);
        response
    }
}
