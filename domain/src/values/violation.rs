//! What a parser says of a value it refuses, and what the client is told.

use serde::Serialize;

/// A value broke a rule. The parser knows which; only its caller knows in which field ([`RuleBroken::at`]).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct RuleBroken {
    /// The stable snake_case name of the rule, such as `nir_key`.
    pub rule: &'static str,
    /// The value's problem in one sentence, without the value: it may be personal data.
    pub detail: String,
}

impl RuleBroken {
    /// A broken rule and its one sentence.
    pub fn new(rule: &'static str, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }

    /// The same, in the field where the value stood.
    pub fn at(self, field: impl Into<String>) -> Violation {
        Violation { field: field.into(), rule: self.rule, detail: self.detail }
    }
}

/// A refused field of a request, as it stands in `violations[]` of a problem answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct Violation {
    /// The JSON path of the field, such as `contact.phone`.
    pub field: String,
    /// The stable snake_case name of the rule.
    pub rule: &'static str,
    /// The value's problem in one sentence, without the value.
    pub detail: String,
}

impl Violation {
    /// The same violation seen from the object that holds the field's object: `postalCode` under `address` is
    /// `address.postalCode`.
    pub fn under(mut self, parent: &str) -> Self {
        self.field = format!("{parent}.{}", self.field);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_names_the_whole_path_of_its_field() {
        let violation = RuleBroken::new("phone_format", "This is not a phone number.").at("phone").under("contact");
        assert_eq!(violation.field, "contact.phone");
        assert_eq!(violation.rule, "phone_format");
    }
}
