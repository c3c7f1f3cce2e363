use backend::{
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::Problem,
    web::{All, Answer, Body, List},
};
use domain::{
    Error, Result,
    id::{ProjectId, UserId},
    organization::{Membership, Standing},
    policy::{EditProjects, Grant, ReadProjects},
    project::{Project, ProjectDraft},
};

/// Projects, the newest first.
#[utoipa::path(get, path = "/api/v1/projects", operation_id = "list_projects", tag = "projects", params(PageQuery), responses((status = 200, body = Page<Project>)))]
pub async fn list(can: Can<ReadProjects>, list: List<All>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&can.list(keys::projects(can.tenant()), &list.paging, true).await?)?)
}

/// Make a project.
#[utoipa::path(post, path = "/api/v1/projects", operation_id = "create_project", tag = "projects", request_body = ProjectDraft, responses((status = 201, body = Project)))]
pub async fn create(can: Can<EditProjects>, Body(draft): Body<ProjectDraft>) -> Result<Answer, Problem> {
    check_lead(&can, draft.lead.as_ref()).await?;
    let id = ProjectId::new(can.now(), can.random());
    let (project, commit) = Project::new(id, draft, can.user(), can.now())?;
    let answer = Answer::created(format_args!("/api/v1/projects/{}", project.id), &project)?;
    Ok(can.answer(commit, answer).await?)
}

/// A project is led by somebody of the organisation.
pub(crate) async fn check_lead(can: &Can<EditProjects>, lead: Option<&UserId>) -> Result<()> {
    let Some(lead) = lead else { return Ok(()) };
    let member: Option<Membership> = can.get(keys::member(can.tenant(), lead)).await?;
    // A guest could not open what was given to them
    let works = |member: &Membership| member.standing == Standing::Active && can.access().grants(member).allow(Grant::ReadProjects);
    let fits = member.as_ref().is_some_and(works);
    if fits { Ok(()) } else { Err(Error::invalid("/lead", "is nobody in this organisation who works on projects")) }
}
