//! Reminders, from the booking to the patient's mailbox: on a real log and a real SMTP server, in this process and in real
//! servers that are killed.

mod keeping;
mod killed;
mod rows_not_understood;
mod rules;
mod sending;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use commands::{CommandContext, Commands, Registration};
use domain::appointment::{
    Appointment, AppointmentCommand, AppointmentPriority, AppointmentType, Details, Slot, Terms, Texts,
};
use domain::availability::{AvailabilityCommand, DayHours};
use domain::ids::{AppointmentId, FacilityId, PatientId, UserId};
use domain::patient::{Contact, Coverage, Identity, PatientDetails};
use domain::reminder::ReminderOutcome;
use domain::role::Role;
use domain::scheduling::{Interval, TimeOfDay, TimeSlot};
use domain::user::{Profession, Profile, UserDetails};
use domain::values::{
    BirthDate, Channel, EmailAddress, FirstName, Gender, LastName, PhoneNumber, Reason, Rpps, TextValue,
};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use policies::messaging::{DEFAULT_SMS_BODY, MailSettings, MessagingSettings, Messengers, SmsSettings};
use policies::reminders::{ReminderClock, Reminders};
use projections::reminders::Reminders as ReminderList;
use projections_engine::Projections;
use projections_engine::following::Policy;
use system_tests::house::{House, open_practice};
use system_tests::practice::letters;
use system_tests::sms::SmsGateway;
use system_tests::smtp::MailServer;
use tempfile::TempDir;
use uuid::Uuid;

/// A practice in Brest, and a doctor who is there every day.
#[derive(Clone)]
struct Practice {
    commands: Commands,
    facility: FacilityId,
    doctor: UserId,
}

impl Practice {
    async fn open(commands: Commands) -> Self {
        let facility = open_practice(&commands).await;
        let doctor = UserId(Uuid::now_v7());
        let profile = Profile {
            last_name: LastName::parse("Kerjean").expect("a value"),
            first_name: FirstName::parse("Ana").expect("a value"),
            email: EmailAddress::parse(&format!("u{doctor}@exemple.fr")).expect("a value"),
            phone: None,
        };
        let rpps_number = Some(Rpps::parse("10002909371").expect("a value"));
        let details = UserDetails { profile, profession: Profession { rpps_number, ..Profession::default() } };
        let context = CommandContext::system(facility);
        commands.register_user(doctor, Role::Doctor, &details, &context).await.expect("registered");
        let time = |hour| TimeOfDay::new(hour, 0).expect("a time of day");
        let day = |day_of_week| DayHours { day_of_week, time_slots: vec![TimeSlot { start: time(0), end: time(24) }] };
        let hours = Weekday::Monday.cycle_forward().take(7).map(day).collect();
        let hours = AvailabilityCommand::SetWeeklyHours { hours, valid_from: None };
        commands.change_availability(doctor, &hours, &context).await.expect("it is allowed");
        Self { commands, facility, doctor }
    }

    fn context(&self) -> CommandContext {
        CommandContext::system(self.facility)
    }

    /// A patient of this number, who can be reached like this.
    async fn patient(&self, number: usize, email: Option<&str>, phone: Option<&str>) -> PatientId {
        let identity = Identity {
            last_name: LastName::parse("Le Goff").expect("a value"),
            first_name: FirstName::parse(&letters(number)).expect("a value"),
            birth_date: BirthDate::parse("1984-02-29").expect("a value"),
            gender: Gender::Female,
            nationality: None,
            id_number: None,
            ins: None,
        };
        let email = email.map(|email| EmailAddress::parse(email).expect("an address"));
        let phone = phone.map(|phone| PhoneNumber::parse(phone).expect("a number"));
        let contact = Contact { email, phone, ..Contact::default() };
        let details = PatientDetails { identity, contact, coverage: Coverage::default() };
        let registration = Registration { details, confirm_distinct: false, reason: None };
        let registered = self.commands.register_patient(&registration, &self.context()).await.expect("registered");
        PatientId(registered.id)
    }

    fn slot(&self, starts: Timestamp) -> Slot {
        let during = Interval { from: starts, until: starts + 10.minutes() };
        Slot { practitioner_id: self.doctor, room_id: None, during, additional_slots: Vec::new() }
    }

    async fn book(&self, patient_id: PatientId, starts: Timestamp) -> AppointmentId {
        let id = AppointmentId(Uuid::now_v7());
        let details = Details {
            kind: AppointmentType::Consultation,
            priority: AppointmentPriority::Normal,
            texts: Texts { reason: Reason::parse("Secret médical").ok(), ..Texts::default() },
        };
        let (slot, terms) = (self.slot(starts), Terms::default());
        let book =
            AppointmentCommand::BookAppointment { patient_id, slot, details, occurrence: None, link_id: None, terms };
        self.change(id, book).await;
        id
    }

    async fn reschedule(&self, id: AppointmentId, starts: Timestamp) {
        let (slot, terms) = (self.slot(starts), Terms::default());
        self.change(id, AppointmentCommand::RescheduleAppointment { slot, terms }).await;
    }

    async fn cancel(&self, id: AppointmentId) {
        self.change(id, AppointmentCommand::CancelAppointment { reason: None }).await;
    }

    async fn change(&self, id: AppointmentId, command: AppointmentCommand) {
        self.commands.change_appointment(id, &command, &self.context()).await.expect("it is allowed");
    }

    /// What became of the reminders of when an appointment begins.
    async fn outcomes(&self, id: AppointmentId) -> Vec<(u32, ReminderOutcome)> {
        let loaded =
            self.commands.load::<Appointment>(self.facility, id.0).await.expect("the log").expect("it is there");
        loaded.aggregate.reminded.iter().map(|mark| (mark.rule.minutes_before, mark.outcome)).collect()
    }
}

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").expect("a zone")
}

/// A time so many days after the day after tomorrow, in Brest: commands go by the real clock, reminders by one that is moved.
fn time(day: i64, hour: i8, minute: i8) -> Timestamp {
    let first = Timestamp::now().to_zoned(paris()).date().checked_add(2.days()).expect("a day");
    let day: Date = first.checked_add(day.days()).expect("a day");
    day.at(hour, minute, 0, 0).to_zoned(paris()).expect("an instant").timestamp()
}

/// A clock that can be moved.
struct Clock(TempDir);

impl Clock {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("ahead")
    }

    fn set(&self, to: Timestamp) {
        // Rounded up: what is due then is due.
        let (ahead, new) = (Timestamp::now().duration_until(to).as_secs() + 1, self.0.path().join("new"));
        std::fs::write(&new, ahead.to_string()).expect("written");
        std::fs::rename(new, self.file()).expect("moved");
    }
}

/// Reminders in this process, which look at what is due when they are told to.
struct Desk {
    practice: Practice,
    house: Arc<House>,
    read_models: Projections,
    mails: MailServer,
    texts: SmsGateway,
    clock: Clock,
    reminders: Reminders,
}

impl Desk {
    async fn new() -> Self {
        let house = Arc::new(House::new().await);
        policies::reminders::migrate(&house.owner).await.expect("tables");
        projections_engine::install(&house.owner, &projections::all()).await.expect("tables");
        let commands = house.open_commands().await;
        let read_models = Projections::start(commands.log().clone(), projections::all());
        let (mails, texts) = (MailServer::start().await, SmsGateway::start().await);
        let clock = Clock::new();
        let reminders =
            Reminders::new(commands.clone(), messengers(&mails, &texts), None, ReminderClock::ahead_by(&clock.file()));
        Self { practice: Practice::open(commands).await, house, read_models, mails, texts, clock, reminders }
    }

    /// Sends what is due at an instant, as whoever leads does every second.
    async fn at(&self, now: Timestamp) {
        self.shown().await;
        self.clock.set(now);
        self.reminders.tick().await.expect("it works");
        self.shown().await;
    }

    async fn shown(&self) {
        assert!(
            self.read_models.catch_up(ReminderList::NAME, Duration::from_secs(10)).await,
            "the read model stands still"
        );
    }

    /// Whom e-mails reached so far, with the times that they tell of.
    fn reached(&self) -> Vec<(String, Vec<String>)> {
        self.mails.mails().iter().map(|mail| (mail.to.join(" "), times_in(&mail.text()))).collect()
    }
}

fn messengers(mails: &MailServer, texts: &SmsGateway) -> Messengers {
    let mail = MailSettings::read(Some(&mails.url()), Some("rdv@cabinet.example"), None).expect("the server");
    let sms = SmsSettings::read(Some(&texts.url()), None, DEFAULT_SMS_BODY).expect("the gateway");
    Messengers::new(MessagingSettings { mail, sms }).expect("settings")
}

/// The times of day in a text, as they are written in French: `9 h 30`, in a short message `9h30`.
fn times_in(text: &str) -> Vec<String> {
    // Anything may stand in a link.
    let words: Vec<&str> = text.split_whitespace().filter(|word| !word.contains("://")).collect();
    let text = words.join(" ");
    let digits = |c: char| c.is_ascii_digit();
    let places = text.match_indices('h').filter_map(|(place, _)| {
        let before = text[..place].trim_end();
        let hour: u8 = before[before.trim_end_matches(digits).len()..].parse().ok()?;
        let after = text[place + 1..].trim_start();
        let minute: String = after.chars().take_while(|c| digits(*c)).collect();
        let word_goes_on = text[place + 1..].starts_with(char::is_alphabetic);
        (!word_goes_on).then(|| format!("{hour} h {}", if minute.len() == 2 { &minute } else { "00" }))
    });
    places.collect()
}
