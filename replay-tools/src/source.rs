//! Where the log is: the database, and the master key that its personal content is locked with.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use domain::upcasting::Upcasters;
use event_store_schema::{Database, EventLog, KeyRing, MasterKeys};
use serde::Deserialize;
use tokio_postgres::Config;
use zeroize::Zeroizing;

use crate::error::ReplayError;

/// What a running server with embedded databases writes into its data folder, and removes when it stops.
const ENDPOINTS: &str = "endpoints.json";

/// The master key that such a server made for itself.
const MASTER_KEY: &str = "master.key";

/// A question is asked over few connections, one after the other.
const CONNECTIONS: usize = 2;

/// Where the log is. A data folder has both parts; otherwise the database and its master key are needed.
#[derive(Args)]
pub struct Source {
    /// Data folder of a running server with an embedded database; its own master key is used if no other is given
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// The database, if there is no --data-dir
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// Master key. Better set in the environment or in a file than here, where other users of the machine can read it
    #[arg(long, global = true, env = "MEDICALPRO_MASTER_KEY", hide_env_values = true, value_name = "KEYS")]
    master_key: Option<String>,
    /// File that holds the master key
    #[arg(long, global = true, env = "MEDICALPRO_MASTER_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    #[arg(conflicts_with = "master_key")]
    master_key_file: Option<PathBuf>,
}

/// Leaves out what is secret in the settings.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

/// The announcement of a running server. It says more than this; the rest is not for us.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoints {
    postgres_url: String,
}

impl Source {
    /// The log, to be read only.
    pub(crate) async fn open(&self) -> Result<EventLog, ReplayError> {
        let config = read_only(self.database()?);
        let master = MasterKeys::parse(&self.master_key()?)
            .map_err(|_| ReplayError::Usage("the master key is not one: it is 32 bytes in base64"))?;
        let database = Database::with_config(config, CONNECTIONS)?;
        let keys = KeyRing::open(database.clone(), master).await?;
        Ok(EventLog::open(database, keys, Upcasters::current(), Duration::from_secs(1)).await?)
    }

    /// As whom tables are made and dropped: the superuser of an embedded database, else the user of `admin_url`.
    pub(crate) fn owner(&self, admin_url: Option<&str>) -> Result<Config, ReplayError> {
        match (&self.data_dir, admin_url) {
            (None, Some(url)) => Config::from_str(url)
                .map_err(|_| ReplayError::Usage("--database-admin-url (DATABASE_ADMIN_URL) is not a PostgreSQL URL")),
            (Some(_), _) | (None, None) => self.database(),
        }
    }

    fn database(&self) -> Result<Config, ReplayError> {
        let not_a_url = || ReplayError::Usage("--database-url (DATABASE_URL) is not a PostgreSQL connection URL");
        match (&self.data_dir, &self.database_url) {
            (Some(folder), _) => announced(folder),
            (None, Some(url)) => Config::from_str(url).map_err(|_| not_a_url()),
            (None, None) => {
                Err(ReplayError::Usage("where is the log? Give --data-dir, or --database-url (DATABASE_URL)"))
            }
        }
    }

    fn master_key(&self) -> Result<Zeroizing<String>, ReplayError> {
        match (&self.master_key, &self.master_key_file, &self.data_dir) {
            (Some(keys), _, _) => Ok(Zeroizing::new(keys.clone())),
            (None, Some(file), _) => read(file),
            (None, None, Some(folder)) => match read(&folder.join(MASTER_KEY)) {
                Err(ReplayError::Unreadable { cause, .. }) if cause.kind() == ErrorKind::NotFound => {
                    Err(ReplayError::ServerNotRunning(folder.clone(), MASTER_KEY))
                }
                answer => answer,
            },
            (None, None, None) => Err(ReplayError::Usage(
                "the database's master key is needed: MEDICALPRO_MASTER_KEY, --master-key-file, or --data-dir",
            )),
        }
    }
}

fn announced(folder: &Path) -> Result<Config, ReplayError> {
    let file = folder.join(ENDPOINTS);
    let text = match read(&file) {
        Err(ReplayError::Unreadable { cause, .. }) if cause.kind() == ErrorKind::NotFound => {
            return Err(ReplayError::ServerNotRunning(folder.to_owned(), ENDPOINTS));
        }
        answer => answer?,
    };
    let endpoints: Option<Endpoints> = serde_json::from_str(&text).ok();
    let config = endpoints.and_then(|endpoints| Config::from_str(&endpoints.postgres_url).ok());
    config.ok_or(ReplayError::UnknownAnnouncement(file))
}

fn read(file: &Path) -> Result<Zeroizing<String>, ReplayError> {
    let unreadable = |cause| ReplayError::Unreadable { file: file.to_owned(), cause };
    fs::read_to_string(file).map(Zeroizing::new).map_err(unreadable)
}

/// Every transaction of a session refuses to write, whatever the program would ask of it.
fn read_only(mut config: Config) -> Config {
    let options = config.get_options().unwrap_or_default().to_owned();
    config.options(format!("{options} -c default_transaction_read_only=on").trim());
    config
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::Host;

    use super::*;

    fn of_folder(folder: &Path) -> Source {
        Source {
            data_dir: Some(folder.to_owned()),
            database_url: Some("postgres://elsewhere/".to_owned()),
            master_key: None,
            master_key_file: None,
        }
    }

    fn usage_of(outcome: Result<impl Sized, ReplayError>) -> u8 {
        outcome.err().map_or(0, |error| error.exit_code())
    }

    #[test]
    fn a_running_server_is_found_by_its_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        let announcement =
            r#"{"postgresUrl": "postgres://postgres@%2Fvar%2Frun%2Fx:5432/medicalpro", "natsUrl": "nats://x"}"#;
        fs::write(folder.path().join("endpoints.json"), announcement).unwrap();
        fs::write(folder.path().join("master.key"), "key\n").unwrap();
        let source = of_folder(folder.path());
        let config = source.database().unwrap();
        assert_eq!(config.get_hosts(), [Host::Unix("/var/run/x".into())]);
        assert_eq!(config.get_dbname(), Some("medicalpro"));
        assert_eq!(source.master_key().unwrap().as_str(), "key\n");
    }

    #[test]
    fn a_server_that_does_not_run_is_named_as_the_cause() {
        let folder = tempfile::tempdir().unwrap();
        let error = of_folder(folder.path()).database().unwrap_err();
        let expected = format!(
            "no server is running with the data folder {}: endpoints.json is not there",
            folder.path().display()
        );
        assert_eq!((error.to_string(), error.exit_code()), (expected, 1));
        assert!(matches!(of_folder(folder.path()).master_key(), Err(ReplayError::ServerNotRunning(_, "master.key"))));
    }

    #[test]
    fn an_announcement_of_another_form_is_not_guessed_at() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{}", r#"{"postgresUrl": "http://x"}"#] {
            fs::write(folder.path().join("endpoints.json"), text).unwrap();
            let outcome = of_folder(folder.path()).database();
            assert!(matches!(outcome, Err(ReplayError::UnknownAnnouncement(_))), "{text}");
        }
    }

    #[test]
    fn a_source_without_a_database_or_without_a_key_is_no_source() {
        let nothing = Source { data_dir: None, database_url: None, master_key: None, master_key_file: None };
        assert_eq!(usage_of(nothing.database()), 2);
        assert_eq!(usage_of(nothing.master_key()), 2);
    }

    #[test]
    fn sessions_are_read_only_beside_the_options_that_were_given() {
        let config = Config::from_str("host=x options='-c work_mem=8MB'").unwrap();
        assert_eq!(read_only(config).get_options(), Some("-c work_mem=8MB -c default_transaction_read_only=on"));
        assert_eq!(read_only(Config::new()).get_options(), Some("-c default_transaction_read_only=on"));
    }
}
