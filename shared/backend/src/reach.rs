//! How far a permission reaches: over the whole organisation, or over what the caller has a post over.
//!
//! Within a reach everything else does not exist, and is not written: a handler has no part in it.

use crate::{
    door::{Caller, Can, Opener},
    keys::{self, Key, Range, Tenant},
    page::{self, Page, Paging},
};
use domain::{
    Error, Result,
    commit::{Commit, Kept, Record, Write},
    id::{DepartmentId, UserId},
    organization::Membership,
    policy::{Grants, Permission, Reads},
    structure::{Places, Post, Scope, ScopedRole, Structure},
    team::Team,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

/// What a rule looks up and no answer within a reach shows.
const CONSULTED: [&str; 2] = [Membership::KIND, Structure::KIND];

#[derive(Clone)]
pub(crate) struct Reach {
    /// Absent, it is over everything.
    within: Option<BTreeSet<Scope>>,
    /// Whether members are written, so that those who were read have to be known.
    counts_members: bool,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// Where the records stand that were read and are within.
    places: BTreeSet<(String, String)>,
    members: BTreeMap<UserId, Membership>,
}

fn place(tenant: &Tenant, record: &Record) -> (String, String) {
    let place = keys::place(tenant, record);
    (place.pk, place.sk)
}

impl Caller {
    /// A department reaches over all below it. The structure is read only for whoever needs a post of theirs for this.
    pub(crate) async fn reach<P: Permission>(&self, grants: &Grants) -> Result<Reach> {
        let counts_members = P::WRITES.contains(&Membership::KIND);
        let seen = Arc::default();
        if grants.allow(P::GRANT) {
            return Ok(Reach { within: None, counts_members, seen });
        }
        let mut within: BTreeSet<Scope> =
            self.membership.posts.iter().filter(|post| P::POSTS.contains(&post.role)).map(|post| post.over.clone()).collect();
        // A key has what its maker may everywhere, and no posts
        if within.is_empty() || matches!(self.opener, Opener::Key(_)) {
            return Err(match &self.opener {
                Opener::Session(_) => Error::needs(P::GRANT),
                Opener::Key(_) => Error::forbidden(format!(
                    "this needs the permission {}, which the key or whoever answers for it does not have",
                    P::GRANT
                )),
            });
        }
        if within.iter().any(|scope| matches!(scope, Scope::Department(_))) {
            let structure: Option<Structure> = self.room.store.table.get(keys::structure(&self.room.tenant)).await?;
            let structure = structure.unwrap_or_default();
            let below = |scope: &Scope| match scope {
                Scope::Department(id) => structure.below(id),
                _ => BTreeSet::new(),
            };
            let more: BTreeSet<_> = within.iter().flat_map(below).map(Scope::Department).collect();
            within.extend(more);
        }
        Ok(Reach { within: Some(within), counts_members, seen })
    }
}

impl Reach {
    fn known(&self) -> Result<MutexGuard<'_, Seen>> {
        self.seen.lock().map_err(|_| Error::internal("what was read was left in pieces"))
    }

    /// Whether the caller may have what was read; remembers it, for what it is written over with.
    pub(crate) fn sees<R: Kept>(&self, tenant: &Tenant, record: &R) -> bool {
        let counts = self.counts_members && R::KIND == Membership::KIND;
        let within = match &self.within {
            None => true,
            Some(within) => CONSULTED.contains(&R::KIND) || record.scopes().iter().any(|scope| within.contains(scope)),
        };
        if within && (counts || self.within.is_some()) {
            let record: Record = record.clone().into();
            let Ok(mut seen) = self.known() else { return false };
            seen.places.insert(place(tenant, &record));
            if let Record::Membership(member) = record {
                seen.members.insert(member.user.clone(), *member);
            }
        }
        within
    }

    /// What hangs nowhere is listed only for those who may have all of it.
    pub(crate) fn check_kind<R: Kept>(&self) -> Result<()> {
        if self.within.is_none() || R::HANGS { Ok(()) } else { Err(outside()) }
    }

    /// Nothing is written but what is within before and after, and of members nothing but their posts and teams there.
    pub(crate) fn check_writes(&self, tenant: &Tenant, commit: &Commit, caller: &Membership) -> Result<()> {
        let Some(within) = &self.within else { return Ok(()) };
        let mut managed = within.clone();
        for write in others(commit) {
            self.check_within(tenant, write, within)?;
            managed.extend(itself(write));
        }
        for (before, after) in self.members_written(commit, caller)? {
            let rest = Membership { posts: after.posts.clone(), teams: after.teams.clone(), version: after.version, ..before.clone() };
            if rest != *after || !symmetric_difference(&before.posts, &after.posts).all(|post| managed.contains(&post.over)) {
                return Err(not_theirs());
            }
        }
        Ok(())
    }

    /// Members as they were read and as they are written.
    fn members_written<'a>(&self, commit: &'a Commit, caller: &Membership) -> Result<Vec<(Membership, &'a Membership)>> {
        let mut written = Vec::new();
        for write in &commit.writes {
            if let Write::Replace { record: Record::Membership(after), seen } = write {
                let before = self.known()?.members.get(&after.user).cloned().unwrap_or_else(|| caller.clone());
                if before.user != after.user || before.version != *seen {
                    return Err(Error::internal("a membership is written over that was not read"));
                }
                written.push((before, &**after));
            }
        }
        Ok(written)
    }

    fn check_within(&self, tenant: &Tenant, write: &Write, within: &BTreeSet<Scope>) -> Result<()> {
        let record = write.record();
        let (scopes, own) = (record.scopes(), itself(write));
        let inside = |scope: &Scope| within.contains(scope);
        let was_within = || Ok::<_, Error>(self.known()?.places.contains(&place(tenant, record)));
        let fine = match write {
            Write::Create(_) => scopes.iter().any(|scope| Some(scope) != own.as_ref() && inside(scope)),
            Write::Replace { .. } => was_within()? && scopes.iter().any(inside),
            Write::Delete { .. } | Write::Hold { .. } | Write::Take(_) | Write::Remove(_) => was_within()?,
            Write::Put(_) => false,
        };
        if fine { Ok(()) } else { Err(outside()) }
    }
}

fn not_theirs() -> Error {
    Error::forbidden("this gives or takes what is not yours to give or take")
}

fn others(commit: &Commit) -> impl Iterator<Item = &Write> {
    commit.writes.iter().filter(|write| !matches!(write.record(), Record::Membership(_)))
}

/// Whoever may something over a part of the organisation may it there alone.
fn outside() -> Error {
    Error::forbidden("you may this only over the parts of the organisation that you have a post in")
}

/// The part of the organisation that a record is itself.
fn itself(write: &Write) -> Option<Scope> {
    let id = write.record().subject().id;
    write.record().scopes().into_iter().find(|scope| scope.as_str() == id)
}

fn symmetric_difference<'a>(before: &'a [Post], after: &'a [Post]) -> impl Iterator<Item = &'a Post> {
    before.iter().filter(|post| !after.contains(post)).chain(after.iter().filter(|post| !before.contains(post)))
}

impl<P: Reads<Structure> + Reads<Team>> Can<P> {
    /// What somebody who goes has places in.
    pub async fn places_of(&self, member: &Membership) -> Result<Places> {
        let mut places = Places::default();
        if member.posts.iter().any(|post| post.role == ScopedRole::Head) {
            places.structure = self.get(keys::structure(self.tenant())).await?;
        }
        if !member.teams.is_empty() {
            places.teams = self.get_many(member.teams.iter().map(|team| keys::team(self.tenant(), team)).collect()).await?;
        }
        Ok(places)
    }
}

impl<P: Permission> Can<P> {
    /// Nobody gives or takes a post that gives more than they may where it is. Over what they make themselves they give any.
    pub(crate) async fn check_gifts(&self, commit: &Commit) -> Result<()> {
        let is_made =
            |post: &&Post| others(commit).any(|write| matches!(write, Write::Create(_)) && itself(write).as_ref() == Some(&post.over));
        for (before, after) in self.reach.members_written(commit, &self.membership)? {
            for post in symmetric_difference(&before.posts, &after.posts).filter(|post| !is_made(post)) {
                let above = others(commit).filter(|write| itself(write).as_ref() == Some(&post.over));
                let above: BTreeSet<_> = above.flat_map(|write| write.record().scopes()).chain([post.over.clone()]).collect();
                if !self.covers(above, &post.role.grants()).await? {
                    return Err(not_theirs());
                }
            }
        }
        Ok(())
    }

    /// Whether the caller has all of this over a part of the organisation, given with what it hangs below: everywhere, or by posts
    /// that reach there. A key has no posts.
    pub async fn covers(&self, mut over: BTreeSet<Scope>, wanted: &Grants) -> Result<bool> {
        if self.grants().cover(wanted) {
            return Ok(true);
        }
        let posts: &[Post] = if self.session().is_ok() { &self.membership.posts } else { &[] };
        let departments: Vec<_> = over.iter().filter_map(Scope::department).cloned().collect();
        if !departments.is_empty() && posts.iter().any(|post| post.role == ScopedRole::Head) {
            let structure: Option<Structure> = self.room.store.table.get(keys::structure(&self.room.tenant)).await?;
            let structure = structure.unwrap_or_default();
            over.extend(departments.iter().flat_map(|id| structure.above(id)).map(Scope::Department));
        }
        let mut grants = self.grants().clone();
        posts.iter().filter(|post| over.contains(&post.over)).for_each(|post| grants.add(&post.role.grants()));
        Ok(grants.cover(wanted))
    }

    /// What a rule looks up and no answer shows, wherever the caller's rights end.
    pub async fn consult<R: Kept>(&self, key: Key<R>) -> Result<Option<R>>
    where
        P: Reads<R>,
    {
        self.room.store.table.get(key).await
    }

    /// Refuses to move something from one department to another where that gives heads what the caller could not give them, or
    /// takes it. Where no head is above it, before or after, there is nothing to give.
    pub async fn check_heads(&self, structure: &Structure, from: Option<&DepartmentId>, to: Option<&DepartmentId>) -> Result<()> {
        let headed = |place: Option<&DepartmentId>| place.map(|id| structure.headed(id)).unwrap_or_default();
        if headed(from) == headed(to) {
            return Ok(());
        }
        for place in [from, to] {
            if !self.covers(place.cloned().map(Scope::Department).into_iter().collect(), &ScopedRole::Head.grants()).await? {
                return Err(Error::forbidden(
                    "it has other heads above it where it goes, and to give and take what they may is not yours in both places",
                ));
            }
        }
        Ok(())
    }

    /// What the caller has posts over, when that is all they may this for.
    pub fn within(&self) -> Option<impl Iterator<Item = &Scope>> {
        self.reach.within.as_ref().map(BTreeSet::iter)
    }

    /// One page of a kind whose records are parts of the organisation themselves: of all, or of those the caller has posts over,
    /// which are read by their keys.
    pub async fn list_parts<R: Kept>(
        &self,
        all: Range<R>,
        part: impl Fn(&Scope) -> Option<Key<R>>,
        paging: &Paging,
        descending: bool,
    ) -> Result<Page<R>>
    where
        P: Reads<R>,
    {
        let Some(within) = self.within() else { return self.list(all, paging, descending).await };
        let mut keys: Vec<Key<R>> = within.filter_map(part).collect();
        if descending {
            keys.reverse();
        }
        let (secrets, scope) = (self.room.inner.secrets().await?, self.tenant().id().as_str());
        let after = page::open(&secrets, scope, paging)?;
        let start = after.map_or(0, |after| keys.iter().position(|key| key.to_string() == after).map_or(keys.len(), |place| place + 1));
        let more = keys.len() > start + paging.limit;
        let keys: Vec<_> = keys.into_iter().skip(start).take(paging.limit).collect();
        let next = keys.last().filter(|_| more).map(|key| page::seal(&secrets, scope, paging, &key.to_string()));
        Ok(Page { items: self.get_many(keys).await?, next })
    }
}
