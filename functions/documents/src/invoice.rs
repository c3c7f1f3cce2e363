//! The invoice as a PDF.
//!
//! The page's look is in `invoice.typ`; this file writes every number and date as it shall be read and hands them over as
//! JSON. Nothing a person typed is ever part of Typst's source, so that it is printed and not run.

use domain::{
    Error, Result,
    billing::{Invoice, InvoiceLine, Party},
    money::Currency,
};
use jiff::{civil::Date, tz::TimeZone};
use serde::Serialize;
use std::sync::LazyLock;
use typst::{
    Library, LibraryExt, World, comemo,
    diag::{FileError, FileResult, SourceDiagnostic},
    foundations::{Bytes, Datetime, Duration, Smart},
    syntax::{FileId, Source},
    text::{Font, FontBook},
    utils::LazyHash,
};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

/// Lines of an address that get a line of their own; the rest of it shares the last.
const ADDRESS_LINES: usize = 7;
/// Renders for which what Typst remembers of earlier ones is kept.
const REMEMBERED: usize = 4;
/// The colour of those who chose none.
const ACCENT: &str = "#12505b";
const ARCHIVE: &[PdfStandard] = &[PdfStandard::A_2a, PdfStandard::Ua_1];

/// Prints an invoice; the same invoice gives the same bytes.
///
/// The file is PDF/A-2a and PDF/UA-1 (fonts inside, readable by a screen reader), unless a text has a character that no font
/// here can draw: then it is a plain tagged PDF, which still carries that text.
pub fn render(invoice: &Invoice) -> Result<Vec<u8>> {
    let document = typeset(invoice)?;
    print(invoice, &document, ARCHIVE).or_else(|_| print(invoice, &document, &[]))
}

fn print(invoice: &Invoice, document: &PagedDocument, standards: &[PdfStandard]) -> Result<Vec<u8>> {
    let options = PdfOptions {
        ident: Smart::Custom(invoice.number.as_deref().unwrap_or(invoice.id.as_str()).to_owned()),
        creator: Smart::Custom(Some("Office Copilot".to_owned())),
        standards: PdfStandards::new(standards).map_err(|error| Error::internal(error.message().to_string()))?,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(document, &options).map_err(|causes| failure(&causes))
}

fn typeset(invoice: &Invoice) -> Result<PagedDocument> {
    let desk = Desk { data: Bytes::new(serde_json::to_vec(&Sheet::of(invoice)).map_err(Error::internal)?) };
    let document = typst::compile::<PagedDocument>(&desk).output.map_err(|causes| failure(&causes));
    // What Typst remembers would otherwise grow for as long as the process lives.
    comemo::evict(REMEMBERED);
    document
}

fn failure(causes: &[SourceDiagnostic]) -> Error {
    let causes: Vec<_> = causes.iter().map(|cause| cause.message.as_str()).collect();
    Error::internal(format!("the invoice could not be typeset: {}", causes.join("; ")))
}

/// What the template reads: every text as it is printed.
#[derive(Serialize)]
struct Sheet<'a> {
    number: Option<&'a str>,
    /// Year, month and day.
    date: (i16, i8, i8),
    accent: &'a str,
    monogram: String,
    seller: Side<'a>,
    buyer: Side<'a>,
    issued: Option<String>,
    due: Option<String>,
    term: String,
    currency: &'static str,
    discounted: bool,
    lines: Vec<Row<'a>>,
    net: String,
    taxes: Vec<Tax>,
    gross: String,
    /// What is to be paid or given back, without its sign.
    amount: String,
    /// The sign of what is to be paid.
    owed: i64,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Side<'a> {
    name: &'a str,
    address: Vec<String>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    tax_number: Option<&'a str>,
    bank: Option<&'a str>,
}

#[derive(Serialize)]
struct Row<'a> {
    description: &'a str,
    quantity: String,
    unit: &'a str,
    price: String,
    discount: String,
    tax: String,
    net: String,
}

#[derive(Serialize)]
struct Tax {
    rate: String,
    net: String,
    tax: String,
}

impl<'a> Sheet<'a> {
    fn of(invoice: &'a Invoice) -> Self {
        let currency = invoice.currency;
        // A draft has no date yet, and its file must have one: the day on which it was made, without asking a clock.
        let date = invoice.issued_on.unwrap_or_else(|| invoice.created_at.to_zoned(TimeZone::UTC).date());
        let taxes = invoice.totals.taxes.iter().map(|sum| Tax {
            rate: percent(sum.rate),
            net: money(currency, sum.net),
            tax: money(currency, sum.tax),
        });
        Self {
            number: invoice.number.as_deref(),
            date: (date.year(), date.month(), date.day()),
            accent: invoice.colour.as_ref().map_or(ACCENT, |colour| colour.as_str()),
            monogram: monogram(invoice.seller.name.as_str()),
            seller: Side::of(&invoice.seller),
            buyer: Side::of(&invoice.buyer),
            issued: invoice.issued_on.map(long),
            due: invoice.due_on.map(long),
            term: match invoice.term_days {
                0 => "due at once".to_owned(),
                1 => "1 day".to_owned(),
                days => format!("{days} days"),
            },
            currency: currency.code(),
            discounted: invoice.lines.iter().any(|line| line.discount > 0),
            lines: invoice.lines.iter().map(|line| Row::of(line, currency)).collect(),
            net: money(currency, invoice.totals.net),
            taxes: taxes.collect(),
            gross: money(currency, invoice.totals.gross),
            amount: money(currency, invoice.totals.gross).trim_start_matches(MINUS).to_owned(),
            owed: invoice.totals.gross.signum(),
            notes: invoice.notes.as_ref().map_or(Vec::new(), |notes| rows(notes.as_str().trim())),
        }
    }
}

impl<'a> Side<'a> {
    fn of(party: &'a Party) -> Self {
        Self {
            name: party.name.as_str(),
            address: address(party.address.as_str()),
            email: party.email.as_ref().map(|email| email.as_str()),
            phone: party.phone.as_ref().map(|phone| phone.as_str()),
            tax_number: party.tax_number.as_ref().map(|number| number.as_str()),
            bank: party.bank.as_ref().map(|bank| bank.as_str()),
        }
    }
}

impl<'a> Row<'a> {
    fn of(line: &'a InvoiceLine, currency: Currency) -> Self {
        Self {
            description: line.description.as_str(),
            quantity: decimal(line.quantity_milli, 3),
            unit: line.unit.as_str(),
            price: money(currency, line.unit_price),
            discount: if line.discount > 0 { percent(line.discount) } else { String::new() },
            tax: percent(line.tax_rate),
            net: money(currency, line.net),
        }
    }
}

const MINUS: char = '\u{2212}';

/// An amount with a true minus sign, which is as wide as a figure.
fn money(currency: Currency, minor: i64) -> String {
    currency.format(minor).replace('-', "\u{2212}")
}

/// Hundredths of a per cent: 1900 is `19 %`, 770 is `7.7 %`; the space does not break.
fn percent(rate: u32) -> String {
    format!("{}\u{a0}%", decimal(rate.into(), 2))
}

/// `value / 10^places` without useless zeros: 1500 in thousandths is `1.5`, and 2,000,000 is `2,000`.
fn decimal(value: i64, places: u32) -> String {
    let scale = 10u64.pow(places);
    let digits = (value.unsigned_abs() / scale).to_string();
    let mut text = String::new();
    if value < 0 {
        text.push(MINUS);
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    let rest = format!("{:0width$}", value.unsigned_abs() % scale, width = places as usize);
    match rest.trim_end_matches('0') {
        "" => text,
        rest => format!("{text}.{rest}"),
    }
}

fn long(date: Date) -> String {
    date.strftime("%-d %B %Y").to_string()
}

/// The initials of the first two words.
fn monogram(name: &str) -> String {
    let initial = |word: &str| word.chars().find(|c| c.is_alphanumeric());
    name.split_whitespace().filter_map(initial).take(2).flat_map(char::to_uppercase).take(3).collect()
}

/// The lines of a text, wherever it was written; a tab has no glyph, and so it becomes spaces.
fn rows(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    text.replace("\r\n", "\n").split(['\n', '\r']).map(|row| row.replace('\t', "    ")).collect()
}

fn address(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = rows(text).into_iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    let rest = lines.split_off(lines.len().min(ADDRESS_LINES));
    if let Some(last) = lines.last_mut().filter(|_| !rest.is_empty()) {
        *last = format!("{last}, {}", rest.join(", "));
    }
    lines
}

/// What all invoices share: made once, at the first one.
struct Press {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    template: Source,
}

static PRESS: LazyLock<Press> = LazyLock::new(|| {
    let fonts: Vec<_> = typst_assets::fonts().flat_map(|data| Font::iter(Bytes::new(data))).collect();
    Press {
        library: LazyHash::new(Library::default()),
        book: LazyHash::new(FontBook::from_fonts(&fonts)),
        fonts,
        template: Source::detached(include_str!("invoice.typ")),
    }
});

/// One invoice on the press: a world of two files, without a disk, a network or a clock.
struct Desk {
    data: Bytes,
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &PRESS.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &PRESS.book
    }

    fn main(&self) -> FileId {
        PRESS.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main() { Ok(PRESS.template.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id.get().vpath().get_without_slash() == "invoice.json" { Ok(self.data.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn font(&self, index: usize) -> Option<Font> {
        PRESS.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

#[cfg(test)]
#[path = "../tests/look/samples.rs"]
mod samples;

#[cfg(test)]
mod tests {
    use super::*;
    use typst::layout::{Abs, Frame, FrameItem, Point};

    /// A run of text: where it starts, how wide it is, and what it says.
    struct Run {
        at: Point,
        width: Abs,
        text: String,
    }

    fn collect(frame: &Frame, origin: Point, runs: &mut Vec<Run>) {
        for (at, item) in frame.items() {
            let at = origin + *at;
            match item {
                FrameItem::Text(text) => runs.push(Run { at, width: text.width(), text: text.text.to_string() }),
                // Only the mark of a draft is turned, and it lies behind everything.
                FrameItem::Group(group) if group.transform.kx.is_zero() => {
                    collect(&group.frame, at + Point::new(group.transform.tx, group.transform.ty), runs)
                }
                _ => {}
            }
        }
    }

    fn runs(invoice: &Invoice) -> Vec<Vec<Run>> {
        let page = |page: &typst_layout::Page| {
            let mut runs = Vec::new();
            collect(&page.frame, Point::zero(), &mut runs);
            runs
        };
        typeset(invoice).unwrap().pages().iter().map(page).collect()
    }

    /// What each page says, one line of it per line.
    fn pages(invoice: &Invoice) -> Vec<String> {
        let page = |runs: Vec<Run>| {
            let mut text = String::new();
            let mut height = Abs::zero();
            for run in runs {
                if run.at.y != height {
                    text.push('\n');
                    height = run.at.y;
                }
                text.push_str(&run.text);
            }
            text.replace('\u{a0}', " ").replace('\u{200b}', "")
        };
        runs(invoice).into_iter().map(page).collect()
    }

    #[test]
    fn the_same_invoice_gives_the_same_bytes() {
        let once = render(&samples::twelve_lines()).unwrap();
        render(&samples::draft()).unwrap();
        assert!(once == render(&samples::twelve_lines()).unwrap());
    }

    #[test]
    fn what_people_typed_is_printed_and_not_run() {
        let page = pages(&samples::hostile()).concat();
        for text in &samples::HOSTILE[..5] {
            assert!(page.contains(text), "{text} is not in {page}");
        }
        assert!(page.contains("#let x = \"1\" & *Sons*"));
    }

    #[test]
    fn a_character_without_a_glyph_does_not_stop_the_invoice() {
        let mut invoice = samples::one_line();
        for text in ["🎉 漢字 👩‍👩‍👧", "\u{fffe}\u{e000}", "a\u{ad}c", "\u{301}\u{200d}\u{fdfd}"] {
            invoice.lines[0].description = text.parse().unwrap();
            assert!(render(&invoice).unwrap().starts_with(b"%PDF"), "{text:?}");
        }
    }

    #[test]
    fn an_ordinary_invoice_can_be_archived_and_read_aloud() {
        for invoice in [samples::one_line(), samples::many_lines(), samples::draft(), samples::wide()] {
            print(&invoice, &typeset(&invoice).unwrap(), ARCHIVE).unwrap();
        }
    }

    #[test]
    fn nothing_runs_out_of_the_page() {
        let slack = Abs::pt(0.5);
        for (name, invoice) in samples::all() {
            for (number, page) in runs(&invoice).into_iter().enumerate() {
                for run in page {
                    let inside = run.at.x + slack >= Abs::mm(25.0)
                        && run.at.x + run.width <= Abs::mm(190.0) + slack
                        && run.at.y >= Abs::mm(10.0)
                        && run.at.y <= Abs::mm(290.0);
                    assert!(inside, "{name}, page {}: {:?} is {} wide at {:?}", number + 1, run.text, run.width.to_mm(), run.at);
                }
            }
        }
    }

    #[test]
    fn two_hundred_lines_have_heads_and_numbers_on_every_page() {
        let pages = pages(&samples::many_lines());
        assert!((5..=8).contains(&pages.len()), "{} pages", pages.len());
        for (place, page) in pages.iter().enumerate() {
            assert!(page.contains(&format!("Page {} of {}", place + 1, pages.len())), "{page}");
            assert!(page.contains("DESCRIPTION") && page.contains("Invoice 2026-0042"), "{page}");
        }
    }

    #[test]
    fn the_sums_and_the_day_of_payment_are_there() {
        let page = pages(&samples::twelve_lines()).concat();
        for text in [
            "Net total10,420.13",
            "Tax 0 % on 239.400.00",
            "Tax 7 % on 1,194.3883.61",
            "Tax 19 % on 8,986.351,707.41",
            "TotalEUR 12,211.15",
            "Please pay EUR 12,211.15 by 5 December 2026, quoting invoice 2026-0042, to:",
            "IBAN GB33",
            "ISSUE DATE21 November 2026",
            "14 days",
        ] {
            assert!(page.contains(text), "{text} is not in {page}");
        }
    }

    #[test]
    fn the_sums_stay_on_one_page() {
        let full = samples::many_lines();
        for count in 15..30 {
            let invoice = Invoice { lines: full.lines[..count].to_vec(), ..full.clone() };
            let pages = pages(&invoice);
            let together = pages.iter().filter(|page| page.contains("Net total") && page.contains("TotalEUR")).count();
            assert_eq!(together, 1, "with {count} lines");
        }
    }

    #[test]
    fn a_draft_says_so_and_asks_for_nothing() {
        let page = pages(&samples::draft()).concat();
        assert!(page.contains("Draft invoice") && page.contains("INVOICE NO.DRAFT"), "{page}");
        assert!(!page.contains("Please pay") && !page.contains("DUE DATE"), "{page}");
    }

    #[test]
    fn a_credit_in_yen_has_no_decimals_and_asks_for_nothing() {
        let page = pages(&samples::credit_in_yen()).concat();
        assert!(page.contains("TotalJPY −4,068,571"), "{page}");
        assert!(page.contains("a credit of JPY 4,068,571 in your favour"), "{page}");
        assert!(!page.contains("Please pay"), "{page}");
    }

    #[test]
    fn numbers_have_no_useless_zeros() {
        let cases = [(1_500, "1.5"), (1_000, "1"), (1, "0.001"), (2_000_000, "2,000"), (-1_250, "−1.25"), (0, "0")];
        for (value, text) in cases {
            assert_eq!(decimal(value, 3), text);
        }
        assert_eq!(percent(770), "7.7\u{a0}%");
    }

    #[test]
    fn a_long_address_keeps_all_its_words() {
        let text = (1..=9).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n\n");
        let lines = address(&text);
        assert_eq!(lines.len(), ADDRESS_LINES);
        assert_eq!(lines.last().unwrap(), "line 7, line 8, line 9");
        assert_eq!(address("1\tMill Lane \r\n\rOxford"), ["1    Mill Lane", "Oxford"]);
    }
}
