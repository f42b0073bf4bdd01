//! Every operation that takes an identifier, with identifiers of another practice: whatever is asked, the answer is the
//! one for an identifier which nobody has.

use std::collections::BTreeSet;

use domain::role::Role;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::practice::{Practice, patient};
use system_tests::server::{Answer, Client, send};
use system_tests::staff::{RPPS, email, member, within_a_second};
use uuid::Uuid;

use super::document::Operation;
use super::table::{operations_with_needs, rights_of};
use super::{hire, id, kept_of, lapsed_offer};

/// What an identifier is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Patient,
    User,
    Session,
    Leave,
    ExtraHours,
    Room,
    Appointment,
    Series,
    Link,
    WaitingEntry,
    Notification,
}

/// Every parameter that is an identifier: a path up to the parameter, or the name of a query parameter.
const IDENTIFIERS: &[(&str, Kind)] = &[
    ("/patients/{id}", Kind::Patient),
    ("/users/{id}", Kind::User),
    ("/users/{id}/sessions/{sessionId}", Kind::Session),
    ("/auth/sessions/{id}", Kind::Session),
    ("/availability/{practitionerId}", Kind::User),
    ("/availability/{practitionerId}/leave/{leaveId}", Kind::Leave),
    ("/availability/{practitionerId}/extra-hours/{extraHoursId}", Kind::ExtraHours),
    ("/practitioners/{practitionerId}", Kind::User),
    ("/facilities/current/rooms/{roomId}", Kind::Room),
    ("/appointments/{id}", Kind::Appointment),
    ("/appointments/hold/{id}", Kind::Appointment),
    ("?appointmentId", Kind::Appointment),
    ("?seriesId", Kind::Series),
    ("?linkId", Kind::Link),
    ("/waiting-list/{id}", Kind::WaitingEntry),
    ("/notifications/{id}", Kind::Notification),
    ("?practitionerId", Kind::User),
    ("?roomId", Kind::Room),
    ("?patientId", Kind::Patient),
    ("?actorId", Kind::User),
];

/// Parameters of paths that identify nothing which belongs to a practice.
const NO_IDENTIFIERS: &[&str] = &["/facilities/current/permissions/{role}", "/calendars/{secret}"];

/// A body that the operation takes, so that it comes to look for what the identifier is of.
pub fn body_of(operation: &str) -> Value {
    let reason = json!({"reason": "Essai"});
    match operation {
        "revisePatient" => patient("Le Goff", "Zoé"),
        "restrictPatient" | "unrestrictPatient" | "suspendUser" | "reinstateUser" => reason,
        "assignRole" => json!({"role": "doctor", "reason": "Essai"}),
        "reviseUser" => json!({"lastName": "Roux", "firstName": "Maë", "email": email(), "rppsNumber": RPPS}),
        "renameRoom" => json!({"name": "Salle 9"}),
        "reviseAvailability" => json!({"hours": []}),
        "planLeave" => {
            let (from, until) = (tomorrow(), tomorrow() + 1.day());
            json!({"from": format!("{from}T00:00"), "until": format!("{until}T00:00"), "kind": "other"})
        }
        "openExtraHours" => {
            json!({"date": (tomorrow() + 1.day()).to_string(), "timeSlots": [{"start": "09:00", "end": "12:00"}]})
        }
        "chooseAppointmentReminders" => json!({"reminders": []}),
        "reviseAppointment" => json!({
            "practitionerId": Uuid::nil(), "date": tomorrow(), "startTime": "10:00", "endTime": "10:30",
            "type": "emergency",
        }),
        "cancelAppointment" | "cancelFollowing" | "restoreAppointment" => json!({}),
        "moveFollowing" => json!({"daysLater": 1, "overrideAvailability": true, "justification": "Essai"}),
        "reviseWaitingListEntry" => {
            let (earliest, latest) = (tomorrow().to_string(), (tomorrow() + 30.days()).to_string());
            json!({"type": "consultation", "duration": 30, "earliest": earliest, "latest": latest})
        }
        "offerSlot" => {
            let practitioner = Uuid::nil().to_string();
            json!({"practitionerId": practitioner, "date": tomorrow().to_string(), "startTime": "09:00"})
        }
        "acceptOffer" | "declineOffer" => json!({"offerId": Uuid::nil().to_string()}),
        other => panic!("{other} takes an identifier and a body: say which"),
    }
}

/// What an operation asks for in its query besides identifiers.
fn query_of(operation: &str) -> Vec<(&'static str, String)> {
    match operation {
        "checkConflicts" => {
            let times = [("startTime", "10:00"), ("endTime", "10:30"), ("type", "emergency")];
            let mut query: Vec<_> = times.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
            query.push(("date", tomorrow().to_string()));
            query
        }
        _ => Vec::new(),
    }
}

pub fn tomorrow() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date() + 1.day()
}

/// A parameter that is an identifier.
#[derive(Debug)]
struct Place {
    name: String,
    in_path: bool,
    kind: Kind,
}

/// The path of an operation up to and including this parameter.
fn up_to(path: &str, name: &str) -> String {
    let parameter = format!("{{{name}}}");
    path[..path.find(&parameter).unwrap() + parameter.len()].to_owned()
}

/// What a parameter of this path identifies.
pub fn kind_of_path(path: &str, name: &str) -> Option<Kind> {
    kind_of(&up_to(path, name))
}

/// The parameters of its path that are identifiers.
pub fn places_in_path(operation: &Operation) -> Vec<String> {
    let identifies = |name: &&str| kind_of_path(&operation.path, name).is_some();
    let names = operation.parameters_in("path").map(|parameter| parameter.name.as_str());
    names.filter(identifies).map(str::to_owned).collect()
}

fn kind_of(place: &str) -> Option<Kind> {
    IDENTIFIERS.iter().find(|(known, _)| *known == place).map(|(_, kind)| *kind)
}

/// The identifiers that an operation takes.
fn places_of(operation: &Operation) -> Vec<Place> {
    let in_path = operation.parameters_in("path").filter_map(|parameter| {
        let kind = kind_of(&up_to(&operation.path, &parameter.name))?;
        Some(Place { name: parameter.name.clone(), in_path: true, kind })
    });
    let in_query = operation.parameters_in("query").filter_map(|parameter| {
        let kind = kind_of(&format!("?{}", parameter.name))?;
        Some(Place { name: parameter.name.clone(), in_path: false, kind })
    });
    in_path.chain(in_query).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_identifier_that_an_operation_takes_is_in_the_table() {
    let mut served = BTreeSet::new();
    for (operation, _) in operations_with_needs().await {
        let paths = operation.parameters_in("path").map(|parameter| up_to(&operation.path, &parameter.name));
        let queries = operation.parameters_in("query").filter(|parameter| parameter.is_uuid);
        served.extend(paths.chain(queries.map(|parameter| format!("?{}", parameter.name))));
        let in_headers: Vec<_> = operation.parameters_in("header").filter(|parameter| parameter.is_uuid).collect();
        assert!(in_headers.is_empty(), "{} takes an identifier in a header: try it here", operation.id);
    }
    let known = IDENTIFIERS.iter().map(|(place, _)| *place).chain(NO_IDENTIFIERS.iter().copied());
    assert_eq!(served, known.map(str::to_owned).collect::<BTreeSet<_>>());
}

/// What exists in a practice, in the states that are answered differently there.
pub struct Belongings {
    patients: Vec<String>,
    users: Vec<String>,
    sessions: Vec<String>,
    leave: Vec<String>,
    extra_hours: Vec<String>,
    rooms: Vec<String>,
    appointments: Vec<String>,
    series: Vec<String>,
    links: Vec<String>,
    waiting: Vec<String>,
    notifications: Vec<String>,
}

/// The key under which the other practice restricts a patient.
const THEIR_KEY: &str = "restricted-once";

impl Belongings {
    pub async fn of(practice: &Practice) -> Self {
        let admin = practice.client(Role::Admin);
        let [active, archived, restricted] = [("Le Goff", "Zoé"), ("Martin", "Ana"), ("Diallo", "Awa")]
            .map(|(last, first)| practice.register(last, first));
        let (active, archived, restricted) = (id(&active.await), id(&archived.await), id(&restricted.await));
        practice.secretary().delete(&format!("/patients/{archived}")).await.expect(200);
        let restrict = practice.secretary().request(Method::POST, &format!("/patients/{restricted}/restrict"));
        let restrict = restrict.header("Idempotency-Key", THEIR_KEY).json(&body_of("restrictPatient"));
        send(restrict).await.expect(200);

        let (working, suspended) =
            (hire(practice, Role::Nurse, "Roux").await, hire(practice, Role::Nurse, "Petit").await);
        let until_suspended = suspended.log_in().await;
        let invited = admin.post("/users", &member(Role::Secretary, "Morel", "Léa")).await.expect(201).body;
        admin.post(&format!("{}/suspend", suspended.path()), &body_of("suspendUser")).await.expect(200);
        within_a_second(&until_suspended, "/auth/me", |answer| answer.status == 401).await;
        let (_going_on, over) = (working.log_in().await, working.log_in().await);
        let sessions = admin.get(&format!("{}/sessions", working.path())).await.expect(200).body;
        over.post("/auth/logout", &json!({})).await.expect(204);
        let planned = async |kind: &str, operation: &str| {
            let path = format!("/availability/{}/{kind}", working.id());
            id(&practice.secretary().post(&path, &body_of(operation)).await.expect(201).body)
        };
        let room = practice.secretary().post("/facilities/current/rooms", &json!({"name": "Salle 1"})).await;
        let visit = |day: Date, hour: u8| {
            let mut visit = body_of("reviseAppointment");
            visit["practitionerId"] = json!(working.id());
            (visit["date"], visit["startTime"]) = (json!(day), json!(format!("{hour:02}:00")));
            visit["endTime"] = json!(format!("{hour:02}:30"));
            visit
        };
        let soon = tomorrow() + 7.days();
        let mut series = visit(soon, 8);
        (series["patientId"], series["recurrenceRule"]) = (json!(active), json!("FREQ=DAILY;COUNT=2"));
        let series = practice.secretary().post("/appointments/series", &series).await.expect(201).body;
        let linked = json!({"patientId": active, "items": [visit(soon, 12), visit(soon, 14)]});
        let linked = practice.secretary().post("/appointments/linked", &linked).await.expect(201).body;
        let (place, notification) = lapsed_offer(practice, working.id(), &active).await;
        Self {
            appointments: vec![
                series["occurrences"][0]["appointmentId"].as_str().unwrap().to_owned(),
                id(&linked["items"][0]),
            ],
            series: vec![series["seriesId"].as_str().unwrap().to_owned()],
            links: vec![linked["linkId"].as_str().unwrap().to_owned()],
            waiting: vec![place],
            notifications: vec![notification],
            rooms: vec![id(&room.expect(201).body)],
            leave: vec![planned("leave", "planLeave").await],
            extra_hours: vec![planned("extra-hours", "openExtraHours").await],
            patients: vec![active, archived, restricted],
            users: vec![working.id().to_owned(), suspended.id().to_owned(), id(&invited["user"])],
            sessions: sessions["items"].as_array().unwrap().iter().map(id).collect(),
        }
    }

    pub fn of_kind(&self, kind: Kind) -> &[String] {
        match kind {
            Kind::Patient => &self.patients,
            Kind::User => &self.users,
            Kind::Session => &self.sessions,
            Kind::Leave => &self.leave,
            Kind::ExtraHours => &self.extra_hours,
            Kind::Room => &self.rooms,
            Kind::Appointment => &self.appointments,
            Kind::Series => &self.series,
            Kind::Link => &self.links,
            Kind::WaitingEntry => &self.waiting,
            Kind::Notification => &self.notifications,
        }
    }
}

/// Which identifiers to send, and instead of which of them one that nobody has.
type Choice = Vec<(String, bool)>;

/// Each way to fill the places with identifiers of theirs, or of ours as well where there are several.
fn choices(places: &[Place], ours: &Belongings, theirs: &Belongings) -> Vec<Choice> {
    let mut choices: Vec<Choice> = vec![Vec::new()];
    for place in places {
        let own = ours.of_kind(place.kind)[..1].iter().map(|id| (id.clone(), false));
        let values: Vec<_> = theirs.of_kind(place.kind).iter().map(|id| (id.clone(), true)).chain(own).collect();
        let longer = choices.iter().flat_map(|choice| {
            values.iter().map(move |value| choice.iter().chain([value]).cloned().collect::<Choice>())
        });
        choices = longer.collect();
    }
    choices.retain(|choice| choice.iter().any(|(_, foreign)| *foreign));
    choices
}

/// Headers that bring an operation to look at the version or at an earlier answer, or that it asks for.
fn header_sets(operation: &Operation) -> Vec<Vec<(&'static str, &'static str)>> {
    let mut sets = vec![Vec::new()];
    for (name, values) in [
        ("If-Match", ["*", "\"1\"", "\"9\""].as_slice()),
        ("If-None-Match", &["*", "\"1\""]),
        ("Idempotency-Key", &[THEIR_KEY]),
        ("X-Change-Reason", &["Essai"]),
    ] {
        if operation.declares("header", name) {
            let without = sets.clone();
            for value in values {
                sets.extend(without.iter().map(|set| [set.as_slice(), &[(name, *value)]].concat()));
            }
        }
    }
    sets
}

async fn ask(
    client: &Client,
    operation: &Operation,
    places: &[Place],
    ids: &[String],
    headers: &[(&str, &str)],
    body: &Value,
) -> Answer {
    let id_of = |name: &str| places.iter().zip(ids).find(|(place, _)| place.name == name).unwrap().1.clone();
    let asked = places.iter().zip(ids).filter(|(place, _)| !place.in_path);
    let query: Vec<_> = asked.map(|(place, id)| (place.name.as_str(), id.as_str())).collect();
    let mut request = client.request(operation.method.clone(), &operation.path_with(id_of)).query(&query);
    request = request.query(&query_of(&operation.id));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(if operation.takes_body { request.json(body) } else { request }).await
}

/// The answer without what is different each time, and with the places of the identifiers in their stead.
pub fn told(answer: &Answer, ids: &[String]) -> Value {
    let without_ids = |text: &str| {
        ids.iter().enumerate().fold(text.to_owned(), |text, (place, id)| text.replace(id, &format!("<{place}>")))
    };
    let text = without_ids(&answer.text);
    let mut body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    forget_occasion(&mut body);
    let headers = ["content-type", "etag", "location", "event-position", "allow", "link", "vary"];
    let headers = headers.map(|name| json!([name, answer.header(name).map(&without_ids)]));
    json!([answer.status, headers, body])
}

fn forget_occasion(body: &mut Value) {
    match body {
        Value::Object(fields) => {
            fields
                .retain(|name, _| !["instance", "requestId", "at", "position", "nextCursor"].contains(&name.as_str()));
            fields.values_mut().for_each(forget_occasion);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_occasion),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_practice_does_not_exist_here() {
    let (our_practice, their_practice) = (Practice::new().await, Practice::new().await);
    let (ours, theirs) = (Belongings::of(&our_practice).await, Belongings::of(&their_practice).await);
    let before = kept_of(their_practice.facility_id).await;
    let mut tried = 0;
    for (operation, need) in operations_with_needs().await {
        let places = places_of(&operation);
        if places.is_empty() {
            continue;
        }
        let body = if operation.takes_body { body_of(&operation.id) } else { Value::Null };
        let mut looked_for = false;
        for role in Role::ALL.into_iter().filter(|role| need.met_by(&rights_of(*role))) {
            let client = our_practice.client(role);
            for (choice, headers) in choices(&places, &ours, &theirs)
                .iter()
                .flat_map(|choice| header_sets(&operation).into_iter().map(move |headers| (choice, headers)))
            {
                let real: Vec<String> = choice.iter().map(|(id, _)| id.clone()).collect();
                let nobody =
                    |(id, foreign): &(String, bool)| if *foreign { Uuid::now_v7().to_string() } else { id.clone() };
                let made_up: Vec<String> = choice.iter().map(nobody).collect();
                let theirs = ask(client, &operation, &places, &real, &headers, &body).await;
                let nobodys = ask(client, &operation, &places, &made_up, &headers, &body).await;
                let what = format!("{} as {} with {headers:?}", operation.id, role.name());
                assert_eq!(told(&theirs, &real), told(&nobodys, &made_up), "{what}");
                let in_path = places.iter().any(|place| place.in_path);
                let empty = matches!(theirs.status, 200 | 304);
                assert!(if in_path { theirs.status >= 400 } else { empty }, "{what}: {}", theirs.text);
                looked_for |= !in_path || theirs.status == 404;
                tried += 1;
            }
        }
        assert!(looked_for, "{}: every try was refused before anything was looked for", operation.id);
    }
    assert_eq!(kept_of(their_practice.facility_id).await, before);
    assert!(tried > 500, "only {tried} tries");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_another_practice_used_repeats_nothing_of_its_answer() {
    let (ours, theirs) = (Practice::new().await, Practice::new().await);
    let register = async |practice: &Practice| {
        let request = practice.secretary().request(Method::POST, "/patients").header("Idempotency-Key", "the-same");
        send(request.json(&patient("Le Goff", "Zoé"))).await.expect(201).body
    };
    let (of_theirs, of_ours) = (register(&theirs).await, register(&ours).await);
    assert_ne!(of_theirs["id"], of_ours["id"]);
    assert_eq!(of_theirs["patientNumber"], of_ours["patientNumber"], "each counts from one");
    ours.secretary().get(&format!("/patients/{}", id(&of_theirs))).await.expect_problem(404, "resource_not_found");
}
