//! A code of the domain (a gender, a status …) on its way in: one of a few words, which the OpenAPI document lists.

use std::borrow::Cow;
use std::marker::PhantomData;

use domain::values::CodeValue;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::problem::{Problem, Violation};

/// The raw word for a `V`. In a body it is parsed by the handler, as [`super::unparsed::Unparsed`] is; as a query parameter it
/// is refused by the frame if it is none of the listed ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnparsedCode<V> {
    raw: String,
    value: PhantomData<fn() -> V>,
}

impl<V: CodeValue> UnparsedCode<V> {
    /// The value, or a violation at `field` added to the others.
    pub fn parse(&self, field: &str, violations: &mut Vec<Violation>) -> Option<V> {
        V::parse(&self.raw).map_err(|broken| violations.push(broken.at(field).into())).ok()
    }

    /// The value of a query or path parameter, which the frame has already let pass.
    pub fn parameter(&self, name: &str) -> Result<V, Problem> {
        V::parse(&self.raw).map_err(|broken| Problem::invalid_parameter(name, broken.rule, broken.detail))
    }
}

/// The same for a field that may be left out: absent is no violation.
pub fn parse_optional_code<V: CodeValue>(
    wire: Option<&UnparsedCode<V>>,
    field: &str,
    violations: &mut Vec<Violation>,
) -> Option<V> {
    wire.and_then(|wire| wire.parse(field, violations))
}

impl<V> From<String> for UnparsedCode<V> {
    fn from(raw: String) -> Self {
        Self { raw, value: PhantomData }
    }
}

impl<'de, V> Deserialize<'de> for UnparsedCode<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl<V: CodeValue> Type for UnparsedCode<V> {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some(V::DESCRIPTION),
            enum_items: V::ACCEPTED.iter().map(|word| Value::from(*word)).collect(),
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

impl<V: CodeValue> ParseFromParameter for UnparsedCode<V> {
    fn parse_from_parameter(raw: &str) -> ParseResult<Self> {
        V::parse(raw).map_err(|broken| ParseError::custom(broken.detail))?;
        Ok(raw.to_owned().into())
    }
}

/// Needed by the `Object` derive; bodies are read by serde.
impl<V: CodeValue> ParseFromJSON for UnparsedCode<V> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value {
            Some(Value::String(raw)) => Ok(raw.into()),
            other => Err(ParseError::expected_type(other.unwrap_or_default())),
        }
    }
}

impl<V: CodeValue> ToJSON for UnparsedCode<V> {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.raw.clone()))
    }
}

#[cfg(test)]
mod tests {
    use domain::values::Gender;

    use super::*;

    #[test]
    fn every_listed_word_is_accepted_and_no_other() {
        let MetaSchemaRef::Inline(schema) = UnparsedCode::<Gender>::schema_ref() else { panic!("a reference") };
        assert!(!schema.enum_items.is_empty());
        let mut violations = Vec::new();
        for word in schema.enum_items.iter().filter_map(Value::as_str) {
            assert!(UnparsedCode::<Gender>::from(word.to_owned()).parse("gender", &mut violations).is_some(), "{word}");
        }
        assert!(UnparsedCode::<Gender>::from("neither".to_owned()).parse("gender", &mut violations).is_none());
        assert_eq!(violations.len(), 1);
    }
}
