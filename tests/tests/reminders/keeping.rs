//! The list of what is due: it follows what practices decide, and comes out the same when it is made anew.

use std::collections::BTreeSet;

use domain::facility::FacilityCommand;
use domain::reminder::{ReminderRule, ReminderSettings};
use domain::values::CodeValue as _;
use projections::reminders::{ReminderQueries, Reminders as ReminderList};
use projections_engine::rebuild;
use system_tests::smtp::{Fault, Step};

use super::*;

fn rule(channel: Channel, minutes_before: u32) -> ReminderRule {
    ReminderRule { channel, minutes_before }
}

impl Desk {
    async fn set(&self, reminders: ReminderSettings) {
        let set = FacilityCommand::SetReminderRules { reminders };
        self.practice.commands.change_facility(&set, &self.practice.context()).await.expect("it is allowed");
        self.shown().await;
    }

    async fn listed(&self, id: AppointmentId) -> Vec<(ReminderRule, Option<Timestamp>, String)> {
        self.shown().await;
        let queries = ReminderQueries::new(self.practice.commands.log().database().clone());
        let mut found = queries.of(self.practice.facility, &[id]).await.expect("the list");
        let views = found.remove(&id).unwrap_or_default().into_iter();
        views.map(|view| (view.rule, view.due_at, view.state)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_practice_decides_moves_what_is_not_sent() {
    let desk = Desk::new().await;
    let zoe = desk.practice.patient(0, Some("zoe@patient.example"), None).await;
    let appointment = desk.practice.book(zoe, time(2, 15, 0)).await;
    let pending = |rule, due| (rule, Some(due), "pending".to_owned());
    let (day, hours) = (rule(Channel::Email, 1440), rule(Channel::Sms, 120));
    let usual = [pending(day, time(1, 15, 0)), pending(hours, time(2, 13, 0))];
    assert_eq!(desk.listed(appointment).await, usual);
    let two_days = rule(Channel::Email, 2880);
    desk.set(ReminderSettings { rules: vec![two_days], ..ReminderSettings::default() }).await;
    assert_eq!(desk.listed(appointment).await, [pending(two_days, time(0, 15, 0))]);
    desk.at(time(0, 15, 0)).await;
    desk.set(ReminderSettings::default()).await;
    let sent = (two_days, Some(time(0, 15, 0)), "sent".to_owned());
    assert_eq!(desk.listed(appointment).await, [vec![sent], usual.to_vec()].concat());
    desk.set(ReminderSettings { enabled: false, ..ReminderSettings::default() }).await;
    assert_eq!(desk.listed(appointment).await.len(), 1);
    assert_eq!(desk.mails.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_made_anew_is_the_same_row_for_row() {
    let desk = Desk::new().await;
    let mut booked = Vec::new();
    for number in 0..12 {
        let patient = desk.practice.patient(number, Some(&format!("p{number}@patient.example")), None).await;
        let place = i64::try_from(number).expect("a number");
        booked.push(desk.practice.book(patient, time(1 + place % 3, 10, 0) + (10 * place).minutes()).await);
    }
    desk.mails.break_next([Fault::Refuse(Step::Recipient, 550), Fault::AcceptAndHangUp]);
    desk.at(time(0, 12, 0)).await;
    desk.practice.cancel(booked[1]).await;
    desk.practice.reschedule(booked[2], time(5, 7, 0)).await;
    let own = AppointmentCommand::ChooseReminders { reminders: Some(vec![rule(Channel::Email, 60)]) };
    desk.practice.change(booked[4], own).await;
    desk.set(ReminderSettings {
        rules: vec![rule(Channel::Email, 600)],
        quiet_hours: None,
        ..ReminderSettings::default()
    })
    .await;
    desk.practice.change(booked[5], AppointmentCommand::ReportArrival).await;
    desk.at(time(1, 12, 0)).await;
    let mut states = BTreeSet::new();
    for id in &booked {
        states.extend(desk.listed(*id).await.into_iter().map(|(.., state)| state));
    }
    assert!(states.is_superset(&["sent", "failed", "uncertain"].map(str::to_owned).into()), "{states:?}");
    let log = desk.practice.commands.log();
    let report = rebuild::verify(log, &desk.house.owner, &ReminderList, |_| {}).await.expect("compared");
    assert!(report.differences.is_empty(), "{:?}", report.differences);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_channel_can_be_kept_in_the_outbox() {
    let house = House::new().await;
    policies::reminders::migrate(&house.owner).await.expect("the outbox");
    let keep = "INSERT INTO messaging.reminder_messages (message_id, facility_id, patient_id, channel, next_try)
                VALUES ($1, $1, $1, $2, now())";
    let owner = house.owner_client().await;
    for channel in Channel::ALL {
        let kept = owner.execute(keep, &[&Uuid::now_v7(), &channel.code()]).await;
        assert!(kept.is_ok(), "{channel:?}: {kept:?}");
    }
}
