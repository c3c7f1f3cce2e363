//! Feeds a function from the table's stream, as the event source mapping of Lambda does, and remembers how far it got.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use dynoxide::{
    Database,
    actions::{
        get_records::{GetRecordsRequest, Record},
        get_shard_iterator::GetShardIteratorRequest,
    },
    streams,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    Clock, Error,
    aws::{REGION, function_arn, table_stream_arn},
    function::Runtime,
    lock,
    queues::Queues,
    template::{ResponseType, Source, StreamEvent},
};

/// A record that fails is tried again after this long, then twice as long, up to the longest.
const BACKOFF: Duration = Duration::from_millis(10);
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);
/// Writes wake the stream; this is only for what comes without, and for the checkpoint.
const TICK: Duration = Duration::from_secs(1);

pub(crate) struct Stream {
    pub source: Source<StreamEvent>,
    pub table: String,
    pub database: Database,
    pub queues: Arc<Queues>,
    pub runtime: Arc<Runtime>,
    pub clock: Clock,
    /// Keeps `handled` between starts.
    pub checkpoint: Option<PathBuf>,
    /// Sequence number of the last record that is done with.
    pub handled: Mutex<Option<String>>,
}

/// How the record at the front has done so far.
#[derive(Default)]
struct Trouble {
    attempts: u32,
    /// Fewer records at a time, to find out which one it is.
    batch: Option<usize>,
}

impl Stream {
    pub async fn run(self: Arc<Self>, mut written: watch::Receiver<()>) {
        let mut trouble = Trouble::default();
        let mut saved = lock(&self.handled).clone();
        loop {
            self.runtime.released().await;
            written.mark_unchanged();
            let batch = trouble.batch.unwrap_or(self.source.event.batch_size);
            match self.read(batch) {
                Ok(records) if records.is_empty() => {
                    self.save(&mut saved);
                    let _ = tokio::time::timeout(TICK, written.changed()).await;
                }
                Ok(records) => self.handle(records, &mut trouble).await,
                Err(error) => {
                    tracing::error!(%error, "the stream cannot be read");
                    tokio::time::sleep(TICK).await;
                }
            }
        }
    }

    pub fn is_drained(&self) -> bool {
        self.read(1).is_ok_and(|records| records.is_empty())
    }

    fn read(&self, most: usize) -> Result<Vec<Record>, Error> {
        let handled = lock(&self.handled).clone();
        let kind = match handled {
            Some(_) => "AFTER_SEQUENCE_NUMBER",
            None => "TRIM_HORIZON",
        };
        let iterator = self
            .database
            .get_shard_iterator(GetShardIteratorRequest {
                // Only the table's name in it counts
                stream_arn: table_stream_arn(&self.table),
                shard_id: streams::shard_id(&self.table),
                shard_iterator_type: kind.to_owned(),
                sequence_number: handled,
            })?
            .shard_iterator
            .ok_or("the shard has no iterator")?;
        let read = self.database.get_records(GetRecordsRequest { shard_iterator: iterator, limit: Some(most) })?;
        Ok(read.records)
    }

    async fn handle(&self, records: Vec<Record>, trouble: &mut Trouble) {
        let numbers: Vec<_> = records.iter().map(|record| record.dynamodb.sequence_number.clone()).collect();
        let batch: Vec<_> = records.iter().map(|record| self.record(record)).collect();
        let StreamEvent { function_response_types, bisect_batch_on_function_error, maximum_retry_attempts, .. } = &self.source.event;
        let done = match self.runtime.event(&self.source.function, json!({ "Records": batch })).await {
            Ok(answer) if function_response_types.contains(&ResponseType::ReportBatchItemFailures) => done(&answer, &numbers),
            Ok(_) => numbers.len(),
            Err(_) => 0,
        };
        if done > 0 {
            *lock(&self.handled) = Some(numbers[done - 1].clone());
            *trouble = Trouble::default();
        }
        if done == numbers.len() {
            return;
        }
        if done == 0 && *bisect_batch_on_function_error && numbers.len() > 1 {
            trouble.batch = Some(numbers.len() / 2);
            return;
        }
        trouble.attempts += 1;
        let most = maximum_retry_attempts.and_then(|most| u32::try_from(most).ok());
        if done == 0 && most.is_some_and(|most| trouble.attempts > most) {
            self.give_up(&records[0], trouble.attempts);
            *lock(&self.handled) = Some(numbers[0].clone());
            *trouble = Trouble::default();
            return;
        }
        let factor = 1 << (trouble.attempts - 1).min(10);
        tokio::time::sleep((BACKOFF * factor).min(LONGEST_BACKOFF)).await;
    }

    fn record(&self, record: &Record) -> Value {
        let mut record = json!(record);
        record["eventSourceARN"] = table_stream_arn(&self.table).into();
        record["awsRegion"] = REGION.into();
        record
    }

    /// The failure as Lambda tells it, and the record with it, which in the cloud has to be looked up.
    fn give_up(&self, record: &Record, attempts: u32) {
        let Some(config) = &self.source.event.destination_config else { return };
        let queue = &config.on_failure.queue;
        let function = &self.source.function;
        let message = json!({
            "version": "1.0",
            "timestamp": self.clock.now(),
            "requestContext": {
                "functionArn": function_arn(function),
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": attempts,
            },
            "DDBStreamBatchInfo": {
                "shardId": streams::shard_id(&self.table),
                "startSequenceNumber": record.dynamodb.sequence_number,
                "endSequenceNumber": record.dynamodb.sequence_number,
                "batchSize": 1,
                "streamArn": table_stream_arn(&self.table),
            },
            "record": self.record(record),
        });
        if let Err(error) = self.queues.send(queue, &message.to_string(), 0, HashMap::new()) {
            tracing::error!(%error, queue, "a dead letter is lost");
        }
    }

    /// Queues are lost with the process, so a start goes back to when there was nothing in them.
    fn save(&self, saved: &mut Option<String>) {
        let handled = lock(&self.handled).clone();
        let (Some(file), Some(handled)) = (&self.checkpoint, handled) else {
            return;
        };
        if saved.as_ref() == Some(&handled) || !self.queues.are_empty() {
            return;
        }
        let draft = file.with_extension("new");
        let result = std::fs::write(&draft, &handled).and_then(|()| std::fs::rename(&draft, file));
        match result {
            Ok(()) => *saved = Some(handled),
            Err(error) => tracing::error!(%error, "the checkpoint is not saved"),
        }
    }
}

/// How many records from the front the function is done with. Lambda takes an answer it cannot read for a failure.
fn done(answer: &Value, numbers: &[String]) -> usize {
    let failures = answer["batchItemFailures"].as_array();
    let failures = failures.map(Vec::as_slice).unwrap_or_default();
    let positions = failures.iter().map(|failure| {
        let failed = failure["itemIdentifier"].as_str();
        let found = numbers.iter().position(|number| Some(number.as_str()) == failed);
        found.unwrap_or(0)
    });
    positions.min().unwrap_or(numbers.len())
}
