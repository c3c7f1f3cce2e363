use crate::departments::structure;
use backend::{door::Can, keys, problem::Problem, web::Answer};
use domain::{
    Error, Result,
    access::{Access, Granting},
    id::DepartmentId,
    import::harmless,
    limits,
    organization::Membership,
    policy::ReadDirectory,
    structure::Department,
    text::Line,
};

const COLUMNS: [&str; 9] = ["name", "email", "title", "role", "department", "roles", "groups", "standing", "joined_at"];

/// The directory as a file for a spreadsheet, by name.
#[utoipa::path(get, path = "/api/v1/members/export", operation_id = "export_members", tag = "organization", responses((status = 200, body = String, content_type = "text/csv")))]
pub async fn export(can: Can<ReadDirectory>) -> Result<Answer, Problem> {
    let members: Vec<Membership> = can.all(keys::members(can.tenant()), limits::EXPORT_MEMBERS + 1).await?;
    if members.len() > limits::EXPORT_MEMBERS {
        let message = format!("there are more than {} members, which is the most for one file; list them", limits::EXPORT_MEMBERS);
        return Err(Error::Conflict(message).into());
    }
    let departments = structure(&can).await?.departments;
    let rows = members.iter().map(|member| row(member, &departments, can.access()));
    Ok(Answer::csv("members.csv", &table(&COLUMNS, rows)?))
}

fn names<I: PartialEq>(all: &[Granting<I>], ids: &[I]) -> String {
    let names = all.iter().filter(|one| ids.contains(&one.id)).map(|one| one.name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

fn row(member: &Membership, departments: &[Department], access: &Access) -> [String; 9] {
    let name_of = |id: &DepartmentId| departments.iter().find(|one| one.id == *id).map(|one| one.name.clone());
    let department = member.department.as_ref().and_then(name_of);
    [
        member.name.to_string(),
        member.email.to_string(),
        member.title.clone().map(Line::into).unwrap_or_default(),
        member.role.as_str().to_owned(),
        department.map(Line::into).unwrap_or_default(),
        names(&access.roles, &member.roles),
        names(&access.groups, &member.groups),
        member.standing.as_str().to_owned(),
        member.joined_at.to_string(),
    ]
}

/// Comma-separated values (RFC 4180) in which no cell is a formula.
pub(crate) fn table<const N: usize>(columns: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> Result<String> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(columns).map_err(Error::internal)?;
    for row in rows {
        writer.write_record(row.each_ref().map(|cell| harmless(cell))).map_err(Error::internal)?;
    }
    let bytes = writer.into_inner().map_err(|e| Error::internal(e.to_string()))?;
    String::from_utf8(bytes).map_err(Error::internal)
}
