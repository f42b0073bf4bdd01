use domain::appointment::{AppointmentCommand, AppointmentError, Slot, Terms};
use domain::reservation::ResourceKind;

use super::{Practice, book, conflicts, new_id, next_week, said};

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_who_book_one_slot_through_two_servers_exactly_one_gets_it() {
    let practice = Practice::new().await;
    let patients = practice.patients(10).await;
    let slot = practice.slot(next_week(), 540, 570);
    let tries: Vec<_> = (0..1000)
        .map(|number| {
            let (server, context) = (practice.servers[number % 2].clone(), practice.context());
            let command = book(patients[number % 10], slot.clone());
            tokio::spawn(async move {
                let id = new_id();
                (id, said(server.change_appointment(id, &command, &context).await))
            })
        })
        .collect();
    let (mut winners, mut met) = (Vec::new(), Vec::new());
    for outcome in tries {
        match outcome.await.expect("no panic") {
            (id, Ok(())) => winners.push(id),
            (_, refused) => met.extend(conflicts(refused)),
        }
    }
    assert_eq!(winners.len(), 1);
    assert!(met.len() >= 999);
    assert!(
        met.iter().all(|conflict| conflict.appointment == Some(winners[0]) && conflict.during == Some(slot.during))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_names_what_is_taken_and_by_which_appointment() {
    let practice = Practice::new().await;
    let patients = practice.patients(2).await;
    let (day, room) = (next_week(), practice.room().await);
    let with_room = |slot: Slot| Slot { room_id: Some(room), ..slot };
    let first = practice.book(patients[0], with_room(practice.slot(day, 540, 570))).await;

    let other_doctor = practice.doctor().await;
    let elsewhere = Slot { practitioner_id: other_doctor, ..practice.slot(day, 560, 590) };
    for (patient, slot, resource) in [
        (patients[1], practice.slot(day, 560, 590), ResourceKind::Practitioner),
        (patients[0], elsewhere.clone(), ResourceKind::Patient),
        (patients[1], with_room(elsewhere.clone()), ResourceKind::Room),
    ] {
        let command = book(patient, slot);
        let found = conflicts(practice.ask(new_id(), &command).await);
        assert_eq!(
            found.iter().map(|met| (met.resource, met.appointment)).collect::<Vec<_>>(),
            [(resource, Some(first))]
        );
        let foreseen = practice.servers[1].check_appointment(new_id(), &command, &practice.context()).await;
        assert_eq!(foreseen.expect("it can be told"), found);
    }
    // What ends when the other begins does not meet it; what is called off frees its time.
    practice.book(patients[0], practice.slot(day, 570, 600)).await;
    practice.ask(first, &AppointmentCommand::CancelAppointment { reason: None }).await.expect("it can be called off");
    practice.book(patients[1], with_room(practice.slot(day, 540, 570))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_is_refused_as_a_booking_is_and_frees_what_it_leaves() {
    let practice = Practice::new().await;
    let patients = practice.patients(2).await;
    let day = next_week();
    let first = practice.book(patients[0], practice.slot(day, 540, 570)).await;
    let second = practice.book(patients[1], practice.slot(day, 600, 630)).await;
    let to = |slot| AppointmentCommand::RescheduleAppointment { slot, terms: Terms::default() };
    let met = conflicts(practice.ask(first, &to(practice.slot(day, 615, 645))).await);
    assert_eq!(met[0].appointment, Some(second));
    let late = practice.ask(first, &to(practice.slot(day, 1190, 1220))).await;
    assert!(matches!(late, Err(AppointmentError::OutsideAvailability { .. })), "{late:?}");
    // Over its own former time.
    practice.ask(first, &to(practice.slot(day, 550, 580))).await.expect("it is free");
    practice.book(patients[1], practice.slot(day, 540, 550)).await;
}
