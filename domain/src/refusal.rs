//! What a refusal means to whoever sent the command, without saying which aggregate refused.
//!
//! ```text
//!   aggregate's error ── refusal() ──► NotThere   the client sees 404
//!                                      NotNow     the client sees 409, with the error's message
//!                                      Invalid    the client sees 422, with the fields
//!                                      Other      the service that owns the operation answers in its own words
//! ```

use crate::values::Violation;

/// The kind of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<E> {
    /// What the command names does not exist.
    NotThere,
    /// The aggregate's state does not allow the command. The text is a sentence for the client.
    NotNow(String),
    /// Fields of the command break rules.
    Invalid(Vec<Violation>),
    /// The refusal has a problem code of its own. The error comes back as it was, for the service that shows it.
    Other(E),
}

impl<E> Refusal<E> {
    /// The same refusal where the error is a part of another one.
    pub fn map<F>(self, into: impl FnOnce(E) -> F) -> Refusal<F> {
        match self {
            Self::NotThere => Refusal::NotThere,
            Self::NotNow(sentence) => Refusal::NotNow(sentence),
            Self::Invalid(violations) => Refusal::Invalid(violations),
            Self::Other(error) => Refusal::Other(into(error)),
        }
    }
}

/// An error that refuses a command. Every aggregate's error is one.
pub trait Refused: std::error::Error + Sized {
    /// Which kind of refusal it is.
    fn refusal(self) -> Refusal<Self>;

    /// The error's message as a sentence: "The patient is archived."
    fn sentence(&self) -> String {
        let message = self.to_string();
        let mut letters = message.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        format!("{first}{}.", letters.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str);

    impl Refused for Said {
        fn refusal(self) -> Refusal<Self> {
            Refusal::Other(self)
        }
    }

    #[test]
    fn a_message_becomes_a_sentence_whatever_letter_it_begins_with() {
        for (message, sentence) in [
            ("the patient is archived", "The patient is archived."),
            ("à demain", "À demain."),
            ("2 field(s) are not right", "2 field(s) are not right."),
            ("", "."),
        ] {
            assert_eq!(Said(message).sentence(), sentence);
        }
    }

    #[test]
    fn a_refusal_inside_another_error_stays_the_same_refusal() {
        let wrap = |refusal: Refusal<Said>| refusal.map(|Said(text)| text.len());
        assert_eq!(wrap(Said("taken").refusal()), Refusal::Other(5));
        assert_eq!(wrap(Refusal::NotThere), Refusal::NotThere);
        assert_eq!(wrap(Refusal::NotNow("Too late.".to_owned())), Refusal::NotNow("Too late.".to_owned()));
        assert_eq!(wrap(Refusal::Invalid(Vec::new())), Refusal::Invalid(Vec::new()));
    }
}
