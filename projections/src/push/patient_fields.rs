//! No field of a patient gets lost on its way into the document and the push. The sample below sets every field there is:
//! it has no `..`, so a field that is added to the domain has to be added here, and is then looked for in both.

use domain::patient::{Contact, Coverage, EmergencyContact, Identity, PatientDetails, PatientEvent};
use domain::values::{
    Address, BirthDate, City, CountryCode, EmailAddress, FirstName, Gender, IdNumber, Ins, InsAuthority, Insurance,
    InsuranceKind, InsuranceNumber, InsuranceProvider, LastName, Nationality, Nir, PatientNumber, PersonName,
    PhoneNumber, PostalCode, Relationship, StreetLine, TextValue,
};
use projections_engine::history::differences;
use serde_json::Value;

use super::tests::recorded;
use super::*;
use crate::patients::patient_fields;

fn text<T: TextValue>(text: &str) -> T {
    T::parse(text).unwrap_or_else(|_| panic!("{text}"))
}

fn everything() -> PatientDetails {
    PatientDetails {
        identity: Identity {
            last_name: text::<LastName>("Moreau-Nguyễn"),
            first_name: text::<FirstName>("Zoé"),
            birth_date: text::<BirthDate>("1980-03-12"),
            gender: Gender::Female,
            nationality: Some(text::<Nationality>("Française")),
            id_number: Some(text::<IdNumber>("87654321B")),
            ins: Some(Ins { matricule: text::<Nir>("279035121518989"), authority: InsAuthority::Test }),
        },
        contact: Contact {
            address: Address {
                street: Some(text::<StreetLine>("12 rue de la République")),
                city: Some(text::<City>("Brest")),
                postal_code: Some(text::<PostalCode>("29200")),
                country: Some(text::<CountryCode>("FR")),
            },
            phone: Some(text::<PhoneNumber>("+33612345678")),
            email: Some(text::<EmailAddress>("Zoe.Moreau@exemple.fr")),
            emergency_contact: Some(EmergencyContact {
                name: text::<PersonName>("Ana Martín"),
                relationship: Some(text::<Relationship>("Sœur")),
                phone: Some(text::<PhoneNumber>("+34620987654")),
            }),
        },
        coverage: Coverage {
            insurance: Some(Insurance {
                provider: text::<InsuranceProvider>("CPAM"),
                number: Some(text::<InsuranceNumber>("SAN987654321")),
                kind: Some(InsuranceKind::Public),
            }),
        },
    }
}

/// Another value of each field that is always there, by its path in the details.
const OTHERS: [(&str, &str); 8] = [
    ("/identity/lastName", "Le Goff"),
    ("/identity/firstName", "Anaïs"),
    ("/identity/birthDate", "1981-03-12"),
    ("/identity/gender", "other"),
    ("/identity/ins/matricule", "279035121518890"),
    ("/identity/ins/oid", "1.2.250.1.213.1.4.8"),
    ("/contact/emergencyContact/name", "Zoé Martín"),
    ("/coverage/insurance/provider", "MGEN"),
];

/// The paths of all values that hold no further ones.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value.as_object() {
        Some(fields) => fields.iter().for_each(|(name, value)| leaves(value, &format!("{path}/{name}"), found)),
        None => found.push(path.to_owned()),
    }
}

/// The same details with another value at this path, or with none.
fn without(details: &PatientDetails, path: &str) -> PatientDetails {
    let mut changed = serde_json::to_value(details).unwrap();
    let (parent, name) = path.rsplit_once('/').unwrap();
    let parent = changed.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match OTHERS.iter().find(|(known, _)| *known == path) {
        Some((_, other)) => parent.insert(name.to_owned(), (*other).into()),
        None => parent.remove(name),
    };
    serde_json::from_value(changed)
        .unwrap_or_else(|error| panic!("{path} can be neither left out nor changed: {error}"))
}

fn patient(details: &PatientDetails) -> Patient {
    let PatientDetails { identity, contact, coverage } = details.clone();
    Patient {
        patient_number: Some(text::<PatientNumber>("P260001")),
        identity: Revealed::Value(identity),
        contact: Revealed::Value(contact),
        coverage: Revealed::Value(coverage),
        ..Patient::default()
    }
}

/// The paths in the document by which two patients differ.
fn differ(one: &PatientDetails, other: &PatientDetails) -> Vec<String> {
    let document = |details| Value::from(patient_fields(&patient(details)).unwrap());
    differences(&document(one), &document(other)).into_iter().map(|change| change.field).collect()
}

fn pushed(event: &PatientEvent) -> Vec<String> {
    let Ok(Value::Object(tagged)) = serde_json::to_value(event) else { panic!("an event is a tagged object") };
    let (event_type, payload) = tagged.into_iter().next().unwrap();
    match frame(&recorded("patient", &event_type, payload)).unwrap().push {
        Push::PatientUpdated { fields_changed, .. } => fields_changed,
        other => panic!("{other:?}"),
    }
}

/// Whether one of the names is the path, or of what it is a part.
fn named(names: &[String], path: &str) -> bool {
    names
        .iter()
        .any(|name| path.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

#[test]
fn every_field_of_a_patient_is_in_the_document_and_named_by_the_push() {
    let everything = everything();
    let mut paths = Vec::new();
    leaves(&serde_json::to_value(&everything).unwrap(), "", &mut paths);
    assert!(paths.len() > OTHERS.len(), "{paths:?}");
    let registered = pushed(&PatientEvent::PatientRegistered {
        patient_number: text("P260001"),
        confirmed_distinct: false,
        personal: Revealed::Value(everything.clone()),
    });
    for path in paths {
        let changed = without(&everything, &path);
        let shown = differ(&everything, &changed);
        let [shown] = shown.as_slice() else { panic!("{path} is not one field of the document: {shown:?}") };
        assert!(named(&registered, shown), "{shown} is not named when a patient is registered: {registered:?}");

        let mut names = Vec::new();
        let PatientDetails { identity, contact, coverage } = changed;
        let fields_changed = identity_changes(Some(&everything.identity), &identity);
        let personal = Revealed::Value(identity);
        names.extend(pushed(&PatientEvent::PatientIdentityCorrected {
            fields_changed,
            confirmed_distinct: false,
            personal,
        }));
        let fields_changed = contact_changes(Some(&everything.contact), &contact);
        let personal = Revealed::Value(contact);
        names.extend(pushed(&PatientEvent::PatientContactChanged { fields_changed, personal }));
        let fields_changed = insurance_changes(Some(&everything.coverage), &coverage);
        let personal = Revealed::Value(coverage);
        names.extend(pushed(&PatientEvent::PatientInsuranceChanged { fields_changed, personal }));
        assert_eq!(names.len(), 1, "{path}: {names:?}");
        assert!(named(&names, shown), "{shown} is not named when it changes: {names:?}");
    }
}

#[test]
fn a_registration_names_no_field_that_is_not_set() {
    let PatientDetails { identity, .. } = everything();
    let identity = Identity { nationality: None, id_number: None, ins: None, ..identity };
    let little = PatientDetails { identity, contact: Contact::default(), coverage: Coverage::default() };
    let registered = PatientEvent::PatientRegistered {
        patient_number: text("P260001"),
        confirmed_distinct: false,
        personal: Revealed::Value(little),
    };
    assert_eq!(pushed(&registered), ["patientNumber", "status", "lastName", "firstName", "birthDate", "gender"]);
}
