//! Books a series of appointments, one for each occurrence, and linked visits of one patient on one day.

use domain::appointment::series::RecurrenceRule;
use domain::appointment::{
    Appointment, AppointmentCommand, AppointmentError, AppointmentEvent, Details, Occurrence, Slot, Terms,
};
use domain::ids::{AppointmentId, LinkId, PatientId, Position, RoomId, SeriesId, UserId};
use domain::scheduling::{Interval, Repeated, WallClockError, instant};
use domain::values::{RuleBroken, Violation};
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::appointments_together::{OccurrenceRefusal, Planned, Together};
use crate::context::CommandContext;
use crate::error::{AppointmentFailure, CommandError};
use crate::execute::{Commands, Executed};

/// A series to be booked.
#[derive(Clone, Debug)]
pub struct SeriesBooking {
    /// The id of the series, made by the caller.
    pub series_id: SeriesId,
    /// For whom.
    pub patient_id: PatientId,
    /// Who sees the patient.
    pub practitioner_id: UserId,
    /// Where.
    pub room_id: Option<RoomId>,
    /// When the first occurrence begins, on the clock of the practice.
    pub start: DateTime,
    /// How long each of them takes.
    pub duration: SignedDuration,
    /// When the others come.
    pub rule: RecurrenceRule,
    /// On which days none comes, though the rule names them.
    pub except: Vec<Date>,
    /// When more come that the rule does not name.
    pub besides: Vec<DateTime>,
    /// What they are about.
    pub details: Details,
    /// What may be out of the ordinary.
    pub terms: Terms,
    /// Whether those that can be booked are, when others cannot.
    pub partial: bool,
}

/// What came of a series.
#[derive(Debug)]
pub struct SeriesOutcome {
    /// The series.
    pub series_id: SeriesId,
    /// What came of each occurrence, in order. For a repeated request, those that the first one booked.
    pub occurrences: Vec<OccurrenceOutcome>,
    /// The last position written; none if nothing was booked.
    pub position: Option<Position>,
}

/// What came of one occurrence.
#[derive(Clone, Debug, PartialEq)]
pub struct OccurrenceOutcome {
    /// When it should begin, on the clock of the practice.
    pub original_start: DateTime,
    /// Whether it can be booked; it was, if the series has a position.
    pub outcome: Result<AppointmentId, OccurrenceRefusal>,
}

/// Visits of one patient on one day, to be booked together: all of them or none.
#[derive(Clone, Debug)]
pub struct LinkedBooking {
    /// What links them, made by the caller.
    pub link_id: LinkId,
    /// For whom.
    pub patient_id: PatientId,
    /// When, what they are about, and what may be out of the ordinary.
    pub visits: Vec<(Slot, Details, Terms)>,
}

/// What came of visits that were to be booked together.
#[derive(Debug)]
pub struct LinkedOutcome {
    /// What links them.
    pub link_id: LinkId,
    /// What came of each, in order; they were booked if there is a position.
    pub visits: Vec<Result<AppointmentId, OccurrenceRefusal>>,
    /// The last position written; none if nothing was booked.
    pub position: Option<Position>,
}

impl Commands {
    /// Books a series: all of it, or, if that was asked for, what can be booked of it.
    pub async fn book_series(
        &self,
        booking: &SeriesBooking,
        context: &CommandContext,
    ) -> Result<SeriesOutcome, AppointmentFailure> {
        if let Some(before) = self.booked_before(context).await? {
            return series_outcome(booking, &[], before);
        }
        let zone = self.practice_time(context.facility_id).await?.zone;
        let starts = booking.rule.occurrences(booking.start, &booking.except, &booking.besides);
        let starts = starts.map_err(|broken| invalid(broken, "recurrenceRule"))?;
        let planned = starts.iter().map(|start| Planned::new(occurrence(booking, *start, &zone))).collect();
        let together = self.book_together(booking.patient_id, planned, booking.partial, context).await?;
        series_outcome(booking, &starts, together)
    }

    /// Books visits of one patient on one day: all of them in one append, or none.
    pub async fn book_linked(
        &self,
        booking: &LinkedBooking,
        context: &CommandContext,
    ) -> Result<LinkedOutcome, AppointmentFailure> {
        if let Some(before) = self.booked_before(context).await? {
            return linked_outcome(booking, before);
        }
        let zone = self.practice_time(context.facility_id).await?.zone;
        let mut days = booking.visits.iter().map(|(slot, ..)| zone.to_datetime(slot.during.from).date());
        let first = days.next();
        if days.any(|day| Some(day) != first) {
            let broken = RuleBroken::new("one_day", "Visits that belong together lie on one day.");
            return Err(invalid(broken, "items"));
        }
        let planned = booking.visits.iter().cloned().map(|(slot, details, terms)| {
            let (patient_id, link_id) = (booking.patient_id, Some(booking.link_id));
            let command =
                AppointmentCommand::BookAppointment { patient_id, slot, details, occurrence: None, link_id, terms };
            Planned::new(Ok(command))
        });
        let together = self.book_together(booking.patient_id, planned.collect(), false, context).await?;
        linked_outcome(booking, together)
    }

    /// Restores an appointment that was cancelled or missed, if its times are still free. It is checked as a booking is.
    pub async fn restore_appointment(
        &self,
        id: AppointmentId,
        terms: Terms,
        context: &CommandContext,
    ) -> Result<Executed<Appointment>, AppointmentFailure> {
        let loaded = self.load::<Appointment>(context.facility_id, id.0).await?.ok_or(CommandError::NotFound)?;
        let (Some(patient_id), Some(slot)) = (loaded.aggregate.patient_id, loaded.aggregate.slot) else {
            return Err(CommandError::NotFound);
        };
        let command = AppointmentCommand::RestoreAppointment { patient_id, slot, terms };
        self.change_appointment(id, &command, context).await
    }
}

fn invalid(broken: RuleBroken, field: &str) -> AppointmentFailure {
    let violation: Violation = broken.at(field);
    CommandError::Refused(AppointmentError::Invalid(vec![violation]))
}

/// By which an occurrence is booked, in the practice's own time.
fn occurrence(
    booking: &SeriesBooking,
    original_start: DateTime,
    zone: &TimeZone,
) -> Result<AppointmentCommand, OccurrenceRefusal> {
    let from = instant(original_start, zone, Repeated::First)?;
    let until = from.checked_add(booking.duration).map_err(|_| WallClockError::OutOfRange)?;
    Ok(AppointmentCommand::BookAppointment {
        patient_id: booking.patient_id,
        slot: Slot {
            practitioner_id: booking.practitioner_id,
            room_id: booking.room_id,
            during: Interval { from, until },
            additional_slots: Vec::new(),
        },
        details: booking.details.clone(),
        occurrence: Some(Occurrence { series_id: booking.series_id, original_start }),
        link_id: None,
        terms: booking.terms.clone(),
    })
}

fn series_outcome(
    booking: &SeriesBooking,
    starts: &[DateTime],
    together: Together,
) -> Result<SeriesOutcome, AppointmentFailure> {
    match together {
        Together::Decided(outcomes, position) => {
            let occurrences = starts.iter().zip(outcomes);
            let occurrences = occurrences.map(|(start, outcome)| OccurrenceOutcome { original_start: *start, outcome });
            Ok(SeriesOutcome { series_id: booking.series_id, occurrences: occurrences.collect(), position })
        }
        Together::Repeated(first, booked) => {
            let mut series_id = None;
            let mut occurrences = Vec::with_capacity(booked.len());
            for (id, event) in booked {
                if let AppointmentEvent::AppointmentBooked { occurrence: Some(occurrence), .. } = event {
                    series_id = Some(occurrence.series_id);
                    let original_start = occurrence.original_start;
                    occurrences.push(OccurrenceOutcome { original_start, outcome: Ok(id) });
                }
            }
            let series_id = series_id.ok_or(CommandError::IdempotencyKeyReused)?;
            Ok(SeriesOutcome { series_id, occurrences, position: Some(first.last_position) })
        }
    }
}

fn linked_outcome(booking: &LinkedBooking, together: Together) -> Result<LinkedOutcome, AppointmentFailure> {
    match together {
        Together::Decided(visits, position) => Ok(LinkedOutcome { link_id: booking.link_id, visits, position }),
        Together::Repeated(first, booked) => {
            let link = booked.iter().find_map(|(_, event)| {
                if let AppointmentEvent::AppointmentBooked { link_id, .. } = event { *link_id } else { None }
            });
            let link_id = link.ok_or(CommandError::IdempotencyKeyReused)?;
            let visits = booked.into_iter().map(|(id, _)| Ok(id)).collect();
            Ok(LinkedOutcome { link_id, visits, position: Some(first.last_position) })
        }
    }
}
