//! Queries on availability: what is planned, and what of a week is open.

use domain::availability::Availability;
use domain::ids::{FacilityId, StreamVersion, UserId};
use event_store_schema::Database;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio_postgres::Row;
use uuid::Uuid;

use super::view::{TemplateView, WeekView};
use crate::facilities::TIME_ZONE;
use crate::reading::{QueryError, read};

/// A practitioner's availability, to compute with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAvailability {
    /// Whose.
    pub practitioner_id: UserId,
    /// What it is.
    pub availability: Availability,
    /// The version of its stream.
    pub version: StreamVersion,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// Queries on availability.
#[derive(Clone)]
pub struct AvailabilityQueries(Database);

impl AvailabilityQueries {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    /// The hours, leave and rules of a practitioner as they are planned from an instant on. None if none were ever set.
    pub async fn template(
        &self,
        facility: FacilityId,
        practitioner: UserId,
        now: Timestamp,
    ) -> Result<Option<TemplateView>, QueryError> {
        let found = self.one(facility, practitioner).await?;
        Ok(found.map(|(zone, known)| TemplateView::of(known, &zone, now)))
    }

    /// The week, from Monday to Sunday, that a day is in. None if the practitioner never had any hours.
    pub async fn week(
        &self,
        facility: FacilityId,
        practitioner: UserId,
        day: Date,
    ) -> Result<Option<WeekView>, QueryError> {
        let found = self.one(facility, practitioner).await?;
        Ok(found.map(|(zone, known)| WeekView::of(known, &zone, day)))
    }

    /// The zone of the practice, and the availability of those of these practitioners who ever had any hours.
    pub async fn of(
        &self,
        facility: FacilityId,
        practitioners: &[UserId],
    ) -> Result<(TimeZone, Vec<KnownAvailability>), QueryError> {
        let ids: Vec<Uuid> = practitioners.iter().map(|practitioner| practitioner.0).collect();
        let of = include_str!("../../sql/availability/of.sql");
        let [zone, rows] =
            read(&self.0, facility, "availability", [(TIME_ZONE, &[&facility.0]), (of, &[&facility.0, &ids])]).await?;
        let known = rows.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        // Each read model follows the log at its own pace: the practice may not be shown yet, for a moment.
        let Some(zone) = zone.first() else { return Ok((TimeZone::UTC, Vec::new())) };
        let zone: Option<&str> = zone.try_get("time_zone")?;
        let zone = zone.and_then(|name| TimeZone::get(name).ok());
        Ok((zone.ok_or(QueryError::Malformed("facilities.facility"))?, known))
    }

    async fn one(
        &self,
        facility: FacilityId,
        practitioner: UserId,
    ) -> Result<Option<(TimeZone, KnownAvailability)>, QueryError> {
        let (zone, mut known) = self.of(facility, &[practitioner]).await?;
        Ok(known.pop().map(|known| (zone, known)))
    }
}

fn known(row: &Row) -> Result<KnownAvailability, QueryError> {
    let availability = serde_json::from_value(row.try_get("availability")?);
    Ok(KnownAvailability {
        practitioner_id: UserId(row.try_get("practitioner_id")?),
        availability: availability.map_err(|_| QueryError::Malformed("availability.availability"))?,
        version: StreamVersion::from_sql(row.try_get("version")?),
        updated_at: row.try_get("updated_at")?,
    })
}
