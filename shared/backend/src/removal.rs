//! The end of an organisation: everything that leads to something goes after what it leads to, so that whoever stops in the
//! middle finds the way again.

use crate::{
    Backend,
    keys::{
        self,
        below::{Below, below, below_change, contents, roots},
    },
    platform,
    room::Room,
    system::System,
    table::{Item, Walk, parse, text},
};
use domain::{
    Error, Result,
    account::{Session, User},
    commit::{Actor, Change, Keeping, Kept, Origin, Record},
    limits,
    organization::Membership,
    removal::{Cleared, Stage, Tombstone},
    tenant::{Act, Dossier, House},
};

struct Stored(Item);

impl Keeping for Stored {
    type Error = Error;

    fn read<R: Kept>(self) -> Result<R> {
        parse(self.0)
    }
}

/// What is still to be done, the last first.
enum Todo {
    /// Look into a partition, again and again until nothing is there.
    Empty(String),
    /// Something that stood in one: it goes when all has gone that it leads to.
    Visit(Item),
    /// Whether it was seen there, or may be there.
    Remove { pk: String, sk: String, seen: bool },
}

impl From<Below> for Todo {
    fn from(below: Below) -> Self {
        match below {
            Below::Partition(pk) => Self::Empty(pk),
            Below::One { pk, sk } => Self::Remove { pk, sk, seen: false },
        }
    }
}

impl System {
    fn backend(&self) -> Backend {
        Backend(self.room.inner.clone())
    }

    /// What is left of the organisation, once its removal has begun.
    pub async fn tombstone(&self) -> Result<Option<Tombstone>> {
        self.get(keys::tombstone(self.tenant().id())).await
    }

    /// What holds for the organisation, while it is there.
    pub async fn house(&self) -> Result<Option<House>> {
        let (organization, access) = tokio::try_join!(self.get(keys::organization(self.tenant())), self.get(keys::access(self.tenant())))?;
        let dossier = Dossier::empty(self.tenant().id());
        Ok(organization.zip(access).map(|(organization, access)| House { organization, access, dossier }))
    }

    /// Stores what becomes of an organisation: in it, and on the platform, whose trail says so.
    pub async fn act(&self, act: Act) -> Result<()> {
        let ours: Room = platform::room(&self.backend(), Actor::system(), Origin::default(), None);
        ours.execute_with(act.ours, Some((&self.room, act.theirs)), None).await.map(drop)
    }

    /// One step of a removal: as much as its calls allow.
    pub async fn clear(&self, tombstone: &Tombstone) -> Result<Cleared> {
        match &tombstone.stage {
            Stage::Files => self.clear_files().await,
            stage => {
                let mut broom = Broom { system: self, todo: Vec::new(), going: Vec::new(), calls: 0, removed: 0 };
                let first = roots(self.tenant(), stage, &tombstone.name);
                // The door is the last to go, and does not wait for what it leads to
                let door = match stage {
                    Stage::Records => self.get(keys::access(self.tenant())).await?,
                    _ => None,
                };
                let beside = door.map(|access| below(self.tenant(), &access.into())).unwrap_or_default();
                broom.todo.extend(beside.into_iter().chain(first).map(Todo::from));
                broom.sweep().await
            }
        }
    }

    /// What has to be done before a record goes, beyond what it leads to.
    async fn let_go(&self, member: &Membership) -> Result<Vec<Below>> {
        let me = self.person(&member.user);
        for _ in 0..limits::RACE_TRIES {
            let Some(user): Option<User> = self.get(keys::user(&me)).await? else { break };
            let places = if user.home == *self.tenant().id() { self.places_of(&user.id).await? } else { Vec::new() };
            let Some(commit) = user.leaves_home(self.tenant().id(), &places) else { break };
            match self.commit(commit).await {
                // They are changing their profile
                Err(Error::Stale { .. }) => {}
                other => {
                    other?;
                    break;
                }
            }
        }
        let sessions: Vec<Session> = self.latest(keys::sessions(&me), limits::SESSIONS).await?;
        let here = sessions.into_iter().filter(|session| session.organization == *self.tenant().id());
        Ok(here.map(|session| keys::session(&me, &session.id)).map(|key| Below::One { pk: key.pk, sk: key.sk }).collect())
    }

    async fn below(&self, item: Item) -> Result<Vec<Below>> {
        let kind = text(&item, "kind").unwrap_or_default().to_owned();
        if kind == "change" {
            return Ok(below_change(self.tenant(), &parse::<Change>(item)?));
        }
        let Some(record) = Record::read(&kind, Stored(item)).transpose()? else { return Ok(Vec::new()) };
        let mut found = below(self.tenant(), &record);
        if let Record::Membership(member) = record {
            found.extend(self.let_go(&member).await?);
        }
        Ok(found)
    }
}

/// Empties partitions and what they lead to.
struct Broom<'a> {
    system: &'a System,
    todo: Vec<Todo>,
    /// Records that go with the next call.
    going: Vec<(String, String)>,
    calls: u32,
    removed: u64,
}

impl Broom<'_> {
    async fn sweep(mut self) -> Result<Cleared> {
        while let Some(next) = self.todo.pop() {
            if self.calls >= limits::REMOVAL_CALLS {
                self.remove().await?;
                return Ok(Cleared { removed: self.removed, done: false });
            }
            match next {
                Todo::Empty(partition) => self.look_into(partition).await?,
                Todo::Visit(item) => self.visit(item).await?,
                Todo::Remove { pk, sk, seen } => {
                    // What it led to has gone before, and not in the same call, of which some may fail
                    if seen {
                        self.remove().await?;
                    }
                    self.go(pk, sk, seen).await?;
                }
            }
        }
        self.remove().await?;
        Ok(Cleared { removed: self.removed, done: true })
    }

    async fn look_into(&mut self, partition: String) -> Result<()> {
        self.remove().await?;
        self.calls += 1;
        let walk = Walk { descending: false, limit: limits::REMOVAL_PAGE, after: None };
        let found = self.system.room.store.table.query(&contents(self.system.tenant(), &partition), walk).await?;
        if !found.items.is_empty() {
            self.todo.push(Todo::Empty(partition));
            self.todo.extend(found.items.into_iter().map(Todo::Visit));
        }
        Ok(())
    }

    async fn visit(&mut self, item: Item) -> Result<()> {
        let name = |name: &str| text(&item, name).map(str::to_owned).ok_or_else(|| Error::internal("a record has no key"));
        let (pk, sk) = (name("pk")?, name("sk")?);
        if text(&item, "kind") == Some(Membership::KIND) {
            // Who they are, where else they belong, and their sessions
            self.calls += 3;
        }
        let below = self.system.below(item).await?;
        if below.is_empty() {
            return self.go(pk, sk, true).await;
        }
        self.todo.push(Todo::Remove { pk, sk, seen: true });
        self.todo.extend(below.into_iter().map(Todo::from));
        Ok(())
    }

    async fn go(&mut self, pk: String, sk: String, seen: bool) -> Result<()> {
        self.removed += u64::from(seen);
        self.going.push((pk, sk));
        if self.going.len() < limits::REMOVAL_PAGE { Ok(()) } else { self.remove().await }
    }

    async fn remove(&mut self) -> Result<()> {
        if self.going.is_empty() {
            return Ok(());
        }
        self.calls += 1;
        self.system.room.store.table.remove_each(std::mem::take(&mut self.going)).await
    }
}
