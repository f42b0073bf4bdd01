//! What clients of the HTTP interface ask in the benchmark.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::Rng;
use uuid::Uuid;

use crate::calendar::Calendar;
use crate::http::Target;
use crate::load::Build;
use crate::people::Person;
use crate::pgbench::Script;
use crate::{logins, slots};

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// POST of a new patient: holds their number and identity.
    Register,
    /// PUT of a patient with another telephone number.
    Contact,
    /// POST of an appointment, at a time that is free: holds that of the practitioner and of the patient.
    Booking,
    /// GET of one patient.
    Get,
    /// GET of a page of patients.
    List,
    /// GET of a search by the beginnings of two names.
    Search,
    /// GET of something that costs nothing: the ceiling of load generator and server.
    Live,
    /// GET of the first free slots of a month.
    SlotsFirst,
    /// GET of all free slots of a month.
    SlotsAll,
    /// POST of the address and password of one of those whom [`logins::hire`] registered.
    Login,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Register,
        Self::Contact,
        Self::Booking,
        Self::Get,
        Self::List,
        Self::Search,
        Self::Live,
        Self::SlotsFirst,
        Self::SlotsAll,
        Self::Login,
    ];

    /// As figures name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Contact => "contact",
            Self::Booking => "booking",
            Self::Get => "get",
            Self::List => "list",
            Self::Search => "search",
            Self::Live => "live",
            Self::SlotsFirst => "slots_first",
            Self::SlotsAll => "slots_all",
            Self::Login => "login",
        }
    }

    /// What is asked, for people to read.
    pub const fn request(self) -> &'static str {
        match self {
            Self::Register => "POST patients",
            Self::Contact => "PUT patients/{id}",
            Self::Booking => "POST appointments",
            Self::Get => "GET patients/{id}",
            Self::List => "GET patients?page=",
            Self::Search => "GET patients?search=, two words",
            Self::Live => "GET health/live",
            Self::SlotsFirst => "GET appointments/slots, first 50",
            Self::SlotsAll => "GET appointments/slots, all",
            Self::Login => "POST auth/login",
        }
    }

    /// Whether it changes what others read.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Register | Self::Contact | Self::Booking)
    }

    /// The status of a good answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::Register | Self::Booking => 201,
            Self::Contact
            | Self::Get
            | Self::List
            | Self::Search
            | Self::Live
            | Self::SlotsFirst
            | Self::SlotsAll
            | Self::Login => 200,
        }
    }

    /// What PostgreSQL does of the same rows.
    pub const fn baseline(self) -> Option<Script> {
        match self {
            Self::Register => Some(Script::Registration),
            Self::Contact => Some(Script::PatientEvent),
            Self::Booking => Some(Script::Appointment),
            Self::Get | Self::List | Self::Search | Self::Live | Self::SlotsFirst | Self::SlotsAll | Self::Login => {
                None
            }
        }
    }
}

/// The practice that requests are about.
pub struct Practice {
    pub target: Target,
    /// Its first patients: number *n* is [`Person::of`] *n*.
    pub patients: Vec<Uuid>,
    /// Where appointments are booked.
    pub calendar: Calendar,
    next: AtomicU64,
}

impl Practice {
    /// A practice with these patients and this calendar.
    pub fn new(target: Target, patients: Vec<Uuid>, calendar: Calendar) -> Self {
        let next = AtomicU64::new(patients.len() as u64);
        Self { target, patients, calendar, next }
    }

    /// Makes requests of one kind for so many connections, which never change the same patient.
    pub fn requests(self: &Arc<Self>, operation: Operation, connections: usize) -> Build {
        let practice = Arc::clone(self);
        Arc::new(move |connection| practice.request(operation, connection, connections))
    }

    /// What a hundred users do: mostly read, sometimes change, now and then register somebody.
    pub fn mixed(self: &Arc<Self>, connections: usize) -> Build {
        let practice = Arc::clone(self);
        Arc::new(move |connection| {
            let operation = match rand::rng().random_range(0..100) {
                0..40 => Operation::Get,
                40..60 => Operation::List,
                60..80 => Operation::Search,
                80..95 => Operation::Contact,
                _ => Operation::Register,
            };
            practice.request(operation, connection, connections)
        })
    }

    fn request(&self, operation: Operation, connection: usize, connections: usize) -> Vec<u8> {
        let target = &self.target;
        match operation {
            Operation::Register => {
                let person = Person::of(self.next.fetch_add(1, Ordering::Relaxed));
                target.request("POST", "/patients", Some(&person.request(rand::random())))
            }
            Operation::Contact => {
                let own = self.patients.len() / connections;
                let number = rand::rng().random_range(0..own) * connections + connection;
                let body = Person::of(number as u64).request(rand::random());
                target.request("PUT", &format!("/patients/{}", self.patients[number]), Some(&body))
            }
            Operation::Booking => target.request("POST", "/appointments", Some(&self.calendar.request(&self.patients))),
            Operation::Get => target.request("GET", &format!("/patients/{}", self.somebody().0), None),
            Operation::List => {
                let page = rand::rng().random_range(1..=self.patients.len() / 50);
                target.request("GET", &format!("/patients?page={page}"), None)
            }
            Operation::Search => target.request("GET", &format!("/patients?search={}", self.two_words()), None),
            Operation::Live => target.request("GET", "/health/live", None),
            Operation::SlotsFirst => target.request("GET", &self.slots(slots::FIRST), None),
            Operation::SlotsAll => target.request("GET", &self.slots(slots::ALL), None),
            Operation::Login => logins::of_staff(target, connection),
        }
    }

    fn slots(&self, limit: u64) -> String {
        self.calendar.slots(slots::PRACTITIONERS, slots::DAYS, limit)
    }

    fn somebody(&self) -> (Uuid, Person) {
        let number = rand::rng().random_range(0..self.patients.len());
        (self.patients[number], Person::of(number as u64))
    }

    /// A family name as somebody types it.
    pub fn one_word(&self) -> String {
        percent_encoded(&self.somebody().1.last_name)
    }

    /// A family name and the beginning of a first name.
    pub fn two_words(&self) -> String {
        let person = self.somebody().1;
        let beginning: String = person.first_name.chars().take(3).collect();
        format!("{}%20{}", percent_encoded(&person.last_name), percent_encoded(&beginning))
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
