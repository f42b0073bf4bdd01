//! The program from its first line to its last: servers underneath, keys, migrations, services. Everything stops again in the
//! opposite order.

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use accounts::Auth;
use accounts::passwords::Passwords;
use accounts::private_file::write_private;
use accounts::signing_keys::SigningKeys;
use commands::Commands;
use domain::upcasting::Upcasters;
use embedded_servers::{EmbeddedServers, Options};
use event_store_schema::{AccessTrail, Database, EventLog, KeyRing, MasterKeys};
use frame::mounting::Frame;
use frame::origins::Origin;
use frame::shutdown::Shutdown;
use policies::messaging::Messengers;
use policies::patient_links::PatientLinks;
use realtime::RealtimeSettings;
use service::Mount;
use tokio_postgres::Config;
use zeroize::Zeroizing;

use crate::background::{Background, Foundation};
use crate::catalogue::CATALOGUE;
use crate::config::{RotateConfig, ServeConfig};
use crate::demo;
use crate::error::ProgramError;
use crate::health::{self, Readiness};
use crate::metrics;
use crate::serve::{Interface, serve};

/// Where the servers underneath are.
struct Servers {
    application: Config,
    owner: Config,
    nats_url: Option<String>,
}

/// Runs the server until it is told to stop. Not for the inside of an asynchronous runtime: it starts its own.
pub fn run(config: &ServeConfig) -> Result<(), ProgramError> {
    let embedded = match config.database_url {
        None => Some(EmbeddedServers::start(Options::new(&config.data_dir))?),
        Some(_) => None,
    };
    let runtime = tokio::runtime::Runtime::new().map_err(ProgramError::Runtime)?;
    let outcome = runtime.block_on(async {
        let servers = servers(config, embedded.as_ref())?;
        let master_key = master_key(config)?;
        serve_on(config, servers, &master_key).await
    });
    // Connections end before the servers that they lead to.
    drop(runtime);
    if let Some(embedded) = embedded {
        embedded.stop()?;
    }
    outcome
}

fn servers(config: &ServeConfig, embedded: Option<&EmbeddedServers>) -> Result<Servers, ProgramError> {
    if let Some(embedded) = embedded {
        let postgres = embedded.postgres().config("postgres", embedded.postgres().superuser());
        let nats_url = config.nats_url.clone().unwrap_or_else(|| embedded.nats_url().to_owned());
        return Ok(Servers { application: postgres.clone(), owner: postgres, nats_url: Some(nats_url) });
    }
    let url = config.database_url.as_deref().unwrap_or_default();
    let owner = config.database_admin_url.as_deref().unwrap_or(url);
    Ok(Servers { application: url.parse()?, owner: owner.parse()?, nats_url: config.nats_url.clone() })
}

/// The master key from where the configuration says; for embedded servers one of their own, made at the first start.
fn master_key(config: &ServeConfig) -> Result<Zeroizing<String>, ProgramError> {
    let read = |path: &Path| fs::read_to_string(path).map(|text| Zeroizing::new(text.trim().to_owned()));
    let failed = |path: &Path, error| ProgramError::MasterKeyFile(path.display().to_string(), error);
    if let Some(key) = &config.master_key {
        return Ok(Zeroizing::new(key.clone()));
    }
    if let Some(path) = &config.master_key_file {
        return read(path).map_err(|error| failed(path, error));
    }
    let path = config.data_dir.join("master.key");
    match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = MasterKeys::generate()?;
            write_private(&path, key.as_bytes()).map_err(|error| failed(&path, error))?;
            Ok(key)
        }
        outcome => outcome.map_err(|error| failed(&path, error)),
    }
}

async fn serve_on(config: &ServeConfig, servers: Servers, master_key: &str) -> Result<(), ProgramError> {
    let metrics = metrics::start()?;
    let master_keys = MasterKeys::parse(master_key)?;
    migrate(&servers.owner).await?;
    let database = Database::with_config(servers.application, config.database_pool_size.into())?;
    let keys = KeyRing::open(database.clone(), master_keys).await?;
    let log = EventLog::open(database.clone(), keys, Upcasters::current(), config.append_timeout()).await?;
    let commands = Commands::new(log.clone());
    let passwords = Arc::new(Passwords::start(config.password_threads(), config.password_queue as usize)?);
    let shutdown = Shutdown::new();
    let auth = Auth::open(commands.clone(), passwords, config.token_lifetime(), shutdown.tasks()).await?;
    let tokens = Arc::clone(&auth.tokens);
    let trail = AccessTrail::open(database, config.append_timeout());

    let foundation = Foundation {
        links: PatientLinks::open(log.keys(), config.public_url.as_ref().map(Origin::as_str)).await?,
        log,
        commands,
        trail: trail.clone(),
        owner: servers.owner,
        auth: auth.clone(),
        nats_url: servers.nats_url,
        realtime: RealtimeSettings { origins: config.origins(), ..RealtimeSettings::default() },
        messengers: Messengers::new(config.messaging()?)?,
        password_page: config.password_page.clone(),
        reminder_clock: config.reminder_clock(),
    };
    let background = Background::start(foundation, &config.services, &shutdown).await?;
    let seeded = if config.demo { demo::seed(config, &background.parts.desk, &auth).await? } else { Vec::new() };

    let mut frame = Frame::default();
    // Every process tells of the whole interface, and serves its part of it.
    for service in CATALOGUE {
        let served = config.services.has(service.name);
        let declare = |frame| if served { Mount::over(frame, &background.parts) } else { Mount::declaring(frame) };
        (service.mount)(&mut declare(&mut frame));
    }
    health::mount(&mut frame, Readiness::new(background.checks, shutdown.tasks().clone()));
    let interface = Interface { frame, trail, tokens, sessions: auth.sessions.clone(), metrics, accounts: seeded };
    let served = serve(config, interface, &shutdown).await;
    background.running.stop().await;
    Ok(served?)
}

/// Brings every schema to this release.
async fn migrate(owner: &Config) -> Result<(), ProgramError> {
    event_store_schema::migrate(owner).await?;
    accounts::account::migrate(owner).await?;
    service_notifications::migrate(owner).await?;
    policies::reminders::migrate(owner).await?;
    projections_engine::install(owner, &projections::all()).await?;
    Ok(projections::publisher::install(owner).await?)
}

/// Makes the next key for access tokens in the database of running servers, which find it by themselves.
pub fn rotate_signing_key(config: &RotateConfig) -> Result<(), ProgramError> {
    let runtime = tokio::runtime::Runtime::new().map_err(ProgramError::Runtime)?;
    runtime.block_on(async {
        let url = match &config.serve.database_url {
            Some(url) => url.clone(),
            None => running_database(&config.serve.data_dir)?,
        };
        let database = Database::with_config(url.parse()?, 2)?;
        let keys = KeyRing::open(database.clone(), MasterKeys::parse(&master_key(&config.serve)?)?).await?;
        let log = EventLog::open(database, keys, Upcasters::current(), config.serve.append_timeout()).await?;
        let keys = SigningKeys::new(log);
        if config.revoke {
            keys.revoke_all().await?
        } else {
            keys.rotate().await?
        }
        Ok(())
    })
}

/// Where the embedded PostgreSQL of a running server answers.
fn running_database(data_dir: &Path) -> Result<String, ProgramError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Endpoints {
        postgres_url: String,
    }
    let read =
        fs::read(data_dir.join("endpoints.json")).and_then(|json| Ok(serde_json::from_slice::<Endpoints>(&json)?));
    let endpoints = read.map_err(|error| ProgramError::NotRunning(data_dir.display().to_string(), error))?;
    Ok(endpoints.postgres_url)
}

#[cfg(test)]
mod tests {
    use frame::mounting::Frame;
    use frame::permissions::Permission;
    use service::Mount;

    use crate::catalogue::CATALOGUE;
    use crate::health;

    fn everything() -> Frame {
        let mut frame = Frame::default();
        health::declare(&mut frame);
        for service in CATALOGUE {
            (service.mount)(&mut Mount::declaring(&mut frame));
        }
        frame
    }

    /// The library panics when two schemas have one name, and the frame refuses two that differ; that would be at start.
    #[test]
    fn the_document_of_all_operations_can_be_made() {
        let document = everything().into_document().unwrap();
        assert!(document["components"]["schemas"]["Problem"].is_object());
    }

    /// Forgetting to ask who calls is the worst mistake an operation can make: what is public is listed here.
    #[test]
    fn only_logging_in_health_public_keys_and_secret_addresses_are_open_to_everybody() {
        let frame = everything();
        let open = frame.mounted().iter().filter(|operation| operation.permission == Permission::Public);
        let mut open: Vec<_> = open.map(|operation| operation.id).collect();
        open.sort_unstable();
        assert_eq!(
            open,
            [
                "acceptLink",
                "forgotPassword",
                "isAlive",
                "isReady",
                "listTokenKeys",
                "logIn",
                "readCalendar",
                "refreshTokens"
            ]
        );
    }
}
