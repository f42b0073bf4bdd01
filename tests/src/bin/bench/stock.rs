//! The stock event store, `postgres-es`, with the table that its own documentation defines.

use std::sync::Arc;
use std::time::Duration;

use cqrs_es::persist::{PersistedEventRepository, SerializedEvent};
use domain::patient::Patient;
use postgres_es::PostgresEventRepository;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::Uuid;

use crate::load;
use crate::servers::BenchServers;

/// Its table, from its `db/init.sql`.
pub const TABLES: &str = "
    CREATE TABLE public.events (
        aggregate_type text                         NOT NULL,
        aggregate_id   text                         NOT NULL,
        sequence       bigint CHECK (sequence >= 0) NOT NULL,
        event_type     text                         NOT NULL,
        event_version  text                         NOT NULL,
        payload        json                         NOT NULL,
        metadata       json                         NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence)
    )";

/// Appends a second by so many writers, a connection each: only what its `persist` does, without the load before it.
pub async fn run(servers: &BenchServers, writers: usize, span: Duration, payload: &Value, metadata: &Value) -> f64 {
    let endpoint = servers.servers.postgres();
    let options = PgConnectOptions::new_without_pgpass()
        .socket(endpoint.socket_dir())
        .port(endpoint.port())
        .username(endpoint.superuser())
        .database("appends");
    let connections = u32::try_from(writers).expect("few writers");
    let pool = PgPoolOptions::new().min_connections(connections).max_connections(connections).connect_with(options);
    let pool = pool.await.expect("connections");
    let repository = Arc::new(PostgresEventRepository::new(pool.clone()));
    let (payload, metadata) = (json!({"AppointmentBooked": payload}), metadata.clone());
    let rate = load::repeat(writers, span, move |_| {
        let repository = Arc::clone(&repository);
        let event = SerializedEvent {
            aggregate_id: Uuid::now_v7().to_string(),
            sequence: 1,
            aggregate_type: "appointment".to_owned(),
            event_type: "AppointmentBooked".to_owned(),
            event_version: "1".to_owned(),
            payload: payload.clone(),
            metadata: metadata.clone(),
        };
        async move { repository.persist::<Patient>(&[event], None).await.is_ok() }
    });
    let rate = rate.await;
    pool.close().await;
    rate
}
