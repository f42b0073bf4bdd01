//! The calendar of a practice in the benchmark: practitioners who are there from 8 to 20, and times that no booking has yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use commands::{CommandContext, Commands};
use domain::appointment::{AppointmentCommand, AppointmentPriority, AppointmentType, Details, Slot, Terms, Texts};
use domain::availability::{AvailabilityCommand, DayHours};
use domain::ids::{AppointmentId, FacilityId, PatientId, UserId};
use domain::role::Role;
use domain::scheduling::{Interval, TimeOfDay, TimeSlot};
use domain::user::{Profession, Profile, UserDetails};
use domain::values::{EmailAddress, FirstName, LastName, Rpps, TextValue};
use futures_util::{StreamExt, stream};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::servers::House;

/// When everybody is there, in hours of the practice's clock.
const OPEN: (u8, u8) = (8, 20);
const MINUTES: u64 = 30;
pub const SLOTS_A_DAY: u64 = (OPEN.1 - OPEN.0) as u64 * 60 / MINUTES;
/// How many patients are booked, in turn: who comes to a practice has mostly been there before.
const REGULARS: u64 = 2_000;
/// How many bookings are under way at once while a calendar is filled.
const AT_ONCE: usize = 64;

/// The practitioners of a practice, and how much of their time is given away.
pub struct Calendar {
    pub practitioners: Vec<UserId>,
    first_day: Date,
    next: AtomicU64,
}

/// Half an hour of somebody that nobody else asks for.
struct Visit {
    practitioner: UserId,
    patient: Uuid,
    day: Date,
    minute: i64,
}

impl Calendar {
    /// So many practitioners of a house, who are booked from tomorrow on.
    pub async fn open(house: &House, practitioners: usize) -> Self {
        let commands = Commands::new(house.log.clone());
        let mut hired = Vec::with_capacity(practitioners);
        for _ in 0..practitioners {
            hired.push(hire(&commands, house.facility).await);
        }
        let paris = TimeZone::get("Europe/Paris").expect("a zone");
        let first_day = Timestamp::now().to_zoned(paris).date().tomorrow().expect("a day");
        Self { practitioners: hired, first_day, next: AtomicU64::new(0) }
    }

    /// Of a practice in which nobody is booked.
    pub fn none() -> Self {
        Self { practitioners: Vec::new(), first_day: Date::MIN, next: AtomicU64::new(0) }
    }

    /// The path of so many free slots of the first practitioners, from the first day on which anybody is booked.
    pub fn slots(&self, practitioners: usize, days: u64, limit: u64) -> String {
        let days = i64::try_from(days).expect("not that many");
        let (first, last) = (self.first_day, self.first_day.saturating_add((days - 1).days()));
        let whose: Vec<_> = self.practitioners.iter().take(practitioners).map(ToString::to_string).collect();
        format!("/appointments/slots?practitionerId={}&from={first}&until={last}&limit={limit}", whose.join(","))
    }

    /// The next time that is free.
    fn next(&self, patients: &[Uuid]) -> Visit {
        self.visit(self.next.fetch_add(1, Ordering::Relaxed), patients)
    }

    /// Times by number: of all practitioners in turn, day after day. No patient is in two places at once.
    fn visit(&self, number: u64, patients: &[Uuid]) -> Visit {
        let turn = number / self.practitioners.len() as u64;
        let days = i64::try_from(turn / SLOTS_A_DAY).expect("not that many");
        Visit {
            practitioner: self.practitioners[(number % self.practitioners.len() as u64) as usize],
            patient: patients[(number % (patients.len() as u64).min(REGULARS)) as usize],
            day: self.first_day.checked_add(days.days()).expect("a day"),
            minute: i64::from(OPEN.0) * 60 + i64::try_from(turn % SLOTS_A_DAY * MINUTES).expect("minutes of a day"),
        }
    }

    /// A booking as a client asks for it.
    pub fn request(&self, patients: &[Uuid]) -> Value {
        let Visit { practitioner, patient, day, minute } = self.next(patients);
        json!({"practitionerId": practitioner, "patientId": patient, "date": day, "duration": MINUTES,
            "startTime": format!("{:02}:{:02}", minute / 60, minute % 60), "type": "consultation", "priority": "normal"})
    }

    /// The same as a command.
    pub fn command(&self, patients: &[Uuid]) -> AppointmentCommand {
        self.next(patients).command()
    }

    /// Books so many of these patients, without HTTP, spread over the first so many times.
    pub async fn fill(&self, house: &House, patients: &[Uuid], bookings: u64, times: u64) {
        self.next.store(times, Ordering::Relaxed);
        let commands = Arc::new(Commands::new(house.log.clone()));
        let booked = stream::iter(0..bookings).map(|number| {
            let (commands, command) =
                (Arc::clone(&commands), self.visit(number * times / bookings, patients).command());
            let context = CommandContext::system(house.facility);
            async move {
                let id = AppointmentId(Uuid::now_v7());
                commands.change_appointment(id, &command, &context).await.expect("the time is free");
            }
        });
        booked.buffer_unordered(AT_ONCE).collect::<()>().await;
    }
}

impl Visit {
    fn command(&self) -> AppointmentCommand {
        let paris = TimeZone::get("Europe/Paris").expect("a zone");
        let at = |minute: i64| {
            let shown = self.day.at(0, 0, 0, 0).checked_add(minute.minutes()).expect("a time");
            paris.to_timestamp(shown).expect("an instant")
        };
        let during = Interval { from: at(self.minute), until: at(self.minute + MINUTES as i64) };
        let (kind, priority) = (AppointmentType::Consultation, AppointmentPriority::Normal);
        AppointmentCommand::BookAppointment {
            patient_id: PatientId(self.patient),
            slot: Slot { practitioner_id: self.practitioner, room_id: None, during, additional_slots: Vec::new() },
            details: Details { kind, priority, texts: Texts::default() },
            occurrence: None,
            link_id: None,
            terms: Terms::default(),
        }
    }
}

/// One more doctor, who is there every day.
async fn hire(commands: &Commands, facility: FacilityId) -> UserId {
    let (id, context) = (UserId(Uuid::now_v7()), CommandContext::system(facility));
    let profile = Profile {
        last_name: LastName::parse("Kerjean").expect("a value"),
        first_name: FirstName::parse("Ana").expect("a value"),
        email: EmailAddress::parse(&format!("u{id}@exemple.fr")).expect("a value"),
        phone: None,
    };
    let rpps_number = Some(Rpps::parse("10002909371").expect("a value"));
    let details = UserDetails { profile, profession: Profession { rpps_number, ..Profession::default() } };
    commands.register_user(id, Role::Doctor, &details, &context).await.expect("registered");
    let hour = |hour| TimeOfDay::new(hour, 0).expect("a time of day");
    let time_slots = vec![TimeSlot { start: hour(OPEN.0), end: hour(OPEN.1) }];
    let day = |day_of_week| DayHours { day_of_week, time_slots: time_slots.clone() };
    let hours = Weekday::Monday.cycle_forward().take(7).map(day).collect();
    let command = AvailabilityCommand::SetWeeklyHours { hours, valid_from: None };
    commands.change_availability(id, &command, &context).await.expect("it is allowed");
    id
}
