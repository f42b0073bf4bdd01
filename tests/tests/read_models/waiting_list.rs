//! The waiting list: the line, and what is offered to whom.

use domain::waiting_list::WaitingEntry;
use projections::waiting_list::WaitingList;
use serde_json::{Value, json};
use system_tests::given::{given, id};
use uuid::Uuid;

use crate::{DOCTOR, VISIT, YANN, ZOE};

const FIRST: Uuid = id(0xC1);
const SECOND: Uuid = id(0xC2);
const OFFER: Uuid = id(0xC9);

fn joined(patient: Uuid, priority: &str) -> Value {
    json!({
        "patientId": patient, "practitionerIds": [DOCTOR], "type": "follow_up", "priority": priority,
        "durationMinutes": 30, "earliest": "2026-11-24", "latest": "2026-12-18",
    })
}

fn offered() -> Value {
    json!({
        "offerId": OFFER, "practitionerId": DOCTOR, "timeZone": "Europe/Paris", "answerBy": "2026-11-24T10:05:00Z",
        "from": "2026-11-30T08:00:00Z", "until": "2026-11-30T08:30:00Z", "tellPatient": true,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_more_urgent_is_first_in_line_and_then_whoever_joined_first() {
    given(WaitingList)
        .event::<WaitingEntry>(FIRST, "WaitingListJoined", joined(ZOE, "normal"))
        .event::<WaitingEntry>(SECOND, "WaitingListJoined", joined(YANN, "urgent"))
        .then([(
            "waiting_list",
            "urgency, joined, patient_id, status, latest, practitioner_ids",
            json!([[0, 2, YANN, "waiting", "2026-12-18", [DOCTOR]], [2, 1, ZOE, "waiting", "2026-12-18", [DOCTOR]],]),
        )])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_offer_has_a_time_to_answer_and_is_untold_until_a_message_left() {
    let offered_to_zoe = || {
        given(WaitingList)
            .event::<WaitingEntry>(FIRST, "WaitingListJoined", joined(ZOE, "normal"))
            .event::<WaitingEntry>(FIRST, "SlotOffered", offered())
    };
    let offer = "status, offer_id, answer_by, untold";
    offered_to_zoe()
        .then([("waiting_list", offer, json!([["offered", OFFER, "2026-11-24T10:05:00+00:00", true]]))])
        .await;
    offered_to_zoe()
        .event::<WaitingEntry>(FIRST, "OfferMessageHandedOver", json!({"offerId": OFFER, "channel": "sms"}))
        .then([("waiting_list", offer, json!([["offered", OFFER, "2026-11-24T10:05:00+00:00", false]]))])
        .await;
    let accepted = json!({"offerId": OFFER, "appointmentId": VISIT, "byPatient": true});
    offered_to_zoe()
        .event::<WaitingEntry>(FIRST, "OfferAccepted", accepted)
        .then([
            ("waiting_list", offer, json!([["served", null, null, false]])),
            ("waiting_list", "joined, version, created_at", json!([[1, 3, "2026-11-02T08:01:00+00:00"]])),
        ])
        .await;
}
