//! JSON from outside: read into what is wanted, and refused field by field in plain words.

use domain::{Error, Result, error::Fault};
use serde::de::DeserializeOwned;

/// Reads JSON and, where it does not fit, says for each field what is wrong with it.
pub fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // A list would be read as the fields in their order
    if bytes.trim_ascii_start().starts_with(b"[") && serde_json::from_slice::<serde_json::Value>(bytes).is_ok() {
        return Err(Error::invalid("", "is a list and not an object"));
    }
    let read = |bytes: &[u8]| serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_slice(bytes));
    let mut error = match read(bytes) {
        Ok(value) => {
            // The reader above stops at the end of the value; what follows it must be nothing
            return match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
                Ok(_) => Ok(value),
                Err(e) => Err(Error::Malformed(format!("the body is not JSON: {e}"))),
            };
        }
        Err(error) => error,
    };
    let mut rest: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| Error::Malformed(format!("the body is not JSON: {e}")))?;
    let mut faults: Vec<Fault> = Vec::new();
    // Each fault is taken out and the rest read again, until nothing more is wrong but what is missing
    for _ in 0..20 {
        let (field, message) = fault(&error);
        let message = plain_words(&message, rest.pointer(&field));
        if faults.iter().any(|known| known.field == field) {
            break;
        }
        let removed = remove(&mut rest, &field);
        faults.push(Fault { field, message });
        let Ok(bytes) = serde_json::to_vec(&rest) else { break };
        match read(&bytes) {
            Err(next) if removed => error = next,
            _ => break,
        }
    }
    Err(Error::Invalid(faults))
}

fn fault(error: &serde_path_to_error::Error<serde_json::Error>) -> (String, String) {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let text = error.inner().to_string();
    // The place in the text is of no use to somebody who sent a form
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned();
    let named = |prefix: &str| message.strip_prefix(prefix).and_then(|rest| rest.split('`').next()).map(str::to_owned);
    if let Some(name) = named("missing field `") {
        return (format!("{pointer}/{name}"), "is missing".to_owned());
    }
    if let Some(name) = named("duplicate field `") {
        return (format!("{pointer}/{name}"), "is given twice".to_owned());
    }
    if let Some(name) = named("unknown field `") {
        let end = format!("/{name}");
        let field = if pointer.ends_with(&end) { pointer } else { pointer + &end };
        return (field, "is not a field of this request".to_owned());
    }
    (pointer, message)
}

/// What serde says of a value that does not fit, in the words of whoever sent it. What our own types say is said already.
fn plain_words(message: &str, value: Option<&serde_json::Value>) -> String {
    use serde_json::Value;
    let found = match value {
        None | Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "true or false",
        Some(Value::Number(number)) if number.is_f64() => "a fraction",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "a text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    };
    let (problem, wanted) = message.split_once(", expected ").unwrap_or((message, ""));
    let is_number = |kind: char| wanted.strip_prefix(kind).is_some_and(|bits| bits.parse::<u8>().is_ok());
    match problem.split(' ').next().unwrap_or_default() {
        "unknown" => {
            let known: Vec<_> = wanted.split('`').skip(1).step_by(2).collect();
            format!("is {} {}", if known.len() == 1 { "not" } else { "none of" }, known.join(", "))
        }
        "invalid" if problem.starts_with("invalid value") => "is out of range".to_owned(),
        "invalid" | "expected" => match wanted {
            "a string" => format!("is {found} and not a text"),
            "a boolean" => format!("is {found} and not true or false"),
            "a sequence" => format!("is {found} and not a list"),
            "a map" => format!("is {found} and not an object"),
            _ if wanted.starts_with("struct ") => format!("is {found} and not an object"),
            _ if is_number('i') || is_number('u') => format!("is {found} and not a whole number"),
            _ if is_number('f') => format!("is {found} and not a number"),
            _ => format!("is {found}, which it cannot be"),
        },
        // What the reader of dates says of one
        "failed" | "parsed" | "parameter" => "is no such day or moment, as 2026-12-31 and 2026-12-31T17:00:00Z are".to_owned(),
        _ => message.to_owned(),
    }
}

fn remove(value: &mut serde_json::Value, pointer: &str) -> bool {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return false };
    match value.pointer_mut(parent) {
        Some(serde_json::Value::Object(fields)) => fields.remove(&last.replace("~1", "/").replace("~0", "~")).is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_does_not_fit_is_told_in_plain_words() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Kind {
            This,
            That,
            Other,
        }
        #[derive(Debug, serde::Deserialize)]
        enum Only {
            One,
        }
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(default)]
        struct Form {
            text: String,
            number: u16,
            fraction: f64,
            flag: bool,
            list: Vec<String>,
            map: BTreeMap<String, String>,
            kind: Option<Kind>,
            only: Option<Only>,
            inner: Option<Box<Form>>,
        }
        for (form, told) in [
            (r#"{"text":null}"#, "is null and not a text"),
            (r#"{"text":7}"#, "is a number and not a text"),
            (r#"{"text":1.5}"#, "is a fraction and not a text"),
            (r#"{"text":{}}"#, "is an object and not a text"),
            (r#"{"number":"7"}"#, "is a text and not a whole number"),
            (r#"{"number":1.5}"#, "is a fraction and not a whole number"),
            (r#"{"number":-7}"#, "is out of range"),
            (r#"{"number":70000}"#, "is out of range"),
            (r#"{"fraction":"x"}"#, "is a text and not a number"),
            (r#"{"flag":"yes"}"#, "is a text and not true or false"),
            (r#"{"list":{}}"#, "is an object and not a list"),
            (r#"{"map":[]}"#, "is a list and not an object"),
            (r#"{"inner":true}"#, "is true or false and not an object"),
            (r#"{"kind":"x"}"#, "is none of this, that, other"),
            (r#"{"only":"x"}"#, "is not One"),
        ] {
            let Err(Error::Invalid(faults)) = from_json::<Form>(form.as_bytes()) else { panic!("{form} was taken") };
            assert_eq!(faults[0].message, told, "{form}");
        }
    }
}
