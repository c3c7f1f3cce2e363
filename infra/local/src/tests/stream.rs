use std::time::Duration;

use super::*;

/// Notes the key of every record; fails at those named `bad…`, and for all records while `broken…` is among them.
fn follower(seen: &Seen) -> Function {
    let seen = seen.clone();
    Function::event(move |event| {
        let seen = seen.clone();
        async move {
            let records = event["Records"].as_array().expect("records");
            let key = |record: &Value| record["dynamodb"]["Keys"]["pk"]["S"].clone();
            let starts = |record: &Value, with| key(record).as_str().is_some_and(|k| k.starts_with(with));
            if records.iter().any(|record| starts(record, "broken")) {
                return Err("broken".into());
            }
            for record in records {
                if starts(record, "bad") {
                    let number = &record["dynamodb"]["SequenceNumber"];
                    return Ok(json!({ "batchItemFailures": [{ "itemIdentifier": number }] }));
                }
                seen.add(key(record));
            }
            Ok(json!({ "batchItemFailures": [] }))
        }
    })
}

#[tokio::test]
async fn every_write_is_followed_once_and_in_order() {
    let seen = Seen::default();
    let stack = start([("follow", follower(&seen))]).await;
    for n in 0..25 {
        put(&stack, &format!("item{n}")).await;
    }
    stack.idle().await.expect("idle");
    let expected: Vec<_> = (0..25).map(|n| format!("item{n}")).collect();
    assert_eq!(json!(seen.all()), json!(expected));
}

#[tokio::test]
async fn a_record_is_what_lambda_would_give() {
    let seen = Seen::default();
    let records = seen.clone();
    let follow = Function::event(move |event| {
        records.add(event["Records"][0].clone());
        async { Ok(Value::Null) }
    });
    let stack = start([("follow", follow)]).await;
    put(&stack, "a").await;
    stack.idle().await.expect("idle");
    let record = &seen.all()[0];
    assert_eq!(record["eventName"], "INSERT");
    assert_eq!(record["eventSource"], "aws:dynamodb");
    assert_eq!(record["awsRegion"], "us-east-1");
    assert_eq!(record["dynamodb"]["NewImage"]["pk"], json!({ "S": "a" }));
    assert_eq!(record["dynamodb"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
    assert!(record["eventSourceARN"].as_str().is_some_and(|arn| arn.contains("table/Table/stream/")));
}

#[tokio::test]
async fn a_record_that_always_fails_becomes_a_dead_letter_and_the_stream_goes_on() {
    for kind in ["bad", "broken"] {
        let seen = Seen::default();
        let stack = start([("follow", follower(&seen))]).await;
        for pk in ["a", "b", kind, "c", "d"] {
            put(&stack, pk).await;
        }
        stack.idle().await.expect("idle");
        assert_eq!(json!(seen.all()), json!(["a", "b", "c", "d"]), "{kind}");
        let queues = ask(&stack, Method::GET, "/_local/queues", "").await.json();
        assert_eq!(queues["FollowDeadLetters"]["visible"], 1, "{kind}");
    }
}

#[tokio::test]
async fn a_restart_goes_on_where_all_was_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = Seen::default();
    let stack = start_in(Some(folder.path()), [("follow", follower(&seen))]).await;
    put(&stack, "before").await;
    stack.idle().await.expect("idle");
    until(|| folder.path().join("stream").exists()).await;
    stack.stop().await;

    // Written while nobody follows: the function of this start never gets to it
    let stack = start_in(Some(folder.path()), [("follow", Function::event(|_| std::future::pending()))]).await;
    put(&stack, "between").await;
    drop(stack);

    until(|| folder_is_free(folder.path())).await;
    let stack = start_in(Some(folder.path()), [("follow", follower(&seen))]).await;
    stack.idle().await.expect("idle");
    put(&stack, "after").await;
    stack.idle().await.expect("idle");
    assert_eq!(json!(seen.all()), json!(["before", "between", "after"]));
}

#[tokio::test]
async fn what_queues_would_lose_is_followed_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let seen = Seen::default();
    let stack = start_in(Some(folder.path()), [("follow", follower(&seen))]).await;
    enqueue(&stack, "later", 900).await;
    put(&stack, "a").await;
    stack.idle().await.expect("idle");
    stack.stop().await;
    let stack = start_in(Some(folder.path()), [("follow", follower(&seen))]).await;
    stack.idle().await.expect("idle");
    assert_eq!(json!(seen.all()), json!(["a", "a"]));
}

#[tokio::test]
async fn what_has_expired_is_followed_too() {
    let seen = Seen::default();
    let stack = start([("follow", follower(&seen))]).await;
    let expires = (stack.clock().now_millis() / 1000 + 60).to_string();
    let item = json!({ "pk": { "S": "a" }, "sk": { "S": "a" }, "expires": { "N": expires } });
    let request = json!({ "TableName": "Table", "Item": item });
    aws(&stack, "DynamoDB_20120810.PutItem", request).await;
    stack.advance(Duration::from_secs(120)).await;
    stack.idle().await.expect("idle");
    assert_eq!(json!(seen.all()), json!(["a", "a"]));
}

fn folder_is_free(folder: &Path) -> bool {
    std::fs::File::open(folder.join("lock")).is_ok_and(|file| file.try_lock().is_ok())
}

async fn until(done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it happens");
}
