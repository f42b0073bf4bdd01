//! One-time codes of a second factor: TOTP (RFC 6238) with the parameters that every authenticator app knows, SHA-1, six
//! digits and steps of 30 seconds. The few lines of the RFC, over the one crypto library of the house.

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::error::NoRandomness;

const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
/// As RFC 4226 recommends: as long as the hash.
const SECRET_LENGTH: usize = 20;
/// A code counts one step before and after its own, for clocks that differ and people who type slowly (RFC 6238, 5.2).
const TOLERATED_STEPS: i64 = 1;

/// What a device and the house share.
pub struct TotpSecret(Zeroizing<Vec<u8>>);

impl TotpSecret {
    /// A new one.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new(vec![0; SECRET_LENGTH]);
        SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }

    /// From its bytes.
    pub const fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be sealed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As people type it into their app.
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.0))
    }

    /// As an app reads it from a QR code. `account` is shown there, so it says nothing personal.
    pub fn to_uri(&self, account: &str) -> Zeroizing<String> {
        let secret = self.to_base32();
        Zeroizing::new(format!(
            "otpauth://totp/MedicalPro:{account}?secret={}&issuer=MedicalPro&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
            *secret
        ))
    }

    /// The step that this code belongs to, if it is one of those around now. Every step is looked at, whatever matches.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let current = now.as_second() / STEP_SECONDS;
        let steps = current - TOLERATED_STEPS..=current + TOLERATED_STEPS;
        let matching = steps.filter(|step| same(self.code(*step).as_bytes(), code.as_bytes()));
        matching.max()
    }

    /// The code of a step (RFC 4226, section 5.3).
    pub fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let mac = hmac::sign(&key, &step.to_be_bytes());
        let mac = mac.as_ref();
        let offset = usize::from(mac[mac.len() - 1] & 0x0f);
        let truncated = mac[offset..offset + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:0DIGITS$}", (truncated & 0x7fff_ffff) % 10_u32.pow(DIGITS as u32))
    }

    /// The code of this moment.
    pub fn code_at(&self, moment: Timestamp) -> String {
        self.code(moment.as_second() / STEP_SECONDS)
    }
}

/// Whether two codes are the same, in a time that does not tell where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> TotpSecret {
        TotpSecret::from_bytes(Zeroizing::new(b"12345678901234567890".to_vec()))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_rfc_6238_appendix_b() {
        // The RFC's eight digits, of which six are used.
        for (second, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(secret().code_at(at(second)), code[2..], "{second}");
        }
    }

    #[test]
    fn a_code_counts_a_step_early_and_late_and_no_more() {
        let code = secret().code_at(at(3000));
        for (second, accepted) in [(2940, false), (2970, true), (3000, true), (3059, true), (3060, false)] {
            assert_eq!(secret().step_of(&code, at(second)).is_some(), accepted, "{second}");
        }
        assert_eq!(secret().step_of("", at(3000)), None);
    }

    #[test]
    fn an_app_can_read_the_secret() {
        assert_eq!(*secret().to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(secret().to_uri("a1b2").starts_with("otpauth://totp/MedicalPro:a1b2?secret=GEZD"));
    }
}
