//! Rows of `messaging` that this release does not understand: a newer release wrote them, or a hand did.

use event_store_schema::health::Finding;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_row_is_not_understood_is_set_aside_and_the_others_are_sent() {
    let desk = Desk::new().await;
    let owner = desk.house.owner_client().await;
    let strange = "ALTER TABLE messaging.reminder_messages DROP CONSTRAINT reminder_messages_channel_check;
        INSERT INTO messaging.reminder_messages (message_id, facility_id, patient_id, channel, next_try)
          SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'pigeon', 'epoch' FROM generate_series(1, 600);
        INSERT INTO messaging.reminders_at_work
            (appointment_id, starts, channel, minutes_before, expires_at, message_id)
          SELECT gen_random_uuid(), 'epoch', 'pigeon', 1440, 'infinity', message_id FROM messaging.reminder_messages;
        UPDATE messaging.reminder_messages SET state = 'handing_over', holder = gen_random_uuid(), handed_over_at = 'epoch'
          WHERE message_id = (SELECT message_id FROM messaging.reminder_messages LIMIT 1)";
    owner.batch_execute(strange).await.unwrap();

    let zoe = desk.practice.patient(0, Some("zoe@patient.example"), None).await;
    desk.practice.book(zoe, time(1, 15, 30)).await;
    desk.at(time(0, 15, 31)).await;
    desk.at(time(0, 15, 32)).await;
    assert_eq!(desk.reached().len(), 1);
    let Finding::Degraded(told) = desk.reminders.finding() else { panic!("operators are told") };
    let expected =
        "600 rows of messaging.reminder_messages and 600 rows of messaging.reminders_at_work are not understood";
    assert!(told.starts_with(expected), "{told}");
    let kept = owner.query_one("SELECT count(*) FROM messaging.reminder_messages", &[]).await.unwrap();
    assert_eq!(kept.get::<_, i64>(0), 600, "nothing is lost for a release that understands it");

    owner.batch_execute("DELETE FROM messaging.reminder_messages").await.unwrap();
    desk.at(time(0, 15, 33)).await;
    assert_eq!(desk.reminders.finding(), Finding::Good);
}
