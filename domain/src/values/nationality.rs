//! The nationality of a patient.

use super::name::{NAME_PATTERN, name};
use super::text::text_value;

text_value! {
    /// The nationality in words, as the existing web client writes it: the adjective in the language of its screen
    /// (`Française`, `Española`), neither a country's name nor a code. No rule of the practice depends on it and the
    /// national identity (INS) has no such trait, so it is kept as written instead of being guessed into a code.
    Nationality {
        length: 1 to 60,
        pattern: Some(NAME_PATTERN),
        format: None,
        description: "Nationality in words.",
        example: "Française",
        accept: name,
    }
}
