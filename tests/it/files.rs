//! Files: straight to the store, pinned, checked, and back byte for byte.

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tests::{Person, World};

pub(crate) async fn announce(person: &Person, name: &str, media_type: &str, bytes: usize) -> Value {
    person.post("/api/v1/files", json!({ "name": name, "media_type": media_type, "bytes": bytes })).await.expect(201)
}

/// Posts the form of an announced file, with some of its fields changed.
pub(crate) async fn upload(world: &World, announced: &Value, content: Vec<u8>, changed: &[(&str, &str)]) -> u16 {
    let mut form = Form::new();
    for (name, value) in announced["upload"]["fields"].as_object().unwrap() {
        let value = changed.iter().find(|(field, _)| field == name).map_or(value.as_str().unwrap(), |(_, value)| value);
        form = form.text(name.clone(), value.to_owned());
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client
        .post(announced["upload"]["url"].as_str().unwrap())
        .multipart(form.part("file", Part::bytes(content).file_name("file")))
        .send()
        .await
        .unwrap();
    let _ = world;
    answer.status().as_u16()
}

pub(crate) fn path(announced: &Value, rest: &str) -> String {
    format!("/api/v1/files/{}{rest}", announced["file"]["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_file_comes_back_byte_for_byte() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let project = acme.project("Garden").await;
    let task = acme.owner.task(&project, "Paint").await;
    let content: Vec<u8> = b"%PDF-1.7\n".iter().copied().chain((0..100_000u32).map(|n| (n * 31 % 251) as u8)).collect();
    let draft = json!({ "name": "plän.pdf", "media_type": "application/pdf", "bytes": content.len(), "task": task["id"] });
    let announced = acme.owner.post("/api/v1/files", draft).await.expect(201);
    acme.owner.post(&path(&announced, "/complete"), json!({})).await.refused(409, "conflict");
    acme.owner.get(&path(&announced, "/download")).await.refused(409, "conflict");
    assert!((200..300).contains(&upload(&world, &announced, content.clone(), &[]).await));
    acme.owner.post(&path(&announced, "/complete"), json!({})).await.expect(200);

    let link = acme.owner.get(&path(&announced, "/download")).await.expect(200);
    let answer = world.http().get(link["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(answer.bytes().await.unwrap(), content);
    let files = acme.owner.list(&format!("/api/v1/files?task={}", task["id"].as_str().unwrap())).await;
    assert_eq!((files.len(), &files[0]["name"]), (1, &json!("plän.pdf")));
}

#[tokio::test]
async fn the_store_takes_exactly_what_was_announced() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let png = b"\x89PNG\r\n\x1a\n0123456789".to_vec();
    for (what, content, changed) in [
        ("a longer file", [png.clone(), vec![0]].concat(), vec![]),
        ("a shorter file", png[..10].to_vec(), vec![]),
        ("another type", png.clone(), vec![("Content-Type", "text/html")]),
        ("another place", png.clone(), vec![("key", "org_other/files/fil_other")]),
        ("another policy", png.clone(), vec![("policy", "e30=")]),
        ("another signature", png.clone(), vec![("x-amz-signature", "00")]),
    ] {
        let announced = announce(&acme.owner, "logo.png", "image/png", png.len()).await;
        let status = upload(&world, &announced, content, &changed).await;
        assert!((400..500).contains(&status), "{what} was answered with {status}");
        acme.owner.post(&path(&announced, "/complete"), json!({})).await.refused(409, "conflict");
    }
}

#[tokio::test]
async fn content_is_what_it_says_and_programs_are_refused() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    for (media_type, content) in [
        ("image/png", b"MZ\x90\x00 a program".to_vec()),
        ("text/plain", b"#!/bin/sh\nrm -rf /".to_vec()),
        ("text/plain", b"\x7fELF\x02\x01\x01\x00".to_vec()),
    ] {
        let announced = announce(&acme.owner, "file", media_type, content.len()).await;
        upload(&world, &announced, content, &[]).await;
        acme.owner.post(&path(&announced, "/complete"), json!({})).await.refused(409, "conflict");
        acme.owner.get(&path(&announced, "/download")).await.refused(409, "conflict");
    }
    acme.owner
        .post("/api/v1/files", json!({ "name": "x.exe", "media_type": "application/x-msdownload", "bytes": 5 }))
        .await
        .refused_fields(&["/media_type"]);
    acme.owner.post("/api/v1/files", json!({ "name": "../x", "media_type": "text/plain", "bytes": 0 })).await.refused_fields(&["/name"]);
    acme.owner
        .post("/api/v1/files", json!({ "name": "x", "media_type": "text/plain", "bytes": 104_857_601 }))
        .await
        .refused_fields(&["/bytes"]);
}
