//! Personal data on its way out of the log: what was written under a patient's key may have been erased since.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A personal value as read from the log: there, or forgotten because the data key of its subject was destroyed (GDPR
/// art. 17). Every reader has to say what it does without the value.
///
/// In JSON a forgotten value is `null` or absent. In an event, the field of this type is named `personal`: the log
/// encrypts what stands there and nothing else.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Revealed<T> {
    /// The value, decrypted.
    Value(T),
    /// Unreadable for ever.
    #[default]
    Forgotten,
}

impl<T> Revealed<T> {
    /// The value, if it is still there.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Forgotten => None,
        }
    }

    /// The value itself, if it is still there.
    pub fn into_value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Forgotten => None,
        }
    }

    /// The same of a part of the value.
    pub fn map<U>(self, part: impl FnOnce(T) -> U) -> Revealed<U> {
        match self {
            Self::Value(value) => Revealed::Value(part(value)),
            Self::Forgotten => Revealed::Forgotten,
        }
    }

    /// A borrowed view.
    pub fn as_ref(&self) -> Revealed<&T> {
        match self {
            Self::Value(value) => Revealed::Value(value),
            Self::Forgotten => Revealed::Forgotten,
        }
    }
}

/// Shows whether there is a value, never the value: a debug print must not carry personal data into a log.
impl<T> fmt::Debug for Revealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "Value(…)",
            Self::Forgotten => "Forgotten",
        })
    }
}

impl<T: Serialize> Serialize for Revealed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Revealed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Forgotten, Self::Value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_there_until_it_is_forgotten() {
        let (known, forgotten) = (Revealed::Value(7), Revealed::<i32>::Forgotten);
        assert_eq!((known.into_value(), forgotten.into_value()), (Some(7), None));
        assert_eq!(
            (known.map(|number| number + 1), forgotten.map(|number| number + 1)),
            (Revealed::Value(8), Revealed::Forgotten)
        );
    }

    #[test]
    fn a_debug_print_says_whether_there_is_a_value_and_not_which() {
        assert_eq!(format!("{:?} {:?}", Revealed::Value("Zoé"), Revealed::<&str>::Forgotten), "Value(…) Forgotten");
    }
}
