//! SCIM 2.0 (RFC 7643, RFC 7644): members and groups as a directory kept elsewhere sees them.

mod filter;
mod group;
mod patch;
mod user;

pub use filter::{Filter, Path};
pub use group::{GroupChange, GroupDraft, Provisioning, group_view};
pub use patch::{Operation, PatchRequest, apply};
pub use user::{Provision, UserDraft, user_view};

use crate::{Error, Result, Timestamp, text::Line};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Where the resources are.
pub const BASE: &str = "/scim/v2";
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// What is wrong with a request, in the words of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    Mutability,
    NoTarget,
    TooMany,
    Uniqueness,
}

impl FaultKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::InvalidPath => "invalidPath",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidValue => "invalidValue",
            Self::Mutability => "mutability",
            Self::NoTarget => "noTarget",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub kind: FaultKind,
    pub detail: String,
}

impl Fault {
    pub fn new(kind: FaultKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl From<Fault> for Error {
    fn from(Fault { kind, detail }: Fault) -> Self {
        Self::Scim { kind, detail }
    }
}

/// What the directory kept elsewhere says of a member or a group beyond what the product knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provisioned {
    /// Of the member or the group.
    pub id: String,
    /// Whether it has said what they are called: then they are called that here, whatever they call themselves.
    pub named: bool,
    pub external_id: Option<Line>,
    pub given_name: Option<Line>,
    pub family_name: Option<Line>,
    /// As the directory calls it; whether it is one here or not.
    pub department: Option<Line>,
    pub version: u64,
}

impl Provisioned {
    pub fn none(id: impl std::fmt::Display) -> Self {
        Self { id: id.to_string(), named: false, external_id: None, given_name: None, family_name: None, department: None, version: 0 }
    }
}

/// Whom an external id names; makes it unique among those of its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExternalId {
    pub resource: Resource,
    pub value: Line,
    pub id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resource {
    User,
    Group,
}

impl Resource {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    pub fn location(self, id: impl std::fmt::Display) -> String {
        format!("{BASE}/{}s/{id}", self.as_str())
    }
}

/// A boolean, also as text: some directories send `"False"`.
pub(crate) fn is_true(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn line(value: Option<&Value>, what: &str) -> Result<Option<Line>, Fault> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => {
            text.parse().map(Some).map_err(|message: String| Fault::new(FaultKind::InvalidValue, format!("{what} {message}")))
        }
        Some(_) => Err(Fault::new(FaultKind::InvalidValue, format!("{what} is not a string"))),
    }
}

/// What is always there, whatever was asked to be left out.
const ALWAYS: [&str; 2] = ["schemas", "id"];

fn asked(list: &str) -> Vec<String> {
    let core = [USER.to_lowercase(), GROUP.to_lowercase()];
    let plain = |name: &str| {
        let name = name.trim().to_lowercase();
        core.iter().find_map(|schema| name.strip_prefix(&format!("{schema}:")).map(str::to_owned)).unwrap_or(name)
    };
    list.split(',').map(plain).filter(|name| !name.is_empty()).collect()
}

fn without(value: &Value, sub: &str) -> Value {
    match value {
        Value::Array(list) => list.iter().map(|one| without(one, sub)).collect(),
        Value::Object(object) => {
            object.iter().filter(|(key, _)| !key.eq_ignore_ascii_case(sub)).map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        other => other.clone(),
    }
}

fn only(value: &Value, subs: &[&str]) -> Value {
    match value {
        Value::Array(list) => list.iter().map(|one| only(one, subs)).collect(),
        Value::Object(object) => {
            let wanted = |key: &String| subs.iter().any(|sub| key.eq_ignore_ascii_case(sub));
            object.iter().filter(|(key, _)| wanted(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        other => other.clone(),
    }
}

/// Which attributes are wanted, and which are not.
#[derive(Clone, Debug, Default)]
pub struct Projection {
    pub attributes: Option<String>,
    pub excluded: Option<String>,
}

impl Projection {
    /// Whether an attribute is in the answer at all, so that what is not need not be read.
    pub fn has(&self, attribute: &str) -> bool {
        let names = |list: &str| asked(list).iter().any(|name| name.split('.').next() == Some(attribute));
        match (&self.attributes, &self.excluded) {
            (Some(list), _) => names(list),
            (None, Some(list)) => !asked(list).iter().any(|name| name == attribute),
            (None, None) => true,
        }
    }

    pub fn of(&self, resource: Value) -> Value {
        let Value::Object(object) = resource else { return resource };
        let is_always = |key: &str| ALWAYS.iter().any(|always| key.eq_ignore_ascii_case(always));
        if let Some(list) = &self.attributes {
            let wanted = asked(list);
            let part = |key: &String, value: &Value| {
                let key = key.to_lowercase();
                let subs: Vec<_> = wanted.iter().filter_map(|name| name.strip_prefix(&format!("{key}."))).collect();
                match () {
                    () if is_always(&key) || wanted.contains(&key) => Some(value.clone()),
                    () if subs.is_empty() => None,
                    () => Some(only(value, &subs)),
                }
            };
            return object.iter().filter_map(|(key, value)| part(key, value).map(|value| (key.clone(), value))).collect();
        }
        let excluded = self.excluded.as_deref().map(asked).unwrap_or_default();
        let part = |key: &String, value: Value| {
            let lower = key.to_lowercase();
            let subs = excluded.iter().filter_map(|name| name.strip_prefix(&format!("{lower}.")));
            let left = subs.fold(value, |value, sub| without(&value, sub));
            (is_always(key) || !excluded.contains(&lower)).then_some(left)
        };
        object.into_iter().filter_map(|(key, value)| part(&key, value).map(|value| (key, value))).collect()
    }
}

/// A page of a list as the standard wants it.
pub fn list(resources: Vec<Value>, total: usize, start: usize) -> Value {
    json!({ "schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": resources.len(), "Resources": resources })
}

fn meta(kind: Resource, id: &str, created: Timestamp, version: u64) -> Value {
    json!({ "resourceType": kind.as_str(), "created": created, "location": kind.location(id), "version": etag(version) })
}

pub fn etag(version: u64) -> String {
    format!("W/\"{version}\"")
}

fn object(value: &Value) -> Result<&Map<String, Value>, Fault> {
    value.as_object().ok_or_else(|| Fault::new(FaultKind::InvalidSyntax, "the body is not an object"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_what_was_asked_for_and_always_its_id() {
        let user = json!({ "schemas": [USER], "id": "1", "userName": "ben", "name": { "givenName": "Ben", "familyName": "X" }, "groups": [{ "value": "g", "display": "G" }] });
        let some = |attributes: Option<&str>, excluded: Option<&str>| Projection {
            attributes: attributes.map(str::to_owned),
            excluded: excluded.map(str::to_owned),
        };
        assert_eq!(some(None, None).of(user.clone()), user);
        assert_eq!(
            some(Some("username,name.givenName"), None).of(user.clone()),
            json!({ "schemas": [USER], "id": "1", "userName": "ben", "name": { "givenName": "Ben" } })
        );
        assert_eq!(
            some(None, Some("groups.display, name , id,urn:ietf:params:scim:schemas:core:2.0:User:userName")).of(user.clone()),
            json!({ "schemas": [USER], "id": "1", "groups": [{ "value": "g" }] })
        );
        assert!(!some(None, Some("members")).has("members") && some(None, Some("members.display")).has("members"));
        assert!(!some(Some("id,displayName"), None).has("members") && some(Some("members.value"), None).has("members"));
    }
}
