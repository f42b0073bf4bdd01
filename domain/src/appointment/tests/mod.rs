mod answers;
mod booking;
mod holds;
mod reminders;
mod transitions;

use cqrs_es::test::TestFramework;
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::*;
use crate::event::LoggedEvent;
use crate::ids::{RoomId, UserId};
use crate::refusal::{Refusal, Refused};
use crate::reminder::{ReminderFailure, ReminderOutcome};
use crate::reservation::{Reservation, ResourceKind, TimeHold};
use crate::scheduling::{Interval, PracticeTime};
use crate::testing::ThenNothing;
use crate::values::{Channel, Label, Notes, Reason, RuleBroken, TextValue};

type AppointmentTest = TestFramework<Appointment>;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// On Monday the 23rd of November 2026 in Paris (UTC+1): from one time until another.
fn monday(from: &str, until: &str) -> Interval {
    let time = |clock: &str| at(&format!("2026-11-23T{clock}+01:00"));
    Interval { from: time(from), until: time(until) }
}

fn id(number: u128) -> AppointmentId {
    AppointmentId(Uuid::from_u128(number))
}

fn patient_id() -> PatientId {
    PatientId(Uuid::from_u128(0xa0))
}

/// The Sunday before, at noon; the practitioner is there on Monday from 8 to 12.
fn schedule() -> Schedule {
    Schedule {
        clock: PracticeTime { now: at("2026-11-22T12:00:00+01:00"), zone: TimeZone::get("Europe/Paris").unwrap() },
        open: vec![monday("08:00", "12:00")],
        overlap_allowed: false,
        overlaps: Vec::new(),
    }
}

fn at_moment(now: &str) -> Schedule {
    let clock = PracticeTime { now: at(now), ..schedule().clock };
    Schedule { clock, ..schedule() }
}

fn slot(from: &str, until: &str) -> Slot {
    Slot {
        practitioner_id: UserId(Uuid::from_u128(0xd0)),
        room_id: Some(RoomId(Uuid::from_u128(0xe0))),
        during: monday(from, until),
        additional_slots: Vec::new(),
    }
}

fn details(kind: AppointmentType) -> Details {
    let title = Some(Label::parse("Consultation").unwrap());
    Details { kind, priority: AppointmentPriority::Normal, texts: Texts { title, ..Texts::default() } }
}

fn reason() -> Option<Reason> {
    Some(Reason::parse("Demande du médecin").unwrap())
}

fn book_as(slot: Slot, kind: AppointmentType, terms: Terms) -> AppointmentCommand {
    AppointmentCommand::BookAppointment {
        patient_id: patient_id(),
        slot,
        details: details(kind),
        occurrence: None,
        link_id: None,
        terms,
    }
}

fn book(slot: Slot) -> AppointmentCommand {
    book_as(slot, AppointmentType::Consultation, Terms::default())
}

fn booked_as(slot: Slot, r#type: AppointmentType, outside_availability: bool) -> AppointmentEvent {
    AppointmentEvent::AppointmentBooked {
        patient_id: patient_id(),
        slot,
        time_zone: "Europe/Paris".to_owned(),
        r#type,
        priority: AppointmentPriority::Normal,
        occurrence: None,
        link_id: None,
        outside_availability,
        personal: Revealed::Value(details(r#type).texts),
    }
}

fn booked(slot: Slot) -> AppointmentEvent {
    booked_as(slot, AppointmentType::Consultation, false)
}

fn rescheduled(slot: Slot, outside_availability: bool) -> AppointmentEvent {
    let time_zone = "Europe/Paris".to_owned();
    AppointmentEvent::AppointmentRescheduled { patient_id: patient_id(), slot, time_zone, outside_availability }
}

fn held(slot: Slot) -> AppointmentEvent {
    let expires_at = at("2026-11-22T12:05:00+01:00");
    AppointmentEvent::SlotHeld { slot, time_zone: "Europe/Paris".to_owned(), expires_at }
}

fn nine() -> Slot {
    slot("09:00", "09:30")
}

fn refused(field: &str, rule: &'static str, outcome: Result<Vec<AppointmentEvent>, AppointmentError>) {
    let Err(AppointmentError::Invalid(violations)) = outcome else { panic!("not refused as invalid: {outcome:?}") };
    assert_eq!(violations.iter().map(|v| (v.field.as_str(), v.rule)).collect::<Vec<_>>(), [(field, rule)]);
}

#[test]
fn each_refusal_says_which_kind_it_is() {
    let not_now = |sentence: &str| Refusal::NotNow(sentence.to_owned());
    let broken = vec![RuleBroken::new("rule", "The rule.").at("field")];
    let table = [
        (AppointmentError::NotBooked, Refusal::NotThere),
        (AppointmentError::NotHeld, Refusal::NotThere),
        (AppointmentError::AlreadyBooked, not_now("The appointment is already booked.")),
        (
            AppointmentError::StillHeld { until: at("2026-11-22T12:05:00Z") },
            not_now("The slot is held until 2026-11-22T12:05:00Z."),
        ),
        (
            AppointmentError::NotNow { status: AppointmentStatus::InProgress },
            not_now("This cannot happen to an appointment that is in_progress."),
        ),
        (
            AppointmentError::NotBegun { starts: at("2026-11-23T08:00:00Z") },
            not_now("The appointment begins at 2026-11-23T08:00:00Z."),
        ),
        (AppointmentError::Moved, not_now("The appointment was moved.")),
        (AppointmentError::Begun, not_now("The appointment has begun.")),
        (
            AppointmentError::OutsideAvailability { open: vec![monday("08:00", "12:00")] },
            Refusal::Other(AppointmentError::OutsideAvailability { open: vec![monday("08:00", "12:00")] }),
        ),
        (AppointmentError::OverlapNotAllowed, Refusal::Other(AppointmentError::OverlapNotAllowed)),
        (AppointmentError::Conflicts(Vec::new()), Refusal::Other(AppointmentError::Conflicts(Vec::new()))),
        (AppointmentError::Invalid(broken.clone()), Refusal::Invalid(broken)),
    ];
    for (error, refusal) in table {
        assert_eq!(error.clone().refusal(), refusal, "{error:?}");
    }
}
