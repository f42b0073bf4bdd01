use std::slice::from_ref;

use cqrs_es::test::TestFramework;
use jiff::civil::date;

use super::*;
use crate::refusal::{Refusal, Refused};
use crate::role::{Access, Area};
use crate::testing::ThenNothing;
use crate::values::{FacilityName, Finess, Label, RuleBroken, TextValue};

fn today() -> Circumstances {
    Circumstances { now: jiff::Timestamp::UNIX_EPOCH, today: date(1970, 1, 1) }
}

fn open(time_zone: &str) -> FacilityCommand {
    FacilityCommand::OpenFacility {
        name: FacilityName::parse("Cabinet du Port").expect("a valid name"),
        finess: None,
        time_zone: time_zone.to_owned(),
    }
}

fn opened(time_zone: &str) -> FacilityEvent {
    FacilityEvent::FacilityOpened {
        name: FacilityName::parse("Cabinet du Port").expect("a valid name"),
        finess: None,
        time_zone: time_zone.to_owned(),
    }
}

#[test]
fn a_practice_is_opened_with_its_time_zone() {
    TestFramework::<Facility>::with(today())
        .given_no_previous_events()
        .when(open("Indian/Reunion"))
        .then_expect_events(vec![opened("Indian/Reunion")]);
}

#[test]
fn a_practice_is_as_it_was_opened() {
    let finess = Some(Finess::parse("750712184").expect("a valid number"));
    let name = FacilityName::parse("Cabinet du Port").expect("a valid name");
    let mut practice = Facility::default();
    assert!(!practice.is_open());
    let time_zone = "Europe/Paris".to_owned();
    practice.apply(FacilityEvent::FacilityOpened { name, finess: finess.clone(), time_zone: time_zone.clone() });
    assert!(practice.is_open());
    assert_eq!((practice.name.as_str(), practice.finess, practice.time_zone), ("Cabinet du Port", finess, time_zone));
    assert_eq!(Facility::default().subject(Uuid::nil()), None, "a practice is nobody's data");
}

#[test]
fn a_practice_is_opened_once() {
    TestFramework::<Facility>::with(today())
        .given(vec![opened("Europe/Paris")])
        .when(open("Europe/Paris"))
        .then_expect_error(FacilityError::AlreadyOpen);
}

#[test]
fn a_time_zone_that_does_not_exist_is_refused() {
    TestFramework::<Facility>::with(today())
        .given_no_previous_events()
        .when(open("Europe/Atlantis"))
        .then_expect_error(FacilityError::UnknownTimeZone);
}

fn refused(outcome: Result<Vec<FacilityEvent>, FacilityError>) -> Vec<(String, &'static str)> {
    let Err(FacilityError::Invalid(violations)) = outcome else { panic!("the command was not refused") };
    violations.into_iter().map(|violation| (violation.field, violation.rule)).collect()
}

fn settings(minutes: u16) -> FacilitySettings {
    FacilitySettings { idle_timeout_minutes: minutes, mfa_required_for: [Role::Admin, Role::Dpo].into() }
}

#[test]
fn a_practice_decides_when_sessions_end_and_who_needs_a_second_factor() {
    let given = |events| TestFramework::<Facility>::with(today()).given(events);
    let change = FacilityCommand::ChangeSettings { settings: settings(15) };
    let changed = FacilityEvent::FacilitySettingsChanged { settings: settings(15) };
    given(vec![opened("Europe/Paris")]).when(change.clone()).then_expect_events(vec![changed.clone()]);
    given(vec![opened("Europe/Paris"), changed]).when(change).then_nothing_happened();
}

#[test]
fn an_idle_time_out_lies_between_five_minutes_and_twelve_hours() {
    for minutes in [5, 720] {
        let change = FacilityCommand::ChangeSettings { settings: settings(minutes) };
        let outcome = TestFramework::<Facility>::with(today()).given(vec![opened("Europe/Paris")]).when(change);
        outcome.then_expect_events(vec![FacilityEvent::FacilitySettingsChanged { settings: settings(minutes) }]);
    }
    for minutes in [0, 4, 721, u16::MAX] {
        let change = FacilityCommand::ChangeSettings { settings: settings(minutes) };
        let outcome = TestFramework::<Facility>::with(today()).given(vec![opened("Europe/Paris")]).when(change);
        let expected = [("idleTimeoutMinutes".to_owned(), "idle_timeout_range")];
        assert_eq!(refused(outcome.inspect_result()), expected, "{minutes}");
    }
}

fn change_permissions(role: Role, permissions: Permissions) -> FacilityCommand {
    FacilityCommand::ChangeRolePermissions { role, permissions }
}

#[test]
fn a_practice_widens_and_narrows_a_role() {
    let given = |events| TestFramework::<Facility>::with(today()).given(events);
    let usual = Permissions::default_of(Role::Secretary);
    let wider = usual.with(Area::MedicalRecords, Access::Read).with(Area::Consents, Access::None);
    let changed = FacilityEvent::RolePermissionsChanged { role: Role::Secretary, permissions: wider };
    given(vec![opened("Europe/Paris")])
        .when(change_permissions(Role::Secretary, wider))
        .then_expect_events(vec![changed.clone()]);
    given(vec![opened("Europe/Paris")]).when(change_permissions(Role::Secretary, usual)).then_nothing_happened();

    let mut practice = Facility::default();
    practice.apply(opened("Europe/Paris"));
    practice.apply(changed);
    assert_eq!(practice.permissions_of(Role::Secretary), wider);
    assert_eq!(practice.permissions_of(Role::Nurse), Permissions::default_of(Role::Nurse));
}

#[test]
fn no_practice_lets_others_than_the_compliance_officer_export() {
    let wanted = Permissions::default_of(Role::Doctor).with(Area::Exports, Access::Read);
    let given = TestFramework::<Facility>::with(today()).given(vec![opened("Europe/Paris")]);
    let outcome = given.when(change_permissions(Role::Doctor, wanted)).inspect_result();
    assert_eq!(refused(outcome), [("permissions.exports".to_owned(), "permission_out_of_bounds")]);
}

#[test]
fn permissions_beyond_the_bounds_that_were_stored_before_them_do_not_count() {
    let mut practice = Facility::default();
    practice.apply(FacilityEvent::RolePermissionsChanged { role: Role::Admin, permissions: Permissions::NONE });
    assert!(practice.permissions_of(Role::Admin).access(Area::Users).may_write());
}

#[test]
fn nothing_is_changed_in_a_practice_that_is_not_open() {
    let commands = [
        FacilityCommand::ChangeSettings { settings: settings(15) },
        change_permissions(Role::Doctor, Permissions::default_of(Role::Doctor)),
    ];
    for command in commands {
        let given = TestFramework::<Facility>::with(today()).given_no_previous_events();
        given.when(command).then_expect_error(FacilityError::NotOpen);
    }
}

const ROOM: RoomId = RoomId(Uuid::from_u128(1));
const OTHER_ROOM: RoomId = RoomId(Uuid::from_u128(2));

fn label(text: &str) -> Label {
    Label::parse(text).expect("a name")
}

fn room_added(room_id: RoomId, name: &str) -> FacilityEvent {
    FacilityEvent::RoomAdded { room_id, name: label(name) }
}

#[test]
fn a_room_is_added_renamed_and_closed() {
    let given = |events: &[FacilityEvent]| {
        TestFramework::<Facility>::with(today()).given([&[opened("Europe/Paris")], events].concat())
    };
    let (add, added) =
        (FacilityCommand::AddRoom { room_id: ROOM, name: label("Salle 1") }, room_added(ROOM, "Salle 1"));
    given(&[]).when(add.clone()).then_expect_events(vec![added.clone()]);
    given(from_ref(&added)).when(add).then_expect_error(FacilityError::RoomExists);
    let rename = |name| FacilityCommand::RenameRoom { room_id: ROOM, name: label(name) };
    let renamed = FacilityEvent::RoomRenamed { room_id: ROOM, name: label("Salle bleue") };
    given(from_ref(&added)).when(rename("Salle bleue")).then_expect_events(vec![renamed]);
    given(from_ref(&added)).when(rename("Salle 1")).then_nothing_happened();
    let (close, closed) = (FacilityCommand::CloseRoom { room_id: ROOM }, FacilityEvent::RoomClosed { room_id: ROOM });
    given(from_ref(&added)).when(close.clone()).then_expect_events(vec![closed.clone()]);
    given(&[]).when(close.clone()).then_expect_error(FacilityError::NoSuchRoom);
    given(&[added.clone(), closed.clone()]).when(close).then_expect_error(FacilityError::NoSuchRoom);
    given(&[added, closed]).when(rename("Salle 2")).then_expect_error(FacilityError::NoSuchRoom);
}

#[test]
fn two_open_rooms_have_two_names() {
    let add = |name| FacilityCommand::AddRoom { room_id: OTHER_ROOM, name: label(name) };
    let given = |events: &[FacilityEvent]| {
        TestFramework::<Facility>::with(today()).given([&[opened("Europe/Paris")], events].concat())
    };
    let blue = room_added(ROOM, "Salle bleutée");
    let outcome = given(from_ref(&blue)).when(add("SALLE BLEUTEE")).inspect_result();
    assert_eq!(refused(outcome), [("name".to_owned(), "room_name_taken")]);
    let closed = FacilityEvent::RoomClosed { room_id: ROOM };
    let again = room_added(OTHER_ROOM, "Salle bleutée");
    given(&[blue.clone(), closed]).when(add("Salle bleutée")).then_expect_events(vec![again]);
    let other = room_added(OTHER_ROOM, "Salle verte");
    let rename = FacilityCommand::RenameRoom { room_id: OTHER_ROOM, name: label("salle bleutée") };
    let outcome = given(&[blue, other]).when(rename).inspect_result();
    assert_eq!(refused(outcome), [("name".to_owned(), "room_name_taken")]);
}

#[test]
fn a_practice_decides_how_its_patients_are_reminded() {
    let given = || TestFramework::<Facility>::with(today()).given(vec![opened("Europe/Paris")]);
    let off = ReminderSettings { enabled: false, ..ReminderSettings::default() };
    let set = |reminders| FacilityCommand::SetReminderRules { reminders };
    given().when(set(off.clone())).then_expect_events(vec![FacilityEvent::ReminderRulesSet { reminders: off.clone() }]);
    given().when(set(ReminderSettings::default())).then_nothing_happened();
    let mut too_many = off;
    too_many.rules = vec![too_many.rules[0]; 2];
    let expected = [("reminders[1]".to_owned(), "repeated")];
    assert_eq!(refused(given().when(set(too_many)).inspect_result()), expected);
}

#[test]
fn a_practice_has_five_hundred_open_rooms_at_most() {
    let number = |number: u128| (RoomId(Uuid::from_u128(0x100 + number)), format!("Salle {number}"));
    let rooms = |count| (0..count).map(number).map(|(id, name)| room_added(id, &name));
    let given = |count, closed: Option<FacilityEvent>| {
        let events = [opened("Europe/Paris")].into_iter().chain(rooms(count)).chain(closed).collect();
        TestFramework::<Facility>::with(today()).given(events)
    };
    let add = FacilityCommand::AddRoom { room_id: ROOM, name: label("Salle bleue") };
    let added = || vec![room_added(ROOM, "Salle bleue")];
    given(499, None).when(add.clone()).then_expect_events(added());
    let too_many = given(500, None).when(add.clone()).inspect_result();
    assert_eq!(refused(too_many), [("name".to_owned(), "too_many_rooms")]);
    let closed = FacilityEvent::RoomClosed { room_id: number(7).0 };
    given(500, Some(closed)).when(add).then_expect_events(added());
}

#[test]
fn each_refusal_says_which_kind_it_is() {
    let not_now = |sentence: &str| Refusal::NotNow(sentence.to_owned());
    let broken = vec![RuleBroken::new("rule", "The rule.").at("field")];
    let table = [
        (FacilityError::NotOpen, Refusal::NotThere),
        (FacilityError::NoSuchRoom, Refusal::NotThere),
        (FacilityError::AlreadyOpen, not_now("The facility is already open.")),
        (FacilityError::UnknownTimeZone, not_now("Unknown time zone.")),
        (FacilityError::RoomExists, not_now("The room was added already.")),
        (FacilityError::Invalid(broken.clone()), Refusal::Invalid(broken)),
    ];
    for (error, refusal) in table {
        assert_eq!(error.clone().refusal(), refusal, "{error:?}");
    }
}
