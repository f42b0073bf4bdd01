//! The read model of the waiting list: who waits for what, in the order of the line, and what is offered to whom.

mod queries;

use std::collections::{HashMap, HashSet};

use domain::appointment::AppointmentPriority;
use domain::event::{LoggedEvent, RecordedEvent};
use domain::ids::{FacilityId, Position, StreamVersion, WaitingId};
use domain::values::CodeValue;
use domain::waiting::{WaitingEntry, WaitingEvent};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

pub use self::queries::{
    LapsedOffer, WaitingCursor, WaitingFilter, WaitingPage, WaitingPageStart, WaitingQueries, WaitingView,
};
use crate::folding::follow;
use crate::projection::{Projection, ProjectionError, Transaction};

const MALFORMED: ProjectionError = ProjectionError::Malformed("waiting_list.entry");

/// The projection.
#[derive(Clone, Copy, Debug)]
pub struct WaitingList;

impl Projection for WaitingList {
    fn name(&self) -> &'static str {
        "waiting_list"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["waiting_list"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../sql/waiting/schema.sql")
    }

    fn indexes(&self) -> &'static str {
        include_str!("../../sql/waiting/indexes.sql")
    }

    fn takes(&self, event_type: &str) -> bool {
        WaitingEvent::TYPES.iter().any(|(name, _)| *name == event_type)
    }

    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            let mut places = known_places(events, tx).await?;
            follow_all(events, &mut places)?;
            write(&places, tx).await
        }
        .boxed()
    }
}

/// A place on the list.
struct Place {
    facility: FacilityId,
    joined: Position,
    entry: WaitingEntry,
    version: StreamVersion,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The places of the batch that were there before it.
async fn known_places(
    events: &[RecordedEvent],
    tx: &Transaction<'_>,
) -> Result<HashMap<WaitingId, Place>, ProjectionError> {
    let changed: HashSet<Uuid> = events.iter().map(|event| event.stream.id()).collect();
    let changed: Vec<Uuid> = changed.into_iter().collect();
    let find = tx.prepare_cached(include_str!("../../sql/waiting/known.sql")).await?;
    let rows = tx.query(&find, &[&changed]).await?;
    rows.iter()
        .map(|row| {
            let place = Place {
                facility: FacilityId(row.try_get("facility_id")?),
                joined: Position::from_sql(row.try_get("joined")?),
                entry: serde_json::from_value(row.try_get("entry")?).map_err(|_| MALFORMED)?,
                version: StreamVersion::from_sql(row.try_get("version")?),
                created_at: row.try_get("created_at")?,
                updated_at: row.try_get("updated_at")?,
            };
            Ok((WaitingId(row.try_get("waiting_id")?), place))
        })
        .collect()
}

fn follow_all(events: &[RecordedEvent], places: &mut HashMap<WaitingId, Place>) -> Result<(), ProjectionError> {
    for event in events {
        let place = places.entry(WaitingId(event.stream.id())).or_insert_with(|| Place {
            facility: event.facility_id,
            joined: event.position,
            entry: WaitingEntry::default(),
            version: StreamVersion::ZERO,
            created_at: event.recorded_at,
            updated_at: event.recorded_at,
        });
        if event.version != place.version.next() {
            return Err(ProjectionError::OutOfStep { position: event.position });
        }
        follow(&mut place.entry, event)?;
        (place.version, place.updated_at) = (event.version, event.recorded_at);
    }
    Ok(())
}

async fn write(places: &HashMap<WaitingId, Place>, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let (mut facilities, mut ids, mut patients, mut statuses) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut urgencies, mut joined, mut latest, mut practitioners) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut offers, mut answers, mut entries) = (Vec::new(), Vec::new(), Vec::<Value>::new());
    let (mut versions, mut created, mut updated) = (Vec::new(), Vec::new(), Vec::new());
    for (id, place) in places {
        let entry = &place.entry;
        // No stream begins with anything but somebody who joins.
        let (Some(wish), Some(patient), Some(status)) = (&entry.wish, entry.patient_id, entry.status) else {
            return Err(MALFORMED);
        };
        facilities.push(place.facility.0);
        ids.push(id.0);
        patients.push(patient.0);
        statuses.push(status.code());
        urgencies.push(urgency(wish.priority));
        joined.push(place.joined.to_sql());
        latest.push(wish.latest);
        practitioners.push(serde_json::to_value(&wish.whom.practitioner_ids).map_err(|_| MALFORMED)?);
        offers.push(entry.offer.as_ref().map(|offer| offer.offer_id.0));
        answers.push(entry.offer.as_ref().map(|offer| offer.answer_by));
        entries.push(serde_json::to_value(entry).map_err(|_| MALFORMED)?);
        versions.push(place.version.to_sql());
        created.push(place.created_at);
        updated.push(place.updated_at);
    }
    let upsert = tx.prepare_cached(include_str!("../../sql/waiting/upsert.sql")).await?;
    tx.execute(
        &upsert,
        &[
            &facilities,
            &ids,
            &patients,
            &statuses,
            &urgencies,
            &joined,
            &latest,
            &practitioners,
            &offers,
            &answers,
            &entries,
            &versions,
            &created,
            &updated,
        ],
    )
    .await?;
    Ok(())
}

/// What is more pressing is first in line.
const fn urgency(priority: AppointmentPriority) -> i16 {
    match priority {
        AppointmentPriority::Urgent => 0,
        AppointmentPriority::High => 1,
        AppointmentPriority::Normal => 2,
        AppointmentPriority::Low => 3,
    }
}
