//! Commands on when a practitioner can be booked. Bookings take the availability that they are decided on from here, with
//! the guard that it has not changed when they are appended.

use domain::aggregate::AggregateRoot;
use domain::appointment::Appointment;
use domain::availability::{Availability, AvailabilityCommand, AvailabilityError, Leave};
use domain::ids::{AppointmentId, FacilityId, LeaveId, StreamVersion, UserId};
use domain::reservation::{Reservation, ResourceKind, TimeHold};
use domain::role::Role;
use domain::scheduling::{Interval, PracticeTime, stretch};
use domain::user::User;
use event_store_schema::Guard;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::context::CommandContext;
use crate::error::CommandError;
use crate::execute::{Commands, Executed};

type AvailabilityFailure = CommandError<AvailabilityError>;

/// How many appointments under a leave are loaded at the same time.
const TOGETHER: usize = 16;

/// An appointment that a leave lies over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Which.
    pub appointment: AppointmentId,
    /// From when until when.
    pub during: Interval,
}

/// A leave that was planned.
#[derive(Debug)]
pub struct LeavePlan {
    /// What became of the availability.
    pub executed: Executed<Availability>,
    /// The appointments ahead that it lies over, looked up after the append. No booking can come into the leave after that.
    pub touched: Vec<Touched>,
}

/// Why a leave is not planned.
#[derive(Debug, thiserror::Error)]
pub enum LeaveRefusal {
    /// It lies over appointments, and the user did not confirm it.
    #[error("the leave lies over {} appointment(s)", .0.len())]
    Touches(Vec<Touched>),
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] AvailabilityFailure),
}

impl Commands {
    /// Any command on the availability of a practitioner. `NotFound` if no practitioner of the practice has this id, or no
    /// leave or extra hours have theirs. Leave is planned by [`plan_leave`](Self::plan_leave), which looks for the
    /// appointments under it.
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

    /// Plans a leave. The log says which appointments ahead it lies over. Unless `confirmed`, there may be none.
    ///
    /// A booking between that look and the append comes before the leave in the log, and the answer names it. A booking
    /// that is appended later finds its guard moved, is decided again, and finds the leave.
    pub async fn plan_leave(
        &self,
        practitioner: UserId,
        leave_id: LeaveId,
        leave: Leave,
        confirmed: bool,
        context: &CommandContext,
    ) -> Result<LeavePlan, LeaveRefusal> {
        self.practitioner(context.facility_id, practitioner).await?;
        let time = self.practice_time(context.facility_id).await?;
        let touched = self.touched_by(practitioner, &leave, &time, context.facility_id).await?;
        let ids = touched.iter().map(|touched| touched.appointment).collect();
        let command = AvailabilityCommand::PlanLeave { leave_id, leave, touched: ids, confirmed };
        let executed = match self.execute::<Availability>(practitioner.0, &command, &time, &[], context).await {
            Ok(executed) => executed,
            Err(CommandError::Refused(AvailabilityError::TouchesAppointments(_))) => {
                return Err(LeaveRefusal::Touches(touched));
            }
            Err(error) => return Err(error.into()),
        };
        let touched = self.touched_by(practitioner, &leave, &time, context.facility_id).await?;
        Ok(LeavePlan { executed, touched })
    }

    /// The appointments ahead that lie in what is left of a leave, the first one first.
    async fn touched_by(
        &self,
        practitioner: UserId,
        leave: &Leave,
        time: &PracticeTime,
        facility: FacilityId,
    ) -> Result<Vec<Touched>, AvailabilityFailure> {
        let away = stretch(leave.from, leave.until, &time.zone);
        let Some(away) = away.and_then(|away| Interval::new(away.from.max(time.now), away.until)) else {
            return Ok(Vec::new());
        };
        let hold = TimeHold { resource: practitioner.0, during: away, shared: false };
        let wanted = Reservation::Times { kind: ResourceKind::Practitioner, holds: vec![hold] };
        let holders = self.log().time_holders(&Availability::stream(practitioner.0), &[wanted]).await?;
        let mut ids = Vec::with_capacity(holders.len());
        for holder in holders.iter().filter(|holder| holder.stream.aggregate() == APPOINTMENT) {
            let id = AppointmentId(holder.stream.id());
            // An appointment with several stretches in the leave is named for each.
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let found = stream::iter(ids).map(async |id: AppointmentId| {
            let loaded = self.load::<Appointment>(facility, id.0).await.map_err(CommandError::while_reading)?;
            let ahead = loaded.filter(|loaded| loaded.aggregate.status.is_some_and(|status| status.is_ahead()));
            let slot = ahead.and_then(|loaded| loaded.aggregate.slot);
            Ok::<_, AvailabilityFailure>(slot.map(|slot| Touched { appointment: id, during: slot.during }))
        });
        found.buffered(TOGETHER).try_filter_map(async |touched| Ok(touched)).try_collect().await
    }

    /// The availability of a practitioner at this moment, and the guard for a booking that is decided on it. If a practitioner
    /// never had hours, nothing is open. If the user is no practitioner, it is `NotFound`.
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

    /// Refuses a user who does not treat patients in the practice.
    pub async fn practitioner<E: std::error::Error>(
        &self,
        facility: FacilityId,
        id: UserId,
    ) -> Result<(), CommandError<E>> {
        let user = self.load::<User>(facility, id.0).await.map_err(CommandError::while_reading)?;
        let role = user.and_then(|user| user.aggregate.role);
        role.filter(|role| Role::PRACTITIONERS.contains(role)).map(|_| ()).ok_or(CommandError::NotFound)
    }
}

const APPOINTMENT: &str = <Appointment as cqrs_es::Aggregate>::TYPE;
