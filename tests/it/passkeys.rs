//! Logging in with a key on one's own device.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Device, Person, World, code};

const PASSWORD: &str = "correct horse battery";
const PASSKEYS: &str = "/api/v1/auth/passkeys";
const LOGIN: &str = "/api/v1/auth/login/passkey";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

async fn options(person: &Person) -> Value {
    person.post(&format!("{PASSKEYS}/begin"), json!({ "password": PASSWORD })).await.expect(200)
}

async fn add(person: &Person, name: &str, credential: Value) -> Answer {
    person.post(PASSKEYS, json!({ "name": name, "credential": credential })).await
}

/// Somebody adds a passkey of a new device.
async fn device(person: &Person, name: &str) -> Device {
    let options = options(person).await;
    let device = Device::new(&options, person.world.url());
    add(person, name, device.made(&options)).await.expect(201);
    device
}

async fn device_of(person: &Person, password: &str) -> Device {
    let options = person.post(&format!("{PASSKEYS}/begin"), json!({ "password": password })).await.expect(200);
    let device = Device::new(&options, person.world.url());
    add(person, "Tablet", device.made(&options)).await.expect(201);
    device
}

async fn challenge(world: &World) -> String {
    let options = world.post(&format!("{LOGIN}/begin"), json!({})).await.expect(200);
    assert_eq!(options["userVerification"], "required");
    text(&options["challenge"])
}

async fn log_in(world: &World, assertion: &Value) -> Answer {
    world.post(LOGIN, json!({ "passkey": assertion })).await
}

#[tokio::test]
async fn a_passkey_logs_in_without_a_password_and_counts_as_a_second_factor() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let mia = &acme.owner;
    mia.post(&format!("{PASSKEYS}/begin"), json!({ "password": "something else" })).await.refused_fields(&["/password"]);
    let mut phone = device(mia, "Phone").await;
    let tokens = log_in(&world, &phone.answers(&challenge(&world).await)).await.expect(200);
    let there = Person { access: text(&tokens["access_token"]), ..mia.clone() };
    let verified = there.get("/api/v1/auth/verify").await.expect(200);
    assert_eq!((&verified["user"], &verified["second_factor"]), (&json!(mia.id), &json!(true)));
    // Which is enough where an organisation asks for one
    there.put("/api/v1/organization/sign-in", json!({ "second_factor": true })).await.expect(200);
    mia.get("/api/v1/members").await.refused(403, "second-factor-needed");
    there.get("/api/v1/members").await.expect(200);
    assert_eq!(world.mails(&mia.email).await[0]["subject"], "You have a new passkey");
}

#[tokio::test]
async fn passkeys_are_named_listed_and_removed() {
    let world = World::new().await;
    let mia = world.organization("Acme").await.owner;
    let (mut phone, mut laptop) = (device(&mia, "Phone").await, device(&mia, "Laptop").await);
    let listed = mia.list(PASSKEYS).await;
    assert_eq!(listed.iter().map(|one| text(&one["name"])).collect::<Vec<_>>(), ["Phone", "Laptop"]);
    assert_eq!(listed[0]["last_used_at"], json!(null));
    let path = format!("{PASSKEYS}/{}", text(&listed[0]["id"]));
    assert_eq!(mia.patch(&path, json!({ "name": "Old phone" })).await.expect(200)["name"], "Old phone");
    mia.patch_seen(1, &path, json!({ "name": "Older phone" })).await.refused(412, "stale");
    log_in(&world, &phone.answers(&challenge(&world).await)).await.expect(200);
    assert!(mia.list(PASSKEYS).await[0]["last_used_at"].is_string());
    mia.delete(&path).await.expect(204);
    log_in(&world, &phone.answers(&challenge(&world).await)).await.refused(401, "wrong-passkey");
    log_in(&world, &laptop.answers(&challenge(&world).await)).await.expect(200);
    mia.delete(&path).await.refused(404, "not-found");
    assert_eq!(world.mails(&mia.email).await[0]["subject"], "A passkey was removed");
    // Nobody touches another's
    let other = world.organization("Other").await.owner;
    let path = format!("{PASSKEYS}/{}", text(&listed[1]["id"]));
    other.delete(&path).await.refused(404, "not-found");
    other.patch(&path, json!({ "name": "Mine" })).await.refused(404, "not-found");
}

#[tokio::test]
async fn what_a_device_says_is_taken_only_as_it_was_asked() {
    let world = World::new().await;
    let (mia, ned) = (world.organization("Acme").await.owner, world.organization("Other").await.owner);
    let (mut phone, mut neds) = (device(&mia, "Phone").await, device(&ned, "Phone").await);
    let wrong: [(_, fn(&mut Device)); 5] = [
        ("another page", |device| device.origin = "https://evil.example".to_owned()),
        ("another site", |device| device.site = "evil.example".to_owned()),
        ("nobody was there", |device| device.flags = 4),
        ("nobody proved to be the owner", |device| device.flags = 1),
        ("nobody's", |device| device.user = String::new()),
    ];
    for (what, change) in wrong {
        let mut device = phone.clone();
        change(&mut device);
        let answer = log_in(&world, &device.answers(&challenge(&world).await)).await;
        assert_eq!(answer.status, 401, "{what}");
        answer.refused(401, "wrong-passkey");
    }
    // One that claims to be another's, and one signed by another key
    let mut claimed = neds.answers(&challenge(&world).await);
    claimed["response"]["userHandle"] = json!(phone.user);
    log_in(&world, &claimed).await.refused(401, "wrong-passkey");
    let mut forged = Device { user: phone.user.clone(), credential: phone.credential.clone(), ..neds.clone() };
    log_in(&world, &forged.answers(&challenge(&world).await)).await.refused(401, "wrong-passkey");
    // Signed for one challenge and sent with another
    let mut moved = phone.answers(&challenge(&world).await);
    let other = phone.clone().answers(&challenge(&world).await);
    moved["response"]["clientDataJSON"] = other["response"]["clientDataJSON"].clone();
    log_in(&world, &moved).await.refused(401, "wrong-passkey");
    log_in(&world, &phone.answers(&URL_SAFE_NO_PAD.encode("made up"))).await.refused(401, "wrong-passkey");
    log_in(&world, &json!({ "id": "", "response": { "clientDataJSON": "", "authenticatorData": "", "signature": "" } }))
        .await
        .refused(401, "wrong-passkey");
    log_in(&world, &phone.answers(&challenge(&world).await)).await.expect(200);
}

#[tokio::test]
async fn an_answer_of_a_device_opens_one_session_and_a_copy_of_the_device_none() {
    let world = World::new().await;
    let mia = world.organization("Acme").await.owner;
    let mut phone = device(&mia, "Phone").await;
    let answer = phone.answers(&challenge(&world).await);
    let answers = futures_util::future::join_all((0..10).map(|_| log_in(&world, &answer))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    log_in(&world, &answer).await.refused(401, "wrong-passkey");
    let mut copy = phone.clone();
    log_in(&world, &phone.answers(&challenge(&world).await)).await.expect(200);
    log_in(&world, &copy.answers(&challenge(&world).await)).await.refused(401, "wrong-passkey");
    log_in(&world, &phone.answers(&challenge(&world).await)).await.expect(200);

    // One that does not count is not taken twice either
    let options = options(&mia).await;
    let mut cloud = Device { counter: 0, ..Device::new(&options, world.url()) };
    add(&mia, "Cloud", cloud.made(&options)).await.expect(201);
    for _ in 0..2 {
        let answer = cloud.answers(&challenge(&world).await);
        log_in(&world, &answer).await.expect(200);
        log_in(&world, &answer).await.refused(401, "wrong-passkey");
    }
}

#[tokio::test]
async fn a_passkey_is_added_once_by_the_session_that_began_and_within_minutes() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let (mia, ned) = (&acme.owner, acme.joins("Ned", "member").await);
    let options = options(mia).await;
    let device = Device::new(&options, world.url());
    add(&ned, "Phone", device.made(&options)).await.refused(409, "conflict");
    let again = Person::login(&world, &mia.email, PASSWORD).await;
    add(&again, "Phone", device.made(&options)).await.refused(409, "conflict");
    let wrong = Device { origin: "https://evil.example".to_owned(), ..device.clone() };
    add(mia, "Phone", wrong.made(&options)).await.refused(409, "conflict");
    let wrong = Device { flags: 1, ..device.clone() };
    add(mia, "Phone", wrong.made(&options)).await.refused(409, "conflict");
    add(mia, "Phone", device.made(&options)).await.expect(201);
    add(mia, "Phone", device.made(&options)).await.refused(409, "conflict");
    add(mia, "Laptop", Device::new(&options, world.url()).made(&options)).await.refused(409, "conflict");

    let late = self::options(mia).await;
    let challenge = challenge(&world).await;
    world.advance(Duration::from_secs(301)).await;
    add(mia, "Laptop", Device::new(&late, world.url()).made(&late)).await.refused(409, "conflict");
    log_in(&world, &device.clone().answers(&challenge)).await.refused(401, "wrong-passkey");
}

#[tokio::test]
async fn a_passkey_stands_for_the_code_after_the_password() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let (mia, ned) = (&acme.owner, acme.joins("Ned", "member").await);
    let (mut phone, mut neds) = (device(mia, "Phone").await, device(&ned, "Phone").await);
    let password_only = Person::login(&world, &mia.email, PASSWORD).await;
    let enrolment = mia.post("/api/v1/auth/second-factor", json!({ "password": PASSWORD })).await.expect(200);
    let first = code(&text(&enrolment["secret"]), world.now().await, 0);
    mia.post("/api/v1/auth/second-factor/confirm", json!({ "code": first })).await.expect(200);
    // Whoever is asked for a code adds no passkey without one
    let path = format!("{PASSKEYS}/begin");
    password_only.post(&path, json!({ "password": PASSWORD })).await.refused(409, "conflict");

    let step = async |challenge: &str, passkey: Value| {
        world.post("/api/v1/auth/login/second-factor", json!({ "challenge": challenge, "passkey": passkey })).await
    };
    let first_step = async || {
        let answer = world.post("/api/v1/auth/login", json!({ "email": mia.email, "password": PASSWORD })).await;
        text(&answer.refused(401, "second-factor-required")["challenge"])
    };
    let given = first_step().await;
    step(&given, neds.answers(&URL_SAFE_NO_PAD.encode(&given))).await.refused(401, "wrong-code");
    step(&given, phone.answers(&challenge(&world).await)).await.refused(401, "wrong-code");
    step(&given, phone.answers(&URL_SAFE_NO_PAD.encode(first_step().await))).await.refused(401, "wrong-code");
    let answer = phone.answers(&URL_SAFE_NO_PAD.encode(&given));
    step(&given, answer.clone()).await.expect(200);
    step(&given, answer.clone()).await.refused(401, "wrong-code");
    // Nor is what was said after a password a login of its own
    log_in(&world, &phone.answers(&URL_SAFE_NO_PAD.encode(first_step().await))).await.refused(401, "wrong-passkey");
    let both = json!({ "challenge": first_step().await, "code": "123456", "passkey": answer });
    world.post("/api/v1/auth/login/second-factor", both).await.refused_fields(&["/code"]);
}

#[tokio::test]
async fn a_passkey_logs_in_while_an_organisation_is_suspended_as_a_password_does() {
    let world = World::new().await;
    let (operator, acme) = (world.operator().await, world.organization("Acme").await);
    let mut phone = device(&acme.owner, "Phone").await;
    let suspend = format!("/api/v1/platform/tenants/{}/suspend", acme.id);
    operator.post(&suspend, json!({ "reason": "Nobody paid." })).await.expect(200);
    log_in(&world, &phone.answers(&challenge(&world).await)).await.expect(200);
    Person::login(&world, &acme.owner.email, PASSWORD).await;
}

#[tokio::test]
async fn whoever_had_an_account_before_its_address_was_proved_has_no_way_back_after_a_new_password() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let mia = &acme.owner;
    let mut phone = device(mia, "Phone").await;
    let enrolment = mia.post("/api/v1/auth/second-factor", json!({ "password": PASSWORD })).await;
    if enrolment.status == 200 {
        let confirm = json!({ "code": code(enrolment.json["secret"].as_str().unwrap(), world.now().await, 0) });
        mia.post("/api/v1/auth/second-factor/confirm", confirm).await.expect(200);
    }
    world.post("/api/v1/auth/forgot-password", json!({ "email": mia.email })).await.expect(204);
    world.idle().await;
    let form = json!({ "token": world.link(&mia.email, "reset-password").await, "new": "quite another horse" });
    world.post("/api/v1/auth/reset-password", form).await.expect(204);
    log_in(&world, &phone.answers(&challenge(&world).await)).await.refused(401, "wrong-passkey");
    // And whoever has the address needs no code of another's app
    let again = Person::login(&world, &mia.email, "quite another horse").await;
    assert!(again.list(PASSKEYS).await.is_empty());

    // Proved, an account keeps them: a new password is no proof of them
    let mut tablet = device_of(&again, "quite another horse").await;
    world.post("/api/v1/auth/forgot-password", json!({ "email": mia.email })).await.expect(204);
    world.idle().await;
    let form = json!({ "token": world.link(&mia.email, "reset-password").await, "new": "yet another horse" });
    world.post("/api/v1/auth/reset-password", form).await.expect(204);
    log_in(&world, &tablet.answers(&challenge(&world).await)).await.expect(200);
}
