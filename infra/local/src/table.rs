//! The embedded DynamoDB, with the table as the template describes it.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use dynoxide::{
    Database, DynoxideError,
    actions::{
        describe_table::DescribeTableRequest,
        update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest},
    },
};
use serde_json::Value;

use crate::{Clock, Error, template::Table};

/// Opens the table in a folder, or in memory. `handled` is the last stream record that needs no second look.
///
/// In a folder the store has no use for our clock: what a test has moved must not stay behind in a file.
pub(crate) fn open(folder: Option<&Path>, table: &Table, clock: &Clock, handled: Option<&str>) -> Result<Database, Error> {
    match folder {
        Some(folder) => {
            let file = folder.join("dynamodb.sqlite");
            let path = file.to_str().ok_or("the data folder's name is not UTF-8")?;
            let database = Database::new(path)?;
            create(&database, table)?;
            tidy(&file, handled)?;
            Ok(database)
        }
        None => {
            let database = Database::memory_with_clock(Arc::new(clock.clone()))?;
            create(&database, table)?;
            // Nobody else reaches a database in memory, so it goes through a file once
            let folder = tempfile::tempdir()?;
            let file = folder.path().join("empty.sqlite");
            let path = file.to_str().ok_or("the temporary folder's name is not UTF-8")?;
            database.vacuum_into(path)?;
            tidy(&file, None)?;
            database.restore_from(path)?;
            Ok(database)
        }
    }
}

fn create(database: &Database, table: &Table) -> Result<(), Error> {
    let described = database.describe_table(DescribeTableRequest { table_name: table.name.clone() });
    match described {
        Ok(answer) => {
            let there = serde_json::to_value(answer)?;
            if names(&there["Table"]) != names(&table.request) {
                return Err("the table in the data folder has other indexes than the template: \
                     remove the folder to start anew"
                    .into());
            }
        }
        Err(DynoxideError::ResourceNotFoundException(_)) => {
            database.create_table(serde_json::from_value(table.request.clone())?)?;
        }
        Err(error) => return Err(error.into()),
    }
    if let Some(attribute) = &table.expires {
        database.update_time_to_live(UpdateTimeToLiveRequest {
            table_name: table.name.clone(),
            time_to_live_specification: TimeToLiveSpecification { attribute_name: attribute.clone(), enabled: true },
        })?;
    }
    Ok(())
}

fn names(table: &Value) -> BTreeSet<&str> {
    let indexes = table["GlobalSecondaryIndexes"].as_array();
    let names = indexes.into_iter().flatten();
    names.filter_map(|index| index["IndexName"].as_str()).collect()
}

/// Keeps writes as fast as the first one.
///
/// For every write dynoxide looks for the greatest sequence number of the stream, and without this index it reads
/// all records there ever were. Records that have been handled go, so that the file does not grow for ever.
fn tidy(file: &Path, handled: Option<&str>) -> Result<(), Error> {
    let connection = rusqlite::Connection::open(file)?;
    connection.execute_batch(
        "CREATE INDEX IF NOT EXISTS local_stream_position
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )?;
    if let Some(handled) = handled.and_then(|handled| handled.parse::<i128>().ok()) {
        // Outside the store a sequence number has 21 digits, of which the first is a one that is not stored
        let stored = i64::try_from(handled - 100_000_000_000_000_000_000)?;
        connection.execute("DELETE FROM _stream_records WHERE CAST(sequence_number AS INTEGER) <= ?1", [stored])?;
    }
    Ok(())
}
