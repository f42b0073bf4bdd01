//! A value of the domain on its way in: the text as sent, with the bounds of its type in the OpenAPI document. It is
//! parsed by the handler, which gathers every violation of a body before it refuses, each with its field. As a query
//! parameter it is refused by the frame.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use domain::values::{self, TextValue};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::problem::{Problem, Violation};

/// The raw text of a `V`.
pub struct Unparsed<V> {
    raw: String,
    value: PhantomData<fn() -> V>,
}

impl<V: TextValue> Unparsed<V> {
    /// The value, or a violation at `field` added to the others.
    pub fn parse(&self, field: &str, violations: &mut Vec<Violation>) -> Option<V> {
        V::parse(&self.raw).map_err(|broken| violations.push(broken.at(field).into())).ok()
    }

    /// The value of a query or path parameter, which the frame has already let pass.
    pub fn parameter(&self, name: &str) -> Result<V, Problem> {
        V::parse(&self.raw).map_err(|broken| Problem::invalid_parameter(name, broken.rule, broken.detail))
    }

    /// As sent.
    pub fn raw(&self) -> &str {
        &self.raw
    }
}

/// The same for a field that may be left out: absent is no violation.
pub fn parse_optional<V: TextValue>(
    wire: Option<&Unparsed<V>>,
    field: &str,
    violations: &mut Vec<Violation>,
) -> Option<V> {
    wire.and_then(|wire| wire.parse(field, violations))
}

impl From<values::Violation> for Violation {
    fn from(violation: values::Violation) -> Self {
        Self::new(violation.field, violation.rule, violation.detail)
    }
}

impl From<Vec<values::Violation>> for Problem {
    fn from(violations: Vec<values::Violation>) -> Self {
        Self::validation_failed(violations.into_iter().map(Violation::from).collect())
    }
}

impl<V> From<String> for Unparsed<V> {
    fn from(raw: String) -> Self {
        Self { raw, value: PhantomData }
    }
}

impl<V> Clone for Unparsed<V> {
    fn clone(&self) -> Self {
        self.raw.clone().into()
    }
}

impl<V> PartialEq for Unparsed<V> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

/// Without the text: it may be personal data, and `Debug` ends up in logs.
impl<V> fmt::Debug for Unparsed<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unparsed(…)")
    }
}

impl<'de, V> Deserialize<'de> for Unparsed<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl<V: TextValue> Type for Unparsed<V> {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            format: V::FORMAT,
            description: Some(V::DESCRIPTION),
            example: Some(json!(V::EXAMPLE)),
            // 0 is the default, and needs no saying.
            min_length: (V::MIN_LENGTH > 0).then_some(V::MIN_LENGTH),
            max_length: Some(V::MAX_LENGTH),
            pattern: V::PATTERN.map(str::to_owned),
            ..MetaSchema::new("string")
        }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl<V: TextValue> ParseFromParameter for Unparsed<V> {
    fn parse_from_parameter(raw: &str) -> ParseResult<Self> {
        V::parse(raw).map_err(|broken| ParseError::custom(broken.detail))?;
        Ok(raw.to_owned().into())
    }
}

/// Needed by the `Object` derive; bodies are read by serde.
impl<V: TextValue> ParseFromJSON for Unparsed<V> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value {
            Some(Value::String(raw)) => Ok(raw.into()),
            other => Err(ParseError::expected_type(other.unwrap_or_default())),
        }
    }
}

impl<V: TextValue> ToJSON for Unparsed<V> {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.raw.clone()))
    }
}

#[cfg(test)]
mod tests {
    use domain::values::EmailAddress;
    use poem_openapi::Object;

    use super::*;
    use crate::strict_json;

    #[derive(Object, Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Contact {
        email: Unparsed<EmailAddress>,
        #[allow(dead_code)]
        second: Option<Unparsed<EmailAddress>>,
    }

    #[test]
    fn a_value_is_parsed_after_the_body_and_its_violation_has_its_field() {
        let contact: Contact = strict_json::parse(br#"{"email":"not an address"}"#).unwrap();
        let mut violations = Vec::new();
        assert!(contact.email.parse("contact.email", &mut violations).is_none());
        assert_eq!(violations[0].field, "contact.email");
    }

    #[test]
    fn the_schema_publishes_the_bounds_of_the_type() {
        let MetaSchemaRef::Inline(schema) = Unparsed::<EmailAddress>::schema_ref() else { panic!("a reference") };
        assert_eq!(schema.format, Some("email"));
        assert_eq!(schema.max_length, Some(EmailAddress::MAX_LENGTH));
        assert_eq!(schema.pattern.as_deref(), EmailAddress::PATTERN);
    }
}
