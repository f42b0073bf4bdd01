//! Second factors: set up, needed, each code once; and the fresh proof that changing them needs.

use base64::Engine as _;
use domain::facility::FacilitySettings;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::*;
use accounts::totp::TotpSecret;

/// Sets a device up, and returns it with its recovery codes.
async fn enroll(server: &Server, token: &str) -> (TotpSecret, Vec<String>) {
    let enrolled = server.post("/mfa/enroll", Some(token), &json!({})).await;
    enrolled.assert_status_is_ok();
    let secret = body(enrolled).await["secret"].as_str().unwrap().to_owned();
    let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let device = TotpSecret::from_bytes(Zeroizing::new(secret));
    let wrong = server.post("/mfa/confirm", Some(token), &json!({"otp": "0000000"})).await;
    assert_eq!(code(wrong, StatusCode::UNAUTHORIZED).await, "invalid_second_factor");
    let otp = device.code_at(Timestamp::now());
    let confirmed = server.post("/mfa/confirm", Some(token), &json!({"otp": otp})).await;
    confirmed.assert_status_is_ok();
    let codes = body(confirmed).await["recoveryCodes"].clone();
    (device, serde_json::from_value(codes).unwrap())
}

async fn log_in(server: &Server, practice: &Practice, otp: Option<&str>) -> TestResponse {
    let mut body = json!({"email": EMAIL, "password": practice.doctor.password});
    if let Some(otp) = otp {
        body["otp"] = json!(otp);
    }
    server.post("/login", None, &body).await
}

/// As if no code had been used lately: tests do not wait for the clock.
const FORGET_STEP: &str = "UPDATE accounts.second_factors SET last_step = 0";

#[tokio::test]
async fn a_code_is_needed_and_good_once() {
    let practice = Practice::open().await;
    let (server, other) = (&practice.one, &practice.other);
    let tokens = server.tokens(&practice.doctor).await;
    let before = other.tokens(&practice.doctor).await;
    let (device, recovery) = enroll(server, &tokens.access).await;
    assert_eq!(recovery.len(), 10);
    other.refuses_within_a_second(&before.access).await;

    let needed = log_in(server, &practice, None).await;
    assert_eq!(code(needed, StatusCode::UNAUTHORIZED).await, "second_factor_required");
    let used = log_in(server, &practice, Some(&device.code_at(Timestamp::now()))).await;
    assert_eq!(code(used, StatusCode::UNAUTHORIZED).await, "invalid_second_factor", "it confirmed the device");

    practice.sql(FORGET_STEP).await;
    let otp = device.code_at(Timestamp::now());
    let servers = [server, other];
    let tries = (0..8).map(|number: usize| log_in(servers[number % 2], &practice, Some(&otp)));
    let outcomes = futures_util::future::join_all(tries).await;
    let accepted: Vec<_> = outcomes.into_iter().filter(|outcome| outcome.0.status() == StatusCode::OK).collect();
    assert_eq!(accepted.len(), 1, "of simultaneous uses one succeeds");
    for response in accepted {
        let claims = claims(&Tokens::of(response).await.access);
        assert_eq!(claims["amr"], json!(["pwd", "otp"]));
    }
    practice.sql("DELETE FROM accounts.login_attempts").await;

    log_in(other, &practice, Some(&recovery[0])).await.assert_status_is_ok();
    let again = log_in(other, &practice, Some(&recovery[0])).await;
    assert_eq!(code(again, StatusCode::UNAUTHORIZED).await, "invalid_second_factor");
    practice.expect_event("MfaEnabled", 1).await;
    practice.expect_event("RecoveryCodeUsed", 1).await;
    let stored = "SELECT count(*) FROM accounts.recovery_codes WHERE recovery_codes::text ILIKE '%-%-%-%-%-%-%-%'";
    assert_eq!(practice.number(stored).await, 0, "no code is stored");

    // Guessing codes locks like guessing passwords.
    for _ in 0..4 {
        log_in(server, &practice, Some("000000")).await.assert_status(StatusCode::UNAUTHORIZED);
    }
    let locked = log_in(server, &practice, Some("000000")).await;
    assert_eq!(code(locked, StatusCode::TOO_MANY_REQUESTS).await, "too_many_attempts");
}

#[tokio::test]
async fn changing_a_second_factor_needs_a_fresh_proof() {
    let practice = Practice::open().await;
    let server = &practice.one;
    let tokens = server.tokens(&practice.doctor).await;
    let long_ago = "UPDATE accounts.sessions SET stepped_up_at = now() - interval '6 minutes'";
    practice.sql(long_ago).await;
    let refused = server.post("/mfa/enroll", Some(&tokens.access), &json!({})).await;
    assert_eq!(code(refused, StatusCode::FORBIDDEN).await, "step_up_required");

    let wrong = server.post("/step-up", Some(&tokens.access), &json!({"password": "wrong"})).await;
    assert_eq!(code(wrong, StatusCode::UNAUTHORIZED).await, "invalid_credentials");
    for both_or_none in [json!({}), json!({"password": "x", "otp": "123456"})] {
        let refused = server.post("/step-up", Some(&tokens.access), &both_or_none).await;
        assert_eq!(code(refused, StatusCode::UNPROCESSABLE_ENTITY).await, "validation_failed");
    }
    let proof = json!({"password": practice.doctor.password});
    server.post("/step-up", Some(&tokens.access), &proof).await.assert_status(StatusCode::NO_CONTENT);
    let (device, _) = enroll(server, &tokens.access).await;

    practice.sql(long_ago).await;
    let refused = server.delete("/mfa", &tokens.access).await;
    assert_eq!(code(refused, StatusCode::FORBIDDEN).await, "step_up_required");
    practice.sql(FORGET_STEP).await;
    let proof = json!({"otp": device.code_at(Timestamp::now())});
    server.post("/step-up", Some(&tokens.access), &proof).await.assert_status(StatusCode::NO_CONTENT);
    for _first_and_repeated in 0..2 {
        server.delete("/mfa", &tokens.access).await.assert_status(StatusCode::NO_CONTENT);
    }
    log_in(server, &practice, None).await.assert_status_is_ok();
    practice.expect_event("MfaDisabled", 1).await;
}

#[tokio::test]
async fn where_the_practice_requires_a_second_factor_nothing_else_is_open_without() {
    let practice = Practice::open().await;
    let settings = FacilitySettings { mfa_required_for: [Role::Doctor].into(), ..FacilitySettings::default() };
    let command = FacilityCommand::ChangeSettings { settings };
    practice.commands.change_facility(&command, &CommandContext::system(FACILITY)).await.unwrap();
    let server = &practice.one;
    let tokens = server.tokens(&practice.doctor).await;
    let must_enroll = |server: &Server| server.auth.tokens.identify(&tokens.access).unwrap().must_enroll;
    let began = Instant::now();
    while !must_enroll(server) || !must_enroll(&practice.other) {
        assert!(began.elapsed() < Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(server.auth.tokens.verify(&tokens.access).is_err(), "no live screen opens");
    let refused = server.delete("/mfa", &tokens.access).await;
    assert_eq!(code(refused, StatusCode::FORBIDDEN).await, "permission_denied");
    enroll(server, &tokens.access).await;
    let began = Instant::now();
    while must_enroll(server) || must_enroll(&practice.other) {
        assert!(began.elapsed() < Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(2).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&bytes[..bytes.len() - 64]).unwrap()
}

#[tokio::test]
async fn recovery_codes_are_hashed_as_passwords_are_and_those_of_before_are_still_good() {
    let practice = Practice::open().await;
    let server = &practice.one;
    let (_, recovery) = enroll(server, &server.tokens(&practice.doctor).await.access).await;
    let salted = "SELECT count(*) FROM accounts.recovery_codes WHERE octet_length(salt) = 16";
    assert_eq!(practice.number(salted).await, 10);
    let letters = recovery[0].replace('-', "").to_uppercase();
    let bytes = data_encoding::BASE32_NOPAD.decode(letters.as_bytes()).unwrap();
    let plain = ring::digest::digest(&ring::digest::SHA256, &bytes);
    let plain = data_encoding::HEXLOWER.encode(plain.as_ref());
    let found = format!("SELECT count(*) FROM accounts.recovery_codes WHERE code_hash = '\\x{plain}'");
    assert_eq!(practice.number(&found).await, 0);
    log_in(server, &practice, Some(&recovery[1])).await.assert_status_is_ok();

    // As a former release wrote them.
    practice.sql("DELETE FROM accounts.recovery_codes").await;
    let former = "INSERT INTO accounts.recovery_codes (user_id, code_hash) VALUES";
    practice.sql(&format!("{former} ('{DOCTOR}', '\\x{plain}')")).await;
    log_in(server, &practice, Some(&recovery[0])).await.assert_status_is_ok();
    log_in(server, &practice, Some(&recovery[0])).await.assert_status(StatusCode::UNAUTHORIZED);
}
