use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub asked: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    pub(crate) async fn read(asked: String, response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap_or_default();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { asked, status, headers, text, json }
    }

    /// The answer's body, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{} was answered with {}", self.asked, self.text);
        self.json
    }

    /// A refusal with this status and of this kind, as a problem document.
    #[track_caller]
    pub fn refused(self, status: u16, kind: &str) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} was answered with {}", self.asked, self.text);
        let problem = self.expect(status);
        assert_eq!(problem["type"], format!("/problems/{kind}"), "{problem}");
        assert_eq!(problem["status"], status);
        assert!(problem["request"].as_str().is_some_and(|id| !id.is_empty()), "{problem}");
        problem
    }

    /// A refusal of exactly these fields.
    #[track_caller]
    pub fn refused_fields(self, fields: &[&str]) -> Value {
        let problem = self.refused(422, "invalid");
        let named: Vec<_> = problem["errors"].as_array().into_iter().flatten().filter_map(|error| error["field"].as_str()).collect();
        assert_eq!(named, fields, "{problem}");
        problem
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
