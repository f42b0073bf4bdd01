//! Gathers what a decision on time rests on: the practitioner's hours, and that practitioner, patient and room can be
//! booked. Each part has a guard. If the server remembers an old state, the append refuses it, and the command is decided
//! again.

use domain::aggregate::AggregateRoot;
use domain::appointment::{AppointmentError, Schedule, Slot};
use domain::availability::Availability;
use domain::facility::Facility;
use domain::ids::{AppointmentId, FacilityId, PatientId, RoomId, StreamVersion, UserId};
use domain::patient::Patient;
use domain::role::Role;
use domain::scheduling::PracticeTime;
use domain::user::User;
use domain::values::{PatientStatus, RuleBroken};
use event_store_schema::Guard;
use jiff::SignedDuration;
use uuid::Uuid;

use crate::error::{AppointmentFailure, CommandError};
use crate::execute::Commands;
use crate::loaded::Loaded;

/// How far around the requested times a refusal names the practitioner's hours.
const AROUND: SignedDuration = SignedDuration::from_hours(12);

/// The practitioner, the patient and the room of a visit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Participants {
    pub(crate) practitioner: UserId,
    /// None for a hold. For a move, the patient of the booking.
    pub(crate) patient: Option<PatientId>,
    pub(crate) room: Option<RoomId>,
}

/// What a decision on the participants' times rests on.
pub(crate) struct BookingFacts {
    clock: PracticeTime,
    availability: Availability,
    /// The append holds only if none of it has changed.
    pub(crate) guards: Vec<Guard>,
}

impl BookingFacts {
    /// What the domain has to know to decide on a slot.
    pub(crate) fn schedule(&self, slot: &Slot, overlaps: &[AppointmentId]) -> Schedule {
        Schedule {
            clock: self.clock.clone(),
            open: self.availability.open_intervals(slot.hull().widened(AROUND), &self.clock.zone),
            overlap_allowed: self.availability.rules.overlap_allowed,
            overlaps: overlaps.to_vec(),
        }
    }
}

impl Commands {
    /// The facts for these participants: as this server remembers it, or, if `fresh`, as the log has it now. If a memory is
    /// wrong, its guard finds it. A refusal counts only on the fresh state.
    pub(crate) async fn facts(
        &self,
        participants: &Participants,
        fresh: bool,
        facility: FacilityId,
    ) -> Result<BookingFacts, AppointmentFailure> {
        match self.gather(participants, fresh, facility).await {
            Err(CommandError::Refused(_)) if !fresh => self.gather(participants, true, facility).await,
            outcome => outcome,
        }
    }

    async fn gather(
        &self,
        &Participants { practitioner, patient, room }: &Participants,
        fresh: bool,
        facility: FacilityId,
    ) -> Result<BookingFacts, AppointmentFailure> {
        let clock = self.practice_time(facility).await?;
        let mut guards = Vec::with_capacity(4);
        guards.push(self.working_practitioner(facility, practitioner, fresh).await?);
        let (availability, version) = match self.known::<Availability>(facility, practitioner.0, fresh).await? {
            Some(loaded) => (loaded.aggregate, loaded.version),
            None => (Availability::default(), StreamVersion::ZERO),
        };
        guards.push(Guard { stream: Availability::stream(practitioner.0), version });
        if let Some(patient) = patient {
            guards.push(self.followed_patient(facility, patient, fresh).await?);
        }
        if let Some(room) = room {
            guards.push(self.open_room(facility, room, fresh).await?);
        }
        Ok(BookingFacts { clock, availability, guards })
    }

    /// An aggregate of the practice: as this server remembers it, or, if `fresh`, as the log has it now.
    async fn known<A: AggregateRoot>(
        &self,
        facility: FacilityId,
        id: Uuid,
        fresh: bool,
    ) -> Result<Option<Loaded<A>>, AppointmentFailure> {
        let remembered = self.recall::<A>(&A::stream(id));
        if !fresh && remembered.facility_id == Some(facility) {
            return Ok(Some(remembered));
        }
        self.load::<A>(facility, id).await.map_err(CommandError::while_reading)
    }

    async fn working_practitioner(
        &self,
        facility: FacilityId,
        id: UserId,
        fresh: bool,
    ) -> Result<Guard, AppointmentFailure> {
        let user = self.known::<User>(facility, id.0, fresh).await?;
        let treats = |user: &User| user.role.is_some_and(|role| Role::PRACTITIONERS.contains(&role));
        let Some(user) = user.filter(|user| treats(&user.aggregate)) else {
            let why = "Nobody of this id treats patients in the practice.";
            return Err(invalid("practitionerId", "unknown_practitioner", why));
        };
        if user.aggregate.suspended {
            let why = "The practitioner is suspended, and takes no bookings.";
            return Err(invalid("practitionerId", "practitioner_suspended", why));
        }
        Ok(Guard { stream: User::stream(id.0), version: user.version })
    }

    /// The guard that the practice still follows a patient. Refuses a patient whom it does not follow.
    pub(crate) async fn followed_patient(
        &self,
        facility: FacilityId,
        id: PatientId,
        fresh: bool,
    ) -> Result<Guard, AppointmentFailure> {
        let stream = Patient::stream(id.0);
        let remembered = self.recall::<Patient>(&stream);
        // The file itself is often gone from memory when the patient is booked.
        if !fresh
            && remembered.facility_id.is_none()
            && let Some(version) = self.bookable_patients().version(facility, id)
        {
            return Ok(Guard { stream, version });
        }
        let patient = self.known::<Patient>(facility, id.0, fresh).await?;
        let Some(patient) = patient.filter(|patient| patient.aggregate.is_registered()) else {
            return Err(invalid("patientId", "unknown_patient", "There is no such patient in the practice."));
        };
        match patient.aggregate.status() {
            PatientStatus::Active => {
                self.bookable_patients().put(facility, id, patient.version);
                Ok(Guard { stream, version: patient.version })
            }
            PatientStatus::Inactive => Err(invalid("patientId", "patient_archived", "The patient's file is archived.")),
        }
    }

    async fn open_room(&self, facility: FacilityId, id: RoomId, fresh: bool) -> Result<Guard, AppointmentFailure> {
        let practice = self.known::<Facility>(facility, facility.0, fresh).await?;
        let practice = practice.ok_or(CommandError::NotFound)?;
        match practice.aggregate.rooms.get(&id) {
            Some(room) if !room.closed => Ok(Guard { stream: Facility::stream(facility.0), version: practice.version }),
            Some(_) => Err(invalid("roomId", "room_closed", "The room is closed, and takes no bookings.")),
            None => Err(invalid("roomId", "unknown_room", "There is no such room in the practice.")),
        }
    }
}

/// The refusal of a field.
pub(crate) fn invalid(field: &str, rule: &'static str, why: &str) -> AppointmentFailure {
    CommandError::Refused(AppointmentError::Invalid(vec![RuleBroken::new(rule, why).at(field)]))
}
