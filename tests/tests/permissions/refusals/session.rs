use domain::role::Role;
use serde_json::json;
use system_tests::practice::Practice;
use system_tests::staff::{Member, PASSWORD, accept, member};

use super::refusals_of;

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_refused_like_this() {
    let practice = Practice::new().await;
    let admin = practice.client(Role::Admin);
    let door = admin.signed_out();
    let (refusals, _) = refusals_of("Session", async |refusals| {
        let nurse = Member::hire(admin, Role::Nurse, "Diallo").await;
        let log_in = async |email: &str, password: &str| {
            door.post("/auth/login", &json!({"email": email, "password": password})).await
        };
        refusals.note("logIn", "another password", &log_in(&nurse.email, "trois phares et une bouée").await);
        refusals.note("logIn", "an address that nobody has", &log_in("nobody@exemple.fr", PASSWORD).await);
        let forged = json!({"refresh_token": "mpr_forged"});
        refusals.note("refreshTokens", "a token that is none", &door.post("/auth/refresh", &forged).await);
        let invented = json!({"token": "mpl_invented", "newPassword": PASSWORD});
        refusals.note("acceptLink", "a link that is none", &door.post("/auth/password/accept", &invented).await);
        let invited = admin.post("/users", &member(Role::Nurse, "Roux", "Léa")).await.expect(201).body;
        refusals.note("acceptLink", "a password that is known", &accept(&door, &invited, "password1234").await);
        accept(&door, &invited, PASSWORD).await.expect(204);
        refusals.note("acceptLink", "used already", &accept(&door, &invited, PASSWORD).await);

        let session = nurse.log_in().await;
        refusals.note("stepUp", "another password", &session.post("/auth/step-up", &json!({"password": "non"})).await);
        let change = |current: &str, new: &str| json!({"currentPassword": current, "newPassword": new});
        let changed = session.post("/auth/password", &change("non", "trois phares et une bouée")).await;
        refusals.note("changePassword", "another password", &changed);
        let changed = session.post("/auth/password", &change(PASSWORD, "password1234")).await;
        refusals.note("changePassword", "a password that is known", &changed);
        let confirmed = session.post("/auth/mfa/confirm", &json!({"otp": "000000"})).await;
        refusals.note("confirmSecondFactor", "nothing was begun", &confirmed);
        refusals.note_if_refused("dropSecondFactor", "there is none", &session.delete("/auth/mfa").await);
        session.post("/auth/logout", &json!({})).await.expect(204);
        refusals.note("whoAmI", "the session is over", &session.get("/auth/me").await);
        refusals.note("listTokenKeys", "a token of nobody", &door.with_token("v4.public.x").get("/auth/me").await);
    })
    .await;
    insta::assert_json_snapshot!("session", refusals);
}
