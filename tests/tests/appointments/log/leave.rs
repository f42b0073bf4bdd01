use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::appointment::{Appointment, AppointmentError};
use domain::availability::{AvailabilityCommand, Leave, LeaveKind};
use domain::event::RecordedEvent;
use domain::ids::{LeaveId, Position};
use jiff::ToSpan;
use uuid::Uuid;

use super::{Practice, book, minutes, new_id, next_week, said};

/// Each booking inside the leave comes before it in the log: none was written once it was planned.
#[tokio::test(flavor = "multi_thread")]
async fn leave_that_is_planned_while_bookings_arrive_lets_none_of_them_in() {
    let practice = Arc::new(Practice::new().await);
    let patients = practice.patients(8).await;
    let first_day = next_week();
    let stop = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = patients
        .into_iter()
        .enumerate()
        .map(|(worker, patient)| {
            let (practice, stop) = (Arc::clone(&practice), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut booked, mut refused) = (0, 0);
                for turn in 0_i64.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    // Each worker has its own five minutes of every hour of thirty days.
                    let day = first_day.checked_add((turn % 30).days()).expect("a day");
                    let from = 480 + (turn / 30 % 12) * 60 + worker as i64 * 5;
                    let slot = practice.slot(day, from, from + 5);
                    let server = &practice.servers[(worker + turn as usize) % 2];
                    match said(server.change_appointment(new_id(), &book(patient, slot), &practice.context()).await) {
                        Ok(()) => booked += 1,
                        Err(AppointmentError::OutsideAvailability { .. }) => refused += 1,
                        Err(AppointmentError::Conflicts(_)) if turn >= 360 => break,
                        Err(refusal) => panic!("{refusal}"),
                    }
                }
                (booked, refused)
            })
        })
        .collect();
    let mut leaves = Vec::new();
    for number in 0..10_i64 {
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        let day = first_day.checked_add((number * 3).days()).expect("a day");
        let leave = Leave { from: day.at(0, 0, 0, 0), until: day.at(23, 0, 0, 0), kind: LeaveKind::Holiday };
        let leave_id = LeaveId(Uuid::now_v7());
        let command = AvailabilityCommand::PlanLeave { leave_id, leave, touched: Vec::new(), confirmed: true };
        // One server plans, so that the other has to find out.
        let planned = practice.servers[0]
            .change_availability(practice.doctor, &command, &practice.context())
            .await
            .expect("it can be planned");
        leaves.push((minutes(day, 0, 23 * 60), planned.position.expect("it was written")));
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    stop.store(true, Ordering::Relaxed);
    let (mut booked, mut refused) = (0, 0);
    for worker in workers {
        let (taken, out) = worker.await.expect("no panic");
        (booked, refused) = (booked + taken, refused + out);
    }
    println!("{booked} booked, {refused} refused");
    assert!(booked > 100 && refused > 0, "{booked} booked, {refused} refused");
    for event in all_events(&practice).await.iter().filter(|event| event.event_type == "AppointmentBooked") {
        let mut appointment = Appointment::default();
        cqrs_es::Aggregate::apply(&mut appointment, event.decode().expect("an event"));
        let during = appointment.slot.expect("a slot").during;
        let inside = leaves.iter().find(|(leave, planned)| leave.overlaps(during) && event.position > *planned);
        assert_eq!(inside, None, "booked at {} for {during:?}", event.position);
    }
}

pub(crate) async fn all_events(practice: &Practice) -> Vec<RecordedEvent> {
    let log = practice.servers[0].log();
    let mut events: Vec<RecordedEvent> = Vec::new();
    loop {
        let after = events.last().map_or(Position::ZERO, |event| event.position);
        let more = log.read_forward(after, 1000).await.expect("the log answers");
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}
