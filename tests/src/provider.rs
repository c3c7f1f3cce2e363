use crate::Received;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::Url;
use ring::{
    digest::{SHA256, digest},
    hmac,
    rand::{SystemRandom, generate},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

pub const CLIENT: &str = "office copilot";
pub const SECRET: &str = "s3cret: with/odd&signs";

/// A provider of sign-in, which speaks OpenID Connect as the standard has it, until a test tells it to lie.
#[derive(Clone)]
pub struct Provider {
    pub issuer: String,
    realm: String,
    state: Arc<Mutex<State>>,
}

struct State {
    keys: Vec<(String, Arc<EcdsaKeyPair>)>,
    codes: BTreeMap<String, Code>,
    lie: Option<Lie>,
    next: u64,
    /// Requests as they came.
    asked: Vec<String>,
}

#[derive(Clone)]
struct Code {
    claims: Claims,
    query: BTreeMap<String, String>,
    now: i64,
}

/// What it says of somebody who signs in.
#[derive(Clone, Debug)]
pub struct Claims {
    pub sub: String,
    pub email: String,
    pub email_verified: Value,
}

impl Claims {
    pub fn new(sub: &str, email: &str) -> Self {
        Self { sub: sub.to_owned(), email: email.to_owned(), email_verified: json!(true) }
    }
}

/// Where a browser was led back to, and with what.
#[derive(Clone, Debug)]
pub struct Redirect {
    pub path: String,
    pub state: String,
    pub code: String,
}

/// How a provider can go wrong.
#[derive(Clone)]
pub enum Lie {
    /// In what the token says.
    Claims(fn(&mut Value)),
    /// Signed by nobody.
    Unsigned,
    /// Signed by a key it never published, under the name of one it did.
    OtherKey,
    /// Signed with what both know.
    SharedSecret,
    /// Its token endpoint answers with these bytes.
    Says(String),
    /// Its token endpoint takes everything and says nothing.
    Hangs,
    /// In its configuration.
    Configuration(fn(&mut Value)),
    /// It wants its secret in the form.
    SecretInBody,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn new_key() -> Arc<EcdsaKeyPair> {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    Arc::new(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).expect("a key"))
}

fn pairs(url: &Url) -> BTreeMap<String, String> {
    url.query_pairs().into_owned().collect()
}

/// A form's pairs, read as a query is.
fn form(text: &str) -> BTreeMap<String, String> {
    pairs(&format!("http://form/?{text}").parse().expect("a form"))
}

fn answer(status: u16, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        // Of its own: what is known of whoever had the port before is nothing of this one
        let own = generate::<[u8; 8]>(&SystemRandom::new()).expect("a number").expose();
        let realm = format!("/realms/{:x}", u64::from_be_bytes(own));
        let issuer = format!("http://{}{realm}", listener.local_addr().expect("an address"));
        let keys = vec![("first".to_owned(), new_key())];
        let state = State { keys, codes: BTreeMap::new(), lie: None, next: 0, asked: Vec::new() };
        let this = Self { issuer, realm, state: Arc::new(Mutex::new(state)) };
        let provider = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(provider.clone().serve(stream));
            }
        });
        this
    }

    /// What it is connected with.
    pub fn draft(&self) -> Value {
        json!({ "name": "Acme account", "issuer": self.issuer, "client_id": CLIENT, "client_secret": SECRET })
    }

    pub fn lies(&self, lie: Lie) {
        self.state.lock().expect("the state").lie = Some(lie);
    }

    pub fn is_honest(&self) {
        self.state.lock().expect("the state").lie = None;
    }

    /// It signs with another key from now on, and publishes no other.
    pub fn rotates(&self) {
        let mut state = self.state.lock().expect("the state");
        state.next += 1;
        let name = format!("key {}", state.next);
        state.keys = vec![(name, new_key())];
    }

    /// What it was asked, by the last part of each path.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().expect("the state").asked.clone()
    }

    /// Somebody opens the address and signs in at the page it leads to.
    pub fn signs_in(&self, url: &str, claims: &Claims, now: jiff::Timestamp) -> Redirect {
        assert!(url.starts_with(&format!("{}/authorize?tenant=1&", self.issuer)), "{url}");
        let query = pairs(&url.parse().expect("an address"));
        let asked = |name: &str| query.get(name).unwrap_or_else(|| panic!("{name} is not in {url}")).clone();
        assert_eq!((asked("response_type"), asked("client_id")), ("code".to_owned(), CLIENT.to_owned()));
        assert_eq!(asked("code_challenge_method"), "S256");
        assert!(asked("scope").split(' ').any(|scope| scope == "openid"));
        let mut state = self.state.lock().expect("the state");
        state.next += 1;
        let code = format!("code/{}+&=", state.next);
        state.codes.insert(code.clone(), Code { claims: claims.clone(), query: query.clone(), now: now.as_second() });
        let back: Url = asked("redirect_uri").parse().expect("an address");
        Redirect { path: back.path().to_owned(), state: asked("state"), code }
    }

    async fn serve(self, mut stream: TcpStream) -> Option<()> {
        let received = Received::read(&mut stream).await?;
        let path = received.line.split(' ').nth(1).unwrap_or_default().to_owned();
        let last = path.rsplit('/').next().unwrap_or_default().to_owned();
        if !path.starts_with(&self.realm) {
            return stream.write_all(answer(404, &json!({})).as_bytes()).await.ok();
        }
        let said = {
            let mut state = self.state.lock().expect("the state");
            state.asked.push(last.clone());
            match last.as_str() {
                "openid-configuration" => Some(answer(200, &state.configuration(&self.issuer))),
                "keys" => Some(answer(200, &state.published())),
                "token" => state.trade(&self.issuer, &received),
                _ => Some(answer(404, &json!({}))),
            }
        };
        match said {
            Some(said) => stream.write_all(said.as_bytes()).await.ok(),
            None => std::future::pending().await,
        }
    }
}

impl State {
    fn configuration(&self, issuer: &str) -> Value {
        let mut told = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        match &self.lie {
            Some(Lie::Configuration(change)) => change(&mut told),
            Some(Lie::SecretInBody) => told["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt", "client_secret_post"]),
            _ => {}
        }
        told
    }

    fn published(&self) -> Value {
        let key = |(name, key): &(String, Arc<EcdsaKeyPair>)| {
            let point = key.public_key().as_ref();
            json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": name, "x": encode(&point[1..33]), "y": encode(&point[33..]) })
        };
        json!({ "keys": self.keys.iter().map(key).collect::<Vec<_>>() })
    }

    /// A token for a code; `None` to say nothing.
    fn trade(&mut self, issuer: &str, received: &Received) -> Option<String> {
        match &self.lie {
            Some(Lie::Says(bytes)) => return Some(bytes.clone()),
            Some(Lie::Hangs) => return None,
            _ => {}
        }
        let form = form(&received.body);
        let given = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let shown = if matches!(self.lie, Some(Lie::SecretInBody)) {
            (given("client_id").to_owned(), given("client_secret").to_owned())
        } else {
            let basic = received.header("authorization").strip_prefix("Basic ").unwrap_or_default();
            let text = String::from_utf8(STANDARD.decode(basic).unwrap_or_default()).unwrap_or_default();
            let (id, secret) = text.split_once(':').unwrap_or_default();
            let read = self::form(&format!("id={id}&secret={secret}"));
            (read["id"].clone(), read["secret"].clone())
        };
        if shown != (CLIENT.to_owned(), SECRET.to_owned()) {
            return Some(answer(401, &json!({ "error": "invalid_client" })));
        }
        let code = self.codes.remove(given("code")).filter(|code| {
            let challenge = encode(digest(&SHA256, given("code_verifier").as_bytes()));
            given("grant_type") == "authorization_code"
                && code.query["redirect_uri"] == given("redirect_uri")
                && code.query["code_challenge"] == challenge
        });
        let Some(code) = code else { return Some(answer(400, &json!({ "error": "invalid_grant" }))) };
        let mut claims = json!({
            "iss": issuer, "aud": CLIENT, "nonce": code.query["nonce"], "iat": code.now, "exp": code.now + 300,
            "sub": code.claims.sub, "email": code.claims.email, "email_verified": code.claims.email_verified, "name": "Mia Chen"
        });
        if let Some(Lie::Claims(change)) = self.lie {
            change(&mut claims);
        }
        let (name, key) = &self.keys[0];
        let algorithm = match self.lie {
            Some(Lie::Unsigned) => "none",
            Some(Lie::SharedSecret) => "HS256",
            _ => "ES256",
        };
        let header = json!({ "alg": algorithm, "kid": name, "typ": "JWT" });
        let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let sign = |key: &EcdsaKeyPair| encode(key.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature"));
        let signature = match self.lie {
            Some(Lie::Unsigned) => String::new(),
            Some(Lie::OtherKey) => sign(&new_key()),
            Some(Lie::SharedSecret) => encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message.as_bytes())),
            _ => sign(key),
        };
        let token = format!("{message}.{signature}");
        Some(answer(200, &json!({ "access_token": "x", "token_type": "Bearer", "expires_in": 300, "id_token": token })))
    }
}
