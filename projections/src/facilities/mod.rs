//! The read model of facilities: name, time zone, settings, rooms, and what each role may do there.

use std::collections::BTreeMap;

use domain::event::{LoggedEvent, RecordedEvent};
use domain::facility::{Facility, FacilityEvent, FacilitySettings, Room};
use domain::ids::{FacilityId, RoomId, StreamVersion};
use domain::permissions::Permissions;
use domain::reminder::ReminderSettings;
use domain::role::Role;
use domain::values::TextValue;
use event_store_schema::Database;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use projections_engine::folding::{States, changed, follow_from};
use projections_engine::reading::{QueryError, read};
use projections_engine::stored::json_cell;
use projections_engine::{Projection, ProjectionError, Transaction};
use serde::Serialize;
use tokio_postgres::types::Json;

/// The projection.
#[derive(Clone, Copy, Debug)]
pub struct Facilities;

impl Projection for Facilities {
    fn name(&self) -> &'static str {
        "facilities"
    }

    fn version(&self) -> u32 {
        3
    }

    fn tables(&self) -> &'static [&'static str] {
        &["facilities"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../sql/facilities/schema.sql")
    }

    fn takes(&self, event_type: &str) -> bool {
        FacilityEvent::TYPES.iter().any(|(name, _)| *name == event_type)
    }

    fn apply<'a>(
        &'a self,
        events: &'a [RecordedEvent],
        tx: &'a Transaction<'a>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        async move {
            let known = include_str!("../../sql/facilities/known.sql");
            write(&follow_from(changed(events), known, COLUMN, events, tx).await?, tx).await
        }
        .boxed()
    }
}

const COLUMN: &str = "facilities.facility";

async fn write(practices: &States<Facility>, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let (mut ids, mut facilities, mut versions) = (Vec::new(), Vec::new(), Vec::new());
    for (id, practice) in practices {
        ids.push(*id);
        facilities.push(Json(&practice.state));
        versions.push(practice.version.to_sql());
    }
    let upsert = tx.prepare_cached(include_str!("../../sql/facilities/upsert.sql")).await?;
    tx.execute(&upsert, &[&ids, &facilities, &versions]).await?;
    Ok(())
}

/// A facility, as the API shows it.
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
    /// What it decided about the accounts of its staff.
    pub settings: FacilitySettings,
    /// What each role may do there.
    pub permissions: BTreeMap<Role, Permissions>,
    /// Its rooms, also those that are closed.
    pub rooms: BTreeMap<RoomId, Room>,
    /// How it reminds patients of their appointments.
    pub reminders: ReminderSettings,
    /// The version of its stream.
    pub version: StreamVersion,
}

impl FacilityView {
    /// The practice of this id at this version.
    pub fn of(id: FacilityId, facility: Facility, version: StreamVersion) -> Self {
        let permissions = Role::ALL.map(|role| (role, facility.permissions_of(role))).into();
        let Facility { name, finess, time_zone, settings, role_permissions: _, rooms, reminders } = facility;
        let finess = finess.map(|finess| finess.as_str().to_owned());
        Self { id, name, finess, time_zone, settings, permissions, rooms, reminders, version }
    }
}

/// The statement that reads the zone of a facility, for other read models that show its times.
pub(crate) const TIME_ZONE: &str = include_str!("../../sql/facilities/time_zone.sql");

/// Queries on facilities.
#[derive(Clone)]
pub struct FacilityQueries(Database);

impl FacilityQueries {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// The facility itself.
    pub async fn get(&self, facility: FacilityId) -> Result<Option<FacilityView>, QueryError> {
        let get = include_str!("../../sql/facilities/get.sql");
        let [rows] = read(&self.0, facility, "facility", [(get, &[&facility.0])]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let practice = json_cell(row, "facility", COLUMN)?;
        Ok(Some(FacilityView::of(facility, practice, StreamVersion::from_sql(row.try_get("version")?))))
    }
}
