//! What the read model shows of appointments.

use std::time::Duration;

use domain::appointment::{AppointmentCommand, AppointmentStatus, Details, Texts};
use domain::ids::AppointmentId;
use domain::scheduling::Interval;
use domain::values::{Label, Reason, TextValue};
use jiff::Timestamp;
use projections::appointments::{AppointmentFilter, AppointmentPageStart, AppointmentQueries};
use projections_engine::Projections;
use system_tests::house::open_practice;

use super::{Practice, details, minutes, new_id, next_week, reason};

#[tokio::test(flavor = "multi_thread")]
async fn the_calendar_shows_what_was_booked_by_time_practitioner_patient_status_and_words() {
    let practice = Practice::new().await;
    projections_engine::install(&practice.house.owner, &projections::all()).await.expect("tables");
    let log = practice.servers[0].log().clone();
    let read_models = Projections::start(log.clone(), projections::all());
    let patients = practice.patients(2).await;
    let day = next_week();
    let mut ids = Vec::new();
    for number in 0..10 {
        let from = 480 + 30 * number;
        ids.push(practice.book(patients[usize::from(number % 2 == 1)], practice.slot(day, from, from + 30)).await);
    }
    let texts = Texts {
        title: Some(Label::parse("Suivi de grossesse").expect("a title")),
        reason: Some(Reason::parse("Échographie").expect("a reason")),
        notes: None,
    };
    let changed = AppointmentCommand::ChangeDetails { details: Details { texts, ..details() } };
    practice.ask(ids[4], &changed).await.expect("changed");
    practice.ask(ids[0], &AppointmentCommand::CancelAppointment { reason: reason() }).await.expect("called off");
    let kept = new_id();
    let hold = AppointmentCommand::HoldSlot { slot: practice.slot(day, 900, 930), override_availability: false };
    practice.ask(kept, &hold).await.expect("kept");
    let given_back = new_id();
    let hold = AppointmentCommand::HoldSlot { slot: practice.slot(day, 960, 990), override_availability: false };
    practice.ask(given_back, &hold).await.expect("kept");
    practice.ask(given_back, &AppointmentCommand::ReleaseSlot).await.expect("given back");
    let head = log.head().await.expect("the log answers");
    assert!(read_models.wait_for(head, Duration::from_secs(20)).await);

    let (queries, now) = (AppointmentQueries::new(log.database().clone()), Timestamp::now());
    let first = AppointmentPageStart::Number(1);
    let list = async |filter: AppointmentFilter| {
        let page = queries.list(practice.facility, &filter, &first, 50, now).await.expect("a page");
        assert_eq!(page.total, page.items.len() as u64);
        page.items.into_iter().map(|item| item.id).collect::<Vec<AppointmentId>>()
    };
    let whole: Vec<_> = ids.iter().copied().chain([kept]).collect();
    let all = AppointmentFilter::default;
    assert_eq!(list(all()).await, whole);
    let Interval { from, until } = minutes(day, 510, 600);
    assert_eq!(list(AppointmentFilter { from: Some(from), until: Some(until), ..all() }).await, ids[1..4]);
    let of_second = list(AppointmentFilter { patient: Some(patients[1]), ..all() }).await;
    assert_eq!(of_second, [ids[1], ids[3], ids[5], ids[7], ids[9]]);
    assert_eq!(list(AppointmentFilter { practitioners: vec![practice.doctor], ..all() }).await, whole);
    assert_eq!(list(AppointmentFilter { statuses: vec![AppointmentStatus::Cancelled], ..all() }).await, [ids[0]]);
    assert_eq!(list(AppointmentFilter { search: Some("ECHO suivi".to_owned()), ..all() }).await, [ids[4]]);
    assert_eq!(list(AppointmentFilter { search: Some("graphie".to_owned()), ..all() }).await, []);

    // Pages one after the other are the list.
    let (mut start, mut paged) = (AppointmentPageStart::Number(1), Vec::new());
    loop {
        let page = queries.list(practice.facility, &all(), &start, 3, now).await.expect("a page");
        assert_eq!(page.offset, paged.len() as u64);
        paged.extend(page.items.iter().map(|item| item.id));
        match page.next {
            Some(next) => start = AppointmentPageStart::After(next),
            None => break,
        }
    }
    assert_eq!(paged, whole);

    // A slot that is kept is gone when its time is over.
    let later = now + jiff::SignedDuration::from_mins(6);
    let page = queries.list(practice.facility, &all(), &first, 50, later).await.expect("a page");
    assert_eq!(page.total, 10);

    let cancelled = queries.get(practice.facility, ids[0]).await.expect("an answer").expect("it is there");
    assert_eq!(cancelled.cancellation_reason.as_deref(), reason().as_ref().map(TextValue::as_str));
    let elsewhere = open_practice(&practice.servers[0]).await;
    assert_eq!(queries.get(elsewhere, ids[0]).await.expect("an answer"), None);
}
