//! Appointments on a real log, by several servers at once: nobody is booked twice, whatever happens.

mod calendar;
mod expiry;
mod histories;
mod leave;
mod model;
mod overlap;
mod series;
mod slot;

use std::sync::Arc;

use commands::{CommandContext, CommandError, Commands, Registration};
use domain::appointment::{
    AppointmentCommand, AppointmentError, AppointmentPriority, AppointmentType, Conflict, Details, Slot, Terms, Texts,
};
use domain::availability::{AvailabilityCommand, BookingRules, DayHours};
use domain::facility::FacilityCommand;
use domain::ids::{AppointmentId, FacilityId, PatientId, RoomId, UserId};
use domain::patient::{Contact, Coverage, Identity, PatientDetails};
use domain::role::Role;
use domain::scheduling::{Interval, TimeOfDay, TimeSlot};
use domain::user::{Profession, Profile, UserDetails};
use domain::values::{BirthDate, EmailAddress, FirstName, Gender, Label, LastName, Reason, Rpps, TextValue};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use system_tests::house::{House, open_practice};
use system_tests::practice::letters;
use uuid::Uuid;

/// A practice in Brest on two servers, and a doctor who is there every day from 8 to 20.
struct Practice {
    house: Arc<House>,
    servers: [Commands; 2],
    facility: FacilityId,
    doctor: UserId,
}

impl Practice {
    async fn new() -> Self {
        let house = Arc::new(House::new().await);
        let servers = [house.open_commands().await, house.open_commands().await];
        let facility = open_practice(&servers[0]).await;
        let nobody = UserId(Uuid::nil());
        let mut practice = Self { house, servers, facility, doctor: nobody };
        practice.doctor = practice.doctor().await;
        practice
    }

    fn context(&self) -> CommandContext {
        CommandContext::system(self.facility)
    }

    /// One more doctor with the same hours.
    async fn doctor(&self) -> UserId {
        let id = UserId(Uuid::now_v7());
        let profile = Profile {
            last_name: LastName::parse("Kerjean").expect("a value"),
            first_name: FirstName::parse("Ana").expect("a value"),
            email: EmailAddress::parse(&format!("u{id}@exemple.fr")).expect("a value"),
            phone: None,
        };
        let rpps_number = Some(Rpps::parse("10002909371").expect("a value"));
        let details = UserDetails { profile, profession: Profession { rpps_number, ..Profession::default() } };
        self.servers[0].register_user(id, Role::Doctor, &details, &self.context()).await.expect("registered");
        let time_slots = vec![TimeSlot { start: time(8), end: time(20) }];
        let day = |day_of_week| DayHours { day_of_week, time_slots: time_slots.clone() };
        let hours = Weekday::Monday.cycle_forward().take(7).map(day).collect();
        self.plan(id, AvailabilityCommand::SetWeeklyHours { hours, valid_from: None }).await;
        id
    }

    async fn plan(&self, doctor: UserId, command: AvailabilityCommand) {
        self.servers[0].change_availability(doctor, &command, &self.context()).await.expect("it is allowed");
    }

    async fn allow_overlaps(&self) {
        let rules = BookingRules { overlap_allowed: true, ..BookingRules::default() };
        self.plan(self.doctor, AvailabilityCommand::SetBookingRules { rules }).await;
    }

    async fn patient(&self, number: usize) -> PatientId {
        let identity = Identity {
            last_name: LastName::parse("Le Goff").expect("a value"),
            first_name: FirstName::parse(&letters(number)).expect("a value"),
            birth_date: BirthDate::parse("1984-02-29").expect("a value"),
            gender: Gender::Female,
            nationality: None,
            id_number: None,
            ins: None,
        };
        let details = PatientDetails { identity, contact: Contact::default(), coverage: Coverage::default() };
        let registration = Registration { details, confirm_distinct: false, reason: None };
        let registered = self.servers[0].register_patient(&registration, &self.context()).await.expect("registered");
        PatientId(registered.id)
    }

    /// One more room.
    async fn room(&self) -> RoomId {
        let room_id = RoomId(Uuid::now_v7());
        let name = Label::parse(&format!("Salle {room_id}")).expect("a value");
        let add = FacilityCommand::AddRoom { room_id, name };
        self.servers[0].change_facility(&add, &self.context()).await.expect("it is allowed");
        room_id
    }

    async fn patients(&self, count: usize) -> Vec<PatientId> {
        let mut patients = Vec::with_capacity(count);
        for number in 0..count {
            patients.push(self.patient(number).await);
        }
        patients
    }

    /// The doctor's time on a day from one minute after midnight until another.
    fn slot(&self, day: Date, from: i64, until: i64) -> Slot {
        let during = minutes(day, from, until);
        Slot { practitioner_id: self.doctor, room_id: None, during, additional_slots: Vec::new() }
    }

    /// What the first server says to a command on an appointment.
    async fn ask(&self, id: AppointmentId, command: &AppointmentCommand) -> Result<(), AppointmentError> {
        said(self.servers[0].change_appointment(id, command, &self.context()).await)
    }

    async fn book(&self, patient: PatientId, slot: Slot) -> AppointmentId {
        let id = new_id();
        self.ask(id, &book(patient, slot)).await.expect("it is free");
        id
    }
}

fn said<T>(outcome: Result<T, CommandError<AppointmentError>>) -> Result<(), AppointmentError> {
    match outcome {
        Ok(_) => Ok(()),
        Err(CommandError::Refused(refusal)) => Err(refusal),
        Err(error) => panic!("{error}"),
    }
}

fn conflicts(outcome: Result<(), AppointmentError>) -> Vec<Conflict> {
    let Err(AppointmentError::Conflicts(conflicts)) = outcome else { panic!("no conflict: {outcome:?}") };
    conflicts
}

fn new_id() -> AppointmentId {
    AppointmentId(Uuid::now_v7())
}

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").expect("a zone")
}

/// In a week: the practice's clock is a real one.
fn next_week() -> Date {
    Timestamp::now().to_zoned(paris()).date().checked_add(7.days()).expect("a day")
}

fn time(hour: u8) -> TimeOfDay {
    TimeOfDay::new(hour, 0).expect("a time of day")
}

fn minutes(day: Date, from: i64, until: i64) -> Interval {
    let at = |minute: i64| {
        let shown = day.at(0, 0, 0, 0).checked_add(minute.minutes()).expect("a time");
        paris().to_timestamp(shown).expect("an instant")
    };
    Interval { from: at(from), until: at(until) }
}

fn details() -> Details {
    let texts = Texts::default();
    Details { kind: AppointmentType::Consultation, priority: AppointmentPriority::Normal, texts }
}

fn reason() -> Option<Reason> {
    Some(Reason::parse("Demande du médecin").expect("a reason"))
}

fn book_on(patient_id: PatientId, slot: Slot, terms: Terms) -> AppointmentCommand {
    AppointmentCommand::BookAppointment { patient_id, slot, details: details(), occurrence: None, link_id: None, terms }
}

fn book(patient_id: PatientId, slot: Slot) -> AppointmentCommand {
    book_on(patient_id, slot, Terms::default())
}
