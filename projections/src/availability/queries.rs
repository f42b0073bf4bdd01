//! Queries on availability: what is planned, and what of a week is open.

use domain::availability::Availability;
use domain::ids::{FacilityId, StreamVersion, UserId};
use event_store_schema::Database;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use projections_engine::reading::{QueryError, read};
use projections_engine::stored::json_cell;
use tokio_postgres::Row;
use uuid::Uuid;

use super::COLUMN;
use crate::facilities::TIME_ZONE;

/// A practitioner's availability, to compute with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAvailability {
    /// Whose.
    pub practitioner_id: UserId,
    /// What it is.
    pub availability: Availability,
    /// The version of its stream.
    pub version: StreamVersion,
    /// When it was changed last; none if nothing was ever planned.
    pub updated_at: Option<Timestamp>,
}

impl KnownAvailability {
    /// That of somebody for whom nothing was ever planned.
    pub fn nothing(practitioner_id: UserId) -> Self {
        let (availability, version) = (Availability::default(), StreamVersion::ZERO);
        Self { practitioner_id, availability, version, updated_at: None }
    }
}

/// Queries on availability.
#[derive(Clone)]
pub struct AvailabilityQueries(Database);

impl AvailabilityQueries {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// The zone of the practice, and what is planned for a practitioner; nothing if nothing ever was.
    pub async fn one(
        &self,
        facility: FacilityId,
        practitioner: UserId,
    ) -> Result<(TimeZone, Option<KnownAvailability>), QueryError> {
        let (zone, mut known) = self.of(facility, Some(&[practitioner])).await?;
        Ok((zone, known.pop()))
    }

    /// The zone of the practice, and the availability of those who ever had any hours: of all, or of those who are named.
    pub async fn of(
        &self,
        facility: FacilityId,
        practitioners: Option<&[UserId]>,
    ) -> Result<(TimeZone, Vec<KnownAvailability>), QueryError> {
        let ids: Option<Vec<Uuid>> =
            practitioners.map(|named| named.iter().map(|practitioner| practitioner.0).collect());
        let of = include_str!("../../sql/availability/of.sql");
        let [zone, rows] =
            read(&self.0, facility, "availability", [(TIME_ZONE, &[&facility.0]), (of, &[&facility.0, &ids])]).await?;
        let known = rows.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        // Each read model follows the log at its own pace, so the facility may not be shown yet.
        let Some(zone) = zone.first() else { return Ok((TimeZone::UTC, Vec::new())) };
        let zone: Option<&str> = zone.try_get("time_zone")?;
        let zone = zone.and_then(|name| TimeZone::get(name).ok());
        Ok((zone.ok_or(QueryError::Malformed("facilities.facility"))?, known))
    }
}

/// A practitioner's row.
pub(super) fn known(row: &Row) -> Result<KnownAvailability, QueryError> {
    Ok(KnownAvailability {
        practitioner_id: UserId(row.try_get("practitioner_id")?),
        availability: json_cell(row, "availability", COLUMN)?,
        version: StreamVersion::from_sql(row.try_get("version")?),
        updated_at: Some(row.try_get("updated_at")?),
    })
}
