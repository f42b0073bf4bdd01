use cqrs_es::test::TestFramework;
use jiff::SignedDuration;
use jiff::civil::{Weekday, date};
use jiff::tz::TimeZone;

use super::*;
use crate::appointment::{AppointmentPriority, AppointmentType, Texts};
use crate::event::LoggedEvent;
use crate::reminder::QuietHours;
use crate::scheduling::{TimeOfDay, TimeSlot};
use crate::testing::ThenNothing;
use crate::values::{Reason, RuleBroken, Specialty, TextValue};

type WaitingTest = TestFramework<WaitingEntry>;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A moment on Monday the 23rd of November 2026 in Paris (UTC+1).
fn monday(clock: &str) -> PracticeTime {
    PracticeTime { now: at(&format!("2026-11-23T{clock}+01:00")), zone: TimeZone::get("Europe/Paris").unwrap() }
}

fn noon() -> PracticeTime {
    monday("12:00")
}

fn doctor(number: u128) -> UserId {
    UserId(Uuid::from_u128(0xd0 + number))
}

/// From one time until another on a day of the week that follows, with the first doctor.
fn slot(day: i8, from: &str, until: &str) -> Slot {
    let time = |clock: &str| at(&format!("2026-11-{:02}T{clock}+01:00", 23 + day));
    let during = Interval { from: time(from), until: time(until) };
    Slot { practitioner_id: doctor(0), room_id: None, during, additional_slots: Vec::new() }
}

fn nine() -> Slot {
    slot(1, "09:00", "09:30")
}

fn part(from: u8, until: u8) -> TimeSlot {
    TimeSlot { start: TimeOfDay::new(from, 0).unwrap(), end: TimeOfDay::new(until, 0).unwrap() }
}

fn wish() -> Wish {
    Wish {
        whom: WishFor { practitioner_ids: vec![doctor(0)], specialty: None },
        kind: AppointmentType::Consultation,
        priority: AppointmentPriority::Normal,
        duration_minutes: 30,
        earliest: date(2026, 11, 24),
        latest: date(2026, 12, 4),
        days_of_week: Vec::new(),
        times: Vec::new(),
        appointment_id: None,
        channel: None,
    }
}

fn texts() -> Texts {
    Texts { reason: Some(Reason::parse("Contrôle de la tension").unwrap()), ..Texts::default() }
}

fn offer_id() -> OfferId {
    OfferId(Uuid::from_u128(0xc0))
}

fn appointment_id() -> AppointmentId {
    AppointmentId(Uuid::from_u128(0xb0))
}

fn join(wish: Wish) -> WaitingCommand {
    WaitingCommand::JoinWaitingList { patient_id: PatientId(Uuid::from_u128(0xa0)), wish, texts: texts() }
}

fn joined(wish: Wish) -> WaitingEvent {
    let personal = Revealed::Value(texts());
    WaitingEvent::WaitingListJoined { patient_id: PatientId(Uuid::from_u128(0xa0)), wish, personal }
}

fn answer_by_one() -> Timestamp {
    at("2026-11-23T13:00:00+01:00")
}

fn offer(slot: Slot) -> WaitingCommand {
    WaitingCommand::OfferSlot { offer_id: offer_id(), slot, answer_by: answer_by_one(), tell_patient: true }
}

fn offered(slot: Slot) -> WaitingEvent {
    let time_zone = "Europe/Paris".to_owned();
    WaitingEvent::SlotOffered { offer_id: offer_id(), slot, time_zone, answer_by: answer_by_one(), tell_patient: true }
}

fn accept() -> WaitingCommand {
    WaitingCommand::AcceptOffer { offer_id: offer_id(), appointment_id: appointment_id(), by_patient: true }
}

fn declined() -> WaitingEvent {
    WaitingEvent::OfferDeclined { offer_id: offer_id(), by_patient: true }
}

fn folded(events: impl IntoIterator<Item = WaitingEvent>) -> WaitingEntry {
    let mut entry = WaitingEntry::default();
    events.into_iter().for_each(|event| entry.apply(event));
    entry
}

#[test]
fn somebody_waits_is_offered_a_slot_and_takes_it() {
    WaitingTest::with(noon()).given_no_previous_events().when(join(wish())).then_expect_events(vec![joined(wish())]);
    WaitingTest::with(noon()).given(vec![joined(wish())]).when(offer(nine())).then_expect_events(vec![offered(nine())]);
    let accepted =
        WaitingEvent::OfferAccepted { offer_id: offer_id(), appointment_id: appointment_id(), by_patient: true };
    WaitingTest::with(noon())
        .given(vec![joined(wish()), offered(nine())])
        .when(accept())
        .then_expect_events(vec![accepted.clone()]);
    let served = folded([joined(wish()), offered(nine()), accepted]);
    assert_eq!((served.status, served.appointment_id), (Some(WaitingStatus::Served), Some(appointment_id())));
}

#[test]
fn an_offer_that_is_declined_lapses_or_is_overtaken_leaves_the_patient_waiting() {
    let offer_id = offer_id();
    for (command, event, time) in [
        (WaitingCommand::DeclineOffer { offer_id, by_patient: true }, declined(), noon()),
        (WaitingCommand::LapseOffer { offer_id }, WaitingEvent::OfferLapsed { offer_id }, monday("13:00")),
        (WaitingCommand::NoteOvertakenOffer { offer_id }, WaitingEvent::OfferOvertaken { offer_id }, noon()),
    ] {
        WaitingTest::with(time)
            .given(vec![joined(wish()), offered(nine())])
            .when(command)
            .then_expect_events(vec![event.clone()]);
        let entry = folded([joined(wish()), offered(nine()), event]);
        assert_eq!((entry.status, &entry.offer), (Some(WaitingStatus::Waiting), &None));
        assert!(!entry.wants(&nine(), &[], None, &noon()), "not the same again");
        assert!(entry.wants(&slot(1, "09:30", "10:00"), &[], None, &noon()));
    }
}

#[test]
fn an_offer_is_good_until_its_time_is_over_and_not_longer() {
    let until = answer_by_one();
    let given = || vec![joined(wish()), offered(nine())];
    let refused = |time, command, error| {
        WaitingTest::with(time).given(given()).when(command).then_expect_error(error);
    };
    refused(monday("13:00"), accept(), WaitingError::TooLate { until });
    refused(monday("12:59:59"), WaitingCommand::LapseOffer { offer_id: offer_id() }, WaitingError::StillOpen { until });
    let other = OfferId(Uuid::from_u128(0xc1));
    refused(noon(), WaitingCommand::DeclineOffer { offer_id: other, by_patient: false }, WaitingError::NotOffered);
    refused(noon(), offer(nine()), WaitingError::NotNow { status: WaitingStatus::Offered });
}

#[test]
fn whoever_left_waits_no_more() {
    let left = WaitingEvent::WaitingListLeft { by_patient: false };
    let leave = WaitingCommand::LeaveWaitingList { by_patient: false };
    for before in [vec![joined(wish())], vec![joined(wish()), offered(nine())]] {
        WaitingTest::with(noon()).given(before.clone()).when(leave.clone()).then_expect_events(vec![left.clone()]);
        let gone: Vec<_> = before.into_iter().chain([left.clone()]).collect();
        assert_eq!(folded(gone.clone()).offer, None);
        let change = WaitingCommand::ChangeWish { wish: wish(), texts: texts() };
        for command in [leave.clone(), change, offer(nine())] {
            let error = WaitingError::NotNow { status: WaitingStatus::Left };
            WaitingTest::with(noon()).given(gone.clone()).when(command).then_expect_error(error);
        }
        WaitingTest::with(noon()).given(gone).when(accept()).then_expect_error(WaitingError::NotOffered);
    }
    for command in [leave, accept(), offer(nine())] {
        WaitingTest::with(noon()).given_no_previous_events().when(command).then_expect_error(WaitingError::NotWaiting);
    }
}

#[test]
fn a_wish_that_stays_the_same_is_no_event() {
    let change = |wish| WaitingCommand::ChangeWish { wish, texts: texts() };
    WaitingTest::with(noon()).given(vec![joined(wish())]).when(change(wish())).then_nothing_happened();
    let shorter = Wish { duration_minutes: 15, ..wish() };
    let changed = WaitingEvent::WaitingWishChanged { wish: shorter.clone(), personal: Revealed::Value(texts()) };
    WaitingTest::with(noon()).given(vec![joined(wish())]).when(change(shorter)).then_expect_events(vec![changed]);
    WaitingTest::with(noon())
        .given(vec![joined(wish())])
        .when(join(wish()))
        .then_expect_error(WaitingError::AlreadyWaiting);
}

#[test]
fn a_wish_that_cannot_come_true_is_refused_by_field() {
    let backwards = TimeSlot { start: TimeOfDay::new(12, 0).unwrap(), end: TimeOfDay::new(8, 0).unwrap() };
    for (wish, expected) in [
        (Wish { duration_minutes: 4, ..wish() }, ("duration", "duration")),
        (Wish { duration_minutes: 721, ..wish() }, ("duration", "duration")),
        (Wish { latest: date(2026, 11, 23), ..wish() }, ("latest", "ends_before_start")),
        (Wish { earliest: date(2026, 11, 1), latest: date(2026, 11, 22), ..wish() }, ("latest", "in_the_past")),
        (Wish { latest: date(2029, 1, 1), ..wish() }, ("latest", "too_far")),
        (Wish { times: vec![part(8, 12), backwards], ..wish() }, ("times[1].end", "ends_before_start")),
        (Wish { times: vec![part(8, 12); 11], ..wish() }, ("times", "too_many")),
        (
            Wish { whom: WishFor { practitioner_ids: vec![doctor(0); 21], specialty: None }, ..wish() },
            ("practitionerIds", "too_many"),
        ),
    ] {
        let outcome = WaitingTest::with(noon()).given_no_previous_events().when(join(wish)).inspect_result();
        let Err(WaitingError::Invalid(violations)) = outcome else { panic!("not refused: {outcome:?}") };
        assert_eq!(violations.iter().map(|v| (v.field.as_str(), v.rule)).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn a_wish_may_go_to_its_limits() {
    let whom = WishFor { practitioner_ids: vec![doctor(0); MOST_PRACTITIONERS], specialty: None };
    let (first, today, in_two_years) = (date(2026, 11, 1), date(2026, 11, 23), date(2028, 11, 23));
    for wish in [
        Wish { duration_minutes: 5, ..wish() },
        Wish { duration_minutes: 720, ..wish() },
        Wish { earliest: today, latest: today, ..wish() },
        Wish { earliest: first, latest: today, ..wish() },
        Wish { latest: in_two_years, ..wish() },
        Wish { times: vec![part(8, 12); MOST_TIMES], ..wish() },
        Wish { whom, ..wish() },
    ] {
        let joined = vec![joined(wish.clone())];
        WaitingTest::with(noon()).given_no_previous_events().when(join(wish)).then_expect_events(joined);
    }
    for (wish, expected) in [
        (Wish { latest: date(2028, 11, 24), ..wish() }, ("latest", "too_far")),
        (Wish { times: vec![part(8, 8)], ..wish() }, ("times[0].end", "ends_before_start")),
    ] {
        let outcome = WaitingTest::with(noon()).given_no_previous_events().when(join(wish)).inspect_result();
        let Err(WaitingError::Invalid(violations)) = outcome else { panic!("not refused: {outcome:?}") };
        assert_eq!(violations.iter().map(|v| (v.field.as_str(), v.rule)).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn an_offer_lies_ahead_and_is_answered_before_it_begins() {
    let moment = SignedDuration::from_nanos(1);
    let offer = |slot: Slot, answer_by| {
        let command = WaitingCommand::OfferSlot { offer_id: offer_id(), slot, answer_by, tell_patient: true };
        WaitingTest::with(noon()).given(vec![joined(wish())]).when(command).inspect_result()
    };
    let refused = |outcome| {
        let Err(WaitingError::Invalid(violations)) = outcome else { panic!("not refused: {outcome:?}") };
        violations.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
    };
    let now = noon().now;
    assert!(offer(nine(), nine().during.from).is_ok());
    assert_eq!(refused(offer(nine(), nine().during.from + moment)), ["answerBy"]);
    assert!(offer(nine(), now + moment).is_ok());
    assert_eq!(refused(offer(nine(), now)), ["answerBy"]);
    assert_eq!(refused(offer(slot(0, "12:00", "12:30"), now + moment)), ["startTime", "answerBy"]);
    assert_eq!(refused(offer(slot(1, "09:00", "09:00"), answer_by_one())), ["endTime"]);
}

#[test]
fn a_patient_who_has_less_than_a_quarter_of_an_hour_is_not_asked() {
    let until = |slot: Slot| answer_by(slot.during, None, &noon());
    let quarter_past = slot(0, "12:15", "12:45");
    assert_eq!(until(quarter_past.clone()), Some(quarter_past.during.from));
    let a_moment_earlier = Slot { during: quarter_past.during.shifted(SignedDuration::from_nanos(-1)), ..quarter_past };
    assert_eq!(until(a_moment_earlier), None);
}

#[test]
fn an_offer_is_accepted_and_sent_until_the_last_moment() {
    let given = || WaitingTest::with(monday("12:59:59.999999999")).given(vec![joined(wish()), offered(nine())]);
    assert!(given().when(accept()).inspect_result().is_ok());
    let tell = WaitingCommand::HandOverMessage { offer_id: offer_id(), channel: Channel::Sms };
    assert!(given().when(tell).inspect_result().is_ok());
}

#[test]
fn a_wish_names_days_of_the_week_by_their_numbers() {
    let wish = Wish { days_of_week: vec![Weekday::Sunday, Weekday::Saturday], ..wish() };
    let mut json = serde_json::to_value(&wish).unwrap();
    assert_eq!(json["daysOfWeek"], serde_json::json!([0, 6]));
    assert_eq!(serde_json::from_value::<Wish>(json.clone()).unwrap(), wish);
    json["daysOfWeek"] = serde_json::json!([7]);
    assert!(serde_json::from_value::<Wish>(json).is_err());
}

#[test]
fn a_place_on_the_list_is_the_patients() {
    assert_eq!(WaitingEntry::default().subject(Uuid::nil()), None);
    let entry = folded([joined(wish())]);
    assert_eq!(entry.subject(Uuid::nil()), entry.patient_id.map(SubjectId::from));
}

#[test]
fn an_offer_that_cannot_be_answered_is_refused_by_field() {
    let before = SignedDuration::from_secs(1);
    for (slot, answer_by, expected) in [
        (slot(0, "11:00", "11:30"), noon().now, vec!["startTime", "answerBy", "answerBy"]),
        (slot(1, "09:30", "09:00"), answer_by_one(), vec!["endTime"]),
        (nine(), noon().now - before, vec!["answerBy"]),
        (nine(), nine().during.from + before, vec!["answerBy"]),
    ] {
        let command = WaitingCommand::OfferSlot { offer_id: offer_id(), slot, answer_by, tell_patient: true };
        let outcome = WaitingTest::with(noon()).given(vec![joined(wish())]).when(command).inspect_result();
        let Err(WaitingError::Invalid(violations)) = outcome else { panic!("not refused: {outcome:?}") };
        assert_eq!(violations.iter().map(|v| v.field.as_str()).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn only_what_is_waited_for_is_wanted() {
    let wants = |wish: Wish, slot: Slot| folded([joined(wish)]).wants(&slot, &["SM54".to_owned()], None, &noon());
    let whom = |practitioner_ids, specialty: Option<&str>| {
        let specialty = specialty.map(|code| Specialty::parse(code).unwrap());
        Wish { whom: WishFor { practitioner_ids, specialty }, ..wish() }
    };
    assert!(wants(wish(), nine()));
    assert!(wants(whom(vec![], None), nine()), "anybody");
    assert!(wants(whom(vec![], Some("SM54")), nine()));
    assert!(wants(whom(vec![doctor(1)], Some("SM54")), nine()), "either");
    assert!(!wants(whom(vec![doctor(1)], None), nine()));
    assert!(!wants(whom(vec![], Some("SM05")), nine()));
    assert!(!wants(Wish { earliest: date(2026, 11, 25), ..wish() }, nine()));
    assert!(!wants(Wish { latest: date(2026, 11, 24), ..wish() }, slot(2, "09:00", "09:30")));
    assert!(wants(Wish { days_of_week: vec![Weekday::Tuesday], ..wish() }, nine()));
    assert!(!wants(Wish { days_of_week: vec![Weekday::Monday, Weekday::Friday], ..wish() }, nine()));
    assert!(wants(Wish { times: vec![part(14, 18), part(9, 10)], ..wish() }, nine()));
    assert!(!wants(Wish { times: vec![part(10, 18)], ..wish() }, slot(1, "09:45", "10:15")));
}

#[test]
fn who_has_an_appointment_wants_an_earlier_one() {
    let entry = folded([joined(Wish { appointment_id: Some(appointment_id()), ..wish() })]);
    let wants = |current: &Slot| entry.wants(&nine(), &[], Some(current.during.from), &noon());
    assert!(wants(&slot(2, "09:00", "09:30")));
    assert!(!wants(&nine()));
    assert!(!wants(&slot(1, "08:00", "08:30")));
}

#[test]
fn who_is_offered_something_or_left_wants_nothing_more() {
    assert!(!folded([joined(wish()), offered(nine())]).wants(&slot(1, "10:00", "10:30"), &[], None, &noon()));
    let left = WaitingEvent::WaitingListLeft { by_patient: true };
    assert!(!folded([joined(wish()), left]).wants(&nine(), &[], None, &noon()));
}

#[test]
fn nobody_is_asked_at_night_and_everybody_has_time_to_answer() {
    let quiet = Some(QuietHours::default());
    let until = |clock: &str, slot: Slot| answer_by(slot.during, quiet, &monday(clock)).map(|until| until.to_string());
    let tuesday_at = |clock: &str| Some(at(&format!("2026-11-24T{clock}+01:00")).to_string());
    assert_eq!(until("12:00", nine()), Some(answer_by_one().to_string()));
    assert_eq!(until("20:59", nine()), Some(at("2026-11-23T21:59:00+01:00").to_string()));
    assert_eq!(until("21:00", slot(1, "14:00", "14:30")), tuesday_at("09:00"));
    assert_eq!(until("03:00", slot(0, "14:00", "14:30")), Some(at("2026-11-23T09:00:00+01:00").to_string()));
    assert_eq!(until("22:00", slot(1, "08:30", "09:00")), tuesday_at("08:30"), "until it begins at the latest");
    assert_eq!(until("22:00", slot(1, "08:14", "09:00")), None);
    assert_eq!(until("12:00", slot(0, "12:10", "12:40")), None);
    let calls = answer_by(slot(1, "08:14", "09:00").during, None, &monday("22:00"));
    assert_eq!(calls, Some(at("2026-11-23T23:00:00+01:00")), "whoever calls knows what they do");
}

#[test]
fn an_offer_keeps_nobody_else_from_booking() {
    for event in [joined(wish()), offered(nine()), declined()] {
        assert_eq!(event.reservations(), []);
    }
}

#[test]
fn a_patient_is_told_once_of_an_offer_or_cannot_be() {
    let (offer_id, channel, cause) = (offer_id(), Channel::Sms, ReminderFailure::Refused);
    let told = WaitingEvent::OfferMessageHandedOver { offer_id, channel };
    let failed = WaitingEvent::OfferMessageFailed { offer_id, cause };
    let (tell, fail) =
        (WaitingCommand::HandOverMessage { offer_id, channel }, WaitingCommand::NoteFailedMessage { offer_id, cause });
    let given = || vec![joined(wish()), offered(nine())];
    assert!(folded(given()).offer.unwrap().is_untold());
    WaitingTest::with(noon()).given(given()).when(tell.clone()).then_expect_events(vec![told.clone()]);
    let known: Vec<_> = given().into_iter().chain([told]).collect();
    assert!(!folded(known.clone()).offer.unwrap().is_untold());
    WaitingTest::with(noon()).given(known.clone()).when(tell.clone()).then_expect_error(WaitingError::AlreadyTold);
    // The other side may still say no.
    WaitingTest::with(noon()).given(known).when(fail.clone()).then_expect_events(vec![failed.clone()]);
    let failed: Vec<_> = given().into_iter().chain([failed]).collect();
    for command in [tell.clone(), fail] {
        WaitingTest::with(noon()).given(failed.clone()).when(command).then_expect_error(WaitingError::AlreadyTold);
    }
    let until = answer_by_one();
    let late = WaitingTest::with(monday("13:00")).given(given()).when(tell);
    late.then_expect_error(WaitingError::TooLate { until });
}

#[test]
fn each_refusal_says_which_kind_it_is() {
    let not_now = |sentence: &str| Refusal::NotNow(sentence.to_owned());
    let broken = vec![RuleBroken::new("rule", "The rule.").at("field")];
    let table = [
        (WaitingError::NotWaiting, Refusal::NotThere),
        (WaitingError::AlreadyWaiting, not_now("The place on the waiting list is taken already.")),
        (
            WaitingError::NotNow { status: WaitingStatus::Left },
            not_now("This cannot happen to a place on the waiting list that is left."),
        ),
        (WaitingError::NotOffered, not_now("This is not offered, or not any more.")),
        (
            WaitingError::TooLate { until: at("2026-11-23T12:00:00Z") },
            not_now("The offer was good until 2026-11-23T12:00:00Z."),
        ),
        (WaitingError::AlreadyTold, not_now("The patient was told of the offer already, or could not be.")),
        (
            WaitingError::StillOpen { until: at("2026-11-23T12:00:00Z") },
            not_now("The offer is good until 2026-11-23T12:00:00Z."),
        ),
        (WaitingError::Invalid(broken.clone()), Refusal::Invalid(broken)),
    ];
    for (error, refusal) in table {
        assert_eq!(error.clone().refusal(), refusal, "{error:?}");
    }
}
