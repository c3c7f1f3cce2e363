//! Inviting many people by a list, and the directory as a file.

use serde_json::{Value, json};
use tests::{Answer, Organization, Person, World};

const IMPORT: &str = "/api/v1/members/import";

async fn import(by: &Person, query: &str, list: &str) -> Answer {
    let request = by.request(reqwest::Method::POST, &format!("{IMPORT}{query}"));
    by.world.ask(request.header("content-type", "text/csv").body(list.to_owned())).await
}

fn outcomes(import: &Value) -> Vec<&str> {
    import["rows"].as_array().expect("rows").iter().map(|row| row["outcome"].as_str().expect("an outcome")).collect()
}

async fn invited(acme: &Organization) -> Vec<(String, String)> {
    let open = acme.owner.list("/api/v1/invitations").await;
    let mut invited: Vec<_> =
        open.iter().map(|one| (one["email"].as_str().unwrap().to_owned(), one["role"].as_str().unwrap().to_owned())).collect();
    invited.sort();
    invited
}

#[tokio::test]
async fn a_list_says_what_it_would_do_and_then_does_it() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, zoe, lee) = (world.email("ann"), world.email("zoe"), world.email("lee"));
    let ben = acme.joins("Ben", "member").await;
    acme.owner.post("/api/v1/invitations", json!({ "email": lee, "role": "guest" })).await.expect(201);
    world.idle().await;
    let list = format!(
        "\u{feff}Name;E-Mail;Department;Role\r\nAnn;{ann};operations;\r\nZoë;{};;Manager\r\n;{};;\r\n;{lee};;\r\n",
        zoe.to_uppercase(),
        ben.email
    );
    let dry = import(&acme.owner, "?dry_run=true", &list).await.expect(200);
    assert_eq!(outcomes(&dry), ["invite", "invite", "already_member", "already_invited"]);
    assert_eq!((&dry["dry_run"], &dry["invite"], &dry["ignored"]), (&json!(true), &json!(2), &json!(["Name"])));
    assert_eq!(invited(&acme).await, [(lee.clone(), "guest".to_owned())]);
    assert!(world.mails(&ann).await.is_empty());

    let real = import(&acme.owner, "", &list).await.expect(200);
    assert_eq!((&real["rows"], &real["dry_run"]), (&dry["rows"], &json!(false)));
    let mut all = vec![(ann.clone(), "member".to_owned()), (lee, "guest".to_owned()), (zoe.clone(), "manager".to_owned())];
    all.sort();
    assert_eq!(invited(&acme).await, all);
    let form = json!({ "token": world.link(&ann, "join").await, "name": "Ann", "password": "correct horse battery" });
    let joined = world.post("/api/v1/auth/join", form).await.expect(201);
    let departments = acme.owner.list("/api/v1/departments").await;
    assert!(departments.iter().any(|one| one["id"] == joined["department"] && one["name"] == "Operations"));

    // Once more: nobody is asked twice
    world.idle().await;
    let again = import(&acme.owner, "", &list).await.expect(200);
    assert_eq!(outcomes(&again), ["already_member", "already_invited", "already_member", "already_invited"]);
    assert_eq!(world.mails(&zoe).await.len(), 1);
    // Whose invitation was taken back can be asked again
    let open = acme.owner.list("/api/v1/invitations").await;
    let id = open.iter().find(|one| one["email"] == *zoe).unwrap()["id"].as_str().unwrap();
    acme.owner.delete(&format!("/api/v1/invitations/{id}")).await.expect(204);
    assert_eq!(import(&acme.owner, "", &list).await.expect(200)["invite"], 1);
    assert_eq!(world.mails(&zoe).await.len(), 2);
}

#[tokio::test]
async fn one_wrong_row_holds_all_back_unless_it_may_be_left_out() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let ann = acme.joins("Ann", "admin").await;
    let good = world.email("good");
    let list = format!("email,role,department\n{good},member,\nbad,king,Nowhere\n{good},,\n=2+5@example.com,owner,\n");
    let dry = import(&ann, "?dry_run=true", &list).await.expect(200);
    assert_eq!(outcomes(&dry), ["invite", "wrong", "wrong", "wrong"]);
    assert_eq!(
        dry["rows"][2],
        json!({ "line": 4, "email": good, "role": "", "department": "", "outcome": "wrong", "faults": [{ "column": "email", "message": "stands in line 2 already" }] })
    );
    import(&ann, "", &list).await.refused_fields(&["/3/email", "/3/role", "/3/department", "/4/email", "/5/role"]);
    assert!(invited(&acme).await.is_empty());

    // The answer as a file, in which what somebody wrote runs nowhere
    let request = ann.request(reqwest::Method::POST, &format!("{IMPORT}?skip_errors=true")).header("accept", "text/csv");
    let file = world.ask(request.header("content-type", "text/csv").body(list)).await;
    assert_eq!((file.status.as_u16(), file.header("content-type")), (200, "text/csv; charset=utf-8"));
    let lines: Vec<_> = file.text.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(lines[0], "line,email,role,department,outcome,faults");
    assert_eq!(lines[1], format!("2,{good},member,,invite,"));
    assert_eq!(lines[4], "5,'=2+5@example.com,owner,,wrong,role is more than you have yourself");
    assert_eq!(invited(&acme).await, [(good, "member".to_owned())]);
}

#[tokio::test]
async fn a_list_sent_twice_at_once_or_with_its_key_invites_each_once() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let people: Vec<_> = (0..80).map(|n| world.email(&format!("p{n}"))).collect();
    let list = format!("email\n{}\n", people.join("\n"));
    let (one, two) = tokio::join!(import(&acme.owner, "", &list), import(&acme.owner, "", &list));
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200), "{} {}", one.text, two.text);
    assert_eq!(invited(&acme).await.len(), 80);

    let late = format!("email\n{}\n", world.email("late"));
    let once = async || {
        let request = acme.owner.request(reqwest::Method::POST, IMPORT).header("idempotency-key", "list-1").header("accept", "text/csv");
        world.ask(request.header("content-type", "text/csv").body(late.clone())).await
    };
    let (first, second) = (once().await, once().await);
    assert!(first.text.contains(",invite,"), "{}", first.text);
    assert_eq!((&second.text, second.header("content-type")), (&first.text, first.header("content-type")));
    assert_eq!(invited(&acme).await.len(), 81);
}

#[tokio::test]
async fn what_is_no_list_is_refused() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    acme.owner.post(IMPORT, json!({})).await.refused(415, "unsupported-media-type");
    import(&acme.owner, "", "name\nBen").await.refused_fields(&["/1"]);
    import(&acme.owner, "", "").await.refused_fields(&["/1"]);
    import(&acme.owner, "?dry_run=perhaps", "email\n").await.refused_fields(&["dry_run"]);
    let many = format!("email\n{}", "a@b.co\n".repeat(501));
    import(&acme.owner, "", &many).await.refused(400, "malformed");
    let large = format!("email\n{}", "x".repeat(70_000));
    import(&acme.owner, "", &large).await.refused(413, "too-large");
    let ben = acme.joins("Ben", "member").await;
    import(&ben, "?dry_run=true", "email\na@b.co").await.refused(403, "forbidden");
}

#[tokio::test]
async fn the_directory_is_had_as_a_file_in_which_nothing_runs() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, kim) = (acme.joins("Ann", "accountant").await, acme.joins("Kim", "guest").await);
    ann.patch("/api/v1/auth/profile", json!({ "name": "=HYPERLINK(\"evil\",\"Ann\")" })).await.expect(200);
    let group = acme.owner.post("/api/v1/groups", json!({ "name": "-Council, old" })).await.expect(201);
    let department = acme.owner.list("/api/v1/departments").await[0].clone();
    // Their name has followed, so that nobody changes them at the same moment
    world.idle().await;
    let edit = json!({ "groups": [group["id"]], "department": department["id"] });
    acme.owner.patch(&format!("/api/v1/members/{}", ann.id), edit).await.expect(200);
    world.idle().await;
    let file = acme.owner.get("/api/v1/members/export").await;
    assert_eq!((file.status.as_u16(), file.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"members.csv\"");
    let lines: Vec<_> = file.text.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(lines[0], "name,email,title,role,department,roles,groups,standing,joined_at");
    let line = lines.iter().find(|line| line.contains(&ann.email)).expect("Ann");
    let expected = format!(
        "\"'=HYPERLINK(\"\"evil\"\",\"\"Ann\"\")\",{},,accountant,{},,\"'-Council, old\",active,",
        ann.email,
        department["name"].as_str().unwrap()
    );
    assert!(line.starts_with(&expected), "{line}");
    assert_eq!(lines.len(), 4);
    // The file is a list that can be sent back
    assert_eq!(outcomes(&import(&acme.owner, "?dry_run=true", &file.text).await.expect(200)), ["already_member"; 3]);
    kim.get("/api/v1/members/export").await.refused(403, "forbidden");
}
