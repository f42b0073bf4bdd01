//! Parameters of path, query and headers as types: each says in the OpenAPI document exactly what it accepts, and
//! accepts nothing else. The library's own integers take `+5` and `007`, its UUIDs take four spellings.

use std::fmt;

use poem_openapi::registry::MetaSchema;
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::declared_headers::RequestHeader;

/// A parameter that is parsed from one text value.
pub trait TextParameter: Sized + Send + Sync {
    /// The type's name, for the library's own use.
    const NAME: &'static str;

    /// What the OpenAPI document says of it.
    fn schema() -> MetaSchema;

    /// The value, or a sentence on what it must be. The sentence must not repeat what was given.
    fn parse(text: &str) -> Result<Self, String>;
}

/// Makes a [`TextParameter`] usable in `Path<…>`, `Query<Option<…>>` and `Header<Option<…>>`.
#[macro_export]
macro_rules! text_parameter {
    ($type:ty) => {
        impl poem_openapi::types::Type for $type {
            const IS_REQUIRED: bool = true;

            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                <Self as $crate::parameter::TextParameter>::NAME.into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                let schema = <Self as $crate::parameter::TextParameter>::schema();
                poem_openapi::registry::MetaSchemaRef::Inline(Box::new(schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(self.as_raw_value().into_iter())
            }
        }

        impl poem_openapi::types::ParseFromParameter for $type {
            fn parse_from_parameter(value: &str) -> poem_openapi::types::ParseResult<Self> {
                <Self as $crate::parameter::TextParameter>::parse(value)
                    .map_err(poem_openapi::types::ParseError::custom)
            }
        }
    };
}

/// A UUID in its hyphenated form, which is the only one that OpenAPI's `format: uuid` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrictUuid(pub Uuid);

impl TextParameter for StrictUuid {
    const NAME: &'static str = "strict_uuid";

    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "uuid")
    }

    fn parse(text: &str) -> Result<Self, String> {
        let hyphenated = text.len() == 36;
        let parsed = hyphenated.then(|| Uuid::try_parse(text).ok()).flatten();
        parsed.map(Self).ok_or_else(|| "Must be a UUID in its hyphenated form.".to_owned())
    }
}

text_parameter!(StrictUuid);

/// In bodies, which serde reads.
impl<'de> Deserialize<'de> for StrictUuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Needed by the `Object` derive; bodies are read by serde.
impl ParseFromJSON for StrictUuid {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
    }
}

impl ToJSON for StrictUuid {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.to_string()))
    }
}

/// The schema of an integer between two bounds.
pub fn integer_schema(minimum: u32, maximum: u32, default: Option<u32>) -> MetaSchema {
    MetaSchema {
        minimum: Some(minimum.into()),
        maximum: Some(maximum.into()),
        default: default.map(|value| json!(value)),
        ..MetaSchema::new_with_format("integer", "int32")
    }
}

/// An integer written as JSON writes it: digits alone, no leading zero.
pub fn parse_integer(text: &str, minimum: u32, maximum: u32) -> Result<u32, String> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let value = canonical.then(|| text.parse().ok()).flatten();
    value
        .filter(|value| (minimum..=maximum).contains(value))
        .ok_or_else(|| format!("Must be an integer from {minimum} to {maximum}."))
}

/// The key under which a client may repeat a POST without it being done twice (`Idempotency-Key`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// As given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TextParameter for IdempotencyKey {
    const NAME: &'static str = "idempotency_key";

    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(255),
            pattern: Some("^[!-~]+$".to_owned()),
            ..MetaSchema::new("string")
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let valid = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        valid.then(|| Self(text.to_owned())).ok_or_else(|| "Must be 1 to 255 visible ASCII characters.".to_owned())
    }
}

text_parameter!(IdempotencyKey);

impl RequestHeader for IdempotencyKey {
    const HEADER: &'static str = "Idempotency-Key";
    const MEANING: &'static str = "Under which the request may be repeated: what it asks for is done once.";
}

/// What to search a list for: words in any order, of one to 200 characters together.
#[derive(Clone, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// As given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Without the text: people search for people.
impl fmt::Debug for SearchText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SearchText(…)")
    }
}

impl TextParameter for SearchText {
    const NAME: &'static str = "search_text";

    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(200),
            pattern: Some(r"^[^\u0000-\u001F\u007F-\u009F]+$".to_owned()),
            ..MetaSchema::new("string")
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let valid = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        valid
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| "Must be 1 to 200 characters without control characters.".to_owned())
    }
}

text_parameter!(SearchText);

/// Yes or no, as JSON writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrictBool(pub bool);

impl TextParameter for StrictBool {
    const NAME: &'static str = "strict_bool";

    fn schema() -> MetaSchema {
        MetaSchema::new("boolean")
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err("Must be `true` or `false`.".to_owned()),
        }
    }
}

text_parameter!(StrictBool);

/// The preferences of RFC 7240 that are known here; others are ignored, as that RFC asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    /// Answer as soon as the change is durable, without waiting for the read models.
    pub respond_async: bool,
}

impl TextParameter for Prefer {
    const NAME: &'static str = "prefer";

    fn schema() -> MetaSchema {
        MetaSchema { max_length: Some(255), example: Some(json!("respond-async")), ..MetaSchema::new("string") }
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.len() > 255 {
            return Err("Must be at most 255 characters.".to_owned());
        }
        let names = text.split(',').map(|preference| preference.split(['=', ';']).next().unwrap_or_default().trim());
        Ok(Self { respond_async: names.into_iter().any(|name| name.eq_ignore_ascii_case("respond-async")) })
    }
}

text_parameter!(Prefer);

impl RequestHeader for Prefer {
    const HEADER: &'static str = "Prefer";
    const MEANING: &'static str = "`respond-async` to skip the wait for the read models.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hyphenated_form_of_a_uuid_is_accepted() {
        let id = Uuid::from_u128(0x0198_0a3e_0000_7000_8000_0000_0000_00ab);
        assert_eq!(StrictUuid::parse(&id.to_string()), Ok(StrictUuid(id)));
        assert_eq!(StrictUuid::parse(&id.to_string().to_uppercase()), Ok(StrictUuid(id)));
        for text in [id.simple().to_string(), id.urn().to_string(), id.braced().to_string(), String::new()] {
            assert!(StrictUuid::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_integer_is_digits_alone_within_its_bounds() {
        assert_eq!(parse_integer("200", 1, 200), Ok(200));
        for text in ["", "0", "201", "+5", "-1", "007", "1.0", "1e2", " 1", "99999999999", "٣"] {
            assert!(parse_integer(text, 1, 200).is_err(), "{text}");
        }
    }

    #[test]
    fn an_idempotency_key_is_visible_ascii() {
        assert!(IdempotencyKey::parse("a-1").is_ok());
        for text in [String::new(), "a b".to_owned(), "é".to_owned(), "x".repeat(256)] {
            assert!(IdempotencyKey::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_search_is_of_visible_text() {
        assert!(SearchText::parse("élo du").is_ok());
        for text in [String::new(), "a\tb".to_owned(), "x".repeat(201)] {
            assert!(SearchText::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn respond_async_is_found_among_other_preferences() {
        assert_eq!(Prefer::parse("handling=strict, Respond-Async; x=1"), Ok(Prefer { respond_async: true }));
        assert_eq!(Prefer::parse("return=minimal"), Ok(Prefer::default()));
    }
}
