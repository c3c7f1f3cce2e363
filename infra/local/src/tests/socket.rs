use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message},
};

use super::*;

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Refuses who has no ticket; says every message back through the management API.
fn socket(seen: &Seen, management: Arc<Mutex<String>>) -> Function {
    let seen = seen.clone();
    Function::event(move |event| {
        let (seen, management) = (seen.clone(), management.clone());
        async move {
            seen.add(event.clone());
            let context = &event["requestContext"];
            let ticket = &event["queryStringParameters"]["ticket"];
            if context["eventType"] == "CONNECT" && ticket.is_null() {
                return Ok(json!({ "statusCode": 401 }));
            }
            if let Some(body) = event["body"].as_str() {
                let id = context["connectionId"].as_str().expect("an id");
                let management = lock(&management).clone();
                post(&management, id, body.to_owned()).await;
            }
            Ok(json!({ "statusCode": 200, "body": "not for the client" }))
        }
    })
}

async fn post(management: &str, id: &str, body: impl Into<Bytes>) -> Answer {
    let id = id.replace('=', "%3D");
    let request = Request::post(format!("{management}/@connections/{id}")).header("authorization", "signed").body(Full::new(body.into()));
    send(request.expect("a request")).await
}

async fn open(seen: &Seen) -> (Stack, String) {
    let management = Arc::<Mutex<String>>::default();
    let stack = start([("socket", socket(seen, management.clone()))]).await;
    let address = stack.environment().variables["SOCKET_MANAGEMENT_URL"].clone();
    (*lock(&management)).clone_from(&address);
    (stack, address)
}

async fn connect(stack: &Stack) -> Client {
    let (client, _) = connect_async(format!("{}?ticket=1", stack.socket_url())).await.expect("a connection");
    client
}

fn id(event: &Value) -> String {
    let id = event["requestContext"]["connectionId"].as_str();
    id.expect("an id").to_owned()
}

#[tokio::test]
async fn a_frame_becomes_an_event_and_an_answer_comes_through_the_management_api() {
    let seen = Seen::default();
    let (stack, management) = open(&seen).await;
    let mut client = connect(&stack).await;
    client.send(Message::text("hello")).await.expect("sent");
    let answer = client.next().await.expect("a frame").expect("a frame");
    assert_eq!(answer, Message::text("hello"));

    let connection = id(&seen.all()[0]);
    assert!(connection.ends_with('='));
    client.close(None).await.expect("closed");
    while client.next().await.is_some() {}
    stack.idle().await.expect("idle");
    let kinds = |event: &Value| event["requestContext"]["eventType"].clone();
    let kinds: Vec<_> = seen.all().iter().map(kinds).collect();
    assert_eq!(json!(kinds), json!(["CONNECT", "MESSAGE", "DISCONNECT"]));

    let answer = post(&management, &connection, "too late").await;
    assert_eq!(answer.status, 410);
    assert_eq!(answer.headers["x-amzn-errortype"], "GoneException");
}

#[tokio::test]
async fn who_is_not_let_in_hears_the_status() {
    let (stack, _) = open(&Seen::default()).await;
    let refused = connect_async(stack.socket_url()).await;
    let Err(tungstenite::Error::Http(answer)) = refused else {
        panic!("it was let in");
    };
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_connection() {
    let (stack, management) = open(&Seen::default()).await;
    let mut client = connect(&stack).await;
    let long = "x".repeat(32 * 1024 + 1);
    client.send(Message::text(long)).await.expect("sent");
    let Some(Ok(Message::Close(Some(frame)))) = client.next().await else {
        panic!("it was not closed");
    };
    assert_eq!(u16::from(frame.code), 1009);
    let answer = post(&management, "any", vec![b'x'; 128 * 1024 + 1]).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_client_that_does_not_listen_is_given_up() {
    let seen = Seen::default();
    let (stack, management) = open(&seen).await;
    let _client = connect(&stack).await;
    let connection = id(&seen.all()[0]);
    let mut sent = 0;
    while post(&management, &connection, vec![b'x'; 100_000]).await.status == 200 {
        sent += 1;
        assert!(sent < 2_000, "nobody takes that much");
    }
    stack.idle().await.expect("idle");
    assert_eq!(seen.all().last().expect("events")["requestContext"]["eventType"], "DISCONNECT");
}

#[tokio::test]
async fn a_function_can_close_a_connection_and_see_it() {
    let seen = Seen::default();
    let (stack, management) = open(&seen).await;
    let mut client = connect(&stack).await;
    let connection = id(&seen.all()[0]).replace('=', "%3D");
    let address = format!("{management}/@connections/{connection}");
    let request = |method| {
        let request = Request::builder().method(method).uri(&address);
        let request = request.header("authorization", "signed");
        request.body(Full::default()).expect("a request")
    };
    let answer = send(request(Method::GET)).await;
    assert_eq!(answer.json()["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(send(request(Method::DELETE)).await.status, 200);
    assert!(matches!(client.next().await, Some(Ok(Message::Close(_)))));
    assert_eq!(send(request(Method::GET)).await.status, 410);
}

#[tokio::test]
async fn sockets_are_told_before_the_stack_ends() {
    let seen = Seen::default();
    let (stack, _) = open(&seen).await;
    let mut client = connect(&stack).await;
    stack.stop().await;
    assert!(matches!(client.next().await, Some(Ok(Message::Close(_)))));
    assert_eq!(seen.all().last().expect("events")["requestContext"]["eventType"], "DISCONNECT");
}
