//! The clerks of a drill. They book, move and cancel at the same few hours, so that they meet. They repeat a request until
//! they know what became of it. `tests/appointments/fleet` judges refusals. Here, what a clerk was promised is in the log,
//! once, and nobody is in two places.

use std::sync::Arc;
use std::time::Duration;

use jiff::ToSpan;
use rand::Rng;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::RwLock;
use uuid::Uuid;

use super::Plan;
use super::asker::{Asker, GivenUp, Outcome};
use super::notes::Notes;
use crate::agenda::{Agenda, in_a_week};
use crate::fleet::Fleet;
use crate::server::{Answer, Client};

/// Half hours of a day at which anybody is booked.
const TIMES: i64 = 24;
/// How many days the clerks fill.
const DAYS: i64 = 2;

/// Who can be booked: made before the drill begins.
pub(super) struct Book {
    doctors: Vec<String>,
    patients: Vec<String>,
}

impl Book {
    /// Of this practice.
    pub(super) async fn of(agenda: &Agenda, notes: &Notes) -> Arc<Self> {
        let doctors = vec![agenda.doctor.clone(), agenda.another_doctor("Petit").await];
        let mut patients = vec![agenda.patient.clone()];
        for number in 0..7 {
            patients.push(agenda.another_patient(number).await);
        }
        for patient in &patients {
            notes.registered(patient.parse().expect("an id"));
        }
        Arc::new(Self { doctors, patients })
    }
}

/// One clerk, with appointments of their own among those of all.
pub(super) struct Clerk {
    number: usize,
    asker: Asker,
    thinking: Duration,
    book: Arc<Book>,
    /// What they booked and have not called off, with its version.
    appointments: Vec<(Uuid, u64)>,
    asked: u32,
}

impl Clerk {
    pub(super) fn new(
        number: usize,
        plan: &Plan,
        fleet: &Arc<Fleet>,
        client: &Client,
        book: &Arc<Book>,
        notes: &Arc<Notes>,
    ) -> Self {
        let asker = Asker::new(format!("clerk {number}"), plan.writers + number, plan, fleet, client, notes);
        let (book, thinking) = (Arc::clone(book), plan.thinking);
        Self { number, asker, thinking, book, appointments: Vec::new(), asked: 0 }
    }

    /// Works until stopped.
    pub(super) async fn work(mut self, calm: Arc<RwLock<()>>) {
        loop {
            tokio::time::sleep(self.asker.rng.random_range(Duration::ZERO..self.thinking)).await;
            let _at_work = calm.read().await;
            self.asked += 1;
            let own = self.appointments.len();
            let done = match self.asker.rng.random_range(0..10) {
                5..8 if own > 0 => self.move_one().await,
                8..10 if own > 0 => self.call_off().await,
                _ => self.book_one().await,
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn times(&mut self) -> Value {
        let rng = &mut self.asker.rng;
        let doctor = rng.random_range(0..self.book.doctors.len());
        let (day, half_hour) = (rng.random_range(0..DAYS), rng.random_range(0..TIMES));
        json!({
            "practitionerId": self.book.doctors[doctor], "date": in_a_week().saturating_add(day.days()),
            "startTime": format!("{:02}:{:02}", 8 + half_hour / 2, half_hour % 2 * 30), "duration": 30,
            "type": "consultation",
        })
    }

    async fn book_one(&mut self) -> Result<(), GivenUp> {
        let mut visit = self.times();
        visit["patientId"] = json!(self.book.patients[self.asker.rng.random_range(0..self.book.patients.len())]);
        let key = format!("book-{}-{}", self.number, self.asked);
        let request = |client: &Client| {
            client.request(Method::POST, "/appointments").header("Idempotency-Key", &key).json(&visit)
        };
        let Outcome { answer, .. } = self.asker.insist("a booking", request).await?;
        if answer.status == 201
            && let Some(id) = answer.body["id"].as_str().and_then(|id| id.parse().ok())
        {
            self.asker.notes.booked(id);
            self.appointments.push((id, 1));
            return Ok(());
        }
        self.met_somebody("a booking", &answer)
    }

    async fn move_one(&mut self) -> Result<(), GivenUp> {
        let place = self.asker.rng.random_range(0..self.appointments.len());
        let (id, version) = self.appointments[place];
        let (times, path, tag) = (self.times(), format!("/appointments/{id}"), format!("\"{version}\""));
        let request = |client: &Client| client.request(Method::PUT, &path).header("If-Match", &tag).json(&times);
        let Outcome { answer, uncertain } = self.asker.insist("a move", request).await?;
        match answer.status {
            200 => self.appointments[place].1 = answer.body["version"].as_u64().unwrap_or_default(),
            // An earlier try got through, and its answer did not; or it had been where it should go.
            412 if uncertain => {
                let look = |client: &Client| -> RequestBuilder { client.request(Method::GET, &path) };
                let Outcome { answer, .. } = self.asker.insist("a look", look).await?;
                self.appointments[place].1 = answer.body["version"].as_u64().unwrap_or_default().max(version + 1);
            }
            _ => return self.met_somebody("a move", &answer),
        }
        Ok(())
    }

    async fn call_off(&mut self) -> Result<(), GivenUp> {
        let place = self.asker.rng.random_range(0..self.appointments.len());
        let (id, _) = self.appointments.swap_remove(place);
        let (path, key) = (format!("/appointments/{id}/cancel"), format!("cancel-{}-{}", self.number, self.asked));
        let request =
            |client: &Client| client.request(Method::POST, &path).header("Idempotency-Key", &key).json(&json!({}));
        let Outcome { answer, .. } = self.asker.insist("a cancellation", request).await?;
        if answer.status == 200 {
            self.asker.notes.called_off(id);
            return Ok(());
        }
        Err(self.asker.refused("a cancellation", &answer))
    }

    /// A refusal that names a holder.
    fn met_somebody(&self, what: &str, answer: &Answer) -> Result<(), GivenUp> {
        let named = answer.body["conflicts"].as_array().is_some_and(|conflicts| !conflicts.is_empty());
        if answer.status == 409 && answer.body["code"] == "appointment_conflict" && named {
            return Ok(());
        }
        Err(self.asker.refused(what, answer))
    }
}
