use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::{Practice, patient};
use system_tests::server::send;

#[tokio::test(flavor = "multi_thread")]
async fn every_version_says_who_when_why_and_what_changed_from_what_to_what() {
    let practice = Practice::new().await;
    let client = practice.secretary();
    let registered = practice.register("Le Goff", "Zoé").await;
    let path = format!("/patients/{}", registered["id"].as_str().unwrap());
    let mut corrected = patient("Le Goff", "Zoë");
    corrected["contact"] = json!({"phone": "06 12 34 56 78"});
    corrected["reason"] = json!("Pièce d'identité présentée");
    let request = client.request(Method::PUT, &path).header("X-Request-Id", "accueil-7").json(&corrected);
    send(request).await.expect(200);
    client.delete(&path).await.expect(200);

    let history = client.get(&format!("{path}/history")).await.expect(200).body;
    let items = history["items"].as_array().unwrap();
    let types: Vec<_> = items.iter().map(|item| item["eventType"].as_str().unwrap()).collect();
    assert_eq!(types, ["PatientRegistered", "PatientIdentityCorrected", "PatientContactChanged", "PatientArchived"]);
    assert!(items.iter().zip(1..).all(|(item, version)| item["version"] == version));
    let correction = &items[1];
    assert_eq!(correction["reason"], "Pièce d'identité présentée");
    assert_eq!(correction["requestId"], "accueil-7");
    assert_eq!(correction["actor"]["role"], "secretary");
    assert_eq!(correction["changes"], json!([{"field": "firstName", "from": "Zoé", "to": "Zoë"}]));
    assert_eq!(items[2]["changes"], json!([{"field": "contact.phone", "to": "+33612345678"}]));
    assert_eq!(items[3]["changes"], json!([{"field": "status", "from": "active", "to": "inactive"}]));
    let named: Vec<&Value> =
        items[0]["changes"].as_array().unwrap().iter().filter(|change| change["field"] == "lastName").collect();
    assert_eq!(named, [&json!({"field": "lastName", "to": "Le Goff"})]);
}
