//! Patients: the document, the line of the list, what they are found by, and how many there are.

use domain::patient::Patient;
use projections::patients::Patients;
use serde_json::{Value, json};
use system_tests::given::given;

use crate::{YANN, ZOE};

fn registered(number: &str, last_name: &str, first_name: &str) -> Value {
    json!({
        "patientNumber": number, "confirmedDistinct": false,
        "personal": {
            "identity": {"lastName": last_name, "firstName": first_name, "birthDate": "1984-02-29", "gender": "female"},
            "contact": {"phone": "+33261910012"}, "coverage": {},
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_patient_has_the_document_and_the_line_that_are_sent() {
    given(Patients)
        .event::<Patient>(ZOE, "PatientRegistered", registered("P260001", "Le Goff", "Zoé"))
        .then([
            (
                "patients",
                "name, last_name_key, first_name_key, codes, version, position",
                json!([["Zoé Le Goff", "le goff", "zoe", " p260001 1984-02-29 0261910012", 1, 1],]),
            ),
            (
                "patients",
                "document",
                json!([[{
                    "id": ZOE, "patientNumber": "P260001", "status": "active", "version": 1,
                    "createdAt": "2026-11-02T08:01:00Z", "updatedAt": "2026-11-02T08:01:00Z",
                    "lastName": "Le Goff", "firstName": "Zoé", "birthDate": "1984-02-29", "gender": "female",
                    "contact": {"phone": "+33261910012"},
                }]]),
            ),
            (
                "patients",
                "summary",
                json!([[{
                    "id": ZOE, "patientNumber": "P260001", "status": "active", "version": 1,
                    "updatedAt": "2026-11-02T08:01:00Z",
                    "lastName": "Le Goff", "firstName": "Zoé", "birthDate": "1984-02-29", "gender": "female",
                    "phone": "+33261910012",
                }]]),
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_shown_with_its_time_and_without_what_is_known_no_more() {
    let contact = json!({"fieldsChanged": ["contact.phone", "contact.email"], "personal": {"email": "zoe@exemple.fr"}});
    given(Patients)
        .event::<Patient>(ZOE, "PatientRegistered", registered("P260001", "Le Goff", "Zoé"))
        .event::<Patient>(ZOE, "PatientContactChanged", contact)
        .then([
            (
                "patients",
                "codes, document -> 'contact'",
                json!([
                    [" p260001 1984-02-29 zoe@exemple.fr", {"email": "zoe@exemple.fr"}],
                ]),
            ),
            (
                "patients",
                "version, document ->> 'createdAt', document ->> 'updatedAt'",
                json!([[2, "2026-11-02T08:01:00Z", "2026-11-02T08:02:00Z"],]),
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_patient_is_counted_and_found_among_the_archived() {
    given(Patients)
        .event::<Patient>(ZOE, "PatientRegistered", registered("P260001", "Le Goff", "Zoé"))
        .event::<Patient>(YANN, "PatientRegistered", registered("P260002", "Li", "Yann"))
        .event::<Patient>(ZOE, "PatientArchived", json!({}))
        .then([
            ("patients", "status, name", json!([["active", "Yann Li"], ["inactive", "Zoé Le Goff"]])),
            (
                "patient_counts",
                "status, prefix, patients",
                json!([
                    ["active", "l", 1],
                    ["active", "li\u{1}", 1],
                    ["inactive", "l", 1],
                    ["inactive", "le ", 1],
                    ["inactive", "le go", 1],
                ]),
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_erased_patient_number_and_status_are_left() {
    let erased = json!({"patientNumber": "P260001", "confirmedDistinct": false});
    given(Patients)
        .event::<Patient>(ZOE, "PatientRegistered", erased)
        .event::<Patient>(ZOE, "PatientRestricted", json!({}))
        .then([
            (
                "patients",
                "name, codes, document",
                json!([[null, " p260001", {
                    "id": ZOE, "patientNumber": "P260001", "status": "active", "restricted": true, "version": 2,
                    "createdAt": "2026-11-02T08:01:00Z", "updatedAt": "2026-11-02T08:02:00Z", "forgotten": true,
                }]]),
            ),
            (
                "patients",
                "summary",
                json!([[{
                    "id": ZOE, "patientNumber": "P260001", "status": "active", "restricted": true, "version": 2,
                    "updatedAt": "2026-11-02T08:02:00Z",
                }]]),
            ),
            (
                "patient_terms",
                "patient_id, replace(place, E'\\x01', '|')",
                json!([[ZOE, "a|#p260001| \u{10FFFF}| \u{10FFFF}"]]),
            ),
        ])
        .await;
}
