//! The pure functions that decisions on patients are made of.

use jiff::civil::Date;

use super::details::{Contact, Coverage, Identity, PatientDetails};
use crate::values::{CodeValue, Ins, TextValue, Violation, fold};

/// By what two patients are taken for one: family name and first name without case and accents, and the birth date.
pub(super) fn identity_key(identity: &Identity) -> String {
    let Identity { last_name, first_name, birth_date, .. } = identity;
    // No folded name can hold a line feed, so the parts cannot run into each other.
    format!("{}\n{}\n{}", fold(last_name.as_str()), fold(first_name.as_str()), birth_date.as_str())
}

/// By what two national health identities are taken for one.
pub(super) fn ins_key(ins: &Ins) -> String {
    format!("{}\n{}", ins.matricule.as_str(), ins.authority.code())
}

/// What is wrong with the details as a whole, or with them on this day; each field by itself was parsed before.
pub(super) fn violations(details: &PatientDetails, today: Date) -> impl Iterator<Item = Violation> {
    let birth_date = details.identity.birth_date.check(today).map_err(|broken| broken.at("birthDate"));
    let address = details.contact.address.check().map_err(|violation| violation.under("address"));
    [birth_date, address].into_iter().filter_map(Result::err)
}

/// The fields of the API that a correction of the identity changes. All, if the former one is forgotten.
pub fn identity_changes(before: Option<&Identity>, after: &Identity) -> Vec<String> {
    named([
        ("lastName", before.is_none_or(|before| before.last_name != after.last_name)),
        ("firstName", before.is_none_or(|before| before.first_name != after.first_name)),
        ("birthDate", before.is_none_or(|before| before.birth_date != after.birth_date)),
        ("gender", before.is_none_or(|before| before.gender != after.gender)),
        ("nationality", before.is_none_or(|before| before.nationality != after.nationality)),
        ("idNumber", before.is_none_or(|before| before.id_number != after.id_number)),
        ("ins", before.is_none_or(|before| before.ins != after.ins)),
    ])
}

/// The fields of the API that a change of contact changes.
pub fn contact_changes(before: Option<&Contact>, after: &Contact) -> Vec<String> {
    named([
        ("address", before.is_none_or(|before| before.address != after.address)),
        ("contact.phone", before.is_none_or(|before| before.phone != after.phone)),
        ("contact.email", before.is_none_or(|before| before.email != after.email)),
        ("contact.emergencyContact", before.is_none_or(|before| before.emergency_contact != after.emergency_contact)),
    ])
}

/// The fields of the API that a change of insurance changes.
pub fn insurance_changes(before: Option<&Coverage>, after: &Coverage) -> Vec<String> {
    named([("insurance", before.is_none_or(|before| before.insurance != after.insurance))])
}

fn named<const N: usize>(fields: [(&str, bool); N]) -> Vec<String> {
    fields.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name.to_owned()).collect()
}
