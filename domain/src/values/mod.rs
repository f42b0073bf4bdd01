//! The words a practice writes about people, each as a type that cannot hold an impossible one.
//!
//! Input is parsed at the edge into these types ([`TextValue::parse`], [`CodeValue::parse`]); commands, events and read
//! models then trust them. A refusal names its rule ([`RuleBroken`]), and its field once the caller adds where it stood
//! ([`Violation`]); neither ever repeats the refused value, which may be personal data.

mod address;
mod adeli;
mod birth_date;
mod channel;
mod code;
mod country;
mod email;
mod finess;
mod fold;
mod free_text;
mod gender;
mod id_number;
mod ins;
mod insurance;
mod luhn;
mod name;
mod nationality;
mod nir;
mod notification_kind;
mod patient_number;
mod patient_status;
mod phone;
mod rpps;
mod specialty;
mod text;
mod violation;
mod written;

#[cfg(test)]
mod contract_tests;

pub use address::{Address, City, PostalCode, StreetLine};
pub use adeli::Adeli;
pub use birth_date::BirthDate;
pub use channel::Channel;
pub use code::CodeValue;
pub(crate) use code::code_value;
pub use country::CountryCode;
pub use email::EmailAddress;
pub use finess::Finess;
pub use fold::fold;
pub use free_text::{FacilityName, Label, Notes, Reason, Relationship};
pub use gender::Gender;
pub use id_number::IdNumber;
pub use ins::{Ins, InsAuthority};
pub use insurance::{Insurance, InsuranceKind, InsuranceNumber, InsuranceProvider};
pub use name::{FirstName, LastName, PersonName};
pub use nationality::Nationality;
pub use nir::Nir;
pub use notification_kind::NotificationKind;
pub use patient_number::PatientNumber;
pub use patient_status::PatientStatus;
pub use phone::PhoneNumber;
pub use rpps::Rpps;
pub use specialty::Specialty;
pub use text::TextValue;
pub use violation::{RuleBroken, Violation};
pub use written::{CivilDate, ClockTime, WallTime, Written};
