//! The documents of the API, made from the state of an aggregate: in read models, in histories and in what auditors see
//! alike.

use domain::ids::{PatientId, StreamVersion};
use domain::patient::{Contact, Coverage, Identity, Patient};
use domain::personal::Revealed;
use domain::values::{CodeValue, PatientNumber, PatientStatus};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What a patient's document says of the patient, in the field names of the API. Fields without a value are left out, as is
/// `restricted` of a file that is open to all. Of a patient whose personal data was erased, number and status are left, and `forgotten` says so.
pub fn patient_fields(patient: &Patient) -> Result<Map<String, Value>, serde_json::Error> {
    let mut fields = Map::new();
    if let Some(number) = &patient.patient_number {
        fields.insert("patientNumber".to_owned(), serde_json::to_value(number)?);
        fields.insert("status".to_owned(), patient.status().code().into());
    }
    if patient.restricted {
        fields.insert("restricted".to_owned(), true.into());
    }
    if let Revealed::Value(identity) = &patient.identity {
        fields.append(&mut object(identity)?);
    } else if patient.is_registered() {
        fields.insert("forgotten".to_owned(), true.into());
    }
    if let Revealed::Value(contact) = &patient.contact {
        // The address is a part of the contact, and beside it in the document.
        let mut contact = object(contact)?;
        fields.extend(contact.remove("address").map(|address| ("address".to_owned(), address)));
        if !contact.is_empty() {
            fields.insert("contact".to_owned(), contact.into());
        }
    }
    if let Revealed::Value(coverage) = &patient.coverage {
        fields.append(&mut object(coverage)?);
    }
    Ok(fields)
}

/// The whole document of a patient at a version.
pub fn patient_document(
    patient: &Patient,
    id: PatientId,
    version: StreamVersion,
    created_at: Timestamp,
    updated_at: Timestamp,
) -> Result<Value, serde_json::Error> {
    let mut document = patient_fields(patient)?;
    document.insert("id".to_owned(), serde_json::to_value(id)?);
    document.insert("version".to_owned(), serde_json::to_value(version)?);
    document.insert("createdAt".to_owned(), serde_json::to_value(created_at)?);
    document.insert("updatedAt".to_owned(), serde_json::to_value(updated_at)?);
    Ok(document.into())
}

/// The patient of whom a document was made, so that a read model can take the next event up from its own row.
pub(crate) fn patient_of_document(document: &Value) -> Result<Patient, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Open {
        patient_number: PatientNumber,
        status: PatientStatus,
        #[serde(default)]
        restricted: bool,
        #[serde(default)]
        forgotten: bool,
    }
    let open = Open::deserialize(document)?;
    let (identity, contact, coverage) = if open.forgotten {
        (Revealed::Forgotten, Revealed::Forgotten, Revealed::Forgotten)
    } else {
        let mut contact = document.get("contact").and_then(Value::as_object).cloned().unwrap_or_default();
        contact.extend(document.get("address").map(|address| ("address".to_owned(), address.clone())));
        (
            Revealed::Value(Identity::deserialize(document)?),
            Revealed::Value(Contact::deserialize(Value::from(contact))?),
            Revealed::Value(Coverage::deserialize(document)?),
        )
    };
    let archived = match open.status {
        PatientStatus::Active => false,
        PatientStatus::Inactive => true,
    };
    let (patient_number, restricted) = (Some(open.patient_number), open.restricted);
    Ok(Patient { patient_number, archived, restricted, identity, contact, coverage })
}

fn object(part: &impl serde::Serialize) -> Result<Map<String, Value>, serde_json::Error> {
    match serde_json::to_value(part)? {
        Value::Object(fields) => Ok(fields),
        other => serde_json::from_value(other),
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
    fn nothing_personal_is_left_of_a_forgotten_patient() {
        let forgotten = Patient { patient_number: zoe().patient_number, ..Patient::default() };
        assert_eq!(
            Value::from(patient_fields(&forgotten).unwrap()),
            json!({"patientNumber": "P260001", "status": "active", "forgotten": true})
        );
    }
}
