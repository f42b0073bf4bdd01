//! Processes of the embedded servers: as which user they run, and how they are tied to this process. A process that was left
//! over is found and ended.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::error::EmbeddedError;

/// How often a process is looked at while something is expected of it.
pub(super) const PULSE: Duration = Duration::from_millis(20);

/// A signal, and how long its receiver has to obey before the next one is sent.
pub(super) type Step = (libc::c_int, Duration);

/// Whom the servers run as. PostgreSQL refuses to run as root, and neither server needs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunAs {
    /// The user whom this program runs as already.
    Myself,
    /// Another one, whom root steps down to.
    User { name: String, uid: u32, gid: u32 },
}

impl RunAs {
    /// Root steps down to the owner of what is in the folder already, else to `postgres`, else to `nobody`.
    pub(super) fn for_folder(existing: &Path) -> Result<Self, EmbeddedError> {
        if !is_root() {
            return Ok(Self::Myself);
        }
        let owner = fs::metadata(existing).ok().filter(|owner| owner.uid() != 0);
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        match owner {
            Some(owner) => {
                let name = users(&passwd).find(|user| user.1 == owner.uid()).map(|user| user.0);
                let name = name.map_or_else(|| format!("uid {}", owner.uid()), str::to_owned);
                Ok(Self::User { name, uid: owner.uid(), gid: owner.gid() })
            }
            None => ["postgres", "nobody"]
                .iter()
                .find_map(|wanted| users(&passwd).find(|user| user.0 == *wanted))
                .map(|(name, uid, gid)| Self::User { name: name.to_owned(), uid, gid })
                .ok_or(EmbeddedError::NoUnprivilegedUser),
        }
    }

    /// A name for messages.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Myself => "the current user",
            Self::User { name, .. } => name,
        }
    }

    /// The user id the servers run under.
    pub(super) fn uid(&self) -> u32 {
        match self {
            // SAFETY: geteuid has no preconditions and cannot fail.
            Self::Myself => unsafe { libc::geteuid() },
            Self::User { uid, .. } => *uid,
        }
    }

    /// Gives `path` and all that is in it to this user.
    pub(super) fn take_over(&self, path: &Path) -> Result<(), EmbeddedError> {
        let Self::User { uid, gid, .. } = self else { return Ok(()) };
        let failed = |error| EmbeddedError::io("changing the owner of", path)(error);
        lchown(path, Some(*uid), Some(*gid)).map_err(failed)?;
        if fs::symlink_metadata(path).map_err(failed)?.is_dir() {
            for entry in fs::read_dir(path).map_err(failed)? {
                self.take_over(&entry.map_err(failed)?.path())?;
            }
        }
        Ok(())
    }

    /// A command that runs as this user and gets `signal` when the thread that starts it ends, whatever ends
    /// it. That thread must therefore live as long as the process shall: see the supervisor.
    pub(super) fn command(&self, program: &Path, signal: libc::c_int) -> Command {
        let mut command = Command::new(program);
        // Our environment holds secrets that are not for the servers. A group of its own keeps a Ctrl-C in the
        // terminal from stopping the database before the requests in flight are answered.
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/").process_group(0);
        for kept in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command.stdin(Stdio::null());
        if let Self::User { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
        let parent = std::process::id();
        // SAFETY: prctl, getppid and _exit are async-signal-safe. The closure runs after the change of user, which
        // would have cleared the death signal.
        unsafe {
            command.pre_exec(move || {
                if libc::prctl(libc::PR_SET_PDEATHSIG, signal) != 0 {
                    return Err(std::io::Error::last_os_error());
                }
                // If the parent died before prctl, no signal will come.
                if u32::try_from(libc::getppid()) != Ok(parent) {
                    libc::_exit(0);
                }
                Ok(())
            });
        }
        command
    }

    /// What `program` prints when run as this user, or what is wrong with it.
    pub(super) fn output_of(&self, program: &Path, arguments: &[&str]) -> Result<String, String> {
        match self.command(program, libc::SIGKILL).args(arguments).output() {
            Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            Ok(output) => Err(format!("{} failed ({})", program.display(), output.status)),
            Err(error) => Err(format!("{} cannot be run as {}: {error}", program.display(), self.name())),
        }
    }

    /// The outermost folder on the way to `folder` that this user cannot enter.
    pub(super) fn first_closed_folder<'a>(&self, folder: &'a Path) -> Option<&'a Path> {
        let enters = |folder: &Path| {
            let mut probe = self.command(Path::new("/bin/sh"), libc::SIGKILL);
            probe.args(["-c", "cd \"$1\"", "sh"]).arg(folder).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        };
        if *self == Self::Myself || enters(folder) {
            return None;
        }
        let way: Vec<&Path> = folder.ancestors().collect();
        way.into_iter().rev().find(|step| !enters(step))
    }
}

fn is_root() -> bool {
    RunAs::Myself.uid() == 0
}

/// Name, user id and group id of each line of a passwd file.
fn users(passwd: &str) -> impl Iterator<Item = (&str, u32, u32)> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        Some((name, fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

/// Sends `signal`. The process may be gone already, which is as good.
pub(super) fn send(process: i32, signal: libc::c_int) {
    // SAFETY: kill has no preconditions.
    unsafe { libc::kill(process, signal) };
}

/// The processes whose command line satisfies `is_ours`. A zombie has no command line, so it is not counted. Any user may read
/// the command line. In a container, most other facts about a process are hidden.
pub(super) fn find(is_ours: impl Fn(&[&str]) -> bool) -> Vec<i32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let matches = |process: i32| {
        let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        let words: Vec<&str> = line.split('\0').filter(|word| !word.is_empty()).collect();
        !words.is_empty() && is_ours(&words)
    };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|process| matches(*process))
        .collect()
}

/// True when `words` is a command line of `program` that names `path`.
pub(super) fn runs_on(words: &[&str], program: &str, path: &Path) -> bool {
    let name = words.first().map(Path::new).and_then(Path::file_name);
    name.is_some_and(|name| name == program) && words.iter().any(|word| Path::new(word) == path)
}

/// Ends the processes that `find` names, one step after the other; returns those that are still there.
pub(super) fn end(find: impl Fn() -> Vec<i32>, steps: &[Step]) -> Vec<i32> {
    let mut processes = find();
    for (signal, patience) in steps {
        for process in &processes {
            send(*process, *signal);
            send(*process, libc::SIGCONT);
        }
        let until = Instant::now() + *patience;
        while !processes.is_empty() && Instant::now() < until {
            thread::sleep(PULSE);
            processes = find();
        }
        if processes.is_empty() {
            break;
        }
    }
    processes
}
