use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    id::{TeamId, UserId},
    organization::Membership,
    policy::ManageTeams,
    team::{Team, TeamPlace},
};

/// Put somebody into a team, or give them another role in it.
#[utoipa::path(put, path = "/api/v1/teams/{team}/members/{member}", operation_id = "put_team_member", tag = "organization", params(("team" = TeamId, Path), ("member" = UserId, Path), IfMatchHeader), request_body = TeamPlace, responses((status = 200, body = Team)))]
pub async fn put(
    can: Can<ManageTeams>,
    Path((id, user)): Path<(TeamId, UserId)>,
    seen: IfMatch,
    Body(place): Body<TeamPlace>,
) -> Result<Answer, Problem> {
    let team: Team = seen.check(can.find(keys::team(can.tenant(), &id), "team").await?)?;
    let member: Membership = can.find(keys::member(can.tenant(), &user), "member").await?;
    let (team, commit) = team.put(&member, place)?;
    can.commit(commit).await?;
    Ok(Answer::record(&team)?)
}

/// Take somebody out of a team.
#[utoipa::path(delete, path = "/api/v1/teams/{team}/members/{member}", operation_id = "remove_team_member", tag = "organization", params(("team" = TeamId, Path), ("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Team)))]
pub async fn remove(can: Can<ManageTeams>, Path((id, user)): Path<(TeamId, UserId)>, seen: IfMatch) -> Result<Answer, Problem> {
    let team: Team = seen.check(can.find(keys::team(can.tenant(), &id), "team").await?)?;
    let member: Membership = can.find(keys::member(can.tenant(), &user), "member").await?;
    let (team, commit) = team.take_out(&member)?;
    can.commit(commit).await?;
    Ok(Answer::record(&team)?)
}
