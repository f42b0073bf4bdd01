//! Who may do what, held against every operation of the served OpenAPI document: by role, by token, by practice, and in
//! the database below. The tables here are written by hand and know nothing of the product's own, so that neither can
//! be changed alone; an operation without an entry fails, and so does an entry without an operation.

mod bodies;
mod document;
mod isolation;
mod lists;
mod refusals;
mod roles;
mod row_security;
mod servers;
mod step_up;
mod table;
mod tokens;

use std::time::Duration;

use domain::ids::FacilityId;
use domain::role::Role;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use system_tests::practice::{Practice, Underneath};
use system_tests::server::Server;
use system_tests::staff::Member;
use tokio_postgres::{Client as Database, NoTls};

/// A connection of the owner of the shared server's database.
async fn owner() -> Database {
    let (client, connection) = Underneath::of(Server::shared()).owner.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A connection that may do what the application may do.
async fn application() -> Database {
    let mut config = Underneath::of(Server::shared()).owner;
    config.options("-c role=medicalpro_app");
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// What [`kept_of`] asks for.
const KEPT: &str = "
    SELECT concat(stream_id, ' ', max(stream_version)) FROM log.events WHERE facility_id = $1 GROUP BY stream_id
    UNION ALL
    SELECT concat('account ', user_id, ' ', status, ' ', md5((to_jsonb(c) - 'changed_in')::text))
      FROM accounts.credentials c WHERE facility_id = $1
    UNION ALL
    SELECT concat('session ', session_id, ' ', end_reason, ' ',
                  md5((to_jsonb(s) - 'changed_in' - 'last_seen_at')::text))
      FROM accounts.sessions s WHERE facility_id = $1
    UNION ALL
    SELECT concat('link ', purpose, ' ', md5(to_jsonb(l)::text))
      FROM accounts.one_time_links l JOIN accounts.credentials USING (user_id) WHERE facility_id = $1
    UNION ALL
    SELECT concat('second factor ', user_id, ' ', md5(to_jsonb(f)::text))
      FROM accounts.second_factors f JOIN accounts.credentials USING (user_id) WHERE facility_id = $1
    UNION ALL
    SELECT concat('recovery codes ', user_id, ' ', count(*), ' ', count(used_at))
      FROM accounts.recovery_codes JOIN accounts.credentials USING (user_id) WHERE facility_id = $1 GROUP BY user_id
    UNION ALL
    SELECT concat('feed ', md5(to_jsonb(f)::text)) FROM accounts.calendar_feeds f WHERE facility_id = $1
    UNION ALL
    SELECT concat('read ', user_id, ' ', position) FROM notifications.read_up_to WHERE facility_id = $1
    UNION ALL
    SELECT concat('read besides ', user_id, ' ', position) FROM notifications.read_besides WHERE facility_id = $1
    UNION ALL
    SELECT concat('accesses ', count(*)) FROM audit.access WHERE facility_id = $1
    ORDER BY 1";

/// Everything that is kept of a practice, as it must be again after others have tried: the versions of its streams, its
/// accounts with their sessions and links (as digests, so that a failure stays readable), and the trace of who looked
/// at its data.
async fn kept_of(facility: FacilityId) -> Vec<String> {
    let rows = owner().await.query(KEPT, &[&facility.0]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// A member of staff, hired by the practice's administrator.
async fn hire(practice: &Practice, role: Role, last_name: &str) -> Member {
    Member::hire(practice.client(Role::Admin), role, last_name).await
}

fn id(document: &Value) -> String {
    document["id"].as_str().unwrap().to_owned()
}

/// Somebody waits, and did not answer an offer in time, which the staff is told: the ids of the place and of the notification.
async fn lapsed_offer(practice: &Practice, practitioner: &str, patient: &str) -> (String, String) {
    let client = practice.secretary();
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    // Not for the extra hours of these days, which would be offered at a moment of their own.
    let wish = json!({
        "patientId": patient, "practitionerIds": [practitioner], "type": "consultation", "duration": 30,
        "earliest": today + 4.days(), "latest": today + 30.days(),
    });
    let place = id(&client.post("/waiting-list", &wish).await.expect(201).body);
    let offer = json!({
        "practitionerId": practitioner, "date": today + 7.days(), "startTime": "09:00",
        "answerBy": (Timestamp::now() + 1.second()).to_string(),
    });
    client.post(&format!("/waiting-list/{place}/offers"), &offer).await.expect(200);
    for _ in 0..500 {
        let told = client.get("/notifications").await.expect(200).body;
        if let Some(first) = told["items"].as_array().and_then(|items| items.first()) {
            return (place, id(first));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the offer does not lapse");
}
