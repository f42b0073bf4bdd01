//! Rows that this release does not understand: an error that names what is wrong, never a panic, never "try again".

use domain::ids::{Position, StreamVersion};
use domain::reservation::KeyKind;
use event_store_schema::{AppendError, DatabaseError, LogError};
use system_tests::house::House;
use uuid::Uuid;

use crate::events::{append, new_stream, version};

/// Makes an event of the log unlike any that is written.
async fn spoil(house: &House, change: &str) {
    let owner = house.owner_client().await;
    owner
        .batch_execute(&format!("ALTER TABLE log.events DISABLE TRIGGER append_only; UPDATE log.events SET {change}"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_damaged_event_is_named_by_its_position_and_the_part_that_is_wrong() {
    for (change, part) in [
        ("stream_id = 'nobody'", "stream_id"),
        ("payload = '[]'", "payload"),
        ("metadata = '{}'", "metadata"),
        ("metadata = 'null'", "metadata"),
        ("recorded_at = 'infinity'", "recorded_at"),
    ] {
        let house = House::new().await;
        house.open_log().await.append(append(&new_stream(), 0)).await.unwrap();
        spoil(&house, change).await;
        let error = house.open_log().await.read_forward(Position::ZERO, 10).await.unwrap_err();
        let LogError::Malformed { position: 1, what } = error else { panic!("{change}: {error}") };
        assert_eq!(what, part, "{change}");
    }
}

#[tokio::test]
async fn many_events_with_a_damaged_one_among_them_are_an_error() {
    let house = House::new().await;
    let log = house.open_log().await;
    let stream = new_stream();
    for expected in 0..120 {
        log.append(append(&stream, expected)).await.unwrap();
    }
    spoil(&house, "payload = '7' WHERE global_position = 110").await;
    let error = house.open_log().await.read_forward(Position::ZERO, 1000).await.unwrap_err();
    assert!(matches!(error, LogError::Malformed { position: 110, what: "payload" }), "{error}");
    let error = log.load(&stream, StreamVersion::ZERO).await.unwrap_err();
    assert!(matches!(error, LogError::Malformed { position: 110, what: "payload" }), "{error}");
}

#[tokio::test]
async fn a_reader_that_must_not_stop_is_told_of_a_damaged_event_in_its_place() {
    let house = House::new().await;
    let log = house.open_log().await;
    let stream = new_stream();
    for expected in 0..3 {
        log.append(append(&stream, expected)).await.unwrap();
    }
    spoil(&house, "payload = '7' WHERE global_position = 2").await;
    let (events, reached) = house.open_log().await.read_each(Position::ZERO, 10, |_| true).await.unwrap();
    assert_eq!((events.len(), reached), (3, Position::from(3)));
    assert!(events[0].is_ok() && events[2].is_ok());
    let damaged = events[1].as_ref().unwrap_err();
    assert_eq!((damaged.position, damaged.stream.as_ref()), (Position::from(2), Some(&stream)));
    assert!(matches!(damaged.error, LogError::Malformed { position: 2, what: "payload" }));
}

#[tokio::test]
async fn a_reservation_of_no_stream_is_not_passed_over() {
    let house = House::new().await;
    let log = house.open_log().await;
    let insert = "INSERT INTO log.key_reservations VALUES ('patient_number', $1, $2, 'nobody', false)";
    house.owner_client().await.execute(insert, &[&Uuid::nil(), &b"P26\xff".as_slice()]).await.unwrap();
    let number = KeyKind::PatientNumber;
    let error = log.highest_key(number, Uuid::nil(), "P26", "P27").await.unwrap_err();
    assert!(matches!(error, LogError::Malformed { what: "key", .. }), "{error}");

    let readable = "UPDATE log.key_reservations SET key = 'P260001'";
    house.owner_client().await.batch_execute(readable).await.unwrap();
    assert_eq!(log.highest_key(number, Uuid::nil(), "P26", "P27").await.unwrap().as_deref(), Some("P260001"));
    let one = log.key_holders(number, Uuid::nil(), "P260001").await.unwrap_err();
    let all = log.key_holders_by_scope(number, "P260001", None).await.unwrap_err();
    for error in [one, all] {
        assert!(matches!(error, LogError::Malformed { what: "stream_id", .. }), "{error}");
    }
}

#[tokio::test]
async fn an_answer_to_an_append_that_is_not_understood_ends_neither_the_task_nor_those_after_it() {
    let house = House::new().await;
    let log = house.open_log().await;
    let stream = new_stream();
    log.append(append(&stream, 0)).await.unwrap();
    let current = include_str!("../../../event-store-schema/sql/functions/log.append.sql");
    let owner = house.owner_client().await;
    owner.batch_execute(&current.replace("'appended'", "'put aside'")).await.unwrap();
    let error = log.append(append(&stream, 1)).await.unwrap_err();
    assert!(matches!(error, AppendError::Log(LogError::Malformed { what: "outcome", .. })), "{error}");
    owner.batch_execute(current).await.unwrap();
    assert_eq!(log.append(append(&stream, 2)).await.unwrap().version, version(3));
    assert!(log.health().is_running());
}

#[tokio::test]
async fn what_is_not_understood_is_no_outage() {
    let house = House::new().await;
    let client = house.application_client().await;
    let row = client.query_one("SELECT 'text' AS text, NULL::text AS nothing", &[]).await.unwrap();
    for error in [
        row.try_get::<_, i64>("text").unwrap_err(),
        row.try_get::<_, String>("nothing").unwrap_err(),
        row.try_get::<_, String>("missing").unwrap_err(),
        client.query_one("SELECT 1 WHERE false", &[]).await.unwrap_err(),
        client.query("SELECT $1::bigint", &[&"text"]).await.unwrap_err(),
        client.query("SELECT $1::bigint", &[]).await.unwrap_err(),
    ] {
        let error = DatabaseError::from(error);
        assert!(error.is_unreadable() && !error.is_outage(), "{error}");
    }
    let refused = DatabaseError::from(client.query("SELECT 1/0", &[]).await.unwrap_err());
    assert!(!refused.is_unreadable() && !refused.is_outage(), "{refused}");
    let killer = house.owner_client().await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    killer.batch_execute(kill).await.unwrap();
    let away = loop {
        if let Err(error) = client.query("SELECT 1", &[]).await {
            break DatabaseError::from(error);
        }
    };
    assert!(away.is_outage() && !away.is_unreadable(), "{away}");
}
