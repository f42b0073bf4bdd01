//! Moments as parameters and in bodies.

use jiff::Timestamp;
use poem_openapi::registry::MetaSchema;
use serde_json::json;

use super::parameter::TextParameter;
use crate::text_parameter;

/// A moment, as RFC 3339 writes it, with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// The instant that a text in a body means, or a sentence on what it must be.
    pub fn parse_text(text: &str) -> Result<Timestamp, String> {
        Self::parse(text).map(|moment| moment.0)
    }
}

impl TextParameter for Moment {
    const NAME: &'static str = "moment";

    fn schema() -> MetaSchema {
        MetaSchema {
            example: Some(json!("2026-03-01T08:00:00Z")),
            max_length: Some(LONGEST_MOMENT),
            ..MetaSchema::new_with_format("string", "date-time")
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        // The library reads other forms of ISO 8601 as well.
        let at =
            |place: usize, letters: &[u8]| text.as_bytes().get(place).is_some_and(|letter| letters.contains(letter));
        let plain = at(4, b"-") && at(10, b"Tt") && at(16, b":") && !text.contains(['[', ',']);
        let parsed = plain.then(|| text.parse().ok()).flatten().filter(|_| text.len() <= LONGEST_MOMENT);
        parsed.map(Self).ok_or_else(|| "Must be a moment in RFC 3339 form, with an offset.".to_owned())
    }
}

text_parameter!(Moment);

/// RFC 3339 with nanoseconds and an offset.
const LONGEST_MOMENT: usize = 35;
