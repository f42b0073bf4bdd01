//! When a reminder is due: worked out from when the appointment begins, and moved out of the hours in which nobody is to be
//! disturbed.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::ReminderRule;
use crate::scheduling::{Interval, Repeated, TimeOfDay, instant, instant_or_jump};

/// How long before quiet hours those are due that would come within them: many are, and sending takes its time.
const BEFORE_QUIET: SignedDuration = SignedDuration::from_mins(15);

/// When nobody is disturbed, on the practice's wall. It may go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// When it begins.
    pub start: TimeOfDay,
    /// When it ends.
    pub end: TimeOfDay,
}

impl Default for QuietHours {
    /// From nine in the evening until eight in the morning.
    fn default() -> Self {
        let time = |hour| TimeOfDay::new(hour, 0).unwrap_or(TimeOfDay::START);
        Self { start: time(21), end: time(8) }
    }
}

impl QuietHours {
    /// Whether there is an hour of the day at least in which messages may be sent.
    pub(super) fn leaves_time(self) -> bool {
        let Self { start, end } = self;
        // On two days of which nothing is known: of two times, the second may be of the day after.
        let day = jiff::civil::date(2001, 1, 1);
        let quiet = start.on(day).duration_until(end.on(day)).as_mins().rem_euclid(24 * 60);
        (1..=23 * 60).contains(&quiet)
    }

    /// The quiet hours in which an instant lies, if it does. What the clock shows twice is quiet both times.
    pub fn around(self, now: Timestamp, zone: &TimeZone) -> Option<Interval> {
        let today = zone.to_datetime(now).date();
        let nights = [today.saturating_sub(1.day()), today].into_iter();
        let mut nights = nights.filter_map(|day| {
            let last_day = if self.end <= self.start { day.saturating_add(1.day()) } else { day };
            let end = self.end.on(last_day);
            let until = instant(end, zone, Repeated::Second).unwrap_or_else(|_| instant_or_jump(end, zone));
            Interval::new(instant_or_jump(self.start.on(day), zone), until)
        });
        nights.find(|night| night.holds(now))
    }
}

/// While a reminder of an appointment is worth sending, if it is meant `since` an instant; none if it would have had to come
/// before. It ends when the reminder would be too late to be of use, or the appointment begins.
///
/// One that would come in quiet hours comes right before them. If that is over already, it comes at their end, unless the
/// appointment has begun by then. One that is late is of use for as long again as half of its lead.
pub fn due(
    rule: ReminderRule,
    starts: Timestamp,
    since: Timestamp,
    quiet: Option<QuietHours>,
    zone: &TimeZone,
) -> Option<Interval> {
    let planned = starts.checked_sub(rule.lead()).ok().filter(|planned| since < *planned)?;
    let from = match quiet.and_then(|quiet| quiet.around(planned, zone)) {
        None => planned,
        Some(night) if since < night.from => {
            night.from.checked_sub(BEFORE_QUIET).map_or(since, |before| before.max(since))
        }
        Some(night) => night.until,
    };
    let late = planned.max(from).checked_add(rule.lead() / 2).unwrap_or(Timestamp::MAX);
    Interval::new(from, late.min(starts))
}
