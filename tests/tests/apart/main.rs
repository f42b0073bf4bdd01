//! The six services in a process each, behind nginx with the file of `deploy/`. Run with `MEDICALPRO_TEST_APART=1`, where
//! nginx is installed; other suites run in this form as well.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use embedded_servers::ScratchDir;
use serde_json::{Value, json};
use system_tests::apart;
use system_tests::server::{Client, Server, send};

/// Six processes, if this run asks for them.
fn processes() -> Option<&'static Server> {
    static PROCESSES: LazyLock<(Server, ScratchDir)> = LazyLock::new(|| {
        let folder = ScratchDir::new("apart").expect("a folder for the servers");
        (Server::start_apart(&folder.path().join("data")), folder)
    });
    std::env::var_os(apart::APART).is_some_and(|set| !set.is_empty()).then(|| &PROCESSES.0)
}

/// The operations of the document, with identifiers that name nothing.
async fn operations(client: &Client) -> Vec<(reqwest::Method, String)> {
    let document = send(client.raw(reqwest::Method::GET, "/openapi.json")).await.expect(200).body;
    let paths = document["paths"].as_object().expect("paths");
    let mut operations = Vec::new();
    for (path, methods) in paths {
        let named: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { NOBODY } else { part }).collect();
        for method in methods.as_object().expect("methods").keys() {
            operations.push((method.to_uppercase().parse().expect("a method"), named.join("/")));
        }
    }
    operations
}

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn every_operation_reaches_the_process_that_serves_it() {
    let Some(server) = processes() else { return };
    let client = Client::anonymous(server);
    let operations = operations(&client).await;
    assert!(operations.len() > 90, "{} operations", operations.len());
    let mut astray = Vec::new();
    for (method, path) in operations {
        let answer = send(client.raw(method.clone(), &path)).await;
        // A process answers so what it does not serve.
        if answer.body["code"] == "route_not_found" || answer.status >= 500 {
            astray.push(format!("{method} {path}: {} {}", answer.status, answer.text));
        }
    }
    assert!(astray.is_empty(), "{}", astray.join("\n"));
}

#[tokio::test]
async fn the_document_tells_of_the_whole_interface_whichever_process_gives_it() {
    let Some(server) = processes() else { return };
    let client = Client::anonymous(server);
    let document = send(client.raw(reqwest::Method::GET, "/openapi.json")).await.expect(200).body;
    let tags: BTreeSet<&str> =
        document["tags"].as_array().expect("tags").iter().filter_map(|tag| tag["name"].as_str()).collect();
    for tag in ["Session", "Patients", "Appointments", "Notifications"] {
        assert!(tags.contains(tag), "{tags:?}");
    }
    assert!(send(client.raw(reqwest::Method::GET, "/asyncapi.json")).await.expect(200).body["asyncapi"].is_string());
}

#[tokio::test]
async fn what_one_process_writes_another_shows_at_once() {
    let Some(server) = processes() else { return };
    let secretary = server.report.accounts.iter().find(|account| account.role == "secretary").expect("a secretary");
    let client = Client::anonymous(server).log_in(&secretary.email, &secretary.password).await;
    let patient = json!({"lastName": "Le Goff", "firstName": "Zoé", "birthDate": "1984-02-29", "gender": "female"});
    let patient = client.post("/patients", &patient).await.expect(201);
    let practitioners = client.get("/practitioners").await.expect(200);
    let doctor = practitioners.body["items"]
        .as_array()
        .and_then(|items| items.first())
        .map(|practitioner| practitioner["id"].clone())
        .expect("the demo has a doctor");
    let booking = json!({
        "patientId": patient.body["id"], "practitionerId": doctor, "date": "2037-03-02", "startTime": "09:00",
        "duration": 20, "type": "consultation", "title": "Consultation",
        "overrideAvailability": true, "justification": "Hors des horaires, pour l’essai",
    });
    let booked = client.post("/appointments", &booking).await.expect(201);
    let id = patient.body["id"].as_str().expect("an id");
    let of_patient = client.get(&format!("/patients/{id}/appointments")).await.expect(200);
    assert_eq!(of_patient.body["items"][0]["id"], booked.body["id"]);
    assert_eq!(client.get(&format!("/patients/{id}")).await.expect(200).body["lastName"], "Le Goff");
    let notices = client.get("/notifications").await.expect(200);
    assert!(notices.body["items"].is_array() && notices.body["items"] != Value::Null);
}
