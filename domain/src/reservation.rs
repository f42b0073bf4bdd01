//! Exclusive holds: what an event makes its stream hold, so that no other stream can.
//!
//! A reservation says what the stream holds of one kind *from that event on*; whatever it held of the kind before is free.
//! So an event that moves an appointment or corrects a name needs no memory of the former hold, and a cancellation
//! holds nothing.

use uuid::Uuid;

use crate::scheduling::Interval;

/// What a stream holds of one kind after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// Unique keys; an empty list frees them all.
    Keys {
        /// Which kind of keys.
        kind: KeyKind,
        /// All keys of that kind which the stream holds from now on.
        keys: Vec<UniqueKey>,
    },
    /// Stretches of time of one or several resources; an empty list frees them all.
    Times {
        /// Which kind of resource.
        kind: ResourceKind,
        /// All stretches of that kind which the stream holds from now on.
        holds: Vec<TimeHold>,
    },
}

/// What a unique key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// A patient number in its facility.
    PatientNumber,
    /// Family name, first name and birth date of a patient, folded.
    PatientIdentity,
    /// The national health identity (INS) of a patient.
    PatientIns,
    /// The e-mail by which a member of staff logs in.
    UserEmail,
    /// That a member of staff administers the practice. All of them hold the same key, shared: it tells who they are.
    FacilityAdmin,
}

impl KeyKind {
    /// Every kind there is.
    pub const ALL: [Self; 5] =
        [Self::PatientNumber, Self::PatientIdentity, Self::PatientIns, Self::UserEmail, Self::FacilityAdmin];

    /// The name under which the log stores it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PatientNumber => "patient_number",
            Self::PatientIdentity => "patient_identity",
            Self::PatientIns => "patient_ins",
            Self::UserEmail => "user_email",
            Self::FacilityAdmin => "facility_admin",
        }
    }

    /// Whether the key is personal data, which is stored as a keyed hash only.
    pub const fn is_personal(self) -> bool {
        match self {
            Self::PatientNumber | Self::FacilityAdmin => false,
            Self::PatientIdentity | Self::PatientIns | Self::UserEmail => true,
        }
    }
}

/// Within what a key is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyScope {
    /// The practice that the stream belongs to.
    Facility,
    /// All practices.
    Everywhere,
}

/// A key that one stream at a time may hold within its scope.
#[derive(Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// Within what it is unique.
    pub scope: KeyScope,
    /// The key in its normal form.
    pub value: String,
    /// Held beside other holders, because somebody said with a reason that they are distinct. A shared hold is never
    /// refused, and still stops the next exclusive one.
    pub shared: bool,
}

/// Keys may be personal, so a debug print leaves the value out.
impl std::fmt::Debug for UniqueKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UniqueKey").field("scope", &self.scope).field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// What can be occupied for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceKind {
    /// A practitioner.
    Practitioner,
    /// A patient.
    Patient,
    /// A room.
    Room,
}

impl ResourceKind {
    /// Every kind there is.
    pub const ALL: [Self; 3] = [Self::Practitioner, Self::Patient, Self::Room];

    /// The name under which the log stores it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Practitioner => "practitioner",
            Self::Patient => "patient",
            Self::Room => "room",
        }
    }

    /// The name under which the log takes what is held beside others.
    pub const fn shared_name(self) -> &'static str {
        match self {
            Self::Practitioner => "practitioner_shared",
            Self::Patient => "patient_shared",
            Self::Room => "room_shared",
        }
    }
}

/// The time of a resource that a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeHold {
    /// The practitioner, patient or room.
    pub resource: Uuid,
    /// When it is held. An append refuses a hold that ends before it begins.
    pub during: Interval,
    /// Held beside other holders, because somebody said with a reason that they may overlap. As with keys, a shared hold is
    /// never refused, and still stops the next exclusive one.
    pub shared: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These names stand in the log: a key under another name is another key.
    #[test]
    fn the_names_of_what_is_reserved_stay_as_they_are() {
        assert_eq!(
            KeyKind::ALL.map(|kind| (kind.name(), kind.is_personal())),
            [
                ("patient_number", false),
                ("patient_identity", true),
                ("patient_ins", true),
                ("user_email", true),
                ("facility_admin", false),
            ]
        );
        assert_eq!(
            ResourceKind::ALL.map(|kind| (kind.name(), kind.shared_name())),
            [("practitioner", "practitioner_shared"), ("patient", "patient_shared"), ("room", "room_shared")]
        );
    }

    #[test]
    fn a_debug_print_of_a_key_leaves_its_value_out() {
        let key = UniqueKey { scope: KeyScope::Facility, value: "le goff|zoe".to_owned(), shared: true };
        assert_eq!(format!("{key:?}"), "UniqueKey { scope: Facility, shared: true, .. }");
    }
}
