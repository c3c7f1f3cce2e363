//! The directory: everybody by name, and whoever a search finds.

use serde_json::{Value, json};
use tests::{Organization, Person, World};

fn names(members: &[Value]) -> Vec<&str> {
    members.iter().map(|member| member["name"].as_str().expect("a name")).collect()
}

/// Everybody a search finds, page by page.
async fn found(by: &Person, query: &str) -> Vec<String> {
    names(&by.list(&format!("/api/v1/members?{query}")).await).into_iter().map(str::to_owned).collect()
}

async fn edit(acme: &Organization, person: &Person, edit: Value) {
    acme.owner.patch(&format!("/api/v1/members/{}", person.id), edit).await.expect(200);
    acme.owner.world.idle().await;
}

#[tokio::test]
async fn members_are_found_by_beginnings_of_their_name_and_address_without_case_and_accents() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    for name in ["Zoë", "Żaneta", "Ann-Marie", "Anna"] {
        let email = world.email(&format!("m.{}", name.to_lowercase().chars().filter(char::is_ascii_alphabetic).collect::<String>()));
        acme.owner.post("/api/v1/invitations", json!({ "email": email, "role": "member" })).await.expect(201);
        let form =
            json!({ "token": world.link(&email, "join").await, "name": format!("{name} Adler"), "password": "correct horse battery" });
        world.post("/api/v1/auth/join", form).await.expect(201);
    }
    world.idle().await;
    for (query, names) in [
        ("q=zoe", vec!["Zoë Adler"]),
        ("q=ZO%C3%8B", vec!["Zoë Adler"]),
        ("q=zaneta", vec!["Żaneta Adler"]),
        ("q=adl%20ann", vec!["Ann-Marie Adler", "Anna Adler"]),
        ("q=marie", vec!["Ann-Marie Adler"]),
        ("q=annm", vec!["Ann-Marie Adler"]),
        ("q=m.anna", vec!["Anna Adler"]),
        ("q=adler%20marie%20zo", vec![]),
        ("q=dler", vec![]),
        ("q=adler&limit=1", vec!["Ann-Marie Adler", "Anna Adler", "Żaneta Adler", "Zoë Adler"]),
        ("q=%21%3F", vec![]),
    ] {
        assert_eq!(found(&acme.owner, query).await, names, "{query}");
    }
}

#[tokio::test]
async fn all_that_a_search_asks_for_must_fit() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, ben, cleo) = (acme.joins("Ann", "member").await, acme.joins("Ben", "member").await, acme.joins("Cleo", "accountant").await);
    let id = |value: Value| value["id"].as_str().expect("an id").to_owned();
    let role = id(acme.owner.post("/api/v1/roles", json!({ "name": "Desk", "permissions": ["read_audit"] })).await.expect(201));
    let group = id(acme.owner.post("/api/v1/groups", json!({ "name": "Council" })).await.expect(201));
    let department = id(acme.owner.list("/api/v1/departments").await[0].clone());
    edit(&acme, &ann, json!({ "department": department, "groups": [group] })).await;
    edit(&acme, &ben, json!({ "roles": [role], "groups": [group] })).await;
    acme.owner.post(&format!("/api/v1/members/{}/deactivate", cleo.id), json!({})).await.expect(200);
    world.idle().await;
    for (query, names) in [
        ("role=member".to_owned(), vec!["Ann", "Ben"]),
        (format!("role={role}"), vec!["Ben"]),
        (format!("group={group}"), vec!["Ann", "Ben"]),
        (format!("department={department}"), vec!["Ann"]),
        (format!("department={department}&group={group}&role=member&standing=active&q=an"), vec!["Ann"]),
        (format!("department={department}&role={role}"), vec![]),
        ("standing=deactivated".to_owned(), vec!["Cleo"]),
        ("standing=active&role=accountant".to_owned(), vec![]),
        ("standing=active&q=cleo".to_owned(), vec![]),
    ] {
        assert_eq!(found(&ben, &query).await, names, "{query}");
    }
    // What somebody is no longer finds them no longer
    edit(&acme, &ann, json!({ "department": null, "groups": [], "role": "manager" })).await;
    assert_eq!(found(&ben, &format!("group={group}")).await, ["Ben"]);
    assert!(found(&ben, &format!("department={department}")).await.is_empty());
    assert_eq!(found(&ben, "role=manager").await, ["Ann"]);
    for field in ["role", "group", "department", "team", "name"] {
        ben.get(&format!("/api/v1/members?{field}=x")).await.refused_fields(&[field]);
    }
    ben.get("/api/v1/members?standing=removed").await.refused_fields(&["standing"]);
    for field in ["q", "skill"] {
        ben.get(&format!("/api/v1/members?{field}={}", "x".repeat(101))).await.refused_fields(&[field]);
    }
}

#[tokio::test]
async fn members_are_found_by_team_and_by_what_they_can() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, ben, cleo) = (acme.joins("Ann", "member").await, acme.joins("Ben", "member").await, acme.joins("Cleo", "manager").await);
    for (person, skills) in
        [(&ann, json!(["Élagage", "Power tools"])), (&ben, json!(["Pruning", "power lines"])), (&cleo, json!(["Tool making"]))]
    {
        person.patch("/api/v1/auth/card", json!({ "skills": skills })).await.expect(200);
    }
    let team = acme.owner.post("/api/v1/teams", json!({ "name": "Trees" })).await.expect(201)["id"].as_str().expect("an id").to_owned();
    for person in [&ben, &cleo] {
        acme.owner.put(&format!("/api/v1/teams/{team}/members/{}", person.id), json!({})).await.expect(200);
    }
    world.idle().await;
    for (query, names) in [
        (format!("team={team}"), vec!["Ben", "Cleo"]),
        (format!("team={team}&limit=1"), vec!["Ben", "Cleo"]),
        ("skill=power".to_owned(), vec!["Ann", "Ben"]),
        ("skill=elag".to_owned(), vec!["Ann"]),
        ("skill=%C3%89LAGAGE".to_owned(), vec!["Ann"]),
        ("skill=too".to_owned(), vec!["Ann", "Cleo"]),
        // Both words of one skill
        ("skill=power%20tool".to_owned(), vec!["Ann"]),
        ("skill=power%20pruning".to_owned(), vec![]),
        (format!("skill=p&team={team}"), vec!["Ben"]),
        (format!("skill=tool&team={team}&role=manager&standing=active&q=cl"), vec!["Cleo"]),
        // A skill is no name, and a name no skill
        ("q=pruning".to_owned(), vec![]),
        ("skill=ann".to_owned(), vec![]),
        ("skill=%21%3F".to_owned(), vec![]),
    ] {
        assert_eq!(found(&ann, &query).await, names, "{query}");
    }
    let shown = ann.get("/api/v1/members?skill=elag").await.expect(200);
    assert_eq!(shown["items"][0]["skills"], json!(["Élagage", "Power tools"]));

    // What somebody can no more finds them no more; whoever comes back brings what they can
    ann.patch("/api/v1/auth/card", json!({ "skills": ["Welding"] })).await.expect(200);
    acme.owner.delete(&format!("/api/v1/teams/{team}/members/{}", ben.id)).await.expect(200);
    acme.owner.delete(&format!("/api/v1/members/{}", cleo.id)).await.expect(204);
    world.idle().await;
    for (query, names) in [("skill=power", vec!["Ben"]), ("skill=weld", vec!["Ann"]), ("skill=tool", vec![])] {
        assert_eq!(found(&ann, query).await, names, "{query}");
    }
    assert!(found(&ann, &format!("team={team}")).await.is_empty());
    acme.owner.post("/api/v1/invitations", json!({ "email": cleo.email, "role": "member" })).await.expect(201);
    let form = json!({ "token": world.link(&cleo.email, "join").await, "password": "correct horse battery" });
    world.post("/api/v1/auth/join", form).await.expect(201);
    world.idle().await;
    assert_eq!(found(&ann, "skill=tool").await, ["Cleo"]);

    let (evil, gus) = (world.organization("Evil").await, acme.joins("Gus", "guest").await);
    for query in [format!("team={team}"), "skill=weld".to_owned()] {
        assert!(found(&evil.owner, &query).await.is_empty(), "{query}");
        gus.get(&format!("/api/v1/members?{query}")).await.refused(403, "forbidden");
    }
}

#[tokio::test]
async fn the_directory_is_in_the_order_of_names_and_stays_so_while_people_come_and_go() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let mut people = Vec::new();
    for name in ["Emile", "Dora", "ben", "Ann", "Cleo"] {
        people.push(acme.joins(name, "member").await);
    }
    people[0].patch("/api/v1/auth/profile", json!({ "name": "Émile" })).await.expect(200);
    world.idle().await;
    let everybody = ["Acme Owner", "Ann", "ben", "Cleo", "Dora", "Émile"];
    assert_eq!(names(&acme.owner.list("/api/v1/members?limit=2").await), everybody);
    for list in ["/api/v1/members?limit=3", "/api/v1/members?standing=active&limit=3", "/api/v1/members?standing=active&q=e&limit=3"] {
        let all = names(&acme.owner.list(list).await).into_iter().map(str::to_owned).collect::<Vec<_>>();
        let first = acme.owner.get(list).await.expect(200);
        let seen = names(first["items"].as_array().unwrap()).len();
        // Somebody before the place and the very one at it go; nobody after it is lost or seen twice
        let rest = acme.owner.get(&format!("{list}&cursor={}", first["next"].as_str().unwrap())).await.expect(200);
        assert_eq!(names(rest["items"].as_array().unwrap()), all[seen..], "{list}");
        // A cursor is good for its list and its organisation alone
        let other = world.organization("Other").await;
        let cursor = first["next"].as_str().unwrap();
        other.owner.get(&format!("{list}&cursor={cursor}")).await.refused(400, "bad-cursor");
        acme.owner.get(&format!("/api/v1/members?q=other&cursor={cursor}")).await.refused(400, "bad-cursor");
    }
    let list = "/api/v1/members?standing=active&limit=3";
    let first = acme.owner.get(list).await.expect(200);
    assert_eq!(names(first["items"].as_array().unwrap()), &everybody[..3]);
    for gone in [&people[2], &people[3]] {
        acme.owner.delete(&format!("/api/v1/members/{}", gone.id)).await.expect(204);
    }
    acme.joins("Cyd", "member").await;
    world.idle().await;
    let rest = acme.owner.get(&format!("{list}&cursor={}", first["next"].as_str().unwrap())).await.expect(200);
    assert_eq!(names(rest["items"].as_array().unwrap()), ["Cleo", "Cyd", "Dora"]);
}

#[tokio::test]
async fn whoever_was_removed_is_found_no_more_and_whoever_has_a_new_name_by_that() {
    let world = World::new().await;
    let acme = world.organization("Acme").await;
    let (ann, ben) = (acme.joins("Ann", "member").await, acme.joins("Ben", "member").await);
    ann.patch("/api/v1/auth/profile", json!({ "name": "Zita Meyer" })).await.expect(200);
    acme.owner.delete(&format!("/api/v1/members/{}", ben.id)).await.expect(204);
    world.idle().await;
    assert_eq!(found(&ann, "q=mey").await, ["Zita Meyer"]);
    assert_eq!(found(&ann, "").await, ["Acme Owner", "Zita Meyer"]);
    for query in ["q=ben", "role=member&q=ben", "standing=deactivated"] {
        assert!(found(&ann, query).await.is_empty(), "{query}");
    }
    // They are still shown as who wrote what they wrote, and stand here again when they are back
    assert_eq!(ann.get(&format!("/api/v1/members/{}", ben.id)).await.expect(200)["standing"], "removed");
    acme.owner.post("/api/v1/invitations", json!({ "email": ben.email, "role": "accountant" })).await.expect(201);
    let form = json!({ "token": world.link(&ben.email, "join").await, "password": "correct horse battery" });
    world.post("/api/v1/auth/join", form).await.expect(201);
    world.idle().await;
    assert_eq!(found(&ann, "q=ben&role=accountant").await, ["Ben"]);
}

#[tokio::test]
async fn whoever_was_shown_an_id_is_told_the_name_guests_too() {
    let world = World::new().await;
    let (acme, evil) = (world.organization("Acme").await, world.organization("Evil").await);
    let (ann, ben, gus) = (acme.joins("Ann", "member").await, acme.joins("Ben", "member").await, acme.joins("Gus", "guest").await);
    acme.owner.delete(&format!("/api/v1/members/{}", ben.id)).await.expect(204);
    let never = format!("usr_{}", "0".repeat(26));
    let ask = async |by: &Person, ids: &[&str]| by.get(&format!("/api/v1/members/names?of={}", ids.join(","))).await;
    let asked = [&ann.id, &ben.id, &evil.owner.id, &never, &ann.id].map(String::as_str);
    let mut told = ask(&gus, &asked).await.expect(200)["items"].as_array().unwrap().clone();
    told.sort_by_key(|one| one["name"].to_string());
    // Those who have left are named, and nobody who was never here
    let one = |person: &Person, name: &str| json!({ "id": person.id, "name": name, "picture": null });
    assert_eq!(told, [one(&ann, "Ann"), one(&ben, "Ben")]);
    assert_eq!(ask(&evil.owner, &asked).await.expect(200)["items"].as_array().unwrap().len(), 1);
    for wrong in [&["no id"][..], &[""], &[&ann.id, ""], &[&acme.id]] {
        ask(&gus, wrong).await.refused_fields(&["of"]);
    }
    let many = |count: usize| (0..count).map(|n| format!("usr_{n:026}")).collect::<Vec<_>>().join(",");
    assert_eq!(ask(&gus, &[&many(100)]).await.expect(200)["items"], json!([]));
    ask(&gus, &[&many(101)]).await.refused_fields(&["of"]);
    gus.get("/api/v1/members/names").await.refused_fields(&["of"]);
}

#[tokio::test]
async fn a_search_finds_nobody_of_another_organisation_and_is_not_for_guests() {
    let world = World::new().await;
    let (acme, evil) = (world.organization("Acme").await, world.organization("Evil").await);
    let (kim, mallory) = (acme.joins("Kim", "guest").await, evil.joins("Mallory", "admin").await);
    acme.joins("Secret", "member").await;
    world.idle().await;
    for query in ["", "q=secret", "role=member", "standing=active"] {
        kim.get(&format!("/api/v1/members?{query}")).await.refused(403, "forbidden");
        assert!(!found(&mallory, query).await.iter().any(|name| ["Secret", "Kim", "Acme Owner"].contains(&name.as_str())), "{query}");
    }
}
