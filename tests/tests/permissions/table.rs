//! What each operation asks of its caller, and what each role may do unless the practice says otherwise: by hand.

use std::collections::{BTreeMap, BTreeSet};

use domain::role::Role;
use serde_json::{Value, json};

use super::document::{Operation, operations};

/// What an operation asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Public,
    /// To be signed in.
    SignedIn,
    /// To be allowed to look at an area.
    Read(&'static str),
    /// To be allowed to change an area.
    Write(&'static str),
}

use Need::{Public, Read, SignedIn, Write};

const OPERATIONS: &[(&str, Need)] = &[
    ("isAlive", Public),
    ("isReady", Public),
    ("listTokenKeys", Public),
    ("logIn", Public),
    ("refreshTokens", Public),
    ("acceptLink", Public),
    ("forgotPassword", Public),
    // About the caller, or what everybody who works there may know.
    ("whoAmI", SignedIn),
    ("logOut", SignedIn),
    ("listSessions", SignedIn),
    ("endSession", SignedIn),
    ("endOtherSessions", SignedIn),
    ("stepUp", SignedIn),
    ("changePassword", SignedIn),
    ("enrollSecondFactor", SignedIn),
    ("confirmSecondFactor", SignedIn),
    ("dropSecondFactor", SignedIn),
    ("readCurrentFacility", SignedIn),
    ("listSpecialties", SignedIn),
    // Staff, and the practice itself.
    ("listUsers", Read("users")),
    ("readUser", Read("users")),
    ("listPractitioners", Read("users")),
    ("registerUser", Write("users")),
    ("reviseUser", Write("users")),
    ("assignRole", Write("users")),
    ("suspendUser", Write("users")),
    ("reinstateUser", Write("users")),
    ("inviteUser", Write("users")),
    ("startPasswordReset", Write("users")),
    ("dropUserSecondFactor", Write("users")),
    ("unlockUser", Write("users")),
    ("listUserSessions", Write("users")),
    ("endUserSession", Write("users")),
    ("changeFacilitySettings", Write("users")),
    ("changeRolePermissions", Write("users")),
    ("readReminderRules", Read("availability")),
    ("changeReminderRules", Write("availability")),
    // Patients.
    ("listPatients", Read("patients")),
    ("readPatient", Read("patients")),
    ("readPatientHistory", Read("patients")),
    ("registerPatient", Write("patients")),
    ("revisePatient", Write("patients")),
    ("archivePatient", Write("patients")),
    ("restorePatient", Write("patients")),
    ("restrictPatient", Write("patients")),
    ("unrestrictPatient", Write("patients")),
    // Appointments.
    ("listAppointments", Read("appointments")),
    ("listAppointmentsToday", Read("appointments")),
    ("listAppointmentsOfPatient", Read("appointments")),
    ("readAppointment", Read("appointments")),
    ("listAppointmentReminders", Read("appointments")),
    ("chooseAppointmentReminders", Write("appointments")),
    ("checkConflicts", Read("appointments")),
    ("bookAppointment", Write("appointments")),
    ("holdSlot", Write("appointments")),
    ("releaseSlot", Write("appointments")),
    ("bookSeries", Write("appointments")),
    ("cancelFollowing", Write("appointments")),
    ("moveFollowing", Write("appointments")),
    ("bookLinked", Write("appointments")),
    ("restoreAppointment", Write("appointments")),
    ("reviseAppointment", Write("appointments")),
    ("deleteAppointment", Write("appointments")),
    ("cancelAppointment", Write("appointments")),
    ("confirmAppointment", Write("appointments")),
    ("reportArrival", Write("appointments")),
    ("startAppointment", Write("appointments")),
    ("completeAppointment", Write("appointments")),
    ("reportAbsence", Write("appointments")),
    // Who waits.
    ("listWaitingList", Read("appointments")),
    ("readWaitingListEntry", Read("appointments")),
    ("joinWaitingList", Write("appointments")),
    ("reviseWaitingListEntry", Write("appointments")),
    ("leaveWaitingList", Write("appointments")),
    ("offerSlot", Write("appointments")),
    ("acceptOffer", Write("appointments")),
    ("declineOffer", Write("appointments")),
    // What the staff is told of.
    ("listNotifications", Read("appointments")),
    ("markNotificationRead", Read("appointments")),
    ("markNotificationsReadUpTo", Read("appointments")),
    // When practitioners can be booked, and where.
    ("listRooms", SignedIn),
    ("addRoom", Write("availability")),
    ("renameRoom", Write("availability")),
    ("closeRoom", Write("availability")),
    ("readCalendar", Public),
    ("makeCalendarFeed", SignedIn),
    ("readCalendarFeed", SignedIn),
    ("takeOverCalendarFeed", SignedIn),
    ("revokeCalendarFeed", SignedIn),
    ("findSlots", Read("appointments")),
    ("readAvailability", Read("availability")),
    ("reviseAvailability", Write("availability")),
    ("planLeave", Write("availability")),
    ("cancelLeave", Write("availability")),
    ("openExtraHours", Write("availability")),
    ("closeExtraHours", Write("availability")),
    // The trail.
    ("readPatientAccessLog", Read("audit")),
    ("listAccesses", Read("audit")),
];

/// What nobody has decided otherwise.
const ROLES: &str = "
            patients appointments availability medical_records prescriptions documents consents users audit exports
doctor      rw       rw           rw           rw              rw            rw        rw       r     -     -
nurse       rw       rw           r            rw              r             rw        rw       r     -     -
secretary   rw       rw           rw           -               -             r         rw       r     -     -
admin       r        r            rw           -               -             -         -        rw    r     -
auditor     r        r            r            r               r             r         r        r     r     -
dpo         r        -            -            -               -             -         r        -     r     rw
";

/// What somebody may do: each area with `-`, `r` or `rw`.
pub type Rights = BTreeMap<&'static str, &'static str>;

/// The rights of a role.
pub fn rights_of(role: Role) -> Rights {
    let mut lines = ROLES.trim_matches('\n').lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let areas = lines.next().unwrap();
    let row = lines.find(|row| row[0] == role.name()).unwrap_or_else(|| panic!("the table lacks {}", role.name()));
    assert_eq!(row.len(), areas.len() + 1, "{row:?}");
    areas.into_iter().zip(row.into_iter().skip(1)).collect()
}

/// Rights as tokens, answers and requests have them: `{"patients": {"read": true, "write": false}, …}`.
pub fn as_json(rights: &Rights) -> Value {
    let area = |access: &str| json!({"read": access != "-", "write": access == "rw"});
    rights.iter().map(|(name, access)| ((*name).to_owned(), area(access))).collect::<serde_json::Map<_, _>>().into()
}

impl Need {
    /// Whether somebody who is signed in and has these rights may use the operation.
    pub fn met_by(self, rights: &Rights) -> bool {
        match self {
            Public | SignedIn => true,
            Read(area) => rights[area].starts_with('r'),
            Write(area) => rights[area] == "rw",
        }
    }

    fn documented(self) -> Value {
        match self {
            Public => json!("public"),
            SignedIn => json!("signed_in"),
            Read(area) => json!({"area": area, "access": "read"}),
            Write(area) => json!({"area": area, "access": "write"}),
        }
    }
}

/// Every operation that is served, with what it asks.
pub async fn operations_with_needs() -> Vec<(Operation, Need)> {
    let table: BTreeMap<&str, Need> = OPERATIONS.iter().copied().collect();
    assert_eq!(table.len(), OPERATIONS.len(), "an operation has two entries");
    let served = operations().await;
    let ids: BTreeSet<&str> = served.iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(ids, table.keys().copied().collect(), "the operations that are served, and those of the table");
    served.into_iter().map(|operation| (table[operation.id.as_str()], operation)).map(|(need, of)| (of, need)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_is_in_the_table_and_documented_as_it_is_there() {
    for (operation, need) in operations_with_needs().await {
        assert_eq!(operation.permission, need.documented(), "{}", operation.id);
        assert_eq!(operation.takes_token, need != Public, "{}", operation.id);
    }
}

#[test]
fn each_role_is_in_the_table_and_no_other() {
    let named: Vec<&str> = ROLES.trim_matches('\n').lines().skip(1).filter_map(|row| row.split(' ').next()).collect();
    assert_eq!(named, Role::ALL.map(Role::name));
}
