//! What can have happened to a patient's file, and what each event reserves.

use serde::{Deserialize, Serialize};

use super::details::{Contact, Coverage, Identity, PatientDetails};
use super::rules;
use crate::event::LoggedEvent;
use crate::personal::Revealed;
use crate::reservation::{KeyKind, KeyScope, Reservation, UniqueKey};
use crate::values::{PatientNumber, TextValue};

/// An event of a patient's file.
///
/// `fields_changed` names fields of the API (`contact.phone`), never their values: it travels in the open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase")]
pub enum PatientEvent {
    /// The practice took the patient in.
    PatientRegistered {
        /// The number given to them.
        patient_number: PatientNumber,
        /// Somebody confirmed that they are not the patient whom they look like.
        confirmed_distinct: bool,
        /// What is known of them.
        #[serde(default)]
        personal: Revealed<PatientDetails>,
    },
    /// Who they are was corrected.
    PatientIdentityCorrected {
        /// The fields that differ.
        fields_changed: Vec<String>,
        /// Somebody confirmed that they are not the patient whom they look like.
        confirmed_distinct: bool,
        /// The identity from now on.
        #[serde(default)]
        personal: Revealed<Identity>,
    },
    /// How to reach them changed.
    PatientContactChanged {
        /// The fields that differ.
        fields_changed: Vec<String>,
        /// The contact from now on.
        #[serde(default)]
        personal: Revealed<Contact>,
    },
    /// Their insurance changed.
    PatientInsuranceChanged {
        /// The fields that differ.
        fields_changed: Vec<String>,
        /// The insurance from now on.
        #[serde(default)]
        personal: Revealed<Coverage>,
    },
    /// The file was put away.
    PatientArchived {},
    /// The file was taken out again.
    PatientRestored {},
    /// Whoever opens the clinical part from now on says why. The reason for it may say who the patient is: it stands with
    /// the personal content, as the reason of every event does.
    PatientRestricted {},
    /// Nobody has to say why any more.
    PatientUnrestricted {},
}

impl cqrs_es::DomainEvent for PatientEvent {
    fn event_type(&self) -> String {
        match self {
            Self::PatientRegistered { .. } => "PatientRegistered",
            Self::PatientIdentityCorrected { .. } => "PatientIdentityCorrected",
            Self::PatientContactChanged { .. } => "PatientContactChanged",
            Self::PatientInsuranceChanged { .. } => "PatientInsuranceChanged",
            Self::PatientArchived {} => "PatientArchived",
            Self::PatientRestored {} => "PatientRestored",
            Self::PatientRestricted {} => "PatientRestricted",
            Self::PatientUnrestricted {} => "PatientUnrestricted",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        match self {
            Self::PatientRegistered { .. }
            | Self::PatientIdentityCorrected { .. }
            | Self::PatientContactChanged { .. }
            | Self::PatientInsuranceChanged { .. }
            | Self::PatientArchived {}
            | Self::PatientRestored {}
            | Self::PatientRestricted {}
            | Self::PatientUnrestricted {} => "1",
        }
        .to_owned()
    }
}

impl LoggedEvent for PatientEvent {
    const TYPES: &'static [(&'static str, u32)] = &[
        ("PatientRegistered", 1),
        ("PatientIdentityCorrected", 1),
        ("PatientContactChanged", 1),
        ("PatientInsuranceChanged", 1),
        ("PatientArchived", 1),
        ("PatientRestored", 1),
        ("PatientRestricted", 1),
        ("PatientUnrestricted", 1),
    ];

    /// An archived patient keeps everything: a registration that looks like them should find them.
    fn reservations(&self) -> Vec<Reservation> {
        match self {
            Self::PatientRegistered { patient_number, confirmed_distinct, personal } => {
                let mut reservations = vec![Reservation::Keys {
                    kind: KeyKind::PatientNumber,
                    keys: vec![UniqueKey {
                        scope: KeyScope::Facility,
                        value: patient_number.as_str().to_owned(),
                        shared: false,
                    }],
                }];
                if let Revealed::Value(details) = personal {
                    reservations.extend(identity_reservations(&details.identity, *confirmed_distinct));
                }
                reservations
            }
            Self::PatientIdentityCorrected { confirmed_distinct, personal: Revealed::Value(identity), .. } => {
                identity_reservations(identity, *confirmed_distinct)
            }
            Self::PatientIdentityCorrected { personal: Revealed::Forgotten, .. }
            | Self::PatientContactChanged { .. }
            | Self::PatientInsuranceChanged { .. }
            | Self::PatientArchived {}
            | Self::PatientRestored {}
            | Self::PatientRestricted {}
            | Self::PatientUnrestricted {} => Vec::new(),
        }
    }
}

fn identity_reservations(identity: &Identity, confirmed_distinct: bool) -> Vec<Reservation> {
    let key = |value| UniqueKey { scope: KeyScope::Facility, value, shared: confirmed_distinct };
    vec![
        Reservation::Keys { kind: KeyKind::PatientIdentity, keys: vec![key(rules::identity_key(identity))] },
        Reservation::Keys {
            kind: KeyKind::PatientIns,
            keys: identity.ins.iter().map(|ins| key(rules::ins_key(ins))).collect(),
        },
    ]
}
