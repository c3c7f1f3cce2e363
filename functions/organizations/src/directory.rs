use backend::{
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::Problem,
    web::{Answer, List},
};
use domain::{
    Error, Result,
    directory::{MemberSearch, MemberWord},
    id::{DepartmentId, GroupId, TeamId},
    limits,
    organization::{Membership, Standing},
    policy::ReadDirectory,
    text::words,
};
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct MemberFilter {
    /// Every word must begin a word of the name or the mail address; case and marks on letters do not matter.
    #[param(max_length = 100, example = "zoe adl")]
    q: Option<String>,
    /// A built-in role, or the id of one of the organisation's own.
    role: Option<String>,
    group: Option<GroupId>,
    department: Option<DepartmentId>,
    team: Option<TeamId>,
    /// Every word must begin a word of one and the same skill.
    #[param(max_length = 100, example = "prun")]
    skill: Option<String>,
    standing: Option<Standing>,
}

impl MemberFilter {
    /// Nothing, when it asks for signs alone, which are no words and which nobody has.
    fn search(self) -> Result<Option<MemberSearch>> {
        let Self { q, role, group, department, team, skill, standing } = self;
        let (words, skill) = (sought("q", q)?, sought("skill", skill)?);
        if standing == Some(Standing::Removed) {
            return Err(Error::invalid("standing", "is not one of the directory, which forgets who was removed"));
        }
        let role = role.map(|role| role.parse()).transpose().map_err(|e: String| Error::invalid("role", e))?;
        Ok(words.zip(skill).map(|(words, skill)| MemberSearch { words, role, group, department, team, standing, skill }))
    }
}

/// The words of what was asked for; none at all, when it has signs and no word.
fn sought(field: &str, text: Option<String>) -> Result<Option<BTreeSet<String>>> {
    let text = text.unwrap_or_default();
    if text.chars().count() > limits::SEARCH_TEXT {
        return Err(Error::invalid(field, format!("has more than {} characters", limits::SEARCH_TEXT)));
    }
    Ok(Some(words([text.as_str()])).filter(|words| !words.is_empty() || text.trim().is_empty()))
}

/// The directory: everybody in the organisation by name, or whom a search finds.
///
/// All that is asked for must fit. A search follows a change within moments, not within it. A page of a search may be short,
/// even empty, and not be the last.
#[utoipa::path(get, path = "/api/v1/members", operation_id = "list_members", tag = "organization", params(MemberFilter, PageQuery), responses((status = 200, body = Page<Membership>)))]
pub async fn list(can: Can<ReadDirectory>, List { filter, paging }: List<MemberFilter>) -> Result<Answer, Problem> {
    let Some(search) = filter.search()? else { return Ok(Answer::ok(&Page::<Membership> { items: Vec::new(), next: None })?) };
    let lists: Vec<_> = search.lists().iter().map(|word| keys::members_with(can.tenant(), word)).collect();
    let page = if lists.is_empty() {
        can.list(keys::members(can.tenant()), &paging, false).await?
    } else {
        let fits = |member: &Membership| search.fits(&member.clone().as_known(can.access()));
        let key = |entry: &MemberWord| keys::member(can.tenant(), &entry.user);
        can.list_in_all(lists, &paging, key, keys::place_by_name, fits).await?
    };
    Ok(Answer::ok(&page.map(|member| member.as_known(can.access())))?)
}
