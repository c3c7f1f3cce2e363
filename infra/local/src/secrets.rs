//! The parameter with the signing keys, as SSM would give it.

use std::{io::Write, path::Path, sync::Mutex};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{Error, aws::fault, lock};

pub(crate) struct Secrets {
    /// Name of the parameter.
    name: String,
    value: Mutex<String>,
}

impl Secrets {
    /// What the folder keeps, or new ones.
    pub fn open(folder: Option<&Path>, name: String, make: impl FnOnce() -> String) -> Result<Self, Error> {
        let Some(folder) = folder else {
            return Ok(Self { name, value: make().into() });
        };
        let file = folder.join("secrets.json");
        let value = match std::fs::read_to_string(&file) {
            Ok(value) => value,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let value = make();
                write_private(&file, &value)?;
                value
            }
            Err(error) => return Err(format!("{}: {error}", file.display()).into()),
        };
        Ok(Self { name, value: value.into() })
    }

    /// As somebody who rotates the keys does. A folder goes on keeping those of its first start.
    pub fn put(&self, value: String) {
        *lock(&self.value) = value;
    }

    /// With which the first operator of the platform is made.
    pub fn setup_token(&self) -> Option<String> {
        backend::secrets::Secrets::setup_token(&lock(&self.value))
    }

    pub fn get_parameter(&self, request: &Value) -> Response {
        if request["Name"] != self.name.as_str() {
            return fault(StatusCode::BAD_REQUEST, "ParameterNotFound", "no such parameter");
        }
        Json(json!({ "Parameter": {
            "Name": self.name,
            "Type": "SecureString",
            "Value": *lock(&self.value),
            "Version": 1,
        }}))
        .into_response()
    }
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}
