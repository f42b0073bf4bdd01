//! The data folder: who may use it, and what it holds.
//!
//! ```text
//! lock             held by the running manager
//! endpoints.json   where the running servers answer, for this user's own tools; gone when they stop
//! pg/  nats/       the data of the two servers
//! run/             the socket of PostgreSQL
//! log/             what the servers say
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::endpoint::PostgresEndpoint;
use super::error::EmbeddedError;
use super::process::RunAs;

/// The longest path of a socket's folder: 107 bytes less `/.s.PGSQL.5432`.
const LONGEST_SOCKET_DIR: usize = 93;

/// A data folder that is ours as long as this lives.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    run_as: RunAs,
    /// The kernel frees the lock with the process, so it is never stale.
    lock: File,
}

impl DataFolder {
    /// Makes the folder if need be, locks it, and makes sure that the servers' user can work in it.
    pub(super) fn open(wanted: &Path) -> Result<Self, EmbeddedError> {
        fs::create_dir_all(wanted).map_err(EmbeddedError::io("creating", wanted))?;
        // One folder has one name, by which the processes of an earlier run are recognised.
        let path = fs::canonicalize(wanted).map_err(EmbeddedError::io("resolving", wanted))?;
        if path.to_str().is_none_or(|text| text.contains(char::is_control)) {
            return Err(EmbeddedError::UnusableDataDir { folder: path, reason: "its path is not plain UTF-8 text" });
        }
        let lock = lock(&path)?;
        let run_as = RunAs::for_folder(&path.join("pg"))?;
        let folder = Self { path, run_as, lock };
        folder.open_up()?;
        for name in ["nats", "log", "run"] {
            folder.private(&folder.path.join(name))?;
        }
        if let Some(closed) = folder.run_as.first_closed_folder(&folder.path.join("log")) {
            let user = folder.run_as.name().to_owned();
            return Err(EmbeddedError::DataDirUnreachable { folder: closed.to_owned(), user });
        }
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn run_as(&self) -> &RunAs {
        &self.run_as
    }

    /// The major version that made the cluster in this folder, if there is one.
    pub(super) fn postgres_major(&self) -> Result<Option<u32>, EmbeddedError> {
        let file = self.path.join("pg/PG_VERSION");
        match fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().map(Some).map_err(|_| EmbeddedError::UnusableDataDir {
                folder: self.path.clone(),
                reason: "pg/PG_VERSION holds no version",
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(EmbeddedError::io("reading", &file)(error)),
        }
    }

    /// Makes sure of a folder that only the servers' user can enter.
    pub(super) fn private(&self, folder: &Path) -> Result<(), EmbeddedError> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => self.run_as.take_over(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => self.reclaim(folder),
            Err(error) => Err(EmbeddedError::io("creating", folder)(error)),
        }
    }

    /// Takes back what root restored or copied under another name; as an ordinary user, refuses it.
    pub(super) fn reclaim(&self, folder: &Path) -> Result<(), EmbeddedError> {
        let found = fs::symlink_metadata(folder).map_err(EmbeddedError::io("looking at", folder))?;
        if !found.is_dir() {
            return Err(EmbeddedError::UnusableDataDir { folder: folder.to_owned(), reason: "it is not a folder" });
        }
        if found.uid() == self.run_as.uid() {
            return fs::set_permissions(folder, Permissions::from_mode(0o700))
                .map_err(EmbeddedError::io("closing", folder));
        }
        match self.run_as {
            RunAs::Myself => Err(EmbeddedError::ForeignDataDir { folder: folder.to_owned(), owner: found.uid() }),
            RunAs::User { .. } => self.run_as.take_over(folder),
        }
    }

    /// A folder for PostgreSQL's socket, in this folder. If the path is too long for a socket, it is a short one of our
    /// own, the same every time.
    pub(super) fn socket_dir(&self) -> Result<PathBuf, EmbeddedError> {
        let inside = self.path.join("run");
        if inside.as_os_str().as_bytes().len() <= LONGEST_SOCKET_DIR {
            return Ok(inside);
        }
        let short = Path::new("/tmp").join(self.label()?);
        match DirBuilder::new().mode(0o700).create(&short) {
            Ok(()) => self.run_as.take_over(&short)?,
            // Anyone may create folders in /tmp: one that is not ours already is never taken over.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let found = fs::symlink_metadata(&short).map_err(EmbeddedError::io("looking at", &short))?;
                if !found.is_dir() || found.uid() != self.run_as.uid() || found.mode() & 0o077 != 0 {
                    return Err(EmbeddedError::ForeignDataDir { folder: short, owner: found.uid() });
                }
            }
            Err(error) => return Err(EmbeddedError::io("creating", &short)(error)),
        }
        Ok(short)
    }

    /// A name that no other data folder of this machine has, not even a copy of this one.
    pub(super) fn label(&self) -> Result<String, EmbeddedError> {
        let found = fs::metadata(&self.path).map_err(EmbeddedError::io("looking at", &self.path))?;
        Ok(format!("medicalpro-{:x}-{:x}", found.dev(), found.ino()))
    }

    /// Tells tools of the same user where the running servers answer.
    pub(super) fn announce(&self, postgres: &PostgresEndpoint, nats_url: &str) -> Result<(), EmbeddedError> {
        let content = serde_json::json!({
            "postgresUrl": postgres.url("postgres", postgres.superuser()),
            "natsUrl": nats_url,
        });
        write_private(&self.path.join("endpoints.json"), &format!("{content}\n"))
    }

    /// Takes the announcement back.
    pub(super) fn withdraw_announcement(&self) {
        // Best effort: one left over names servers that no longer answer, and is replaced by the next start.
        let _ = fs::remove_file(self.path.join("endpoints.json"));
    }

    /// Lets the servers' user pass through the data folder, and read nothing in it.
    fn open_up(&self) -> Result<(), EmbeddedError> {
        if self.run_as == RunAs::Myself {
            return Ok(());
        }
        let found = fs::metadata(&self.path).map_err(EmbeddedError::io("looking at", &self.path))?;
        fs::set_permissions(&self.path, Permissions::from_mode(found.mode() | 0o011))
            .map_err(EmbeddedError::io("opening", &self.path))
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        // Closing the file is not enough. If another thread is forking at this moment, its process has a copy of the handle
        // until it becomes another program.
        let _ = self.lock.unlock();
    }
}

fn lock(folder: &Path) -> Result<File, EmbeddedError> {
    let file = folder.join("lock");
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&file);
    let lock = opened.map_err(|error| match fs::metadata(&file) {
        Ok(found) if error.kind() == ErrorKind::PermissionDenied => {
            EmbeddedError::ForeignDataDir { folder: folder.to_owned(), owner: found.uid() }
        }
        _ => EmbeddedError::io("opening", &file)(error),
    })?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(EmbeddedError::DataDirInUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(EmbeddedError::io("locking", &file)(error)),
    }
}

/// Makes a new file that only its owner can read, in the place of any other. Root writes like this into folders that
/// belong to the servers' user, who might have put a link there.
pub(super) fn new_private(file: &Path) -> Result<File, EmbeddedError> {
    let make = || match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => OpenOptions::new().write(true).create_new(true).mode(0o600).open(file),
    };
    make().map_err(EmbeddedError::io("creating", file))
}

/// Replaces `file` as a whole by one that only its owner can read.
pub(super) fn write_private(file: &Path, content: &str) -> Result<(), EmbeddedError> {
    let new = file.with_extension("new");
    let mut opened = new_private(&new)?;
    opened
        .write_all(content.as_bytes())
        .and_then(|()| fs::rename(&new, file))
        .map_err(EmbeddedError::io("writing", file))
}
