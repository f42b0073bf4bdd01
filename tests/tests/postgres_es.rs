//! The stock crate `postgres-es` reads our log, through the view that has its columns.

use cqrs_es::persist::{PersistedEventRepository, PersistedEventStore};
use cqrs_es::{AggregateContext, EventStore};
use domain::aggregate::AggregateRoot;
use domain::facility::Facility;
use domain::ids::StreamVersion;
use domain::patient::Patient;
use postgres_es::PostgresEventRepository;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use system_tests::cluster::Cluster;
use system_tests::house::{House, open_practice};

/// A stock event store over the view, with no more rights than a server has.
async fn stock_repository(house: &House) -> PostgresEventRepository {
    let endpoint = Cluster::get().postgres();
    let options = PgConnectOptions::new_without_pgpass()
        .socket(endpoint.socket_dir())
        .port(endpoint.port())
        .username(endpoint.superuser())
        .database(house.owner.get_dbname().expect("a database"))
        .options([("role", "medicalpro_app")]);
    let pool = PgPoolOptions::new().max_connections(2).connect_with(options).await.expect("a connection");
    PostgresEventRepository::new(pool).with_tables("log.postgres_es_events", "no_snapshots")
}

#[tokio::test]
async fn the_stock_crate_loads_a_stream_of_ours_and_folds_it() {
    let house = House::new().await;
    let commands = house.open_commands().await;
    let (ours, _) = (open_practice(&commands).await, open_practice(&commands).await);
    let stream = Facility::stream(ours.0);
    let store =
        PersistedEventStore::<PostgresEventRepository, Facility>::new_event_store(stock_repository(&house).await);

    let mut context = store.load_aggregate(stream.as_str()).await.expect("it loads");
    assert_eq!(context.current_sequence, 1);
    assert_eq!(context.aggregate().name, "Cabinet du Port");
    let ours = commands.log().load(&stream, StreamVersion::ZERO).await.expect("our own load");
    let events = store.load_events(stream.as_str()).await.expect("its events load");
    assert_eq!(events.len(), ours.len());
    for (event, recorded) in events.iter().zip(&ours) {
        assert_eq!(event.sequence as u64, recorded.version.get());
        assert_eq!(event.payload, recorded.decode().expect("it decodes"));
        assert!(event.metadata.contains_key("correlationId"), "{:?}", event.metadata);
    }
    assert!(store.load_events("facility-nobody").await.expect("it answers").is_empty());
}

#[tokio::test]
async fn the_stock_crate_sees_nothing_of_patients_and_writes_nothing() {
    let house = House::new().await;
    let commands = house.open_commands().await;
    let facility = open_practice(&commands).await;
    let patient = Patient::stream(facility.0);
    let owner = house.owner_client().await;
    owner
        .batch_execute(&format!(
            "INSERT INTO log.events (global_position, event_id, stream_id, stream_version, event_type, schema_version,
                                     facility_id, subject_id, recorded_at, occurred_at, payload, metadata)
             VALUES (2, gen_random_uuid(), '{patient}', 1, 'PatientRegistered', 1, '{facility}', '{facility}', now(), now(),
                     '{{}}', '{{}}')"
        ))
        .await
        .expect("an event with a subject");
    let repository = stock_repository(&house).await;
    assert!(repository.get_events::<Patient>(patient.as_str()).await.expect("it answers").is_empty());

    let stream = Facility::stream(facility.0);
    let events = repository.get_events::<Facility>(stream.as_str()).await.expect("it answers");
    assert_eq!(events.len(), 1);
    let refused = repository.persist::<Facility>(&events, None).await;
    assert!(refused.is_err(), "the view took a write");
}
