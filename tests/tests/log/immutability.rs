use system_tests::house::House;
use tokio_postgres::error::SqlState;

use crate::events::{append, new_stream};

const CHANGES: [&str; 3] =
    ["UPDATE log.events SET event_type = 'Other'", "DELETE FROM log.events", "TRUNCATE log.events"];

#[tokio::test]
async fn the_application_may_not_change_what_stands_in_the_log() {
    let house = House::new().await;
    house.open_log().await.append(append(&new_stream(), 0)).await.unwrap();
    let application = house.application_client().await;
    for change in CHANGES {
        let refused = application.batch_execute(change).await.unwrap_err();
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{change}");
    }
}

#[tokio::test]
async fn a_trigger_stops_even_the_owner_and_a_replication_session() {
    let house = House::new().await;
    house.open_log().await.append(append(&new_stream(), 0)).await.unwrap();
    let owner = house.owner_client().await;
    for role in ["origin", "replica"] {
        owner.batch_execute(&format!("SET session_replication_role = {role}")).await.unwrap();
        for change in CHANGES {
            let refused = owner.batch_execute(change).await.unwrap_err();
            let message = refused.as_db_error().map(|error| error.message().to_owned()).unwrap_or_default();
            assert!(message.contains("append-only"), "{change}: {message}");
        }
    }
}

#[tokio::test]
async fn the_application_may_not_take_the_protection_away() {
    let house = House::new().await;
    let application = house.application_client().await;
    for trick in [
        "ALTER TABLE log.events DISABLE TRIGGER append_only",
        "DROP TRIGGER append_only ON log.events",
        "ALTER TABLE log.events RENAME TO other",
        "GRANT UPDATE ON log.events TO medicalpro_app",
        "SET session_replication_role = replica",
    ] {
        // A GRANT without the right to grant is a warning and no change; everything else is an error.
        let _ = application.batch_execute(trick).await;
    }
    let refused = application.batch_execute("UPDATE log.events SET event_type = 'Other'").await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
    let triggers = house
        .owner_client()
        .await
        .query(
            "SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'append_only' AND tgrelid = 'log.events'::regclass",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(triggers.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), ["A"]);
}
