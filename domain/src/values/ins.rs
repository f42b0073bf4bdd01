//! The national health identity of a patient.

use serde::{Deserialize, Serialize};

use super::code::code_value;
use super::{CodeValue, Nir, RuleBroken, TextValue, Violation};

/// An INS (identité nationale de santé): the matricule, and the OID of who assigned it. One matricule under two OIDs is
/// two identities.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ins {
    /// The NIR or NIA with its key: both have the same form.
    pub matricule: Nir,
    /// Who assigned it.
    #[serde(rename = "oid")]
    pub authority: InsAuthority,
}

code_value! {
    /// Who assigns the matricule of an INS, by OID. Source: Agence du numérique en santé, "Liste des OID des autorités
    /// d'affectation des INS".
    InsAuthority("ins_oid", "OID of the authority that assigned the INS matricule.") {
        /// A NIR.
        Nir = "1.2.250.1.213.1.4.8",
        /// A NIA (numéro identifiant d'attente), before the NIR is certified.
        Nia = "1.2.250.1.213.1.4.9",
        /// A made-up NIR for tests.
        Test = "1.2.250.1.213.1.4.10",
        /// A made-up NIR for demonstrations.
        Demonstration = "1.2.250.1.213.1.4.11",
    }
}

impl Ins {
    /// An identity from its two parts; a refusal is at `matricule` or at `oid`.
    pub fn parse(matricule: &str, oid: &str) -> Result<Self, Violation> {
        let at = |field: &'static str| move |broken: RuleBroken| broken.at(field);
        Ok(Self {
            matricule: Nir::parse(matricule).map_err(at("matricule"))?,
            authority: InsAuthority::parse(oid).map_err(at("oid"))?,
        })
    }

    /// Whether the identity is of nobody: assigned for tests or demonstrations.
    pub fn is_made_up(&self) -> bool {
        matches!(self.authority, InsAuthority::Test | InsAuthority::Demonstration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ins_is_a_matricule_and_the_oid_of_who_assigned_it() {
        let ins = Ins::parse("2 79 03 51 215 189 89", "1.2.250.1.213.1.4.10").unwrap();
        assert!(ins.is_made_up());
        assert_eq!(
            serde_json::to_string(&ins).unwrap(),
            r#"{"matricule":"279035121518989","oid":"1.2.250.1.213.1.4.10"}"#
        );
        assert!(!Ins::parse("279035121518989", "1.2.250.1.213.1.4.8").unwrap().is_made_up());
    }

    #[test]
    fn a_refusal_names_the_part() {
        let key = Ins::parse("279035121518988", "1.2.250.1.213.1.4.8").unwrap_err();
        assert_eq!((key.field.as_str(), key.rule), ("matricule", "nir_key"));
        let oid = Ins::parse("279035121518989", "1.2.250.1.213.1.4.2").unwrap_err();
        assert_eq!((oid.field.as_str(), oid.rule), ("oid", "ins_oid"));
    }

    #[test]
    fn a_debug_print_shows_no_number() {
        let ins = Ins::parse("279035121518989", "1.2.250.1.213.1.4.10").unwrap();
        assert!(!format!("{ins:?}").contains("279"));
    }
}
