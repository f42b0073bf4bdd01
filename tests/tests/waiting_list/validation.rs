//! What is wrong with what is asked is told by field.

use serde_json::{Value, json};
use system_tests::agenda::{Agenda, in_a_week};

use super::{join, offer_at, place, wish, with, without};

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_cannot_come_true_is_refused_by_field() {
    let (agenda, elsewhere) = (Agenda::new().await, Agenda::new().await);
    let wished = wish(&agenda, &agenda.patient);
    let nobody = "0198a000-0000-7000-8000-000000000001";
    let theirs = elsewhere.book(&elsewhere.visit("09:00", "09:30")).await["id"].clone();
    for (field, value, at) in [
        ("patientId", json!(nobody), "patientId"),
        ("patientId", json!(elsewhere.patient), "patientId"),
        ("practitionerIds", json!([nobody]), "practitionerIds[0]"),
        ("practitionerIds", json!([agenda.doctor, elsewhere.doctor]), "practitionerIds[1]"),
        ("appointmentId", theirs, "appointmentId"),
        ("specialty", json!("XX99"), "specialty"),
        ("type", json!("chat"), "type"),
        ("earliest", json!("2026-02-30"), "earliest"),
        ("latest", json!("2020-01-01"), "latest"),
        ("daysOfWeek", json!([7]), "daysOfWeek[0]"),
        ("times", json!([{"start": "12:00", "end": "08:00"}]), "times[0].end"),
        ("times", json!([{"start": "8:00", "end": "12:00"}]), "times[0].start"),
        ("channel", json!("pigeon"), "channel"),
        ("reason", json!(" "), "reason"),
    ] {
        let answer = agenda.secretary().post("/waiting-list", &with(wished.clone(), &[(field, value.clone())])).await;
        let refused = answer.expect_problem(422, "validation_failed");
        assert!(refused.violated_fields().contains(&at), "{field} {value}: {}", refused.text);
    }
    for broken in [
        with(wished.clone(), &[("patientId", json!("7"))]),
        with(wished.clone(), &[("duration", json!("30"))]),
        with(wished.clone(), &[("duration", json!(-5))]),
        with(wished.clone(), &[("surprise", json!(1))]),
        with(wished.clone(), &[("title", Value::Null)]),
        without(wished.clone(), "latest"),
        without(wished.clone(), "patientId"),
        json!([]),
    ] {
        agenda.secretary().post("/waiting-list", &broken).await.expect_problem(400, "malformed_request");
    }
    let archived = agenda.another_patient(1).await;
    agenda.secretary().delete(&format!("/patients/{archived}")).await.expect(200);
    let refused = agenda.secretary().post("/waiting-list", &wish(&agenda, &archived)).await;
    assert_eq!(refused.expect_problem(422, "validation_failed").violated_fields(), ["patientId"]);
    for query in ["status=lost", "patientId=7", "limit=0", "serach=x", "cursor=AAAA"] {
        agenda.secretary().get(&format!("/waiting-list?{query}")).await.expect_problem(400, "invalid_parameter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_nobody_could_take_is_refused_by_field() {
    let (agenda, elsewhere) = (Agenda::new().await, Agenda::new().await);
    let entry = join(&agenda, &wish(&agenda, &agenda.patient)).await;
    let offers = format!("{}/offers", place(&entry));
    let offer = offer_at(&agenda, "09:00");
    for (field, value, at) in [
        ("practitionerId", json!(elsewhere.doctor), "practitionerId"),
        ("date", json!("2020-01-01"), "startTime"),
        ("startTime", json!("25:00"), "startTime"),
        ("answerBy", json!("2020-01-01T00:00:00Z"), "answerBy"),
        ("answerBy", json!("tomorrow"), "answerBy"),
        ("answerBy", json!("2199-01-01T00:00:00Z"), "answerBy"),
    ] {
        let answer = agenda.secretary().post(&offers, &with(offer.clone(), &[(field, value.clone())])).await;
        let refused = answer.expect_problem(422, "validation_failed");
        assert!(refused.violated_fields().contains(&at), "{field} {value}: {}", refused.text);
    }
    let nobodys = json!({"offerId": entry["id"]});
    for step in ["accept", "decline"] {
        let path = format!("{}/{step}", place(&entry));
        agenda.secretary().post(&path, &nobodys).await.expect_problem(409, "invalid_state");
        agenda.secretary().post(&path, &json!({})).await.expect_problem(400, "malformed_request");
    }
    let offered = agenda.secretary().post(&offers, &offer).await.expect(200).body;
    assert_eq!(offered["offer"]["date"], json!(in_a_week()));
    assert_eq!((&offered["offer"]["startTime"], &offered["offer"]["endTime"]), (&json!("09:00"), &json!("09:30")));
    agenda.secretary().post(&offers, &offer).await.expect_problem(409, "invalid_state");
}
