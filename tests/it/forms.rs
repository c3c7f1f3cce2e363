//! What several parts of the specification fill in.

use serde_json::{Value, json};
use tests::Organization;

pub fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("{value} has no id")).to_owned()
}

pub async fn client(acme: &Organization) -> String {
    let draft = json!({ "name": "Rose", "email": "rose@example.com", "address": "2 High Street" });
    id(&acme.owner.post("/api/v1/clients", draft).await.expect(201))
}

pub fn line() -> Value {
    json!({ "description": "x", "quantity_milli": 1_000, "unit": "h", "unit_price": 100 })
}

/// A body with one field more, or another.
pub fn with(body: &Value, field: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[field] = value;
    body
}
