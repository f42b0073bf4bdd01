//! The auditor's program on a running server.

use std::process::{Command, Output};

use serde_json::{Value, json};
use system_tests::practice::{Practice, patient};
use system_tests::server::{Server, program};

fn replay(arguments: &[&str]) -> Output {
    Command::new(program("medicalpro-replay"))
        .arg("--data-dir")
        .arg(&Server::shared().data_dir)
        .args(arguments)
        .output()
        .unwrap()
}

fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_sees_every_version_and_the_patient_as_of_any_of_them() {
    let practice = Practice::new().await;
    let registered = practice.register("Le Goff", "Zoé").await;
    let (id, number) = (registered["id"].as_str().unwrap(), registered["patientNumber"].as_str().unwrap());
    let mut corrected = patient("Le Goff", "Zoë");
    corrected["reason"] = json!("Pièce d'identité présentée");
    practice.secretary().put(&format!("/patients/{id}"), &corrected).await.expect(200);
    let facility = practice.facility_id.to_string();

    let text = succeeded(replay(&["history", "--patient", id]));
    for expected in
        ["PatientRegistered", "PatientIdentityCorrected", "firstName", "Zoé", "Zoë", "Pièce d'identité", "secretary"]
    {
        assert!(text.contains(expected), "{expected} is missing:\n{text}");
    }
    let by_number = succeeded(replay(&["history", "--patient", number, "--facility", &facility]));
    assert_eq!(by_number, text);

    let json: Value =
        serde_json::from_str(&succeeded(replay(&["history", "--patient", id, "--format", "json"]))).unwrap();
    assert!(json.to_string().contains("PatientIdentityCorrected"));
    let lines = succeeded(replay(&["history", "--patient", id, "--format", "ndjson"]));
    assert_eq!(lines.lines().count(), 2);
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));

    let then = succeeded(replay(&["as-of", "--patient", id, "--version", "1", "--format", "json"]));
    assert!(then.contains("Zoé") && !then.contains("Zoë"), "{then}");
    let now = jiff::Timestamp::now().to_string();
    let now = succeeded(replay(&["as-of", "--patient", id, "--at", &now, "--format", "json"]));
    assert!(now.contains("Zoë"), "{now}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_nobody_is_told_so() {
    let practice = Practice::new().await;
    practice.register("Le Goff", "Zoé").await;
    let unknown = replay(&["history", "--patient", "0198a000-0000-7000-8000-000000000001"]);
    assert_eq!(unknown.status.code(), Some(3));
    let usage = replay(&["history", "--patient", "neither an id nor a number"]);
    assert_eq!(usage.status.code(), Some(2));
}
