use backend::{
    keys::{self, Tenant},
    problem::Problem,
    visitor::Visitor,
    web::{Answer, Body},
};
use domain::{
    Error, Result, Timestamp,
    access::Access,
    account::{Credentials, EmailOwner, User},
    commit::{Actor, Kept, Record, Write},
    id::{DepartmentId, InvitationId, UserId},
    invitation::{Earlier, Invitation},
    limits,
    organization::{Membership, Standing},
    password::NewPassword,
    policy::Role,
    settings::{Demands, PasswordPolicy, Settings},
    structure::Structure,
    text::{Email, Label, Line, Name, Password, Zone},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The token of the invitation's link.
    token: String,
    /// Needed by somebody who has no account yet.
    name: Option<Name>,
    /// A new one, which is none that everybody guesses, or that of the account the invited address already has.
    password: Password,
    #[serde(default)]
    zone: Zone,
}

/// What a link is answered with that is no longer good, was never, or is somebody else's: always the same.
fn void() -> Error {
    Error::Conflict("this invitation is not valid, has expired or was used".to_owned())
}

/// Why nobody joins at present is told to those who are in the organisation.
fn told_outside(error: Error) -> Error {
    match error {
        Error::Suspended(_) => Error::Conflict("the organisation takes nobody in at present".to_owned()),
        other => other,
    }
}

/// The invitation that a link stands for, if the link is good.
async fn invitation(visitor: &Visitor, token: &str) -> Result<(Tenant, Invitation, Settings)> {
    let (organization, id, number) = visitor.read_invitation_link(token).await?.ok_or_else(void)?;
    let tenant = visitor.organization(&organization);
    let (invitation, settings) = tokio::try_join!(visitor.get(keys::invitation(&tenant, &id)), visitor.get(keys::settings(&tenant)))?;
    let (invitation, settings) = (invitation.ok_or_else(void)?, settings.unwrap_or_default());
    // The domains that are allowed may have changed since it was sent
    match invitation.is_open(visitor.now()) && invitation.link_number == number && settings.admits(&invitation.email, invitation.role) {
        true => Ok((tenant, invitation, settings)),
        false => Err(void()),
    }
}

/// Who sent an invitation, as they are now; nobody where it is the organisation's own.
async fn inviter(visitor: &Visitor, tenant: &Tenant, invitation: &Invitation) -> Result<Option<Membership>> {
    match &invitation.invited_by {
        Some(inviter) => visitor.get(keys::member(tenant, inviter)).await,
        None => Ok(None),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationLink {
    /// The token of the invitation's link.
    token: String,
}

/// What an invitation is to.
#[derive(Serialize, ToSchema)]
pub struct Invited {
    #[schema(value_type = String, example = "Acme Gardens")]
    organization: Line,
    /// Who invites; the organisation itself when somebody joins by its code.
    #[schema(value_type = String, example = "Mia Chen")]
    inviter: Line,
    role: Role,
    email: Email,
    expires_at: Timestamp,
    /// Whether the address has an account, whose password joins; otherwise a new one is chosen.
    has_account: bool,
}

/// Look at what an invitation's link is to. The link stays good.
#[utoipa::path(post, path = "/api/v1/auth/invitation", operation_id = "look_at_invitation", tag = "identity", request_body = InvitationLink, security(()), responses((status = 200, body = Invited)))]
pub async fn look(visitor: Visitor, Body(link): Body<InvitationLink>) -> Result<Answer, Problem> {
    let (tenant, invitation, _) = invitation(&visitor, &link.token).await?;
    let (inviter, access, account) = tokio::try_join!(
        inviter(&visitor, &tenant, &invitation),
        visitor.get(keys::access(&tenant)),
        visitor.get(keys::email_owner(&invitation.email))
    )?;
    let before = match &account {
        Some(owner) => visitor.get(keys::member(&tenant, &owner.user)).await?,
        None => None,
    };
    let joins = before.as_ref().is_none_or(|before: &Membership| before.standing == Standing::Removed);
    let backed = access.is_some_and(|access| invitation.is_backed_by(inviter.as_ref(), &access));
    if !joins || !backed || !invitation.is_sent_since(before.as_ref()) {
        return Err(void().into());
    }
    let Invitation { organization_name: organization, inviter, role, email, expires_at, .. } = invitation;
    Ok(Answer::ok(&Invited { organization, inviter, role, email, expires_at, has_account: account.is_some() })?)
}

/// Join by an invitation's one-time link.
#[utoipa::path(post, path = "/api/v1/auth/join", tag = "identity", request_body = Join, security(()), responses((status = 201, body = Membership)))]
pub async fn join(visitor: Visitor, Body(join): Body<Join>) -> Result<Answer, Problem> {
    let (tenant, invitation, settings) = invitation(&visitor, &join.token).await?;
    let (user, account) = account(&visitor, &invitation, settings.passwords, join).await?;
    let before = visitor.get(keys::member(&tenant, &user.id)).await?;
    let inviter = inviter(&visitor, &tenant, &invitation).await?;
    let everyone = visitor.get(keys::everyone(&tenant)).await?;
    let invitation = Invitation { department: still_there(&visitor, &tenant, invitation.department.clone()).await?, ..invitation };
    let actor = Actor::person(&user.id, &user.name);
    for _ in 0..limits::RACE_TRIES {
        let access = visitor.get(keys::access(&tenant)).await?.ok_or_else(void)?;
        if !invitation.is_backed_by(inviter.as_ref(), &access) || !invitation.is_sent_since(before.as_ref()) {
            return Err(void().into());
        }
        let accepted = invitation.clone().accept(&user, before.clone(), &access, everyone.as_ref(), visitor.now());
        let (member, mut commit) = accepted.map_err(told_outside)?;
        commit.writes.extend(account.clone());
        let answer = Answer::json(StatusCode::CREATED, &member)?;
        match visitor.answer(&tenant, actor.clone(), commit, answer).await {
            // Another owner came or went
            Err(Error::Stale { kind: Access::KIND, .. }) => {}
            // Somebody used the link at the same moment
            Err(Error::Stale { .. } | Error::Conflict(_)) => return Err(void().into()),
            other => return Ok(other?),
        }
    }
    Err(Error::Busy("the owners keep changing".into()).into())
}

/// A department that was deleted meanwhile is nobody's.
async fn still_there(visitor: &Visitor, tenant: &Tenant, department: Option<DepartmentId>) -> Result<Option<DepartmentId>> {
    let Some(department) = department else { return Ok(None) };
    let structure: Option<Structure> = visitor.get(keys::structure(tenant)).await?;
    Ok(structure.is_some_and(|structure| structure.find(&department).is_ok()).then_some(department))
}

/// The account of the invited address: an existing one proves itself by its password, a new one is made with it.
async fn account(visitor: &Visitor, invitation: &Invitation, policy: PasswordPolicy, join: Join) -> Result<(User, Vec<Write>)> {
    let email = &invitation.email;
    let Some(owner) = visitor.get(keys::email_owner(email)).await? else {
        let name: Line = join.name.ok_or_else(|| Error::invalid("/name", "is missing"))?.into();
        let demands = Demands { policy, organizations: vec![invitation.organization_name.clone()] };
        let new = NewPassword::choose("/password", &join.password)?;
        demands.check("/password", &new, &name, email)?;
        let hash = visitor.hash(&new).await?;
        let now = visitor.now();
        // The invitation's mail reached this address, so it is verified
        let user = User {
            email_verified: true,
            ..User::new(UserId::new(now, visitor.random()), name, email.clone(), join.zone, invitation.organization.clone(), now)
        };
        let records: [Record; 3] = [user.clone().into(), EmailOwner::of(&user).into(), Credentials::new(&user.id, hash, now).into()];
        return Ok((user, records.map(Write::Create).into()));
    };
    let me = visitor.person(&owner.user);
    let credentials = visitor.get(keys::credentials(&me)).await?;
    if !visitor.is_password(email, join.password.reveal(), credentials.as_ref()).await? {
        return Err(Error::WrongCredentials);
    }
    let user = visitor.get(keys::user(&me)).await?.ok_or(Error::WrongCredentials)?;
    let settled = user.settles_in(&invitation.organization);
    let moved = settled.map(|settled| Write::Replace { seen: user.version, record: settled.into() });
    Ok((user, moved.into_iter().chain([owner.relied_on()]).collect()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskToJoin {
    /// The organisation's code.
    #[schema(example = "8fqj2m4x6c")]
    code: Label,
    email: Email,
}

/// Ask to join an organisation by its code.
///
/// A one-time link goes to the address: at once, or when somebody has approved it, as the organisation wants it.
#[utoipa::path(post, path = "/api/v1/auth/ask-to-join", tag = "identity", request_body = AskToJoin, security(()), responses((status = 204)))]
pub async fn ask_to_join(visitor: Visitor, Body(form): Body<AskToJoin>) -> Result<Answer, Problem> {
    let unknown = || Error::invalid("/code", "is not the code of an organisation");
    visitor.count_join(&form.email).await?;
    let code = visitor.get(keys::join_code(&form.code)).await?.ok_or_else(unknown)?;
    let tenant = visitor.organization(&code.organization);
    let (organization, settings) = tokio::try_join!(visitor.get(keys::organization(&tenant)), visitor.get(keys::settings(&tenant)))?;
    let organization = organization.ok_or_else(unknown)?;
    let joining = organization.joining.as_ref().filter(|joining| joining.code == form.code).ok_or_else(unknown)?;
    settings.unwrap_or_default().check_address(&form.email, Role::Member)?;
    visitor.count_asking(&tenant).await?;
    // Whoever is here already, locked out or not, is told nothing and asks for nothing
    if visitor.is_member(&tenant, &form.email).await? {
        return Ok(Answer::nothing());
    }
    let invited = visitor.get(keys::invited(&tenant, &form.email)).await?;
    let invitation = match &invited {
        Some(invited) => visitor.get(keys::invitation(&tenant, &invited.invitation)).await?,
        None => None,
    };
    let invitation = match invitation {
        Some(invitation) => still_good(&visitor, &tenant, invitation).await?,
        None => None,
    };
    let (id, actor) = (InvitationId::new(visitor.now(), visitor.random()), Actor::stranger(&form.email));
    let earlier = Earlier { invited, invitation };
    let Some(commit) = Invitation::asked_for(id, form.email, &organization, joining, &earlier, visitor.now()) else {
        return Ok(Answer::nothing());
    };
    match visitor.commit(&tenant, actor, commit).await {
        // They asked twice in the same moment, and are told of the other
        Err(Error::Stale { .. } | Error::Conflict(_) | Error::NotFound(_)) => Ok(Answer::nothing()),
        other => Ok(other.map(|()| Answer::nothing()).map_err(told_outside)?),
    }
}

/// An invitation that nobody backs any more is as good as none.
async fn still_good(visitor: &Visitor, tenant: &Tenant, invitation: Invitation) -> Result<Option<Invitation>> {
    let (inviter, access) = tokio::try_join!(inviter(visitor, tenant, &invitation), visitor.get(keys::access(tenant)))?;
    let backed = access.is_some_and(|access| invitation.is_backed_by(inviter.as_ref(), &access));
    Ok(Some(invitation).filter(|_| backed))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyEmail {
    /// The token of the mail's link.
    token: String,
    /// That of the account.
    password: Password,
}

/// Confirm an email address by the link that was sent to it, and the account's password. One that was asked for is the account's
/// from then on.
///
/// The link shows whose the address is, and the password whose the account: so nobody confirms an account that somebody else made
/// with their address. They make it theirs by a forgotten password.
#[utoipa::path(post, path = "/api/v1/auth/verify-email", tag = "identity", request_body = VerifyEmail, security(()), responses((status = 204)))]
pub async fn verify_email(visitor: Visitor, Body(form): Body<VerifyEmail>) -> Result<Answer, Problem> {
    let void = || Error::Conflict("this link is not valid or has expired".to_owned());
    let (id, email) = visitor.read_email_link(&form.token).await?.ok_or_else(void)?;
    let me = visitor.person(&id);
    let mut is_proved = false;
    for _ in 0..limits::RACE_TRIES {
        let user: User = visitor.get(keys::user(&me)).await?.ok_or_else(void)?;
        let home = visitor.organization(&user.home);
        let (actor, before) = (Actor::person(&user.id, &user.name), user.email.clone());
        let (owner, taken) = tokio::try_join!(visitor.get(keys::email_owner(&before)), visitor.get(keys::email_owner(&email)))?;
        // Between the two the account may have got another address
        let Some(owner) = owner else { continue };
        let commit = user.confirm_email(&email, owner, visitor.now()).ok_or_else(void)?;
        if !is_proved {
            let credentials = visitor.get(keys::credentials(&me)).await?;
            is_proved = visitor.is_password(&before, form.password.reveal(), credentials.as_ref()).await?;
        }
        if !is_proved {
            return Err(Error::WrongCredentials.into());
        }
        if before != email {
            // Whoever is let in nowhere changes nothing of their account
            if taken.is_some() || visitor.place_of(&me).await?.is_none() {
                return Err(void().into());
            }
            visitor.check_address(&home, &me, &email).await?;
        }
        match visitor.commit(&home, actor, commit).await {
            // Something else of the account was changed, or the link used twice at once
            Err(Error::Stale { .. } | Error::Conflict(_) | Error::NotFound(_)) => {}
            other => return Ok(other.map(|()| Answer::nothing())?),
        }
    }
    Err(Error::Busy("the account keeps changing".into()).into())
}
