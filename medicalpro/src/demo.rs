//! The demo practice (`--demo`): made-up people to try the product with. Seeding again changes nothing.

use commands::{CommandContext, CommandError, Registration};
use domain::facility::{FacilityCommand, FacilityError};
use domain::ids::{FacilityId, Position, UserId};
use domain::patient::{Contact, Coverage, Identity, PatientDetails, PatientError};
use domain::role::Role;
use domain::user::{PasswordOccasion, Profession, Profile, UserCommand, UserDetails, UserError};
use domain::values::{
    BirthDate, CodeValue, EmailAddress, FacilityName, FirstName, Gender, LastName, PhoneNumber, Rpps, RuleBroken,
    TextValue,
};
use event_store_schema::IdempotencyKey;
use uuid::Uuid;

use crate::config::ServeConfig;
use accounts::Auth;
use accounts::account::Account;
use accounts::seed::{SeedAccount, SeedError, SeededAccount, seed as seed_accounts};
use frame::desk::Desk;

/// The demo practice could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The practice itself.
    #[error("the demo practice cannot be opened: {0}")]
    Facility(CommandError<FacilityError>),
    /// One of its patients.
    #[error("a demo patient cannot be registered: {0}")]
    Patient(CommandError<PatientError>),
    /// One of its staff.
    #[error("a demo user cannot be registered: {0}")]
    User(CommandError<UserError>),
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

/// E-mail, role, family and first name, and RPPS number.
type Member = (&'static str, Role, (&'static str, &'static str), Option<&'static str>);

/// Made up; the number of the doctor has a valid key.
const STAFF: [Member; 6] = [
    ("medecin@demo.medicalpro.example", Role::Doctor, ("Kervella", "Anne"), Some("10003456786")),
    ("infirmiere@demo.medicalpro.example", Role::Nurse, ("Diallo", "Mariam"), None),
    ("secretaire@demo.medicalpro.example", Role::Secretary, ("Petit", "Chloé"), None),
    ("admin@demo.medicalpro.example", Role::Admin, ("Morvan", "Erwan"), None),
    ("auditeur@demo.medicalpro.example", Role::Auditor, ("Garnier", "Hélène"), None),
    ("dpo@demo.medicalpro.example", Role::Dpo, ("Benali", "Karim"), None),
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
pub async fn seed(config: &ServeConfig, desk: &Desk, auth: &Auth) -> Result<Vec<SeededAccount>, DemoError> {
    open_practice(desk).await?;
    let mut last = None;
    for (number, patient) in (1..).zip(PATIENTS) {
        last = register(desk, number, patient).await?.max(last);
    }
    desk.shown(last).await;
    let mut staff = Vec::with_capacity(STAFF.len());
    for (number, member) in (10..).zip(STAFF) {
        staff.push(take_on(desk, UserId(demo_id(number)), member).await?);
    }
    let given = config.demo_password.as_deref();
    let keys = desk.commands.log();
    let seeded = seed_accounts(staff, given, &config.data_dir, &auth.accounts, &auth.passwords, keys).await?;
    let mut last = None;
    for number in (10..).take(STAFF.len()) {
        last = choose_password(desk, UserId(demo_id(number))).await?.max(last);
    }
    desk.shown(last).await;
    Ok(seeded)
}

/// Registers a member of staff once, whatever happens to their account later.
async fn take_on(
    desk: &Desk,
    user_id: UserId,
    (email, role, (last_name, first_name), rpps): Member,
) -> Result<SeedAccount, DemoError> {
    let profile = Profile {
        last_name: LastName::parse(last_name)?,
        first_name: FirstName::parse(first_name)?,
        email: EmailAddress::parse(email)?,
        phone: None,
    };
    let rpps_number = rpps.map(Rpps::parse).transpose()?;
    let profession = Profession { rpps_number, ..Profession::default() };
    let details = UserDetails { profile, profession };
    match desk.commands.register_user(user_id, role, &details, &CommandContext::system(FACILITY)).await {
        Ok(_) | Err(CommandError::Refused(UserError::AlreadyRegistered)) => {}
        Err(error) => return Err(DemoError::User(error)),
    }
    let account = Account {
        user_id,
        facility_id: FACILITY,
        role,
        rpps_number: rpps.map(str::to_owned),
        adeli_number: None,
        active: true,
    };
    Ok(SeedAccount { account, email: email.to_owned() })
}

/// The password of a demo account stands in its file: nobody has to accept an invitation.
async fn choose_password(desk: &Desk, user_id: UserId) -> Result<Option<Position>, DemoError> {
    let command = UserCommand::ChangePassword { by: PasswordOccasion::Invitation };
    match desk.commands.change_user(user_id, &command, &CommandContext::system(FACILITY)).await {
        Ok(executed) => Ok(executed.position),
        Err(CommandError::Refused(UserError::AlreadyActivated | UserError::Suspended)) => Ok(None),
        Err(error) => Err(DemoError::User(error)),
    }
}

async fn open_practice(desk: &Desk) -> Result<(), DemoError> {
    let command = FacilityCommand::OpenFacility {
        name: FacilityName::parse("Cabinet médical de démonstration")?,
        finess: None,
        time_zone: "Europe/Paris".to_owned(),
    };
    match desk.commands.open_facility(&command, &CommandContext::system(FACILITY)).await {
        Ok(_) | Err(CommandError::Refused(FacilityError::AlreadyOpen)) => Ok(()),
        Err(error) => Err(DemoError::Facility(error)),
    }
}

/// Registers a patient once: each has an idempotency key, which outlives whatever happens to the patient later.
async fn register(
    desk: &Desk,
    number: usize,
    (last_name, first_name, birth_date, gender, phone): (&str, &str, &str, &str, &str),
) -> Result<Option<Position>, DemoError> {
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
    match desk.commands.register_patient(&registration, &context).await {
        Ok(executed) => Ok(executed.position),
        // A user registered the same person by hand before.
        Err(CommandError::Reserved(_)) => Ok(None),
        Err(error) => Err(DemoError::Patient(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_data_keep_the_rules() {
        for (last_name, first_name, birth_date, gender, phone) in PATIENTS {
            assert!(LastName::parse(last_name).is_ok() && FirstName::parse(first_name).is_ok());
            assert!(BirthDate::parse(birth_date).is_ok() && Gender::parse(gender).is_ok());
            assert!(PhoneNumber::parse(phone).is_ok(), "{phone}");
        }
        for rpps in STAFF.iter().filter_map(|(.., rpps)| *rpps) {
            assert!(Rpps::parse(rpps).is_ok(), "{rpps}");
        }
    }
}
