//! E-mail addresses.

use super::RuleBroken;
use super::text::text_value;

/// RFC 5321 §4.5.3.1.1.
const LONGEST_LOCAL_PART: usize = 64;
/// RFC 1035 §2.3.4.
const LONGEST_LABEL: usize = 63;

text_value! {
    /// An e-mail address that a French practice can really write to: the dot-atom form of RFC 5322 §3.4.1 within the
    /// limits of RFC 5321 §4.5.3.1, at a host name of at least two labels. Quoted local parts, comments, address
    /// literals (`[192.0.2.1]`) and non-ASCII addresses are not taken; an internationalised domain is written in its
    /// `xn--` form. The domain is kept in lower case; the local part as written, since only its host may interpret it.
    EmailAddress {
        length: 6 to 254,
        pattern: Some(r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]$"),
        format: Some("email"),
        description: "E-mail address; at most 64 characters before the @.",
        example: "zoe.moreau@exemple.fr",
        accept: email,
    }
}

fn email(raw: &str) -> Result<String, RuleBroken> {
    let (local, domain) = raw
        .split_once('@')
        .ok_or_else(|| RuleBroken::new("email_format", "An e-mail address has a local part, an @ and a domain."))?;
    if local.len() > LONGEST_LOCAL_PART {
        return Err(RuleBroken::new("email_local_length", "The part before the @ has more than 64 characters."));
    }
    if !local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_character)) {
        return Err(RuleBroken::new(
            "email_local_part",
            "The part before the @ holds a character or a dot where none may stand.",
        ));
    }
    let (_, top_level) = domain.rsplit_once('.').unwrap_or_default();
    let top_level_is_a_name = top_level.len() >= 2 && top_level.starts_with(|c: char| c.is_ascii_alphabetic());
    if !top_level_is_a_name || !domain.split('.').all(is_label) {
        return Err(RuleBroken::new("email_domain", "The part after the @ is not a domain name."));
    }
    Ok(format!("{local}@{}", domain.to_ascii_lowercase()))
}

/// `atext` of RFC 5322 §3.2.3.
fn is_atom_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

/// A label of a host name, RFC 1123 §2.1.
fn is_label(label: &str) -> bool {
    (1..=LONGEST_LABEL).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::TextValue;

    #[test]
    fn the_domain_is_lower_cased_and_the_local_part_kept() {
        let address = EmailAddress::parse("Carlos.Rodriguez+rdv@EMAIL.Com").unwrap();
        assert_eq!(address.as_str(), "Carlos.Rodriguez+rdv@email.com");
    }

    #[test]
    fn an_address_nobody_can_write_to_is_refused() {
        for (address, rule) in [
            ("exemple.fr", "email_format"),
            ("@exemple.fr", "email_local_part"),
            (".a@exemple.fr", "email_local_part"),
            ("a..b@exemple.fr", "email_local_part"),
            ("a b@exemple.fr", "email_local_part"),
            ("\"a b\"@exemple.fr", "email_local_part"),
            ("zoé@exemple.fr", "email_local_part"),
            ("a@b@exemple.fr", "email_domain"),
            ("a@localhost", "email_domain"),
            ("a@-exemple.fr", "email_domain"),
            ("a@exemple-.fr", "email_domain"),
            ("a@exemple..fr", "email_domain"),
            ("a@exemple.fr.", "email_domain"),
            ("a@192.0.2.1", "email_domain"),
            ("a@[192.0.2.1]", "email_domain"),
            ("a@exemple.fr\n", "email_domain"),
        ] {
            assert_eq!(EmailAddress::parse(address).unwrap_err().rule, rule, "{address:?}");
        }
    }

    #[test]
    fn the_limits_of_rfc_5321_hold() {
        assert!(EmailAddress::parse(&format!("{}@exemple.fr", "a".repeat(64))).is_ok());
        assert_eq!(
            EmailAddress::parse(&format!("{}@exemple.fr", "a".repeat(65))).unwrap_err().rule,
            "email_local_length"
        );
        let long_domain = format!("a@{}fr", "abcdefg.".repeat(32));
        assert_eq!(EmailAddress::parse(&long_domain).unwrap_err().rule, "length");
    }
}
