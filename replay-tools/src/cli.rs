//! The commands of `medicalpro-replay`, and their settings.

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::ids::FacilityId;
use domain::values::{PatientNumber, TextValue};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use projections_engine::history::AsOf;

use crate::error::ReplayError;
use crate::patient::{PatientFile, PatientReference};
use crate::source::Source;

/// Reads what the log of MedicalPro says about a patient, and keeps its read models whole. No server has to be stopped
#[derive(Debug, Parser)]
#[command(name = "medicalpro-replay", version, after_help = CARE)]
pub struct Cli {
    /// Where the log is.
    #[command(flatten)]
    pub source: Source,
    /// What is asked.
    #[command(subcommand)]
    pub command: Command,
}

/// What everybody who asks should know.
const CARE: &str = "\
The answers of history and as-of hold personal data in clear: treat them as you would the patient's file itself. Errors
hold none. Both only read; rebuild is the one command that writes, and what it writes are read models, never the log.

Exit codes: 0 answered, 1 failed, 2 not understood, 3 no such patient, 4 differences found by rebuild --verify";

/// What everybody who rebuilds should know.
const REBUILD_CARE: &str = "\
This command writes, unless --verify is given: it replaces the tables of read models by new ones that are filled from
the log. Servers go on reading and writing meanwhile. It needs the owner of the database, not the application's user.

Exit codes: 0 done, or equal; 1 failed, and nothing has changed; 2 not understood; 4 differences found by --verify";

/// A question to the log, or work on its read models.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every version of a patient's file: when, who, in which role, what changed from what to what, and why
    History(HistoryQuestion),
    /// A patient's file as it was at a moment, at a version, or at a position of the log
    AsOf(AsOfQuestion),
    /// Fills read models anew from the log and puts them in the place of the live ones; the only command that writes
    Rebuild(RebuildWork),
}

/// Asks for the history of a file.
#[derive(Debug, Args)]
#[command(after_help = CARE)]
pub struct HistoryQuestion {
    /// Of whom.
    #[command(flatten)]
    pub subject: Subject,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Asks for a file as it was.
#[derive(Debug, Args)]
#[command(after_help = CARE)]
pub struct AsOfQuestion {
    /// Of whom.
    #[command(flatten)]
    pub subject: Subject,
    /// When.
    #[command(flatten)]
    pub moment: MomentArgs,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Asks for new read models, or whether the live ones are what the log says.
#[derive(Args)]
#[command(after_help = REBUILD_CARE)]
pub struct RebuildWork {
    /// Only this read model, instead of all
    #[arg(long, value_name = "NAME", value_parser = names())]
    pub projection: Option<String>,
    /// Replace nothing: compare the live read models, row for row, with what the log says at the same position
    #[arg(long)]
    pub verify: bool,
    /// The database, as its owner, if there is no --data-dir; without it the user of --database-url is taken for the owner
    #[arg(long, env = "DATABASE_ADMIN_URL", hide_env_values = true, value_name = "URL")]
    pub database_admin_url: Option<String>,
}

/// Leaves out the password of the owner.
impl std::fmt::Debug for RebuildWork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RebuildWork").field("projection", &self.projection).field("verify", &self.verify).finish()
    }
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(projections::all().iter().map(|projection| projection.name()))
}

/// Which patient.
#[derive(Debug, Args)]
pub struct Subject {
    /// The patient: an id, or a patient number such as P260002
    #[arg(long, value_name = "ID|NUMBER")]
    patient: String,
    /// The practice; needed where several practices gave the same number
    #[arg(long, value_name = "ID")]
    pub facility: Option<FacilityId>,
}

impl Subject {
    /// Read here and not by clap, whose refusal would repeat what was typed: it may be a name.
    pub(crate) fn reference(&self) -> Result<PatientReference, ReplayError> {
        let text = self.patient.trim();
        let id = text.parse().map(PatientReference::Id).ok();
        id.or_else(|| PatientNumber::parse(&text.to_ascii_uppercase()).map(PatientReference::Number).ok())
            .ok_or(ReplayError::Usage("--patient takes a patient's id (a UUID) or number (such as P260002)"))
    }
}

/// Exactly one way to say when.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct MomentArgs {
    /// As recorded at this moment (2026-11-22T09:30:00+01:00), or at the end of this day in the practice (2026-11-22)
    #[arg(long, value_name = "TIME|DATE", value_parser = parse_at)]
    at: Option<At>,
    /// After this version of the file, counted from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    version: Option<u64>,
    /// When the log had reached this position
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    position: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Instant(Timestamp),
    EndOf(Date),
}

/// A date has no offset, a moment has one: nothing that is the one can be read as the other.
fn parse_at(text: &str) -> Result<At, &'static str> {
    if let Ok(instant) = text.parse() {
        return Ok(At::Instant(instant));
    }
    let date = Some(text).filter(|text| text.len() == "2026-11-22".len()).and_then(|text| text.parse().ok());
    date.map(At::EndOf).ok_or("a time is written 2026-11-22T09:30:00+01:00, a day 2026-11-22")
}

impl MomentArgs {
    /// The point that is meant for this file; a day is one where its practice is.
    pub(crate) fn of(&self, file: &PatientFile) -> Result<AsOf, ReplayError> {
        match self {
            Self { at: Some(At::Instant(instant)), .. } => Ok(AsOf::Time(*instant)),
            Self { at: Some(At::EndOf(date)), .. } => end_of(*date, &file.practice.time_zone).map(AsOf::Time),
            Self { version: Some(version), .. } => Ok(AsOf::Version((*version).into())),
            Self { position: Some(position), .. } => Ok(AsOf::Position((*position).into())),
            Self { at: None, version: None, position: None } => {
                Err(ReplayError::Usage("one of --at, --version and --position is needed"))
            }
        }
    }
}

/// The last instant of the day, which on two days of the year is not 24 hours after the first.
fn end_of(date: Date, zone: &jiff::tz::TimeZone) -> Result<Timestamp, ReplayError> {
    let next = date.tomorrow().and_then(|next| next.to_zoned(zone.clone()));
    let last = next.and_then(|next| next.timestamp().checked_sub(1.nanosecond()));
    last.map_err(|_| ReplayError::Usage("--at is out of the calendar's range"))
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// One JSON object on each line
    Ndjson,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    fn subject(patient: &str) -> Subject {
        Subject { patient: patient.to_owned(), facility: None }
    }

    #[test]
    fn a_patient_is_named_by_id_or_by_number() {
        let id = "0198c1f0-0000-7000-8000-000000000001";
        assert_eq!(subject(id).reference().unwrap(), PatientReference::Id(id.parse().unwrap()));
        let number = PatientReference::Number(PatientNumber::new(2026, 2));
        assert_eq!(subject("P260002").reference().unwrap(), number);
        assert_eq!(subject(" p260002").reference().unwrap(), number);
    }

    #[test]
    fn a_refused_patient_is_not_repeated() {
        let error = subject("Le Goff").reference().unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(!error.to_string().contains("Goff"));
    }

    #[test]
    fn a_moment_is_an_instant_or_a_whole_day() {
        assert_eq!(parse_at("2026-11-22T09:30:00+01:00"), Ok(At::Instant("2026-11-22T08:30:00Z".parse().unwrap())));
        assert_eq!(parse_at("2026-11-22"), Ok(At::EndOf(jiff::civil::date(2026, 11, 22))));
        for text in ["", "yesterday", "2026-13-01", "2026-11-22T09:30:00", "20261122"] {
            assert!(parse_at(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_ends_when_it_ends_in_the_practice() {
        let end = |date: &str, zone| {
            let zone = TimeZone::get(zone).unwrap();
            end_of(date.parse().unwrap(), &zone).unwrap().to_string()
        };
        assert_eq!(end("2026-11-22", "Europe/Paris"), "2026-11-22T22:59:59.999999999Z");
        assert_eq!(end("2026-10-25", "Europe/Paris"), "2026-10-25T22:59:59.999999999Z");
        assert_eq!(end("2026-11-22", "Indian/Reunion"), "2026-11-22T19:59:59.999999999Z");
    }

    #[test]
    fn only_read_models_that_exist_can_be_rebuilt() {
        let parse = |name: &str| Cli::try_parse_from(["medicalpro-replay", "rebuild", "--projection", name]);
        assert!(parse("patients").is_ok());
        assert!(parse("patiens").is_err());
    }

    #[test]
    fn exactly_one_way_to_say_when_is_taken() {
        let parse =
            |rest: &[&str]| Cli::try_parse_from([&["medicalpro-replay", "as-of", "--patient", "x"], rest].concat());
        assert!(parse(&["--version", "1"]).is_ok());
        assert!(parse(&["--position", "7"]).is_ok());
        assert!(parse(&[]).is_err());
        assert!(parse(&["--version", "0"]).is_err());
        assert!(parse(&["--version", "1", "--at", "2026-11-22"]).is_err());
    }
}
