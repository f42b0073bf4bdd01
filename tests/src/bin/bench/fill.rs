//! Many patients at once: registrations through the log itself, a hundred in an append, with all that an append does.

use std::ops::Range;
use std::time::{Duration, Instant};

use domain::ids::{EventId, FacilityId, StreamId, StreamVersion, SubjectId};
use event_store_schema::{AppendRequest, NewEvent, StreamAppend};
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use crate::appends::metadata;
use crate::people::Person;
use crate::servers::House;

const AT_ONCE: u64 = 100;
const WRITERS: usize = 3;

/// Registers these people until `patience` ends. Their ids, in order.
pub async fn register(house: &House, people: Range<u64>, patience: Duration) -> Vec<Uuid> {
    let started = Instant::now();
    let end = people.end;
    let chunks = people.step_by(AT_ONCE as usize).take_while(|_| started.elapsed() < patience);
    let appended = stream::iter(chunks).map(|first| {
        let (log, facility) = (house.log.clone(), house.facility);
        async move {
            let append = tokio::spawn(async move {
                let streams: Vec<_> =
                    (first..end.min(first + AT_ONCE)).map(|number| registration(number, facility)).collect();
                let ids: Vec<_> = streams.iter().map(|stream| stream.stream.id()).collect();
                let request =
                    AppendRequest { streams, guards: vec![], metadata: metadata(), reason: None, idempotency: None };
                log.append(request).await.expect("the patients are registered");
                ids
            });
            append.await.expect("a writer")
        }
    });
    appended.buffered(WRITERS).collect::<Vec<_>>().await.concat()
}

/// The registration of one person as an append of its own.
pub fn registration(number: u64, facility_id: FacilityId) -> StreamAppend {
    let id = Uuid::now_v7();
    let event = NewEvent::of(&Person::of(number).registered(), EventId(Uuid::now_v7()), None);
    StreamAppend {
        stream: StreamId::of("patient", id),
        expected: StreamVersion::ZERO,
        facility_id,
        subject_id: Some(SubjectId(id)),
        new_subject: true,
        events: vec![event.expect("an event")],
    }
}
