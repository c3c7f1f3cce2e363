use crate::{Answer, Organization, Person};
use local::{Options, Stack};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// A running system, with nobody in it yet.
#[derive(Clone)]
pub struct World {
    pub(crate) http: Client,
    pub(crate) url: String,
    next: Arc<AtomicU32>,
    stack: Option<Arc<Stack>>,
}

pub const PASSWORD: &str = "correct horse battery";

impl World {
    pub async fn new() -> Self {
        Self::with(Options::product(None, 0)).await
    }

    /// A system started in another way: with a data folder, or with faults in its store.
    pub async fn with(options: Options) -> Self {
        let http = Client::builder().no_proxy().build().expect("a client");
        if let Ok(url) = std::env::var("OFFICE_COPILOT_URL") {
            return Self { http, url: url.trim_end_matches('/').to_owned(), next: Arc::default(), stack: None };
        }
        let stack = Stack::start(options, local::functions::all).await.expect("the system starts");
        Self { http, url: stack.url(), next: Arc::default(), stack: Some(Arc::new(stack)) }
    }

    /// Ends the system as if its machine went away in good order.
    pub async fn stop(self) {
        if let Some(stack) = self.stack.and_then(Arc::into_inner) {
            stack.stop().await;
        }
    }

    /// A variable of the functions' environment, in a system that was started for the test.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.stack.as_ref().and_then(|stack| stack.environment().variables.get(name).cloned())
    }

    /// For addresses outside the API, such as a link to a file.
    pub fn http(&self) -> &Client {
        &self.http
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn ask(&self, request: RequestBuilder) -> Answer {
        let request = request.build().expect("a request");
        let asked = format!("{} {}", request.method(), request.url().path());
        Answer::read(asked, self.http.execute(request).await.expect("an answer")).await
    }

    /// Asks without a token.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(self.request(Method::GET, path)).await
    }

    /// Asks without a token.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(self.request(Method::POST, path).json(&body)).await
    }

    /// Something that nobody else in this world has.
    pub fn unique(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Signs up an organisation and logs its owner in.
    pub async fn organization(&self, name: &str) -> Organization {
        let email = format!("owner-{}@{}.example", self.unique(), name.to_lowercase().replace(' ', "-"));
        let form = json!({
            "name": format!("{name} Owner"), "email": email, "password": PASSWORD, "organization": name,
            "address": "1 Mill Lane\nOxford OX1 1AA\nUnited Kingdom", "phone": "+44 20 7946 0000", "expected_users": 25
        });
        let founded = self.post("/api/v1/auth/register", form).await.expect(201);
        let owner = Person::login(self, &email, PASSWORD).await;
        Organization { id: text(&founded["organization"]["id"]), owner, world: self.clone() }
    }

    /// Waits until everything that follows from what was done is done.
    pub async fn idle(&self) {
        self.tool("/_local/idle").await;
    }

    /// Moves the time.
    pub async fn advance(&self, by: Duration) {
        self.post("/_local/clock", json!({ "advance_seconds": by.as_secs() })).await.expect(200);
    }

    pub async fn now(&self) -> jiff::Timestamp {
        text(&self.get("/_local/clock").await.expect(200)["now"]).parse().expect("a time")
    }

    async fn tool(&self, path: &str) {
        let answer = self.ask(self.request(Method::POST, path)).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
    }

    /// Mails to one address, the latest first.
    pub async fn mails(&self, to: &str) -> Vec<Value> {
        self.idle().await;
        let mails = self.get("/_local/mail.json").await.expect(200);
        let to_them = |mail: &&Value| mail["to"].as_array().is_some_and(|all| all.iter().any(|one| one == to));
        mails.as_array().into_iter().flatten().filter(to_them).cloned().collect()
    }

    /// The token in the link of the latest mail to an address.
    pub async fn link(&self, to: &str) -> String {
        let mails = self.mails(to).await;
        let text = mails.first().map(|mail| text(&mail["text"])).unwrap_or_default();
        let token = text.split("token=").nth(1).and_then(|rest| rest.split_whitespace().next());
        token.unwrap_or_else(|| panic!("no link for {to} in {mails:?}")).to_owned()
    }
}

/// A JSON string's text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
