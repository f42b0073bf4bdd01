//! The rest of a series: one occurrence and those that follow are cancelled or moved.
//!
//! Which appointments these are is read from the log. A series is booked in one append, so all its occurrences are found
//! from any of them. Each is changed by itself, and keeps when the series says that it begins.

use domain::aggregate::AggregateRoot;
use domain::appointment::series::MOST_OCCURRENCES;
use domain::appointment::{
    Appointment, AppointmentCommand, AppointmentError, AppointmentEvent, AppointmentStatus, Conflict, Occurrence, Slot,
    Terms,
};
use domain::event::{RecordedEvent, UnreadableEvent};
use domain::ids::{AppointmentId, FacilityId, Position, RoomId, SeriesId, StreamVersion, UserId};
use domain::scheduling::{Interval, Repeated, TimeOfDay, instant};
use domain::values::Reason;
use event_store_schema::IdempotencyKey;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::appointments_together::OccurrenceRefusal;
use crate::context::CommandContext;
use crate::error::{AppointmentFailure, CommandError};
use crate::execute::Commands;

/// How many events the append of a series has at most: each occurrence is booked, and may lie over others.
const LONGEST_APPEND: u32 = 2 * MOST_OCCURRENCES as u32;

/// How many occurrences are loaded at the same time.
const LOADED_TOGETHER: usize = 16;

/// How the rest of a series is moved. A field that is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct SeriesMove {
    /// By how many days; to earlier ones if negative.
    pub days_later: i32,
    /// When each begins, on the clock of the practice.
    pub start_time: Option<TimeOfDay>,
    /// How long each takes.
    pub duration: Option<SignedDuration>,
    /// Who sees the patient.
    pub practitioner_id: Option<UserId>,
    /// Where.
    pub room_id: Option<RoomId>,
    /// What may be out of the ordinary.
    pub terms: Terms,
    /// Whether the movable ones are moved if others cannot be.
    pub partial: bool,
}

/// What came of the rest of a series.
#[derive(Debug)]
pub struct SeriesRest {
    /// The series.
    pub series_id: SeriesId,
    /// What came of each occurrence, by when the series says that it begins.
    pub occurrences: Vec<OccurrenceChange>,
    /// Whether each was tried. If not, one of them meets something, and all are as they were.
    pub tried: bool,
    /// The last position written; none if nothing was.
    pub position: Option<Position>,
}

/// What came of one occurrence.
#[derive(Clone, Debug, PartialEq)]
pub struct OccurrenceChange {
    /// The appointment.
    pub id: AppointmentId,
    /// When the series says that it begins, on the clock of the practice.
    pub original_start: DateTime,
    /// Why it was not changed, or would not be.
    pub outcome: Result<(), OccurrenceRefusal>,
}

/// An occurrence as the log has it now.
struct Member {
    id: AppointmentId,
    original_start: DateTime,
    slot: Slot,
    status: AppointmentStatus,
}

/// An occurrence, and the command that is meant for it.
struct Step {
    member: Member,
    command: Result<AppointmentCommand, OccurrenceRefusal>,
}

impl Step {
    /// Whether it moves to a later time.
    fn goes_later(&self) -> bool {
        let slot = self.command.as_ref().ok().and_then(AppointmentCommand::slot);
        slot.is_some_and(|slot| slot.during.from > self.member.slot.during.from)
    }
}

impl Commands {
    /// Cancels this occurrence of a series and those that follow. None if the appointment belongs to no series.
    pub async fn cancel_following(
        &self,
        first: AppointmentId,
        reason: Option<Reason>,
        context: &CommandContext,
    ) -> Result<Option<SeriesRest>, AppointmentFailure> {
        let Some((series, following)) = self.following(first, context.facility_id).await? else { return Ok(None) };
        let cancel = |member| {
            let command = AppointmentCommand::CancelAppointment { reason: reason.clone() };
            Step { member, command: Ok(command) }
        };
        let steps = following.into_iter().map(cancel).collect();
        self.change_each(series, steps, context).await.map(Some)
    }

    /// Moves this occurrence of a series and those that follow, as far as they are still ahead. If one of them meets
    /// something, none is moved, unless `partial`. None if the appointment belongs to no series.
    pub async fn move_following(
        &self,
        first: AppointmentId,
        wanted: &SeriesMove,
        context: &CommandContext,
    ) -> Result<Option<SeriesRest>, AppointmentFailure> {
        let Some((series, following)) = self.following(first, context.facility_id).await? else { return Ok(None) };
        let zone = self.practice_time(context.facility_id).await?.zone;
        let ahead = following.into_iter().filter(|member| member.status.is_ahead());
        let mut steps: Vec<_> =
            ahead.map(|member| Step { command: moved(&member.slot, wanted, &zone), member }).collect();
        if !wanted.partial {
            let occurrences = self.look_at_each(&steps, context).await?;
            if occurrences.iter().any(|occurrence| occurrence.outcome.is_err()) {
                return Ok(Some(SeriesRest { series_id: series, occurrences, tried: false, position: None }));
            }
        }
        // So that none is in the way of the next: if they move to a later time, the last one goes first.
        if steps.iter().any(Step::goes_later) {
            steps.reverse();
        }
        self.change_each(series, steps, context).await.map(Some)
    }

    /// The occurrences of its series from this appointment on, in the order of the series.
    async fn following(
        &self,
        first: AppointmentId,
        facility: FacilityId,
    ) -> Result<Option<(SeriesId, Vec<Member>)>, AppointmentFailure> {
        let events = self.log().load(&Appointment::stream(first.0), StreamVersion::ZERO).await?;
        if events.first().is_none_or(|event| event.facility_id != facility) {
            return Err(CommandError::NotFound);
        }
        let Some(booking) = events.iter().find(|event| event.event_type == BOOKED) else { return Ok(None) };
        let Some(from) = occurrence_of(booking)? else { return Ok(None) };
        let mut following = Vec::new();
        for booked in self.log().appended_with(booking, LONGEST_APPEND).await? {
            let Some(occurrence) = occurrence_of(&booked)? else { continue };
            if occurrence.series_id == from.series_id && occurrence.original_start >= from.original_start {
                following.push((AppointmentId(booked.stream.id()), occurrence.original_start));
            }
        }
        following.sort_by_key(|(_, original_start)| *original_start);
        let members = stream::iter(following).map(async |(id, original_start)| {
            let loaded = self.load::<Appointment>(facility, id.0).await?.ok_or(CommandError::NotFound)?;
            let (Some(slot), Some(status)) = (loaded.aggregate.slot, loaded.aggregate.status) else {
                return Err(CommandError::NotFound);
            };
            Ok::<_, AppointmentFailure>(Member { id, original_start, slot, status })
        });
        let members = members.buffered(LOADED_TOGETHER).try_collect().await?;
        Ok(Some((from.series_id, members)))
    }

    /// What each of these steps would meet besides those that are moved as well.
    async fn look_at_each(
        &self,
        steps: &[Step],
        context: &CommandContext,
    ) -> Result<Vec<OccurrenceChange>, AppointmentFailure> {
        let another = |met: &Conflict| {
            met.appointment.is_none_or(|appointment| steps.iter().all(|step| step.member.id != appointment))
        };
        let mut occurrences = Vec::with_capacity(steps.len());
        for Step { member, command } in steps {
            let outcome = match command {
                Ok(command) => match self.check_appointment(member.id, command, context).await {
                    Ok(met) => match met.into_iter().filter(another).collect::<Vec<_>>() {
                        met if met.is_empty() => Ok(()),
                        met => Err(AppointmentError::Conflicts(met).into()),
                    },
                    Err(CommandError::Refused(refusal)) => Err(refusal.into()),
                    Err(error) => return Err(error),
                },
                Err(refusal) => Err(refusal.clone()),
            };
            occurrences.push(OccurrenceChange { id: member.id, original_start: member.original_start, outcome });
        }
        Ok(occurrences)
    }

    /// Gives the commands one after the other; each is decided on its own.
    async fn change_each(
        &self,
        series_id: SeriesId,
        steps: Vec<Step>,
        context: &CommandContext,
    ) -> Result<SeriesRest, AppointmentFailure> {
        let mut position = None;
        let mut occurrences = Vec::with_capacity(steps.len());
        for Step { member: Member { id, original_start, .. }, command } in steps {
            let outcome = match command {
                Ok(command) => match self.change_appointment(id, &command, &once_each(context, id)).await {
                    Ok(executed) => {
                        position = position.max(executed.position);
                        Ok(())
                    }
                    Err(CommandError::Refused(refusal)) => Err(refusal.into()),
                    Err(error) => return Err(error),
                },
                Err(refusal) => Err(refusal),
            };
            occurrences.push(OccurrenceChange { id, original_start, outcome });
        }
        occurrences.sort_by_key(|occurrence| occurrence.original_start);
        Ok(SeriesRest { series_id, occurrences, tried: true, position })
    }
}

const BOOKED: &str = "AppointmentBooked";

fn occurrence_of(event: &RecordedEvent) -> Result<Option<Occurrence>, UnreadableEvent> {
    if event.event_type != BOOKED {
        return Ok(None);
    }
    let AppointmentEvent::AppointmentBooked { occurrence, .. } = event.decode()? else { return Ok(None) };
    Ok(occurrence)
}

/// The command by which an appointment that has this slot is moved.
fn moved(slot: &Slot, wanted: &SeriesMove, zone: &TimeZone) -> Result<AppointmentCommand, OccurrenceRefusal> {
    let shown = zone.to_datetime(slot.during.from);
    let date = shown.date().saturating_add(wanted.days_later.days());
    let start = wanted.start_time.map_or(date.to_datetime(shown.time()), |time| time.on(date));
    let from = instant(start, zone, Repeated::First)?;
    let duration = wanted.duration.unwrap_or(slot.during.duration());
    let by = slot.during.from.duration_until(from);
    let slot = Slot {
        practitioner_id: wanted.practitioner_id.unwrap_or(slot.practitioner_id),
        room_id: wanted.room_id.or(slot.room_id),
        during: Interval { from, until: from.saturating_add(duration).unwrap_or(Timestamp::MAX) },
        additional_slots: slot.additional_slots.iter().map(|slot| slot.shifted(by)).collect(),
    };
    Ok(AppointmentCommand::RescheduleAppointment { slot, terms: wanted.terms.clone() })
}

/// The context of one of several commands: a repetition of the request is a repetition of each.
fn once_each(context: &CommandContext, id: AppointmentId) -> CommandContext {
    // No key of a client has a space in it, so this one is nobody else's.
    let key = |once: &IdempotencyKey| IdempotencyKey { key: format!("{} {id}", once.key), ..once.clone() };
    CommandContext { idempotency: context.idempotency.as_ref().map(key), ..context.clone() }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").expect("a zone")
    }

    /// On the clock of Paris.
    fn times(from: &str, until: &str) -> Interval {
        let at = |shown: &str| {
            let shown: DateTime = shown.parse().expect("a time");
            instant(shown, &paris(), Repeated::First).expect("an instant")
        };
        Interval { from: at(from), until: at(until) }
    }

    fn slot(during: Interval, additional_slots: Vec<Interval>) -> Slot {
        Slot { practitioner_id: UserId(Uuid::from_u128(0xd0)), room_id: None, during, additional_slots }
    }

    fn moved_to(before: &Slot, wanted: &SeriesMove) -> Slot {
        let command = moved(before, wanted, &paris()).expect("the clock shows it");
        command.slot().expect("a move").clone()
    }

    #[test]
    fn what_a_move_leaves_out_stays_as_it_is_on_the_clock_of_the_practice() {
        let before = slot(times("2026-10-19T09:00", "2026-10-19T09:30"), Vec::new());
        assert_eq!(moved_to(&before, &SeriesMove::default()), before);
        // The clocks are put back on the 25th.
        let a_week = SeriesMove { days_later: 7, ..SeriesMove::default() };
        assert_eq!(moved_to(&before, &a_week).during, times("2026-10-26T09:00", "2026-10-26T09:30"));
        let a_week_earlier = SeriesMove { days_later: -7, ..SeriesMove::default() };
        assert_eq!(moved_to(&before, &a_week_earlier).during, times("2026-10-12T09:00", "2026-10-12T09:30"));
        let longer = SeriesMove { duration: Some(SignedDuration::from_mins(45)), ..SeriesMove::default() };
        assert_eq!(moved_to(&before, &longer).during, times("2026-10-19T09:00", "2026-10-19T09:45"));
        let other = SeriesMove {
            practitioner_id: Some(UserId(Uuid::from_u128(0xd1))),
            room_id: Some(RoomId(Uuid::from_u128(0xe0))),
            ..SeriesMove::default()
        };
        let after = moved_to(&before, &other);
        assert_eq!((Some(after.practitioner_id), after.room_id), (other.practitioner_id, other.room_id));
    }

    #[test]
    fn further_times_of_an_occurrence_move_with_its_first() {
        let further = vec![times("2026-10-19T10:00", "2026-10-19T10:15")];
        let before = slot(times("2026-10-19T09:00", "2026-10-19T09:30"), further);
        let to_noon = SeriesMove { start_time: TimeOfDay::new(12, 0), ..SeriesMove::default() };
        let after = moved_to(&before, &to_noon);
        assert_eq!(after.during, times("2026-10-19T12:00", "2026-10-19T12:30"));
        assert_eq!(after.additional_slots, [times("2026-10-19T13:00", "2026-10-19T13:15")]);
    }

    #[test]
    fn a_move_into_the_hour_that_the_clock_skips_is_refused() {
        let before = slot(times("2026-03-22T02:30", "2026-03-22T03:00"), Vec::new());
        let into_the_gap = SeriesMove { days_later: 7, ..SeriesMove::default() };
        assert!(matches!(moved(&before, &into_the_gap, &paris()), Err(OccurrenceRefusal::NoSuchTime(_))));
    }

    #[test]
    fn each_command_of_a_request_is_repeated_under_a_key_of_its_own() {
        let key = IdempotencyKey { scope: Uuid::nil(), key: "serie".to_owned(), request_hash: [7; 32] };
        let context = CommandContext { idempotency: Some(key), ..CommandContext::system(FacilityId(Uuid::nil())) };
        let of = |number| once_each(&context, AppointmentId(Uuid::from_u128(number))).idempotency.expect("a key");
        assert_eq!(of(1), of(1));
        assert_ne!(of(1).key, of(2).key);
        assert_eq!(of(1).request_hash, [7; 32]);
        let without = CommandContext { idempotency: None, ..context.clone() };
        assert_eq!(once_each(&without, AppointmentId(Uuid::nil())).idempotency, None);
    }
}
