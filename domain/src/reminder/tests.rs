use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::appointment::{AppointmentEvent, AppointmentPriority, AppointmentType, Slot};
use crate::ids::{PatientId, UserId};
use crate::personal::Revealed;
use crate::scheduling::{Interval, TimeOfDay};
use crate::values::{Channel, TextValue};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").unwrap()
}

const DAY_BEFORE: ReminderRule = ReminderRule { channel: Channel::Email, minutes_before: 24 * 60 };
const TWO_HOURS: ReminderRule = ReminderRule { channel: Channel::Sms, minutes_before: 120 };

/// When a reminder of a beginning is due in Paris, booked a long time before, with the usual quiet hours.
fn due_in_paris(rule: ReminderRule, starts: &str) -> Option<(String, String)> {
    booked_at(rule, starts, "2026-01-01T00:00:00Z")
}

fn booked_at(rule: ReminderRule, starts: &str, since: &str) -> Option<(String, String)> {
    let due = due(rule, at(starts), at(since), Some(QuietHours::default()), &paris())?;
    let shown = |instant: Timestamp| instant.to_zoned(paris()).strftime("%m-%d %H:%M").to_string();
    Some((shown(due.from), shown(due.until)))
}

fn times(at: &str, until: &str) -> Option<(String, String)> {
    Some((at.to_owned(), until.to_owned()))
}

#[test]
fn a_reminder_is_due_its_lead_before_and_of_use_for_half_as_long() {
    assert_eq!(due_in_paris(DAY_BEFORE, "2026-11-24T10:00:00+01:00"), times("11-23 10:00", "11-23 22:00"));
    assert_eq!(due_in_paris(TWO_HOURS, "2026-11-24T10:30:00+01:00"), times("11-24 08:30", "11-24 09:30"));
}

#[test]
fn one_that_would_come_at_night_comes_before_it() {
    assert_eq!(due_in_paris(TWO_HOURS, "2026-11-24T08:30:00+01:00"), times("11-23 20:45", "11-24 07:30"));
    assert_eq!(due_in_paris(DAY_BEFORE, "2026-11-24T07:00:00+01:00"), times("11-22 20:45", "11-23 19:00"));
    assert_eq!(due_in_paris(TWO_HOURS, "2026-11-24T23:00:00+01:00"), times("11-24 20:45", "11-24 22:00"));
}

#[test]
fn one_for_which_the_evening_is_over_comes_in_the_morning_if_that_is_soon_enough() {
    let night = "2026-11-23T22:00:00+01:00";
    assert_eq!(booked_at(TWO_HOURS, "2026-11-24T09:30:00+01:00", night), times("11-24 08:00", "11-24 09:00"));
    assert_eq!(booked_at(TWO_HOURS, "2026-11-24T08:00:00+01:00", night), None);
    // Booked in the last minutes of the evening: at once.
    let evening = "2026-11-23T20:50:00+01:00";
    assert_eq!(booked_at(TWO_HOURS, "2026-11-24T09:30:00+01:00", evening), times("11-23 20:50", "11-24 08:30"));
}

#[test]
fn one_that_should_have_come_already_does_not() {
    assert_eq!(booked_at(DAY_BEFORE, "2026-11-24T10:00:00+01:00", "2026-11-23T10:00:00+01:00"), None);
    assert!(booked_at(TWO_HOURS, "2026-11-24T12:00:00+01:00", "2026-11-23T10:00:00+01:00").is_some());
}

#[test]
fn leads_are_time_that_passes_and_nights_are_what_the_clock_shows() {
    // Clocks go forward on 29 March 2026, and back on 25 October.
    assert_eq!(due_in_paris(DAY_BEFORE, "2026-03-29T10:00:00+02:00"), times("03-28 09:00", "03-28 21:00"));
    assert_eq!(due_in_paris(DAY_BEFORE, "2026-10-25T10:00:00+01:00"), times("10-24 11:00", "10-24 23:00"));
    let night = QuietHours::default().around(at("2026-10-25T00:30:00Z"), &paris()).unwrap();
    assert_eq!(night.duration(), SignedDuration::from_hours(12));
}

#[test]
fn a_lead_is_written_as_the_web_client_writes_it() {
    for (text, minutes, written) in
        [("24h_before", 1440, "24h_before"), ("90min_before", 90, "90min_before"), ("2d_before", 2880, "48h_before")]
    {
        let lead = LeadTime::parse(text).unwrap();
        assert_eq!((lead.minutes(), lead.as_str()), (minutes, written));
    }
    for text in ["", "24h", "h_before", "024h_before", "-1h_before", "+1h_before", "1w_before", "999999min_before"] {
        assert!(LeadTime::parse(text).is_err(), "{text}");
    }
}

#[test]
fn settings_that_nobody_can_mean_are_refused() {
    let usual = ReminderSettings::default();
    assert_eq!(usual.violations(), []);
    let rules = |rules: &[ReminderRule]| ReminderSettings { rules: rules.to_vec(), ..usual.clone() };
    let late = ReminderRule { minutes_before: 14, ..DAY_BEFORE };
    let quiet = |start: &str, end: &str| {
        let time = |text| TimeOfDay::parse(text).unwrap();
        ReminderSettings { quiet_hours: Some(QuietHours { start: time(start), end: time(end) }), ..usual.clone() }
    };
    for (settings, field, rule) in [
        (rules(&[late]), "reminders[0].time", "lead_time_range"),
        (rules(&[DAY_BEFORE, TWO_HOURS, DAY_BEFORE]), "reminders[2]", "repeated"),
        (quiet("21:00", "21:00"), "quietHours", "quiet_hours_range"),
        (quiet("08:00", "07:30"), "quietHours", "quiet_hours_range"),
        (quiet("00:00", "24:00"), "quietHours", "quiet_hours_range"),
    ] {
        let found: Vec<_> = settings.violations().into_iter().map(|broken| (broken.field, broken.rule)).collect();
        assert_eq!(found, [(field.to_owned(), rule)]);
    }
    assert_eq!(quiet("21:00", "24:00").violations(), []);
}

#[test]
fn settings_may_go_to_their_limits() {
    let at_lead = |minutes_before| ReminderRule { minutes_before, ..DAY_BEFORE };
    let five = [SHORTEST_LEAD, 60, 120, 180, LONGEST_LEAD].map(at_lead);
    let usual = ReminderSettings::default();
    let rules = |rules: Vec<ReminderRule>| ReminderSettings { rules, ..usual.clone() };
    assert_eq!(rules(five.to_vec()).violations(), []);
    let of_kind = |rules: Vec<ReminderRule>| ReminderSettings {
        rules_by_type: [(AppointmentType::Exam, rules)].into(),
        ..usual.clone()
    };
    let six = [five.as_slice(), &[at_lead(240)]].concat();
    for (settings, field, rule) in [
        (rules(vec![at_lead(LONGEST_LEAD + 1)]), "reminders[0].time", "lead_time_range"),
        (rules(six.clone()), "reminders", "too_many"),
        (of_kind(six), "byType[0].reminders", "too_many"),
    ] {
        let found: Vec<_> = settings.violations().into_iter().map(|broken| (broken.field, broken.rule)).collect();
        assert_eq!(found, [(field.to_owned(), rule)]);
    }
    let quiet = |start: u8, end: u8| {
        let time = |hour| TimeOfDay::new(hour, 0).unwrap();
        ReminderSettings { quiet_hours: Some(QuietHours { start: time(start), end: time(end) }), ..usual.clone() }
    };
    assert_eq!(quiet(8, 7).violations(), [], "an hour is left");
    assert_eq!(quiet(8, 9).violations(), []);
}

#[test]
fn reminders_stand_in_the_order_in_which_they_come() {
    let email = |minutes_before| ReminderRule { channel: Channel::Email, minutes_before };
    let sms = |minutes_before| ReminderRule { channel: Channel::Sms, minutes_before };
    let (mixed, in_order) = (vec![sms(60), email(60), email(1440)], vec![email(1440), email(60), sms(60)]);
    assert_eq!(super::in_order(mixed.clone()), in_order);
    let settings = ReminderSettings {
        rules: mixed.clone(),
        rules_by_type: [(AppointmentType::Exam, mixed)].into(),
        ..ReminderSettings::default()
    };
    let settings = settings.in_order();
    assert_eq!((&settings.rules, &settings.rules_by_type[&AppointmentType::Exam]), (&in_order, &in_order));
}

fn starting(text: &str) -> Slot {
    let during = Interval { from: at(text), until: at(text) + SignedDuration::from_mins(30) };
    let practitioner_id = UserId(Uuid::from_u128(0xd0));
    Slot { practitioner_id, room_id: None, during, additional_slots: Vec::new() }
}

fn booked(slot: Slot) -> AppointmentEvent {
    AppointmentEvent::AppointmentBooked {
        patient_id: PatientId(Uuid::from_u128(0xa0)),
        slot,
        time_zone: "Europe/Paris".to_owned(),
        r#type: AppointmentType::Consultation,
        priority: AppointmentPriority::Normal,
        occurrence: None,
        link_id: None,
        outside_availability: false,
        personal: Revealed::Forgotten,
    }
}

fn moved(slot: Slot) -> AppointmentEvent {
    AppointmentEvent::AppointmentRescheduled {
        patient_id: PatientId(Uuid::from_u128(0xa0)),
        slot,
        time_zone: "Europe/Paris".to_owned(),
        outside_availability: false,
    }
}

fn sent(rule: ReminderRule, starts: &str) -> AppointmentEvent {
    let (starts, channel, message_id) = (at(starts), rule.channel, Uuid::from_u128(1));
    AppointmentEvent::ReminderSent { rule, starts, channel, message_id, certain: true }
}

/// The reminders of an appointment after these events, with whether each has ended.
fn planned(events: &[AppointmentEvent], settings: &ReminderSettings) -> (ReminderPlan, Vec<(ReminderRule, bool)>) {
    let mut plan = ReminderPlan::default();
    for event in events {
        plan.follow(event, at("2026-11-01T00:00:00Z"), settings);
    }
    let reminders = plan.reminders.iter().map(|reminder| (reminder.rule, reminder.outcome.is_some())).collect();
    (plan, reminders)
}

const TEN: &str = "2026-11-24T10:00:00+01:00";
const ELEVEN: &str = "2026-11-24T11:00:00+01:00";

#[test]
fn a_booking_has_the_reminders_of_its_practice_its_kind_or_its_own() {
    let usual = ReminderSettings::default();
    let book = [booked(starting(TEN))];
    assert_eq!(planned(&book, &usual).1, [(DAY_BEFORE, false), (TWO_HOURS, false)]);
    let of_kind =
        ReminderSettings { rules_by_type: [(AppointmentType::Consultation, vec![TWO_HOURS])].into(), ..usual.clone() };
    assert_eq!(planned(&book, &of_kind).1, [(TWO_HOURS, false)]);
    let choose = |reminders| [book[0].clone(), AppointmentEvent::RemindersChosen { reminders }];
    assert_eq!(planned(&choose(Some(vec![DAY_BEFORE])), &of_kind).1, [(DAY_BEFORE, false)]);
    assert_eq!(planned(&choose(Some(Vec::new())), &usual).1, []);
    assert_eq!(planned(&choose(None), &of_kind).1, [(TWO_HOURS, false)]);
    assert_eq!(planned(&book, &ReminderSettings { enabled: false, ..usual }).1, []);
}

#[test]
fn what_was_called_off_has_none_and_what_was_moved_has_them_again() {
    let usual = ReminderSettings::default();
    let (book, remind) = (booked(starting(TEN)), sent(DAY_BEFORE, TEN));
    let cancel = AppointmentEvent::AppointmentCancelled { by_patient: false, personal: Revealed::Forgotten };
    assert_eq!(planned(&[book.clone(), cancel.clone()], &usual).1, []);
    assert_eq!(planned(&[book.clone(), remind.clone(), cancel], &usual).1, [(DAY_BEFORE, true)]);
    let again = planned(&[book.clone(), remind.clone(), moved(starting(ELEVEN))], &usual).1;
    assert_eq!(again, [(DAY_BEFORE, false), (TWO_HOURS, false)]);
    // Told of at the same moment as it was moved: it was of another time.
    assert_eq!(planned(&[book.clone(), moved(starting(ELEVEN)), remind.clone()], &usual).1, again);
    // Moved to another room alone.
    let elsewhere = moved(Slot { practitioner_id: UserId(Uuid::from_u128(0xd1)), ..starting(TEN) });
    assert_eq!(planned(&[book, remind, elsewhere], &usual).1, [(DAY_BEFORE, true), (TWO_HOURS, false)]);
}

#[test]
fn other_rules_move_what_is_not_sent_and_leave_what_is() {
    let usual = ReminderSettings::default();
    let (mut plan, _) = planned(&[booked(starting(TEN)), sent(DAY_BEFORE, TEN)], &usual);
    let week = ReminderRule { minutes_before: 7 * 24 * 60, ..DAY_BEFORE };
    let changed = ReminderSettings { rules: vec![week, TWO_HOURS], ..usual };
    plan.follow_settings(&changed, at("2026-11-20T12:00:00Z"));
    let due: Vec<_> = plan.reminders.iter().map(|reminder| (reminder.rule, reminder.due.is_some())).collect();
    // A week before is over: that one was never to be sent. The others are meant since the booking.
    assert_eq!(due, [(week, false), (DAY_BEFORE, true), (TWO_HOURS, true)]);
    let since: Vec<_> = plan.reminders.iter().map(|reminder| reminder.since.to_string()).collect();
    assert_eq!(since, ["2026-11-20T12:00:00Z", "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"]);
}

/// The zones of practices, one of the southern half, and the days around which their clocks change.
fn days() -> impl Strategy<Value = (&'static str, Date)> {
    let zones = ["Europe/Paris", "America/Martinique", "Indian/Reunion", "Pacific/Noumea", "America/Santiago"];
    let days = [date(2026, 3, 29), date(2026, 10, 25), date(2026, 4, 5), date(2026, 9, 6), date(2028, 2, 29)];
    (prop::sample::select(zones.to_vec()), prop::sample::select(days.to_vec()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_reminder_comes_at_night_nor_after_the_beginning_nor_before_it_was_meant(
        (zone, day) in days(),
        start in -2_i64 * 24 * 60..3 * 24 * 60,
        lead in SHORTEST_LEAD..4 * 24 * 60,
        since in 0_i64..5 * 24 * 60,
        (quiet_from, quiet_for) in (0_u16..24 * 60, 1_u16..=23 * 60),
    ) {
        let zone = TimeZone::get(zone).unwrap();
        let midnight = zone.to_ambiguous_timestamp(day.at(0, 0, 0, 0)).compatible().unwrap();
        let starts = midnight + SignedDuration::from_mins(start);
        let since = starts - SignedDuration::from_mins(since);
        let time = |minute: u16| TimeOfDay::new((minute / 60) as u8, (minute % 60) as u8).unwrap();
        let quiet = QuietHours { start: time(quiet_from), end: time((quiet_from + quiet_for) % (24 * 60)) };
        let rule = ReminderRule { channel: Channel::Email, minutes_before: lead };
        let planned = starts - rule.lead();
        match due(rule, starts, since, Some(quiet), &zone) {
            Some(due) => {
                prop_assert!(since <= due.from && due.from < due.until && due.until <= starts, "{:?}", due);
                let shown = zone.to_datetime(due.from);
                let minute = u16::from(shown.hour() as u8) * 60 + u16::from(shown.minute() as u8);
                let into_the_night = (minute + 24 * 60 - quiet_from) % (24 * 60);
                prop_assert!(into_the_night >= quiet_for, "{} is quiet: {:?}", shown, quiet);
                if quiet.around(planned, &zone).is_none() {
                    prop_assert_eq!(due.from, planned);
                }
            }
            None => {
                let night = quiet.around(planned, &zone);
                let morning_is_too_late = night.is_some_and(|night| night.from <= since && starts <= night.until);
                prop_assert!(planned <= since || morning_is_too_late, "left out at {}", planned);
            }
        }
    }
}
