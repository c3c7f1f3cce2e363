use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, List},
};
use domain::{
    Error, Result,
    id::{PictureId, UserId},
    limits,
    organization::Membership,
    policy::SeeNames,
    text::Line,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};

/// Who somebody is, for those who came upon their id.
#[derive(Serialize, ToSchema)]
pub struct Named {
    id: UserId,
    #[schema(value_type = String, example = "Mia Chen")]
    name: Line,
    /// Absent, there is none to be seen.
    picture: Option<PictureId>,
}

#[derive(Serialize, ToSchema)]
pub struct Names {
    #[schema(max_items = 100)]
    items: Vec<Named>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    /// Ids of people, at most 100, with commas between them.
    #[param(min_length = 1, max_length = 3099, example = "usr_01kb8s0000000000000000000a,usr_01kb8s0000000000000000000b")]
    of: String,
}

impl Whose {
    fn ids(&self) -> Result<BTreeSet<UserId>> {
        let ids: Result<BTreeSet<_>, _> = self.of.split(',').map(|id| id.trim().parse()).collect();
        match ids {
            Err(_) => Err(Error::invalid("of", "is no list of ids of people, such as usr_01kb8s0000000000000000000a")),
            Ok(ids) if ids.len() > limits::NAMES => Err(Error::invalid("of", format!("has more than {} ids", limits::NAMES))),
            Ok(ids) => Ok(ids),
        }
    }
}

/// What people are called whose ids stand in tasks, projects and elsewhere.
///
/// Everybody may ask, guests too: ids cannot be guessed, and whoever has one was shown it. Those who have left are named as well,
/// and whoever is unknown here is left out.
#[utoipa::path(get, path = "/api/v1/members/names", operation_id = "get_names", tag = "organization", params(Whose), responses((status = 200, body = Names)))]
pub async fn get(can: Can<SeeNames>, List { filter, .. }: List<Whose>) -> Result<Answer, Problem> {
    let ids = filter.ids()?;
    let members: Vec<Membership> = can.get_many(ids.iter().map(|id| keys::member(can.tenant(), id)).collect()).await?;
    let named = |Membership { user: id, name, picture, .. }| Named { id, name, picture };
    Ok(Answer::ok(&Names { items: members.into_iter().map(named).collect() })?)
}
