//! Connections to PostgreSQL, and what its errors mean: away, refused, or not understood.

use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

/// The role that servers work as. It may add to the log and read it; it cannot change what stands there.
const APPLICATION_ROLE: &str = "medicalpro_app";

/// The database could not be reached or refused to work.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No connection in time, or none at all.
    #[error("no database connection: {0}")]
    Pool(#[from] deadpool_postgres::PoolError),
    /// A statement failed.
    #[error("database error: {}", describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// The connection settings cannot be understood.
    #[error("invalid database settings: {0}")]
    Settings(String),
}

impl DatabaseError {
    /// Whether the database was away and has not refused: the same call may work a moment later.
    pub fn is_outage(&self) -> bool {
        let ending = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
        match self {
            Self::Pool(_) => true,
            Self::Postgres(error) => match error.code() {
                Some(code) => ending.contains(code),
                None => !is_own(error),
            },
            Self::Settings(_) => false,
        }
    }

    /// Whether the database answered with a row that this release does not understand: the same call fails every time.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Postgres(error) if is_own(error))
    }
}

/// Whether a value or a row was at fault, not the server or the connection. tokio-postgres tells these kinds apart by their
/// texts alone; a test provokes each.
fn is_own(error: &tokio_postgres::Error) -> bool {
    const TEXTS: [&str; 5] = [
        "error serializing parameter",
        "error deserializing column",
        "invalid column",
        "query returned an unexpected number of",
        "expected ",
    ];
    let text = error.to_string();
    error.code().is_none() && TEXTS.iter().any(|own| text.starts_with(own))
}

/// PostgreSQL's own message and code. Its `DETAIL` is left out: it quotes row contents.
fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(refusal) => format!("{} ({})", refusal.message(), refusal.code().code()),
        None => error.to_string(),
    }
}

/// The application's connections. Each works as the role `medicalpro_app`, whichever user logged in.
#[derive(Clone)]
pub struct Database {
    config: Config,
    pool: Pool,
}

impl Database {
    /// A pool of at most `size` connections, opened when needed. The user of `url` must be a member of
    /// `medicalpro_app` (or a superuser).
    pub fn connect(url: &str, size: usize) -> Result<Self, DatabaseError> {
        let config = Config::from_str(url).map_err(|e| DatabaseError::Settings(e.to_string()))?;
        Self::with_config(config, size)
    }

    /// The same from parsed settings.
    pub fn with_config(mut config: Config, size: usize) -> Result<Self, DatabaseError> {
        let options = config.get_options().unwrap_or_default().trim().to_owned();
        // PostgreSQL expects more rows of a list's page than it finds. It would compile the plan: half a second for a
        // query of one millisecond.
        config.options(format!("{options} -c role={APPLICATION_ROLE} -c jit=off").trim());
        config.application_name("medicalpro");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        let manager =
            Manager::from_config(config.clone(), NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(Duration::from_secs(5)))
            .create_timeout(Some(Duration::from_secs(5)))
            .build()
            .map_err(|e| DatabaseError::Settings(e.to_string()))?;
        Ok(Self { config, pool })
    }

    /// A connection from the pool.
    pub async fn get(&self) -> Result<deadpool_postgres::Object, DatabaseError> {
        Ok(self.pool.get().await?)
    }

    /// The pool's state, for metrics.
    pub fn pool_status(&self) -> deadpool_postgres::Status {
        self.pool.status()
    }

    /// A connection outside the pool, for a task that holds one for long, such as a group commit or a leader.
    pub async fn dedicated(&self) -> Result<Client, DatabaseError> {
        open(&self.config).await
    }
}

/// The task of a connection is not supervised: it ends with its connection, and its client then says that it is closed.
async fn open(config: &Config) -> Result<Client, DatabaseError> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %describe(&error), "a database connection ended");
        }
    });
    Ok(client)
}
