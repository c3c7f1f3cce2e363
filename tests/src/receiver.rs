use ring::rand::{SystemRandom, generate};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{} is not JSON: {e}", self.body))
    }

    /// The next request of a connection; none when it is closed before.
    pub(crate) async fn read(stream: &mut TcpStream) -> Option<Self> {
        let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
        let head = loop {
            match bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end,
                None => match stream.read(&mut part).await.ok()? {
                    0 => return None,
                    read => bytes.extend_from_slice(&part[..read]),
                },
            }
        };
        let text = String::from_utf8(bytes[..head].to_vec()).expect("a head of text");
        let mut lines = text.split("\r\n");
        let line = lines.next().unwrap_or_default().to_owned();
        let headers: BTreeMap<_, _> =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
        while bytes.len() < head + 4 + length {
            match stream.read(&mut part).await.ok()? {
                0 => return None,
                read => bytes.extend_from_slice(&part[..read]),
            }
        }
        let body = String::from_utf8(bytes[head + 4..].to_vec()).expect("a body of text");
        Some(Self { line, headers, body })
    }
}

/// A program elsewhere that is told of changes, and answers as the test says.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    /// With what is asked for after it.
    pub path: String,
    received: Arc<Mutex<Vec<Received>>>,
    answer: Arc<Mutex<Option<String>>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        // Of its own: whoever had the port before may still be told
        let own = generate::<[u8; 8]>(&SystemRandom::new()).expect("a number").expose();
        let path = format!("/hook/{:x}?from=office", u64::from_be_bytes(own));
        let url = format!("http://{address}{path}");
        let this = Self { url, path, received: Arc::default(), answer: Arc::new(Mutex::new(Some(answer(204, "")))) };
        let receiver = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receiver.clone().serve(stream));
            }
        });
        this
    }

    async fn serve(self, mut stream: TcpStream) -> Option<()> {
        let received = Received::read(&mut stream).await?;
        if !received.line.contains(&self.path) {
            return stream.write_all(answer(404, "").as_bytes()).await.ok();
        }
        self.received.lock().expect("the list").push(received);
        let answer = self.answer.lock().expect("the answer").clone();
        match answer {
            Some(answer) => stream.write_all(answer.as_bytes()).await.ok()?,
            None => std::future::pending().await,
        }
        Some(())
    }

    /// What it answers from now on.
    pub fn answers(&self, status: u16, headers: &str) {
        self.says(&answer(status, headers));
    }

    /// The very bytes it answers from now on.
    pub fn says(&self, bytes: &str) {
        *self.answer.lock().expect("the answer") = Some(bytes.to_owned());
    }

    /// It takes everything from now on, and says nothing.
    pub fn hangs(&self) {
        *self.answer.lock().expect("the answer") = None;
    }

    /// All that arrived, the earliest first.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("the list").clone()
    }

    /// Waits until so many have arrived.
    pub async fn wait(&self, count: usize) -> Vec<Received> {
        for _ in 0..2_000 {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} did not arrive: {:?}", self.received());
    }
}

fn answer(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Said\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n")
}
