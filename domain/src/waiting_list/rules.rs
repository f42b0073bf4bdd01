//! The pure functions that decisions on the waiting list are made of.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::{MOST_PRACTITIONERS, MOST_TIMES, Wish};
use crate::appointment::{LONGEST, SHORTEST, Slot};
use crate::reminder::QuietHours;
use crate::scheduling::{Interval, PracticeTime};
use crate::values::{RuleBroken, Violation};

/// How long a patient has to answer, of the hours in which they may be disturbed.
pub const ANSWER_WITHIN: SignedDuration = SignedDuration::from_mins(60);

/// A patient who has less time than this to answer is not asked.
pub const LEAST_TO_ANSWER: SignedDuration = SignedDuration::from_mins(15);

/// The longest that anybody waits.
const LONGEST_WAIT_DAYS: i32 = 731;

/// Until when a slot is offered that is offered now; none if there is no time left in which to ask anybody.
pub fn answer_by(slot: Interval, quiet: Option<QuietHours>, time: &PracticeTime) -> Option<Timestamp> {
    let night = quiet.and_then(|quiet| quiet.around(time.now, &time.zone));
    let told = night.map_or(time.now, |night| night.until);
    let until = told.checked_add(ANSWER_WITHIN).ok()?.min(slot.from);
    (told.checked_add(LEAST_TO_ANSWER).ok()? <= until).then_some(until)
}

/// What is wrong with a wish.
pub(super) fn wish_violations(wish: &Wish, today: Date) -> Vec<Violation> {
    let mut violations = Vec::new();
    let minutes = SignedDuration::from_mins(wish.duration_minutes.into());
    if minutes < SHORTEST || minutes > LONGEST {
        violations.push(RuleBroken::new("duration", "An appointment takes 5 minutes to 12 hours.").at("duration"));
    }
    if wish.latest < wish.earliest {
        violations.push(RuleBroken::new("ends_before_start", "The last day is not before the first.").at("latest"));
    }
    if wish.latest < today {
        violations.push(RuleBroken::new("in_the_past", "Nobody waits for a day that is over.").at("latest"));
    }
    if today.checked_add(LONGEST_WAIT_DAYS.days()).is_ok_and(|longest| wish.latest > longest) {
        violations.push(RuleBroken::new("too_far", "Nobody waits for longer than two years.").at("latest"));
    }
    if wish.whom.practitioner_ids.len() > MOST_PRACTITIONERS {
        let broken = RuleBroken::new("too_many", format!("At most {MOST_PRACTITIONERS} practitioners."));
        violations.push(broken.at("practitionerIds"));
    }
    if wish.times.len() > MOST_TIMES {
        violations.push(RuleBroken::new("too_many", format!("At most {MOST_TIMES} parts of the day.")).at("times"));
    }
    for (number, part) in wish.times.iter().enumerate().filter(|(_, part)| part.start >= part.end) {
        let broken = RuleBroken::new("ends_before_start", format!("It ends at {}, before it begins.", part.end));
        violations.push(broken.at(format!("times[{number}].end")));
    }
    violations
}

/// What is wrong with an offer.
pub(super) fn offer_violations(slot: &Slot, answer_by: Timestamp, now: Timestamp) -> Vec<Violation> {
    let mut violations = Vec::new();
    if slot.during.from >= slot.during.until {
        violations.push(RuleBroken::new("ends_before_start", "An appointment ends after it begins.").at("endTime"));
    }
    if slot.during.from <= now {
        violations.push(RuleBroken::new("in_the_past", "A slot that is offered lies ahead.").at("startTime"));
    }
    if answer_by <= now {
        violations.push(RuleBroken::new("in_the_past", "The time to answer lies ahead.").at("answerBy"));
    }
    if answer_by > slot.during.from {
        let broken = RuleBroken::new("too_late", "The answer comes before the appointment begins.");
        violations.push(broken.at("answerBy"));
    }
    violations
}
