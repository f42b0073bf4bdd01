//! Who owns what. Every operation, other path, subject on NATS, read model, background job and listener has one owner.
//! `medicalpro services` prints the table. A test finds what has no owner, or two.

use std::collections::BTreeMap;
use std::fmt;

use frame::mounting::{Frame, FrameError};
use service::{Mount, Service};

use crate::catalogue::CATALOGUE;
use crate::health;

/// The owner of what belongs to no service: the program itself.
const PROGRAM: &str = "medicalpro";

/// What the program does in the background beside its services.
const PROGRAM_JOBS: [&str; 2] = ["nats_publisher", "session_feed"];

/// What can have an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An operation of the OpenAPI document.
    Operation,
    /// A path beside it.
    Path,
    /// A kind of subject on NATS.
    Subject,
    /// A read model.
    ReadModel,
    /// A background job that runs once, however many processes there are.
    Job,
    /// A socket that is listened on.
    Listener,
}

impl Kind {
    const fn title(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Path => "path",
            Self::Subject => "subject",
            Self::ReadModel => "read model",
            Self::Job => "job",
            Self::Listener => "listener",
        }
    }
}

/// Something with an owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owned {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner: &'static str,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Ownership(Vec<Owned>);

impl Ownership {
    /// The table of this release.
    pub fn of_the_product() -> Result<Self, FrameError> {
        let mut table = Self::default();
        let mut own = Frame::default();
        health::declare(&mut own);
        table.add_mounted(PROGRAM, &own);
        own.into_document()?;
        for path in ["GET /docs", "GET /docs/errors", "GET /openapi.json"] {
            table.add(Kind::Path, path, PROGRAM);
        }
        for job in PROGRAM_JOBS {
            table.add(Kind::Job, job, PROGRAM);
        }
        for subject in ["events", "nudge"] {
            table.add(Kind::Subject, subject, PROGRAM);
        }
        table.add(Kind::Listener, "metrics", PROGRAM);
        table.add(Kind::Listener, "several services: 3000", PROGRAM);
        for service in CATALOGUE {
            table.add_service(&service)?;
        }
        Ok(table)
    }

    /// The rows.
    pub fn rows(&self) -> &[Owned] {
        &self.0
    }

    /// The names of one kind, with their owners.
    pub fn of_kind(&self, kind: Kind) -> BTreeMap<&str, Vec<&'static str>> {
        let mut owners: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
        for row in self.0.iter().filter(|row| row.kind == kind) {
            owners.entry(&row.name).or_default().push(row.owner);
        }
        owners
    }

    fn add(&mut self, kind: Kind, name: impl Into<String>, owner: &'static str) {
        self.0.push(Owned { kind, name: name.into(), owner });
    }

    fn add_mounted(&mut self, owner: &'static str, frame: &Frame) {
        for operation in frame.mounted() {
            self.add(Kind::Operation, operation.id, owner);
        }
        for (path, methods) in frame.plain_paths() {
            for method in methods {
                self.add(Kind::Path, format!("{method} {path}"), owner);
            }
        }
    }

    fn add_service(&mut self, service: &Service) -> Result<(), FrameError> {
        let mut frame = Frame::default();
        (service.mount)(&mut Mount::declaring(&mut frame));
        self.add_mounted(service.name, &frame);
        frame.into_document()?;
        for read_model in service.read_models {
            self.add(Kind::ReadModel, *read_model, service.name);
        }
        for policy in service.policies {
            self.add(Kind::Job, policy.name, service.name);
        }
        for subject in service.subjects {
            self.add(Kind::Subject, *subject, service.name);
        }
        self.add(Kind::Listener, format!("alone: {}", service.port), service.name);
        Ok(())
    }
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = self.0.clone();
        rows.sort();
        writeln!(f, "{:<12}{:<34}owner", "kind", "name")?;
        rows.iter().try_for_each(|row| writeln!(f, "{:<12}{:<34}{}", row.kind.title(), row.name, row.owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(kind: Kind) -> Vec<String> {
        let table = Ownership::of_the_product().unwrap();
        table.of_kind(kind).into_keys().map(str::to_owned).collect()
    }

    #[test]
    fn nothing_has_two_owners() {
        let table = Ownership::of_the_product().unwrap();
        for kind in [Kind::Operation, Kind::Path, Kind::Subject, Kind::ReadModel, Kind::Job, Kind::Listener] {
            for (name, owners) in table.of_kind(kind) {
                assert_eq!(owners.len(), 1, "{kind:?} {name} is owned by {owners:?}");
            }
        }
    }

    #[test]
    fn every_read_model_has_an_owner() {
        let mut all: Vec<String> = projections::all().iter().map(|read_model| read_model.name().to_owned()).collect();
        all.sort();
        assert_eq!(names(Kind::ReadModel), all);
    }

    #[test]
    fn every_subject_of_the_house_has_an_owner() {
        let mut all: Vec<&str> = projections::publisher::NatsNames::KINDS.to_vec();
        all.sort_unstable();
        assert_eq!(names(Kind::Subject), all);
    }
}
