//! The query string, read strictly: the library decodes it leniently, takes the first of repeated parameters, and knows
//! nothing of unknown ones. A misspelt `serach=` must be an error, not a list of everybody.

use super::problem::{Problem, ProblemCode, Violation};

/// Refuses unknown, repeated and badly encoded parameters, all of them at once.
pub fn check_query(declared: &[String], query: &str) -> Result<(), Problem> {
    let mut seen: Vec<String> = Vec::new();
    let mut violations = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(name) = decode(name) else {
            violations.push(Violation::new("query", "encoding", "A parameter's name is not percent-encoded UTF-8."));
            continue;
        };
        if !declared.contains(&name) {
            let name: String = name.chars().take(64).collect();
            violations.push(Violation::new(name, "unknown_parameter", "This operation has no such query parameter."));
            continue;
        }
        if decode(value).is_none() {
            violations.push(Violation::new(
                &name,
                "encoding",
                "The value is not percent-encoded UTF-8, or holds U+0000.",
            ));
        }
        if seen.contains(&name) {
            violations.push(Violation::new(&name, "once", "The parameter is given more than once."));
        }
        seen.push(name);
    }
    if violations.is_empty() {
        return Ok(());
    }
    violations.truncate(20);
    Err(Problem::new(ProblemCode::InvalidParameter).violating(violations))
}

/// `application/x-www-form-urlencoded` decoding, without its usual leniency: a stray `%`, bytes that are not UTF-8 and
/// U+0000, which PostgreSQL cannot store, give nothing.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok().filter(|pair| !pair.starts_with('+'))?;
                u8::from_str_radix(digits, 16).ok()?
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Encodes for a query string whatever is not unreserved (RFC 3986, section 2.3).
pub fn encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules_broken_by(query: &str) -> Vec<(String, String)> {
        let declared = ["search".to_owned(), "page".to_owned()];
        let violations = check_query(&declared, query).err().map(|problem| problem.violations().to_vec());
        violations.unwrap_or_default().into_iter().map(|violation| (violation.field, violation.rule)).collect()
    }

    #[test]
    fn declared_parameters_pass_once_each() {
        for query in ["", "search=a+b&page=2", "page=1&", "search=%C3%A9", "search="] {
            assert!(rules_broken_by(query).is_empty(), "{query}");
        }
    }

    #[test]
    fn unknown_repeated_and_badly_encoded_ones_are_named() {
        for (query, field, rule) in [
            ("serach=a", "serach", "unknown_parameter"),
            ("page=1&page=1", "page", "once"),
            ("search=%", "search", "encoding"),
            ("search=%zz", "search", "encoding"),
            ("search=%+1", "search", "encoding"),
            ("search=%FF", "search", "encoding"),
            ("search=a%00b", "search", "encoding"),
            ("%FF=1", "query", "encoding"),
            ("=1", "", "unknown_parameter"),
        ] {
            assert_eq!(rules_broken_by(query), [(field.to_owned(), rule.to_owned())], "{query}");
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        let text = "Éloïse & fils = 100 % + /?#";
        assert_eq!(decode(&encode(text)).as_deref(), Some(text));
    }
}
