//! The one table: reads, queries, and transactions that turn a failed condition into the right answer.

use crate::keys::{self, Bounds, Key, Place, Range, Tenant};
use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, ConditionCheck, Delete, DeleteRequest, KeysAndAttributes, Put, PutRequest, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, WriteRequest,
    },
};
use domain::{
    Error, Result,
    account::{Credentials, EmailOwner, User},
    commit::{Change, Kept, Record, Write},
    limits,
    passkey::Passkey,
    second_factor::SecondFactor,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::HashMap, error::Error as StdError, time::Duration};

pub(crate) type Item = HashMap<String, AttributeValue>;

#[derive(Clone)]
pub(crate) struct Table {
    client: Client,
    name: String,
}

pub(crate) fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

pub(crate) fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|value| value.parse().ok())
}

pub(crate) fn parse<R: DeserializeOwned>(item: Item) -> Result<R> {
    serde_dynamo::from_item(item).map_err(Error::internal)
}

/// Something wrong with the store is worth another try later; something wrong with what we asked is our fault.
pub(crate) fn failed<E, R>(error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let busy = match &error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(service) => matches!(
            service.err().code(),
            Some(
                "ProvisionedThroughputExceededException"
                    | "ThrottlingException"
                    | "RequestLimitExceeded"
                    | "InternalServerError"
                    | "TransactionInProgressException"
            )
        ),
        _ => false,
    };
    if busy { Error::Busy(Box::new(error)) } else { Error::internal(error) }
}

/// A page of items, and whether there are more.
pub(crate) struct Found {
    pub(crate) items: Vec<Item>,
    pub(crate) more: Option<Item>,
}

/// How a query walks its range.
pub(crate) struct Walk {
    pub(crate) descending: bool,
    pub(crate) limit: usize,
    pub(crate) after: Option<Item>,
}

/// What one transaction came to.
pub(crate) enum Outcome {
    Done,
    /// The condition of this write did not hold; what stood there instead.
    Refused {
        write: usize,
        present: Option<Item>,
    },
}

impl Table {
    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    fn key<R>(key: Key<R>) -> Item {
        HashMap::from([("pk".to_owned(), string(key.pk)), ("sk".to_owned(), string(key.sk))])
    }

    pub(crate) async fn get<R: Kept>(&self, key: Key<R>) -> Result<Option<R>> {
        self.get_item(key).await?.map(parse).transpose()
    }

    pub(crate) async fn get_item<R>(&self, key: Key<R>) -> Result<Option<Item>> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(Self::key(key))).consistent_read(true);
        Ok(request.send().await.map_err(failed)?.item)
    }

    /// Reads several keys in one call; what is absent is absent from the answer, which has no order.
    pub(crate) async fn get_items(&self, keys: Vec<Item>) -> Result<Vec<Item>> {
        let mut found = Vec::with_capacity(keys.len());
        let mut wanted = keys;
        for _ in 0..limits::RACE_TRIES {
            if wanted.is_empty() {
                return Ok(found);
            }
            let rest = wanted.split_off(wanted.len().min(100));
            let ask = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build().map_err(Error::internal)?;
            let answer = self.client.batch_get_item().request_items(&self.name, ask).send().await.map_err(failed)?;
            found.extend(answer.responses.into_iter().flatten().flat_map(|(_, items)| items));
            wanted = answer.unprocessed_keys.into_iter().flatten().flat_map(|(_, keys)| keys.keys).chain(rest).collect();
        }
        Err(Error::Busy("the table left keys unread".into()))
    }

    pub(crate) async fn query<R>(&self, range: &Range<R>, walk: Walk) -> Result<Found> {
        let (index, pk, sk) = range.index.names();
        let mut request = self
            .client
            .query()
            .table_name(&self.name)
            .set_index_name(index.map(str::to_owned))
            .expression_attribute_names("#p", pk)
            .expression_attribute_values(":p", string(&range.pk))
            .scan_index_forward(!walk.descending)
            .limit(i32::try_from(walk.limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(walk.after);
        // An index has no consistent copy to read from
        if index.is_none() {
            request = request.consistent_read(true);
        }
        request = match &range.bounds {
            Bounds::Prefix(prefix) if prefix.is_empty() => request.key_condition_expression("#p = :p"),
            Bounds::Prefix(prefix) => request
                .key_condition_expression("#p = :p AND begins_with(#s, :s)")
                .expression_attribute_names("#s", sk)
                .expression_attribute_values(":s", string(prefix)),
            Bounds::Between(from, to) => request
                .key_condition_expression("#p = :p AND #s BETWEEN :s AND :t")
                .expression_attribute_names("#s", sk)
                // An empty key is none; a space sorts before all that we write
                .expression_attribute_values(":s", string(if from.is_empty() { " " } else { from }))
                .expression_attribute_values(":t", string(to)),
        };
        let answer = request.send().await.map_err(failed)?;
        Ok(Found { items: answer.items.unwrap_or_default(), more: answer.last_evaluated_key.filter(|key| !key.is_empty()) })
    }

    /// Adds to a counter that is forgotten at `expires`, and returns what it now says.
    pub(crate) async fn count(&self, key: Key<()>, more: i8, expires: i64) -> Result<u64> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(Self::key(key)))
            .update_expression("ADD #n :more SET #e = :e")
            .expression_attribute_names("#n", "n")
            .expression_attribute_names("#e", "expires")
            .expression_attribute_values(":more", AttributeValue::N(more.to_string()))
            .expression_attribute_values(":e", AttributeValue::N(expires.to_string()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(failed)?;
        Ok(answer.attributes.as_ref().and_then(|item| number(item, "n")).unwrap_or_default())
    }

    /// Keeps a record that belongs to no organisation.
    pub(crate) async fn put<R: Kept>(&self, key: Key<R>, record: &R) -> Result<()> {
        let item = with_place(fields(record)?, R::KIND, key.into());
        self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await.map_err(failed)?;
        Ok(())
    }

    /// Puts and removals that nothing else depends on, in batches, each by itself.
    pub(crate) async fn write_each(&self, tenant: &Tenant, writes: Vec<Write>) -> Result<()> {
        let mut rest = Vec::with_capacity(writes.len());
        for write in &writes {
            rest.push(match write {
                Write::Remove(record) => {
                    let Place { pk, sk, .. } = keys::place(tenant, record);
                    let delete = DeleteRequest::builder().key("pk", string(pk)).key("sk", string(sk)).build().map_err(Error::internal)?;
                    WriteRequest::builder().delete_request(delete).build()
                }
                other => {
                    let put = PutRequest::builder().set_item(Some(item_of(tenant, other.record())?)).build().map_err(Error::internal)?;
                    WriteRequest::builder().put_request(put).build()
                }
            });
        }
        self.write_batches(rest).await
    }

    /// Removes records wherever they are; those that are not there are gone already. Each key is named once.
    pub(crate) async fn remove_each(&self, mut keys: Vec<(String, String)>) -> Result<()> {
        keys.sort();
        keys.dedup();
        let request = |(pk, sk): (String, String)| {
            let delete = DeleteRequest::builder().key("pk", string(pk)).key("sk", string(sk)).build();
            delete.map(|delete| WriteRequest::builder().delete_request(delete).build()).map_err(Error::internal)
        };
        self.write_batches(keys.into_iter().map(request).collect::<Result<_>>()?).await
    }

    async fn write_batches(&self, mut rest: Vec<WriteRequest>) -> Result<()> {
        for _ in 0..rest.len() / 25 + limits::RACE_TRIES {
            if rest.is_empty() {
                return Ok(());
            }
            let later = rest.split_off(rest.len().min(25));
            let answer = self.client.batch_write_item().request_items(&self.name, rest).send().await.map_err(failed)?;
            rest = answer.unprocessed_items.into_iter().flatten().flat_map(|(_, writes)| writes).chain(later).collect();
        }
        Err(Error::Busy("the table left writes undone".into()))
    }

    pub(crate) fn write(&self, tenant: &Tenant, write: &Write) -> Result<TransactWriteItem> {
        let record = write.record();
        let all_old = ReturnValuesOnConditionCheckFailure::AllOld;
        let put = |condition: Option<&str>, seen: Option<u64>| -> Result<TransactWriteItem> {
            let mut put = Put::builder().table_name(&self.name).set_item(Some(item_of(tenant, record)?));
            if let Some(condition) = condition {
                put = put.condition_expression(condition).return_values_on_condition_check_failure(all_old.clone());
            }
            if let Some(seen) = seen {
                put = put.expression_attribute_values(":seen", AttributeValue::N(seen.to_string()));
            }
            Ok(TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build())
        };
        let delete = |condition: Option<&str>, seen: Option<u64>| -> Result<TransactWriteItem> {
            let Place { pk, sk, .. } = keys::place(tenant, record);
            let key = HashMap::from([("pk".to_owned(), string(pk)), ("sk".to_owned(), string(sk))]);
            let mut delete = Delete::builder().table_name(&self.name).set_key(Some(key));
            if let Some(condition) = condition {
                delete = delete.condition_expression(condition).return_values_on_condition_check_failure(all_old.clone());
            }
            if let Some(seen) = seen {
                delete = delete.expression_attribute_values(":seen", AttributeValue::N(seen.to_string()));
            }
            Ok(TransactWriteItem::builder().delete(delete.build().map_err(Error::internal)?).build())
        };
        match write {
            Write::Create(_) => put(Some("attribute_not_exists(pk)"), None),
            Write::Replace { seen, .. } => put(Some("version = :seen"), Some(*seen)),
            Write::Delete { seen, .. } => delete(Some("version = :seen"), Some(*seen)),
            Write::Hold { seen, .. } => {
                let Place { pk, sk, .. } = keys::place(tenant, record);
                let check = ConditionCheck::builder()
                    .table_name(&self.name)
                    .key("pk", string(pk))
                    .key("sk", string(sk))
                    .condition_expression("version = :seen")
                    .expression_attribute_values(":seen", AttributeValue::N(seen.to_string()))
                    .return_values_on_condition_check_failure(all_old);
                Ok(TransactWriteItem::builder().condition_check(check.build().map_err(Error::internal)?).build())
            }
            Write::Take(_) => delete(Some("attribute_exists(pk)"), None),
            Write::Put(_) => put(None, None),
            Write::Remove(_) => delete(None, None),
        }
    }

    /// `heard` is whether a webhook may hear of it, for whoever follows the stream; it is no part of what was changed.
    pub(crate) fn write_change(&self, tenant: &Tenant, change: &Change, heard: bool) -> Result<TransactWriteItem> {
        let mut item = with_place(fields(change)?, "change", keys::change_place(tenant, change));
        if heard {
            item.insert("heard".to_owned(), AttributeValue::Bool(true));
        }
        let put = Put::builder().table_name(&self.name).set_item(Some(item)).build().map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Puts a plain item where none may stand yet.
    pub(crate) fn write_once(&self, key: Key<()>, kind: &str, item: Item) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(with_place(item, kind, key.into())))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    pub(crate) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<Outcome> {
        if writes.len() > limits::TRANSACTION {
            return Err(Error::internal("a commit has more writes than a transaction takes"));
        }
        for attempt in 0..limits::RACE_TRIES as u32 {
            let error = match self.client.transact_write_items().set_transact_items(Some(writes.clone())).send().await {
                Ok(_) => return Ok(Outcome::Done),
                Err(error) => error,
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
                return Err(failed(error));
            };
            let reasons = canceled.cancellation_reasons();
            if let Some(write) = reasons.iter().position(|reason| reason.code() == Some("ConditionalCheckFailed")) {
                return Ok(Outcome::Refused { write, present: reasons[write].item.clone() });
            }
            if !reasons
                .iter()
                .any(|reason| matches!(reason.code(), Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")))
            {
                return Err(Error::internal(error));
            }
            // Another transaction holds one of the records; it is over in milliseconds
            tokio::time::sleep(Duration::from_millis(5 << attempt.min(6))).await;
        }
        Err(Error::Busy("other writes kept the records busy".into()))
    }

    pub(crate) fn key_item<R>(key: Key<R>) -> Item {
        Self::key(key)
    }
}

fn fields(record: &impl Serialize) -> Result<Item> {
    serde_dynamo::to_item(record).map_err(Error::internal)
}

fn with_place(mut item: Item, kind: &str, place: Place) -> Item {
    let mut set = |name: &str, value: String| item.insert(name.to_owned(), string(value));
    set("kind", kind.to_owned());
    for (index, pk, sk) in place.indexed {
        let (_, pk_name, sk_name) = index.names();
        set(pk_name, pk);
        set(sk_name, sk);
    }
    set("pk", place.pk);
    set("sk", place.sk);
    item
}

/// An account is no organisation's, wherever its owner was when it changed.
const OF_A_PERSON: [&str; 5] = [User::KIND, EmailOwner::KIND, Credentials::KIND, SecondFactor::KIND, Passkey::KIND];

fn item_of(tenant: &Tenant, record: &Record) -> Result<Item> {
    let mut item = with_place(fields(record)?, record.kind(), keys::place(tenant, record));
    // What reads the stream has no caller to tell it whose record it is
    if !OF_A_PERSON.contains(&record.kind()) {
        item.insert("tenant".to_owned(), string(tenant.id().as_str()));
    }
    Ok(item)
}
