//! What a body may hold: every field of every operation, with something else in it than it wants.

use crate::cases::{Case, Objects, cases, objects, public_operations};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::{Answer, Person, World};

/// Words of those who wrote the reader, and not of those who read the answer.
const JARGON: [&str; 12] =
    ["invalid ", "expected ", "unknown ", "struct ", "tuple", "variant", "enum", "u8", "u16", "u32", "failed to", "`"];

/// The fields of a body as the document has them; none where it wants something else than JSON.
fn fields(document: &Value, case: &Case) -> BTreeMap<String, Value> {
    let operation = case.operation();
    let (method, path) = operation.split_once(' ').expect("a method and a path");
    let body = &document["paths"][path][method.to_lowercase()]["requestBody"]["content"]["application/json"]["schema"];
    let name = body["$ref"].as_str().and_then(|at| at.rsplit('/').next()).unwrap_or_default();
    let fields = document["components"]["schemas"][name]["properties"].as_object();
    fields.into_iter().flatten().map(|(name, field)| (name.clone(), field.clone())).collect()
}

/// The body that is taken, with one field replaced, asked as the case is.
async fn ask_with(case: &Case, person: &Person, objects: &Objects, field: &str, value: &Value) -> Answer {
    let fill = |text: &str| objects.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id));
    let mut body: Value = serde_json::from_str(&fill(case.body)).unwrap_or_else(|e| panic!("{}: {e}", case.request));
    body[field] = value.clone();
    let (method, path) = case.request.split_once(' ').expect("a method and a path");
    person.world.ask(person.request(method.parse().expect("a method"), &fill(path)).json(&body)).await
}

#[tokio::test]
async fn a_field_of_another_kind_is_refused_in_plain_words() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "owner").await;
    let objects = objects(&acme, &ben).await;
    let document = serde_json::to_value(local::openapi::document()).expect("a document");
    let public = public_operations();
    let mut refused = 0;
    for case in cases().filter(|case| !public.contains(&case.operation()) && !case.is_scim() && case.body.starts_with('{')) {
        for (field, _) in fields(&document, &case) {
            for value in
                [json!(null), json!(true), json!(-7), json!(1.5), json!("\u{7}"), json!([]), json!({}), json!([[{}]]), json!({ "x": [] })]
            {
                let answer = ask_with(&case, &ben, &objects, &field, &value).await;
                assert!(!answer.status.is_server_error(), "{} {field}: {value} was answered with {}", case.request, answer.text);
                for error in answer.json["errors"].as_array().into_iter().flatten() {
                    let message = error["message"].as_str().expect("a message");
                    let said = JARGON.iter().find(|word| message.contains(**word));
                    assert!(said.is_none(), "{} {field}: {value} is refused with “{message}”", case.request);
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 500, "{refused} refusals say little");
}

#[tokio::test]
async fn null_takes_away_what_can_be_taken_away_and_is_refused_elsewhere() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "owner").await;
    let objects = objects(&acme, &ben).await;
    let document = serde_json::to_value(local::openapi::document()).expect("a document");
    let mut counted = (0, 0);
    for case in cases().filter(|case| case.request.starts_with("PATCH") && !case.is_scim()) {
        for (field, schema) in fields(&document, &case) {
            let optional = schema["type"].as_array().into_iter().chain(schema["oneOf"].as_array()).flatten();
            let nullable = optional.into_iter().any(|kind| *kind == "null" || kind["type"] == "null");
            let answer = ask_with(&case, &ben, &objects, &field, &Value::Null).await;
            let errors = answer.json["errors"].as_array();
            let is_null =
                errors.into_iter().flatten().any(|error| error["message"].as_str().is_some_and(|text| text.starts_with("is null")));
            assert_eq!(is_null, !nullable, "{} {field} was answered with {}", case.request, answer.text);
            if nullable { counted.0 += 1 } else { counted.1 += 1 }
        }
    }
    assert!(counted.0 > 15 && counted.1 > 30, "{counted:?}");
}
