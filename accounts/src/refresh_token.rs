//! Refresh tokens: a chain that starts with each login. A token is worked out from its session, its generation and a nonce
//! of the session with a secret of the house, so whether one is authentic is recomputed: a forged one never ends
//! anybody's session, and a client that lost an answer can be given the very same one again. Tables hold only its hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use event_store_schema::{KeyRing, LogError};
use ring::{digest, hmac};
use uuid::Uuid;
use zeroize::Zeroizing;

/// So that a secret scanner, and a person, know it for what it is.
const PREFIX: &str = "mpr_";
const MAC_LENGTH: usize = 32;
const LENGTH: usize = 16 + 4 + MAC_LENGTH;

/// What the links of a family are made with, beside the house's secret. Without the row that holds it, none can be made.
pub type FamilyNonce = [u8; 32];

/// The secret of the house from which refresh tokens are made.
#[derive(Clone)]
pub struct RefreshTokenChain(hmac::Key);

/// What a token says of itself; true only if [`RefreshTokenChain::is_authentic`] says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session that it continues.
    pub session_id: Uuid,
    /// Its number in the session's family, from 0.
    pub generation: i32,
    mac: [u8; MAC_LENGTH],
}

impl RefreshToken {
    /// Reads the text; no secret is needed for that.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        let decoded = BASE64.decode_slice(text.strip_prefix(PREFIX)?, &mut bytes).ok()?;
        let (session, rest) = bytes.split_first_chunk::<16>()?;
        let (generation, mac) = rest.split_first_chunk::<4>()?;
        let generation = i32::from_be_bytes(*generation);
        (decoded == LENGTH && generation >= 0).then_some(Self {
            session_id: Uuid::from_bytes(*session),
            generation,
            mac: mac.try_into().ok()?,
        })
    }

    /// The text that the client keeps.
    pub fn to_text(self) -> Zeroizing<String> {
        let mut bytes = [0; LENGTH];
        bytes[..16].copy_from_slice(self.session_id.as_bytes());
        bytes[16..20].copy_from_slice(&self.generation.to_be_bytes());
        bytes[20..].copy_from_slice(&self.mac);
        Zeroizing::new(format!("{PREFIX}{}", BASE64.encode(bytes)))
    }

    /// What is stored of it.
    pub fn hash(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.to_text().as_bytes()).as_ref().to_vec()
    }
}

impl RefreshTokenChain {
    /// With the house's secret, the same on every server.
    pub async fn open(keys: &KeyRing) -> Result<Self, LogError> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &keys.secret("refresh-token-chain").await?)))
    }

    /// The token of this generation.
    pub fn link(&self, session_id: Uuid, generation: i32, nonce: &FamilyNonce) -> RefreshToken {
        let mut mac = [0; MAC_LENGTH];
        mac.copy_from_slice(hmac::sign(&self.0, &message(session_id, generation, nonce)).as_ref());
        RefreshToken { session_id, generation, mac }
    }

    /// Whether this house made it, for the family of this nonce. Compared in constant time.
    pub fn is_authentic(&self, token: &RefreshToken, nonce: &FamilyNonce) -> bool {
        hmac::verify(&self.0, &message(token.session_id, token.generation, nonce), &token.mac).is_ok()
    }
}

fn message(session_id: Uuid, generation: i32, nonce: &FamilyNonce) -> Vec<u8> {
    [session_id.as_bytes().as_slice(), &generation.to_be_bytes(), nonce].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> RefreshTokenChain {
        RefreshTokenChain(hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]))
    }

    #[test]
    fn a_token_is_read_back_and_known_as_authentic() {
        let token = chain().link(Uuid::from_u128(1), 3, &[9; 32]);
        let text = token.to_text();
        assert!(text.starts_with("mpr_"));
        assert_eq!(RefreshToken::parse(&text), Some(token));
        assert!(chain().is_authentic(&token, &[9; 32]));
    }

    #[test]
    fn a_token_of_another_family_generation_or_house_is_not_authentic() {
        let token = chain().link(Uuid::from_u128(1), 3, &[9; 32]);
        assert!(!chain().is_authentic(&token, &[8; 32]));
        assert!(!chain().is_authentic(&RefreshToken { generation: 4, ..token }, &[9; 32]));
        let other_house = RefreshTokenChain(hmac::Key::new(hmac::HMAC_SHA256, &[8; 32]));
        assert!(!other_house.is_authentic(&token, &[9; 32]));
    }

    #[test]
    fn what_is_no_token_is_not_read() {
        let text = chain().link(Uuid::from_u128(1), 0, &[9; 32]).to_text();
        for broken in ["", "mpr_", "x", &text[4..], &text[..text.len() - 1], &format!("{}A", *text)] {
            assert_eq!(RefreshToken::parse(broken), None, "{broken}");
        }
    }
}
