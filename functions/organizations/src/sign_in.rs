use backend::{
    door::Can,
    problem::Problem,
    web::{Answer, Body},
};
use domain::{access::SignInRules, policy::ManageSignIn};

/// What my organisation asks of whoever signs in.
#[utoipa::path(get, path = "/api/v1/organization/sign-in", operation_id = "get_sign_in_rules", tag = "organization", responses((status = 200, body = SignInRules)))]
pub async fn get(can: Can<ManageSignIn>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&can.access().sign_in())?)
}

/// Ask everybody here for a second factor, or to sign in through a provider, or no more.
///
/// It holds at the next request: a session that is not so reaches its own account, so that it can become so, and nothing else.
/// Whoever asks for it has a session that is.
#[utoipa::path(put, path = "/api/v1/organization/sign-in", operation_id = "set_sign_in_rules", tag = "organization", request_body = SignInRules, responses((status = 200, body = SignInRules)))]
pub async fn put(can: Can<ManageSignIn>, Body(rules): Body<SignInRules>) -> Result<Answer, Problem> {
    can.settle(|can| async move {
        let (access, commit) = can.access().ask(rules, can.session()?)?;
        Ok((commit, Answer::ok(&access.sign_in())?))
    })
    .await
}
