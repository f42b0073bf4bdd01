//! When a practitioner can be booked: the hours of each week, hours besides them, and leave, which is stronger than both.
//! One stream for each practitioner. Whoever books reads it and guards it, so that no booking gets into a leave that is
//! planned at the same moment.
//!
//! ```text
//!   hours of the week   ▇▇▇▇▇   ▇▇▇▇▇   ▇▇▇▇▇
//! + extra hours                ▇▇▇
//! − leave                             ▇▇▇▇
//! = open                ▇▇▇▇▇  ▇▇▇▇▇▇     ▇▇
//! ```

mod command;
mod event;
mod hours;
mod rules;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod zone_tests;

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::command::AvailabilityCommand;
pub use self::event::AvailabilityEvent;
pub use self::hours::{BookingRules, DayHours, ExtraHours, Leave, LeaveKind};
use crate::aggregate::AggregateRoot;
use crate::ids::{AppointmentId, ExtraHoursId, LeaveId, SubjectId};
use crate::refusal::{Refusal, Refused};
use crate::scheduling::{Calendar, Interval, PracticeTime, TimeSlot, instant_or_jump, stretch, united, without};
use crate::values::Violation;

/// A practitioner's availability as its events tell it. Without events nothing is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Availability {
    /// The hours of each week, by the first day on which they hold.
    pub weekly: BTreeMap<Date, Vec<DayHours>>,
    /// Hours besides them.
    pub extra: BTreeMap<ExtraHoursId, ExtraHours>,
    /// The leave that was planned and not cancelled.
    pub leave: BTreeMap<LeaveId, Leave>,
    /// How close bookings may come.
    pub rules: BookingRules,
}

/// Why a command on availability is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AvailabilityError {
    /// The hours, the leave or the rules are not right.
    #[error("{} field(s) are not right", .0.len())]
    Invalid(Vec<Violation>),
    /// The leave lies over appointments, and nobody said that it is meant in spite of them.
    #[error("the leave lies over {} appointment(s)", .0.len())]
    TouchesAppointments(Vec<AppointmentId>),
    /// All of the extra hours lie in a leave, so that they would open nothing.
    #[error("the practitioner is on leave then")]
    OnLeave,
    /// The leave or the extra hours are there already.
    #[error("it was planned already")]
    AlreadyPlanned,
    /// There is no such leave.
    #[error("there is no such leave")]
    NoSuchLeave,
    /// There are no such extra hours.
    #[error("there are no such extra hours")]
    NoSuchExtraHours,
}

impl Refused for AvailabilityError {
    fn refusal(self) -> Refusal<Self> {
        match self {
            Self::NoSuchLeave | Self::NoSuchExtraHours => Refusal::NotThere,
            Self::Invalid(violations) => Refusal::Invalid(violations),
            Self::OnLeave | Self::AlreadyPlanned => Refusal::NotNow(self.sentence()),
            Self::TouchesAppointments(_) => Refusal::Other(self),
        }
    }
}

impl Availability {
    /// When the practitioner can be booked in this stretch: in order, the fewest stretches, clipped to it.
    pub fn open_intervals(&self, asked: Interval, zone: &TimeZone) -> Vec<Interval> {
        let (first, last) = (zone.to_datetime(asked.from).date(), zone.to_datetime(asked.until).date());
        let slots = first.series(1.day()).take_while(|date| *date <= last).flat_map(|date| self.slots_on(date));
        let extra = self.extra.values().filter(|extra| (first..=last).contains(&extra.date));
        let extra = extra.flat_map(|extra| extra.time_slots.iter().map(|slot| (extra.date, *slot)));
        let open = slots.chain(extra).filter_map(|(date, slot)| stretch(slot.start.on(date), slot.end.on(date), zone));
        let leave = self.leave.values().filter(|leave| leave.from.date() <= last && first <= leave.until.date());
        let away = leave.filter_map(|leave| stretch(leave.from, leave.until, zone));
        let open = united(open.filter_map(|open| open.common(asked)).collect());
        without(&open, &united(away.collect()))
    }

    /// Whether the practitioner can be booked for all of this time.
    pub fn contains(&self, interval: Interval, zone: &TimeZone) -> bool {
        self.open_intervals(interval, zone) == [interval]
    }

    /// Where slots are found at an instant, among these bookings. It reaches a day further than the window on both sides, so
    /// that a window that begins in the middle of opening hours shows the same slots as any other.
    pub fn calendar(&self, window: Interval, busy: &[Interval], time: &PracticeTime) -> Calendar {
        let around = window.widened(SignedDuration::from_hours(24));
        let midnight = time.zone.to_datetime(around.from).date().at(0, 0, 0, 0);
        let asked = Interval { from: instant_or_jump(midnight, &time.zone), until: around.until };
        let notice = SignedDuration::from_mins(self.rules.notice_minutes.into());
        let not_before = time.now.checked_add(notice).unwrap_or(Timestamp::MAX);
        let open = self.open_intervals(asked, &time.zone);
        Calendar::new(open, busy, self.rules.buffer_minutes(), not_before)
    }

    /// The hours of the week that holds on a day.
    pub fn hours_on(&self, date: Date) -> &[DayHours] {
        self.weekly.range(..=date).next_back().map_or(&[], |(_, hours)| hours.as_slice())
    }

    fn slots_on(&self, date: Date) -> impl Iterator<Item = (Date, TimeSlot)> {
        let days = self.hours_on(date).iter().filter(move |day| day.day_of_week == date.weekday());
        days.flat_map(move |day| day.time_slots.iter().map(move |slot| (date, *slot)))
    }

    /// The hours of each week as an event, if they differ from those that hold from that day on.
    fn set_hours(&self, mut hours: Vec<DayHours>, valid_from: Date) -> Option<AvailabilityEvent> {
        hours.retain(|day| !day.time_slots.is_empty());
        hours.sort_by_key(|day| day.day_of_week.to_sunday_zero_offset());
        (self.hours_on(valid_from) != hours).then_some(AvailabilityEvent::WeeklyHoursSet { hours, valid_from })
    }

    fn set_rules(&self, rules: BookingRules) -> Option<AvailabilityEvent> {
        (self.rules != rules).then_some(AvailabilityEvent::BookingRulesSet { rules })
    }

    /// The events that the command leads to from here; none if it changes nothing.
    fn decide(
        &self,
        command: AvailabilityCommand,
        time: &PracticeTime,
    ) -> Result<Vec<AvailabilityEvent>, AvailabilityError> {
        let today = time.today();
        let event = match command {
            AvailabilityCommand::SetWeeklyHours { hours, valid_from } => {
                let valid_from = valid_from.unwrap_or(today);
                refuse(rules::hours_violations(&hours, valid_from, today))?;
                return Ok(self.set_hours(hours, valid_from).into_iter().collect());
            }
            AvailabilityCommand::Revise { hours, valid_from, rules } => {
                let valid_from = valid_from.unwrap_or(today);
                let mut violations = rules::hours_violations(&hours, valid_from, today);
                let broken = rules.iter().flat_map(rules::booking_rule_violations);
                violations.extend(broken.map(|violation| violation.under("rules")));
                refuse(violations)?;
                let rules = rules.and_then(|rules| self.set_rules(rules));
                return Ok(self.set_hours(hours, valid_from).into_iter().chain(rules).collect());
            }
            AvailabilityCommand::PlanLeave { leave_id, leave, touched, confirmed } => {
                refuse(rules::leave_violations(&leave, today, &time.zone))?;
                if self.leave.contains_key(&leave_id) {
                    return Err(AvailabilityError::AlreadyPlanned);
                }
                if !touched.is_empty() && !confirmed {
                    return Err(AvailabilityError::TouchesAppointments(touched));
                }
                AvailabilityEvent::LeavePlanned { leave_id, leave, touched }
            }
            AvailabilityCommand::CancelLeave { leave_id } => {
                self.leave.get(&leave_id).ok_or(AvailabilityError::NoSuchLeave)?;
                AvailabilityEvent::LeaveCancelled { leave_id }
            }
            AvailabilityCommand::OpenExtraHours { extra_id, extra } => {
                refuse(rules::extra_violations(&extra, today, &time.zone))?;
                if self.extra.contains_key(&extra_id) {
                    return Err(AvailabilityError::AlreadyPlanned);
                }
                if self.opens_nothing(&extra, &time.zone) {
                    return Err(AvailabilityError::OnLeave);
                }
                AvailabilityEvent::ExtraHoursOpened { extra_id, extra }
            }
            AvailabilityCommand::CloseExtraHours { extra_id } => {
                self.extra.get(&extra_id).ok_or(AvailabilityError::NoSuchExtraHours)?;
                AvailabilityEvent::ExtraHoursClosed { extra_id }
            }
            AvailabilityCommand::SetBookingRules { rules } => {
                refuse(rules::booking_rule_violations(&rules))?;
                return Ok(self.set_rules(rules).into_iter().collect());
            }
        };
        Ok(vec![event])
    }

    /// Whether leave takes out all of these hours.
    fn opens_nothing(&self, extra: &ExtraHours, zone: &TimeZone) -> bool {
        let stretches = extra.time_slots.iter();
        let open = stretches.filter_map(|slot| stretch(slot.start.on(extra.date), slot.end.on(extra.date), zone));
        let away = self.leave.values().filter_map(|leave| stretch(leave.from, leave.until, zone));
        without(&united(open.collect()), &united(away.collect())).is_empty()
    }
}

impl Aggregate for Availability {
    const TYPE: &'static str = "availability";
    type Command = AvailabilityCommand;
    type Event = AvailabilityEvent;
    type Error = AvailabilityError;
    type Services = PracticeTime;

    async fn handle(
        &mut self,
        command: AvailabilityCommand,
        time: &PracticeTime,
        sink: &EventSink<Self>,
    ) -> Result<(), AvailabilityError> {
        for event in self.decide(command, time)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: AvailabilityEvent) {
        match event {
            AvailabilityEvent::WeeklyHoursSet { hours, valid_from } => {
                self.weekly.insert(valid_from, hours);
            }
            AvailabilityEvent::LeavePlanned { leave_id, leave, touched: _ } => {
                self.leave.insert(leave_id, leave);
            }
            AvailabilityEvent::LeaveCancelled { leave_id } => {
                self.leave.remove(&leave_id);
            }
            AvailabilityEvent::ExtraHoursOpened { extra_id, extra } => {
                self.extra.insert(extra_id, extra);
            }
            AvailabilityEvent::ExtraHoursClosed { extra_id } => {
                self.extra.remove(&extra_id);
            }
            AvailabilityEvent::BookingRulesSet { rules } => self.rules = rules,
        }
    }
}

impl AggregateRoot for Availability {
    /// Nobody: the stream is open.
    fn subject(&self, _id: Uuid) -> Option<SubjectId> {
        None
    }
}

fn refuse(violations: Vec<Violation>) -> Result<(), AvailabilityError> {
    if violations.is_empty() { Ok(()) } else { Err(AvailabilityError::Invalid(violations)) }
}
