use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{collections::VecDeque, time::Duration};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Message,
        client::ClientRequestBuilder,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

/// An open WebSocket. What arrives while something else is waited for is kept in its order.
pub struct Live {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    kept: VecDeque<Value>,
    next: u64,
}

/// How long something may take that has to come; never how long it should.
const PATIENCE: Duration = Duration::from_secs(20);

impl Live {
    pub async fn open(url: &str) -> Self {
        Self::try_open(url).await.expect("the socket opens")
    }

    /// The status with which the socket was refused.
    pub async fn try_open(url: &str) -> Result<Self, u16> {
        Self::open_from(url, None).await
    }

    /// Opens it as a browser does that shows this page.
    pub async fn open_from(url: &str, page: Option<&str>) -> Result<Self, u16> {
        let request = ClientRequestBuilder::new(url.parse().expect("an address"));
        let request = page.into_iter().fold(request, |request, page| request.with_header("origin", page));
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self { socket, kept: VecDeque::new(), next: 0 }),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.expect("a frame is sent");
    }

    pub async fn send_bytes(&mut self, bytes: &'static [u8]) {
        self.socket.send(Message::binary(bytes)).await.expect("a frame is sent");
    }

    /// Sends one text in several frames, as API Gateway wants what is longer than 32 KB.
    pub async fn send_in_parts(&mut self, text: &str, part: usize) {
        let parts: Vec<_> = text.as_bytes().chunks(part).map(<[u8]>::to_vec).collect();
        let last = parts.len() - 1;
        for (place, bytes) in parts.into_iter().enumerate() {
            let kind = if place == 0 { Data::Text } else { Data::Continue };
            let frame = Frame::message(bytes, OpCode::Data(kind), place == last);
            self.socket.send(Message::Frame(frame)).await.expect("a frame is sent");
        }
    }

    /// Sends a frame and returns its answer, whether it was taken or refused.
    pub async fn ask(&mut self, action: &str, mut frame: Value) -> Value {
        self.next += 1;
        let id = self.next;
        frame["action"] = json!(action);
        frame["id"] = json!(id);
        self.send_text(frame.to_string()).await;
        self.wait(|event| event["id"] == id).await
    }

    /// Sends a frame that has to be taken.
    pub async fn tell(&mut self, action: &str, frame: Value) -> Value {
        let answer = self.ask(action, frame).await;
        assert_eq!(answer["event"], "answer", "{action} was refused: {answer}");
        answer
    }

    /// The next event of this name.
    pub async fn event(&mut self, name: &str) -> Value {
        self.wait(|event| event["event"] == name).await
    }

    pub async fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.kept.iter().position(&wanted) {
            return self.kept.remove(place).expect("it is there");
        }
        loop {
            let event = self.read().await.unwrap_or_else(|| panic!("the socket closed; kept: {:?}", self.kept));
            if wanted(&event) {
                return event;
            }
            self.kept.push_back(event);
        }
    }

    /// The next frame, or `None` when the socket has closed.
    pub async fn read(&mut self) -> Option<Value> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match next.unwrap_or_else(|_| panic!("nothing more came; kept: {:?}", self.kept)) {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("frames are JSON")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// What came and was not waited for, after everything sent so far has been answered.
    pub async fn rest(&mut self) -> Vec<Value> {
        self.tell("ping", json!({})).await;
        self.kept.drain(..).collect()
    }

    pub async fn close(mut self) {
        let _ = self.socket.close(None).await;
    }

    /// Goes away without a word, as a phone in a tunnel does.
    pub fn drop_connection(self) {
        drop(self);
    }
}
