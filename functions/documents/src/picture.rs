//! Looks at a picture that was uploaded, and keeps nothing of it but its pixels, as squares.

use backend::{keys, system::System};
use domain::{
    Error, Result,
    account::User,
    commit::Commit,
    id::PictureId,
    limits,
    picture::{Picture, PictureOf, PictureSize, PictureState},
    settings::Settings,
};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder, imageops::FilterType};
use std::io::Cursor;

/// A finished square and its type.
pub struct Square {
    pub size: PictureSize,
    pub bytes: Vec<u8>,
    pub media_type: &'static str,
}

const UNREADABLE: &str = "cannot be read as what it says it is";
const QUALITY: u8 = 85;

pub async fn look(system: &System, id: &PictureId) -> Result<()> {
    let Some(picture): Option<Picture> = system.get(keys::picture(system.tenant(), id)).await? else { return Ok(()) };
    if picture.state == PictureState::Uploaded {
        let made = match system.uploaded(&picture).await? {
            Some(bytes) => {
                let media_type = picture.media_type.clone();
                // Off the threads that wait for messages: a large picture takes a while. One that makes the reader fall over is refused
                tokio::task::spawn_blocking(move || squares(&bytes, &media_type)).await.unwrap_or(Err(UNREADABLE))
            }
            None => Err("is not there any more"),
        };
        match made {
            Ok(squares) => {
                for square in squares {
                    system.keep_square(&picture, square.size, square.bytes, square.media_type).await?;
                }
                take(system, &picture).await?;
            }
            Err(why) => done(system.commit(picture.clone().refused(format!("the picture {why}"))).await)?,
        }
    }
    system.drop_upload(&picture).await
}

/// By the same job delivered twice.
fn done(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(Error::Stale { kind: "picture", .. }) => Ok(()),
        other => other,
    }
}

async fn take(system: &System, picture: &Picture) -> Result<()> {
    for _ in 0..limits::RACE_TRIES {
        let shown = match picture.of {
            PictureOf::Me => {
                let user: Option<User> = system.get(keys::user(&system.person(&picture.by))).await?;
                user.map(|user| user.show(Some(picture.id.clone())))
            }
            PictureOf::Organization => {
                let settings: Settings = system.get(keys::settings(system.tenant())).await?.unwrap_or_default();
                Some(settings.show(Some(picture.id.clone())))
            }
        };
        let Some(shown) = shown else { return Ok(()) };
        match system.commit(Commit::and(shown, picture.clone().taken())).await {
            // Somebody edits their profile or the settings at this moment
            Err(Error::Stale { kind: "user" | "settings", .. } | Error::Conflict(_)) => {}
            other => return done(other),
        }
    }
    Err(Error::Busy("what the picture belongs to keeps changing".into()))
}

/// The middle of the picture as squares, upright; none of what else the file holds. Says what is wrong with it.
pub fn squares(bytes: &[u8], media_type: &str) -> Result<Vec<Square>, &'static str> {
    let format = ImageFormat::from_mime_type(media_type).ok_or(UNREADABLE)?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut most = Limits::default();
    (most.max_image_width, most.max_image_height) = (Some(limits::PICTURE_SIDE), Some(limits::PICTURE_SIDE));
    most.max_alloc = Some(limits::PICTURE_MEMORY);
    reader.limits(most);
    let mut decoder = reader.into_decoder().map_err(|error| match error {
        image::ImageError::Limits(_) => "has too many pixels",
        _ => UNREADABLE,
    })?;
    // Known from its head, before any pixel is unpacked
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > limits::PICTURE_SIDE || pixels > limits::PICTURE_PIXELS || decoder.total_bytes() > limits::PICTURE_MEMORY {
        return Err("has too many pixels");
    }
    if width.min(height) < limits::PICTURE_LEAST {
        return Err("is less than 16 pixels wide or high");
    }
    let orientation = decoder.orientation().map_err(|_| UNREADABLE)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| match error {
        image::ImageError::Limits(_) => "has too many pixels",
        _ => UNREADABLE,
    })?;
    picture.apply_orientation(orientation);
    let side = picture.width().min(picture.height());
    let middle = picture.crop_imm((picture.width() - side) / 2, (picture.height() - side) / 2, side, side);
    let square = |size: PictureSize| {
        let small = middle.resize_exact(size.pixels(), size.pixels(), FilterType::Lanczos3);
        let mut bytes = Vec::new();
        // Only what one can see through needs the larger format
        let media_type = if small.color().has_alpha() {
            small.to_rgba8().write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).map(|()| "image/png")
        } else {
            small.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY)).map(|()| "image/jpeg")
        };
        media_type.map(|media_type| Square { size, bytes, media_type }).map_err(|_| "cannot be made smaller")
    };
    PictureSize::ALL.into_iter().map(square).collect()
}
