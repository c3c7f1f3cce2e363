use backend::{
    Backend,
    outside::{Ask, Told},
};
use domain::{
    Error, Result, Timestamp,
    commit::Change,
    limits,
    webhook::{Outcome, Webhook, message},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::SignedDuration;

/// Posts a change to a webhook, once. That it is not taken is an outcome and no error.
pub async fn make(backend: &Backend, webhook: &Webhook, change: &Change) -> Result<Outcome> {
    let began = backend.now();
    let body = serde_json::to_vec(&message(change)).map_err(Error::internal)?;
    let signatures = backend.webhook_signatures(&change.organization, webhook, change.id.as_str(), &body).await?;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", change.id.as_str()),
        ("webhook-timestamp", &began.as_second().to_string()),
        ("webhook-signature", &signatures),
        ("content-type", "application/json"),
        ("user-agent", "Office-Copilot"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).map_err(Error::internal)?);
    }
    let ask = Ask {
        method: Method::POST,
        url: webhook.url.clone(),
        headers,
        body,
        patience: limits::WEBHOOK_PATIENCE.unsigned_abs(),
        most: limits::WEBHOOK_ANSWER,
    };
    let told = backend.outside().ask(ask).await;
    let now = backend.now();
    let took = now.duration_since(began);
    Ok(match told {
        Ok(told) => Outcome {
            status: Some(told.status.as_u16()),
            problem: told.status.is_redirection().then(|| "a redirect is not followed".to_owned()),
            wait: wait(&told, now),
            answer: String::from_utf8_lossy(&told.body).into_owned(),
            took,
        },
        Err(failure) => Outcome { problem: Some(failure.to_string()), took, ..Outcome::default() },
    })
}

/// How long the receiver asks us to wait, in seconds or until a date; a day at the most.
fn wait(told: &Told, now: Timestamp) -> Option<SignedDuration> {
    if !matches!(told.status.as_u16(), 429 | 503) {
        return None;
    }
    let text = told.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u32>() {
        Ok(seconds) => SignedDuration::from_secs(seconds.into()),
        Err(_) => jiff::fmt::rfc2822::parse(text).ok()?.timestamp().duration_since(now),
    };
    Some(wait.clamp(SignedDuration::ZERO, SignedDuration::from_hours(24)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn a_wait_is_read_in_seconds_and_as_a_date() {
        let now = Timestamp::from_second(784_111_777).unwrap();
        let asked = |status: u16, text: &str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
            wait(&Told { status: StatusCode::from_u16(status).unwrap(), headers, body: Vec::new(), whole: true }, now)
        };
        assert_eq!(asked(429, "120"), Some(SignedDuration::from_secs(120)));
        assert_eq!(asked(503, "Sun, 06 Nov 1994 08:50:37 GMT"), Some(SignedDuration::from_secs(60)));
        assert_eq!(asked(429, "Sun, 06 Nov 1994 08:40:37 GMT"), Some(SignedDuration::ZERO));
        assert_eq!(asked(429, "4000000000"), Some(SignedDuration::from_hours(24)));
        assert_eq!((asked(429, "soon"), asked(500, "120")), (None, None));
    }
}
