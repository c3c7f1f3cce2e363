//! What an organisation decides for all who belong to it, and that it holds.

use crate::forms::{client, line};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Organization, Person, World};

const PASSWORD: &str = "correct horse battery";
const SETTINGS: &str = "/api/v1/organization/settings";
const HOLIDAYS: &str = "/api/v1/organization/holidays";

async fn decide(acme: &Organization, edit: Value) -> Value {
    acme.owner.patch(SETTINGS, edit).await.expect(200)
}

#[tokio::test]
async fn what_is_decided_is_read_by_all_changed_by_some_and_has_a_version() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let usual = ben.get(SETTINGS).await.expect(200);
    assert_eq!((&usual["inbox_days"], &usual["passwords"]["least"], &usual["version"]), (&json!(365), &json!(10), &json!(0)));
    ben.patch(SETTINGS, json!({ "inbox_days": 30 })).await.refused(403, "forbidden");
    let first = acme.owner.patch_seen(0, SETTINGS, json!({ "inbox_days": 30 })).await.expect(200);
    assert_eq!((&first["version"], &first["working_hours"]), (&json!(1), &usual["working_hours"]));
    acme.owner.patch_seen(0, SETTINGS, json!({ "inbox_days": 60 })).await.refused(412, "stale");
    let change = acme.owner.list("/api/v1/changes?record=settings").await.remove(0);
    assert_eq!((&change["action"], &change["after"]["inbox_days"]), (&json!("settings.edited"), &json!(30)));
    for (edit, field) in [
        (json!({ "inbox_days": 6 }), "/inbox_days"),
        (json!({ "inbox_days": 366 }), "/inbox_days"),
        (json!({ "passwords": { "least": 9, "own_words": true } }), "/passwords/least"),
        (json!({ "passwords": { "least": 65, "own_words": true } }), "/passwords/least"),
        (json!({ "colour": "#ffff00" }), "/colour"),
        (json!({ "email_domains": ["example"] }), "/email_domains/0"),
        (json!({ "working_hours": { "monday": [{ "from": "09:00", "to": "08:00" }] } }), "/working_hours"),
        (json!({ "zone": "Europe/London" }), "/zone"),
        (json!({ "audit_days": 30 }), "/audit_days"),
    ] {
        acme.owner.patch(SETTINGS, edit).await.refused_fields(&[field]);
    }
}

#[tokio::test]
async fn a_new_password_is_what_every_organisation_of_its_owner_asks_for() {
    let world = World::new().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Globex").await);
    let ben = acme.joins("Benjamin", "member").await;
    other.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "member" })).await.expect(201);
    world.post("/api/v1/auth/join", json!({ "token": world.link(&ben.email, "join").await, "password": PASSWORD })).await.expect(201);
    decide(&acme, json!({ "passwords": { "least": 24, "own_words": true } })).await;
    decide(&other, json!({ "passwords": { "least": 10, "own_words": false } })).await;

    // The one from before goes on
    let ben = Person::login(&world, &ben.email, PASSWORD).await;
    let change = async |new: &str| ben.post("/api/v1/auth/change-password", json!({ "current": PASSWORD, "new": new })).await;
    for wrong in [
        "correct horse battery s",
        "benjamin likes his horse battery",
        "all of us at GLOBEX like horses",
        "the horses of acme like batteries",
    ] {
        change(wrong).await.refused_fields(&["/new"]);
    }
    change("correct horse battery staple").await.expect(204);

    world.post("/api/v1/auth/forgot-password", json!({ "email": ben.email })).await.expect(204);
    let token = world.link(&ben.email, "reset-password").await;
    let reset = async |new: &str| world.post("/api/v1/auth/reset-password", json!({ "token": token, "new": new })).await;
    reset("correct horse battery s").await.refused_fields(&["/new"]);
    reset("staple battery horse correct").await.expect(204);

    let cleo = world.email("cleo");
    acme.owner.post("/api/v1/invitations", json!({ "email": cleo, "role": "member" })).await.expect(201);
    let token = world.link(&cleo, "join").await;
    let join =
        async |password: &str| world.post("/api/v1/auth/join", json!({ "token": token, "name": "Cleo", "password": password })).await;
    join("correct horse battery").await.refused_fields(&["/password"]);
    join("correct horse battery staple").await.expect(201);
}

#[tokio::test]
async fn only_addresses_at_allowed_domains_are_invited_ask_to_join_are_approved_and_let_in() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let joining = acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200);
    let code = &joining["joining"]["code"];
    let ask = async |email: &str| world.post("/api/v1/auth/ask-to-join", json!({ "code": code, "email": email })).await;
    let invite = async |email: &str| acme.owner.post("/api/v1/invitations", json!({ "email": email, "role": "member" })).await;
    let early = world.email("early");
    ask(&early).await.expect(204);
    let (sent, late) = (invite(&world.email("sent")).await.expect(201), world.email("late"));
    invite(&late).await.expect(201);
    let link = world.link(&late, "join").await;
    let asked = acme.owner.list("/api/v1/invitations").await.into_iter().find(|one| one["email"] == early).unwrap();

    let kept = decide(&acme, json!({ "email_domains": ["Bücher.example", "acme.example", "acme.example"] })).await;
    assert_eq!(kept["email_domains"], json!(["acme.example", "xn--bcher-kva.example"]));
    for stranger in ["eve@example.com", "eve@sub.acme.example", "eve@notacme.example"] {
        invite(stranger).await.refused_fields(&["/email"]);
        ask(stranger).await.refused_fields(&["/email"]);
    }
    let list = acme.owner.request(reqwest::Method::POST, "/api/v1/members/import").header("content-type", "text/csv");
    let told = world.ask(list.body("email\neve@example.com\n")).await.refused_fields(&["/2/email"]);
    let invited = invite("eve@example.com").await.refused_fields(&["/email"]);
    assert_eq!(told["errors"][0]["message"], invited["errors"][0]["message"], "a list is told the same");
    let one = |name: &str, host: &str| format!("{name}-{}@{host}", world.unique());
    invite(&one("mia", "acme.example")).await.expect(201);
    invite(&one("mia", "xn--bcher-kva.example")).await.expect(201);
    ask(&one("ned", "ACME.example")).await.expect(204);
    let path = |one: &Value, verb: &str| format!("/api/v1/invitations/{}/{verb}", one["id"].as_str().unwrap());
    acme.owner.post(&path(&asked, "approve"), json!({})).await.refused(409, "conflict");
    acme.owner.post(&path(&sent, "resend"), json!({})).await.refused(409, "conflict");

    // Nor does a link let anybody in that was sent before
    let form = json!({ "token": link, "name": "Late", "password": PASSWORD });
    world.post("/api/v1/auth/join", form.clone()).await.refused(409, "conflict");

    // Nor is anybody let in as a guest, who are from outside, and made a member then
    let gus = format!("/api/v1/members/{}", acme.joins("Gus", "guest").await.id);
    acme.owner.patch(&gus, json!({ "role": "member" })).await.refused(409, "conflict");

    decide(&acme, json!({ "email_domains": [] })).await;
    acme.owner.patch(&gus, json!({ "role": "member" })).await.expect(200);
    world.post("/api/v1/auth/join", form).await.expect(201);
    acme.owner.post(&path(&asked, "approve"), json!({})).await.expect(200);
}

#[tokio::test]
async fn working_days_are_those_of_the_organisations_own_calendar_and_zone() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ask = async |query: &str| acme.owner.get(&format!("/api/v1/organization/working-days?{query}")).await;
    acme.owner.patch("/api/v1/organization", json!({ "zone": "America/New_York" })).await.expect(200);
    let hours = json!({ "monday": [{ "from": "09:00", "to": "12:00" }, { "from": "13:00", "to": "17:30" }], "sunday": [{ "from": "00:00", "to": "04:00" }] });
    decide(&acme, json!({ "working_hours": hours, "holidays": [{ "date": "2026-03-16", "name": "Founders’ Day" }] })).await;
    // Clocks go forward on the eighth of March
    let days = ask("from=2026-03-08&to=2026-03-16").await.expect(200);
    assert_eq!((&days["zone"], &days["working_days"], &days["minutes"]), (&json!("America/New_York"), &json!(3), &json!(180 + 450 + 240)));
    assert_eq!(days["days"][0]["hours"], json!([{ "from": "2026-03-08T05:00:00Z", "to": "2026-03-08T08:00:00Z" }]));
    assert_eq!(days["days"][1]["hours"][0]["from"], "2026-03-09T13:00:00Z");
    assert_eq!((&days["days"][8]["holiday"], &days["days"][8]["minutes"]), (&json!("Founders’ Day"), &json!(0)));
    for (query, field) in [
        ("from=2026-01-01&to=2027-01-02", "to"),
        ("from=2026-01-02&to=2026-01-01", "to"),
        ("from=2026-01-02", "to"),
        ("from=2026-02-30&to=2026-03-01", "from"),
        ("from=2026-01-01&to=2026-01-02&zone=Etc%2FUTC", "zone"),
    ] {
        ask(query).await.refused_fields(&[field]);
    }
}

#[tokio::test]
async fn holidays_come_from_a_calendar_or_a_list() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let import = async |text: &str| acme.owner.post(HOLIDAYS, json!({ "text": text })).await;
    let calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261227\r\nSUMMARY:Christmas\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nDTSTART:20261231T200000Z\r\nSUMMARY:Party\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let read = import(calendar).await.expect(200);
    assert_eq!((&read["read"], &read["skipped"]), (&json!(2), &json!(1)));
    let read = import("2026-12-26 Boxing Day\n2026-01-01 New Year").await.expect(200);
    let told: Vec<_> =
        read["settings"]["holidays"].as_array().unwrap().iter().map(|day| format!("{} {}", day["date"], day["name"])).collect();
    assert_eq!(told, [r#""2026-01-01" "New Year""#, r#""2026-12-25" "Christmas""#, r#""2026-12-26" "Boxing Day""#]);
    import("Christmas").await.refused_fields(&["/text"]);
    import("BEGIN:VCALENDAR\nEND:VCALENDAR").await.refused_fields(&["/text"]);
    let many: Vec<_> = (0..401).map(|n| format!("{}-{:02}-{:02} Day {n}", 2027 + n / 336, n / 28 % 12 + 1, n % 28 + 1)).collect();
    import(&many.join("\n")).await.refused_fields(&["/text"]);
    import(&many[..400].join("\n")).await.refused_fields(&["/holidays"]);
}

#[tokio::test]
async fn an_inbox_is_kept_as_long_as_the_organisation_says() {
    let world = World::alone().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    decide(&acme, json!({ "inbox_days": 7 })).await;
    let mut people = Vec::new();
    for house in [&acme, &other] {
        let ben = house.joins("Ben", "member").await;
        let project = house.project("Garden").await;
        house.owner.post("/api/v1/tasks", json!({ "project": project, "title": "Mow", "assignees": [ben.id] })).await.expect(201);
        people.push(ben);
    }
    world.idle().await;
    for (days, kept) in [(6, [1, 1]), (1, [0, 1])] {
        world.advance(Duration::from_secs(days * 24 * 3600 + 10)).await;
        for (person, count) in people.iter().zip(kept) {
            let person = Person::login(&world, &person.email, PASSWORD).await;
            assert_eq!(person.list("/api/v1/notifications").await.len(), count);
        }
    }
}

#[tokio::test]
async fn an_invoice_has_the_colour_its_organisation_had_when_it_was_made() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let client = client(&acme).await;
    let draft = async || {
        let draft = json!({ "client": client, "lines": [line()] });
        acme.owner.post("/api/v1/invoices", draft).await.expect(201)["colour"].clone()
    };
    assert_eq!(draft().await, json!(null));
    decide(&acme, json!({ "colour": "#8A1538" })).await;
    assert_eq!(draft().await, "#8a1538");
    decide(&acme, json!({ "colour": null })).await;
    assert_eq!(draft().await, json!(null));
}

#[tokio::test]
async fn what_stands_on_invoices_is_taken_off_again_and_nothing_is_written_where_nothing_changes() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (owner, path) = (&acme.owner, "/api/v1/organization");
    let given = json!({ "email": "office@acme.example", "tax_number": "GB 1", "bank": "IBAN GB33 BUKB 2020 1555 5555 55" });
    let before = owner.patch(path, given.clone()).await.expect(200);
    let changes = owner.list("/api/v1/changes").await.len();
    for same in [json!({}), given, json!({ "phone": before["phone"] })] {
        assert_eq!(owner.patch(path, same).await.expect(200)["version"], before["version"]);
    }
    owner.patch(SETTINGS, json!({})).await.expect(200);
    owner.patch("/api/v1/auth/card", json!({ "skills": [] })).await.expect(200);
    owner.patch("/api/v1/auth/profile", json!({ "phone": null })).await.expect(200);
    owner.patch(&format!("/api/v1/members/{}", owner.id), json!({ "role": "owner" })).await.expect(200);
    assert_eq!(owner.list("/api/v1/changes").await.len(), changes);
    let after = owner.patch(path, json!({ "email": null, "tax_number": null, "bank": null })).await.expect(200);
    assert_eq!((&after["email"], &after["tax_number"], &after["bank"]), (&json!(null), &json!(null), &json!(null)));
    let project = acme.project("Garden").await;
    let project = format!("/api/v1/projects/{project}");
    owner.patch(&project, json!({ "starts_on": "2026-12-01", "ends_on": "2026-12-24" })).await.expect(200);
    assert_eq!(owner.patch(&project, json!({ "ends_on": null })).await.expect(200)["ends_on"], json!(null));
    // Names go to people who know neither, and lead nowhere
    owner.patch(path, json!({ "name": "PayPal: https://evil.example" })).await.refused_fields(&["/name"]);
    owner.patch("/api/v1/auth/profile", json!({ "name": "See www.evil.example" })).await.refused_fields(&["/name"]);
}
