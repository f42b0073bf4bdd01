//! Books several appointments of one patient in one append: a series, or linked visits of one day. The outcome says for each
//! whether it is booked or what it meets. A part is booked only if the client asked for that.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use domain::aggregate::AggregateRoot;
use domain::appointment::{Appointment, AppointmentCommand, AppointmentError, AppointmentEvent, Conflict, Slot};
use domain::ids::{AppointmentId, PatientId, Position, RoomId, StreamVersion, SubjectId, UserId};
use domain::reservation::ResourceKind;
use domain::scheduling::WallClockError;
use event_store_schema::{AppendError, Appended, Guard};
use uuid::Uuid;

use crate::appointments::{BOOKING_ATTEMPTS, participants, wanted};
use crate::booking_facts::BookingFacts;
use crate::context::CommandContext;
use crate::error::{AppointmentFailure, CommandError};
use crate::execute::{Commands, decide, pause, stream_append};
use crate::loaded::Loaded;

/// Why one of several appointments is not booked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OccurrenceRefusal {
    /// The clock never shows its time.
    #[error(transparent)]
    NoSuchTime(#[from] WallClockError),
    /// As an appointment by itself.
    #[error(transparent)]
    Refused(#[from] AppointmentError),
}

/// An appointment on its way.
pub(crate) struct Planned {
    id: AppointmentId,
    /// By which it is booked.
    command: Result<AppointmentCommand, OccurrenceRefusal>,
    overlaps: Vec<AppointmentId>,
    conflicts: Vec<Conflict>,
}

impl Planned {
    pub(crate) fn new(command: Result<AppointmentCommand, OccurrenceRefusal>) -> Self {
        Self { id: AppointmentId(Uuid::now_v7()), command, overlaps: Vec::new(), conflicts: Vec::new() }
    }

    fn slot(&self) -> Option<&Slot> {
        self.command.as_ref().ok().and_then(AppointmentCommand::slot)
    }
}

/// What came of several appointments.
pub(crate) enum Together {
    /// Of each, in order; they were booked if there is a position.
    Decided(Vec<Result<AppointmentId, OccurrenceRefusal>>, Option<Position>),
    /// The first request with this key booked these.
    Repeated(Appended, Vec<(AppointmentId, AppointmentEvent)>),
}

type Decided = Result<Vec<AppointmentEvent>, OccurrenceRefusal>;
/// What decisions are made of, by practitioner and room.
type FactsBySlot = HashMap<(UserId, Option<RoomId>), BookingFacts>;

const fn whom_and_where(slot: &Slot) -> (UserId, Option<RoomId>) {
    (slot.practitioner_id, slot.room_id)
}

impl Commands {
    /// Books appointments of one patient: all of them, or, if `partial`, those that can be booked.
    pub(crate) async fn book_together(
        &self,
        patient: PatientId,
        mut planned: Vec<Planned>,
        partial: bool,
        context: &CommandContext,
    ) -> Result<Together, AppointmentFailure> {
        let mut fresh = false;
        for attempt in 0..BOOKING_ATTEMPTS {
            let facts_by_slot = self.facts_by_slot(&planned, fresh, context).await?;
            let decided = decide_all(&planned, &facts_by_slot, context).await?;
            let refused = decided.iter().filter(|outcome| outcome.is_err()).count();
            if refused > 0 && !fresh {
                fresh = true;
                continue;
            }
            if refused == decided.len() || (refused > 0 && !partial) {
                // The others are told what they would meet, so that all can be put right at once.
                self.look_ahead(&mut planned, &decided, context).await?;
                return Ok(Together::Decided(outcomes(&planned, &decided), None));
            }
            match self.append_together(patient, &planned, &decided, &facts_by_slot, context).await {
                Ok(appended) if appended.replayed => return self.repeat(appended).await,
                Ok(appended) => {
                    return Ok(Together::Decided(outcomes(&planned, &decided), Some(appended.last_position)));
                }
                Err(AppendError::WrongVersion { .. }) => {
                    fresh = true;
                    pause(attempt).await;
                }
                Err(AppendError::Reserved(holders)) => {
                    let (conflicts, expired) = self.conflicts(context.facility_id, &holders).await?;
                    self.release(&expired, context).await?;
                    meet(&mut planned, &decided, &conflicts);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommandError::Contended)
    }

    /// What the first request with this key booked, if there was one.
    pub(crate) async fn booked_before(&self, context: &CommandContext) -> Result<Option<Together>, AppointmentFailure> {
        let Some(key) = &context.idempotency else { return Ok(None) };
        match self.log().find_outcome(key).await? {
            Some(first) => self.repeat(first).await.map(Some),
            None => Ok(None),
        }
    }

    async fn facts_by_slot(
        &self,
        planned: &[Planned],
        fresh: bool,
        context: &CommandContext,
    ) -> Result<FactsBySlot, AppointmentFailure> {
        let mut facts_by_slot = FactsBySlot::new();
        for command in planned.iter().filter_map(|planned| planned.command.as_ref().ok()) {
            let Some(slot) = command.slot() else { continue };
            if let Entry::Vacant(missing) = facts_by_slot.entry(whom_and_where(slot)) {
                missing.insert(self.facts(&participants(slot, command), fresh, context.facility_id).await?);
            }
        }
        Ok(facts_by_slot)
    }

    async fn append_together(
        &self,
        patient: PatientId,
        planned: &[Planned],
        decided: &[Decided],
        facts_by_slot: &FactsBySlot,
        context: &CommandContext,
    ) -> Result<Appended, AppendError> {
        let mut streams = Vec::with_capacity(planned.len());
        for (planned, events) in planned.iter().zip(decided) {
            let Ok(events) = events else { continue };
            let (subject, facility) = (Some(SubjectId::from(patient)), context.facility_id);
            let (id, nothing) = (planned.id.0, StreamVersion::ZERO);
            streams.push(stream_append::<Appointment>(id, nothing, subject, events, facility)?);
        }
        let mut guards: Vec<Guard> = Vec::new();
        for guard in facts_by_slot.values().flat_map(|facts| &facts.guards) {
            if !guards.iter().any(|known| known.stream == guard.stream) {
                guards.push(guard.clone());
            }
        }
        self.log().append(context.append_request(streams, guards)).await
    }

    /// Notes what the others would meet, which were not refused.
    async fn look_ahead(
        &self,
        planned: &mut [Planned],
        decided: &[Decided],
        context: &CommandContext,
    ) -> Result<(), AppointmentFailure> {
        let reservations: Vec<_> = decided.iter().flatten().flat_map(|events| wanted(events)).collect();
        // None of the streams exists yet, so none is in its own way. A stream that does not exist asks for all.
        let asking = Appointment::stream(Uuid::now_v7());
        let holders = self.log().time_holders(&asking, &reservations).await?;
        let (conflicts, _) = self.conflicts(context.facility_id, &holders).await?;
        meet(planned, decided, &conflicts);
        Ok(())
    }

    async fn repeat(&self, first: Appended) -> Result<Together, AppointmentFailure> {
        let before = first.first_position.get().saturating_sub(1);
        let count = u32::try_from(first.last_position.get().saturating_sub(before)).unwrap_or(u32::MAX);
        let events = self.log().read_forward(Position::from(before), count).await?;
        let mut booked = Vec::new();
        for event in events.iter().filter(|event| event.event_type == "AppointmentBooked") {
            booked.push((AppointmentId(event.stream.id()), event.decode()?));
        }
        Ok(Together::Repeated(first, booked))
    }
}

/// What each leads to by itself. If one meets another of them, that is a conflict like any other.
async fn decide_all(
    planned: &[Planned],
    facts_by_slot: &FactsBySlot,
    context: &CommandContext,
) -> Result<Vec<Decided>, AppointmentFailure> {
    let mut decided: Vec<Decided> = Vec::with_capacity(planned.len());
    let mut taken: Vec<(Slot, AppointmentId)> = Vec::new();
    for one in planned {
        let (command, slot) = match &one.command {
            Ok(command) => (command, one.slot()),
            Err(refusal) => {
                decided.push(Err(refusal.clone()));
                continue;
            }
        };
        let Some((slot, facts)) = slot.and_then(|slot| Some((slot, facts_by_slot.get(&whom_and_where(slot))?))) else {
            return Err(CommandError::Invalid("only bookings are made together".to_owned()));
        };
        let mut conflicts = one.conflicts.clone();
        conflicts.extend(taken.iter().filter_map(|(other, id)| met(slot, other, *id)));
        if !conflicts.is_empty() {
            decided.push(Err(AppointmentError::Conflicts(conflicts).into()));
            continue;
        }
        match decide(&Loaded::<Appointment>::nothing(), command, &facts.schedule(slot, &one.overlaps), context).await {
            Ok((_, events)) => {
                taken.push((slot.clone(), one.id));
                decided.push(Ok(events));
            }
            Err(CommandError::Refused(refusal)) => decided.push(Err(refusal.into())),
            Err(error) => return Err(error),
        }
    }
    Ok(decided)
}

/// The patient is nowhere twice.
fn met(slot: &Slot, other: &Slot, id: AppointmentId) -> Option<Conflict> {
    let during = other.times().into_iter().find(|time| slot.times().iter().any(|own| own.overlaps(*time)))?;
    Some(Conflict { resource: ResourceKind::Patient, appointment: Some(id), during: Some(during) })
}

/// Notes what those meet that would have been written, by their times.
fn meet(planned: &mut [Planned], decided: &[Decided], conflicts: &[Conflict]) {
    for (one, _) in planned.iter_mut().zip(decided).filter(|(_, decided)| decided.is_ok()) {
        let Ok(command) = &one.command else { continue };
        let times = command.slot().map(Slot::times).unwrap_or_default();
        let met = |conflict: &&Conflict| {
            conflict.during.is_some_and(|during| times.iter().any(|time| during.overlaps(*time)))
        };
        let met: Vec<_> = conflicts.iter().filter(met).cloned().collect();
        match command.overlaps(&met) {
            Some(overlaps) if one.overlaps.is_empty() => one.overlaps = overlaps,
            Some(_) | None => one.conflicts = met,
        }
    }
}

fn outcomes(planned: &[Planned], decided: &[Decided]) -> Vec<Result<AppointmentId, OccurrenceRefusal>> {
    let outcomes = planned.iter().zip(decided).map(|(planned, decided)| match decided {
        Ok(_) if planned.conflicts.is_empty() => Ok(planned.id),
        Ok(_) => Err(AppointmentError::Conflicts(planned.conflicts.clone()).into()),
        Err(refusal) => Err(refusal.clone()),
    });
    outcomes.collect()
}
