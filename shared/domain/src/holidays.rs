//! Holidays as others publish them: an iCalendar file, or a list of one a line.

use crate::{Error, Result, limits, settings::Holiday, text::Line};
use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};

/// What was read, and how many entries were not: those at a time of day, or that repeat in another way than each year.
#[derive(Debug, PartialEq)]
pub struct Read {
    pub holidays: Vec<Holiday>,
    pub skipped: usize,
}

/// Reads a calendar if it is one, or else a list of lines such as `2026-12-25 Christmas Day`. What repeats each year is read for
/// this year and the four that follow.
pub fn read(text: &str, this_year: i16) -> Result<Read> {
    if text.trim().is_empty() {
        return Err(Error::invalid("/text", "is empty"));
    }
    let is_calendar = text.trim_start_matches('\u{feff}').trim_start().starts_with("BEGIN:VCALENDAR");
    let read = if is_calendar { calendar(text, this_year) } else { list(text)? };
    let years = 1970..=2200;
    if let Some(strange) = read.holidays.iter().find(|holiday| !years.contains(&holiday.date.year())) {
        return Err(Error::invalid("/text", format!("has the day {}, which is not between 1970 and 2200", strange.date)));
    }
    match read.holidays.len() {
        0 => Err(Error::invalid("/text", "has no holiday that lasts a whole day, once or each year")),
        1..=limits::HOLIDAYS => Ok(read),
        _ => Err(Error::invalid("/text", format!("has more than {} holidays", limits::HOLIDAYS))),
    }
}

fn list(text: &str) -> Result<Read> {
    let mut holidays = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (date, name) = line.trim().split_once(|c: char| c.is_whitespace() || c == ',' || c == ';').unwrap_or_default();
        let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"'));
        match (date.parse::<Date>(), name.parse::<Line>()) {
            (Ok(date), Ok(name)) => holidays.push(Holiday { date, name }),
            (Ok(_), Err(why)) if !name.is_empty() => {
                return Err(Error::invalid("/text", format!("has in line {} a name that {why}", number + 1)));
            }
            _ => {
                return Err(Error::invalid(
                    "/text",
                    format!("has in line {} no date and name, such as 2026-12-25 Christmas Day", number + 1),
                ));
            }
        }
    }
    Ok(Read { holidays, skipped: 0 })
}

#[derive(Default)]
struct Event {
    from: Option<Date>,
    /// Not included.
    to: Option<Date>,
    name: Option<Line>,
    rule: Option<String>,
    /// Whether it comes on days that are listed, or not on some of them.
    listed: bool,
    cancelled: bool,
}

/// On which day an event of RFC 5545 comes each year; what repeats in another way is no holiday that could be read.
#[derive(Debug, PartialEq)]
struct Yearly {
    every: i16,
    month: i8,
    day: DayOfMonth,
    /// How often it comes at the most.
    count: Option<usize>,
    until: Option<Date>,
}

#[derive(Debug, PartialEq)]
enum DayOfMonth {
    Date(i8),
    /// The fourth Thursday, or the last Monday, which is the minus first.
    Weekday(i8, Weekday),
}

impl Yearly {
    fn read(rule: &str, from: Date) -> Option<Self> {
        let mut yearly = Self { every: 1, month: from.month(), day: DayOfMonth::Date(from.day()), count: None, until: None };
        let mut is_yearly = false;
        for part in rule.trim().split(';') {
            let (name, value) = part.split_once('=')?;
            match name.to_ascii_uppercase().as_str() {
                "FREQ" => is_yearly = value.eq_ignore_ascii_case("YEARLY"),
                "INTERVAL" => yearly.every = value.parse().ok().filter(|every| (1..=100).contains(every))?,
                "COUNT" => yearly.count = Some(value.parse().ok()?),
                "UNTIL" => yearly.until = Some(value.get(..8)?.parse().ok()?),
                "BYMONTH" => yearly.month = value.parse().ok().filter(|month| (1..=12).contains(month))?,
                "BYMONTHDAY" => yearly.day = DayOfMonth::Date(value.parse().ok().filter(|day| (1..=31).contains(day))?),
                "BYDAY" => yearly.day = weekday(value)?,
                "WKST" => {}
                _ => return None,
            }
        }
        is_yearly.then_some(yearly)
    }

    fn on(&self, year: i16) -> Option<Date> {
        match self.day {
            DayOfMonth::Date(day) => Date::new(year, self.month, day).ok(),
            DayOfMonth::Weekday(nth, weekday) => Date::new(year, self.month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok(),
        }
    }

    /// Its days in some years, when the first was in `from`'s.
    fn days(&self, from: Date, years: std::ops::RangeInclusive<i16>) -> Vec<Date> {
        let come = (from.year()..=*years.end()).step_by(self.every.unsigned_abs().into()).filter_map(|year| self.on(year));
        let come = come.filter(|day| *day >= from).take(self.count.unwrap_or(usize::MAX));
        come.take_while(|day| self.until.is_none_or(|until| *day <= until)).filter(|day| years.contains(&day.year())).collect()
    }
}

/// `4TH` is the fourth Thursday of a month.
fn weekday(text: &str) -> Option<DayOfMonth> {
    let (nth, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let day = match day.to_ascii_uppercase().as_str() {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    };
    nth.parse().ok().filter(|nth: &i8| (1..=5).contains(&nth.abs())).map(|nth| DayOfMonth::Weekday(nth, day))
}

/// The whole-day events of RFC 5545; what else a calendar holds is passed over.
fn calendar(text: &str, this_year: i16) -> Read {
    // A long line goes on in the next, after a blank
    let text = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
    let (mut read, mut event) = (Read { holidays: Vec::new(), skipped: 0 }, None);
    // Events have parts of their own, such as alarms, whose fields are not theirs
    let mut inside = 0;
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let (name, parameters) = name.split_once(';').unwrap_or((name, ""));
        match (name.to_ascii_uppercase().as_str(), event.as_mut()) {
            ("BEGIN", _) if value.eq_ignore_ascii_case("VEVENT") => (event, inside) = (Some(Event::default()), 0),
            ("BEGIN", Some(_)) => inside += 1,
            ("END", _) if value.eq_ignore_ascii_case("VEVENT") => {
                if let Some(event) = event.take() {
                    event.enter(&mut read, this_year);
                }
            }
            ("END", Some(_)) => inside -= 1,
            ("DTSTART", Some(event)) if inside == 0 => event.from = day(parameters, value),
            ("DTEND", Some(event)) if inside == 0 => event.to = day(parameters, value),
            ("SUMMARY", Some(event)) if inside == 0 => event.name = unescaped(value).parse().ok(),
            ("RRULE", Some(event)) if inside == 0 => event.rule = Some(value.to_owned()),
            ("RDATE" | "EXDATE", Some(event)) if inside == 0 => event.listed = true,
            ("STATUS", Some(event)) if inside == 0 => event.cancelled = value.trim().eq_ignore_ascii_case("CANCELLED"),
            _ => {}
        }
    }
    read
}

fn day(parameters: &str, value: &str) -> Option<Date> {
    let whole = parameters.is_empty() || parameters.to_ascii_uppercase().split(';').any(|one| one == "VALUE=DATE");
    (whole && value.len() == 8).then(|| value.parse().ok()).flatten()
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n' | 'N') | None => plain.push(' '),
                Some(other) => plain.push(other),
            },
            other => plain.push(other),
        }
    }
    plain
}

impl Event {
    fn enter(self, read: &mut Read, this_year: i16) {
        match self.holidays(this_year) {
            Some(holidays) => read.holidays.extend(holidays),
            None => read.skipped += 1,
        }
    }

    fn holidays(self, this_year: i16) -> Option<Vec<Holiday>> {
        let Self { from: Some(from), to, name: Some(name), rule, listed: false, cancelled: false } = self else { return None };
        let last = to.filter(|to| *to > from).and_then(|to| to.yesterday().ok()).unwrap_or(from);
        let length = from.until(last).ok()?.get_days();
        // An event that lasts longer is no holiday
        if length >= limits::HOLIDAY_DAYS {
            return None;
        }
        let firsts = match rule {
            Some(rule) => Yearly::read(&rule, from)?.days(from, this_year..=this_year + limits::HOLIDAY_YEARS - 1),
            None => vec![from],
        };
        let days = firsts.into_iter().flat_map(|first| first.series(1.day()).take(usize::try_from(length).unwrap_or_default() + 1));
        Some(days.map(|date| Holiday { date, name: name.clone() }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        read(text, 2026).unwrap().holidays.into_iter().map(|holiday| format!("{} {}", holiday.date, holiday.name)).collect()
    }

    #[test]
    fn a_calendar_gives_its_whole_days() {
        let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261227\r\n\
            SUMMARY:Christmas\\, and the\r\n  day after\r\nBEGIN:VALARM\r\nSUMMARY:Wake up\r\nEND:VALARM\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nDTSTART:20260101\r\nSUMMARY:New Year\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nDTSTART:20260102T090000Z\r\nSUMMARY:Meeting\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260501\r\nRRULE:FREQ=WEEKLY\r\nSUMMARY:Fridays\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:99990101\r\nSUMMARY:For ever\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(
            told(text),
            ["2026-12-25 Christmas, and the day after", "2026-12-26 Christmas, and the day after", "2026-01-01 New Year"]
        );
        assert_eq!(read(text, 2026).unwrap().skipped, 3);
    }

    #[test]
    fn what_repeats_each_year_is_a_holiday_in_this_and_the_four_that_follow() {
        let days = |from: &str, rule: &str| {
            let (from, years) = (from.parse().unwrap(), 2026..=2030);
            Yearly::read(rule, from).map(|yearly| yearly.days(from, years).iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let told = |all: &[&str]| Some(all.iter().map(|day| (*day).to_owned()).collect::<Vec<_>>());
        let may = ["2026-05-01", "2027-05-01", "2028-05-01", "2029-05-01", "2030-05-01"];
        for (from, rule, come) in [
            ("1990-05-01", "FREQ=YEARLY", told(&may)),
            ("1990-05-01", "FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1;WKST=MO", told(&may)),
            ("2028-05-01", "FREQ=YEARLY", told(&may[2..])),
            ("2025-05-01", "FREQ=YEARLY;COUNT=3", told(&may[..2])),
            ("2025-05-01", "FREQ=YEARLY;UNTIL=20280430T220000Z", told(&may[..2])),
            ("2024-05-01", "FREQ=YEARLY;INTERVAL=2", told(&["2026-05-01", "2028-05-01", "2030-05-01"])),
            ("2024-02-29", "FREQ=YEARLY", told(&["2028-02-29"])),
            (
                "2020-11-26",
                "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
                told(&["2026-11-26", "2027-11-25", "2028-11-23", "2029-11-22", "2030-11-28"]),
            ),
            ("2026-05-25", "FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;COUNT=2", told(&["2026-05-25", "2027-05-31"])),
            ("2026-05-25", "FREQ=YEARLY;BYDAY=MO", None),
            ("2026-05-25", "FREQ=YEARLY;BYYEARDAY=100", None),
            ("2026-05-25", "FREQ=MONTHLY", None),
            ("2026-05-25", "FREQ=YEARLY;INTERVAL=0", None),
            ("2026-05-25", "FREQ=YEARLY;BYDAY=\u{e4}", None),
            ("2026-05-25", "", None),
        ] {
            assert_eq!(days(from, rule), come, "{from} {rule}");
        }
        let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20201224\nDTEND;VALUE=DATE:20201226\nRRULE:FREQ=YEARLY;COUNT=8\n\
            SUMMARY:Christmas\nEND:VEVENT\nEND:VCALENDAR";
        let each = ["2026-12-24", "2026-12-25", "2027-12-24", "2027-12-25"].map(|day| format!("{day} Christmas"));
        assert_eq!(super::tests::told(text), each);
    }

    #[test]
    fn a_list_gives_one_a_line_and_names_the_line_that_is_wrong() {
        assert_eq!(told("2026-12-25 Christmas Day\n\n2026-12-26;\"Boxing Day\"\n"), ["2026-12-25 Christmas Day", "2026-12-26 Boxing Day"]);
        for wrong in ["", "Christmas", "2026-12-25", "25.12.2026 Christmas", "2026-02-30 Never", "2026-01-01 \u{202e}x"] {
            assert!(read(wrong, 2026).is_err(), "{wrong:?} was taken");
        }
        let many = (0..=limits::HOLIDAYS).map(|n| format!("2026-01-01 Day {n}\n")).collect::<String>();
        for (wrong, told) in [
            ("2026-12-25 Christmas\nBoxing Day", "has in line 2 no date and name, such as 2026-12-25 Christmas Day"),
            ("\n2026-12-25 \u{202e}x", "has in line 2 a name that"),
            ("1066-10-14 Hastings", "has the day 1066-10-14, which is not between 1970 and 2200"),
            ("BEGIN:VCALENDAR\nEND:VCALENDAR", "has no holiday that lasts a whole day, once or each year"),
            (" \n", "is empty"),
            (&many, "has more than 400 holidays"),
        ] {
            let Err(Error::Invalid(faults)) = read(wrong, 2026) else { panic!("{wrong} was taken") };
            assert!(faults[0].message.starts_with(told), "{faults:?}");
        }
    }

    #[test]
    fn nothing_that_calls_itself_a_calendar_is_a_reason_to_fall_over() {
        for text in [
            "BEGIN:VCALENDAR",
            "BEGIN:VCALENDAR\nEND:VEVENT\nBEGIN:VEVENT",
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:٢٠٢٦\nEND:VEVENT",
        ] {
            assert!(read(text, 2026).is_err());
        }
    }
}
