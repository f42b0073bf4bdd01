//! The pure functions that decisions on availability are made of.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::{BookingRules, DayHours, ExtraHours, Leave};
use crate::scheduling::{Repeated, TimeOfDay, TimeSlot, WallClockError, instant};
use crate::values::{RuleBroken, Violation};

/// More than these are not hours but bookings.
const SLOTS_A_DAY: usize = 12;
/// How far ahead hours and leave are planned, in years; and how far back leave is entered late.
const YEARS_AHEAD: i16 = 5;
const YEARS_BACK: i16 = 1;
/// Two hours: a buffer is for washing hands and writing notes.
const LONGEST_BUFFER_MINUTES: u16 = 2 * 60;
/// Four weeks.
const LONGEST_NOTICE_MINUTES: u16 = 4 * 7 * 24 * 60;

/// What is wrong with hours that are to hold from a day on.
pub(super) fn hours_violations(hours: &[DayHours], valid_from: Date, today: Date) -> Vec<Violation> {
    let mut violations = Vec::new();
    if valid_from < today || valid_from > years_after(today, YEARS_AHEAD) {
        let detail = format!("Hours are set from today on, or from a day within {YEARS_AHEAD} years.");
        violations.push(RuleBroken::new("valid_from_range", detail).at("validFrom"));
    }
    for (number, day) in hours.iter().enumerate() {
        let field = format!("hours[{number}]");
        if hours[..number].iter().any(|other| other.day_of_week == day.day_of_week) {
            let broken = RuleBroken::new("day_of_week_repeated", "Each day of the week is named once.");
            violations.push(broken.at(format!("{field}.dayOfWeek")));
        }
        violations.extend(slot_violations(&day.time_slots).into_iter().map(|violation| violation.under(&field)));
    }
    violations
}

/// What is wrong with hours on one day.
pub(super) fn extra_violations(extra: &ExtraHours, today: Date, zone: &TimeZone) -> Vec<Violation> {
    let mut violations = slot_violations(&extra.time_slots);
    if extra.time_slots.is_empty() {
        violations
            .push(RuleBroken::new("time_slots_missing", "At least one part of the day is named.").at("timeSlots"));
    }
    if extra.date < today || extra.date > years_after(today, YEARS_AHEAD) {
        let detail = format!("The day is today, or within {YEARS_AHEAD} years.");
        violations.push(RuleBroken::new("date_range", detail).at("date"));
    }
    for (number, slot) in extra.time_slots.iter().enumerate() {
        violations.extend(skipped(slot.start.on(extra.date), zone, &format!("timeSlots[{number}].start")));
        violations.extend(skipped(slot.end.on(extra.date), zone, &format!("timeSlots[{number}].end")));
    }
    violations
}

/// What is wrong with a leave.
pub(super) fn leave_violations(leave: &Leave, today: Date, zone: &TimeZone) -> Vec<Violation> {
    let mut violations = Vec::new();
    if leave.until <= leave.from {
        violations.push(RuleBroken::new("leave_order", "A leave ends after it begins.").at("until"));
    }
    let (earliest, latest) = (years_after(today, -YEARS_BACK), years_after(today, YEARS_AHEAD));
    for (field, time) in [("from", leave.from), ("until", leave.until)] {
        if time.date() < earliest || time.date() > latest {
            let detail = format!("A leave lies between {YEARS_BACK} year ago and {YEARS_AHEAD} years ahead.");
            violations.push(RuleBroken::new("leave_range", detail).at(field));
        }
        if TimeOfDay::of(time.time()).on(time.date()) != time {
            violations.push(RuleBroken::new("whole_minutes", "The time has no seconds.").at(field));
        }
        violations.extend(skipped(time, zone, field));
    }
    violations
}

/// What is wrong with rules for bookings.
pub(super) fn booking_rule_violations(rules: &BookingRules) -> Vec<Violation> {
    let bounds = [
        ("bufferBeforeMinutes", rules.buffer_before_minutes, LONGEST_BUFFER_MINUTES),
        ("bufferAfterMinutes", rules.buffer_after_minutes, LONGEST_BUFFER_MINUTES),
        ("noticeMinutes", rules.notice_minutes, LONGEST_NOTICE_MINUTES),
    ];
    let too_long = bounds.into_iter().filter(|(_, minutes, longest)| minutes > longest);
    too_long
        .map(|(field, _, longest)| RuleBroken::new("minutes_range", format!("At most {longest} minutes.")).at(field))
        .collect()
}

fn slot_violations(slots: &[TimeSlot]) -> Vec<Violation> {
    let mut violations = Vec::new();
    if slots.len() > SLOTS_A_DAY {
        let detail = format!("A day has at most {SLOTS_A_DAY} parts.");
        violations.push(RuleBroken::new("time_slots_count", detail).at("timeSlots"));
    }
    for (number, slot) in slots.iter().enumerate() {
        let broken = if slot.end <= slot.start {
            let detail =
                "It ends after it begins; what goes on past midnight is one part until 24:00 and one from 00:00.";
            Some(RuleBroken::new("time_slot_order", detail))
        } else if number > 0 && slot.start < slots[number - 1].end {
            Some(RuleBroken::new("time_slots_overlap", "The parts of a day are in order, and do not overlap."))
        } else {
            None
        };
        violations.extend(broken.map(|broken| broken.at(format!("timeSlots[{number}]"))));
    }
    violations
}

/// A time on one day has to exist on that day. Hours of each week do not: they mean what is left of them.
fn skipped(time: DateTime, zone: &TimeZone, field: &str) -> Option<Violation> {
    match instant(time, zone, Repeated::First) {
        Ok(_) | Err(WallClockError::OutOfRange) => None,
        Err(error @ WallClockError::Skipped { .. }) => {
            Some(RuleBroken::new("time_skipped", format!("{error}.")).at(field))
        }
    }
}

fn years_after(today: Date, years: i16) -> Date {
    today.saturating_add(years.years())
}
