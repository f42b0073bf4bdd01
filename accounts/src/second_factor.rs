//! The second factor of accounts: a TOTP secret, sealed under a key of the house, and ten recovery codes, hashed. Every
//! code is good once: the step of the last one is kept, and a recovery code is used up.

use std::sync::Arc;

use data_encoding::BASE32_NOPAD;
use domain::ids::UserId;
use event_store_schema::{Cells, Database, KeyRing, Malformed, Vault};
use jiff::Timestamp;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::error::{AccountsError, NoRandomness};
use super::passwords::Passwords;
use super::statements::{execute, query_one, query_opt};
use super::totp::TotpSecret;

/// How many recovery codes are made.
const RECOVERY_CODES: usize = 10;
/// 80 random bits each. They are hashed as passwords are: whoever has the table tries no code by the billion.
const RECOVERY_BYTES: usize = 10;
/// A secret that was not confirmed by then has to be made anew.
const PENDING_MINUTES: i32 = 15;

/// What a given code turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeCheck {
    /// The current code of the device.
    Device,
    /// One of the recovery codes, used up now.
    Recovery,
    /// Neither, or used before.
    Wrong,
}

/// The tables of second factors.
#[derive(Clone)]
pub struct SecondFactors {
    database: Database,
    vault: Vault,
    passwords: Arc<Passwords>,
}

impl SecondFactors {
    /// Over this database, with the keys of the house and what hashes recovery codes.
    pub async fn open(database: Database, keys: &KeyRing, passwords: Arc<Passwords>) -> Result<Self, AccountsError> {
        Ok(Self { database, vault: keys.vault("second-factors").await?, passwords })
    }

    /// Whether this account needs a code to log in.
    pub async fn is_enabled(&self, user: UserId) -> Result<bool, AccountsError> {
        let statement = include_str!("../sql/second_factor/is_enabled.sql");
        Ok(query_one(&self.database, statement, &[&user.0]).await?.cell("enabled")?)
    }

    /// Makes a secret, which counts once [`confirm`](Self::confirm)ed. One that counts already goes on until then.
    pub async fn enroll(&self, user: UserId) -> Result<TotpSecret, AccountsError> {
        let secret = TotpSecret::random()?;
        let sealed = self.vault.seal(&context(user), secret.as_bytes())?;
        execute(&self.database, include_str!("../sql/second_factor/enroll.sql"), &[&user.0, &sealed]).await?;
        Ok(secret)
    }

    /// Puts the new secret into force, if this is its code. Returns fresh recovery codes; former ones are void.
    pub async fn confirm(&self, user: UserId, code: &str) -> Result<Option<Vec<Zeroizing<String>>>, AccountsError> {
        // A wrong code is not worth ten hashes.
        if !self.is_of_pending(user, code).await? {
            return Ok(None);
        }
        let codes = (0..RECOVERY_CODES).map(|_| recovery_code()).collect::<Result<Vec<_>, _>>()?;
        let mut salt = [0; 16];
        SystemRandom::new().fill(&mut salt).map_err(|_| NoRandomness)?;
        let bytes = codes.iter().filter_map(|code| recovery_bytes(code)).collect();
        let hashes = self.passwords.hash_codes(bytes, salt).await?;
        Ok(self.put_into_force(user, code, &hashes, &salt).await?.then_some(codes))
    }

    async fn is_of_pending(&self, user: UserId, code: &str) -> Result<bool, AccountsError> {
        let pending = include_str!("../sql/second_factor/pending_secret.sql");
        let pending = query_opt(&self.database, pending, &[&user.0, &PENDING_MINUTES]).await?;
        let Some(pending) = pending else { return Ok(false) };
        let secret = self.secret(user, pending.cell("pending_secret")?)?;
        Ok(secret.step_of(code, Timestamp::now()).is_some())
    }

    async fn put_into_force(
        &self,
        user: UserId,
        code: &str,
        recovery: &[[u8; 32]],
        salt: &[u8; 16],
    ) -> Result<bool, AccountsError> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await?;
        let pending = include_str!("../sql/second_factor/pending.sql");
        let pending = transaction.query_opt(pending, &[&user.0, &PENDING_MINUTES]).await?;
        let Some(pending) = pending else { return Ok(false) };
        let secret = self.secret(user, pending.cell("pending_secret")?)?;
        let Some(step) = secret.step_of(code, Timestamp::now()) else { return Ok(false) };
        let sealed = self.vault.seal(&context(user), secret.as_bytes())?;
        let confirm = include_str!("../sql/second_factor/confirm.sql");
        transaction.execute(confirm, &[&user.0, &sealed, &step]).await?;
        let former = include_str!("../sql/second_factor/delete_recovery_codes.sql");
        transaction.execute(former, &[&user.0]).await?;
        let fresh = include_str!("../sql/second_factor/add_recovery_codes.sql");
        let recovery: Vec<&[u8]> = recovery.iter().map(<[u8; 32]>::as_slice).collect();
        transaction.execute(fresh, &[&user.0, &recovery, &salt.as_slice()]).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Looks at a code, and uses it up.
    pub async fn check(&self, user: UserId, code: &str) -> Result<CodeCheck, AccountsError> {
        match recovery_bytes(code) {
            Some(recovery) => self.check_recovery(user, recovery).await,
            None => self.check_device(user, code).await,
        }
    }

    async fn check_recovery(&self, user: UserId, code: Zeroizing<Vec<u8>>) -> Result<CodeCheck, AccountsError> {
        let Some(salt) = self.recovery_salt(user).await? else { return Ok(CodeCheck::Wrong) };
        let hash = match salt {
            Some(salt) => self.passwords.hash_codes(vec![code], salt).await?.concat(),
            None => digest::digest(&digest::SHA256, &code).as_ref().to_vec(),
        };
        let statement = include_str!("../sql/second_factor/use_recovery_code.sql");
        let used = execute(&self.database, statement, &[&user.0, &hash]).await?;
        Ok(if used == 1 { CodeCheck::Recovery } else { CodeCheck::Wrong })
    }

    /// With what the codes of a user are hashed, if there are any; without a salt, as former releases hashed them.
    async fn recovery_salt(&self, user: UserId) -> Result<Option<Option<[u8; 16]>>, AccountsError> {
        let statement = include_str!("../sql/second_factor/recovery_salt.sql");
        let Some(row) = query_opt(&self.database, statement, &[&user.0]).await? else { return Ok(None) };
        let salt = row.cell::<Option<&[u8]>>("salt")?;
        Ok(Some(salt.map(|salt| salt.try_into().map_err(|_| Malformed("salt"))).transpose()?))
    }

    async fn check_device(&self, user: UserId, code: &str) -> Result<CodeCheck, AccountsError> {
        let find = include_str!("../sql/second_factor/sealed_secret.sql");
        let Some(row) = query_opt(&self.database, find, &[&user.0]).await? else { return Ok(CodeCheck::Wrong) };
        let secret = self.secret(user, row.cell("sealed_secret")?)?;
        let Some(step) = secret.step_of(code, Timestamp::now()) else { return Ok(CodeCheck::Wrong) };
        let take = include_str!("../sql/second_factor/take_step.sql");
        let taken = execute(&self.database, take, &[&user.0, &step]).await?;
        Ok(if taken == 1 { CodeCheck::Device } else { CodeCheck::Wrong })
    }

    /// Removes the second factor and all that belongs to it. Whether there was one.
    pub async fn disable(&self, user: UserId) -> Result<bool, AccountsError> {
        let statement = include_str!("../sql/second_factor/disable.sql");
        Ok(query_one(&self.database, statement, &[&user.0]).await?.cell("was_enabled")?)
    }

    fn secret(&self, user: UserId, sealed: &[u8]) -> Result<TotpSecret, AccountsError> {
        Ok(TotpSecret::from_bytes(self.vault.open(&context(user), sealed)?))
    }
}

/// A sealed secret opens for its own account alone.
fn context(user: UserId) -> String {
    format!("second factor of {user}")
}

/// `abcd-efgh-ijkl-mnop`: sixteen letters and digits, in groups.
fn recovery_code() -> Result<Zeroizing<String>, NoRandomness> {
    let mut bytes = Zeroizing::new([0; RECOVERY_BYTES]);
    SystemRandom::new().fill(bytes.as_mut()).map_err(|_| NoRandomness)?;
    let letters = Zeroizing::new(BASE32_NOPAD.encode(bytes.as_ref()).to_lowercase());
    let groups: Vec<&str> = [0, 4, 8, 12].map(|at| &letters[at..at + 4]).to_vec();
    Ok(Zeroizing::new(groups.join("-")))
}

/// What a recovery code says, however its letters are written and grouped; none for what cannot be one.
fn recovery_bytes(code: &str) -> Option<Zeroizing<Vec<u8>>> {
    let letters: Zeroizing<String> = Zeroizing::new(
        code.chars().filter(|letter| *letter != '-').map(|letter| letter.to_ascii_uppercase()).collect(),
    );
    let bytes = Zeroizing::new(BASE32_NOPAD.decode(letters.as_bytes()).ok()?);
    (bytes.len() == RECOVERY_BYTES).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_code_is_known_however_it_is_written() {
        let code = recovery_code().unwrap();
        assert_eq!(code.len(), 19);
        assert!(recovery_bytes(&code).is_some());
        assert_eq!(recovery_bytes(&code), recovery_bytes(&code.to_uppercase().replace('-', "")));
        assert_ne!(recovery_bytes(&code), recovery_bytes(&recovery_code().unwrap()));
        assert_eq!(recovery_bytes("123456"), None);
    }
}
