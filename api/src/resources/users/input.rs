//! What a client sends about a member of staff, and how it becomes values of the domain.

use domain::role::Role;
use domain::user::{Profession, Profile, UserDetails};
use domain::values::{Adeli, EmailAddress, FirstName, LastName, PhoneNumber, Reason, Rpps, Specialty};
use poem_openapi::Object;
use serde::Deserialize;

use crate::http::problem::{Problem, Violation};
use crate::http::wire::{Wire, parse_optional};
use crate::http::wire_code::WireCode;

/// A member of staff to be registered.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserRegistrationInput {
    role: WireCode<Role>,
    last_name: Wire<LastName>,
    first_name: Wire<FirstName>,
    /// By which they log in. Nobody else has it, in any practice.
    email: Wire<EmailAddress>,
    phone: Option<Wire<PhoneNumber>>,
    /// Needed for doctors.
    rpps_number: Option<Wire<Rpps>>,
    adeli_number: Option<Wire<Adeli>>,
    /// At most ten, each once.
    specialties: Option<Vec<Wire<Specialty>>>,
}

/// What is known of a member of staff from now on.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserInput {
    last_name: Wire<LastName>,
    first_name: Wire<FirstName>,
    /// By which they log in. Nobody else has it, in any practice.
    email: Wire<EmailAddress>,
    phone: Option<Wire<PhoneNumber>>,
    /// Needed for doctors.
    rpps_number: Option<Wire<Rpps>>,
    adeli_number: Option<Wire<Adeli>>,
    /// At most ten, each once.
    specialties: Option<Vec<Wire<Specialty>>>,
    /// Why it changes.
    reason: Option<Wire<Reason>>,
}

/// What a member of staff does from now on.
#[derive(Debug, Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleInput {
    role: WireCode<Role>,
    reason: Wire<Reason>,
}

/// Why somebody may not come in any more, or may again.
#[derive(Debug, Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdmissionInput {
    reason: Wire<Reason>,
}

/// The fields that both inputs of details have.
struct DetailFields<'a> {
    last_name: &'a Wire<LastName>,
    first_name: &'a Wire<FirstName>,
    email: &'a Wire<EmailAddress>,
    phone: Option<&'a Wire<PhoneNumber>>,
    rpps_number: Option<&'a Wire<Rpps>>,
    adeli_number: Option<&'a Wire<Adeli>>,
    specialties: &'a [Wire<Specialty>],
}

impl DetailFields<'_> {
    /// Every field is parsed, so that every violation is found, before the first missing one ends it.
    fn parse(&self, violations: &mut Vec<Violation>) -> Option<UserDetails> {
        let last_name = self.last_name.parse("lastName", violations);
        let first_name = self.first_name.parse("firstName", violations);
        let email = self.email.parse("email", violations);
        let phone = parse_optional(self.phone, "phone", violations);
        let rpps_number = parse_optional(self.rpps_number, "rppsNumber", violations);
        let adeli_number = parse_optional(self.adeli_number, "adeliNumber", violations);
        let specialties = self.specialties.iter().enumerate();
        let specialties = specialties.filter_map(|(at, code)| code.parse(&format!("specialties[{at}]"), violations));
        let profession = Profession { rpps_number, adeli_number, specialties: specialties.collect() };
        let profile = Profile { last_name: last_name?, first_name: first_name?, email: email?, phone };
        Some(UserDetails { profile, profession })
    }
}

impl UserRegistrationInput {
    /// The role and the details, or every field that is not right.
    pub(super) fn parse(&self) -> Result<(Role, UserDetails), Problem> {
        let mut violations = Vec::new();
        let role = self.role.parse("role", &mut violations);
        let fields = DetailFields {
            last_name: &self.last_name,
            first_name: &self.first_name,
            email: &self.email,
            phone: self.phone.as_ref(),
            rpps_number: self.rpps_number.as_ref(),
            adeli_number: self.adeli_number.as_ref(),
            specialties: self.specialties.as_deref().unwrap_or_default(),
        };
        match (role, fields.parse(&mut violations)) {
            (Some(role), Some(details)) if violations.is_empty() => Ok((role, details)),
            _ => Err(Problem::validation_failed(violations)),
        }
    }
}

impl UserInput {
    /// The details and the reason, or every field that is not right.
    pub(super) fn parse(&self) -> Result<(UserDetails, Option<Reason>), Problem> {
        let mut violations = Vec::new();
        let fields = DetailFields {
            last_name: &self.last_name,
            first_name: &self.first_name,
            email: &self.email,
            phone: self.phone.as_ref(),
            rpps_number: self.rpps_number.as_ref(),
            adeli_number: self.adeli_number.as_ref(),
            specialties: self.specialties.as_deref().unwrap_or_default(),
        };
        let details = fields.parse(&mut violations);
        let reason = parse_optional(self.reason.as_ref(), "reason", &mut violations);
        match details {
            Some(details) if violations.is_empty() => Ok((details, reason)),
            _ => Err(Problem::validation_failed(violations)),
        }
    }
}

impl RoleInput {
    /// The role and the reason, or every field that is not right.
    pub(super) fn parse(&self) -> Result<(Role, Reason), Problem> {
        let mut violations = Vec::new();
        let role = self.role.parse("role", &mut violations);
        let reason = self.reason.parse("reason", &mut violations);
        role.zip(reason).ok_or_else(|| Problem::validation_failed(violations))
    }
}

impl AdmissionInput {
    /// The reason.
    pub(super) fn parse(&self) -> Result<Reason, Problem> {
        let mut violations = Vec::new();
        self.reason.parse("reason", &mut violations).ok_or_else(|| Problem::validation_failed(violations))
    }
}
