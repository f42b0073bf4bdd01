//! Free slots: worked out from hours and bookings whenever somebody asks, and never stored.

use std::num::NonZeroU16;
use std::slice;

use jiff::{SignedDuration, Timestamp};

use super::interval::{Interval, united, without};

const NANOSECONDS_A_MINUTE: i128 = 60_000_000_000;

/// When one practitioner can be booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// When they are there.
    hours: Vec<Interval>,
    /// When nothing may lie: their bookings, and the buffers around them.
    taken: Vec<Interval>,
    not_before: Timestamp,
}

impl Calendar {
    /// Of hours and bookings, in whatever order. Between two bookings lie at least `buffer_minutes`; nothing is offered
    /// before `not_before`.
    pub fn new(open: Vec<Interval>, busy: &[Interval], buffer_minutes: u16, not_before: Timestamp) -> Self {
        let buffer = SignedDuration::from_mins(buffer_minutes.into());
        let widened = busy.iter().map(|busy| Interval {
            from: busy.from.checked_sub(buffer).unwrap_or(Timestamp::MIN),
            until: busy.until.checked_add(buffer).unwrap_or(Timestamp::MAX),
        });
        Self { hours: united(open), taken: united(widened.collect()), not_before }
    }

    /// What is free of a stretch.
    fn free(&self, hours: &Interval) -> Vec<Interval> {
        let first = self.taken.partition_point(|taken| taken.until <= hours.from);
        without(slice::from_ref(hours), &self.taken[first..])
    }
}

/// Which slots are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotSearch {
    /// Within what they lie.
    pub window: Interval,
    /// How long each of them is.
    pub duration_minutes: NonZeroU16,
    /// How far apart they begin, counted from when the hours begin: slots may overlap each other.
    pub step_minutes: NonZeroU16,
}

impl SlotSearch {
    /// The slots in a stretch that is free, of hours that begin at `anchor`.
    fn on_grid(self, anchor: Timestamp, free: Interval) -> impl Iterator<Item = Interval> {
        let duration = i64::from(self.duration_minutes.get());
        let step = i64::from(self.step_minutes.get());
        let nanoseconds = |from: Timestamp, until: Timestamp| until.as_nanosecond() - from.as_nanosecond();
        // Bounded by the range of time itself: minutes between two timestamps fit.
        let minutes =
            |nanoseconds: i128| i64::try_from(nanoseconds.div_euclid(NANOSECONDS_A_MINUTE)).unwrap_or(i64::MAX);
        let up_to_first = -minutes(-nanoseconds(anchor, free.from));
        let up_to_last = minutes(nanoseconds(anchor, free.until)) - duration;
        let first = up_to_first.div_euclid(step) + i64::from(up_to_first.rem_euclid(step) > 0);
        let last = up_to_last.div_euclid(step);
        (first..=last).map_while(move |number| {
            let from = anchor.checked_add(SignedDuration::from_mins(number * step)).ok()?;
            Interval::new(from, from.checked_add(SignedDuration::from_mins(duration)).ok()?)
        })
    }
}

/// The slots that are free in a calendar, the first ones first. Each is worked out when it is asked for.
pub fn free_slots(calendar: &Calendar, search: SlotSearch) -> impl Iterator<Item = Interval> {
    let Interval { from, until } = search.window;
    let asked = Interval::new(from.max(calendar.not_before), until);
    asked.into_iter().flat_map(move |asked| {
        let first = calendar.hours.partition_point(|hours| hours.until <= asked.from);
        let hours = calendar.hours[first..].iter().take_while(move |hours| hours.from < asked.until);
        hours.flat_map(move |hours| {
            let free = calendar.free(hours).into_iter().filter_map(move |free| free.common(asked));
            free.flat_map(move |free| search.on_grid(hours.from, free))
        })
    })
}

/// The slots that are free in any of several calendars, with whose each is: the first `limit`, or all. Of those that begin
/// together, those of the calendar that is named first come first.
pub fn free_slots_of_any<K: Copy>(
    calendars: &[(K, Calendar)],
    search: SlotSearch,
    limit: Option<usize>,
) -> Vec<(K, Interval)> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut slots: Vec<(K, Interval)> = Vec::new();
    for (whose, calendar) in calendars {
        slots.extend(free_slots(calendar, search).take(limit).map(|slot| (*whose, slot)));
    }
    // Stable, so that the order of the calendars decides between equals.
    slots.sort_by_key(|(_, slot)| slot.from);
    slots.truncate(limit);
    slots
}
