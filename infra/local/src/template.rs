//! What the template says, as values: the parts of `template.yaml` that decide what runs where.
//!
//! References are resolved: one to a function is the name of its binary, any other the resource's logical name.

use std::{collections::BTreeMap, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Value, json};

use crate::intrinsics::Intrinsics;

/// A template that cannot be run, and the resource that makes it so.
#[derive(Debug, thiserror::Error)]
#[error("template: {resource}: {problem}")]
pub struct TemplateError {
    pub resource: String,
    pub problem: String,
}

#[derive(Debug, Default)]
pub struct Template {
    pub table: Table,
    pub buckets: Vec<String>,
    pub queues: BTreeMap<String, Queue>,
    pub cors: Cors,
    pub socket: Socket,
    /// How long each function may take.
    pub timeouts: BTreeMap<String, Duration>,
    pub routes: Vec<Source<HttpEvent>>,
    pub consumers: Vec<Source<QueueEvent>>,
    /// One function at most: somebody has to know how far the stream has been followed.
    pub follower: Option<Source<StreamEvent>>,
    pub schedules: Vec<Source<ScheduleEvent>>,
    /// Environment of all functions.
    pub variables: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
pub struct Table {
    pub name: String,
    /// A CreateTable request, as CloudFormation and DynamoDB both write it.
    pub request: Value,
    /// The attribute that says when an item expires.
    pub expires: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Queue {
    /// In seconds.
    pub visibility_timeout: u64,
    pub redrive_policy: Option<RedrivePolicy>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { visibility_timeout: 30, redrive_policy: None }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedrivePolicy {
    #[serde(rename = "deadLetterTargetArn")]
    pub queue: String,
    pub max_receive_count: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Cors {
    pub allow_origins: Vec<String>,
    pub allow_methods: Vec<String>,
    pub allow_headers: Vec<String>,
    pub expose_headers: Vec<String>,
    pub max_age: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Socket {
    pub stage_name: String,
    /// By route key: `$connect`, `$disconnect`, `$default`, or the value of `action` in a message.
    pub routes: BTreeMap<String, SocketRoute>,
}

#[derive(Debug, Deserialize)]
pub struct SocketRoute {
    #[serde(rename = "FunctionArn")]
    pub function: String,
}

/// What calls a function.
#[derive(Debug)]
pub struct Source<E> {
    pub function: String,
    pub event: E,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HttpEvent {
    pub method: String,
    pub path: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct QueueEvent {
    pub queue: String,
    #[serde(default = "ten")]
    pub batch_size: usize,
    #[serde(default)]
    pub function_response_types: Vec<ResponseType>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamEvent {
    pub stream: String,
    #[serde(default = "hundred")]
    pub batch_size: usize,
    /// Without it, and with `-1`, a record is tried for ever.
    pub maximum_retry_attempts: Option<i64>,
    #[serde(default)]
    pub bisect_batch_on_function_error: bool,
    #[serde(default)]
    pub function_response_types: Vec<ResponseType>,
    pub destination_config: Option<DestinationConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DestinationConfig {
    pub on_failure: OnFailure,
}

#[derive(Debug, Deserialize)]
pub struct OnFailure {
    #[serde(rename = "Destination")]
    pub queue: String,
}

/// The function says which items of a batch failed; otherwise all are as good as the call.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub enum ResponseType {
    ReportBatchItemFailures,
}

#[derive(Debug, Deserialize)]
pub struct ScheduleEvent {
    #[serde(rename = "Schedule", deserialize_with = "rate")]
    pub every: Duration,
}

#[derive(Deserialize)]
#[serde(tag = "Type", content = "Properties")]
enum Event {
    HttpApi(HttpEvent),
    #[serde(rename = "SQS")]
    Queue(QueueEvent),
    #[serde(rename = "DynamoDB")]
    Stream(StreamEvent),
    Schedule(ScheduleEvent),
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct FunctionProperties {
    timeout: Option<u64>,
    environment: Environment,
    events: BTreeMap<String, Event>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Environment {
    variables: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HttpApiProperties {
    cors_configuration: Cors,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableProperties {
    attribute_definitions: Value,
    key_schema: Value,
    #[serde(default)]
    global_secondary_indexes: Vec<Value>,
    stream_specification: Option<Value>,
    time_to_live_specification: Option<Value>,
}

/// A section of the template, its name for errors, and what it says.
struct Section<'a> {
    name: &'a str,
    properties: Value,
}

impl Section<'_> {
    fn wrong(&self, problem: impl std::fmt::Display) -> TemplateError {
        TemplateError { resource: self.name.to_owned(), problem: problem.to_string() }
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, TemplateError> {
        T::deserialize(&self.properties).map_err(|error| self.wrong(error))
    }
}

impl Template {
    pub fn parse(yaml: &str) -> Result<Self, TemplateError> {
        let file = Section { name: "the file", properties: json!({}) };
        let document = serde_yaml_ng::from_str(yaml).map_err(|error| file.wrong(error))?;
        let intrinsics = Intrinsics::new(&document);
        let section = |name, value: Option<&serde_yaml_ng::Value>| match value.map(|value| intrinsics.resolve(value)) {
            Some(Ok(properties)) => Ok(Section { name, properties }),
            Some(Err(problem)) => Err(TemplateError { resource: name.to_owned(), problem }),
            None => Ok(Section { name, properties: json!({}) }),
        };
        let mut template = Self::default();

        let globals = section("Globals", document.get("Globals").and_then(|globals| globals.get("Function")))?;
        let globals: FunctionProperties = globals.read()?;
        template.variables.extend(globals.environment.variables);

        let mut functions = Vec::new();
        for (name, kind, resource) in intrinsics.resources() {
            let properties = || section(name, resource.get("Properties"));
            match kind {
                "AWS::DynamoDB::Table" => template.table = table(&properties()?)?,
                "AWS::S3::Bucket" => template.buckets.push(name.to_owned()),
                "AWS::SQS::Queue" => drop(template.queues.insert(name.to_owned(), properties()?.read()?)),
                "AWS::Serverless::HttpApi" => template.cors = properties()?.read::<HttpApiProperties>()?.cors_configuration,
                "AWS::Serverless::WebSocketApi" => template.socket = properties()?.read()?,
                "AWS::Serverless::Function" => functions.push(properties()?),
                // What the local stack does not run, such as alarms, may say what it likes
                _ => {}
            }
        }
        if template.table.name.is_empty() {
            return Err(file.wrong("it has no AWS::DynamoDB::Table"));
        }
        for (name, queue) in &template.queues {
            if let Some(policy) = &queue.redrive_policy {
                template.check_queue(&policy.queue, &Section { name, properties: json!({}) })?;
            }
        }
        // Functions name the queues and the table, so they come after all of them
        for function in functions {
            let binary = intrinsics.binary(function.name).map_err(|problem| function.wrong(problem))?;
            template.add_function(binary, &function, globals.timeout)?;
        }
        Ok(template)
    }

    fn add_function(&mut self, function: &str, section: &Section<'_>, timeout: Option<u64>) -> Result<(), TemplateError> {
        let properties: FunctionProperties = section.read()?;
        let timeout = Duration::from_secs(properties.timeout.or(timeout).unwrap_or(3));
        self.timeouts.insert(function.to_owned(), timeout);
        self.variables.extend(properties.environment.variables);
        for event in properties.events.into_values() {
            let function = function.to_owned();
            match event {
                Event::HttpApi(event) => self.routes.push(Source { function, event }),
                Event::Schedule(event) => self.schedules.push(Source { function, event }),
                Event::Queue(event) => {
                    self.check_queue(&event.queue, section)?;
                    self.consumers.push(Source { function, event });
                }
                Event::Stream(event) => {
                    if event.stream != self.table.name || self.table.request["StreamSpecification"].is_null() {
                        return Err(section.wrong(format!("{} has no stream", event.stream)));
                    }
                    if let Some(config) = &event.destination_config {
                        self.check_queue(&config.on_failure.queue, section)?;
                    }
                    if let Some(other) = self.follower.replace(Source { function, event }) {
                        return Err(section.wrong(format!("{} follows the stream already", other.function)));
                    }
                }
            }
        }
        Ok(())
    }

    fn check_queue(&self, queue: &str, section: &Section<'_>) -> Result<(), TemplateError> {
        if self.queues.contains_key(queue) { Ok(()) } else { Err(section.wrong(format!("{queue} is not a queue"))) }
    }
}

fn table(section: &Section<'_>) -> Result<Table, TemplateError> {
    let properties: TableProperties = section.read()?;
    let mut request = json!({
        "TableName": section.name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": properties.attribute_definitions,
        "KeySchema": properties.key_schema,
    });
    if !properties.global_secondary_indexes.is_empty() {
        request["GlobalSecondaryIndexes"] = properties.global_secondary_indexes.into();
    }
    if let Some(mut stream) = properties.stream_specification {
        stream["StreamEnabled"] = true.into();
        request["StreamSpecification"] = stream;
    }
    let expires = properties.time_to_live_specification.filter(|ttl| ttl["Enabled"] == true);
    let expires = expires.and_then(|ttl| ttl["AttributeName"].as_str().map(str::to_owned));
    Ok(Table { name: section.name.to_owned(), request, expires })
}

/// Reads `rate(5 minutes)`.
fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parse = || {
        let (count, unit) = text.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
        let minutes = match unit {
            "minute" | "minutes" => 1,
            "hour" | "hours" => 60,
            "day" | "days" => 24 * 60,
            _ => return None,
        };
        let count = count.parse::<u64>().ok().filter(|count| *count > 0)?;
        Some(Duration::from_secs(count * minutes * 60))
    };
    parse().ok_or_else(|| D::Error::custom(format!("{text:?} is not rate(n minutes)")))
}

fn ten() -> usize {
    10
}

fn hundred() -> usize {
    100
}
