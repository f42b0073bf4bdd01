//! Who pays: the insurance of a patient.

use serde::{Deserialize, Serialize};

use super::code::code_value;
use super::id_number::{DOCUMENT_NUMBER_PATTERN, document_number};
use super::text::{PROSE_PATTERN, prose, text_value};

/// The insurance of a patient.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Insurance {
    /// The fund or company.
    pub provider: InsuranceProvider,
    /// The number of the insured person there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<InsuranceNumber>,
    /// Public or private.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<InsuranceKind>,
}

text_value! {
    /// The name of an insurance fund or company.
    InsuranceProvider {
        length: 1 to 120,
        pattern: Some(PROSE_PATTERN),
        format: None,
        description: "Name of the insurance fund or company.",
        example: "CPAM",
        accept: prose,
    }

    /// The number of an insured person, in whatever form the insurer gives it.
    InsuranceNumber {
        length: 1 to 40,
        pattern: Some(DOCUMENT_NUMBER_PATTERN),
        format: None,
        description: "Number of the insured person at the insurer.",
        example: "SAN987654321",
        accept: document_number,
    }
}

code_value! {
    /// The kind of an insurance. The existing web client stores the words of its French and Spanish screens; they are
    /// read as the code they mean.
    InsuranceKind("insurance_type_code", "Whether the insurance is public or private.") {
        /// A compulsory scheme, such as the Assurance maladie.
        Public = "public" | "Publique" | "Pública",
        /// A private insurer or mutual.
        Private = "private" | "Privée" | "Privada",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::CodeValue;

    #[test]
    fn what_the_existing_client_stores_is_read() {
        let stored = r#"{"provider":"Sanitas","number":"SAN987654321","type":"Privada"}"#;
        let insurance: Insurance = serde_json::from_str(stored).unwrap();
        assert_eq!(insurance.kind, Some(InsuranceKind::Private));
        assert_eq!(InsuranceKind::parse("Publique"), Ok(InsuranceKind::Public));
        assert_eq!(
            serde_json::to_string(&insurance).unwrap(),
            r#"{"provider":"Sanitas","number":"SAN987654321","type":"private"}"#
        );
    }
}
