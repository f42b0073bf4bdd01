//! A slot that is kept is free by itself when its time is over.

use domain::aggregate::AggregateRoot;
use domain::appointment::{Appointment, AppointmentCommand, AppointmentEvent, Slot};
use domain::event::{Actor, EventMetadata};
use domain::ids::{AppointmentId, EventId, StreamVersion};
use event_store_schema::{AppendRequest, NewEvent, StreamAppend};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Practice, book, conflicts, new_id, next_week};

/// A slot that was kept so long ago that its time ended this long before now.
async fn held_until(practice: &Practice, slot: Slot, before_now: SignedDuration) -> AppointmentId {
    let id = new_id();
    let expires_at = Timestamp::now().checked_sub(before_now).expect("a time");
    let event = AppointmentEvent::SlotHeld { slot, time_zone: "Europe/Paris".to_owned(), expires_at };
    let request = AppendRequest {
        streams: vec![StreamAppend {
            stream: Appointment::stream(id.0),
            expected: StreamVersion::ZERO,
            facility_id: practice.facility,
            subject_id: None,
            new_subject: false,
            events: vec![NewEvent::of(&event, EventId(Uuid::now_v7()), None).expect("an event")],
        }],
        guards: Vec::new(),
        metadata: EventMetadata {
            actor: Actor::SYSTEM,
            client_address: None,
            request_id: None,
            correlation_id: Uuid::now_v7(),
            causation_id: None,
            idempotency_key: None,
        },
        reason: None,
        idempotency: None,
    };
    practice.servers[0].log().append(request).await.expect("it is free");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_kept_is_nobody_elses_and_is_booked_by_whoever_keeps_it() {
    let practice = Practice::new().await;
    let patients = practice.patients(2).await;
    let slot = practice.slot(next_week(), 540, 570);
    let kept = new_id();
    let hold = AppointmentCommand::HoldSlot { slot: slot.clone(), override_availability: false };
    practice.ask(kept, &hold).await.expect("it is free");
    assert_eq!(conflicts(practice.ask(new_id(), &book(patients[1], slot.clone())).await)[0].appointment, Some(kept));
    practice.ask(kept, &book(patients[0], slot.clone())).await.expect("it is kept for this");
    assert_eq!(conflicts(practice.ask(new_id(), &book(patients[1], slot)).await).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_come_across_a_slot_whose_time_is_over_one_gets_it() {
    let practice = Practice::new().await;
    let patients = practice.patients(20).await;
    let slot = practice.slot(next_week(), 540, 570);
    for hour in 0..5 {
        let mut slot = slot.clone();
        slot.during.from += SignedDuration::from_hours(hour);
        slot.during.until += SignedDuration::from_hours(hour);
        let expired = held_until(&practice, slot.clone(), SignedDuration::from_secs(1)).await;
        // The dry run knows it as well.
        let (command, context) = (book(patients[0], slot.clone()), practice.context());
        let foreseen = practice.servers[1].check_appointment(new_id(), &command, &context).await;
        assert_eq!(foreseen.expect("it can be told"), []);
        let tries: Vec<_> = patients
            .iter()
            .enumerate()
            .map(|(number, patient)| {
                let (server, context) = (practice.servers[number % 2].clone(), practice.context());
                let command = book(*patient, slot.clone());
                tokio::spawn(
                    async move { crate::log::said(server.change_appointment(new_id(), &command, &context).await) },
                )
            })
            .collect();
        let mut booked = 0;
        for outcome in tries {
            match outcome.await.expect("no panic") {
                Ok(()) => booked += 1,
                refused => assert!(conflicts(refused).iter().all(|met| met.appointment != Some(expired))),
            }
        }
        assert_eq!(booked, 1);
        let stream = practice.servers[0].log().load(&Appointment::stream(expired.0), StreamVersion::ZERO).await;
        let types: Vec<_> = stream.expect("the log answers").into_iter().map(|event| event.event_type).collect();
        assert_eq!(types, ["SlotHeld", "SlotReleased"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_a_slot_too_long_still_books_it_if_nobody_came() {
    let practice = Practice::new().await;
    let patient = practice.patient(0).await;
    let slot = practice.slot(next_week(), 540, 570);
    let kept = held_until(&practice, slot.clone(), SignedDuration::from_secs(60)).await;
    practice.ask(kept, &book(patient, slot)).await.expect("nobody came");
}
