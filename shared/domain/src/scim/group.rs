//! Groups as SCIM groups.

use super::{
    Fault, FaultKind, GROUP, Operation, Projection, Provisioned, Resource,
    filter::member,
    line, meta, object,
    patch::{Kind, ids},
    user::{forget, note},
};
use crate::{
    Error, Result, Timestamp,
    access::{Access, GrantingDraft, GrantingEdit, Group},
    commit::Commit,
    id::*,
    policy::Grants,
    text::Line,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a directory says a group is. What the group may, it has no say in.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDraft {
    pub name: Line,
    pub external_id: Option<Line>,
    pub members: BTreeSet<UserId>,
}

fn users(ids: Vec<String>) -> Result<BTreeSet<UserId>, Fault> {
    let user = |id: String| id.parse().map_err(|_| Fault::new(FaultKind::InvalidValue, format!("{id:?} is not the id of a user")));
    ids.into_iter().map(user).collect()
}

impl GroupDraft {
    pub fn read(resource: &Value) -> Result<Self, Fault> {
        object(resource)?;
        let name = line(member(resource, "displayName"), "displayName")?;
        Ok(Self {
            name: name.ok_or_else(|| Fault::new(FaultKind::InvalidValue, "displayName is missing"))?,
            external_id: line(member(resource, "externalId"), "externalId")?,
            members: users(ids(member(resource, "members").unwrap_or(&Value::Null))?)?,
        })
    }
}

/// What becomes of a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupChange {
    pub name: Option<Line>,
    pub external_id: Option<Option<Line>>,
    /// Everybody in it from now on; before others come and go.
    pub everybody: Option<BTreeSet<UserId>>,
    pub come: BTreeSet<UserId>,
    pub go: BTreeSet<UserId>,
}

impl From<GroupDraft> for GroupChange {
    fn from(draft: GroupDraft) -> Self {
        Self { name: Some(draft.name), external_id: Some(draft.external_id), everybody: Some(draft.members), ..Self::default() }
    }
}

impl GroupChange {
    pub fn read(operations: &[Operation]) -> Result<Self, Fault> {
        let mut change = Self::default();
        for operation in operations {
            for (kind, path, value) in operation.parts()? {
                match (path.attribute.name.as_str(), kind) {
                    ("displayname", Kind::Add | Kind::Replace) => {
                        let name = line(Some(&value), "displayName")?;
                        change.name = Some(name.ok_or_else(|| Fault::new(FaultKind::InvalidValue, "displayName is empty"))?);
                    }
                    ("externalid", Kind::Remove) => change.external_id = Some(None),
                    ("externalid", _) => change.external_id = Some(line(Some(&value), "externalId")?),
                    // Okta sends the id again
                    ("id", Kind::Replace) => {}
                    ("members", kind) => change.members(kind, path.of.as_ref(), &value)?,
                    (name, _) => return Err(Fault::new(FaultKind::Mutability, format!("{name} cannot be changed"))),
                }
            }
        }
        Ok(change)
    }

    fn members(&mut self, kind: Kind, of: Option<&super::Filter>, value: &Value) -> Result<(), Fault> {
        let named = match of {
            Some(filter) => {
                let id = filter.demands("value");
                let id =
                    id.ok_or_else(|| Fault::new(FaultKind::InvalidPath, "members are told by their value: members[value eq \"…\"]"))?;
                users(vec![id.to_owned()])?
            }
            None => users(ids(value)?)?,
        };
        match kind {
            Kind::Add => {
                self.go.retain(|id| !named.contains(id));
                self.come.extend(named);
            }
            Kind::Remove if of.is_none() && value.is_null() => self.all_are(BTreeSet::new()),
            Kind::Remove => {
                self.come.retain(|id| !named.contains(id));
                self.go.extend(named);
            }
            Kind::Replace => self.all_are(named),
        }
        Ok(())
    }

    fn all_are(&mut self, everybody: BTreeSet<UserId>) {
        self.everybody = Some(everybody);
        self.come.clear();
        self.go.clear();
    }

    /// Who comes and who goes, from those who are in it.
    pub fn against(&self, present: &BTreeSet<UserId>) -> (BTreeSet<UserId>, BTreeSet<UserId>) {
        let mut wanted = self.everybody.clone().unwrap_or_else(|| present.clone());
        wanted.extend(self.come.iter().cloned());
        wanted.retain(|id| !self.go.contains(id));
        (wanted.difference(present).cloned().collect(), present.difference(&wanted).cloned().collect())
    }
}

/// A group as a directory kept elsewhere sees it.
pub fn group_view(it: &Group, noted: &Provisioned, members: &[UserId], projection: &Projection) -> Value {
    let mut view = json!({
        "schemas": [GROUP],
        "id": it.id,
        "displayName": it.name,
        "meta": meta(Resource::Group, it.id.as_str(), it.created_at, it.version + noted.version),
    });
    if projection.has("members") {
        let member = |id: &UserId| json!({ "value": id, "$ref": Resource::User.location(id), "type": "User" });
        view["members"] = members.iter().map(member).collect();
    }
    if let Some(external) = &noted.external_id {
        view["externalId"] = json!(external);
    }
    projection.of(view)
}

/// Keeps groups in step, with the rights of whoever answers for the key.
pub struct Provisioning<'a> {
    pub access: &'a Access,
    pub grants: &'a Grants,
    pub now: Timestamp,
}

/// A refusal in the words of the standard: a name that is taken, and permissions that are more than the key may give.
fn told(error: Error) -> Error {
    match error {
        Error::Conflict(detail) => Fault::new(FaultKind::Uniqueness, detail).into(),
        Error::Invalid(_) => Error::forbidden("the group has permissions that whoever answers for this key does not have"),
        other => other,
    }
}

impl Provisioning<'_> {
    /// A group that carries nothing: what it may is decided here, by people.
    pub fn create(&self, id: GroupId, draft: &GroupDraft) -> Result<(Group, Provisioned, Commit)> {
        let made = GrantingDraft { name: draft.name.clone(), permissions: Grants::default() };
        let noted = Provisioned::none(&id);
        let (group, commit) = self.access.clone().create(id, made, self.grants, self.now).map_err(told)?;
        let after = Provisioned { external_id: draft.external_id.clone(), version: 1, ..noted.clone() };
        Ok((group, after.clone(), note(commit, Resource::Group, &noted, after)))
    }

    /// Its name and external id, and that members came or went; nothing when all of it stays.
    pub fn change(&self, id: &GroupId, noted: &Provisioned, change: &GroupChange, moves: bool) -> Result<(Group, Provisioned, Commit)> {
        let before = self.access.find(id)?;
        let name = change.name.clone().filter(|name| *name != before.name);
        let (group, mut commit) = match name {
            Some(name) => {
                let edit = GrantingEdit { name: Some(name), permissions: None };
                self.access.clone().edit(id, edit, self.grants).map_err(told)?
            }
            None => (before, Commit::quiet()),
        };
        let external_id = change.external_id.clone().unwrap_or_else(|| noted.external_id.clone());
        if external_id == noted.external_id && !moves {
            return Ok((group, noted.clone(), commit));
        }
        let after = Provisioned { external_id, version: noted.version + 1, ..noted.clone() };
        commit = note(commit, Resource::Group, noted, after.clone());
        Ok((group, after, commit))
    }

    pub fn delete(&self, id: &GroupId, noted: &Provisioned) -> Result<Commit> {
        Ok(forget(self.access.clone().delete(id, self.grants).map_err(told)?, Resource::Group, noted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: u128) -> UserId {
        UserId::new(Timestamp::UNIX_EPOCH, number)
    }

    fn change(operations: Value) -> Result<GroupChange, Fault> {
        GroupChange::read(&serde_json::from_value::<Vec<Operation>>(operations).unwrap())
    }

    #[test]
    fn members_come_and_go_as_directories_write_it() {
        let present = BTreeSet::from([user(1), user(2)]);
        let path = format!("members[value eq \"{}\"]", user(1));
        for (operations, come, go) in [
            (json!([{ "op": "Add", "path": "members", "value": [{ "value": user(3) }, { "value": user(1) }] }]), vec![user(3)], vec![]),
            (json!([{ "op": "Remove", "path": "members", "value": [{ "value": user(1) }] }]), vec![], vec![user(1)]),
            (json!([{ "op": "remove", "path": path }]), vec![], vec![user(1)]),
            (json!([{ "op": "remove", "path": "members" }]), vec![], vec![user(1), user(2)]),
            (
                json!([{ "op": "replace", "path": "members", "value": [{ "value": user(2) }, { "value": user(4) }] }]),
                vec![user(4)],
                vec![user(1)],
            ),
            (json!([{ "op": "replace", "value": { "id": "x", "displayName": "New", "members": [] } }]), vec![], vec![user(1), user(2)]),
            (json!([{ "op": "remove", "path": path }, { "op": "add", "path": "members", "value": { "value": user(1) } }]), vec![], vec![]),
        ] {
            let (comes, goes) = change(operations.clone()).unwrap().against(&present);
            assert_eq!((comes, goes), (come.into_iter().collect(), go.into_iter().collect()), "{operations}");
        }
        for wrong in [
            json!([{ "op": "add", "path": "members", "value": ["x"] }]),
            json!([{ "op": "add", "path": "members", "value": [{ "value": "x" }] }]),
            json!([{ "op": "remove", "path": "members[display eq \"x\"]" }]),
            json!([{ "op": "replace", "path": "permissions", "value": ["hand_over"] }]),
            json!([{ "op": "replace", "path": "displayName", "value": "" }]),
        ] {
            assert!(change(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
