//! Appends through the log, without commands and HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::event::{Actor, EventMetadata};
use domain::ids::{EventId, FacilityId, StreamId, StreamVersion, UserId};
use domain::reservation::{Reservation, ResourceKind, TimeHold};
use domain::role::Role;
use domain::scheduling::Interval;
use event_store_schema::{AppendRequest, NewEvent, StreamAppend};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fill::registration;
use crate::load;
use crate::servers::House;

/// What is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An event.
    Single,
    /// An event that holds a stretch of time.
    Booking,
    /// A new patient: encrypted, with a new data key and unique keys.
    Registration,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Single, Self::Booking, Self::Registration];

    /// As figures name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Booking => "booking",
            Self::Registration => "registration",
        }
    }

    fn stream(self, facility: FacilityId) -> StreamAppend {
        static PEOPLE: AtomicU64 = AtomicU64::new(0);
        match self {
            Self::Single => booked(facility, vec![]),
            Self::Booking => booked(facility, vec![somewhen()]),
            Self::Registration => registration(PEOPLE.fetch_add(1, Ordering::Relaxed), facility),
        }
    }
}

/// Appends a second by so many writers, each with one append under way.
pub async fn run(house: &Arc<House>, kind: Kind, writers: usize, span: Duration) -> f64 {
    let house = Arc::clone(house);
    load::repeat(writers, span, move |_| {
        let house = Arc::clone(&house);
        async move {
            let streams = vec![kind.stream(house.facility)];
            let request =
                AppendRequest { streams, guards: vec![], metadata: metadata(), reason: None, idempotency: None };
            house.log.append(request).await.is_ok()
        }
    })
    .await
}

/// The content of a booking, which holds nothing personal.
pub fn booking() -> Value {
    json!({"practitionerId": Uuid::now_v7(), "start": "2027-03-01T09:00:00Z", "end": "2027-03-01T09:30:00Z",
        "type": "consultation", "priority": "normal"})
}

/// The circumstances of a request through HTTP.
pub fn metadata() -> EventMetadata {
    EventMetadata {
        actor: Actor { user_id: UserId(Uuid::from_u128(3)), role: Some(Role::Secretary), session_id: None },
        client_address: Some("127.0.0.1".to_owned()),
        request_id: Some("0198a000-0000-7000-8000-000000000004".to_owned()),
        correlation_id: Uuid::now_v7(),
        causation_id: None,
        idempotency_key: None,
    }
}

fn booked(facility_id: FacilityId, reservations: Vec<Reservation>) -> StreamAppend {
    StreamAppend {
        stream: StreamId::of("appointment", Uuid::now_v7()),
        expected: StreamVersion::ZERO,
        facility_id,
        subject_id: None,
        new_subject: false,
        events: vec![NewEvent {
            event_id: EventId(Uuid::now_v7()),
            event_type: "AppointmentBooked".to_owned(),
            schema_version: 1,
            payload: booking().as_object().cloned().unwrap_or_default(),
            occurred_at: None,
            reservations,
        }],
    }
}

fn somewhen() -> Reservation {
    let from = Timestamp::from_second(i64::from(rand::random::<u32>() / 2)).expect("a time");
    let during = Interval { from, until: from + jiff::SignedDuration::from_mins(30) };
    let holds = vec![TimeHold { resource: Uuid::now_v7(), during, shared: false }];
    Reservation::Times { kind: ResourceKind::Practitioner, holds }
}
