use reqwest::Method;
use serde_json::Value;
use system_tests::practice::{Practice, patient};
use system_tests::server::send;

fn path(patient: &Value) -> String {
    format!("/patients/{}", patient["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_patient_leaves_the_list_and_comes_back_when_restored() {
    let practice = Practice::new().await;
    let client = practice.secretary();
    let registered = practice.register("Le Goff", "Zoé").await;
    let archived = client.delete(&path(&registered)).await.expect(200);
    assert_eq!(archived.body["status"], "inactive");
    assert_eq!(archived.header("etag"), Some("\"2\""));
    assert_eq!(client.get("/patients?status=active").await.expect(200).body["total"], 0);
    assert_eq!(client.get("/patients?status=inactive").await.expect(200).body["total"], 1);
    client.get(&path(&registered)).await.expect(200);

    let restored = send(client.request(Method::POST, &format!("{}/restore", path(&registered)))).await.expect(200);
    assert_eq!(restored.body["status"], "active");
    assert_eq!(client.get("/patients?status=active").await.expect(200).body["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_patient_is_restored_before_anything_is_changed() {
    let practice = Practice::new().await;
    let client = practice.secretary();
    let registered = practice.register("Le Goff", "Zoé").await;
    client.delete(&path(&registered)).await.expect(200);
    client.delete(&path(&registered)).await.expect_problem(409, "invalid_state");
    client.put(&path(&registered), &patient("Le Goff", "Zoé")).await.expect_problem(409, "invalid_state");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_archiving_is_refused() {
    let practice = Practice::new().await;
    let registered = practice.register("Le Goff", "Zoé").await;
    let delete = |version: &'static str| {
        practice.secretary().request(Method::DELETE, &path(&registered)).header("If-Match", version)
    };
    send(delete("\"2\"")).await.expect_problem(412, "stale_version");
    send(delete("\"1\"")).await.expect(200);
}
