use backend::door::Can;
use domain::{
    access::Access,
    management::Manager,
    policy::{Grants, ProvisionMembers},
};

/// Who may do what, and what whoever answers for the key may. A key gives nobody more than they have.
pub struct Rights {
    pub access: Access,
    pub grants: Grants,
}

impl Rights {
    /// As they were when the caller was let in.
    pub fn of(can: &Can<ProvisionMembers>) -> Self {
        Self { access: can.access().clone(), grants: can.access().grants(can.membership()) }
    }

    pub fn manager(&self) -> Manager<'_> {
        Manager { access: &self.access, grants: &self.grants }
    }
}
