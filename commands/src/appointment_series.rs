//! Series of appointments: one appointment for each occurrence, all of them in one append. What is booked and what meets
//! something is told for each; a part of a series is booked only if that was asked for.

use domain::aggregate::AggregateRoot;
use domain::appointment::series::RecurrenceRule;
use domain::appointment::{
    Appointment, AppointmentCommand, AppointmentError, AppointmentEvent, Conflict, Details, Occurrence, Slot, Terms,
};
use domain::ids::{AppointmentId, EventId, PatientId, Position, RoomId, SeriesId, StreamVersion, SubjectId, UserId};
use domain::reservation::ResourceKind;
use domain::scheduling::{Interval, Repeated, WallClockError, instant};
use event_store_schema::{AppendError, AppendRequest, Appended, NewEvent, StreamAppend};
use jiff::SignedDuration;
use jiff::civil::DateTime;
use uuid::Uuid;

use crate::appointments::{AppointmentFailure, BOOKING_ATTEMPTS, wanted};
use crate::basis::{Basis, Participants};
use crate::context::CommandContext;
use crate::error::CommandError;
use crate::execute::{Commands, Loaded, decide, pause};

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
    /// What they are about.
    pub details: Details,
    /// What may be out of the ordinary.
    pub terms: Terms,
    /// Whether those that can be booked are, when others cannot.
    pub partial: bool,
}

impl SeriesBooking {
    fn participants(&self) -> Participants {
        Participants { practitioner: self.practitioner_id, patient: Some(self.patient_id), room: self.room_id }
    }
}

/// What came of a series.
#[derive(Debug)]
pub struct SeriesOutcome {
    /// The series.
    pub series_id: SeriesId,
    /// What came of each occurrence, in order. Of a repeated request, those that the first one booked.
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

/// Why an occurrence is not booked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OccurrenceRefusal {
    /// The clock never shows its time.
    #[error(transparent)]
    NoSuchTime(#[from] WallClockError),
    /// As an appointment by itself.
    #[error(transparent)]
    Refused(#[from] AppointmentError),
}

/// An occurrence on its way.
struct Planned {
    original_start: DateTime,
    id: AppointmentId,
    slot: Result<Slot, OccurrenceRefusal>,
    beside: Vec<AppointmentId>,
    conflicts: Vec<Conflict>,
}

type Decided = Result<Vec<AppointmentEvent>, OccurrenceRefusal>;

impl Commands {
    /// Books a series: all of it, or, if that was asked for, what can be booked of it.
    pub async fn book_series(
        &self,
        booking: &SeriesBooking,
        context: &CommandContext,
    ) -> Result<SeriesOutcome, AppointmentFailure> {
        if let Some(key) = &context.idempotency
            && let Some(first) = self.log().find_outcome(key).await?
        {
            return self.repeat_series(&first).await;
        }
        let mut planned: Option<Vec<Planned>> = None;
        let mut fresh = false;
        for attempt in 0..BOOKING_ATTEMPTS {
            let basis = self.basis(&booking.participants(), fresh, context.facility_id).await?;
            let planned = match &mut planned {
                Some(planned) => planned,
                none => none.insert(plan(booking, &basis)?),
            };
            let decided = decide_all(booking, planned, &basis, context).await?;
            let refused = decided.iter().filter(|outcome| outcome.is_err()).count();
            if refused > 0 && !fresh {
                fresh = true;
                continue;
            }
            if refused == decided.len() || (refused > 0 && !booking.partial) {
                // The others are told what they would meet, so that all can be put right at once.
                self.look_ahead(booking, planned, &decided, context).await?;
                return Ok(outcome(booking, planned, &decided, None));
            }
            match self.append_series(booking, planned, &decided, &basis, context).await {
                Ok(appended) if appended.replayed => return self.repeat_series(&appended).await,
                Ok(appended) => return Ok(outcome(booking, planned, &decided, Some(appended.last_position))),
                Err(AppendError::WrongVersion { .. }) => {
                    fresh = true;
                    pause(attempt).await;
                }
                Err(AppendError::Reserved(holders)) => {
                    let (conflicts, expired) = self.conflicts(context.facility_id, &holders).await?;
                    self.release(&expired, context).await?;
                    meet(booking, planned, &decided, &conflicts);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommandError::Contended)
    }

    async fn append_series(
        &self,
        booking: &SeriesBooking,
        planned: &[Planned],
        decided: &[Decided],
        basis: &Basis,
        context: &CommandContext,
    ) -> Result<Appended, AppendError> {
        let mut streams = Vec::with_capacity(planned.len());
        for (planned, events) in planned.iter().zip(decided) {
            let Ok(events) = events else { continue };
            let events = events.iter().map(|event| NewEvent::of(event, EventId(Uuid::now_v7()), None));
            streams.push(StreamAppend {
                stream: Appointment::stream(planned.id.0),
                expected: StreamVersion::ZERO,
                facility_id: context.facility_id,
                subject_id: Some(SubjectId::from(booking.patient_id)),
                new_subject: false,
                events: events.collect::<Result<_, _>>()?,
            });
        }
        let request = AppendRequest {
            streams,
            guards: basis.guards.clone(),
            metadata: context.metadata(),
            reason: context.reason.clone(),
            idempotency: context.idempotency.clone(),
        };
        self.log().append(request).await
    }

    /// Notes what the occurrences that were not refused would meet.
    async fn look_ahead(
        &self,
        booking: &SeriesBooking,
        planned: &mut [Planned],
        decided: &[Decided],
        context: &CommandContext,
    ) -> Result<(), AppointmentFailure> {
        let reservations: Vec<_> = decided.iter().flatten().flat_map(|events| wanted(events)).collect();
        // None of the streams exists yet, so none is an obstacle to itself: any of them may ask for all.
        let asking = Appointment::stream(booking.series_id.0);
        let holders = self.log().time_holders(&asking, &reservations).await?;
        let (conflicts, _) = self.conflicts(context.facility_id, &holders).await?;
        meet(booking, planned, decided, &conflicts);
        Ok(())
    }

    /// What the first request with this idempotency key booked.
    async fn repeat_series(&self, first: &Appended) -> Result<SeriesOutcome, AppointmentFailure> {
        let (before, count) =
            (first.first_position.get() - 1, first.last_position.get() - first.first_position.get() + 1);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let events = self.log().read_forward(Position::from(before), count).await?;
        let mut series_id = None;
        let mut occurrences = Vec::new();
        for event in events.iter().filter(|event| event.event_type == "AppointmentBooked") {
            if let AppointmentEvent::AppointmentBooked { occurrence: Some(occurrence), .. } = event.decode()? {
                series_id = Some(occurrence.series_id);
                let outcome = Ok(AppointmentId(event.stream.id()));
                occurrences.push(OccurrenceOutcome { original_start: occurrence.original_start, outcome });
            }
        }
        let series_id = series_id.ok_or(CommandError::IdempotencyKeyReused)?;
        Ok(SeriesOutcome { series_id, occurrences, position: Some(first.last_position) })
    }
}

/// The occurrences in the practice's own time.
fn plan(booking: &SeriesBooking, basis: &Basis) -> Result<Vec<Planned>, AppointmentFailure> {
    let invalid = |broken: domain::values::RuleBroken| {
        CommandError::Refused(AppointmentError::Invalid(vec![broken.at("recurrenceRule")]))
    };
    let starts = booking.rule.occurrences(booking.start).map_err(invalid)?;
    let planned = starts.into_iter().map(|original_start| {
        let slot = instant(original_start, &basis.clock().zone, Repeated::First)
            .and_then(|from| {
                let until = from.checked_add(booking.duration).map_err(|_| WallClockError::OutOfRange)?;
                Ok(Slot {
                    practitioner_id: booking.practitioner_id,
                    room_id: booking.room_id,
                    during: Interval { from, until },
                    additional_slots: Vec::new(),
                })
            })
            .map_err(OccurrenceRefusal::from);
        let id = AppointmentId(Uuid::now_v7());
        Planned { original_start, id, slot, beside: Vec::new(), conflicts: Vec::new() }
    });
    Ok(planned.collect())
}

/// What each occurrence leads to by itself. One that meets another of the same series is a conflict like any other.
async fn decide_all(
    booking: &SeriesBooking,
    planned: &[Planned],
    basis: &Basis,
    context: &CommandContext,
) -> Result<Vec<Decided>, AppointmentFailure> {
    let mut decided: Vec<Decided> = Vec::with_capacity(planned.len());
    let mut last: Option<(Interval, AppointmentId)> = None;
    for occurrence in planned {
        let slot = match &occurrence.slot {
            Ok(slot) => slot,
            Err(refusal) => {
                decided.push(Err(refusal.clone()));
                continue;
            }
        };
        let mut conflicts = occurrence.conflicts.clone();
        if let Some((during, id)) = last.filter(|(during, _)| during.overlaps(slot.during)) {
            let (resource, appointment) = (ResourceKind::Patient, Some(id));
            conflicts.push(Conflict { resource, appointment, during: Some(during) });
        }
        if !conflicts.is_empty() {
            decided.push(Err(AppointmentError::Conflicts(conflicts).into()));
            continue;
        }
        let place = Occurrence { series_id: booking.series_id, original_start: occurrence.original_start };
        let command = command_of(booking, slot.clone(), Some(place));
        let schedule = basis.schedule(slot, &occurrence.beside);
        match decide(&Loaded::<Appointment>::nothing(), &command, &schedule, context).await {
            Ok((_, events)) => {
                last = Some((slot.during, occurrence.id));
                decided.push(Ok(events));
            }
            Err(CommandError::Refused(refusal)) => decided.push(Err(refusal.into())),
            Err(error) => return Err(error),
        }
    }
    Ok(decided)
}

fn command_of(booking: &SeriesBooking, slot: Slot, occurrence: Option<Occurrence>) -> AppointmentCommand {
    AppointmentCommand::BookAppointment {
        patient_id: booking.patient_id,
        slot,
        details: booking.details.clone(),
        occurrence,
        terms: booking.terms.clone(),
    }
}

/// Notes what occurrences meet: those that would have been written, by their times.
fn meet(booking: &SeriesBooking, planned: &mut [Planned], decided: &[Decided], conflicts: &[Conflict]) {
    for (occurrence, _) in planned.iter_mut().zip(decided).filter(|(_, decided)| decided.is_ok()) {
        let Ok(slot) = &occurrence.slot else { continue };
        let met = |conflict: &&Conflict| conflict.during.is_some_and(|during| during.overlaps(slot.during));
        let met: Vec<_> = conflicts.iter().filter(met).cloned().collect();
        match command_of(booking, slot.clone(), None).beside(&met) {
            Some(beside) if occurrence.beside.is_empty() => occurrence.beside = beside,
            Some(_) | None => occurrence.conflicts = met,
        }
    }
}

fn outcome(
    booking: &SeriesBooking,
    planned: &[Planned],
    decided: &[Decided],
    position: Option<Position>,
) -> SeriesOutcome {
    let occurrences = planned.iter().zip(decided).map(|(planned, decided)| {
        let outcome = match decided {
            Ok(_) if planned.conflicts.is_empty() => Ok(planned.id),
            Ok(_) => Err(AppointmentError::Conflicts(planned.conflicts.clone()).into()),
            Err(refusal) => Err(refusal.clone()),
        };
        OccurrenceOutcome { original_start: planned.original_start, outcome }
    });
    SeriesOutcome { series_id: booking.series_id, occurrences: occurrences.collect(), position }
}
