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

/// Names that share beginnings, within and between patients; in the order of the list.
const NAMES: [(&str, &str); 12] = [
    ("Li", "Ma"),
    ("Li", "Marie"),
    ("Mar", "Zoé"),
    ("Martin", "Anne-Marie"),
    ("Martin", "Marie-Anne"),
    ("Martin", "Zoé"),
    ("Martin Petit", "Zacharie"),
    ("Martineau", "Marie"),
    ("Martinez", "Martine"),
    ("Martinez-Martin", "Zoé"),
    ("Petit", "Martin"),
    ("Zola", "Martha"),
];

async fn practice_of_names() -> Practice {
    let practice = Practice::new().await;
    for (last, first) in NAMES.iter().rev() {
        practice.register(last, first).await;
    }
    practice
}

/// What the pages of a list hold together, each followed by its cursor or by its number.
async fn all_pages(client: &Client, query: &str, by_cursor: bool) -> Vec<String> {
    let (mut all, mut start) = (Vec::new(), "page=1".to_owned());
    for page in 2.. {
        let answer = client.get(&format!("/patients?limit=2&{query}&{start}")).await.expect(200);
        all.extend(names_of(&answer.body));
        match answer.body["nextCursor"].as_str() {
            Some(cursor) if by_cursor => start = format!("cursor={cursor}"),
            Some(_) => start = format!("page={page}"),
            None => break,
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_those_in_whom_each_word_begins_a_name_and_each_of_them_once() {
    let practice = practice_of_names().await;
    let begins = |name: &str, word: &str| {
        let name = name.to_lowercase().replace('é', "e");
        name.split([' ', '-']).any(|part| part.starts_with(word))
    };
    for search in
        ["m", "ma", "mar", "mart", "marti z", "martin marie", "z mar", "li ma", "zo martin", "petit mar z", "a m"]
    {
        let words: Vec<&str> = search.split(' ').collect();
        let mut expected: Vec<String> = NAMES
            .iter()
            .map(|(last, first)| format!("{last} {first}"))
            .filter(|name| words.iter().all(|word| begins(name, word)))
            .collect();
        expected.sort();
        for by_cursor in [true, false] {
            let mut found =
                all_pages(practice.secretary(), &format!("search={}", search.replace(' ', "%20")), by_cursor).await;
            found.sort();
            assert_eq!(found, expected, "{search}, by cursor: {by_cursor}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_found_by_number_among_names_that_begin_alike() {
    let practice = practice_of_names().await;
    let expected: Vec<String> = NAMES.iter().map(|(last, first)| format!("{last} {first}")).collect();
    for (query, by_cursor) in
        [("status=active", true), ("status=active", false), ("status=all", true), ("status=all", false)]
    {
        assert_eq!(
            all_pages(practice.secretary(), query, by_cursor).await,
            expected,
            "{query}, by cursor: {by_cursor}"
        );
    }
    let behind = practice.secretary().get("/patients?page=1000").await.expect(200);
    assert_eq!((names_of(&behind.body), &behind.body["total"]), (vec![], &json!(NAMES.len())));
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
