//! Commands on when practitioners can be booked, and what bookings need of it: the availability they are decided on, with the
//! guard that it is still so when they are written.

use domain::aggregate::AggregateRoot;
use domain::availability::{Availability, AvailabilityCommand, AvailabilityError};
use domain::ids::{FacilityId, StreamVersion, UserId};
use domain::role::Role;
use domain::user::User;
use event_store_schema::Guard;

use crate::context::CommandContext;
use crate::error::CommandError;
use crate::execute::{Commands, Executed};

impl Commands {
    /// Any command on the availability of a practitioner. `NotFound` if nobody of this id treats patients in the practice, or
    /// if there is no such leave, or no such extra hours.
    ///
    /// The appointments that a leave lies over are in the command, as its caller found them. One that is booked between that
    /// look and the append comes before the leave in the log; one that is decided later finds its guard moved, is decided
    /// again, and finds the leave.
    pub async fn change_availability(
        &self,
        practitioner: UserId,
        command: &AvailabilityCommand,
        context: &CommandContext,
    ) -> Result<Executed<Availability>, CommandError<AvailabilityError>> {
        self.practitioner(context.facility_id, practitioner).await?;
        let time = self.practice_time(context.facility_id).await?;
        self.execute::<Availability>(practitioner.0, command, &time, &[], context).await.map_err(|error| match error {
            CommandError::Refused(AvailabilityError::NoSuchLeave | AvailabilityError::NoSuchExtraHours) => {
                CommandError::NotFound
            }
            error => error,
        })
    }

    /// When a practitioner can be booked, as it is at this moment, and the guard under which a booking that is decided on it
    /// has to be written. Of a practitioner who never had any hours nothing is open; of anybody else it is `NotFound`.
    pub async fn guarded_availability<E: std::error::Error>(
        &self,
        facility: FacilityId,
        practitioner: UserId,
    ) -> Result<(Availability, Guard), CommandError<E>> {
        let loaded = self.load::<Availability>(facility, practitioner.0).await.map_err(CommandError::while_reading)?;
        let (availability, version) = match loaded {
            Some(loaded) => (loaded.aggregate, loaded.version),
            None => {
                self.practitioner::<E>(facility, practitioner).await?;
                (Availability::default(), StreamVersion::ZERO)
            }
        };
        Ok((availability, Guard { stream: Availability::stream(practitioner.0), version }))
    }

    /// Refuses whoever does not treat patients in the practice.
    async fn practitioner<E: std::error::Error>(
        &self,
        facility: FacilityId,
        id: UserId,
    ) -> Result<(), CommandError<E>> {
        let user = self.load::<User>(facility, id.0).await.map_err(CommandError::while_reading)?;
        let role = user.and_then(|user| user.aggregate.role);
        role.filter(|role| Role::PRACTITIONERS.contains(role)).map(|_| ()).ok_or(CommandError::NotFound)
    }
}
