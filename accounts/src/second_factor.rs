//! The second factor of accounts: a TOTP secret, sealed under a key of the house, and ten recovery codes, hashed. Every
//! code is good once: the step of the last one is kept, and a recovery code is used up.

use data_encoding::BASE32_NOPAD;
use domain::ids::UserId;
use event_store_schema::{Database, KeyRing, Vault};
use jiff::Timestamp;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::account::AccountsError;
use super::totp::{NoRandomness, TotpSecret};

/// How many recovery codes are made.
const RECOVERY_CODES: usize = 10;
/// 80 random bits each: no dictionary helps, so a plain hash keeps them.
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
}

impl SecondFactors {
    /// Over this database, with the keys of the house.
    pub async fn open(database: Database, keys: &KeyRing) -> Result<Self, AccountsError> {
        Ok(Self { database, vault: keys.vault("second-factors").await? })
    }

    /// Whether this account needs a code to log in.
    pub async fn is_enabled(&self, user: UserId) -> Result<bool, AccountsError> {
        let client = self.database.get().await?;
        let statement = client
            .prepare_cached(
                "SELECT EXISTS (SELECT FROM accounts.second_factors WHERE user_id = $1 AND enabled_at IS NOT NULL)",
            )
            .await?;
        Ok(client.query_one(&statement, &[&user.0]).await?.get(0))
    }

    /// Makes a secret, which counts once [`confirm`](Self::confirm)ed. One that counts already goes on until then.
    pub async fn enroll(&self, user: UserId) -> Result<TotpSecret, AccountsError> {
        let secret = TotpSecret::random()?;
        let sealed = self.vault.seal(&context(user), secret.as_bytes())?;
        let client = self.database.get().await?;
        let statement = client
            .prepare_cached(
                "INSERT INTO accounts.second_factors (user_id, pending_secret, pending_since) VALUES ($1, $2, now())
                 ON CONFLICT (user_id) DO UPDATE SET pending_secret = $2, pending_since = now()",
            )
            .await?;
        client.execute(&statement, &[&user.0, &sealed]).await?;
        Ok(secret)
    }

    /// Puts the new secret into force, if this is its code. Returns fresh recovery codes; former ones are void.
    pub async fn confirm(&self, user: UserId, code: &str) -> Result<Option<Vec<Zeroizing<String>>>, AccountsError> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await?;
        let pending = transaction
            .query_opt(
                "SELECT pending_secret FROM accounts.second_factors
                 WHERE user_id = $1 AND pending_since > now() - make_interval(mins => $2) FOR UPDATE",
                &[&user.0, &PENDING_MINUTES],
            )
            .await?;
        let Some(pending) = pending else { return Ok(None) };
        let secret = self.secret(user, pending.get(0))?;
        let Some(step) = secret.step_of(code, Timestamp::now()) else { return Ok(None) };
        let sealed = self.vault.seal(&context(user), secret.as_bytes())?;
        transaction
            .execute(
                "UPDATE accounts.second_factors SET sealed_secret = $2, enabled_at = now(), last_step = $3,
                   pending_secret = NULL, pending_since = NULL WHERE user_id = $1",
                &[&user.0, &sealed, &step],
            )
            .await?;
        let codes = (0..RECOVERY_CODES).map(|_| recovery_code()).collect::<Result<Vec<_>, _>>()?;
        let hashes: Vec<Vec<u8>> = codes.iter().filter_map(|code| recovery_hash(code)).collect();
        transaction.execute("DELETE FROM accounts.recovery_codes WHERE user_id = $1", &[&user.0]).await?;
        transaction
            .execute(
                "INSERT INTO accounts.recovery_codes (user_id, code_hash) SELECT $1, unnest($2::bytea[])",
                &[&user.0, &hashes],
            )
            .await?;
        transaction.commit().await?;
        Ok(Some(codes))
    }

    /// Looks at a code, and uses it up.
    pub async fn check(&self, user: UserId, code: &str) -> Result<CodeCheck, AccountsError> {
        let client = self.database.get().await?;
        if let Some(hash) = recovery_hash(code) {
            let statement = client
                .prepare_cached(
                    "UPDATE accounts.recovery_codes SET used_at = now()
                     WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL",
                )
                .await?;
            let used = client.execute(&statement, &[&user.0, &hash]).await?;
            return Ok(if used == 1 { CodeCheck::Recovery } else { CodeCheck::Wrong });
        }
        let find = client
            .prepare_cached(
                "SELECT sealed_secret FROM accounts.second_factors WHERE user_id = $1 AND enabled_at IS NOT NULL",
            )
            .await?;
        let Some(row) = client.query_opt(&find, &[&user.0]).await? else { return Ok(CodeCheck::Wrong) };
        let secret = self.secret(user, row.get(0))?;
        let Some(step) = secret.step_of(code, Timestamp::now()) else { return Ok(CodeCheck::Wrong) };
        // One conditional step, so that of simultaneous uses one alone succeeds.
        let take = client
            .prepare_cached("UPDATE accounts.second_factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2")
            .await?;
        let taken = client.execute(&take, &[&user.0, &step]).await?;
        Ok(if taken == 1 { CodeCheck::Device } else { CodeCheck::Wrong })
    }

    /// Removes the second factor and all that belongs to it. Whether there was one.
    pub async fn disable(&self, user: UserId) -> Result<bool, AccountsError> {
        let client = self.database.get().await?;
        let statement = client
            .prepare_cached(
                "WITH codes AS (DELETE FROM accounts.recovery_codes WHERE user_id = $1),
                      gone AS (DELETE FROM accounts.second_factors WHERE user_id = $1 RETURNING enabled_at)
                 SELECT EXISTS (SELECT FROM gone WHERE enabled_at IS NOT NULL)",
            )
            .await?;
        Ok(client.query_one(&statement, &[&user.0]).await?.get(0))
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

/// What is stored of a recovery code, however its letters are written and grouped; none for what cannot be one.
fn recovery_hash(code: &str) -> Option<Vec<u8>> {
    let letters: Zeroizing<String> = Zeroizing::new(
        code.chars().filter(|letter| *letter != '-').map(|letter| letter.to_ascii_uppercase()).collect(),
    );
    let bytes = Zeroizing::new(BASE32_NOPAD.decode(letters.as_bytes()).ok()?);
    (bytes.len() == RECOVERY_BYTES).then(|| digest::digest(&digest::SHA256, &bytes).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_code_is_known_however_it_is_written() {
        let code = recovery_code().unwrap();
        assert_eq!(code.len(), 19);
        assert!(recovery_hash(&code).is_some());
        assert_eq!(recovery_hash(&code), recovery_hash(&code.to_uppercase().replace('-', "")));
        assert_ne!(recovery_hash(&code), recovery_hash(&recovery_code().unwrap()));
        assert_eq!(recovery_hash("123456"), None);
    }
}
