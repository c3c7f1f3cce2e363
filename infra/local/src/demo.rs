//! An account to try things with, made at the first start like any other.

use crate::{Error, Stack};
use axum::body::Bytes;
use backend::clock::Entropy;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};

#[derive(Serialize, Deserialize)]
pub struct Demo {
    pub email: String,
    pub password: String,
}

impl Demo {
    /// The demo account of this data folder; signed up through the API when there is none.
    pub async fn open(stack: &Stack, data: Option<&Path>) -> Result<Self, Error> {
        let file = data.map(|folder| folder.join("demo.json"));
        if let Some(Ok(text)) = file.as_ref().map(std::fs::read_to_string) {
            return Ok(serde_json::from_str(&text)?);
        }
        let password = format!("demo-{:010x}", Entropy::system().number() >> 88);
        let demo = Self { email: "mia@demo.example".to_owned(), password };
        let form = json!({
            "name": "Mia Demo", "email": demo.email, "password": demo.password, "organization": "Demo Gardens",
            "address": "1 Mill Lane\nOxford OX1 1AA\nUnited Kingdom", "phone": "+44 20 7946 0000", "expected_users": 25, "zone": "Europe/London"
        });
        let request = axum::http::Request::post(format!("{}/api/v1/auth/register", stack.url()))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(form.to_string())))?;
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request).await?;
        if !answer.status().is_success() {
            let text = answer.into_body().collect().await?.to_bytes();
            return Err(format!("the demo account could not be made: {}", String::from_utf8_lossy(&text)).into());
        }
        if let Some(file) = file {
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
            file.write_all(serde_json::to_string(&demo)?.as_bytes())?;
        }
        Ok(demo)
    }
}
