//! What happens to sessions and accounts works on every server within a second, on tokens that are valid by themselves.

use domain::permissions::Permissions;
use domain::role::{Access, Area};

use super::*;

#[tokio::test]
async fn a_session_that_was_ended_is_refused_everywhere() {
    let practice = Practice::open().await;
    let out = practice.one.tokens(&practice.doctor).await;
    let stays = practice.one.tokens(&practice.doctor).await;
    practice.one.post("/logout", Some(&out.access), &json!({})).await.assert_status(StatusCode::NO_CONTENT);
    assert!(!practice.one.lets_in(&out.access).await, "here at once");
    practice.other.refuses_within_a_second(&out.access).await;
    practice.other.refresh(&out.refresh).await.assert_status(StatusCode::UNAUTHORIZED);

    let gone = practice.other.tokens(&practice.doctor).await;
    let listed = body(practice.one.get("/sessions", &gone.access).await).await;
    let current = listed["sessions"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
    let path = format!("/sessions/{}", current["id"].as_str().unwrap());
    practice.one.delete(&path, &stays.access).await.assert_status(StatusCode::NO_CONTENT);
    practice.other.refuses_within_a_second(&gone.access).await;
    assert_eq!(
        code(practice.one.delete(&path, &stays.access).await, StatusCode::NOT_FOUND).await,
        "resource_not_found"
    );

    let [first, second] = [practice.one.tokens(&practice.doctor).await, practice.other.tokens(&practice.doctor).await];
    practice.one.delete("/sessions", &stays.access).await.assert_status(StatusCode::NO_CONTENT);
    practice.other.refuses_within_a_second(&first.access).await;
    practice.one.refuses_within_a_second(&second.access).await;
    assert!(practice.other.lets_in(&stays.access).await);
    practice.expect_event("LoggedOut", 1).await;
    practice.expect_event("SessionRevoked", 3).await;
}

#[tokio::test]
async fn a_suspended_user_is_refused_everywhere_and_old_sessions_stay_over() {
    let practice = Practice::open().await;
    let tokens = practice.one.tokens(&practice.doctor).await;
    assert!(practice.other.lets_in(&tokens.access).await);
    practice.tell(UserCommand::SuspendUser).await;
    practice.one.refuses_within_a_second(&tokens.access).await;
    practice.other.refuses_within_a_second(&tokens.access).await;
    practice.one.refresh(&tokens.refresh).await.assert_status(StatusCode::UNAUTHORIZED);
    practice.one.log_in(EMAIL, &practice.doctor.password).await.assert_status(StatusCode::UNAUTHORIZED);

    practice.tell(UserCommand::ReinstateUser).await;
    let began = Instant::now();
    while practice.other.log_in(EMAIL, &practice.doctor.password).await.0.status() != StatusCode::OK {
        assert!(began.elapsed() < Duration::from_secs(2));
        practice.sql("DELETE FROM accounts.login_attempts").await;
    }
    assert!(!practice.other.lets_in(&tokens.access).await, "what was ended stays ended");
}

#[tokio::test]
async fn another_role_and_other_permissions_count_for_tokens_that_were_issued_before() {
    let practice = Practice::open().await;
    let tokens = practice.one.tokens(&practice.doctor).await;
    practice.tell(UserCommand::AssignRole { role: Role::Nurse }).await;
    for server in [&practice.one, &practice.other] {
        let began = Instant::now();
        while server.auth.tokens.verify(&tokens.access).unwrap().role != Role::Nurse {
            assert!(began.elapsed() < Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let permissions = Permissions::default_of(Role::Nurse).with(Area::Consents, Access::None);
    let command = FacilityCommand::ChangeRolePermissions { role: Role::Nurse, permissions };
    practice.commands.change_facility(&command, &CommandContext::system(FACILITY)).await.unwrap();
    for server in [&practice.one, &practice.other] {
        let began = Instant::now();
        while server.auth.tokens.identify(&tokens.access).unwrap().permissions != permissions {
            assert!(began.elapsed() < Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let me = body(practice.other.get("/me", &tokens.access).await).await;
    assert_eq!(me["role"], "nurse");
    assert_eq!(me["permissions"]["consents"], json!({"read": false, "write": false}));

    // A server that starts now knows it as well.
    let restarted = Server::start(&practice.log).await;
    assert_eq!(restarted.auth.tokens.identify(&tokens.access).unwrap().permissions, permissions);
}

#[tokio::test]
async fn a_token_is_judged_without_the_database() {
    let practice = Practice::open().await;
    let tokens = practice.one.tokens(&practice.doctor).await;
    let held: Vec<_> = futures_util::future::join_all((0..16).map(|_| practice.database.get())).await;
    assert!(held.iter().all(Result::is_ok), "no connection is left");
    let judged = tokio::time::timeout(
        Duration::from_millis(100),
        practice.other.auth.tokens.identify_with_new_keys(&tokens.access),
    );
    assert_eq!(judged.await.unwrap().unwrap().member.user_id, DOCTOR);
}
