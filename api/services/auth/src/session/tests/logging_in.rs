//! Who gets in, who does not, and how guessing is slowed down.

use super::*;
use accounts::account::LoginHash;
use accounts::device_token::DeviceToken;
use accounts::lockout::{Approach, Lockout};

#[tokio::test]
async fn a_member_of_staff_logs_in_and_guessing_is_slowed_down() {
    let practice = Practice::open().await;
    let (server, doctor) = (&practice.one, practice.doctor.clone());

    // Whatever the case of the address.
    let tokens = Tokens::of(server.log_in("zoe.moreau@EXEMPLE.fr", &doctor.password).await).await;
    let answer = &tokens.answer;
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 900);
    assert_eq!(answer["user"]["role"], "doctor");
    assert_eq!(answer["user"]["rpps_number"], "10003456786");
    assert_eq!(answer["user"]["permissions"]["patients"], json!({"read": true, "write": true}));
    assert_eq!(answer["user"]["permissions"]["audit"], json!({"read": false, "write": false}));
    assert!(answer["user"].get("adeli_number").is_none(), "what is not there is left out");
    server.get("/me", &tokens.access).await.assert_json(&answer["user"]).await;

    // Known and unknown logins are refused alike, and locked alike.
    for email in ["zoe.moreau@exemple.fr", "nobody@exemple.fr"] {
        for _ in 0..5 {
            let refused = server.log_in(email, "wrong").await;
            assert_eq!(code(refused, StatusCode::UNAUTHORIZED).await, "invalid_credentials");
        }
        let locked = server.log_in(email, &doctor.password).await;
        locked.assert_header_exist("retry-after");
        assert_eq!(code(locked, StatusCode::TOO_MANY_REQUESTS).await, "too_many_attempts", "{email}");
    }
    practice.expect_event("LoginRefused", 6).await;
    practice.expect_event("AccountLocked", 1).await;

    // The lock passes, the next one is longer, and a right password forgets it all.
    let let_pass = "UPDATE accounts.login_attempts SET locked_until = now() - interval '1 second'";
    practice.sql(let_pass).await;
    let refused = server.log_in("zoe.moreau@exemple.fr", "wrong").await;
    assert_eq!(code(refused, StatusCode::UNAUTHORIZED).await, "invalid_credentials");
    let longest = "SELECT max(extract(epoch FROM locked_until - now()))::bigint FROM accounts.login_attempts";
    let seconds = practice.number(longest).await;
    assert!((50..=60).contains(&seconds), "{seconds}");
    practice.sql(let_pass).await;
    server.log_in("zoe.moreau@exemple.fr", &doctor.password).await.assert_status_is_ok();
    server.log_in("zoe.moreau@exemple.fr", "wrong").await.assert_status(StatusCode::UNAUTHORIZED);
    server.log_in("zoe.moreau@exemple.fr", &doctor.password).await.assert_status_is_ok();

    // A suspended account is refused like a wrong password.
    practice.tell(UserCommand::SuspendUser).await;
    let refused = server.log_in("zoe.moreau@exemple.fr", &doctor.password).await;
    assert_eq!(code(refused, StatusCode::UNAUTHORIZED).await, "invalid_credentials");

    // No address is stored in clear, and the file of passwords is the one place that knows them.
    let stored = "SELECT count(*) FROM accounts.credentials WHERE lower(credentials::text) LIKE '%moreau%'";
    assert_eq!(practice.number(stored).await, 0);
    assert!(practice.folder.path().join("demo-accounts.json").exists());
}

#[tokio::test]
async fn who_logs_in_from_a_known_place_is_not_locked_out_by_strangers() {
    let practice = Practice::open().await;
    let lockout = Lockout::new(practice.database.clone(), Arc::new(practice.log.clone()));
    let login = LoginHash::of(EMAIL, &practice.log);
    let [home, stranger] = ["192.0.2.1", "198.51.100.7"].map(|address| Some(address.parse().unwrap()));
    let open = |approach| match approach {
        Approach::Open(attempt) => Some(attempt),
        Approach::Locked(_) => None,
    };
    let device = DeviceToken::generate().unwrap();
    let attempt = open(lockout.approach(login, home, Some(&device)).await.unwrap()).unwrap();
    assert!(lockout.succeeded(&attempt, DOCTOR).await.unwrap());

    for _ in 0..5 {
        let attempt = open(lockout.approach(login, stranger, None).await.unwrap()).unwrap();
        lockout.failed(&attempt).await.unwrap();
    }
    assert!(open(lockout.approach(login, stranger, None).await.unwrap()).is_none(), "the stranger is locked");
    let elsewhere = Some("203.0.113.9".parse().unwrap());
    assert!(open(lockout.approach(login, elsewhere, None).await.unwrap()).is_none(), "and every other stranger");
    let invented = DeviceToken::generate().unwrap();
    assert!(open(lockout.approach(login, elsewhere, Some(&invented)).await.unwrap()).is_none());
    let attempt = open(lockout.approach(login, home, None).await.unwrap()).expect("the owner at home is not");
    assert!(open(lockout.approach(login, elsewhere, Some(&device)).await.unwrap()).is_some(), "nor on their device");

    // At home, too, only so many guesses are free; and what is counted there does not count on the device.
    for _ in 0..5 {
        lockout.failed(&attempt).await.unwrap();
    }
    assert!(open(lockout.approach(login, home, None).await.unwrap()).is_none());
    let attempt = open(lockout.approach(login, home, Some(&device)).await.unwrap()).expect("the device is not locked");
    for _ in 0..5 {
        lockout.failed(&attempt).await.unwrap();
    }
    assert!(open(lockout.approach(login, home, Some(&device)).await.unwrap()).is_none());

    // A lock that is lifted is lifted everywhere, and what is known stays known.
    lockout.lift(&[login], DOCTOR).await.unwrap();
    for address in [home, stranger, elsewhere] {
        assert!(open(lockout.approach(login, address, Some(&device)).await.unwrap()).is_some());
        assert!(open(lockout.approach(login, address, None).await.unwrap()).is_some());
    }
    for _ in 0..5 {
        let attempt = open(lockout.approach(login, stranger, None).await.unwrap()).unwrap();
        lockout.failed(&attempt).await.unwrap();
    }
    assert!(open(lockout.approach(login, home, None).await.unwrap()).is_some());

    // Whoever tries many accounts from one address locks each, and nobody else who shares the address.
    let sprayer = Some("2001:db8:5::1".parse().unwrap());
    for number in 0..20 {
        let login = LoginHash::of(&format!("user{number}@exemple.fr"), &practice.log);
        for _ in 0..5 {
            let attempt = open(lockout.approach(login, sprayer, None).await.unwrap()).unwrap();
            lockout.failed(&attempt).await.unwrap();
        }
        assert!(open(lockout.approach(login, sprayer, None).await.unwrap()).is_none());
    }
    let neighbour = Some("2001:db8:5::2".parse().unwrap());
    let login = LoginHash::of("another@exemple.fr", &practice.log);
    assert!(open(lockout.approach(login, neighbour, None).await.unwrap()).is_some());
}

#[tokio::test]
async fn of_the_devices_of_an_account_the_latest_are_known() {
    let practice = Practice::open().await;
    for _ in 0..25 {
        practice.one.log_in(EMAIL, &practice.doctor.password).await.assert_status_is_ok();
    }
    let devices = "SELECT count(*) FROM accounts.known_places WHERE is_device";
    assert_eq!(practice.number(devices).await, 20);
}

#[tokio::test]
async fn guesses_that_run_at_the_same_time_gain_nothing() {
    let practice = Practice::open().await;
    let guesses = (0..40).map(|_| practice.one.log_in(EMAIL, "wrong"));
    futures_util::future::join_all(guesses).await;
    let locked = practice.other.log_in(EMAIL, &practice.doctor.password).await;
    assert_eq!(code(locked, StatusCode::TOO_MANY_REQUESTS).await, "too_many_attempts");
}

#[tokio::test]
async fn an_outdated_hash_is_replaced_at_login_and_what_happened_is_told() {
    let practice = Practice::open().await;
    let weak = argon2::Params::new(8 * 1024, 1, 1, None).unwrap();
    let weak = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, weak);
    let salt = argon2::password_hash::SaltString::encode_b64(&[7; 16]).unwrap();
    let hash = argon2::PasswordHasher::hash_password(&weak, practice.doctor.password.as_bytes(), &salt).unwrap();
    practice.one.auth.accounts.set_password(DOCTOR, &hash.to_string()).await.unwrap();
    practice.one.tokens(&practice.doctor).await;
    let current =
        "SELECT count(*) FROM accounts.credentials WHERE password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'";
    assert_eq!(practice.number(current).await, 1);
    practice.one.tokens(&practice.doctor).await;
    assert_eq!(practice.history().await, ["UserRegistered", "PasswordChanged", "LoggedIn", "LoggedIn"]);
}

/// Interleaved tries, of which the quicker half counts: what a patient stranger could measure, beside whatever else this
/// machine does. A difference would show every time, noise only now and then.
#[tokio::test]
async fn a_refused_login_takes_as_long_for_an_unknown_account() {
    let practice = Practice::open().await;
    let mut measured = Vec::new();
    for _ in 0..4 {
        let [known, unknown] = refusal_times(&practice).await;
        measured.push(format!("{known:.1} ms for a known account, {unknown:.1} ms for an unknown one"));
        if (0.85..=1.18).contains(&(known / unknown)) {
            return;
        }
    }
    panic!("{measured:?}");
}

async fn refusal_times(practice: &Practice) -> [f64; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..24 {
        practice.sql("DELETE FROM accounts.login_attempts").await;
        // Which of the two comes first alternates, so that neither always follows the other.
        for turn in 0..2 {
            let of = (turn + round) % 2;
            let email = [EMAIL, "nobody@exemple.fr"][of];
            let began = Instant::now();
            practice.one.log_in(email, "wrong").await.assert_status(StatusCode::UNAUTHORIZED);
            // The first ones fill caches.
            if round >= 4 {
                times[of].push(began.elapsed());
            }
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 4].as_secs_f64() * 1000.0
    })
}

#[tokio::test]
async fn a_storm_of_refused_logins_leaves_few_events_and_a_count_of_all() {
    let practice = Practice::open().await;
    for _ in 0..30 {
        practice.one.log_in(EMAIL, "wrong").await;
        practice.one.log_in("nobody@exemple.fr", "wrong").await;
    }
    let counted = "SELECT coalesce(sum(times), 0)::bigint FROM accounts.refused_logins";
    let began = Instant::now();
    while practice.number(counted).await < 50 {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", practice.number(counted).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(practice.history().await.iter().filter(|happened| *happened == "LoginRefused").count(), 10);
    assert_eq!(practice.number(counted).await, 50);
    // One row each for the known and the unknown address, by their keyed hashes.
    assert_eq!(practice.number("SELECT count(*) FROM accounts.refused_logins").await, 2);
    let unknown = "SELECT times FROM accounts.refused_logins WHERE user_id IS NULL";
    assert_eq!(practice.number(unknown).await, 30);
}
