//! PostgreSQL in particular: its cluster, its settings, when it answers, and what a killed one leaves. It listens on a
//! socket in a folder that only its user and root can enter, and on no TCP port.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::binaries::PostgresProgram;
use super::endpoint::{PORT, PostgresEndpoint, SUPERUSER};
use super::error::EmbeddedError;
use super::folder::{self, DataFolder};
use super::options::{Durability, Options};
use super::process::{self, RunAs, Step};
use super::supervisor::Server;

/// The PostgreSQL of one data folder.
#[derive(Debug)]
pub(super) struct Postgres {
    program: PostgresProgram,
    run_as: RunAs,
    data_dir: PathBuf,
    log_dir: PathBuf,
    endpoint: PostgresEndpoint,
    /// Stands in the title of each of its processes, by which those of a killed server are recognised.
    label: String,
    durability: Durability,
    max_connections: u16,
}

impl Postgres {
    pub(super) fn new(folder: &DataFolder, program: PostgresProgram, options: &Options) -> Result<Self, EmbeddedError> {
        let data_dir = folder.path().join("pg");
        if data_dir.exists() {
            folder.reclaim(&data_dir)?;
        }
        Ok(Self {
            program,
            run_as: folder.run_as().clone(),
            data_dir,
            log_dir: folder.path().join("log"),
            endpoint: PostgresEndpoint { socket_dir: folder.socket_dir()? },
            label: folder.label()?,
            durability: options.durability,
            max_connections: options.max_connections,
        })
    }

    pub(super) fn endpoint(&self) -> &PostgresEndpoint {
        &self.endpoint
    }

    /// Where a cluster is made before it gets its name, so that a killed `initdb` leaves no half cluster.
    fn unfinished_dir(&self) -> PathBuf {
        self.data_dir.with_extension("tmp")
    }

    fn make_cluster(&self) -> Result<(), EmbeddedError> {
        let new = self.unfinished_dir();
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(EmbeddedError::io("removing", &new)(error));
            }
            Ok(()) | Err(_) => {}
        }
        fs::create_dir(&new).map_err(EmbeddedError::io("creating", &new))?;
        self.run_as.take_over(&new)?;
        let mut initdb = self.run_as.command(&self.program.bin.join("initdb"), libc::SIGKILL);
        initdb.args(["--username", SUPERUSER, "--encoding=UTF8", "--locale=C", "--no-instructions"]);
        initdb.args(["--auth-local=trust", "--auth-host=reject", "--data-checksums", "--pgdata"]).arg(&new);
        if self.durability == Durability::ForTests {
            initdb.arg("--no-sync");
        }
        let made = initdb.stdout(Stdio::null()).output().map_err(EmbeddedError::io("running initdb in", &new))?;
        if !made.status.success() {
            return Err(EmbeddedError::NotStarted {
                server: Self::NAME,
                reason: format!("initdb failed ({})", made.status),
                log: String::from_utf8_lossy(&made.stderr).into_owned(),
            });
        }
        let finish = || {
            let mut settings = fs::OpenOptions::new().append(true).open(new.join("postgresql.conf"))?;
            settings.write_all(b"\ninclude 'medicalpro.conf'\n")?;
            settings.sync_all()?;
            fs::rename(&new, &self.data_dir)?;
            // The new name must outlive a power cut like everything that will be in it.
            self.data_dir.parent().map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all())
        };
        finish().map_err(EmbeddedError::io("finishing the new cluster", &new))
    }

    /// Our settings, written anew at every start.
    fn settings(&self) -> String {
        let Self { label, max_connections, .. } = self;
        let durability = match self.durability {
            Durability::Durable => DURABLE,
            Durability::ForTests => FOR_TESTS,
        };
        format!("{SETTINGS}cluster_name = '{label}'\nmax_connections = {max_connections}\n{durability}")
    }
}

/// An ERROR can quote the value that caused it, such as a patient's name. So PostgreSQL logs what concerns the server itself
/// (LOG, FATAL and PANIC), and its client reports errors.
const SETTINGS: &str = "\
# Written by medicalpro at every start: changes made here are lost.
listen_addresses = ''
unix_socket_permissions = 0700
shared_buffers = 256MB
effective_cache_size = 1GB
work_mem = 8MB
maintenance_work_mem = 128MB
wal_buffers = 16MB
max_wal_size = 2GB
min_wal_size = 256MB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_directory = '../log'
log_filename = 'postgresql-%a.log'
log_file_mode = 0600
log_truncate_on_rotation = on
log_rotation_age = 1d
log_rotation_size = 0
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_statement = 'none'
log_min_duration_statement = -1
";

const DURABLE: &str = "\
fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = replica
";

const FOR_TESTS: &str = "\
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
";

impl Server for Postgres {
    const NAME: &'static str = "PostgreSQL";
    /// A fast shutdown, an immediate one (the next start replays the log), the end.
    const END: &'static [Step] = &[
        (libc::SIGINT, Duration::from_secs(20)),
        (libc::SIGQUIT, Duration::from_secs(7)),
        (libc::SIGKILL, Duration::from_secs(3)),
    ];

    fn processes(&self) -> Vec<i32> {
        let title = format!("postgres: {}: ", self.label);
        let unfinished = self.unfinished_dir();
        process::find(|words| {
            words[0].starts_with(&title)
                || process::runs_on(words, "postgres", &self.data_dir)
                || process::runs_on(words, "initdb", &unfinished)
        })
    }

    fn prepare(&mut self) -> Result<(), EmbeddedError> {
        // An empty folder, a mounted volume for instance, is given its cluster too.
        if !self.data_dir.join("PG_VERSION").exists() {
            self.make_cluster()?;
        }
        // No process of this cluster is left. If the number of a killed one belongs to another process by now, or to a zombie,
        // its lock files still stand in the way.
        let socket_lock = self.endpoint.socket_dir().join(format!(".s.PGSQL.{PORT}.lock"));
        for stale in [self.data_dir.join("postmaster.pid"), socket_lock] {
            match fs::remove_file(&stale) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(EmbeddedError::io("removing", &stale)(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        let file = self.data_dir.join("medicalpro.conf");
        folder::write_private(&file, &self.settings())?;
        self.run_as.take_over(&file)
    }

    fn command(&self) -> Command {
        let mut command = self.run_as.command(&self.program.bin.join("postgres"), libc::SIGINT);
        command.arg("-D").arg(&self.data_dir).arg("-k").arg(&self.endpoint.socket_dir);
        command.arg("-p").arg(PORT.to_string());
        command
    }

    fn start_log(&self) -> PathBuf {
        self.log_dir.join("postgresql-start.log")
    }

    fn is_ready(&mut self, pid: u32) -> bool {
        // Line 1 is the process, line 8 its state.
        let status = fs::read_to_string(self.data_dir.join("postmaster.pid")).unwrap_or_default();
        let mut lines = status.lines();
        lines.next().is_some_and(|line| line == pid.to_string())
            && lines.nth(6).is_some_and(|line| line.trim() == "ready")
    }
}
