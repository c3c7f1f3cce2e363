//! The product as it is: its own template and keys, and no faults.

use std::path::PathBuf;

use backend::{clock::Entropy, secrets::Secrets};

use crate::{Faults, Options};

impl Options {
    #[must_use]
    pub fn product(data: Option<PathBuf>, port: u16) -> Self {
        Self {
            template: include_str!("../../../template.yaml").to_owned(),
            data,
            port,
            faults: Faults::default(),
            secrets: Box::new(|| Secrets::generate(&Entropy::system())),
        }
    }
}
