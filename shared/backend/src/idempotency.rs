//! The first answer to a creating request, kept a day under its `Idempotency-Key`.
//!
//! The answer is stored in the transaction that creates, so that a retry after a lost answer finds either both or neither.

use crate::{
    keys::{self, Key, Tenant},
    table::{Item, string, text},
    web::{Answer, Facts, Media},
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Error, Result, Timestamp, limits};

/// A key a caller sent with a request, and what the request was.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    place: Place,
    request: String,
    expires: i64,
}

#[derive(Clone, Debug)]
enum Place {
    Member(Tenant, String, String),
    Visitor(String),
}

impl Claim {
    pub(crate) fn of_member(facts: &Facts, tenant: &Tenant, who: &str, now: Timestamp) -> Option<Self> {
        let (key, request) = facts.idempotency.clone()?;
        Some(Self {
            place: Place::Member(tenant.clone(), who.to_owned(), key),
            request,
            expires: (now + limits::IDEMPOTENCY_KEPT).as_second(),
        })
    }

    pub(crate) fn of_visitor(facts: &Facts, now: Timestamp) -> Option<Self> {
        let (key, request) = facts.idempotency.clone()?;
        Some(Self { place: Place::Visitor(key), request, expires: (now + limits::IDEMPOTENCY_KEPT).as_second() })
    }

    pub(crate) fn key(&self) -> Key<()> {
        match &self.place {
            Place::Member(tenant, who, key) => keys::idempotency(tenant, who, key),
            Place::Visitor(key) => keys::visitor_idempotency(key),
        }
    }

    pub(crate) fn item(&self, answer: &Answer) -> Item {
        let mut item = Item::from([
            ("request".to_owned(), string(&self.request)),
            ("status".to_owned(), AttributeValue::N(answer.status.as_u16().to_string())),
            ("media".to_owned(), string(answer.media.name())),
            ("body".to_owned(), string(String::from_utf8_lossy(&answer.body))),
            ("expires".to_owned(), AttributeValue::N(self.expires.to_string())),
        ]);
        for (name, value) in [("etag", &answer.etag), ("location", &answer.location), ("file", &answer.file)] {
            if let Some(value) = value {
                item.insert(name.to_owned(), string(value));
            }
        }
        item
    }

    /// The answer kept in `item`, if it was given to this same request.
    pub(crate) fn replay(&self, item: &Item) -> Result<Answer> {
        if text(item, "request") != Some(&self.request) {
            return Err(Error::KeyReused);
        }
        let status = crate::table::number(item, "status")
            .and_then(|status| u16::try_from(status).ok())
            .and_then(|status| http::StatusCode::from_u16(status).ok());
        Ok(Answer {
            status: status.ok_or_else(|| Error::internal("a kept answer has no status"))?,
            media: Media::ALL.into_iter().find(|media| text(item, "media") == Some(media.name())).unwrap_or_default(),
            body: text(item, "body").unwrap_or_default().to_owned().into(),
            etag: text(item, "etag").map(str::to_owned),
            location: text(item, "location").map(str::to_owned),
            file: text(item, "file").map(str::to_owned),
        })
    }
}
