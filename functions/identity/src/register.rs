use backend::{
    keys,
    problem::Problem,
    visitor::Visitor,
    web::{Answer, Body},
};
use domain::{
    Error, Result,
    account::{EmailOwner, User},
    commit::Actor,
    organization::{Founded, SignUp, found, found_anew},
    password::NewPassword,
};
use http::StatusCode;

/// Sign up an organisation.
///
/// Makes the organisation, its owner, its first departments and the channel `general`, and sends a mail that asks to confirm the
/// address. Somebody whose account belongs to no organisation any more founds one with its address and password.
#[utoipa::path(post, path = "/api/v1/auth/register", tag = "identity", request_body = SignUp, security(()), responses((status = 201, body = Founded)))]
pub async fn register(visitor: Visitor, Body(form): Body<SignUp>) -> Result<Answer, Problem> {
    visitor.count_sign_up().await?;
    let taken = || Error::Conflict("there is an account with this email address; log in, or ask for an invitation".to_owned());
    let (founded, commit) = match visitor.get(keys::email_owner(&form.email)).await? {
        Some(owner) => {
            let user = left_over(&visitor, &owner, &form).await?.ok_or_else(taken)?;
            found_anew(form, user, visitor.now(), || visitor.random())?
        }
        None => {
            let hash = visitor.hash(&NewPassword::choose("/password", &form.password)?).await?;
            found(form, hash, visitor.now(), || visitor.random())?
        }
    };
    let actor = Actor::person(&founded.user.id, &founded.user.name);
    let answer = Answer::json(StatusCode::CREATED, &founded)?;
    let tenant = visitor.organization(&founded.organization.id);
    match visitor.answer(&tenant, actor, commit, answer).await {
        // Somebody signed up with this address at the same moment
        Err(Error::Conflict(_) | Error::Stale { .. }) => Err(taken().into()),
        other => Ok(other?),
    }
}

/// The account of an address, if it belongs nowhere and its password is given.
async fn left_over(visitor: &Visitor, owner: &EmailOwner, form: &SignUp) -> Result<Option<User>> {
    let me = visitor.person(&owner.user);
    let credentials = visitor.get(keys::credentials(&me)).await?;
    if !visitor.is_password(&form.email, form.password.reveal(), credentials.as_ref()).await? || visitor.place_of(&me).await?.is_some() {
        return Ok(None);
    }
    visitor.get(keys::user(&me)).await
}
