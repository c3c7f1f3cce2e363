use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

const MAIL: &str = "From: Office <office@example.com>\r
To: Mia <mia@example.com>\r
Message-ID: <hello@example.com>\r
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r
Date: Sat, 21 Nov 2026 13:00:00 +0000\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=m\r
\r
--m\r
Content-Type: multipart/alternative; boundary=a\r
\r
--a\r
Content-Type: text/plain; charset=utf-8\r
\r
Hello <Mia>\r
--a\r
Content-Type: text/html; charset=utf-8\r
\r
<p>Hello <b>Mia</b><script>alert(1)</script></p>\r
--a--\r
--m\r
Content-Type: application/pdf; name=\"invoice.pdf\"\r
Content-Disposition: attachment; filename=\"invoice.pdf\"\r
Content-Transfer-Encoding: base64\r
\r
JVBERg==\r
--m--\r
";

async fn post(stack: &Stack) -> String {
    let address = &stack.environment().variables["AWS_ENDPOINT_URL_SES"];
    let body = json!({ "Content": { "Raw": { "Data": STANDARD.encode(MAIL) } } });
    let request = Request::post(format!("{address}/v2/email/outbound-emails"))
        .header("content-type", "application/json")
        .header("authorization", "signed")
        .body(Full::new(body.to_string().into()));
    let answer = send(request.expect("a request")).await;
    answer.json()["MessageId"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_mail_can_be_read_by_people_and_tests() {
    let stack = start([]).await;
    let id = post(&stack).await;
    let mails = ask(&stack, Method::GET, "/_local/mail.json", "").await.json();
    assert_eq!(
        mails,
        json!([{
            "id": id,
            "message_id": "hello@example.com",
            "from": "office@example.com",
            "to": ["mia@example.com"],
            "subject": "Grüße",
            "date": "2026-11-21T13:00:00Z",
            "text": "Hello <Mia>",
            "html": "<p>Hello <b>Mia</b><script>alert(1)</script></p>",
            "attachments": ["invoice.pdf"],
        }])
    );
    let list = ask(&stack, Method::GET, "/_local/mail", "").await;
    assert!(String::from_utf8_lossy(&list.body).contains("Grüße"));
    let page = ask(&stack, Method::GET, &format!("/_local/mail/{id}"), "").await;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    assert!(page.contains("Hello &lt;Mia&gt;") && !page.contains("<script"), "{page}");
    let raw = ask(&stack, Method::GET, &format!("/_local/mail/{id}/raw"), "").await;
    assert_eq!(raw.headers["content-type"], "message/rfc822");
    assert_eq!(raw.body, MAIL);
}

#[tokio::test]
async fn mail_is_still_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = start_in(Some(folder.path()), []).await;
    let id = post(&stack).await;
    stack.stop().await;
    let stack = start_in(Some(folder.path()), []).await;
    let mails = ask(&stack, Method::GET, "/_local/mail.json", "").await.json();
    assert_eq!(mails[0]["id"], id);
}
