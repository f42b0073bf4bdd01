//! The keys that sign access tokens: a table of public keys with the times in which each signs and verifies, whose secret
//! halves are secrets of the house. A new key is published before it signs, so that every server knows it by then; a
//! former one verifies for as long as its tokens live. So keys rotate, by themselves or on demand, and nobody has to log
//! in again.

use event_store_schema::{Database, EventLog};
use jiff::{SignedDuration, Timestamp};
use pasetors::keys::{AsymmetricPublicKey, AsymmetricSecretKey};
use pasetors::paserk::{FormatAsPaserk, Id};
use pasetors::version4::V4;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::account::AccountsError;

/// The secret of the first key: the one that releases without a key table signed with.
const FIRST_SECRET: &str = "access-token-signing";
/// How long a key signs before the next one is made.
const SIGNING_DAYS: i32 = 30;
/// How long a key is known before it signs: twice the time in which every server looks for new ones.
const PUBLISHED_SECONDS: i32 = 120;
/// How long a key verifies after it signed last: the longest lifetime of a token, and a little for clocks.
const VERIFYING_SECONDS: i32 = 3600 + 60;
/// The advisory lock under which keys are made: 'MPsk' in ASCII.
const ROTATION_LOCK: i64 = 0x4d50_736b;

/// The signing key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the token signing key is not usable")]
pub struct UnusableKey;

/// One key, ready for use.
pub struct SigningKey {
    /// Its PASERK id (`k4.pid.…`), as in the tokens' footers.
    pub kid: String,
    pub(super) secret: AsymmetricSecretKey<V4>,
    pub(super) public: AsymmetricPublicKey<V4>,
    pub(super) footer: Vec<u8>,
    not_before: Timestamp,
    sign_until: Timestamp,
    pub(super) verify_until: Timestamp,
}

/// What a token says in the open: which key verifies it.
#[derive(Serialize, Deserialize)]
pub(super) struct Footer {
    pub(super) kid: String,
}

impl SigningKey {
    /// The Ed25519 key of this seed, for all time.
    pub fn of_seed(seed: &[u8; 32]) -> Result<Self, UnusableKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| UnusableKey)?;
        let public = pair.public_key().as_ref();
        let both = Zeroizing::new([seed.as_slice(), public].concat());
        let secret = AsymmetricSecretKey::from(&both).map_err(|_| UnusableKey)?;
        let public = AsymmetricPublicKey::from(public).map_err(|_| UnusableKey)?;
        let mut kid = String::new();
        Id::from(&public).fmt(&mut kid).map_err(|_| UnusableKey)?;
        let footer = serde_json::to_vec(&Footer { kid: kid.clone() }).map_err(|_| UnusableKey)?;
        let (not_before, sign_until, verify_until) = (Timestamp::MIN, Timestamp::MAX, Timestamp::MAX);
        Ok(Self { kid, secret, public, footer, not_before, sign_until, verify_until })
    }

    /// The public half in PASERK form (`k4.public.…`).
    pub fn to_paserk(&self) -> Option<String> {
        let mut text = String::new();
        self.public.fmt(&mut text).ok().map(|()| text)
    }
}

/// The keys that are known at a moment, in the order in which they sign.
pub struct KeySet(Vec<SigningKey>);

impl KeySet {
    /// This key alone.
    pub fn single(key: SigningKey) -> Self {
        Self(vec![key])
    }

    /// The key whose tokens carry this id.
    pub fn by_kid(&self, kid: &str) -> Option<&SigningKey> {
        self.0.iter().find(|key| key.kid == kid)
    }

    /// The key that signs what is issued at this moment. When none is due, the last one that was: a token that is signed
    /// by a key on its way out is better than none.
    pub fn signing_at(&self, moment: Timestamp) -> Option<&SigningKey> {
        let due = || self.0.iter().filter(|key| key.not_before <= moment && moment < key.verify_until);
        due().rfind(|key| moment < key.sign_until).or_else(|| due().next_back())
    }

    /// The keys that verify tokens now or will soon.
    pub fn published_at(&self, moment: Timestamp) -> impl Iterator<Item = &SigningKey> {
        self.0.iter().filter(move |key| moment < key.verify_until)
    }
}

/// The table of keys.
#[derive(Clone)]
pub struct SigningKeys {
    log: EventLog,
}

impl SigningKeys {
    /// Over the database and the key ring of this log.
    pub const fn new(log: EventLog) -> Self {
        Self { log }
    }

    /// The keys as they stand now, after a key was made if none signs for much longer.
    pub async fn current(&self) -> Result<KeySet, AccountsError> {
        self.rotate_if("sign_until > now() + interval '1 day'").await?;
        let client = self.database().get().await?;
        let statement = client
            .prepare_cached(
                "SELECT secret_name, not_before, sign_until, verify_until FROM accounts.signing_keys
                 WHERE verify_until > now() ORDER BY not_before, kid",
            )
            .await?;
        let mut keys = Vec::new();
        for row in client.query(&statement, &[]).await? {
            let key = self.key(row.get("secret_name")).await?;
            keys.push(SigningKey {
                not_before: row.get("not_before"),
                sign_until: row.get("sign_until"),
                verify_until: row.get("verify_until"),
                ..key
            });
        }
        Ok(KeySet(keys))
    }

    /// Makes the next key, which takes over in two minutes; the present one verifies until its tokens have expired.
    pub async fn rotate(&self) -> Result<(), AccountsError> {
        self.rotate_if("not_before > now()").await
    }

    /// Takes every other key out of use at once, after one was disclosed: all its tokens are void, and sessions go on with
    /// their refresh tokens.
    pub async fn revoke_all(&self) -> Result<(), AccountsError> {
        let client = self.database().get().await?;
        client
            .execute(
                "UPDATE accounts.signing_keys SET
                   not_before = least(not_before, now()), sign_until = least(sign_until, now()), verify_until = now()
                 WHERE verify_until > now()",
                &[],
            )
            .await?;
        drop(client);
        self.rotate_if("false").await
    }

    /// Makes a key unless there is one of which `enough` is true. One server at a time; the others then find it.
    async fn rotate_if(&self, enough: &'static str) -> Result<(), AccountsError> {
        let exists =
            format!("SELECT EXISTS (SELECT FROM accounts.signing_keys WHERE verify_until > now() AND {enough})");
        let mut client = self.database().get().await?;
        if client.query_one(&exists, &[]).await?.get(0) {
            return Ok(());
        }
        // The secret first: it is written on a connection of its own, which must not wait for a lock that waits for it.
        let first: bool = client.query_one("SELECT NOT EXISTS (SELECT FROM accounts.signing_keys)", &[]).await?.get(0);
        let name = if first { FIRST_SECRET.to_owned() } else { format!("{FIRST_SECRET} {}", Uuid::now_v7()) };
        let key = self.key(&name).await?;
        let transaction = client.transaction().await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&ROTATION_LOCK]).await?;
        if transaction.query_one(&exists, &[]).await?.get(0) {
            return Ok(());
        }
        let (published, days) = (f64::from(PUBLISHED_SECONDS), SIGNING_DAYS);
        let made = transaction
            .query_opt(
                "INSERT INTO accounts.signing_keys (kid, secret_name, public_key, not_before, sign_until, verify_until)
                 SELECT $1, $2, $3, start, start + make_interval(days => $5),
                        start + make_interval(days => $5, secs => $6::float8)
                 FROM (SELECT now() + CASE WHEN EXISTS (SELECT FROM accounts.signing_keys WHERE sign_until > now())
                                      THEN make_interval(secs => $4::float8) ELSE interval '0' END AS start) AS new_key
                 ON CONFLICT (kid) DO NOTHING
                 RETURNING kid, not_before",
                &[&key.kid, &name, &key.public.as_bytes(), &published, &days, &f64::from(VERIFYING_SECONDS)],
            )
            .await?;
        if let Some(made) = made {
            let (kid, not_before): (String, Timestamp) = (made.get(0), made.get(1));
            transaction
                .execute(
                    "UPDATE accounts.signing_keys SET sign_until = least(sign_until, $2),
                       verify_until = least(verify_until, $2 + make_interval(secs => $3::float8))
                     WHERE kid <> $1 AND sign_until > $2",
                    &[&kid, &not_before, &f64::from(VERIFYING_SECONDS)],
                )
                .await?;
            tracing::info!(kid, %not_before, "a key for access tokens was made");
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn key(&self, secret_name: &str) -> Result<SigningKey, AccountsError> {
        let secret = self.log.keys().secret(secret_name).await?;
        let seed = secret.as_slice().try_into().map_err(|_| UnusableKey)?;
        Ok(SigningKey::of_seed(seed)?)
    }

    fn database(&self) -> &Database {
        self.log.database()
    }
}

/// How often every server looks for keys that others made.
pub const LOOK_FOR_KEYS: SignedDuration = SignedDuration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8, from: i64, until: i64) -> SigningKey {
        let at = |second| Timestamp::from_second(second).unwrap();
        let key = SigningKey::of_seed(&[seed; 32]).unwrap();
        SigningKey { not_before: at(from), sign_until: at(until), verify_until: at(until + 10), ..key }
    }

    #[test]
    fn each_moment_has_its_signing_key_and_a_former_one_still_verifies() {
        let keys = KeySet(vec![key(1, 0, 100), key(2, 100, 200)]);
        let kid = |second| keys.signing_at(Timestamp::from_second(second).unwrap()).map(|key| key.kid.clone());
        let (first, second) = (keys.0[0].kid.clone(), keys.0[1].kid.clone());
        assert_eq!(
            [kid(0), kid(99), kid(100), kid(199)],
            [&first, &first, &second, &second].map(|kid| Some(kid.clone()))
        );
        assert_eq!(kid(205), Some(second), "when nothing is due, the last one");
        assert_eq!(kid(210), None);
        let published = |second| keys.published_at(Timestamp::from_second(second).unwrap()).count();
        assert_eq!([published(50), published(105), published(110), published(210)], [2, 2, 1, 0]);
    }
}
