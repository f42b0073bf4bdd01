//! A patient's document, as the API sends it and the row holds it; and the line that stands for the patient in lists.
//!
//! The state of the aggregate becomes a document here and nowhere else: for read models, answers to changes, histories and
//! auditors. The order of the fields is the order in which they are sent.

use domain::ids::{PatientId, StreamVersion};
use domain::patient::{Contact, Coverage, EmergencyContact, Identity, Patient};
use domain::personal::Revealed;
use domain::values::{
    Address, BirthDate, EmailAddress, FirstName, Gender, IdNumber, Ins, Insurance, LastName, Nationality,
    PatientNumber, PatientStatus, PhoneNumber,
};
use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

/// The whole document of a patient at a version.
pub fn patient_document(
    patient: &Patient,
    id: PatientId,
    version: StreamVersion,
    created_at: Timestamp,
    updated_at: Timestamp,
) -> Result<Box<RawValue>, serde_json::Error> {
    let (open, personal) = (Open::of(patient), Personal::of(patient));
    to_raw_value(&Document { id, open, version, created_at, updated_at, personal })
}

/// What a patient's document says of the patient, for histories: without the fields that every version changes.
pub fn patient_fields(patient: &Patient) -> Result<Map<String, Value>, serde_json::Error> {
    match serde_json::to_value(Fields { open: Open::of(patient), personal: Personal::of(patient) })? {
        Value::Object(fields) => Ok(fields),
        other => serde_json::from_value(other),
    }
}

/// The line of a patient in a list.
pub fn patient_line(
    patient: &Patient,
    id: PatientId,
    version: StreamVersion,
    updated_at: Timestamp,
) -> Result<Box<RawValue>, serde_json::Error> {
    let (identity, contact) = (patient.identity.value(), patient.contact.value());
    to_raw_value(&Line {
        id,
        open: Open::of(patient),
        version,
        updated_at,
        last_name: identity.map(|identity| &identity.last_name),
        first_name: identity.map(|identity| &identity.first_name),
        birth_date: identity.map(|identity| &identity.birth_date),
        gender: identity.map(|identity| identity.gender),
        phone: contact.and_then(|contact| contact.phone.as_ref()),
        email: contact.and_then(|contact| contact.email.as_ref()),
    })
}

/// The patient of whom a document was made, so that the read model can follow the next event from its own row.
pub(super) fn patient_of_document(document: &RawValue) -> Result<Patient, serde_json::Error> {
    serde_json::from_str::<Known>(document.get())?.into_patient()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    id: PatientId,
    #[serde(flatten)]
    open: Open<'a>,
    version: StreamVersion,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(flatten)]
    personal: Personal<'a>,
}

#[derive(Serialize)]
struct Fields<'a> {
    #[serde(flatten)]
    open: Open<'a>,
    #[serde(flatten)]
    personal: Personal<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    id: PatientId,
    #[serde(flatten)]
    open: Open<'a>,
    version: StreamVersion,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'a LastName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'a FirstName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    birth_date: Option<&'a BirthDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gender: Option<Gender>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a PhoneNumber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a EmailAddress>,
}

/// What is left of an erased patient.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Open<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    patient_number: Option<&'a PatientNumber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<PatientStatus>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    restricted: bool,
}

impl<'a> Open<'a> {
    fn of(patient: &'a Patient) -> Self {
        let patient_number = patient.patient_number.as_ref();
        Self { patient_number, status: patient_number.map(|_| patient.status()), restricted: patient.restricted }
    }
}

#[derive(Serialize)]
struct Personal<'a> {
    #[serde(flatten)]
    identity: Option<&'a Identity>,
    /// A part of the contact in the domain, and beside it in the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Reach<'a>>,
    #[serde(flatten)]
    coverage: Option<&'a Coverage>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    forgotten: bool,
}

#[derive(PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reach<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a PhoneNumber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a EmailAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emergency_contact: Option<&'a EmergencyContact>,
}

impl<'a> Personal<'a> {
    fn of(patient: &'a Patient) -> Self {
        let Patient { patient_number, archived: _, restricted: _, identity, contact, coverage } = patient;
        let (mut address, mut reach) = (None, None);
        if let Revealed::Value(Contact { address: lives, phone, email, emergency_contact }) = contact {
            address = Some(lives).filter(|address| !address.is_empty());
            let all =
                Reach { phone: phone.as_ref(), email: email.as_ref(), emergency_contact: emergency_contact.as_ref() };
            reach = Some(all).filter(|reach| *reach != Reach::default());
        }
        Self {
            identity: identity.value(),
            address,
            contact: reach,
            coverage: coverage.value(),
            forgotten: patient_number.is_some() && identity.value().is_none(),
        }
    }
}

/// A document as it is read back.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    patient_number: PatientNumber,
    status: PatientStatus,
    #[serde(default)]
    restricted: bool,
    #[serde(default)]
    forgotten: bool,
    last_name: Option<LastName>,
    first_name: Option<FirstName>,
    birth_date: Option<BirthDate>,
    gender: Option<Gender>,
    nationality: Option<Nationality>,
    id_number: Option<IdNumber>,
    ins: Option<Ins>,
    #[serde(default)]
    address: Address,
    #[serde(default)]
    contact: KnownReach,
    insurance: Option<Insurance>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KnownReach {
    phone: Option<PhoneNumber>,
    email: Option<EmailAddress>,
    emergency_contact: Option<EmergencyContact>,
}

impl Known {
    fn into_patient(self) -> Result<Patient, serde_json::Error> {
        let (identity, contact, coverage) = if self.forgotten {
            (Revealed::Forgotten, Revealed::Forgotten, Revealed::Forgotten)
        } else {
            let missing = serde_json::Error::missing_field;
            let KnownReach { phone, email, emergency_contact } = self.contact;
            (
                Revealed::Value(Identity {
                    last_name: self.last_name.ok_or_else(|| missing("lastName"))?,
                    first_name: self.first_name.ok_or_else(|| missing("firstName"))?,
                    birth_date: self.birth_date.ok_or_else(|| missing("birthDate"))?,
                    gender: self.gender.ok_or_else(|| missing("gender"))?,
                    nationality: self.nationality,
                    id_number: self.id_number,
                    ins: self.ins,
                }),
                Revealed::Value(Contact { address: self.address, phone, email, emergency_contact }),
                Revealed::Value(Coverage { insurance: self.insurance }),
            )
        };
        let archived = match self.status {
            PatientStatus::Active => false,
            PatientStatus::Inactive => true,
        };
        let (patient_number, restricted) = (Some(self.patient_number), self.restricted);
        Ok(Patient { patient_number, archived, restricted, identity, contact, coverage })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A patient of whom everything is known.
    pub(crate) fn zoe() -> Patient {
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

    #[test]
    fn a_document_has_the_fields_of_the_api() {
        assert_eq!(
            Value::from(patient_fields(&zoe()).unwrap()),
            json!({
                "patientNumber": "P260001", "status": "active",
                "lastName": "Moreau-Nguyễn", "firstName": "Zoé", "birthDate": "1980-03-12", "gender": "female",
                "nationality": "Française", "idNumber": "87654321B",
                "ins": {"matricule": "279035121518989", "oid": "1.2.250.1.213.1.4.10"},
                "address": {"street": "12 rue de la République", "city": "Brest", "postalCode": "29200", "country": "FR"},
                "contact": {
                    "phone": "+33612345678", "email": "Zoe.Moreau@exemple.fr",
                    "emergencyContact": {"name": "Ana Martín", "relationship": "Sœur", "phone": "+34620987654"},
                },
                "insurance": {"provider": "CPAM", "number": "SAN987654321", "type": "public"},
            })
        );
    }

    #[test]
    fn a_document_leads_back_to_the_patient() {
        let little_known = Patient { archived: true, contact: Revealed::Value(Contact::default()), ..zoe() };
        let forgotten = Patient { patient_number: zoe().patient_number, archived: true, ..Patient::default() };
        let restricted = Patient { restricted: true, ..zoe() };
        for patient in [zoe(), little_known, restricted, forgotten] {
            let id = PatientId(uuid::Uuid::nil());
            let document =
                patient_document(&patient, id, StreamVersion::from(3), Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
            assert_eq!(patient_of_document(&document.unwrap()).unwrap(), patient);
        }
    }

    #[test]
    fn a_document_is_written_in_the_order_of_the_api() {
        let (id, moment) = (PatientId(uuid::Uuid::nil()), Timestamp::UNIX_EPOCH);
        let restricted = Patient { restricted: true, ..zoe() };
        let document = patient_document(&restricted, id, StreamVersion::from(3), moment, moment).unwrap();
        let names = [
            "id",
            "patientNumber",
            "status",
            "restricted",
            "version",
            "createdAt",
            "updatedAt",
            "lastName",
            "firstName",
            "birthDate",
            "gender",
            "nationality",
            "idNumber",
            "ins",
            "matricule",
            "oid",
            "address",
            "street",
            "city",
            "postalCode",
            "country",
            "contact",
            "phone",
            "email",
            "emergencyContact",
            "name",
            "relationship",
            "phone",
            "insurance",
            "provider",
            "number",
            "type",
        ];
        let mut rest = document.get();
        for name in names {
            let (_, behind) = rest.split_once(&format!("\"{name}\":")).expect(name);
            rest = behind;
        }
        assert!(!rest.contains("\":"), "{rest}");
    }

    #[test]
    fn a_document_without_a_name_is_not_read_as_a_patient() {
        let nameless = r#"{"patientNumber":"P260001","status":"active"}"#.to_owned();
        let error = patient_of_document(&RawValue::from_string(nameless).unwrap()).unwrap_err();
        assert!(error.to_string().contains("lastName"), "{error}");
    }

    #[test]
    fn the_line_of_a_patient_says_who_they_are_and_how_to_reach_them() {
        let (id, version) = (PatientId(uuid::Uuid::nil()), StreamVersion::from(3));
        let line = patient_line(&zoe(), id, version, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(
            line.get(),
            concat!(
                r#"{"id":"00000000-0000-0000-0000-000000000000","patientNumber":"P260001","status":"active","version":3,"#,
                r#""updatedAt":"1970-01-01T00:00:00Z","lastName":"Moreau-Nguyễn","firstName":"Zoé","#,
                r#""birthDate":"1980-03-12","gender":"female","phone":"+33612345678","email":"Zoe.Moreau@exemple.fr"}"#
            )
        );
    }

    #[test]
    fn nothing_personal_is_left_of_a_forgotten_patient() {
        let forgotten = Patient { patient_number: zoe().patient_number, ..Patient::default() };
        assert_eq!(
            Value::from(patient_fields(&forgotten).unwrap()),
            json!({"patientNumber": "P260001", "status": "active", "forgotten": true})
        );
    }
}
