use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::{Practice, patient};
use system_tests::server::send;

fn path(patient: &Value) -> String {
    format!("/patients/{}", patient["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_replaces_everything_and_says_the_new_version() {
    let practice = Practice::new().await;
    let client = practice.secretary();
    let registered = practice.register("Le Goff", "Zoé").await;
    let mut revised = patient("Le Goff", "Zoé");
    revised["contact"] = json!({"email": "zoe@example.org"});
    revised["insurance"] = json!({"provider": "CPAM"});
    let answer = client.put(&path(&registered), &revised).await.expect(200);
    assert_eq!(answer.header("etag"), Some("\"3\""), "contact and insurance are an event each");
    assert_eq!(client.get(&path(&registered)).await.expect(200).body, answer.body);

    let answer = client.put(&path(&registered), &patient("Le Goff", "Zoé")).await.expect(200);
    assert_eq!(answer.body.get("contact"), None, "what is left out is no longer known");
    assert_eq!(answer.body.get("insurance"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_of_what_is_already_so_changes_nothing() {
    let practice = Practice::new().await;
    let registered = practice.register("Le Goff", "Zoé").await;
    let answer = practice.secretary().put(&path(&registered), &patient("Le Goff", "Zoé")).await.expect(200);
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(answer.header("event-position"), None);
    assert_eq!(answer.body, registered);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_is_corrected_with_a_reason_only() {
    let practice = Practice::new().await;
    let registered = practice.register("Le Goff", "Zoé").await;
    let mut corrected = patient("Le Goff", "Zoë");
    let refused =
        practice.secretary().put(&path(&registered), &corrected).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.violated_fields(), ["reason"]);
    corrected["reason"] = json!("Pièce d'identité présentée");
    practice.secretary().put(&path(&registered), &corrected).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_if_match_is_refused_and_the_current_one_accepted() {
    let practice = Practice::new().await;
    let client = practice.secretary();
    let registered = practice.register("Le Goff", "Zoé").await;
    let put = |version: &str, phone: &str| {
        let mut body = patient("Le Goff", "Zoé");
        body["contact"] = json!({"phone": phone});
        client.request(Method::PUT, &path(&registered)).header("If-Match", version).json(&body)
    };
    send(put("\"1\"", "06 12 34 56 78")).await.expect(200);
    send(put("\"1\"", "06 12 34 56 79")).await.expect_problem(412, "stale_version");
    send(put("\"7\", \"2\"", "06 12 34 56 79")).await.expect(200);
    send(put("*", "06 12 34 56 80")).await.expect(200);
    send(put("W/\"4\"", "06 12 34 56 81")).await.expect_problem(412, "stale_version");
    send(put("4", "06 12 34 56 81")).await.expect_problem(400, "invalid_parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_who_saw_the_same_version_one_may_write() {
    let practice = Practice::new().await;
    let registered = practice.register("Le Goff", "Zoé").await;
    let tries: Vec<_> = (10..30)
        .map(|number| {
            let mut body = patient("Le Goff", "Zoé");
            body["contact"] = json!({"phone": format!("06 12 34 56 {number}")});
            let request = practice.secretary().request(Method::PUT, &path(&registered));
            tokio::spawn(send(request.header("If-Match", "\"1\"").json(&body)))
        })
        .collect();
    let mut statuses = Vec::new();
    for outcome in tries {
        statuses.push(outcome.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, [412; 19].as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_patient_is_not_sent_again() {
    let practice = Practice::new().await;
    let registered = practice.register("Le Goff", "Zoé").await;
    let get = |tags: &'static str| {
        practice.secretary().request(Method::GET, &path(&registered)).header("If-None-Match", tags)
    };
    let unchanged = send(get("\"1\"")).await.expect(304);
    assert_eq!((unchanged.text.as_str(), unchanged.header("etag")), ("", Some("\"1\"")));
    send(get("\"2\"")).await.expect(200);
}
