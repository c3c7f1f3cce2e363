use crate::{departments::structure, drawing};
use backend::{door::Can, keys, problem::Problem, web::Answer};
use domain::{Result, chart::Chart, limits, organization::Organization, policy::ReadDirectory};
use std::collections::BTreeSet;

/// The departments as a tree, with their heads and how many people they have.
#[utoipa::path(get, path = "/api/v1/organization/chart", operation_id = "get_chart", tag = "organization", responses((status = 200, body = Chart)))]
pub async fn tree(can: Can<ReadDirectory>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&chart(&can).await?)?)
}

/// The same tree as a picture.
#[utoipa::path(get, path = "/api/v1/organization/chart.svg", operation_id = "draw_chart", tag = "organization", responses((status = 200, body = String, content_type = "image/svg+xml")))]
pub async fn picture(can: Can<ReadDirectory>) -> Result<Answer, Problem> {
    Ok(Answer::svg(drawing::draw(&chart(&can).await?)))
}

async fn chart(can: &Can<ReadDirectory>) -> Result<Chart> {
    let (organization, structure, teams, members) = tokio::try_join!(
        can.find::<Organization>(keys::organization(can.tenant()), "organisation"),
        structure(can),
        can.all(keys::teams(can.tenant()), limits::COUNTED_TEAMS),
        can.all(keys::members(can.tenant()), limits::COUNTED_MEMBERS),
    )?;
    let partial = members.len() >= limits::COUNTED_MEMBERS || teams.len() >= limits::COUNTED_TEAMS;
    let counted: BTreeSet<_> = members.iter().map(|member| &member.user).collect();
    let heads: BTreeSet<_> = structure.departments.iter().flat_map(|one| &one.heads).filter(|head| !counted.contains(head)).collect();
    let heads = match heads.len() {
        0 => Vec::new(),
        _ => can.get_many(heads.into_iter().map(|head| keys::member(can.tenant(), head)).collect()).await?,
    };
    Ok(Chart::of(organization.name, &structure, &teams, &members, &heads, partial))
}
