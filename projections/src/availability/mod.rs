//! The read model of availability: the hours, leave and rules of each practitioner, and what of a week is open by them.

mod calendars;
mod leave;
mod queries;
mod view;

use domain::availability::{Availability, AvailabilityEvent};
use domain::event::{LoggedEvent, RecordedEvent};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use projections_engine::folding::{States, changed, follow_from};
use projections_engine::{Projection, ProjectionError, Transaction};
use tokio_postgres::types::Json;

pub use self::calendars::{CalendarQueries, Wanted};
pub use self::leave::LeaveAhead;
pub use self::queries::{AvailabilityQueries, KnownAvailability};
pub use self::view::{DayView, ExtraHoursView, HoursView, LeaveView, OpenView, TemplateView, WeekView};

const COLUMN: &str = "availability.availability";

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
            let known = include_str!("../../sql/availability/known.sql");
            write(&follow_from(changed(events), known, COLUMN, events, tx).await?, tx).await
        }
        .boxed()
    }
}

async fn write(practitioners: &States<Availability>, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let (mut facilities, mut ids, mut availabilities) = (Vec::new(), Vec::new(), Vec::new());
    let (mut versions, mut updated) = (Vec::new(), Vec::new());
    for (id, known) in practitioners {
        facilities.push(known.facility_id.0);
        ids.push(*id);
        availabilities.push(Json(&known.state));
        versions.push(known.version.to_sql());
        updated.push(known.updated_at);
    }
    let upsert = tx.prepare_cached(include_str!("../../sql/availability/upsert.sql")).await?;
    tx.execute(&upsert, &[&facilities, &ids, &availabilities, &versions, &updated]).await?;
    Ok(())
}
