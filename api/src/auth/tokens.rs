//! Access tokens: PASETO v4.public, signed when somebody logs in and verified on every request. Verifying a signature
//! costs about 90 µs, so what was verified once is remembered until it expires.

use std::collections::HashMap;
use std::sync::RwLock;

use domain::ids::{FacilityId, UserId};
use domain::role::Role;
use jiff::{SignedDuration, Timestamp};
use pasetors::Public;
use pasetors::keys::{AsymmetricPublicKey, AsymmetricSecretKey};
use pasetors::paserk::{FormatAsPaserk, Id};
use pasetors::token::UntrustedToken;
use pasetors::version4::{PublicToken, V4};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::auth::Caller;

const ISSUER: &str = "medicalpro";
const AUDIENCE: &str = "medicalpro-api";
/// Servers' clocks differ a little; a token made by another one may seem to come from the near future.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(30);
/// A token is under 1 KiB: at most some 10 MiB are remembered.
const REMEMBERED_TOKENS: usize = 10_000;

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was good, and is too old now.
    #[error("the token has expired")]
    Expired,
    /// It was altered, is signed with an unknown key, or is not meant for this service.
    #[error("the token is not valid")]
    Invalid,
}

/// The signing key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the token signing key is not usable")]
pub struct UnusableKey;

/// A key that tokens can be verified with, as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedKey {
    /// Its PASERK id (`k4.pid.…`), as in the tokens' footers.
    pub kid: String,
    /// The key itself in PASERK form (`k4.public.…`).
    pub paserk: String,
}

/// Signs and verifies access tokens.
pub struct AccessTokens {
    secret: AsymmetricSecretKey<V4>,
    footer: Vec<u8>,
    /// By `kid`: the key in use, and those whose tokens have not all expired yet.
    verifying: HashMap<String, AsymmetricPublicKey<V4>>,
    lifetime: SignedDuration,
    verified: RwLock<HashMap<Box<str>, Verified>>,
}

#[derive(Clone)]
struct Verified {
    caller: Caller,
    expires: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    iat: Timestamp,
    nbf: Timestamp,
    exp: Timestamp,
    jti: Uuid,
    role: Role,
    facility_id: FacilityId,
    session_id: Uuid,
}

#[derive(Serialize, Deserialize)]
struct Footer {
    kid: String,
}

impl AccessTokens {
    /// Signs with the Ed25519 key of this seed. Every server of an installation has the same seed.
    pub fn new(seed: &[u8; 32], lifetime: SignedDuration) -> Result<Self, UnusableKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| UnusableKey)?;
        let public_bytes = pair.public_key().as_ref();
        let secret = AsymmetricSecretKey::from(&[seed, public_bytes].concat()).map_err(|_| UnusableKey)?;
        let public = AsymmetricPublicKey::from(public_bytes).map_err(|_| UnusableKey)?;
        let kid = key_id(&public)?;
        let footer = serde_json::to_vec(&Footer { kid: kid.clone() }).map_err(|_| UnusableKey)?;
        Ok(Self { secret, footer, verifying: HashMap::from([(kid, public)]), lifetime, verified: RwLock::default() })
    }

    /// Also accepts tokens signed with this key: the one used before, for as long as its tokens live.
    pub fn also_accept(&mut self, public_key: &[u8]) -> Result<(), UnusableKey> {
        let public = AsymmetricPublicKey::from(public_key).map_err(|_| UnusableKey)?;
        self.verifying.insert(key_id(&public)?, public);
        Ok(())
    }

    /// How long a new token is good for.
    pub const fn lifetime(&self) -> SignedDuration {
        self.lifetime
    }

    /// The keys with which other services can verify tokens.
    pub fn published_keys(&self) -> Vec<PublishedKey> {
        let mut keys: Vec<PublishedKey> = self
            .verifying
            .iter()
            .filter_map(|(kid, key)| {
                let mut paserk = String::new();
                key.fmt(&mut paserk).ok()?;
                Some(PublishedKey { kid: kid.clone(), paserk })
            })
            .collect();
        keys.sort_by(|a, b| a.kid.cmp(&b.kid));
        keys
    }

    /// A new token for this caller.
    pub fn issue(&self, caller: &Caller) -> Result<String, UnusableKey> {
        self.issue_at(caller, Timestamp::now())
    }

    fn issue_at(&self, caller: &Caller, now: Timestamp) -> Result<String, UnusableKey> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: caller.user_id,
            iat: now,
            nbf: now,
            exp: now + self.lifetime,
            jti: Uuid::now_v7(),
            role: caller.role,
            facility_id: caller.facility_id,
            session_id: caller.session_id,
        };
        let claims = serde_json::to_vec(&claims).map_err(|_| UnusableKey)?;
        PublicToken::sign(&self.secret, &claims, Some(&self.footer), None).map_err(|_| UnusableKey)
    }

    /// Who this token was issued to.
    pub fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        self.verify_at(token, Timestamp::now())
    }

    fn verify_at(&self, token: &str, now: Timestamp) -> Result<Caller, TokenError> {
        let known = self.verified.read().ok().and_then(|verified| verified.get(token).cloned());
        let verified = match known {
            Some(verified) => verified,
            None => self.check(token, now)?,
        };
        if verified.expires <= now {
            return Err(TokenError::Expired);
        }
        Ok(verified.caller)
    }

    fn check(&self, token: &str, now: Timestamp) -> Result<Verified, TokenError> {
        let untrusted = UntrustedToken::<Public, V4>::try_from(token).map_err(|_| TokenError::Invalid)?;
        // Read with serde: the library's own footer parser compiles a regular expression at every call.
        let footer: Footer = serde_json::from_slice(untrusted.untrusted_footer()).map_err(|_| TokenError::Invalid)?;
        let key = self.verifying.get(&footer.kid).ok_or(TokenError::Invalid)?;
        let trusted = PublicToken::verify(key, &untrusted, None, None).map_err(|_| TokenError::Invalid)?;
        let claims: Claims = serde_json::from_str(trusted.payload()).map_err(|_| TokenError::Invalid)?;
        if claims.iss != ISSUER || claims.aud != AUDIENCE || claims.nbf > now + CLOCK_SKEW {
            return Err(TokenError::Invalid);
        }
        if claims.exp <= now {
            return Err(TokenError::Expired);
        }
        let verified = Verified {
            caller: Caller {
                user_id: claims.sub,
                facility_id: claims.facility_id,
                role: claims.role,
                session_id: claims.session_id,
            },
            expires: claims.exp,
        };
        self.remember(token, verified.clone(), now);
        Ok(verified)
    }

    fn remember(&self, token: &str, verified: Verified, now: Timestamp) {
        // A poisoned lock only costs the memory: the signature is checked again.
        let Ok(mut remembered) = self.verified.write() else { return };
        if remembered.len() >= REMEMBERED_TOKENS {
            remembered.retain(|_, verified| verified.expires > now);
        }
        if remembered.len() >= REMEMBERED_TOKENS {
            remembered.clear();
        }
        remembered.insert(token.into(), verified);
    }
}

fn key_id(key: &AsymmetricPublicKey<V4>) -> Result<String, UnusableKey> {
    let mut kid = String::new();
    Id::from(key).fmt(&mut kid).map_err(|_| UnusableKey)?;
    Ok(kid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(seed: u8) -> AccessTokens {
        AccessTokens::new(&[seed; 32], SignedDuration::from_mins(15)).unwrap()
    }

    fn caller() -> Caller {
        Caller {
            user_id: UserId(Uuid::from_u128(1)),
            facility_id: FacilityId(Uuid::from_u128(2)),
            role: Role::Doctor,
            session_id: Uuid::from_u128(3),
        }
    }

    #[test]
    fn a_token_says_who_it_was_issued_to_also_when_it_is_remembered() {
        let tokens = tokens(7);
        let token = tokens.issue(&caller()).unwrap();
        assert_eq!(tokens.verify(&token), Ok(caller()));
        assert_eq!(tokens.verify(&token), Ok(caller()));
        assert_eq!(tokens.verified.read().unwrap().len(), 1);
    }

    #[test]
    fn a_token_expires_after_its_lifetime_remembered_or_not() {
        let tokens = tokens(7);
        let issued = Timestamp::now();
        let token = tokens.issue_at(&caller(), issued).unwrap();
        assert_eq!(tokens.verify_at(&token, issued + SignedDuration::from_secs(899)), Ok(caller()));
        assert_eq!(tokens.verify_at(&token, issued + SignedDuration::from_secs(900)), Err(TokenError::Expired));
        let elsewhere = AccessTokens::new(&[7; 32], SignedDuration::from_mins(15)).unwrap();
        assert_eq!(elsewhere.verify_at(&token, issued + SignedDuration::from_hours(1)), Err(TokenError::Expired));
    }

    #[test]
    fn a_token_altered_anywhere_is_not_valid() {
        let tokens = tokens(7);
        let token = tokens.issue(&caller()).unwrap();
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(tokens.verify(&altered), Err(TokenError::Invalid), "at {at}");
        }
        for text in ["", "x", "v4.public.", "v4.local.AAAA", "v4.public.AAAA.BBBB"] {
            assert_eq!(tokens.verify(text), Err(TokenError::Invalid), "{text}");
        }
    }

    #[test]
    fn a_token_of_another_key_is_accepted_only_while_that_key_is() {
        let (old, mut new) = (tokens(7), tokens(8));
        let token = old.issue(&caller()).unwrap();
        assert_eq!(new.verify(&token), Err(TokenError::Invalid));
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        new.also_accept(pair.public_key().as_ref()).unwrap();
        assert_eq!(new.verify(&token), Ok(caller()));
        assert_eq!(new.published_keys().len(), 2);
    }

    #[test]
    fn a_token_that_is_not_valid_yet_is_refused() {
        let tokens = tokens(7);
        let later = Timestamp::now() + SignedDuration::from_mins(5);
        let token = tokens.issue_at(&caller(), later).unwrap();
        assert_eq!(tokens.verify(&token), Err(TokenError::Invalid));
    }
}
