//! The accounts of the demo practice: made once, with passwords that nobody chose, which are kept in a file that only
//! its owner can read, so that every start of the server can print them again.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use super::account::{Account, Accounts, LoginHash, LookupHash};
use super::error::AccountsError;
use super::passwords::{PasswordError, Passwords, random_password};
use super::private_file::write_private;

/// The accounts could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The tables.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The hashes.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The file of passwords.
    #[error("cannot keep the demo passwords in {path}: {error}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
}

/// An account to be made.
pub struct SeedAccount {
    /// What is known of it.
    pub account: Account,
    /// The e-mail address that it logs in with.
    pub email: String,
}

/// An account that was made, as printed for whoever tries the demo.
#[derive(Clone, Debug, Serialize)]
pub struct SeededAccount {
    /// The e-mail address that it logs in with.
    pub email: String,
    /// Its password.
    pub password: String,
    /// The name of its role.
    pub role: &'static str,
}

/// Makes the accounts that do not exist yet, and says how to log in to all of them. The password is `given`, else the
/// one kept in `data_dir`, else a new random one.
pub async fn seed(
    wanted: Vec<SeedAccount>,
    given: Option<&str>,
    data_dir: &Path,
    accounts: &Accounts,
    passwords: &Passwords,
    keys: &dyn LookupHash,
) -> Result<Vec<SeededAccount>, SeedError> {
    let path = data_dir.join("demo-accounts.json");
    let failed = |error| SeedError::File { path: path.clone(), error };
    let mut kept: BTreeMap<String, String> = match fs::read(&path) {
        Ok(json) => serde_json::from_slice(&json).map_err(|error| failed(error.into()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(failed(error)),
    };
    for SeedAccount { email, .. } in &wanted {
        if let Some(given) = given {
            kept.insert(email.clone(), given.to_owned());
        } else if !kept.contains_key(email) {
            kept.insert(email.clone(), random_password()?);
        }
    }
    // Kept first: an account whose password nobody knows would be lost.
    let json = serde_json::to_vec_pretty(&kept).map_err(|error| failed(error.into()))?;
    fs::create_dir_all(data_dir).map_err(failed)?;
    write_private(&path, &json).map_err(failed)?;

    let mut seeded = Vec::with_capacity(wanted.len());
    for SeedAccount { account, email } in wanted {
        let password = kept.get(&email).cloned().unwrap_or_default();
        let login = LoginHash::of(&email, keys);
        let secret = Zeroizing::new(password.clone());
        let existing = accounts.by_login(login).await?.and_then(|credentials| credentials.password_hash);
        if !passwords.verify(secret.clone(), existing).await? {
            let hash = passwords.hash(secret).await?;
            if !accounts.create(&account, login, Some(&hash)).await? {
                accounts.set_password(account.user_id, &hash).await?;
            }
        }
        seeded.push(SeededAccount { email, password, role: account.role.name() });
    }
    Ok(seeded)
}
