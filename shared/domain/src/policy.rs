//! Who may do what, and which records each permission touches: one list, read by the door and printed by a test.

use crate::commit::Kept;
use crate::{
    access::Access,
    account::*,
    api_key::ApiKey,
    billing::*,
    conversation::*,
    directory::*,
    file::File,
    invitation::*,
    notification::Notification,
    organization::*,
    passkey::Passkey,
    picture::Picture,
    profile::*,
    project::Project,
    provider::{Link, Provider, SubjectOwner},
    scim::{ExternalId, Provisioned},
    second_factor::SecondFactor,
    settings::Settings,
    structure::{ScopedRole, Structure},
    task::*,
    team::Team,
    timer::Timer,
    usage::{Storage, Usage},
    webhook::*,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt::Write};
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

    pub fn as_str(self) -> &'static str {
        match self {
            Owner => "owner",
            Admin => "admin",
            Manager => "manager",
            Accountant => "accountant",
            Member => "member",
            Guest => "guest",
        }
    }

    /// What the role gives to whoever has it.
    pub fn grants(self) -> Grants {
        POLICY.iter().filter(|row| row.roles.contains(&self)).map(|row| row.grant).collect()
    }
}

const EVERYONE: &[Role] = &Role::ALL;
const STAFF: &[Role] = &[Owner, Admin, Manager, Accountant, Member];
const LEADERS: &[Role] = &[Owner, Admin, Manager];
const ADMINS: &[Role] = &[Owner, Admin];
const OWNERS: &[Role] = &[Owner];
const BOOKKEEPERS: &[Role] = &[Owner, Admin, Accountant];

/// A permission named in a handler's signature.
pub trait Permission: Send + Sync + 'static {
    const NAME: &'static str;
    const GRANT: Grant;
    const ROLES: &'static [Role];
    /// Who has it over a part of the organisation. Without any, it is had everywhere or not at all.
    const POSTS: &'static [ScopedRole];
    /// Kinds of record a commit under this permission may write.
    const WRITES: &'static [&'static str];
}

/// Records of kind `R` may be read under this permission.
pub trait Reads<R>: Permission {}

/// A set of permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Grants(BTreeSet<Grant>);

impl FromIterator<Grant> for Grants {
    fn from_iter<T: IntoIterator<Item = Grant>>(grants: T) -> Self {
        Self(grants.into_iter().collect())
    }
}

impl Grants {
    pub fn allow(&self, grant: Grant) -> bool {
        self.0.contains(&grant)
    }

    /// Nobody gives more than they have.
    pub fn cover(&self, others: &Grants) -> bool {
        others.0.is_subset(&self.0)
    }

    pub fn add(&mut self, others: &Grants) {
        self.0.extend(&others.0);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Grant> {
        self.0.iter().copied()
    }

    /// Those of them that are in both.
    #[must_use]
    pub fn shared_with(&self, others: &Grants) -> Self {
        Self(self.0.intersection(&others.0).copied().collect())
    }
}

/// What a key may have; anything else is for people. A key gives no way to be somebody, to let somebody in or to say what others
/// may, so that nothing of it is left once it is revoked, and it reads nobody's inbox or conversations.
const FOR_KEYS: &[Grant] = &[
    Grant::ReadOrganization,
    Grant::ReadDirectory,
    Grant::SeeNames,
    Grant::ProvisionMembers,
    Grant::ReadProjects,
    Grant::CreateProjects,
    Grant::EditProjects,
    Grant::ReadTasks,
    Grant::EditTasks,
    Grant::CommentTasks,
    Grant::ReadFiles,
    Grant::UploadFiles,
    Grant::ReadBilling,
    Grant::EditBilling,
    Grant::ReadAudit,
    Grant::ReadUsage,
];
/// What nobody does by hand.
const FOR_KEYS_ONLY: &[Grant] = &[Grant::ProvisionMembers];

impl Grant {
    pub fn is_for_keys(self) -> bool {
        FOR_KEYS.contains(&self)
    }

    /// Whether it goes with owning the organisation, and with nothing else.
    pub fn is_for_owners(self) -> bool {
        POLICY.iter().any(|row| row.grant == self && row.roles == OWNERS)
    }

    pub fn is_for_people(self) -> bool {
        !FOR_KEYS_ONLY.contains(&self)
    }
}

impl std::fmt::Display for Grant {
    /// As it is given and listed: `edit_tasks`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = POLICY.iter().find(|row| row.grant == *self).map_or("", |row| row.permission);
        for (place, letter) in name.char_indices() {
            if place > 0 && letter.is_ascii_uppercase() {
                f.write_char('_')?;
            }
            f.write_char(letter.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

/// One row of the policy, for people.
pub struct Row {
    pub grant: Grant,
    pub permission: &'static str,
    pub roles: &'static [Role],
    pub posts: &'static [ScopedRole],
    pub reads: &'static [&'static str],
    pub writes: &'static [&'static str],
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident: $roles:expr $(; over [$($post:ident),*])?, reads [$($read:ident),*], writes [$($write:ident),*];)*) => {
        $(
            $(#[$doc])*
            pub enum $name {}
            impl Permission for $name {
                const NAME: &'static str = stringify!($name);
                const GRANT: Grant = Grant::$name;
                const ROLES: &'static [Role] = $roles;
                const POSTS: &'static [ScopedRole] = &[$($(ScopedRole::$post),*)?];
                const WRITES: &'static [&'static str] = &[$($write::KIND),*];
            }
            $(impl Reads<$read> for $name {})*
        )*

        /// A permission as it is given to somebody.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Grant { $($name),* }

        pub const POLICY: &[Row] = &[$(Row {
            grant: Grant::$name,
            permission: stringify!($name),
            roles: $roles,
            posts: &[$($(ScopedRole::$post),*)?],
            reads: &[$($read::KIND),*],
            writes: &[$($write::KIND),*],
        }),*];
    };
}

permissions! {
    /// One's own account and how one logs in to it. Never for whom an organisation signed in.
    UseAccount: EVERYONE, reads [User, Credentials, SecondFactor, Passkey, Session, Membership, Organization, Settings, Structure, Team], writes [User, Credentials, SecondFactor, Passkey, Session, Membership, Structure, Team, Access];
    /// What every organisation of a person shows of them. For whom an organisation signed in, while they belong to no other.
    EditProfile: EVERYONE, reads [User], writes [User];
    /// Who one is here, one's card, and one's sessions.
    UseSession: EVERYONE, reads [Session, Organization, Card], writes [Session, Card];
    /// All that it is and has decided; guests are shown its letterhead.
    ReadOrganization: STAFF, reads [Organization, Settings], writes [];
    EditOrganization: ADMINS, reads [Organization, Settings], writes [Organization, Settings, JoinCode];
    ReadDirectory: STAFF, reads [Organization, Membership, Card, MemberWord, Structure, Team, Access], writes [];
    InviteMembers: ADMINS, reads [Organization, Settings, Membership, MemberMail, Structure, Invitation, Invited], writes [Invitation, Invited];
    /// Changes what members are and may, takes them out and lets them back in.
    ManageMembers: ADMINS, reads [Membership, Personal, Settings, Structure, Team, Access, Everyone, SecondFactor, Session, Link], writes [Membership, Structure, Team, Access, Participation, SecondFactor, Session, Link, SubjectOwner];
    /// Builds the tree of departments and names their heads.
    ManageDepartments: ADMINS, reads [Structure, Membership, Team], writes [Structure, Membership];
    /// Makes teams, says who is in them and what they want to reach.
    ManageTeams: ADMINS; over [Head, Manager], reads [Team, Structure, Membership], writes [Team, Membership];
    /// Names sets of permissions: roles of the organisation's own, and groups.
    ManageRoles: ADMINS, reads [Access], writes [Access];
    /// How everybody here has to sign in, and through which providers.
    ManageSignIn: ADMINS, reads [Provider], writes [Access, Provider];
    /// Gives programs keys and takes them back; says what is told to programs elsewhere.
    ManageIntegrations: ADMINS, reads [ApiKey, Membership, Webhook, Delivery], writes [ApiKey, Webhook, Delivery, Access];
    /// Keeps members and groups in step with a directory kept elsewhere.
    ProvisionMembers: ADMINS, reads [Membership, MemberMail, MemberWord, Structure, Team, Access, Everyone, Provisioned, ExternalId], writes [Membership, MemberWord, Structure, Team, Access, Participation, User, EmailOwner, Credentials, Provisioned, ExternalId];
    HandOver: OWNERS, reads [Membership, Access], writes [Membership, Access];
    /// Ends the organisation after a time of waiting, and takes that back.
    RemoveOrganization: OWNERS, reads [Organization], writes [Access, Timer];
    ReadProjects: STAFF; over [Guest], reads [Project, Task], writes [];
    CreateProjects: LEADERS; over [Head, Manager], reads [Project, Membership, Team, Structure], writes [Project, Membership];
    EditProjects: ADMINS; over [Head, Manager, Lead], reads [Project, Membership, Team, Structure], writes [Project, Membership];
    /// Lets people from outside into a project.
    InviteGuests: ADMINS; over [Head, Manager, Lead], reads [Project, Membership], writes [Project, Membership];
    ReadTasks: STAFF; over [Guest], reads [Project, Task, TaskWord, Assignment, Comment], writes [];
    EditTasks: STAFF, reads [Project, Task, Membership], writes [Task, Timer];
    CommentTasks: STAFF; over [Guest], reads [Task, Comment], writes [Comment];
    ReadFiles: STAFF; over [Guest], reads [File, Task], writes [];
    UploadFiles: STAFF, reads [File, Task, Storage], writes [File, Storage];
    /// What somebody is called whose id one was shown.
    SeeNames: EVERYONE, reads [Membership], writes [];
    SeePictures: EVERYONE, reads [Membership, Settings], writes [];
    /// One's own picture; the logo is for those who may edit the organisation.
    ChangePicture: EVERYONE, reads [Picture], writes [Picture];
    /// Takes part in the conversations one was put into.
    Converse: EVERYONE, reads [Conversation, Participation, Message, Sent, Membership, Connection, Socket], writes [Conversation, Participation, Message, Sent, Ticket];
    StartConversations: STAFF, reads [Conversation, DirectPair, Participation, Membership], writes [Conversation, DirectPair, Participation];
    /// Keeps a connection open and watches screens.
    Connect: EVERYONE, reads [Connection, Socket, Project], writes [Connection, Socket, Watch];
    ReadInbox: EVERYONE, reads [Notification], writes [Notification];
    ReadBilling: BOOKKEEPERS; over [Contact], reads [Client, Invoice], writes [];
    EditBilling: BOOKKEEPERS, reads [Client, Invoice, Series, Organization, Settings], writes [Client, Invoice, Series];
    /// Lets people from outside read a client's invoices.
    NameContacts: BOOKKEEPERS, reads [Client, Membership], writes [Client, Membership];
    ReadAudit: ADMINS, reads [], writes [];
    ReadUsage: ADMINS, reads [Usage, Storage], writes [];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_named_as_it_is_given() {
        for row in POLICY {
            assert_eq!(serde_json::to_value(row.grant).unwrap(), row.grant.to_string());
        }
    }

    #[test]
    fn a_manager_may_no_more_than_a_member_but_make_projects() {
        let member = Member.grants();
        let more: Vec<_> = Manager.grants().iter().filter(|grant| !member.allow(*grant)).collect();
        assert_eq!(more, [Grant::CreateProjects]);
        assert!(Manager.grants().cover(&member));
    }
}
