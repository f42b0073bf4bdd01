//! The keys that sign access tokens: a table of public keys with the times in which each signs and verifies, whose secret
//! halves are secrets of the house. A new key is published before it signs, so that every server knows it by then; a
//! former one verifies for as long as its tokens live. So keys rotate, by themselves or on demand, and nobody has to log
//! in again.

use event_store_schema::not_understood::RowsNotUnderstood;
use event_store_schema::{Cells, Database, EventLog, LogError, Malformed};
use jiff::{SignedDuration, Timestamp};
use pasetors::keys::{AsymmetricPublicKey, AsymmetricSecretKey};
use pasetors::paserk::{FormatAsPaserk, Id};
use pasetors::version4::V4;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::error::{AccountsError, UnusableKey};
use super::statements::{Parameters, execute, query, query_one};

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

/// When a key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// If none signs for another day.
    Lasting,
    /// If none is published that does not sign yet.
    Next,
    /// In any case.
    Another,
}

impl Wanted {
    /// Asks whether there is such a key.
    const fn statement(self) -> Option<&'static str> {
        match self {
            Self::Lasting => Some(include_str!("../sql/signing_keys/is_lasting.sql")),
            Self::Next => Some(include_str!("../sql/signing_keys/is_next.sql")),
            Self::Another => None,
        }
    }
}

const TABLE: &str = "accounts.signing_keys";

impl SigningKeys {
    /// Over the database and the key ring of this log.
    pub const fn new(log: EventLog) -> Self {
        Self { log }
    }

    /// The keys as they are now, after a key was made if none signs for much longer. A key whose row is not understood is
    /// left out and noted: its tokens are refused. If none of the others signs for another day, one is made.
    pub async fn current(&self, not_understood: &RowsNotUnderstood) -> Result<KeySet, AccountsError> {
        self.make_if(Wanted::Lasting).await?;
        let keys = self.read(not_understood).await?;
        let soon = Timestamp::now() + SignedDuration::from_hours(24);
        if keys.0.iter().any(|key| key.sign_until > soon) {
            return Ok(keys);
        }
        self.make_if(Wanted::Another).await?;
        self.read(not_understood).await
    }

    async fn read(&self, not_understood: &RowsNotUnderstood) -> Result<KeySet, AccountsError> {
        let (mut keys, mut noted) = (Vec::new(), Vec::new());
        for row in query(self.database(), include_str!("../sql/signing_keys/current.sql"), &[]).await? {
            let kid = row.cell::<String>("kid").ok();
            match self.key_of(&row).await? {
                Ok(key) => {
                    not_understood.clear(TABLE, &key.kid);
                    keys.push(key);
                }
                Err(malformed) => {
                    noted.push(not_understood.note(TABLE, kid.as_ref().map(|kid| kid as &dyn ToString), malformed));
                }
            }
        }
        not_understood.retain(TABLE, &noted);
        Ok(KeySet(keys))
    }

    /// Makes the next key, which takes over in two minutes; the present one verifies until its tokens have expired.
    pub async fn rotate(&self) -> Result<(), AccountsError> {
        self.make_if(Wanted::Next).await
    }

    /// Takes every other key out of use at once, after one was disclosed: all its tokens are void, and sessions go on with
    /// their refresh tokens.
    pub async fn revoke_all(&self) -> Result<(), AccountsError> {
        execute(self.database(), include_str!("../sql/signing_keys/revoke_all.sql"), &[]).await?;
        self.make_if(Wanted::Another).await
    }

    /// Makes a key unless what is wanted is there. One server at a time; the others then find it.
    async fn make_if(&self, wanted: Wanted) -> Result<(), AccountsError> {
        if let Some(statement) = wanted.statement()
            && query_one(self.database(), statement, &[]).await?.cell("enough")?
        {
            return Ok(());
        }
        let mut client = self.database().get().await?;
        // The secret first: it is written on a connection of its own, which must not wait for a lock that waits for it.
        let first = client.query_one(include_str!("../sql/signing_keys/is_first.sql"), &[]).await?.cell("first")?;
        let name = if first { FIRST_SECRET.to_owned() } else { format!("{FIRST_SECRET} {}", Uuid::now_v7()) };
        let secret = self.log.keys().secret(&name).await?;
        let key = SigningKey::of_seed(secret.as_slice().try_into().map_err(|_| UnusableKey)?)?;
        let transaction = client.transaction().await?;
        transaction.execute(include_str!("../sql/signing_keys/lock.sql"), &[&ROTATION_LOCK]).await?;
        if let Some(statement) = wanted.statement()
            && transaction.query_one(statement, &[]).await?.cell("enough")?
        {
            return Ok(());
        }
        let (published, verifying) = (f64::from(PUBLISHED_SECONDS), f64::from(VERIFYING_SECONDS));
        let parameters: Parameters<'_> =
            &[&key.kid, &name, &key.public.as_bytes(), &published, &SIGNING_DAYS, &verifying];
        let made = transaction.query_opt(include_str!("../sql/signing_keys/make.sql"), parameters).await?;
        if let Some(made) = made {
            let (kid, not_before): (String, Timestamp) = (made.cell("kid")?, made.cell("not_before")?);
            let end_others = include_str!("../sql/signing_keys/end_others.sql");
            transaction.execute(end_others, &[&kid, &not_before, &verifying]).await?;
            tracing::info!(kid, %not_before, "a key for access tokens was made");
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The key of a row, or what of it is not understood.
    async fn key_of(&self, row: &Row) -> Result<Result<SigningKey, Malformed>, AccountsError> {
        let times = || Ok((row.cell("not_before")?, row.cell("sign_until")?, row.cell("verify_until")?));
        let (name, (not_before, sign_until, verify_until)) = match (row.cell::<&str>("secret_name"), times()) {
            (Ok(name), Ok(times)) => (name, times),
            (Err(malformed), _) | (_, Err(malformed)) => return Ok(Err(malformed)),
        };
        let secret = match self.log.keys().secret(name).await {
            Ok(secret) => secret,
            Err(LogError::Database(error)) => return Err(error.into()),
            Err(LogError::Key(_) | LogError::Unreadable(_) | LogError::Malformed { .. }) => {
                return Ok(Err(Malformed("secret_name")));
            }
        };
        let key = secret.as_slice().try_into().ok().and_then(|seed| SigningKey::of_seed(seed).ok());
        let Some(key) = key.filter(|key| row.cell::<&str>("kid").is_ok_and(|kid| kid == key.kid)) else {
            return Ok(Err(Malformed("kid")));
        };
        Ok(Ok(SigningKey { not_before, sign_until, verify_until, ..key }))
    }

    fn database(&self) -> &Database {
        self.log.database()
    }
}

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
