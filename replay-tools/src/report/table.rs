//! The typography of the text form: values on one line each, columns under each other.

use std::io::{self, Write};

use serde_json::Value;

/// The single values inside a JSON value, each with its path below `at`; nulls are no values.
pub(super) fn leaves(at: &str, value: &Value) -> Vec<(String, String)> {
    let below = |part: &str| if at.is_empty() { part.to_owned() } else { format!("{at}.{part}") };
    match value {
        Value::Null => Vec::new(),
        Value::Object(fields) => fields.iter().flat_map(|(field, value)| leaves(&below(field), value)).collect(),
        Value::Array(items) => {
            (1..).zip(items).flat_map(|(number, item)| leaves(&below(&i32::to_string(&number)), item)).collect()
        }
        Value::Bool(_) | Value::Number(_) => vec![(at.to_owned(), value.to_string())],
        Value::String(text) => vec![(at.to_owned(), printable(text))],
    }
}

/// Text that cannot command a terminal: what was stored is shown, never obeyed. This takes in the marks that turn the
/// direction of writing, by which one text can look like another.
pub(super) fn printable(text: &str) -> String {
    let is_mark =
        |char: char| matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown =
        |char: char| if char.is_control() || is_mark(char) { char.escape_unicode().to_string() } else { char.into() };
    text.chars().map(shown).collect()
}

/// Writes the rows with their columns under each other.
pub(super) fn write<const N: usize>(out: &mut dyn Write, indent: usize, rows: &[[String; N]]) -> io::Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let mut line = " ".repeat(indent);
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_listed_by_their_path() {
        let value = json!({"name": "Zoé", "address": {"city": "Brest", "street": null}, "tags": ["a", 2]});
        let leaf = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let expected = [leaf("address.city", "Brest"), leaf("name", "Zoé"), leaf("tags.1", "a"), leaf("tags.2", "2")];
        assert_eq!(leaves("", &value), expected);
        assert_eq!(leaves("x", &json!(true)), [leaf("x", "true")]);
    }

    #[test]
    fn stored_text_cannot_command_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{202e}d"), r"a\u{1b}[2Jb\u{a}c\u{202e}d");
        assert_eq!(printable("Zoé – l'été"), "Zoé – l'été");
    }

    #[test]
    fn columns_stand_under_each_other() {
        let mut out = Vec::new();
        let rows = [["é", "b", "c"], ["longer", "x", ""]].map(|row| row.map(str::to_owned));
        write(&mut out, 2, &rows).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "  é       b  c\n  longer  x\n");
    }
}
