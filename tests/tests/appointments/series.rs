//! Series: one appointment each, all of them or those that can be.

use commands::{CommandContext, OccurrenceRefusal, SeriesBooking};
use domain::appointment::series::RecurrenceRule;
use domain::appointment::{AppointmentCommand, AppointmentError, Terms};
use domain::ids::{PatientId, SeriesId};
use event_store_schema::IdempotencyKey;
use jiff::{SignedDuration, ToSpan};
use uuid::Uuid;

use crate::{Practice, book, conflicts, details, new_id, next_week};

fn weekly(practice: &Practice, patient_id: PatientId, partial: bool) -> SeriesBooking {
    SeriesBooking {
        series_id: SeriesId(Uuid::now_v7()),
        patient_id,
        practitioner_id: practice.doctor,
        room_id: None,
        start: next_week().at(9, 0, 0, 0),
        duration: SignedDuration::from_mins(30),
        rule: RecurrenceRule::parse("FREQ=WEEKLY;COUNT=30").expect("a rule"),
        except: Vec::new(),
        besides: Vec::new(),
        details: details(),
        terms: Terms::default(),
        partial,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_is_booked_on_the_clock_of_the_practice_and_each_of_it_is_free_to_go() {
    let practice = Practice::new().await;
    let patients = practice.patients(2).await;
    let booking = weekly(&practice, patients[0], false);
    let series = practice.servers[0].book_series(&booking, &practice.context()).await.expect("it is decided");
    assert_eq!((series.position.is_some(), series.occurrences.len()), (true, 30));
    // Thirty weeks hold at least one change of the clock.
    for (week, occurrence) in (0_i64..).zip(&series.occurrences) {
        let day = next_week().checked_add(week.weeks()).expect("a day");
        assert_eq!(occurrence.original_start, day.at(9, 0, 0, 0));
        let met = conflicts(practice.ask(new_id(), &book(patients[1], practice.slot(day, 545, 550))).await);
        assert_eq!(met[0].appointment, occurrence.outcome.clone().ok());
    }
    let third = series.occurrences[2].outcome.clone().expect("booked");
    practice.ask(third, &AppointmentCommand::CancelAppointment { reason: None }).await.expect("called off");
    practice.book(patients[1], practice.slot(next_week().checked_add(2.weeks()).expect("a day"), 540, 570)).await;
    let met = practice.ask(new_id(), &book(patients[1], practice.slot(next_week(), 540, 570))).await;
    assert_eq!(conflicts(met).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_that_meets_others_tells_where_and_is_booked_in_part_only_if_that_was_asked_for() {
    let practice = Practice::new().await;
    let patients = practice.patients(2).await;
    let week = |number: i64| next_week().checked_add(number.weeks()).expect("a day");
    let taken = practice.book(patients[1], practice.slot(week(3), 560, 590)).await;
    practice.book(patients[1], practice.slot(week(5), 500, 560)).await;
    let met = |outcome: &Result<_, OccurrenceRefusal>| {
        matches!(outcome, Err(OccurrenceRefusal::Refused(AppointmentError::Conflicts(_))))
    };

    let whole = practice.servers[0].book_series(&weekly(&practice, patients[0], false), &practice.context()).await;
    let whole = whole.expect("it is decided");
    assert_eq!(whole.position, None);
    let refused: Vec<_> = (0..30).filter(|number| met(&whole.occurrences[*number].outcome)).collect();
    assert_eq!(refused, [3, 5]);
    let Err(OccurrenceRefusal::Refused(AppointmentError::Conflicts(conflicts))) = &whole.occurrences[3].outcome else {
        panic!("{:?}", whole.occurrences[3])
    };
    assert_eq!(conflicts[0].appointment, Some(taken));

    let key = IdempotencyKey { scope: Uuid::nil(), key: "serie".to_owned(), request_hash: [7; 32] };
    let context = CommandContext { idempotency: Some(key), ..practice.context() };
    let booking = weekly(&practice, patients[0], true);
    let part = practice.servers[0].book_series(&booking, &context).await.expect("it is decided");
    assert!(part.position.is_some());
    assert_eq!((0..30).filter(|number| part.occurrences[*number].outcome.is_err()).collect::<Vec<_>>(), [3, 5]);
    // The same request on another server gets what the first one booked.
    let again =
        practice.servers[1].book_series(&weekly(&practice, patients[0], true), &context).await.expect("the same");
    let booked: Vec<_> = part.occurrences.into_iter().filter(|occurrence| occurrence.outcome.is_ok()).collect();
    assert_eq!((again.series_id, again.position, again.occurrences), (part.series_id, part.position, booked));
}
