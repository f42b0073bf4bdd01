//! Commands on one appointment. A command that takes time is decided on the practitioner's availability, under a guard on
//! its stream. If the time is taken, the log refuses the append and names the holders. If a holder is an expired hold, it is
//! released on the way.

use std::collections::HashMap;

use domain::aggregate::AggregateRoot;
use domain::appointment::{
    Appointment, AppointmentCommand, AppointmentError, AppointmentEvent, Conflict, Schedule, Slot,
};
use domain::event::LoggedEvent;
use domain::ids::{AppointmentId, FacilityId, StreamId};
use domain::reservation::{Reservation, ResourceKind};
use event_store_schema::Holder;
use jiff::Timestamp;

use crate::booking_facts::{Participants, invalid};
use crate::context::CommandContext;
use crate::error::{AppointmentFailure, CommandError};
use crate::execute::{Commands, Executed, decide, pause};
use crate::loaded::Loaded;

/// How often a booking is decided again while its hours, its patient or others change, before the caller hears of it.
pub(crate) const BOOKING_ATTEMPTS: u32 = 20;

impl Commands {
    /// Any command on an appointment. For a new one, the caller makes the id. If times are taken, the refusal is
    /// [`AppointmentError::Conflicts`].
    pub async fn change_appointment(
        &self,
        id: AppointmentId,
        command: &AppointmentCommand,
        context: &CommandContext,
    ) -> Result<Executed<Appointment>, AppointmentFailure> {
        let outcome = match command.slot() {
            Some(slot) if self.moves(id, command, context).await? => {
                let outcome = self.take_times(id, command, slot, context).await;
                // Patient, practitioner and room are looked at before the log is asked.
                self.or_first_answer(outcome, context).await
            }
            Some(_) | None => {
                let schedule = Schedule::at(self.practice_time(context.facility_id).await?);
                self.execute(id.0, command, &schedule, &[], context).await
            }
        };
        outcome.map_err(|error| match error {
            CommandError::Refused(AppointmentError::NotBooked | AppointmentError::NotHeld) => CommandError::NotFound,
            error => error,
        })
    }

    /// Books into a hold, or into one that expired a moment ago. `unknown_hold` if this practice has no hold of this id.
    pub async fn book_held(
        &self,
        id: AppointmentId,
        command: &AppointmentCommand,
        context: &CommandContext,
    ) -> Result<Executed<Appointment>, AppointmentFailure> {
        if self.load::<Appointment>(context.facility_id, id.0).await?.is_none() {
            return Err(invalid("holdId", "unknown_hold", "No slot of this id is or was held."));
        }
        self.change_appointment(id, command, context).await
    }

    /// Whether the command takes other times than the appointment has. Notes on a visit are no booking: the practitioner may
    /// have left the practice.
    async fn moves(
        &self,
        id: AppointmentId,
        command: &AppointmentCommand,
        context: &CommandContext,
    ) -> Result<bool, AppointmentFailure> {
        let AppointmentCommand::ReviseAppointment { slot, .. } = command else { return Ok(true) };
        let loaded = self.load::<Appointment>(context.facility_id, id.0).await?;
        let loaded = loaded.ok_or(CommandError::NotFound)?;
        Ok(loaded.aggregate.slot.as_ref() != Some(slot))
    }

    /// What the command would meet if it were given now. It is decided by the same rules on the same state, and never
    /// relied on: only [`change_appointment`](Self::change_appointment) can tell. Refusals of another kind come back as
    /// they would there.
    pub async fn check_appointment(
        &self,
        id: AppointmentId,
        command: &AppointmentCommand,
        context: &CommandContext,
    ) -> Result<Vec<Conflict>, AppointmentFailure> {
        let Some(slot) = command.slot() else { return Ok(Vec::new()) };
        let facts = self.facts(&participants(slot, command), true, context.facility_id).await?;
        let loaded = self.load::<Appointment>(context.facility_id, id.0).await?;
        let loaded = loaded.unwrap_or_else(Loaded::nothing);
        let (_, events) = decide(&loaded, command, &facts.schedule(slot, &[]), context).await?;
        let holders = self.log().time_holders(&Appointment::stream(id.0), &wanted(&events)).await?;
        let (conflicts, _) = self.conflicts(context.facility_id, &holders).await?;
        let Some(overlaps) = command.overlaps(&conflicts) else { return Ok(conflicts) };
        decide(&loaded, command, &facts.schedule(slot, &overlaps), context).await?;
        Ok(Vec::new())
    }

    async fn take_times(
        &self,
        id: AppointmentId,
        command: &AppointmentCommand,
        slot: &Slot,
        context: &CommandContext,
    ) -> Result<Executed<Appointment>, AppointmentFailure> {
        let (mut fresh, mut overlaps) = (false, Vec::new());
        for attempt in 0..BOOKING_ATTEMPTS {
            let facts = self.facts(&participants(slot, command), fresh, context.facility_id).await?;
            let schedule = facts.schedule(slot, &overlaps);
            match self.execute(id.0, command, &schedule, &facts.guards, context).await {
                // A stream that the decision rests on has changed: hours, the patient's file, a room.
                Err(CommandError::Contended) => {
                    fresh = true;
                    pause(attempt).await;
                }
                // A refusal counts only on the state in the log, not on what this server remembers.
                Err(CommandError::Refused(_)) if !fresh => fresh = true,
                Err(CommandError::Reserved(holders)) => {
                    let (conflicts, expired) = self.conflicts(context.facility_id, &holders).await?;
                    if conflicts.is_empty() {
                        self.release(&expired, context).await?;
                        pause(attempt).await;
                        continue;
                    }
                    overlaps = command
                        .overlaps(&conflicts)
                        .filter(|_| overlaps.is_empty())
                        .ok_or(CommandError::Refused(AppointmentError::Conflicts(conflicts)))?;
                }
                outcome => return outcome,
            }
        }
        Err(CommandError::Contended)
    }

    /// The holders that the log names: those in the way, and expired holds. A holder that freed the time meanwhile is neither.
    pub(crate) async fn conflicts(
        &self,
        facility: FacilityId,
        holders: &[Holder],
    ) -> Result<(Vec<Conflict>, Vec<AppointmentId>), AppointmentFailure> {
        let mut known: HashMap<&StreamId, Option<Loaded<Appointment>>> = HashMap::new();
        let (mut conflicts, mut expired) = (Vec::new(), Vec::new());
        for holder in holders {
            let stream = &holder.stream;
            if !known.contains_key(stream) {
                // A holder in another practice is not named here.
                let own = stream.aggregate() == <Appointment as cqrs_es::Aggregate>::TYPE;
                let loaded = if own { self.load::<Appointment>(facility, stream.id()).await? } else { None };
                known.insert(stream, loaded);
            }
            let appointment = AppointmentId(stream.id());
            let loaded = known.get(stream).and_then(Option::as_ref);
            let kept = loaded.and_then(|loaded| loaded.aggregate.hold_until());
            if kept.is_some_and(|until| until <= Timestamp::now()) {
                expired.push(appointment);
                continue;
            }
            // If it was cancelled or released since the log named it, it refuses nothing.
            let status = loaded.and_then(|loaded| loaded.aggregate.status);
            if status.is_some_and(|status| !status.takes_time()) {
                continue;
            }
            let Some(resource) = ResourceKind::ALL.into_iter().find(|kind| kind.name() == holder.kind) else {
                continue;
            };
            let conflict = Conflict { resource, appointment: loaded.map(|_| appointment), during: holder.during };
            if !conflicts.contains(&conflict) {
                conflicts.push(conflict);
            }
        }
        expired.dedup();
        Ok((conflicts, expired))
    }

    /// Releases expired holds. If another server did so first, that is as good.
    pub(crate) async fn release(
        &self,
        expired: &[AppointmentId],
        context: &CommandContext,
    ) -> Result<(), AppointmentFailure> {
        // The house acts here, on the way: the request's key and reason do not belong to it.
        let own =
            CommandContext { correlation_id: context.correlation_id, ..CommandContext::system(context.facility_id) };
        for id in expired {
            let schedule = Schedule::at(self.practice_time(context.facility_id).await?);
            let release = AppointmentCommand::ReleaseExpiredSlot;
            match self.execute::<Appointment>(id.0, &release, &schedule, &[], &own).await {
                Ok(_) | Err(CommandError::Refused(_) | CommandError::Contended) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The participants of the slot that a command takes.
pub(crate) fn participants(slot: &Slot, command: &AppointmentCommand) -> Participants {
    Participants { practitioner: slot.practitioner_id, patient: command.patient(), room: slot.room_id }
}

/// The times that events reserve. If several events reserve the same kind, the last one counts.
pub(crate) fn wanted(events: &[AppointmentEvent]) -> Vec<Reservation> {
    let mut last: Vec<(ResourceKind, Reservation)> = Vec::new();
    for reservation in events.iter().flat_map(LoggedEvent::reservations) {
        if let Reservation::Times { kind, .. } = &reservation {
            let kind = *kind;
            last.retain(|(other, _)| *other != kind);
            last.push((kind, reservation));
        }
    }
    last.into_iter().map(|(_, reservation)| reservation).collect()
}
