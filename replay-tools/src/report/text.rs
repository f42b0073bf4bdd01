//! The answer for people: a heading, then what was asked, in columns.

use std::io::{self, Write};

use domain::event::Actor;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use projections_engine::history::{Change, HistoryEntry, Snapshot};
use serde_json::Value;

use super::table;
use crate::patient::PatientFile;

/// What stands where there is no value.
const NOTHING: &str = "–";

/// What stands where there was a value until the patient was forgotten.
const ERASED: &str = "(erased)";

/// Every version under a line of its own.
pub(super) fn history(out: &mut dyn Write, file: &PatientFile, versions: &[HistoryEntry]) -> io::Result<()> {
    heading(out, file, &[])?;
    for version in versions {
        writeln!(out)?;
        entry(out, version, &file.practice.time_zone)?;
    }
    Ok(())
}

/// The file's fields, each with its value then.
pub(super) fn as_of(out: &mut dyn Write, file: &PatientFile, snapshot: &Snapshot) -> io::Result<()> {
    let recorded = moment(snapshot.recorded_at, &file.practice.time_zone);
    heading(
        out,
        file,
        &[
            ["Version", &snapshot.version.to_string()],
            ["Position", &snapshot.position.to_string()],
            ["Recorded", &recorded],
        ],
    )?;
    writeln!(out)?;
    let fields: Vec<_> =
        table::leaves("", &snapshot.document).into_iter().map(|(field, value)| [field, value]).collect();
    table::write(out, 2, &fields)
}

fn heading(out: &mut dyn Write, file: &PatientFile, more: &[[&str; 2]]) -> io::Result<()> {
    let id = file.id.to_string();
    let practice = format!("{}  {}", file.practice.id, table::printable(&file.practice.name));
    let times = format!("in {}", file.practice.time_zone.iana_name().unwrap_or("UTC"));
    let lines = [["Patient", &id], ["Practice", &practice], ["Times", &times]];
    let lines: Vec<_> = lines.iter().chain(more).map(|line| line.map(str::to_owned)).collect();
    table::write(out, 0, &lines)
}

fn entry(out: &mut dyn Write, entry: &HistoryEntry, zone: &TimeZone) -> io::Result<()> {
    writeln!(out, "Version {}  {}  {}", entry.version, moment(entry.recorded_at, zone), entry.event_type)?;
    let mut circumstances = vec![["by", &who(&entry.actor)].map(str::to_owned)];
    let mut add = |name: &str, value: String| circumstances.push([name.to_owned(), value]);
    if let Some(reason) = &entry.reason {
        add("reason", table::printable(reason));
    }
    if entry.occurred_at != entry.recorded_at {
        add("occurred", moment(entry.occurred_at, zone));
    }
    if let Some(request) = &entry.request_id {
        add("request", table::printable(request));
    }
    add("position", entry.position.to_string());
    if entry.forgotten {
        add("erased", "the personal content of this version can no longer be read".to_owned());
    }
    table::write(out, 2, &circumstances)?;
    if entry.changes.is_empty() {
        return Ok(());
    }
    let head = ["field", "before", "after"].map(str::to_owned);
    let changes = entry.changes.iter().map(change);
    table::write(out, 4, &std::iter::once(head).chain(changes).collect::<Vec<_>>())
}

fn who(actor: &Actor) -> String {
    match actor.role {
        None if *actor == Actor::SYSTEM => "the system".to_owned(),
        None => actor.user_id.to_string(),
        Some(role) => format!("{}  {}", actor.user_id, role.name()),
    }
}

fn change(change: &Change) -> [String; 3] {
    let value = |value: &Option<Value>| match value {
        None => NOTHING.to_owned(),
        Some(Value::String(text)) => table::printable(text),
        Some(value) => table::printable(&value.to_string()),
    };
    match change {
        // A change from nothing to nothing is one whose values are gone.
        Change { field, from: None, to: None } => [field.clone(), ERASED.to_owned(), ERASED.to_owned()],
        Change { field, from, to } => [field.clone(), value(from), value(to)],
    }
}

/// In the practice's own time, to the microsecond that the log keeps.
fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.6f %:z").to_string()
}

#[cfg(test)]
mod tests {
    use domain::ids::{FacilityId, PatientId, Position, StreamVersion, UserId};
    use domain::role::Role;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::practice::Practice;

    fn file() -> PatientFile {
        PatientFile {
            id: PatientId(Uuid::from_u128(2)),
            practice: Practice {
                id: FacilityId(Uuid::from_u128(3)),
                name: "Cabinet du Port".to_owned(),
                time_zone: TimeZone::get("Europe/Paris").unwrap(),
            },
        }
    }

    fn corrected() -> HistoryEntry {
        let recorded_at = "2026-11-22T09:30:00.000001Z".parse().unwrap();
        HistoryEntry {
            version: StreamVersion::from(2),
            position: Position::from(17),
            event_type: "PatientIdentityCorrected".to_owned(),
            recorded_at,
            occurred_at: recorded_at,
            actor: Actor { user_id: UserId(Uuid::from_u128(7)), role: Some(Role::Secretary), session_id: None },
            request_id: Some("r-1".to_owned()),
            reason: Some("Pièce d'identité présentée".to_owned()),
            forgotten: false,
            changes: vec![
                Change {
                    field: "birthDate".to_owned(),
                    from: Some(json!("1984-02-29")),
                    to: Some(json!("1984-02-28")),
                },
                Change { field: "idNumber".to_owned(), from: None, to: Some(json!("X4RTBPFW4")) },
            ],
        }
    }

    fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_history_reads_like_a_timeline() {
        let expected = "\
Patient   00000000-0000-0000-0000-000000000002
Practice  00000000-0000-0000-0000-000000000003  Cabinet du Port
Times     in Europe/Paris

Version 2  2026-11-22 10:30:00.000001 +01:00  PatientIdentityCorrected
  by        00000000-0000-0000-0000-000000000007  secretary
  reason    Pièce d'identité présentée
  request   r-1
  position  17
    field      before      after
    birthDate  1984-02-29  1984-02-28
    idNumber   –           X4RTBPFW4
";
        assert_eq!(written(|out| history(out, &file(), &[corrected()])), expected);
    }

    #[test]
    fn an_erased_version_says_so_and_still_names_its_fields() {
        let entry = HistoryEntry {
            actor: Actor::SYSTEM,
            reason: None,
            request_id: None,
            forgotten: true,
            occurred_at: "2026-11-21T09:30:00Z".parse().unwrap(),
            changes: vec![Change { field: "birthDate".to_owned(), from: None, to: None }],
            ..corrected()
        };
        let expected = "
Version 2  2026-11-22 10:30:00.000001 +01:00  PatientIdentityCorrected
  by        the system
  occurred  2026-11-21 10:30:00.000000 +01:00
  position  17
  erased    the personal content of this version can no longer be read
    field      before    after
    birthDate  (erased)  (erased)
";
        assert!(written(|out| history(out, &file(), &[entry])).ends_with(expected));
    }

    #[test]
    fn a_file_as_it_was_lists_its_fields() {
        let snapshot = Snapshot {
            facility_id: file().practice.id,
            document: json!({"lastName": "Le Goff", "contact": {"phone": "+33261910012"}, "version": 2}),
            version: StreamVersion::from(2),
            position: Position::from(17),
            recorded_at: "2026-11-22T09:30:00Z".parse().unwrap(),
        };
        let expected = "\
Patient   00000000-0000-0000-0000-000000000002
Practice  00000000-0000-0000-0000-000000000003  Cabinet du Port
Times     in Europe/Paris
Version   2
Position  17
Recorded  2026-11-22 10:30:00.000000 +01:00

  contact.phone  +33261910012
  lastName       Le Goff
  version        2
";
        assert_eq!(written(|out| as_of(out, &file(), &snapshot)), expected);
    }
}
