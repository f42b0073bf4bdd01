use super::*;

#[test]
fn a_slot_is_held_for_five_minutes_and_then_booked() {
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
fn a_hold_is_released_by_the_server_when_it_ends_and_not_before() {
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
fn a_slot_outside_the_hours_is_held_if_that_is_meant() {
    let night = slot("22:00", "22:30");
    let hold = |override_availability| AppointmentCommand::HoldSlot { slot: night.clone(), override_availability };
    let given = || AppointmentTest::with(schedule()).given_no_previous_events();
    given().when(hold(true)).then_expect_events(vec![held(night.clone())]);
    given().when(hold(false)).then_expect_error(AppointmentError::OutsideAvailability { open: schedule().open });
}

#[test]
fn an_appointment_is_not_held_again_and_nothing_is_released_that_is_not_held() {
    let hold = AppointmentCommand::HoldSlot { slot: nine(), override_availability: false };
    let given = |events| AppointmentTest::with(schedule()).given(events);
    given(vec![booked(nine())]).when(hold).then_expect_error(AppointmentError::AlreadyBooked);
    let released = vec![held(nine()), AppointmentEvent::SlotReleased { expired: false }];
    for events in [Vec::new(), vec![booked(nine())], released] {
        for release in [AppointmentCommand::ReleaseSlot, AppointmentCommand::ReleaseExpiredSlot] {
            given(events.clone()).when(release).then_expect_error(AppointmentError::NotHeld);
        }
    }
}

fn after(events: &[AppointmentEvent]) -> Appointment {
    let mut appointment = Appointment::default();
    events.iter().cloned().for_each(|event| appointment.apply(event));
    appointment
}

#[test]
fn a_hold_is_one_until_it_is_released_or_booked() {
    let expires_at = Some(at("2026-11-22T12:05:00+01:00"));
    let released = AppointmentEvent::SlotReleased { expired: true };
    for (events, hold_until) in [
        (vec![], None),
        (vec![held(nine())], expires_at),
        (vec![held(nine()), released], None),
        (vec![held(nine()), booked(nine())], None),
    ] {
        assert_eq!(after(&events).hold_until(), hold_until, "{events:?}");
    }
}

#[test]
fn only_what_was_booked_is_a_patients() {
    let (slot, appointment) = (after(&[held(nine())]), after(&[held(nine()), booked(nine())]));
    assert_eq!((slot.is_booked(), slot.subject(Uuid::nil())), (false, None));
    assert_eq!((appointment.is_booked(), appointment.subject(Uuid::nil())), (true, Some(SubjectId(patient_id().0))));
    assert_eq!((after(&[]).starts(), appointment.starts()), (None, Some(nine().during.from)));
}
