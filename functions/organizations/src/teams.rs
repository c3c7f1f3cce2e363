use crate::departments::{check_department, structure};
use backend::{
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, List, Path},
};
use domain::{
    Error, Result,
    id::{DepartmentId, TeamId, UserId},
    organization::Membership,
    policy::{ManageTeams, ReadDirectory},
    structure::Scope,
    team::{Team, TeamDraft, TeamEdit},
};
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TeamFilter {
    /// Teams of this department, without those of departments below it.
    department: Option<DepartmentId>,
    /// Teams this person is in. Not together with a department.
    member: Option<UserId>,
}

/// Teams: all, those of a department, or those of a person.
#[utoipa::path(get, path = "/api/v1/teams", operation_id = "list_teams", tag = "organization", params(TeamFilter, PageQuery), responses((status = 200, body = Page<Team>)))]
pub async fn list(can: Can<ReadDirectory>, List { filter, paging }: List<TeamFilter>) -> Result<Answer, Problem> {
    let page = match (&filter.department, &filter.member) {
        (None, None) => can.list(keys::teams(can.tenant()), &paging, false).await?,
        (Some(department), None) => can.list(keys::teams_in(can.tenant(), department), &paging, false).await?,
        (None, Some(user)) => {
            let member: Option<Membership> = can.get(keys::member(can.tenant(), user)).await?;
            let teams = member.into_iter().flat_map(|member| member.teams);
            Page { items: can.get_many(teams.map(|team| keys::team(can.tenant(), &team)).collect()).await?, next: None }
        }
        (Some(_), Some(_)) => return Err(Error::invalid("member", "is given together with a department").into()),
    };
    Ok(Answer::ok(&page)?)
}

/// Make a team, in a department or across departments.
#[utoipa::path(post, path = "/api/v1/teams", operation_id = "create_team", tag = "organization", request_body = TeamDraft, responses((status = 201, body = Team)))]
pub async fn create(can: Can<ManageTeams>, Body(draft): Body<TeamDraft>) -> Result<Answer, Problem> {
    check_department(&can, draft.department.as_ref()).await?;
    let (team, commit) = Team::new(TeamId::new(can.now(), can.random()), draft, can.now());
    let answer = Answer::created(format_args!("/api/v1/teams/{}", team.id), &team)?;
    Ok(can.answer(commit, answer).await?)
}

/// One team, with its members and goals.
#[utoipa::path(get, path = "/api/v1/teams/{team}", operation_id = "get_team", tag = "organization", params(("team" = TeamId, Path)), responses((status = 200, body = Team)))]
pub async fn get(can: Can<ReadDirectory>, Path(id): Path<TeamId>) -> Result<Answer, Problem> {
    Ok(Answer::record(&can.find(keys::team(can.tenant(), &id), "team").await?)?)
}

/// A team is moved and deleted from above: where it is and where it goes, by those who make teams there.
fn check_above(can: &Can<ManageTeams>, department: Option<&DepartmentId>) -> Result<()> {
    let Some(mut within) = can.within() else { return Ok(()) };
    match department {
        Some(department) if within.any(|scope| *scope == Scope::Department(department.clone())) => Ok(()),
        _ => Err(Error::forbidden("a team is moved and deleted by those who make teams in its department, and you make none there")),
    }
}

/// Rename a team, or move it to another department.
///
/// It is moved by those who make teams both where it is and where it goes. Where that gives heads rights over it, or takes them, it
/// is moved by those who could name these heads.
#[utoipa::path(patch, path = "/api/v1/teams/{team}", operation_id = "edit_team", tag = "organization", params(("team" = TeamId, Path), IfMatchHeader), request_body = TeamEdit, responses((status = 200, body = Team)))]
pub async fn edit(can: Can<ManageTeams>, Path(id): Path<TeamId>, seen: IfMatch, Body(edit): Body<TeamEdit>) -> Result<Answer, Problem> {
    let (id, edit) = (&id, &edit);
    can.settle(|can| async move {
        let team: Team = seen.check(can.find(keys::team(can.tenant(), id), "team").await?)?;
        if let Some(department) = edit.department.as_ref().filter(|department| **department != team.department) {
            check_department(&can, department.as_ref()).await?;
            check_above(&can, team.department.as_ref())?;
            check_above(&can, department.as_ref())?;
            can.check_heads(&structure(&can).await?, team.department.as_ref(), department.as_ref()).await?;
        }
        let (team, commit) = team.edit(edit.clone());
        Ok((commit, Answer::record(&team)?))
    })
    .await
}

/// Delete a team; its members stay where they are otherwise. Its own manager does not: those who make teams in its department do.
#[utoipa::path(delete, path = "/api/v1/teams/{team}", operation_id = "delete_team", tag = "organization", params(("team" = TeamId, Path), IfMatchHeader), responses((status = 204)))]
pub async fn delete(can: Can<ManageTeams>, Path(id): Path<TeamId>, seen: IfMatch) -> Result<Answer, Problem> {
    let id = &id;
    can.settle(|can| async move {
        let team: Team = seen.check(can.find(keys::team(can.tenant(), id), "team").await?)?;
        check_above(&can, team.department.as_ref())?;
        let members = can.get_many(team.members.iter().map(|member| keys::member(can.tenant(), &member.user)).collect()).await?;
        Ok((team.delete(&members), Answer::nothing()))
    })
    .await
}
