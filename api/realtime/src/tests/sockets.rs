//! What a client sees.

use event_store_schema::AccessFilter;
use frame::origins::Origins;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_the_users_of_its_practice_and_nobody_else() {
    let server = Server::start(&Site::new().await).await;
    let (ours, theirs) = (facility(1), facility(2));
    let (mut doctor, ready) = server.login(&user(1, ours, Role::Doctor), None).await;
    let (mut stranger, _) = server.login(&user(2, theirs, Role::Doctor), None).await;
    let position = server.write(ours, 1).await.get();
    let frame = doctor.frame().await;
    assert_eq!((&frame["event"], frame["position"].as_u64()), (&json!("patient_updated"), Some(position)));
    assert_eq!(frame["data"]["fieldsChanged"], json!(["status"]));
    assert_eq!(ready["position"], position - 1);
    assert!(stranger.is_silent().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_comes_within_milliseconds_of_its_commit() {
    let server = Server::start(&Site::new().await).await;
    let ours = facility(1);
    let (mut doctor, _) = server.login(&user(1, ours, Role::Doctor), None).await;
    server.write(ours, 1).await;
    doctor.frame().await;
    let mut taken = Vec::new();
    for _ in 0..20 {
        let begun = std::time::Instant::now();
        server.write(ours, 1).await;
        doctor.frame().await;
        taken.push(begun.elapsed());
    }
    taken.sort();
    assert!(taken[10] < Duration::from_millis(100), "commit and push: {taken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_back_gets_everything_since_once_and_in_order() {
    let server = Server::start(&Site::new().await).await;
    let (ours, theirs) = (facility(1), facility(2));
    let mut expected = Vec::new();
    // More than a page of the past, of two practices in turn.
    for _ in 0..40 {
        let last = server.write(ours, 10).await.get();
        expected.extend(last - 9..=last);
        server.write(theirs, 10).await;
    }
    let writer = tokio::spawn({
        let log = server.log.clone();
        async move {
            let mut written = Vec::new();
            for _ in 0..100 {
                written.push(write(&log, ours, 1).await.get());
            }
            written
        }
    });
    // Each comes back at another moment of the writing.
    let mut clients = Vec::new();
    for number in 0..5_u64 {
        let (client, ready) = server.login(&user(1, ours, Role::Nurse), Some(expected[100])).await;
        assert_eq!(ready["position"], expected[100], "{number}");
        clients.push(client);
    }
    expected.extend(writer.await.unwrap());
    for mut client in clients {
        assert_eq!(client.positions(expected.len() - 101).await, &expected[101..]);
        assert!(client.is_silent().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_the_log_itself_is_relayed() {
    let site = Site::new().await;
    let server = Server::start_with(&site, false, RealtimeSettings::default()).await;
    let (mut doctor, _) = server.login(&user(1, facility(1), Role::Doctor), None).await;
    let elsewhere = site.log().await;
    let mut expected = vec![server.write(facility(1), 1).await.get()];
    expected.push(write(&elsewhere, facility(1), 1).await.get());
    assert_eq!(doctor.positions(2).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_valid_token_is_refused_with_4401() {
    let settings = RealtimeSettings { authenticate_within: Duration::from_millis(300), ..Default::default() };
    let server = Server::start_with(&Site::new().await, false, settings).await;
    for token in ["", "v4.public.AAAA", "nonsense"] {
        let mut socket = server.socket().await;
        socket.say(json!({ "type": "authenticate", "token": token }).to_string()).await;
        assert_eq!(socket.refusal().await, ("invalid_token".to_owned(), 4401));
    }
    let mut silent = server.socket().await;
    assert_eq!(silent.refusal().await, ("authentication_required".to_owned(), 4401));
    let expired = AccessTokens::new(&[7; 32], SignedDuration::from_secs(0)).unwrap();
    let token = expired.issue(&user(1, facility(1), Role::Doctor)).unwrap();
    let mut late = server.socket().await;
    late.say(json!({ "type": "authenticate", "token": token }).to_string()).await;
    assert_eq!(late.refusal().await, ("token_expired".to_owned(), 4401));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_token_unless_a_new_one_comes_in_time() {
    let server = Server::start_with(&Site::new().await, false, RealtimeSettings::default()).await;
    let doctor = user(1, facility(1), Role::Doctor);
    let short_lived = AccessTokens::new(&[7; 32], SignedDuration::from_secs(2)).unwrap();
    let login = |token: String| json!({ "type": "authenticate", "token": token }).to_string();
    let (mut ending, mut going_on) = (server.socket().await, server.socket().await);
    for socket in [&mut ending, &mut going_on] {
        socket.say(login(short_lived.issue(&doctor).unwrap())).await;
        assert_eq!(socket.frame().await["event"], "ready");
    }
    going_on.say(login(server.token(&doctor))).await;
    assert_eq!(going_on.frame().await["event"], "ready");
    assert_eq!(ending.refusal().await, ("token_expired".to_owned(), 4401));
    let position = server.write(facility(1), 1).await.get();
    assert_eq!(going_on.positions(1).await, [position]);

    going_on.say(login(server.token(&user(2, facility(1), Role::Doctor)))).await;
    assert_eq!(going_on.refusal().await, ("invalid_token".to_owned(), 4401), "of another user");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_closes_the_socket() {
    let server = Server::start_with(&Site::new().await, false, RealtimeSettings::default()).await;
    let doctor = user(1, facility(1), Role::Doctor);
    let unknown_field = json!({ "type": "authenticate", "token": server.token(&doctor), "facility": 1 }).to_string();
    for text in ["hello".to_owned(), unknown_field] {
        let mut socket = server.socket().await;
        socket.say(text).await;
        assert_eq!(socket.refusal().await, ("malformed_message".to_owned(), 1008));
    }
    let mut binary = server.socket().await;
    binary.0.send(Message::Binary(vec![1, 2, 3].into())).await.unwrap();
    assert_eq!(binary.refusal().await, ("malformed_message".to_owned(), 1008));

    let mut long = server.socket().await;
    long.say("x".repeat(8 * 1024 + 1)).await;
    assert_eq!(long.refusal().await, ("message_too_large".to_owned(), 1009));

    let mut second = server.login(&doctor, None).await.0;
    second.say(json!({ "type": "authenticate", "token": server.token(&doctor), "position": 0 }).to_string()).await;
    assert_eq!(second.refusal().await, ("malformed_message".to_owned(), 1008));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_the_log_has_not_reached_is_refused() {
    let server = Server::start_with(&Site::new().await, false, RealtimeSettings::default()).await;
    let head = server.write(facility(1), 1).await.get();
    for position in [head + 1, u64::MAX] {
        let mut socket = server.socket().await;
        let token = server.token(&user(1, facility(1), Role::Doctor));
        socket.say(json!({ "type": "authenticate", "token": token, "position": position }).to_string()).await;
        assert_eq!(socket.refusal().await, ("unknown_position".to_owned(), 1008));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_address_and_a_plain_request_are_refused() {
    let server = Server::start_with(&Site::new().await, false, RealtimeSettings::default()).await;
    let refused = connect_async(format!("ws://{}{PATH}?token=x", server.address)).await;
    match refused {
        Err(tungstenite::Error::Http(response)) => {
            assert_eq!(response.status(), 400);
            let problem: Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
            assert_eq!(problem["code"], "invalid_parameter");
        }
        other => panic!("not refused: {other:?}"),
    }
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    plain.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("malformed_request"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_too_slow_is_told_so_and_resumes() {
    let settings = RealtimeSettings { queue_length: 4, ..RealtimeSettings::default() };
    let server = Server::start_with(&Site::new().await, false, settings).await;
    let doctor = user(1, facility(1), Role::Doctor);
    let (mut slow, ready) = server.login(&doctor, None).await;
    let start = ready["position"].as_u64().unwrap();
    // More than a queue, in one go: no client could be quick enough.
    let last = server.write(facility(1), 2000).await.get();
    let mut got = start;
    let told = loop {
        let frame = slow.frame().await;
        if frame["event"] == "slow_consumer" {
            break frame;
        }
        assert_eq!(frame["position"], got + 1);
        got += 1;
    };
    assert_eq!((told["position"].as_u64(), slow.close_code().await), (Some(got), 1013));
    eventually("the burst to be over", async || server.login(&doctor, None).await.1["position"] == last).await;
    let (mut resumed, _) = server.login(&doctor, Some(got)).await;
    let rest: Vec<u64> = (got + 1..=last).collect();
    assert_eq!(resumed.positions(rest.len()).await, rest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_answer_is_dropped() {
    let settings = RealtimeSettings { ping_every: Duration::from_millis(200), ..RealtimeSettings::default() };
    let server = Server::start_with(&Site::new().await, false, settings).await;
    let (mut there, _) = server.login(&user(1, facility(1), Role::Doctor), None).await;
    let (mut watching, _) = server.login(&user(2, facility(1), Role::Doctor), None).await;
    assert_eq!(there.frame().await["event"], "user_connected");
    // One that does not read does not answer pings either; the other one does, by reading.
    let gone = tokio::time::timeout(PATIENCE, watching.frame()).await.unwrap();
    assert_eq!(gone["event"], "user_disconnected");
    drop(there);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_takes_no_more_sockets_than_it_says() {
    let settings = RealtimeSettings { max_sockets: 1, ..RealtimeSettings::default() };
    let server = Server::start_with(&Site::new().await, false, settings).await;
    let first = server.login(&user(1, facility(1), Role::Doctor), None).await;
    match connect_async(format!("ws://{}{PATH}", server.address)).await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("not refused: {other:?}"),
    }
    drop(first);
    eventually("the place to be free", async || connect_async(format!("ws://{}{PATH}", server.address)).await.is_ok())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_stops_sockets_are_closed_with_1001() {
    let server = Server::start(&Site::new().await).await;
    let (mut known, _) = server.login(&user(1, facility(1), Role::Doctor), None).await;
    let mut unknown = server.socket().await;
    server.shutdown.begin();
    assert_eq!((known.close_code().await, unknown.close_code().await), (1001, 1001));
    assert!(server.shutdown.finish(Duration::from_secs(5)).await, "all sockets are closed and all tasks ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_may_read_users_see_who_comes_and_goes_on_any_server() {
    let site = Site::new().await;
    let (here, there) = (Server::start(&site).await, Server::start(&site).await);
    let ours = facility(1);
    let (mut doctor, ready) = here.login(&user(1, ours, Role::Doctor), None).await;
    let (mut officer, _) = here.login(&user(2, ours, Role::Dpo), None).await;
    let frame = doctor.frame().await;
    assert_eq!((&frame["event"], &frame["data"]["role"]), (&json!("user_connected"), &json!("dpo")));
    assert_eq!(frame["position"], ready["position"], "presence does not move the position");
    let (nurse, _) = there.login(&user(3, ours, Role::Nurse), None).await;
    let (_stranger, _) = there.login(&user(4, facility(2), Role::Nurse), None).await;
    let nurse_id = Uuid::from_u128(3).to_string();
    let frame = doctor.frame().await;
    assert_eq!((&frame["event"], &frame["data"]["userId"]), (&json!("user_connected"), &json!(nurse_id)));
    drop(nurse);
    let frame = doctor.frame().await;
    assert_eq!((&frame["event"], &frame["data"]["userId"]), (&json!("user_disconnected"), &json!(nurse_id)));
    assert!(officer.is_silent().await && doctor.is_silent().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_told_of_a_patient_is_in_the_trail_also_of_the_past() {
    let server = Server::start_with(&Site::new().await, false, RealtimeSettings::default()).await;
    let ours = facility(1);
    let before = server.log.head().await.unwrap().get();
    server.write(ours, 3).await;
    eventually("the relay to be there", async || {
        server.login(&user(9, facility(2), Role::Dpo), None).await.1["position"] == before + 3
    })
    .await;
    let (mut nurse, _) = server.login(&user(1, ours, Role::Nurse), Some(before)).await;
    nurse.positions(3).await;
    server.write(ours, 1).await;
    nurse.positions(1).await;
    let filter = AccessFilter { actor: Some(UserId(Uuid::from_u128(1))), ..AccessFilter::default() };
    eventually("four rows in the trail", async || {
        let page = server.trail.page(ours, &filter, None, 10).await.unwrap();
        page.items.iter().all(|row| row.deed == "push" && row.patient_id.is_some()) && page.items.len() == 4
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_whose_frames_cannot_be_traced_is_closed() {
    let site = Site::new().await;
    let server = Server::start_with(&site, false, RealtimeSettings::default()).await;
    let (mut nurse, _) = server.login(&user(1, facility(1), Role::Nurse), None).await;
    let (owner, connection) = site.postgres.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    owner.batch_execute("ALTER FUNCTION audit.record_access RENAME TO away").await.unwrap();
    server.write(facility(1), 1).await;
    nurse.positions(1).await;
    server.write(facility(1), 1).await;
    assert_eq!(nurse.refusal().await, ("not_ready".to_owned(), 1013));
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_of_the_practice_hear_at_once_on_any_server_that_the_glass_was_broken() {
    let site = Site::new().await;
    let here = Server::start_with(&site, false, RealtimeSettings::default()).await;
    let there = Server::start_with(&site, false, RealtimeSettings::default()).await;
    let ours = facility(1);
    let (mut near, _) = here.login(&user(1, ours, Role::Dpo), None).await;
    let (mut far, _) = there.login(&user(2, ours, Role::Dpo), None).await;
    let (mut auditor, _) = there.login(&user(3, ours, Role::Auditor), None).await;
    let (mut stranger, _) = there.login(&user(4, facility(2), Role::Dpo), None).await;
    let doctor = user(5, ours, Role::Doctor);
    let patient = PatientId(Uuid::from_u128(77));
    let request = poem::Request::default();
    let trace = frame::access::Trace::new(&here.trail, &frame::auth::Caller(doctor.clone()), &request);
    trace.break_glass("medical_record", Some(Uuid::from_u128(78)), patient).await.unwrap();
    for officer in [&mut near, &mut far] {
        let told = tokio::time::timeout(Duration::from_secs(2), officer.frame()).await.unwrap();
        assert_eq!(told["event"], "notification");
        assert_eq!(told["data"]["kind"], "break_glass");
        assert_eq!(told["data"]["patientId"], json!(patient.0.to_string()));
        assert_eq!(told["data"]["actorId"], json!(doctor.user_id.to_string()));
    }
    assert!(auditor.is_silent().await && stranger.is_silent().await);
    let page = here.trail.page(ours, &AccessFilter::default(), None, 10).await.unwrap();
    assert_eq!((page.items[0].deed.as_str(), page.items[0].purpose.as_str()), ("break_glass", "BTG"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_foreign_origin_gets_no_socket() {
    let origins = Origins::new(["https://app.example".parse().unwrap()]);
    let settings = RealtimeSettings { origins, ..RealtimeSettings::default() };
    let server = Server::start_with(&Site::new().await, false, settings).await;
    let connect = async |origin: &str| {
        let mut request = format!("ws://{}{PATH}", server.address).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        connect_async(request).await
    };
    for origin in ["https://app.example", &format!("http://{}", server.address)] {
        assert!(connect(origin).await.is_ok(), "{origin}");
    }
    match connect("https://evil.example").await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 403),
        other => panic!("not refused: {other:?}"),
    }
}
