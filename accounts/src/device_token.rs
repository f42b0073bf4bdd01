//! The token by which a device is known again: a random secret that it got at an earlier login and sends along at the next.
//! It lets nobody in. A device that is known is counted on its own by [`lockout`](super::lockout), so that strangers who guess
//! do not lock it out (OWASP's "device cookie" defence).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::values::{RuleBroken, TextValue};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::error::NoRandomness;

const PREFIX: &str = "mpd_";
const RANDOM_BYTES: usize = 16;
const LENGTH: usize = PREFIX.len() + 22;

/// A token of a device. One device has one, for all who log in on it.
#[derive(Clone)]
pub struct DeviceToken(Zeroizing<String>);

impl DeviceToken {
    /// For a device that has none.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut random = Zeroizing::new([0; RANDOM_BYTES]);
        SystemRandom::new().fill(random.as_mut()).map_err(|_| NoRandomness)?;
        Ok(Self(Zeroizing::new(format!("{PREFIX}{}", BASE64.encode(random.as_ref())))))
    }
}

impl TextValue for DeviceToken {
    const MIN_LENGTH: usize = LENGTH;
    const MAX_LENGTH: usize = LENGTH;
    const PATTERN: Option<&'static str> = Some("^mpd_[A-Za-z0-9_-]{22}$");
    const FORMAT: Option<&'static str> = None;
    const DESCRIPTION: &'static str = "The `device_token` of an earlier login on this device.";
    const EXAMPLE: &'static str = "mpd_b0Vx2nq9TzKc41sRfYw7Gg";

    fn parse(raw: &str) -> Result<Self, RuleBroken> {
        let random = raw.strip_prefix(PREFIX).filter(|_| raw.len() == LENGTH);
        let is_random = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let refusal = || RuleBroken::new("format", "Must be the device_token of a login.");
        random.filter(|random| is_random(random)).map(|_| Self(Zeroizing::new(raw.to_owned()))).ok_or_else(refusal)
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_made_is_read_and_nothing_else_is() {
        let token = DeviceToken::generate().unwrap();
        assert_eq!(DeviceToken::parse(token.as_str()).unwrap().as_str(), token.as_str());
        assert!(DeviceToken::parse(DeviceToken::EXAMPLE).is_ok());
        for text in ["", "mpd_", "mpd_short", "mpl_b0Vx2nq9TzKc41sRfYw7Gg", "mpd_b0Vx2nq9TzKc41sRfYw7G!"] {
            assert!(DeviceToken::parse(text).is_err(), "{text}");
        }
    }
}
