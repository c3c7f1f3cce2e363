use crate::{departments::structure, export::table, invitations::inviter};
use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Csv, List, Media},
};
use domain::{
    Error, Result,
    commit::Commit,
    error::Fault,
    import::{GoodRow, Known, Outcome, ROWS_AT_ONCE, Row, RowReport, check, invite, plain, report},
    limits,
    organization::Organization,
    policy::InviteMembers,
    text::folded,
};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    True,
    #[default]
    False,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    /// Only say what would happen; `false` when absent.
    #[serde(default)]
    #[param(inline)]
    dry_run: Flag,
    /// Invite those in whose rows nothing is wrong; otherwise, and when absent, nobody is invited as long as anything is.
    #[serde(default)]
    #[param(inline)]
    skip_errors: Flag,
}

/// What a list of people comes to, row by row.
#[derive(Serialize, ToSchema)]
pub struct Import {
    dry_run: bool,
    invite: usize,
    already_invited: usize,
    already_member: usize,
    wrong: usize,
    rows: Vec<RowReport>,
    /// Columns that were not read.
    ignored: Vec<String>,
}

/// Invite many people by a list: comma-separated values with a row of columns' names.
///
/// `email` is needed; `role` (a member when empty) and `department` (name or id) may be there; other columns are ignored. Commas,
/// semicolons and tabs part cells. Up to 500 rows and 64 KiB. Who is a member or invited already stays so, so that a list can be
/// sent again, as after an answer that was lost. Twenty lists an hour are taken, without dry runs. With `Accept: text/csv` the
/// answer is a file with what each row came to.
#[utoipa::path(
    post, path = "/api/v1/members/import", operation_id = "import_members", tag = "organization", params(ImportQuery),
    request_body(content = String, content_type = "text/csv", example = "email;role;department\nben@example.com;member;Operations\n"),
    responses((status = 200, content((Import = "application/json"), (String = "text/csv"))))
)]
pub async fn import(
    can: Can<InviteMembers>,
    List { filter: query, .. }: List<ImportQuery>,
    headers: HeaderMap,
    Csv(text): Csv,
) -> Result<Answer, Problem> {
    let (rows, ignored) = read(&text)?;
    let (structure, settings) = tokio::try_join!(structure(&can), can.get(keys::settings(can.tenant())))?;
    let departments = structure.departments;
    let (good, wrong) = check(&rows, &departments, &settings.unwrap_or_default(), can.grants());
    let dry_run = query.dry_run == Flag::True;
    if !dry_run && query.skip_errors == Flag::False && !wrong.is_empty() {
        let faults = wrong.iter().flat_map(|(place, faults)| faults.iter().map(|fault| (rows[*place].line, fault)));
        let faults = faults.map(|(line, fault)| Fault { field: format!("/{line}/{}", fault.column), message: fault.message.clone() });
        return Err(Error::Invalid(faults.collect()).into());
    }
    let known = known(&can, &good).await?;
    let rows = report(rows, &good, wrong, &known, can.now());
    let count = |outcome: Outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    let import = Import {
        dry_run,
        invite: count(Outcome::Invite),
        already_invited: count(Outcome::AlreadyInvited),
        already_member: count(Outcome::AlreadyMember),
        wrong: count(Outcome::Wrong),
        rows,
        ignored,
    };
    let answer = if Media::Csv.is_wanted(&headers) { Answer::csv("invited.csv", &file(&import.rows)?) } else { Answer::ok(&import)? };
    if dry_run {
        return Ok(answer);
    }
    can.count_import().await?;
    send(&can, &good).await?;
    // Last, and with it the answer is kept: whoever asks again before that goes on where this ended
    Ok(can.answer(Commit::quiet(), answer).await?)
}

/// Invites some at a time, and each once, whoever else invites the same people meanwhile.
async fn send(can: &Can<InviteMembers>, good: &[GoodRow]) -> Result<()> {
    let organization: &Organization = &can.find(keys::organization(can.tenant()), "organisation").await?;
    for some in good.chunks(ROWS_AT_ONCE) {
        let invited = can.settle_part(|can| async move {
            let known = known(&can, some).await?;
            Ok((invite(some, &known, organization, &inviter(&can), || can.random())?, ()))
        });
        invited.await?;
    }
    Ok(())
}

/// What is known of the addresses of the rows.
async fn known(can: &Can<InviteMembers>, good: &[GoodRow]) -> Result<Known> {
    let members = can.get_many(good.iter().map(|row| keys::member_mail(can.tenant(), &row.email)).collect());
    let invited = can.get_many(good.iter().map(|row| keys::invited(can.tenant(), &row.email)).collect());
    let (members, invited) = tokio::try_join!(members, invited)?;
    let invitations = can.get_many(invited.iter().map(|one| keys::invitation(can.tenant(), &one.invitation)).collect()).await?;
    Ok(Known {
        members: members.into_iter().map(|member| (member.email.clone(), member)).collect(),
        invited: invited.into_iter().map(|invited| (invited.email.clone(), invited)).collect(),
        invitations: invitations.into_iter().map(|invitation| (invitation.id.clone(), invitation)).collect(),
    })
}

fn file(rows: &[RowReport]) -> Result<String> {
    let row = |row: &RowReport| {
        let faults: Vec<_> = row.faults.iter().map(|fault| format!("{} {}", fault.column, fault.message)).collect();
        let RowReport { line, email, role, department, outcome, .. } = row.clone();
        [line.to_string(), email, role, department, outcome.as_str().to_owned(), faults.join("; ")]
    };
    table(&["line", "email", "role", "department", "outcome", "faults"], rows.iter().map(row))
}

#[derive(Clone, Copy, PartialEq)]
enum Column {
    Email,
    Role,
    Department,
}

impl Column {
    fn named(name: &str) -> Option<Self> {
        let name: String = folded(name).chars().filter(|c| c.is_alphanumeric()).collect();
        match name.as_str() {
            "email" | "mail" | "emailaddress" => Some(Self::Email),
            "role" => Some(Self::Role),
            "department" => Some(Self::Department),
            _ => None,
        }
    }
}

/// What parts the cells: whichever the row of names has most of, outside of quotes.
fn separator(head: &str) -> u8 {
    let outside: String = head.split('"').step_by(2).collect();
    let count = |sign: &u8| outside.bytes().filter(|byte| byte == sign).count();
    // The last of those that come as often, so a comma where there is none
    b"\t;,".iter().copied().max_by_key(count).unwrap_or(b',')
}

/// The rows that are not empty, and the names of columns that mean nothing here.
fn read(text: &str) -> Result<(Vec<Row>, Vec<String>)> {
    // Lines are counted as an editor counts them, however they end
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    // A line by which a spreadsheet is told the separator
    let marked =
        text.lines().next().is_some_and(|line| line.trim_matches('"').get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sep=")));
    let (skipped, text) = if marked { (1, text.split_once('\n').map_or("", |(_, rest)| rest)) } else { (0, text.as_str()) };
    let separator = separator(text.lines().next().unwrap_or_default());
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut records = reader.records();
    let malformed = |e: csv::Error| Error::Malformed(format!("the file is not a table of comma-separated values: {e}"));
    let head = records.next().transpose().map_err(malformed)?.unwrap_or_default();
    let columns: Vec<_> = head.iter().map(Column::named).collect();
    let find = |wanted: Column| match columns.iter().filter(|column| **column == Some(wanted)).count() {
        0 | 1 => Ok(columns.iter().position(|column| *column == Some(wanted))),
        _ => Err(Error::invalid("/1", "names a column twice")),
    };
    let (Some(email), role, department) = (find(Column::Email)?, find(Column::Role)?, find(Column::Department)?) else {
        return Err(Error::invalid("/1", "has no column `email`"));
    };
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(malformed)?;
        if record.iter().all(str::is_empty) {
            continue;
        }
        if rows.len() == limits::IMPORT_ROWS {
            return Err(Error::Malformed(format!("the file has more than {} rows; send it in parts", limits::IMPORT_ROWS)));
        }
        let cell = |column: Option<usize>| plain(column.and_then(|column| record.get(column)).unwrap_or_default()).to_owned();
        let line = record.position().map_or(0, csv::Position::line) + skipped;
        rows.push(Row { line, email: cell(Some(email)), role: cell(role), department: cell(department) });
    }
    let ignored = head.iter().zip(&columns).filter(|(name, column)| column.is_none() && !name.is_empty()).map(|(name, _)| name.to_owned());
    Ok((rows, ignored.take(limits::IMPORT_COLUMNS).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<(u64, String, String, String)> {
        let (rows, _) = read(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        rows.into_iter().map(|row| (row.line, row.email, row.role, row.department)).collect()
    }

    #[test]
    fn a_list_is_read_as_spreadsheets_write_it() {
        let row = |line, email: &str, role: &str, department: &str| (line, email.to_owned(), role.to_owned(), department.to_owned());
        for (text, rows) in [
            ("email\nben@example.com", vec![row(2, "ben@example.com", "", "")]),
            (
                "Role;E-Mail;Name\r\nguest;ben@example.com;Ben\r\n;;\r\n;lee@example.com\r\n",
                vec![row(2, "ben@example.com", "guest", ""), row(4, "lee@example.com", "", "")],
            ),
            ("sep=;\nemail;department\nben@example.com;\"Up; down\"\n", vec![row(3, "ben@example.com", "", "Up; down")]),
            ("email\tdepartment\n ben@example.com \tA, B\n", vec![row(2, "ben@example.com", "", "A, B")]),
            (
                "\"email\",\"department\"\n\"ben@example.com\",\"The \"\"A\"\" team\"\n",
                vec![row(2, "ben@example.com", "", "The \"A\" team")],
            ),
            ("email,department\n'=1@example.com,'+44\n", vec![row(2, "=1@example.com", "", "+44")]),
            ("email\n", vec![]),
        ] {
            assert_eq!(cells(text), rows, "{text:?}");
        }
        assert_eq!(read("email,Shoe size,\n").unwrap_or_else(|e| panic!("{e}")).1, ["Shoe size"]);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in ["", "name\nBen", "email,mail\na@b.co,a@b.co"] {
            assert!(read(text).is_err(), "{text:?}");
        }
        let many = format!("email\n{}", "ben@example.com\n".repeat(limits::IMPORT_ROWS + 1));
        assert!(read(&many).is_err());
    }
}
