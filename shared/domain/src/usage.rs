//! What an organisation uses, counted from what passes anyway, and what that is estimated to cost.

use crate::{Timestamp, id::OrganizationId, tenant::Quota};
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, collections::BTreeMap};
use utoipa::ToSchema;

/// What was counted for one organisation in one month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    pub organization: OrganizationId,
    pub month: Month,
    pub counts: Counts,
    pub last_at: Option<Timestamp>,
    /// How far each source was counted. The stream brings some things twice, and each source in order: what comes again
    /// is known by its place.
    pub seen: BTreeMap<String, String>,
    pub version: u64,
}

/// A month of UTC: `2026-11`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[0-9]{4}-[0-9]{2}$", example = "2026-11")]
pub struct Month(String);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Records that were made, changed or removed.
    pub changes: u64,
    pub messages: u64,
    pub sign_ins: u64,
    /// Papers that were made, such as the PDF of an invoice.
    pub documents: u64,
    pub mails: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Countable {
    Change,
    Message,
    SignIn,
    Document,
    Mail,
}

/// One thing to count, and where it came in the order of its source.
#[derive(Clone, Debug)]
pub struct Counted {
    pub what: Countable,
    pub at: Timestamp,
    /// The partition of the table it stands in: the stream keeps the order of each.
    pub source: String,
    pub place: String,
}

impl Month {
    pub fn of(at: Timestamp) -> Self {
        Self(at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m").to_string())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Month {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match format!("{text}-01").parse::<jiff::civil::Date>() {
            Ok(date) if text.len() == 7 && date.year() >= 0 => Ok(Self(text)),
            _ => Err("is not a month such as 2026-11".to_owned()),
        }
    }
}

impl From<Month> for String {
    fn from(month: Month) -> String {
        month.0
    }
}

impl Countable {
    /// What a change counts as.
    pub fn of_action(action: &str) -> Self {
        match action {
            "message.sent" => Self::Message,
            "session.opened" => Self::SignIn,
            "invoice.printed" => Self::Document,
            _ => Self::Change,
        }
    }
}

/// Numbers of the stream are longer than any of ours, and are compared as text.
fn order(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

impl Usage {
    pub fn empty(organization: &OrganizationId, month: Month) -> Self {
        Self { organization: organization.clone(), month, counts: Counts::default(), last_at: None, seen: BTreeMap::new(), version: 0 }
    }

    /// With what of these was not counted yet; none when there is nothing new.
    pub fn count(&self, things: &[Counted]) -> Option<Self> {
        let mut after = Self { version: self.version + 1, ..self.clone() };
        let mut new = false;
        for thing in things {
            if after.seen.get(&thing.source).is_some_and(|seen| order(seen, &thing.place) != Ordering::Less) {
                continue;
            }
            after.seen.insert(thing.source.clone(), thing.place.clone());
            after.last_at = after.last_at.max(Some(thing.at));
            after.counts.add(thing.what);
            new = true;
        }
        // The stream keeps what it brings for a day; of sources of a day before that nothing comes again
        if let Some(last) = after.last_at {
            let day = (last - jiff::SignedDuration::from_hours(48)).to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
            after.seen.retain(|source, _| !source.starts_with(|c: char| c.is_ascii_digit()) || *source >= day);
        }
        new.then_some(after)
    }
}

impl Counts {
    fn add(&mut self, what: Countable) {
        let count = match what {
            Countable::Change => &mut self.changes,
            Countable::Message => &mut self.messages,
            Countable::SignIn => &mut self.sign_ins,
            Countable::Document => &mut self.documents,
            Countable::Mail => &mut self.mails,
        };
        *count += 1;
    }

    pub fn plus(self, other: Self) -> Self {
        Self {
            changes: self.changes + other.changes,
            messages: self.messages + other.messages,
            sign_ins: self.sign_ins + other.sign_ins,
            documents: self.documents + other.documents,
            mails: self.mails + other.mails,
        }
    }

    /// By list prices, in millionths of a dollar.
    pub fn estimate(&self, prices: &Prices) -> u64 {
        let parts = [
            (self.changes, "change"),
            (self.messages, "message"),
            (self.sign_ins, "sign_in"),
            (self.documents, "document"),
            (self.mails, "mail"),
        ];
        micro(parts.into_iter().map(|(count, what)| u128::from(count) * prices.of(what)).sum())
    }
}

/// Files that are kept. Who completes an upload replaces it, so that of many who do at once none is one too many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Storage {
    pub files: u64,
    pub bytes: u64,
    pub version: u64,
}

/// What an organisation uses, as it and the platform's operators see it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UsageView {
    /// People who are active now.
    pub members: u32,
    /// Files kept now, and their bytes.
    pub files: u64,
    pub stored_bytes: u64,
    pub quota: Quota,
    /// The latest first.
    pub months: Vec<MonthView>,
    /// An estimate of what keeping these files costs a month, in millionths of a US dollar.
    pub storage_micro_dollars: u64,
    #[schema(example = "An estimate by list prices of AWS in eu-central-1 of 2025, …")]
    pub basis: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MonthView {
    pub month: Month,
    pub counts: Counts,
    /// An estimate of what all this cost, in millionths of a US dollar.
    pub micro_dollars: u64,
}

/// What all organisations together used in a month.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UsageSum {
    pub month: Month,
    /// Those of which something was counted.
    pub organizations: usize,
    pub counts: Counts,
    pub micro_dollars: u64,
    /// Whether it is of all of them; of very many it is of some.
    pub complete: bool,
    pub basis: String,
}

impl UsageView {
    pub fn new(members: u32, quota: Quota, storage: &Storage, months: Vec<Usage>) -> Self {
        let prices = Prices::listed();
        let view = |usage: Usage| MonthView { micro_dollars: usage.counts.estimate(&prices), month: usage.month, counts: usage.counts };
        Self {
            members,
            files: storage.files,
            stored_bytes: storage.bytes,
            quota,
            months: months.into_iter().map(view).collect(),
            storage_micro_dollars: micro(u128::from(storage.bytes) * prices.stored_gb / 1_000_000_000),
            basis: prices.basis,
        }
    }
}

impl UsageSum {
    pub fn new(month: Month, of: &[Usage], complete: bool) -> Self {
        let prices = Prices::listed();
        let counts = of.iter().fold(Counts::default(), |sum, usage| sum.plus(usage.counts));
        Self { month, organizations: of.len(), counts, micro_dollars: counts.estimate(&prices), complete, basis: prices.basis }
    }
}

/// What things cost, in billionths of a thousandth of a dollar, so that nothing is rounded before it is summed up.
pub struct Prices {
    each: BTreeMap<String, u128>,
    stored_gb: u128,
    basis: String,
}

const UNIT: u128 = 1_000_000_000_000;
const MICRO: u128 = UNIT / 1_000_000;

fn micro(units: u128) -> u64 {
    u64::try_from((units + MICRO / 2) / MICRO).unwrap_or(u64::MAX)
}

/// The price list and what a counted thing takes: the files from which `make cost` reckons as well.
const PRICES: &str = include_str!("../../../infra/bench/prices.toml");
const TAKEN: &str = include_str!("../../../infra/bench/counted.toml");

impl Prices {
    pub fn listed() -> Self {
        let (prices, taken) = (tables(PRICES), tables(TAKEN));
        let price = |section: &str, name: &str| prices.get(&format!("{section}.{name}")).map_or(0, |text| decimal(text));
        let million = |section: &str, name: &str| price(section, name) / 1_000_000;
        let units: [(&str, u128); 9] = [
            ("http_requests", million("http_api", "million_requests")),
            ("socket_messages", million("websocket", "million_messages")),
            ("runs", million("lambda", "million_requests")),
            ("gb_seconds", price("lambda", "gb_second")),
            ("reads", million("dynamodb", "million_reads")),
            ("writes", million("dynamodb", "million_writes")),
            ("queue_requests", million("sqs", "million_requests")),
            ("mails", million("ses", "million_mails")),
            ("log_gb", price("logs", "gb")),
        ];
        let mut each: BTreeMap<String, u128> = BTreeMap::new();
        for (name, amount) in &taken {
            let Some((what, unit)) = name.rsplit_once('.') else { continue };
            let unit = units.iter().find(|(known, _)| *known == unit).map_or(0, |(_, price)| *price);
            *each.entry(what.to_owned()).or_default() += decimal(amount) * unit / UNIT;
        }
        let text = |name: &str| prices.get(name).map_or("", |text| text.trim_matches('"'));
        let basis = format!(
            "An estimate by list prices of AWS in {} of {}, without free tier and tax. Reading leaves no trace and is taken to go with what was counted; traffic and what nobody's use causes are left out.",
            text(".region"),
            text(".known")
        );
        Self { each, stored_gb: price("s3", "gb_month"), basis }
    }

    fn of(&self, what: &str) -> u128 {
        self.each.get(what).copied().unwrap_or_default()
    }
}

/// The plain values of a TOML file, each under `section.name`.
fn tables(text: &str) -> BTreeMap<String, String> {
    let (mut section, mut values) = (String::new(), BTreeMap::new());
    for line in text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((name, value)) = line.split_once('=') {
            values.insert(format!("{section}.{}", name.trim()), value.trim().replace('_', ""));
        }
    }
    values
}

/// A decimal in billionths of a thousandth, exactly; 0 for what is none.
fn decimal(text: &str) -> u128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part: String = part.chars().chain(std::iter::repeat('0')).take(12).collect();
    Option::zip(whole.parse::<u128>().ok(), part.parse::<u128>().ok()).map_or(0, |(whole, part)| whole * UNIT + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

    fn thing(source: &str, place: &str, at: Timestamp) -> Counted {
        Counted { what: Countable::Change, at, source: source.to_owned(), place: place.to_owned() }
    }

    fn empty() -> Usage {
        Usage::empty(&OrganizationId::new(NOW, 1), Month::of(NOW))
    }

    #[test]
    fn what_comes_twice_counts_once_however_the_batches_are_cut() {
        let day = |place: &str| thing("2026-01-01#0", place, NOW);
        let first = empty().count(&[day("9"), day("10"), thing("2026-01-01#1", "5", NOW)]).unwrap();
        assert_eq!(first.counts.changes, 3);
        assert!(first.count(&[day("9"), day("10")]).is_none());
        let second = first.count(&[day("10"), day("11"), thing("2026-01-01#1", "5", NOW)]).unwrap();
        assert_eq!(second.counts.changes, 4);
        assert!(empty().count(&[]).is_none());
    }

    #[test]
    fn what_cannot_come_again_is_not_remembered() {
        let later = NOW + jiff::SignedDuration::from_hours(24 * 5);
        let usage = empty().count(&[thing("2026-01-01#0", "1", NOW), thing("MAILED", "1", NOW)]).unwrap();
        let usage = usage.count(&[thing("2026-01-06#0", "2", later)]).unwrap();
        assert_eq!(usage.seen.keys().collect::<Vec<_>>(), ["2026-01-06#0", "MAILED"]);
    }

    #[test]
    fn every_figure_of_the_estimate_stands_in_the_price_list() {
        let prices = Prices::listed();
        for what in ["change", "message", "sign_in", "document", "mail"] {
            assert!(prices.of(what) > 0, "{what} costs nothing");
        }
        let taken = tables(TAKEN);
        let known = ["http_requests", "socket_messages", "runs", "gb_seconds", "reads", "writes", "queue_requests", "mails", "log_gb"];
        assert!(taken.keys().all(|name| name.rsplit_once('.').is_some_and(|(_, unit)| known.contains(&unit))), "{taken:?}");
        // A million mails cost a hundred dollars at SES, and a little for the work
        let mails = Counts { mails: 1_000_000, ..Counts::default() }.estimate(&prices);
        assert!((100_000_000..130_000_000).contains(&mails), "{mails}");
        assert!(prices.basis.contains("eu-central-1") && prices.basis.contains("2025"));
        assert_eq!((decimal("0.0000133334"), decimal("12")), (13_333_400, 12 * UNIT));
    }

    #[test]
    fn a_month_is_written_as_year_and_month() {
        assert_eq!(Month::of(NOW).as_str(), "2026-01");
        for wrong in ["", "2026", "2026-13", "2026-1", "26-01", "2026-01-01", "-026-01"] {
            assert!(Month::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
