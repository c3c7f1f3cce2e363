//! Who people say they are, what of it others see, and how they want to be told.

use serde_json::{Value, json};
use std::time::Duration;
use tests::{Organization, Person, World};

const PASSWORD: &str = "correct horse battery";
const PROFILE: &str = "/api/v1/auth/profile";
const CARD: &str = "/api/v1/auth/card";

/// A task for somebody, which they are told of.
async fn give(acme: &Organization, title: &str, to: &Person) -> Value {
    let project = acme.project(title).await;
    acme.owner.post("/api/v1/tasks", json!({ "project": project, "title": title, "assignees": [to.id] })).await.expect(201)
}

async fn mails_about(person: &Person, title: &str) -> Vec<Value> {
    let mut mails = person.world.mails(&person.email).await;
    mails.retain(|mail| mail["subject"].as_str().is_some_and(|subject| subject.contains(title)));
    mails
}

async fn told_of(person: &Person, title: &str) -> usize {
    let told = person.list("/api/v1/notifications").await;
    told.iter().filter(|one| one["text"].as_str().is_some_and(|text| text.contains(title))).count()
}

#[tokio::test]
async fn what_somebody_says_of_themselves_is_felt_wherever_they_belong() {
    let world = World::new().await;
    let (acme, other, left) = (world.organization("Acme").await, world.organization("Other").await, world.organization("Left").await);
    let mia = &other.owner;
    for there in [&acme, &left] {
        there.owner.post("/api/v1/invitations", json!({ "email": mia.email, "role": "member" })).await.expect(201);
        world.post("/api/v1/auth/join", json!({ "token": world.link(&mia.email, "join").await, "password": PASSWORD })).await.expect(201);
    }
    left.owner.delete(&format!("/api/v1/members/{}", mia.id)).await.expect(204);
    let edit = json!({ "name": "Mia Chen", "phone": "+44 20 7946 0001", "zone": "Asia/Tokyo", "locale": "ja-jp" });
    let profile = mia.patch(PROFILE, edit).await.expect(200);
    assert_eq!(profile["locale"], "ja-JP");
    world.idle().await;
    for there in [&acme, &other] {
        let member = there.owner.get(&format!("/api/v1/members/{}", mia.id)).await.expect(200);
        assert_eq!(member["name"], "Mia Chen");
        let card = there.owner.get(&format!("/api/v1/members/{}/card", mia.id)).await.expect(200);
        let shown = (&card["phone"], &card["zone"], &card["locale"]);
        assert_eq!(shown, (&json!("+44 20 7946 0001"), &json!("Asia/Tokyo"), &json!("ja-JP")));
    }
    let author = left.owner.get(&format!("/api/v1/members/{}", mia.id)).await.expect(200);
    assert_eq!(author["name"], "Other Owner", "who has left is remembered as they were");

    // Whoever joins later brings it along
    let late = world.organization("Late").await;
    late.owner.post("/api/v1/invitations", json!({ "email": mia.email, "role": "member" })).await.expect(201);
    world.post("/api/v1/auth/join", json!({ "token": world.link(&mia.email, "join").await, "password": PASSWORD })).await.expect(201);
    world.idle().await;
    let card = late.owner.get(&format!("/api/v1/members/{}/card", mia.id)).await.expect(200);
    assert_eq!(card["zone"], "Asia/Tokyo");
    mia.patch(PROFILE, json!({ "phone": null })).await.expect(200);
    world.idle().await;
    assert_eq!(late.owner.get(&format!("/api/v1/members/{}/card", mia.id)).await.expect(200)["phone"], json!(null));
}

#[tokio::test]
async fn the_date_of_birth_is_for_those_who_manage_members_and_ones_choices_for_nobody() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, cleo) = (acme.joins("Ben", "member").await, acme.joins("Cleo", "manager").await);
    let quiet = json!({ "from": "22:00", "to": "07:00" });
    let edit = json!({ "date_of_birth": "1990-05-17", "quiet_hours": quiet, "notifications": { "moved": { "email": true } } });
    let mine = ben.patch(PROFILE, edit).await.expect(200);
    assert_eq!((&mine["date_of_birth"], &mine["notifications"]["moved"]["email"]), (&json!("1990-05-17"), &json!(true)));
    ben.patch(PROFILE, json!({ "name": "Benjamin" })).await.expect(200);
    world.idle().await;

    let personal = format!("/api/v1/members/{}/personal", ben.id);
    cleo.get(&personal).await.refused(403, "forbidden");
    ben.get(&personal).await.refused(403, "forbidden");
    assert_eq!(acme.owner.get(&personal).await.expect(200)["date_of_birth"], "1990-05-17");
    let seen = [
        cleo.get(&format!("/api/v1/members/{}/card", ben.id)).await.text,
        cleo.get(&format!("/api/v1/members/{}", ben.id)).await.text,
        cleo.get("/api/v1/members").await.text,
        acme.owner.get(&format!("/api/v1/changes?person={}", ben.id)).await.text,
        acme.owner.get(&format!("/api/v1/changes?record={}", ben.id)).await.text,
        acme.owner.get("/api/v1/changes?limit=100").await.text,
    ];
    for text in seen {
        assert!(text.contains(&ben.id), "{text}");
        for secret in ["1990-05-17", "quiet", "22:00", "in_app"] {
            assert!(!text.contains(secret), "{secret} is told in {text}");
        }
    }
    ben.patch(PROFILE, json!({ "date_of_birth": null })).await.expect(200);
    world.idle().await;
    assert_eq!(acme.owner.get(&personal).await.expect(200)["date_of_birth"], json!(null));
}

#[tokio::test]
async fn title_and_department_are_given_and_the_history_follows_them() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let departments = acme.owner.list("/api/v1/departments").await;
    let (path, card) = (format!("/api/v1/members/{}", ben.id), format!("/api/v1/members/{}/card", ben.id));
    ben.patch(PROFILE, json!({ "title": "Director" })).await.refused_fields(&["/title"]);
    ben.patch(CARD, json!({ "history": [] })).await.refused_fields(&["/history"]);
    ben.patch(&path, json!({ "title": "Director" })).await.refused(403, "forbidden");
    acme.owner.patch(&path, json!({ "title": "Gardener" })).await.expect(200);
    acme.owner.patch(&path, json!({ "title": "Gardener" })).await.expect(200);
    let member = acme.owner.patch(&path, json!({ "department": departments[0]["id"] })).await.expect(200);
    assert_eq!(member["title"], "Gardener");
    acme.owner.patch(&path, json!({ "title": null, "department": null })).await.expect(200);
    world.idle().await;
    let history = acme.owner.get(&card).await.expect(200)["history"].clone();
    let told: Vec<_> = history.as_array().unwrap().iter().map(|one| (&one["title"], &one["department"])).collect();
    assert_eq!(told, [(&json!("Gardener"), &json!(null)), (&json!("Gardener"), &departments[0]["name"])]);
    assert_eq!((&history[0]["to"], history[1]["to"].is_string()), (&history[1]["from"], true), "one position ends where the next begins");

    acme.owner.patch(&path, json!({ "title": "Foreman" })).await.expect(200);
    world.idle().await;
    assert_eq!(acme.owner.get(&card).await.expect(200)["history"][2]["to"], json!(null));
    acme.owner.delete(&path).await.expect(204);
    world.idle().await;
    assert!(acme.owner.get(&card).await.expect(200)["history"][2]["to"].is_string(), "a position ends with leaving");
}

#[tokio::test]
async fn a_card_says_what_somebody_can_and_when_they_work() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    world.idle().await;
    let hours = json!({ "monday": [{ "from": "09:00", "to": "12:30" }, { "from": "13:00", "to": "17:00" }], "friday": [{ "from": "18:00", "to": "24:00" }] });
    let earlier = json!([{ "title": "Apprentice", "at": "Rose & Sons", "from": "2019-09-01", "to": "2022-08-31" }]);
    let edit = json!({ "skills": ["Pruning", "pruning", "Welding"], "working_hours": hours, "earlier": earlier });
    let answer = ben.patch(CARD, edit).await;
    let etag: u64 = answer.header("etag").trim_matches('"').parse().unwrap();
    answer.expect(200);
    let card = acme.owner.get(&format!("/api/v1/members/{}/card", ben.id)).await.expect(200);
    assert_eq!((&card["skills"], &card["working_hours"], &card["earlier"]), (&json!(["Pruning", "Welding"]), &hours, &earlier));
    ben.patch_seen(etag - 1, CARD, json!({ "skills": [] })).await.refused(412, "stale");
    assert_eq!(ben.patch_seen(etag, CARD, json!({ "working_hours": null })).await.expect(200)["working_hours"], json!(null));

    let many: Vec<_> = (0..31).map(|n| format!("skill {n}")).collect();
    ben.patch(CARD, json!({ "skills": many })).await.refused_fields(&["/skills"]);
    let position = json!({ "title": "x", "from": "2020-01-01", "to": "2019-12-31" });
    ben.patch(CARD, json!({ "earlier": [position] })).await.refused_fields(&["/earlier/0/to"]);
    ben.patch(CARD, json!({ "earlier": vec![json!({ "title": "x", "from": "2020-01-01" }); 21] })).await.refused_fields(&["/earlier"]);
    ben.patch(CARD, json!({ "working_hours": { "funday": [] } })).await.refused(422, "invalid");
    ben.patch(CARD, json!({ "working_hours": { "monday": [{ "from": "9:00", "to": "17:00" }] } })).await.refused(422, "invalid");
    ben.patch(CARD, json!({ "phone": "12345" })).await.refused_fields(&["/phone"]);
}

#[tokio::test]
async fn a_profile_takes_what_it_can_keep_its_word_on() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let refused = async |edit: Value, field: &str| {
        acme.owner.patch(PROFILE, edit).await.refused_fields(&[field]);
    };
    refused(json!({ "date_of_birth": "1899-12-31" }), "/date_of_birth").await;
    refused(json!({ "date_of_birth": "2999-01-01" }), "/date_of_birth").await;
    refused(json!({ "date_of_birth": "1990-02-30" }), "/date_of_birth").await;
    refused(json!({ "zone": "Mars/Olympus" }), "/zone").await;
    refused(json!({ "locale": "en_GB" }), "/locale").await;
    refused(json!({ "quiet_hours": { "from": "00:00", "to": "24:00" } }), "/quiet_hours").await;
    // There is no push yet, and what cannot be delivered is not offered
    refused(json!({ "notifications": { "due": { "push": true } } }), "/notifications/due/push").await;
    let profile = acme.owner.get(PROFILE).await.expect(200);
    assert_eq!(profile["notifications"]["due"], json!({ "in_app": true, "email": true }));
    assert_eq!(profile["notifications"].as_object().unwrap().len(), 8, "every kind of event is named");
}

#[tokio::test]
async fn an_event_comes_by_the_channels_one_chose_for_its_kind() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let choose = async |assigned: Value| {
        ben.patch(PROFILE, json!({ "notifications": { "assigned": assigned } })).await.expect(200);
    };
    choose(json!({ "email": false })).await;
    give(&acme, "Mow", &ben).await;
    assert_eq!((mails_about(&ben, "Mow").await.len(), told_of(&ben, "Mow").await), (0, 1));

    choose(json!({ "in_app": false, "email": true })).await;
    let mut live = ben.live().await;
    give(&acme, "Paint", &ben).await;
    assert_eq!((mails_about(&ben, "Paint").await.len(), told_of(&ben, "Paint").await), (1, 0));
    assert!(live.rest().await.iter().all(|event| event["event"] != "notification"));

    choose(json!({ "email": false })).await;
    let task = give(&acme, "Weed", &ben).await;
    assert_eq!((mails_about(&ben, "Weed").await.len(), told_of(&ben, "Weed").await), (0, 0));
    // The other kinds come as before
    let comments = format!("/api/v1/tasks/{}/comments", task["id"].as_str().unwrap());
    acme.owner.post(&comments, json!({ "text": "Today?" })).await.expect(201);
    assert_eq!((mails_about(&ben, "Weed").await.len(), told_of(&ben, "Weed").await), (1, 1));
}

#[tokio::test]
async fn in_quiet_hours_mails_wait_for_their_end_and_nothing_else_does() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let zone = jiff::tz::TimeZone::get("Asia/Tokyo").unwrap();
    let clock = async |minutes: i64| {
        let at = world.now().await + jiff::SignedDuration::from_mins(minutes);
        at.to_zoned(zone.clone()).strftime("%H:%M").to_string()
    };
    let quiet = json!({ "from": clock(-60).await, "to": clock(11).await });
    ben.patch(PROFILE, json!({ "zone": "Asia/Tokyo", "quiet_hours": quiet })).await.expect(200);
    let (_, other) = (give(&acme, "Mow", &ben).await, give(&acme, "Weed", &ben).await);
    assert_eq!((mails_about(&ben, "Mow").await.len(), told_of(&ben, "Mow").await), (0, 1));
    assert_eq!(mails_about(&acme.owner, "Mow").await.len(), 0);
    world.post("/api/v1/auth/forgot-password", json!({ "email": ben.email })).await.expect(204);
    assert_eq!(mails_about(&ben, "new password").await.len(), 1, "what concerns the account never waits");

    let pass = async |seconds| {
        world.advance(Duration::from_secs(seconds)).await;
        world.idle().await;
    };
    pass(500).await;
    assert_eq!(mails_about(&ben, "Mow").await.len(), 0);
    for _ in 0..4 {
        pass(60).await;
    }
    assert_eq!((mails_about(&ben, "Mow").await.len(), mails_about(&ben, "Weed").await.len()), (1, 1));
    // Out of the quiet, a mail comes at once
    let comments = format!("/api/v1/tasks/{}/comments", other["id"].as_str().unwrap());
    let owner = Person::login(&world, &acme.owner.email, PASSWORD).await;
    owner.post(&comments, json!({ "text": "Today?" })).await.expect(201);
    assert_eq!(mails_about(&ben, "wrote on").await.len(), 1);
}

#[tokio::test]
async fn who_does_not_want_a_mail_any_more_does_not_get_the_one_that_waits() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let at = |minutes: i64, now: jiff::Timestamp| (now + jiff::SignedDuration::from_mins(minutes)).strftime("%H:%M").to_string();
    let now = world.now().await;
    ben.patch(PROFILE, json!({ "quiet_hours": { "from": at(-60, now), "to": at(5, now) } })).await.expect(200);
    give(&acme, "Mow", &ben).await;
    world.idle().await;
    ben.patch(PROFILE, json!({ "notifications": { "assigned": { "email": false } } })).await.expect(200);
    for _ in 0..6 {
        world.advance(Duration::from_secs(60)).await;
        world.idle().await;
    }
    assert_eq!(mails_about(&ben, "Mow").await.len(), 0);
    assert_eq!(world.queues().await["RemindersQueue"]["visible"], 0);
}

#[tokio::test]
async fn a_mail_tells_the_time_as_its_reader_has_it() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    for (zone, locale, pattern) in
        [("Asia/Tokyo", "en-GB", "%-d %B %Y, %H:%M JST"), ("America/Phoenix", "en-US", "%B %-d, %Y, %-I:%M %p MST")]
    {
        ben.patch(PROFILE, json!({ "zone": zone, "locale": locale })).await.expect(200);
        give(&acme, zone, &ben).await;
        let mail = mails_about(&ben, zone).await.remove(0);
        let told = ben.list("/api/v1/notifications").await;
        let at: jiff::Timestamp = told[0]["at"].as_str().unwrap().parse().unwrap();
        let shown = at.to_zoned(jiff::tz::TimeZone::get(zone).unwrap()).strftime(pattern).to_string();
        assert!(mail["text"].as_str().unwrap().contains(&shown), "{shown} is not in {mail}");
    }
}
