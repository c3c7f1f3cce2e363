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

    /// As they were at first, and after a lost race as they are now.
    pub async fn at(can: &Can<ProvisionMembers>, tries: usize) -> Result<Self> {
        if tries == 0 { Ok(Self::of(can)) } else { Self::read(can).await }
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

/// Stores and answers. Nothing, when somebody else was quicker: then all of it is read and decided again.
pub async fn store(can: &Can<ProvisionMembers>, tries: usize, commit: Commit, answer: Answer) -> Result<Option<Answer>> {
    match can.answer(commit, answer).await {
        Err(Error::Stale { .. } | Error::Conflict(_) | Error::NotFound(_)) if tries < limits::RACE_TRIES => {
            can.step_aside(tries).await;
            Ok(None)
        }
        Err(Error::Stale { .. }) => Err(Error::Busy("the records keep changing".into())),
        other => other.map(Some),
    }
}
