//! Refusals of the calendar that have problem codes of their own, in the time of the practice.

use commands::{AcceptRefusal, CommandError};
use domain::appointment::{AppointmentError, Conflict};
use domain::availability::AvailabilityError;
use domain::refusal::{Refusal, Refused};
use domain::reservation::ResourceKind;
use frame::problem::{self, Period, Problem, ProblemCode};
use jiff::tz::TimeZone;

/// Why a command on an appointment fails.
pub(crate) fn command_refusal(error: CommandError<AppointmentError>, zone: &TimeZone) -> Problem {
    match error {
        CommandError::Refused(refusal) => appointment_refusal(refusal, zone),
        error => error.into(),
    }
}

/// Why a command on an appointment is refused.
pub(crate) fn appointment_refusal(error: AppointmentError, zone: &TimeZone) -> Problem {
    match error.refusal() {
        Refusal::Other(AppointmentError::OutsideAvailability { open }) => {
            let hours = open.into_iter().map(|hours| Period::of(hours, zone));
            Problem::new(ProblemCode::OutsideAvailability).open_at(hours.collect())
        }
        Refusal::Other(AppointmentError::OverlapNotAllowed) => Problem::new(ProblemCode::OverlapNotAllowed),
        Refusal::Other(AppointmentError::Conflicts(conflicts)) => Problem::new(ProblemCode::AppointmentConflict)
            .conflicting_with(conflicts.into_iter().map(|conflict| met(conflict, zone)).collect()),
        refusal => Problem::of_refusal(refusal),
    }
}

/// Why an offer is not taken.
pub(crate) fn accept_refusal(refusal: AcceptRefusal, zone: &TimeZone) -> Problem {
    match refusal {
        AcceptRefusal::Offer(refusal) => Problem::refused(refusal),
        AcceptRefusal::Appointment(refusal) => appointment_refusal(refusal, zone),
    }
}

/// Why a command on hours and leave fails. Which appointments a leave touches is told by whoever looked for them.
pub(crate) fn availability_refusal(error: CommandError<AvailabilityError>) -> Problem {
    match error {
        CommandError::Refused(AvailabilityError::TouchesAppointments(_)) => {
            Problem::new(ProblemCode::LeaveTouchesAppointments)
        }
        error => error.into(),
    }
}

/// What an appointment meets. One of another practice has no name here.
pub(crate) fn met(Conflict { resource, appointment, during }: Conflict, zone: &TimeZone) -> problem::Conflict {
    let (rule, field) = match resource {
        ResourceKind::Practitioner => ("same_practitioner", "practitionerId"),
        ResourceKind::Patient => ("same_patient", "patientId"),
        ResourceKind::Room => ("same_room", "roomId"),
    };
    problem::Conflict {
        resource_type: "appointment".to_owned(),
        resource_id: appointment.map(|id| id.to_string()),
        rule: rule.to_owned(),
        fields: Some(vec![field.to_owned()]),
        period: during.map(|during| Period::of(during, zone)),
        ..problem::Conflict::default()
    }
}
