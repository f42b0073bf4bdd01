//! Commands on patients that need more than the patient's stream: the day at the practice, and a patient number.

use domain::ids::FacilityId;
use domain::patient::{Patient, PatientCommand, PatientDetails, PatientError};
use domain::reservation::KeyKind;
use domain::values::{PatientNumber, Reason, TextValue};
use event_store_schema::{Holder, LogError};
use uuid::Uuid;

use crate::context::CommandContext;
use crate::error::CommandError;
use crate::execute::{Commands, Executed};

/// How often another server may have taken the number before the caller hears of it.
const NUMBER_ATTEMPTS: usize = 20;

/// A patient to be taken in.
#[derive(Clone, Debug)]
pub struct Registration {
    /// What is known of them.
    pub details: PatientDetails,
    /// The user knows that this is not the patient who looks the same.
    pub confirm_distinct: bool,
    /// Why; needed with `confirm_distinct`.
    pub reason: Option<Reason>,
}

type PatientOutcome = Result<Executed<Patient>, CommandError<PatientError>>;

impl Commands {
    /// Registers a patient under the practice's next number. `Reserved` names the patients who may be the same.
    pub async fn register_patient(&self, registration: &Registration, context: &CommandContext) -> PatientOutcome {
        let circumstances = self.circumstances(context.facility_id).await?;
        let (facility, year) = (context.facility_id, circumstances.today.year());
        for _ in 0..NUMBER_ATTEMPTS {
            let number = self.next_patient_number(facility, year).await?;
            let command = PatientCommand::RegisterPatient {
                patient_number: PatientNumber::new(year, number),
                details: registration.details.clone(),
                confirm_distinct: registration.confirm_distinct,
                reason: registration.reason.clone(),
            };
            let outcome = self.execute::<Patient>(Uuid::now_v7(), &command, &circumstances, &[], context).await;
            match &outcome {
                Ok(executed) if !executed.replayed => return outcome,
                Err(CommandError::Reserved(holders)) if holders.iter().any(holds_number) => {
                    self.look_for_patient_numbers(facility, year).await?;
                    if holders.iter().all(holds_number) {
                        continue;
                    }
                    return outcome.map_err(without_numbers);
                }
                // Whether the number was used is not known: a gap is better than a collision.
                Err(CommandError::Unavailable { outcome_unknown: true }) => return outcome,
                Ok(_) | Err(_) => {
                    self.patient_numbers().give_back(facility, year, number);
                    return outcome;
                }
            }
        }
        Err(CommandError::Contended)
    }

    /// Any other command on a patient's file.
    pub async fn change_patient(&self, id: Uuid, command: &PatientCommand, context: &CommandContext) -> PatientOutcome {
        let circumstances = self.circumstances(context.facility_id).await?;
        self.execute::<Patient>(id, command, &circumstances, &[], context).await.map_err(|error| match error {
            CommandError::Refused(PatientError::NotRegistered) => CommandError::NotFound,
            error => error,
        })
    }

    async fn next_patient_number(&self, facility: FacilityId, year: i16) -> Result<u64, CommandError<PatientError>> {
        loop {
            if let Some(number) = self.patient_numbers().take(facility, year) {
                return Ok(number);
            }
            self.look_for_patient_numbers(facility, year).await?;
        }
    }

    /// Learns from the log up to which number the practice has come this year.
    async fn look_for_patient_numbers(
        &self,
        facility: FacilityId,
        year: i16,
    ) -> Result<(), CommandError<PatientError>> {
        let prefix = |year2: u8| format!("P{year2:02}");
        let year2 = PatientNumber::new(year, 0).year2();
        // ':' follows '9' in ASCII, so it ends the numbers of this year.
        let (from, to) = (prefix(year2), format!("{}:", prefix(year2)));
        let highest = self.log().highest_key(KeyKind::PatientNumber, facility.0, &from, &to).await?;
        let sequence = match highest {
            Some(key) => PatientNumber::parse(&key).map_err(|_| NOT_A_NUMBER)?.sequence(),
            None => 0,
        };
        self.patient_numbers().seen(facility, year, sequence);
        Ok(())
    }
}

/// The log reserves nothing else as a patient number. To count from 1 again would be worse than to stop.
const NOT_A_NUMBER: LogError = LogError::Malformed { position: 0, what: "patient number" };

fn holds_number(holder: &Holder) -> bool {
    holder.kind == KeyKind::PatientNumber.name()
}

fn without_numbers(error: CommandError<PatientError>) -> CommandError<PatientError> {
    match error {
        CommandError::Reserved(mut holders) => {
            holders.retain(|holder| !holds_number(holder));
            CommandError::Reserved(holders)
        }
        error => error,
    }
}
