//! What a read model makes of events: given these events, then these rows.
//!
//! ```ignore
//! given(Patients)
//!     .event::<Patient>(ANNE, "PatientRegistered", json!({…}))
//!     .event::<Patient>(ANNE, "PatientArchived", json!({}))
//!     .then([("patients", "name, status", json!([["Anne Morel", "inactive"]]))])
//!     .await;
//! ```
//!
//! The rows are made three times, on a PostgreSQL of the tests: of all events as one batch, of one event after the other, and
//! by a rebuild. All three must come to the same rows.

use std::sync::Arc;

use deadpool_postgres::{ClientWrapper, Transaction};
use domain::aggregate::AggregateRoot;
use domain::event::{Actor, EventMetadata, LoggedEvent, RecordedEvent};
use domain::ids::{EventId, FacilityId, Position, StreamVersion};
use jiff::{Timestamp, ToSpan};
use projections_engine::{Projection, ProjectionError, Share, install};
use serde_json::Value;
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::house::House;

/// The practice in which everything happens.
pub const PRACTICE: FacilityId = FacilityId(id(0xF));

/// When the log takes the first event is a minute later, the second another minute later, and so on.
pub const BEGINNING: &str = "2026-11-02T08:00:00Z";

/// An id that is easy to read.
pub const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A read model and what happened.
pub struct Given {
    projection: Arc<dyn Projection>,
    events: Vec<RecordedEvent>,
}

/// Nothing has happened yet.
pub fn given(projection: impl Projection) -> Given {
    Given { projection: Arc::new(projection), events: Vec::new() }
}

impl Given {
    /// Something happened to the aggregate of this id, done by the system. The content is what stands in the log, with the
    /// personal part decrypted; `null` or none, if it was erased.
    pub fn event<A: AggregateRoot>(self, id: Uuid, event_type: &str, content: Value) -> Self {
        self.event_by::<A>(Actor::SYSTEM, id, event_type, content)
    }

    /// The same, done by a user.
    pub fn event_by<A: AggregateRoot>(mut self, actor: Actor, id: Uuid, event_type: &str, content: Value) -> Self {
        let stream = A::stream(id);
        let known = A::Event::TYPES.iter().find(|(name, _)| *name == event_type);
        let (_, schema_version) = known.unwrap_or_else(|| panic!("{} has no event {event_type}", A::TYPE));
        let before = self.events.iter().filter(|event| event.stream == stream).count();
        let number = self.events.len() as i64 + 1;
        let beginning: Timestamp = BEGINNING.parse().expect("an instant");
        let recorded_at = beginning + number.minutes();
        let mut event = RecordedEvent {
            position: Position::from(number.unsigned_abs()),
            event_id: EventId(Uuid::from_u128(0xE000 + number.unsigned_abs() as u128)),
            stream,
            version: StreamVersion::from(before as u64 + 1),
            event_type: event_type.to_owned(),
            schema_version: *schema_version,
            facility_id: PRACTICE,
            subject_id: None,
            recorded_at,
            occurred_at: recorded_at,
            metadata: EventMetadata {
                actor,
                client_address: None,
                request_id: None,
                correlation_id: Uuid::nil(),
                causation_id: None,
                idempotency_key: None,
            },
            reason: None,
            forgotten: false,
            payload: Arc::new(content),
        };
        let mut aggregate = A::default();
        for event in self.events.iter().filter(|other| other.stream == event.stream).chain([&event]) {
            aggregate.apply(event.decode().unwrap_or_else(|error| panic!("{error}")));
        }
        event.subject_id = aggregate.subject(id);
        self.events.push(event);
        self
    }

    /// The rows of these tables, of each the columns that are named, are these, whichever way they are made. They are in the
    /// order of their text in JSON.
    pub async fn then<'t>(self, tables: impl IntoIterator<Item = (&'t str, &'t str, Value)>) {
        let house = House::new().await;
        install(&house.owner, &[Arc::clone(&self.projection)]).await.expect("tables");
        let (client, connection) = house.owner.connect(NoTls).await.expect("a connection");
        let mut session = ClientWrapper::new(client, tokio::spawn(async move { drop(connection.await) }));
        session.batch_execute("SET search_path = read_model, public").await.expect("a search path");
        let taken: Vec<RecordedEvent> =
            self.events.iter().filter(|event| self.projection.takes(&event.event_type)).cloned().collect();

        let mut made = Vec::new();
        for way in [Way::Together, Way::OneByOne, Way::Rebuilt] {
            let all = self.projection.tables().join(", ");
            session.batch_execute(&format!("TRUNCATE {all}")).await.expect("empty tables");
            let tx = session.transaction().await.expect("a transaction");
            way.make(self.projection.as_ref(), &taken, &tx).await.unwrap_or_else(|error| panic!("{way:?}: {error}"));
            tx.commit().await.expect("a commit");
            let mut rows = Vec::new();
            for table in self.projection.tables() {
                rows.push((*table, rows_of(&session, table, "to_json(t)").await));
            }
            made.push((way, rows));
        }
        for other in &made[1..] {
            assert_eq!(made[0].1, other.1, "{:?} and {:?} make other rows", made[0].0, other.0);
        }
        for (table, columns, expected) in tables {
            let rows = rows_of(&session, table, &format!("json_build_array({columns})")).await;
            let rows = Value::Array(rows);
            assert!(rows == expected, "{columns} of {table} are\n{rows}\nand not\n{expected}");
        }
    }
}

/// A way in which rows are made.
#[derive(Clone, Copy, Debug)]
enum Way {
    Together,
    OneByOne,
    Rebuilt,
}

impl Way {
    async fn make(
        self,
        projection: &dyn Projection,
        events: &[RecordedEvent],
        tx: &Transaction<'_>,
    ) -> Result<(), ProjectionError> {
        match self {
            Self::Together => projection.apply(events, tx).await,
            Self::OneByOne => {
                for event in events {
                    projection.apply(std::slice::from_ref(event), tx).await?;
                }
                Ok(())
            }
            Self::Rebuilt => {
                projection.load(events, tx).await?;
                projection.derive(Share { part: 0, of: 1 }, tx).await
            }
        }
    }
}

/// The rows of a table, each as one value of JSON, in the order of their texts.
async fn rows_of(session: &ClientWrapper, table: &str, row: &str) -> Vec<Value> {
    let read = format!("SELECT {row} FROM {table} t ORDER BY ({row})::text COLLATE \"C\"");
    let rows = session.query(&read, &[]).await.unwrap_or_else(|error| panic!("{read}: {error}"));
    rows.iter().map(|row| row.get(0)).collect()
}
