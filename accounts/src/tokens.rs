//! Access tokens: PASETO v4.public, signed when somebody logs in or refreshes, and verified on every request. Verifying a
//! signature costs about 90 µs, so what was verified once is remembered until it expires. Whether the session still goes on
//! is asked each time, of what [`AccountState`] knows in memory. No request costs a query.
//!
//! The token proves who calls and in which session. What they may do is what holds now: role and permissions are those
//! of [`AccountState`]. In the token they are for other services, which have nothing else to go by.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use domain::ids::{FacilityId, UserId};
use domain::permissions::Permissions;
use domain::role::Role;
use jiff::{SignedDuration, Timestamp};
use pasetors::Public;
use pasetors::token::UntrustedToken;
use pasetors::version4::{PublicToken, V4};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account_state::{AccountState, Present, Refusal};
use super::error::AccountsError;
use super::error::UnusableKey;
use super::signing_keys::{Footer, KeySet, SigningKey, SigningKeys};
use crate::member::Member;

const ISSUER: &str = "medicalpro";
const AUDIENCE: &str = "medicalpro-api";
/// What the token is for: nothing else that is signed with these keys is ever taken for an access token.
const PURPOSE: &str = "access";
/// Servers' clocks differ a little; a token made by another one may seem to come from the near future.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(30);
/// A token is under 2 KiB: at most some 20 MiB are remembered.
const REMEMBERED_TOKENS: usize = 10_000;
/// Tokens of unknown keys, which anybody can send, make a server look for new keys no more often than this.
const SECONDS_BETWEEN_LOOKS: i64 = 5;

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was good, and is too old now.
    #[error("the token has expired")]
    Expired,
    /// It was altered, or is not meant for this service.
    #[error("the token is not valid")]
    Invalid,
    /// It is signed with a key that this server does not know.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// It is good, but its session has ended, or its owner may not come in any more.
    #[error("the session has ended")]
    SessionEnded,
    /// It is good, and its owner has to set up a second factor before anything else.
    #[error("a second factor has to be set up first")]
    MustEnroll,
    /// It is good, and this release does not understand a row of its owner or of their facility.
    #[error("a row of the account is not understood")]
    NotUnderstood,
}

/// A key that tokens can be verified with, as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedKey {
    /// Its PASERK id (`k4.pid.…`), as in the tokens' footers.
    pub kid: String,
    /// The key itself in PASERK form (`k4.public.…`).
    pub paserk: String,
}

/// How somebody proved who they are: the `amr` of their tokens (RFC 8176).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A password.
    Pwd,
    /// A one-time code, or a recovery code.
    Otp,
}

/// What a token is issued for.
pub struct AccessGrant {
    /// To whom, and for which session.
    pub member: Member,
    /// What they may do, for services that have only the token to go by.
    pub permissions: Permissions,
    /// The same for the same link of a session's chain, so that its answer can be given twice.
    pub id: Uuid,
    /// When.
    pub issued_at: Timestamp,
    /// When they proved who they are.
    pub authenticated_at: Timestamp,
    /// Whether with a second factor.
    pub second_factor: bool,
}

/// Whose a token is, and what they may do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    /// Who calls, in the role that they have now.
    pub member: Member,
    /// What they may do now.
    pub permissions: Permissions,
    /// Whether they have to enroll a second factor before anything else.
    pub must_enroll: bool,
}

/// Signs and verifies access tokens.
pub struct AccessTokens {
    keys: RwLock<Arc<KeySet>>,
    source: Option<SigningKeys>,
    looked_at: AtomicI64,
    lifetime: SignedDuration,
    state: Arc<AccountState>,
    verified: RwLock<HashMap<Box<str>, Verified>>,
}

#[derive(Clone)]
struct Verified {
    member: Member,
    second_factor: bool,
    expires: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    typ: String,
    sub: UserId,
    iat: Timestamp,
    nbf: Timestamp,
    exp: Timestamp,
    jti: Uuid,
    auth_time: Timestamp,
    amr: Vec<Proof>,
    role: Role,
    facility_id: FacilityId,
    session_id: Uuid,
    permissions: Permissions,
}

impl AccessTokens {
    /// Signs with the Ed25519 key of this seed, and knows of no session that has ended.
    pub fn new(seed: &[u8; 32], lifetime: SignedDuration) -> Result<Self, UnusableKey> {
        Ok(Self::with(KeySet::single(SigningKey::of_seed(seed)?), None, lifetime, Arc::default()))
    }

    /// Signs with the keys of this table, and refuses tokens of sessions that have ended.
    pub async fn open(
        source: SigningKeys,
        lifetime: SignedDuration,
        state: Arc<AccountState>,
    ) -> Result<Self, AccountsError> {
        let keys = source.current(state.not_understood()).await?;
        Ok(Self::with(keys, Some(source), lifetime, state))
    }

    fn with(keys: KeySet, source: Option<SigningKeys>, lifetime: SignedDuration, state: Arc<AccountState>) -> Self {
        let keys = RwLock::new(Arc::new(keys));
        Self { keys, source, looked_at: AtomicI64::new(0), lifetime, state, verified: RwLock::default() }
    }

    /// How long a new token is good for.
    pub const fn lifetime(&self) -> SignedDuration {
        self.lifetime
    }

    /// What decides whether a valid token still opens the door.
    pub const fn state(&self) -> &Arc<AccountState> {
        &self.state
    }

    /// The keys with which other services can verify tokens, those included that will sign soon.
    pub fn published_keys(&self) -> Vec<PublishedKey> {
        let keys = self.keys();
        let published = keys.published_at(Timestamp::now());
        published.filter_map(|key| Some(PublishedKey { kid: key.kid.clone(), paserk: key.to_paserk()? })).collect()
    }

    /// Takes up the keys that are in the table now.
    pub async fn look_for_keys(&self) -> Result<(), AccountsError> {
        let Some(source) = &self.source else { return Ok(()) };
        let keys = source.current(self.state.not_understood()).await?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        // What was verified by a key that is gone is verified no longer.
        self.verified.write().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    /// A new token for this member, with the permissions of their role.
    pub fn issue(&self, member: &Member) -> Result<String, UnusableKey> {
        let now = Timestamp::now();
        self.issue_for(&AccessGrant {
            member: member.clone(),
            permissions: Permissions::default_of(member.role),
            id: Uuid::now_v7(),
            issued_at: now,
            authenticated_at: now,
            second_factor: false,
        })
    }

    /// The token of this grant: for the same grant the same token, as Ed25519 draws no random numbers.
    pub fn issue_for(&self, grant: &AccessGrant) -> Result<String, UnusableKey> {
        let keys = self.keys();
        let key = keys.signing_at(grant.issued_at).ok_or(UnusableKey)?;
        // Whole seconds: other implementations compare `nbf` with a clock that has no more than that.
        let whole = |moment: Timestamp| Timestamp::from_second(moment.as_second()).unwrap_or(moment);
        let issued_at = whole(grant.issued_at);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            typ: PURPOSE.to_owned(),
            sub: grant.member.user_id,
            iat: issued_at,
            nbf: issued_at,
            exp: issued_at + self.lifetime,
            jti: grant.id,
            auth_time: whole(grant.authenticated_at),
            amr: if grant.second_factor { vec![Proof::Pwd, Proof::Otp] } else { vec![Proof::Pwd] },
            role: grant.member.role,
            facility_id: grant.member.facility_id,
            session_id: grant.member.session_id,
            permissions: grant.permissions,
        };
        let claims = serde_json::to_vec(&claims).map_err(|_| UnusableKey)?;
        PublicToken::sign(&key.secret, &claims, Some(&key.footer), None).map_err(|_| UnusableKey)
    }

    /// Who calls with this token, in the role that they have now, if nothing is left for them to do first.
    pub fn verify(&self, token: &str) -> Result<Member, TokenError> {
        let identity = self.identify(token)?;
        if identity.must_enroll { Err(TokenError::MustEnroll) } else { Ok(identity.member) }
    }

    /// Who calls with this token, in the role and with the permissions that they have now.
    pub fn identify(&self, token: &str) -> Result<TokenHolder, TokenError> {
        self.identify_at(token, Timestamp::now())
    }

    /// The same, after a look for new keys if the token's is unknown.
    pub async fn identify_with_new_keys(&self, token: &str) -> Result<TokenHolder, TokenError> {
        match self.identify(token) {
            Err(TokenError::UnknownKey) if self.may_look() => {
                if let Err(error) = self.look_for_keys().await {
                    tracing::warn!(%error, "cannot look for keys of access tokens");
                }
                self.identify(token)
            }
            outcome => outcome,
        }
    }

    fn may_look(&self) -> bool {
        let now = Timestamp::now().as_second();
        let due = |looked_at: i64| (now - looked_at >= SECONDS_BETWEEN_LOOKS).then_some(now);
        self.source.is_some() && self.looked_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }

    /// Who a token belongs to that nobody sent just now: an open screen's. The session does not count as used.
    pub fn watch(&self, token: &str) -> Result<TokenHolder, TokenError> {
        self.identify_as(token, Timestamp::now(), AccountState::look_at)
    }

    fn identify_at(&self, token: &str, now: Timestamp) -> Result<TokenHolder, TokenError> {
        self.identify_as(token, now, AccountState::of)
    }

    fn identify_as(
        &self,
        token: &str,
        now: Timestamp,
        judge: impl Fn(&AccountState, &Member, bool, Timestamp) -> Result<Present, Refusal>,
    ) -> Result<TokenHolder, TokenError> {
        let known = self.verified.read().ok().and_then(|verified| verified.get(token).cloned());
        let verified = match known {
            Some(verified) => verified,
            None => self.check(token, now)?,
        };
        if verified.expires <= now {
            return Err(TokenError::Expired);
        }
        let present = judge(&self.state, &verified.member, verified.second_factor, now);
        let present = present.map_err(|refusal| match refusal {
            Refusal::SessionEnded | Refusal::Idle | Refusal::Suspended => TokenError::SessionEnded,
            Refusal::NotUnderstood => TokenError::NotUnderstood,
        })?;
        Ok(TokenHolder {
            member: Member { role: present.role, ..verified.member },
            permissions: present.permissions,
            must_enroll: present.must_enroll,
        })
    }

    fn check(&self, token: &str, now: Timestamp) -> Result<Verified, TokenError> {
        let untrusted = UntrustedToken::<Public, V4>::try_from(token).map_err(|_| TokenError::Invalid)?;
        // Read with serde: the library's own footer parser compiles a regular expression at every call.
        let footer: Footer = serde_json::from_slice(untrusted.untrusted_footer()).map_err(|_| TokenError::Invalid)?;
        let keys = self.keys();
        let key = keys.by_kid(&footer.kid).ok_or(TokenError::UnknownKey)?;
        let trusted = PublicToken::verify(&key.public, &untrusted, None, None).map_err(|_| TokenError::Invalid)?;
        let claims: Claims = serde_json::from_str(trusted.payload()).map_err(|_| TokenError::Invalid)?;
        let meant_for_us = claims.iss == ISSUER && claims.aud == AUDIENCE && claims.typ == PURPOSE;
        if !meant_for_us || claims.nbf > now + CLOCK_SKEW || key.verify_until <= now {
            return Err(TokenError::Invalid);
        }
        if claims.exp <= now {
            return Err(TokenError::Expired);
        }
        let verified = Verified {
            member: Member {
                user_id: claims.sub,
                facility_id: claims.facility_id,
                role: claims.role,
                session_id: claims.session_id,
            },
            second_factor: claims.amr.contains(&Proof::Otp),
            expires: claims.exp.min(key.verify_until),
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

    fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
