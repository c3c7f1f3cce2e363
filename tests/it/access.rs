//! Who may ask what: every operation, asked by nobody, by strangers and in every role.
//!
//! An operation without a case in `tests/it/cases.rs` fails here, and so does a case without an operation.

use crate::cases::{Case, Objects, PASSWORD, cases, cases_of, id, objects, passkey, public_operations, signed_in};
use domain::{
    policy::{POLICY, Role, Row},
    structure::ScopedRole,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tests::{Answer, Person, World, code};

#[test]
fn every_operation_has_a_case_and_every_case_an_operation() {
    let declared: BTreeSet<_> = local::functions::operations().into_iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let asked: BTreeSet<_> = cases().chain(cases_of(crate::platform::CASES)).map(|case| case.operation()).collect();
    let missing: Vec<_> = declared.difference(&asked).collect();
    let left_over: Vec<_> = asked.difference(&declared).collect();
    assert!(missing.is_empty(), "give each of these a case in CASES of tests/it/cases.rs: {missing:#?}");
    assert!(left_over.is_empty(), "no function declares these; remove them from CASES of tests/it/cases.rs: {left_over:#?}");
}

#[test]
fn what_needs_no_token_is_a_short_list() {
    let list: Vec<_> = public_operations().into_iter().collect();
    insta::assert_snapshot!(list.join("\n"), @r"
    GET /.well-known/jwks.json
    GET /api/v1/auth/oidc/organizations/{organization}
    POST /api/v1/auth/ask-to-join
    POST /api/v1/auth/forgot-password
    POST /api/v1/auth/invitation
    POST /api/v1/auth/join
    POST /api/v1/auth/login
    POST /api/v1/auth/login/passkey
    POST /api/v1/auth/login/passkey/begin
    POST /api/v1/auth/login/second-factor
    POST /api/v1/auth/oidc/finish
    POST /api/v1/auth/oidc/start
    POST /api/v1/auth/refresh
    POST /api/v1/auth/register
    POST /api/v1/auth/reset-password
    POST /api/v1/auth/verify-email
    POST /api/v1/platform/join
    POST /api/v1/platform/login
    POST /api/v1/platform/setup
    ");
}

/// What somebody with a second factor needs after the password.
async fn second_step(person: &Person) -> (String, String) {
    let path = "/api/v1/auth/second-factor";
    let enrolment = person.post(path, json!({ "password": PASSWORD })).await.expect(200);
    let code = async |steps| code(enrolment["secret"].as_str().expect("a secret"), person.world.now().await, steps);
    person.post(&format!("{path}/confirm"), json!({ "code": code(0).await })).await.expect(200);
    let login = json!({ "email": person.email, "password": PASSWORD });
    let refused = person.world.post("/api/v1/auth/login", login).await.refused(401, "second-factor-required");
    (refused["challenge"].as_str().expect("a challenge").to_owned(), code(1).await)
}

#[tokio::test]
async fn without_a_token_nothing_is_answered_but_the_short_list() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let email_token = world.link(&acme.owner.email, "verify-email").await;
    let ben = acme.joins("Ben", "member").await;
    let mut objects = objects(&acme, &ben).await;
    let joining = acme.owner.post("/api/v1/organization/join-code", json!({})).await.expect(200);
    let code = joining["joining"]["code"].as_str().expect("a code").to_owned();
    world.post("/api/v1/auth/forgot-password", json!({ "email": acme.owner.email })).await.expect(204);
    let reset_token = world.link(&acme.owner.email, "reset-password").await;
    let zoe = world.email("zoe");
    acme.owner.post("/api/v1/invitations", json!({ "email": zoe, "role": "member" })).await.expect(201);
    let options = world.post("/api/v1/auth/login/passkey/begin", json!({})).await.expect(200);
    let assertion = passkey(&ben).await.1.answers(options["challenge"].as_str().expect("a challenge"));
    let (challenge, second_code) = second_step(&acme.joins("Sam", "member").await).await;
    objects.extend(signed_in(&acme, &ben).await);
    objects.extend([
        ("assertion", assertion.to_string()),
        ("challenge", challenge),
        ("second_code", second_code),
        ("email", ben.email.clone()),
        ("refresh_token", ben.refresh.clone()),
        ("invitation_token", world.link(&zoe, "join").await),
        ("email_token", email_token),
        ("reset_token", reset_token),
        ("code", code),
    ]);
    let public = public_operations();
    for case in cases() {
        let answer = case.ask(&world, None, &objects).await;
        if public.contains(&case.operation()) {
            assert!(answer.status.is_success(), "{} is public, but was answered with {}", case.request, answer.text);
        } else {
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{}", case.request);
            case.refused(answer, 401, "unauthenticated");
        }
    }
}

#[tokio::test]
async fn a_stranger_cannot_tell_our_objects_from_those_that_never_were() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "member").await;
    let ours = objects(&acme, &ben).await;
    let evil = world.organization("Evil").await;
    let mallory = evil.joins("Mallory", "owner").await;
    let theirs = objects(&evil, &mallory).await;
    // Where a request names two objects, the other one is the stranger's own, so that the answer is about ours
    let own = |name: &'static str| (name, theirs[name.trim_start_matches("own_")].clone());
    let ours: Objects = ours.into_iter().chain([own("own_project"), own("own_task"), own("own_team")]).collect();
    let never: Objects = ours
        .iter()
        .map(|(name, id)| match *name {
            "own_project" | "own_task" | "own_team" => (*name, id.clone()),
            _ => (*name, format!("{}01k9zt3vw8fqj2m4x6c7b5n0ra", &id[..4])),
        })
        .collect();
    let public = public_operations();
    for case in cases().filter(|case| case.names_an_object() && !case.is_scim() && !public.contains(&case.operation())) {
        let (real, none) = (case.ask(&world, Some(&mallory), &ours).await, case.ask(&world, Some(&mallory), &never).await);
        assert_eq!(told(&real), told(&none), "{} {}", case.request, case.body);
        assert!(matches!(real.status.as_u16(), 200 | 404 | 422), "{} was answered with {} {}", case.request, real.status, real.text);
        for id in ours.values().filter(|id| !theirs.values().any(|own| own == *id)) {
            assert!(!real.text.contains(id.as_str()), "{} was told of {id}: {}", case.request, real.text);
        }
    }
}

/// All that an answer tells: its status, its headers and its body, without what names this one request.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id" | "apigw-requestid"));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned())).collect();
    (answer.status.as_u16(), headers, answer.text.replace(answer.header("x-request-id"), ""))
}

#[tokio::test]
async fn every_role_may_ask_what_the_policy_says() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let public = public_operations();
    let mut rows: BTreeMap<String, Vec<Role>> =
        cases().map(|case| (case.operation(), Vec::new())).filter(|(operation, _)| !public.contains(operation)).collect();
    for role in Role::ALL {
        let mut person = acme.joins("Kim", &name(role)).await;
        let objects = objects(&acme, &person).await;
        for case in cases().filter(|case| !public.contains(&case.operation())) {
            if ["/logout", "/hand-over"].iter().any(|end| case.request.contains(end)) {
                person = Person::login(&world, &person.email, PASSWORD).await;
            }
            let answer = case.ask(&world, Some(&person), &objects).await;
            match answer.status.as_u16() {
                // A guest's inbox is empty, and nobody here has a picture, a second factor that could be taken away, or a link
                404 if [
                    "/notifications/",
                    "/pictures/logo/",
                    "/pictures/members/",
                    "/members/{colleague}/second-factor",
                    "/members/{colleague}/links/",
                ]
                .iter()
                .any(|none| case.request.contains(none)) =>
                {
                    rows.entry(case.operation()).or_default().push(role)
                }
                // Who made a project of their own has a post by now, and sees that others are not theirs
                404 => {}
                200 | 201 | 204 | 409 => {
                    let roles = rows.entry(case.operation()).or_default();
                    if roles.last() != Some(&role) {
                        roles.push(role);
                    }
                }
                403 => case.refused(answer, 403, "forbidden"),
                _ => panic!("{} as {} was answered with {}", case.request, name(role), answer.text),
            }
        }
    }
    for (operation, roles) in rows.iter().filter(|(operation, _)| !operation.contains(" /scim/")) {
        assert!(POLICY.iter().any(|row| row.roles == roles), "{operation} is for {roles:?}, which is no row of the policy");
    }
    insta::assert_snapshot!(matrix(rows.iter().map(|(operation, roles)| (operation.as_str(), roles.as_slice(), String::new()))));
}

#[tokio::test]
async fn a_key_may_what_it_was_given_and_nothing_else() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ben = acme.joins("Ben", "owner").await;
    let objects = objects(&acme, &ben).await;
    let public = public_operations();
    let asked: Vec<Case> = cases().filter(|case| !public.contains(&case.operation())).collect();
    let mut rows: BTreeMap<String, BTreeSet<&str>> = asked.iter().map(|case| (case.operation(), BTreeSet::new())).collect();
    for row in POLICY.iter().filter(|row| row.grant.is_for_keys()) {
        let draft = json!({ "name": row.permission, "permissions": [row.grant] });
        let key = acme.owner.post("/api/v1/api-keys", draft).await.expect(201);
        let program = Person { access: key["secret"].as_str().expect("a secret").to_owned(), ..acme.owner.clone() };
        for case in &asked {
            let answer = case.ask(&world, Some(&program), &objects).await;
            let opened_by = match answer.status.as_u16() {
                // What another key has deleted before is absent, or named as a wrong field
                200 | 201 | 204 | 404 | 409 | 422 => row.permission,
                403 if answer.json["type"] == "/problems/people-only" => "people only",
                403 => {
                    case.refused(answer, 403, "forbidden");
                    continue;
                }
                _ => panic!("{} with {} was answered with {}", case.request, row.permission, answer.text),
            };
            rows.entry(case.operation()).or_default().insert(opened_by);
        }
    }
    for (operation, permissions) in &rows {
        assert_eq!(permissions.len(), 1, "{operation} is opened by {permissions:?}");
    }
    let lines = rows.iter().map(|(operation, permissions)| format!("{operation:<58}{}", permissions.first().unwrap_or(&"")));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

/// Operations over a part of the organisation that this person is served for these objects.
async fn served(world: &World, person: &Person, objects: &Objects) -> BTreeSet<String> {
    let mut served = BTreeSet::new();
    let parted = |case: &Case| !["/auth/", "/leave", "/hand-over"].iter().any(|part| case.request.contains(part));
    for case in cases().filter(parted) {
        let answer = case.ask(world, Some(person), objects).await;
        match answer.status.as_u16() {
            200 | 201 | 204 | 409 => {
                served.insert(format!("{} {}", case.request, case.body));
            }
            // A list of what is not within is empty
            403 | 404 => {}
            // Another object that is named is not within
            422 if !answer.text.contains("is missing") => {}
            _ => panic!("{} was answered with {}", case.request, answer.text),
        }
    }
    served
}

#[tokio::test]
async fn a_post_gives_what_the_policy_says_over_its_own_part_and_nothing_over_others() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let owner = &acme.owner;
    let mut lines = Vec::new();
    for post in ScopedRole::ALL {
        let role = if post.is_for_guests() { "guest" } else { "member" };
        let (kim, pat) = (acme.joins("Kim", role).await, acme.joins("Pat", role).await);
        let (mut own, foreign) = (objects(&acme, &kim).await, objects(&acme, &kim).await);
        let plain = served(&world, &pat, &objects(&acme, &pat).await).await;
        let department = id(&owner.post("/api/v1/departments", json!({ "name": world.email("own") })).await.expect(201));
        for path in [format!("/api/v1/teams/{}", own["team"]), format!("/api/v1/projects/{}", own["project"])] {
            owner.patch(&path, json!({ "department": department })).await.expect(200);
        }
        owner.patch(&format!("/api/v1/projects/{}", own["project"]), json!({ "team": own["team"] })).await.expect(200);
        own.insert("department", department);
        owner.post(&format!("/api/v1/invoices/{}/issue", own["invoice"]), json!({})).await.expect(200);
        let kim_id = &kim.id;
        match post {
            ScopedRole::Head => owner.put(&format!("/api/v1/departments/{}/heads/{kim_id}", own["department"]), json!({})).await,
            ScopedRole::Manager => {
                owner.put(&format!("/api/v1/teams/{}/members/{kim_id}", own["team"]), json!({ "role": "manager" })).await
            }
            ScopedRole::Lead => owner.patch(&format!("/api/v1/projects/{}", own["project"]), json!({ "lead": kim_id })).await,
            ScopedRole::Guest => owner.put(&format!("/api/v1/projects/{}/guests/{kim_id}", own["project"]), json!({})).await,
            ScopedRole::Contact => owner.put(&format!("/api/v1/clients/{}/contacts/{kim_id}", own["client"]), json!({})).await,
        }
        .expect(200);
        let over_foreign = served(&world, &kim, &foreign).await;
        let over_own = served(&world, &kim, &own).await;
        lines.push(format!("# {} of what is theirs, beyond a {role}", post_name(post)));
        lines.extend(over_own.difference(&plain).cloned());
        lines.push(format!("# {} of what is not", post_name(post)));
        lines.extend(over_foreign.difference(&plain).cloned());
        lines.push(String::new());
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_policy_is_read_in_one_place() {
    let bearers = |row: &Row| match (row.grant.is_for_people(), row.grant.is_for_keys()) {
        (true, true) => "people and keys",
        (true, false) => "people",
        (false, _) => "keys",
    };
    let over = |row: &Row| match row.posts {
        [] => String::new(),
        posts => format!("over {} / ", posts.iter().copied().map(post_name).collect::<Vec<_>>().join(" ")),
    };
    let more = |row: &Row| format!("{:<16}{}reads {} / writes {}", bearers(row), over(row), row.reads.join(" "), row.writes.join(" "));
    let rows = POLICY.iter().map(|row| (row.permission, row.roles, more(row)));
    insta::assert_snapshot!(matrix(rows));
}

pub(crate) fn name(role: Role) -> String {
    json!(role).as_str().expect("a name").to_owned()
}

fn post_name(post: ScopedRole) -> String {
    json!(post).as_str().expect("a name").to_owned()
}

fn matrix<'a>(rows: impl Iterator<Item = (&'a str, &'a [Role], String)>) -> String {
    let line = |what: &str, cells: Vec<String>, more: &str| format!("{what:<58}{} {more}", cells.join(" ")).trim_end().to_owned();
    let head = line("", Role::ALL.iter().map(|role| name(*role)).collect(), "");
    let rows = rows.map(|(what, roles, more)| {
        let cell = |role: &Role| format!("{:<1$}", if roles.contains(role) { "yes" } else { "-" }, name(*role).len());
        line(what, Role::ALL.iter().map(cell).collect(), &more)
    });
    [head].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// The function that the template sends a path to: an exact path before a longer beginning before a shorter one.
fn resolve<'a>(template: &'a local::Template, path: &str) -> &'a str {
    let fits = |route: &str| match route.strip_suffix("{proxy+}") {
        Some(beginning) => path.len() > beginning.len() && path.starts_with(beginning),
        None => path == route,
    };
    let routes = template.routes.iter().filter(|route| fits(&route.event.path));
    let best = routes.max_by_key(|route| (!route.event.path.ends_with("{proxy+}"), route.event.path.len()));
    best.map_or("nobody", |route| &route.function)
}

fn template() -> local::Template {
    local::Template::parse(include_str!("../../template.yaml")).expect("the template")
}

#[test]
fn the_template_sends_every_operation_to_the_function_that_declares_it() {
    let template = template();
    for (method, path, function) in local::functions::operations() {
        assert_eq!(resolve(&template, &path), function, "{method} {path}");
    }
}

#[test]
fn every_path_of_the_template_is_served() {
    let template = template();
    for route in template.routes.iter().filter(|route| route.function != "reference") {
        assert_eq!(route.event.method, "ANY", "{}: methods are declared by the handlers", route.event.path);
        let served = local::functions::operations().iter().any(|(_, path, function)| {
            *function == route.function
                && matches!(route.event.path.strip_suffix("{proxy+}"), Some(beginning) if path.starts_with(beginning))
                || *path == route.event.path
        });
        assert!(served, "no operation of {} is below {}", route.function, route.event.path);
    }
}

#[test]
fn the_api_document_is_that_of_the_handlers() {
    let declared = local::openapi::document().to_pretty_json().expect("a document");
    let kept = include_str!("../../functions/reference/openapi.json");
    assert!(kept.trim() == declared.trim(), "functions/reference/openapi.json is not what the handlers declare; run `make openapi`");
    let document: Value = serde_json::from_str(kept).expect("JSON");
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (status, answer) in
            methods.as_object().into_iter().flatten().flat_map(|(_, one)| one["responses"].as_object().expect("answers"))
        {
            assert!(answer["$ref"].is_string() || answer["description"].is_string(), "{path} {status} says nothing of itself");
        }
    }
}
