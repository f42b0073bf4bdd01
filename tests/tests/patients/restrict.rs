use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::{Practice, patient};
use system_tests::server::send;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_restricted_and_opened_again_with_a_reason() {
    let practice = Practice::new().await;
    let client = practice.secretary();
    let registered = practice.register("Le Goff", "Zoé").await;
    let path = format!("/patients/{}", registered["id"].as_str().unwrap());
    let (restrict, unrestrict) = (format!("{path}/restrict"), format!("{path}/unrestrict"));
    let reason = json!({"reason": "Membre de l'équipe"});
    client.post(&restrict, &json!({})).await.expect_problem(400, "malformed_request");
    let refused = client.post(&restrict, &json!({"reason": " "})).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.violated_fields(), ["reason"]);
    client.post(&unrestrict, &reason).await.expect_problem(409, "invalid_state");
    let stale = client.request(Method::POST, &restrict).header("If-Match", "\"2\"").json(&reason);
    send(stale).await.expect_problem(412, "stale_version");

    let keyed = || send(client.request(Method::POST, &restrict).header("Idempotency-Key", "r").json(&reason));
    let restricted = keyed().await.expect(200);
    assert_eq!((&restricted.body["restricted"], restricted.header("etag")), (&json!(true), Some("\"2\"")));
    assert_eq!(keyed().await.expect(200).body, restricted.body);
    client.post(&restrict, &reason).await.expect_problem(409, "invalid_state");
    let summary = client.get("/patients?search=goff").await.expect(200).body["items"][0].clone();
    assert_eq!(summary["restricted"], true);

    let opened = client.post(&unrestrict, &json!({"reason": "A quitté l'équipe"})).await.expect(200);
    assert_eq!(opened.body.get("restricted"), None);
    let history = client.get(&format!("{path}/history")).await.expect(200).body;
    let told: Vec<(&Value, &Value)> =
        history["items"].as_array().unwrap()[1..].iter().map(|entry| (&entry["eventType"], &entry["reason"])).collect();
    let expected = [("PatientRestricted", "Membre de l'équipe"), ("PatientUnrestricted", "A quitté l'équipe")];
    assert_eq!(told, expected.map(|(event, reason)| (json!(event), json!(reason))).each_ref().map(|(a, b)| (a, b)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_a_patient_elsewhere_tells_nothing() {
    let (ours, theirs) = (Practice::new().await, Practice::new().await);
    let registered = theirs.register("Le Goff", "Zoé").await;
    let theirs = format!("/patients/{}", registered["id"].as_str().unwrap());
    for path in [theirs.as_str(), "/patients/0198a000-0000-7000-8000-000000000001"] {
        let put = ours.secretary().request(Method::PUT, path).header("If-Match", "\"7\"");
        send(put.json(&patient("Le Goff", "Zoé"))).await.expect_problem(404, "resource_not_found");
        let restrict = ours.secretary().request(Method::POST, &format!("{path}/restrict"));
        let restrict = restrict.header("If-Match", "\"1\"").json(&json!({"reason": "Essai"}));
        send(restrict).await.expect_problem(404, "resource_not_found");
    }
}
