use super::*;

async fn get(stack: &Stack, pk: &str) -> Answer {
    let key = json!({ "pk": { "S": pk }, "sk": { "S": "a" } });
    let request = json!({ "TableName": "Table", "Key": key });
    aws(stack, "DynamoDB_20120810.GetItem", request).await
}

async fn faults(stack: &Stack, faults: Value) {
    let answer = ask(stack, Method::POST, "/_local/faults", faults.to_string()).await;
    assert_eq!(answer.status, 204);
}

#[tokio::test]
async fn a_refused_call_changes_nothing_and_a_lost_one_does() {
    let stack = start([]).await;
    for (fault, stored) in [(json!({ "refused": 1000 }), false), (json!({ "lost": 1000 }), true)] {
        faults(&stack, fault).await;
        let item = json!({ "pk": { "S": "x" }, "sk": { "S": "a" } });
        let request = json!({ "TableName": "Table", "Item": item });
        let answer = aws(&stack, "DynamoDB_20120810.PutItem", request).await;
        assert_eq!(answer.status, 500);
        let kind = &answer.json()["__type"];
        assert_eq!(kind, "com.amazonaws.dynamodb.v20120810#InternalServerError");
        faults(&stack, json!({})).await;
        assert_eq!(get(&stack, "x").await.json()["Item"].is_object(), stored);
    }
}

#[tokio::test]
async fn a_share_of_faults_is_the_same_share_every_time() {
    let stack = start([]).await;
    let mut shares = Vec::new();
    for _ in 0..2 {
        faults(&stack, json!({ "refused": 200, "lost": 100 })).await;
        let mut failures = Vec::new();
        for n in 0..40 {
            if get(&stack, "x").await.status == 500 {
                failures.push(n);
            }
        }
        shares.push(failures);
    }
    assert_eq!(shares[0], shares[1]);
    assert!((4..=20).contains(&shares[0].len()), "{shares:?}");
}

#[tokio::test]
async fn calls_are_written_down_with_the_capacity_that_nobody_asked_for() {
    let stack = start([]).await;
    put(&stack, "unseen").await;
    ask(&stack, Method::POST, "/_local/calls", r#"{"recording":true,"hold":true}"#).await;
    put(&stack, "seen").await;
    get(&stack, "seen").await;
    let calls = ask(&stack, Method::GET, "/_local/calls", "").await.json();
    assert_eq!(calls.as_array().map(Vec::len), Some(2));
    assert_eq!(calls[0]["operation"], "PutItem");
    assert_eq!(calls[0]["request"]["ReturnConsumedCapacity"], Value::Null);
    assert_eq!(calls[0]["response"]["ConsumedCapacity"]["CapacityUnits"], 1.0);
    assert_eq!(calls[1]["operation"], "GetItem");
    ask(&stack, Method::POST, "/_local/calls", r#"{"recording":false}"#).await;
    stack.idle().await.expect("held work goes on");
}

#[tokio::test]
async fn an_unsigned_call_is_refused() {
    let stack = start([]).await;
    let address = &stack.environment().variables["AWS_ENDPOINT_URL_SES"];
    let request = Request::post(format!("{address}/v2/email/outbound-emails"));
    let answer = send(request.body(Full::default()).expect("a request")).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn secrets_are_made_once_for_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut values = Vec::new();
    for _ in 0..2 {
        let stack = start_in(Some(folder.path()), []).await;
        let request = json!({ "Name": "/secrets", "WithDecryption": true });
        let answer = aws(&stack, "AmazonSSM.GetParameter", request).await;
        values.push(answer.json()["Parameter"]["Value"].clone());
        stack.stop().await;
    }
    assert!(values[0].is_string() && values[0] == values[1]);
}

#[tokio::test]
async fn a_folder_belongs_to_one_stack() {
    let folder = tempfile::tempdir().expect("a folder");
    let _stack = start_in(Some(folder.path()), []).await;
    let options = Options {
        template: TEMPLATE.to_owned(),
        data: Some(folder.path().to_owned()),
        port: 0,
        faults: Faults::default(),
        secrets: Box::new(String::new),
    };
    let second = Stack::start(options, |_| functions([])).await;
    let error = second.err().expect("an error");
    assert!(error.to_string().contains("used by another local stack"), "{error}");
}
