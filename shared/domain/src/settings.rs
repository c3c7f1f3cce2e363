//! What an organisation decides for all who belong to it: how it looks, when it works, who may join and with what password.

use crate::{
    Error, Result, Timestamp,
    commit::Commit,
    hours::Week,
    id::PictureId,
    limits,
    password::NewPassword,
    policy::Role,
    text::{Colour, Domain, Email, Line, Zone},
};
use jiff::{SignedDuration, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Settings {
    pub logo: Option<PictureId>,
    /// The colour of invoices.
    pub colour: Option<Colour>,
    /// In the organisation's time zone.
    pub working_hours: Week,
    /// By their dates, each once.
    #[schema(max_items = 400)]
    pub holidays: Vec<Holiday>,
    pub passwords: PasswordPolicy,
    /// Only addresses at one of these are invited or let in; with none named, all are. Who is made a member by a directory
    /// elsewhere is that directory's to decide.
    #[schema(max_items = 50)]
    pub email_domains: Vec<Domain>,
    /// Days for which notifications are kept that come from now on.
    #[schema(minimum = 7, maximum = 365)]
    pub inbox_days: u16,
    pub version: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    pub date: Date,
    pub name: Line,
}

/// What a password must be that a member chooses from now on. Whoever belongs to several organisations keeps to all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordPolicy {
    /// Characters it has at least.
    #[schema(minimum = 10, maximum = 64)]
    pub least: u8,
    /// Whether words of one's own name and address, and the organisation's, may be part of it.
    pub own_words: bool,
}

/// What changes; what is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsEdit {
    /// `null` goes back to the usual one.
    #[serde(default, deserialize_with = "crate::text::present")]
    #[schema(value_type = Option<Colour>)]
    pub colour: Option<Option<Colour>>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub working_hours: Option<Week>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(max_items = 400, nullable = false)]
    pub holidays: Option<Vec<Holiday>>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(nullable = false)]
    pub passwords: Option<PasswordPolicy>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(max_items = 50, nullable = false)]
    pub email_domains: Option<Vec<Domain>>,
    #[serde(default, deserialize_with = "crate::text::given")]
    #[schema(minimum = 7, maximum = 365, nullable = false)]
    pub inbox_days: Option<u16>,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { least: limits::PASSWORD_LEAST as u8, own_words: true }
    }
}

impl Default for Settings {
    /// Those of an organisation that has decided nothing.
    fn default() -> Self {
        Self {
            logo: None,
            colour: None,
            working_hours: Week::usual(),
            holidays: Vec::new(),
            passwords: PasswordPolicy::default(),
            email_domains: Vec::new(),
            inbox_days: limits::INBOX_DAYS,
            version: 0,
        }
    }
}

impl PasswordPolicy {
    /// What satisfies all of them.
    pub fn strictest(all: impl IntoIterator<Item = Self>) -> Self {
        let both = |a: Self, b: Self| Self { least: a.least.max(b.least), own_words: a.own_words && b.own_words };
        all.into_iter().fold(Self::default(), both)
    }

    /// Refuses a password that does not satisfy it. `own` are texts with words that somebody who knows the person would try.
    pub fn check<'a>(&self, field: &str, password: &NewPassword, own: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let text = password.reveal();
        if text.chars().count() < self.least.into() {
            return Err(Error::invalid(field, format!("has fewer than {} characters, which your organisation asks for", self.least)));
        }
        let lower = text.to_lowercase();
        let words = own.into_iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric())).map(str::to_lowercase);
        let mut telling = words.filter(|word| word.chars().count() >= limits::TELLING_WORD);
        if !self.own_words && telling.any(|word| lower.contains(&word)) {
            return Err(Error::invalid(field, "has a word of your name, your address or your organisation, which it does not allow"));
        }
        Ok(())
    }
}

/// What all of somebody's organisations ask of a password together.
pub struct Demands {
    pub policy: PasswordPolicy,
    pub organizations: Vec<Line>,
}

impl Demands {
    pub fn check(&self, field: &str, password: &NewPassword, name: &Line, email: &Email) -> Result<()> {
        let own = self.organizations.iter().chain([name]).map(Line::as_str).chain([email.as_str()]);
        self.policy.check(field, password, own)
    }
}

/// What is wrong with an address that is not let in.
pub(crate) const NOT_ADMITTED: &str = "is at none of the domains this organisation allows";

impl Settings {
    pub fn edit(self, edit: SettingsEdit) -> Result<(Self, Commit)> {
        let after = Self {
            colour: edit.colour.unwrap_or_else(|| self.colour.clone()),
            working_hours: edit.working_hours.unwrap_or_else(|| self.working_hours.clone()),
            holidays: edit.holidays.unwrap_or_else(|| self.holidays.clone()),
            passwords: edit.passwords.unwrap_or(self.passwords),
            email_domains: edit.email_domains.unwrap_or_else(|| self.email_domains.clone()),
            inbox_days: edit.inbox_days.unwrap_or(self.inbox_days),
            ..self.clone()
        };
        self.turn_into(after)
    }

    /// Adds holidays, as from a calendar that somebody publishes; one that was there under another name takes the new one.
    pub fn add_holidays(self, more: Vec<Holiday>) -> Result<(Self, Commit)> {
        let holidays = self.holidays.iter().cloned().chain(more).collect();
        let after = Self { holidays, ..self.clone() };
        self.turn_into(after)
    }

    fn turn_into(self, mut after: Self) -> Result<(Self, Commit)> {
        let by_date: BTreeMap<_, _> = after.holidays.into_iter().map(|holiday| (holiday.date, holiday.name)).collect();
        after.holidays = by_date.into_iter().map(|(date, name)| Holiday { date, name }).collect();
        after.email_domains = BTreeSet::from_iter(after.email_domains).into_iter().collect();
        let faults = [
            (after.holidays.len() > limits::HOLIDAYS, "/holidays", "has more than 400 holidays"),
            (after.email_domains.len() > limits::EMAIL_DOMAINS, "/email_domains", "has more than 50 domains"),
            (!(limits::PASSWORD_LEAST..=64).contains(&usize::from(after.passwords.least)), "/passwords/least", "is not between 10 and 64"),
            (!(7..=limits::INBOX_DAYS).contains(&after.inbox_days), "/inbox_days", "is not between 7 and 365"),
        ];
        if let Some((_, field, message)) = faults.into_iter().find(|(wrong, ..)| *wrong) {
            return Err(Error::invalid(field, message));
        }
        if after == self {
            return Ok((self, Commit::quiet()));
        }
        after.version = self.version + 1;
        let commit = self.keep(after.clone());
        Ok((after, commit))
    }

    /// With this logo, or with none.
    pub fn show(self, logo: Option<PictureId>) -> Commit {
        let after = Self { logo, version: self.version + 1, ..self.clone() };
        self.keep(after)
    }

    fn keep(self, after: Self) -> Commit {
        match self.version {
            0 => Commit::create("settings.edited", after),
            _ => Commit::replace("settings.edited", self, after),
        }
    }

    /// Whether somebody with this address may belong to the organisation. Guests are from outside.
    pub fn admits(&self, email: &Email, role: Role) -> bool {
        if role == Role::Guest {
            return true;
        }
        let host = email.as_str().rsplit('@').next().unwrap_or_default();
        self.email_domains.is_empty() || self.email_domains.iter().any(|domain| domain.as_str() == host)
    }

    pub fn check_address(&self, email: &Email, role: Role) -> Result<()> {
        if self.admits(email, role) { Ok(()) } else { Err(Error::invalid("/email", NOT_ADMITTED)) }
    }

    /// When a notification is forgotten that comes now, in seconds since 1970.
    pub fn inbox_until(&self, now: Timestamp) -> i64 {
        (now + SignedDuration::from_hours(24 * i64::from(self.inbox_days))).as_second()
    }

    /// The days from one to another, both included, and what is worked on them.
    pub fn working_days(&self, from: Date, to: Date, zone: &Zone) -> Result<WorkingDays> {
        let count = from.until(to).map_err(|_| Error::invalid("to", "is out of range"))?.get_days();
        if !(0..limits::CALENDAR_DAYS).contains(&count) {
            return Err(Error::invalid("to", format!("is not within {} days after the first", limits::CALENDAR_DAYS)));
        }
        let time_zone = zone.time_zone();
        let day = |date: Date| {
            let holiday = self.holidays.iter().find(|holiday| holiday.date == date).map(|holiday| holiday.name.clone());
            let spans = if holiday.is_none() { self.working_hours.on(date) } else { &[] };
            let hours: Vec<_> =
                spans.iter().map(|span| Hours { from: span.from.on(date, &time_zone), to: span.to.on(date, &time_zone) }).collect();
            let minutes = hours.iter().map(|hours| hours.to.duration_since(hours.from).as_mins().max(0)).sum();
            CalendarDay { date, minutes, hours, holiday }
        };
        let days: Vec<_> = from.series(jiff::ToSpan::day(1)).take_while(|date| *date <= to).map(day).collect();
        let (working_days, minutes) = (days.iter().filter(|day| day.minutes > 0).count(), days.iter().map(|day| day.minutes).sum());
        Ok(WorkingDays { zone: zone.clone(), working_days, minutes, days })
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WorkingDays {
    /// The organisation's, in which its days begin and end.
    pub zone: Zone,
    /// Days on which there is any work.
    pub working_days: usize,
    /// Worked in all of them.
    pub minutes: i64,
    pub days: Vec<CalendarDay>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CalendarDay {
    pub date: Date,
    /// As they pass: an hour that clocks leave out is not worked, and one that comes twice is worked twice.
    pub minutes: i64,
    pub hours: Vec<Hours>,
    pub holiday: Option<Line>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Hours {
    pub from: Timestamp,
    pub to: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(edit: serde_json::Value) -> Result<Settings> {
        Settings::default().edit(serde_json::from_value(edit).unwrap()).map(|(settings, _)| settings)
    }

    #[test]
    fn working_days_are_counted_without_weekends_and_holidays() {
        let new_year = json!({ "holidays": [{ "date": "2026-01-01", "name": "New Year" }] });
        let answer =
            settings(new_year).unwrap().working_days("2026-01-01".parse().unwrap(), "2026-01-07".parse().unwrap(), &Zone::default());
        let answer = answer.unwrap();
        assert_eq!((answer.working_days, answer.minutes, answer.days.len()), (4, 4 * 480, 7));
        assert_eq!(answer.days[0].holiday.as_ref().map(|name| name.as_str()), Some("New Year"));
    }

    #[test]
    fn an_hour_that_clocks_leave_out_or_repeat_is_worked_as_it_passes() {
        let night = json!({ "working_hours": { "sunday": [{ "from": "00:00", "to": "06:00" }], "saturday": [{ "from": "22:00", "to": "24:00" }] } });
        let night = settings(night).unwrap();
        let berlin = "Europe/Berlin".parse().unwrap();
        let minutes = |date: &str| {
            let date: Date = date.parse().unwrap();
            night.working_days(date, date, &berlin).unwrap().minutes
        };
        assert_eq!((minutes("2026-03-29"), minutes("2026-10-25"), minutes("2026-11-01")), (300, 420, 360));
        assert_eq!(minutes("2026-03-28"), 120);
    }

    #[test]
    fn a_question_about_days_is_bounded() {
        let ask = |from: &str, to: &str| Settings::default().working_days(from.parse().unwrap(), to.parse().unwrap(), &Zone::default());
        assert!(ask("2026-01-01", "2027-01-01").is_ok());
        assert!(ask("2026-01-01", "2027-01-02").is_err());
        assert!(ask("2026-01-02", "2026-01-01").is_err());
        assert!(ask("-009999-01-01", "9999-12-31").is_err());
        assert!(ask("9999-12-31", "9999-12-31").is_ok());
    }

    #[test]
    fn a_password_satisfies_the_strictest_of_all() {
        let password = |text: &str| NewPassword::try_from(text.to_owned()).unwrap();
        let (long, strange) = (PasswordPolicy { least: 16, own_words: true }, PasswordPolicy { least: 10, own_words: false });
        let both = PasswordPolicy::strictest([long, strange]);
        assert_eq!(both, PasswordPolicy { least: 16, own_words: false });
        let own = ["Mia Chen", "m.gardener@example.com"];
        let fine = |policy: PasswordPolicy, text: &str| policy.check("/new", &password(text), own).is_ok();
        assert!(fine(long, "gardeners of 1999") && !fine(long, "gardeners 1999"));
        assert!(!fine(strange, "my GARDENER dances") && !fine(strange, "chen loves chen"));
        // A word of three letters is in too many others
        assert!(fine(strange, "amiable horses run") && fine(both, "correct horse battery"));
    }

    #[test]
    fn only_whole_domains_are_allowed() {
        let settings = settings(json!({ "email_domains": ["Example.com", "bücher.example"] })).unwrap();
        for (address, fine) in [
            ("mia@example.com", true),
            ("mia@xn--bcher-kva.example", true),
            ("mia@evil-example.com", false),
            ("mia@sub.example.com", false),
            ("mia@example.com.evil.org", false),
            ("example.com@evil.org", false),
        ] {
            assert_eq!(settings.admits(&address.parse().unwrap(), Role::Member), fine, "{address}");
            assert!(settings.admits(&address.parse().unwrap(), Role::Guest), "guests are from outside");
        }
        assert!(Settings::default().admits(&"eve@anywhere.org".parse().unwrap(), Role::Owner));
    }
}
