//! Codes beside the password, recovery codes, what an organisation asks for, and what people are told by mail.

use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Person, World, code};

const PASSWORD: &str = "correct horse battery";
const LOGIN: &str = "/api/v1/auth/login";
const STEP: &str = "/api/v1/auth/login/second-factor";
const FACTOR: &str = "/api/v1/auth/second-factor";

/// An authenticator app that shows a new code each time it is asked.
struct App {
    world: World,
    secret: String,
    recovery: Vec<String>,
}

impl App {
    /// Somebody sets up their second factor.
    async fn of(person: &Person) -> Self {
        let world = person.world.clone();
        let enrolment = person.post(FACTOR, json!({ "password": PASSWORD })).await.expect(200);
        let secret = text(&enrolment["secret"]);
        let code = code(&secret, world.now().await, 0);
        let codes = person.post(&format!("{FACTOR}/confirm"), json!({ "code": code })).await.expect(200);
        let recovery = codes["recovery_codes"].as_array().expect("codes").iter().map(text).collect();
        let app = Self { world, secret, recovery };
        app.wait().await;
        app
    }

    async fn code(&self) -> String {
        code(&self.secret, self.world.now().await, 0)
    }

    /// Until the next code is shown.
    async fn wait(&self) {
        self.world.advance(Duration::from_secs(30)).await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The first step of a login, answered with what the second needs.
async fn challenge(person: &Person) -> String {
    let answer = person.world.post(LOGIN, json!({ "email": person.email, "password": PASSWORD })).await;
    text(&answer.refused(401, "second-factor-required")["challenge"])
}

async fn second_step(world: &World, challenge: &str, code: &str) -> Answer {
    world.post(STEP, json!({ "challenge": challenge, "code": code })).await
}

fn with_tokens(person: &Person, tokens: &Value) -> Person {
    Person { access: text(&tokens["access_token"]), refresh: text(&tokens["refresh_token"]), ..person.clone() }
}

async fn log_in(person: &Person, code: &str) -> Person {
    let tokens = second_step(&person.world, &challenge(person).await, code).await.expect(200);
    with_tokens(person, &tokens)
}

async fn subjects(person: &Person) -> Vec<String> {
    person.world.mails(&person.email).await.iter().map(|mail| text(&mail["subject"])).collect()
}

#[tokio::test]
async fn who_set_up_an_app_logs_in_with_a_code_after_the_password() {
    let world = World::alone().await;
    let mia = world.organization("Acme").await.owner;
    assert_eq!(mia.get(FACTOR).await.expect(200), json!({ "on": false, "since": null, "recovery_codes_left": 0 }));
    mia.post(FACTOR, json!({ "password": "something else" })).await.refused_fields(&["/password"]);
    let enrolment = mia.post(FACTOR, json!({ "password": PASSWORD })).await.expect(200);
    let uri = text(&enrolment["uri"]);
    assert!(
        uri.starts_with("otpauth://totp/Office%20Copilot:") && uri.contains(&format!("secret={}", text(&enrolment["secret"]))),
        "{uri}"
    );
    assert!(text(&enrolment["qr"]).starts_with("<svg "));
    // Until a code has shown that the app works, nothing is asked for
    mia.post(&format!("{FACTOR}/confirm"), json!({ "code": "12345" })).await.refused_fields(&["/code"]);
    Person::login(&world, &mia.email, PASSWORD).await;

    let app = App::of(&mia).await;
    assert_eq!(app.recovery.len(), 10);
    let tokens = second_step(&world, &challenge(&mia).await, &app.code().await).await.expect(200);
    let mia = with_tokens(&mia, &tokens);
    assert_eq!(mia.get("/api/v1/auth/verify").await.expect(200)["second_factor"], true);
    let shown = mia.get(FACTOR).await.expect(200);
    assert_eq!((&shown["on"], &shown["recovery_codes_left"]), (&json!(true), &json!(10)));
    let sessions = mia.list("/api/v1/auth/sessions").await;
    let mut proved: Vec<_> = sessions.iter().map(|session| session["second_factor"].as_bool().expect("yes or no")).collect();
    proved.sort_unstable();
    // The one from before, the one that set it up, and this one
    assert_eq!(proved, [false, true, true]);
    mia.post(FACTOR, json!({ "password": PASSWORD })).await.refused(409, "conflict");
    world.post(LOGIN, json!({ "email": mia.email, "password": "something else" })).await.refused(401, "wrong-credentials");
}

#[tokio::test]
async fn a_code_and_a_challenge_are_good_once() {
    let world = World::alone().await;
    let mia = world.organization("Acme").await.owner;
    let app = App::of(&mia).await;
    let (first, second) = (challenge(&mia).await, challenge(&mia).await);
    let code = app.code().await;
    second_step(&world, &first, &code).await.expect(200);
    second_step(&world, &first, &code).await.refused(401, "wrong-code");
    second_step(&world, &second, &code).await.refused(401, "wrong-code");
    app.wait().await;
    second_step(&world, &first, &app.code().await).await.refused(401, "wrong-code");
    second_step(&world, &second, &app.code().await).await.expect(200);
}

#[tokio::test]
async fn a_code_sent_twenty_times_at_once_opens_one_session() {
    let world = World::alone().await;
    let mia = world.organization("Acme").await.owner;
    let app = App::of(&mia).await;
    let challenges = [challenge(&mia).await, challenge(&mia).await];
    let code = app.code().await;
    let tries = (0..20).map(|n| second_step(&world, &challenges[n % 2], &code));
    let answers = futures_util::future::join_all(tries).await;
    let opened = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(opened, 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 200 && answer.status != 429) {
        answer.refused(401, "wrong-code");
    }
}

#[tokio::test]
async fn a_code_of_the_neighbouring_half_minutes_is_taken_and_none_from_further_away() {
    let world = World::alone().await;
    let mia = world.organization("Acme").await.owner;
    let app = App::of(&mia).await;
    // From the beginning of a half minute, so that none ends between the making of a code and its use
    let into = world.now().await.as_second().rem_euclid(30) as u64;
    world.advance(Duration::from_secs(330 - into)).await;
    let at = async |steps| code(&app.secret, world.now().await, steps);
    for far in [-2, 2] {
        second_step(&world, &challenge(&mia).await, &at(far).await).await.refused(401, "wrong-code");
    }
    for near in [-1, 0, 1] {
        second_step(&world, &challenge(&mia).await, &at(near).await).await.expect(200);
    }
    // A code from before the last one that was taken is none
    second_step(&world, &challenge(&mia).await, &at(0).await).await.refused(401, "wrong-code");
}

#[tokio::test]
async fn a_challenge_is_for_one_device_and_five_minutes() {
    let world = World::alone().await;
    let (acme, other) = (world.organization("Acme").await, world.organization("Other").await);
    let (mia, ned) = (acme.owner, other.owner);
    let (app, neds) = (App::of(&mia).await, App::of(&ned).await);
    let given = challenge(&mia).await;
    let request = world.request(reqwest::Method::POST, STEP).header("user-agent", "Another/1.0");
    let answer = world.ask(request.json(&json!({ "challenge": given, "code": app.code().await }))).await;
    answer.refused(401, "wrong-code");
    // Nor is it for another's code, nor changed, nor late
    second_step(&world, &given, &neds.code().await).await.refused(401, "wrong-code");
    second_step(&world, &format!("{given}x"), &app.code().await).await.refused(401, "wrong-code");
    second_step(&world, "", &app.code().await).await.refused(401, "wrong-code");
    second_step(&world, &mia.access, &app.code().await).await.refused(401, "wrong-code");
    world.advance(Duration::from_secs(301)).await;
    second_step(&world, &given, &app.code().await).await.refused(401, "wrong-code");
    second_step(&world, &challenge(&mia).await, &app.code().await).await.expect(200);
}

#[tokio::test]
async fn the_eleventh_wrong_code_in_an_hour_waits() {
    let world = World::alone().await;
    let mia = world.organization("Acme").await.owner;
    let app = App::of(&mia).await;
    world.advance(Duration::from_secs(3600)).await;
    for _ in 0..10 {
        second_step(&world, &challenge(&mia).await, "000000x").await.refused(401, "wrong-code");
    }
    let answer = second_step(&world, &challenge(&mia).await, &app.code().await).await;
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    answer.refused(429, "too-many-requests");
    world.advance(Duration::from_secs(seconds)).await;
    second_step(&world, &challenge(&mia).await, &app.code().await).await.expect(200);
}

#[tokio::test]
async fn a_recovery_code_lets_in_once_and_its_owner_is_told() {
    let world = World::alone().await;
    let mia = world.organization("Acme").await.owner;
    let app = App::of(&mia).await;
    let written = app.recovery[0].to_uppercase().replace('-', " ");
    let mia = log_in(&mia, &written).await;
    second_step(&world, &challenge(&mia).await, &app.recovery[0]).await.refused(401, "wrong-code");
    log_in(&mia, &app.recovery[1]).await;
    assert_eq!(mia.get(FACTOR).await.expect(200)["recovery_codes_left"], 8);
    let told = subjects(&mia).await;
    assert_eq!(told.iter().filter(|subject| *subject == "A recovery code was used").count(), 2, "{told:?}");

    let path = format!("{FACTOR}/recovery-codes");
    mia.post(&path, json!({ "password": PASSWORD, "code": "000000x" })).await.refused_fields(&["/code"]);
    mia.post(&path, json!({ "password": "something else", "code": app.code().await })).await.refused_fields(&["/password"]);
    let renewed = mia.post(&path, json!({ "password": PASSWORD, "code": app.code().await })).await.expect(200);
    second_step(&world, &challenge(&mia).await, &app.recovery[2]).await.refused(401, "wrong-code");
    log_in(&mia, &text(&renewed["recovery_codes"][0])).await;
}

#[tokio::test]
async fn it_is_switched_off_with_password_and_code_and_other_sessions_end() {
    let world = World::alone().await;
    let mia = world.organization("Acme").await.owner;
    let plain = Person::login(&world, &mia.email, PASSWORD).await;
    let app = App::of(&mia).await;
    let other = log_in(&mia, &app.code().await).await;
    app.wait().await;
    let path = format!("{FACTOR}/switch-off");
    mia.post(&path, json!({ "password": "something else", "code": app.code().await })).await.refused_fields(&["/password"]);
    mia.post(&path, json!({ "password": PASSWORD, "code": "000000x" })).await.refused_fields(&["/code"]);
    other.get("/api/v1/auth/verify").await.expect(200);
    mia.post(&path, json!({ "password": PASSWORD, "code": app.code().await })).await.expect(204);
    other.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    plain.get("/api/v1/auth/verify").await.expect(200);
    assert_eq!(mia.get("/api/v1/auth/verify").await.expect(200)["second_factor"], false);
    Person::login(&world, &mia.email, PASSWORD).await;
    mia.post(&path, json!({ "password": PASSWORD, "code": app.code().await })).await.refused(409, "conflict");
    assert_eq!(subjects(&mia).await[..2], ["Your second factor is off", "Your second factor is on"]);
}

#[tokio::test]
async fn a_forgotten_password_does_not_switch_it_off() {
    let world = World::alone().await;
    // By a mail, as whoever is invited has it, so that the address is proved
    let mia = world.organization("Acme").await.joins("Mia", "member").await;
    let app = App::of(&mia).await;
    let before = challenge(&mia).await;
    world.post("/api/v1/auth/forgot-password", json!({ "email": mia.email })).await.expect(204);
    let form = json!({ "token": world.link(&mia.email, "reset-password").await, "new": "new horse battery" });
    world.post("/api/v1/auth/reset-password", form).await.expect(204);
    assert_eq!(subjects(&mia).await[0], "Your password was changed");
    // What the old password was asked for is not answered any more
    second_step(&world, &before, &app.code().await).await.refused(401, "wrong-code");
    let answer = world.post(LOGIN, json!({ "email": mia.email, "password": "new horse battery" })).await;
    let challenge = text(&answer.refused(401, "second-factor-required")["challenge"]);
    second_step(&world, &challenge, &app.code().await).await.expect(200);
}

#[tokio::test]
async fn an_organisation_asks_for_a_second_factor_and_who_has_none_reaches_the_own_account_only() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let (owner, ben) = (&acme.owner, acme.joins("Ben", "member").await);
    let rules = "/api/v1/organization/sign-in";
    let mut screen = ben.live().await;
    // Whoever asks has one, or the last one out would lock the door
    owner.put(rules, json!({ "second_factor": true })).await.refused(409, "conflict");
    let _app = App::of(owner).await;
    ben.put(rules, json!({ "second_factor": true })).await.refused(403, "forbidden");
    let asked = owner.put(rules, json!({ "second_factor": true })).await.expect(200);
    assert_eq!(asked, json!({ "second_factor": true, "single_sign_on": false }));
    owner.get("/api/v1/members").await.expect(200);

    ben.get("/api/v1/members").await.refused(403, "second-factor-needed");
    ben.get("/api/v1/conversations").await.refused(403, "second-factor-needed");
    ben.post("/api/v1/socket-tickets", json!({})).await.refused(403, "second-factor-needed");
    // Open screens are closed
    while screen.read().await.is_some() {}
    let verified = ben.get("/api/v1/auth/verify").await.expect(200);
    assert_eq!((&verified["second_factor"], &verified["second_factor_needed"]), (&json!(false), &json!(true)));
    // A login without it gets no further, and setting it up does, at once
    let again = Person::login(&world, &ben.email, PASSWORD).await;
    again.get("/api/v1/members").await.refused(403, "second-factor-needed");
    let app = App::of(&ben).await;
    ben.get("/api/v1/members").await.expect(200);
    again.get("/api/v1/members").await.refused(403, "second-factor-needed");
    log_in(&ben, &app.code().await).await.get("/api/v1/members").await.expect(200);

    // One who belongs elsewhere, too, is asked here and not there
    let other = world.organization("Other").await;
    other.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "member" })).await.expect(201);
    world.post("/api/v1/auth/join", json!({ "token": world.link(&ben.email, "join").await, "password": PASSWORD })).await.expect(201);
    let tokens = again.post("/api/v1/auth/switch", json!({ "organization": other.id })).await.expect(200);
    let there = with_tokens(&again, &tokens);
    there.get("/api/v1/members").await.expect(200);
    let tokens = there.post("/api/v1/auth/switch", json!({ "organization": acme.id })).await.expect(200);
    with_tokens(&there, &tokens).get("/api/v1/members").await.refused(403, "second-factor-needed");

    owner.put(rules, json!({ "second_factor": false })).await.expect(200);
    again.get("/api/v1/members").await.expect(200);
}

#[tokio::test]
async fn who_lost_everything_is_helped_by_an_administrator_of_their_only_organisation() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let (kim, ben, leo) = (acme.joins("Kim", "admin").await, acme.joins("Ben", "member").await, acme.joins("Leo", "member").await);
    let path = |person: &Person| format!("/api/v1/auth/members/{}/second-factor", person.id);
    let _apps = [App::of(&ben).await, App::of(&kim).await, App::of(&acme.owner).await];
    leo.delete(&path(&ben)).await.refused(403, "forbidden");
    kim.delete(&path(&acme.owner)).await.refused(403, "forbidden");
    kim.delete(&path(&kim)).await.refused(409, "conflict");
    kim.delete(&path(&leo)).await.refused(404, "not-found");

    // Somebody who belongs elsewhere has something to lose there
    let other = world.organization("Other").await;
    other.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "member" })).await.expect(201);
    world.post("/api/v1/auth/join", json!({ "token": world.link(&ben.email, "join").await, "password": PASSWORD })).await.expect(201);
    kim.delete(&path(&ben)).await.refused(409, "conflict");
    other.owner.delete(&path(&ben)).await.refused(409, "conflict");
    other.owner.delete(&path(&kim)).await.refused(404, "not-found");
    other.owner.delete(&format!("/api/v1/members/{}", ben.id)).await.expect(204);

    kim.delete(&path(&ben)).await.expect(204);
    ben.get("/api/v1/auth/verify").await.refused(401, "unauthenticated");
    Person::login(&world, &ben.email, PASSWORD).await;
    let mail = &world.mails(&ben.email).await[0];
    assert_eq!(mail["subject"], "Your second factor was taken away");
    assert!(text(&mail["text"]).contains("Kim took the second factor from your account"), "{mail}");
    kim.delete(&path(&ben)).await.refused(404, "not-found");
}

#[tokio::test]
async fn who_logs_in_from_a_new_device_is_told_once() {
    let world = World::alone().await;
    let mia = world.organization("Acme").await.owner;
    let from = async |device: &str| {
        let request = world.request(reqwest::Method::POST, LOGIN).header("user-agent", device);
        world.ask(request.json(&json!({ "email": mia.email, "password": PASSWORD }))).await.expect(200);
        world.advance(Duration::from_secs(1)).await;
    };
    let told = async || subjects(&mia).await.iter().filter(|subject| *subject == "A login from a new device").count();
    assert_eq!(told().await, 0, "the first of all is no news");
    for (device, count) in
        [("Firefox/150.0 (Linux)", 1), ("Firefox/150.0 (Linux)", 1), ("Firefox/151.0 (Linux)", 1), ("Safari/26.1 (Mac)", 2)]
    {
        from(device).await;
        assert_eq!(told().await, count, "after {device}");
    }
    let mails = world.mails(&mia.email).await;
    assert!(text(&mails[0]["text"]).contains("Safari/26.1 (Mac)"), "{mails:?}");
}

#[tokio::test]
async fn a_login_with_the_old_password_does_not_outlive_its_change() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let passwords = [PASSWORD, "second horse battery", "third horse battery", "fourth horse battery"];
    for pair in passwords.windows(2) {
        let (mia, old) =
            (Person::login(&world, &acme.owner.email, pair[0]).await, json!({ "email": acme.owner.email, "password": pair[0] }));
        let logins = futures_util::future::join_all((0..6).map(|_| world.post(LOGIN, old.clone())));
        let change = mia.post("/api/v1/auth/change-password", json!({ "current": pair[0], "new": pair[1] }));
        let (answers, changed) = tokio::join!(logins, change);
        changed.expect(204);
        for answer in answers {
            match answer.status.as_u16() {
                200 => with_tokens(&mia, &answer.json).get("/api/v1/auth/verify").await.refused(401, "unauthenticated"),
                _ => answer.refused(401, "wrong-credentials"),
            };
        }
        mia.get("/api/v1/auth/verify").await.expect(200);
    }
}

#[tokio::test]
async fn nothing_of_a_second_factor_stands_in_the_trail() {
    let world = World::alone().await;
    let acme = world.organization("Acme").await;
    let app = App::of(&acme.owner).await;
    let owner = log_in(&acme.owner, &app.recovery[0]).await;
    owner.post(&format!("{FACTOR}/switch-off"), json!({ "password": PASSWORD, "code": app.code().await })).await.expect(204);
    world.idle().await;
    let trail = json!(owner.list("/api/v1/changes").await).to_string();
    for action in ["switched_on", "recovery_code_used", "switched_off"] {
        assert!(trail.contains(&format!("second_factor.{action}")), "{action} is not in the trail");
    }
    let plain = app.recovery[0].replace('-', "");
    for secret in [&app.secret, &app.recovery[0], &plain, &backend::secrets::sha256(plain.as_bytes()), &"sealed".to_owned()] {
        assert!(!trail.contains(secret.as_str()), "{secret} stands in the trail");
    }
}
