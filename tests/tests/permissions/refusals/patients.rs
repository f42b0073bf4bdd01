use domain::role::Role;
use reqwest::Method;
use serde_json::json;
use system_tests::practice::{Practice, patient};

use super::{refusals_of, step, with};

#[tokio::test(flavor = "multi_thread")]
async fn patients_are_refused_like_this() {
    let practice = Practice::new().await;
    let client = practice.client(Role::Secretary);
    let (refusals, _) = refusals_of("Patients", async |refusals| {
        let known = practice.register("Le Goff", "Zoé").await;
        let other = practice.register("Diallo", "Awa").await;
        let path = format!("/patients/{}", other["id"].as_str().expect("an id"));
        let likely = client.post("/patients", &patient("LE GOFF", "zoe")).await;
        refusals.note("registerPatient", "they may be known", &likely);

        let mut wrong = patient("4711", "Zoé");
        wrong["birthDate"] = json!("1984-02-30");
        wrong["gender"] = json!("X");
        wrong["ins"] = json!({"matricule": "184127645108947", "oid": "1.2.250.1.213.1.4.10"});
        wrong["contact"] = json!({"phone": "06 12 34 56 7", "email": "zoe@example"});
        refusals.note("registerPatient", "values that break rules", &client.post("/patients", &wrong).await);
        let mut distinct = patient("Le Goff", "Zoé");
        distinct["confirmDistinct"] = json!(true);
        refusals.note("registerPatient", "distinct without a reason", &client.post("/patients", &distinct).await);

        let key = ("Idempotency-Key", "refusals");
        with(client, Method::POST, "/patients", key, &patient("Martin", "Ana")).await.expect(201);
        let again = with(client, Method::POST, "/patients", key, &patient("Martin", "Anaïs")).await;
        refusals.note("registerPatient", "a key of another request", &again);

        refusals.note(
            "revisePatient",
            "another name without a reason",
            &client.put(&path, &patient("Dia", "Awa")).await,
        );
        let mut into = patient("Le Goff", "Zoé");
        into["reason"] = json!("Faute de frappe");
        refusals.note("revisePatient", "into somebody else", &client.put(&path, &into).await);
        let unrestricted = client.post(&format!("{path}/unrestrict"), &json!({"reason": "Essai"})).await;
        refusals.note_if_refused("unrestrictPatient", "not restricted", &unrestricted);
        let silent = client.post(&format!("{path}/restrict"), &json!({"reason": " "})).await;
        refusals.note("restrictPatient", "an empty reason", &silent);
        let silent = client.post(&format!("{path}/unrestrict"), &json!({"reason": " "})).await;
        refusals.note("unrestrictPatient", "an empty reason", &silent);
        refusals.note_if_refused("restorePatient", "not archived", &step(client, &format!("{path}/restore")).await);

        client.delete(&path).await.expect(200);
        refusals.note("archivePatient", "archived already", &client.delete(&path).await);
        refusals.note("revisePatient", "archived", &client.put(&path, &patient("Diallo", "Awa")).await);
        let restrict = client.post(&format!("{path}/restrict"), &json!({"reason": "Essai"})).await;
        refusals.note_if_refused("restrictPatient", "archived", &restrict);
        for (wrong, query) in [
            ("a page and a cursor", "page=2&cursor=x"),
            ("too many at once", "limit=1000"),
            ("another status", "status=away"),
            ("a search without a letter", "search=%27"),
        ] {
            let answer = client.get(&format!("/patients?{query}")).await;
            refusals.note_if_refused("listPatients", wrong, &answer);
        }
        let reasonless = format!("/patients/{}", known["id"].as_str().expect("an id"));
        let purpose = client.request(Method::GET, &reasonless).header("X-Access-Purpose", "CURIOSITY");
        refusals.note("readPatient", "a purpose that is none", &system_tests::server::send(purpose).await);
    })
    .await;
    insta::assert_json_snapshot!("patients", refusals);
}
