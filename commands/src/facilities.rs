//! Commands on practices. Other commands take the day and the time at the practice from here.

use domain::aggregate::Circumstances;
use domain::facility::{Facility, FacilityCommand, FacilityError};
use domain::ids::FacilityId;
use domain::scheduling::PracticeTime;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::context::CommandContext;
use crate::error::CommandError;
use crate::execute::{Commands, Executed};

impl Commands {
    /// Opens a practice.
    pub async fn open_facility(
        &self,
        command: &FacilityCommand,
        context: &CommandContext,
    ) -> Result<Executed<Facility>, CommandError<FacilityError>> {
        let now = Timestamp::now();
        let circumstances = Circumstances { now, today: now.to_zoned(TimeZone::UTC).date() };
        self.execute(context.facility_id.0, command, &circumstances, &[], context).await
    }

    /// Changes the settings of a practice, or what a role may do in it.
    pub async fn change_facility(
        &self,
        command: &FacilityCommand,
        context: &CommandContext,
    ) -> Result<Executed<Facility>, CommandError<FacilityError>> {
        let circumstances = self.circumstances(context.facility_id).await?;
        self.execute(context.facility_id.0, command, &circumstances, &[], context).await
    }

    /// This moment, and the day it is in the practice. `NotFound` if the practice was never opened.
    pub async fn circumstances<E: std::error::Error>(
        &self,
        facility: FacilityId,
    ) -> Result<Circumstances, CommandError<E>> {
        let time = self.practice_time(facility).await?;
        Ok(Circumstances { now: time.now, today: time.today() })
    }

    /// This moment, and the clock by which the practice goes. `NotFound` if the practice was never opened.
    pub async fn practice_time<E: std::error::Error>(
        &self,
        facility: FacilityId,
    ) -> Result<PracticeTime, CommandError<E>> {
        let zone = match self.practice_clock().zone(facility) {
            Some(zone) => zone,
            None => {
                let zone = self.time_zone(facility).await?;
                self.practice_clock().remember(facility, zone.clone());
                zone
            }
        };
        Ok(PracticeTime { now: Timestamp::now(), zone })
    }

    async fn time_zone<E: std::error::Error>(&self, facility: FacilityId) -> Result<TimeZone, CommandError<E>> {
        let loaded = self.load::<Facility>(facility, facility.0).await.map_err(CommandError::while_reading)?;
        let name = loaded.ok_or(CommandError::NotFound)?.aggregate.time_zone;
        // The zone was checked when the practice was opened; a database of zones that lost it is no reason to stop.
        Ok(TimeZone::get(&name).unwrap_or(TimeZone::UTC))
    }
}
