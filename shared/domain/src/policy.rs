//! Who may do what, and which records each permission touches: one list, read by the door and printed by a test.

use crate::commit::Kept;
use crate::{
    account::*, billing::*, conversation::*, file::File, notification::Notification, organization::*, project::Project, task::*,
    timer::Timer,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Owner,
    Admin,
    Manager,
    Accountant,
    Member,
    Guest,
}

use Role::*;

impl Role {
    pub const ALL: [Role; 6] = [Owner, Admin, Manager, Accountant, Member, Guest];

    /// Nobody gives more than they have.
    pub fn may_give(self, role: Role) -> bool {
        match self {
            Owner => true,
            Admin => role != Owner,
            Manager | Accountant | Member | Guest => false,
        }
    }
}

const EVERYONE: &[Role] = &Role::ALL;
const STAFF: &[Role] = &[Owner, Admin, Manager, Accountant, Member];
const LEADERS: &[Role] = &[Owner, Admin, Manager];
const ADMINS: &[Role] = &[Owner, Admin];
const BOOKKEEPERS: &[Role] = &[Owner, Admin, Accountant];

/// A permission named in a handler's signature.
pub trait Permission: Send + Sync + 'static {
    const NAME: &'static str;
    const ROLES: &'static [Role];
    /// Kinds of record a commit under this permission may write.
    const WRITES: &'static [&'static str];
}

/// Records of kind `R` may be read under this permission.
pub trait Reads<R>: Permission {}

/// One row of the policy, for people.
pub struct Row {
    pub permission: &'static str,
    pub roles: &'static [Role],
    pub reads: &'static [&'static str],
    pub writes: &'static [&'static str],
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident: $roles:expr, reads [$($read:ident),*], writes [$($write:ident),*];)*) => {
        $(
            $(#[$doc])*
            pub enum $name {}
            impl Permission for $name {
                const NAME: &'static str = stringify!($name);
                const ROLES: &'static [Role] = $roles;
                const WRITES: &'static [&'static str] = &[$($write::KIND),*];
            }
            $(impl Reads<$read> for $name {})*
        )*

        pub const POLICY: &[Row] = &[$(Row {
            permission: stringify!($name),
            roles: $roles,
            reads: &[$($read::KIND),*],
            writes: &[$($write::KIND),*],
        }),*];
    };
}

permissions! {
    /// One's own account: profile, password, sessions.
    UseAccount: EVERYONE, reads [User, Credentials, Session, Membership, Organization], writes [User, Credentials, Session, Membership];
    ReadOrganization: EVERYONE, reads [Organization], writes [];
    EditOrganization: ADMINS, reads [Organization], writes [Organization];
    ReadDirectory: STAFF, reads [Membership, Department], writes [];
    InviteMembers: ADMINS, reads [Organization, Membership, Department, Invitation], writes [Invitation];
    ReadProjects: STAFF, reads [Project, Task], writes [];
    EditProjects: LEADERS, reads [Project, Membership], writes [Project];
    ReadTasks: STAFF, reads [Project, Task, TaskWord, Assignment, Comment], writes [];
    EditTasks: STAFF, reads [Project, Task, Membership], writes [Task, Timer];
    CommentTasks: STAFF, reads [Task, Comment], writes [Comment];
    ReadFiles: STAFF, reads [File, Task], writes [];
    UploadFiles: STAFF, reads [File, Task], writes [File];
    /// Takes part in the conversations one was put into.
    Converse: EVERYONE, reads [Conversation, Participation, Message, Sent, Membership, Connection, Socket], writes [Conversation, Participation, Message, Sent, Ticket];
    StartConversations: STAFF, reads [Conversation, DirectPair, Participation, Membership], writes [Conversation, DirectPair, Participation];
    /// Keeps a connection open and watches screens.
    Connect: EVERYONE, reads [Connection, Socket, Project], writes [Connection, Socket, Watch];
    ReadInbox: EVERYONE, reads [Notification], writes [Notification];
    ReadBilling: BOOKKEEPERS, reads [Client, Invoice], writes [];
    EditBilling: BOOKKEEPERS, reads [Client, Invoice, Series, Organization], writes [Client, Invoice, Series];
    ReadAudit: ADMINS, reads [], writes [];
}
