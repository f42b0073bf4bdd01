//! Hours, leave and extra hours as instants: in zones that put their clocks forward and back, and in zones that do not.

use jiff::civil::{DateTime, Weekday, date};
use proptest::prelude::*;
use uuid::Uuid;

use super::tests::{on, slot};
use super::*;
use crate::scheduling::{SlotSearch, free_slots};

const EVERY_DAY: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn shown(text: &str) -> DateTime {
    text.parse().expect("a time on the wall")
}

/// Open at these hours on every day.
fn every_day(slots: &[(&str, &str)]) -> Availability {
    let hours = EVERY_DAY.iter().map(|day| on(*day, slots)).collect();
    Availability { weekly: [(date(2020, 1, 1), hours)].into(), ..Availability::default() }
}

fn with_leave(mut availability: Availability, from: &str, until: &str) -> Availability {
    let leave = Leave { from: shown(from), until: shown(until), kind: LeaveKind::Other };
    availability.leave.insert(LeaveId(Uuid::nil()), leave);
    availability
}

/// What is open on some days, from 00:00 of the first to 00:00 of the last.
fn open(availability: &Availability, zone: &TimeZone, first: Date, last: Date) -> Vec<(String, String)> {
    let start = |day: Date| day.to_zoned(zone.clone()).expect("a day").timestamp();
    let open = availability.open_intervals(Interval { from: start(first), until: start(last) }, zone);
    open.iter().map(|open| (open.from.to_string(), open.until.to_string())).collect()
}

/// From 08:00 to 12:00 and from 14:00 to 18:00 on the days around each change of the clocks of 2026, and what is open then.
/// Each line: the zone, a day, and the instants at which the hours of that day begin.
#[test]
fn hours_are_the_same_on_the_wall_before_and_after_the_clocks_change() {
    let table = [
        ("Europe/Paris", (2026, 3, 28), "2026-03-28T07:00:00Z", "2026-03-28T13:00:00Z"),
        ("Europe/Paris", (2026, 3, 29), "2026-03-29T06:00:00Z", "2026-03-29T12:00:00Z"),
        ("Europe/Paris", (2026, 10, 24), "2026-10-24T06:00:00Z", "2026-10-24T12:00:00Z"),
        ("Europe/Paris", (2026, 10, 25), "2026-10-25T07:00:00Z", "2026-10-25T13:00:00Z"),
        ("America/Santiago", (2026, 4, 4), "2026-04-04T11:00:00Z", "2026-04-04T17:00:00Z"),
        ("America/Santiago", (2026, 4, 5), "2026-04-05T12:00:00Z", "2026-04-05T18:00:00Z"),
        ("America/Santiago", (2026, 9, 5), "2026-09-05T12:00:00Z", "2026-09-05T18:00:00Z"),
        ("America/Santiago", (2026, 9, 6), "2026-09-06T11:00:00Z", "2026-09-06T17:00:00Z"),
        ("America/Martinique", (2026, 3, 29), "2026-03-29T12:00:00Z", "2026-03-29T18:00:00Z"),
        ("America/Martinique", (2026, 10, 25), "2026-10-25T12:00:00Z", "2026-10-25T18:00:00Z"),
        ("Indian/Reunion", (2026, 3, 29), "2026-03-29T04:00:00Z", "2026-03-29T10:00:00Z"),
        ("Indian/Reunion", (2026, 10, 25), "2026-10-25T04:00:00Z", "2026-10-25T10:00:00Z"),
        ("Pacific/Noumea", (2026, 3, 29), "2026-03-28T21:00:00Z", "2026-03-29T03:00:00Z"),
        ("Pacific/Noumea", (2026, 10, 25), "2026-10-24T21:00:00Z", "2026-10-25T03:00:00Z"),
        ("Europe/Paris", (2028, 2, 29), "2028-02-29T07:00:00Z", "2028-02-29T13:00:00Z"),
        ("Pacific/Noumea", (2028, 2, 29), "2028-02-28T21:00:00Z", "2028-02-29T03:00:00Z"),
    ];
    let hours = every_day(&[("08:00", "12:00"), ("14:00", "18:00")]);
    for (name, (year, month, day), morning, afternoon) in table {
        let day = date(year, month, day);
        let four_hours = |from: &str| (from.to_owned(), (at(from) + SignedDuration::from_hours(4)).to_string());
        let expected = vec![four_hours(morning), four_hours(afternoon)];
        assert_eq!(open(&hours, &zone(name), day, day.tomorrow().unwrap()), expected, "{name} {day}");
    }
}

/// A zone, a day, hours on it, and what of them is open, in UTC.
type HoursOfOneDay<'a> = (&'a str, (i16, i8, i8), (&'a str, &'a str), Option<(&'a str, &'a str)>);

#[test]
fn hours_that_the_clocks_skip_or_show_twice_are_what_is_left_of_them_the_first_time() {
    let table: [HoursOfOneDay; 12] = [
        // 02:00 to 03:00 does not exist.
        ("Europe/Paris", (2026, 3, 29), ("02:00", "03:00"), None),
        ("Europe/Paris", (2026, 3, 29), ("02:15", "02:45"), None),
        ("Europe/Paris", (2026, 3, 29), ("01:30", "02:30"), Some(("2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"))),
        ("Europe/Paris", (2026, 3, 29), ("02:30", "03:15"), Some(("2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"))),
        ("Europe/Paris", (2026, 3, 29), ("01:00", "04:00"), Some(("2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z"))),
        // 02:00 to 03:00 comes twice.
        ("Europe/Paris", (2026, 10, 25), ("02:15", "02:45"), Some(("2026-10-25T00:15:00Z", "2026-10-25T00:45:00Z"))),
        ("Europe/Paris", (2026, 10, 25), ("01:00", "02:30"), Some(("2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z"))),
        ("Europe/Paris", (2026, 10, 25), ("02:30", "03:15"), Some(("2026-10-25T00:30:00Z", "2026-10-25T02:15:00Z"))),
        // Midnight itself does not exist, and the hour before it comes twice.
        ("America/Santiago", (2026, 9, 6), ("00:00", "01:00"), None),
        ("America/Santiago", (2026, 9, 6), ("00:30", "02:00"), Some(("2026-09-06T04:00:00Z", "2026-09-06T05:00:00Z"))),
        ("America/Santiago", (2026, 9, 5), ("22:00", "24:00"), Some(("2026-09-06T02:00:00Z", "2026-09-06T04:00:00Z"))),
        ("America/Santiago", (2026, 4, 4), ("22:00", "24:00"), Some(("2026-04-05T01:00:00Z", "2026-04-05T04:00:00Z"))),
    ];
    for (name, (year, month, day), (start, end), expected) in table {
        let day = date(year, month, day);
        let extra = ExtraHours { date: day, time_slots: vec![slot(start, end)] };
        let extra = [(ExtraHoursId(Uuid::nil()), extra)].into();
        let availability = Availability { extra, ..Availability::default() };
        let found = open(&availability, &zone(name), day, day.tomorrow().unwrap());
        let expected: Vec<_> = expected.into_iter().map(|(from, until)| (from.to_owned(), until.to_owned())).collect();
        assert_eq!(found, expected, "{name} {day} {start}–{end}");
    }
}

#[test]
fn a_day_that_is_open_all_day_is_as_long_as_the_day_is() {
    let always = every_day(&[("00:00", "24:00")]);
    let table = [
        ("Europe/Paris", (2026, 3, 29), 23),
        ("Europe/Paris", (2026, 10, 25), 25),
        ("America/Santiago", (2026, 9, 6), 23),
        ("America/Santiago", (2026, 4, 4), 25),
        ("America/Martinique", (2026, 3, 29), 24),
        ("Indian/Reunion", (2026, 10, 25), 24),
        ("Pacific/Noumea", (2028, 2, 29), 24),
        ("Europe/Paris", (2028, 2, 29), 24),
    ];
    for (name, (year, month, day), hours) in table {
        let day = date(year, month, day);
        let zone = zone(name);
        let start = |day: Date| day.to_zoned(zone.clone()).expect("a day").timestamp();
        let whole_day = Interval { from: start(day), until: start(day.tomorrow().unwrap()) };
        let found = always.open_intervals(whole_day, &zone);
        let [whole] = found.as_slice() else { panic!("{name} {day}: {found:?}") };
        assert_eq!(whole.duration(), SignedDuration::from_hours(hours), "{name} {day}");
    }
}

#[test]
fn what_goes_on_past_midnight_is_one_stretch_and_holds_an_appointment_across_it() {
    for (name, midnight) in [
        ("Europe/Paris", "2026-03-28T23:00:00Z"),
        ("Europe/Paris", "2028-02-28T23:00:00Z"),
        ("Europe/Paris", "2028-02-29T23:00:00Z"),
        ("America/Santiago", "2026-09-06T04:00:00Z"),
        ("America/Santiago", "2026-04-05T04:00:00Z"),
        ("America/Martinique", "2026-12-31T04:00:00Z"),
        ("Indian/Reunion", "2026-12-31T20:00:00Z"),
        ("Pacific/Noumea", "2026-12-31T13:00:00Z"),
    ] {
        let night = every_day(&[("00:00", "06:00"), ("20:00", "24:00")]);
        let half_an_hour = SignedDuration::from_mins(30);
        let across = Interval { from: at(midnight) - half_an_hour, until: at(midnight) + half_an_hour };
        assert!(night.contains(across, &zone(name)), "{name} {midnight}");
        let until_midnight = every_day(&[("20:00", "24:00")]);
        assert!(!until_midnight.contains(across, &zone(name)), "{name} {midnight}");
    }
}

#[test]
fn leave_takes_out_of_usual_and_extra_hours_alike() {
    let mut availability = every_day(&[("08:00", "12:00"), ("14:00", "18:00")]);
    let extra = ExtraHours { date: date(2026, 11, 24), time_slots: vec![slot("12:00", "13:00")] };
    availability.extra.insert(ExtraHoursId(Uuid::nil()), extra);
    let availability = with_leave(availability, "2026-11-24T12:30:00", "2026-11-25T09:00:00");
    let expected = [("2026-11-24T07:00:00Z", "2026-11-24T11:30:00Z"), ("2026-11-25T08:00:00Z", "2026-11-25T11:00:00Z")];
    let found = open(&availability, &zone("Europe/Paris"), date(2026, 11, 24), date(2026, 11, 26));
    let found: Vec<_> = found.iter().map(|(from, until)| (from.as_str(), until.as_str())).collect();
    assert_eq!(found[..2], expected);
    assert_eq!(found.len(), 3);
}

#[test]
fn a_booking_lies_inside_when_all_of_it_does() {
    let availability = every_day(&[("08:00", "12:00")]);
    let paris = zone("Europe/Paris");
    let inside = |from: &str, until: &str| availability.contains(Interval { from: at(from), until: at(until) }, &paris);
    assert!(inside("2026-11-23T07:00:00Z", "2026-11-23T11:00:00Z"));
    assert!(!inside("2026-11-23T06:59:00Z", "2026-11-23T08:00:00Z"));
    assert!(!inside("2026-11-23T10:30:00Z", "2026-11-23T11:00:00.000001Z"));
    assert!(!inside("2026-11-23T11:00:00Z", "2026-11-23T11:30:00Z"));
    assert!(!inside("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"), "nothing lies nowhere");
}

#[test]
fn slots_are_the_same_wherever_the_window_begins_and_keep_notice_and_buffers() {
    let mut availability = every_day(&[("00:00", "05:00"), ("08:00", "10:00"), ("20:00", "24:00")]);
    availability.rules = BookingRules {
        buffer_before_minutes: 5,
        buffer_after_minutes: 10,
        notice_minutes: 60,
        ..BookingRules::default()
    };
    let paris = zone("Europe/Paris");
    let slots = |now: &str, from: &str, until: &str, busy: &[(&str, &str)]| {
        let interval = |(from, until): (&str, &str)| Interval { from: at(from), until: at(until) };
        let busy: Vec<_> = busy.iter().copied().map(interval).collect();
        let time = PracticeTime { now: at(now), zone: paris.clone() };
        let window = interval((from, until));
        let calendar = availability.calendar(window, &busy, &time);
        let minutes = |number| std::num::NonZeroU16::new(number).expect("not zero");
        let search = SlotSearch { window, duration_minutes: minutes(25), step_minutes: minutes(25) };
        free_slots(&calendar, search).map(|slot| slot.from.to_string()[11..16].to_owned()).collect::<Vec<_>>()
    };
    let long_ago = "2026-11-01T00:00:00Z";
    let day = ("2026-11-24T06:00:00Z", "2026-11-24T10:00:00Z");
    assert_eq!(slots(long_ago, day.0, day.1, &[]), ["07:00", "07:25", "07:50", "08:15"]);
    assert_eq!(slots(long_ago, "2026-11-24T07:10:00Z", day.1, &[]), ["07:25", "07:50", "08:15"]);
    assert_eq!(slots("2026-11-24T06:30:00Z", day.0, day.1, &[]), ["07:50", "08:15"]);
    let busy = [("2026-11-24T08:05:00Z", "2026-11-24T08:20:00Z")];
    assert_eq!(slots(long_ago, day.0, day.1, &busy), ["07:00", "07:25"]);
    // The night is one stretch, in step with its evening, even for a window that begins after midnight.
    assert_eq!(slots(long_ago, "2026-11-23T23:00:00Z", "2026-11-24T00:00:00Z", &[]), ["23:10", "23:35"]);
}

/// Days around which clocks change, a leap day, the turn of a year.
const DAYS: [(&str, (i16, i8, i8)); 9] = [
    ("Europe/Paris", (2026, 3, 29)),
    ("Europe/Paris", (2026, 10, 25)),
    ("Europe/Paris", (2028, 2, 29)),
    ("America/Santiago", (2026, 4, 4)),
    ("America/Santiago", (2026, 9, 6)),
    ("America/Martinique", (2026, 12, 31)),
    ("Indian/Reunion", (2026, 3, 29)),
    ("Pacific/Noumea", (2026, 10, 25)),
    ("Africa/Casablanca", (2026, 3, 22)),
];

/// Hours of a day in quarters: as many as 96 of them.
fn quarters() -> impl Strategy<Value = (u8, u8)> {
    (0..96_u8, 1..30_u8).prop_map(|(start, length)| (start, (start + length).min(96)))
}

fn of_quarters((start, end): (u8, u8)) -> TimeSlot {
    let time = |quarter: u8| crate::scheduling::TimeOfDay::new(quarter / 4, quarter % 4 * 15).expect("a time");
    TimeSlot { start: time(start), end: time(end) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Against a clock that is read every minute: a stretch is open from the first minute at which the clock shows its
    /// start, or more, to the first at which it shows its end, or more.
    #[test]
    fn what_is_open_is_what_a_clock_on_the_wall_says(
        (name, (year, month, day)) in proptest::sample::select(&DAYS[..]),
        weekly in quarters(),
        extra in quarters(),
        away in (0..140_u8, 1..60_u8),
    ) {
        let (zone, middle) = (zone(name), date(year, month, day));
        let mut availability = every_day(&[]);
        for hours in availability.weekly.values_mut().flatten() {
            hours.time_slots.push(of_quarters(weekly));
        }
        let extra = ExtraHours { date: middle, time_slots: vec![of_quarters(extra)] };
        let leave_at = |quarter: u8| {
            let start = middle.at(0, 0, 0, 0) - 1.day();
            start + (i64::from(quarter) * 15).minutes()
        };
        let leave = Leave { from: leave_at(away.0), until: leave_at(away.0 + away.1), kind: LeaveKind::Other };
        availability.extra.insert(ExtraHoursId(Uuid::nil()), extra.clone());
        availability.leave.insert(LeaveId(Uuid::nil()), leave);

        let first = middle.yesterday().unwrap();
        let noon = |day: Date| day.at(12, 0, 0, 0).to_zoned(zone.clone()).expect("noon").timestamp();
        let minutes: Vec<(Timestamp, DateTime)> = {
            let count = noon(middle.tomorrow().unwrap()).duration_since(noon(first)).as_mins();
            let minute = |number| noon(first) + SignedDuration::from_mins(number);
            (-12 * 60..count).map(|number| (minute(number), zone.to_datetime(minute(number)))).collect()
        };
        let first_shown = |time: DateTime| minutes.iter().position(|(_, shown)| *shown >= time).unwrap_or(minutes.len());
        let mut stretches: Vec<_> = extra.time_slots.iter().map(|slot| (extra.date, *slot)).collect();
        stretches.extend([first, middle, middle.tomorrow().unwrap()].map(|day| (day, of_quarters(weekly))));
        let mut expected = vec![false; minutes.len()];
        for (day, slot) in stretches {
            let (from, until) = (first_shown(slot.start.on(day)), first_shown(slot.end.on(day)));
            if from < until {
                expected[from..until].fill(true);
            }
        }
        let (from, until) = (first_shown(leave.from), first_shown(leave.until));
        expected[from..until].fill(false);

        let (from, until) = (minutes[0].0, minutes[minutes.len() - 1].0 + SignedDuration::from_mins(1));
        let open = availability.open_intervals(Interval { from, until }, &zone);
        for ((minute, shown), expected) in minutes.iter().zip(expected) {
            let found = open.iter().any(|open| open.holds(*minute));
            prop_assert_eq!(found, expected, "{} {}", name, shown);
        }
    }
}
