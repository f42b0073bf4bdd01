use cqrs_es::test::TestFramework;
use jiff::civil::date;

use super::*;
use crate::event::LoggedEvent;
use crate::reservation::{KeyKind, Reservation, UniqueKey};
use crate::testing::ThenNothing;
use crate::values::{
    Address, BirthDate, FirstName, Gender, Ins, InsAuthority, Insurance, LastName, Nir, PhoneNumber, Reason, TextValue,
};

type PatientTest = TestFramework<Patient>;

fn on_a_day_in_2026() -> Circumstances {
    Circumstances { now: jiff::Timestamp::UNIX_EPOCH, today: date(2026, 11, 22) }
}

fn number() -> PatientNumber {
    PatientNumber::new(2026, 2)
}

fn details(last_name: &str, first_name: &str, birth_date: &str) -> PatientDetails {
    PatientDetails {
        identity: Identity {
            last_name: LastName::parse(last_name).unwrap(),
            first_name: FirstName::parse(first_name).unwrap(),
            birth_date: BirthDate::parse(birth_date).unwrap(),
            gender: Gender::Female,
            nationality: None,
            id_number: None,
            ins: None,
        },
        contact: Contact::default(),
        coverage: Coverage::default(),
    }
}

fn zoe() -> PatientDetails {
    details("Le Goff", "Zoé", "1984-02-29")
}

fn reason() -> Option<Reason> {
    Some(Reason::parse("Pièce d'identité présentée").unwrap())
}

fn register(details: PatientDetails) -> PatientCommand {
    PatientCommand::RegisterPatient { patient_number: number(), details, confirm_distinct: false, reason: None }
}

fn registered(details: PatientDetails) -> PatientEvent {
    PatientEvent::PatientRegistered {
        patient_number: number(),
        confirmed_distinct: false,
        personal: Revealed::Value(details),
    }
}

fn revise(details: PatientDetails, reason: Option<Reason>) -> PatientCommand {
    PatientCommand::RevisePatient { details, confirm_distinct: false, reason }
}

fn refused(field: &str, rule: &'static str, outcome: Result<Vec<PatientEvent>, PatientError>) {
    let Err(PatientError::Invalid(violations)) = outcome else { panic!("the command was not refused") };
    assert_eq!(violations.iter().map(|v| (v.field.as_str(), v.rule)).collect::<Vec<_>>(), [(field, rule)]);
}

#[test]
fn a_patient_is_registered() {
    PatientTest::with(on_a_day_in_2026())
        .given_no_previous_events()
        .when(register(zoe()))
        .then_expect_events(vec![registered(zoe())]);
}

#[test]
fn a_patient_is_registered_once() {
    PatientTest::with(on_a_day_in_2026())
        .given(vec![registered(zoe())])
        .when(register(zoe()))
        .then_expect_error(PatientError::AlreadyRegistered);
}

#[test]
fn nobody_is_born_tomorrow() {
    let tomorrow = details("Le Goff", "Zoé", "2026-11-23");
    let outcome =
        PatientTest::with(on_a_day_in_2026()).given_no_previous_events().when(register(tomorrow)).inspect_result();
    refused("birthDate", "birth_date_future", outcome);
}

#[test]
fn a_registration_beside_a_likely_duplicate_needs_a_reason() {
    let command = PatientCommand::RegisterPatient {
        patient_number: number(),
        details: zoe(),
        confirm_distinct: true,
        reason: None,
    };
    let outcome = PatientTest::with(on_a_day_in_2026()).given_no_previous_events().when(command).inspect_result();
    refused("reason", "reason_required", outcome);
}

#[test]
fn a_correction_of_the_identity_names_the_fields_and_needs_a_reason() {
    let corrected = details("Le Goff", "Zoë", "1984-02-28");
    let given = || PatientTest::with(on_a_day_in_2026()).given(vec![registered(zoe())]);
    refused("reason", "reason_required", given().when(revise(corrected.clone(), None)).inspect_result());
    given().when(revise(corrected.clone(), reason())).then_expect_events(vec![
        PatientEvent::PatientIdentityCorrected {
            fields_changed: vec!["firstName".to_owned(), "birthDate".to_owned()],
            confirmed_distinct: false,
            personal: Revealed::Value(corrected.identity),
        },
    ]);
}

#[test]
fn a_change_of_contact_needs_no_reason_and_leaves_the_rest_alone() {
    let mut moved = zoe();
    moved.contact.phone = Some(PhoneNumber::parse("06 12 34 56 78").unwrap());
    PatientTest::with(on_a_day_in_2026())
        .given(vec![registered(zoe())])
        .when(revise(moved.clone(), None))
        .then_expect_events(vec![PatientEvent::PatientContactChanged {
            fields_changed: vec!["contact.phone".to_owned()],
            personal: Revealed::Value(moved.contact),
        }]);
}

/// The example that the type itself gives.
fn example<T: TextValue>() -> T {
    T::parse(T::EXAMPLE).unwrap()
}

#[test]
fn each_part_of_the_identity_that_differs_is_named_by_itself() {
    let before = zoe().identity;
    assert_eq!(identity_changes(Some(&before), &before), Vec::<String>::new());
    for (field, after) in [
        ("lastName", Identity { last_name: LastName::parse("Riou").unwrap(), ..before.clone() }),
        ("firstName", Identity { first_name: FirstName::parse("Maï").unwrap(), ..before.clone() }),
        ("birthDate", Identity { birth_date: BirthDate::parse("1984-03-01").unwrap(), ..before.clone() }),
        ("gender", Identity { gender: Gender::Male, ..before.clone() }),
        ("nationality", Identity { nationality: Some(example()), ..before.clone() }),
        ("idNumber", Identity { id_number: Some(example()), ..before.clone() }),
        ("ins", Identity { ins: Some(made_up_ins()), ..before.clone() }),
    ] {
        assert_eq!(identity_changes(Some(&before), &after), [field]);
    }
    assert_eq!(identity_changes(None, &before).len(), 7, "all of it, if the former one is forgotten");
}

#[test]
fn each_part_of_contact_and_insurance_that_differs_is_named_by_itself() {
    let before = Contact::default();
    let emergency_contact = EmergencyContact { name: example(), relationship: None, phone: None };
    for (field, after) in [
        ("address", Contact { address: Address { city: Some(example()), ..Address::default() }, ..before.clone() }),
        ("contact.phone", Contact { phone: Some(example()), ..before.clone() }),
        ("contact.email", Contact { email: Some(example()), ..before.clone() }),
        ("contact.emergencyContact", Contact { emergency_contact: Some(emergency_contact), ..before.clone() }),
    ] {
        assert_eq!(contact_changes(Some(&before), &after), [field]);
    }
    assert_eq!(contact_changes(None, &before).len(), 4, "all of it, if the former one is forgotten");
    let insured = Coverage { insurance: Some(Insurance { provider: example(), number: None, kind: None }) };
    assert_eq!(insurance_changes(Some(&Coverage::default()), &insured), ["insurance"]);
    assert_eq!(insurance_changes(Some(&insured), &insured), Vec::<String>::new());
    assert_eq!(insurance_changes(None, &Coverage::default()), ["insurance"]);
}

#[test]
fn a_change_of_insurance_needs_no_reason() {
    let mut insured = zoe();
    insured.coverage.insurance = Some(Insurance { provider: example(), number: None, kind: None });
    PatientTest::with(on_a_day_in_2026())
        .given(vec![registered(zoe())])
        .when(revise(insured.clone(), None))
        .then_expect_events(vec![PatientEvent::PatientInsuranceChanged {
            fields_changed: vec!["insurance".to_owned()],
            personal: Revealed::Value(insured.coverage),
        }]);
}

#[test]
fn a_revision_that_changes_nothing_is_no_event() {
    PatientTest::with(on_a_day_in_2026())
        .given(vec![registered(zoe())])
        .when(revise(zoe(), None))
        .then_nothing_happened();
}

#[test]
fn an_archived_patient_is_restored_before_anything_is_changed() {
    let archived =
        || PatientTest::with(on_a_day_in_2026()).given(vec![registered(zoe()), PatientEvent::PatientArchived {}]);
    archived().when(revise(zoe(), None)).then_expect_error(PatientError::Archived);
    archived().when(PatientCommand::ArchivePatient).then_expect_error(PatientError::Archived);
    archived().when(PatientCommand::RestorePatient).then_expect_events(vec![PatientEvent::PatientRestored {}]);
}

#[test]
fn only_an_archived_patient_is_restored() {
    PatientTest::with(on_a_day_in_2026())
        .given(vec![registered(zoe())])
        .when(PatientCommand::RestorePatient)
        .then_expect_error(PatientError::NotArchived);
}

#[test]
fn nothing_happens_to_a_patient_who_was_never_registered() {
    let commands = [
        revise(zoe(), None),
        PatientCommand::ArchivePatient,
        PatientCommand::RestorePatient,
        PatientCommand::RestrictPatient { reason: reason() },
        PatientCommand::UnrestrictPatient { reason: reason() },
    ];
    for command in commands {
        PatientTest::with(on_a_day_in_2026())
            .given_no_previous_events()
            .when(command)
            .then_expect_error(PatientError::NotRegistered);
    }
}

#[test]
fn a_file_is_restricted_and_opened_again_for_a_reason() {
    let given = |events| PatientTest::with(on_a_day_in_2026()).given(events);
    let restricted = || vec![registered(zoe()), PatientEvent::PatientArchived {}, PatientEvent::PatientRestricted {}];
    let restrict = |reason| PatientCommand::RestrictPatient { reason };
    let lift = |reason| PatientCommand::UnrestrictPatient { reason };

    refused("reason", "reason_required", given(vec![registered(zoe())]).when(restrict(None)).inspect_result());
    refused("reason", "reason_required", given(restricted()).when(lift(None)).inspect_result());
    let events = vec![PatientEvent::PatientRestricted {}];
    given(vec![registered(zoe())]).when(restrict(reason())).then_expect_events(events);
    given(restricted()).when(lift(reason())).then_expect_events(vec![PatientEvent::PatientUnrestricted {}]);

    given(restricted()).when(restrict(reason())).then_expect_error(PatientError::AlreadyRestricted);
    given(vec![registered(zoe())]).when(lift(reason())).then_expect_error(PatientError::NotRestricted);
}

fn keys(event: &PatientEvent, wanted: KeyKind) -> Vec<UniqueKey> {
    let found = event.reservations().into_iter().find_map(|reservation| match reservation {
        Reservation::Keys { kind, keys } if kind == wanted => Some(keys),
        Reservation::Keys { .. } | Reservation::Times { .. } => None,
    });
    found.unwrap_or_default()
}

#[test]
fn names_that_differ_in_case_and_accents_alone_are_a_likely_duplicate() {
    let key = |details| keys(&registered(details), KeyKind::PatientIdentity);
    assert_eq!(key(zoe()), key(details("LE  GOFF", "zoe", "1984-02-29")));
    assert_ne!(key(zoe()), key(details("Le Goff", "Zoé", "1984-02-28")));
    assert_ne!(key(zoe()), key(details("Le", "Goff Zoé", "1984-02-29")));
}

#[test]
fn a_confirmed_distinct_patient_shares_the_key() {
    let distinct = PatientEvent::PatientRegistered {
        patient_number: number(),
        confirmed_distinct: true,
        personal: Revealed::Value(zoe()),
    };
    assert!(keys(&distinct, KeyKind::PatientIdentity)[0].shared);
    assert!(!keys(&distinct, KeyKind::PatientNumber)[0].shared);
}

#[test]
fn an_ins_that_is_taken_away_is_free_again() {
    let mut with_ins = zoe();
    with_ins.identity.ins = Some(made_up_ins());
    assert_eq!(keys(&registered(with_ins), KeyKind::PatientIns).len(), 1);
    let corrected = PatientEvent::PatientIdentityCorrected {
        fields_changed: vec!["ins".to_owned()],
        confirmed_distinct: false,
        personal: Revealed::Value(zoe().identity),
    };
    assert_eq!(keys(&corrected, KeyKind::PatientIns), []);
    assert!(corrected.reservations().iter().any(|r| matches!(r, Reservation::Keys { kind: KeyKind::PatientIns, .. })));
}

#[test]
fn one_matricule_of_two_authorities_is_two_identities() {
    let key = |ins: Ins| {
        let mut details = zoe();
        details.identity.ins = Some(ins);
        keys(&registered(details), KeyKind::PatientIns).remove(0).value
    };
    let (test, demonstration) = (made_up_ins(), Ins { authority: InsAuthority::Demonstration, ..made_up_ins() });
    let other = Ins { matricule: Nir::parse(Nir::EXAMPLE).unwrap(), ..made_up_ins() };
    assert_eq!(key(test.clone()), key(made_up_ins()));
    assert_ne!(key(test.clone()), key(demonstration));
    assert_ne!(key(test), key(other));
}

fn made_up_ins() -> Ins {
    let body: u64 = 2_840_275_123_456;
    let key = 97 - body % 97;
    Ins::parse(&format!("{body}{key:02}"), "1.2.250.1.213.1.4.10").unwrap()
}

#[test]
fn a_file_is_the_patients_own_data() {
    let id = Uuid::from_u128(7);
    assert_eq!(Patient::default().subject(id), Some(SubjectId(id)));
}

#[test]
fn a_forgotten_patient_still_folds() {
    let mut patient = Patient::default();
    for event in [
        PatientEvent::PatientRegistered {
            patient_number: number(),
            confirmed_distinct: false,
            personal: Revealed::Forgotten,
        },
        PatientEvent::PatientArchived {},
    ] {
        patient.apply(event);
    }
    assert_eq!(patient.patient_number, Some(number()));
    assert_eq!(patient.identity, Revealed::Forgotten);
    assert_eq!(patient.status(), PatientStatus::Inactive);
}

#[test]
fn each_refusal_says_which_kind_it_is() {
    let not_now = |sentence: &str| Refusal::NotNow(sentence.to_owned());
    let broken = vec![RuleBroken::new("rule", "The rule.").at("field")];
    let table = [
        (PatientError::NotRegistered, Refusal::NotThere),
        (PatientError::AlreadyRegistered, not_now("The patient is already registered.")),
        (PatientError::Archived, not_now("The patient is archived.")),
        (PatientError::NotArchived, not_now("The patient is not archived.")),
        (PatientError::AlreadyRestricted, not_now("The patient is already restricted.")),
        (PatientError::NotRestricted, not_now("The patient is not restricted.")),
        (PatientError::Invalid(broken.clone()), Refusal::Invalid(broken)),
    ];
    for (error, refusal) in table {
        assert_eq!(error.clone().refusal(), refusal, "{error:?}");
    }
}
