use backend::{
    door::Can,
    keys,
    problem::Problem,
    web::{Answer, Body, IfMatch, IfMatchHeader},
};
use domain::{
    Result,
    account::{ProfileEdit, User},
    policy::{EditProfile, UseSession},
    profile::{Card, CardEdit},
};

/// My profile.
#[utoipa::path(get, path = "/api/v1/auth/profile", tag = "identity", responses((status = 200, body = User)))]
pub async fn profile(can: Can<EditProfile>) -> Result<Answer, Problem> {
    let user: User = can.find(keys::user(&can.me()), "account").await?;
    Ok(Answer::record(&user.as_seen(can.now()))?)
}

/// Edit my profile. Every organisation I belong to follows.
///
/// What I am told of by which channel, and my quiet hours, only I see; mails that concern the account itself come always.
#[utoipa::path(patch, path = "/api/v1/auth/profile", tag = "identity", params(IfMatchHeader), request_body = ProfileEdit, responses((status = 200, body = User)))]
pub async fn edit_profile(can: Can<EditProfile>, seen: IfMatch, Body(edit): Body<ProfileEdit>) -> Result<Answer, Problem> {
    let edit = &edit;
    can.settle(|can| async move {
        let user = seen.check(can.find(keys::user(&can.me()), "account").await?)?;
        let (user, commit) = user.edit(edit.clone(), can.now())?;
        Ok((commit, Answer::record(&user.as_seen(can.now()))?))
    })
    .await
}

/// Remove my picture, everywhere.
#[utoipa::path(delete, path = "/api/v1/auth/picture", operation_id = "remove_my_picture", tag = "identity", responses((status = 204)))]
pub async fn remove_picture(can: Can<EditProfile>) -> Result<Answer, Problem> {
    let user: User = can.find(keys::user(&can.me()), "account").await?;
    if user.picture.is_some() {
        can.commit(user.show(None)).await?;
    }
    Ok(Answer::nothing())
}

async fn mine(can: &Can<UseSession>) -> Result<Card> {
    Ok(can.get(keys::card(can.tenant(), can.user())).await?.unwrap_or_else(|| Card::blank(can.user())))
}

/// My card: what colleagues in this organisation see of me.
#[utoipa::path(get, path = "/api/v1/auth/card", operation_id = "get_my_card", tag = "identity", responses((status = 200, body = Card)))]
pub async fn card(can: Can<UseSession>) -> Result<Answer, Problem> {
    Ok(Answer::record(&mine(&can).await?)?)
}

/// Edit my card: skills, working hours, and positions before this organisation knew me.
///
/// Phone, zone and locale follow my profile; the history follows my title and department, which those who manage members give.
#[utoipa::path(patch, path = "/api/v1/auth/card", operation_id = "edit_my_card", tag = "identity", params(IfMatchHeader), request_body = CardEdit, responses((status = 200, body = Card)))]
pub async fn edit_card(can: Can<UseSession>, seen: IfMatch, Body(edit): Body<CardEdit>) -> Result<Answer, Problem> {
    let edit = &edit;
    can.settle(|can| async move {
        let card = seen.check(mine(&can).await?)?;
        let (card, commit) = card.edit(edit.clone())?;
        Ok((commit, Answer::record(&card)?))
    })
    .await
}
