use domain::role::{Area, Role};
use reqwest::Method;
use serde_json::json;
use system_tests::practice::{Practice, patient};
use system_tests::server::{Client, Server, send};

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_do_what_its_permissions_say() {
    let practice = Practice::new().await;
    let registered = practice.register("Le Goff", "Zoé").await;
    let path = format!("/patients/{}", registered["id"].as_str().unwrap());
    for role in Role::ALL {
        let client = practice.client(role);
        let access = role.access(Area::Patients);
        for read in ["/patients".to_owned(), path.clone(), format!("{path}/history")] {
            let status = client.get(&read).await.status;
            assert_eq!(status, if access.may_read() { 200 } else { 403 }, "{} reads {read}", role.name());
        }
        if !access.may_write() {
            client.post("/patients", &patient("Autre", "Nom")).await.expect_problem(403, "permission_denied");
            client.put(&path, &patient("Le Goff", "Zoé")).await.expect_problem(403, "permission_denied");
            client.delete(&path).await.expect_problem(403, "permission_denied");
        } else {
            client.put(&path, &patient("Le Goff", "Zoé")).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_practice_cannot_tell_whether_a_patient_exists() {
    let (ours, theirs) = (Practice::new().await, Practice::new().await);
    let registered = theirs.register("Le Goff", "Zoé").await;
    let path = format!("/patients/{}", registered["id"].as_str().unwrap());
    let nowhere = "/patients/0198a000-0000-7000-8000-000000000001";
    let client = ours.secretary();
    for (method, suffix) in
        [(Method::GET, ""), (Method::GET, "/history"), (Method::DELETE, ""), (Method::POST, "/restore")]
    {
        let theirs = send(client.request(method.clone(), &format!("{path}{suffix}"))).await;
        let nobodys = send(client.request(method, &format!("{nowhere}{suffix}"))).await;
        let theirs = theirs.expect_problem(404, "resource_not_found");
        let nobodys = nobodys.expect_problem(404, "resource_not_found");
        assert_eq!(theirs.body["detail"], nobodys.body["detail"]);
    }
    client.put(&path, &patient("Le Goff", "Zoé")).await.expect_problem(404, "resource_not_found");
    assert_eq!(client.get("/patients?search=goff").await.expect(200).body["total"], 0);
    assert_eq!(theirs.secretary().get(&path).await.expect(200).body, registered);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_without_a_valid_token() {
    let practice = Practice::new().await;
    let anonymous = Client::anonymous(Server::shared());
    let refused = anonymous.get("/patients").await.expect_problem(401, "authentication_required");
    assert!(refused.header("www-authenticate").is_some());
    let token = practice.secretary().token();
    let mut altered = token.to_owned();
    altered.replace_range(40..41, if &token[40..41] == "A" { "B" } else { "A" });
    anonymous.with_token(altered).get("/patients").await.expect_problem(401, "invalid_token");
    for nonsense in ["", "x", "v4.public.AAAA", "v2.local.AAAA"] {
        let status = anonymous.with_token(nonsense).get("/patients").await.status;
        assert_eq!(status, 401, "{nonsense}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_account_logs_in_and_a_wrong_password_does_not() {
    let server = Server::shared();
    let anonymous = Client::anonymous(server);
    let doctor = server.report.accounts.iter().find(|account| account.role == "doctor").unwrap();
    let answer = anonymous
        .post("/auth/login", &json!({"email": doctor.email, "password": doctor.password}))
        .await
        .expect(200)
        .body;
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 900);
    assert_eq!(answer["user"]["role"], "doctor");
    assert_eq!(answer["user"]["permissions"]["patients"], json!({"read": true, "write": true}));
    assert_eq!(answer["user"]["permissions"]["exports"], json!({"read": false, "write": false}));
    let client = anonymous.with_token(answer["access_token"].as_str().unwrap());
    assert!(client.get("/patients").await.expect(200).body["total"].as_u64().unwrap() > 0, "demo patients");

    let nurse = server.report.accounts.iter().find(|account| account.role == "nurse").unwrap();
    for (email, password) in [(nurse.email.as_str(), "wrong"), ("nobody@example.org", nurse.password.as_str())] {
        anonymous
            .post("/auth/login", &json!({"email": email, "password": password}))
            .await
            .expect_problem(401, "invalid_credentials");
    }
}
