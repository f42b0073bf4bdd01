use domain::role::Role;
use reqwest::Method;
use serde_json::json;
use system_tests::agenda::{Agenda, in_a_week};

use super::{refusals_of, with};

#[tokio::test(flavor = "multi_thread")]
async fn availability_is_refused_like_this() {
    let agenda = Agenda::new().await;
    let client = agenda.secretary();
    let (refusals, _) = refusals_of("Availability", async |refusals| {
        let path = format!("/availability/{}", agenda.doctor);
        let secretary = client.get("/auth/me").await.expect(200).body["id"].as_str().map(str::to_owned);
        if let Some(secretary) = secretary {
            let answer = client.put(&format!("/availability/{secretary}"), &json!({"hours": []})).await;
            refusals.note_if_refused("reviseAvailability", "somebody who treats nobody", &answer);
        }
        let any = ("If-Match", "*");
        let slots = |start: &str, end: &str| json!([{"start": start, "end": end}]);
        for (wrong, body) in [
            (
                "hours that end before they begin",
                json!({"hours": [{"dayOfWeek": 1, "timeSlots": slots("12:00", "08:00")}]}),
            ),
            ("a day that is none", json!({"hours": [{"dayOfWeek": 7, "timeSlots": slots("08:00", "12:00")}]})),
            ("a time that is none", json!({"hours": [{"dayOfWeek": 1, "timeSlots": slots("8h", "12:00")}]})),
            ("from a day that is over", json!({"hours": [], "validFrom": "2026-01-05"})),
        ] {
            refusals.note("reviseAvailability", wrong, &with(client, Method::PUT, &path, any, &body).await);
        }
        agenda.book(&agenda.visit("09:00", "09:30")).await;
        let leave = |from: &str, until: &str, kind: &str| json!({"from": from, "until": until, "kind": kind});
        let day = in_a_week();
        let over = leave(&format!("{day}T00:00"), &format!("{day}T23:00"), "holiday");
        let plan = format!("{path}/leave");
        refusals.note("planLeave", "appointments lie in it", &client.post(&plan, &over).await);
        let backwards = leave(&format!("{day}T12:00"), &format!("{day}T08:00"), "nap");
        refusals.note("planLeave", "values that break rules", &client.post(&plan, &backwards).await);
        let key = ("Idempotency-Key", "refusals");
        let mut confirmed = over.clone();
        confirmed["confirm"] = json!(true);
        with(client, Method::POST, &plan, key, &confirmed).await.expect(201);
        refusals.note("planLeave", "a key of another request", &with(client, Method::POST, &plan, key, &over).await);
        let extra = json!({"date": "2026-01-05", "timeSlots": slots("12:00", "08:00")});
        let opened = client.post(&format!("{path}/extra-hours"), &extra).await;
        refusals.note("openExtraHours", "values that break rules", &opened);
        for (wrong, query) in [
            ("nothing is asked", String::new()),
            ("a duration that is none", format!("?practitionerId={}&date={day}&duration=1", agenda.doctor)),
            ("a day and a stretch", format!("?practitionerId={}&date={day}&from={day}&duration=30", agenda.doctor)),
        ] {
            refusals.note_if_refused("findSlots", wrong, &client.get(&format!("/appointments/slots{query}")).await);
        }
        let week = client.get(&format!("{path}?week=2026-02-30")).await;
        refusals.note("readAvailability", "a week that is none", &week);
        let feed = format!("/practitioners/{}/calendar-feed", agenda.doctor);
        refusals.note("readCalendarFeed", "there is none", &client.get(&feed).await);
        refusals.note("revokeCalendarFeed", "there is none", &client.delete(&feed).await);
        refusals.note(
            "makeCalendarFeed",
            "a colleague asks",
            &agenda.practice.client(Role::Auditor).post(&feed, &json!({})).await,
        );
        let nobodys = "0".repeat(43);
        refusals.note_if_refused(
            "readCalendar",
            "an address that nobody has",
            &client.get(&format!("/calendars/{nobodys}")).await,
        );
    })
    .await;
    insta::assert_json_snapshot!("availability", refusals);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_practice_is_refused_like_this() {
    let agenda = Agenda::new().await;
    let (client, admin) = (agenda.secretary(), agenda.practice.client(Role::Admin));
    let (refusals, _) = refusals_of("Facilities", async |refusals| {
        let rooms = "/facilities/current/rooms";
        let first = client.post(rooms, &json!({"name": "Salle 1"})).await.expect(201).body;
        let second = client.post(rooms, &json!({"name": "Salle 2"})).await.expect(201).body;
        let of = |room: &serde_json::Value| format!("{rooms}/{}", room["id"].as_str().expect("an id"));
        refusals.note(
            "addRoom",
            "a name that another room has",
            &client.post(rooms, &json!({"name": "SALLE 1"})).await,
        );
        refusals.note("addRoom", "an empty name", &client.post(rooms, &json!({"name": " "})).await);
        let renamed = client.put(&of(&second), &json!({"name": "Salle 1"})).await;
        refusals.note("renameRoom", "a name that another room has", &renamed);
        let stale = with(client, Method::PUT, &of(&second), ("If-Match", "\"99\""), &json!({"name": "Salle 3"})).await;
        refusals.note_if_refused("renameRoom", "a version that is over", &stale);
        client.delete(&of(&first)).await.expect(200);
        refusals.note("closeRoom", "closed already", &client.delete(&of(&first)).await);
        let any = ("If-Match", "*");
        let settings = json!({"idleTimeoutMinutes": 4, "mfaRequiredFor": ["chef"], "reason": " "});
        let changed = with(admin, Method::PUT, "/facilities/current/settings", any, &settings).await;
        refusals.note("changeFacilitySettings", "values that break rules", &changed);
        let mut permissions = admin.get("/facilities/current").await.expect(200).body["permissions"]["doctor"].clone();
        permissions["exports"] = json!({"read": true, "write": false});
        permissions["users"] = json!({"read": false, "write": true});
        let path = "/facilities/current/permissions/doctor";
        let changed = with(admin, Method::PUT, path, any, &json!({"permissions": permissions})).await;
        refusals.note("changeRolePermissions", "beyond the bounds", &changed);
        let path = "/facilities/current/permissions/chef";
        let changed = with(admin, Method::PUT, path, any, &json!({"permissions": permissions})).await;
        refusals.note("changeRolePermissions", "a role that is none", &changed);
        let rules = json!({"enabled": true, "reminders": [{"type": "pigeon", "time": "soon"}], "byType": []});
        let changed = with(client, Method::PUT, "/facilities/current/reminders", any, &rules).await;
        refusals.note("changeReminderRules", "values that break rules", &changed);
    })
    .await;
    insta::assert_json_snapshot!("facilities", refusals);
}
