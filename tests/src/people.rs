use crate::{Answer, Live, World, world::text};
use reqwest::Method;
use serde_json::{Value, json};

/// An organisation and who founded it.
#[derive(Clone)]
pub struct Organization {
    pub id: String,
    pub owner: Person,
    pub(crate) world: World,
}

impl Organization {
    /// Somebody is invited with this role, follows the link of the mail, and logs in.
    pub async fn joins(&self, name: &str, role: &str) -> Person {
        let email = self.world.email(&name.to_lowercase());
        self.owner.post("/api/v1/invitations", json!({ "email": email, "role": role })).await.expect(201);
        let token = self.world.link(&email, "join").await;
        let form = json!({ "token": token, "name": name, "password": crate::world::PASSWORD });
        self.world.post("/api/v1/auth/join", form).await.expect(201);
        Person::login(&self.world, &email, crate::world::PASSWORD).await
    }

    pub async fn project(&self, name: &str) -> String {
        text(&self.owner.post("/api/v1/projects", json!({ "name": name })).await.expect(201)["id"])
    }
}

/// Somebody who is logged in.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub access: String,
    pub refresh: String,
    pub world: World,
}

impl Person {
    pub async fn login(world: &World, email: &str, password: &str) -> Self {
        let tokens = world.post("/api/v1/auth/login", json!({ "email": email, "password": password })).await.expect(200);
        Self {
            id: text(&tokens["user"]),
            email: email.to_owned(),
            access: text(&tokens["access_token"]),
            refresh: text(&tokens["refresh_token"]),
            world: world.clone(),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.world.request(method, path).bearer_auth(&self.access)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.world.ask(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.world.ask(self.request(Method::POST, path).json(&body)).await
    }

    /// Posts with an `Idempotency-Key`.
    pub async fn post_once(&self, key: &str, path: &str, body: Value) -> Answer {
        self.world.ask(self.request(Method::POST, path).header("idempotency-key", key).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.world.ask(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.world.ask(self.request(Method::PATCH, path).json(&body)).await
    }

    /// Patches the version that was seen.
    pub async fn patch_seen(&self, version: u64, path: &str, body: Value) -> Answer {
        self.world.ask(self.request(Method::PATCH, path).header("if-match", format!("\"{version}\"")).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.world.ask(self.request(Method::DELETE, path)).await
    }

    /// Every item of a list, page by page.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), None);
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let next = cursor.as_ref().map_or_else(String::new, |cursor| format!("{sign}cursor={cursor}"));
            let page = self.get(&format!("{path}{next}")).await.expect(200);
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return items,
            }
        }
    }

    pub async fn task(&self, project: &str, title: &str) -> Value {
        self.post("/api/v1/tasks", json!({ "project": project, "title": title })).await.expect(201)
    }

    /// The one-to-one conversation with somebody.
    pub async fn talks_to(&self, other: &Person) -> String {
        let answer = self.post("/api/v1/conversations", json!({ "with": other.id })).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        text(&answer.json["id"])
    }

    /// Opens a WebSocket.
    pub async fn live(&self) -> Live {
        let ticket = self.post("/api/v1/socket-tickets", json!({})).await.expect(200);
        Live::open(&text(&ticket["url"])).await
    }
}
