//! Pictures of people and logos: bounded, upright, and nothing but pixels.

use image::{DynamicImage, GenericImageView, ImageFormat, Rgb, RgbImage, RgbaImage};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use std::io::Cursor;
use tests::{Person, World};

const PICTURES: &str = "/api/v1/pictures";

fn written(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// Left half red, right half blue.
fn two_halves(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([220, 0, 0]) } else { Rgb([0, 0, 220]) }).into()
}

async fn upload(person: &Person, of: &str, media_type: &str, content: Vec<u8>) -> String {
    let draft = json!({ "of": of, "media_type": media_type, "bytes": content.len() });
    let announced = person.post(PICTURES, draft).await.expect(201);
    let form = announced["upload"]["fields"].as_object().unwrap().iter();
    let form = form.fold(Form::new(), |form, (name, value)| form.text(name.clone(), value.as_str().unwrap().to_owned()));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = announced["upload"]["url"].as_str().unwrap();
    let answer = client.post(url).multipart(form.part("file", Part::bytes(content).file_name("file"))).send().await.unwrap();
    assert!(answer.status().is_success(), "the store refused the upload");
    format!("{PICTURES}/{}", announced["picture"]["id"].as_str().unwrap())
}

/// What became of it once the worker has looked.
async fn completed(person: &Person, path: &str) -> Value {
    person.post(&format!("{path}/complete"), json!({})).await.expect(200);
    person.world.idle().await;
    person.get(path).await.expect(200)
}

async fn shows(person: &Person, of: &str, media_type: &str, content: Vec<u8>) {
    let path = upload(person, of, media_type, content).await;
    let picture = completed(person, &path).await;
    assert_eq!(picture["state"], "taken", "{picture}");
}

/// The organisation gets a logo.
pub(crate) async fn shows_logo(owner: &Person) {
    shows(owner, "organization", "image/png", written(&two_halves(64, 64), ImageFormat::Png)).await;
}

async fn bytes(person: &Person, path: &str) -> Vec<u8> {
    let answer = person.request(reqwest::Method::GET, path).send().await.unwrap();
    assert!(answer.status().is_success(), "{path} was answered with {}", answer.status());
    answer.bytes().await.unwrap().to_vec()
}

fn of(person: &Person, size: u32) -> String {
    format!("{PICTURES}/members/{}/{size}", person.id)
}

#[tokio::test]
async fn a_picture_is_seen_in_three_sizes_by_everybody_one_works_with_and_by_nobody_else() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let ben = acme.joins("Ben", "member").await;
    let mia = &other.owner;
    acme.owner.post("/api/v1/invitations", json!({ "email": mia.email, "role": "member" })).await.expect(201);
    let join = json!({ "token": world.link(&mia.email, "join").await, "password": "correct horse battery" });
    world.post("/api/v1/auth/join", join).await.expect(201);
    ben.get(&of(mia, 64)).await.refused(404, "not-found");
    shows(mia, "me", "image/png", written(&two_halves(300, 100), ImageFormat::Png)).await;
    for (size, person) in [(64, &ben), (256, mia), (512, &acme.owner)] {
        let square = image::load_from_memory(&bytes(person, &of(mia, size)).await).unwrap();
        assert_eq!(square.dimensions(), (size, size));
        let (left, right) = (square.get_pixel(size / 8, size / 2), square.get_pixel(size * 7 / 8, size / 2));
        assert!(left[0] > 150 && left[2] < 90 && right[2] > 150 && right[0] < 90, "the middle was not cut out: {left:?} {right:?}");
    }
    ben.get(&of(mia, 65)).await.refused(404, "not-found");
    let member = ben.get(&format!("/api/v1/members/{}", mia.id)).await.expect(200);
    assert!(member["picture"].as_str().is_some_and(|id| id.starts_with("pic_")));

    let stranger = world.organization("Evil").await;
    stranger.owner.get(&of(mia, 64)).await.refused(404, "not-found");
    world.get(&of(mia, 64)).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn the_picture_before_is_gone_for_good_and_one_that_is_removed_too() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let place = async || {
        let request = ben.request(reqwest::Method::GET, &of(&ben, 64)).build().unwrap();
        let answer = client.execute(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), 307);
        assert_eq!(answer.headers()["cache-control"], "private, max-age=240");
        answer.headers()["location"].to_str().unwrap().to_owned()
    };
    // A store tells nobody what is missing who may not list it
    let fetch = async |url: &str| match client.get(url).send().await.unwrap().status().as_u16() {
        403 | 404 => None,
        status => Some(status),
    };
    shows(&ben, "me", "image/png", written(&two_halves(64, 64), ImageFormat::Png)).await;
    let first = place().await;
    assert_eq!(fetch(&first).await, Some(200));
    shows(&ben, "me", "image/gif", written(&two_halves(64, 64), ImageFormat::Gif)).await;
    world.idle().await;
    let second = place().await;
    assert_eq!((fetch(&first).await, fetch(&second).await), (None, Some(200)));
    ben.delete("/api/v1/auth/picture").await.expect(204);
    world.idle().await;
    assert_eq!(fetch(&second).await, None);
    ben.get(&of(&ben, 64)).await.refused(404, "not-found");
    ben.delete("/api/v1/auth/picture").await.expect(204);
}

#[tokio::test]
async fn only_pixels_are_kept_and_they_stand_upright() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    // Lying on its side: red above blue, when it is turned as its EXIF says
    let jpeg = written(&two_halves(128, 64), ImageFormat::Jpeg);
    let exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x01\x0e\0\x02\0\0\0\x09\0\0\0\x26\0\0\0\0my house\0";
    let length = ((exif.len() + 2) as u16).to_be_bytes();
    let turned = [&jpeg[..2], b"\xff\xe1", &length, exif, &jpeg[2..], b"<script>my house</script>PK\x03\x04"].concat();
    shows(&acme.owner, "me", "image/jpeg", turned).await;
    let kept = bytes(&acme.owner, &of(&acme.owner, 256)).await;
    assert!(!kept.windows(8).any(|part| part == b"my house") && !kept.windows(4).any(|part| part == b"Exif"));
    let square = image::load_from_memory(&kept).unwrap();
    let (top, bottom) = (square.get_pixel(128, 32), square.get_pixel(128, 224));
    assert!(top[0] > 150 && bottom[2] > 150, "it was not turned: {top:?} {bottom:?}");
    // What one can see through stays so, and WebP is read
    let glass = DynamicImage::from(RgbaImage::from_pixel(32, 32, image::Rgba([0, 200, 0, 0])));
    shows(&acme.owner, "me", "image/webp", written(&glass, ImageFormat::WebP)).await;
    world.idle().await;
    let square = image::load_from_memory(&bytes(&acme.owner, &of(&acme.owner, 64)).await).unwrap();
    assert_eq!(square.get_pixel(9, 9)[3], 0);
}

/// A PNG whose head says this size, and whose pixels are as few bytes as they can be.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = written(&two_halves(16, 16), ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = u32::MAX;
    for byte in &bytes[12..29] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    bytes[29..33].copy_from_slice(&(!crc).to_be_bytes());
    bytes
}

#[tokio::test]
async fn hostile_pictures_are_refused_and_what_was_shown_stays() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let owner = &acme.owner;
    let dead_letters = world.queues().await["DocumentsDeadLetters"].clone();
    let good = written(&two_halves(64, 64), ImageFormat::Png);
    shows(owner, "me", "image/png", good.clone()).await;
    let before = owner.get("/api/v1/auth/profile").await.expect(200)["picture"].clone();
    let flood = bomb(11_999, 11_999);
    for (what, media_type, content, why) in [
        ("a flood of pixels", "image/png", flood, "has too many pixels"),
        ("a bomb", "image/png", bomb(u32::MAX >> 1, u32::MAX >> 1), ""),
        ("a thread", "image/png", bomb(1, 100_000), "has too many pixels"),
        ("a short thread", "image/png", written(&two_halves(8, 600), ImageFormat::Png), "is less than 16 pixels"),
        ("half a picture", "image/png", good[..good.len() / 2].to_vec(), "cannot be read"),
        ("a head and no body", "image/jpeg", b"\xff\xd8\xff\xe0".to_vec(), "cannot be read"),
        ("a page in a picture's clothes", "image/gif", b"GIF89a/*<script>alert(1)</script>*/".to_vec(), ""),
    ] {
        let path = upload(owner, "me", media_type, content).await;
        let picture = completed(owner, &path).await;
        assert_eq!(picture["state"], "refused", "{what}: {picture}");
        assert!(picture["refusal"].as_str().unwrap().contains(why), "{what}: {picture}");
    }
    for (media_type, content) in [
        ("image/png", &b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>"[..]),
        ("image/webp", b"RIFF\x04\0\0\0WAVE"),
        ("image/jpeg", good.as_slice()),
    ] {
        let path = upload(owner, "me", media_type, content.to_vec()).await;
        owner.post(&format!("{path}/complete"), json!({})).await.refused(409, "conflict");
        let picture = owner.get(&path).await.expect(200);
        assert_eq!(picture["state"], "refused");
        assert!(picture["refusal"].as_str().unwrap().starts_with("the content is not"), "{picture}");
    }
    for (draft, field) in [
        (json!({ "of": "me", "media_type": "image/svg+xml", "bytes": 9 }), "/media_type"),
        (json!({ "of": "me", "media_type": "image/png", "bytes": 8_388_609 }), "/bytes"),
        (json!({ "of": "me", "media_type": "image/png", "bytes": 0 }), "/bytes"),
    ] {
        owner.post(PICTURES, draft).await.refused_fields(&[field]);
    }
    assert_eq!(owner.get("/api/v1/auth/profile").await.expect(200)["picture"], before);
    assert_eq!(world.queues().await["DocumentsDeadLetters"], dead_letters, "none of them makes the worker fall over");
}

#[tokio::test]
async fn a_logo_is_seen_by_all_and_changed_by_those_who_may_edit_the_organisation() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, gus) = (acme.joins("Ben", "manager").await, acme.joins("Gus", "guest").await);
    let logo = format!("{PICTURES}/logo/256");
    ben.post(PICTURES, json!({ "of": "organization", "media_type": "image/png", "bytes": 9 })).await.refused(403, "forbidden");
    gus.get(&logo).await.refused(404, "not-found");
    shows(&acme.owner, "organization", "image/png", written(&two_halves(64, 64), ImageFormat::Png)).await;
    assert_eq!(image::load_from_memory(&bytes(&gus, &logo).await).unwrap().dimensions(), (256, 256));
    let other = world.organization("Other").await;
    other.owner.get(&logo).await.refused(404, "not-found");
    ben.delete("/api/v1/organization/logo").await.refused(403, "forbidden");
    acme.owner.delete("/api/v1/organization/logo").await.expect(204);
    gus.get(&logo).await.refused(404, "not-found");

    // Whose it is decides who may go on with it
    let path = upload(&ben, "me", "image/png", written(&two_halves(64, 64), ImageFormat::Png)).await;
    acme.owner.get(&path).await.refused(404, "not-found");
    acme.owner.post(&format!("{path}/complete"), json!({})).await.refused(404, "not-found");
}
