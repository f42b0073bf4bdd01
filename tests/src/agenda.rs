//! A practice of a test's own in which there is something to book: a doctor who is there every day, and a patient.

use commands::{CommandContext, Commands};
use domain::availability::{AvailabilityCommand, BookingRules, DayHours};
use domain::ids::UserId;
use domain::role::Role;
use domain::scheduling::{TimeOfDay, TimeSlot};
use event_store_schema::EventLog;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::practice::{Practice, Underneath, letters};
use crate::server::{Answer, Client, Server, send};
use crate::staff::Member;

/// A practice in Paris whose doctor sees patients every day from 8 to 20.
pub struct Agenda {
    /// The practice.
    pub practice: Practice,
    /// The doctor's id.
    pub doctor: String,
    /// The id of a patient.
    pub patient: String,
    commands: Commands,
}

impl Agenda {
    /// In the shared server.
    pub async fn new() -> Self {
        Self::in_server(Server::shared()).await
    }

    /// In this server.
    pub async fn in_server(server: &Server) -> Self {
        Self::open(Practice::in_server(server).await, Underneath::of(server).open_log().await).await
    }

    /// On these servers; its clients speak to the first.
    pub async fn in_fleet(fleet: &Fleet) -> Self {
        Self::open(fleet.open_practice().await, fleet.open_log().await).await
    }

    async fn open(practice: Practice, log: EventLog) -> Self {
        let commands = Commands::new(log);
        let patient = practice.register("Le Goff", "Zoé").await["id"].as_str().expect("an id").to_owned();
        let mut agenda = Self { practice, doctor: String::new(), patient, commands };
        agenda.doctor = agenda.another_doctor("Kerjean").await;
        agenda
    }

    /// One more doctor with the same hours.
    pub async fn another_doctor(&self, last_name: &str) -> String {
        let doctor = Member::hire(self.practice.client(Role::Admin), Role::Doctor, last_name).await;
        let eight_to_eight = TimeSlot { start: clock(8), end: clock(20) };
        let day = |day_of_week| DayHours { day_of_week, time_slots: vec![eight_to_eight] };
        let hours = Weekday::Monday.cycle_forward().take(7).map(day).collect();
        self.plan(doctor.id(), AvailabilityCommand::SetWeeklyHours { hours, valid_from: None }).await;
        doctor.id().to_owned()
    }

    /// One more patient.
    pub async fn another_patient(&self, number: usize) -> String {
        self.practice.register("Diallo", &letters(number)).await["id"].as_str().expect("an id").to_owned()
    }

    /// A change of a doctor's availability.
    pub async fn plan(&self, doctor: &str, command: AvailabilityCommand) {
        let context = CommandContext::system(self.practice.facility_id);
        let doctor = UserId(doctor.parse().expect("an id"));
        self.commands.change_availability(doctor, &command, &context).await.expect("it is allowed");
    }

    /// From now on the doctor's appointments may overlap.
    pub async fn allow_overlaps(&self) {
        let rules = BookingRules { overlap_allowed: true, ..BookingRules::default() };
        self.plan(&self.doctor, AvailabilityCommand::SetBookingRules { rules }).await;
    }

    /// The secretary's client.
    pub fn secretary(&self) -> &Client {
        self.practice.secretary()
    }

    /// A consultation of the patient with the doctor in a week, from a time until another.
    pub fn visit(&self, start: &str, end: &str) -> Value {
        json!({
            "patientId": self.patient, "practitionerId": self.doctor, "date": in_a_week(), "startTime": start,
            "endTime": end, "type": "consultation", "title": "Suivi", "reason": "Toux", "notes": "Vient avec sa fille.",
        })
    }

    /// Books what must be free.
    pub async fn book(&self, visit: &Value) -> Value {
        self.secretary().post("/appointments", visit).await.expect(201).body
    }

    /// The answer to a step in the life of an appointment.
    pub async fn step(&self, appointment: &Value, step: &str) -> Answer {
        send(self.secretary().request(Method::POST, &format!("{}/{step}", path(appointment)))).await
    }

    /// The answer to a change of an appointment that is as it was read.
    pub async fn revise(&self, appointment: &Value, revision: &Value) -> Answer {
        let tag = format!("\"{}\"", appointment["version"]);
        send(self.secretary().request(Method::PUT, &path(appointment)).header("If-Match", tag).json(revision)).await
    }
}

/// Where an appointment is.
pub fn path(appointment: &Value) -> String {
    format!("/appointments/{}", appointment["id"].as_str().expect("an id"))
}

/// A visit as it is revised: without what never changes.
pub fn revision(visit: &Value, changes: &[(&str, Value)]) -> Value {
    let mut revision = visit.clone();
    let fields = revision.as_object_mut().expect("an object");
    fields.remove("patientId");
    fields.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    revision
}

/// The same day next week, in Paris.
pub fn in_a_week() -> Date {
    today() + 7.days()
}

/// This day, in Paris.
pub fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::get("Europe/Paris").expect("a zone")).date()
}

fn clock(hour: u8) -> TimeOfDay {
    TimeOfDay::new(hour, 0).expect("a time")
}
