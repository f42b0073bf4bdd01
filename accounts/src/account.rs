//! The accounts that can log in. The tables are in `migrations/`; what slows down guessing is in [`super::lockout`].

use domain::ids::{FacilityId, UserId};
use domain::role::Role;
use event_store_schema::{Cells, Database, EventLog, KeyRing, Malformed, migrating};
use tokio_postgres::{Config, Row};

use super::error::AccountsError;
use super::statements::{Parameters, execute, query, query_opt};

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// The advisory lock under which migrations run: 'MPac' in ASCII.
const MIGRATION_LOCK: i64 = 0x4d50_6163;

/// Turns something to be looked up into a keyed hash, so that tables hold no e-mail address.
pub trait LookupHash: Send + Sync {
    /// The hash of `value`; the same value hashes differently in another `domain` of values.
    fn lookup_hash(&self, domain: &str, value: &str) -> [u8; 32];
}

impl LookupHash for KeyRing {
    fn lookup_hash(&self, domain: &str, value: &str) -> [u8; 32] {
        self.lookup_hash(domain, value)
    }
}

/// The log holds the key ring of a running server.
impl LookupHash for EventLog {
    fn lookup_hash(&self, domain: &str, value: &str) -> [u8; 32] {
        self.keys().lookup_hash(domain, value)
    }
}

/// The keyed hash that stands for an e-mail address. Addresses that differ in case alone are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginHash([u8; 32]);

impl LoginHash {
    /// The hash of this address.
    pub fn of(email: &str, keys: &dyn LookupHash) -> Self {
        Self(keys.lookup_hash("account-login", &email.to_lowercase()))
    }

    /// Its bytes, as stored.
    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Brings the schema `accounts` to this release, after the log's, which makes the application's role. The connection
/// must be the owner's; servers may start at the same time.
pub async fn migrate(owner: &Config) -> Result<(), AccountsError> {
    migrating::migrate_schema(owner, MIGRATION_LOCK, "accounts_schema_history", migrations::migrations::runner()).await
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The member of staff.
    pub user_id: UserId,
    /// The practice they work in.
    pub facility_id: FacilityId,
    /// What they do there.
    pub role: Role,
    /// The number of a doctor in the national directory (RPPS).
    pub rpps_number: Option<String>,
    /// The number in the older directory (ADELI).
    pub adeli_number: Option<String>,
    /// Whether they may log in.
    pub active: bool,
}

/// An account with what its password is checked against.
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// The address that it logs in with, as a hash.
    pub login: LoginHash,
    /// The argon2id hash of its password; none until the invitation is accepted.
    pub password_hash: Option<String>,
}

/// The tables of accounts.
#[derive(Clone)]
pub struct Accounts {
    database: Database,
}

impl Accounts {
    /// Over this database.
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Creates an account, or leaves the one of that id as it is: seeding twice changes nothing. Without a password it
    /// waits for its invitation to be accepted. Says whether it was created.
    pub async fn create(
        &self,
        account: &Account,
        login: LoginHash,
        password_hash: Option<&str>,
    ) -> Result<bool, AccountsError> {
        let parameters: Parameters<'_> = &[
            &account.user_id.0,
            &account.facility_id.0,
            &login.bytes().as_slice(),
            &password_hash,
            &account.role.name(),
            &account.rpps_number,
            &account.adeli_number,
            &status_of(account.active),
        ];
        Ok(execute(&self.database, include_str!("../sql/account/create.sql"), parameters).await? == 1)
    }

    /// Gives an account another password.
    pub async fn set_password(&self, user: UserId, password_hash: &str) -> Result<(), AccountsError> {
        let statement = include_str!("../sql/account/set_password.sql");
        execute(&self.database, statement, &[&user.0, &password_hash]).await?;
        Ok(())
    }

    /// Keeps the same password as another hash, unless it was changed meanwhile.
    pub async fn rehash(&self, user: UserId, before: &str, after: &str) -> Result<(), AccountsError> {
        execute(&self.database, include_str!("../sql/account/rehash.sql"), &[&user.0, &before, &after]).await?;
        Ok(())
    }

    /// Lets an account log in with another address. `false` if that address is another account's.
    pub async fn set_login(&self, user: UserId, login: LoginHash) -> Result<bool, AccountsError> {
        Ok(execute(&self.database, SET_LOGIN, &[&user.0, &login.bytes().as_slice()]).await? == 1)
    }

    /// The account that logs in with this address.
    pub async fn by_login(&self, login: LoginHash) -> Result<Option<Credentials>, AccountsError> {
        let statement = include_str!("../sql/account/by_login.sql");
        let row = query_opt(&self.database, statement, &[&login.bytes().as_slice()]).await?;
        Ok(row.map(|row| credentials(&row)).transpose()?)
    }

    /// The members of a practice in this role who may log in.
    pub async fn of_role(&self, facility: FacilityId, role: Role) -> Result<Vec<UserId>, AccountsError> {
        let statement = include_str!("../sql/account/of_role.sql");
        let rows = query(&self.database, statement, &[&facility.0, &role.name()]).await?;
        Ok(rows.iter().map(|row| Ok(UserId(row.cell("user_id")?))).collect::<Result<_, Malformed>>()?)
    }

    /// The account of this member of staff, with what its password is checked against.
    pub async fn by_id(&self, user: UserId) -> Result<Option<Credentials>, AccountsError> {
        let row = query_opt(&self.database, include_str!("../sql/account/by_id.sql"), &[&user.0]).await?;
        Ok(row.map(|row| credentials(&row)).transpose()?)
    }
}

/// Also used where the log's events are copied into the table.
pub(super) const SET_LOGIN: &str = include_str!("../sql/account/set_login.sql");

/// The column `status`.
pub(super) const fn status_of(active: bool) -> &'static str {
    if active { "active" } else { "suspended" }
}

/// Reads the column `role`.
pub(super) fn role(row: &Row) -> Result<Role, Malformed> {
    Role::named(row.cell("role")?).ok_or(Malformed("role"))
}

/// Reads the column `status`: whether the account may log in.
pub(super) fn is_active(row: &Row) -> Result<bool, Malformed> {
    match row.cell("status")? {
        "active" => Ok(true),
        "suspended" => Ok(false),
        _ => Err(Malformed("status")),
    }
}

fn credentials(row: &Row) -> Result<Credentials, Malformed> {
    Ok(Credentials {
        account: Account {
            user_id: UserId(row.cell("user_id")?),
            facility_id: FacilityId(row.cell("facility_id")?),
            role: role(row)?,
            rpps_number: row.cell("rpps_number")?,
            adeli_number: row.cell("adeli_number")?,
            active: is_active(row)?,
        },
        login: LoginHash(row.cell::<&[u8]>("login_hash")?.try_into().map_err(|_| Malformed("login_hash"))?),
        password_hash: row.cell("password_hash")?,
    })
}
