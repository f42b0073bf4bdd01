//! Writes what became of a reminder to the appointments that it was about. The policy that sends reminders calls it.

use domain::aggregate::AggregateRoot;
use domain::appointment::{Appointment, AppointmentCommand, AppointmentError, Schedule};
use domain::ids::{AppointmentId, Position};
use domain::reminder::ReminderMark;
use event_store_schema::AppendError;

use crate::appointments::BOOKING_ATTEMPTS;
use crate::context::CommandContext;
use crate::error::{AppointmentFailure, CommandError};
use crate::execute::{Commands, decide, pause, stream_append};

impl Commands {
    /// Notes what became of reminders, for all these appointments in one append. What is noted already is left out, so a
    /// repetition is harmless. Returns the position of the last event, if there was anything new.
    ///
    /// If an appointment changes at the same moment, it is noted all the same: a mark names the beginning that it was about.
    pub async fn note_reminders(
        &self,
        notes: &[(AppointmentId, Vec<ReminderMark>)],
        context: &CommandContext,
    ) -> Result<Option<Position>, AppointmentFailure> {
        let schedule = Schedule::at(self.practice_time::<AppointmentError>(context.facility_id).await?);
        for attempt in 0..BOOKING_ATTEMPTS {
            let mut streams = Vec::with_capacity(notes.len());
            for (id, marks) in notes {
                let loaded =
                    self.load::<Appointment>(context.facility_id, id.0).await?.ok_or(CommandError::NotFound)?;
                let note = AppointmentCommand::NoteReminders { marks: marks.clone() };
                let (appointment, events) = decide(&loaded, &note, &schedule, context).await?;
                if events.is_empty() {
                    continue;
                }
                let (subject, facility) = (appointment.subject(id.0), context.facility_id);
                streams.push(stream_append::<Appointment>(id.0, loaded.version, subject, &events, facility)?);
            }
            if streams.is_empty() {
                return Ok(None);
            }
            match self.log().append(context.append_request(streams, Vec::new())).await {
                Ok(appended) => return Ok(Some(appended.last_position)),
                Err(AppendError::WrongVersion { .. }) => pause(attempt).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommandError::Contended)
    }
}
