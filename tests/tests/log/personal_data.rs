use domain::ids::{Position, SubjectId};
use event_store_schema::{AppendError, LogError};
use serde_json::json;
use system_tests::house::House;

use crate::events::{Dressing, append, new_stream, version};

#[tokio::test]
async fn personal_content_comes_back_and_is_nowhere_in_clear() {
    let house = House::new().await;
    let log = house.open_log().await;
    let stream = new_stream();
    let mut request = append(&stream, 0).about(SubjectId(stream.id()), "Mnémosyne").holding_key("Mnémosyne", false);
    request.reason = Some("Mnémosyne asked".to_owned());
    log.append(request).await.unwrap();

    let event = log.load(&stream, version(0)).await.unwrap().remove(0);
    assert_eq!(*event.payload, json!({"open": true, "personal": {"secret": "Mnémosyne"}}));
    assert_eq!(event.reason.as_deref(), Some("Mnémosyne asked"));

    let owner = house.owner_client().await;
    for table in ["log.events", "log.key_reservations", "keys.data_keys"] {
        let rows = owner.query(&format!("SELECT t::text FROM {table} t"), &[]).await.unwrap();
        assert!(!rows.is_empty());
        for row in rows {
            let text: String = row.get(0);
            assert!(!text.contains("Mn") && !text.contains(&hex("Mnémosyne")), "{table}: {text}");
        }
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn content_without_a_key_is_forgotten_and_the_event_stays() {
    let house = House::new().await;
    let log = house.open_log().await;
    let stream = new_stream();
    log.append(append(&stream, 0).about(SubjectId(stream.id()), "Mnémosyne")).await.unwrap();
    let owner = house.owner_client().await;
    owner.batch_execute("UPDATE keys.data_keys SET wrapped = NULL, destroyed_at = now()").await.unwrap();
    let event = log.load(&stream, version(0)).await.unwrap().remove(0);
    assert!(event.forgotten);
    assert_eq!(*event.payload, json!({"open": true}));
}

#[tokio::test]
async fn content_that_was_moved_to_another_event_does_not_open() {
    let house = House::new().await;
    let log = house.open_log().await;
    let stream = new_stream();
    let patient = SubjectId(stream.id());
    log.append(append(&stream, 0).about(patient, "first")).await.unwrap();
    log.append(append(&stream, 1).about(patient, "second")).await.unwrap();
    let owner = house.owner_client().await;
    owner
        .batch_execute(
            "ALTER TABLE log.events DISABLE TRIGGER append_only;
             UPDATE log.events SET sealed = (SELECT sealed FROM log.events WHERE stream_version = 1)",
        )
        .await
        .unwrap();
    let refused = log.load(&stream, version(1)).await.unwrap_err();
    assert!(matches!(refused, LogError::Key(_)), "{refused}");
    assert!(log.load(&stream, version(0)).await.is_err());
}

#[tokio::test]
async fn personal_content_without_a_subject_is_not_written() {
    let log = House::new().await.open_log().await;
    let stream = new_stream();
    let mut request = append(&stream, 0).about(SubjectId(stream.id()), "nobody's");
    request.streams[0].subject_id = None;
    request.streams[0].new_subject = false;
    assert!(matches!(log.append(request).await, Err(AppendError::Invalid(_))));
    assert_eq!(log.load(&stream, version(0)).await.unwrap(), []);
}

#[tokio::test]
async fn an_event_that_a_reader_does_not_want_is_not_opened() {
    let house = House::new().await;
    let log = house.open_log().await;
    let stream = new_stream();
    log.append(append(&stream, 0).about(SubjectId(stream.id()), "Mnémosyne")).await.unwrap();
    let owner = house.owner_client().await;
    owner
        .batch_execute(
            "ALTER TABLE log.events DISABLE TRIGGER append_only;
             UPDATE log.events SET sealed = sha256(sealed)",
        )
        .await
        .unwrap();
    // The server that wrote it has it in memory for some seconds, as it was before.
    let reader = house.open_log().await;
    assert!(reader.read_forward(Position::ZERO, 10).await.is_err(), "the event is damaged");
    let (events, reached) = reader.read_taken(Position::ZERO, 10, |event_type| event_type == "Other").await.unwrap();
    assert_eq!((events, reached), (vec![], Position::from(1)));
}
