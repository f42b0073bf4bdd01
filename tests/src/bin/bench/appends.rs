//! Appends through the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::event::{Actor, EventMetadata};
use domain::ids::{EventId, FacilityId, StreamId, StreamVersion, UserId};
use domain::reservation::{Reservation, ResourceKind, TimeHold};
use domain::role::Role;
use event_store_schema::{AppendRequest, NewEvent, StreamAppend};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::servers::BenchServers;

#[derive(Clone, Copy)]
pub enum Kind {
    SingleEvent,
    Booking,
}

/// Appends a second by so many writers, each with one append under way.
pub async fn run(servers: &BenchServers, kind: Kind, writers: usize, span: Duration) -> f64 {
    let log = servers.open_log().await;
    let done = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (log, done, count) = (log.clone(), done.clone(), count.clone());
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    log.append(request(kind)).await.expect("appended");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(span).await;
    done.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("writer");
    }
    count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}

fn request(kind: Kind) -> AppendRequest {
    let payload = json!({"practitionerId": Uuid::now_v7(), "start": "2027-03-01T09:00:00Z", "end": "2027-03-01T09:30:00Z",
        "type": "consultation", "priority": "normal"});
    let reservations = match kind {
        Kind::SingleEvent => vec![],
        Kind::Booking => {
            let from = Timestamp::from_second(i64::from(rand::random::<u32>() / 2)).expect("time");
            let to = Timestamp::from_second(from.as_second() + 1800).expect("time");
            let holds = vec![TimeHold { resource: Uuid::now_v7(), from, to }];
            vec![Reservation::Times { kind: ResourceKind::Practitioner, holds }]
        }
    };
    AppendRequest {
        streams: vec![StreamAppend {
            stream: StreamId::of("appointment", Uuid::now_v7()),
            expected: StreamVersion::ZERO,
            facility_id: FacilityId(Uuid::from_u128(1)),
            subject_id: None,
            new_subject: false,
            events: vec![NewEvent {
                event_id: EventId(Uuid::now_v7()),
                event_type: "AppointmentBooked".to_owned(),
                schema_version: 1,
                payload: payload.as_object().cloned().unwrap_or_default(),
                occurred_at: None,
                reservations,
            }],
        }],
        guards: vec![],
        metadata: EventMetadata {
            actor: Actor { user_id: UserId(Uuid::from_u128(3)), role: Some(Role::Secretary), session_id: None },
            client_address: None,
            request_id: Some("0198a000-0000-7000-8000-000000000004".to_owned()),
            correlation_id: Uuid::now_v7(),
            causation_id: None,
            idempotency_key: None,
        },
        reason: None,
        idempotency: None,
    }
}
