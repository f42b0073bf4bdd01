//! Appointments that come again: the part of RFC 5545's recurrence rules that a practice needs, worked out on the clock of
//! the practice, so that "every Monday at nine" stays at nine when the clock is changed.
//!
//! The crate `rrule` would bring a second library of times (chrono) beside jiff, and its own tables of zones.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Weekday};

use crate::values::RuleBroken;

/// No series has more occurrences than this.
pub const MOST_OCCURRENCES: usize = 200;

/// No occurrence lies further from the first than this many days.
const FURTHEST_DAYS: i32 = 3 * 366;

/// How often it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
}

/// A weekday of a rule: each of them, or the so-manieth of a month (from its end, if negative).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ByDay {
    ordinal: Option<i8>,
    weekday: Weekday,
}

/// Where a series ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Count(usize),
    Until(DateTime),
}

/// A recurrence rule: `FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=10`.
///
/// `FREQ` is `DAILY`, `WEEKLY` or `MONTHLY`; `INTERVAL`, `BYDAY` (with ordinals if monthly), and one of `COUNT` and `UNTIL`
/// (a date, or a time on the clock of the practice). All other parts are refused by name: better no series than another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecurrenceRule {
    frequency: Frequency,
    interval: i32,
    by_day: Vec<ByDay>,
    end: End,
}

fn broken(detail: impl Into<String>) -> RuleBroken {
    RuleBroken::new("recurrence_rule", detail)
}

impl RecurrenceRule {
    /// Reads a rule.
    pub fn parse(raw: &str) -> Result<Self, RuleBroken> {
        let (mut frequency, mut interval, mut by_day, mut count, mut until) = (None, None, None, None, None);
        for part in raw.strip_prefix("RRULE:").unwrap_or(raw).split(';') {
            let (name, value) = part.split_once('=').ok_or_else(|| broken("Each part is NAME=VALUE."))?;
            let twice = match name {
                "FREQ" => frequency.replace(parse_frequency(value)?).is_some(),
                "INTERVAL" => interval.replace(parse_number(value, 1..=366)?).is_some(),
                "BYDAY" => by_day.replace(value.split(',').map(parse_day).collect::<Result<Vec<_>, _>>()?).is_some(),
                "COUNT" => count.replace(parse_number(value, 1..=MOST_OCCURRENCES)?).is_some(),
                "UNTIL" => until.replace(parse_until(value)?).is_some(),
                // The week begins on Monday, which is the default.
                "WKST" if value == "MO" => false,
                "BYMONTHDAY" | "BYMONTH" | "BYSETPOS" | "BYYEARDAY" | "BYWEEKNO" | "BYHOUR" | "BYMINUTE"
                | "BYSECOND" | "WKST" => return Err(broken(format!("{name} is not supported."))),
                _ => return Err(broken("A part has an unknown name.")),
            };
            if twice {
                return Err(broken(format!("{name} is given twice.")));
            }
        }
        let end = match (count, until) {
            (Some(count), None) => End::Count(count),
            (None, Some(until)) => End::Until(until),
            (None, None) | (Some(_), Some(_)) => return Err(broken("A series ends by one of COUNT and UNTIL.")),
        };
        let frequency = frequency.ok_or_else(|| broken("FREQ is missing."))?;
        let by_day = by_day.unwrap_or_default();
        if frequency != Frequency::Monthly && by_day.iter().any(|day| day.ordinal.is_some()) {
            return Err(broken("BYDAY has numbers in monthly series only."));
        }
        Ok(Self { frequency, interval: interval.unwrap_or(1), by_day, end })
    }

    /// When the occurrences begin, in order, the first of them at `start`: as RFC 5545 has it, `start` is one even if the
    /// rule does not name its day. Refused if there are too many, or one lies more than three years ahead.
    pub fn occurrences(&self, start: DateTime) -> Result<Vec<DateTime>, RuleBroken> {
        let mut found = vec![start];
        let last_day =
            start.date().checked_add(FURTHEST_DAYS.days()).map_err(|_| broken("The series goes too far."))?;
        for step in 0.. {
            if self.enough(&found) {
                break;
            }
            let Some((period_begins, days)) = self.period(start.date(), step) else { break };
            if period_begins > last_day {
                break;
            }
            for day in days {
                let occurrence = day.to_datetime(start.time());
                let after_end = matches!(self.end, End::Until(until) if occurrence > until);
                if occurrence > start && !after_end && !self.enough(&found) {
                    if day > last_day {
                        return Err(broken("A series goes on for at most three years."));
                    }
                    found.push(occurrence);
                }
            }
            if found.len() > MOST_OCCURRENCES {
                return Err(broken(format!("A series has at most {MOST_OCCURRENCES} occurrences.")));
            }
            if matches!(self.end, End::Until(until) if period_begins > until.date()) {
                break;
            }
        }
        Ok(found)
    }

    fn enough(&self, found: &[DateTime]) -> bool {
        matches!(self.end, End::Count(count) if found.len() >= count)
    }

    /// The first day of the so-manieth day, week or month of the series, and the days of it that the rule names.
    fn period(&self, start: Date, step: i32) -> Option<(Date, BTreeSet<Date>)> {
        let steps = step.checked_mul(self.interval)?;
        let named = |date: &Date| self.by_day.is_empty() || self.by_day.iter().any(|day| day.weekday == date.weekday());
        match self.frequency {
            Frequency::Daily => {
                let day = start.checked_add(steps.days()).ok()?;
                Some((day, Some(day).filter(named).into_iter().collect()))
            }
            Frequency::Weekly => {
                let monday = start.checked_sub(i32::from(start.weekday().to_monday_zero_offset()).days()).ok()?;
                let monday = monday.checked_add(steps.weeks()).ok()?;
                let same_weekday = |date: &Date| !self.by_day.is_empty() || date.weekday() == start.weekday();
                let days = (0..7).filter_map(|day: i32| monday.checked_add(day.days()).ok());
                Some((monday, days.filter(|day| named(day) && same_weekday(day)).collect()))
            }
            Frequency::Monthly => {
                let first = start.first_of_month().checked_add(steps.months()).ok()?;
                if self.by_day.is_empty() {
                    // A month without that day has no occurrence.
                    let day = Date::new(first.year(), first.month(), start.day()).ok();
                    return Some((first, day.into_iter().collect()));
                }
                let days = self.by_day.iter().flat_map(|day| days_of_month(first, *day)).collect();
                Some((first, days))
            }
        }
    }
}

fn days_of_month(first: Date, ByDay { ordinal, weekday }: ByDay) -> Vec<Date> {
    match ordinal {
        Some(ordinal) => first.nth_weekday_of_month(ordinal, weekday).into_iter().collect(),
        None => (1..=5).filter_map(|nth| first.nth_weekday_of_month(nth, weekday).ok()).collect(),
    }
}

fn parse_frequency(value: &str) -> Result<Frequency, RuleBroken> {
    match value {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "SECONDLY" | "MINUTELY" | "HOURLY" | "YEARLY" => Err(broken(format!("FREQ={value} is not supported."))),
        _ => Err(broken("FREQ is DAILY, WEEKLY or MONTHLY.")),
    }
}

fn parse_number<N: std::str::FromStr + PartialOrd + std::fmt::Display>(
    value: &str,
    range: std::ops::RangeInclusive<N>,
) -> Result<N, RuleBroken> {
    let number =
        Some(value).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit())).and_then(|v| v.parse().ok());
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| broken(format!("A number must be from {} to {}.", range.start(), range.end())))
}

fn parse_day(value: &str) -> Result<ByDay, RuleBroken> {
    let unknown = || broken("BYDAY names MO, TU, WE, TH, FR, SA and SU, in monthly series with numbers from -5 to 5.");
    let at = value.len().checked_sub(2).filter(|at| value.is_char_boundary(*at)).ok_or_else(unknown)?;
    let (ordinal, weekday) = value.split_at(at);
    let weekday = match weekday {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return Err(unknown()),
    };
    let ordinal = match ordinal {
        "" => None,
        text => Some(text.parse().ok().filter(|nth: &i8| (1..=5).contains(&nth.abs())).ok_or_else(unknown)?),
    };
    Ok(ByDay { ordinal, weekday })
}

/// `20270630` (all of that day) or `20270630T235959`.
fn parse_until(value: &str) -> Result<DateTime, RuleBroken> {
    if value.ends_with('Z') {
        return Err(broken("UNTIL is a date, or a time on the clock of the practice: without Z."));
    }
    let parsed = match value.len() {
        8 => Date::strptime("%Y%m%d", value).map(|date| date.at(23, 59, 59, 0)),
        _ => DateTime::strptime("%Y%m%dT%H%M%S", value),
    };
    parsed.map_err(|_| broken("UNTIL is a date such as 20270630, or a time such as 20270630T120000."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(rule: &str, start: &str) -> Vec<String> {
        let start: DateTime = start.parse().unwrap();
        let rule = RecurrenceRule::parse(rule).unwrap();
        rule.occurrences(start).unwrap().iter().map(|at| at.date().to_string()).collect()
    }

    #[test]
    fn series_come_as_rfc_5545_has_them() {
        let monday = "2026-11-23T09:00";
        assert_eq!(days("FREQ=DAILY;COUNT=3", monday), ["2026-11-23", "2026-11-24", "2026-11-25"]);
        assert_eq!(days("FREQ=DAILY;INTERVAL=10;UNTIL=20261213", monday), ["2026-11-23", "2026-12-03", "2026-12-13"]);
        assert_eq!(days("FREQ=DAILY;BYDAY=MO,FR;COUNT=3", monday), ["2026-11-23", "2026-11-27", "2026-11-30"]);
        assert_eq!(days("FREQ=WEEKLY;UNTIL=20261207T085959", monday), ["2026-11-23", "2026-11-30"]);
        assert_eq!(days("FREQ=WEEKLY;UNTIL=20261207T090000", monday).len(), 3);
        assert_eq!(
            days("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=4;WKST=MO", monday),
            ["2026-11-23", "2026-11-26", "2026-12-07", "2026-12-10"]
        );
        // The first week is the one in which it begins, on whatever day that is.
        assert_eq!(days("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;COUNT=2", "2026-11-25T09:00"), ["2026-11-25", "2026-12-07"]);
        assert_eq!(days("FREQ=MONTHLY;COUNT=3", "2027-01-31T09:00"), ["2027-01-31", "2027-03-31", "2027-05-31"]);
        assert_eq!(
            days("FREQ=MONTHLY;BYDAY=2TU,-1FR;COUNT=4", "2026-12-08T09:00"),
            ["2026-12-08", "2026-12-25", "2027-01-12", "2027-01-29"]
        );
        assert_eq!(days("FREQ=MONTHLY;INTERVAL=12;BYDAY=SU;COUNT=5", "2028-02-06T09:00").last().unwrap(), "2029-02-04");
        assert_eq!(days("FREQ=DAILY;INTERVAL=366;COUNT=2", "2028-02-29T09:00"), ["2028-02-29", "2029-03-01"]);
    }

    #[test]
    fn a_rule_that_is_not_understood_is_refused_by_name() {
        for (rule, why) in [
            ("FREQ=YEARLY;COUNT=2", "FREQ=YEARLY"),
            ("FREQ=MONTHLY;BYMONTHDAY=1;COUNT=2", "BYMONTHDAY"),
            ("FREQ=MONTHLY;BYSETPOS=1;COUNT=2", "BYSETPOS"),
            ("FREQ=WEEKLY;WKST=SU;COUNT=2", "WKST"),
            ("FREQ=WEEKLY;BYDAY=2MO;COUNT=2", "BYDAY"),
            ("FREQ=WEEKLY;BYDAY=é;COUNT=2", "BYDAY"),
            ("FREQ=MONTHLY;BYDAY=6MO;COUNT=2", "BYDAY"),
            ("FREQ=WEEKLY", "COUNT"),
            ("FREQ=WEEKLY;COUNT=2;UNTIL=20270101", "COUNT"),
            ("FREQ=WEEKLY;COUNT=0", "from 1"),
            ("FREQ=WEEKLY;COUNT=1000", "to 200"),
            ("FREQ=WEEKLY;COUNT=+2", "from 1"),
            ("FREQ=WEEKLY;UNTIL=20270101T000000Z", "without Z"),
            ("FREQ=WEEKLY;FREQ=DAILY;COUNT=2", "twice"),
            ("COUNT=2", "FREQ"),
            ("", "NAME=VALUE"),
            ("FREQ=WEEKLY;COUNT=2;X=1", "unknown"),
        ] {
            let refusal = RecurrenceRule::parse(rule).expect_err(rule);
            assert!(refusal.detail.contains(why), "{rule}: {}", refusal.detail);
        }
    }

    #[test]
    fn a_series_has_an_end_in_sight() {
        let start: DateTime = "2026-11-23T09:00".parse().unwrap();
        for rule in ["FREQ=DAILY;UNTIL=20290101", "FREQ=MONTHLY;INTERVAL=12;COUNT=20"] {
            let outcome = RecurrenceRule::parse(rule).unwrap().occurrences(start);
            assert!(outcome.is_err() || outcome.unwrap().len() <= 4, "{rule}");
        }
        // A rule that never comes again ends as well.
        assert_eq!(days("FREQ=MONTHLY;INTERVAL=12;BYDAY=5MO;COUNT=9", "2026-11-23T09:00")[0], "2026-11-23");
    }
}
