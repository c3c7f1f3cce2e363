use std::time::Duration;

use super::*;

fn worker(seen: &Seen) -> Function {
    let seen = seen.clone();
    Function::event(move |event| {
        let seen = seen.clone();
        async move {
            let mut failed = Vec::new();
            for record in event["Records"].as_array().expect("records") {
                seen.add(record["body"].clone());
                match record["body"].as_str() {
                    Some("poison") => failed.push(json!({ "itemIdentifier": record["messageId"] })),
                    Some("panic") => panic!("as it should"),
                    _ => {}
                }
            }
            Ok(json!({ "batchItemFailures": failed }))
        }
    })
}

async fn depth(stack: &Stack, queue: &str) -> Value {
    let answer = ask(stack, Method::GET, "/_local/queues", "").await;
    answer.json()[queue].clone()
}

#[tokio::test]
async fn a_poisoned_message_ends_in_the_dead_letters_and_the_others_are_handled_once() {
    let seen = Seen::default();
    let stack = start([("work", worker(&seen))]).await;
    for body in ["one", "poison", "two"] {
        enqueue(&stack, body, 0).await;
    }
    stack.idle().await.expect("idle");
    let mut bodies = seen.all();
    bodies.sort_by_key(Value::to_string);
    assert_eq!(json!(bodies), json!(["one", "poison", "poison", "poison", "two"]));
    let dead = depth(&stack, "WorkDeadLetters").await;
    assert_eq!(dead, json!({ "visible": 1, "in_flight": 0, "delayed": 0 }));
}

#[tokio::test]
async fn a_panic_fails_its_batch_and_nothing_else() {
    let seen = Seen::default();
    let stack = start([("work", worker(&seen))]).await;
    enqueue(&stack, "panic", 0).await;
    stack.idle().await.expect("idle");
    enqueue(&stack, "after", 0).await;
    stack.idle().await.expect("idle");
    assert_eq!(json!(seen.all()), json!(["panic", "panic", "panic", "after"]));
    assert_eq!(depth(&stack, "WorkDeadLetters").await["visible"], 1);
}

#[tokio::test]
async fn a_delayed_message_comes_when_time_has_moved() {
    let seen = Seen::default();
    let stack = start([("work", worker(&seen))]).await;
    enqueue(&stack, "later", 600).await;
    stack.idle().await.expect("a delayed message is not work");
    assert_eq!(seen.all(), [] as [Value; 0]);
    assert_eq!(depth(&stack, "WorkQueue").await["delayed"], 1);
    stack.advance(Duration::from_secs(600)).await;
    stack.idle().await.expect("idle");
    assert_eq!(json!(seen.all()), json!(["later"]));
}

#[tokio::test]
async fn a_message_that_the_cloud_would_not_take_is_refused() {
    let stack = start([]).await;
    let url = &stack.environment().variables["WORK_QUEUE"];
    for (body, delay) in [("x".repeat(256 * 1024 + 1), 0), ("x".into(), 901)] {
        let request = json!({ "QueueUrl": url, "MessageBody": body, "DelaySeconds": delay });
        let answer = aws(&stack, "AmazonSQS.SendMessage", request).await;
        assert_eq!(answer.status, 400);
    }
}

#[tokio::test]
async fn schedules_run_at_the_start_and_when_time_moves() {
    let seen = Seen::default();
    let ticks = seen.clone();
    let tick = Function::event(move |event| {
        ticks.add(event["detail-type"].clone());
        async { Ok(Value::Null) }
    });
    let stack = start([("tick", tick)]).await;
    stack.idle().await.expect("idle");
    assert_eq!(json!(seen.all()), json!(["Scheduled Event"]));
    let before = stack.clock().now_millis();
    stack.advance(Duration::from_secs(3600)).await;
    assert_eq!(seen.all().len(), 2);
    assert!(stack.clock().now_millis() >= before + 3_600_000);
}
