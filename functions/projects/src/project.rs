use backend::{
    door::Can,
    keys,
    page::{Page, PageQuery},
    problem::Problem,
    web::{All, Answer, Body, List},
};
use domain::{
    Error, Result,
    id::{DepartmentId, ProjectId, TeamId, UserId},
    organization::{Membership, Standing},
    policy::{CreateProjects, Grant, Grants, Permission, ReadProjects, Reads},
    project::{Project, ProjectDraft, ProjectEdit},
    structure::{Scope, ScopedRole, Structure},
    team::Team,
};
use std::collections::BTreeSet;

/// Projects, the newest first: all, or for a guest those they were let into.
#[utoipa::path(get, path = "/api/v1/projects", operation_id = "list_projects", tag = "projects", params(PageQuery), responses((status = 200, body = Page<Project>)))]
pub async fn list(can: Can<ReadProjects>, list: List<All>) -> Result<Answer, Problem> {
    let one = |scope: &Scope| match scope {
        Scope::Project(id) => Some(keys::project(can.tenant(), id)),
        _ => None,
    };
    let page = can.list_parts(keys::projects(can.tenant()), one, &list.paging, true).await?;
    Ok(Answer::ok(&page.map(|project| project.as_shown_to(can.role())))?)
}

/// Make a project. It is led by whoever makes it, unless they say who leads it or manage every project anyway.
#[utoipa::path(post, path = "/api/v1/projects", operation_id = "create_project", tag = "projects", request_body = ProjectDraft, responses((status = 201, body = Project)))]
pub async fn create(can: Can<CreateProjects>, Body(mut draft): Body<ProjectDraft>) -> Result<Answer, Problem> {
    let lead = match &draft.lead {
        Some(lead) => Some(lead_of(&can, lead).await?),
        None if can.grants().allow(Grant::EditProjects) => None,
        None => Some(can.membership().clone()),
    };
    let team = check_place(&can, draft.team.as_ref(), draft.department.as_ref()).await?;
    draft.department = draft.department.or(team.and_then(|team| team.department));
    let id = ProjectId::new(can.now(), can.random());
    let (project, commit) = Project::new(id, draft, lead.as_ref(), can.user(), can.now())?;
    let answer = Answer::created(format_args!("/api/v1/projects/{}", project.id), &project)?;
    Ok(can.answer(commit, answer).await?)
}

/// A project is led by somebody of the organisation.
pub(crate) async fn lead_of<P: Permission + Reads<Membership>>(can: &Can<P>, lead: &UserId) -> Result<Membership> {
    let member: Option<Membership> = can.get(keys::member(can.tenant(), lead)).await?;
    // A guest could not open what was given to them
    let works = |member: &Membership| member.standing == Standing::Active && can.access().grants(member).allow(Grant::ReadProjects);
    member.filter(works).ok_or_else(|| Error::invalid("/lead", "is nobody in this organisation who works on projects"))
}

/// Whether the caller makes projects in a place.
pub(crate) async fn makes_in<P: Permission>(can: &Can<P>, place: Scope) -> Result<bool> {
    can.covers(BTreeSet::from([place]), &Grants::from_iter([Grant::CreateProjects])).await
}

/// A project is moved to where whoever moves it could have made it, and out of everything by those who make projects anywhere. Where
/// that gives heads or managers rights over it, or takes them, whoever moves it has these rights themselves in both places.
pub(crate) async fn check_move<P: Permission + Reads<Team> + Reads<Structure>>(
    can: &Can<P>,
    project: &Project,
    edit: &ProjectEdit,
) -> Result<()> {
    let Some(places) = edit.moves_to(project) else { return Ok(()) };
    let mut makes = can.grants().allow(Grant::CreateProjects);
    for place in &places {
        makes = makes || makes_in(can, place.clone()).await?;
    }
    if !makes {
        return Err(Error::forbidden("a project is moved to where whoever moves it makes projects, and you make none there"));
    }
    let (before, itself) = (project.places(), Scope::Project(project.id.clone()));
    if run_by(can, &before).await? == run_by(can, &places).await? {
        return Ok(());
    }
    for over in [before, places] {
        let over = over.into_iter().chain([itself.clone()]).collect();
        if !can.covers(over, &ScopedRole::Lead.grants()).await? {
            return Err(Error::forbidden(
                "others run what it is moved to or from, and to give and take what they may over it is not yours in both places",
            ));
        }
    }
    Ok(())
}

/// Departments that have heads, and teams that have managers, among those and above them.
async fn run_by<P: Permission + Reads<Team> + Reads<Structure>>(can: &Can<P>, places: &[Scope]) -> Result<BTreeSet<Scope>> {
    let mut run = BTreeSet::new();
    for place in places {
        match place {
            Scope::Team(id) => {
                let team: Option<Team> = can.consult(keys::team(can.tenant(), id)).await?;
                run.extend(team.filter(Team::is_managed).map(|team| Scope::Team(team.id)));
            }
            Scope::Department(id) => {
                let structure: Option<Structure> = can.get(keys::structure(can.tenant())).await?;
                run.extend(structure.unwrap_or_default().headed(id).into_iter().map(Scope::Department));
            }
            Scope::Project(_) | Scope::Client(_) => {}
        }
    }
    Ok(run)
}

/// A project is of a team and a department that are there, and that the caller manages where their rights end somewhere.
/// The department of a team they manage is that of its projects.
pub(crate) async fn check_place<P: Permission + Reads<Team> + Reads<Structure>>(
    can: &Can<P>,
    team: Option<&TeamId>,
    department: Option<&DepartmentId>,
) -> Result<Option<Team>> {
    let team: Option<Team> = match team {
        None => None,
        Some(team) => {
            let key = keys::team(can.tenant(), team);
            // Whoever makes projects anywhere does in any team, though they may edit only their own
            let found = if can.grants().allow(Grant::CreateProjects) { can.consult(key).await? } else { can.get(key).await? };
            Some(found.ok_or_else(|| Error::invalid("/team", "is not a team of this organisation"))?)
        }
    };
    if let Some(department) = department {
        let structure: Structure = can.find(keys::structure(can.tenant()), "structure").await?;
        structure.check(department)?;
        let of_team = team.as_ref().is_some_and(|team| team.department.as_ref() == Some(department));
        if !of_team && !makes_in(can, Scope::Department(department.clone())).await? {
            return Err(Error::forbidden("you make no projects in this department"));
        }
    }
    Ok(team)
}
