//! The pure functions that decisions on appointments are made of.

use jiff::{SignedDuration, Timestamp};

use super::command::Terms;
use super::details::{AppointmentType, Slot};
use super::error::AppointmentError;
use super::schedule::Schedule;
use crate::values::{RuleBroken, Violation};

/// For how long a slot is kept.
pub const HOLD: SignedDuration = SignedDuration::from_mins(5);

/// The shortest appointment.
pub const SHORTEST: SignedDuration = SignedDuration::from_mins(5);

/// The longest, all its times together.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(12);

/// How many times may belong to one appointment besides its first.
pub const MOST_ADDITIONAL_SLOTS: usize = 20;

/// How far from each other the times of one appointment may lie.
const WIDEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// What is wrong with the times by themselves.
fn time_violations(slot: &Slot) -> Vec<Violation> {
    let mut violations = Vec::new();
    if slot.during.from >= slot.during.until {
        violations.push(RuleBroken::new("ends_before_start", "An appointment ends after it begins.").at("endTime"));
    }
    for (number, additional) in slot.additional_slots.iter().enumerate() {
        if additional.from >= additional.until {
            let broken = RuleBroken::new("ends_before_start", "A slot ends after it begins.");
            violations.push(broken.at(format!("additionalSlots[{number}].end")));
        }
        if additional.from < slot.during.from {
            let broken = RuleBroken::new("before_start", "Further slots follow the first.");
            violations.push(broken.at(format!("additionalSlots[{number}].start")));
        }
    }
    if slot.additional_slots.len() > MOST_ADDITIONAL_SLOTS {
        let broken = RuleBroken::new("too_many", format!("At most {MOST_ADDITIONAL_SLOTS} further slots."));
        violations.push(broken.at("additionalSlots"));
    }
    if violations.is_empty() {
        let whole: SignedDuration = slot.times().iter().map(|time| time.duration()).sum();
        if slot.during.duration() < SHORTEST || whole > LONGEST {
            violations.push(RuleBroken::new("duration", "An appointment takes 5 minutes to 12 hours.").at("duration"));
        }
        if slot.hull().duration() > WIDEST {
            let broken = RuleBroken::new("too_far_apart", "The slots of an appointment lie within 31 days.");
            violations.push(broken.at("additionalSlots"));
        }
    }
    violations
}

/// Whether all times lie within the practitioner's hours.
fn within_hours(slot: &Slot, schedule: &Schedule) -> bool {
    slot.times().iter().all(|time| schedule.open.iter().any(|open| open.contains(*time)))
}

/// Whether a slot may be kept: its times, and the hours. It is for what comes, so it lies in the future.
pub(super) fn check_hold(
    slot: &Slot,
    schedule: &Schedule,
    override_availability: bool,
) -> Result<(), AppointmentError> {
    let mut violations = time_violations(slot);
    if slot.hull().from < schedule.clock.now {
        violations.push(RuleBroken::new("in_the_past", "A slot that is kept lies in the future.").at("startTime"));
    }
    refuse(violations)?;
    if !override_availability && !within_hours(slot, schedule) {
        return Err(AppointmentError::OutsideAvailability { open: schedule.open.clone() });
    }
    Ok(())
}

/// Whether an appointment may have this slot; if so, whether it lies outside the practitioner's hours.
pub(super) fn check_slot(
    slot: &Slot,
    kind: AppointmentType,
    terms: &Terms,
    schedule: &Schedule,
) -> Result<bool, AppointmentError> {
    let mut violations = time_violations(slot);
    let outside = !within_hours(slot, schedule);
    let (late, overriding) = (slot.hull().from < schedule.clock.now, terms.override_availability && outside);
    let overlapping = !schedule.overlaps.is_empty();
    if terms.reason.is_none() {
        let why = [
            (late, "in_the_past", "What lies in the past is booked with a justification."),
            (overriding && kind != AppointmentType::Emergency, "reason_required", OUTSIDE),
            (overlapping, "reason_required", "Booking over another appointment needs a justification."),
        ];
        violations.extend(
            why.into_iter()
                .find(|(broken, ..)| *broken)
                .map(|(_, rule, why)| RuleBroken::new(rule, why).at("justification")),
        );
    }
    refuse(violations)?;
    if outside && !terms.override_availability && kind != AppointmentType::Emergency {
        return Err(AppointmentError::OutsideAvailability { open: schedule.open.clone() });
    }
    if overlapping && !schedule.overlap_allowed {
        return Err(AppointmentError::OverlapNotAllowed);
    }
    Ok(outside)
}

const OUTSIDE: &str = "Booking outside the practitioner's hours needs a justification.";

/// When a slot that is kept from now on is free again.
pub(super) fn hold_ends(now: Timestamp) -> Timestamp {
    now.saturating_add(HOLD).unwrap_or(Timestamp::MAX)
}

pub(super) fn refuse(violations: Vec<Violation>) -> Result<(), AppointmentError> {
    if violations.is_empty() { Ok(()) } else { Err(AppointmentError::Invalid(violations)) }
}
