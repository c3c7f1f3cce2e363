//! Clients, invoices, numbers without a gap, and the paper.

use serde_json::{Value, json};
use tests::{Organization, World};

async fn client(acme: &Organization) -> String {
    let draft =
        json!({ "name": "Rose & Sons", "email": "rose@example.com", "address": "2 High Street\nOxford", "tax_number": "GB123456789" });
    acme.owner.post("/api/v1/clients", draft).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn draft(acme: &Organization, client: &str) -> Value {
    let lines = json!([
        { "description": "Garden design", "quantity_milli": 1_500, "unit": "hour", "unit_price": 9_500, "tax_rate": 1_900 },
        { "description": "Plants", "quantity_milli": 3_000, "unit": "piece", "unit_price": 333, "discount": 1_000, "tax_rate": 1_900 },
        { "description": "Book", "quantity_milli": 1_000, "unit": "piece", "unit_price": 1_999, "tax_rate": 700 }
    ]);
    acme.owner
        .post("/api/v1/invoices", json!({ "client": client, "lines": lines, "term_days": 14, "notes": "Thank you." }))
        .await
        .expect(201)
}

fn path(invoice: &Value, rest: &str) -> String {
    format!("/api/v1/invoices/{}{rest}", invoice["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_issued_invoice_has_a_number_a_due_date_and_a_paper() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let invoice = draft(&acme, &client(&acme).await).await;
    assert_eq!(
        (&invoice["totals"]["net"], &invoice["totals"]["tax"], &invoice["totals"]["gross"]),
        (&json!(17_148), &json!(3_018), &json!(20_166))
    );
    acme.owner.get(&path(&invoice, "/pdf")).await.refused(409, "conflict");

    let issued = acme.owner.post(&path(&invoice, "/issue"), json!({})).await.expect(200);
    let year = world.now().await.to_zoned(jiff::tz::TimeZone::UTC).year();
    assert_eq!(issued["number"], format!("{year}-0001"));
    acme.owner.post(&path(&invoice, "/issue"), json!({})).await.refused(409, "conflict");

    world.idle().await;
    let link = acme.owner.get(&path(&invoice, "/pdf")).await.expect(200);
    let pdf = world.http().get(link["url"].as_str().unwrap()).send().await.unwrap().bytes().await.unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    let kept = acme.owner.get(&path(&invoice, "")).await.expect(200);
    assert_eq!(kept["pdf"], json!({ "bytes": pdf.len(), "sha256": backend::secrets::sha256(&pdf) }));
}

#[tokio::test]
async fn numbers_have_no_gap_and_no_double_however_many_issue_at_once() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let client = client(&acme).await;
    let mut issues = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (invoice, owner) = (draft(&acme, &client).await, acme.owner.clone());
        issues.spawn(
            async move { owner.post(&path(&invoice, "/issue"), json!({})).await.expect(200)["number"].as_str().unwrap().to_owned() },
        );
    }
    let mut numbers = issues.join_all().await;
    numbers.sort();
    let year = world.now().await.to_zoned(jiff::tz::TimeZone::UTC).year();
    assert_eq!(numbers, (1..=12).map(|n| format!("{year}-{n:04}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_line_that_cannot_be_is_named() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let client = client(&acme).await;
    let good = json!({ "description": "x", "quantity_milli": 1, "unit": "h", "unit_price": 1 });
    for (field, value) in [
        ("quantity_milli", json!(0)),
        ("discount", json!(10_001)),
        ("tax_rate", json!(10_001)),
        ("unit_price", json!(2_000_000_000_000i64)),
        ("unit_price", json!(1.5)),
        ("unit_price", json!("1")),
    ] {
        let mut line = good.clone();
        line[field] = value;
        let asked = json!({ "client": client, "lines": [good.clone(), line] });
        acme.owner.post("/api/v1/invoices", asked).await.refused_fields(&[&format!("/lines/1/{field}")]);
    }
    acme.owner.post("/api/v1/invoices", json!({ "client": client, "lines": [] })).await.refused_fields(&["/lines"]);
}
