//! What a client sends about availability, and how it becomes values of the domain.

use domain::availability::{AvailabilityCommand, BookingRules, DayHours, ExtraHours, Leave, LeaveKind};
use domain::scheduling::TimeSlot;
use domain::values::{CivilDate, ClockTime, Reason, RuleBroken, WallTime};
use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};
use poem_openapi::Object;
use serde::Deserialize;

use frame::problem::{Problem, Violation};
use frame::unparsed::{Unparsed, parse_optional};
use frame::unparsed_code::UnparsedCode;

/// The hours of each week from a day on, and how close bookings may come.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AvailabilityInput {
    /// The hours of each day, each day once. A day that is left out has none.
    #[oai(validator(max_items = "7"))]
    hours: Vec<DayHoursInput>,
    /// The first day on which they hold, until others do; today if left out.
    valid_from: Option<Unparsed<CivilDate>>,
    /// How close bookings may come, from now on; as before if left out.
    rules: Option<BookingRulesInput>,
    /// Why they change.
    reason: Option<Unparsed<Reason>>,
}

/// The hours of one day of each week.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DayHoursInput {
    /// 0 is Sunday.
    #[oai(validator(minimum(value = "0"), maximum(value = "6")))]
    day_of_week: u8,
    /// The parts of the day, in order.
    #[oai(validator(max_items = "12"))]
    time_slots: Vec<TimeSlotInput>,
}

/// A part of a day. What goes on past midnight is two of them: until 24:00, and from 00:00.
#[derive(Debug, Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeSlotInput {
    start: Unparsed<ClockTime>,
    end: Unparsed<ClockTime>,
}

/// How close bookings may come.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BookingRulesInput {
    /// How long before an appointment nothing else is offered.
    #[oai(validator(maximum(value = "120")))]
    buffer_before_minutes: u16,
    /// How long after an appointment nothing else is offered.
    #[oai(validator(maximum(value = "120")))]
    buffer_after_minutes: u16,
    /// How long beforehand a slot is last offered; at most four weeks.
    #[oai(validator(maximum(value = "40320")))]
    notice_minutes: u16,
    /// Whether an appointment may be booked over another on purpose, for a reason.
    overlap_allowed: bool,
}

impl AvailabilityInput {
    /// The command, and why it is given.
    pub fn parse(&self) -> Result<(AvailabilityCommand, Option<Reason>), Problem> {
        let mut violations = Vec::new();
        let mut hours = Vec::with_capacity(self.hours.len());
        for (number, day) in self.hours.iter().enumerate() {
            let field = format!("hours[{number}]");
            let time_slots = parse_slots(&day.time_slots, &field, &mut violations);
            match i8::try_from(day.day_of_week).map(Weekday::from_sunday_zero_offset) {
                Ok(Ok(day_of_week)) => hours.push(DayHours { day_of_week, time_slots }),
                Ok(Err(_)) | Err(_) => {
                    let broken = RuleBroken::new("day_of_week", "A day of the week is a number from 0 (Sunday) to 6.");
                    violations.push(broken.at(format!("{field}.dayOfWeek")).into());
                }
            }
        }
        let valid_from = parse_optional(self.valid_from.as_ref(), "validFrom", &mut violations);
        let reason = parse_optional(self.reason.as_ref(), "reason", &mut violations);
        let rules = self.rules.as_ref().map(|rules| BookingRules {
            buffer_before_minutes: rules.buffer_before_minutes,
            buffer_after_minutes: rules.buffer_after_minutes,
            notice_minutes: rules.notice_minutes,
            overlap_allowed: rules.overlap_allowed,
        });
        refuse(violations)?;
        let valid_from = valid_from.map(|date: CivilDate| date.value());
        Ok((AvailabilityCommand::Revise { hours, valid_from, rules }, reason))
    }
}

/// A time for which a practitioner will be away.
#[derive(Debug, Object, Deserialize)]
#[oai(skip_serializing_if_is_none)]
#[serde(deny_unknown_fields)]
pub struct LeaveInput {
    from: Unparsed<WallTime>,
    until: Unparsed<WallTime>,
    kind: UnparsedCode<LeaveKind>,
    /// It is meant although appointments lie in it.
    confirm: Option<bool>,
}

impl LeaveInput {
    /// The leave, and whether it is meant in spite of appointments.
    pub fn parse(&self) -> Result<(Leave, bool), Problem> {
        let mut violations = Vec::new();
        let from = self.from.parse("from", &mut violations);
        let until = self.until.parse("until", &mut violations);
        let kind = self.kind.parse("kind", &mut violations);
        match (from, until, kind) {
            (Some(from), Some(until), Some(kind)) => {
                Ok((Leave { from: from.value(), until: until.value(), kind }, self.confirm.unwrap_or_default()))
            }
            (_, _, _) => Err(Problem::validation_failed(violations)),
        }
    }
}

/// Hours on one day besides the usual ones.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExtraHoursInput {
    date: Unparsed<CivilDate>,
    /// The parts of the day, in order.
    #[oai(validator(min_items = "1", max_items = "12"))]
    time_slots: Vec<TimeSlotInput>,
}

impl ExtraHoursInput {
    /// The hours.
    pub fn parse(&self) -> Result<ExtraHours, Problem> {
        let mut violations = Vec::new();
        let date = self.date.parse("date", &mut violations);
        let time_slots = parse_slots(&self.time_slots, "", &mut violations);
        match date.filter(|_| violations.is_empty()) {
            Some(date) => Ok(ExtraHours { date: date.value(), time_slots }),
            None => Err(Problem::validation_failed(violations)),
        }
    }
}

fn parse_slots(slots: &[TimeSlotInput], parent: &str, violations: &mut Vec<Violation>) -> Vec<TimeSlot> {
    let dot = if parent.is_empty() { "" } else { "." };
    let parsed = slots.iter().enumerate().filter_map(|(number, slot)| {
        let field = format!("{parent}{dot}timeSlots[{number}]");
        let start = slot.start.parse(&format!("{field}.start"), violations);
        let end = slot.end.parse(&format!("{field}.end"), violations);
        Some(TimeSlot { start: start?.value(), end: end?.value() })
    });
    parsed.collect()
}

fn refuse(violations: Vec<Violation>) -> Result<(), Problem> {
    if violations.is_empty() { Ok(()) } else { Err(Problem::validation_failed(violations)) }
}

/// Of which days it is told what is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownDays {
    /// Of none.
    Template,
    /// Of the week, from Monday on, that this day is in.
    Week(Date),
    /// Of this day.
    Day(Date),
}

impl ShownDays {
    /// As the parameters ask: not for a day and for a week.
    pub fn asked(week: Option<Unparsed<CivilDate>>, day: Option<Unparsed<CivilDate>>) -> Result<Self, Problem> {
        match (week, day) {
            (None, None) => Ok(Self::Template),
            (Some(week), None) => Ok(Self::Week(week.parameter("week")?.value())),
            (None, Some(day)) => Ok(Self::Day(day.parameter("day")?.value())),
            (Some(_), Some(_)) => {
                Err(Problem::invalid_parameter("day", "exclusive", "Not together with the parameter week."))
            }
        }
    }

    /// A day of those that are shown.
    pub const fn day(self) -> Option<Date> {
        match self {
            Self::Template => None,
            Self::Week(day) | Self::Day(day) => Some(day),
        }
    }

    /// Whether this day of the week is shown.
    pub fn shows(self, date: Date) -> bool {
        match self {
            Self::Template | Self::Week(_) => true,
            Self::Day(day) => day == date,
        }
    }

    /// Whether a leave of the week lies in what is shown.
    pub fn meets(self, leave: &Leave) -> bool {
        let day: Span = 1.day();
        match self {
            Self::Template | Self::Week(_) => true,
            Self::Day(date) => {
                let midnight = date.at(0, 0, 0, 0);
                leave.from < midnight.saturating_add(day) && midnight < leave.until
            }
        }
    }
}
