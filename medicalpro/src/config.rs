//! Every setting, by flag or by environment, in one struct. A test keeps `docs/configuration.md` equal to it. A bad setting
//! ends the program with code 2 and a sentence that names the setting. If its value may be a secret, it is not repeated.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use jiff::SignedDuration;
use tracing_subscriber::EnvFilter;

use crate::catalogue::Selection;
use frame::client_address::TrustedProxies;
use frame::limits::Limits;
use frame::origins::{Origin, Origins};
use frame::rate::RateSettings;
use frame::security_headers::SecurityHeaders;
use frame::server::FrameSettings;
use frame::strict_json::BodyLimits;
use frame::tls::TlsFiles;
use policies::messaging::{DEFAULT_SMS_BODY, MailSettings, MessagingSettings, SettingsError, SmsSettings};
use policies::reminders::ReminderClock;

/// The backend of a medical practice.
#[derive(Debug, Parser)]
#[command(name = "medicalpro", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(Box<ServeConfig>),
    /// Print which service owns what: operations, paths, subjects on NATS, read models, jobs and listeners.
    Services,
    /// Make the next key for access tokens; it takes over in two minutes, and nobody has to log in again. Takes the
    /// settings of the running servers: DATABASE_URL and the master key, or the data folder.
    RotateSigningKey(Box<RotateConfig>),
}

/// The settings of `medicalpro rotate-signing-key`.
#[derive(Clone, Debug, Args)]
pub struct RotateConfig {
    /// A key was disclosed: take all former keys out of use at once. Their tokens are void, and sessions go on with their
    /// refresh tokens.
    #[arg(long)]
    pub revoke: bool,

    /// As of the servers.
    #[command(flatten)]
    pub serve: ServeConfig,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The settings of `medicalpro serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeConfig {
    /// Services to serve, separated by commas: auth, patients, appointments, records, notifications, analytics. All if not
    /// given.
    #[arg(long, env = "MEDICALPRO_SERVICES", value_name = "NAMES", default_value_t, hide_default_value = true)]
    pub services: Selection,

    /// Address to serve HTTP on; port 0 takes any free port. If not given: 127.0.0.1:3000, or the service's own port if one
    /// service runs alone, as `medicalpro services` says.
    #[arg(long, env = "MEDICALPRO_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,

    /// Address to serve Prometheus metrics on, at /metrics; port 0 takes any free port. Without it there are none.
    #[arg(long, env = "MEDICALPRO_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    /// Folder of the embedded servers' data and of the keys made for them; used without DATABASE_URL.
    #[arg(long, env = "MEDICALPRO_DATA_DIR", value_name = "FOLDER", default_value = "data")]
    pub data_dir: PathBuf,

    /// Seed the demo practice, once.
    #[arg(long, env = "MEDICALPRO_DEMO")]
    pub demo: bool,

    /// Password of all demo accounts, at least 8 characters; without it each gets a random one, kept in the data folder.
    #[arg(long, env = "MEDICALPRO_DEMO_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    pub demo_password: Option<String>,

    /// File to write one JSON object to when the server is ready: addresses and, with --demo, accounts.
    #[arg(long, env = "MEDICALPRO_READY_FILE", value_name = "FILE")]
    pub ready_file: Option<PathBuf>,

    /// PostgreSQL (15 or later), as the application's own role. Without it an embedded PostgreSQL runs.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// PostgreSQL as a role that may change the schema, for the migrations; DATABASE_URL if not given.
    #[arg(long, env = "DATABASE_ADMIN_URL", value_name = "URL", hide_env_values = true, requires = "database_url")]
    pub database_admin_url: Option<String>,

    /// NATS (2.10 or later, with JetStream). Without it an embedded NATS runs, if the PostgreSQL is embedded too.
    #[arg(long, env = "NATS_URL", value_name = "URL", hide_env_values = true)]
    pub nats_url: Option<String>,

    /// Master key: 32 bytes in base64; several are separated by commas, the one in use first. Better set in the
    /// environment or in a file than as a flag, which other users of the machine can read.
    #[arg(long, env = "MEDICALPRO_MASTER_KEY", value_name = "KEYS", hide_env_values = true)]
    pub master_key: Option<String>,

    /// File that holds the master key.
    #[arg(long, env = "MEDICALPRO_MASTER_KEY_FILE", value_name = "FILE", conflicts_with = "master_key")]
    pub master_key_file: Option<PathBuf>,

    /// Connections to PostgreSQL that this server opens at most.
    #[arg(long, env = "MEDICALPRO_DATABASE_POOL_SIZE", value_name = "COUNT", default_value = "16",
          value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub database_pool_size: u16,

    /// Requests worked on at the same time.
    #[arg(long, env = "MEDICALPRO_MAX_IN_FLIGHT", value_name = "COUNT", default_value = "256",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_in_flight: u32,

    /// Requests that may wait for their turn; beyond it they are answered 503 at once.
    #[arg(long, env = "MEDICALPRO_MAX_QUEUED", value_name = "COUNT", default_value = "1024",
          value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub max_queued: u32,

    /// How long a request may wait for its turn.
    #[arg(long, env = "MEDICALPRO_QUEUE_TIMEOUT_SECONDS", value_name = "SECONDS", default_value = "5",
          value_parser = clap::value_parser!(u32).range(1..=600))]
    pub queue_timeout_seconds: u32,

    /// How long a request may take until its answer begins.
    #[arg(long, env = "MEDICALPRO_REQUEST_TIMEOUT_SECONDS", value_name = "SECONDS", default_value = "30",
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub request_timeout_seconds: u32,

    /// How long the body of a request may take to arrive.
    #[arg(long, env = "MEDICALPRO_BODY_TIMEOUT_SECONDS", value_name = "SECONDS", default_value = "15",
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub body_timeout_seconds: u32,

    /// Requests a minute that one user may make; 0 is without limit.
    #[arg(long, env = "MEDICALPRO_RATE_LIMIT_USER", value_name = "COUNT", default_value = "1200",
          value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub rate_limit_user: u32,

    /// Requests a minute that may come from one address, of IPv6 from one /64; 0 is without limit. A whole practice
    /// often has one address.
    #[arg(long, env = "MEDICALPRO_RATE_LIMIT_ADDRESS", value_name = "COUNT", default_value = "12000",
          value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub rate_limit_address: u32,

    /// Requests a minute from one address to auth/ (login, refresh and the like) and to the links of patients; 0 is without
    /// limit.
    #[arg(long, env = "MEDICALPRO_RATE_LIMIT_AUTH", value_name = "COUNT", default_value = "120",
          value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub rate_limit_auth: u32,

    /// Networks of the proxies that are believed about where a request comes from (X-Forwarded-For), such as
    /// 10.0.0.0/8, separated by commas. Without any, it comes from where the connection does.
    #[arg(long, env = "MEDICALPRO_TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',')]
    pub trusted_proxies: Vec<IpNet>,

    /// Origins whose web pages may use the API and open live screens, such as https://app.example, separated by commas.
    /// Pages that this server itself serves may open live screens in any case.
    #[arg(long, env = "MEDICALPRO_ALLOWED_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    pub allowed_origins: Vec<Origin>,

    /// File with the TLS certificate and its chain (PEM): HTTP is then served by TLS alone. Read again on SIGHUP.
    #[arg(long, env = "MEDICALPRO_TLS_CERTIFICATE", value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,

    /// File with the private key of the TLS certificate (PEM).
    #[arg(long, env = "MEDICALPRO_TLS_KEY", value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,

    /// How long requests in flight may take to finish when the server stops.
    #[arg(long, env = "MEDICALPRO_SHUTDOWN_TIMEOUT_SECONDS", value_name = "SECONDS", default_value = "20",
          value_parser = clap::value_parser!(u32).range(1..=600))]
    pub shutdown_timeout_seconds: u32,

    /// How long an access token is valid.
    #[arg(long, env = "MEDICALPRO_TOKEN_LIFETIME_SECONDS", value_name = "SECONDS", default_value = "900",
          value_parser = clap::value_parser!(u32).range(10..=3600))]
    pub token_lifetime_seconds: u32,

    /// Threads that check passwords, each with 19 MiB while it does; half as many as there are processors if not given.
    #[arg(long, env = "MEDICALPRO_PASSWORD_THREADS", value_name = "COUNT")]
    pub password_threads: Option<NonZeroUsize>,

    /// Passwords that may wait to be checked; beyond it a login is answered 503 at once.
    #[arg(long, env = "MEDICALPRO_PASSWORD_QUEUE", value_name = "COUNT", default_value = "256",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub password_queue: u32,

    /// SMTP server for e-mails to patients and staff: smtps://user:password@host for TLS, smtp://user:password@host for STARTTLS,
    /// smtp://host?tls=none for a relay without either. Without it no e-mail is sent, and reminders wait.
    #[arg(long, env = "MEDICALPRO_SMTP_URL", value_name = "URL", hide_env_values = true)]
    pub smtp_url: Option<String>,

    /// Whom e-mails come from, such as rdv@cabinet.example; the practice's own name is shown with it.
    #[arg(long, env = "MEDICALPRO_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,

    /// File with certificates (PEM) of authorities that the SMTP server may have its certificate from, besides those that
    /// this machine trusts.
    #[arg(long, env = "MEDICALPRO_SMTP_CA", value_name = "FILE")]
    pub smtp_ca: Option<PathBuf>,

    /// Gateway for short messages (SMS): each one is a POST of JSON to this address, with an Idempotency-Key. Without it
    /// none is sent.
    #[arg(long, env = "MEDICALPRO_SMS_URL", value_name = "URL", hide_env_values = true)]
    pub sms_url: Option<String>,

    /// Token for the gateway, sent as Authorization: Bearer.
    #[arg(long, env = "MEDICALPRO_SMS_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub sms_token: Option<String>,

    /// What is posted to the gateway: a JSON object. In its strings, {to}, {text} and {id} stand for the number, the text and
    /// the message's id.
    #[arg(long, env = "MEDICALPRO_SMS_BODY", value_name = "JSON", default_value = DEFAULT_SMS_BODY)]
    pub sms_body: String,

    /// Where patients reach this server from outside, such as https://rdv.cabinet.example: messages hold links to it.
    /// Without it they hold none.
    #[arg(long, env = "MEDICALPRO_PUBLIC_URL", value_name = "ORIGIN")]
    pub public_url: Option<Origin>,

    /// The page of the web client where a password is chosen, such as https://app.cabinet.example/password: e-mails lead there,
    /// with the token after a #. Without it they hold the token alone.
    #[arg(long, env = "MEDICALPRO_PASSWORD_PAGE", value_name = "URL")]
    pub password_page: Option<String>,

    /// FOR TESTS ALONE, hence with --demo only: a file that says by how many seconds the clock of reminders is ahead.
    #[arg(long, value_name = "FILE", hide = true, requires = "demo")]
    pub test_reminder_clock: Option<PathBuf>,

    /// How log lines are written.
    #[arg(long, env = "MEDICALPRO_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,

    /// What is logged: a level (error, warn, info, debug, trace), or levels by module (`info,policies=debug`).
    #[arg(long, env = "MEDICALPRO_LOG_LEVEL", value_name = "LEVELS", default_value = "info,poem=warn")]
    pub log_level: String,
}

impl Cli {
    /// The settings, or the end of the program with a message and code 2 (0 after `--help` and `--version`).
    pub fn from_environment() -> Self {
        let cli = Self::parse();
        let config = match &cli.command {
            Command::Serve(config) => Some(&**config),
            Command::RotateSigningKey(config) => Some(&config.serve),
            Command::Services => None,
        };
        if let Some(Err(message)) = config.map(ServeConfig::check) {
            Self::command().error(ErrorKind::ValueValidation, message).exit();
        }
        cli
    }
}

impl ServeConfig {
    /// What clap cannot check, or would repeat in its message.
    fn check(&self) -> Result<(), String> {
        let postgres = |url: &Option<String>| {
            let settings = url.as_deref().map(tokio_postgres::Config::from_str);
            settings.is_none_or(|settings| settings.is_ok_and(|settings| !settings.get_hosts().is_empty()))
        };
        if !postgres(&self.database_url) {
            return Err(
                "DATABASE_URL is not a PostgreSQL connection URL (postgres://user:password@host/database)".into()
            );
        }
        if !postgres(&self.database_admin_url) {
            return Err("DATABASE_ADMIN_URL is not a PostgreSQL connection URL".into());
        }
        if self.nats_url.as_deref().is_some_and(|url| async_nats::ServerAddr::from_str(url).is_err()) {
            return Err("NATS_URL is not a NATS address (nats://host:4222)".into());
        }
        if self.database_url.is_some() && self.master_key.is_none() && self.master_key_file.is_none() {
            return Err("with DATABASE_URL, a master key is required: MEDICALPRO_MASTER_KEY or --master-key-file \
                        (make one with `openssl rand -base64 32`)"
                .into());
        }
        if self.demo_password.as_deref().is_some_and(|password| !(8..=256).contains(&password.chars().count())) {
            return Err("MEDICALPRO_DEMO_PASSWORD must have 8 to 256 characters".into());
        }
        let is_page = |page: &str| page.starts_with("https://") || page.starts_with("http://");
        if self.password_page.as_deref().is_some_and(|page| !is_page(page) || page.contains(['#', ' '])) {
            return Err("MEDICALPRO_PASSWORD_PAGE is not the address of a page (https://host/path)".into());
        }
        if let Err(error) = EnvFilter::try_new(&self.log_level) {
            return Err(format!("MEDICALPRO_LOG_LEVEL is not understood: {error}"));
        }
        self.messaging().map(|_| ()).map_err(|error| error.to_string())
    }

    /// Where HTTP is served.
    pub fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, self.services.port())))
    }

    /// How patients are reached.
    pub fn messaging(&self) -> Result<MessagingSettings, SettingsError> {
        let authorities = self.smtp_ca.clone();
        Ok(MessagingSettings {
            mail: MailSettings::read(self.smtp_url.as_deref(), self.mail_from.as_deref(), authorities)?,
            sms: SmsSettings::read(self.sms_url.as_deref(), self.sms_token.as_deref(), &self.sms_body)?,
        })
    }

    /// What the server takes on.
    pub fn limits(&self) -> Limits {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Limits {
            in_flight: self.max_in_flight as usize,
            queued: self.max_queued as usize,
            queue_time: seconds(self.queue_timeout_seconds),
            request_time: seconds(self.request_timeout_seconds),
            body: BodyLimits { time: seconds(self.body_timeout_seconds), ..BodyLimits::default() },
        }
    }

    /// What stands between the network and every operation.
    pub fn frame(&self) -> FrameSettings {
        FrameSettings {
            limits: self.limits(),
            rates: RateSettings {
                user: NonZeroU32::new(self.rate_limit_user),
                address: NonZeroU32::new(self.rate_limit_address),
                auth: NonZeroU32::new(self.rate_limit_auth),
            },
            origins: self.origins(),
            proxies: TrustedProxies::new(self.trusted_proxies.iter().copied()),
            headers: SecurityHeaders { strict_transport: self.tls().is_some() },
            trail: None,
            sessions: None,
        }
    }

    /// The clock by which reminders are sent.
    pub fn reminder_clock(&self) -> ReminderClock {
        self.test_reminder_clock.as_deref().map_or_else(ReminderClock::default, ReminderClock::ahead_by)
    }

    /// Whose web pages may speak to the server.
    pub fn origins(&self) -> Origins {
        Origins::new(self.allowed_origins.iter().cloned())
    }

    /// The certificate and key, if HTTP is served by TLS.
    pub fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_certificate.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key })
    }

    /// How long an append may take: well within the request, so that the client hears what became of it.
    pub fn append_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds.into()) / 2
    }

    /// How long requests in flight may take to finish when the server stops.
    pub fn shutdown_timeout(&self) -> Duration {
        Duration::from_secs(self.shutdown_timeout_seconds.into())
    }

    /// How long an access token is valid.
    pub fn token_lifetime(&self) -> SignedDuration {
        SignedDuration::from_secs(self.token_lifetime_seconds.into())
    }

    /// Threads that check passwords: half of the processors unless the setting says otherwise. A storm of logins on both of
    /// two processors makes other users wait several times as long, for a third more logins (docs/performance.md).
    pub fn password_threads(&self) -> NonZeroUsize {
        let half = || {
            let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
            NonZeroUsize::new(processors / 2).unwrap_or(NonZeroUsize::MIN)
        };
        self.password_threads.unwrap_or_else(half)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn documentation() -> String {
        let mut page = String::from(
            "# Configuration\n\n\
             Every setting of `medicalpro serve` is a flag and an environment variable; the flag wins. A bad setting ends\n\
             the program with code 2 and a message that names it.\n\n\
             | flag | environment | default | meaning |\n| --- | --- | --- | --- |\n",
        );
        let command = Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        for setting in serve.get_arguments().filter(|setting| setting.get_env().is_some()) {
            let flag = setting.get_long().unwrap();
            let value = if setting.get_action().takes_values() {
                format!(" {}", setting.get_value_names().unwrap()[0])
            } else {
                String::new()
            };
            let default = setting.get_default_values().iter().map(|value| value.to_str().unwrap()).next();
            writeln!(
                page,
                "| `--{flag}{value}` | `{}` | {} | {} |",
                setting.get_env().unwrap().to_str().unwrap(),
                default.filter(|default| *default != "false").map(|default| format!("`{default}`")).unwrap_or_default(),
                setting.get_help().unwrap().to_string().replace('\n', " ").trim_end_matches('.'),
            )
            .unwrap();
        }
        page
    }

    /// `UPDATE_DOCS=1 cargo test -p medicalpro` writes the page anew.
    #[test]
    fn the_documentation_lists_exactly_these_settings() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, documentation()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), documentation(), "UPDATE_DOCS=1 writes it anew");
    }

    fn serve(arguments: &[&str]) -> Result<ServeConfig, String> {
        let all = ["medicalpro", "serve"].into_iter().chain(arguments.iter().copied());
        let cli = Cli::try_parse_from(all).map_err(|error| error.to_string())?;
        let Command::Serve(config) = cli.command else { panic!("not serve") };
        config.check().map(|()| *config)
    }

    #[test]
    fn a_bad_setting_is_named_and_a_secret_in_it_is_not() {
        for (arguments, named) in [
            (&["--listen", "here"][..], "--listen"),
            (&["--max-in-flight", "0"], "--max-in-flight"),
            (&["--log-format", "xml"], "--log-format"),
            (&["--log-level", "api=loud"], "MEDICALPRO_LOG_LEVEL"),
            (&["--database-url", "mysql://u:s3cret@h/d"], "DATABASE_URL"),
            (&["--database-url", "postgres://u:s3cret@h/d"], "MASTER_KEY"),
            (&["--database-url", ""], "DATABASE_URL"),
            (&["--database-admin-url", "postgres://u:s3cret@h/d"], "--database-url"),
            (&["--nats-url", "http://u:s3cret@ h"], "NATS_URL"),
            (&["--demo-password", "s3cret"], "DEMO_PASSWORD"),
            (&["--master-key", "s3cret", "--master-key-file", "f"], "--master-key"),
            (&["--tls-certificate", "chain.pem"], "--tls-key"),
            (&["--trusted-proxies", "10.0.0.0/8,everybody"], "--trusted-proxies"),
            (&["--allowed-origins", "https://app.example/"], "--allowed-origins"),
            (&["--test-reminder-clock", "f"], "--demo"),
            (&["--smtp-url", "smtps://u:s3cret@"], "SMTP_URL"),
            (&["--smtp-url", "smtps://u:s3cret@mail.example"], "MAIL_FROM"),
            (&["--sms-url", "https://u:s3cret@sms.example"], "SMS_URL"),
            (&["--sms-body", "{}"], "SMS_BODY"),
            (&["--public-url", "rdv.example"], "--public-url"),
        ] {
            let message = serve(arguments).expect_err(named);
            assert!(message.contains(named), "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }

    #[test]
    fn the_defaults_run_an_embedded_server_on_the_loopback_address() {
        let config = serve(&[]).unwrap();
        assert_eq!(config.listen().to_string(), "127.0.0.1:3000");
        assert!(config.database_url.is_none() && config.metrics_listen.is_none() && !config.demo);
    }
}
