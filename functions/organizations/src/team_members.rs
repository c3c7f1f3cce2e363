use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    Result,
    commit::Commit,
    id::{TeamId, UserId},
    organization::Membership,
    policy::ManageTeams,
    team::{Team, TeamPlace},
};

/// Changes who is in a team. A member is written elsewhere, too, as by what follows from their card: then it is decided anew.
async fn change(
    can: &Can<ManageTeams>,
    (id, user): (TeamId, UserId),
    seen: IfMatch,
    decide: impl Fn(Team, &Membership) -> Result<(Team, Commit)>,
) -> Result<Answer> {
    let (id, user, decide) = (&id, &user, &decide);
    can.settle(|can| async move {
        let team: Team = seen.check(can.find(keys::team(can.tenant(), id), "team").await?)?;
        let member: Membership = can.find(keys::member(can.tenant(), user), "member").await?;
        let (team, commit) = decide(team, &member)?;
        Ok((commit, Answer::record(&team)?))
    })
    .await
}

/// Put somebody into a team, or give them another role in it.
#[utoipa::path(put, path = "/api/v1/teams/{team}/members/{member}", operation_id = "put_team_member", tag = "organization", params(("team" = TeamId, Path), ("member" = UserId, Path), IfMatchHeader), request_body = TeamPlace, responses((status = 200, body = Team)))]
pub async fn put(
    can: Can<ManageTeams>,
    Path(whom): Path<(TeamId, UserId)>,
    seen: IfMatch,
    Body(place): Body<TeamPlace>,
) -> Result<Answer, Problem> {
    Ok(change(&can, whom, seen, |team, member| team.put(member, place.clone())).await?)
}

/// Take somebody out of a team.
#[utoipa::path(delete, path = "/api/v1/teams/{team}/members/{member}", operation_id = "remove_team_member", tag = "organization", params(("team" = TeamId, Path), ("member" = UserId, Path), IfMatchHeader), responses((status = 200, body = Team)))]
pub async fn remove(can: Can<ManageTeams>, Path(whom): Path<(TeamId, UserId)>, seen: IfMatch) -> Result<Answer, Problem> {
    Ok(change(&can, whom, seen, Team::take_out).await?)
}
