//! What is shown has the form that the OpenAPI document declares, member by member: a member that is shown and not declared
//! is one that no client knows of.

use domain::role::Role;
use reqwest::Method;
use serde_json::{Map, Value, json};
use system_tests::agenda::{Agenda, in_a_week, path};
use system_tests::practice::Practice;
use system_tests::server::{Client, Server, send};
use system_tests::staff::within_a_second;

/// The served OpenAPI document.
struct Declared(Value);

impl Declared {
    async fn read() -> Self {
        Self(send(Client::anonymous(Server::shared()).raw(Method::GET, "/openapi.json")).await.expect(200).body)
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let Some(reference) = schema["$ref"].as_str() else { return schema };
        self.resolved(self.0.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}")))
    }

    /// The schema of what a GET of this path answers.
    fn answer_of(&self, path: &str) -> &Value {
        let answer = &self.0["paths"][format!("/api/v1{path}")]["get"]["responses"]["200"]["content"];
        let content = answer.as_object().and_then(|content| content.values().next());
        self.resolved(&content.unwrap_or_else(|| panic!("{path} declares no answer"))["schema"])
    }

    /// The schema of what a POST to this path takes.
    fn body_of(&self, path: &str) -> &Value {
        let body = &self.0["paths"][format!("/api/v1{path}")]["post"]["requestBody"]["content"];
        self.resolved(&body["application/json"]["schema"])
    }

    /// The members of a schema, those of the schemas that it consists of among them.
    fn members(&self, schema: &Value) -> Map<String, Value> {
        let schema = self.resolved(schema);
        let mut members = schema["properties"].as_object().cloned().unwrap_or_default();
        for part in ["allOf", "oneOf", "anyOf"].iter().filter_map(|kind| schema[*kind].as_array()).flatten() {
            members.extend(self.members(part));
        }
        members
    }

    /// What is shown and not declared, what is declared as another type, and what must be there and is not.
    fn broken(&self, schema: &Value, shown: &Value, at: &str, found: &mut Vec<String>) {
        let schema = self.resolved(schema);
        match shown {
            Value::Object(shown) => {
                let members = self.members(schema);
                // Values by keys of their own, such as permissions by role.
                let of_any_key = &schema["additionalProperties"];
                for (name, value) in shown {
                    let at = format!("{at}/{name}");
                    match members.get(name) {
                        Some(member) => self.broken(member, value, &at, found),
                        None if of_any_key.is_object() => self.broken(of_any_key, value, &at, found),
                        None if members.is_empty() && schema.as_object().is_some_and(|schema| schema.len() < 3) => {}
                        None => found.push(format!("{at} is not declared")),
                    }
                }
                let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
                found.extend(
                    required.filter(|name| !shown.contains_key(*name)).map(|name| format!("{at}/{name} is missing")),
                );
            }
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.broken(&schema["items"], item, &format!("{at}/{number}"), found);
                }
            }
            Value::Null => found.push(format!("{at} is null")),
            Value::Bool(_) => found.extend(self.another(schema, &["boolean"], at)),
            Value::Number(_) => found.extend(self.another(schema, &["integer", "number"], at)),
            Value::String(_) => found.extend(self.another(schema, &["string"], at)),
        }
    }

    fn another(&self, schema: &Value, types: &[&str], at: &str) -> Option<String> {
        let declared = schema["type"].as_str()?;
        (!types.contains(&declared)).then(|| format!("{at} is declared as {declared}"))
    }

    /// Fails unless an answer to a GET of this path has the declared form.
    #[track_caller]
    fn hold(&self, path: &str, shown: &Value) {
        let mut found = Vec::new();
        self.broken(self.answer_of(path), shown, "", &mut found);
        assert!(found.is_empty(), "GET {path}: {found:#?}\n{shown:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_shown_in_the_declared_form() {
    let declared = Declared::read().await;
    let practice = Practice::new().await;
    let client = practice.secretary();
    let everything = json!({
        "lastName": "Moreau-Nguyễn", "firstName": "Zoé", "birthDate": "1980-03-12", "gender": "female",
        "nationality": "Française", "idNumber": "87654321B",
        "ins": {"matricule": "279035121518989", "oid": "1.2.250.1.213.1.4.10"},
        "address": {"street": "12 rue de la République", "city": "Brest", "postalCode": "29200", "country": "FR"},
        "contact": {
            "phone": "06 12 34 56 78", "email": "zoe@exemple.fr",
            "emergencyContact": {"name": "Ana Martín", "relationship": "Sœur", "phone": "+34620987654"},
        },
        "insurance": {"provider": "CPAM", "number": "SAN987654321", "type": "public"},
    });
    let mut not_given = Vec::new();
    unshown(&declared, declared.body_of("/patients"), &everything, "", &mut not_given);
    assert_eq!(not_given, ["/confirmDistinct", "/reason"], "everything that can be known of a patient is given here");
    let registered = client.post("/patients", &everything).await.expect(201).body;
    let path = format!("/patients/{}", registered["id"].as_str().unwrap());
    let restricted = client.post(&format!("{path}/restrict"), &json!({"reason": "Essai"})).await.expect(200).body;
    declared.hold("/patients/{id}", &restricted);
    let shown = client.get(&path).await.expect(200).body;
    declared.hold("/patients/{id}", &shown);
    // Everything is known of this patient, so everything that is declared is shown.
    let mut unseen = Vec::new();
    unshown(&declared, declared.answer_of("/patients/{id}"), &shown, "", &mut unseen);
    assert_eq!(unseen, ["/forgotten"]);
    declared.hold("/patients", &client.get("/patients").await.expect(200).body);
    declared.hold("/patients/{id}/history", &client.get(&format!("{path}/history")).await.expect(200).body);
    let log = practice.client(Role::Auditor).get(&format!("{path}/access-log")).await.expect(200).body;
    declared.hold("/patients/{id}/access-log", &log);
}

/// The members that are declared and not shown.
fn unshown(declared: &Declared, schema: &Value, shown: &Value, at: &str, found: &mut Vec<String>) {
    for (name, member) in declared.members(schema) {
        match shown.get(&name) {
            Some(shown) => unshown(declared, &member, shown, &format!("{at}/{name}"), found),
            None => found.push(format!("{at}/{name}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_practice_is_shown_has_the_declared_form() {
    let declared = Declared::read().await;
    let agenda = Agenda::new().await;
    let (client, admin) = (agenda.secretary(), agenda.practice.client(Role::Admin));
    client.post("/facilities/current/rooms", &json!({"name": "Salle 1"})).await.expect(201);
    let mut visit = agenda.visit("09:00", "09:30");
    visit["additionalSlots"] = json!([{"start": "10:00", "end": "10:15"}]);
    let booked = agenda.book(&visit).await;
    let wish = json!({
        "patientId": agenda.patient, "practitionerIds": [agenda.doctor], "type": "consultation", "duration": 30,
        "earliest": in_a_week(), "latest": in_a_week(), "times": [{"start": "08:00", "end": "12:00"}],
    });
    let place = client.post("/waiting-list", &wish).await.expect(201).body;
    let place = format!("/waiting-list/{}", place["id"].as_str().unwrap());
    within_a_second(client, &place, |answer| answer.status == 200).await;
    let user = format!("/users/{}", agenda.doctor);
    let (availability, reminders) =
        (format!("/availability/{}", agenda.doctor), format!("{}/reminders", path(&booked)));
    for (declared_path, path, client) in [
        ("/appointments/{id}", path(&booked), client),
        ("/appointments", format!("/appointments?date={}", in_a_week()), client),
        ("/appointments/{id}/reminders", reminders, client),
        (
            "/appointments/slots",
            format!("/appointments/slots?practitionerId={}&date={}&duration=30", agenda.doctor, in_a_week()),
            client,
        ),
        ("/patients/{id}/appointments", format!("/patients/{}/appointments", agenda.patient), client),
        ("/availability/{practitionerId}", availability, client),
        ("/waiting-list/{id}", place, client),
        ("/waiting-list", "/waiting-list".to_owned(), client),
        ("/facilities/current", "/facilities/current".to_owned(), client),
        ("/facilities/current/rooms", "/facilities/current/rooms".to_owned(), client),
        ("/facilities/current/reminders", "/facilities/current/reminders".to_owned(), client),
        ("/practitioners", "/practitioners".to_owned(), client),
        ("/specialties", "/specialties".to_owned(), client),
        ("/users/{id}", user, admin),
        ("/users", "/users".to_owned(), admin),
        ("/auth/me", "/auth/me".to_owned(), admin),
        ("/auth/sessions", "/auth/sessions".to_owned(), admin),
        ("/notifications", "/notifications".to_owned(), client),
        ("/health/ready", "/health/ready".to_owned(), client),
    ] {
        let answer = client.get(&path).await.expect(200);
        declared.hold(declared_path, &answer.body);
    }
}
