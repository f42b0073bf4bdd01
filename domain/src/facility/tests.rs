use cqrs_es::test::TestFramework;
use jiff::civil::date;

use super::*;
use crate::values::{FacilityName, TextValue};

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
