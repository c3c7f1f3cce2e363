//! Inviting many people by a list: what each row of it comes to.

use crate::{
    Result, Timestamp,
    commit::Commit,
    directory::MemberMail,
    id::*,
    invitation::{Earlier, Invitation, InvitationDraft, Invited, Inviter},
    limits,
    organization::Organization,
    policy::{Grants, Role},
    settings::{NOT_ADMITTED, Settings},
    structure::Department,
    text::{Email, folded},
};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;

/// A row as it stands in the list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    pub line: u64,
    pub email: String,
    /// A built-in role; a member when it is empty.
    pub role: String,
    /// Name or id of a department.
    pub department: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Invite,
    /// An invitation to this address is open, or somebody asked to join with it.
    AlreadyInvited,
    AlreadyMember,
    Wrong,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::AlreadyInvited => "already_invited",
            Self::AlreadyMember => "already_member",
            Self::Wrong => "wrong",
        }
    }
}

/// What is wrong with one cell.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CellFault {
    #[schema(example = "role")]
    pub column: &'static str,
    #[schema(example = "is not a role")]
    pub message: String,
}

/// What a row comes to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RowReport {
    /// Of the file, from 1; the first is that of the columns' names.
    pub line: u64,
    #[schema(example = "ben@example.com")]
    pub email: String,
    #[schema(example = "member")]
    pub role: String,
    #[schema(example = "Operations")]
    pub department: String,
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<CellFault>,
}

/// A row in which nothing is wrong by itself.
#[derive(Clone, Debug)]
pub struct GoodRow {
    /// Its place in the list.
    pub place: usize,
    pub email: Email,
    pub role: Role,
    pub department: Option<DepartmentId>,
}

/// What is known of the addresses of a list.
#[derive(Default)]
pub struct Known {
    pub members: HashMap<Email, MemberMail>,
    pub invited: HashMap<Email, Invited>,
    pub invitations: HashMap<InvitationId, Invitation>,
}

impl Known {
    fn earlier(&self, email: &Email) -> Earlier {
        let invited = self.invited.get(email).cloned();
        let invitation = invited.as_ref().and_then(|invited| self.invitations.get(&invited.invitation).cloned());
        Earlier { invited, invitation }
    }

    fn outcome(&self, email: &Email, now: Timestamp) -> Outcome {
        let invitation = self.invited.get(email).and_then(|invited| self.invitations.get(&invited.invitation));
        if self.members.contains_key(email) {
            Outcome::AlreadyMember
        } else if invitation.is_some_and(|invitation| invitation.is_waiting(now)) {
            Outcome::AlreadyInvited
        } else {
            Outcome::Invite
        }
    }
}

fn role(text: &str, grants: &Grants) -> Result<Role, String> {
    let name = folded(text.trim());
    let role = if name.is_empty() { Some(Role::Member) } else { Role::ALL.into_iter().find(|role| role.as_str() == name) };
    match role {
        Some(role) if grants.cover(&role.grants()) => Ok(role),
        Some(_) => Err("is more than you have yourself".to_owned()),
        None => Err(format!("is none of {}", Role::ALL.map(Role::as_str).join(", "))),
    }
}

fn department(text: &str, departments: &[Department]) -> Result<Option<DepartmentId>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let name = folded(text);
    let mut named = departments.iter().filter(|one| one.id.as_str() == text || folded(one.name.as_str()) == name);
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(Some(one.id.clone())),
        (Some(_), Some(_)) => Err("is the name of several departments; give its id".to_owned()),
        (None, _) => Err("is not a department of this organisation".to_owned()),
    }
}

/// Tells the rows in which nothing is wrong by itself from what is wrong with the others.
pub fn check(
    rows: &[Row],
    departments: &[Department],
    settings: &Settings,
    grants: &Grants,
) -> (Vec<GoodRow>, BTreeMap<usize, Vec<CellFault>>) {
    let (mut good, mut wrong) = (Vec::new(), BTreeMap::new());
    let mut lines: HashMap<Email, u64> = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        let mut faults = Vec::new();
        let mut fault = |column, message| faults.push(CellFault { column, message });
        let email = row.email.parse::<Email>().map_err(|message| fault("email", message)).ok();
        if let Some(email) = &email {
            match lines.get(email) {
                Some(line) => fault("email", format!("stands in line {line} already")),
                None => drop(lines.insert(email.clone(), row.line)),
            }
        }
        let role = role(&row.role, grants).map_err(|message| fault("role", message)).ok();
        if email.as_ref().is_some_and(|email| !settings.admits(email, role.unwrap_or(Role::Member))) {
            fault("email", NOT_ADMITTED.to_owned());
        }
        let department = department(&row.department, departments).map_err(|message| fault("department", message)).ok();
        match (email, role, department) {
            (Some(email), Some(role), Some(department)) if faults.is_empty() => good.push(GoodRow { place, email, role, department }),
            _ => drop(wrong.insert(place, faults)),
        }
    }
    (good, wrong)
}

/// What each row comes to, in the order of the list.
pub fn report(
    rows: Vec<Row>,
    good: &[GoodRow],
    mut wrong: BTreeMap<usize, Vec<CellFault>>,
    known: &Known,
    now: Timestamp,
) -> Vec<RowReport> {
    let outcomes: HashMap<_, _> = good.iter().map(|row| (row.place, known.outcome(&row.email, now))).collect();
    let report = |(place, Row { line, email, role, department }): (usize, Row)| RowReport {
        line,
        email,
        role,
        department,
        outcome: outcomes.get(&place).copied().unwrap_or(Outcome::Wrong),
        faults: wrong.remove(&place).unwrap_or_default(),
    };
    rows.into_iter().enumerate().map(report).collect()
}

/// Invites as many as one transaction holds: only while nobody else invites the same addresses, so that one list sent twice at
/// once invites each once.
pub fn invite(
    some: &[GoodRow],
    known: &Known,
    organization: &Organization,
    inviter: &Inviter<'_>,
    mut random: impl FnMut() -> u128,
) -> Result<Commit> {
    let mut commit = Commit::quiet();
    for row in some.iter().filter(|row| known.outcome(&row.email, inviter.now) == Outcome::Invite) {
        let (email, role, department) = (row.email.clone(), row.role, row.department.clone());
        let draft = InvitationDraft { email, role, roles: Vec::new(), groups: Vec::new(), department };
        let id = InvitationId::new(inviter.now, random());
        commit = commit.and(Invitation::new(id, draft, organization, inviter, &known.earlier(&row.email))?.1);
    }
    Ok(commit)
}

/// Rows whose invitations fit one transaction, and the answer kept with them.
pub const ROWS_AT_ONCE: usize = (limits::TRANSACTION - 1) / 3;

/// What makes a spreadsheet take a cell for a formula.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A cell that no spreadsheet takes for a formula.
pub fn harmless(cell: &str) -> String {
    if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell.to_owned() }
}

/// A cell without what made it harmless.
pub fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

    fn row(line: u64, email: &str, role: &str, department: &str) -> Row {
        Row { line, email: email.to_owned(), role: role.to_owned(), department: department.to_owned() }
    }

    fn department(number: u128, name: &str) -> Department {
        Department {
            id: DepartmentId::new(NOW, number),
            name: name.parse().unwrap(),
            parent: None,
            heads: Vec::new(),
            created_at: NOW,
            version: 1,
        }
    }

    #[test]
    fn every_cell_that_is_wrong_is_named() {
        let departments = [department(1, "Café"), department(2, "Sales"), department(3, "sales")];
        let rows = [
            row(2, "ben@example.com", "", "CAFE"),
            row(3, "BEN@example.com", "Manager", ""),
            row(4, "ben", "king", "Sales"),
            row(5, "zoe@example.com", "owner", "Nowhere"),
            row(6, "lee@example.com", " Guest ", departments[1].id.as_str()),
        ];
        let (good, wrong) = check(&rows, &departments, &Settings::default(), &Role::Admin.grants());
        let good: Vec<_> = good.iter().map(|row| (row.place, row.email.as_str(), row.role, row.department.clone())).collect();
        let [cafe, sales, _] = departments.map(|one| Some(one.id));
        assert_eq!(good, [(0, "ben@example.com", Role::Member, cafe), (4, "lee@example.com", Role::Guest, sales)]);
        let faults: Vec<_> =
            wrong.iter().flat_map(|(place, faults)| faults.iter().map(|fault| (*place, fault.column, fault.message.as_str()))).collect();
        assert_eq!(
            faults,
            [
                (1, "email", "stands in line 2 already"),
                (2, "email", "is not an email address"),
                (2, "role", "is none of owner, admin, manager, accountant, member, guest"),
                (2, "department", "is the name of several departments; give its id"),
                (3, "role", "is more than you have yourself"),
                (3, "department", "is not a department of this organisation"),
            ]
        );
    }

    proptest! {
        #[test]
        fn a_cell_made_harmless_starts_no_formula_and_reads_back_as_itself(cell in "['=+@\\-＝\t]{0,2}[a-z=]{0,5}") {
            let written = harmless(&cell);
            prop_assert!(!written.starts_with(FORMULA));
            if !cell.starts_with('\'') {
                prop_assert_eq!(plain(&written), cell);
            }
        }
    }
}
