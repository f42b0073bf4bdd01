use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::Practice;
use system_tests::server::send;
use system_tests::staff::{Member, RPPS, email, member};

use super::{refusals_of, with};

#[tokio::test(flavor = "multi_thread")]
async fn staff_are_refused_like_this() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let (refusals, _) = refusals_of("Staff", async |refusals| {
        let nurse = Member::hire(admin, Role::Nurse, "Diallo").await;
        let mut taken = member(Role::Nurse, "Roux", "Léa");
        taken["email"] = json!(nurse.email);
        refusals.note("registerUser", "an address that somebody has", &admin.post("/users", &taken).await);
        let mut wrong = member(Role::Doctor, "4711", "Léa");
        (wrong["rppsNumber"], wrong["email"], wrong["specialties"]) =
            (json!("10002909372"), json!("x"), json!(["XX99"]));
        refusals.note("registerUser", "values that break rules", &admin.post("/users", &wrong).await);
        let mut unnumbered = member(Role::Doctor, "Roux", "Léa");
        unnumbered.as_object_mut().expect("an object").remove("rppsNumber");
        refusals.note("registerUser", "a doctor without a number", &admin.post("/users", &unnumbered).await);
        let key = ("Idempotency-Key", "refusals");
        with(admin, Method::POST, "/users", key, &member(Role::Nurse, "Petit", "Ana")).await.expect(201);
        let other = with(admin, Method::POST, "/users", key, &member(Role::Nurse, "Morel", "Ana")).await;
        refusals.note("registerUser", "a key of another request", &other);

        let any = ("If-Match", "*");
        let colleague = Member::hire(admin, Role::Doctor, "Kerjean").await;
        let profile =
            |email: &str| json!({"lastName": "Kerjean", "firstName": "Maë", "email": email, "rppsNumber": RPPS});
        let revised = with(admin, Method::PUT, &colleague.path(), any, &profile(&nurse.email)).await;
        refusals.note("reviseUser", "an address that somebody has", &revised);
        let revised = with(admin, Method::PUT, &colleague.path(), any, &profile("x")).await;
        refusals.note("reviseUser", "values that break rules", &revised);

        let post = async |path: String, body: Value| admin.post(&path, &body).await;
        let reason = json!({"reason": "Essai"});
        let assign = format!("{}/role", nurse.path());
        let role = |role: &str| json!({"role": role, "reason": "Essai"});
        refusals.note("assignRole", "a doctor without a number", &post(assign.clone(), role("doctor")).await);
        refusals.note("assignRole", "a role that is none", &post(assign.clone(), role("chef")).await);
        refusals.note_if_refused("assignRole", "the same role", &post(assign, role("nurse")).await);
        let unset = admin.request(Method::DELETE, &format!("{}/mfa", nurse.path())).header("X-Change-Reason", "Essai");
        refusals.note("dropUserSecondFactor", "there is none", &send(unset).await);
        let unexplained = admin.delete(&format!("{}/mfa", nurse.path())).await;
        refusals.note("dropUserSecondFactor", "no reason", &unexplained);
        refusals.note("inviteUser", "who has a password", &post(format!("{}/invite", nurse.path()), Value::Null).await);
        let silent = json!({"reason": " "});
        refusals.note(
            "suspendUser",
            "an empty reason",
            &post(format!("{}/suspend", nurse.path()), silent.clone()).await,
        );
        let reinstate = format!("{}/reinstate", nurse.path());
        refusals.note("reinstateUser", "who is not suspended", &post(reinstate.clone(), reason.clone()).await);
        refusals.note("reinstateUser", "an empty reason", &post(reinstate, silent).await);
        post(format!("{}/suspend", nurse.path()), reason.clone()).await.expect(200);
        refusals.note(
            "suspendUser",
            "suspended already",
            &post(format!("{}/suspend", nurse.path()), reason.clone()).await,
        );
        let reset = post(format!("{}/password-reset", nurse.path()), Value::Null).await;
        refusals.note("startPasswordReset", "who is suspended", &reset);

        // The administrators of test practices log in without a registration: this one is the only one who was registered.
        let last = Member::hire(admin, Role::Admin, "Roux").await;
        let last_admin = last.log_in().await;
        let suspended = last_admin.post(&format!("{}/suspend", last.path()), &reason).await;
        refusals.note("suspendUser", "the last administrator", &suspended);
        let moved = last_admin.post(&format!("{}/role", last.path()), &role("secretary")).await;
        refusals.note("assignRole", "the last administrator", &moved);
        refusals.note("listUsers", "a role that is none", &admin.get("/users?role=chef").await);
        refusals.note("listPractitioners", "a page that is none", &admin.get("/practitioners?page=0").await);
        // An address of nobody.
        assert!(email().ends_with("@exemple.fr"));
    })
    .await;
    insta::assert_json_snapshot!("staff", refusals);
}
