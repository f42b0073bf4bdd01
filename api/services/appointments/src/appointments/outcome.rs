//! What becomes of commands on appointments: refusals in the time of the practice, and the documents that are left.

use std::collections::BTreeSet;

use commands::{CommandContext, CommandError, Executed, Loaded};
use domain::aggregate::AggregateRoot;
use domain::appointment::{Appointment, AppointmentCommand, AppointmentError};
use domain::ids::{AppointmentId, FacilityId};
use domain::scheduling::PracticeTime;
use poem_openapi::param::Path;
use projections::appointments::AppointmentView;
use projections::push::{self, Push};

use super::documents::AppointmentDocument;
use crate::desk::AgendaDesk;
use crate::problems::{appointment_refusal, command_refusal};
use crate::slots::{Around, nearest};
use frame::answers::{Changed, Created};
use frame::parameter::StrictUuid;
use frame::problem::{Period, Problem, ProblemCode};
use frame::received::Received;
use frame::shown::{Showing, Shown, Traced};
use realtime::StaleChange;

/// What the operations on appointments share.
impl AgendaDesk {
    /// This moment, by the clock of the practice.
    pub(super) async fn practice_time(&self, facility: FacilityId) -> Result<PracticeTime, Problem> {
        Ok(self.commands.practice_time::<AppointmentError>(facility).await?)
    }

    /// A refusal, in the time of the practice.
    pub(super) fn appointment_refusal(&self, error: CommandError<AppointmentError>, time: &PracticeTime) -> Problem {
        command_refusal(error, &time.zone)
    }

    /// A refusal to take times, in the time of the practice, with the nearest times that are free.
    pub(super) async fn booking_refusal(
        &self,
        error: CommandError<AppointmentError>,
        command: &AppointmentCommand,
        time: &PracticeTime,
        facility: FacilityId,
    ) -> Problem {
        let refusal = match error {
            CommandError::Refused(refusal) => refusal,
            error => return error.into(),
        };
        let elsewhere =
            matches!(refusal, AppointmentError::Conflicts(_) | AppointmentError::OutsideAvailability { .. });
        let problem = appointment_refusal(refusal, &time.zone);
        let Some(slot) = command.slot().filter(|_| elsewhere) else { return problem };
        let around = Around {
            practitioner: slot.practitioner_id,
            patient: command.patient(),
            room: slot.room_id,
            slot: slot.during,
        };
        match nearest(self, facility, around).await {
            Ok(free) => problem.with_alternatives(free.into_iter().map(|slot| Period::of(slot, &time.zone)).collect()),
            // What is refused is refused; where else there is room matters less.
            Err(_) => problem,
        }
    }

    /// Tells the screens of whoever wanted to change a version that is not the last one which fields are different by now.
    async fn warn_of_stale_change(&self, id: AppointmentId, context: &CommandContext) {
        let Some(read) = context.if_match.iter().flatten().min() else { return };
        let since = match self.commands.log().load(&Appointment::stream(id.0), *read).await {
            Ok(since) => since,
            // The answer says that it is stale; the screens are a convenience.
            Err(error) => return tracing::warn!(%error, "screens are not told what changed meanwhile"),
        };
        let mut fields = BTreeSet::new();
        for push in since.iter().filter_map(push::frame).map(|frame| frame.push) {
            match push {
                Push::AppointmentUpdated { changes, .. } => fields.extend(changes),
                Push::AppointmentCancelled { .. } => fields.extend(["status".to_owned()]),
                Push::AppointmentCreated { .. }
                | Push::PatientUpdated { .. }
                | Push::WaitingListUpdated { .. }
                | Push::Notification { .. } => {}
            }
        }
        let change = StaleChange {
            user_id: context.actor.user_id,
            resource_type: "appointment".to_owned(),
            resource_id: id.0,
            fields: fields.into_iter().collect(),
        };
        self.stale.tell(context.facility_id, change).await;
    }

    /// Gives a command to an appointment that is there, and answers with what it is then.
    pub(super) async fn change_appointment(
        &self,
        id: Path<StrictUuid>,
        command: &AppointmentCommand,
        context: &CommandContext,
        received: &Received,
    ) -> Result<Traced<Changed<AppointmentDocument>>, Problem> {
        let id = AppointmentId(id.0.0);
        let executed = match self.commands.change_appointment(id, command, context).await {
            Ok(executed) => executed,
            Err(error) => {
                if let CommandError::Stale { .. } = error {
                    self.warn_of_stale_change(id, context).await;
                }
                let time = self.practice_time(context.facility_id).await?;
                return Err(self.booking_refusal(error, command, &time, context.facility_id).await);
            }
        };
        self.appointment_changed(executed, received).await
    }

    /// The appointment that a command left.
    pub(super) async fn appointment_changed(
        &self,
        executed: Executed<Appointment>,
        received: &Received,
    ) -> Result<Traced<Changed<AppointmentDocument>>, Problem> {
        let settled = self.settle(executed.position, received).await;
        let version = executed.after.shown_version;
        let shown = shown(&executed);
        Ok(Changed::now(document(executed)?, version, settled).showing(shown))
    }

    /// Books or holds: a hold that the client names is what becomes of, and `id` if it names none.
    pub(super) async fn take_times(
        &self,
        hold: Option<StrictUuid>,
        id: AppointmentId,
        command: &AppointmentCommand,
        time: &PracticeTime,
        (context, received): (&CommandContext, &Received),
    ) -> Result<Traced<Created<AppointmentDocument>>, Problem> {
        let outcome = match hold {
            Some(hold) => self.commands.book_held(AppointmentId(hold.0), command, context).await,
            None => self.commands.change_appointment(id, command, context).await,
        };
        let executed = match outcome {
            Ok(executed) => executed,
            Err(error) => return Err(self.booking_refusal(error, command, time, context.facility_id).await),
        };
        let settled = self.settle(executed.position, received).await;
        let (path, version) = (format!("/api/v1/appointments/{}", executed.id), executed.after.shown_version);
        let shown = shown(&executed);
        Ok(Created::at(path, document(executed)?, version, settled).showing(shown))
    }
}

/// What is shown of the patient by the state that a command left.
fn shown(executed: &Executed<Appointment>) -> Shown {
    Shown::of("appointment", Some(executed.id), executed.after.aggregate.patient_id).written()
}

/// The document of the state that a command left.
fn document(executed: Executed<Appointment>) -> Result<AppointmentDocument, Problem> {
    document_of(AppointmentId(executed.id), executed.after)
}

/// The document of a state.
pub(super) fn document_of(id: AppointmentId, after: Loaded<Appointment>) -> Result<AppointmentDocument, Problem> {
    let missing = || Problem::new(ProblemCode::ResourceNotFound);
    let recorded = after.recorded.ok_or_else(missing)?;
    let view = AppointmentView::of(id, after.aggregate, after.shown_version, recorded.first, recorded.last);
    Ok(view.ok_or_else(missing)?.into())
}
