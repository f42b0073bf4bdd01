//! The read model of practices: what each is called, and its time zone.

use std::collections::HashMap;

use domain::event::{LoggedEvent, RecordedEvent};
use domain::facility::{Facility, FacilityEvent};
use domain::ids::{FacilityId, StreamVersion};
use domain::values::TextValue;
use event_store_schema::Database;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::folding::follow;
use crate::projection::{Projection, ProjectionError, Transaction};
use crate::reading::{QueryError, read};

/// The projection.
#[derive(Clone, Copy, Debug)]
pub struct Facilities;

impl Projection for Facilities {
    fn name(&self) -> &'static str {
        "facilities"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [&'static str] {
        &["facilities"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../sql/facilities/schema.sql")
    }

    fn takes(&self, event_type: &str) -> bool {
        FacilityEvent::TYPES.iter().any(|(name, _)| *name == event_type)
    }

    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        apply(events, tx).boxed()
    }
}

async fn apply(events: &[RecordedEvent], tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let mut facilities: HashMap<FacilityId, (Facility, StreamVersion)> = HashMap::new();
    for event in events {
        let (facility, version) = facilities.entry(event.facility_id).or_default();
        // A practice is told whole by its first event. Once there are others, they need the row that is there.
        if event.version != version.next() {
            return Err(ProjectionError::OutOfStep { position: event.position });
        }
        follow(facility, event)?;
        *version = event.version;
    }
    let (mut ids, mut names, mut finesses, mut time_zones, mut versions) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (id, (facility, version)) in &facilities {
        ids.push(id.0);
        names.push(facility.name.as_str());
        finesses.push(facility.finess.as_ref().map(TextValue::as_str));
        time_zones.push(facility.time_zone.as_str());
        versions.push(version.to_sql());
    }
    let upsert = tx.prepare_cached(include_str!("../sql/facilities/upsert.sql")).await?;
    tx.execute(&upsert, &[&ids, &names, &finesses, &time_zones, &versions]).await?;
    Ok(())
}

/// A practice, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FacilityView {
    /// Its id.
    pub id: FacilityId,
    /// Its name.
    pub name: String,
    /// Its FINESS number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finess: Option<String>,
    /// Its IANA time zone.
    pub time_zone: String,
    /// The version of its stream.
    pub version: StreamVersion,
}

/// Queries on practices.
#[derive(Clone)]
pub struct FacilityQueries(Database);

impl FacilityQueries {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// The practice itself.
    pub async fn get(&self, facility: FacilityId) -> Result<Option<FacilityView>, QueryError> {
        let get = include_str!("../sql/facilities/get.sql");
        let [rows] = read(&self.0, facility, "facility", [(get, &[&facility.0])]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(FacilityView {
            id: facility,
            name: row.try_get("name")?,
            finess: row.try_get("finess")?,
            time_zone: row.try_get("time_zone")?,
            version: StreamVersion::from_sql(row.try_get("version")?),
        }))
    }
}
