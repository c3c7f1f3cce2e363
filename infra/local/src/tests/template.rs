use std::time::Duration;

use super::*;
use crate::template::{Source, Template};

#[test]
fn the_product_s_own_template_is_understood() {
    let yaml = include_str!("../../../../template.yaml");
    let template = Template::parse(yaml).expect("template.yaml is understood");
    assert_eq!(template.table.name, "Table");
    assert!(!template.routes.is_empty() && !template.consumers.is_empty());
    assert!(template.follower.is_some() && !template.schedules.is_empty());
}

#[test]
fn a_template_says_what_runs_where() {
    let template = Template::parse(TEMPLATE).expect("a template");
    assert_eq!(template.table.expires.as_deref(), Some("expires"));
    assert_eq!(template.table.request["StreamSpecification"]["StreamEnabled"], true);
    assert_eq!(template.buckets, ["Bucket"]);
    let queue = &template.queues["WorkQueue"];
    let policy = queue.redrive_policy.as_ref().expect("dead letters");
    assert_eq!((queue.visibility_timeout, policy.queue.as_str(), policy.max_receive_count), (60, "WorkDeadLetters", 3));
    assert_eq!(template.queues["FollowDeadLetters"].visibility_timeout, 30, "what has no value is as if it were not written");
    assert_eq!(template.timeouts["web"], Duration::from_secs(2));
    assert_eq!(template.socket.routes["$connect"].function, "socket");
    let Source { function, event } = template.follower.expect("a follower");
    assert_eq!((function.as_str(), event.batch_size, event.maximum_retry_attempts), ("follow", 10, Some(2)));
    assert_eq!(event.destination_config.expect("dead letters").on_failure.queue, "FollowDeadLetters");
    assert_eq!(template.schedules[0].event.every, Duration::from_secs(60));
    assert_eq!(template.cors.allow_origins, ["http://localhost:5173"]);
}

#[test]
fn a_wrong_template_names_the_resource_and_the_mistake() {
    let mistakes = [
        ("!GetAtt WorkQueue.Arn", "!GetAtt NoQueue.Arn", "WorkFunction: there is no parameter or resource NoQueue"),
        ("!GetAtt WorkQueue.Arn", "!Ref Table", "WorkFunction: Table is not a queue"),
        ("!GetAtt WorkDeadLetters.Arn", "!Ref Bucket", "WorkQueue: Bucket is not a queue"),
        ("rate(1 minute)", "cron(0 0 * * ? *)", "TickFunction: \"cron(0 0 * * ? *)\" is not rate(n minutes)"),
        ("{ Binary: tick }", "{}", "TickFunction: TickFunction has no Metadata.BuildProperties.Binary"),
        ("KeySchema: [{ AttributeName: pk", "Keys: [{ AttributeName: pk", "Table: missing field `KeySchema`"),
        ("Type: SQS, Properties: { Queue", "Type: SNS, Properties: { Queue", "WorkFunction: unknown variant `SNS`"),
        ("!Sub \"wss", "!Substitute \"wss", "Globals: !Substitute is not written as it should be"),
    ];
    for (right, wrong, message) in mistakes {
        assert!(TEMPLATE.contains(right), "{right}");
        let error = Template::parse(&TEMPLATE.replace(right, wrong)).expect_err(wrong);
        assert!(error.to_string().contains(message), "{error} does not say {message}");
    }
}

#[tokio::test]
async fn functions_and_template_must_name_each_other() {
    for (change, message) in [
        (Change::Without("tick"), "function tick is in the template only"),
        (Change::With("extra"), "function extra is not in the template"),
        (Change::With("web"), "function web has HTTP routes but no router"),
    ] {
        let options =
            Options { template: TEMPLATE.to_owned(), data: None, port: 0, faults: Faults::default(), secrets: Box::new(String::new) };
        let started = Stack::start(options, |_| {
            let mut functions = functions([]);
            match change {
                Change::Without(name) => drop(functions.remove(name)),
                Change::With(name) => {
                    let function = Function::event(|_| async { Ok(Value::Null) });
                    functions.insert(name.to_owned(), function);
                }
            }
            functions
        });
        let error = started.await.err().expect(message);
        assert_eq!(error.to_string(), message);
    }
}

enum Change {
    Without(&'static str),
    With(&'static str),
}

#[tokio::test]
async fn variables_lead_to_the_local_parts() {
    let stack = start([]).await;
    let variables = &stack.environment().variables;
    assert_eq!(variables["TABLE"], "Table");
    assert_eq!(variables["BUCKET"], "bucket");
    assert_eq!(variables["PUBLIC_URL"], stack.url());
    assert_eq!(variables["SOCKET_URL"], stack.socket_url());
    let aws = &variables["AWS_ENDPOINT_URL_DYNAMODB"];
    assert_eq!(variables["SOCKET_MANAGEMENT_URL"], format!("{aws}/live"));
    assert_eq!(variables["WORK_QUEUE"], format!("{aws}/123456789012/WorkQueue"));
}
