//! Invoices to look at: the plain one, and those that try to break the page.

use domain::{
    billing::{Invoice, InvoiceLine, InvoiceStatus, Party, total},
    id::{ClientId, InvoiceId},
    money::{Currency, rounded},
};
use jiff::civil::date;

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
    let made = "2026-11-20T09:00:00Z".parse().unwrap();
    let lines: Vec<_> = lines
        .iter()
        .map(|&(description, quantity_milli, unit, unit_price, discount, tax_rate)| InvoiceLine {
            description: description.parse().unwrap(),
            quantity_milli,
            unit: unit.parse().unwrap(),
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
            name: "Nordlicht Studio Ltd".parse().unwrap(),
            address: "1 Mill Lane\nOxford OX1 1AA\nUnited Kingdom".parse().unwrap(),
            email: None,
            phone: Some("+44 20 7946 0000".parse().unwrap()),
            tax_number: None,
        },
        buyer: Party {
            name: "Bäckerei Hölzl & Söhne GmbH".parse().unwrap(),
            address: "Frau Mia Brandstätter\nMaximilianstraße 12\n80539 München\nGermany".parse().unwrap(),
            email: Some("office@hoelzl.example".parse().unwrap()),
            phone: None,
            tax_number: Some("DE 123 456 789".parse().unwrap()),
        },
        currency: Currency::Eur,
        totals: total(&lines),
        lines,
        term_days: 14,
        issued_on: Some(date(2026, 11, 21)),
        due_on: Some(date(2026, 12, 5)),
        zone: "Europe/London".parse().unwrap(),
        notes: Some("Thank you for the good work together.\nIBAN: GB33 BUKB 2020 1555 5555 55".parse().unwrap()),
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
    invoice.buyer.name = HOSTILE[0].parse().unwrap();
    invoice.buyer.address = format!("{}\n{}\n{}", HOSTILE[1], HOSTILE[2], HOSTILE[3]).parse().unwrap();
    invoice.seller.name = "#let x = \"1\" & *Sons*".parse().unwrap();
    invoice.notes = Some(HOSTILE.join("\n").parse().unwrap());
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
    invoice.seller.name = word.parse().unwrap();
    invoice.seller.address = "W".repeat(500).parse().unwrap();
    invoice.seller.tax_number = Some("W".repeat(40).parse().unwrap());
    invoice.buyer.name = word.parse().unwrap();
    invoice.buyer.address = "W\n".repeat(250).parse().unwrap();
    invoice.buyer.tax_number = Some("W".repeat(40).parse().unwrap());
    invoice.notes = Some(format!("{}\n\n{}", "W".repeat(1_000), "long text ".repeat(600)).parse().unwrap());
    invoice
}

/// Long names as they are, with every detail of both sides.
pub fn long_names() -> Invoice {
    let mut invoice = invoice(&WORK[..5]);
    invoice.seller.name = "Rechtsanwälte Freiherr von Hohenstein-Wartenberg, Özdemir & Partner mbB".parse().unwrap();
    invoice.seller.email = Some("kanzlei@hohenstein-wartenberg.example".parse().unwrap());
    invoice.seller.tax_number = Some("DE 987 654 321".parse().unwrap());
    invoice.buyer.name = "The Worshipful Company of Spectacle Makers and Instrument Builders of the City of London".parse().unwrap();
    invoice.buyer.address =
        "Attn. Department of Finance\nApothecaries' Hall\nBlack Friars Lane\nLondon EC4V 6EL\nUnited Kingdom".parse().unwrap();
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
