//! Sessions go on by refresh tokens, each of which is good once.

use super::*;

const LATER: &str = "UPDATE accounts.sessions SET rotated_at = rotated_at - interval '11 seconds'";

#[tokio::test]
async fn a_session_goes_on_with_new_tokens_on_any_server() {
    let practice = Practice::open().await;
    let first = practice.one.tokens(&practice.doctor).await;
    let second = Tokens::of(practice.other.refresh(&first.refresh).await).await;
    assert_ne!(first.access, second.access);
    assert_ne!(first.refresh, second.refresh);
    assert!(practice.one.lets_in(&second.access).await && practice.one.lets_in(&first.access).await);
    let third = Tokens::of(practice.one.refresh(&second.refresh).await).await;
    assert!(practice.other.lets_in(&third.access).await);
    let listed = body(practice.one.get("/sessions", &third.access).await).await;
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(listed["sessions"][0]["current"], true);
    let stored = "SELECT count(*) FROM accounts.sessions WHERE sessions::text LIKE '%mpr_%'";
    assert_eq!(practice.number(stored).await, 0, "no token is stored");
}

#[tokio::test]
async fn a_lost_answer_is_given_again_and_later_the_repetition_is_a_theft() {
    let practice = Practice::open().await;
    let first = practice.one.tokens(&practice.doctor).await;
    let second = Tokens::of(practice.one.refresh(&first.refresh).await).await;
    let again = Tokens::of(practice.other.refresh(&first.refresh).await).await;
    assert_eq!(again.answer, second.answer, "the very same answer");

    practice.sql(LATER).await;
    let stolen = practice.other.refresh(&first.refresh).await;
    assert_eq!(code(stolen, StatusCode::UNAUTHORIZED).await, "session_ended");
    let family = practice.one.refresh(&second.refresh).await;
    assert_eq!(code(family, StatusCode::UNAUTHORIZED).await, "session_ended", "the whole family ends");
    practice.one.refuses_within_a_second(&second.access).await;
    practice.other.refuses_within_a_second(&first.access).await;
    practice.expect_event("RefreshTokenReused", 1).await;
    practice.one.tokens(&practice.doctor).await;
}

#[tokio::test]
async fn an_older_token_of_the_family_is_a_theft_at_once() {
    let practice = Practice::open().await;
    let first = practice.one.tokens(&practice.doctor).await;
    let second = Tokens::of(practice.one.refresh(&first.refresh).await).await;
    let third = Tokens::of(practice.one.refresh(&second.refresh).await).await;
    practice.one.refresh(&first.refresh).await.assert_status(StatusCode::UNAUTHORIZED);
    practice.one.refresh(&third.refresh).await.assert_status(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_forged_token_ends_nobodys_session() {
    let practice = Practice::open().await;
    let tokens = practice.one.tokens(&practice.doctor).await;
    let at = tokens.refresh.len() - 5;
    let mut forged = tokens.refresh.clone();
    forged.replace_range(at..=at, if &forged[at..=at] == "A" { "B" } else { "A" });
    for refused in [forged.as_str(), "mpr_AAAA", "nonsense"] {
        assert_eq!(code(practice.one.refresh(refused).await, StatusCode::UNAUTHORIZED).await, "session_ended");
    }
    practice.one.refresh(&tokens.refresh).await.assert_status_is_ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_simultaneous_refreshes_leave_one_valid_family() {
    let practice = Practice::open().await;
    let first = practice.one.tokens(&practice.doctor).await;
    let servers = [&practice.one, &practice.other];
    let refreshes = (0..100).map(|number: usize| servers[number % 2].refresh(&first.refresh));
    let mut answers = Vec::new();
    for response in futures_util::future::join_all(refreshes).await {
        answers.push(Tokens::of(response).await);
    }
    assert!(answers.iter().all(|answer| answer.answer == answers[0].answer), "all got the same answer");
    let live = "SELECT count(*) FROM accounts.sessions WHERE ended_at IS NULL AND generation = 1";
    assert_eq!(practice.number(live).await, 1);
    assert_eq!(practice.number("SELECT count(*) FROM accounts.sessions").await, 1);
    practice.other.refresh(&answers[0].refresh).await.assert_status_is_ok();
}

#[tokio::test]
async fn an_idle_and_an_old_session_do_not_go_on() {
    let practice = Practice::open().await;
    let idle = practice.one.tokens(&practice.doctor).await;
    practice.sql("UPDATE accounts.sessions SET last_seen_at = now() - interval '31 minutes'").await;
    assert_eq!(code(practice.one.refresh(&idle.refresh).await, StatusCode::UNAUTHORIZED).await, "session_ended");
    let old = practice.one.tokens(&practice.doctor).await;
    practice.sql("UPDATE accounts.sessions SET expires_at = now()").await;
    assert_eq!(code(practice.one.refresh(&old.refresh).await, StatusCode::UNAUTHORIZED).await, "session_ended");
}

#[tokio::test]
async fn sessions_survive_a_rotation_of_keys_and_a_server_that_starts_anew() {
    let practice = Practice::open().await;
    let before = practice.one.tokens(&practice.doctor).await;
    let keys = accounts::signing_keys::SigningKeys::new(practice.log.clone());
    keys.rotate().await.unwrap();
    keys.rotate().await.unwrap();
    assert_eq!(practice.number("SELECT count(*) FROM accounts.signing_keys").await, 2, "one at a time");

    // The new key is published before it signs.
    practice.one.auth.tokens.look_for_keys().await.unwrap();
    let published = body(practice.one.client.get("/api/v1/auth/keys").send().await).await;
    assert_eq!(published["keys"].as_array().unwrap().len(), 2);
    assert_eq!(kid(&practice.one.tokens(&practice.doctor).await.access), kid(&before.access));

    // Its time comes; a server that did not look yet finds it when it meets its first token.
    practice
        .sql(
            "UPDATE accounts.signing_keys SET not_before = least(not_before, now()), sign_until =
                CASE WHEN not_before <= now() THEN now() ELSE sign_until END",
        )
        .await;
    practice.one.auth.tokens.look_for_keys().await.unwrap();
    let after = Tokens::of(practice.one.refresh(&before.refresh).await).await;
    assert_ne!(kid(&after.access), kid(&before.access));
    assert!(practice.other.lets_in(&after.access).await, "a key that is unknown is looked for");
    assert!(practice.other.lets_in(&before.access).await, "the former key still verifies");

    let restarted = Server::start(&practice.log).await;
    assert!(restarted.lets_in(&after.access).await && restarted.lets_in(&before.access).await);
    let refreshed = Tokens::of(restarted.refresh(&after.refresh).await).await;

    // A disclosed key is taken out of use: its tokens are void, and the session goes on.
    keys.revoke_all().await.unwrap();
    restarted.auth.tokens.look_for_keys().await.unwrap();
    assert!(!restarted.lets_in(&refreshed.access).await);
    let renewed = Tokens::of(restarted.refresh(&refreshed.refresh).await).await;
    assert!(restarted.lets_in(&renewed.access).await);
}

fn kid(token: &str) -> String {
    token.rsplit('.').next().unwrap().to_owned()
}
