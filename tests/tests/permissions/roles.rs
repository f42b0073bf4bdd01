//! Every operation with every role.

use domain::role::Role;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use system_tests::practice::Practice;
use system_tests::server::{Answer, Client, send};
use system_tests::staff::{Member, within_a_second};
use uuid::Uuid;

use super::document::Operation;
use super::table::{Need, Rights, as_json, operations_with_needs, rights_of};
use super::{hire, kept_of};

/// A request that finds nothing to do: an identifier that nobody has, and an empty body. Whoever may not use the
/// operation is told so before anybody looks at either.
pub fn harmless(client: &Client, operation: &Operation) -> RequestBuilder {
    let nobody = Uuid::now_v7().to_string();
    let request = client.request(operation.method.clone(), &operation.path_with(|_| nobody.clone()));
    if operation.takes_body { request.json(&json!({})) } else { request }
}

/// A request that nobody could make sense of.
fn nonsense(client: &Client, operation: &Operation) -> RequestBuilder {
    let path = format!("{}?page=0&page=0&unknown=1", operation.path_with(|_| "x".to_owned()));
    let request = client.request(operation.method.clone(), &path).header("If-Match", "x").header("Prefer", "x");
    request.header("Content-Type", "application/json").body("{")
}

/// HEAD goes where GET does.
pub fn headers_only(client: &Client, operation: &Operation) -> RequestBuilder {
    client.request(Method::HEAD, &operation.path_with(|_| Uuid::now_v7().to_string()))
}

/// The operation was not refused for want of a token or of a permission, and nothing broke.
pub fn assert_admitted(answer: &Answer, what: &str) {
    let admitted = !matches!(answer.status, 401 | 403) && answer.status < 500;
    assert!(admitted, "{what}: {} {}", answer.status, answer.text);
}

/// Tries every operation; what may end sessions or change how their owner logs in, as a colleague with a new session.
async fn assert_may_do(rights: &Rights, session: &Client, colleague: &Member, who: &str) {
    for (operation, need) in operations_with_needs().await {
        let what = format!("{who}: {}", operation.id);
        if !need.met_by(rights) {
            for request in [harmless(session, &operation), nonsense(session, &operation)] {
                let refused = send(request).await;
                assert_eq!(refused.status, 403, "{what}: {}", refused.text);
                refused.expect_problem(403, "permission_denied");
            }
            if operation.method == Method::GET {
                assert_eq!(send(headers_only(session, &operation)).await.status, 403, "{what}, headers only");
            }
        } else if need == Need::SignedIn && operation.method != Method::GET {
            assert_admitted(&send(harmless(&colleague.log_in().await, &operation)).await, &what);
        } else {
            assert_admitted(&send(harmless(session, &operation)).await, &what);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_may_use_exactly_the_operations_of_the_table() {
    let (practice, bystanders) = (Practice::new().await, Practice::new().await);
    bystanders.register("Le Goff", "Zoé").await;
    hire(&bystanders, Role::Nurse, "Diallo").await.log_in().await;
    let before = kept_of(bystanders.facility_id).await;
    for role in Role::ALL {
        let member = hire(&practice, role, "Roux").await;
        let (session, rights) = (member.log_in().await, rights_of(role));
        let me = session.get("/auth/me").await.expect(200).body;
        // Those areas as well that no operation is about yet.
        assert_eq!(me["permissions"], as_json(&rights), "{}", role.name());
        assert_may_do(&rights, &session, &hire(&practice, role, "Petit").await, role.name()).await;
    }
    assert_eq!(kept_of(bystanders.facility_id).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_practice_permits_takes_the_place_of_the_table() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    for (role, patients, users, audit) in
        [(Role::Doctor, "-", "-", "-"), (Role::Secretary, "r", "rw", "r"), (Role::Dpo, "rw", "-", "-")]
    {
        let member = hire(&practice, role, "Roux").await;
        let session = member.log_in().await;
        let mut rights = rights_of(role);
        rights.extend([("patients", patients), ("users", users), ("audit", audit)]);
        let request = admin.request(Method::PUT, &format!("/facilities/current/permissions/{}", role.name()));
        send(request.header("If-Match", "*").json(&json!({"permissions": as_json(&rights)}))).await.expect(200);
        within_a_second(&session, "/auth/me", |me| me.body["permissions"] == as_json(&rights)).await;
        assert_may_do(&rights, &session, &hire(&practice, role, "Petit").await, role.name()).await;
    }
}
