//! What an organisation shows of a member beside their place in it, and what it keeps to itself.
//!
//! Who somebody is they say once, in their account; each organisation they belong to follows it.

use crate::{
    Error, Result, Timestamp,
    account::User,
    commit::Commit,
    hours::Week,
    id::*,
    limits,
    organization::{Membership, Standing},
    scim::Provisioned,
    text::*,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// What colleagues see of a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Card {
    pub user: UserId,
    pub phone: Option<Phone>,
    pub zone: Zone,
    pub locale: Locale,
    #[schema(max_items = 30)]
    pub skills: Vec<Label>,
    /// In the member's own zone; absent, the organisation's hold.
    pub working_hours: Option<Week>,
    /// Positions in this organisation as they were given, the present one last.
    pub history: Vec<Position>,
    /// Positions before, as the member notes them.
    pub earlier: Vec<EarlierPosition>,
    pub version: u64,
}

/// Who may manage members sees this, and the member; colleagues do not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Personal {
    pub user: UserId,
    pub date_of_birth: Option<Date>,
    pub version: u64,
}

impl Personal {
    pub fn blank(user: &UserId) -> Self {
        Self { user: user.clone(), date_of_birth: None, version: 0 }
    }
}

/// A title and the name of a department, as somebody has them.
pub type Given = (Option<Line>, Option<Line>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Position {
    pub title: Option<Line>,
    /// The department's name at the time.
    pub department: Option<Line>,
    pub from: Timestamp,
    pub to: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlierPosition {
    pub title: Line,
    /// Where it was: another organisation, or a department of this one.
    pub at: Option<Line>,
    pub from: Date,
    pub to: Option<Date>,
}

/// What members change of their own card; what is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CardEdit {
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(max_items = 30, nullable = false)]
    pub skills: Option<Vec<Label>>,
    /// `null` goes back to the organisation's hours.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Week>)]
    pub working_hours: Option<Option<Week>>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(max_items = 20, nullable = false)]
    pub earlier: Option<Vec<EarlierPosition>>,
}

impl Card {
    /// The card of somebody who has written none.
    pub fn blank(user: &UserId) -> Self {
        Self {
            user: user.clone(),
            phone: None,
            zone: Zone::default(),
            locale: Locale::default(),
            skills: Vec::new(),
            working_hours: None,
            history: Vec::new(),
            earlier: Vec::new(),
            version: 0,
        }
    }

    fn change(self, after: Self) -> (Self, Commit) {
        if after == self {
            return (self, Commit::quiet());
        }
        let after = Self { version: self.version + 1, ..after };
        let commit = match self.version {
            0 => Commit::create("card.edited", after.clone()),
            _ => Commit::replace("card.edited", self, after.clone()),
        };
        (after, commit)
    }

    pub fn edit(self, edit: CardEdit) -> Result<(Self, Commit)> {
        let mut skills = edit.skills.unwrap_or_else(|| self.skills.clone());
        let mut seen = BTreeSet::new();
        skills.retain(|skill| seen.insert(skill.as_str().to_lowercase()));
        let earlier = edit.earlier.unwrap_or_else(|| self.earlier.clone());
        if skills.len() > limits::SKILLS {
            return Err(Error::invalid("/skills", format!("has more than {} skills", limits::SKILLS)));
        }
        if earlier.len() > limits::EARLIER_POSITIONS {
            return Err(Error::invalid("/earlier", format!("has more than {} positions", limits::EARLIER_POSITIONS)));
        }
        if let Some(place) = earlier.iter().position(|position| position.to.is_some_and(|to| to < position.from)) {
            return Err(Error::invalid(&format!("/earlier/{place}/to"), "is before it began"));
        }
        let working_hours = edit.working_hours.unwrap_or_else(|| self.working_hours.clone());
        let after = Self { skills, working_hours, earlier, ..self.clone() };
        Ok(self.change(after))
    }

    /// Follows what somebody is given to do; `None` when they have left. What is heard of twice, or late, changes nothing.
    fn following(mut self, position: Option<Given>, at: Timestamp) -> Self {
        let last = self.history.last();
        let known = |last: &Position| last.to.unwrap_or(last.from) >= at;
        let same = |last: &Position| {
            last.to.is_none() && position.as_ref().is_some_and(|position| (&last.title, &last.department) == (&position.0, &position.1))
        };
        if last.is_some_and(|last| known(last) || same(last)) {
            return self;
        }
        if let Some(last) = self.history.last_mut().filter(|last| last.to.is_none()) {
            last.to = Some(at);
        }
        if let Some((title, department)) = position.filter(|(title, department)| title.is_some() || department.is_some()) {
            self.history.push(Position { title, department, from: at, to: None });
        }
        let over = self.history.len().saturating_sub(limits::POSITIONS);
        self.history.drain(..over);
        self
    }
}

/// What somebody does in the organisation, if they are still there.
pub fn position_of(member: &Membership) -> Option<(Option<&Line>, Option<&DepartmentId>)> {
    (member.standing != Standing::Removed).then_some((member.title.as_ref(), member.department.as_ref()))
}

/// Brings what an organisation knows of somebody in step with who they are and, if that changed, with what they do there.
pub struct Known {
    pub member: Membership,
    pub card: Option<Card>,
    pub personal: Option<Personal>,
    /// What a directory elsewhere says of the member, if one does.
    pub provisioned: Option<Provisioned>,
}

impl Known {
    /// What of an account is for this organisation. Who has left is remembered as they were. Whom a directory has named
    /// has that name, and whom it keeps has the address by which it knows them. Who did not take their place was asked by nobody: nothing of their account comes here.
    fn shown(&self, user: &User) -> User {
        let Self { member, card, personal, provisioned } = self;
        let left = member.standing == Standing::Removed;
        let name =
            if left || provisioned.as_ref().is_some_and(|provisioned| provisioned.named) { member.name.clone() } else { user.name.clone() };
        let email = if left || provisioned.is_some() { member.email.clone() } else { user.email.clone() };
        let named = User { name, email, ..user.clone() };
        if member.is_theirs() {
            return named;
        }
        let card = card.clone().unwrap_or_else(|| Card::blank(&member.user));
        let date_of_birth = personal.as_ref().and_then(|personal| personal.date_of_birth);
        User {
            email: member.email.clone(),
            picture: member.picture.clone(),
            phone: card.phone,
            zone: card.zone,
            locale: card.locale,
            date_of_birth,
            ..named
        }
    }

    /// Nothing when all is in step.
    pub fn follow(self, user: &User, position: Option<(Option<Given>, Timestamp)>) -> Option<Commit> {
        let user = &self.shown(user);
        let Self { member, card, personal, .. } = self;
        let mut commit = Commit::quiet();
        let card = card.unwrap_or_else(|| Card::blank(&member.user));
        let (name, email, picture, skills) = (user.name.clone(), user.email.clone(), user.picture.clone(), card.skills.clone());
        let named = Membership { name, email, picture, skills, ..member.clone() };
        if named != member {
            commit = commit.and(Commit::replace("member.followed", member.clone(), Membership { version: member.version + 1, ..named }));
        }
        let shown = Card { phone: user.phone.clone(), zone: user.zone.clone(), locale: user.locale.clone(), ..card.clone() };
        let shown = match position {
            Some((position, at)) => shown.following(position, at),
            None => shown,
        };
        if shown != card {
            commit = commit.and(card.change(shown).1);
        }
        let personal = personal.unwrap_or_else(|| Personal::blank(&member.user));
        if personal.date_of_birth != user.date_of_birth {
            let after = Personal { date_of_birth: user.date_of_birth, version: personal.version + 1, ..personal.clone() };
            // Whoever reads the trail need not be somebody who may know it
            commit = match personal.version {
                0 => commit.also_create(after),
                seen => commit.also_replace(seen, after),
            };
        }
        (!commit.writes.is_empty()).then_some(commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(hour)
    }

    fn told(card: &Card) -> Vec<(&str, i64, Option<i64>)> {
        let hour = |at: Timestamp| at.as_second() / 3600;
        let title = |position: &Position| position.title.as_ref().map_or("-", |title| title.as_str()).to_owned();
        card.history.iter().map(|position| (title(position).leak() as &str, hour(position.from), position.to.map(hour))).collect()
    }

    #[test]
    fn the_history_follows_each_position_once_in_order_and_ends_with_leaving() {
        let position = |title: &str| Some((Some(title.parse().unwrap()), None));
        let card = Card::blank(&UserId::new(at(0), 1));
        let card = card.following(position("Gardener"), at(1)).following(position("Foreman"), at(5));
        assert_eq!(told(&card), [("Gardener", 1, Some(5)), ("Foreman", 5, None)]);
        // Heard again, late, and without a change
        let again =
            card.clone().following(position("Foreman"), at(5)).following(position("Gardener"), at(1)).following(position("Foreman"), at(9));
        assert_eq!(again, card);
        let left = card.following(None, at(10));
        assert_eq!(told(&left), [("Gardener", 1, Some(5)), ("Foreman", 5, Some(10))]);
        assert_eq!(told(&left.clone().following(None, at(11))), told(&left));
        assert_eq!(told(&left.following(position("Head"), at(12)))[2], ("Head", 12, None));
    }

    #[test]
    fn a_long_history_keeps_its_end() {
        let mut card = Card::blank(&UserId::new(at(0), 1));
        for hour in 0..(limits::POSITIONS as i64 + 5) {
            card = card.following(Some((Some(format!("{hour}").parse().unwrap()), None)), at(hour + 1));
        }
        assert_eq!((card.history.len(), told(&card)[0].0), (limits::POSITIONS, "5"));
    }
}
