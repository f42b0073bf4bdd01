//! What a client sends about a patient, and how it becomes values of the domain.

use domain::patient::{Contact, Coverage, EmergencyContact, Identity, PatientDetails};
use domain::values::{
    Address, BirthDate, City, CountryCode, EmailAddress, FirstName, Gender, IdNumber, Ins, InsAuthority, Insurance,
    InsuranceKind, InsuranceNumber, InsuranceProvider, LastName, Nationality, Nir, PersonName, PhoneNumber, PostalCode,
    Reason, Relationship, StreetLine,
};
use poem_openapi::Object;
use serde::Deserialize;

use frame::problem::{Problem, Violation};
use frame::unparsed::{Unparsed, parse_optional};
use frame::unparsed_code::{UnparsedCode, parse_optional_code};

/// A patient to be registered, or what is known of one from now on.
#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatientInput {
    last_name: Unparsed<LastName>,
    first_name: Unparsed<FirstName>,
    birth_date: Unparsed<BirthDate>,
    gender: UnparsedCode<Gender>,
    nationality: Option<Unparsed<Nationality>>,
    id_number: Option<Unparsed<IdNumber>>,
    ins: Option<InsInput>,
    address: Option<AddressInput>,
    contact: Option<ContactInput>,
    insurance: Option<InsuranceInput>,
    /// The patient is known not to be the one whom they look like. Needs a reason.
    confirm_distinct: Option<bool>,
    /// Why. Needed when the identity changes, and with `confirmDistinct`.
    reason: Option<Unparsed<Reason>>,
}

#[derive(Debug, Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct InsInput {
    matricule: Unparsed<Nir>,
    oid: UnparsedCode<InsAuthority>,
}

#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AddressInput {
    street: Option<Unparsed<StreetLine>>,
    city: Option<Unparsed<City>>,
    postal_code: Option<Unparsed<PostalCode>>,
    country: Option<Unparsed<CountryCode>>,
}

#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ContactInput {
    phone: Option<Unparsed<PhoneNumber>>,
    email: Option<Unparsed<EmailAddress>>,
    emergency_contact: Option<EmergencyContactInput>,
}

#[derive(Debug, Object, Deserialize)]
#[oai(skip_serializing_if_is_none)]
#[serde(deny_unknown_fields)]
struct EmergencyContactInput {
    name: Unparsed<PersonName>,
    relationship: Option<Unparsed<Relationship>>,
    phone: Option<Unparsed<PhoneNumber>>,
}

#[derive(Debug, Object, Deserialize)]
#[oai(skip_serializing_if_is_none)]
#[serde(deny_unknown_fields)]
struct InsuranceInput {
    provider: Unparsed<InsuranceProvider>,
    number: Option<Unparsed<InsuranceNumber>>,
    r#type: Option<UnparsedCode<InsuranceKind>>,
}

/// Why a patient's file is restricted, or not any more.
#[derive(Debug, Object, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestrictionInput {
    reason: Unparsed<Reason>,
}

impl RestrictionInput {
    /// The reason.
    pub(super) fn parse(&self) -> Result<Reason, Problem> {
        let mut violations = Vec::new();
        self.reason.parse("reason", &mut violations).ok_or_else(|| Problem::validation_failed(violations))
    }
}

/// A patient's input in the words of the domain.
pub(super) struct ParsedInput {
    pub(super) details: PatientDetails,
    pub(super) confirm_distinct: bool,
    pub(super) reason: Option<Reason>,
}

impl PatientInput {
    /// The input in the words of the domain, or every field that is not right.
    pub(super) fn parse(&self) -> Result<ParsedInput, Problem> {
        let mut violations = Vec::new();
        let identity = self.identity(&mut violations);
        let contact = self.contact(&mut violations);
        let insurance = self.insurance.as_ref().and_then(|insurance| insurance.parse(&mut violations));
        let reason = parse_optional(self.reason.as_ref(), "reason", &mut violations);
        match identity {
            Some(identity) if violations.is_empty() => Ok(ParsedInput {
                details: PatientDetails { identity, contact, coverage: Coverage { insurance } },
                confirm_distinct: self.confirm_distinct.unwrap_or(false),
                reason,
            }),
            _ => Err(Problem::validation_failed(violations)),
        }
    }

    /// Every field is parsed, so that every violation is found, before the first missing one ends it.
    fn identity(&self, violations: &mut Vec<Violation>) -> Option<Identity> {
        let last_name = self.last_name.parse("lastName", violations);
        let first_name = self.first_name.parse("firstName", violations);
        let birth_date = self.birth_date.parse("birthDate", violations);
        let gender = self.gender.parse("gender", violations);
        let nationality = parse_optional(self.nationality.as_ref(), "nationality", violations);
        let id_number = parse_optional(self.id_number.as_ref(), "idNumber", violations);
        let ins = self.ins.as_ref().and_then(|ins| {
            let matricule = ins.matricule.parse("ins.matricule", violations);
            let authority = ins.oid.parse("ins.oid", violations);
            Some(Ins { matricule: matricule?, authority: authority? })
        });
        Some(Identity {
            last_name: last_name?,
            first_name: first_name?,
            birth_date: birth_date?,
            gender: gender?,
            nationality,
            id_number,
            ins,
        })
    }

    fn contact(&self, violations: &mut Vec<Violation>) -> Contact {
        let address = self.address.as_ref().map(|address| address.parse(violations)).unwrap_or_default();
        let given = self.contact.as_ref();
        let emergency = given.and_then(|given| given.emergency_contact.as_ref());
        Contact {
            address,
            phone: parse_optional(given.and_then(|given| given.phone.as_ref()), "contact.phone", violations),
            email: parse_optional(given.and_then(|given| given.email.as_ref()), "contact.email", violations),
            emergency_contact: emergency.and_then(|emergency| emergency.parse(violations)),
        }
    }
}

impl AddressInput {
    fn parse(&self, violations: &mut Vec<Violation>) -> Address {
        Address {
            street: parse_optional(self.street.as_ref(), "address.street", violations),
            city: parse_optional(self.city.as_ref(), "address.city", violations),
            postal_code: parse_optional(self.postal_code.as_ref(), "address.postalCode", violations),
            country: parse_optional(self.country.as_ref(), "address.country", violations),
        }
    }
}

impl EmergencyContactInput {
    fn parse(&self, violations: &mut Vec<Violation>) -> Option<EmergencyContact> {
        let name = self.name.parse("contact.emergencyContact.name", violations);
        let relationship =
            parse_optional(self.relationship.as_ref(), "contact.emergencyContact.relationship", violations);
        let phone = parse_optional(self.phone.as_ref(), "contact.emergencyContact.phone", violations);
        Some(EmergencyContact { name: name?, relationship, phone })
    }
}

impl InsuranceInput {
    fn parse(&self, violations: &mut Vec<Violation>) -> Option<Insurance> {
        let provider = self.provider.parse("insurance.provider", violations);
        let number = parse_optional(self.number.as_ref(), "insurance.number", violations);
        let kind = parse_optional_code(self.r#type.as_ref(), "insurance.type", violations);
        Some(Insurance { provider: provider?, number, kind })
    }
}
