//! Rooms, and who and what takes bookings at all.

use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::server::{Answer, send};
use system_tests::staff::Member;
use uuid::Uuid;

use super::{Desk, monday, post_once, week_of, with_header};

const ROOMS: &str = "/facilities/current/rooms";

impl Desk {
    async fn room(&self, name: &str) -> String {
        let added = self.secretary().post(ROOMS, &json!({"name": name})).await.expect(201).body;
        added["id"].as_str().unwrap().to_owned()
    }

    /// What is answered to a booking with this practitioner, in this room, at this time.
    async fn try_to_book(&self, practitioner: &str, room: Option<&str>, start: &str) -> Answer {
        let patient = self.practice.register("Le Goff", &system_tests::practice::letters(fresh())).await;
        let mut body = json!({
            "patientId": patient["id"],
            "practitionerId": practitioner,
            "date": monday().to_string(),
            "startTime": start,
            "duration": 30,
            "type": "consultation",
        });
        if let Some(room) = room {
            body["roomId"] = json!(room);
        }
        self.secretary().post("/appointments", &body).await
    }
}

/// A number that no patient here has yet.
fn fresh() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn names(rooms: &Value) -> Vec<(&str, bool)> {
    let rooms = rooms["items"].as_array().unwrap().iter();
    rooms.map(|room| (room["name"].as_str().unwrap(), room["open"].as_bool().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_added_renamed_and_closed() {
    let desk = Desk::new().await;
    let (blue, green) = (desk.room("Salle bleue").await, desk.room("écho").await);
    let again = post_once(desk.secretary(), ROOMS, "once", &json!({"name": "Accueil"})).await.expect(201);
    assert_eq!(
        post_once(desk.secretary(), ROOMS, "once", &json!({"name": "Accueil"})).await.expect(201).body,
        again.body
    );
    let listed = desk.secretary().get(ROOMS).await.expect(200);
    assert_eq!(names(&listed.body), [("Accueil", true), ("écho", true), ("Salle bleue", true)]);
    let known = with_header(desk.secretary(), Method::GET, ROOMS, "If-None-Match", listed.header("etag").unwrap());
    send(known).await.expect(304);

    let path = |room: &str| format!("{ROOMS}/{room}");
    desk.secretary().put(&path(&green), &json!({"name": "Échographie"})).await.expect(200);
    assert_eq!(desk.secretary().delete(&path(&blue)).await.expect(200).body["open"], json!(false));
    desk.secretary().delete(&path(&blue)).await.expect_problem(404, "resource_not_found");
    desk.secretary().put(&path(&blue), &json!({"name": "Salle"})).await.expect_problem(404, "resource_not_found");
    let listed = desk.secretary().get(ROOMS).await.expect(200).body;
    assert_eq!(names(&listed), [("Accueil", true), ("Échographie", true), ("Salle bleue", false)]);

    for (name, status) in [("echographie", 422), ("", 422), (" ", 422), ("a\u{200b}b", 422)] {
        let refused = desk.secretary().post(ROOMS, &json!({"name": name})).await.expect(status);
        assert_eq!(refused.violated_fields(), ["name"], "{name:?}");
    }
    let stale = with_header(desk.secretary(), Method::DELETE, &path(&green), "If-Match", "\"1\"");
    send(stale).await.expect_problem(412, "stale_version");
    desk.practice.client(Role::Nurse).post(ROOMS, &json!({"name": "X"})).await.expect_problem(403, "permission_denied");
    desk.practice.client(Role::Dpo).get(ROOMS).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_add_a_room_of_one_name_at_once_one_is_refused() {
    let desk = Desk::new().await;
    let body = json!({"name": "Salle 1"});
    let (one, other) =
        tokio::join!(desk.secretary().post(ROOMS, &body), desk.practice.client(Role::Admin).post(ROOMS, &body),);
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_open_room_of_the_practice_is_booked() {
    let (desk, elsewhere) = (Desk::open().await, Desk::open().await);
    let doctor = desk.doctor.id();
    let (room, theirs) = (desk.room("Salle 1").await, elsewhere.room("Salle 1").await);
    desk.try_to_book(doctor, Some(&room), "08:00").await.expect(201);
    let nobodys = Uuid::now_v7().to_string();
    for (room, rule) in [(&theirs, "unknown_room"), (&nobodys, "unknown_room")] {
        let refused = desk.try_to_book(doctor, Some(room), "09:00").await.expect_problem(422, "validation_failed");
        assert_eq!(refused.body["violations"][0]["field"], "roomId");
        assert_eq!(refused.body["violations"][0]["rule"], rule);
    }
    let query = format!("/appointments/slots?date={}&limit=1&roomId={room}", monday());
    assert_eq!(desk.secretary().get(&query).await.expect(200).body["items"][0]["startTime"], "08:30");
    desk.secretary().delete(&format!("{ROOMS}/{room}")).await.expect(200);
    let refused = desk.try_to_book(doctor, Some(&room), "09:00").await.expect_problem(422, "validation_failed");
    assert_eq!(refused.body["violations"][0]["rule"], "room_closed");
    desk.try_to_book(doctor, None, "09:00").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_suspended_takes_no_bookings_until_they_are_reinstated() {
    let desk = Desk::open().await;
    let admin = desk.practice.client(Role::Admin);
    let colleague = Member::hire(admin, Role::Nurse, "Petit").await;
    let hours = json!({"hours": week_of(&[("08:00", "12:00")])});
    desk.secretary().put(&format!("/availability/{}", colleague.id()), &hours).await.expect(200);
    desk.try_to_book(colleague.id(), None, "08:00").await.expect(201);
    admin.post(&format!("{}/suspend", colleague.path()), &json!({"reason": "Essai"})).await.expect(200);
    let refused = desk.try_to_book(colleague.id(), None, "09:00").await.expect_problem(422, "validation_failed");
    assert_eq!(refused.body["violations"][0]["field"], "practitionerId");
    assert_eq!(refused.body["violations"][0]["rule"], "practitioner_suspended");
    admin.post(&format!("{}/reinstate", colleague.path()), &json!({"reason": "Essai"})).await.expect(200);
    desk.try_to_book(colleague.id(), None, "09:00").await.expect(201);
    // A login between two bookings is nothing to either.
    colleague.log_in().await;
    desk.try_to_book(colleague.id(), None, "10:00").await.expect(201);
}
