use cqrs_es::test::TestFramework;
use jiff::civil::{DateTime, Weekday, date};
use uuid::Uuid;

use super::*;
use crate::scheduling::TimeOfDay;
use crate::testing::ThenNothing;
use crate::values::RuleBroken;

/// Monday morning in Brest.
fn time() -> PracticeTime {
    PracticeTime { now: "2026-11-23T08:00:00Z".parse().expect("a time"), zone: paris() }
}

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").expect("a zone")
}

pub(super) fn slot(start: &str, end: &str) -> TimeSlot {
    TimeSlot { start: TimeOfDay::parse(start).expect("a time"), end: TimeOfDay::parse(end).expect("a time") }
}

pub(super) fn on(day_of_week: Weekday, time_slots: &[(&str, &str)]) -> DayHours {
    DayHours { day_of_week, time_slots: time_slots.iter().map(|(start, end)| slot(start, end)).collect() }
}

fn set(hours: Vec<DayHours>, valid_from: Option<Date>) -> AvailabilityCommand {
    AvailabilityCommand::SetWeeklyHours { hours, valid_from }
}

fn were_set(hours: Vec<DayHours>, valid_from: Date) -> AvailabilityEvent {
    AvailabilityEvent::WeeklyHoursSet { hours, valid_from }
}

fn christmas() -> Leave {
    leave(date(2026, 12, 24).at(12, 0, 0, 0), date(2027, 1, 4).at(8, 30, 0, 0))
}

fn leave(from: DateTime, until: DateTime) -> Leave {
    Leave { from, until, kind: LeaveKind::Holiday }
}

const LEAVE: LeaveId = LeaveId(Uuid::from_u128(1));
const EXTRA: ExtraHoursId = ExtraHoursId(Uuid::from_u128(2));
const APPOINTMENT: AppointmentId = AppointmentId(Uuid::from_u128(3));

fn plan(leave: Leave) -> AvailabilityCommand {
    AvailabilityCommand::PlanLeave { leave_id: LEAVE, leave, touched: vec![], confirmed: false }
}

fn planned(leave: Leave) -> AvailabilityEvent {
    AvailabilityEvent::LeavePlanned { leave_id: LEAVE, leave, touched: vec![] }
}

fn saturday_morning() -> ExtraHours {
    ExtraHours { date: date(2026, 12, 19), time_slots: vec![slot("09:00", "12:00")] }
}

fn open_extra(extra: ExtraHours) -> AvailabilityCommand {
    AvailabilityCommand::OpenExtraHours { extra_id: EXTRA, extra }
}

fn given(events: Vec<AvailabilityEvent>) -> cqrs_es::test::AggregateTestExecutor<Availability> {
    TestFramework::with(time()).given(events)
}

fn refused(command: AvailabilityCommand) -> Vec<(String, &'static str)> {
    let outcome = given(vec![]).when(command).inspect_result();
    let Err(AvailabilityError::Invalid(violations)) = outcome else { panic!("not refused: {outcome:?}") };
    violations.into_iter().map(|violation| (violation.field, violation.rule)).collect()
}

fn broken(field: &str, rule: &'static str) -> (String, &'static str) {
    (field.to_owned(), rule)
}

#[test]
fn hours_hold_from_today_on_unless_a_day_is_named() {
    let monday = vec![on(Weekday::Monday, &[("08:30", "12:00"), ("14:00", "18:00")])];
    let today = date(2026, 11, 23);
    given(vec![]).when(set(monday.clone(), None)).then_expect_events(vec![were_set(monday.clone(), today)]);
    let january = date(2027, 1, 4);
    given(vec![]).when(set(monday.clone(), Some(january))).then_expect_events(vec![were_set(monday, january)]);
}

#[test]
fn today_is_the_day_in_the_zone_of_the_practice() {
    // Still Sunday in Greenwich, and Monday in Nouméa.
    let now = "2026-11-22T20:00:00Z".parse().expect("a time");
    let time = PracticeTime { now, zone: TimeZone::get("Pacific/Noumea").expect("a zone") };
    let hours = vec![on(Weekday::Monday, &[("08:00", "12:00")])];
    TestFramework::<Availability>::with(time)
        .given_no_previous_events()
        .when(set(hours.clone(), None))
        .then_expect_events(vec![were_set(hours, date(2026, 11, 23))]);
}

#[test]
fn the_same_hours_in_another_order_change_nothing() {
    let (monday, friday) = (on(Weekday::Monday, &[("08:00", "12:00")]), on(Weekday::Friday, &[("14:00", "18:00")]));
    let empty = on(Weekday::Sunday, &[]);
    let events = vec![were_set(vec![monday.clone(), friday.clone()], date(2026, 9, 1))];
    given(events).when(set(vec![friday, empty, monday], None)).then_nothing_happened();
    given(vec![]).when(set(vec![], None)).then_nothing_happened();
}

#[test]
fn hours_that_are_planned_for_later_stay_when_those_of_today_change() {
    let mut availability = Availability::default();
    let hours = |end: &str| vec![on(Weekday::Monday, &[("08:00", end)])];
    for (end, from) in [("11:00", (2026, 9, 1)), ("12:00", (2027, 1, 1)), ("10:00", (2026, 11, 23))] {
        availability.apply(were_set(hours(end), date(from.0, from.1, from.2)));
    }
    assert_eq!(availability.hours_on(date(2026, 8, 31)), []);
    assert_eq!(availability.hours_on(date(2026, 11, 22)), hours("11:00"));
    assert_eq!(availability.hours_on(date(2026, 12, 31)), hours("10:00"));
    assert_eq!(availability.hours_on(date(2027, 1, 1)), hours("12:00"));
}

#[test]
fn hours_that_are_none_are_refused_where_they_stand() {
    let monday = |slots: &[(&str, &str)]| set(vec![on(Weekday::Sunday, &[]), on(Weekday::Monday, slots)], None);
    let order = vec![broken("hours[1].timeSlots[0]", "time_slot_order")];
    assert_eq!(refused(monday(&[("12:00", "12:00")])), order);
    assert_eq!(refused(monday(&[("20:00", "02:00")])), order);
    let overlap = vec![broken("hours[1].timeSlots[1]", "time_slots_overlap")];
    assert_eq!(refused(monday(&[("08:00", "12:00"), ("11:59", "14:00")])), overlap);
    assert_eq!(refused(monday(&[("14:00", "18:00"), ("08:00", "12:00")])), overlap);
    let many: Vec<_> = (0..13).map(|_| ("08:00", "12:00")).collect();
    assert_eq!(refused(monday(&many))[0], broken("hours[1].timeSlots", "time_slots_count"));
    let twice = set(vec![on(Weekday::Monday, &[]), on(Weekday::Monday, &[])], None);
    assert_eq!(refused(twice), [broken("hours[1].dayOfWeek", "day_of_week_repeated")]);
    for day in [date(2026, 11, 22), date(2031, 11, 24), Date::MIN, Date::MAX] {
        assert_eq!(refused(set(vec![], Some(day))), [broken("validFrom", "valid_from_range")], "{day}");
    }
}

#[test]
fn a_plan_may_go_to_its_limits() {
    let (today, in_five_years) = (date(2026, 11, 23), date(2031, 11, 23));
    let hours = vec![on(Weekday::Monday, &[("08:00", "12:00")])];
    for day in [today, in_five_years] {
        given(vec![]).when(set(hours.clone(), Some(day))).then_expect_events(vec![were_set(hours.clone(), day)]);
        let extra = ExtraHours { date: day, time_slots: vec![slot("09:00", "12:00")] };
        let opened = AvailabilityEvent::ExtraHoursOpened { extra_id: EXTRA, extra: extra.clone() };
        given(vec![]).when(open_extra(extra)).then_expect_events(vec![opened]);
    }
    let longest = leave(date(2025, 11, 23).at(0, 0, 0, 0), in_five_years.at(23, 59, 0, 0));
    given(vec![]).when(plan(longest)).then_expect_events(vec![planned(longest)]);

    let extra = |date| open_extra(ExtraHours { date, time_slots: vec![slot("09:00", "12:00")] });
    assert_eq!(refused(extra(date(2031, 11, 24))), [broken("date", "date_range")]);
    let hour = |number: i64| TimeOfDay::new(u8::try_from(number).expect("an hour"), 0).expect("a time");
    let parts = |count| (0..count).map(|n| TimeSlot { start: hour(n), end: hour(n + 1) }).collect::<Vec<_>>();
    let many = |count| vec![DayHours { day_of_week: Weekday::Monday, time_slots: parts(count) }];
    given(vec![]).when(set(many(12), None)).then_expect_events(vec![were_set(many(12), today)]);
    assert_eq!(refused(set(many(13), None)), [broken("hours[0].timeSlots", "time_slots_count")]);
}

#[test]
fn two_appointments_are_apart_by_what_follows_the_one_and_precedes_the_other() {
    let rules = |before, after| BookingRules {
        buffer_before_minutes: before,
        buffer_after_minutes: after,
        ..BookingRules::default()
    };
    assert_eq!(rules(5, 10).buffer_minutes(), 15);
    assert_eq!(rules(u16::MAX, 1).buffer_minutes(), u16::MAX);
}

#[test]
fn hours_are_open_on_their_day_of_the_week_and_on_no_other() {
    let mut availability = Availability::default();
    availability.apply(were_set(vec![on(Weekday::Tuesday, &[("08:00", "12:00")])], date(2026, 11, 1)));
    let at = |day| instant_or_jump(date(2026, 11, day).at(0, 0, 0, 0), &paris());
    let week = Interval { from: at(23), until: at(30) };
    let tuesday_morning = stretch(date(2026, 11, 24).at(8, 0, 0, 0), date(2026, 11, 24).at(12, 0, 0, 0), &paris());
    assert_eq!(availability.open_intervals(week, &paris()), [tuesday_morning.expect("a morning")]);
}

#[test]
fn a_day_of_the_week_has_a_number_from_0_to_6() {
    let hours = |number: i8| serde_json::json!({"dayOfWeek": number, "timeSlots": []});
    assert_eq!(serde_json::from_value::<DayHours>(hours(6)).unwrap(), on(Weekday::Saturday, &[]));
    assert!(serde_json::from_value::<DayHours>(hours(7)).is_err());
    assert_eq!(Availability::default().subject(Uuid::nil()), None);
}

#[test]
fn hours_that_touch_each_other_are_taken() {
    let hours = vec![on(Weekday::Monday, &[("00:00", "12:00"), ("12:00", "24:00")])];
    let expected = vec![were_set(hours.clone(), date(2026, 11, 23))];
    given(vec![]).when(set(hours, None)).then_expect_events(expected);
}

#[test]
fn leave_over_appointments_is_planned_when_it_is_confirmed() {
    let plan = |confirmed| AvailabilityCommand::PlanLeave {
        leave_id: LEAVE,
        leave: christmas(),
        touched: vec![APPOINTMENT],
        confirmed,
    };
    given(vec![]).when(plan(false)).then_expect_error(AvailabilityError::TouchesAppointments(vec![APPOINTMENT]));
    let event = AvailabilityEvent::LeavePlanned { leave_id: LEAVE, leave: christmas(), touched: vec![APPOINTMENT] };
    given(vec![]).when(plan(true)).then_expect_events(vec![event]);
}

#[test]
fn leave_over_nothing_needs_no_confirmation_and_may_lie_over_other_leave() {
    given(vec![]).when(plan(christmas())).then_expect_events(vec![planned(christmas())]);
    let other =
        AvailabilityEvent::LeavePlanned { leave_id: LeaveId(Uuid::from_u128(9)), leave: christmas(), touched: vec![] };
    given(vec![other]).when(plan(christmas())).then_expect_events(vec![planned(christmas())]);
    given(vec![planned(christmas())]).when(plan(christmas())).then_expect_error(AvailabilityError::AlreadyPlanned);
}

#[test]
fn leave_that_is_none_is_refused_where_it_is_wrong() {
    let noon = date(2026, 12, 24).at(12, 0, 0, 0);
    assert_eq!(refused(plan(leave(noon, noon))), [broken("until", "leave_order")]);
    let too_far = leave(noon, date(2031, 11, 24).at(0, 0, 0, 0));
    assert_eq!(refused(plan(too_far)), [broken("until", "leave_range")]);
    assert_eq!(refused(plan(leave(date(2025, 11, 22).at(0, 0, 0, 0), noon))), [broken("from", "leave_range")]);
    let seconds = leave(date(2026, 12, 24).at(11, 0, 0, 1), date(2026, 12, 24).at(12, 0, 1, 0));
    assert_eq!(refused(plan(seconds)), [broken("from", "whole_minutes"), broken("until", "whole_minutes")]);
    assert_eq!(refused(plan(leave(DateTime::MIN, DateTime::MAX))).len(), 3);
    let skipped = leave(date(2027, 3, 28).at(2, 30, 0, 0), date(2027, 3, 28).at(12, 0, 0, 0));
    assert_eq!(refused(plan(skipped)), [broken("from", "time_skipped")]);
}

#[test]
fn cancelled_leave_is_no_leave() {
    let cancel = AvailabilityCommand::CancelLeave { leave_id: LEAVE };
    let cancelled = AvailabilityEvent::LeaveCancelled { leave_id: LEAVE };
    given(vec![]).when(cancel.clone()).then_expect_error(AvailabilityError::NoSuchLeave);
    given(vec![planned(christmas())]).when(cancel.clone()).then_expect_events(vec![cancelled.clone()]);
    given(vec![planned(christmas()), cancelled.clone()]).when(cancel).then_expect_error(AvailabilityError::NoSuchLeave);

    let mut availability = Availability::default();
    availability.apply(planned(christmas()));
    availability.apply(cancelled);
    assert_eq!(availability, Availability::default());
}

#[test]
fn extra_hours_are_opened_and_closed() {
    let opened = AvailabilityEvent::ExtraHoursOpened { extra_id: EXTRA, extra: saturday_morning() };
    given(vec![]).when(open_extra(saturday_morning())).then_expect_events(vec![opened.clone()]);
    given(vec![opened.clone()])
        .when(open_extra(saturday_morning()))
        .then_expect_error(AvailabilityError::AlreadyPlanned);
    let close = AvailabilityCommand::CloseExtraHours { extra_id: EXTRA };
    let closed = AvailabilityEvent::ExtraHoursClosed { extra_id: EXTRA };
    given(vec![]).when(close.clone()).then_expect_error(AvailabilityError::NoSuchExtraHours);
    given(vec![opened]).when(close).then_expect_events(vec![closed]);
}

#[test]
fn extra_hours_that_open_nothing_are_refused() {
    let on_leave = ExtraHours { date: date(2026, 12, 26), time_slots: vec![slot("09:00", "12:00")] };
    given(vec![planned(christmas())]).when(open_extra(on_leave)).then_expect_error(AvailabilityError::OnLeave);
    let half = ExtraHours { date: date(2026, 12, 24), time_slots: vec![slot("11:00", "13:00")] };
    let opened = AvailabilityEvent::ExtraHoursOpened { extra_id: EXTRA, extra: half.clone() };
    given(vec![planned(christmas())]).when(open_extra(half)).then_expect_events(vec![opened]);
}

#[test]
fn extra_hours_that_are_none_are_refused_where_they_are_wrong() {
    let extra = |date, time_slots| open_extra(ExtraHours { date, time_slots });
    assert_eq!(refused(extra(date(2026, 12, 19), vec![])), [broken("timeSlots", "time_slots_missing")]);
    assert_eq!(refused(extra(date(2026, 11, 22), vec![slot("09:00", "12:00")])), [broken("date", "date_range")]);
    let skipped = extra(date(2027, 3, 28), vec![slot("01:00", "02:30"), slot("02:45", "04:00")]);
    let expected = [broken("timeSlots[0].end", "time_skipped"), broken("timeSlots[1].start", "time_skipped")];
    assert_eq!(refused(skipped), expected);
}

#[test]
fn a_buffer_is_two_hours_and_notice_four_weeks_at_most() {
    let rules = |before, after, notice| BookingRules {
        buffer_before_minutes: before,
        buffer_after_minutes: after,
        notice_minutes: notice,
        overlap_allowed: true,
    };
    let set = |rules| AvailabilityCommand::SetBookingRules { rules };
    let expected = [
        broken("bufferBeforeMinutes", "minutes_range"),
        broken("bufferAfterMinutes", "minutes_range"),
        broken("noticeMinutes", "minutes_range"),
    ];
    assert_eq!(refused(set(rules(121, u16::MAX, 40_321))), expected);
    let most = rules(120, 120, 40_320);
    let were_set = AvailabilityEvent::BookingRulesSet { rules: most };
    given(vec![]).when(set(most)).then_expect_events(vec![were_set.clone()]);
    given(vec![were_set]).when(set(most)).then_nothing_happened();
    given(vec![]).when(set(BookingRules::default())).then_nothing_happened();
}

#[test]
fn the_state_is_read_as_it_is_written() {
    let mut availability = Availability::default();
    availability.apply(were_set(vec![on(Weekday::Sunday, &[("20:00", "24:00")])], date(2026, 11, 23)));
    availability.apply(planned(christmas()));
    availability.apply(AvailabilityEvent::ExtraHoursOpened { extra_id: EXTRA, extra: saturday_morning() });
    let json = serde_json::to_value(&availability).unwrap();
    assert_eq!(json["weekly"]["2026-11-23"][0]["dayOfWeek"], 0);
    assert_eq!(serde_json::from_value::<Availability>(json).unwrap(), availability);
}

#[test]
fn hours_and_rules_are_revised_at_once_or_not_at_all() {
    let hours = vec![on(Weekday::Tuesday, &[("08:00", "12:00")])];
    let rules = BookingRules { notice_minutes: 60, ..BookingRules::default() };
    let revise =
        |hours: &[DayHours], rules| AvailabilityCommand::Revise { hours: hours.to_vec(), valid_from: None, rules };
    let given = |events| TestFramework::<Availability>::with(time()).given(events);
    let today = date(2026, 11, 23);
    let set = were_set(hours.clone(), today);
    let ruled = AvailabilityEvent::BookingRulesSet { rules };
    given(vec![]).when(revise(&hours, Some(rules))).then_expect_events(vec![set.clone(), ruled.clone()]);
    given(vec![set.clone()]).when(revise(&hours, Some(rules))).then_expect_events(vec![ruled.clone()]);
    given(vec![set.clone(), ruled]).when(revise(&hours, None)).then_nothing_happened();

    let wrong = BookingRules { notice_minutes: u16::MAX, ..BookingRules::default() };
    let backwards = vec![on(Weekday::Tuesday, &[("12:00", "08:00")])];
    let refused = given(vec![set]).when(revise(&backwards, Some(wrong))).inspect_result();
    let Err(AvailabilityError::Invalid(violations)) = refused else { panic!("it was not refused") };
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["hours[0].timeSlots[0]", "rules.noticeMinutes"]);
}

#[test]
fn each_refusal_says_which_kind_it_is() {
    let not_now = |sentence: &str| Refusal::NotNow(sentence.to_owned());
    let broken = vec![RuleBroken::new("rule", "The rule.").at("field")];
    let table = [
        (AvailabilityError::NoSuchLeave, Refusal::NotThere),
        (AvailabilityError::NoSuchExtraHours, Refusal::NotThere),
        (AvailabilityError::OnLeave, not_now("The practitioner is on leave then.")),
        (AvailabilityError::AlreadyPlanned, not_now("It was planned already.")),
        (
            AvailabilityError::TouchesAppointments(vec![APPOINTMENT]),
            Refusal::Other(AvailabilityError::TouchesAppointments(vec![APPOINTMENT])),
        ),
        (AvailabilityError::Invalid(broken.clone()), Refusal::Invalid(broken)),
    ];
    for (error, refusal) in table {
        assert_eq!(error.clone().refusal(), refusal, "{error:?}");
    }
}
