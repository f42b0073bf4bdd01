//! The demo practice (`--demo`): made-up people to try the product with. Seeding again changes nothing.

use commands::{CommandContext, CommandError, Registration};
use domain::facility::{FacilityCommand, FacilityError};
use domain::ids::{FacilityId, UserId};
use domain::patient::{Contact, Coverage, Identity, PatientDetails, PatientError};
use domain::role::Role;
use domain::values::{
    BirthDate, CodeValue, FacilityName, FirstName, Gender, LastName, PhoneNumber, RuleBroken, TextValue,
};
use event_store_schema::IdempotencyKey;
use uuid::Uuid;

use crate::auth::accounts::{Account, Accounts};
use crate::auth::passwords::Passwords;
use crate::auth::seed::{SeedAccount, SeedError, SeededAccount, seed as seed_accounts};
use crate::config::ServeConfig;
use crate::state::AppState;

/// The demo practice could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The practice itself.
    #[error("the demo practice cannot be opened: {0}")]
    Facility(CommandError<FacilityError>),
    /// One of its patients.
    #[error("a demo patient cannot be registered: {0}")]
    Patient(CommandError<PatientError>),
    /// Its accounts.
    #[error(transparent)]
    Accounts(#[from] SeedError),
    /// The made-up data break a rule.
    #[error("the demo data are not valid: {}", .0.rule)]
    Data(RuleBroken),
}

impl From<RuleBroken> for DemoError {
    fn from(broken: RuleBroken) -> Self {
        Self::Data(broken)
    }
}

/// The ids of the demo are the same everywhere, so that seeding twice finds what is there.
const fn demo_id(number: u128) -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + number)
}

const FACILITY: FacilityId = FacilityId(demo_id(1));

/// E-mail, role, and the RPPS number of the doctor (made up, with a valid key).
const STAFF: [(&str, Role, Option<&str>); 6] = [
    ("medecin@demo.medicalpro.example", Role::Doctor, Some("10003456786")),
    ("infirmiere@demo.medicalpro.example", Role::Nurse, None),
    ("secretaire@demo.medicalpro.example", Role::Secretary, None),
    ("admin@demo.medicalpro.example", Role::Admin, None),
    ("auditeur@demo.medicalpro.example", Role::Auditor, None),
    ("dpo@demo.medicalpro.example", Role::Dpo, None),
];

/// Family name, first name, birth date, gender, telephone. The numbers are of the blocks that ARCEP keeps for fiction.
const PATIENTS: [(&str, &str, &str, &str, &str); 12] = [
    ("Abgrall", "Maëlle", "1991-05-17", "female", "02 61 91 00 01"),
    ("Bécasse", "Élodie", "1978-11-22", "female", "02 61 91 00 02"),
    ("Cadiou", "Yann", "1965-01-09", "male", "02 61 91 00 03"),
    ("D'Aubigné", "Françoise", "1949-08-30", "female", "02 61 91 00 04"),
    ("El Amrani", "Inès", "2003-02-14", "female", "02 61 91 00 05"),
    ("Fontaine", "Jean-Pierre", "1957-07-03", "male", "02 61 91 00 06"),
    ("Guégan", "Loïc", "2015-12-24", "male", "02 61 91 00 07"),
    ("Le Bihan", "Solenn", "1984-02-29", "female", "02 61 91 00 08"),
    ("Nguyễn", "Minh Anh", "1996-10-10", "other", "02 61 91 00 09"),
    ("Œuvrard", "Noé", "1972-04-01", "male", "02 61 91 00 10"),
    ("Rodríguez Martín", "Carlos", "1980-06-21", "male", "02 61 91 00 11"),
    ("Tanguy", "Zoé", "2022-09-05", "female", "02 61 91 00 12"),
];

/// Makes the demo practice as far as it does not exist yet, and says how to log in to it.
pub async fn seed(
    config: &ServeConfig,
    state: &AppState,
    accounts: &Accounts,
    passwords: &Passwords,
) -> Result<Vec<SeededAccount>, DemoError> {
    open_practice(state).await?;
    let mut last = None;
    for (number, patient) in (1..).zip(PATIENTS) {
        last = register(state, number, patient).await?.max(last);
    }
    state.shown(last).await;
    let staff = (10..).zip(STAFF).map(|(number, (email, role, rpps))| SeedAccount {
        account: Account {
            user_id: UserId(demo_id(number)),
            facility_id: FACILITY,
            role,
            rpps_number: rpps.map(str::to_owned),
            adeli_number: None,
            active: true,
        },
        email: email.to_owned(),
    });
    let given = config.demo_password.as_deref();
    let keys = state.commands.log();
    Ok(seed_accounts(staff.collect(), given, &config.data_dir, accounts, passwords, keys).await?)
}

async fn open_practice(state: &AppState) -> Result<(), DemoError> {
    let command = FacilityCommand::OpenFacility {
        name: FacilityName::parse("Cabinet médical de démonstration")?,
        finess: None,
        time_zone: "Europe/Paris".to_owned(),
    };
    match state.commands.open_facility(&command, &CommandContext::system(FACILITY)).await {
        Ok(_) | Err(CommandError::Refused(FacilityError::AlreadyOpen)) => Ok(()),
        Err(error) => Err(DemoError::Facility(error)),
    }
}

/// Registers a patient once: each has an idempotency key, which outlives whatever happens to the patient later.
async fn register(
    state: &AppState,
    number: usize,
    (last_name, first_name, birth_date, gender, phone): (&str, &str, &str, &str, &str),
) -> Result<Option<domain::ids::Position>, DemoError> {
    let identity = Identity {
        last_name: LastName::parse(last_name)?,
        first_name: FirstName::parse(first_name)?,
        birth_date: BirthDate::parse(birth_date)?,
        gender: Gender::parse(gender)?,
        nationality: None,
        id_number: None,
        ins: None,
    };
    let contact = Contact { phone: Some(PhoneNumber::parse(phone)?), ..Contact::default() };
    let details = PatientDetails { identity, contact, coverage: Coverage::default() };
    let registration = Registration { details, confirm_distinct: false, reason: None };
    let idempotency =
        Some(IdempotencyKey { scope: FACILITY.0, key: format!("demo patient {number}"), request_hash: [0; 32] });
    let context = CommandContext { idempotency, ..CommandContext::system(FACILITY) };
    match state.commands.register_patient(&registration, &context).await {
        Ok(executed) => Ok(executed.position),
        // Somebody registered the same person by hand before.
        Err(CommandError::Reserved(_)) => Ok(None),
        Err(error) => Err(DemoError::Patient(error)),
    }
}

#[cfg(test)]
mod tests {
    use domain::values::Rpps;

    use super::*;

    #[test]
    fn the_demo_data_keep_the_rules() {
        for (last_name, first_name, birth_date, gender, phone) in PATIENTS {
            assert!(LastName::parse(last_name).is_ok() && FirstName::parse(first_name).is_ok());
            assert!(BirthDate::parse(birth_date).is_ok() && Gender::parse(gender).is_ok());
            assert!(PhoneNumber::parse(phone).is_ok(), "{phone}");
        }
        for rpps in STAFF.iter().filter_map(|(_, _, rpps)| *rpps) {
            assert!(Rpps::parse(rpps).is_ok(), "{rpps}");
        }
    }
}
