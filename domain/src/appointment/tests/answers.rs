use super::*;

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
fn a_patient_answers_until_the_last_moment_before_it_begins() {
    let starts = nine().during.from;
    AppointmentTest::with(at_moment("2026-11-23T08:59:59.999999999+01:00"))
        .given(vec![booked(nine())])
        .when(answer(starts, PatientAnswer::Comes))
        .then_expect_events(vec![AppointmentEvent::AppointmentConfirmed { by_patient: true }]);
}

#[test]
fn an_event_says_that_the_patient_answered_and_leaves_it_out_of_all_others() {
    let written = |by_patient| serde_json::to_value(AppointmentEvent::AppointmentConfirmed { by_patient }).unwrap();
    assert_eq!(written(true), serde_json::json!({"AppointmentConfirmed": {"byPatient": true}}));
    assert_eq!(written(false), serde_json::json!({"AppointmentConfirmed": {}}));
}
