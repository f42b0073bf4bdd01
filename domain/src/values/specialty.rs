//! What a health professional is specialised in.

use super::RuleBroken;
use super::text::text_value;

/// The reference list TRE_R38 (spécialité ordinale) of the Agence du numérique en santé: a code and a label a line.
const LIST: &str = include_str!("specialties.tsv");

text_value! {
    /// A specialty as the French professional orders register it: a code of the reference list TRE_R38.
    Specialty {
        length: 4 to 5,
        pattern: Some("^[A-Z]{2,3}[0-9]{2}$"),
        format: None,
        description: "Specialty: a code of the reference list TRE_R38 (ANS).",
        example: "SM54",
        accept: specialty,
    }
}

impl Specialty {
    /// Every specialty of the list: code and label.
    pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
        LIST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'))
    }

    /// Its label, in French; none if the list no longer has it.
    pub fn label(&self) -> Option<&'static str> {
        Self::all().find(|(code, _)| *code == self.0).map(|(_, label)| label)
    }
}

fn specialty(raw: &str) -> Result<String, RuleBroken> {
    if Specialty::all().any(|(code, _)| code == raw) {
        return Ok(raw.to_owned());
    }
    Err(RuleBroken::new("specialty_code", "The code is not in the reference list of specialties (TRE_R38)."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue;

    #[test]
    fn the_whole_list_is_known_with_its_labels() {
        assert_eq!(Specialty::all().count(), 106);
        for (code, label) in Specialty::all() {
            assert_eq!(Specialty::parse(code).unwrap().label(), Some(label));
            assert!(!label.is_empty() && label.trim() == label, "{code}");
        }
    }

    #[test]
    fn what_is_not_in_the_list_is_no_specialty() {
        for (code, rule) in
            [("SM00", "specialty_code"), ("sm54", "specialty_code"), ("SM540", "specialty_code"), ("SM5", "length")]
        {
            assert_eq!(Specialty::parse(code).unwrap_err().rule, rule, "{code}");
        }
    }
}
