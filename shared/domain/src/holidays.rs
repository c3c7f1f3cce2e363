//! Holidays as others publish them: an iCalendar file, or a list of one a line.

use crate::{Error, Result, limits, settings::Holiday, text::Line};
use jiff::{ToSpan, civil::Date};

/// What was read, and how many entries were not: those at a time of day, or that repeat.
#[derive(Debug, PartialEq)]
pub struct Read {
    pub holidays: Vec<Holiday>,
    pub skipped: usize,
}

/// Reads a calendar if it is one, or else a list of lines such as `2026-12-25 Christmas Day`.
pub fn read(text: &str) -> Result<Read> {
    let read = if text.trim_start_matches('\u{feff}').trim_start().starts_with("BEGIN:VCALENDAR") { calendar(text) } else { list(text)? };
    match read.holidays.len() {
        0 => Err(Error::invalid("/text", "has no holiday that lasts a whole day and does not repeat")),
        1..=limits::HOLIDAYS => Ok(read),
        _ => Err(Error::invalid("/text", format!("has more than {} holidays", limits::HOLIDAYS))),
    }
}

fn list(text: &str) -> Result<Read> {
    let mut holidays = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (date, name) = line.trim().split_once(|c: char| c.is_whitespace() || c == ',' || c == ';').unwrap_or_default();
        let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"'));
        match Option::zip(date.parse::<Date>().ok(), name.parse::<Line>().ok()) {
            Some((date, name)) => holidays.push(Holiday { date, name }),
            None => {
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
    repeats: bool,
    cancelled: bool,
}

/// The whole-day events of RFC 5545; what else a calendar holds is passed over.
fn calendar(text: &str) -> Read {
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
                    event.enter(&mut read);
                }
            }
            ("END", Some(_)) => inside -= 1,
            ("DTSTART", Some(event)) if inside == 0 => event.from = day(parameters, value),
            ("DTEND", Some(event)) if inside == 0 => event.to = day(parameters, value),
            ("SUMMARY", Some(event)) if inside == 0 => event.name = unescaped(value).parse().ok(),
            ("RRULE" | "RDATE", Some(event)) if inside == 0 => event.repeats = true,
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
    fn enter(self, read: &mut Read) {
        let Self { from: Some(from), to, name: Some(name), repeats: false, cancelled: false } = self else {
            read.skipped += 1;
            return;
        };
        let last = to.filter(|to| *to > from).and_then(|to| to.yesterday().ok()).unwrap_or(from);
        // An event that lasts longer is no holiday
        let most = limits::HOLIDAY_DAYS;
        if from.until(last).map_or(true, |length| length.get_days() >= most) {
            read.skipped += 1;
            return;
        }
        let days = from.series(1.day()).take_while(|date| *date <= last);
        read.holidays.extend(days.map(|date| Holiday { date, name: name.clone() }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        read(text).unwrap().holidays.into_iter().map(|holiday| format!("{} {}", holiday.date, holiday.name)).collect()
    }

    #[test]
    fn a_calendar_gives_its_whole_days() {
        let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261227\r\n\
            SUMMARY:Christmas\\, and the\r\n  day after\r\nBEGIN:VALARM\r\nSUMMARY:Wake up\r\nEND:VALARM\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nDTSTART:20260101\r\nSUMMARY:New Year\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nDTSTART:20260102T090000Z\r\nSUMMARY:Meeting\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260501\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:May Day\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:99990101\r\nSUMMARY:For ever\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(
            told(text),
            ["2026-12-25 Christmas, and the day after", "2026-12-26 Christmas, and the day after", "2026-01-01 New Year"]
        );
        assert_eq!(read(text).unwrap().skipped, 3);
    }

    #[test]
    fn a_list_gives_one_a_line_and_names_the_line_that_is_wrong() {
        assert_eq!(told("2026-12-25 Christmas Day\n\n2026-12-26;\"Boxing Day\"\n"), ["2026-12-25 Christmas Day", "2026-12-26 Boxing Day"]);
        for wrong in ["", "Christmas", "2026-12-25", "25.12.2026 Christmas", "2026-02-30 Never", "2026-01-01 \u{202e}x"] {
            assert!(read(wrong).is_err(), "{wrong:?} was taken");
        }
        let Err(Error::Invalid(faults)) = read("2026-12-25 Christmas\nBoxing Day") else { panic!("taken") };
        assert!(faults[0].message.contains("line 2"), "{faults:?}");
    }

    #[test]
    fn nothing_that_calls_itself_a_calendar_is_a_reason_to_fall_over() {
        for text in [
            "BEGIN:VCALENDAR",
            "BEGIN:VCALENDAR\nEND:VEVENT\nBEGIN:VEVENT",
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:٢٠٢٦\nEND:VEVENT",
        ] {
            assert!(read(text).is_err());
        }
    }
}
