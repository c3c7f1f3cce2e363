use backend::{
    blobs::UploadForm,
    door::Can,
    keys,
    problem::{Problem, ProblemDocument},
    web::{Answer, Body, Elsewhere, Path},
};
use domain::{
    Error, Result,
    id::{PictureId, UserId},
    organization::Membership,
    picture::{Picture, PictureDraft, PictureOf, PictureSize, PictureState},
    policy::{ChangePicture, SeePictures},
    settings::Settings,
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A picture that was announced, and the form to upload it with.
#[derive(Serialize, ToSchema)]
pub struct AnnouncedPicture {
    picture: Picture,
    upload: UploadForm,
}

/// Announce a picture of yourself, or the organisation's logo, and get a form to upload it with.
///
/// Post the form to its `url` as `multipart/form-data` with all its fields and then the field `file`, within five minutes. The
/// store takes exactly the announced type and size. Then call `complete`.
#[utoipa::path(post, path = "/api/v1/pictures", operation_id = "announce_picture", tag = "files", request_body = PictureDraft, responses((status = 201, body = AnnouncedPicture)))]
pub async fn announce(can: Can<ChangePicture>, Body(draft): Body<PictureDraft>) -> Result<Answer, Problem> {
    if draft.of == PictureOf::Me {
        can.check_profile().await?;
    }
    let id = PictureId::new(can.now(), can.random());
    let (picture, commit) = Picture::new(id, draft, can.user(), can.grants(), can.now())?;
    let upload = can.picture_form(&picture)?;
    let answer = Answer::json(StatusCode::CREATED, &AnnouncedPicture { picture, upload })?;
    Ok(can.answer(commit, answer).await?)
}

async fn mine(can: &Can<ChangePicture>, id: &PictureId) -> Result<Picture> {
    let picture: Picture = can.find(keys::picture(can.tenant(), id), "picture").await?;
    picture.check(can.user(), can.grants())?;
    Ok(picture)
}

/// Say that the upload is done. A worker looks at the picture, drops everything but its pixels, and makes squares of it.
#[utoipa::path(post, path = "/api/v1/pictures/{picture}/complete", operation_id = "complete_picture", tag = "files", params(("picture" = PictureId, Path)), responses((status = 200, body = Picture)))]
pub async fn complete(can: Can<ChangePicture>, Path(id): Path<PictureId>) -> Result<Answer, Problem> {
    let picture = mine(&can, &id).await?;
    if picture.state != PictureState::Awaited {
        return Ok(Answer::record(&picture)?);
    }
    let upload = can.inspect_picture(&picture).await?.ok_or_else(|| Error::Conflict("nothing was uploaded yet".to_owned()))?;
    if upload.bytes != picture.bytes {
        return Err(Error::Conflict(format!("{} bytes were uploaded; {} were announced", upload.bytes, picture.bytes)).into());
    }
    if let Err(error) = picture.check_content(&upload.head) {
        // Nothing else can be uploaded in its place
        can.commit(picture.refused(error.to_string())).await?;
        return Err(error.into());
    }
    let (picture, commit) = picture.uploaded();
    can.commit(commit).await?;
    Ok(Answer::record(&picture)?)
}

/// Whether a picture of mine was taken, and if not, why.
#[utoipa::path(get, path = "/api/v1/pictures/{picture}", operation_id = "get_picture", tag = "files", params(("picture" = PictureId, Path)), responses((status = 200, body = Picture)))]
pub async fn get(can: Can<ChangePicture>, Path(id): Path<PictureId>) -> Result<Answer, Problem> {
    Ok(Answer::record(&mine(&can, &id).await?)?)
}

/// A member's picture, as a square of 64, 256 or 512 pixels: leads to it for five minutes.
#[utoipa::path(get, path = "/api/v1/pictures/members/{member}/{size}", operation_id = "see_member", tag = "files", params(("member" = UserId, Path), ("size" = inline(PictureSize), Path)), responses((status = 307, description = "Where the picture is"), (status = 404, description = "There is none", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn of_member(can: Can<SeePictures>, Path((member, size)): Path<(UserId, PictureSize)>) -> Result<Elsewhere, Problem> {
    let member: Membership = can.find(keys::member(can.tenant(), &member), "picture").await?;
    let picture = member.picture.as_ref().ok_or(Error::NotFound("picture"))?;
    Ok(can.see(Some(&member.user), picture, size).await?)
}

/// The organisation's logo, as a square of 64, 256 or 512 pixels: leads to it for five minutes.
#[utoipa::path(get, path = "/api/v1/pictures/logo/{size}", operation_id = "see_logo", tag = "files", params(("size" = inline(PictureSize), Path)), responses((status = 307, description = "Where the logo is"), (status = 404, description = "There is none", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn logo(can: Can<SeePictures>, Path(size): Path<PictureSize>) -> Result<Elsewhere, Problem> {
    let settings: Option<Settings> = can.get(keys::settings(can.tenant())).await?;
    let picture = settings.and_then(|settings| settings.logo).ok_or(Error::NotFound("picture"))?;
    Ok(can.see(None, &picture, size).await?)
}
