use super::*;

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

#[test]
fn each_status_says_whether_the_visit_is_ahead_takes_time_and_is_over() {
    use AppointmentStatus::{Arrived, Cancelled, Completed, Confirmed, Held, InProgress, NoShow, Released, Scheduled};
    for (status, ahead, takes_time, is_final) in [
        (Held, false, true, false),
        (Released, false, false, false),
        (Scheduled, true, true, false),
        (Confirmed, true, true, false),
        (Arrived, true, true, false),
        (InProgress, false, true, false),
        (Completed, false, true, true),
        (Cancelled, false, false, true),
        (NoShow, false, false, true),
    ] {
        let said = (status.is_ahead(), status.takes_time(), status.is_final());
        assert_eq!(said, (ahead, takes_time, is_final), "{status:?}");
    }
}

#[test]
fn a_patient_who_is_not_there_when_it_begins_did_not_come() {
    AppointmentTest::with(at_moment("2026-11-23T09:00:00+01:00"))
        .given(vec![booked(nine())])
        .when(AppointmentCommand::ReportAbsence)
        .then_expect_events(vec![AppointmentEvent::PatientDidNotAttend {}]);
}

#[test]
fn only_the_appointment_that_was_called_off_is_restored() {
    let cancelled = AppointmentEvent::AppointmentCancelled { by_patient: false, personal: Revealed::Forgotten };
    let somebody_else = PatientId(Uuid::from_u128(0xa1));
    for (patient_id, slot) in [(somebody_else, nine()), (patient_id(), slot("10:00", "10:30"))] {
        AppointmentTest::with(schedule())
            .given(vec![booked(nine()), cancelled.clone()])
            .when(AppointmentCommand::RestoreAppointment { patient_id, slot, terms: Terms::default() })
            .then_expect_error(AppointmentError::NotNow { status: AppointmentStatus::Cancelled });
    }
}

#[test]
fn each_detail_that_differs_is_named_by_itself() {
    let before = details(AppointmentType::Consultation);
    let with_texts = |texts| Details { texts, ..before.clone() };
    let (title, text) = (Some(Label::parse("Bilan").unwrap()), Some(Notes::parse("À jeun").unwrap()));
    let table = [
        ("type", Details { kind: AppointmentType::Exam, ..before.clone() }),
        ("priority", Details { priority: AppointmentPriority::Urgent, ..before.clone() }),
        ("title", with_texts(Texts { title, ..before.texts.clone() })),
        ("reason", with_texts(Texts { reason: reason(), ..before.texts.clone() })),
        ("notes", with_texts(Texts { notes: text, ..before.texts.clone() })),
    ];
    for (field, after) in table {
        let given = AppointmentTest::with(schedule()).given(vec![booked(nine())]);
        let events = given.when(AppointmentCommand::ChangeDetails { details: after.clone() }).inspect_result();
        let Details { kind, priority, texts } = after;
        let (fields_changed, personal) = (vec![field.to_owned()], Revealed::Value(texts));
        let event = AppointmentEvent::AppointmentDetailsChanged { fields_changed, r#type: kind, priority, personal };
        assert_eq!(events, Ok(vec![event]), "{field}");
    }
}

#[test]
fn a_revision_moves_it_and_changes_what_it_is_about_as_far_as_either_differs() {
    let ten = || slot("10:00", "10:30");
    let revise =
        |slot, kind| AppointmentCommand::ReviseAppointment { slot, details: details(kind), terms: Terms::default() };
    let given = || AppointmentTest::with(schedule()).given(vec![booked(nine())]);
    let (consultation, exam) = (AppointmentType::Consultation, AppointmentType::Exam);
    let changed = || AppointmentEvent::AppointmentDetailsChanged {
        fields_changed: vec!["type".to_owned()],
        r#type: exam,
        priority: AppointmentPriority::Normal,
        personal: Revealed::Value(details(exam).texts),
    };
    given().when(revise(nine(), consultation)).then_nothing_happened();
    given().when(revise(ten(), consultation)).then_expect_events(vec![rescheduled(ten(), false)]);
    given().when(revise(nine(), exam)).then_expect_events(vec![changed()]);
    given().when(revise(ten(), exam)).then_expect_events(vec![rescheduled(ten(), false), changed()]);
}
