//! Times of day, the hours of a week, and the hours in which somebody is left in peace.

use crate::{Timestamp, limits, text::Zone};
use jiff::{
    civil::{self, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// A time of day to the minute; `24:00` is where the day ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", example = "09:00")]
pub struct Clock(u16);

const DAY: u16 = 24 * 60;

impl TryFrom<String> for Clock {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let digits = |part: &str| (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok()).flatten();
        match text.split_once(':').and_then(|(hours, minutes)| Option::zip(digits(hours), digits(minutes))) {
            Some((hours @ 0..24, minutes @ 0..60)) => Ok(Self(hours * 60 + minutes)),
            Some((24, 0)) => Ok(Self(DAY)),
            _ => Err("is not a time of day such as 09:00".to_owned()),
        }
    }
}

impl From<Clock> for String {
    fn from(Clock(minutes): Clock) -> Self {
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Clock {
    /// The moment at which a clock on the wall shows this. One that is left out when clocks go forward comes as much later;
    /// one that comes twice when they go back is the first.
    pub fn on(self, day: civil::Date, zone: &TimeZone) -> Timestamp {
        let (day, minutes) = if self.0 == DAY { (day.tomorrow().unwrap_or(day), 0) } else { (day, self.0) };
        let at = day.at((minutes / 60) as i8, (minutes % 60) as i8, 0, 0);
        zone.to_ambiguous_timestamp(at).compatible().unwrap_or(Timestamp::MAX)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Day {
    pub const ALL: [Day; 7] = [Day::Monday, Day::Tuesday, Day::Wednesday, Day::Thursday, Day::Friday, Day::Saturday, Day::Sunday];

    pub fn of(date: civil::Date) -> Self {
        match date.weekday() {
            Weekday::Monday => Day::Monday,
            Weekday::Tuesday => Day::Tuesday,
            Weekday::Wednesday => Day::Wednesday,
            Weekday::Thursday => Day::Thursday,
            Weekday::Friday => Day::Friday,
            Weekday::Saturday => Day::Saturday,
            Weekday::Sunday => Day::Sunday,
        }
    }
}

/// Part of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    pub from: Clock,
    pub to: Clock,
}

/// The hours of each day of a week, in their order; a day that is not named is free.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "BTreeMap<Day, Vec<Span>>")]
#[schema(example = json!({ "monday": [{ "from": "09:00", "to": "12:30" }, { "from": "13:00", "to": "17:00" }] }))]
pub struct Week(BTreeMap<Day, Vec<Span>>);

impl TryFrom<BTreeMap<Day, Vec<Span>>> for Week {
    type Error = String;
    fn try_from(mut days: BTreeMap<Day, Vec<Span>>) -> Result<Self, String> {
        days.retain(|_, spans| !spans.is_empty());
        for spans in days.values() {
            if spans.len() > limits::SPANS_OF_DAY {
                return Err(format!("has more than {} parts in a day", limits::SPANS_OF_DAY));
            }
            if spans.iter().any(|span| span.from >= span.to) {
                return Err("has a part that does not end after it begins".to_owned());
            }
            if spans.windows(2).any(|two| two[0].to > two[1].from) {
                return Err("has parts that overlap or are not in their order".to_owned());
            }
        }
        Ok(Self(days))
    }
}

impl Week {
    /// Monday to Friday from nine to five.
    pub fn usual() -> Self {
        let day = vec![Span { from: Clock(9 * 60), to: Clock(17 * 60) }];
        Self(Day::ALL[..5].iter().map(|name| (*name, day.clone())).collect())
    }

    pub fn on(&self, date: civil::Date) -> &[Span] {
        self.0.get(&Day::of(date)).map_or(&[], Vec::as_slice)
    }
}

/// When mails about work wait, in the person's own zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "QuietDraft")]
pub struct QuietHours {
    pub from: Clock,
    /// At or before `from`, it is meant of the next day.
    pub to: Clock,
    /// Days on which the quiet begins, one at least.
    #[schema(min_items = 1)]
    pub days: BTreeSet<Day>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuietDraft {
    from: Clock,
    to: Clock,
    #[serde(default = "every_day")]
    days: BTreeSet<Day>,
}

fn every_day() -> BTreeSet<Day> {
    Day::ALL.into()
}

impl TryFrom<QuietDraft> for QuietHours {
    type Error = String;
    fn try_from(QuietDraft { from, to, days }: QuietDraft) -> Result<Self, String> {
        if days.is_empty() {
            return Err("names no day on which it begins".to_owned());
        }
        if from.0 == DAY {
            return Err("begins where its day ends; 00:00 is the beginning of the next".to_owned());
        }
        if days.len() == Day::ALL.len() && (from == to || to.0 - from.0.min(to.0) == DAY) {
            return Err("leaves no time in which a mail may come".to_owned());
        }
        Ok(Self { from, to, days })
    }
}

impl QuietHours {
    /// When the quiet that holds now ends; none when it is not quiet.
    pub fn until(&self, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let zone = zone.time_zone();
        let mut end = None;
        // One night may go over into the next
        for _ in 0..=Day::ALL.len() {
            let at = end.unwrap_or(now);
            let today = at.to_zoned(zone.clone()).date();
            let begun = [today.yesterday().ok(), Some(today)].into_iter().flatten().filter(|day| self.days.contains(&Day::of(*day)));
            let ends = begun.filter_map(|day| {
                let last = if self.to > self.from { day } else { day.tomorrow().ok()? };
                let (from, to) = (self.from.on(day, &zone), self.to.on(last, &zone));
                (from <= at && at < to).then_some(to)
            });
            match ends.max() {
                Some(to) => end = Some(to),
                None => return end,
            }
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn quiet(value: serde_json::Value) -> Result<QuietHours, serde_json::Error> {
        serde_json::from_value(value)
    }

    fn until(hours: &QuietHours, now: &str, zone: &str) -> Option<String> {
        hours.until(now.parse().unwrap(), &zone.parse().unwrap()).map(|end| end.to_string())
    }

    #[test]
    fn a_time_of_day_is_read_strictly() {
        let read = |text: &str| Clock::try_from(text.to_owned()).map(String::from);
        for text in ["00:00", "09:30", "23:59", "24:00"] {
            assert_eq!(read(text).as_deref(), Ok(text));
        }
        for text in ["", "9:30", "24:01", "23:60", "25:00", "-1:00", "+9:00", "09:3", "09:30:00", "0९:00"] {
            assert!(read(text).is_err(), "{text} was taken");
        }
    }

    #[test]
    fn hours_of_a_day_are_in_order_and_do_not_overlap() {
        let read = |spans: serde_json::Value| serde_json::from_value::<Week>(json!({ "monday": spans }));
        assert!(read(json!([{ "from": "09:00", "to": "12:00" }, { "from": "12:00", "to": "24:00" }])).is_ok());
        for wrong in [
            json!([{ "from": "09:00", "to": "09:00" }]),
            json!([{ "from": "24:00", "to": "24:00" }]),
            json!([{ "from": "09:00", "to": "12:00" }, { "from": "11:59", "to": "13:00" }]),
            json!([{ "from": "13:00", "to": "14:00" }, { "from": "09:00", "to": "10:00" }]),
            json!(vec![json!({ "from": "09:00", "to": "10:00" }); 9]),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn a_night_ends_in_the_morning_of_the_next_day_in_the_persons_own_zone() {
        let night = quiet(json!({ "from": "22:00", "to": "07:00" })).unwrap();
        assert_eq!(until(&night, "2026-01-10T21:59:59Z", "Europe/London"), None);
        assert_eq!(until(&night, "2026-01-10T22:00:00Z", "Europe/London").as_deref(), Some("2026-01-11T07:00:00Z"));
        assert_eq!(until(&night, "2026-01-11T06:59:59Z", "Europe/London").as_deref(), Some("2026-01-11T07:00:00Z"));
        assert_eq!(until(&night, "2026-01-11T07:00:00Z", "Europe/London"), None);
        assert_eq!(until(&night, "2026-01-10T22:00:00Z", "Asia/Tokyo"), None);
        // Clocks go forward and back in these nights
        assert_eq!(until(&night, "2026-03-28T23:00:00Z", "Europe/Berlin").as_deref(), Some("2026-03-29T05:00:00Z"));
        assert_eq!(until(&night, "2026-10-24T23:00:00Z", "Europe/Berlin").as_deref(), Some("2026-10-25T06:00:00Z"));
    }

    #[test]
    fn quiet_days_that_follow_each_other_are_one_quiet() {
        let weekend = quiet(json!({ "from": "00:00", "to": "24:00", "days": ["saturday", "sunday"] })).unwrap();
        // The tenth of January 2026 is a Saturday
        assert_eq!(until(&weekend, "2026-01-10T12:00:00Z", "Etc/UTC").as_deref(), Some("2026-01-12T00:00:00Z"));
        assert_eq!(until(&weekend, "2026-01-09T23:59:59Z", "Etc/UTC"), None);
        let nights = quiet(json!({ "from": "18:00", "to": "18:00", "days": ["friday", "saturday"] })).unwrap();
        assert_eq!(until(&nights, "2026-01-09T20:00:00Z", "Etc/UTC").as_deref(), Some("2026-01-11T18:00:00Z"));
    }

    #[test]
    fn quiet_that_never_ends_or_never_begins_is_refused() {
        for (from, to) in [("00:00", "24:00"), ("07:00", "07:00"), ("24:00", "24:00"), ("00:00", "00:00")] {
            assert!(quiet(json!({ "from": from, "to": to })).is_err(), "{from} to {to} was taken");
        }
        for wrong in [json!({ "from": "22:00", "to": "07:00", "days": [] }), json!({ "from": "24:00", "to": "07:00", "days": ["monday"] })]
        {
            assert!(quiet(wrong.clone()).is_err(), "{wrong} was taken");
        }
        let almost = quiet(json!({ "from": "08:00", "to": "07:59" })).unwrap();
        assert_eq!(until(&almost, "2026-01-10T12:00:00Z", "Etc/UTC").as_deref(), Some("2026-01-11T07:59:00Z"));
    }
}
