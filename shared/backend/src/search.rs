//! What stands in several lists at once, where all of them sort alike.

use crate::{
    door::Can,
    keys::{Key, Range},
    page::{self, Page, Paging},
    table::{Found, Walk, parse, text},
};
use domain::{
    Result,
    commit::Kept,
    limits,
    policy::{Permission, Reads},
};
use futures_util::future::try_join_all;
use std::collections::{BTreeSet, HashMap};

fn places(found: &Found) -> impl Iterator<Item = &str> {
    found.items.iter().filter_map(|item| text(item, "sk"))
}

/// The list that gets farthest with one page is the shortest, as far as one page tells.
fn shortest(pages: &[Found]) -> Option<usize> {
    let reach = |found: &Found| match found.more {
        None => (true, String::new(), usize::MAX - found.items.len()),
        Some(_) => (false, places(found).last().unwrap_or_default().to_owned(), 0),
    };
    (0..pages.len()).max_by_key(|page| reach(&pages[*page]))
}

/// Leaves out what the first page of another list shows not to stand there.
fn prune(pages: &[Found], lead: usize) -> BTreeSet<String> {
    let others: Vec<_> = pages.iter().enumerate().filter(|(page, _)| *page != lead).map(|(_, found)| found).collect();
    let missing = |place: &str| {
        others.iter().any(|found| {
            let seen = found.more.is_none() || places(found).last().is_some_and(|last| place <= last);
            seen && !places(found).any(|other| other == place)
        })
    };
    places(&pages[lead]).filter(|place| missing(place)).map(str::to_owned).collect()
}

impl<P: Permission> Can<P> {
    /// One page of the records that stand in every one of these lists and fit. The shortest list is walked, a bounded number of pages
    /// of it; the next page goes on behind the same place, whichever list is then the shortest.
    ///
    /// `key` is where an entry's record is, and `place` where a record stands in the lists: an entry that is out of date says nothing.
    pub async fn list_in_all<E: Kept, R: Kept>(
        &self,
        lists: Vec<Range<E>>,
        paging: &Paging,
        key: impl Fn(&E) -> Key<R> + Send,
        place: impl Fn(&R) -> String + Send,
        fits: impl Fn(&R) -> bool + Send,
    ) -> Result<Page<R>>
    where
        P: Reads<E> + Reads<R>,
    {
        self.reach.check_kind::<R>()?;
        let secrets = self.room.inner.secrets().await?;
        let scope = self.tenant().id().as_str();
        let table = &self.room.store.table;
        // More than a page of each, to see better which is the shortest
        let limit = if lists.len() == 1 { paging.limit } else { limits::PAGE_MOST };
        let walk =
            |range: &Range<E>, after: Option<&str>| Walk { descending: false, limit, after: after.map(|sk| page::behind(range, sk)) };

        let mut after = page::open(&secrets, scope, paging)?;
        let mut pages = try_join_all(lists.iter().map(|range| table.query(range, walk(range, after.as_deref())))).await?;
        let Some(lead) = shortest(&pages) else { return Ok(Page { items: Vec::new(), next: None }) };
        let absent = prune(&pages, lead);
        let mut found = pages.swap_remove(lead);
        let mut end = places(&found).last().map(str::to_owned);
        found.items.retain(|item| text(item, "sk").is_some_and(|sk| !absent.contains(sk)));

        let mut items = Vec::with_capacity(paging.limit);
        for _ in 0..limits::FILTER_ROUNDS {
            if found.items.is_empty() {
                if found.more.is_none() {
                    return Ok(Page { items, next: None });
                }
                after = end;
                found = table.query(&lists[lead], walk(&lists[lead], after.as_deref())).await?;
                end = places(&found).last().map(str::to_owned);
            }
            let later = found.items.split_off(found.items.len().min(paging.limit));
            let some = std::mem::replace(&mut found.items, later);
            let entries: Vec<String> = some.iter().filter_map(|item| text(item, "sk")).map(str::to_owned).collect();
            let keys = some.into_iter().map(|item| parse(item).map(|entry| key(&entry))).collect::<Result<Vec<_>>>()?;
            let records: Vec<R> = self.room.get_many(keys).await?;
            // A cursor would tell that there is something
            if !records.iter().all(|record| self.sees(record)) {
                return Ok(Page { items: Vec::new(), next: None });
            }
            let mut standing: HashMap<String, R> = records.into_iter().map(|record| (place(&record), record)).collect();
            let is_last = found.more.is_none() && found.items.is_empty();
            for (number, sk) in entries.iter().enumerate() {
                items.extend(standing.remove(sk).filter(|record| fits(record)));
                after = Some(sk.clone());
                if items.len() == paging.limit && !(is_last && number + 1 == entries.len()) {
                    return Ok(Page { items, next: Some(page::seal(&secrets, scope, paging, sk)) });
                }
            }
            if is_last {
                return Ok(Page { items, next: None });
            }
        }
        Ok(Page { items, next: after.map(|sk| page::seal(&secrets, scope, paging, &sk)) })
    }
}
