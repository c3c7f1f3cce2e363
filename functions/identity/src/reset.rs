use backend::{
    keys::{self, Me, Tenant},
    problem::Problem,
    visitor::Visitor,
    web::{Answer, Body},
};
use domain::{
    Error,
    account::{Proofs, Session, reset_password as reset_to},
    commit::{Actor, Commit, Kept},
    limits,
    password::NewPassword,
    text::Email,
};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Forgotten {
    email: Email,
}

/// Ask for a new password: a link goes to the address, if there is an account with it.
///
/// The answer is the same for every address.
#[utoipa::path(post, path = "/api/v1/auth/forgot-password", tag = "identity", request_body = Forgotten, security(()), responses((status = 204)))]
pub async fn forgot_password(visitor: Visitor, Body(form): Body<Forgotten>) -> Result<Answer, Problem> {
    visitor.ask_for_reset(form.email).await?;
    Ok(Answer::nothing())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The token of the mail's link.
    token: String,
    new: NewPassword,
}

/// Choose a new password by the link of a mail. Every session of this person ends.
#[utoipa::path(post, path = "/api/v1/auth/reset-password", tag = "identity", request_body = Reset, security(()), responses((status = 204)))]
pub async fn reset_password(visitor: Visitor, Body(form): Body<Reset>) -> Result<Answer, Problem> {
    let void = || Error::Conflict("this link is not valid, has expired or was used".to_owned());
    let (id, email, version) = visitor.read_reset_link(&form.token).await?.ok_or_else(void)?;
    let me = visitor.person(&id);
    let credentials = visitor.get(keys::credentials(&me)).await?.ok_or_else(void)?;
    let user = visitor.get(keys::user(&me)).await?.ok_or_else(void)?;
    if credentials.version != version || user.email != email {
        return Err(void().into());
    }
    let home = visitor.organization(&user.home);
    let actor = Actor::person(&user.id, &user.name);
    visitor.demands(&home, &me).await?.check("/new", &form.new, &user.name, &user.email)?;
    let hash = visitor.hash(&form.new).await?;
    let unproved = match user.email_verified {
        true => Proofs::default(),
        false => {
            let (factor, passkeys) = tokio::try_join!(visitor.get(keys::second_factor(&me)), visitor.passkeys(&me))?;
            Proofs { factor, passkeys }
        }
    };
    for _ in 0..limits::RACE_TRIES {
        let sessions = visitor.open_sessions(&home, &me).await?;
        // What does not fit into one transaction ends before, so that no session outlives the password
        let last = sessions.len() <= limits::TRANSACTION / 2;
        let commit = match last {
            true => reset_to(user.clone(), credentials.clone(), hash.clone(), &sessions, unproved.clone(), visitor.now()),
            false => ended(&sessions),
        };
        match visitor.commit(&home, actor.clone(), commit).await {
            // One of them is being refreshed
            Err(Error::Stale { kind: Session::KIND, .. }) => {}
            // The link was used twice at once
            Err(Error::Stale { .. }) => return Err(void().into()),
            Err(error) => return Err(error.into()),
            Ok(()) if last => return end_older(&visitor, &home, &me, &actor, version).await,
            Ok(()) => {}
        }
    }
    Err(Error::Busy("the sessions keep changing".into()).into())
}

/// Ends the sessions of logins with the old password that were quicker than the new one; from then on there are none.
async fn end_older(visitor: &Visitor, home: &Tenant, me: &Me, actor: &Actor, old: u64) -> Result<Answer, Problem> {
    for _ in 0..limits::RACE_TRIES {
        let mut sessions = visitor.open_sessions(home, me).await?;
        sessions.retain(|session| session.credentials <= old);
        if sessions.is_empty() {
            return Ok(Answer::nothing());
        }
        match visitor.commit(home, actor.clone(), ended(&sessions)).await {
            Ok(()) | Err(Error::Stale { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Busy("the sessions keep changing".into()).into())
}

/// Ends as many sessions as one transaction takes beside what else is in it.
fn ended(sessions: &[Session]) -> Commit {
    let some = sessions.iter().take(limits::TRANSACTION / 2);
    some.fold(Commit::quiet(), |commit, session| commit.also_replace(session.version, session.end()))
}
