//! The mailbox as pages for people.

use std::fmt::Write;

use axum::{
    http::header,
    response::{Html, IntoResponse},
};

use crate::mailbox::Letter;

const STYLE: &str = "
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
  a { color: inherit } h1 { font-size: 1.3rem }
  li { list-style: none; border-top: 1px solid #8884; padding: .6rem 0 } ul { padding: 0 }
  li a { text-decoration: none; font-weight: 600 } small { opacity: .7; display: block }
  iframe { width: 100%; height: 60vh; border: 1px solid #8884; border-radius: 8px; background: #fff }
  pre { white-space: pre-wrap; border: 1px solid #8884; border-radius: 8px; padding: 1rem }";

pub(crate) fn list(letters: &[Letter]) -> impl IntoResponse + use<> {
    let mut items = String::new();
    for letter in letters {
        // Writing to a String cannot fail
        let _ = write!(
            items,
            "<li><a href='/_local/mail/{id}'>{subject}</a><small>{date} · to {to}</small></li>",
            id = escape(&letter.id),
            subject = escape(subject(letter)),
            date = escape(&letter.date),
            to = escape(&letter.to.join(", ")),
        );
    }
    if items.is_empty() {
        items = "<li>No mail yet.</li>".into();
    }
    page("Mailbox", &format!("<h1>Mailbox</h1><ul>{items}</ul>"))
}

pub(crate) fn show(letter: &Letter) -> impl IntoResponse + use<> {
    let mut body = format!(
        "<p><a href='/_local/mail'>Mailbox</a></p><h1>{subject}</h1>
         <small>{date} · from {from} to {to} · <a href='/_local/mail/{id}/raw'>source</a></small>",
        subject = escape(subject(letter)),
        date = escape(&letter.date),
        from = escape(&letter.from),
        to = escape(&letter.to.join(", ")),
        id = escape(&letter.id),
    );
    if !letter.attachments.is_empty() {
        let names = escape(&letter.attachments.join(", "));
        let _ = write!(body, "<small>Attached: {names}</small>");
    }
    if let Some(html) = &letter.html {
        // The sandbox lets it open links and nothing else
        let html = escape(&format!("<base target=_blank>{html}"));
        let _ = write!(body, "<p><iframe sandbox='allow-popups' title='The mail' srcdoc=\"{html}\"></iframe></p>");
    }
    if let Some(text) = &letter.text {
        let _ = write!(body, "<pre>{}</pre>", escape(text));
    }
    page(subject(letter), &body)
}

fn subject(letter: &Letter) -> &str {
    match letter.subject.as_str() {
        "" => "(no subject)",
        subject => subject,
    }
}

fn page(title: &str, body: &str) -> impl IntoResponse + use<> {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:";
    let title = escape(title);
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>
         <meta name=viewport content='width=device-width'><style>{STYLE}</style>{body}"
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
