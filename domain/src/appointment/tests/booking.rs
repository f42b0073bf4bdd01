use super::*;

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
    let overlapping = |overlap_allowed| Schedule { overlap_allowed, overlaps: vec![id(7)], ..schedule() };
    let terms = |reason| Terms { accept_overlap: true, override_availability: false, reason };
    let book = |reason| book_as(nine(), AppointmentType::Consultation, terms(reason));
    let given = |allowed| AppointmentTest::with(overlapping(allowed)).given_no_previous_events();
    given(false).when(book(reason())).then_expect_error(AppointmentError::OverlapNotAllowed);
    refused("justification", "reason_required", given(true).when(book(None)).inspect_result());
    let overlap = AppointmentEvent::OverlapAccepted {
        practitioner_id: nine().practitioner_id,
        times: vec![nine().during],
        appointments: vec![id(7)],
    };
    given(true).when(book(reason())).then_expect_events(vec![booked(nine()), overlap]);
}

/// The outcome of a booking at nine with these further times, outside the hours if need be.
fn book_with(additional_slots: Vec<Interval>) -> Result<Vec<AppointmentEvent>, AppointmentError> {
    let terms = Terms { override_availability: true, accept_overlap: false, reason: reason() };
    let slot = Slot { additional_slots, ..nine() };
    let given = AppointmentTest::with(schedule()).given_no_previous_events();
    given.when(book_as(slot, AppointmentType::Consultation, terms)).inspect_result()
}

#[test]
fn an_appointment_has_at_most_twenty_further_times() {
    let ten_minutes = |number: i64| SignedDuration::from_mins(10 * number);
    let further = |count| (0..count).map(|number| monday("10:00", "10:05").shifted(ten_minutes(number))).collect();
    assert!(book_with(further(20)).is_ok());
    refused("additionalSlots", "too_many", book_with(further(21)));
}

#[test]
fn the_times_of_an_appointment_lie_within_31_days() {
    let days_later = |days: i64| monday("08:30", "09:00").shifted(SignedDuration::from_hours(24 * days));
    assert!(book_with(vec![days_later(31)]).is_ok());
    let a_little_later = days_later(31).shifted(SignedDuration::from_nanos(1));
    refused("additionalSlots", "too_far_apart", book_with(vec![a_little_later]));
}

#[test]
fn a_further_time_has_a_length_and_begins_no_earlier_than_the_first() {
    assert!(book_with(vec![monday("09:00", "09:10")]).is_ok());
    refused("additionalSlots[0].start", "before_start", book_with(vec![monday("08:59", "09:10")]));
    refused(
        "additionalSlots[1].end",
        "ends_before_start",
        book_with(vec![monday("10:00", "10:10"), monday("11:00", "11:00")]),
    );
}

#[test]
fn all_times_of_an_appointment_together_take_twelve_hours_at_most() {
    // Half an hour at nine, and the rest.
    assert!(book_with(vec![monday("10:00", "21:30")]).is_ok());
    refused("duration", "duration", book_with(vec![monday("10:00", "21:31")]));
    // What two of them share counts once.
    assert!(book_with(vec![monday("09:00", "21:00"), monday("12:00", "18:00")]).is_ok());
}

#[test]
fn what_begins_at_this_very_moment_is_not_past() {
    let now = || AppointmentTest::with(at_moment("2026-11-23T09:00:00+01:00")).given_no_previous_events();
    now().when(book(nine())).then_expect_events(vec![booked(nine())]);
    let hold = AppointmentCommand::HoldSlot { slot: nine(), override_availability: false };
    assert!(now().when(hold).inspect_result().is_ok());
}

#[test]
fn an_emergency_needs_no_reason_to_lie_outside_the_hours() {
    let (night, emergency) = (slot("22:00", "22:30"), AppointmentType::Emergency);
    let terms = Terms { override_availability: true, ..Terms::default() };
    AppointmentTest::with(schedule())
        .given_no_previous_events()
        .when(book_as(night.clone(), emergency, terms))
        .then_expect_events(vec![booked_as(night, emergency, true)]);
}

/// A command for a slot under these terms, one of each kind that knows terms.
fn commands_under(terms: &Terms) -> [AppointmentCommand; 4] {
    let (slot, terms) = (nine(), terms.clone());
    [
        book_as(slot.clone(), AppointmentType::Consultation, terms.clone()),
        AppointmentCommand::RescheduleAppointment { slot: slot.clone(), terms: terms.clone() },
        AppointmentCommand::ReviseAppointment {
            slot: slot.clone(),
            details: details(AppointmentType::Consultation),
            terms: terms.clone(),
        },
        AppointmentCommand::RestoreAppointment { patient_id: patient_id(), slot, terms },
    ]
}

#[test]
fn an_overlap_is_meant_if_all_that_is_met_is_the_practitioner_in_this_practice() {
    let met = |resource, appointment| Conflict { resource, appointment, during: Some(nine().during) };
    let doctor = |number| met(ResourceKind::Practitioner, Some(id(number)));
    let table = [
        ("two of the practitioner", vec![doctor(7), doctor(8)], Some(vec![id(7), id(8)])),
        ("nothing", vec![], None),
        ("the patient too", vec![doctor(7), met(ResourceKind::Patient, Some(id(8)))], None),
        ("the room", vec![met(ResourceKind::Room, Some(id(7)))], None),
        ("another practice's", vec![doctor(7), met(ResourceKind::Practitioner, None)], None),
    ];
    let meant = Terms { accept_overlap: true, ..Terms::default() };
    for (what, conflicts, expected) in table {
        for command in commands_under(&meant) {
            assert_eq!(command.overlaps(&conflicts), expected, "{what}: {command:?}");
        }
        for command in commands_under(&Terms::default()) {
            assert_eq!(command.overlaps(&conflicts), None, "{what}: {command:?}");
        }
        let hold = AppointmentCommand::HoldSlot { slot: nine(), override_availability: true };
        assert_eq!(hold.overlaps(&conflicts), None, "{what}");
    }
}

#[test]
fn a_command_names_the_slot_that_it_wants_and_the_patient_whom_it_brings_in() {
    let [book, reschedule, revise, restore] = commands_under(&Terms::default());
    let hold = AppointmentCommand::HoldSlot { slot: nine(), override_availability: false };
    let (nine, patient) = (nine(), patient_id());
    for (command, slot, brings) in [
        (book, Some(&nine), Some(patient)),
        (restore, Some(&nine), Some(patient)),
        (reschedule, Some(&nine), None),
        (revise, Some(&nine), None),
        (hold, Some(&nine), None),
        (AppointmentCommand::ReleaseSlot, None, None),
    ] {
        assert_eq!((command.slot(), command.patient()), (slot, brings), "{command:?}");
    }
}

/// The read model keeps appointments under these names, and reads rows that an earlier release wrote.
#[test]
fn the_names_under_which_an_appointment_is_stored_stay_as_they_are() {
    let appointment =
        Appointment { overlaps: vec![id(7)], link_id: Some(LinkId(Uuid::nil())), ..Appointment::default() };
    let stored = serde_json::to_value(&appointment).unwrap();
    let mut names: Vec<&str> = stored.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = [
        "beside",
        "cancellation",
        "heldUntil",
        "linkId",
        "occurrence",
        "outsideAvailability",
        "patientId",
        "priority",
        "slot",
        "status",
        "texts",
        "timeZone",
        "type",
    ];
    assert_eq!(names, expected);
    assert_eq!(serde_json::from_value::<Appointment>(stored).unwrap(), appointment);
}
