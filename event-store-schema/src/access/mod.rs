//! The trace of who looked at whose data: `audit.access`, append-only beside the log, and [`AccessTrail`], the one type
//! that writes and reads it.
//!
//! [`record`](AccessTrail::record) comes before the answer that it is about: what cannot be traced is not shown. The rows
//! of many requests are committed together ([`recording`]); [`reading`] asks who saw a patient, what somebody saw,
//! and what was seen in a stretch of time.

mod reading;
mod recording;
mod trail;

use std::net::IpAddr;
use std::sync::Arc;

use domain::event::Actor;
use domain::ids::{FacilityId, PatientId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::trail::AccessTrail;
use crate::cell::Malformed;
use crate::database::DatabaseError;

/// Makes an enumeration whose members are stored and sent under a name of their own.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$member_doc])* $member,)+
        }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$member,)+];

            /// The name in the trail and in the API.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$member => $text,)+ }
            }

            /// The one of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|each| each.name() == name)
            }
        }
    };
}

named! {
    /// What was done with the data.
    Deed {
        /// It was shown.
        Read = "read",
        /// A list or a search showed it among others.
        Search = "search",
        /// It was printed.
        Print = "print",
        /// A live screen was told of it.
        Push = "push",
        /// The clinical part of a restricted patient was opened, with a reason.
        BreakGlass = "break_glass",
        /// It was to be changed. Traced when refused; what is granted is an event.
        Write = "write",
    }
}

named! {
    /// For what: codes of HL7's value set PurposeOfUse (v3-ActReason) that a practice has use for.
    Purpose {
        /// Treatment.
        Treatment = "TREAT",
        /// Emergency treatment.
        EmergencyTreatment = "ETREAT",
        /// Break the glass: overriding a restriction.
        BreakTheGlass = "BTG",
        /// Care management.
        CareManagement = "CAREMGT",
        /// Patient administration.
        PatientAdministration = "PATADMIN",
        /// At the patient's request.
        PatientRequest = "PATRQT",
        /// At the family's request.
        FamilyRequest = "FAMRQT",
        /// Payment.
        Payment = "HPAYMT",
        /// Running the practice.
        Operations = "HOPERAT",
        /// Compliance: what auditors and data protection officers do.
        Compliance = "HCOMPL",
        /// Legal proceedings.
        Legal = "HLEGAL",
        /// Improving quality.
        Quality = "HQUALIMP",
        /// System administration.
        SystemAdministration = "HSYSADMIN",
        /// Public health.
        PublicHealth = "PUBHLTH",
        /// Research.
        Research = "HRESCH",
    }
}

named! {
    /// What became of it.
    Verdict {
        /// It was allowed.
        Granted = "granted",
        /// It was refused.
        Refused = "refused",
    }
}

/// One access: in whose name, from where, for what, and to whose data. Each of its `objects` becomes a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The practice.
    pub facility_id: FacilityId,
    /// Who.
    pub actor: Actor,
    /// From where.
    pub client_address: Option<IpAddr>,
    /// By which request.
    pub request_id: Option<String>,
    /// What was done.
    pub deed: Deed,
    /// With what kind of thing, in small letters and underscores, such as `patient` or `patient_history`.
    pub resource_type: &'static str,
    /// For what.
    pub purpose: Purpose,
    /// The caller's own words. They stand in the open and outlive an erasure, so they must not identify the patient.
    pub reason: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// Which ones.
    pub objects: Vec<AccessedObject>,
}

/// One thing that was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessedObject {
    /// Its id, where it has one.
    pub resource_id: Option<Uuid>,
    /// The patient whose data it holds.
    pub patient_id: Option<PatientId>,
}

impl AccessedObject {
    /// The patient's own record.
    pub const fn patient(id: PatientId) -> Self {
        Self { resource_id: Some(id.0), patient_id: Some(id) }
    }
}

/// The place of a row in the trail, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessPosition(i64);

impl AccessPosition {
    /// As a number.
    pub const fn get(self) -> u64 {
        self.0.unsigned_abs()
    }
}

/// One row of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedAccess {
    /// Its place.
    pub position: AccessPosition,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who.
    pub actor: UserId,
    /// As what.
    pub role: Option<String>,
    /// In which session.
    pub session_id: Option<Uuid>,
    /// From where.
    pub client_address: Option<IpAddr>,
    /// By which request.
    pub request_id: Option<String>,
    /// What was done, as [`Deed::name`]; a newer release may know more.
    pub deed: String,
    /// With what kind of thing.
    pub resource_type: String,
    /// With which one.
    pub resource_id: Option<Uuid>,
    /// Whose data it holds.
    pub patient_id: Option<PatientId>,
    /// For what, as [`Purpose::name`].
    pub purpose: String,
    /// The caller's own words.
    pub reason: Option<String>,
    /// What became of it, as [`Verdict::name`].
    pub verdict: String,
}

/// Which rows are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessFilter {
    /// Those about this patient.
    pub patient: Option<PatientId>,
    /// Those of this member of staff.
    pub actor: Option<UserId>,
    /// Those from this moment on.
    pub from: Option<Timestamp>,
    /// Those before this moment.
    pub to: Option<Timestamp>,
}

/// The end of a page: the next one begins after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessCursor {
    #[serde(rename = "t")]
    at: Timestamp,
    #[serde(rename = "p")]
    position: AccessPosition,
}

/// A page of the trail, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPage {
    /// Its rows.
    pub items: Vec<RecordedAccess>,
    /// Where the next page begins, if there is one.
    pub next: Option<AccessCursor>,
}

/// A row that somebody is to be told of at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessAlert {
    /// Its place.
    pub position: AccessPosition,
    /// The practice.
    pub facility_id: FacilityId,
    /// Who.
    pub actor: UserId,
    /// As what.
    pub role: Option<String>,
    /// Whose data.
    pub patient_id: Option<PatientId>,
    /// What kind of thing was opened.
    pub resource_type: String,
}

/// An access could not be traced, or the trail not be read. Whatever it was about must not be shown.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TrailError {
    /// Too many accesses are waiting to be recorded.
    #[error("too many accesses are waiting to be traced")]
    Overloaded,
    /// The database did not answer in time. The access may be in the trail all the same.
    #[error("the trail of accesses does not answer")]
    Unavailable,
    /// The database failed or refused.
    #[error(transparent)]
    Database(#[from] Arc<DatabaseError>),
    /// A row of the trail is not what this release understands.
    #[error("a row of the trail is malformed: {0}")]
    Malformed(&'static str),
}

impl From<Malformed> for TrailError {
    fn from(Malformed(what): Malformed) -> Self {
        Self::Malformed(what)
    }
}

impl From<DatabaseError> for TrailError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl From<tokio_postgres::Error> for TrailError {
    fn from(error: tokio_postgres::Error) -> Self {
        DatabaseError::from(error).into()
    }
}
