//! Half-open stretches of time, and sets of them: what opening hours, leave and bookings come down to.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The time from one instant until right before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Interval {
    /// The first instant in it.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

impl Interval {
    /// From one instant until right before another; none if there is nothing between them.
    pub fn new(from: Timestamp, until: Timestamp) -> Option<Self> {
        (from < until).then_some(Self { from, until })
    }

    /// How long it is.
    pub fn duration(self) -> SignedDuration {
        self.from.duration_until(self.until)
    }

    /// Whether the instant lies in it.
    pub fn holds(self, instant: Timestamp) -> bool {
        self.from <= instant && instant < self.until
    }

    /// Longer by this on both sides, as far as there is time.
    #[must_use]
    pub fn widened(self, by: SignedDuration) -> Self {
        Self {
            from: self.from.checked_sub(by).unwrap_or(Timestamp::MIN),
            until: self.until.checked_add(by).unwrap_or(Timestamp::MAX),
        }
    }

    /// Later by this, or earlier if it is negative. Beyond all time, it is at its edge.
    #[must_use]
    pub fn shifted(self, by: SignedDuration) -> Self {
        let edge = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
        let shift = |instant: Timestamp| instant.checked_add(by).unwrap_or(edge);
        Self { from: shift(self.from), until: shift(self.until) }
    }

    /// Whether no instant of the other lies outside.
    pub fn contains(self, other: Self) -> bool {
        self.from <= other.from && other.until <= self.until
    }

    /// Whether an instant lies in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.until && other.from < self.until
    }

    /// What lies in both.
    pub fn common(self, other: Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.until.min(other.until))
    }
}

/// The instants that lie in any of these, as the fewest stretches, in order. Those that touch become one.
pub fn united(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable();
    let mut whole: Vec<Interval> = Vec::with_capacity(intervals.len());
    for next in intervals.into_iter().filter(|interval| interval.from < interval.until) {
        match whole.last_mut() {
            Some(last) if next.from <= last.until => last.until = last.until.max(next.until),
            Some(_) | None => whole.push(next),
        }
    }
    whole
}

/// What lies in the first and not in the second. Both are as [`united`] gives them, and so is the answer.
pub fn without(whole: &[Interval], taken: &[Interval]) -> Vec<Interval> {
    let mut left = Vec::with_capacity(whole.len());
    let mut taken = taken.iter().copied().peekable();
    for &Interval { from, until } in whole {
        let mut from = from;
        // One that reaches into the next stretch is looked at again there.
        while let Some(next) = taken.peek().copied().filter(|next| next.from < until) {
            left.extend(Interval::new(from, next.from));
            from = from.max(next.until);
            if next.until > until {
                break;
            }
            taken.next();
        }
        left.extend(Interval::new(from, until));
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTES: i64 = 60;

    fn minutes(from: i64, until: i64) -> Interval {
        let at = |minute: i64| Timestamp::from_second(minute * 60).expect("a time");
        Interval { from: at(from), until: at(until) }
    }

    fn covers(intervals: &[Interval], minute: i64) -> bool {
        intervals.iter().any(|interval| interval.contains(minutes(minute, minute + 1)))
    }

    fn stretches() -> impl Strategy<Value = Vec<Interval>> {
        let stretch = (0..MINUTES, 0..12_i64).prop_map(|(from, length)| minutes(from, from + length));
        proptest::collection::vec(stretch, 0..8)
    }

    /// Of the stretch from 30 to 60: whether another overlaps it, and lies in it, and what they have in common.
    #[test]
    fn two_stretches_meet_in_the_instants_that_both_hold() {
        let half_an_hour = minutes(30, 60);
        for (other, overlaps, contains, common) in [
            (minutes(0, 30), false, false, None),
            (minutes(0, 31), true, false, Some(minutes(30, 31))),
            (minutes(30, 60), true, true, Some(minutes(30, 60))),
            (minutes(31, 59), true, true, Some(minutes(31, 59))),
            (minutes(29, 60), true, false, Some(minutes(30, 60))),
            (minutes(30, 61), true, false, Some(minutes(30, 60))),
            (minutes(59, 90), true, false, Some(minutes(59, 60))),
            (minutes(60, 90), false, false, None),
        ] {
            assert_eq!(half_an_hour.overlaps(other), overlaps, "{other:?}");
            assert_eq!(other.overlaps(half_an_hour), overlaps, "{other:?}");
            assert_eq!(half_an_hour.contains(other), contains, "{other:?}");
            assert_eq!((half_an_hour.common(other), other.common(half_an_hour)), (common, common), "{other:?}");
        }
    }

    #[test]
    fn a_stretch_holds_its_first_instant_and_not_the_first_after_it() {
        let (half_an_hour, moment) = (minutes(30, 60), SignedDuration::from_nanos(1));
        for (instant, held) in [
            (half_an_hour.from - moment, false),
            (half_an_hour.from, true),
            (half_an_hour.until - moment, true),
            (half_an_hour.until, false),
        ] {
            assert_eq!(half_an_hour.holds(instant), held, "{instant}");
        }
        assert_eq!(Interval::new(half_an_hour.from, half_an_hour.from), None);
        assert_eq!(Interval::new(half_an_hour.until, half_an_hour.from), None);
        assert_eq!(half_an_hour.duration(), SignedDuration::from_mins(30));
    }

    #[test]
    fn stretches_that_touch_become_one() {
        assert_eq!(united(vec![minutes(30, 60), minutes(0, 30)]), [minutes(0, 60)]);
        assert_eq!(united(vec![minutes(31, 60), minutes(0, 30)]), [minutes(0, 30), minutes(31, 60)]);
    }

    #[test]
    fn a_stretch_grows_and_moves_as_far_as_there_is_time() {
        let by = SignedDuration::from_mins;
        assert_eq!(minutes(30, 60).widened(by(10)), minutes(20, 70));
        assert_eq!(minutes(30, 60).shifted(by(10)), minutes(40, 70));
        assert_eq!(minutes(30, 60).shifted(by(-10)), minutes(20, 50));
        let ever = Interval { from: Timestamp::MIN, until: Timestamp::MAX };
        assert_eq!(ever.widened(by(10)), ever);
        assert_eq!(ever.shifted(by(10)), Interval { from: Timestamp::MIN + by(10), until: Timestamp::MAX });
        assert_eq!(ever.shifted(by(-10)), Interval { from: Timestamp::MIN, until: Timestamp::MAX - by(10) });
    }

    proptest! {
        #[test]
        fn sets_of_stretches_hold_each_minute_that_they_should(some in stretches(), others in stretches()) {
            let (whole, taken) = (united(some.clone()), united(others.clone()));
            let left = without(&whole, &taken);
            for minute in -1..MINUTES + 13 {
                prop_assert_eq!(covers(&whole, minute), covers(&some, minute));
                prop_assert_eq!(covers(&left, minute), covers(&some, minute) && !covers(&others, minute));
            }
            for set in [whole, left] {
                prop_assert!(set.windows(2).all(|pair| pair[0].until < pair[1].from), "not the fewest: {:?}", set);
                prop_assert_eq!(united(set.clone()), set);
            }
        }
    }
}
