use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader, Path},
};
use domain::{
    id::{GoalId, TeamId},
    policy::ManageTeams,
    team::{GoalDraft, GoalEdit, Team},
};

/// Set a team a goal.
#[utoipa::path(post, path = "/api/v1/teams/{team}/goals", operation_id = "set_goal", tag = "organization", params(("team" = TeamId, Path), IfMatchHeader), request_body = GoalDraft, responses((status = 201, body = Team)))]
pub async fn set(can: Can<ManageTeams>, Path(id): Path<TeamId>, seen: IfMatch, Body(draft): Body<GoalDraft>) -> Result<Answer, Problem> {
    let (id, draft) = (&id, &draft);
    can.settle(|can| async move {
        let team: Team = seen.check(can.find(keys::team(can.tenant(), id), "team").await?)?;
        let (team, commit) = team.set_goal(GoalId::new(can.now(), can.random()), draft.clone())?;
        Ok((commit, Answer::created(format_args!("/api/v1/teams/{id}"), &team)?))
    })
    .await
}

/// Change a goal, or say that it is reached.
#[utoipa::path(patch, path = "/api/v1/teams/{team}/goals/{goal}", operation_id = "edit_goal", tag = "organization", params(("team" = TeamId, Path), ("goal" = GoalId, Path), IfMatchHeader), request_body = GoalEdit, responses((status = 200, body = Team)))]
pub async fn edit(
    can: Can<ManageTeams>,
    Path((id, goal)): Path<(TeamId, GoalId)>,
    seen: IfMatch,
    Body(edit): Body<GoalEdit>,
) -> Result<Answer, Problem> {
    let (id, goal, edit) = (&id, &goal, &edit);
    can.settle(|can| async move {
        let team: Team = seen.check(can.find(keys::team(can.tenant(), id), "team").await?)?;
        let (team, commit) = team.edit_goal(goal, edit.clone())?;
        Ok((commit, Answer::record(&team)?))
    })
    .await
}

/// Drop a goal.
#[utoipa::path(delete, path = "/api/v1/teams/{team}/goals/{goal}", operation_id = "drop_goal", tag = "organization", params(("team" = TeamId, Path), ("goal" = GoalId, Path), IfMatchHeader), responses((status = 200, body = Team)))]
pub async fn remove(can: Can<ManageTeams>, Path((id, goal)): Path<(TeamId, GoalId)>, seen: IfMatch) -> Result<Answer, Problem> {
    let (id, goal) = (&id, &goal);
    can.settle(|can| async move {
        let team: Team = seen.check(can.find(keys::team(can.tenant(), id), "team").await?)?;
        let (team, commit) = team.drop_goal(goal)?;
        Ok((commit, Answer::record(&team)?))
    })
    .await
}
