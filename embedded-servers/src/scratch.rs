//! A folder for one test run. It is removed with the process that made it, even if that process is killed.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What a shared-memory file system must have free to be used: some containers give it 64 MB.
const ENOUGH: u64 = 1 << 30;

/// Waits for the end of its standard input, which is the end of the process that made the folder, and removes the
/// folder. Servers in it may still be shutting down, and write: it removes until nothing comes back.
const REAPER: &str = r#"
trap '' HUP INT TERM
cat >/dev/null
[ -e "$1" ] || exit 0
tries=0
while [ "$tries" -lt 60 ]; do
    rm -rf -- "$1" 2>/dev/null
    sleep 0.5
    [ -e "$1" ] || { sleep 1; [ -e "$1" ] || exit 0; }
    tries=$((tries + 1))
done
"#;

/// A folder of our own, in memory where there is room, else in the usual temporary folder.
#[derive(Debug)]
pub struct ScratchDir {
    path: PathBuf,
    reaper: Child,
}

impl ScratchDir {
    /// Makes the folder; `purpose` becomes part of its name.
    pub fn new(purpose: &str) -> io::Result<Self> {
        let memory = Path::new("/dev/shm");
        let parent = if free_bytes(memory) >= ENOUGH { memory.to_owned() } else { std::env::temp_dir() };
        let path = parent.join(format!("medicalpro-{purpose}-{:08x}", rand::random::<u32>()));
        DirBuilder::new().mode(0o700).create(&path)?;
        // The user whom embedded servers of root run as must be able to pass through.
        fs::set_permissions(&path, Permissions::from_mode(0o711))?;
        let reaper = Command::new("/bin/sh")
            .args(["-c", REAPER, "reaper"])
            .arg(&path)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { path, reaper })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        let removed = fs::remove_dir_all(&self.path);
        drop(self.reaper.stdin.take());
        // What cannot be removed now is left to the reaper, which then takes its time.
        if removed.is_ok() {
            let _ = self.reaper.wait();
        }
    }
}

fn free_bytes(folder: &Path) -> u64 {
    let Ok(name) = std::ffi::CString::new(folder.as_os_str().as_encoded_bytes()) else { return 0 };
    // SAFETY: statvfs is plain data for which zeroes are valid; `name` ends with a zero and outlives the call.
    unsafe {
        let mut found: libc::statvfs = std::mem::zeroed();
        if libc::statvfs(name.as_ptr(), &mut found) != 0 { 0 } else { found.f_bavail * found.f_frsize }
    }
}
