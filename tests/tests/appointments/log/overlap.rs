//! A deliberate overlap: allowed by the practice, for a reason, and never one that nobody meant.

use domain::appointment::{AppointmentCommand, AppointmentError, Terms};

use super::{Practice, book, book_on, conflicts, new_id, next_week, reason};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_booked_over_another_on_purpose_still_takes_its_time_when_the_other_is_called_off() {
    let practice = Practice::new().await;
    let patients = practice.patients(3).await;
    let day = next_week();
    let first = practice.book(patients[0], practice.slot(day, 540, 570)).await;
    let meant = Terms { accept_overlap: true, override_availability: false, reason: reason() };
    let over = book_on(patients[1], practice.slot(day, 550, 580), meant.clone());
    assert_eq!(practice.ask(new_id(), &over).await, Err(AppointmentError::OverlapNotAllowed));

    practice.allow_overlaps().await;
    let second = new_id();
    practice.ask(second, &over).await.expect("the practice allows it");
    practice.ask(first, &AppointmentCommand::CancelAppointment { reason: None }).await.expect("called off");
    let met = conflicts(practice.ask(new_id(), &book(patients[2], practice.slot(day, 560, 590))).await);
    assert_eq!(met.iter().map(|met| met.appointment).collect::<Vec<_>>(), [Some(second)]);
    // A patient is never in two places, whatever the practice allows.
    let twice = book_on(patients[1], practice.slot(day, 555, 585), meant);
    assert!(!conflicts(practice.ask(new_id(), &twice).await).is_empty());

    // Moved to a free time it stands there as any other.
    let moved =
        AppointmentCommand::RescheduleAppointment { slot: practice.slot(day, 600, 630), terms: Terms::default() };
    practice.ask(second, &moved).await.expect("it is free");
    practice.book(patients[2], practice.slot(day, 540, 600)).await;
    assert_eq!(conflicts(practice.ask(new_id(), &book(patients[0], practice.slot(day, 615, 645))).await).len(), 1);
}
