//! Terms: the words and codes that patients are found by, and how places in the index begin with them. Lists and searches make
//! them in the same way.

use domain::values::fold;

/// Codes stand apart from names among the terms.
pub(super) const CODE_MARK: char = '#';

/// What stands behind a part of a place and a name that is counted: less than anything in a name, so that places are in
/// the order of their parts.
pub(super) const END: char = '\u{1}';
/// The longest key, in bytes. A name of 100 letters can fold to several thousand bytes (ligatures of whole phrases). A row
/// of an index holds 2,700.
pub(super) const LONGEST_KEY: usize = 400;

/// The beginning of a word that others are found beside, if it is long enough to have one.
pub(super) fn beginning(word: &str) -> Option<&str> {
    word.char_indices().nth(2).map(|(start, third)| &word[..start + third.len_utf8()])
}

/// With what every place begins at which patients of a status are found by terms that begin with a word, beside the
/// beginning of another one.
pub(super) fn walk_from(status: &str, beside: &str, word: &str) -> String {
    // Two statuses, told apart by their first letter: eight million places are shorter for it.
    let mark = status.get(..1).unwrap_or_default();
    format!("{mark}{beside}{END}{word}")
}

/// At most so many bytes of a folded text.
pub(super) fn key(folded: &str) -> String {
    let ends = folded.char_indices().map(|(start, c)| start + c.len_utf8());
    let end = ends.take_while(|end| *end <= LONGEST_KEY).last().unwrap_or(0);
    folded[..end].trim_end().to_owned()
}

fn code(text: &str) -> String {
    format!("{CODE_MARK}{}", key(text))
}

/// The code of a patient number, whole or in part.
pub(super) fn number_code(number: &str) -> String {
    code(&fold(number).replace(' ', ""))
}

/// The code of a birth date in its ISO form.
pub(super) fn birth_date_code(date: &str) -> String {
    code(date)
}

/// The code of an e-mail address, whole or in part.
pub(super) fn email_code(email: &str) -> String {
    code(&email.to_lowercase())
}

/// The code of a telephone number, whole or in part: the national form for France and its overseas departments, the
/// digits behind the + for the rest of the world. All ways to write a number lead to the same code.
pub(super) fn phone_code(number: &str) -> String {
    let digits: String = number.replace("(0)", "").chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    let national = match digits.strip_prefix('+').or_else(|| digits.strip_prefix("00")) {
        Some(international) => {
            let french = ["33", "262", "590", "594", "596"].iter().find_map(|code| international.strip_prefix(code));
            french.map_or_else(|| international.to_owned(), |national| format!("0{national}"))
        }
        None => digits.replace('+', ""),
    };
    code(&national)
}
