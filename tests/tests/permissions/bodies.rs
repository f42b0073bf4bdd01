//! Every identifier that stands in a body, of another practice: the answer is the one for an identifier which nobody has.

use std::collections::BTreeSet;

use domain::role::Role;
use serde_json::{Value, json};
use system_tests::practice::Practice;
use system_tests::server::send;
use uuid::Uuid;

use super::isolation::{Belongings, Kind, body_of, told, tomorrow};
use super::kept_of;
use super::table::operations_with_needs;

/// Every identifier of a body: the operation, and where it stands.
const IN_BODIES: &[(&str, &str, Kind)] = &[
    ("bookAppointment", "/patientId", Kind::Patient),
    ("bookAppointment", "/holdId", Kind::Appointment),
    ("bookAppointment", "/practitionerId", Kind::User),
    ("bookAppointment", "/roomId", Kind::Room),
    ("reviseAppointment", "/practitionerId", Kind::User),
    ("reviseAppointment", "/roomId", Kind::Room),
    ("holdSlot", "/holdId", Kind::Appointment),
    ("holdSlot", "/practitionerId", Kind::User),
    ("holdSlot", "/roomId", Kind::Room),
    ("bookSeries", "/patientId", Kind::Patient),
    ("bookSeries", "/practitionerId", Kind::User),
    ("bookSeries", "/roomId", Kind::Room),
    ("moveFollowing", "/practitionerId", Kind::User),
    ("moveFollowing", "/roomId", Kind::Room),
    ("bookLinked", "/patientId", Kind::Patient),
    ("bookLinked", "/items/0/practitionerId", Kind::User),
    ("bookLinked", "/items/0/roomId", Kind::Room),
    ("joinWaitingList", "/patientId", Kind::Patient),
    ("joinWaitingList", "/practitionerIds/0", Kind::User),
    ("joinWaitingList", "/appointmentId", Kind::Appointment),
    ("reviseWaitingListEntry", "/practitionerIds/0", Kind::User),
    ("reviseWaitingListEntry", "/appointmentId", Kind::Appointment),
    ("offerSlot", "/practitionerId", Kind::User),
    ("offerSlot", "/roomId", Kind::Room),
];

/// Identifiers that mean something within one resource alone, whose own identifier is in the path.
const WITHIN_A_RESOURCE: [(&str, &str); 2] = [("acceptOffer", "offerId"), ("declineOffer", "offerId")];

/// A body that would be accepted, of what is ours.
fn base(operation: &str, ours: &Belongings) -> Value {
    if let "joinWaitingList" | "reviseWaitingListEntry" = operation {
        let mut wish = body_of("reviseWaitingListEntry");
        wish["practitionerIds"] = json!([ours.of_kind(Kind::User)[0]]);
        if operation == "joinWaitingList" {
            wish["patientId"] = json!(ours.of_kind(Kind::Patient)[0]);
        }
        return wish;
    }
    let mut visit = body_of(if operation == "offerSlot" { operation } else { "reviseAppointment" });
    visit["practitionerId"] = json!(ours.of_kind(Kind::User)[0]);
    visit["date"] = json!(tomorrow());
    let patient = json!(ours.of_kind(Kind::Patient)[0]);
    match operation {
        "bookAppointment" => visit["patientId"] = patient,
        "bookSeries" => {
            visit["patientId"] = patient;
            visit["recurrenceRule"] = json!("FREQ=DAILY;COUNT=2");
        }
        "holdSlot" => {
            visit.as_object_mut().unwrap().remove("type");
            visit["overrideAvailability"] = json!(true);
        }
        "bookLinked" => {
            let mut second = visit.clone();
            (second["startTime"], second["endTime"]) = (json!("12:00"), json!("12:30"));
            return json!({"patientId": patient, "items": [visit, second]});
        }
        "moveFollowing" => return body_of(operation),
        "reviseAppointment" | "offerSlot" => {}
        other => panic!("{other} takes an identifier in its body: say which body it is"),
    }
    visit
}

fn put(body: &mut Value, pointer: &str, id: &str) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match (body.pointer_mut(parent).unwrap(), field.parse::<usize>()) {
        (Value::Array(items), Ok(number)) => items[number] = json!(id),
        (object, _) => object[field] = json!(id),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_identifier_that_a_body_takes_is_in_the_table() {
    let mut served = BTreeSet::new();
    for (operation, _) in operations_with_needs().await {
        for at in &operation.ids_in_body {
            let field = at.rsplit("/properties/").next().unwrap();
            served.insert((operation.id.clone(), field.split('/').next().unwrap().to_owned()));
        }
    }
    let field = |pointer: &'static str| pointer.trim_end_matches("/0").rsplit('/').next().unwrap();
    let known = IN_BODIES.iter().map(|(operation, pointer, _)| (*operation, field(pointer))).chain(WITHIN_A_RESOURCE);
    assert_eq!(served, known.map(|(operation, field)| (operation.to_owned(), field.to_owned())).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_body_names_of_another_practice_does_not_exist_here() {
    let (our_practice, their_practice) = (Practice::new().await, Practice::new().await);
    let (ours, theirs) = (Belongings::of(&our_practice).await, Belongings::of(&their_practice).await);
    let before = kept_of(their_practice.facility_id).await;
    let client = our_practice.client(Role::Secretary);
    for (operation, _) in operations_with_needs().await {
        for (_, pointer, kind) in IN_BODIES.iter().filter(|(id, ..)| *id == operation.id) {
            let resource = if operation.path.contains("waiting-list") { Kind::WaitingEntry } else { Kind::Appointment };
            let path = operation.path_with(|_| ours.of_kind(resource)[0].clone());
            let ask = async |id: &str| {
                let mut body = base(&operation.id, &ours);
                put(&mut body, pointer, id);
                let mut request = client.request(operation.method.clone(), &path).json(&body);
                if operation.declares("header", "If-Match") {
                    request = request.header("If-Match", "*");
                }
                send(request).await
            };
            for foreign in theirs.of_kind(*kind) {
                let nobody = Uuid::now_v7().to_string();
                let (real, made_up) = (ask(foreign).await, ask(&nobody).await);
                let what = format!("{} with {pointer}", operation.id);
                assert_eq!(told(&real, std::slice::from_ref(foreign)), told(&made_up, &[nobody]), "{what}");
                // A series says of each occurrence that nothing came of it.
                let nothing = real.status == 200 && real.body["done"] == 0;
                assert!(real.status == 422 || nothing, "{what}: {}", real.text);
            }
        }
    }
    assert_eq!(kept_of(their_practice.facility_id).await, before);
}
