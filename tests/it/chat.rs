//! Conversations: tickets, words, marks, presence, what an open screen sees, and what a socket puts up with.

use serde_json::{Value, json};
use std::time::Duration;
use tests::{Live, Organization, Person, World};
use tokio::task::JoinSet;

/// The owner of an organisation and a colleague, with their conversation.
async fn two(world: &World) -> (Organization, Person, String) {
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let conversation = acme.owner.talks_to(&ben).await;
    (acme, ben, conversation)
}

async fn ticket(person: &Person) -> String {
    person.post("/api/v1/socket-tickets", json!({})).await.expect(200)["url"].as_str().unwrap().to_owned()
}

async fn general(person: &Person) -> Option<String> {
    let conversations = person.list("/api/v1/conversations").await;
    let channel = conversations.iter().find(|one| one["audience"]["kind"] == "everyone");
    channel.map(|channel| channel["id"].as_str().unwrap().to_owned())
}

fn messages(conversation: &str, rest: &str) -> String {
    format!("/api/v1/conversations/{conversation}/messages{rest}")
}

async fn says(person: &Person, conversation: &str, text: &str) -> u64 {
    person.post(&messages(conversation, ""), json!({ "text": text })).await.expect(201)["seq"].as_u64().unwrap()
}

fn texts(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["text"].as_str().unwrap()).collect()
}

fn numbers(messages: &[Value]) -> Vec<u64> {
    messages.iter().map(|message| message["seq"].as_u64().unwrap()).collect()
}

/// Everything said so far, page by page, as a client does that comes back.
async fn history_after(live: &mut Live, conversation: &str, mut after: u64) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let answer = live.tell("history", json!({ "conversation": conversation, "after": after, "limit": 100 })).await;
        let page = answer["messages"].as_array().unwrap();
        let Some(last) = page.last() else { return all };
        after = last["seq"].as_u64().unwrap();
        all.extend(page.iter().cloned());
    }
}

#[track_caller]
fn refused(answer: &Value, status: u16, kind: &str) {
    let problem = &answer["problem"];
    assert_eq!(
        (&answer["event"], &problem["status"], &problem["type"]),
        (&json!("error"), &json!(status), &json!(format!("/problems/{kind}"))),
        "{answer}"
    );
}

/// The events of one name among what came.
fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

#[tokio::test]
async fn a_ticket_opens_one_socket_within_thirty_seconds_and_only_from_our_own_pages() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let url = ticket(&acme.owner).await;
    for page in ["https://evil.example", "null", "http://localhost:5173.evil.example", "http://localhost"] {
        assert_eq!(Live::open_from(&url, Some(page)).await.err(), Some(403), "{page}");
    }
    let mut live = Live::open_from(&url, Some("http://localhost:5173")).await.unwrap_or_else(|status| panic!("our own page got {status}"));
    live.tell("ping", json!({})).await;
    assert_eq!(Live::try_open(&url).await.err(), Some(401), "a ticket worked twice");

    let (address, secret) = url.split_once('=').unwrap();
    for wrong in [
        address.to_owned() + "=",
        address.split('?').next().unwrap().to_owned(),
        format!("{address}={}", "A".repeat(32)),
        format!("{url}x"),
        format!("{address}={}", &secret[1..]),
        format!("{address}={}", acme.owner.access),
    ] {
        assert_eq!(Live::try_open(&wrong).await.err(), Some(401), "{wrong}");
    }

    let (early, late) = (ticket(&acme.owner).await, ticket(&acme.owner).await);
    world.advance(Duration::from_secs(28)).await;
    Live::open(&early).await;
    world.advance(Duration::from_secs(2)).await;
    assert_eq!(Live::try_open(&late).await.err(), Some(401));

    let before_logout = ticket(&acme.owner).await;
    acme.owner.post("/api/v1/auth/logout", json!({})).await.expect(204);
    assert_eq!(Live::try_open(&before_logout).await.err(), Some(401));
}

#[tokio::test]
async fn a_ticket_used_by_many_at_once_opens_one_socket() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let url = ticket(&acme.owner).await;
    let mut tries = JoinSet::new();
    for _ in 0..10 {
        let url = url.clone();
        tries.spawn(async move { Live::try_open(&url).await.err() });
    }
    let mut outcomes = tries.join_all().await;
    outcomes.sort();
    assert_eq!(outcomes, [None].into_iter().chain([Some(401); 9]).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_said_is_delivered_and_seen_and_both_have_the_same_order() {
    let world = World::new().await;
    let (acme, ben, conversation) = two(&world).await;
    assert_eq!(ben.talks_to(&acme.owner).await, conversation, "two people have one conversation");
    let (mut mine, mut theirs) = (acme.owner.live().await, ben.live().await);

    theirs.tell("typing", json!({ "conversation": conversation })).await;
    let typing = mine.event("typing").await;
    assert_eq!((&typing["user"], &typing["name"]), (&json!(ben.id), &json!("Ben")));

    let answer = mine.tell("send", json!({ "conversation": conversation, "text": "Lunch?" })).await;
    assert_eq!((&answer["message"]["seq"], &answer["message"]["author_name"]), (&json!(1), &json!("Acme Owner")));
    assert_eq!(theirs.event("message").await["message"], answer["message"]);
    let view = ben.get(&format!("/api/v1/conversations/{conversation}")).await.expect(200);
    assert_eq!((&view["unread"], &view["last"]["text"], &view["last_seq"]), (&json!(1), &json!("Lunch?"), &json!(1)));

    theirs.tell("mark", json!({ "conversation": conversation, "delivered": 1 })).await;
    let marked = mine.event("marked").await["participation"].clone();
    assert_eq!((&marked["user"], &marked["delivered"], &marked["seen"]), (&json!(ben.id), &json!(1), &json!(0)));
    ben.put(&format!("/api/v1/conversations/{conversation}/marks"), json!({ "seen": 9 })).await.expect(200);
    let marked = mine.event("marked").await["participation"].clone();
    assert_eq!((&marked["delivered"], &marked["seen"]), (&json!(1), &json!(1)), "a mark never passes the last message");
    theirs.tell("mark", json!({ "conversation": conversation, "seen": 0, "delivered": 0 })).await;
    let view = acme.owner.get(&format!("/api/v1/conversations/{conversation}")).await.expect(200);
    assert_eq!((&view["others"][0]["seen"], &view["others"][0]["delivered"]), (&json!(1), &json!(1)), "marks never move back");

    says(&ben, &conversation, "Noon?").await;
    says(&acme.owner, &conversation, "Fine").await;
    says(&ben, &conversation, "See you").await;
    let all = ["Lunch?", "Noon?", "Fine", "See you"];
    for (query, expected) in [
        ("", vec!["See you", "Fine", "Noon?", "Lunch?"]),
        ("?limit=1", vec!["See you"]),
        ("?before=4&limit=2", vec!["Fine", "Noon?"]),
        ("?before=1", vec![]),
        ("?before=0", vec![]),
        ("?before=99&limit=1", vec!["See you"]),
        ("?after=0", all.to_vec()),
        ("?after=1&limit=2", vec!["Noon?", "Fine"]),
        ("?after=4", vec![]),
        ("?after=18446744073709551615", vec![]),
    ] {
        let page = ben.get(&messages(&conversation, query)).await.expect(200);
        assert_eq!(texts(page["items"].as_array().unwrap()), expected, "{query}");
    }
    assert_eq!(texts(&history_after(&mut mine, &conversation, 0).await), all);
    for query in ["?before=x", "?after=-1", "?after=1&before=3", "?limit=0", "?limit=101", "?since=1"] {
        ben.get(&messages(&conversation, query)).await.refused(422, "invalid");
    }
    world.idle().await;
    let heard =
        |events: &[Value]| named(events, "message").iter().map(|event| event["message"]["seq"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(heard(&mine.rest().await), [1, 2, 3, 4]);
    assert_eq!(heard(&theirs.rest().await), [2, 3, 4]);
}

#[tokio::test]
async fn presence_is_seen_by_those_one_talks_with_and_by_nobody_else() {
    let world = World::new().await;
    let (acme, ben, conversation) = two(&world).await;
    let cleo = acme.joins("Cleo", "member").await;
    let (mut mine, mut cleos) = (acme.owner.live().await, cleo.live().await);
    let presence = async || acme.owner.get(&format!("/api/v1/conversations/{conversation}")).await.expect(200)["presence"].clone();
    assert_eq!(presence().await, "offline");

    let mut desk = ben.live().await;
    let event = mine.event("presence").await;
    assert_eq!((&event["user"], &event["presence"]), (&json!(ben.id), &json!("online")));
    desk.tell("presence", json!({ "presence": "away" })).await;
    assert_eq!(mine.event("presence").await["presence"], "away");
    assert_eq!(presence().await, "away");
    refused(&desk.ask("presence", json!({ "presence": "offline" })).await, 422, "invalid");

    // One connection that is there is enough
    let phone = ben.live().await;
    assert_eq!(mine.event("presence").await["presence"], "online");
    phone.drop_connection();
    assert_eq!(mine.event("presence").await["presence"], "away");
    desk.close().await;
    assert_eq!(mine.event("presence").await["presence"], "offline");
    assert_eq!(presence().await, "offline");
    world.idle().await;
    assert_eq!(cleos.rest().await, Vec::<Value>::new(), "somebody heard of people they do not talk with");
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_once_each() {
    let world = World::new().await;
    let (acme, ben, conversation) = two(&world).await;
    let mut live = ben.live().await;
    for n in 1..=3 {
        says(&acme.owner, &conversation, &format!("early {n}")).await;
    }
    let mut heard: Vec<Value> = Vec::new();
    for _ in 0..3 {
        heard.push(live.event("message").await["message"].clone());
    }
    live.drop_connection();
    for n in 1..=120 {
        says(&acme.owner, &conversation, &format!("missed {n}")).await;
    }
    let mut live = ben.live().await;
    // Said while the missed ones are fetched: it may come both ways, and its number tells
    says(&acme.owner, &conversation, "late").await;
    heard.extend(history_after(&mut live, &conversation, 3).await);
    world.idle().await;
    for event in named(&live.rest().await, "message") {
        if !numbers(&heard).contains(&event["message"]["seq"].as_u64().unwrap()) {
            heard.push(event["message"].clone());
        }
    }
    assert_eq!(numbers(&heard), (1..=124).collect::<Vec<_>>());
    assert_eq!((texts(&heard)[3], texts(&heard)[122], texts(&heard)[123]), ("missed 1", "missed 120", "late"));
}

#[tokio::test]
async fn what_is_sent_again_with_its_nonce_is_said_once() {
    let world = World::new().await;
    let (acme, ben, conversation) = two(&world).await;
    let (mut live, mut theirs) = (acme.owner.live().await, ben.live().await);
    let frame = json!({ "conversation": conversation, "text": "Once", "nonce": "n1" });
    let first = live.tell("send", frame.clone()).await["message"].clone();
    assert_eq!(live.tell("send", frame).await["message"], first);
    let form = json!({ "text": "Once", "nonce": "n1" });
    assert_eq!(acme.owner.post(&messages(&conversation, ""), form.clone()).await.expect(201), first);
    // A nonce is its author's own
    assert_eq!(ben.post(&messages(&conversation, ""), form).await.expect(201)["seq"], 2);

    let mut tries = JoinSet::new();
    for _ in 0..10 {
        let (owner, path) = (acme.owner.clone(), messages(&conversation, ""));
        tries.spawn(async move { owner.post(&path, json!({ "text": "At once", "nonce": "n2" })).await.expect(201)["id"].to_string() });
    }
    let mut ids = tries.join_all().await;
    ids.dedup();
    assert_eq!(ids.len(), 1, "one nonce, one message");
    assert_eq!(texts(&history_after(&mut live, &conversation, 0).await), ["Once", "Once", "At once"]);
    world.idle().await;
    let events = theirs.rest().await;
    let mut heard: Vec<_> = named(&events, "message").iter().map(|event| event["message"]["seq"].as_u64().unwrap()).collect();
    heard.dedup();
    assert_eq!(heard, [1, 2, 3]);
}

#[tokio::test]
async fn the_channel_reaches_everybody_but_guests() {
    let world = World::new().await;
    let (acme, ben, _) = two(&world).await;
    let gus = acme.joins("Gus", "guest").await;
    let stranger = world.organization("Other").await;
    let channel = general(&acme.owner).await.unwrap();
    let (mut mine, mut bens, mut guests, mut strangers) =
        (acme.owner.live().await, ben.live().await, gus.live().await, stranger.owner.live().await);

    mine.tell("send", json!({ "conversation": channel, "text": "Good morning" })).await;
    mine.tell("typing", json!({ "conversation": channel })).await;
    assert_eq!(bens.event("message").await["message"]["text"], "Good morning");
    assert_eq!(bens.event("typing").await["conversation"], json!(channel));
    world.idle().await;
    assert_eq!(guests.rest().await, Vec::<Value>::new(), "a guest hears the channel");
    assert_eq!(strangers.rest().await, Vec::<Value>::new());

    assert_eq!(general(&gus).await, None);
    for person in [&gus, &stranger.owner] {
        for path in [format!("/api/v1/conversations/{channel}"), messages(&channel, "")] {
            person.get(&path).await.refused(404, "not-found");
        }
        person.post(&messages(&channel, ""), json!({ "text": "Hi" })).await.refused(404, "not-found");
    }
    for live in [&mut guests, &mut strangers] {
        for (action, frame) in
            [("send", json!({ "text": "Hi" })), ("history", json!({})), ("typing", json!({})), ("mark", json!({ "seen": 1 }))]
        {
            let mut frame = frame;
            frame["conversation"] = json!(channel);
            refused(&live.ask(action, frame).await, 404, "not-found");
        }
    }
    let theirs = general(&stranger.owner).await.unwrap();
    assert_ne!(theirs, channel);
}

#[tokio::test]
async fn a_guest_who_steps_away_and_back_still_does_not_hear_the_channel() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let gus = acme.joins("Gus", "guest").await;
    let mut live = gus.live().await;
    for presence in ["away", "online"] {
        live.tell("presence", json!({ "presence": presence })).await;
    }
    says(&acme.owner, &general(&acme.owner).await.unwrap(), "Secret").await;
    world.idle().await;
    assert_eq!(live.rest().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_conversation_between_two_is_for_those_two() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ben, cleo) = (acme.joins("Ben", "member").await, acme.joins("Cleo", "accountant").await);
    let stranger = world.organization("Other").await;
    let conversation = ben.talks_to(&cleo).await;
    let (mut owners, mut strangers) = (acme.owner.live().await, stranger.owner.live().await);
    says(&ben, &conversation, "xyzzy-secret-words").await;
    ben.live().await.tell("send", json!({ "conversation": conversation, "text": "more xyzzy-secret-words", "nonce": "xyzzy-nonce" })).await;

    let nothing = conversation.replace(|c: char| c.is_ascii_digit(), "7");
    for person in [&acme.owner, &stranger.owner] {
        for path in ["", "/messages", "/messages?after=0"] {
            let refusal = person.get(&format!("/api/v1/conversations/{conversation}{path}")).await.refused(404, "not-found");
            let absent = person.get(&format!("/api/v1/conversations/{nothing}{path}")).await.refused(404, "not-found");
            assert_eq!(refusal["detail"], absent["detail"], "who is not in it can tell that it is there");
        }
        person.post(&messages(&conversation, ""), json!({ "text": "Hi" })).await.refused(404, "not-found");
        person.put(&format!("/api/v1/conversations/{conversation}/marks"), json!({ "seen": 1 })).await.refused(404, "not-found");
    }
    for live in [&mut owners, &mut strangers] {
        refused(&live.ask("send", json!({ "conversation": conversation, "text": "Hi" })).await, 404, "not-found");
        refused(&live.ask("history", json!({ "conversation": conversation })).await, 404, "not-found");
        refused(&live.ask("typing", json!({ "conversation": conversation })).await, 404, "not-found");
    }
    stranger.owner.post("/api/v1/conversations", json!({ "with": ben.id })).await.refused_fields(&["/with"]);
    ben.post("/api/v1/conversations", json!({ "with": ben.id })).await.refused_fields(&["/with"]);
    world.idle().await;
    assert_eq!(owners.rest().await, Vec::<Value>::new());
    let seen = json!([
        acme.owner.list("/api/v1/conversations").await,
        acme.owner.list("/api/v1/changes").await,
        acme.owner.list("/api/v1/notifications").await
    ]);
    assert!(!seen.to_string().contains("xyzzy"), "private words are to be read elsewhere: {seen}");
    let spoke = acme.owner.list("/api/v1/changes").await.iter().filter(|change| change["action"] == "message.sent").count();
    assert_eq!(spoke, 2, "that somebody spoke is on record");
}

#[tokio::test]
async fn a_socket_whose_session_has_ended_neither_speaks_nor_hears() {
    let world = World::new().await;
    let (acme, ben, conversation) = two(&world).await;
    let other_device = Person::login(&world, &acme.owner.email, "correct horse battery").await;
    let (mut mine, mut phone) = (acme.owner.live().await, other_device.live().await);
    world.idle().await;
    world.hold(true).await;
    acme.owner.post("/api/v1/auth/logout", json!({})).await.expect(204);
    let frame = json!({ "conversation": conversation, "text": "Still here" });
    refused(&mine.ask("send", frame).await, 401, "unauthenticated");
    world.hold(false).await;
    world.idle().await;

    says(&ben, &conversation, "Are you there?").await;
    assert_eq!(phone.event("message").await["message"]["text"], "Are you there?");
    assert_eq!(mine.read().await, None, "the socket of a session that has ended stays open");
    let said = ben.get(&messages(&conversation, "")).await.expect(200);
    assert_eq!(texts(said["items"].as_array().unwrap()), ["Are you there?"]);
    phone.tell("ping", json!({})).await;

    other_device.post("/api/v1/auth/logout-everywhere", json!({})).await.expect(204);
    while phone.read().await.is_some() {}
}

#[tokio::test]
async fn a_frame_that_cannot_be_is_refused_by_name_and_the_socket_lives() {
    let world = World::alone().await;
    let (acme, _, conversation) = two(&world).await;
    let mut live = acme.owner.live().await;
    let long = "x".repeat(8_001);
    for (frame, status, kind, field) in [
        ("hello".to_owned(), 400, "malformed", ""),
        (String::new(), 400, "malformed", ""),
        ("[]".to_owned(), 400, "malformed", ""),
        ("null".to_owned(), 400, "malformed", ""),
        ("{\"action\":\"ping\"} {}".to_owned(), 400, "malformed", ""),
        ("[".repeat(20_000), 400, "malformed", ""),
        (json!({}).to_string(), 422, "invalid", "/action"),
        (json!({ "action": 7 }).to_string(), 422, "invalid", "/action"),
        (json!({ "action": "sing" }).to_string(), 422, "invalid", "/action"),
        (json!({ "action": "$connect" }).to_string(), 422, "invalid", "/action"),
        (json!({ "action": "ping", "louder": true }).to_string(), 422, "invalid", "/louder"),
        (json!({ "action": "send", "conversation": conversation }).to_string(), 422, "invalid", "/text"),
        (json!({ "action": "send", "text": "Hi" }).to_string(), 422, "invalid", "/conversation"),
        (json!({ "action": "send", "conversation": "general", "text": "Hi" }).to_string(), 422, "invalid", "/conversation"),
        (json!({ "action": "send", "conversation": conversation, "text": " \n" }).to_string(), 422, "invalid", "/text"),
        (json!({ "action": "send", "conversation": conversation, "text": "a\u{0}b" }).to_string(), 422, "invalid", "/text"),
        (json!({ "action": "send", "conversation": conversation, "text": long }).to_string(), 422, "invalid", "/text"),
        (json!({ "action": "send", "conversation": conversation, "text": 7 }).to_string(), 422, "invalid", "/text"),
        (json!({ "action": "send", "conversation": conversation, "text": "Hi", "author": "usr_x" }).to_string(), 422, "invalid", "/author"),
        (
            json!({ "action": "send", "conversation": conversation, "text": "Hi", "nonce": "x".repeat(41) }).to_string(),
            422,
            "invalid",
            "/nonce",
        ),
        (json!({ "action": "mark", "conversation": conversation, "seen": -1 }).to_string(), 422, "invalid", "/seen"),
        (json!({ "action": "history", "conversation": conversation, "limit": 0 }).to_string(), 422, "invalid", "/limit"),
        (json!({ "action": "history", "conversation": conversation, "limit": 101 }).to_string(), 422, "invalid", "/limit"),
        (json!({ "action": "history", "conversation": conversation, "after": 1, "before": 2 }).to_string(), 422, "invalid", "after"),
        (json!({ "action": "watch", "project": conversation }).to_string(), 422, "invalid", "/project"),
        (json!({ "action": "presence", "presence": "asleep" }).to_string(), 422, "invalid", "/presence"),
    ] {
        live.send_text(frame.clone()).await;
        let answer = live.event("error").await;
        refused(&answer, status, kind);
        let named = answer["problem"]["errors"][0]["field"].as_str().unwrap_or_default();
        assert_eq!(named, field, "{frame} was answered with {answer}");
        world.advance(Duration::from_secs(1)).await;
    }
    live.send_bytes(b"\xff\x00").await;
    refused(&live.event("error").await, 400, "malformed");
    live.send_in_parts(&json!({ "action": "send", "conversation": conversation, "text": "x".repeat(33_000) }).to_string(), 30_000).await;
    refused(&live.event("error").await, 413, "too-large");
    for id in [json!("abc"), json!(7)] {
        live.send_text(json!({ "action": "sing", "id": id }).to_string()).await;
        assert_eq!(live.event("error").await["id"], id, "an error says which frame it answers");
    }
    assert!(live.rest().await.is_empty());
    assert_eq!(acme.owner.get(&messages(&conversation, "")).await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn one_frame_over_thirty_two_kilobytes_ends_its_own_socket_only() {
    let world = World::new().await;
    let (acme, _, _) = two(&world).await;
    let (mut live, mut other) = (acme.owner.live().await, acme.owner.live().await);
    live.send_text("x".repeat(33_000)).await;
    while live.read().await.is_some() {}
    other.tell("ping", json!({})).await;
}

#[tokio::test]
async fn a_thousand_frames_in_a_burst_are_slowed_down_and_nothing_that_was_taken_is_lost() {
    let world = World::alone().await;
    let (acme, ben, conversation) = two(&world).await;
    let (mut live, mut theirs) = (acme.owner.live().await, ben.live().await);
    for id in 0..1000 {
        // Most are no JSON and cost nothing, so that many come in one second however slow the machine
        let frame = json!({ "action": "send", "id": id, "conversation": conversation, "text": format!("word {id}") });
        live.send_text(if id % 25 == 0 { frame.to_string() } else { "word".to_owned() }).await;
    }
    let (mut taken, mut slowed, mut wrong) = (Vec::new(), 0, 0);
    for _ in 0..1000 {
        let answer = live.wait(|event| event["event"] == "answer" || event["event"] == "error").await;
        match answer["problem"]["status"].as_u64() {
            None => taken.push(answer["message"].clone()),
            Some(429) => slowed += 1,
            Some(_) => {
                refused(&answer, 400, "malformed");
                wrong += 1;
            }
        }
    }
    assert!(!taken.is_empty() && wrong >= 48 && slowed > 0, "{} were taken, {slowed} slowed down", taken.len());
    world.advance(Duration::from_secs(2)).await;
    live.tell("ping", json!({})).await;
    assert_eq!(history_after(&mut theirs, &conversation, 0).await, taken);
    world.idle().await;
    let events = theirs.rest().await;
    let heard: Vec<_> = named(&events, "message").into_iter().map(|event| event["message"].clone()).collect();
    assert_eq!(heard, taken);
}

#[tokio::test]
async fn two_hundred_messages_at_once_have_one_order_without_a_gap() {
    let world = World::new().await;
    let (acme, ben, conversation) = two(&world).await;
    let (mut mine, mut theirs) = (acme.owner.live().await, ben.live().await);
    let mut sends = JoinSet::new();
    for n in 0..100 {
        for person in [&acme.owner, &ben] {
            let (person, path) = (person.clone(), messages(&conversation, ""));
            sends.spawn(async move {
                let form = json!({ "text": format!("{n} of {}", person.id), "nonce": format!("{n}") });
                for tries in 0.. {
                    let answer = person.post(&path, form.clone()).await;
                    // On a machine that is too slow for all at once; the nonce keeps what is sent again from being said again
                    if !answer.status.is_server_error() {
                        return (answer.expect(201), tries);
                    }
                }
                unreachable!()
            });
        }
    }
    let (mut said, tries): (Vec<Value>, Vec<i32>) = sends.join_all().await.into_iter().unzip();
    said.sort_by_key(|message| message["seq"].as_u64());
    assert_eq!(numbers(&said), (1..=200).collect::<Vec<_>>());
    world.idle().await;
    for live in [&mut mine, &mut theirs] {
        assert_eq!(history_after(live, &conversation, 0).await, said);
        // Pushes of messages said at once may overtake each other; their numbers order them
        let events = live.rest().await;
        let mut heard: Vec<_> = named(&events, "message").into_iter().map(|event| event["message"].clone()).collect();
        heard.sort_by_key(|message| message["seq"].as_u64());
        let missed = said.iter().filter(|message| !heard.contains(message)).count();
        assert!(heard.is_sorted_by(|a, b| a["seq"].as_u64() < b["seq"].as_u64()), "something was heard twice");
        assert!(missed as i32 <= tries.iter().sum::<i32>(), "{missed} were not heard");
    }
}

#[tokio::test]
async fn a_screen_sees_what_others_change_while_it_watches() {
    let world = World::new().await;
    let (acme, ben, _) = two(&world).await;
    let gus = acme.joins("Gus", "guest").await;
    let stranger = world.organization("Other").await;
    let (project, other) = (acme.project("Garden").await, acme.project("House").await);
    let task = acme.owner.task(&project, "Paint").await;
    let elsewhere = acme.owner.task(&other, "Sweep").await;
    world.idle().await;
    let (mut watching, mut blind, mut guests) = (ben.live().await, ben.live().await, gus.live().await);
    let topic = json!({ "project": project });
    watching.tell("watch", topic.clone()).await;
    watching.tell("watch", topic.clone()).await;
    refused(&guests.ask("watch", topic.clone()).await, 403, "forbidden");
    refused(&stranger.owner.live().await.ask("watch", topic.clone()).await, 404, "not-found");

    let state = |task: &Value| format!("/api/v1/tasks/{}/state", task["id"].as_str().unwrap());
    acme.owner.put(&state(&elsewhere), json!({ "state": "IN_PROGRESS" })).await.expect(200);
    let moved = acme.owner.put(&state(&task), json!({ "state": "IN_PROGRESS" })).await.expect(200);
    let event = watching.event("change").await;
    assert_eq!(
        (&event["action"], &event["subject"]["id"], &event["by"]["name"]),
        (&json!("task.moved"), &task["id"], &json!("Acme Owner"))
    );
    assert_eq!(event["record"], moved);

    watching.tell("unwatch", topic.clone()).await;
    acme.owner.put(&state(&task), json!({ "state": "IN_REVIEW" })).await.expect(200);
    world.idle().await;
    assert_eq!(named(&watching.rest().await, "change"), Vec::<&Value>::new());
    assert_eq!(named(&blind.rest().await, "change"), Vec::<&Value>::new());

    // Watched things are few, and the one too many is refused
    for n in 0..20 {
        watching.tell("watch", json!({ "project": acme.project(&format!("p{n}")).await })).await;
    }
    refused(&watching.ask("watch", topic).await, 409, "conflict");
}

#[tokio::test]
async fn a_connection_that_is_gone_never_fails_the_others() {
    let world = World::new().await;
    let (acme, ben, conversation) = two(&world).await;
    let mut mine = acme.owner.live().await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(ben.live().await);
    }
    let mut last = open.pop().unwrap();
    for live in open {
        live.drop_connection();
        says(&acme.owner, &conversation, "Hello?").await;
    }
    for seq in 1..=4 {
        assert_eq!(last.event("message").await["message"]["seq"], seq);
        assert_eq!(mine.event("message").await["message"]["seq"], seq);
    }
    last.close().await;
    // A gateway says when it likes that somebody has gone
    let mut presence = Value::Null;
    for _ in 0..100 {
        world.idle().await;
        presence = acme.owner.get(&format!("/api/v1/conversations/{conversation}")).await.expect(200)["presence"].clone();
        if presence == "offline" {
            break;
        }
    }
    assert_eq!(presence, "offline", "a connection that is gone is still counted");
}
