//! Appointments that come again: recurrence rules of RFC 5545, worked out by `rrule` on the clock of the practice, so that
//! "every Monday at nine" stays at nine when the clock is changed.
//!
//! `rrule` speaks the times of `chrono`. It is given what the clock shows as if that were UTC, which no change of the clock
//! ever touches; instants are made of its answers in the practice's own zone.

use chrono::{DateTime as ChronoTime, Datelike, NaiveDate, TimeZone, Timelike};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use rrule::{Frequency, RRule, Tz, Unvalidated};

use crate::values::RuleBroken;

/// No series has more occurrences than this.
pub const MOST_OCCURRENCES: usize = 200;

/// No occurrence lies further from the first than this many days.
const FURTHEST_DAYS: i32 = 3 * 366;

/// The longest text of a rule.
pub const LONGEST_RULE: usize = 500;

/// A recurrence rule such as `FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=10`.
///
/// It comes at most once a day, and ends by one of `COUNT` and `UNTIL` (a date, or a time on the clock of the practice). What
/// RFC 5545 has besides is refused by name: better no series than another one.
#[derive(Clone, Debug, PartialEq)]
pub struct RecurrenceRule(RRule<Unvalidated>);

fn broken(detail: impl Into<String>) -> RuleBroken {
    RuleBroken::new("recurrence_rule", detail)
}

impl RecurrenceRule {
    /// Reads a rule.
    pub fn parse(raw: &str) -> Result<Self, RuleBroken> {
        if raw.len() > LONGEST_RULE {
            return Err(broken(format!("A rule has at most {LONGEST_RULE} characters.")));
        }
        let mut parts = Vec::new();
        for part in raw.strip_prefix("RRULE:").unwrap_or(raw).split(';') {
            let (name, value) = part.split_once('=').ok_or_else(|| broken("Each part is NAME=VALUE."))?;
            match (name, value) {
                ("FREQ", "SECONDLY" | "MINUTELY" | "HOURLY") => {
                    return Err(broken(format!("FREQ={value} is refused: a series comes at most once a day.")));
                }
                ("BYHOUR" | "BYMINUTE" | "BYSECOND", _) => {
                    return Err(broken(format!("{name} is refused: all occurrences begin at the same time.")));
                }
                ("UNTIL", value) => parts.push(format!("UNTIL={}", until(value)?)),
                (_, _) => parts.push(part.to_owned()),
            }
        }
        let rule: RRule<Unvalidated> =
            parts.join(";").parse().map_err(|_| broken("This is not a recurrence rule of RFC 5545."))?;
        match (rule.get_count(), rule.get_until()) {
            (Some(count), None) if (1..=MOST_OCCURRENCES).contains(&(count as usize)) => {}
            (Some(_), None) => return Err(broken(format!("COUNT must be from 1 to {MOST_OCCURRENCES}."))),
            (None, Some(_)) => {}
            (None, None) | (Some(_), Some(_)) => return Err(broken("A series ends by one of COUNT and UNTIL.")),
        }
        if matches!(rule.get_freq(), Frequency::Hourly | Frequency::Minutely | Frequency::Secondly) {
            return Err(broken("A series comes at most once a day."));
        }
        Ok(Self(rule))
    }

    /// When the occurrences begin, in order, the first of them at `start`, which the rule must name. `except` are days on which
    /// there is none (`EXDATE`), `besides` are times at which there is one as well (`RDATE`). Refused if there are too many,
    /// or one lies more than three years ahead.
    pub fn occurrences(
        &self,
        start: DateTime,
        except: &[Date],
        besides: &[DateTime],
    ) -> Result<Vec<DateTime>, RuleBroken> {
        let far = || broken("A series goes on for at most three years.");
        let begin = as_if_utc(start).ok_or_else(far)?;
        let rule = self.0.clone().validate(begin).map_err(|_| broken("The rule fits no series that begins then."))?;
        let mut set = rrule::RRuleSet::new(begin).rrule(rule);
        for day in except {
            set = set.exdate(as_if_utc(day.to_datetime(start.time())).ok_or_else(far)?);
        }
        for time in besides {
            if *time < start {
                return Err(broken("No occurrence comes before the first."));
            }
            set = set.rdate(as_if_utc(*time).ok_or_else(far)?);
        }
        // One more than there may be tells whether there are too many.
        let limit = u16::try_from(MOST_OCCURRENCES + 1).unwrap_or(u16::MAX);
        let mut found: Vec<DateTime> = set.all(limit).dates.iter().filter_map(shown).collect();
        found.dedup();
        if !except.contains(&start.date()) && found.first() != Some(&start) {
            return Err(broken("The first occurrence must be one that the rule names."));
        }
        if found.is_empty() {
            return Err(broken("The series has no occurrence."));
        }
        if found.len() > MOST_OCCURRENCES {
            return Err(broken(format!("A series has at most {MOST_OCCURRENCES} occurrences.")));
        }
        let last = start.checked_add(FURTHEST_DAYS.days()).map_err(|_| far())?;
        if found.last().is_some_and(|occurrence| *occurrence > last) {
            return Err(far());
        }
        Ok(found)
    }
}

/// `UNTIL` as `rrule` is to read it: a date is its last second.
fn until(value: &str) -> Result<String, RuleBroken> {
    if value.ends_with('Z') {
        return Err(broken("UNTIL is a date, or a time on the clock of the practice, without Z."));
    }
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    match value.split_once('T') {
        None if digits(value, 8) => Ok(format!("{value}T235959Z")),
        Some((date, time)) if digits(date, 8) && digits(time, 6) => Ok(format!("{value}Z")),
        None | Some(_) => Err(broken("UNTIL is written YYYYMMDD or YYYYMMDDTHHMMSS.")),
    }
}

/// What the clock shows, as if it were UTC.
fn as_if_utc(shown: DateTime) -> Option<ChronoTime<Tz>> {
    let unsigned = |number: i8| u32::try_from(number).ok();
    let date = NaiveDate::from_ymd_opt(shown.year().into(), unsigned(shown.month())?, unsigned(shown.day())?)?;
    let time = date.and_hms_opt(unsigned(shown.hour())?, unsigned(shown.minute())?, unsigned(shown.second())?)?;
    Tz::UTC.from_local_datetime(&time).single()
}

/// What the clock shows, of what [`as_if_utc`] made of it.
fn shown(time: &ChronoTime<Tz>) -> Option<DateTime> {
    let small = |number: u32| i8::try_from(number).ok();
    let date = Date::new(i16::try_from(time.year()).ok()?, small(time.month())?, small(time.day())?).ok()?;
    let time = jiff::civil::Time::new(small(time.hour())?, small(time.minute())?, small(time.second())?, 0).ok()?;
    Some(date.to_datetime(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(rule: &str, start: &str) -> Vec<String> {
        let start: DateTime = start.parse().unwrap();
        let rule = RecurrenceRule::parse(rule).unwrap();
        rule.occurrences(start, &[], &[]).unwrap().iter().map(|at| at.date().to_string()).collect()
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
        assert_eq!(days("FREQ=MONTHLY;COUNT=3", "2027-01-31T09:00"), ["2027-01-31", "2027-03-31", "2027-05-31"]);
        assert_eq!(
            days("FREQ=MONTHLY;BYDAY=2TU,-1FR;COUNT=4", "2026-12-08T09:00"),
            ["2026-12-08", "2026-12-25", "2027-01-12", "2027-01-29"]
        );
        // The last working day of each month, and a day of each year that not every year has.
        assert_eq!(
            days("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3", "2026-11-30T09:00"),
            ["2026-11-30", "2026-12-31", "2027-01-29"]
        );
        assert_eq!(days("FREQ=YEARLY;COUNT=2", "2027-03-01T09:00"), ["2027-03-01", "2028-03-01"]);
        assert_eq!(days("FREQ=DAILY;INTERVAL=366;COUNT=2", "2028-02-29T09:00"), ["2028-02-29", "2029-03-01"]);
    }

    #[test]
    fn days_are_left_out_and_times_are_added() {
        let start: DateTime = "2026-11-23T09:00".parse().unwrap();
        let rule = RecurrenceRule::parse("FREQ=WEEKLY;COUNT=3").unwrap();
        let (second, added): (DateTime, DateTime) =
            ("2026-11-30T09:00".parse().unwrap(), "2026-12-01T14:30".parse().unwrap());
        let found = rule.occurrences(start, &[second.date()], &[added, added]).unwrap();
        assert_eq!(found, [start, added, "2026-12-07T09:00".parse().unwrap()]);
        let early = "2026-11-22T09:00".parse().unwrap();
        assert!(rule.occurrences(start, &[], &[early]).is_err());
        let all = [start.date(), second.date(), "2026-12-07".parse().unwrap()];
        assert!(rule.occurrences(start, &all, &[]).is_err());
    }

    #[test]
    fn a_rule_that_is_not_understood_is_refused_by_name() {
        for (rule, why) in [
            ("FREQ=HOURLY;COUNT=2", "FREQ=HOURLY"),
            ("FREQ=DAILY;BYHOUR=9,10;COUNT=2", "BYHOUR"),
            ("FREQ=MONTHLY;BYMONTHDAY=40;COUNT=2", "RFC 5545"),
            ("FREQ=WEEKLY;BYDAY=é;COUNT=2", "RFC 5545"),
            ("FREQ=WEEKLY", "COUNT"),
            ("FREQ=WEEKLY;COUNT=2;UNTIL=20270101", "COUNT"),
            ("FREQ=WEEKLY;COUNT=0", "from 1"),
            ("FREQ=WEEKLY;COUNT=1000", "to 200"),
            ("FREQ=WEEKLY;UNTIL=20270101T000000Z", "without Z"),
            ("FREQ=WEEKLY;UNTIL=2027-01-01", "YYYYMMDD"),
            ("COUNT=2", "RFC 5545"),
            ("", "NAME=VALUE"),
            ("FREQ=WEEKLY;COUNT=2;X=1", "RFC 5545"),
            ("FREQ=WEEKLY;BYDAY=TU;COUNT=2", "rule names"),
            ("FREQ=WEEKLY;UNTIL=20200101", "no series"),
        ] {
            let start: DateTime = "2026-11-23T09:00".parse().unwrap();
            let refusal = RecurrenceRule::parse(rule).and_then(|rule| rule.occurrences(start, &[], &[]));
            let refusal = refusal.expect_err(rule);
            assert!(refusal.detail.contains(why), "{rule}: {}", refusal.detail);
        }
    }

    /// Of a series that begins on Monday the 23rd of November 2026 at nine.
    fn from_monday(rule: &str, besides: &[DateTime]) -> Result<usize, RuleBroken> {
        let start: DateTime = "2026-11-23T09:00".parse().unwrap();
        RecurrenceRule::parse(rule)?.occurrences(start, &[], besides).map(|found| found.len())
    }

    fn refused(outcome: Result<usize, RuleBroken>) -> String {
        outcome.expect_err("it is refused").detail
    }

    #[test]
    fn a_series_has_two_hundred_occurrences_at_most_however_they_are_named() {
        assert_eq!(from_monday("FREQ=DAILY;COUNT=1", &[]), Ok(1));
        assert_eq!(from_monday("FREQ=DAILY;COUNT=200", &[]), Ok(200));
        assert_eq!(from_monday("FREQ=DAILY;UNTIL=20270610", &[]), Ok(200));
        assert_eq!(refused(from_monday("FREQ=DAILY;COUNT=201", &[])), "COUNT must be from 1 to 200.");
        let too_many = "A series has at most 200 occurrences.";
        assert_eq!(refused(from_monday("FREQ=DAILY;UNTIL=20270611", &[])), too_many);
        let one_more = "2026-11-23T14:00".parse().unwrap();
        assert_eq!(refused(from_monday("FREQ=DAILY;COUNT=200", &[one_more])), too_many);
    }

    #[test]
    fn a_series_goes_on_for_three_leap_years_at_most() {
        let start: DateTime = "2026-11-23T09:00".parse().unwrap();
        let last = start + (3 * 366).days();
        assert_eq!(from_monday("FREQ=DAILY;COUNT=1", &[last]), Ok(2));
        let too_far = "A series goes on for at most three years.";
        assert_eq!(refused(from_monday("FREQ=DAILY;COUNT=1", &[last + 1.second()])), too_far);
    }

    #[test]
    fn a_rule_has_five_hundred_characters_at_most() {
        let rule = |repeated| format!("FREQ=DAILY;COUNT=1;BYMONTHDAY=23{}", ",1".repeat(repeated));
        let longest = rule(234);
        assert_eq!((longest.len(), from_monday(&longest, &[])), (LONGEST_RULE, Ok(1)));
        assert_eq!(refused(from_monday(&format!("{longest} "), &[])), "A rule has at most 500 characters.");
    }

    #[test]
    fn the_first_occurrence_may_be_named_again_or_left_out() {
        let start: DateTime = "2026-11-23T09:00".parse().unwrap();
        assert_eq!(from_monday("FREQ=WEEKLY;COUNT=2", &[start]), Ok(2));
        let rule = RecurrenceRule::parse("FREQ=WEEKLY;COUNT=2").unwrap();
        assert_eq!(rule.occurrences(start, &[start.date()], &[]), Ok(vec![start + 1.week()]));
    }

    #[test]
    fn until_is_written_in_digits() {
        for until in ["20261207", "20261207T090000"] {
            assert_eq!(from_monday(&format!("FREQ=WEEKLY;UNTIL={until}"), &[]), Ok(3), "{until}");
        }
        for until in ["2026127", "202612070", "2026120a", "20261207T09000", "20261207T09000a", "2026120T090000"] {
            let refused = refused(from_monday(&format!("FREQ=WEEKLY;UNTIL={until}"), &[]));
            assert_eq!(refused, "UNTIL is written YYYYMMDD or YYYYMMDDTHHMMSS.", "{until}");
        }
    }

    #[test]
    fn a_series_has_an_end_in_sight() {
        let start: DateTime = "2026-11-23T09:00".parse().unwrap();
        for rule in ["FREQ=DAILY;UNTIL=20290101", "FREQ=MONTHLY;INTERVAL=12;COUNT=20", "FREQ=YEARLY;COUNT=5"] {
            assert!(RecurrenceRule::parse(rule).unwrap().occurrences(start, &[], &[]).is_err(), "{rule}");
        }
    }
}
