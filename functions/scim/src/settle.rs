use backend::{door::Can, keys, web::Answer};
use domain::{
    Error, Result,
    access::{Access, Manager},
    commit::Commit,
    limits,
    policy::{Grants, ProvisionMembers},
};

/// Who may do what, as it is now, and what whoever answers for the key may. A key gives nobody more than they have.
pub struct Rights {
    pub access: Access,
    pub grants: Grants,
}

impl Rights {
    /// As they were when the caller was let in.
    pub fn of(can: &Can<ProvisionMembers>) -> Self {
        Self { access: can.access().clone(), grants: can.access().grants(can.membership()) }
    }

    /// As they are now.
    pub async fn read(can: &Can<ProvisionMembers>) -> Result<Self> {
        let access: Access = can.find(keys::access(can.tenant()), "organisation").await?;
        let grants = access.grants(can.membership());
        Ok(Self { access, grants })
    }

    pub fn manager(&self) -> Manager<'_> {
        Manager { access: &self.access, grants: &self.grants }
    }
}

/// Decides by the rights there are, stores and answers. When somebody else was quicker, all of it is read and decided again.
pub async fn settle<Decided>(can: &Can<ProvisionMembers>, rights: Rights, decide: impl Fn(Rights) -> Decided) -> Result<Answer>
where
    Decided: Future<Output = Result<(Commit, Answer)>>,
{
    let mut rights = rights;
    for tries in 0.. {
        let (commit, answer) = decide(rights).await?;
        match can.answer(commit, answer).await {
            Err(Error::Stale { .. } | Error::Conflict(_) | Error::NotFound(_)) if tries < limits::RACE_TRIES => can.step_aside(tries).await,
            Err(Error::Stale { .. }) => break,
            other => return other,
        }
        rights = Rights::read(can).await?;
    }
    Err(Error::Busy("the records keep changing".into()))
}
