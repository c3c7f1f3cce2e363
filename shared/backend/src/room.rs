//! Where something is done, in whose name and when; and how it is stored and read there.

use crate::{
    aws::Inner,
    idempotency::Claim,
    keys::{Key, Range, Tenant},
    page::{self, Page, Paging},
    store::Store,
    table::{Found, Item, Outcome, Table, Walk, number, parse, text},
    web::Answer,
};
use domain::{
    Error, Result, Timestamp,
    commit::{Actor, Change, Commit, Draft, Kept, Origin, Write},
    id::ChangeId,
    limits, webhook,
};
use std::{collections::HashMap, sync::Arc};

/// Who acts, where, when and in which organisation: what every write needs.
#[derive(Clone)]
pub(crate) struct Room {
    pub(crate) inner: Arc<Inner>,
    pub(crate) store: Arc<Store>,
    pub(crate) tenant: Tenant,
    pub(crate) actor: Actor,
    pub(crate) origin: Origin,
    pub(crate) claim: Option<Claim>,
    /// Whether there may be webhooks: yes, where nobody has looked.
    pub(crate) hooked: bool,
    pub(crate) now: Timestamp,
}

impl Room {
    pub(crate) fn random(&self) -> u128 {
        self.inner.entropy.number()
    }

    /// After a lost race, waits a moment of its own, so that those who lost together do not meet again.
    pub(crate) async fn step_aside(&self, tries: usize) {
        let most = 16_u64 << tries.min(7);
        let millis = u64::try_from(self.random() % u128::from(most)).unwrap_or(most);
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
    }

    fn change(&self, number: u128, draft: Draft) -> Change {
        Change {
            id: ChangeId::new(self.now, number),
            organization: self.tenant.id().clone(),
            action: draft.action.to_owned(),
            subject: draft.subject,
            by: self.actor.clone(),
            at: self.now,
            origin: self.origin.clone(),
            topic: draft.topic,
            before: draft.before,
            after: draft.after,
        }
    }

    /// Executes a commit as one transaction, and with it keeps the answer under the request's key.
    /// Gives back the answer to send: this one, or the first one when the request was made before.
    pub(crate) async fn execute(&self, commit: Commit, answer: Option<Answer>) -> Result<Option<Answer>> {
        self.execute_with(commit, None, answer).await
    }

    /// The same with what goes into another room in the same transaction.
    pub(crate) async fn execute_with(
        &self,
        commit: Commit,
        elsewhere: Option<(&Room, Commit)>,
        answer: Option<Answer>,
    ) -> Result<Option<Answer>> {
        let table = &self.store.table;
        let (mut kept, mut writes, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        for (room, commit) in [(self, commit)].into_iter().chain(elsewhere) {
            for write in commit.writes {
                writes.push(table.write(&room.tenant, &write)?);
                kept.push(write);
            }
            // Numbered one after the other, so that the changes of one commit keep their order
            for (number, draft) in (self.random() >> 8..).zip(commit.drafts) {
                let change = room.change(number, draft);
                changes.push(table.write_change(&room.tenant, &change, webhook::is_told(&change.action) && room.hooked)?);
            }
        }
        writes.extend(changes);
        let claim = self.claim.as_ref().zip(answer.as_ref());
        if let Some((claim, answer)) = claim {
            writes.push(table.write_once(claim.key(), "idempotency", claim.item(answer))?);
        }
        if writes.is_empty() {
            return Ok(answer);
        }
        match table.transact(writes).await? {
            Outcome::Done => Ok(answer),
            Outcome::Refused { write, present } => {
                // Whatever else failed, a request made before is answered as it was
                if let Some((claim, _)) = claim
                    && let Some(kept) = table.get_item(claim.key()).await?
                {
                    return claim.replay(&kept).map(Some);
                }
                Err(refusal(kept.get(write), present))
            }
        }
    }

    pub(crate) async fn get_many<R: Kept>(&self, keys: Vec<Key<R>>) -> Result<Vec<R>> {
        let order: Vec<_> = keys.iter().map(|key| (key.pk.clone(), key.sk.clone())).collect();
        let items = self.store.table.get_items(keys.into_iter().map(Table::key_item).collect()).await?;
        let mut found = HashMap::with_capacity(items.len());
        for item in items {
            let at = (text(&item, "pk").unwrap_or_default().to_owned(), text(&item, "sk").unwrap_or_default().to_owned());
            found.insert(at, parse(item)?);
        }
        Ok(order.iter().filter_map(|at| found.remove(at)).collect())
    }

    pub(crate) async fn all<R: Kept>(&self, range: Range<R>, limit: usize, descending: bool) -> Result<Vec<R>> {
        let mut records = Vec::new();
        let mut after = None;
        loop {
            let walk = Walk { descending, limit: limit - records.len(), after };
            let Found { items, more } = self.store.table.query(&range, walk).await?;
            for item in items {
                records.push(parse(item)?);
            }
            after = more;
            if after.is_none() || records.len() >= limit {
                return Ok(records);
            }
        }
    }

    pub(crate) async fn list<R: Kept>(
        &self,
        range: Range<R>,
        paging: &Paging,
        descending: bool,
        fits: impl Fn(&R) -> bool + Send,
    ) -> Result<Page<R>> {
        let secrets = &*self.inner.secrets().await?;
        let scope = self.tenant.id().as_str();
        let mut after = page::open(secrets, scope, paging)?.map(|position| page::start(&range, &position)).transpose()?;
        let (mut items, mut last) = (Vec::with_capacity(paging.limit), None);
        for _ in 0..limits::FILTER_ROUNDS {
            let found = self.store.table.query(&range, Walk { descending, limit: paging.limit, after }).await?;
            let more = found.more;
            let count = found.items.len();
            for (place, item) in found.items.into_iter().enumerate() {
                let position = page::position(&range, &item);
                let record = parse(item)?;
                if fits(&record) {
                    items.push(record);
                }
                last = Some(position);
                if items.len() == paging.limit {
                    if more.is_none() && place + 1 == count {
                        last = None;
                    }
                    return Ok(Page { items, next: last.map(|position| page::seal(secrets, scope, paging, &position)) });
                }
            }
            after = more;
            if after.is_none() {
                return Ok(Page { items, next: None });
            }
        }
        Ok(Page { items, next: last.map(|position| page::seal(secrets, scope, paging, &position)) })
    }
}

/// What a failed condition means to the caller.
fn refusal(write: Option<&Write>, present: Option<Item>) -> Error {
    let Some(write) = write else { return Error::Conflict("the request was made twice at once".to_owned()) };
    let kind = write.record().kind();
    match (write, present) {
        (Write::Create(_), _) => Error::Conflict(format!("there is such a {kind} already")),
        (_, Some(item)) => Error::Stale { kind, present: number(&item, "version").unwrap_or_default() },
        (_, None) => Error::NotFound(kind),
    }
}
