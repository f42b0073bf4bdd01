use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::Practice;
use system_tests::server::send;

use super::{Member, details, email, member};

#[tokio::test(flavor = "multi_thread")]
async fn another_practice_cannot_tell_whether_a_member_of_staff_exists() {
    let (ours, theirs) = (Practice::new().await, Practice::new().await);
    let nurse = Member::hire(theirs.client(Role::Admin), Role::Nurse, "Diallo").await;
    nurse.log_in().await;
    let before = theirs.client(Role::Admin).get(&nurse.path()).await.expect(200).body;
    let sessions = theirs.client(Role::Admin).get(&format!("{}/sessions", nurse.path())).await.expect(200).body;
    let session = sessions["items"][0]["id"].as_str().unwrap();
    let nobody = "/users/0198a000-0000-7000-8000-000000000001";
    let (reason, role) = (json!({"reason": "Essai"}), json!({"role": "admin", "reason": "Essai"}));
    let profile = details(&member(Role::Nurse, "Autre", "Nom"));
    let admin = ours.client(Role::Admin);
    for (method, suffix, body, tag) in [
        (Method::GET, String::new(), &Value::Null, None),
        (Method::PUT, String::new(), &profile, Some("*")),
        (Method::PUT, String::new(), &profile, Some("\"2\"")),
        (Method::PUT, String::new(), &profile, Some("\"9\"")),
        (Method::POST, "/role".to_owned(), &role, None),
        (Method::POST, "/role".to_owned(), &role, Some("\"9\"")),
        (Method::POST, "/suspend".to_owned(), &reason, None),
        (Method::POST, "/reinstate".to_owned(), &reason, None),
        (Method::POST, "/invite".to_owned(), &Value::Null, None),
        (Method::POST, "/password-reset".to_owned(), &Value::Null, None),
        (Method::DELETE, "/mfa".to_owned(), &Value::Null, None),
        (Method::GET, "/sessions".to_owned(), &Value::Null, None),
        (Method::DELETE, format!("/sessions/{session}"), &Value::Null, None),
    ] {
        let ask = async |path: &str| {
            let mut request = admin.request(method.clone(), &format!("{path}{suffix}"));
            request = request.header("X-Change-Reason", "Essai");
            if !body.is_null() {
                request = request.json(body);
            }
            if let Some(tag) = tag {
                request = request.header("If-Match", tag);
            }
            let mut refused = send(request).await.expect_problem(404, "resource_not_found").body;
            for own in ["instance", "requestId"] {
                refused.as_object_mut().unwrap().remove(own);
            }
            refused
        };
        assert_eq!(ask(&nurse.path()).await, ask(nobody).await, "{method} {suffix}");
    }
    assert_eq!(admin.get("/users?search=diallo").await.expect(200).body["total"], 0);
    assert_eq!(admin.get("/practitioners").await.expect(200).body["total"], 0);
    assert_eq!(theirs.client(Role::Admin).get(&nurse.path()).await.expect(200).body, before);
    nurse.log_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_staff_is_shown_or_changed_without_the_permission() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let nurse = Member::hire(admin, Role::Nurse, "Diallo").await;
    let body = json!({"lastName": "Diallo", "firstName": "Maë", "email": email()});
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        let client = practice.client(role);
        let expected = if role == Role::Dpo { 403 } else { 200 };
        for read in ["/users".to_owned(), nurse.path(), "/practitioners".to_owned()] {
            assert_eq!(client.get(&read).await.status, expected, "{} reads {read}", role.name());
        }
        super::put(client, &nurse.path(), "*", &body).await.expect_problem(403, "permission_denied");
        for act in ["suspend", "reinstate", "role", "invite", "password-reset"] {
            let act = format!("{}/{act}", nurse.path());
            let body = json!({"reason": "Essai", "role": "admin"});
            let body = if act.ends_with("role") { body } else { json!({"reason": "Essai"}) };
            client.post(&act, &body).await.expect_problem(403, "permission_denied");
        }
        let drop = client.request(Method::DELETE, &format!("{}/mfa", nurse.path())).header("X-Change-Reason", "Essai");
        send(drop).await.expect_problem(403, "permission_denied");
    }
}
