//! One line for each piece of work, in CloudWatch's embedded metric format: an entry to search and figures to draw, without a call.

use domain::Timestamp;
use serde_json::{Value, json};
use std::io::Write;

/// A figure the alarms and the dashboard read: name, unit, value.
type Metric = (&'static str, &'static str, f64);

/// Writes the line of one piece of work. What is not run by Lambda has no name and writes nothing.
pub(crate) fn record(function: Option<&str>, began: Timestamp, ended: Timestamp, metrics: &[Metric], line: Value) {
    if let Some(function) = function {
        let line = format!("{}\n", entry(function, began, ended, metrics, line));
        // Written at once, so that no other line gets between; a log that cannot be written is not the caller's fault
        let _ = std::io::stdout().write_all(line.as_bytes());
    }
}

fn entry(function: &str, began: Timestamp, ended: Timestamp, metrics: &[Metric], mut line: Value) -> Value {
    let duration = ("Duration", "Milliseconds", ended.duration_since(began).as_secs_f64() * 1000.0);
    let names: Vec<_> = metrics.iter().chain([&duration]).map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    for (name, _, value) in metrics.iter().chain([&duration]) {
        line[name] = json!(value);
    }
    line["Function"] = json!(function);
    line["timestamp"] = json!(ended);
    line["level"] = json!("INFO");
    line["_aws"] = json!({
        "Timestamp": ended.as_millisecond(),
        "CloudWatchMetrics": [{ "Namespace": "OfficeCopilot", "Dimensions": [["Function"]], "Metrics": names }],
    });
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_that_is_declared_has_its_value_beside_it() {
        let began = Timestamp::from_millisecond(1_767_225_600_000).unwrap_or_default();
        let ended = began + jiff::SignedDuration::from_millis(12);
        let entry = entry("tasks", began, ended, &[("Requests", "Count", 1.0)], json!({ "request": "a\nb" }));
        let declared = entry["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().cloned().unwrap_or_default();
        let values: Vec<_> = declared.iter().map(|metric| &entry[metric["Name"].as_str().unwrap_or_default()]).collect();
        assert_eq!(values, [&json!(1.0), &json!(12.0)]);
        assert_eq!(entry["Function"], "tasks");
        assert_eq!(entry["_aws"]["Timestamp"], 1_767_225_600_012_i64);
        assert!(!entry.to_string().contains('\n'), "one line for one piece of work");
    }
}
