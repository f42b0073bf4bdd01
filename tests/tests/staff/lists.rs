use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::Practice;
use system_tests::server::{Answer, Client, send};

use super::{Member, member, within_a_second};

fn last_names(answer: &Answer) -> Vec<&str> {
    answer.body["items"].as_array().unwrap().iter().map(|item| item["lastName"].as_str().unwrap()).collect()
}

async fn listed(client: &Client, query: &str) -> Answer {
    client.get(&format!("/users{query}")).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_are_listed_by_name_filtered_and_searched() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    for (role, name) in [(Role::Nurse, "Émond"), (Role::Doctor, "Le Goff"), (Role::Nurse, "Diallo")] {
        admin.post("/users", &member(role, name, "Zoé")).await.expect(201);
    }
    Member::hire(admin, Role::Secretary, "Roux").await;
    let secretary = practice.client(Role::Secretary);
    assert_eq!(last_names(&listed(secretary, "").await), ["Diallo", "Émond", "Le Goff", "Roux"]);
    assert_eq!(last_names(&listed(admin, "?role=nurse").await), ["Diallo", "Émond"]);
    within_a_second(admin, "/users?status=active", |answer| last_names(answer) == ["Roux"]).await;
    assert_eq!(last_names(&listed(admin, "?status=invited&role=doctor").await), ["Le Goff"]);
    assert_eq!(last_names(&listed(admin, "?search=emond%20zo").await), ["Émond"]);
    assert_eq!(last_names(&listed(admin, "?search=10002909371").await), ["Le Goff"]);
    assert_eq!(listed(admin, "?status=suspended").await.body["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_staff_lead_to_each_other() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    for name in ["Abgrall", "Bécasse", "Cadiou"] {
        admin.post("/users", &member(Role::Nurse, name, "Zoé")).await.expect(201);
    }
    let first = listed(admin, "?limit=2&role=nurse").await;
    assert_eq!((last_names(&first), &first.body["total"]), (vec!["Abgrall", "Bécasse"], &json!(3)));
    let link = first.header("link").unwrap();
    assert!(link.contains("</api/v1/users?limit=2&role=nurse&page=2>; rel=\"next\""), "{link}");
    assert!(link.contains("page=2>; rel=\"last\""), "{link}");
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let by_cursor = listed(admin, &format!("?limit=2&role=nurse&cursor={cursor}")).await;
    let by_page = listed(admin, "?limit=2&role=nurse&page=2").await;
    assert_eq!((last_names(&by_cursor), &by_cursor.body), (vec!["Cadiou"], &by_page.body));
    assert!(by_page.body.get("nextCursor").is_none());
    for query in ["?page=0", "?limit=201", "?cursor=x", "?page=1&cursor=abc", "?role=chef", "?status=all", "?serach=x"]
    {
        admin.get(&format!("/users{query}")).await.expect_problem(400, "invalid_parameter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn practitioners_are_the_doctors_and_nurses_who_can_log_in() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    Member::hire(admin, Role::Secretary, "Roux").await;
    let nurse = Member::hire(admin, Role::Nurse, "Diallo").await;
    let mut doctor = member(Role::Doctor, "Le Goff", "Anaïs");
    doctor["specialties"] = json!(["SM54"]);
    let doctor = admin.post("/users", &doctor).await.expect(201).body;
    let secretary = practice.client(Role::Secretary);
    within_a_second(secretary, "/practitioners", |answer| last_names(answer) == ["Diallo"]).await;
    super::accept(&doctor, super::PASSWORD).await.expect(204);
    let both = ["Diallo", "Le Goff"];
    let both = within_a_second(secretary, "/practitioners", |answer| last_names(answer) == both).await;
    let doctor = &both.body["items"][1];
    assert_eq!(doctor["specialties"], json!([{"code": "SM54", "label": "Médecine générale (SM)"}]));
    let private = ["email", "phone", "mfaEnabled", "status"];
    assert!(private.iter().all(|field| doctor.get(field).is_none()), "{doctor}");
    let found = secretary.get("/practitioners?search=goff&limit=1").await.expect(200);
    assert_eq!(last_names(&found), ["Le Goff"]);

    let reason = json!({"reason": "Congé"});
    admin.post(&format!("{}/suspend", nurse.path()), &reason).await.expect(200);
    assert_eq!(last_names(&secretary.get("/practitioners").await.expect(200)), ["Le Goff"]);
    practice.client(Role::Dpo).get("/practitioners").await.expect_problem(403, "permission_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn specialties_are_sent_once() {
    let practice = Practice::new().await;
    let client = practice.client(Role::Dpo);
    let all = client.get("/specialties").await.expect(200);
    let items = all.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 106);
    let orthodontics = json!({"code": "SCD01", "label": "Orthopédie dento-faciale (SCD)"});
    assert!(items.contains(&orthodontics), "{}", Value::from(items.clone()));
    let tag = all.header("etag").unwrap();
    let known = |tag: &str| client.request(Method::GET, "/specialties").header("If-None-Match", tag);
    let unchanged = send(known(tag)).await.expect(304);
    assert_eq!((unchanged.header("etag"), unchanged.text.as_str()), (Some(tag), ""));
    assert_eq!(send(known("\"1\"")).await.status, 200);
}
