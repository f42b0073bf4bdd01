//! The read model of availability: the hours, leave and rules of each practitioner, and what of a week is open by them.

mod calendars;
mod leave;
mod queries;
mod view;

use std::collections::{HashMap, HashSet};

use domain::availability::{Availability, AvailabilityEvent};
use domain::event::{LoggedEvent, RecordedEvent};
use domain::ids::{FacilityId, StreamVersion, UserId};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

pub use self::calendars::{CalendarQueries, Wanted};
pub use self::leave::LeaveAhead;
pub use self::queries::{AvailabilityQueries, KnownAvailability};
pub use self::view::{DayView, ExtraHoursView, HoursView, LeaveView, OpenView, TemplateView, WeekView};
use crate::folding::follow;
use crate::projection::{Projection, ProjectionError, Transaction};

const MALFORMED: ProjectionError = ProjectionError::Malformed("availability.availability");

/// The projection.
#[derive(Clone, Copy, Debug)]
pub struct Availabilities;

impl Projection for Availabilities {
    fn name(&self) -> &'static str {
        "availability"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["availability"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../sql/availability/schema.sql")
    }

    fn takes(&self, event_type: &str) -> bool {
        AvailabilityEvent::TYPES.iter().any(|(name, _)| *name == event_type)
    }

    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            let mut practitioners = known_practitioners(events, tx).await?;
            follow_all(events, &mut practitioners)?;
            write(&practitioners, tx).await
        }
        .boxed()
    }
}

/// A practitioner's row.
struct Row {
    facility: FacilityId,
    availability: Availability,
    version: StreamVersion,
    /// When the last event of the batch was recorded; every row that is written has one.
    updated_at: Timestamp,
}

/// The rows of those practitioners of the batch who had one before it.
async fn known_practitioners(
    events: &[RecordedEvent],
    tx: &Transaction<'_>,
) -> Result<HashMap<UserId, Row>, ProjectionError> {
    let changed: HashSet<Uuid> = events.iter().map(|event| event.stream.id()).collect();
    let changed: Vec<Uuid> = changed.into_iter().collect();
    let find = tx.prepare_cached(include_str!("../../sql/availability/known.sql")).await?;
    let rows = tx.query(&find, &[&changed]).await?;
    rows.iter()
        .map(|row| {
            let known = Row {
                facility: FacilityId(row.try_get("facility_id")?),
                availability: serde_json::from_value(row.try_get("availability")?).map_err(|_| MALFORMED)?,
                version: StreamVersion::from_sql(row.try_get("version")?),
                updated_at: Timestamp::UNIX_EPOCH,
            };
            Ok((UserId(row.try_get("practitioner_id")?), known))
        })
        .collect()
}

fn follow_all(events: &[RecordedEvent], practitioners: &mut HashMap<UserId, Row>) -> Result<(), ProjectionError> {
    for event in events {
        let row = practitioners.entry(UserId(event.stream.id())).or_insert_with(|| Row {
            facility: event.facility_id,
            availability: Availability::default(),
            version: StreamVersion::ZERO,
            updated_at: event.recorded_at,
        });
        if event.version != row.version.next() {
            return Err(ProjectionError::OutOfStep { position: event.position });
        }
        follow(&mut row.availability, event)?;
        (row.version, row.updated_at) = (event.version, event.recorded_at);
    }
    Ok(())
}

async fn write(practitioners: &HashMap<UserId, Row>, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let (mut facilities, mut ids, mut availabilities) = (Vec::new(), Vec::new(), Vec::<Value>::new());
    let (mut versions, mut updated) = (Vec::new(), Vec::new());
    for (id, Row { facility, availability, version, updated_at }) in practitioners {
        facilities.push(facility.0);
        ids.push(id.0);
        availabilities.push(serde_json::to_value(availability).map_err(|_| MALFORMED)?);
        versions.push(version.to_sql());
        updated.push(*updated_at);
    }
    let upsert = tx.prepare_cached(include_str!("../../sql/availability/upsert.sql")).await?;
    tx.execute(&upsert, &[&facilities, &ids, &availabilities, &versions, &updated]).await?;
    Ok(())
}
