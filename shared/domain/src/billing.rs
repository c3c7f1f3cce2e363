//! Clients and invoices: what is owed, to the cent, under a number without a gap.

use crate::{
    Error, Result, Timestamp,
    commit::Commit,
    id::*,
    limits,
    money::{Currency, rounded},
    organization::{Membership, Organization},
    structure::{Post, Scope},
    text::*,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Client {
    pub id: ClientId,
    pub name: Line,
    pub email: Email,
    pub address: Address,
    /// Tax number, as it stands on invoices.
    pub tax_number: Option<Label>,
    /// Guests who read its invoices.
    pub contacts: Vec<UserId>,
    pub created_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientDraft {
    pub name: Line,
    pub email: Email,
    pub address: Address,
    pub tax_number: Option<Label>,
}

impl Client {
    pub fn new(id: ClientId, draft: ClientDraft, now: Timestamp) -> (Self, Commit) {
        let client = Self {
            id,
            name: draft.name,
            email: draft.email,
            address: draft.address,
            tax_number: draft.tax_number,
            contacts: Vec::new(),
            created_at: now,
            version: 1,
        };
        (client.clone(), Commit::create("client.created", client))
    }

    fn with_contacts(self, change: impl FnOnce(&mut Vec<UserId>)) -> (Self, Commit) {
        let mut after = Self { version: self.version + 1, ..self.clone() };
        change(&mut after.contacts);
        (after.clone(), Commit::replace("client.edited", self, after))
    }

    /// Lets a guest read the invoices that are issued to the client.
    pub fn name_contact(self, guest: &Membership) -> Result<(Self, Commit)> {
        let post = Post::contact(&self.id);
        if guest.holds(&post) && self.contacts.contains(&guest.user) {
            return Ok((self, Commit::quiet()));
        }
        let named = guest.takes(post)?;
        let (client, commit) = self.with_contacts(|contacts| {
            contacts.retain(|contact| *contact != guest.user);
            contacts.push(guest.user.clone());
        });
        if client.contacts.len() > limits::CONTACTS {
            return Err(Error::Conflict(format!("a client has {} contacts at the most", limits::CONTACTS)));
        }
        Ok((client, commit.also_replace(guest.version, named)))
    }

    pub fn remove_contact(self, guest: &Membership) -> Result<(Self, Commit)> {
        if !self.contacts.contains(&guest.user) {
            return Err(Error::NotFound("contact"));
        }
        let without = guest.lays_down(&Post::contact(&self.id));
        let (client, commit) = self.vacated_by(&guest.user);
        Ok((client, commit.also_replace(guest.version, without)))
    }

    pub fn vacated_by(self, user: &UserId) -> (Self, Commit) {
        self.with_contacts(|contacts| contacts.retain(|contact| contact != user))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    Draft,
    Issued,
}

/// A line as it is written: quantities in thousandths, prices in minor units, rates in hundredths of a per cent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineDraft {
    pub description: Line,
    /// In thousandths: 1500 is one and a half.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 1_500)]
    pub quantity_milli: i64,
    #[schema(example = "hour")]
    pub unit: Label,
    /// In minor units of the invoice's currency.
    #[schema(minimum = -1_000_000_000_000i64, maximum = 1_000_000_000_000i64, example = 9_500)]
    pub unit_price: i64,
    /// In hundredths of a per cent: 1000 is 10 %.
    #[serde(default)]
    #[schema(maximum = 10_000)]
    pub discount: u32,
    /// In hundredths of a per cent: 1900 is 19 %.
    #[serde(default)]
    #[schema(maximum = 10_000, example = 1_900)]
    pub tax_rate: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InvoiceLine {
    pub description: Line,
    pub quantity_milli: i64,
    pub unit: Label,
    pub unit_price: i64,
    pub discount: u32,
    pub tax_rate: u32,
    /// After discount, before tax, rounded half away from zero.
    pub net: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxSum {
    pub rate: u32,
    /// Sum of the lines at this rate.
    pub net: i64,
    /// Tax on that sum, rounded half away from zero.
    pub tax: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    pub net: i64,
    pub taxes: Vec<TaxSum>,
    pub tax: i64,
    pub gross: i64,
}

/// A side of the invoice as it was when the invoice was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Party {
    pub name: Line,
    pub address: Address,
    pub email: Option<Email>,
    pub phone: Option<Phone>,
    pub tax_number: Option<Label>,
    /// Where to pay.
    pub bank: Option<Line>,
}

/// What the worker made of an issued invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paper {
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Invoice {
    pub id: InvoiceId,
    pub status: InvoiceStatus,
    /// Given when it is issued, one after the other, without a gap.
    #[schema(example = "2026-0001")]
    pub number: Option<String>,
    pub client: ClientId,
    pub seller: Party,
    pub buyer: Party,
    pub currency: Currency,
    pub lines: Vec<InvoiceLine>,
    pub totals: Totals,
    /// Days the client has to pay.
    pub term_days: u16,
    /// As the organisation had it when the invoice was made.
    pub colour: Option<Colour>,
    /// In the organisation's time zone.
    pub issued_on: Option<Date>,
    pub due_on: Option<Date>,
    pub zone: Zone,
    pub notes: Option<Markdown>,
    /// The PDF, once a worker has made it.
    pub pdf: Option<Paper>,
    pub created_at: Timestamp,
    pub version: u64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvoiceDraft {
    pub client: ClientId,
    /// The organisation's own when absent.
    pub currency: Option<Currency>,
    pub lines: Vec<LineDraft>,
    #[schema(maximum = 365, example = 14)]
    pub term_days: Option<u16>,
    pub notes: Option<Markdown>,
}

/// 100 % in hundredths of a per cent.
const WHOLE: u32 = 10_000;

fn price(line: LineDraft, place: usize) -> Result<InvoiceLine> {
    let fault = |field: &str, message: &str| Error::invalid(&format!("/lines/{place}/{field}"), message);
    if !(1..=limits::QUANTITY).contains(&line.quantity_milli) {
        return Err(fault("quantity_milli", "is not between 1 and 1,000,000,000"));
    }
    if line.unit_price.unsigned_abs() > limits::UNIT_PRICE as u64 {
        return Err(fault("unit_price", "is out of range"));
    }
    if line.discount > WHOLE {
        return Err(fault("discount", "is more than 100 %"));
    }
    if line.tax_rate > WHOLE {
        return Err(fault("tax_rate", "is more than 100 %"));
    }
    let product = i128::from(line.quantity_milli) * i128::from(line.unit_price) * i128::from(WHOLE - line.discount);
    let net = rounded(product, 1_000 * i128::from(WHOLE));
    Ok(InvoiceLine {
        description: line.description,
        quantity_milli: line.quantity_milli,
        unit: line.unit,
        unit_price: line.unit_price,
        discount: line.discount,
        tax_rate: line.tax_rate,
        net: i64::try_from(net)
            .ok()
            .filter(|net| net.abs() <= limits::LINE_AMOUNT)
            .ok_or_else(|| fault("unit_price", "gives an amount out of range"))?,
    })
}

/// Sums the lines: tax is computed on the sum of each rate, so that it is rounded once.
pub fn total(lines: &[InvoiceLine]) -> Totals {
    // No line is over limits::LINE_AMOUNT, so that the sum of the most lines, and its tax, is far from the end of the numbers
    let mut nets: BTreeMap<u32, i64> = BTreeMap::new();
    for line in lines {
        *nets.entry(line.tax_rate).or_default() += line.net;
    }
    let taxes: Vec<_> = nets
        .into_iter()
        .map(|(rate, net)| TaxSum { rate, net, tax: rounded(i128::from(net) * i128::from(rate), WHOLE.into()) as i64 })
        .collect();
    let net = taxes.iter().map(|sum| sum.net).sum();
    let tax = taxes.iter().map(|sum| sum.tax).sum();
    Totals { net, tax, gross: net + tax, taxes }
}

impl Invoice {
    /// A draft is nobody's business outside.
    pub(crate) fn hangs_below(&self) -> Vec<Scope> {
        match self.status {
            InvoiceStatus::Draft => Vec::new(),
            InvoiceStatus::Issued => vec![Scope::Client(self.client.clone())],
        }
    }

    pub fn draft(
        id: InvoiceId,
        draft: InvoiceDraft,
        client: &Client,
        organization: &Organization,
        colour: Option<Colour>,
        now: Timestamp,
    ) -> Result<(Self, Commit)> {
        if draft.lines.is_empty() || draft.lines.len() > limits::INVOICE_LINES {
            return Err(Error::invalid("/lines", format!("has not between 1 and {} lines", limits::INVOICE_LINES)));
        }
        let term_days = draft.term_days.unwrap_or(14);
        if term_days > limits::TERM_DAYS {
            return Err(Error::invalid("/term_days", "is more than a year"));
        }
        let lines = draft.lines.into_iter().enumerate().map(|(place, line)| price(line, place)).collect::<Result<Vec<_>>>()?;
        let invoice = Self {
            id,
            status: InvoiceStatus::Draft,
            number: None,
            client: client.id.clone(),
            seller: Party {
                name: organization.name.clone(),
                address: organization.address.clone(),
                email: organization.email.clone(),
                phone: Some(organization.phone.clone()),
                tax_number: organization.tax_number.clone(),
                bank: organization.bank.clone(),
            },
            buyer: Party {
                name: client.name.clone(),
                address: client.address.clone(),
                email: Some(client.email.clone()),
                phone: None,
                tax_number: client.tax_number.clone(),
                bank: None,
            },
            currency: draft.currency.unwrap_or(organization.currency),
            totals: total(&lines),
            lines,
            term_days,
            colour,
            issued_on: None,
            due_on: None,
            zone: organization.zone.clone(),
            notes: draft.notes,
            pdf: None,
            created_at: now,
            version: 1,
        };
        Ok((invoice.clone(), Commit::create("invoice.drafted", invoice)))
    }

    /// The series this invoice would be numbered in if it were issued now.
    pub fn series(&self, now: Timestamp) -> String {
        self.today(now).year().to_string()
    }

    fn today(&self, now: Timestamp) -> Date {
        now.to_zoned(self.zone.time_zone()).date()
    }

    /// Gives the invoice the next number of its series, in the same commit; from then on only its PDF is added to it.
    pub fn issue(self, series: Option<Series>, now: Timestamp) -> Result<(Self, Commit)> {
        if self.status != InvoiceStatus::Draft {
            return Err(Error::Conflict("the invoice has been issued and no longer changes".to_owned()));
        }
        let today = self.today(now);
        let name = self.series(now);
        let number = series.as_ref().map_or(1, |series| series.next);
        let due_on = today.checked_add(jiff::Span::new().days(i64::from(self.term_days))).map_err(Error::internal)?;
        let after = Self {
            status: InvoiceStatus::Issued,
            number: Some(format!("{name}-{number:04}")),
            issued_on: Some(today),
            due_on: Some(due_on),
            version: self.version + 1,
            ..self.clone()
        };
        let commit = Commit::replace("invoice.issued", self, after.clone());
        let commit = match series {
            None => commit.also_create(Series { name, next: 2, version: 1 }),
            Some(series) => {
                let seen = series.version;
                commit.also_replace(seen, Series { next: number + 1, version: seen + 1, ..series })
            }
        };
        Ok((after, commit))
    }

    /// The worker has made its PDF.
    pub fn printed(self, pdf: Paper) -> Commit {
        let after = Self { pdf: Some(pdf), version: self.version + 1, ..self.clone() };
        Commit::replace("invoice.printed", self, after)
    }
}

/// Where the numbers of one series stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub name: String,
    pub next: u64,
    pub version: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(quantity_milli: i64, unit_price: i64, discount: u32, tax_rate: u32) -> InvoiceLine {
        let draft =
            LineDraft { description: "x".parse().unwrap(), quantity_milli, unit: "h".parse().unwrap(), unit_price, discount, tax_rate };
        price(draft, 0).unwrap()
    }

    #[test]
    fn an_invoice_adds_up_to_the_cent() {
        let lines = [line(1_500, 9_500, 0, 1_900), line(3_000, 333, 1_000, 1_900), line(1_000, 1_999, 0, 700)];
        let nets: Vec<_> = lines.iter().map(|line| line.net).collect();
        assert_eq!(nets, [14_250, 899, 1_999]);
        let totals = total(&lines);
        assert_eq!(totals.taxes, [TaxSum { rate: 700, net: 1_999, tax: 140 }, TaxSum { rate: 1_900, net: 15_149, tax: 2_878 }]);
        assert_eq!((totals.net, totals.tax, totals.gross), (17_148, 3_018, 20_166));
    }

    proptest! {
        #[test]
        fn totals_are_the_sums_of_their_parts(lines in prop::collection::vec((1i64..1_000_000, -1_000_000i64..1_000_000, 0u32..=10_000, 0u32..=10_000), 1..50)) {
            let lines: Vec<_> = lines.into_iter().map(|(q, p, d, t)| line(q, p, d, t)).collect();
            let totals = total(&lines);
            prop_assert_eq!(totals.net, lines.iter().map(|line| line.net).sum::<i64>());
            prop_assert_eq!(totals.gross, totals.net + totals.tax);
            for sum in totals.taxes {
                let exact = sum.net as f64 * f64::from(sum.rate) / 10_000.0;
                prop_assert!((sum.tax as f64 - exact).abs() <= 0.5);
            }
        }
    }
}
