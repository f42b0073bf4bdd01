//! Texts that people write freely.

use super::text::{LINES_PATTERN, PROSE_PATTERN, lines, prose, text_value};

text_value! {
    /// Why something was done: the justification that a correction, an archiving or an erasure asks for.
    Reason {
        length: 1 to 500,
        pattern: Some(PROSE_PATTERN),
        format: None,
        description: "Reason for the act, in a sentence.",
        example: "Correction after the identity card was shown",
        accept: prose,
    }

    /// Notes of several lines, if need be.
    Notes {
        length: 1 to 2000,
        pattern: Some(LINES_PATTERN),
        format: None,
        description: "Notes, on as many lines as they need.",
        example: "Vient avec sa fille.\nPrévoir un interprète.",
        accept: lines,
    }

    /// A short text on one line, such as a title.
    Label {
        length: 1 to 120,
        pattern: Some(PROSE_PATTERN),
        format: None,
        description: "Short text on one line.",
        example: "Consultation de routine",
        accept: prose,
    }

    /// The name of a practice or clinic.
    FacilityName {
        length: 1 to 200,
        pattern: Some(PROSE_PATTERN),
        format: None,
        description: "Name of the practice or clinic.",
        example: "Cabinet médical de la République",
        accept: prose,
    }

    /// What an emergency contact is to the patient.
    Relationship {
        length: 1 to 60,
        pattern: Some(PROSE_PATTERN),
        format: None,
        description: "What the person is to the patient.",
        example: "Conjoint",
        accept: prose,
    }
}
