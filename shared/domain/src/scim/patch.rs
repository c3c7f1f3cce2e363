//! Changes of a resource as SCIM writes them (RFC 7644, section 3.5.2), and as Entra ID and Okta do.

use super::{Fault, FaultKind, Filter, PATCH, Path, filter::member};
use crate::limits;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
pub struct PatchRequest {
    #[serde(default)]
    pub schemas: Vec<String>,
    #[serde(rename = "Operations", alias = "operations")]
    pub operations: Vec<Operation>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Operation {
    /// Entra ID begins it with a capital.
    pub op: String,
    pub path: Option<String>,
    pub value: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Add,
    Replace,
    Remove,
}

impl PatchRequest {
    pub fn checked(self) -> Result<Self, Fault> {
        if !self.schemas.iter().any(|schema| schema.eq_ignore_ascii_case(PATCH)) {
            return Err(Fault::new(FaultKind::InvalidSyntax, format!("schemas does not name {PATCH}")));
        }
        if self.operations.is_empty() || self.operations.len() > limits::SCIM_OPERATIONS {
            return Err(Fault::new(FaultKind::InvalidSyntax, format!("there are not 1 to {} operations", limits::SCIM_OPERATIONS)));
        }
        Ok(self)
    }
}

impl Operation {
    pub fn kind(&self) -> Result<Kind, Fault> {
        match self.op.to_lowercase().as_str() {
            "add" => Ok(Kind::Add),
            "replace" => Ok(Kind::Replace),
            "remove" => Ok(Kind::Remove),
            _ => Err(Fault::new(FaultKind::InvalidSyntax, format!("{} is none of add, replace, remove", self.op))),
        }
    }

    /// One change for each attribute: without a path the value names them, some of them by a path.
    pub fn parts(&self) -> Result<Vec<(Kind, Path, Value)>, Fault> {
        let kind = self.kind()?;
        let value = || self.value.clone().unwrap_or_default();
        match (&self.path, kind) {
            (Some(path), _) if !path.trim().is_empty() => Ok(vec![(kind, path.parse()?, value())]),
            (_, Kind::Remove) => Err(Fault::new(FaultKind::NoTarget, "what to remove needs a path")),
            _ => {
                let Some(Value::Object(values)) = &self.value else {
                    return Err(Fault::new(FaultKind::InvalidValue, "a value without a path is an object"));
                };
                let mut parts = Vec::new();
                for (name, value) in values.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("schemas")) {
                    // An extension's attributes stand together under its name
                    match value {
                        Value::Object(inner) if name.to_lowercase().starts_with("urn:") => {
                            for (sub, value) in inner {
                                parts.push((kind, format!("{name}:{sub}").parse()?, value.clone()));
                            }
                        }
                        _ => parts.push((kind, name.parse()?, value.clone())),
                    }
                }
                Ok(parts)
            }
        }
    }
}

/// What only this side decides.
const READ_ONLY: [&str; 3] = ["id", "meta", "groups"];

/// Applies the operations, one after the other.
pub fn apply(mut resource: Value, operations: &[Operation]) -> Result<Value, Fault> {
    for operation in operations {
        for (kind, path, value) in operation.parts()? {
            if READ_ONLY.contains(&path.attribute.name.as_str()) {
                return Err(Fault::new(FaultKind::Mutability, format!("{} cannot be changed", path.attribute.name)));
            }
            change(&mut resource, kind, &path, value)?;
        }
    }
    Ok(resource)
}

/// The name under which an attribute stands already, or else would.
fn key(object: &Map<String, Value>, name: &str) -> String {
    object.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned().unwrap_or_else(|| name.to_owned())
}

fn set(object: &mut Map<String, Value>, kind: Kind, name: &str, value: Value) {
    let key = key(object, name);
    match (kind, object.get_mut(&key)) {
        (Kind::Remove, _) => drop(object.remove(&key)),
        (Kind::Add, Some(Value::Array(list))) => {
            let more = if let Value::Array(more) = value { more } else { vec![value] };
            for one in more {
                if !list.contains(&one) {
                    list.push(one);
                }
            }
        }
        // What is not named of a complex attribute stays
        (_, Some(Value::Object(before))) if value.is_object() => {
            if let Value::Object(more) = value {
                more.into_iter().for_each(|(name, value)| set(before, Kind::Replace, &name, value));
            }
        }
        _ => drop(object.insert(key, value)),
    }
}

fn change(resource: &mut Value, kind: Kind, path: &Path, value: Value) -> Result<(), Fault> {
    let Value::Object(object) = resource else { return Err(Fault::new(FaultKind::InvalidSyntax, "the resource is not an object")) };
    let name = &path.attribute.name;
    match (&path.of, &path.attribute.sub) {
        (Some(filter), _) => {
            let key = key(object, name);
            change_some(object.entry(key).or_insert_with(|| Value::Array(Vec::new())), kind, filter, path.sub.as_deref(), value)
        }
        (None, None) => {
            set(object, kind, name, value);
            Ok(())
        }
        (None, Some(sub)) => {
            let key = key(object, name);
            match object.entry(key).or_insert_with(|| Value::Object(Map::new())) {
                Value::Object(inner) => set(inner, kind, sub, value),
                Value::Array(list) => {
                    for one in list.iter_mut().filter_map(Value::as_object_mut) {
                        set(one, kind, sub, value.clone());
                    }
                }
                _ => return Err(Fault::new(FaultKind::NoTarget, format!("{name} has no {sub}"))),
            }
            Ok(())
        }
    }
}

/// Changes those values of a list that fit; where none does, what is added or replaced makes one.
fn change_some(list: &mut Value, kind: Kind, filter: &Filter, sub: Option<&str>, value: Value) -> Result<(), Fault> {
    let Value::Array(list) = list else { return Err(Fault::new(FaultKind::NoTarget, "what is filtered is not a list")) };
    if kind == Kind::Remove && sub.is_none() {
        list.retain(|one| !filter.fits(one));
        return Ok(());
    }
    let fits: Vec<_> = list.iter().map(|one| filter.fits(one)).collect();
    if !fits.contains(&true) {
        let mut made = filter.makes();
        if kind == Kind::Remove || made.is_empty() {
            return Err(Fault::new(FaultKind::NoTarget, "no value fits the filter"));
        }
        match (sub, value) {
            (Some(sub), value) => set(&mut made, Kind::Replace, sub, value),
            (None, Value::Object(value)) => made.extend(value),
            (None, value) => set(&mut made, Kind::Replace, "value", value),
        }
        list.push(Value::Object(made));
        return Ok(());
    }
    for (one, _) in list.iter_mut().zip(fits).filter(|(_, fits)| *fits) {
        match (one, sub, &value) {
            (Value::Object(one), Some(sub), value) => set(one, kind, sub, value.clone()),
            (Value::Object(one), None, Value::Object(value)) => {
                value.iter().for_each(|(name, value)| set(one, Kind::Replace, name, value.clone()))
            }
            (one, None, value) => *one = value.clone(),
            _ => return Err(Fault::new(FaultKind::NoTarget, "a value has no such part")),
        }
    }
    Ok(())
}

/// The ids in a list of members.
pub(super) fn ids(value: &Value) -> Result<Vec<String>, Fault> {
    let wrong = || Fault::new(FaultKind::InvalidValue, "members are not a list of objects with a value");
    let each = match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    each.into_iter().map(|one| member(one, "value").and_then(Value::as_str).map(str::to_owned).ok_or_else(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(resource: Value, operations: Value) -> Result<Value, Fault> {
        let request: PatchRequest = serde_json::from_value(json!({ "schemas": [PATCH], "Operations": operations })).unwrap();
        apply(resource, &request.checked()?.operations)
    }

    #[test]
    fn changes_are_read_as_directories_write_them() {
        let ben =
            json!({ "userName": "ben", "active": true, "name": { "givenName": "Ben" }, "emails": [{ "type": "work", "value": "a" }] });
        for (operations, change) in [
            // Entra ID: capitals, and text for booleans
            (json!([{ "op": "Replace", "path": "active", "value": "False" }]), json!({ "active": "False" })),
            // Okta: no path
            (json!([{ "op": "replace", "value": { "active": false } }]), json!({ "active": false })),
            // Entra ID: paths as names
            (
                json!([{ "op": "Add", "value": { "name.familyName": "Li", "displayName": "B" } }]),
                json!({ "name": { "givenName": "Ben", "familyname": "Li" }, "displayname": "B" }),
            ),
            (
                json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "b" }]),
                json!({ "emails": [{ "type": "work", "value": "b" }] }),
            ),
            (
                json!([{ "op": "Add", "path": "emails[type eq \"home\"].value", "value": "c" }]),
                json!({ "emails": [{ "type": "work", "value": "a" }, { "type": "home", "value": "c" }] }),
            ),
            (json!([{ "op": "remove", "path": "emails[type eq \"work\"]" }]), json!({ "emails": [] })),
            (json!([{ "op": "remove", "path": "name.givenName" }]), json!({ "name": {} })),
            (
                json!([{ "op": "replace", "value": { "name": { "familyName": "Li" } } }]),
                json!({ "name": { "givenName": "Ben", "familyName": "Li" } }),
            ),
            (json!([{ "op": "add", "path": "emails", "value": [{ "type": "work", "value": "a" }] }]), json!({})),
        ] {
            let mut expected = ben.clone();
            change
                .as_object()
                .unwrap()
                .iter()
                .for_each(|(key, value)| drop(expected.as_object_mut().unwrap().insert(key.clone(), value.clone())));
            assert_eq!(patched(ben.clone(), operations.clone()), Ok(expected), "{operations}");
        }
    }

    #[test]
    fn what_cannot_be_changed_is_said_in_the_words_of_the_standard() {
        for (operations, kind) in [
            (json!([{ "op": "delete", "path": "name" }]), FaultKind::InvalidSyntax),
            (json!([]), FaultKind::InvalidSyntax),
            (json!([{ "op": "remove" }]), FaultKind::NoTarget),
            (json!([{ "op": "add", "value": 7 }]), FaultKind::InvalidValue),
            (json!([{ "op": "replace", "path": "a[", "value": 7 }]), FaultKind::InvalidPath),
            (json!([{ "op": "replace", "path": "id", "value": "x" }]), FaultKind::Mutability),
            (json!([{ "op": "add", "path": "groups", "value": [{ "value": "x" }] }]), FaultKind::Mutability),
            (json!([{ "op": "replace", "path": "emails[type pr].value", "value": "x" }]), FaultKind::NoTarget),
        ] {
            assert_eq!(patched(json!({ "userName": "ben" }), operations.clone()).map_err(|fault| fault.kind), Err(kind), "{operations}");
        }
    }
}
