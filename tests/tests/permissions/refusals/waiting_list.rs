use jiff::ToSpan;
use serde_json::{Value, json};
use system_tests::agenda::{Agenda, in_a_week};
use uuid::Uuid;

use super::refusals_of;

fn wish(agenda: &Agenda) -> Value {
    json!({
        "patientId": agenda.patient, "practitionerIds": [agenda.doctor], "type": "consultation", "duration": 30,
        "earliest": in_a_week() - 3.days(), "latest": in_a_week() + 30.days(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_waiting_list_is_refused_like_this() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let (refusals, _) = refusals_of("WaitingList", async |refusals| {
        let wished = wish(&agenda);
        let mut wrong = wished.clone();
        (wrong["latest"], wrong["daysOfWeek"], wrong["type"]) = (json!("2020-01-01"), json!([7]), json!("chat"));
        (wrong["channel"], wrong["reason"]) = (json!("pigeon"), json!(" "));
        refusals.note("joinWaitingList", "values that break rules", &client.post("/waiting-list", &wrong).await);
        let mut nobodys = wished.clone();
        (nobodys["patientId"], nobodys["practitionerIds"]) = (json!(Uuid::now_v7()), json!([Uuid::now_v7()]));
        refusals.note("joinWaitingList", "nobody whom we know", &client.post("/waiting-list", &nobodys).await);

        let joined = client.post("/waiting-list", &wished).await.expect(201).body;
        let place = format!("/waiting-list/{}", joined["id"].as_str().expect("an id"));
        let mut revised = wrong.clone();
        revised.as_object_mut().expect("an object").remove("patientId");
        refusals.note("reviseWaitingListEntry", "values that break rules", &client.put(&place, &revised).await);
        let offer = json!({"practitionerId": agenda.doctor, "date": in_a_week(), "startTime": "09:00"});
        let mut impossible = offer.clone();
        (impossible["startTime"], impossible["answerBy"]) = (json!("25:00"), json!("tomorrow"));
        let offers = format!("{place}/offers");
        refusals.note("offerSlot", "values that break rules", &client.post(&offers, &impossible).await);
        let nothing = json!({"offerId": Uuid::now_v7()});
        refusals.note("acceptOffer", "nothing is offered", &client.post(&format!("{place}/accept"), &nothing).await);
        refusals.note("declineOffer", "nothing is offered", &client.post(&format!("{place}/decline"), &nothing).await);

        let offered = client.post(&offers, &offer).await.expect(200).body;
        refusals.note("offerSlot", "offered already", &client.post(&offers, &offer).await);
        let mut visit = agenda.visit("09:00", "09:30");
        visit["patientId"] = json!(agenda.another_patient(0).await);
        agenda.book(&visit).await;
        let accepted = json!({"offerId": offered["offer"]["id"]});
        let late = client.post(&format!("{place}/accept"), &accepted).await;
        refusals.note_if_refused("acceptOffer", "somebody was faster", &late);
        client.delete(&place).await.expect(200);
        refusals.note("leaveWaitingList", "gone already", &client.delete(&place).await);
        let mut again = wished.clone();
        again.as_object_mut().expect("an object").remove("patientId");
        refusals.note("reviseWaitingListEntry", "gone already", &client.put(&place, &again).await);
        refusals.note("offerSlot", "gone already", &client.post(&offers, &offer).await);
        refusals.note("listWaitingList", "a status that is none", &client.get("/waiting-list?status=lost").await);
        refusals.note("listWaitingList", "a cursor that is none", &client.get("/waiting-list?cursor=AAAA").await);
    })
    .await;
    insta::assert_json_snapshot!("waiting_list", refusals);
}
