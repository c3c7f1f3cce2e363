//! Pages of a list, and the signed cursor that leads from one to the next.

use crate::{
    keys::Range,
    secrets::Secrets,
    table::{Item, string, text},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Error, Result, error::Fault, limits};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// One page of a list. A page may be short, even empty, and still not be the last: only a missing `next` says so.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give this as `cursor` to get the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

/// What every list takes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters that `Paging` reads")]
pub struct PageQuery {
    /// Most items to return.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u8>,
    /// Where the page before said to go on; only for the same list with the same filters.
    cursor: Option<String>,
}

/// The page that was asked for, of the list that was asked for.
#[derive(Clone, Debug)]
pub struct Paging {
    pub(crate) limit: usize,
    pub(crate) cursor: Option<String>,
    /// The path and the filters: what a cursor is bound to.
    pub(crate) list: String,
}

impl Paging {
    /// Takes `limit` and `cursor` out of the query; the rest are filters.
    pub(crate) fn take(path: &str, query: &mut BTreeMap<String, String>) -> Result<Self> {
        let limit = match query.remove("limit").as_deref().map(str::parse::<usize>) {
            None => limits::PAGE,
            Some(Ok(limit)) if (1..=limits::PAGE_MOST).contains(&limit) => limit,
            Some(_) => {
                let message = format!("is not a number from 1 to {}", limits::PAGE_MOST);
                return Err(Error::Invalid(vec![Fault { field: "limit".to_owned(), message }]));
            }
        };
        let cursor = query.remove("cursor");
        Ok(Self { limit, cursor, list: format!("{path}?{query:?}") })
    }

    pub fn limit(&self) -> usize {
        self.limit
    }
}

/// A cursor is the key to go on from, and a mark that it was given for this list and this caller's organisation.
pub(crate) fn seal(secrets: &Secrets, scope: &str, paging: &Paging, payload: &str) -> String {
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let mark = secrets.mark("cursor", &[scope, &paging.list, &payload]);
    format!("{payload}.{mark}")
}

pub(crate) fn open(secrets: &Secrets, scope: &str, paging: &Paging) -> Result<Option<String>> {
    let Some(cursor) = &paging.cursor else { return Ok(None) };
    let (payload, mark) = cursor.split_once('.').ok_or(Error::BadCursor)?;
    if !secrets.is_mark("cursor", &[scope, &paging.list, payload], mark) {
        return Err(Error::BadCursor);
    }
    let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| Error::BadCursor)?;
    String::from_utf8(bytes).map(Some).map_err(|_| Error::BadCursor)
}

/// The key attributes of an item, as a query goes on from them.
pub(crate) fn position<R>(range: &Range<R>, item: &Item) -> String {
    let (_, pk, sk) = range.index.names();
    let names: std::collections::BTreeSet<_> = ["pk", "sk", pk, sk].into();
    let values: Vec<_> = names.into_iter().filter_map(|name| text(item, name).map(|value| (name, value))).collect();
    serde_json::to_string(&values).unwrap_or_default()
}

/// Where a query of a range in the table goes on after a sort key, whether it is there or not.
pub(crate) fn behind<R>(range: &Range<R>, sk: &str) -> Item {
    Item::from([("pk".to_owned(), string(&range.pk)), ("sk".to_owned(), string(sk))])
}

/// Where a query goes on. A list that is each person's own has the same path for all, so the position must be of this range.
pub(crate) fn start<R>(range: &Range<R>, position: &str) -> Result<Item> {
    let values: Vec<(String, String)> = serde_json::from_str(position).map_err(|_| Error::BadCursor)?;
    let item: Item = values.into_iter().map(|(name, value)| (name, string(value))).collect();
    let (_, pk, _) = range.index.names();
    if text(&item, pk) == Some(&range.pk) { Ok(item) } else { Err(Error::BadCursor) }
}
