//! When practitioners can be booked: through the HTTP interface of a real server, and in [`log`] on the log below.

mod calendar_feed;
mod hours;
mod leave;
mod log;
mod rooms;
mod slots;

use commands::{CommandContext, Commands};
use domain::appointment::{AppointmentCommand, AppointmentPriority, AppointmentType, Details, Slot, Terms, Texts};
use domain::ids::{AppointmentId, PatientId, UserId};
use domain::role::Role;
use domain::scheduling::Interval;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use system_tests::practice::{Practice, Underneath};
use system_tests::server::{Answer, Client, Server, send};
use system_tests::staff::{Member, within_a_second};
use uuid::Uuid;

/// A practice in Brest with a doctor, and whoever makes the appointments.
struct Desk {
    practice: Practice,
    commands: Commands,
    doctor: Member,
}

impl Desk {
    async fn new() -> Self {
        let practice = Practice::new().await;
        let doctor = Member::hire(practice.client(Role::Admin), Role::Doctor, "Kerjean").await;
        let commands = Commands::new(Underneath::of(Server::shared()).open_log().await);
        Self { practice, commands, doctor }
    }

    /// With a doctor who is there from 8 to 12 and from 14 to 18 on every day but Sunday.
    async fn open() -> Self {
        let desk = Self::new().await;
        desk.secretary()
            .put(&desk.path(), &json!({"hours": week_of(&[("08:00", "12:00"), ("14:00", "18:00")])}))
            .await
            .expect(200);
        desk
    }

    fn secretary(&self) -> &Client {
        self.practice.secretary()
    }

    fn path(&self) -> String {
        format!("/availability/{}", self.doctor.id())
    }

    fn leave(&self) -> String {
        format!("{}/leave", self.path())
    }

    fn extra_hours(&self) -> String {
        format!("{}/extra-hours", self.path())
    }

    /// An appointment of a new patient with the doctor, for half an hour from this minute of the day on.
    async fn book(&self, name: &str, day: Date, hour: i8, minute: i8) -> AppointmentId {
        let patient = self.practice.register("Le Goff", name).await;
        let patient = PatientId(patient["id"].as_str().unwrap().parse().unwrap());
        let from = brest().to_timestamp(day.at(hour, minute, 0, 0)).unwrap();
        let during = Interval { from, until: from + SignedDuration::from_mins(30) };
        let practitioner_id = UserId(self.doctor.id().parse().unwrap());
        let slot = Slot { practitioner_id, room_id: None, during, additional_slots: Vec::new() };
        let (kind, priority) = (AppointmentType::Consultation, AppointmentPriority::Normal);
        let details = Details { kind, priority, texts: Texts::default() };
        let terms = Terms::default();
        let book = AppointmentCommand::BookAppointment {
            patient_id: patient,
            slot,
            details,
            occurrence: None,
            link_id: None,
            terms,
        };
        let id = AppointmentId(Uuid::now_v7());
        self.commands.change_appointment(id, &book, &self.context()).await.expect("it is free");
        // It was booked beside the server, whose lists show it a moment later.
        within_a_second(self.secretary(), &format!("/appointments/{}", id.0), |answer| answer.status == 200).await;
        id
    }

    fn context(&self) -> CommandContext {
        CommandContext::system(self.practice.facility_id)
    }
}

fn brest() -> TimeZone {
    TimeZone::get("Europe/Paris").unwrap()
}

fn today() -> Date {
    brest().to_datetime(Timestamp::now()).date()
}

/// The Monday after next: whenever the test runs, what holds from today on holds then.
fn monday() -> Date {
    today().nth_weekday(2, Weekday::Monday).unwrap()
}

/// The next day on which the clocks are put forward: that night, they never show 02:30.
fn short_day() -> Date {
    let zone = brest();
    let forward = |at: Timestamp| zone.to_offset(at) > zone.to_offset(at - SignedDuration::from_mins(1));
    let jump = zone.following(Timestamp::now()).find(|change| forward(change.timestamp())).unwrap();
    zone.to_datetime(jump.timestamp()).date()
}

/// The same parts of every day but Sunday.
fn week_of(parts: &[(&str, &str)]) -> Value {
    (1..=6).map(|day| day_of(day, parts)).collect()
}

fn day_of(day: u8, parts: &[(&str, &str)]) -> Value {
    let parts: Value = parts.iter().map(|(start, end)| json!({"start": start, "end": end})).collect();
    json!({"dayOfWeek": day, "timeSlots": parts})
}

fn with_header(client: &Client, method: Method, path: &str, name: &str, value: &str) -> RequestBuilder {
    client.request(method, path).header(name, value)
}

async fn put_if(client: &Client, path: &str, version: &str, body: &Value) -> Answer {
    send(with_header(client, Method::PUT, path, "If-Match", version).json(body)).await
}

async fn post_once(client: &Client, path: &str, key: &str, body: &Value) -> Answer {
    send(with_header(client, Method::POST, path, "Idempotency-Key", key).json(body)).await
}
