//! The Luhn key (ISO/IEC 7812-1 annex B) that RPPS and FINESS numbers end with.

/// Whether the last digit is the Luhn key of those before it. Anything but ASCII digits has none.
pub(super) fn ends_with_its_luhn_key(digits: &str) -> bool {
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && digits.bytes().rev().map(|byte| u32::from(byte - b'0')).zip([1, 2].into_iter().cycle()).fold(
            0,
            |sum, (digit, weight)| {
                let product = digit * weight;
                sum + product / 10 + product % 10
            },
        ) % 10
            == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_standard_has_its_key() {
        assert!(ends_with_its_luhn_key("79927398713"));
        assert!(!ends_with_its_luhn_key("79927398710"));
        assert!(!ends_with_its_luhn_key(""));
        assert!(!ends_with_its_luhn_key("7992739871é"));
    }

    proptest! {
        #[test]
        fn every_serial_has_exactly_one_key(serial in "[0-9]{10}") {
            let keys = (0..10).filter(|key| ends_with_its_luhn_key(&format!("{serial}{key}"))).count();
            prop_assert_eq!(keys, 1);
        }
    }
}
