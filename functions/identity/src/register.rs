use backend::{
    keys,
    problem::Problem,
    visitor::Visitor,
    web::{Answer, Body},
};
use domain::{
    Error,
    commit::Actor,
    organization::{Founded, SignUp, found},
};
use http::StatusCode;

/// Sign up an organisation.
///
/// Makes the organisation, its owner, its first departments and the channel `general`, and sends a mail that asks to confirm the address.
#[utoipa::path(post, path = "/api/v1/auth/register", tag = "identity", request_body = SignUp, security(()), responses((status = 201, body = Founded)))]
pub async fn register(visitor: Visitor, Body(form): Body<SignUp>) -> Result<Answer, Problem> {
    visitor.count_sign_up().await?;
    let taken = || Error::Conflict("there is an account with this email address; log in, or ask for an invitation".to_owned());
    if visitor.get(keys::email_owner(&form.email)).await?.is_some() {
        return Err(taken().into());
    }
    let hash = visitor.hash(&form.password).await?;
    let (founded, commit) = found(form, hash, visitor.now(), || visitor.random())?;
    let actor = Actor::person(&founded.user.id, &founded.user.name);
    let answer = Answer::json(StatusCode::CREATED, &founded)?;
    let tenant = visitor.organization(&founded.organization.id);
    match visitor.answer(&tenant, actor, commit, answer).await {
        // Somebody signed up with this address at the same moment
        Err(Error::Conflict(_)) => Err(taken().into()),
        other => Ok(other?),
    }
}
