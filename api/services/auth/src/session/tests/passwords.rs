//! Choosing passwords: by a link, by knowing the present one.

use super::*;
use accounts::one_time_links::LinkPurpose;

const NEW: &str = "cerf volant sur la jetée";

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_not_this_one() {
    let practice = Practice::open().await;
    let here = practice.one.tokens(&practice.doctor).await;
    let elsewhere = practice.other.tokens(&practice.doctor).await;
    let change = |current: &str, new: &str| json!({"currentPassword": current, "newPassword": new});

    let refusals =
        [("trop court", "length"), ("Qwertyqwerty123", "common_password"), ("azertyuiop12", "guessable_password")];
    for (new, rule) in refusals {
        let refused = practice.one.post("/password", Some(&here.access), &change(&practice.doctor.password, new)).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(body(refused).await["violations"][0]["rule"], rule);
    }
    let wrong = practice.one.post("/password", Some(&here.access), &change("wrong", NEW)).await;
    assert_eq!(code(wrong, StatusCode::UNAUTHORIZED).await, "invalid_credentials");

    let done = practice.one.post("/password", Some(&here.access), &change(&practice.doctor.password, NEW)).await;
    done.assert_status(StatusCode::NO_CONTENT);
    practice.other.refuses_within_a_second(&elsewhere.access).await;
    practice.other.refresh(&elsewhere.refresh).await.assert_status(StatusCode::UNAUTHORIZED);
    assert!(practice.one.lets_in(&here.access).await);
    practice.one.log_in(EMAIL, &practice.doctor.password).await.assert_status(StatusCode::UNAUTHORIZED);
    practice.one.log_in(EMAIL, NEW).await.assert_status_is_ok();
    practice.expect_event("PasswordChanged", 2).await;
    practice.expect_event("SessionRevoked", 1).await;
}

#[tokio::test]
async fn a_link_sets_a_password_once_and_only_the_latest_does() {
    let practice = Practice::open().await;
    let session = practice.one.tokens(&practice.doctor).await;
    let links = &practice.one.auth.links;
    let void = links.make(DOCTOR, LinkPurpose::Reset).await.unwrap();
    let good = links.make(DOCTOR, LinkPurpose::Reset).await.unwrap();
    let accept = |token: &str, password: &str| json!({"token": token, "newPassword": password});
    let server = &practice.one;

    for token in [void.token.as_str(), "mpl_nonsense"] {
        let refused = server.post("/password/accept", None, &accept(token, NEW)).await;
        assert_eq!(code(refused, StatusCode::UNPROCESSABLE_ENTITY).await, "link_not_good");
    }
    // A password that is refused does not use the link up.
    let refused = server.post("/password/accept", None, &accept(&good.token, "qwertyqwerty")).await;
    assert_eq!(code(refused, StatusCode::UNPROCESSABLE_ENTITY).await, "validation_failed");
    let bodies: Vec<Value> = (0..8).map(|_| accept(&good.token, NEW)).collect();
    let tries = bodies.iter().map(|body| server.post("/password/accept", None, body));
    let outcomes = futures_util::future::join_all(tries).await;
    let accepted = outcomes.iter().filter(|outcome| outcome.0.status() == StatusCode::NO_CONTENT).count();
    assert_eq!(accepted, 1, "of simultaneous uses one succeeds");

    practice.other.refuses_within_a_second(&session.access).await;
    server.log_in(EMAIL, NEW).await.assert_status_is_ok();
    let late = links.make(DOCTOR, LinkPurpose::Reset).await.unwrap();
    practice.sql("UPDATE accounts.one_time_links SET expires_at = now()").await;
    let refused = server.post("/password/accept", None, &accept(&late.token, NEW)).await;
    assert_eq!(code(refused, StatusCode::UNPROCESSABLE_ENTITY).await, "link_not_good");
    let stored = "SELECT count(*) FROM accounts.one_time_links WHERE one_time_links::text LIKE '%mpl_%'";
    assert_eq!(practice.number(stored).await, 0, "no link is stored");
}

#[tokio::test]
async fn somebody_invited_logs_in_after_the_first_password() {
    let practice = Practice::open().await;
    let user = UserId(Uuid::now_v7());
    let details = UserDetails {
        profile: Profile {
            last_name: LastName::parse("Diallo").unwrap(),
            first_name: FirstName::parse("Mariam").unwrap(),
            email: EmailAddress::parse("mariam.diallo@exemple.fr").unwrap(),
            phone: None,
        },
        profession: Profession::default(),
    };
    let context = CommandContext::system(FACILITY);
    practice.commands.register_user(user, Role::Secretary, &details, &context).await.unwrap();
    // The registration alone makes the account, on whichever server reads it first.
    let account = format!("SELECT count(*) FROM accounts.credentials WHERE user_id = '{user}'");
    while practice.number(&account).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let server = &practice.other;
    server.log_in("mariam.diallo@exemple.fr", "whatever it is").await.assert_status(StatusCode::UNAUTHORIZED);
    let link = server.auth.links.make(user, LinkPurpose::Invitation).await.unwrap();
    let body = json!({"token": *link.token, "newPassword": NEW});
    server.post("/password/accept", None, &body).await.assert_status(StatusCode::NO_CONTENT);
    let tokens = Tokens::of(server.log_in("mariam.diallo@exemple.fr", NEW).await).await;
    assert_eq!(tokens.answer["user"]["role"], "secretary");
}

#[tokio::test]
async fn a_link_that_the_log_refuses_stores_no_password_and_stays() {
    let practice = Practice::open().await;
    let server = &practice.one;
    let link = server.auth.links.make(DOCTOR, LinkPurpose::Reset).await.unwrap();
    let body = json!({"token": *link.token, "newPassword": NEW});
    practice.tell(UserCommand::SuspendUser).await;
    // As on a server that has not heard of it yet.
    let in_time = "UPDATE accounts.credentials SET status = 'active'";
    practice.one.auth.take_up(Some(practice.log.head().await.unwrap())).await;
    practice.sql(in_time).await;
    let refused = server.post("/password/accept", None, &body).await;
    assert_eq!(code(refused, StatusCode::UNPROCESSABLE_ENTITY).await, "link_not_good");
    practice.tell(UserCommand::ReinstateUser).await;
    server.log_in(EMAIL, NEW).await.assert_status(StatusCode::UNAUTHORIZED);
    server.log_in(EMAIL, &practice.doctor.password).await.assert_status_is_ok();
    server.post("/password/accept", None, &body).await.assert_status(StatusCode::NO_CONTENT);
}
