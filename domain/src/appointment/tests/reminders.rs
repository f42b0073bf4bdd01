use super::*;

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

#[test]
fn a_move_forgets_the_reminders_of_the_former_beginning_and_no_others() {
    let mut appointment = Appointment::default();
    let noted = |starts| AppointmentEvent::of_reminder(reminded(starts));
    for event in [booked(nine()), noted("09:00"), noted("10:00")] {
        appointment.apply(event);
    }
    assert_eq!(appointment.reminded, [reminded("09:00")], "a message about another beginning says nothing of this one");
    appointment.apply(rescheduled(slot("09:00", "09:45"), false));
    assert_eq!(appointment.reminded, [reminded("09:00")]);
    appointment.apply(rescheduled(slot("10:00", "10:30"), false));
    assert_eq!(appointment.reminded, []);
}

#[test]
fn what_became_of_a_reminder_is_told_by_its_rule_and_beginning() {
    let mut appointment = Appointment::default();
    appointment.apply(booked(nine()));
    appointment.apply(AppointmentEvent::of_reminder(reminded("09:00")));
    let (nine, ten) = (reminded("09:00").starts, reminded("10:00").starts);
    let by_sms = ReminderRule { channel: Channel::Sms, ..DAY_BEFORE };
    assert_eq!(appointment.reminder_mark(DAY_BEFORE, nine), Some(reminded("09:00")));
    assert_eq!(appointment.reminder_mark(DAY_BEFORE, ten), None);
    assert_eq!(appointment.reminder_mark(by_sms, nine), None);
}

#[test]
fn an_event_of_a_reminder_tells_what_it_was_made_of() {
    let failed = ReminderOutcome::Failed { cause: ReminderFailure::Unreachable };
    for mark in [reminded("09:00"), ReminderMark { outcome: failed, ..reminded("09:00") }] {
        assert_eq!(AppointmentEvent::of_reminder(mark).reminder_mark(), Some(mark));
    }
    assert_eq!(booked(nine()).reminder_mark(), None);
}
