use crate::{Answer, Organization, Person, operators::Apps};
use local::{Options, Stack};
use reqwest::{
    Client, Method, RequestBuilder,
    header::{self, HeaderValue},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Write,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A running system. One started for the test has nobody in it yet; a deployed one is shared with other tests.
#[derive(Clone)]
pub struct World {
    http: Client,
    url: String,
    /// Where its tools are: mailbox, clock, queues. A real stage has none.
    tools: Option<String>,
    address: Option<IpAddr>,
    next: Arc<AtomicU64>,
    apps: Arc<Mutex<Apps>>,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Here(Arc<Stack>),
    /// With the turn of this test: many share the system, and one that moves its time has it alone.
    Deployed {
        _turn: Arc<File>,
    },
}

pub const PASSWORD: &str = "correct horse battery";

/// The address of a system that was deployed for the tests.
fn deployed() -> Option<String> {
    of_this_slot("OFFICE_COPILOT_URL")
}

/// One of the addresses that a variable lists: with one for each test that runs at a time, none waits for another.
fn of_this_slot(variable: &str) -> Option<String> {
    let listed = std::env::var(variable).ok()?;
    let addresses: Vec<_> = listed.split_whitespace().collect();
    let slot = std::env::var("NEXTEST_TEST_GLOBAL_SLOT").ok().and_then(|slot| slot.parse::<usize>().ok()).unwrap_or_default();
    addresses.get(slot % addresses.len().max(1)).map(|address| address.trim_end_matches('/').to_owned())
}

/// A file for those who share the system at an address.
fn shared_file(url: &str, name: &str) -> File {
    let place: String = url.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect();
    let path = std::env::temp_dir().join(format!("office-copilot-{place}-{name}"));
    File::options().read(true).write(true).create(true).truncate(false).open(path).expect("a file for those who share a system")
}

impl World {
    pub async fn new() -> Self {
        match deployed() {
            Some(url) => Self::join(url, File::lock_shared),
            None => Self::start(Options::product(None, 0)).await,
        }
    }

    /// A system in which nothing else happens meanwhile, so that its time can be moved.
    pub async fn alone() -> Self {
        match deployed() {
            Some(url) => Self::join(url, File::lock),
            None => Self::start(Options::product(None, 0)).await,
        }
    }

    /// A system started in another way: with a data folder, or with keys the test knows.
    pub async fn with(options: Options) -> Self {
        match deployed() {
            Some(_) => skip("a deployed system is started once, and not for the test"),
            None => Self::start(options).await,
        }
    }

    /// A system that gets every byte as it is sent: a gateway of AWS makes text of what says that it is.
    pub async fn direct() -> Self {
        match deployed() {
            Some(_) => skip("a gateway makes text of every body that says it is JSON"),
            None => Self::start(Options::product(None, 0)).await,
        }
    }

    async fn start(options: Options) -> Self {
        let http = Client::builder().no_proxy().build().expect("a client");
        let stack = Stack::start(options, local::functions::all).await.expect("the system starts");
        let (url, tools) = (stack.url(), Some(format!("{}/_local", stack.url())));
        let address = Some(Ipv4Addr::LOCALHOST.into());
        Self { http, url, tools, address, next: Arc::default(), apps: Arc::default(), place: Place::Here(Arc::new(stack)) }
    }

    fn join(url: String, wait: fn(&File) -> std::io::Result<()>) -> Self {
        let turn = shared_file(&url, "turn");
        wait(&turn).expect("a turn");
        let tools = of_this_slot("OFFICE_COPILOT_TOOLS").map(|tools| format!("{tools}/_local"));
        let next = moment() << 10 | u64::from(std::process::id() % 1024);
        // Each test comes from an address of its own, as people do, so that what is limited by address is limited for it alone
        let address = tools.as_ref().map(|_| Ipv4Addr::from(0x7f01_0000 | (next as u32 & 0xffff)).into());
        let http = Client::builder().no_proxy().local_address(address).build().expect("a client");
        let next = Arc::new(AtomicU64::new(next << 16));
        Self { http, url, tools, address, next, apps: Arc::default(), place: Place::Deployed { _turn: Arc::new(turn) } }
    }

    /// The same system, as it is reached from another address.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        let Some(IpAddr::V4(here)) = self.address else { skip("a stage is reached from one address") };
        let [net, a, b, host] = here.octets();
        let address = Ipv4Addr::new(net, a, b.wrapping_add(1), host).into();
        let http = Client::builder().no_proxy().local_address(Some(address)).build().expect("a client");
        Self { http, address: Some(address), ..self.clone() }
    }

    /// Ends the system as if its machine went away in good order.
    pub async fn stop(self) {
        if let Place::Here(stack) = self.place
            && let Some(stack) = Arc::into_inner(stack)
        {
            stack.stop().await;
        }
    }

    /// The address its people come from; of a stage nobody here knows it.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// For addresses outside the API, such as a link to a file.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// Its address, as a browser names the page it is on.
    pub fn url(&self) -> &str {
        &self.url
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
    pub fn unique(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// An address that nobody else in this world has.
    pub fn email(&self, name: &str) -> String {
        format!("{name}-{}@example.com", self.unique())
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

    /// The token with which the first operator is made.
    pub fn setup_token(&self) -> String {
        let token = match &self.place {
            Place::Here(stack) => stack.setup_token(),
            Place::Deployed { .. } => std::env::var("OFFICE_COPILOT_SETUP").ok(),
        };
        token.unwrap_or_else(|| skip("a stage keeps its setup token to itself"))
    }

    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.place, Place::Deployed { .. })
    }

    pub(crate) fn shared_apps(&self) -> Option<File> {
        self.is_shared().then(|| shared_file(&self.url, "operator"))
    }

    pub(crate) fn apps<T>(&self, look: impl FnOnce(&mut Apps) -> T) -> T {
        look(&mut self.apps.lock().expect("nobody panicked with it"))
    }

    /// Asks a tool of the system; a test that needs one which is not there is skipped by name.
    async fn tool(&self, method: Method, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let Some(tools) = &self.tools else { skip("a stage has no tools to look into it") };
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))].into_iter().collect();
        let answer = self.ask(self.http.request(method, format!("{tools}{path}")).headers(json).body(body)).await;
        if answer.status == 404 && deployed().is_some() {
            skip(&format!("an emulator has no {path}"));
        }
        answer
    }

    async fn order(&self, path: &str, body: Value) {
        let answer = self.tool(Method::POST, path, body.to_string()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
    }

    /// What its functions are told of where everything is, so that the test can fill its table as they would.
    pub async fn variables(&self) -> BTreeMap<String, String> {
        match self.place {
            Place::Here(_) => serde_json::from_value(self.tool(Method::GET, "/environment", "").await.expect(200)).expect("variables"),
            Place::Deployed { .. } => skip("the table of a deployed system is filled by its functions alone"),
        }
    }

    /// Waits until everything that follows from what was done is done.
    pub async fn idle(&self) {
        for _ in 0..10 {
            if self.tool(Method::POST, "/idle", "").await.status.is_success() {
                return;
            }
        }
        panic!("the system does not come to rest");
    }

    /// Moves the time, in a system the test has [alone](World::alone).
    pub async fn advance(&self, by: Duration) {
        self.order("/clock", json!({ "advance_seconds": by.as_secs() })).await;
    }

    pub async fn now(&self) -> jiff::Timestamp {
        text(&self.tool(Method::GET, "/clock", "").await.expect(200)["now"]).parse().expect("a time")
    }

    /// How many messages each queue has: visible, in flight and delayed.
    pub async fn queues(&self) -> Value {
        self.tool(Method::GET, "/queues", "").await.expect(200)
    }

    /// Puts a message on a queue, whatever it says.
    pub async fn enqueue(&self, queue: &str, body: &str) {
        self.tool(Method::POST, &format!("/queues/{queue}"), body.to_owned()).await.expect(204);
    }

    /// How many calls of the store in a thousand are refused, and how many are done and their answer lost.
    pub async fn faults(&self, refused: u32, lost: u32) {
        self.order("/faults", json!({ "refused": refused, "lost": lost })).await;
    }

    /// Puts another document in the place of the signing keys.
    pub async fn secrets(&self, document: &Value) {
        self.tool(Method::PUT, "/secrets", document.to_string()).await.expect(204);
    }

    /// Keeps what follows from changes waiting, and lets it go again.
    pub async fn hold(&self, held: bool) {
        self.order("/calls", json!({ "recording": held, "hold": held })).await;
    }

    /// The calls of the store since everything was [held](World::hold).
    pub async fn calls(&self) -> Value {
        self.tool(Method::GET, "/calls", "").await.expect(200)
    }

    /// Where in the table and among the files a text is found.
    pub async fn mentions(&self, of: &str) -> Vec<String> {
        let found = self.tool(Method::POST, "/mentions", of.to_owned()).await.expect(200);
        found.as_array().expect("a list").iter().map(text).collect()
    }

    /// Every mail, the latest first.
    pub async fn mailbox(&self) -> Vec<Value> {
        self.idle().await;
        let mails = self.tool(Method::GET, "/mail.json", "").await.expect(200);
        mails.as_array().expect("a list").clone()
    }

    /// Mails to one address, the latest first.
    pub async fn mails(&self, to: &str) -> Vec<Value> {
        let mut mails = self.mailbox().await;
        mails.retain(|mail| mail["to"].as_array().is_some_and(|all| all.iter().any(|one| one == to)));
        mails
    }

    /// The token in the latest link to a page that was sent to an address. Mails of different things may overtake each other.
    pub async fn link(&self, to: &str, page: &str) -> String {
        let (mails, link) = (self.mails(to).await, format!("/{page}?token="));
        let texts = mails.iter().filter_map(|mail| mail["text"].as_str());
        let token = texts.filter_map(|text| text.split(&link).nth(1)?.split_whitespace().next()).next();
        token.unwrap_or_else(|| panic!("no link to {page} for {to} in {mails:?}")).to_owned()
    }
}

#[expect(clippy::disallowed_methods, reason = "names nobody took before, in a system that outlives the test")]
fn moment() -> u64 {
    jiff::Timestamp::now().as_millisecond().unsigned_abs()
}

/// Ends the test because the place it runs at cannot show what it is about; name and reason are kept and counted.
/// The test ends with its process, which nextest gives to each.
fn skip(reason: &str) -> ! {
    let name = std::env::var("NEXTEST_TEST_NAME").unwrap_or_else(|_| panic!("skipped, which only nextest can: {reason}"));
    println!("skipped: {name}: {reason}");
    if let Ok(list) = std::env::var("OFFICE_COPILOT_SKIPPED") {
        let mut list = File::options().append(true).create(true).open(list).expect("the list of what was skipped");
        writeln!(list, "{name}: {reason}").expect("a line in the list");
    }
    std::process::exit(0)
}

/// A JSON string's text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
