//! Pictures of people, and the logo of an organisation: uploaded, looked at by a worker, and kept as squares of three sizes.

use crate::{
    Error, Result, Timestamp,
    commit::Commit,
    file,
    id::*,
    limits,
    policy::{Grant, Grants},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PictureOf {
    /// Whoever uploads it.
    Me,
    /// The organisation's logo.
    Organization,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PictureState {
    /// A form was given out.
    Awaited,
    /// A worker looks at what came.
    Uploaded,
    /// It is what is shown now, unless another one came after it.
    Taken,
    Refused,
}

/// A picture on its way; it is forgotten after a day, and what was taken stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Picture {
    pub id: PictureId,
    pub of: PictureOf,
    pub by: UserId,
    #[schema(example = "image/jpeg")]
    pub media_type: String,
    pub bytes: u64,
    pub state: PictureState,
    /// Why it was refused.
    pub refusal: Option<String>,
    pub created_at: Timestamp,
    pub version: u64,
    pub expires: i64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PictureDraft {
    pub of: PictureOf,
    /// PNG, JPEG, WebP or GIF.
    #[schema(example = "image/jpeg")]
    pub media_type: String,
    /// Exact size; the store refuses an upload of any other.
    #[schema(minimum = 1, maximum = 8_388_608, example = 48_213)]
    pub bytes: u64,
}

/// Pixels of each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum PictureSize {
    #[serde(rename = "64")]
    Small,
    #[serde(rename = "256")]
    Medium,
    #[serde(rename = "512")]
    Large,
}

impl PictureSize {
    pub const ALL: [PictureSize; 3] = [PictureSize::Small, PictureSize::Medium, PictureSize::Large];

    pub fn pixels(self) -> u32 {
        match self {
            Self::Small => 64,
            Self::Medium => 256,
            Self::Large => 512,
        }
    }
}

const TYPES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];
const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl Picture {
    pub fn new(id: PictureId, draft: PictureDraft, by: &UserId, grants: &Grants, now: Timestamp) -> Result<(Self, Commit)> {
        if !TYPES.contains(&draft.media_type.as_str()) {
            return Err(Error::invalid("/media_type", format!("is not taken; these are: {}", TYPES.join(", "))));
        }
        if !(1..=limits::PICTURE_BYTES).contains(&draft.bytes) {
            return Err(Error::invalid("/bytes", format!("is not between 1 and {}", limits::PICTURE_BYTES)));
        }
        let picture = Self {
            id,
            of: draft.of,
            by: by.clone(),
            media_type: draft.media_type,
            bytes: draft.bytes,
            state: PictureState::Awaited,
            refusal: None,
            created_at: now,
            version: 1,
            expires: (now + KEPT).as_second(),
        };
        picture.check(by, grants)?;
        Ok((picture.clone(), Commit::create("picture.announced", picture)))
    }

    /// A picture is its owner's business; a logo that of those who may edit the organisation, still.
    pub fn check(&self, by: &UserId, grants: &Grants) -> Result<()> {
        if self.by != *by {
            return Err(Error::NotFound("picture"));
        }
        match self.of {
            PictureOf::Organization if !grants.allow(Grant::EditOrganization) => Err(Error::needs(Grant::EditOrganization)),
            _ => Ok(()),
        }
    }

    /// Refuses content that is not of the type it was announced as, by its first bytes.
    pub fn check_content(&self, head: &[u8]) -> Result<()> {
        let whole = self.media_type != "image/webp" || head.get(8..12) == Some(b"WEBP");
        if whole && file::begins_as(&self.media_type, head) {
            Ok(())
        } else {
            Err(Error::Conflict(format!("the content is not {}; announce the picture again with its true type", self.media_type)))
        }
    }

    /// Whose picture it is; nobody's when it is the organisation's logo.
    pub fn owner(&self) -> Option<&UserId> {
        match self.of {
            PictureOf::Me => Some(&self.by),
            PictureOf::Organization => None,
        }
    }

    fn turn(self, action: &'static str, state: PictureState, refusal: Option<String>) -> (Self, Commit) {
        let after = Self { state, refusal, version: self.version + 1, ..self.clone() };
        (after.clone(), Commit::replace(action, self, after))
    }

    pub fn uploaded(self) -> (Self, Commit) {
        self.turn("picture.uploaded", PictureState::Uploaded, None)
    }

    pub fn refused(self, why: String) -> Commit {
        self.turn("picture.refused", PictureState::Refused, Some(why)).1
    }

    pub fn taken(self) -> Commit {
        self.turn("picture.taken", PictureState::Taken, None).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Role;

    fn picture(of: PictureOf, media_type: &str, role: Role) -> Result<Picture> {
        let (now, draft) = (Timestamp::UNIX_EPOCH, PictureDraft { of, media_type: media_type.to_owned(), bytes: 10 });
        Picture::new(PictureId::new(now, 1), draft, &UserId::new(now, 2), &role.grants(), now).map(|(picture, _)| picture)
    }

    #[test]
    fn only_pictures_are_taken_and_only_as_what_they_are() {
        assert!(picture(PictureOf::Me, "image/svg+xml", Role::Owner).is_err());
        for (media_type, head, fine) in [
            ("image/png", &b"\x89PNG\r\n\x1a\n"[..], true),
            ("image/png", b"<svg xmlns=", false),
            ("image/jpeg", b"\x89PNG\r\n\x1a\n", false),
            ("image/webp", b"RIFF\0\0\0\0WEBPVP8 ", true),
            ("image/webp", b"RIFF\0\0\0\0WAVEfmt ", false),
            ("image/webp", b"RIFF", false),
            ("image/gif", b"GIF89a", true),
            ("image/gif", b"", false),
        ] {
            assert_eq!(
                picture(PictureOf::Me, media_type, Role::Member).unwrap().check_content(head).is_ok(),
                fine,
                "{media_type} {head:?}"
            );
        }
    }

    #[test]
    fn a_logo_is_for_those_who_may_edit_the_organisation() {
        assert!(picture(PictureOf::Me, "image/png", Role::Guest).is_ok());
        assert!(matches!(picture(PictureOf::Organization, "image/png", Role::Manager), Err(Error::Forbidden(_))));
        let logo = picture(PictureOf::Organization, "image/png", Role::Admin).unwrap();
        assert!(
            matches!(logo.check(&logo.by, &Role::Member.grants()), Err(Error::Forbidden(_))),
            "who was an administrator is one no more"
        );
        let other = UserId::new(Timestamp::UNIX_EPOCH, 3);
        assert!(matches!(logo.check(&other, &Role::Admin.grants()), Err(Error::NotFound(_))));
    }
}
