use serde_json::{Value, json};
use system_tests::practice::{Practice, patient};
use system_tests::server::Client;

async fn names(client: &Client, query: &str) -> Vec<String> {
    let body = client.get(&format!("/patients?{query}")).await.expect(200).body;
    names_of(&body)
}

fn names_of(body: &Value) -> Vec<String> {
    let name = |item: &Value| format!("{} {}", item["lastName"].as_str().unwrap(), item["firstName"].as_str().unwrap());
    body["items"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_words_in_any_order_without_accents() {
    let practice = Practice::new().await;
    let mut zoe = patient("Le Goff", "Zoé");
    zoe["birthDate"] = json!("1990-07-14");
    zoe["contact"] = json!({"phone": "06 12 34 56 78", "email": "zoe.legoff@example.org"});
    let zoe = practice.secretary().post("/patients", &zoe).await.expect(201).body;
    practice.register("Martin", "Zoé").await;
    practice.register("Œuvrard", "Jean-Pierre").await;
    let client = practice.secretary();
    let number = zoe["patientNumber"].as_str().unwrap();
    for search in ["zoe goff", "GOFF%20ZO%C3%89", "le%20go", "goff", number, "1990-07-14", "14/07/1990", "0612345678"] {
        assert_eq!(names(client, &format!("search={search}")).await, ["Le Goff Zoé"], "{search}");
    }
    assert_eq!(names(client, "search=zo%C3%A9").await, ["Le Goff Zoé", "Martin Zoé"]);
    assert_eq!(names(client, "search=jean%20pierre%20oeuvrard").await, ["Œuvrard Jean-Pierre"]);
    for nobody in ["xyz", "%25", "_", "zoe%20durand", "%5C"] {
        assert_eq!(names(client, &format!("search={nobody}")).await, Vec::<String>::new(), "{nobody}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_cursors_show_every_patient_once_in_the_order_of_names() {
    let practice = Practice::new().await;
    for letter in 'a'..='k' {
        practice.register("Nom", &letter.to_string()).await;
    }
    let client = practice.secretary();
    let everyone: Vec<_> = ('a'..='k').map(|letter| format!("Nom {letter}")).collect();
    let mut by_page = Vec::new();
    for page in 1..=3 {
        let answer = client.get(&format!("/patients?limit=4&page={page}")).await.expect(200);
        assert_eq!(answer.body["total"], 11);
        by_page.extend(names_of(&answer.body));
    }
    assert_eq!(by_page, everyone);

    let mut by_cursor = Vec::new();
    let mut path = "/patients?limit=4".to_owned();
    loop {
        let answer = client.get(&path).await.expect(200);
        by_cursor.extend(names_of(&answer.body));
        match answer.body["nextCursor"].as_str() {
            Some(cursor) => path = format!("/patients?limit=4&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(by_cursor, everyone);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_to_the_other_pages() {
    let practice = Practice::new().await;
    for letter in 'a'..='e' {
        practice.register("Nom", &letter.to_string()).await;
    }
    let answer = practice.secretary().get("/patients?limit=2&search=nom").await.expect(200);
    let links = answer.header("link").unwrap();
    assert!(links.contains("rel=\"next\"") && links.contains("search=nom") && links.contains("limit=2"), "{links}");
    let last = practice.secretary().get("/patients?limit=2&page=3").await.expect(200);
    assert!(!last.header("link").unwrap_or_default().contains("rel=\"next\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_is_refused() {
    let practice = Practice::new().await;
    let cases =
        ["limit=0", "limit=201", "limit=x", "page=0", "page=-1", "cursor=AAAA", "cursor=!", "limit=1&limit=2", "x=1"];
    for query in cases {
        practice.secretary().get(&format!("/patients?{query}")).await.expect_problem(400, "invalid_parameter");
    }
}
