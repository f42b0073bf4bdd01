//! What is sent when, and what is not.

use domain::facility::FacilityCommand;
use domain::reminder::{ReminderFailure, ReminderOutcome, ReminderRule, ReminderSettings};
use jiff::ToSpan;
use system_tests::sms;
use system_tests::smtp::{Fault, Step};

use super::*;

const ZOE: &str = "zoe@patient.example";
const MOBILE: &str = "+33612345678";

fn reached(times: &[&str]) -> (String, Vec<String>) {
    (ZOE.to_owned(), times.iter().map(|time| (*time).to_owned()).collect())
}

fn sent_by(outcomes: &[(u32, ReminderOutcome)]) -> Vec<(u32, Channel, bool)> {
    let sent = outcomes.iter().map(|(minutes, outcome)| match outcome {
        ReminderOutcome::Sent { channel, certain, .. } => (*minutes, *channel, *certain),
        ReminderOutcome::Failed { cause } => panic!("not sent: {cause:?}"),
    });
    sent.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_reminded_by_mail_the_day_before_and_by_text_two_hours_before() {
    let desk = Desk::new().await;
    let zoe = desk.practice.patient(0, Some(ZOE), Some(MOBILE)).await;
    let appointment = desk.practice.book(zoe, time(1, 15, 30)).await;
    desk.at(time(0, 15, 29)).await;
    assert_eq!(desk.reached(), []);
    desk.at(time(0, 15, 30)).await;
    desk.at(time(0, 15, 31)).await;
    assert_eq!(desk.reached(), [reached(&["15 h 30"])]);
    let mail = &desk.mails.mails()[0];
    assert!(!mail.raw.contains("Secret") && !mail.text().contains("Secret"), "{}", mail.raw);
    let (_, _, calendar) = mail.attachment().expect("a file for calendars");
    assert!(calendar.contains(&format!("UID:{appointment}")) && !calendar.contains("Secret"), "{calendar}");
    assert_eq!(desk.texts.messages(), []);
    desk.at(time(1, 13, 30)).await;
    desk.at(time(1, 13, 40)).await;
    let texts = desk.texts.messages();
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].body["to"], MOBILE);
    assert_eq!(times_in(texts[0].body["text"].as_str().expect("a text")), ["15 h 30"]);
    assert_eq!(desk.reached().len(), 1);
    let outcomes = sent_by(&desk.practice.outcomes(appointment).await);
    assert_eq!(outcomes, [(1440, Channel::Email, true), (120, Channel::Sms, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_called_off_is_not_reminded_of_and_what_was_moved_is_at_its_new_time() {
    let desk = Desk::new().await;
    let zoe = desk.practice.patient(0, Some(ZOE), None).await;
    let cancelled = desk.practice.book(zoe, time(1, 10, 0)).await;
    let moved = desk.practice.book(zoe, time(1, 11, 0)).await;
    desk.practice.cancel(cancelled).await;
    desk.practice.reschedule(moved, time(2, 14, 0)).await;
    desk.at(time(0, 12, 0)).await;
    assert_eq!(desk.reached(), []);
    desk.at(time(1, 14, 0)).await;
    assert_eq!(desk.reached(), [reached(&["14 h 00"])]);
    // Told already, and moved once more: told again.
    desk.practice.reschedule(moved, time(3, 16, 0)).await;
    desk.at(time(2, 16, 0)).await;
    assert_eq!(desk.reached()[1..], [reached(&["16 h 00"])]);
    assert_eq!(desk.practice.outcomes(cancelled).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appointments_of_a_day_are_in_one_message() {
    let desk = Desk::new().await;
    let zoe = desk.practice.patient(0, Some(ZOE), None).await;
    let leo = desk.practice.patient(1, Some("leo@patient.example"), None).await;
    for hour in [10, 12, 17] {
        desk.practice.book(zoe, time(1, hour, 0)).await;
    }
    desk.practice.book(zoe, time(2, 10, 0)).await;
    desk.practice.book(leo, time(1, 10, 30)).await;
    desk.at(time(0, 10, 30)).await;
    desk.at(time(0, 17, 0)).await;
    let mut told = desk.reached();
    told.sort();
    let leo = ("leo@patient.example".to_owned(), vec!["10 h 30".to_owned()]);
    assert_eq!(told, [leo, reached(&["10 h 00", "12 h 00", "17 h 00"])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_reached_by_one_way_is_by_the_other() {
    let desk = Desk::new().await;
    let mail_alone = desk.practice.patient(0, Some(ZOE), Some("01 42 68 53 00")).await;
    let text_alone = desk.practice.patient(1, None, Some(MOBILE)).await;
    let nobody = desk.practice.patient(2, None, None).await;
    let by_mail = desk.practice.book(mail_alone, time(1, 15, 0)).await;
    let by_text = desk.practice.book(text_alone, time(1, 15, 10)).await;
    let not = desk.practice.book(nobody, time(1, 15, 20)).await;
    desk.at(time(0, 16, 0)).await;
    desk.at(time(1, 13, 30)).await;
    assert_eq!(
        sent_by(&desk.practice.outcomes(by_mail).await).iter().map(|sent| sent.1).collect::<Vec<_>>(),
        [Channel::Email; 2]
    );
    assert_eq!(
        sent_by(&desk.practice.outcomes(by_text).await).iter().map(|sent| sent.1).collect::<Vec<_>>(),
        [Channel::Sms; 2]
    );
    let unreachable = ReminderOutcome::Failed { cause: ReminderFailure::Unreachable };
    assert_eq!(desk.practice.outcomes(not).await, [(1440, unreachable), (120, unreachable)]);
    assert_eq!((desk.mails.mails().len(), desk.texts.messages().len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_busy_is_asked_again_under_the_same_message_id() {
    let desk = Desk::new().await;
    let zoe = desk.practice.patient(0, Some(ZOE), None).await;
    let appointment = desk.practice.book(zoe, time(1, 15, 0)).await;
    desk.mails.break_next([
        Fault::Refuse(Step::Recipient, 451),
        Fault::Refuse(Step::End, 452),
        Fault::HangUp(Step::Data),
    ]);
    desk.at(time(0, 15, 0)).await;
    desk.at(time(0, 15, 0)).await;
    assert_eq!(desk.mails.connections(), 1, "it is tried again later, not at once");
    for minutes in [1, 3, 7] {
        assert_eq!(desk.reached(), []);
        desk.at(time(0, 15, 0) + minutes.minutes()).await;
    }
    assert_eq!(desk.reached(), [reached(&["15 h 00"])]);
    let outcomes = desk.practice.outcomes(appointment).await;
    let [(1440, ReminderOutcome::Sent { message_id, certain: true, .. })] = outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(desk.mails.mails()[0].message_id(), format!("{message_id}@cabinet.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_or_too_long_is_given_up_and_said() {
    let desk = Desk::new().await;
    let zoe = desk.practice.patient(0, Some(ZOE), None).await;
    let refused = desk.practice.book(zoe, time(1, 15, 0)).await;
    desk.mails.break_next([Fault::Refuse(Step::Recipient, 550)]);
    desk.at(time(0, 15, 0)).await;
    let failed = |cause| [(1440, ReminderOutcome::Failed { cause })];
    assert_eq!(desk.practice.outcomes(refused).await, failed(ReminderFailure::Refused));
    let given_up = desk.practice.book(zoe, time(3, 15, 0)).await;
    desk.mails.break_next([Fault::Refuse(Step::Sender, 421); 40]);
    for hours in 0..20 {
        desk.at(time(2, 15, 0) + hours.hours()).await;
    }
    assert_eq!(desk.practice.outcomes(given_up).await, failed(ReminderFailure::GivenUp));
    assert_eq!(desk.reached(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_arrived_is_not_sent_again() {
    let desk = Desk::new().await;
    let zoe = desk.practice.patient(0, Some(ZOE), Some(MOBILE)).await;
    let appointment = desk.practice.book(zoe, time(1, 15, 0)).await;
    desk.mails.break_next([Fault::AcceptAndHangUp]);
    desk.texts.break_next([sms::Fault::AcceptAndHangUp]);
    for (day, hour, minute) in [(0, 15, 0), (0, 15, 5), (0, 17, 0), (1, 13, 0), (1, 13, 20), (1, 13, 40)] {
        desk.at(time(day, hour, minute)).await;
    }
    assert_eq!((desk.mails.mails().len(), desk.texts.messages().len()), (1, 1));
    let outcomes = sent_by(&desk.practice.outcomes(appointment).await);
    assert_eq!(outcomes, [(1440, Channel::Email, false), (120, Channel::Sms, false)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_disturbed_at_night() {
    let desk = Desk::new().await;
    let zoe = desk.practice.patient(0, Some(ZOE), None).await;
    let leo = desk.practice.patient(1, Some("leo@patient.example"), None).await;
    // Two hours before nine is seven: it comes the evening before, with nothing else that day.
    let rules = vec![ReminderRule { channel: Channel::Email, minutes_before: 120 }];
    let reminders = ReminderSettings { rules, ..ReminderSettings::default() };
    let set = FacilityCommand::SetReminderRules { reminders };
    desk.practice.commands.change_facility(&set, &desk.practice.context()).await.expect("it is allowed");
    desk.practice.book(zoe, time(1, 9, 0)).await;
    desk.at(time(0, 20, 44)).await;
    assert_eq!(desk.reached(), []);
    desk.at(time(0, 20, 46)).await;
    assert_eq!(desk.reached(), [reached(&["9 h 00"])]);
    // A try that failed in the evening is not repeated before the morning.
    desk.practice.book(leo, time(2, 9, 45)).await;
    desk.mails.break_next([Fault::Refuse(Step::Data, 451)]);
    for (day, hour, minute) in [(1, 20, 50), (1, 21, 30), (2, 3, 0), (2, 7, 59)] {
        desk.at(time(day, hour, minute)).await;
    }
    assert_eq!(desk.reached().len(), 1);
    desk.at(time(2, 8, 1)).await;
    assert_eq!(desk.reached().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_past_is_not_sent() {
    let desk = Desk::new().await;
    let zoe = desk.practice.patient(0, Some(ZOE), None).await;
    let appointment = desk.practice.book(zoe, time(1, 15, 0)).await;
    // Nobody looked for half of a day; and for the second one until it had begun.
    desk.at(time(1, 3, 1)).await;
    desk.at(time(1, 15, 1)).await;
    assert_eq!(desk.reached(), []);
    assert_eq!(desk.practice.outcomes(appointment).await, []);
}
