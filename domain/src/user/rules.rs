//! The pure functions that decisions on staff are made of.

use super::details::{Profession, Profile, UserDetails};
use crate::reservation::{KeyScope, UniqueKey};
use crate::role::Role;
use crate::values::{EmailAddress, RuleBroken, TextValue, Violation};

/// How many specialties somebody may have. The orders register two or three at most.
const MOST_SPECIALTIES: usize = 10;

/// The key that all administrators of a practice share.
pub const ADMIN_KEY: &str = "admin";

pub(super) fn admin_key() -> UniqueKey {
    UniqueKey { scope: KeyScope::Facility, value: ADMIN_KEY.to_owned(), shared: true }
}

/// By what two e-mail addresses are taken for one: nobody is to log in as somebody else by another case of a letter.
pub(super) fn email_key(email: &EmailAddress) -> UniqueKey {
    UniqueKey { scope: KeyScope::Everywhere, value: email.as_str().to_lowercase(), shared: false }
}

/// What is wrong with somebody of this role practising like this; each field by itself was parsed before.
pub(super) fn violations(role: Role, profession: &Profession) -> impl Iterator<Item = Violation> {
    let specialties = &profession.specialties;
    let unnumbered = (role == Role::Doctor && profession.rpps_number.is_none())
        .then(|| RuleBroken::new("rpps_required", "A doctor has an RPPS number.").at("rppsNumber"));
    let too_many = (specialties.len() > MOST_SPECIALTIES).then(|| {
        let detail = format!("Nobody has more than {MOST_SPECIALTIES} specialties.");
        RuleBroken::new("too_many_specialties", detail).at("specialties")
    });
    let twice = specialties.iter().enumerate().find(|(at, specialty)| specialties[..*at].contains(specialty));
    let twice = twice.map(|(at, _)| {
        RuleBroken::new("duplicate_specialty", "The specialty is named before.").at(format!("specialties[{at}]"))
    });
    [unnumbered, too_many, twice].into_iter().flatten()
}

/// The fields of the API that a change of profile changes. All personal ones, if the former profile is forgotten.
pub(super) fn profile_changes(before: Option<&Profile>, practised: &Profession, after: &UserDetails) -> Vec<String> {
    let UserDetails { profile, profession } = after;
    [
        ("lastName", before.is_none_or(|before| before.last_name != profile.last_name)),
        ("firstName", before.is_none_or(|before| before.first_name != profile.first_name)),
        ("email", before.is_none_or(|before| before.email != profile.email)),
        ("phone", before.is_none_or(|before| before.phone != profile.phone)),
        ("rppsNumber", practised.rpps_number != profession.rpps_number),
        ("adeliNumber", practised.adeli_number != profession.adeli_number),
        ("specialties", practised.specialties != profession.specialties),
    ]
    .into_iter()
    .filter(|(_, changed)| *changed)
    .map(|(name, _)| name.to_owned())
    .collect()
}
