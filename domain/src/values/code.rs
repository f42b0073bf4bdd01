//! Values that are one of a short list of codes.

use super::RuleBroken;

/// A value that travels as one of a few strings. The API publishes [`CodeValue::ACCEPTED`] as the `enum` of its schema.
///
/// A code that was ever written is never withdrawn from its type, so every stored event loads.
pub trait CodeValue: Sized + Copy + 'static {
    /// Every value, in the order of its declaration.
    const ALL: &'static [Self];
    /// Every string that `parse` takes: the codes, and the words the existing web client writes for them.
    const ACCEPTED: &'static [&'static str];
    /// What the value is, in one sentence.
    const DESCRIPTION: &'static str;

    /// The value of a code, taken exactly as written.
    fn parse(raw: &str) -> Result<Self, RuleBroken>;

    /// The code that events and answers carry.
    fn code(self) -> &'static str;
}

/// Declares an enum with its [`CodeValue`] and serde as its code. Further words after a code (`"public" | "Publique"`)
/// are read as it and never written.
macro_rules! code_value {
    (
        $(#[$doc:meta])* $name:ident($rule:literal, $description:literal) {
            $($(#[$variant_doc:meta])* $variant:ident = $code:literal $(| $alias:literal)*,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $code $(, alias = $alias)*)] $variant,)+
        }

        impl $crate::values::CodeValue for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];
            const ACCEPTED: &'static [&'static str] = &[$($code, $($alias,)*)+];
            const DESCRIPTION: &'static str = $description;

            fn parse(raw: &str) -> Result<Self, $crate::values::RuleBroken> {
                match raw {
                    $($code $(| $alias)* => Ok(Self::$variant),)+
                    _ => Err($crate::values::RuleBroken::new(
                        $rule,
                        format!("The value must be one of: {}.", Self::ACCEPTED.join(", ")),
                    )),
                }
            }

            fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }
    };
}
pub(crate) use code_value;

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::{Serialize, de::DeserializeOwned};

    use super::*;
    use crate::appointment::{AppointmentPriority, AppointmentStatus, AppointmentType};
    use crate::availability::LeaveKind;
    use crate::reminder::ReminderFailure;
    use crate::role::Role;
    use crate::scheduling::Repeated;
    use crate::user::{LoginMethod, PasswordOccasion, RefusalCause, SessionEnder, UserStatus};
    use crate::values::{Channel, Gender, InsAuthority, InsuranceKind, PatientStatus};

    fn codes_round_trip<T: CodeValue + Serialize + DeserializeOwned + PartialEq + Debug>() {
        for value in T::ALL {
            assert_eq!(T::parse(value.code()).as_ref(), Ok(value));
            let json = serde_json::to_value(value).unwrap();
            assert_eq!(json, value.code());
            assert_eq!(serde_json::from_value::<T>(json).unwrap(), *value);
        }
        for word in T::ACCEPTED {
            assert!(T::parse(word).is_ok(), "{word}");
        }
        for stranger in ["", " ", "MALE", "Active", "1.2.250.1.213.1.4.7"] {
            assert!(T::parse(stranger).is_err(), "{stranger}");
        }
    }

    #[test]
    fn every_code_is_read_as_it_is_written_and_nothing_else_is() {
        codes_round_trip::<AppointmentPriority>();
        codes_round_trip::<AppointmentStatus>();
        codes_round_trip::<AppointmentType>();
        codes_round_trip::<Gender>();
        codes_round_trip::<PatientStatus>();
        codes_round_trip::<InsuranceKind>();
        codes_round_trip::<InsAuthority>();
        codes_round_trip::<LoginMethod>();
        codes_round_trip::<PasswordOccasion>();
        codes_round_trip::<RefusalCause>();
        codes_round_trip::<SessionEnder>();
        codes_round_trip::<UserStatus>();
        codes_round_trip::<Role>();
        codes_round_trip::<LeaveKind>();
        codes_round_trip::<Repeated>();
        codes_round_trip::<Channel>();
        codes_round_trip::<ReminderFailure>();
    }
}
