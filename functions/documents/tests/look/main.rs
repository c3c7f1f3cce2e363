//! Writes the samples as PDFs into `target/tmp`, for people to look at.

mod samples;

use domain::billing::Invoice;
use std::{error::Error, fs, path::Path, time::Instant};

#[test]
fn every_sample_is_a_small_pdf() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // The first one pays for the fonts
    documents::invoice::render(&samples::draft())?;
    for (name, invoice) in samples::all() {
        let start = Instant::now();
        let pdf = documents::invoice::render(&invoice)?;
        println!("{name}: {} bytes in {:?}", pdf.len(), start.elapsed());
        assert!(pdf.starts_with(b"%PDF-1.7") && pdf.ends_with(b"%%EOF"), "{name} is not a PDF");
        assert!(pdf.len() < 400_000, "{name} has {} bytes", pdf.len());
        fs::write(folder.join(format!("invoice-{name}.pdf")), pdf)?;
    }
    Ok(())
}

#[test]
fn an_invoice_is_printed_in_the_colour_it_was_made_with() -> Result<(), Box<dyn Error>> {
    let plain = samples::draft();
    let red = Invoice { colour: Some("#8a1538".parse()?), ..plain.clone() };
    assert_ne!(documents::invoice::render(&plain)?, documents::invoice::render(&red)?);
    assert_eq!(documents::invoice::render(&red)?, documents::invoice::render(&red)?);
    Ok(())
}
