//! Writes the samples as PDFs into `target/tmp`, for people to look at.

mod samples;

use std::{fs, path::Path, time::Instant};

#[test]
fn every_sample_is_a_small_pdf() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    documents::invoice::render(&samples::draft()).unwrap();
    for (name, invoice) in samples::all() {
        let start = Instant::now();
        let pdf = documents::invoice::render(&invoice).unwrap();
        println!("{name}: {} bytes in {:?}", pdf.len(), start.elapsed());
        assert!(pdf.starts_with(b"%PDF-1.7") && pdf.ends_with(b"%%EOF"), "{name} is not a PDF");
        assert!(pdf.len() < 400_000, "{name} has {} bytes", pdf.len());
        fs::write(folder.join(format!("invoice-{name}.pdf")), pdf).unwrap();
    }
}
