//! What a practice decides about the accounts of its staff.

use domain::facility::{FacilityCommand, FacilityError, FacilitySettings};
use domain::permissions::Permissions;
use domain::role::{Access, Area, Role};
use projections::facilities::FacilityQueries;

use super::Practice;

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_permissions_are_shown_as_they_were_changed() {
    let practice = Practice::new().await;
    let queries = FacilityQueries::new(practice.log.database().clone());
    let shown = async || {
        practice.shown().await;
        queries.get(practice.facility).await.unwrap().expect("the practice")
    };
    let usual = shown().await;
    assert_eq!(usual.settings, FacilitySettings::default());
    assert_eq!(usual.permissions.len(), Role::ALL.len());
    assert_eq!(usual.permissions[&Role::Nurse], Permissions::default_of(Role::Nurse));

    let settings = FacilitySettings { idle_timeout_minutes: 15, mfa_required_for: [Role::Admin].into() };
    let permissions = usual.permissions[&Role::Nurse].with(Area::Prescriptions, Access::None);
    for command in [
        FacilityCommand::ChangeSettings { settings: settings.clone() },
        FacilityCommand::ChangeRolePermissions { role: Role::Nurse, permissions },
    ] {
        practice.commands.change_facility(&command, &practice.context()).await.expect("it is allowed");
    }
    let changed = shown().await;
    assert_eq!((changed.name, changed.settings, changed.version), (usual.name, settings, 3.into()));
    assert_eq!(changed.permissions[&Role::Nurse], permissions);
    assert_eq!(changed.permissions[&Role::Doctor], Permissions::default_of(Role::Doctor));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bounds_of_a_role_are_refused_field_by_field() {
    let practice = Practice::new().await;
    let permissions = Permissions::default_of(Role::Auditor).with(Area::Documents, Access::ReadWrite);
    let command = FacilityCommand::ChangeRolePermissions { role: Role::Auditor, permissions };
    let outcome = practice.commands.change_facility(&command, &practice.context()).await;
    let Err(commands::CommandError::Refused(FacilityError::Invalid(violations))) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        violations.iter().map(|violation| violation.field.as_str()).collect::<Vec<_>>(),
        ["permissions.documents"]
    );
}
