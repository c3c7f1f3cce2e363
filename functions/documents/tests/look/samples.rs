//! Invoices to look at: the plain one, and those that try to break the page.

use domain::{
    billing::{Invoice, InvoiceLine, InvoiceStatus, Party, total},
    id::{ClientId, InvoiceId},
    money::{Currency, rounded},
};
use jiff::{Timestamp, civil::date};
use std::str::FromStr;

fn parsed<T: FromStr>(text: &str) -> T {
    match text.parse() {
        Ok(value) => value,
        Err(_) => unreachable!("{text} is within the rules"),
    }
}

/// Description, quantity in thousandths, unit, unit price, discount and tax rate in hundredths of a per cent.
type Line<'a> = (&'a str, i64, &'a str, i64, u32, u32);

const WORK: [Line; 12] = [
    ("Workshop: brand strategy and positioning, with the whole team in Oxford", 1_500, "day", 128_000, 0, 1_900),
    ("Concept and art direction", 18_250, "hour", 9_500, 0, 1_900),
    ("Illustrations for the spring campaign", 6_000, "piece", 24_000, 1_000, 1_900),
    ("Copywriting", 12_000, "hour", 8_500, 0, 1_900),
    ("Translation from English into German and French, including proof-reading by a second translator", 4_210_000, "word", 18, 0, 1_900),
    ("Printed brochure, 24 pages", 500_000, "copy", 189, 250, 700),
    ("Photography on location", 2_000, "day", 96_000, 0, 1_900),
    ("Travel by train, at cost", 1_000, "trip", 23_940, 0, 0),
    ("Hosting", 12_000, "month", 1_990, 0, 1_900),
    ("Set-up of the newsletter", 1_000, "lump sum", 45_000, 0, 1_900),
    ("Picture licences", 7_000, "piece", 3_900, 0, 700),
    ("Credit for the cancelled poster", 1_000, "piece", -35_000, 0, 1_900),
];

pub fn invoice(lines: &[Line]) -> Invoice {
    let made: Timestamp = parsed("2026-11-20T09:00:00Z");
    let lines: Vec<_> = lines
        .iter()
        .map(|&(description, quantity_milli, unit, unit_price, discount, tax_rate)| InvoiceLine {
            description: parsed(description),
            quantity_milli,
            unit: parsed(unit),
            unit_price,
            discount,
            tax_rate,
            net: rounded(i128::from(quantity_milli) * i128::from(unit_price) * i128::from(10_000 - discount), 10_000_000) as i64,
        })
        .collect();
    Invoice {
        id: InvoiceId::new(made, 1),
        status: InvoiceStatus::Issued,
        number: Some("2026-0042".to_owned()),
        client: ClientId::new(made, 2),
        seller: Party {
            name: parsed("Nordlicht Studio Ltd"),
            address: parsed("1 Mill Lane\nOxford OX1 1AA\nUnited Kingdom"),
            email: Some(parsed("accounts@nordlicht.example")),
            phone: Some(parsed("+44 20 7946 0000")),
            tax_number: Some(parsed("GB 987 654 321")),
            bank: Some(parsed("IBAN GB33 BUKB 2020 1555 5555 55 · BIC BUKBGB22")),
        },
        buyer: Party {
            name: parsed("Bäckerei Hölzl & Söhne GmbH"),
            address: parsed("Frau Mia Brandstätter\nMaximilianstraße 12\n80539 München\nGermany"),
            email: Some(parsed("office@hoelzl.example")),
            phone: None,
            tax_number: Some(parsed("DE 123 456 789")),
            bank: None,
        },
        currency: Currency::Eur,
        totals: total(&lines),
        lines,
        term_days: 14,
        colour: None,
        issued_on: Some(date(2026, 11, 21)),
        due_on: Some(date(2026, 12, 5)),
        zone: parsed("Europe/London"),
        notes: Some(parsed("Thank you for the good work together.\nIBAN: GB33 BUKB 2020 1555 5555 55")),
        pdf: None,
        created_at: made,
        version: 2,
    }
}

pub fn one_line() -> Invoice {
    Invoice { notes: None, ..invoice(&WORK[..1]) }
}

pub fn twelve_lines() -> Invoice {
    invoice(&WORK)
}

pub fn many_lines() -> Invoice {
    let lines: Vec<_> = WORK.into_iter().cycle().take(200).collect();
    invoice(&lines)
}

pub fn draft() -> Invoice {
    Invoice { status: InvoiceStatus::Draft, number: None, issued_on: None, due_on: None, ..invoice(&WORK[..4]) }
}

pub fn credit_in_yen() -> Invoice {
    let lines = [("Returned lamps", 3_000, "piece", -1_234_567, 0, 1_000), ("Handling", 1_000, "piece", 5_000, 0, 1_000)];
    Invoice { currency: Currency::Jpy, ..invoice(&lines) }
}

pub const HOSTILE: [&str; 8] = [
    "#read(\"/etc/passwd\")",
    "*bold* _it_ $x^2$ `raw` <label> @ref",
    "\\ \\u{41} // comment /* none */ -- ~ ...",
    "\"quoted\" 'single' #panic(\"no\") ]] }} ((",
    "= Heading 1. + - item",
    "שלום עולם",
    "مرحبا بالعالم",
    "🎉 café 漢字",
];

pub fn hostile() -> Invoice {
    let lines: Vec<_> = HOSTILE.iter().map(|text| (*text, 1_000, "#u_n*i*t$", 100, 0, 1_900)).collect();
    let mut invoice = invoice(&lines);
    invoice.buyer.name = parsed(HOSTILE[0]);
    invoice.buyer.address = parsed(&format!("{}\n{}\n{}", HOSTILE[1], HOSTILE[2], HOSTILE[3]));
    invoice.seller.name = parsed("#let x = \"1\" & *Sons*");
    invoice.notes = Some(parsed(&HOSTILE.join("\n")));
    invoice
}

/// Everything as long and as wide as the rules allow.
pub fn wide() -> Invoice {
    let word = "W".repeat(200);
    let unit = "Donaudampfschifffahrtskapitänspatentjahr";
    let lines = [
        (word.as_str(), 1_000_000_000, unit, -1_000_000_000, 1_225, 1_925),
        ("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", 999_999_999, unit, 999_999_999, 10_000, 770),
        ("https://example.com/a/very/long/address?with=a&query=that-goes-on-and-on-and-on-and-never-ends", 1, "h", 1_000_000_000_000, 0, 0),
    ];
    let mut invoice = invoice(&lines);
    invoice.seller.name = parsed(&word);
    invoice.seller.address = parsed(&"W".repeat(500));
    invoice.seller.tax_number = Some(parsed(&"W".repeat(40)));
    invoice.buyer.name = parsed(&word);
    invoice.buyer.address = parsed(&"W\n".repeat(250));
    invoice.buyer.tax_number = Some(parsed(&"W".repeat(40)));
    invoice.notes = Some(parsed(&format!("{}\n\n{}", "W".repeat(1_000), "long text ".repeat(600))));
    invoice
}

/// Long names as they are, with every detail of both sides.
pub fn long_names() -> Invoice {
    let mut invoice = invoice(&WORK[..5]);
    invoice.seller.name = parsed("Rechtsanwälte Freiherr von Hohenstein-Wartenberg, Özdemir & Partner mbB");
    invoice.seller.email = Some(parsed("kanzlei@hohenstein-wartenberg.example"));
    invoice.seller.tax_number = Some(parsed("DE 987 654 321"));
    invoice.buyer.name = parsed("The Worshipful Company of Spectacle Makers and Instrument Builders of the City of London");
    invoice.buyer.address = parsed("Attn. Department of Finance\nApothecaries' Hall\nBlack Friars Lane\nLondon EC4V 6EL\nUnited Kingdom");
    invoice
}

pub fn all() -> Vec<(&'static str, Invoice)> {
    vec![
        ("one", one_line()),
        ("twelve", twelve_lines()),
        ("many", many_lines()),
        ("draft", draft()),
        ("yen", credit_in_yen()),
        ("hostile", hostile()),
        ("wide", wide()),
        ("names", long_names()),
    ]
}
