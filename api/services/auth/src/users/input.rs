//! What a client sends about a member of staff, and how it becomes values of the domain.

use domain::role::Role;
use domain::user::{Profession, Profile, UserDetails};
use domain::values::{Adeli, EmailAddress, FirstName, LastName, PhoneNumber, Reason, Rpps, Specialty};
use poem_openapi::Object;
use serde::Deserialize;

use frame::problem::{Problem, Violation};
use frame::unparsed::{Unparsed, parse_optional};
use frame::unparsed_code::UnparsedCode;

/// A member of staff to be registered.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserRegistrationInput {
    role: UnparsedCode<Role>,
    last_name: Unparsed<LastName>,
    first_name: Unparsed<FirstName>,
    /// By which they log in. Nobody else has it, in any practice.
    email: Unparsed<EmailAddress>,
    phone: Option<Unparsed<PhoneNumber>>,
    /// Needed for doctors.
    rpps_number: Option<Unparsed<Rpps>>,
    adeli_number: Option<Unparsed<Adeli>>,
    /// At most ten, each once.
    specialties: Option<Vec<Unparsed<Specialty>>>,
}

/// What is known of a member of staff from now on.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserInput {
    last_name: Unparsed<LastName>,
    first_name: Unparsed<FirstName>,
    /// By which they log in. Nobody else has it, in any practice.
    email: Unparsed<EmailAddress>,
    phone: Option<Unparsed<PhoneNumber>>,
    /// Needed for doctors.
    rpps_number: Option<Unparsed<Rpps>>,
    adeli_number: Option<Unparsed<Adeli>>,
    /// At most ten, each once.
    specialties: Option<Vec<Unparsed<Specialty>>>,
    /// Why it changes.
    reason: Option<Unparsed<Reason>>,
}

/// What a member of staff does from now on.
#[derive(Debug, Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleInput {
    role: UnparsedCode<Role>,
    reason: Unparsed<Reason>,
}

/// Why somebody may not come in any more, or may again.
#[derive(Debug, Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdmissionInput {
    reason: Unparsed<Reason>,
}

/// The fields that both inputs of details have.
struct DetailFields<'a> {
    last_name: &'a Unparsed<LastName>,
    first_name: &'a Unparsed<FirstName>,
    email: &'a Unparsed<EmailAddress>,
    phone: Option<&'a Unparsed<PhoneNumber>>,
    rpps_number: Option<&'a Unparsed<Rpps>>,
    adeli_number: Option<&'a Unparsed<Adeli>>,
    specialties: &'a [Unparsed<Specialty>],
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
