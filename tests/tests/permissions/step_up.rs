//! Which operations need a fresh proof of identity: those that give or take access, by hand.

use std::collections::BTreeSet;

use domain::role::Role;
use reqwest::Method;
use serde_json::json;
use system_tests::practice::Practice;
use system_tests::server::send;
use system_tests::staff::{PASSWORD, age_proofs};

use super::hire;
use super::roles::harmless;
use super::table::{Need, operations_with_needs, rights_of};

const STEP_UP: &[&str] = &[
    // Who works here, in which role, under which address.
    "registerUser",
    "reviseUser",
    "assignRole",
    "suspendUser",
    "reinstateUser",
    // Their links, second factors and sessions.
    "inviteUser",
    "startPasswordReset",
    "dropUserSecondFactor",
    "unlockUser",
    "endUserSession",
    // What roles may do, and who needs a second factor.
    "changeFacilitySettings",
    "changeRolePermissions",
    // One's own second factor and sessions.
    "enrollSecondFactor",
    "confirmSecondFactor",
    "dropSecondFactor",
    "endSession",
    "endOtherSessions",
    // Secret addresses that are read without a login.
    "makeCalendarFeed",
    "takeOverCalendarFeed",
    "revokeCalendarFeed",
];

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_that_gives_or_takes_access_says_that_it_needs_a_fresh_proof() {
    let operations = operations_with_needs().await;
    let said: BTreeSet<&str> = operations
        .iter()
        .filter(|(operation, _)| operation.needs_step_up)
        .map(|(operation, _)| operation.id.as_str())
        .collect();
    assert_eq!(said, STEP_UP.iter().copied().collect());
    for (operation, need) in &operations {
        let changes_users = *need == Need::Write("users") && operation.method != Method::GET;
        assert!(!changes_users || operation.needs_step_up, "{} changes users without a proof", operation.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_session_does_what_the_table_leaves_it_and_the_rest_after_a_fresh_proof() {
    let practice = Practice::new().await;
    let (member, rights) = (hire(&practice, Role::Admin, "Roux").await, rights_of(Role::Admin));
    for (operation, need) in operations_with_needs().await {
        if need == Need::Public || !need.met_by(&rights) {
            continue;
        }
        // A session of its own: some operations end it.
        let session = member.log_in().await;
        age_proofs(member.id()).await;
        let asked = async || send(harmless(&session, &operation)).await;
        let needs_step_up = STEP_UP.contains(&operation.id.as_str());
        let answer = asked().await;
        assert_eq!(answer.body["code"] == "step_up_required", needs_step_up, "{}: {}", operation.id, answer.text);
        if needs_step_up {
            answer.expect_problem(403, "step_up_required");
            session.post("/auth/step-up", &json!({"password": PASSWORD})).await.expect(204);
            let answer = asked().await;
            assert_ne!(answer.body["code"], "step_up_required", "{}: {}", operation.id, answer.text);
        }
    }
}
