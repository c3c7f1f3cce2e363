use crate::{
    Answer, Person, World, code,
    world::{PASSWORD, text},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::{Read, Seek, Write},
};

/// The first operator: whoever of those that share a system made it.
const FIRST: &str = "ada@platform.example";
/// For how many seconds others go on with a session, so that it does not end in their hands.
const SHARED: i64 = 1800;
const FACTOR: &str = "/api/v1/platform/second-factor";

/// What the authenticator apps of this world's operators know, by the operators' addresses.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Apps(BTreeMap<String, App>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct App {
    secret: String,
    /// The half minute of the last code that was used.
    used: i64,
    /// The latest session, which others go on with where many share a system, and the second it began.
    access: String,
    since: i64,
}

impl World {
    /// An operator of the platform, who may do all that operators do.
    pub async fn operator(&self) -> Person {
        let Some(mut file) = self.shared_apps() else { return self.first_operator().await };
        file.lock().expect("a turn with the operator");
        let mut known = String::new();
        file.read_to_string(&mut known).expect("what is known of the operator");
        let known: Apps = serde_json::from_str(&known).unwrap_or_default();
        self.apps(|apps| apps.0.extend(known.0));
        let operator = self.first_operator().await;
        file.set_len(0).and_then(|()| file.rewind()).expect("room for what is known now");
        file.write_all(self.apps(|apps| json!(apps)).to_string().as_bytes()).expect("what is known now is written");
        operator
    }

    /// A code that an operator's app shows and that was not used: three of them are taken at any moment.
    pub async fn operator_code(&self, email: &str) -> String {
        let now = self.now().await;
        let present = now.as_second() / 30;
        let (secret, step) = self.apps(|apps| {
            let app = apps.0.get_mut(email).expect("an operator who has an app");
            app.used = (app.used + 1).max(present - 1);
            (app.secret.clone(), app.used)
        });
        assert!(step <= present + 1, "all codes of this half minute were used");
        code(&secret, now, step - present)
    }

    async fn first_operator(&self) -> Person {
        let form = json!({ "token": self.setup_token(), "name": "Ada", "email": FIRST, "password": PASSWORD });
        let answer = self.post("/api/v1/platform/setup", form).await;
        match answer.status.as_u16() {
            // Whatever is known is of a system that is no more
            201 => drop(self.apps(|apps| apps.0.remove(FIRST))),
            _ => drop(answer.refused(409, "conflict")),
        }
        Person::sign_in_operator(self, FIRST).await
    }
}

impl Person {
    /// Somebody who runs the platform. With their first sign-in they set up their second factor.
    pub async fn sign_in_operator(world: &World, email: &str) -> Self {
        match world.apps(|apps| apps.0.get(email).cloned()) {
            Some(app) => Self::with_code(world, email, app).await,
            None => Self::enrolled(world, email).await,
        }
    }

    /// The answer to a sign-in with the password alone.
    pub async fn half_signed_in(world: &World, email: &str) -> Answer {
        world.post("/api/v1/platform/login", json!({ "email": email, "password": PASSWORD })).await
    }

    async fn enrolled(world: &World, email: &str) -> Self {
        let operator = Self::of_operator(world, email, Self::half_signed_in(world, email).await);
        let enrolment = operator.post(FACTOR, json!({ "password": PASSWORD })).await.expect(200);
        let secret = text(&enrolment["secret"]);
        let now = world.now().await;
        // The earliest that is taken, so that there are two more at once
        let app = App { used: now.as_second() / 30 - 1, access: operator.access.clone(), since: now.as_second(), secret };
        operator.post(&format!("{FACTOR}/confirm"), json!({ "code": code(&app.secret, now, -1) })).await.expect(200);
        world.apps(|apps| apps.0.insert(email.to_owned(), app));
        operator
    }

    async fn with_code(world: &World, email: &str, app: App) -> Self {
        let known =
            Self { id: String::new(), email: email.to_owned(), access: app.access.clone(), refresh: String::new(), world: world.clone() };
        if world.is_shared() && world.now().await.as_second() - app.since < SHARED {
            let me = known.get("/api/v1/platform/me").await;
            if me.status == 200 {
                return Self { id: text(&me.json["id"]), ..known };
            }
        }
        let form = json!({ "email": email, "password": PASSWORD, "code": world.operator_code(email).await });
        let since = world.now().await.as_second();
        let operator = Self::of_operator(world, email, world.post("/api/v1/platform/login", form).await);
        world.apps(|apps| apps.0.get_mut(email).map(|app| (app.access, app.since) = (operator.access.clone(), since)));
        operator
    }

    fn of_operator(world: &World, email: &str, answer: Answer) -> Self {
        let token = answer.expect(200);
        Self {
            id: text(&token["operator"]["id"]),
            email: email.to_owned(),
            access: text(&token["access_token"]),
            refresh: String::new(),
            world: world.clone(),
        }
    }
}
