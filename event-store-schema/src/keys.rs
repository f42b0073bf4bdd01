//! Keys: the master key from outside the database, the data key of each patient, and the house's own secrets.
//!
//! Envelope encryption with AES-256-GCM (NIST SP 800-38D). Every data key encrypts few events, so random 96-bit nonces
//! are safe (section 8.3: at most 2³² under one key).

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::ids::{FacilityId, SubjectId};
use lru::LruCache;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use tokio_postgres::Row;
use zeroize::Zeroizing;

use crate::cell::Cells;
use crate::database::Database;
use crate::error::LogError;
use crate::key_error::KeyError;

const KEY_LENGTH: usize = 32;

/// A fresh random key.
fn random_key() -> Result<Zeroizing<[u8; KEY_LENGTH]>, KeyError> {
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    SystemRandom::new().fill(key.as_mut()).map_err(|_| KeyError::NoRandomness)?;
    Ok(key)
}

/// One symmetric key, ready for use.
pub(crate) struct SealingKey(LessSafeKey);

impl SealingKey {
    fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| KeyError::NotAuthentic)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Nonce, ciphertext and tag. `context` is authenticated with it: the same bytes open under no other context.
    pub(crate) fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| KeyError::NoRandomness)?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                &mut sealed[NONCE_LEN..],
            )
            .map_err(|_| KeyError::NotAuthentic)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// What [`seal`](Self::seal) was given, if neither it nor the context was touched.
    pub(crate) fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN).ok_or(KeyError::NotAuthentic)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyError::NotAuthentic)?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let length =
            self.0.open_in_place(nonce, Aad::from(context), &mut buffer).map_err(|_| KeyError::NotAuthentic)?.len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

/// Seals small secrets that stand in tables, such as those of second factors.
#[derive(Clone)]
pub struct Vault(Arc<SealingKey>);

impl Vault {
    /// The secret, encrypted. It opens under the same context alone: whose it is, and what it is for.
    pub fn seal(&self, context: &str, secret: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.0.seal(context.as_bytes(), secret)
    }

    /// What was sealed under this context.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.0.open(context.as_bytes(), sealed)
    }
}

struct MasterKey {
    id: String,
    key: SealingKey,
}

/// The master keys: one that wraps, and former ones that still unwrap, until everything is wrapped anew.
pub struct MasterKeys {
    active: MasterKey,
    former: Vec<MasterKey>,
}

/// Shows the key's id alone.
impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKeys({})", self.active.id)
    }
}

/// A key under a master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrappedKey {
    pub(crate) master_key_id: String,
    pub(crate) bytes: Vec<u8>,
}

impl MasterKeys {
    /// From their text form: base64 of 32 bytes each, separated by commas, the one in use first.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys = text
            .split(',')
            .map(|encoded| {
                let bytes = Zeroizing::new(BASE64.decode(encoded.trim()).map_err(|_| KeyError::InvalidMasterKey)?);
                if bytes.len() != KEY_LENGTH {
                    return Err(KeyError::InvalidMasterKey);
                }
                let mut named = digest::Context::new(&digest::SHA256);
                named.update(b"medicalpro master key id");
                named.update(&bytes);
                let id = named.finish().as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
                Ok(MasterKey { id, key: SealingKey::new(&bytes)? })
            })
            .collect::<Result<Vec<_>, _>>()?
            .into_iter();
        let active = keys.next().ok_or(KeyError::InvalidMasterKey)?;
        Ok(Self { active, former: keys.collect() })
    }

    /// The text form of a fresh key, to be kept somewhere safe.
    pub fn generate() -> Result<Zeroizing<String>, KeyError> {
        Ok(Zeroizing::new(BASE64.encode(random_key()?.as_ref())))
    }

    fn wrap(&self, context: &str, key: &[u8]) -> Result<WrappedKey, KeyError> {
        Ok(WrappedKey { master_key_id: self.active.id.clone(), bytes: self.active.key.seal(context.as_bytes(), key)? })
    }

    fn unwrap(&self, context: &str, master_key_id: &str, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        std::iter::once(&self.active)
            .chain(&self.former)
            .find(|key| key.id == master_key_id)
            .ok_or_else(|| KeyError::UnknownMasterKey(master_key_id.to_owned()))?
            .key
            .open(context.as_bytes(), wrapped)
    }
}

/// All keys of a server: the master keys it was given and what they unwrap from the database.
pub struct KeyRing {
    master: MasterKeys,
    database: Database,
    lookup: hmac::Key,
    data_keys: Mutex<LruCache<SubjectId, Arc<SealingKey>>>,
}

/// How many patients' data keys a server keeps unwrapped for writing.
const CACHED_DATA_KEYS: NonZeroUsize = NonZeroUsize::new(20_000).expect("not zero");

impl KeyRing {
    /// Opens the ring, and makes the house's lookup key when the database is new.
    ///
    /// Fails with [`KeyError::UnknownMasterKey`] when the database belongs to another master key.
    pub async fn open(database: Database, master: MasterKeys) -> Result<Self, LogError> {
        let lookup = secret(&database, &master, "lookup").await?;
        Ok(Self {
            lookup: hmac::Key::new(hmac::HMAC_SHA256, &lookup),
            master,
            database,
            data_keys: Mutex::new(LruCache::new(CACHED_DATA_KEYS)),
        })
    }

    /// A keyed hash by which a personal value can be found without being stored. `domain` keeps the values of different
    /// fields apart.
    pub fn lookup_hash(&self, domain: &str, value: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.lookup);
        context.update(domain.as_bytes());
        context.update(&[0]);
        context.update(value.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }

    /// The house's secret of that name: 32 random bytes, the same on every server of the database. The first call makes it.
    pub async fn secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, LogError> {
        secret(&self.database, &self.master, name).await
    }

    /// A vault for small secrets that stand in tables. Its key is the house's secret of that name.
    pub async fn vault(&self, name: &str) -> Result<Vault, LogError> {
        let key = self.secret(&format!("vault {name}")).await?;
        Ok(Vault(Arc::new(SealingKey::new(&key)?)))
    }

    /// A new data key, to be stored with the first event of its patient.
    pub(crate) fn new_data_key(
        &self,
        subject: SubjectId,
        facility: FacilityId,
    ) -> Result<(Arc<SealingKey>, WrappedKey), KeyError> {
        let key = random_key()?;
        let wrapped = self.master.wrap(&data_key_context(subject, facility), key.as_ref())?;
        Ok((Arc::new(SealingKey::new(key.as_ref())?), wrapped))
    }

    /// The data key that stands wrapped in the database.
    pub(crate) fn unwrap_data_key(
        &self,
        subject: SubjectId,
        facility: FacilityId,
        master_key_id: &str,
        wrapped: &[u8],
    ) -> Result<SealingKey, KeyError> {
        let context = data_key_context(subject, facility);
        SealingKey::new(&self.master.unwrap(&context, master_key_id, wrapped)?)
    }

    /// The data key of a patient who already has one.
    pub(crate) async fn data_key(&self, subject: SubjectId, facility: FacilityId) -> Result<Arc<SealingKey>, LogError> {
        if let Some(key) = self.known_data_key(subject) {
            return Ok(key);
        }
        let client = self.database.get().await?;
        let statement = client.prepare_cached(include_str!("../sql/data_key.sql")).await?;
        let row = client.query_opt(&statement, &[&subject.0]).await?.ok_or(KeyError::NoDataKey)?;
        let wrapped = row.cell::<Option<&[u8]>>("wrapped")?.ok_or(KeyError::NoDataKey)?;
        Ok(self.keep_data_key(subject, facility, row.cell("master_key_id")?, wrapped)?)
    }

    /// The data key of a patient, if it was needed lately. If the row says that the key was destroyed, this one must not be
    /// used.
    pub(crate) fn known_data_key(&self, subject: SubjectId) -> Option<Arc<SealingKey>> {
        self.cached_data_keys().get(&subject).map(Arc::clone)
    }

    /// Remembers a data key as it stands wrapped in the database.
    pub(crate) fn keep_data_key(
        &self,
        subject: SubjectId,
        facility: FacilityId,
        master_key_id: &str,
        wrapped: &[u8],
    ) -> Result<Arc<SealingKey>, KeyError> {
        let key = Arc::new(self.unwrap_data_key(subject, facility, master_key_id, wrapped)?);
        self.cached_data_keys().put(subject, Arc::clone(&key));
        Ok(key)
    }

    fn cached_data_keys(&self) -> MutexGuard<'_, LruCache<SubjectId, Arc<SealingKey>>> {
        self.data_keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn data_key_context(subject: SubjectId, facility: FacilityId) -> String {
    format!("medicalpro data key {facility} {subject}")
}

async fn secret(database: &Database, master: &MasterKeys, name: &str) -> Result<Zeroizing<Vec<u8>>, LogError> {
    let context = format!("medicalpro secret {name}");
    let client = database.get().await?;
    let find = client.prepare_cached(include_str!("../sql/secret.sql")).await?;
    let unwrap =
        |row: Row| Ok::<_, LogError>(master.unwrap(&context, row.cell("master_key_id")?, row.cell("wrapped")?)?);
    if let Some(row) = client.query_opt(&find, &[&name]).await? {
        return unwrap(row);
    }
    let wrapped = master.wrap(&context, random_key()?.as_ref())?;
    let keep = client.prepare_cached(include_str!("../sql/keep_secret.sql")).await?;
    client.execute(&keep, &[&name, &wrapped.master_key_id, &wrapped.bytes]).await?;
    // Another server may have been first: what stands there now is everybody's.
    unwrap(client.query_one(&find, &[&name]).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::new(&[byte; KEY_LENGTH]).expect("32 bytes are a key")
    }

    #[test]
    fn content_opens_in_its_place_alone() {
        let sealed = key(1).seal(b"patient-1|1", b"secret").expect("sealed");
        assert_eq!(key(1).open(b"patient-1|1", &sealed).expect("opened").as_slice(), b"secret");
        assert_eq!(key(1).open(b"patient-1|2", &sealed), Err(KeyError::NotAuthentic));
        assert_eq!(key(2).open(b"patient-1|1", &sealed), Err(KeyError::NotAuthentic));
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let sealed = key(1).seal(b"", b"secret").expect("sealed");
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(key(1).open(b"", &altered), Err(KeyError::NotAuthentic), "byte {at}");
        }
        for length in 0..sealed.len() {
            assert_eq!(key(1).open(b"", &sealed[..length]), Err(KeyError::NotAuthentic), "cut to {length}");
        }
    }

    #[test]
    fn a_former_master_key_still_unwraps() {
        let old = MasterKeys::generate().expect("random");
        let new = MasterKeys::generate().expect("random");
        let wrapped = MasterKeys::parse(&old).and_then(|keys| keys.wrap("x", b"data key")).expect("wrapped");
        let rotated = MasterKeys::parse(&format!("{},{}", *new, *old)).expect("two keys");
        let unwrapped = rotated.unwrap("x", &wrapped.master_key_id, &wrapped.bytes).expect("unwrapped");
        assert_eq!(unwrapped.as_slice(), b"data key");
        let without = MasterKeys::parse(&new).expect("one key");
        assert_eq!(
            without.unwrap("x", &wrapped.master_key_id, &wrapped.bytes),
            Err(KeyError::UnknownMasterKey(wrapped.master_key_id.clone()))
        );
    }

    #[test]
    fn what_is_no_master_key_is_refused() {
        for text in ["", "x", "AAAA", ",", &BASE64.encode([0; 31])] {
            assert_eq!(MasterKeys::parse(text).err(), Some(KeyError::InvalidMasterKey), "{text}");
        }
    }
}
