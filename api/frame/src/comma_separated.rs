//! Query parameters that take several values at once: `status=scheduled,confirmed`. A parameter is given once (see
//! [`super::query`]), so its values are separated by commas.

use std::borrow::Cow;

use super::parameter::{StrictUuid, TextParameter};
use domain::values::CodeValue;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, Type};

/// No parameter takes more values.
const MOST: usize = 50;

/// A value that may stand among others.
pub trait Item: Sized + Send + Sync {
    /// What one looks like, without anchors.
    fn pattern() -> String;

    /// The value, or a sentence on what it must be.
    fn parse(text: &str) -> Result<Self, String>;
}

impl Item for StrictUuid {
    fn pattern() -> String {
        "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        <Self as TextParameter>::parse(text)
    }
}

impl<V: CodeValue + Send + Sync> Item for V {
    fn pattern() -> String {
        format!("({})", V::ACCEPTED.join("|"))
    }

    fn parse(text: &str) -> Result<Self, String> {
        <V as CodeValue>::parse(text).map_err(|_| format!("Must be some of: {}.", V::ACCEPTED.join(", ")))
    }
}

/// One value or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommaSeparated<T> {
    values: Vec<T>,
    text: String,
}

impl<T: Item> CommaSeparated<T> {
    /// The values, in the order in which they were given.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// As given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<T: Item> Type for CommaSeparated<T> {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "several".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let item = T::pattern();
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some("One value, or several separated by commas; at most 50."),
            pattern: Some(format!("^{item}(,{item}){{0,{}}}$", MOST - 1)),
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

impl<T: Item> ParseFromParameter for CommaSeparated<T> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        if text.split(',').count() > MOST {
            return Err(ParseError::custom(format!("Must be at most {MOST} values.")));
        }
        let values = text.split(',').map(T::parse).collect::<Result<Vec<_>, _>>().map_err(ParseError::custom)?;
        Ok(Self { values, text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use domain::appointment::AppointmentStatus;

    use super::*;

    fn parse<T: Item>(text: &str) -> Option<Vec<T>> {
        CommaSeparated::parse_from_parameter(text).ok().map(|several: CommaSeparated<T>| several.values)
    }

    #[test]
    fn values_are_separated_by_commas_and_nothing_else() {
        use AppointmentStatus::{Confirmed, Scheduled};
        assert_eq!(parse("scheduled,confirmed"), Some(vec![Scheduled, Confirmed]));
        for text in ["", "scheduled,", ",scheduled", "scheduled, confirmed", "scheduled;confirmed", "Scheduled"] {
            assert_eq!(parse::<AppointmentStatus>(text), None, "{text}");
        }
        let id = uuid::Uuid::from_u128(0x0198_0a3e_0000_7000_8000_0000_0000_00ab);
        assert_eq!(parse(&format!("{id},{id}")), Some(vec![StrictUuid(id), StrictUuid(id)]));
        assert_eq!(parse::<StrictUuid>(&id.simple().to_string()), None);
        assert_eq!(parse::<StrictUuid>(&vec![id.to_string(); MOST + 1].join(",")), None);
    }
}
