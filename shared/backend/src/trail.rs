//! Reading the trail of changes: for those who may audit, and nobody else.

use crate::{
    door::Can,
    keys::{self, Index, Range},
    page::{self, Page, Paging},
    room::Room,
    table::{Walk, parse},
};
use domain::{Error, Result, Timestamp, commit::Change, id::*, limits, policy::ReadAudit};
use futures_util::future::try_join_all;

/// Which changes are asked for.
#[derive(Clone, Debug, Default)]
pub struct ChangeFilter {
    pub subject: Option<String>,
    pub user: Option<UserId>,
}

impl Can<ReadAudit> {
    /// One page of the trail, latest first.
    pub async fn changes(&self, filter: ChangeFilter, paging: &Paging) -> Result<Page<Change>> {
        let founded = self.membership.joined_at.min(self.tenant().id().made_at());
        self.room.changes(filter, paging, founded).await
    }
}

impl Room {
    pub(crate) async fn changes(&self, filter: ChangeFilter, paging: &Paging, founded: Timestamp) -> Result<Page<Change>> {
        match filter {
            ChangeFilter { subject: Some(subject), user } => {
                let fits = |change: &Change| user.is_none() || change.by.user == user;
                self.changes_in(keys::changes_of(&self.tenant, &subject), paging, fits).await
            }
            ChangeFilter { subject: None, user: Some(user) } => {
                self.changes_in(keys::changes_by(&self.tenant, &user), paging, |_| true).await
            }
            ChangeFilter { subject: None, user: None } => self.all_changes(paging, founded).await,
        }
    }

    async fn changes_in(&self, range: Range<Change>, paging: &Paging, fits: impl Fn(&Change) -> bool) -> Result<Page<Change>> {
        debug_assert_ne!(range.index, Index::Table);
        let secrets = &*self.inner.secrets().await?;
        let scope = self.tenant.id().as_str();
        let after = page::open(secrets, scope, paging)?.map(|position| page::start(&range, &position)).transpose()?;
        let found = self.store.table.query(&range, Walk { descending: true, limit: paging.limit, after }).await?;
        let last = found.items.last().map(|item| page::position(&range, item)).filter(|_| found.more.is_some());
        let changes = found.items.into_iter().map(parse).collect::<Result<Vec<Change>>>()?;
        let next = last.map(|position| page::seal(secrets, scope, paging, &position));
        Ok(Page { items: changes.into_iter().filter(|change| fits(change)).collect(), next })
    }

    /// Merges the shards of each day, back from the cursor; a quiet month ends a page early.
    async fn all_changes(&self, paging: &Paging, founded: Timestamp) -> Result<Page<Change>> {
        let secrets = &*self.inner.secrets().await?;
        let scope = self.tenant.id().as_str();
        let (mut at, mut before) = match page::open(secrets, scope, paging)? {
            Some(position) => {
                let id: ChangeId = position.parse().map_err(|_| Error::BadCursor)?;
                (id.made_at(), position)
            }
            None => (self.now, "chg_~".to_owned()),
        };
        let mut items: Vec<Change> = Vec::new();
        for _ in 0..limits::TRAIL_DAYS {
            let shards = (0..limits::CHANGE_SHARDS).map(|shard| {
                let range = keys::changes_on(&self.tenant, at, shard, &before);
                // One more than asked for, because the bound itself was already given
                let walk = Walk { descending: true, limit: paging.limit + 1, after: None };
                async move { self.store.table.query(&range, walk).await }
            });
            let mut day = Vec::new();
            for found in try_join_all(shards).await? {
                for item in found.items {
                    day.push(parse::<Change>(item)?);
                }
            }
            day.retain(|change| change.id.as_str() < before.as_str());
            day.sort_by(|a, b| b.id.cmp(&a.id));
            items.extend(day);
            if items.len() > paging.limit {
                items.truncate(paging.limit);
                let next = items.last().map(|change| page::seal(secrets, scope, paging, change.id.as_str()));
                return Ok(Page { items, next });
            }
            let midnight = start_of_day(at);
            if midnight <= founded {
                return Ok(Page { items, next: None });
            }
            at = midnight - jiff::SignedDuration::from_millis(1);
            before = "chg_~".to_owned();
        }
        let next = ChangeId::new(at, u128::MAX);
        Ok(Page { items, next: Some(page::seal(secrets, scope, paging, next.as_str())) })
    }
}

fn start_of_day(at: Timestamp) -> Timestamp {
    let seconds = at.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(86_400)).unwrap_or(at)
}
