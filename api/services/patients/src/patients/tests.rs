use domain::ids::StreamVersion;
use domain::personal::Revealed;
use frame::written_json::declares;
use jiff::Timestamp;
use poem_openapi::types::ParseFromJSON;
use projections::patients::{PatientPage, patient_line};
use projections_engine::stored::Stored;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

/// A patient of whom everything is known.
fn zoe() -> Patient {
    serde_json::from_value(json!({
        "patientNumber": "P260001",
        "archived": false,
        "identity": {
            "lastName": "Moreau-Nguyễn", "firstName": "Zoé", "birthDate": "1980-03-12", "gender": "female",
            "nationality": "Française", "idNumber": "87654321B",
            "ins": {"matricule": "279035121518989", "oid": "1.2.250.1.213.1.4.10"},
        },
        "contact": {
            "address": {"street": "12 rue de la République", "city": "Brest", "postalCode": "29200", "country": "FR"},
            "phone": "+33612345678", "email": "Zoe.Moreau@exemple.fr",
            "emergencyContact": {"name": "Ana Martín", "relationship": "Sœur", "phone": "+34620987654"},
        },
        "coverage": {"insurance": {"provider": "CPAM", "number": "SAN987654321", "type": "public"}},
    }))
    .expect("a patient")
}

/// Patients of whom everything, little and nothing is known.
fn patients() -> [Patient; 4] {
    let restricted = Patient { restricted: true, archived: true, ..zoe() };
    let (contact, coverage) = (Revealed::Value(Default::default()), Revealed::Value(Default::default()));
    let little_known = Patient { contact, coverage, ..zoe() };
    let forgotten = Patient { patient_number: zoe().patient_number, archived: true, ..Patient::default() };
    [zoe(), restricted, little_known, forgotten]
}

const ID: PatientId = PatientId(Uuid::nil());

#[test]
fn a_stored_patient_is_the_document_that_the_api_declares() {
    let (version, moment) = (StreamVersion::from(3), Timestamp::UNIX_EPOCH);
    for patient in patients() {
        let stored = projections::patient_document(&patient, ID, version, moment, moment).unwrap();
        assert_eq!(declares::<PatientDocument>(stored.get()), Ok(()), "{stored}");
    }
}

#[test]
fn a_page_of_stored_lines_is_the_list_that_the_api_declares() {
    let version = StreamVersion::from(3);
    let line = |patient| patient_line(&patient, ID, version, Timestamp::UNIX_EPOCH).unwrap();
    let items: Vec<_> = patients().map(|patient| Stored { id: ID, version, document: line(patient) }).into();
    let page = PatientPage { items, total: 4, more_than_total: true, offset: 0, next: None };
    for next in [None, Cursor::of(&json!(7))] {
        let written = PatientListDocument::written(&page, next.as_ref()).unwrap();
        assert_eq!(declares::<PatientListDocument>(written.as_str()), Ok(()), "{}", written.as_str());
    }
}

#[test]
fn a_document_with_a_field_that_the_api_does_not_declare_is_told() {
    let stored =
        projections::patient_document(&zoe(), ID, StreamVersion::from(3), Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
    let mut document: Value = serde_json::from_str(stored.unwrap().get()).unwrap();
    document["shoeSize"] = json!(38);
    assert!(PatientDocument::parse_from_json(Some(document.clone())).is_ok());
    assert!(declares::<PatientDocument>(&document.to_string()).is_err());
}
