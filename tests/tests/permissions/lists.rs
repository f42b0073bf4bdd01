//! Every operation that needs no identifier to show something: it shows the caller's practice and nothing of another.

use domain::role::Role;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::agenda::today;
use system_tests::practice::Practice;
use system_tests::server::{Answer, Client, send};
use system_tests::staff::{Member, within_a_second};

use super::document::Operation;
use super::table::{Need, operations_with_needs};
use super::{hire, id, lapsed_offer};

/// What is the same for everybody, wherever they work.
const SAME_EVERYWHERE: [&str; 1] = ["listSpecialties"];

/// What shows nothing without identifiers, with which it is tried in `isolation`, and what holds numbers alone, by which no
/// practice could be told from another.
const NAMES_NOBODY: [&str; 2] = ["checkConflicts", "readReminderRules"];

/// A practice with names that no other has, and all of whose members are logged in.
struct House {
    clients: Vec<Client>,
    /// Identifiers, names and addresses that nobody elsewhere may see.
    secrets: Vec<String>,
    family_name: &'static str,
}

impl House {
    async fn new(family_name: &'static str) -> Self {
        let practice = Practice::new().await;
        let mut secrets = vec![practice.facility_id.0.to_string(), family_name.to_owned()];
        for first_name in ["Zoé", "Awa"] {
            secrets.push(id(&practice.register(family_name, first_name).await));
        }
        let mut clients = Vec::new();
        for role in Role::ALL {
            let member: Member = hire(&practice, role, family_name).await;
            let client = member.log_in().await;
            let session = client.get("/auth/sessions").await.expect(200).body["sessions"][0].clone();
            secrets.extend([member.id().to_owned(), member.email.clone(), id(&session)]);
            client.get("/patients").await.expect(200);
            within_a_second(&client, "/facilities/current", |answer| answer.status == 200).await;
            clients.push(client);
        }
        let mut visit = super::isolation::body_of("reviseAppointment");
        let doctor_of_today = hire(&practice, Role::Doctor, family_name).await;
        (visit["patientId"], visit["practitionerId"]) = (json!(secrets[2]), json!(doctor_of_today.id()));
        (visit["date"], visit["justification"]) = (json!(today()), json!("Saisie le jour même"));
        secrets.push(id(&practice.secretary().post("/appointments", &visit).await.expect(201).body));
        let room = json!({"name": family_name});
        secrets.push(id(&practice.secretary().post("/facilities/current/rooms", &room).await.expect(201).body));
        let doctor = hire(&practice, Role::Doctor, family_name).await;
        secrets.push(doctor.id().to_owned());
        let whole_days: Value =
            (0..7).map(|day| json!({"dayOfWeek": day, "timeSlots": [{"start": "00:00", "end": "24:00"}]})).collect();
        let calendar = format!("/availability/{}", doctor.id());
        practice.secretary().put(&calendar, &json!({"hours": whole_days})).await.expect(200);
        let (place, notification) = lapsed_offer(&practice, doctor.id(), &secrets[2].clone()).await;
        secrets.extend([place, notification]);
        Self { clients, secrets, family_name }
    }

    fn shown_in(&self, text: &str) -> Option<&String> {
        self.secrets.iter().find(|secret| text.contains(*secret))
    }
}

async fn get(client: &Client, operation: &Operation, query: &[(&str, &str)]) -> Answer {
    send(client.request(Method::GET, &operation.path).query(query)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_shows_anything_of_another_practice() {
    let (ours, theirs) = (House::new("Kervadec").await, House::new("Quéméneur").await);
    for (operation, need) in operations_with_needs().await {
        let wanted = operation.method == Method::GET && operation.parameters_in("path").next().is_none();
        if !wanted || need == Need::Public || SAME_EVERYWHERE.contains(&operation.id.as_str()) {
            continue;
        }
        if NAMES_NOBODY.contains(&operation.id.as_str()) {
            continue;
        }
        let mut queries: Vec<Vec<(&str, String)>> = vec![Vec::new()];
        if operation.declares("query", "search") {
            queries.push(vec![("search", theirs.family_name.to_owned())]);
        }
        // What another practice's page goes on with.
        let mut own_shown = false;
        for client in &theirs.clients {
            let one = if operation.declares("query", "limit") { vec![("limit", "1")] } else { Vec::new() };
            let page = get(client, &operation, &one).await;
            if page.status == 200 {
                assert_eq!(ours.shown_in(&page.text), None, "{}: {}", operation.id, page.text);
                own_shown |= theirs.shown_in(&page.text).is_some();
                if let Value::String(cursor) = &page.body["nextCursor"] {
                    queries.push(vec![("cursor", cursor.clone())]);
                }
            }
        }
        assert!(own_shown, "{} shows its own practice nothing either: this test cannot tell", operation.id);
        for client in &ours.clients {
            for query in &queries {
                let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let answer = get(client, &operation, &query).await;
                let shown = theirs.shown_in(&answer.text);
                assert_eq!(shown, None, "{} with {query:?}: {} {}", operation.id, answer.status, answer.text);
            }
        }
    }
}
