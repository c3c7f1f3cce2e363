//! The embedded SES: every mail ends in a mailbox that can be opened in the browser.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use mail_parser::{Address, MessageParser, MessagePart, MimeHeaders, PartType};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{Clock, Error, aws::fault, lock};

/// Older mail is thrown away.
const MOST: usize = 1000;

pub(crate) struct Mailbox {
    folder: Option<PathBuf>,
    clock: Clock,
    mails: Mutex<VecDeque<Arc<Mail>>>,
}

pub(crate) struct Mail {
    /// Time of arrival and a number, so that names of files sort by time.
    pub id: String,
    pub raw: Vec<u8>,
}

/// What a reader sees of a mail.
#[derive(Default, Serialize)]
pub(crate) struct Letter {
    pub id: String,
    /// What its sender calls it: mails that are the same have the same.
    pub message_id: String,
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub date: String,
    pub text: Option<String>,
    pub html: Option<String>,
    /// Names of the files.
    pub attachments: Vec<String>,
}

impl Mailbox {
    pub fn open(folder: Option<&Path>, clock: Clock) -> Result<Self, Error> {
        let folder = folder.map(|folder| folder.join("mail"));
        let mut mails = VecDeque::new();
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder)?;
            let files = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
            let mut files: Vec<_> = files.into_iter().map(|file| file.path()).collect();
            files.sort();
            for file in files.iter().skip(files.len().saturating_sub(MOST)) {
                if let (Some("eml"), Some(id)) = (file.extension().and_then(|e| e.to_str()), file.file_stem().and_then(|s| s.to_str())) {
                    mails.push_back(Arc::new(Mail { id: id.to_owned(), raw: std::fs::read(file)? }));
                }
            }
        }
        Ok(Self { folder, clock, mails: Mutex::new(mails) })
    }

    /// `SendEmail` of SES v2, with the raw message that the mail function writes.
    pub fn send_email(&self, request: &Value) -> Response {
        let raw = request.pointer("/Content/Raw/Data").and_then(|data| STANDARD.decode(data.as_str()?).ok());
        let Some(raw) = raw else {
            let message = "Content.Raw.Data is missing";
            return fault(StatusCode::BAD_REQUEST, "BadRequestException", message);
        };
        match self.add(raw) {
            Ok(id) => Json(json!({ "MessageId": id })).into_response(),
            Err(error) => {
                tracing::error!(%error, "a mail is not kept");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                fault(status, "InternalServiceErrorException", "not kept")
            }
        }
    }

    fn add(&self, raw: Vec<u8>) -> Result<String, Error> {
        let random = uuid::Uuid::new_v4().simple().to_string();
        let mut mails = lock(&self.mails);
        let id = format!("{:013}-{}", self.clock.now_millis(), &random[..8]);
        if let Some(folder) = &self.folder {
            std::fs::write(folder.join(&id).with_extension("eml"), &raw)?;
        }
        mails.push_back(Arc::new(Mail { id: id.clone(), raw }));
        if mails.len() > MOST
            && let Some(oldest) = mails.pop_front()
            && let Some(folder) = &self.folder
        {
            std::fs::remove_file(folder.join(&oldest.id).with_extension("eml"))?;
        }
        Ok(id)
    }

    /// Newest first.
    pub fn list(&self) -> Vec<Arc<Mail>> {
        lock(&self.mails).iter().rev().cloned().collect()
    }

    pub fn get(&self, id: &str) -> Option<Arc<Mail>> {
        let mails = lock(&self.mails);
        mails.iter().find(|mail| mail.id == id).cloned()
    }
}

impl Mail {
    pub fn letter(&self) -> Letter {
        let Some(message) = MessageParser::default().parse(&self.raw) else {
            return Letter { id: self.id.clone(), text: Some(String::from_utf8_lossy(&self.raw).into_owned()), ..Letter::default() };
        };
        let text = message.text_bodies().find_map(|part| match &part.body {
            PartType::Text(text) => Some(text.to_string()),
            _ => None,
        });
        let html = message.html_bodies().find_map(|part| match &part.body {
            PartType::Html(html) => Some(html.to_string()),
            _ => None,
        });
        Letter {
            id: self.id.clone(),
            message_id: message.message_id().unwrap_or_default().to_owned(),
            from: addresses(message.from()).join(", "),
            to: addresses(message.to()),
            subject: message.subject().unwrap_or_default().to_owned(),
            date: message.date().map(mail_parser::DateTime::to_rfc3339).unwrap_or_default(),
            text,
            html,
            attachments: message.attachments().map(name).collect(),
        }
    }
}

fn name(part: &MessagePart<'_>) -> String {
    part.attachment_name().unwrap_or("unnamed").to_owned()
}

/// Without the names of people.
fn addresses(address: Option<&Address<'_>>) -> Vec<String> {
    let addresses = address.into_iter().flat_map(Address::iter);
    addresses.filter_map(|address| address.address().map(str::to_owned)).collect()
}
