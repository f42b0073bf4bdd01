//! Files whose clinical part is opened for a declared reason only.

use commands::{CommandContext, Registration};
use domain::ids::PatientId;
use domain::patient::{Contact, Coverage, Identity, PatientCommand, PatientDetails};
use domain::values::{BirthDate, FirstName, Gender, LastName, Reason, TextValue};
use projections::patients::{PageStart, PatientFilter, PatientQueries, patient_history};
use serde_json::Value;

use super::Practice;

#[tokio::test(flavor = "multi_thread")]
async fn a_restricted_file_shows_it_in_its_document_in_lists_and_in_its_history() {
    let practice = Practice::new().await;
    let details = PatientDetails {
        identity: Identity {
            last_name: LastName::parse("Le Goff").unwrap(),
            first_name: FirstName::parse("Zoé").unwrap(),
            birth_date: BirthDate::parse("1984-02-29").unwrap(),
            gender: Gender::Female,
            nationality: None,
            id_number: None,
            ins: None,
        },
        contact: Contact::default(),
        coverage: Coverage::default(),
    };
    let registration = Registration { details, confirm_distinct: false, reason: None };
    let patient = practice.commands.register_patient(&registration, &practice.context()).await.unwrap().id;

    let queries = PatientQueries::new(practice.log.database().clone());
    let shown = async || {
        practice.shown().await;
        let stored = queries.get(practice.facility, PatientId(patient)).await.unwrap().expect("the patient");
        let document: Value = stored.parse().unwrap();
        let mut listed = Vec::new();
        for (search, start) in [(None, PageStart::Number(1)), (Some("goff".to_owned()), PageStart::Number(1))] {
            let filter = PatientFilter { search, ..PatientFilter::active() };
            let page = queries.list(practice.facility, &filter, &start, 10).await.unwrap();
            let lines = page.items.iter().map(|line| line.parse::<Value>().unwrap());
            listed.extend(lines.map(|line| line.get("restricted").is_some()));
        }
        (document.get("restricted").cloned(), listed)
    };
    assert_eq!(shown().await, (None, vec![false, false]));

    let reason = Reason::parse("Une collègue du cabinet").unwrap();
    let context = CommandContext { reason: Some(reason.as_str().to_owned()), ..practice.context() };
    let restrict = PatientCommand::RestrictPatient { reason: Some(reason.clone()) };
    practice.commands.change_patient(patient, &restrict, &context).await.expect("restricted");
    assert_eq!(shown().await, (Some(true.into()), vec![true, true]));
    let lift = PatientCommand::UnrestrictPatient { reason: Some(reason) };
    practice.commands.change_patient(patient, &lift, &context).await.expect("opened");
    assert_eq!(shown().await, (None, vec![false, false]));

    let history = patient_history(&practice.log, Some(practice.facility), PatientId(patient)).await.unwrap().unwrap();
    let restricted = &history[1];
    assert_eq!(
        (restricted.event_type.as_str(), restricted.reason.as_deref()),
        ("PatientRestricted", context.reason.as_deref())
    );
    assert_eq!((restricted.changes[0].field.as_str(), &restricted.changes[0].to), ("restricted", &Some(true.into())));

    // Why it is restricted may say who the patient is: it stands with the personal content.
    let owner = practice.house.owner_client().await;
    for row in owner.query("SELECT e::text FROM log.events e", &[]).await.unwrap() {
        assert!(!row.get::<_, String>(0).contains("coll"));
    }
}
