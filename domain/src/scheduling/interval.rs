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

    #[test]
    fn what_ends_when_the_other_begins_does_not_meet_it() {
        assert!(!minutes(0, 30).overlaps(minutes(30, 60)));
        assert_eq!(minutes(0, 30).common(minutes(30, 60)), None);
        assert!(minutes(0, 31).overlaps(minutes(30, 60)));
        assert_eq!(united(vec![minutes(30, 60), minutes(0, 30)]), [minutes(0, 60)]);
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
