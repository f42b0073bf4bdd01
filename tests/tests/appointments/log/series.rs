//! Series: one appointment each, all of them or those that can be.

use commands::{CommandContext, CommandError, OccurrenceRefusal, SeriesBooking, SeriesMove, SeriesRest};
use domain::appointment::series::RecurrenceRule;
use domain::appointment::{Appointment, AppointmentCommand, AppointmentError, AppointmentStatus, Terms};
use domain::ids::{AppointmentId, PatientId, SeriesId};
use event_store_schema::IdempotencyKey;
use jiff::{SignedDuration, ToSpan};
use system_tests::house::open_practice;
use uuid::Uuid;

use super::{Practice, book, conflicts, details, new_id, next_week, reason, time};

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

/// Four weeks, booked on the first server.
async fn four_weeks(practice: &Practice, patient: PatientId, terms: Terms) -> Vec<AppointmentId> {
    let rule = RecurrenceRule::parse("FREQ=WEEKLY;COUNT=4").expect("a rule");
    let booking = SeriesBooking { rule, terms, ..weekly(practice, patient, false) };
    let series = practice.servers[0].book_series(&booking, &practice.context()).await.expect("it is decided");
    series.occurrences.into_iter().map(|occurrence| occurrence.outcome.expect("booked")).collect()
}

/// What the second server, which has seen none of it, makes of the rest.
async fn cancel_from(practice: &Practice, first: AppointmentId, context: &CommandContext) -> SeriesRest {
    let outcome = practice.servers[1].cancel_following(first, None, context).await;
    outcome.expect("it is decided").expect("a series")
}

fn changed(rest: &SeriesRest) -> Vec<AppointmentId> {
    rest.occurrences.iter().filter(|change| change.outcome.is_ok()).map(|change| change.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_a_series_is_found_in_the_log_from_any_of_it() {
    let practice = Practice::new().await;
    practice.allow_overlaps().await;
    let patients = practice.patients(2).await;
    // Both at once and at the same times: their events stand side by side, and each booking has a second event.
    let over = || Terms { accept_overlap: true, override_availability: false, reason: reason() };
    let (series, other) =
        tokio::join!(four_weeks(&practice, patients[0], over()), four_weeks(&practice, patients[1], over()));
    practice.ask(series[3], &AppointmentCommand::CancelAppointment { reason: None }).await.expect("called off");

    let rest = cancel_from(&practice, series[1], &practice.context()).await;
    let found: Vec<_> = rest.occurrences.iter().map(|change| change.id).collect();
    assert_eq!(found, series[1..]);
    assert_eq!((changed(&rest), rest.position.is_some()), (series[1..3].to_vec(), true));
    let refused = AppointmentError::NotNow { status: AppointmentStatus::Cancelled };
    assert_eq!(rest.occurrences[2].outcome, Err(OccurrenceRefusal::Refused(refused)));
    for (id, status) in [(series[0], AppointmentStatus::Scheduled), (other[2], AppointmentStatus::Scheduled)] {
        let loaded = practice.servers[0].load::<Appointment>(practice.facility, id.0).await.expect("it is read");
        assert_eq!(loaded.and_then(|loaded| loaded.aggregate.status), Some(status));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_a_series_is_called_off_once_however_often_it_is_asked_for() {
    let practice = Practice::new().await;
    let patient = practice.patient(0).await;
    let series = four_weeks(&practice, patient, Terms::default()).await;
    let key = IdempotencyKey { scope: Uuid::nil(), key: "fin".to_owned(), request_hash: [7; 32] };
    let context = CommandContext { idempotency: Some(key), ..practice.context() };
    let first = cancel_from(&practice, series[0], &context).await;
    let again = cancel_from(&practice, series[0], &context).await;
    assert_eq!((again.position, &again.occurrences), (first.position, &first.occurrences));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_a_series_moves_into_its_own_times_and_not_at_all_where_one_meets_another() {
    let practice = Practice::new().await;
    let patients = practice.patients(2).await;
    let series = four_weeks(&practice, patients[0], Terms::default()).await;
    let move_from = async |first, wanted: &SeriesMove| {
        let outcome = practice.servers[1].move_following(first, wanted, &practice.context()).await;
        outcome.expect("it is decided").expect("a series")
    };
    // A week later, the second is where the third was.
    let a_week = SeriesMove { days_later: 7, ..SeriesMove::default() };
    assert_eq!(changed(&move_from(series[1], &a_week).await), series[1..]);

    let fourth_week = next_week().checked_add(3.weeks()).expect("a day");
    let taken = practice.book(patients[1], practice.slot(fourth_week, 720, 750)).await;
    let to_noon = SeriesMove { start_time: Some(time(12)), ..SeriesMove::default() };
    let refused = move_from(series[1], &to_noon).await;
    assert_eq!((refused.tried, refused.position), (false, None));
    let Err(OccurrenceRefusal::Refused(AppointmentError::Conflicts(met))) = &refused.occurrences[1].outcome else {
        panic!("{:?}", refused.occurrences)
    };
    assert_eq!(met[0].appointment, Some(taken));
    let part = move_from(series[1], &SeriesMove { partial: true, ..to_noon }).await;
    assert_eq!((part.tried, changed(&part)), (true, vec![series[1], series[3]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_no_series_or_to_another_practice_has_no_rest() {
    let practice = Practice::new().await;
    let patient = practice.patient(0).await;
    let alone = practice.book(patient, practice.slot(next_week(), 720, 750)).await;
    let cancel = async |id, context: &CommandContext| practice.servers[0].cancel_following(id, None, context).await;
    assert!(matches!(cancel(alone, &practice.context()).await, Ok(None)));
    assert!(matches!(cancel(new_id(), &practice.context()).await, Err(CommandError::NotFound)));
    let series = four_weeks(&practice, patient, Terms::default()).await;
    let elsewhere = open_practice(&practice.servers[0]).await;
    assert!(matches!(cancel(series[0], &CommandContext::system(elsewhere)).await, Err(CommandError::NotFound)));
}
