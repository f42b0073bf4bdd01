//! Which time is free by an event. What was there before stands in the stream: the event itself says only what is there now.

use domain::aggregate::AggregateRoot;
use domain::appointment::{Appointment, Slot};
use domain::availability::{Availability, AvailabilityEvent};
use domain::event::RecordedEvent;
use domain::ids::{RoomId, StreamVersion, UserId};
use domain::scheduling::{Interval, stretch};
use domain::waiting_list::{WaitingEntry, WaitingError};
use projections_engine::following::PolicyError;

use super::work::Work;

/// Time of a practitioner that may be free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FreedTime {
    pub(super) practitioner: UserId,
    /// The room that is free with it.
    pub(super) room: Option<RoomId>,
    pub(super) during: Interval,
}

impl FreedTime {
    fn of(slot: &Slot) -> Vec<Self> {
        let (practitioner, room) = (slot.practitioner_id, slot.room_id);
        slot.times().into_iter().map(|during| Self { practitioner, room, during }).collect()
    }
}

/// Whether an event of this type may free any.
pub(super) fn may_free(event_type: &str) -> bool {
    const TYPES: [&str; 8] = [
        "AppointmentCancelled",
        "AppointmentRescheduled",
        "PatientDidNotAttend",
        "LeaveCancelled",
        "ExtraHoursOpened",
        "OfferDeclined",
        "OfferLapsed",
        "WaitingListLeft",
    ];
    TYPES.contains(&event_type)
}

impl Work {
    /// What may be free by an event.
    pub(super) async fn freed_by(&self, event: &RecordedEvent) -> Result<Vec<FreedTime>, PolicyError> {
        let aggregate = event.stream.aggregate();
        if aggregate == type_of::<Appointment>() {
            // Called off, moved, or missed: what it had is free, but for what it still has.
            let before = self.before::<Appointment>(event).await?;
            Ok(before.slot.as_ref().map(FreedTime::of).unwrap_or_default())
        } else if aggregate == type_of::<WaitingEntry>() {
            // Not wanted, not answered, or nobody there any more to answer.
            let before = self.before::<WaitingEntry>(event).await?;
            Ok(before.offer.map(|offer| FreedTime::of(&offer.slot)).unwrap_or_default())
        } else {
            self.freed_by_availability(event).await
        }
    }

    async fn freed_by_availability(&self, event: &RecordedEvent) -> Result<Vec<FreedTime>, PolicyError> {
        let zone = self.commands.practice_time::<WaitingError>(event.facility_id).await?.zone;
        let during: Vec<Interval> = match event.decode()? {
            AvailabilityEvent::LeaveCancelled { leave_id } => {
                let before = self.before::<Availability>(event).await?;
                let leave = before.leave.get(&leave_id);
                leave.and_then(|leave| stretch(leave.from, leave.until, &zone)).into_iter().collect()
            }
            AvailabilityEvent::ExtraHoursOpened { extra, .. } => {
                let parts = extra.time_slots.iter();
                parts.filter_map(|part| stretch(part.start.on(extra.date), part.end.on(extra.date), &zone)).collect()
            }
            AvailabilityEvent::WeeklyHoursSet { .. }
            | AvailabilityEvent::LeavePlanned { .. }
            | AvailabilityEvent::ExtraHoursClosed { .. }
            | AvailabilityEvent::BookingRulesSet { .. } => Vec::new(),
        };
        let practitioner = UserId(event.stream.id());
        Ok(during.into_iter().map(|during| FreedTime { practitioner, room: None, during }).collect())
    }

    /// The aggregate as it was right before an event of its stream.
    async fn before<A: AggregateRoot>(&self, event: &RecordedEvent) -> Result<A, PolicyError> {
        let mut aggregate = A::default();
        let events = self.commands.log().load(&event.stream, StreamVersion::ZERO).await?;
        for earlier in events.iter().take_while(|earlier| earlier.version < event.version) {
            aggregate.apply(earlier.decode()?);
        }
        Ok(aggregate)
    }
}

fn type_of<A: AggregateRoot>() -> &'static str {
    A::TYPE
}
