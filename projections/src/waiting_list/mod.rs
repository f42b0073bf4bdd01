//! The read model of the waiting list: the entries in the order of the line, and their offers.

mod queries;

use domain::appointment::AppointmentPriority;
use domain::event::{LoggedEvent, RecordedEvent};
use domain::values::CodeValue;
use domain::waiting_list::{Offer, WaitingEntry, WaitingEvent};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use projections_engine::folding::{States, changed, follow_from};
use projections_engine::{Projection, ProjectionError, Transaction};
use tokio_postgres::types::Json;

pub use self::queries::{
    OpenOffer, WaitingCursor, WaitingFilter, WaitingPage, WaitingPageStart, WaitingQueries, WaitingView,
};

const COLUMN: &str = "waiting_list.entry";
const MALFORMED: ProjectionError = ProjectionError::Malformed(COLUMN);

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
        include_str!("../../sql/waiting_list/schema.sql")
    }

    fn indexes(&self) -> &'static str {
        include_str!("../../sql/waiting_list/indexes.sql")
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
            let known = include_str!("../../sql/waiting_list/known.sql");
            write(&follow_from(changed(events), known, COLUMN, events, tx).await?, tx).await
        }
        .boxed()
    }
}

async fn write(places: &States<WaitingEntry>, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let (mut facilities, mut ids, mut patients, mut statuses) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut urgencies, mut joined, mut latest, mut practitioners) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut offers, mut answers, mut untold, mut entries) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut versions, mut created, mut updated) = (Vec::new(), Vec::new(), Vec::new());
    for (id, place) in places {
        let entry = &place.state;
        // No stream begins with anything but somebody who joins.
        let (Some(wish), Some(patient), Some(status)) = (&entry.wish, entry.patient_id, entry.status) else {
            return Err(MALFORMED);
        };
        facilities.push(place.facility_id.0);
        ids.push(*id);
        patients.push(patient.0);
        statuses.push(status.code());
        urgencies.push(urgency(wish.priority));
        joined.push(place.first_position.to_sql());
        latest.push(wish.latest);
        practitioners.push(Json(&wish.whom.practitioner_ids));
        offers.push(entry.offer.as_ref().map(|offer| offer.offer_id.0));
        answers.push(entry.offer.as_ref().map(|offer| offer.answer_by));
        untold.push(entry.offer.as_ref().is_some_and(Offer::is_untold));
        entries.push(Json(entry));
        versions.push(place.version.to_sql());
        created.push(place.created_at);
        updated.push(place.updated_at);
    }
    let upsert = tx.prepare_cached(include_str!("../../sql/waiting_list/upsert.sql")).await?;
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
            &untold,
            &entries,
            &versions,
            &created,
            &updated,
        ],
    )
    .await?;
    Ok(())
}

/// A more urgent entry is first in line.
const fn urgency(priority: AppointmentPriority) -> i16 {
    match priority {
        AppointmentPriority::Urgent => 0,
        AppointmentPriority::High => 1,
        AppointmentPriority::Normal => 2,
        AppointmentPriority::Low => 3,
    }
}
