//! Members as SCIM users.

use super::{
    ENTERPRISE_USER, ExternalId, Fault, FaultKind, Operation, Provisioned, Resource, USER, apply, filter::member, is_true, line, meta,
    object,
};
use crate::{
    Error, Result, Timestamp,
    access::Access,
    account::{Credentials, EmailOwner, User},
    commit::Commit,
    id::*,
    management::{Manager, join},
    organization::{Everyone, Membership, Standing},
    policy::Role,
    structure::{Places, Structure},
    text::{Email, Line, Zone, folded},
};
use serde_json::{Value, json};

/// What a directory says somebody is. What it says beyond this is not kept.
#[derive(Clone, Debug, PartialEq)]
pub struct UserDraft {
    /// Its `userName`, which is the address.
    pub email: Email,
    /// Absent, where nothing is said of it.
    pub name: Option<Line>,
    /// Where nothing is said of it, who is new is active, and who is here stays as they are.
    pub active: Option<bool>,
    pub external_id: Option<Line>,
    pub given_name: Option<Line>,
    pub family_name: Option<Line>,
    pub title: Option<Line>,
    /// Of the enterprise extension: a department's name.
    pub department: Option<Line>,
}

impl UserDraft {
    /// Reads what operations make of a user. Who has another name in full, or in parts, is shown by that unless it is said by what.
    pub fn patched(view: Value, operations: &[Operation]) -> Result<Self, Fault> {
        let mut resource = apply(view.clone(), operations)?;
        let name = |resource: &Value, sub: &str| member(resource, "name").and_then(|name| member(name, sub)).cloned();
        let [given, family, whole] = ["givenName", "familyName", "formatted"].map(|sub| name(&view, sub) != name(&resource, sub));
        let shown = member(&view, "displayName") != member(&resource, "displayName");
        if !shown && (given || family || whole) {
            resource["displayName"] = Value::Null;
            if !whole {
                resource["name"]["formatted"] = Value::Null;
            }
        }
        let draft = Self::read(&resource)?;
        // What is as it was the directory did not say
        Ok(Self { name: draft.name.filter(|_| shown || given || family || whole), ..draft })
    }

    pub fn read(resource: &Value) -> Result<Self, Fault> {
        object(resource)?;
        let invalid = |detail: String| Fault::new(FaultKind::InvalidValue, detail);
        let name = |sub: &str| member(resource, "name").and_then(|name| member(name, sub));
        let email: Email = match member(resource, "userName") {
            Some(Value::String(text)) => text.parse::<Email>().map_err(|message| invalid(format!("userName {message}")))?,
            _ => return Err(invalid("userName is missing".to_owned())),
        };
        let active = match member(resource, "active") {
            None | Some(Value::Null) => None,
            Some(value) => Some(is_true(value).ok_or_else(|| invalid("active is not a boolean".to_owned()))?),
        };
        let (given_name, family_name) = (line(name("givenName"), "name.givenName")?, line(name("familyName"), "name.familyName")?);
        let both = [given_name.as_ref(), family_name.as_ref()].into_iter().flatten().map(Line::as_str).collect::<Vec<_>>().join(" ");
        let shown = match line(member(resource, "displayName"), "displayName")? {
            Some(shown) => Some(shown),
            None => line(name("formatted"), "name.formatted")?,
        };
        let name = match shown {
            None if both.is_empty() => None,
            None => Some(both.parse::<Line>().map_err(|message| invalid(format!("name {message}")))?),
            shown => shown,
        };
        let external_id = line(member(resource, "externalId"), "externalId")?;
        let title = line(member(resource, "title"), "title")?;
        let department = line(member(resource, ENTERPRISE_USER).and_then(|more| member(more, "department")), "department")?;
        Ok(Self { email, name, active, external_id, given_name, family_name, title, department })
    }

    fn provisioned(&self, before: &Provisioned) -> Provisioned {
        Provisioned {
            id: before.id.clone(),
            named: before.named || self.name.is_some(),
            external_id: self.external_id.clone(),
            given_name: self.given_name.clone(),
            family_name: self.family_name.clone(),
            department: self.department.clone(),
            version: before.version + 1,
        }
    }

    /// The department that a name stands for; what is the name of none, or of several, is kept and puts nobody anywhere.
    fn place(&self, structure: &Structure) -> Option<DepartmentId> {
        let name = folded(self.department.as_ref()?.as_str());
        let mut named = structure.departments.iter().filter(|one| folded(one.name.as_str()) == name);
        named.next().filter(|_| named.next().is_none()).map(|one| one.id.clone())
    }
}

/// A member as a directory kept elsewhere sees them.
pub fn user_view(it: &Membership, noted: &Provisioned, access: &Access) -> Value {
    let mut name = json!({ "formatted": it.name });
    for (key, value) in [("givenName", &noted.given_name), ("familyName", &noted.family_name)] {
        if let Some(value) = value {
            name[key] = json!(value);
        }
    }
    let groups = access.groups.iter().filter(|group| it.groups.contains(&group.id));
    let groups: Vec<_> = groups
        .map(|group| json!({ "value": group.id, "$ref": Resource::Group.location(&group.id), "display": group.name, "type": "direct" }))
        .collect();
    let mut view = json!({
        "schemas": [USER],
        "id": it.user,
        "userName": it.email,
        "name": name,
        "displayName": it.name,
        "active": it.standing == Standing::Active,
        "emails": [{ "value": it.email, "type": "work", "primary": true }],
        "groups": groups,
        "meta": meta(Resource::User, it.user.as_str(), it.joined_at, it.version + noted.version),
    });
    if let Some(external) = &noted.external_id {
        view["externalId"] = json!(external);
    }
    if let Some(title) = &it.title {
        view["title"] = json!(title);
    }
    if let Some(department) = &noted.department {
        view[ENTERPRISE_USER] = json!({ "department": department });
        view["schemas"] = json!([USER, ENTERPRISE_USER]);
    }
    view
}

/// Writes what is kept beside a member or group, and makes its external id the one of nobody else.
pub(super) fn note(commit: Commit, kind: Resource, before: &Provisioned, after: Provisioned) -> Commit {
    let named = |provisioned: &Provisioned| {
        provisioned.external_id.clone().map(|value| ExternalId { resource: kind, value, id: provisioned.id.clone() })
    };
    let (old, new) = (named(before), named(&after));
    let commit = match before.version {
        0 => commit.also_create(after),
        seen => commit.also_replace(seen, after),
    };
    if old == new {
        return commit;
    }
    let commit = old.into_iter().fold(commit, Commit::also_remove);
    new.into_iter().fold(commit, Commit::also_create)
}

/// Nothing is left of what was kept beside a member or group.
pub(super) fn forget(commit: Commit, kind: Resource, before: &Provisioned) -> Commit {
    let external = before.external_id.clone().map(|value| ExternalId { resource: kind, value, id: before.id.clone() });
    let commit = external.into_iter().fold(commit, Commit::also_remove);
    if before.version == 0 { commit } else { commit.also_remove(before.clone()) }
}

/// Keeps members in step, with the rights of whoever answers for the key.
pub struct Provision<'a> {
    pub manager: Manager<'a>,
    /// Whoever answers for the key.
    pub by: &'a UserId,
    pub organization: &'a OrganizationId,
    pub structure: &'a Structure,
    pub now: Timestamp,
}

impl Provision<'_> {
    /// A directory that locked out whoever answers for its key could keep nobody in step any more.
    fn check_others(&self, member: &Membership) -> Result<()> {
        match member.user == *self.by {
            true => {
                Err(Error::Conflict("this user answers for the key that is used here: somebody else has to rotate it first".to_owned()))
            }
            false => Ok(()),
        }
    }

    /// Makes somebody a member, never more than that. An address without an account gets one without a password. Whose account
    /// it is already joins with it; the organisation gets no say over the account, nor learns what it is called elsewhere.
    pub fn create(
        &self,
        draft: &UserDraft,
        account: Option<EmailOwner>,
        id: UserId,
        before: Option<Membership>,
        noted: &Provisioned,
        everyone: Option<&Everyone>,
    ) -> Result<(Membership, Provisioned, Commit)> {
        if before.as_ref().is_some_and(|before| before.standing != Standing::Removed) {
            return Err(Fault::new(FaultKind::Uniqueness, "there is a user of this userName already").into());
        }
        if !self.manager.grants.cover(&Role::Member.grants()) {
            return Err(Error::forbidden("whoever answers for this key may less than a member, and so makes none"));
        }
        let is_new = account.is_none();
        let local = || draft.email.as_str().split('@').next().unwrap_or_default().parse::<Line>();
        let name = draft.name.clone().map_or_else(local, Ok).map_err(Error::internal)?;
        let id = account.as_ref().map_or(id, |owner| owner.user.clone());
        let user = User::new(id, name, draft.email.clone(), Zone::default(), self.organization.clone(), self.now);
        let standing = if draft.active.unwrap_or(true) { Standing::Active } else { Standing::Deactivated };
        let place = user.joins(self.organization, Role::Member, draft.place(self.structure), self.now);
        // Whoever has an account takes the place by opening it
        let place = Membership { standing, title: draft.title.clone(), accepted: is_new, ..place };
        let (member, mut commit) = join(self.manager.access, place, before, everyone, self.now)?;
        if let Some(owner) = account {
            commit = commit.with(owner.relied_on());
        } else {
            commit =
                commit.also_create(EmailOwner::of(&user)).also_create(Credentials::without_password(&user.id, self.now)).also_create(user);
        }
        // By this they are told
        commit = commit.and(Commit::noted("member.provisioned", &member));
        let after = draft.provisioned(noted);
        Ok((member, after.clone(), note(commit, Resource::User, noted, after)))
    }

    /// Makes somebody what the directory says they are: name, title, department, and whether they are let in.
    pub fn change(&self, before: Membership, noted: &Provisioned, draft: &UserDraft) -> Result<(Membership, Provisioned, Commit)> {
        if draft.email != before.email {
            let detail = "userName is the address of an account, which stays: make a user of the new address, and delete this one";
            return Err(Fault::new(FaultKind::Mutability, detail).into());
        }
        let active = draft.active.unwrap_or(before.standing == Standing::Active);
        if !active {
            self.check_others(&before)?;
        }
        let name = draft.name.clone().unwrap_or_else(|| before.name.clone());
        let mut wanted = Membership { name, title: draft.title.clone(), ..before.clone() };
        // Somebody here may have moved them since; what the directory says anew counts
        if draft.department != noted.department {
            wanted.department = draft.place(self.structure);
        }
        let (member, commit) = self.manager.provision(before, wanted, active, self.now)?;
        let after = draft.provisioned(noted);
        if (Provisioned { version: noted.version, ..after.clone() }) == *noted {
            return Ok((member, noted.clone(), commit));
        }
        Ok((member, after.clone(), note(commit, Resource::User, noted, after)))
    }

    /// Takes somebody out of the organisation.
    pub fn remove(&self, before: Membership, places: Places, noted: &Provisioned) -> Result<Commit> {
        self.check_others(&before)?;
        let (_, commit) = self.manager.remove(before, places, self.now)?;
        Ok(forget(commit, Resource::User, noted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_as_directories_write_them() {
        let read = |value: Value| UserDraft::read(&value);
        let entra = json!({
            "schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "externalId": "0a21f0f2", "userName": "Ben@Example.com",
            "active": "True", "emails": [{ "primary": true, "type": "work", "value": "ben@example.com" }],
            "meta": { "resourceType": "User" }, "name": { "formatted": "Ben Li", "familyName": "Li", "givenName": "Ben" }, "roles": []
        });
        let ben = read(entra).unwrap();
        assert_eq!((ben.email.as_str(), ben.active), ("ben@example.com", Some(true)));
        assert_eq!(ben.name.unwrap().as_str(), "Ben Li");
        assert_eq!(ben.external_id.unwrap().as_str(), "0a21f0f2");
        for (name, shown) in [
            (json!({ "name": { "givenName": "Ben", "familyName": "Li" } }), "Ben Li"),
            (json!({ "displayName": "B. Li", "name": { "formatted": "Ben Li" } }), "B. Li"),
            (json!({ "displayName": "", "name": { "formatted": "Ben Li" } }), "Ben Li"),
        ] {
            let mut user = json!({ "userName": "ben@example.com" });
            user.as_object_mut().unwrap().extend(name.as_object().unwrap().clone());
            assert_eq!(read(user).unwrap().name.unwrap().as_str(), shown);
        }
        assert_eq!(read(json!({ "userName": "ben@example.com", "displayName": "" })).unwrap().name, None);
        for (active, read_as) in [(json!(null), None), (json!(false), Some(false)), (json!("False"), Some(false))] {
            assert_eq!(read(json!({ "userName": "ben@example.com", "active": active })).unwrap().active, read_as);
        }
        for wrong in [
            json!([]),
            json!({}),
            json!({ "userName": "ben" }),
            json!({ "userName": 7 }),
            json!({ "userName": "ben@example.com", "active": "maybe" }),
            json!({ "userName": "ben@example.com", "displayName": "a\u{0}b" }),
            json!({ "userName": "ben@example.com", "externalId": 7 }),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
