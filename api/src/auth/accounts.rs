//! The accounts that can log in, and the lock that slows down guessing. The tables are in `migrations/`.

use std::time::Duration;

use domain::ids::{FacilityId, UserId};
use domain::role::Role;
use event_store_schema::{Database, DatabaseError, EventLog, KeyRing};
use tokio_postgres::{Config, NoTls, Row};
use uuid::Uuid;

mod migrations {
    refinery::embed_migrations!("src/auth/migrations");
}

/// The advisory lock under which migrations run: 'MPac' in ASCII.
const MIGRATION_LOCK: i64 = 0x4d50_6163;

/// Wrong passwords that are forgiven; the one that makes it this many locks.
const FREE_ATTEMPTS: i32 = 5;
/// The first lock, in seconds; each further wrong password doubles it, up to an hour.
const FIRST_LOCK_SECONDS: i32 = 30;
const LONGEST_LOCK_SECONDS: i32 = 3600;

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
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LoginHash([u8; 32]);

impl LoginHash {
    /// The hash of this address.
    pub fn of(email: &str, keys: &dyn LookupHash) -> Self {
        Self(keys.lookup_hash("account-login", &email.to_lowercase()))
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The accounts could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The database could not be reached.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The tables could not be made.
    #[error("migration of the accounts failed: {0}")]
    Migration(#[from] refinery::Error),
    /// A row holds what the table's checks rule out.
    #[error("an account holds an unknown role")]
    UnknownRole,
}

impl From<tokio_postgres::Error> for AccountsError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Brings the schema `accounts` to this release, after the log's, which makes the application's role. The connection
/// must be the owner's; servers may start at the same time.
pub async fn migrate(owner: &Config) -> Result<(), AccountsError> {
    let (mut client, connection) = owner.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await?;
    let mut runner = migrations::migrations::runner();
    runner.set_migration_table_name("accounts_schema_history").run_async(&mut client).await?;
    drop(client);
    // Its end is the end of the session, and so of the lock.
    let _ = connection.await;
    Ok(())
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
    /// The argon2id hash of its password.
    pub password_hash: String,
}

/// The tables of accounts.
#[derive(Clone)]
pub struct Accounts {
    database: Database,
}

const COLUMNS: &str = "user_id, facility_id, role, rpps_number, adeli_number, status, password_hash";

impl Accounts {
    /// Over this database.
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Creates an account, or leaves the one of that id as it is: seeding twice changes nothing.
    /// Says whether it was created.
    pub async fn create(
        &self,
        account: &Account,
        login: LoginHash,
        password_hash: &str,
    ) -> Result<bool, AccountsError> {
        let client = self.database.get().await?;
        let statement = client
            .prepare_cached(
                "INSERT INTO accounts.credentials
                   (user_id, facility_id, login_hash, password_hash, role, rpps_number, adeli_number, status)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (user_id) DO NOTHING",
            )
            .await?;
        let status = if account.active { "active" } else { "suspended" };
        let created = client
            .execute(
                &statement,
                &[
                    &account.user_id.0,
                    &account.facility_id.0,
                    &login.bytes(),
                    &password_hash,
                    &account.role.name(),
                    &account.rpps_number,
                    &account.adeli_number,
                    &status,
                ],
            )
            .await?;
        Ok(created == 1)
    }

    /// Gives an account another password.
    pub async fn set_password(&self, user: UserId, password_hash: &str) -> Result<(), AccountsError> {
        let client = self.database.get().await?;
        let statement =
            client.prepare_cached("UPDATE accounts.credentials SET password_hash = $2 WHERE user_id = $1").await?;
        client.execute(&statement, &[&user.0, &password_hash]).await?;
        Ok(())
    }

    /// The account that logs in with this address.
    pub async fn by_login(&self, login: LoginHash) -> Result<Option<Credentials>, AccountsError> {
        let client = self.database.get().await?;
        let statement =
            client.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts.credentials WHERE login_hash = $1")).await?;
        client.query_opt(&statement, &[&login.bytes()]).await?.map(|row| credentials(&row)).transpose()
    }

    /// The account of this member of staff.
    pub async fn by_id(&self, user: UserId) -> Result<Option<Account>, AccountsError> {
        let client = self.database.get().await?;
        let statement =
            client.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts.credentials WHERE user_id = $1")).await?;
        let row = client.query_opt(&statement, &[&user.0]).await?;
        Ok(row.map(|row| credentials(&row)).transpose()?.map(|credentials| credentials.account))
    }

    /// How long this login stays locked, if it is.
    pub async fn locked_for(&self, login: LoginHash) -> Result<Option<Duration>, AccountsError> {
        let client = self.database.get().await?;
        let statement = client
            .prepare_cached(
                "SELECT extract(epoch FROM locked_until - now())::float8 FROM accounts.login_attempts
                 WHERE login_hash = $1 AND locked_until > now()",
            )
            .await?;
        let row = client.query_opt(&statement, &[&login.bytes()]).await?;
        Ok(row.map(|row| duration(row.get(0))))
    }

    /// Counts a wrong password, and says how long the login is locked for it, if it is.
    pub async fn password_was_wrong(&self, login: LoginHash) -> Result<Option<Duration>, AccountsError> {
        let client = self.database.get().await?;
        let forget = client
            .prepare_cached("DELETE FROM accounts.login_attempts WHERE last_failed_at < now() - interval '1 day'")
            .await?;
        client.execute(&forget, &[]).await?;
        // The first statement makes room; this one counts, in one step, so that simultaneous guesses all count.
        let count = client
            .prepare_cached(
                "INSERT INTO accounts.login_attempts AS attempts (login_hash, failed_count, last_failed_at)
                 VALUES ($1, 1, now())
                 ON CONFLICT (login_hash) DO UPDATE SET
                   failed_count = attempts.failed_count + 1,
                   last_failed_at = now(),
                   locked_until = CASE WHEN attempts.failed_count + 1 >= $2 THEN
                     now() + make_interval(secs =>
                       least($4::float8, $3::float8 * power(2, least(attempts.failed_count + 1 - $2, 20))))
                   END
                 RETURNING extract(epoch FROM locked_until - now())::float8",
            )
            .await?;
        let (first, longest) = (f64::from(FIRST_LOCK_SECONDS), f64::from(LONGEST_LOCK_SECONDS));
        let row = client.query_one(&count, &[&login.bytes(), &FREE_ATTEMPTS, &first, &longest]).await?;
        Ok(row.get::<_, Option<f64>>(0).map(|seconds| duration(Some(seconds))))
    }

    /// Forgets the wrong passwords after a right one. `false` if the login was locked meanwhile: then guesses that ran
    /// at the same time as the right one gain nothing from it.
    pub async fn password_was_right(&self, login: LoginHash) -> Result<bool, AccountsError> {
        let client = self.database.get().await?;
        let statement = client
            .prepare_cached(
                "WITH forgotten AS (
                   DELETE FROM accounts.login_attempts
                   WHERE login_hash = $1 AND (locked_until IS NULL OR locked_until <= now()))
                 SELECT NOT EXISTS (
                   SELECT FROM accounts.login_attempts WHERE login_hash = $1 AND locked_until > now())",
            )
            .await?;
        Ok(client.query_one(&statement, &[&login.bytes()]).await?.get(0))
    }
}

fn duration(seconds: Option<f64>) -> Duration {
    Duration::try_from_secs_f64(seconds.unwrap_or_default()).unwrap_or_default()
}

fn credentials(row: &Row) -> Result<Credentials, AccountsError> {
    Ok(Credentials {
        account: Account {
            user_id: UserId(row.get::<_, Uuid>("user_id")),
            facility_id: FacilityId(row.get::<_, Uuid>("facility_id")),
            role: Role::named(row.get("role")).ok_or(AccountsError::UnknownRole)?,
            rpps_number: row.get("rpps_number"),
            adeli_number: row.get("adeli_number"),
            active: row.get::<_, &str>("status") == "active",
        },
        password_hash: row.get("password_hash"),
    })
}
