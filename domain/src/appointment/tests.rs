use cqrs_es::test::TestFramework;
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::*;
use crate::event::LoggedEvent;
use crate::ids::{RoomId, UserId};
use crate::reminder::ReminderOutcome;
use crate::reservation::{Reservation, TimeHold};
use crate::testing::ThenNothing;
use crate::values::{Channel, Label, Reason, RuleBroken, TextValue};

type AppointmentTest = TestFramework<Appointment>;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// On Monday the 23rd of November 2026 in Paris (UTC+1): from one time until another.
fn monday(from: &str, until: &str) -> Interval {
    let time = |clock: &str| at(&format!("2026-11-23T{clock}+01:00"));
    Interval { from: time(from), until: time(until) }
}

fn id(number: u128) -> AppointmentId {
    AppointmentId(Uuid::from_u128(number))
}

fn patient_id() -> PatientId {
    PatientId(Uuid::from_u128(0xa0))
}

/// The Sunday before, at noon; the practitioner is there on Monday from 8 to 12.
fn schedule() -> Schedule {
    Schedule {
        clock: PracticeTime { now: at("2026-11-22T12:00:00+01:00"), zone: TimeZone::get("Europe/Paris").unwrap() },
        open: vec![monday("08:00", "12:00")],
        overlap_allowed: false,
        beside: Vec::new(),
    }
}

fn at_moment(now: &str) -> Schedule {
    let clock = PracticeTime { now: at(now), ..schedule().clock };
    Schedule { clock, ..schedule() }
}

fn slot(from: &str, until: &str) -> Slot {
    Slot {
        practitioner_id: UserId(Uuid::from_u128(0xd0)),
        room_id: Some(RoomId(Uuid::from_u128(0xe0))),
        during: monday(from, until),
        additional_slots: Vec::new(),
    }
}

fn details(kind: AppointmentType) -> Details {
    let title = Some(Label::parse("Consultation").unwrap());
    Details { kind, priority: AppointmentPriority::Normal, texts: Texts { title, ..Texts::default() } }
}

fn reason() -> Option<Reason> {
    Some(Reason::parse("Demande du médecin").unwrap())
}

fn book_as(slot: Slot, kind: AppointmentType, terms: Terms) -> AppointmentCommand {
    AppointmentCommand::BookAppointment {
        patient_id: patient_id(),
        slot,
        details: details(kind),
        occurrence: None,
        link_id: None,
        terms,
    }
}

fn book(slot: Slot) -> AppointmentCommand {
    book_as(slot, AppointmentType::Consultation, Terms::default())
}

fn booked_as(slot: Slot, r#type: AppointmentType, outside_availability: bool) -> AppointmentEvent {
    AppointmentEvent::AppointmentBooked {
        patient_id: patient_id(),
        slot,
        time_zone: "Europe/Paris".to_owned(),
        r#type,
        priority: AppointmentPriority::Normal,
        occurrence: None,
        link_id: None,
        outside_availability,
        personal: Revealed::Value(details(r#type).texts),
    }
}

fn booked(slot: Slot) -> AppointmentEvent {
    booked_as(slot, AppointmentType::Consultation, false)
}

fn rescheduled(slot: Slot, outside_availability: bool) -> AppointmentEvent {
    let time_zone = "Europe/Paris".to_owned();
    AppointmentEvent::AppointmentRescheduled { patient_id: patient_id(), slot, time_zone, outside_availability }
}

fn held(slot: Slot) -> AppointmentEvent {
    let expires_at = at("2026-11-22T12:05:00+01:00");
    AppointmentEvent::SlotHeld { slot, time_zone: "Europe/Paris".to_owned(), expires_at }
}

fn nine() -> Slot {
    slot("09:00", "09:30")
}

fn refused(field: &str, rule: &'static str, outcome: Result<Vec<AppointmentEvent>, AppointmentError>) {
    let Err(AppointmentError::Invalid(violations)) = outcome else { panic!("not refused as invalid: {outcome:?}") };
    assert_eq!(violations.iter().map(|v| (v.field.as_str(), v.rule)).collect::<Vec<_>>(), [(field, rule)]);
}

#[test]
fn a_slot_is_kept_for_five_minutes_and_then_booked() {
    AppointmentTest::with(schedule())
        .given_no_previous_events()
        .when(AppointmentCommand::HoldSlot { slot: nine(), override_availability: false })
        .then_expect_events(vec![held(nine())]);
    AppointmentTest::with(schedule())
        .given(vec![held(nine())])
        .when(book(nine()))
        .then_expect_events(vec![booked(nine())]);
    // Nobody took it meanwhile, else the log says so.
    AppointmentTest::with(at_moment("2026-11-22T13:00:00+01:00"))
        .given(vec![held(nine()), AppointmentEvent::SlotReleased { expired: true }])
        .when(book(nine()))
        .then_expect_events(vec![booked(nine())]);
}

#[test]
fn a_slot_that_is_kept_is_free_by_itself_after_its_time_and_not_before() {
    let release = AppointmentCommand::ReleaseExpiredSlot;
    AppointmentTest::with(at_moment("2026-11-22T12:04:59.999+01:00"))
        .given(vec![held(nine())])
        .when(release.clone())
        .then_expect_error(AppointmentError::StillHeld { until: at("2026-11-22T12:05:00+01:00") });
    AppointmentTest::with(at_moment("2026-11-22T12:05:00+01:00"))
        .given(vec![held(nine())])
        .when(release.clone())
        .then_expect_events(vec![AppointmentEvent::SlotReleased { expired: true }]);
    AppointmentTest::with(at_moment("2026-11-22T12:05:00+01:00"))
        .given(vec![held(nine()), booked(nine())])
        .when(release)
        .then_expect_error(AppointmentError::NotHeld);
    AppointmentTest::with(schedule())
        .given(vec![held(nine())])
        .when(AppointmentCommand::ReleaseSlot)
        .then_expect_events(vec![AppointmentEvent::SlotReleased { expired: false }]);
}

#[test]
fn an_appointment_is_booked_once() {
    AppointmentTest::with(schedule())
        .given(vec![booked(nine())])
        .when(book(nine()))
        .then_expect_error(AppointmentError::AlreadyBooked);
}

#[test]
fn an_appointment_takes_five_minutes_to_twelve_hours() {
    let open = Schedule { open: vec![monday("00:00", "23:59")], ..schedule() };
    let given = || AppointmentTest::with(open.clone()).given_no_previous_events();
    for until in ["09:05", "21:00"] {
        assert!(given().when(book(slot("09:00", until))).inspect_result().is_ok(), "{until}");
    }
    for until in ["09:04", "21:01"] {
        refused("duration", "duration", given().when(book(slot("09:00", until))).inspect_result());
    }
    refused("endTime", "ends_before_start", given().when(book(slot("09:00", "09:00"))).inspect_result());
    let long = Slot { additional_slots: vec![monday("15:00", "21:30")], ..slot("09:00", "14:31") };
    refused("duration", "duration", given().when(book(long)).inspect_result());
    let backwards = Slot { additional_slots: vec![monday("11:00", "10:00")], ..nine() };
    refused("additionalSlots[0].end", "ends_before_start", given().when(book(backwards)).inspect_result());
    let before = Slot { additional_slots: vec![monday("08:00", "08:30")], ..nine() };
    refused("additionalSlots[0].start", "before_start", given().when(book(before)).inspect_result());
    let far = Interval {
        from: nine().during.from + SignedDuration::from_hours(24 * 40),
        until: nine().during.until + SignedDuration::from_hours(24 * 40),
    };
    let far = Slot { additional_slots: vec![far], ..nine() };
    refused("additionalSlots", "too_far_apart", given().when(book(far)).inspect_result());
}

#[test]
fn the_past_is_booked_with_a_reason_only() {
    let later = || AppointmentTest::with(at_moment("2026-11-23T09:00:01+01:00")).given_no_previous_events();
    refused("justification", "in_the_past", later().when(book(nine())).inspect_result());
    let late_entry = Terms { reason: reason(), ..Terms::default() };
    later().when(book_as(nine(), AppointmentType::Consultation, late_entry)).then_expect_events(vec![booked(nine())]);
    let hold = AppointmentCommand::HoldSlot { slot: nine(), override_availability: true };
    refused("startTime", "in_the_past", later().when(hold).inspect_result());
}

#[test]
fn an_appointment_lies_within_the_practitioners_hours() {
    let given = || AppointmentTest::with(schedule()).given_no_previous_events();
    let outside = AppointmentError::OutsideAvailability { open: schedule().open };
    for slot in [slot("07:59", "08:30"), slot("11:45", "12:01"), slot("13:00", "14:00")] {
        given().when(book(slot.clone())).then_expect_error(outside.clone());
        let hold = AppointmentCommand::HoldSlot { slot, override_availability: false };
        given().when(hold).then_expect_error(outside.clone());
    }
    let partly = Slot { additional_slots: vec![monday("12:00", "12:10")], ..nine() };
    given().when(book(partly)).then_expect_error(outside);
    for slot in [slot("08:00", "08:30"), slot("11:30", "12:00"), slot("08:00", "12:00")] {
        given().when(book(slot.clone())).then_expect_events(vec![booked(slot)]);
    }
}

#[test]
fn an_emergency_or_a_reason_opens_other_hours() {
    let given = || AppointmentTest::with(schedule()).given_no_previous_events();
    let night = || slot("22:00", "22:30");
    let emergency = AppointmentType::Emergency;
    given().when(book_as(night(), emergency, Terms::default())).then_expect_events(vec![booked_as(
        night(),
        emergency,
        true,
    )]);
    let terms = |reason| Terms { override_availability: true, accept_overlap: false, reason };
    let consultation = AppointmentType::Consultation;
    refused(
        "justification",
        "reason_required",
        given().when(book_as(night(), consultation, terms(None))).inspect_result(),
    );
    given().when(book_as(night(), consultation, terms(reason()))).then_expect_events(vec![booked_as(
        night(),
        consultation,
        true,
    )]);
    // What lies within the hours needs no reason, whatever was allowed.
    given().when(book_as(nine(), consultation, terms(None))).then_expect_events(vec![booked(nine())]);
}

#[test]
fn a_deliberate_overlap_is_allowed_by_the_practice_has_a_reason_and_is_an_event() {
    let beside = |overlap_allowed| Schedule { overlap_allowed, beside: vec![id(7)], ..schedule() };
    let terms = |reason| Terms { accept_overlap: true, override_availability: false, reason };
    let book = |reason| book_as(nine(), AppointmentType::Consultation, terms(reason));
    let given = |allowed| AppointmentTest::with(beside(allowed)).given_no_previous_events();
    given(false).when(book(reason())).then_expect_error(AppointmentError::OverlapNotAllowed);
    refused("justification", "reason_required", given(true).when(book(None)).inspect_result());
    let overlap = AppointmentEvent::OverlapAccepted {
        practitioner_id: nine().practitioner_id,
        times: vec![nine().during],
        appointments: vec![id(7)],
    };
    given(true).when(book(reason())).then_expect_events(vec![booked(nine()), overlap]);
}

#[test]
fn a_move_is_checked_as_a_booking_and_asks_for_confirmation_again() {
    let confirmed = || vec![booked(nine()), AppointmentEvent::AppointmentConfirmed { by_patient: false }];
    let to = |slot| AppointmentCommand::RescheduleAppointment { slot, terms: Terms::default() };
    let given = || AppointmentTest::with(schedule()).given(confirmed());
    given().when(to(slot("10:00", "10:30"))).then_expect_events(vec![rescheduled(slot("10:00", "10:30"), false)]);
    given().when(to(nine())).then_nothing_happened();
    given()
        .when(to(slot("12:00", "12:30")))
        .then_expect_error(AppointmentError::OutsideAvailability { open: schedule().open });
    refused("duration", "duration", given().when(to(slot("10:00", "10:01"))).inspect_result());
    AppointmentTest::with(schedule())
        .given([confirmed(), vec![rescheduled(slot("10:00", "10:30"), false)]].concat())
        .when(AppointmentCommand::ConfirmAppointment)
        .then_expect_events(vec![AppointmentEvent::AppointmentConfirmed { by_patient: false }]);
}

#[test]
fn a_change_of_details_names_the_fields() {
    let mut changed = details(AppointmentType::Exam);
    changed.texts.reason = reason();
    let given = || AppointmentTest::with(schedule()).given(vec![booked(nine())]);
    given()
        .when(AppointmentCommand::ChangeDetails { details: details(AppointmentType::Consultation) })
        .then_nothing_happened();
    given().when(AppointmentCommand::ChangeDetails { details: changed.clone() }).then_expect_events(vec![
        AppointmentEvent::AppointmentDetailsChanged {
            fields_changed: vec!["type".to_owned(), "reason".to_owned()],
            r#type: changed.kind,
            priority: changed.priority,
            personal: Revealed::Value(changed.texts),
        },
    ]);
}

/// The events that lead to each status, and which commands may follow.
#[test]
fn the_life_of_an_appointment_is_the_one_of_the_picture() {
    let after = |events: &[AppointmentEvent]| [&[booked(nine())], events].concat();
    let (confirmed, arrived) =
        (AppointmentEvent::AppointmentConfirmed { by_patient: false }, AppointmentEvent::PatientArrived {});
    let (started, completed) = (AppointmentEvent::AppointmentStarted {}, AppointmentEvent::AppointmentCompleted {});
    let cancelled = AppointmentEvent::AppointmentCancelled {
        by_patient: false,
        personal: Revealed::Value(Cancellation { reason: None }),
    };
    let absent = AppointmentEvent::PatientDidNotAttend {};
    let lives = [
        ("scheduled", after(&[]), "confirm arrive cancel absent move details"),
        ("confirmed", after(&[confirmed]), "arrive cancel absent move details"),
        ("arrived", after(std::slice::from_ref(&arrived)), "start cancel absent move details"),
        ("in_progress", after(&[arrived.clone(), started.clone()]), "complete details"),
        ("completed", after(&[arrived, started, completed]), ""),
        ("cancelled", after(&[cancelled]), ""),
        ("no_show", after(&[absent]), ""),
    ];
    let moved = AppointmentCommand::RescheduleAppointment {
        slot: slot("10:00", "10:30"),
        terms: Terms { reason: reason(), ..Terms::default() },
    };
    let commands = [
        ("confirm", AppointmentCommand::ConfirmAppointment),
        ("arrive", AppointmentCommand::ReportArrival),
        ("start", AppointmentCommand::StartAppointment),
        ("complete", AppointmentCommand::CompleteAppointment),
        ("cancel", AppointmentCommand::CancelAppointment { reason: reason() }),
        ("absent", AppointmentCommand::ReportAbsence),
        ("move", moved),
        ("details", AppointmentCommand::ChangeDetails { details: details(AppointmentType::Surgery) }),
    ];
    for (status, events, allowed) in lives {
        for (name, command) in &commands {
            let test = AppointmentTest::with(at_moment("2026-11-23T09:10:00+01:00")).given(events.clone());
            let outcome = test.when(command.clone()).inspect_result();
            if allowed.split(' ').any(|word| word == *name) {
                assert_eq!(outcome.map(|events| events.len()).ok(), Some(1), "{name} when {status}");
            } else {
                let Err(AppointmentError::NotNow { status: now }) = outcome else { panic!("{name} when {status}") };
                assert_eq!(crate::values::CodeValue::code(now), status);
            }
        }
    }
    for (name, command) in commands {
        let outcome = AppointmentTest::with(schedule()).given(vec![held(nine())]).when(command).inspect_result();
        assert_eq!(outcome, Err(AppointmentError::NotBooked), "{name}");
    }
}

#[test]
fn what_was_called_off_or_missed_by_mistake_takes_its_times_again_as_a_booking_does() {
    let restore = |terms| AppointmentCommand::RestoreAppointment { patient_id: patient_id(), slot: nine(), terms };
    let restored = || AppointmentEvent::AppointmentRestored {
        patient_id: patient_id(),
        slot: nine(),
        time_zone: "Europe/Paris".to_owned(),
        outside_availability: false,
    };
    let cancelled = || AppointmentEvent::AppointmentCancelled {
        by_patient: false,
        personal: Revealed::Value(Cancellation { reason: reason() }),
    };
    let after = |last: AppointmentEvent| AppointmentTest::with(schedule()).given(vec![booked(nine()), last]);
    after(cancelled()).when(restore(Terms::default())).then_expect_events(vec![restored()]);
    assert_eq!(restored().reservations(), booked(nine()).reservations());
    for (status, last) in
        [("scheduled", restored()), ("confirmed", AppointmentEvent::AppointmentConfirmed { by_patient: false })]
    {
        let Err(AppointmentError::NotNow { status: now }) =
            after(last).when(restore(Terms::default())).inspect_result()
        else {
            panic!("restored when {status}")
        };
        assert_eq!(crate::values::CodeValue::code(now), status);
    }
    let late = |terms| {
        let events = vec![booked(nine()), AppointmentEvent::PatientDidNotAttend {}];
        AppointmentTest::with(at_moment("2026-11-23T09:40:00+01:00"))
            .given(events)
            .when(restore(terms))
            .inspect_result()
    };
    refused("justification", "in_the_past", late(Terms::default()));
    assert_eq!(late(Terms { reason: reason(), ..Terms::default() }), Ok(vec![restored()]));
    let closed = Schedule { open: Vec::new(), ..schedule() };
    AppointmentTest::with(closed)
        .given(vec![booked(nine()), cancelled()])
        .when(restore(Terms::default()))
        .then_expect_error(AppointmentError::OutsideAvailability { open: Vec::new() });
}

#[test]
fn nobody_fails_to_come_to_what_has_not_begun() {
    AppointmentTest::with(at_moment("2026-11-23T08:59:59+01:00"))
        .given(vec![booked(nine())])
        .when(AppointmentCommand::ReportAbsence)
        .then_expect_error(AppointmentError::NotBegun { starts: nine().during.from });
}

#[test]
fn practitioner_patient_and_room_are_held_until_it_is_called_off() {
    let two = Slot { additional_slots: vec![monday("10:00", "10:15"), monday("09:30", "09:40")], ..nine() };
    let hold =
        |resource: u128, during: Interval, shared| TimeHold { resource: Uuid::from_u128(resource), during, shared };
    let both = |resource| {
        vec![hold(resource, monday("09:00", "09:40"), false), hold(resource, monday("10:00", "10:15"), false)]
    };
    let of = |kind, holds| Reservation::Times { kind, holds };
    let taken = |patient| {
        vec![
            of(ResourceKind::Practitioner, both(0xd0)),
            of(ResourceKind::Patient, patient),
            of(ResourceKind::Room, both(0xe0)),
        ]
    };
    assert_eq!(booked(two.clone()).reservations(), taken(both(0xa0)));
    assert_eq!(rescheduled(two.clone(), false).reservations(), taken(both(0xa0)));
    assert_eq!(held(two).reservations(), taken(Vec::new()));
    let free: Vec<_> = ResourceKind::ALL.into_iter().map(|kind| of(kind, Vec::new())).collect();
    for event in [
        AppointmentEvent::SlotReleased { expired: false },
        AppointmentEvent::AppointmentCancelled { by_patient: false, personal: Revealed::Forgotten },
        AppointmentEvent::PatientDidNotAttend {},
    ] {
        assert_eq!(event.reservations(), free);
    }
    assert_eq!(AppointmentEvent::AppointmentCompleted {}.reservations(), []);
    let overlap = AppointmentEvent::OverlapAccepted {
        practitioner_id: nine().practitioner_id,
        times: nine().times(),
        appointments: vec![id(7)],
    };
    assert_eq!(overlap.reservations(), [of(ResourceKind::Practitioner, vec![hold(0xd0, nine().during, true)])]);
}

#[test]
fn a_forgotten_patients_appointments_keep_their_times() {
    let mut appointment = Appointment::default();
    let AppointmentEvent::AppointmentBooked { patient_id, slot, time_zone, r#type, priority, occurrence, .. } =
        booked(nine())
    else {
        panic!("a booking")
    };
    appointment.apply(AppointmentEvent::AppointmentBooked {
        patient_id,
        slot,
        time_zone,
        r#type,
        priority,
        occurrence,
        link_id: None,
        outside_availability: false,
        personal: Revealed::Forgotten,
    });
    assert_eq!((appointment.slot.as_ref(), appointment.texts.value()), (Some(&nine()), None));
    assert_eq!(appointment.subject(Uuid::nil()), Some(SubjectId(patient_id.0)));
}

const DAY_BEFORE: ReminderRule = ReminderRule { channel: Channel::Email, minutes_before: 24 * 60 };

fn reminded(starts: &str) -> ReminderMark {
    let outcome = ReminderOutcome::Sent { channel: Channel::Email, message_id: Uuid::from_u128(0xf0), certain: true };
    ReminderMark { rule: DAY_BEFORE, starts: monday(starts, "12:00").from, outcome }
}

#[test]
fn an_appointment_has_reminders_of_its_own_if_that_is_wished() {
    let given = || AppointmentTest::with(schedule()).given(vec![booked(nine())]);
    let choose = |reminders| AppointmentCommand::ChooseReminders { reminders };
    let chosen = AppointmentEvent::RemindersChosen { reminders: Some(vec![DAY_BEFORE]) };
    given().when(choose(Some(vec![DAY_BEFORE]))).then_expect_events(vec![chosen]);
    given().when(choose(None)).then_nothing_happened();
    let outcome = given().when(choose(Some(vec![DAY_BEFORE; 2]))).inspect_result();
    refused("reminders[1]", "repeated", outcome);
}

#[test]
fn a_reminder_is_noted_once_for_each_beginning() {
    let note = |marks| AppointmentCommand::NoteReminders { marks };
    let noted = |starts| AppointmentEvent::of_reminder(reminded(starts));
    let given = |events| AppointmentTest::with(schedule()).given(events);
    given(vec![booked(nine())]).when(note(vec![reminded("09:00")])).then_expect_events(vec![noted("09:00")]);
    let told = vec![booked(nine()), noted("09:00")];
    given(told.clone()).when(note(vec![reminded("09:00")])).then_nothing_happened();
    let moved = [told, vec![rescheduled(slot("10:00", "10:30"), false)]].concat();
    given(moved).when(note(vec![reminded("10:00")])).then_expect_events(vec![noted("10:00")]);
}

#[test]
fn a_message_that_left_is_noted_whatever_became_of_the_appointment() {
    let cancelled = AppointmentEvent::AppointmentCancelled {
        by_patient: false,
        personal: Revealed::Value(Cancellation::default()),
    };
    AppointmentTest::with(schedule())
        .given(vec![booked(nine()), cancelled])
        .when(AppointmentCommand::NoteReminders { marks: vec![reminded("09:00")] })
        .then_expect_events(vec![AppointmentEvent::of_reminder(reminded("09:00"))]);
}

fn answer(starts: Timestamp, answer: PatientAnswer) -> AppointmentCommand {
    AppointmentCommand::AnswerByPatient { starts, answer }
}

#[test]
fn a_patient_confirms_and_cancels_by_themselves_until_it_begins() {
    let starts = nine().during.from;
    let confirmed = AppointmentEvent::AppointmentConfirmed { by_patient: true };
    let cancelled =
        AppointmentEvent::AppointmentCancelled { by_patient: true, personal: Revealed::Value(Cancellation::default()) };
    let given = |events: Vec<AppointmentEvent>, now: Schedule| AppointmentTest::with(now).given(events);
    let booked = || vec![booked(nine())];
    given(booked(), schedule()).when(answer(starts, PatientAnswer::Comes)).then_expect_events(vec![confirmed.clone()]);
    let twice = [booked(), vec![confirmed.clone()]].concat();
    given(twice.clone(), schedule()).when(answer(starts, PatientAnswer::Comes)).then_nothing_happened();
    given(twice, schedule())
        .when(answer(starts, PatientAnswer::DoesNotCome))
        .then_expect_events(vec![cancelled.clone()]);
    given([booked(), vec![cancelled]].concat(), schedule())
        .when(answer(starts, PatientAnswer::Comes))
        .then_expect_error(AppointmentError::NotNow { status: AppointmentStatus::Cancelled });
    given(booked(), at_moment("2026-11-23T09:00:00+01:00"))
        .when(answer(starts, PatientAnswer::DoesNotCome))
        .then_expect_error(AppointmentError::Begun);
}

#[test]
fn an_answer_to_a_time_that_was_changed_is_about_nothing() {
    let moved = AppointmentEvent::AppointmentRescheduled {
        patient_id: patient_id(),
        slot: slot("10:00", "10:30"),
        time_zone: "Europe/Paris".to_owned(),
        outside_availability: false,
    };
    AppointmentTest::with(schedule())
        .given(vec![booked(nine()), moved])
        .when(answer(nine().during.from, PatientAnswer::DoesNotCome))
        .then_expect_error(AppointmentError::Moved);
}

#[test]
fn each_refusal_says_which_kind_it_is() {
    let not_now = |sentence: &str| Refusal::NotNow(sentence.to_owned());
    let broken = vec![RuleBroken::new("rule", "The rule.").at("field")];
    let table = [
        (AppointmentError::NotBooked, Refusal::NotThere),
        (AppointmentError::NotHeld, Refusal::NotThere),
        (AppointmentError::AlreadyBooked, not_now("The appointment is already booked.")),
        (
            AppointmentError::StillHeld { until: at("2026-11-22T12:05:00Z") },
            not_now("The slot is held until 2026-11-22T12:05:00Z."),
        ),
        (
            AppointmentError::NotNow { status: AppointmentStatus::InProgress },
            not_now("This cannot happen to an appointment that is in_progress."),
        ),
        (
            AppointmentError::NotBegun { starts: at("2026-11-23T08:00:00Z") },
            not_now("The appointment begins at 2026-11-23T08:00:00Z."),
        ),
        (AppointmentError::Moved, not_now("The appointment was moved.")),
        (AppointmentError::Begun, not_now("The appointment has begun.")),
        (
            AppointmentError::OutsideAvailability { open: vec![monday("08:00", "12:00")] },
            Refusal::Other(AppointmentError::OutsideAvailability { open: vec![monday("08:00", "12:00")] }),
        ),
        (AppointmentError::OverlapNotAllowed, Refusal::Other(AppointmentError::OverlapNotAllowed)),
        (AppointmentError::Conflicts(Vec::new()), Refusal::Other(AppointmentError::Conflicts(Vec::new()))),
        (AppointmentError::Invalid(broken.clone()), Refusal::Invalid(broken)),
    ];
    for (error, refusal) in table {
        assert_eq!(error.clone().refusal(), refusal, "{error:?}");
    }
}
