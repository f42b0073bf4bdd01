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
        let widened = busy.iter().map(|busy| busy.widened(buffer));
        Self { hours: united(open), taken: united(widened.collect()), not_before }
    }

    /// The same calendar, less what takes the time of somebody or something else that is needed: without buffers, which are
    /// the practitioner's own.
    #[must_use]
    pub fn without(mut self, others: &[Interval]) -> Self {
        if !others.is_empty() {
            self.taken = united([self.taken.as_slice(), others].concat());
        }
        self
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minute(number: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + number * 60).expect("a time")
    }

    fn stretch(from: i64, until: i64) -> Interval {
        Interval { from: minute(from), until: minute(until) }
    }

    fn search(window: Interval, duration: u16, step: u16) -> SlotSearch {
        let minutes = |number| NonZeroU16::new(number).expect("not zero");
        SlotSearch { window, duration_minutes: minutes(duration), step_minutes: minutes(step) }
    }

    /// The minutes at which slots begin.
    fn begin(slots: impl IntoIterator<Item = Interval>) -> Vec<i64> {
        slots.into_iter().map(|slot| (slot.from.as_second() - minute(0).as_second()) / 60).collect()
    }

    #[test]
    fn slots_lie_between_bookings_and_begin_in_step_with_the_hours() {
        let busy = [stretch(30, 50), stretch(90, 100)];
        let calendar = Calendar::new(vec![stretch(0, 120)], &busy, 0, Timestamp::MIN);
        assert_eq!(begin(free_slots(&calendar, search(stretch(0, 120), 30, 15))), [0, 60]);
        assert_eq!(begin(free_slots(&calendar, search(stretch(0, 120), 20, 10))), [0, 10, 50, 60, 70, 100]);
        assert_eq!(begin(free_slots(&calendar, search(stretch(55, 120), 15, 15)).take(1)), [60]);
        assert!(begin(free_slots(&calendar, search(stretch(0, 120), 41, 1))).is_empty());
    }

    #[test]
    fn a_buffer_keeps_slots_away_from_bookings_and_notice_from_now() {
        let calendar = Calendar::new(vec![stretch(0, 120)], &[stretch(50, 60)], 10, Timestamp::MIN);
        assert_eq!(begin(free_slots(&calendar, search(stretch(0, 120), 20, 10))), [0, 10, 20, 70, 80, 90, 100]);
        let just_after = minute(70) + SignedDuration::from_nanos(1);
        let calendar = Calendar::new(vec![stretch(0, 120)], &[], 0, just_after);
        assert_eq!(begin(free_slots(&calendar, search(stretch(0, 120), 20, 10))), [80, 90, 100]);
    }

    #[test]
    fn whoever_is_needed_as_well_takes_time_without_a_buffer() {
        let calendar = Calendar::new(vec![stretch(0, 120)], &[stretch(0, 10)], 10, Timestamp::MIN);
        let calendar = calendar.without(&[]).without(&[stretch(50, 60), stretch(100, 300)]);
        assert_eq!(begin(free_slots(&calendar, search(stretch(0, 120), 20, 10))), [20, 30, 60, 70, 80]);
    }

    #[test]
    fn of_several_practitioners_the_first_slots_come_first() {
        let calendar = |from, until| Calendar::new(vec![stretch(from, until)], &[], 0, Timestamp::MIN);
        let calendars = [("b", calendar(30, 90)), ("a", calendar(0, 60)), ("c", calendar(0, 10))];
        let search = search(stretch(0, 120), 30, 30);
        let found = |limit| {
            let slots = free_slots_of_any(&calendars, search, limit);
            slots.into_iter().map(|(whose, slot)| (whose, begin([slot])[0])).collect::<Vec<_>>()
        };
        assert_eq!(found(None), [("a", 0), ("b", 30), ("a", 30), ("b", 60)]);
        assert_eq!(found(Some(2)), [("a", 0), ("b", 30)]);
        assert_eq!(found(Some(0)), []);
    }

    #[test]
    fn the_edges_of_time_hold_no_slots_and_no_surprise() {
        let ever = Interval { from: Timestamp::MIN, until: Timestamp::MAX };
        let calendar = Calendar::new(vec![ever], &[ever], u16::MAX, Timestamp::MIN);
        assert_eq!(free_slots(&calendar, search(ever, 30, 30)).next(), None);
        let calendar = Calendar::new(vec![ever], &[], u16::MAX, Timestamp::MIN);
        assert_eq!(free_slots(&calendar, search(ever, u16::MAX, 1)).take(3).count(), 3);
        let backwards = Interval { from: Timestamp::MAX, until: Timestamp::MIN };
        assert_eq!(free_slots(&calendar, search(backwards, 30, 30)).next(), None);
    }

    const DAY: i64 = 400;

    fn stretches(most: usize, longest: i64) -> impl Strategy<Value = Vec<(i64, i64)>> {
        let stretch = (0..DAY, 1..longest).prop_map(|(from, length)| (from, from + length));
        proptest::collection::vec(stretch, 0..most)
    }

    proptest! {
        /// Against a list of minutes: a slot is free if it begins in step with the hours, if all its minutes are open and
        /// asked for, and if nobody is booked in them or within the buffer.
        #[test]
        fn free_slots_are_those_of_which_every_minute_is_free(
            hours in stretches(4, 200),
            busy in stretches(6, 30),
            (duration, step, buffer) in (1..40_u16, 1..20_u16, 0..8_u16),
            window in (0..DAY / 2, DAY / 4..DAY + 200),
            not_before in -200..DAY / 2,
        ) {
            let intervals = |list: &[(i64, i64)]| list.iter().map(|(from, until)| stretch(*from, *until)).collect::<Vec<_>>();
            let calendar = Calendar::new(intervals(&hours), &intervals(&busy), buffer, minute(not_before));
            let found = begin(free_slots(&calendar, search(stretch(window.0, window.1), duration, step)));

            let within = |list: &[(i64, i64)], minute: i64| list.iter().any(|(from, until)| (*from..*until).contains(&minute));
            let (duration, step, buffer) = (i64::from(duration), i64::from(step), i64::from(buffer));
            let mut expected = Vec::new();
            let mut opened = 0;
            for begin in 0..DAY + 200 {
                if !within(&hours, begin) {
                    continue;
                }
                if !within(&hours, begin - 1) {
                    opened = begin;
                }
                let asked = window.0 <= begin && begin + duration <= window.1 && begin >= not_before;
                let open = (begin..begin + duration).all(|minute| within(&hours, minute));
                let free = (begin - buffer..begin + duration + buffer).all(|minute| !within(&busy, minute));
                if asked && open && free && (begin - opened) % step == 0 {
                    expected.push(begin);
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
