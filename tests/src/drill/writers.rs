//! The writers of a drill. Each has patients of its own, so it knows what they must be. It repeats a request until it knows
//! what became of it. A POST has an idempotency key, a PUT or DELETE the version that it changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::RwLock;
use uuid::Uuid;

use super::Plan;
use super::asker::{Asker, GivenUp, Outcome, PERSISTENCE};
use super::notes::{Noted, Notes};
use crate::fleet::Fleet;
use crate::practice::{letters, patient};
use crate::server::{Answer, Client};

/// Registering more would make the drill one of registrations.
const PATIENTS: usize = 40;

/// One writer.
pub(super) struct Writer {
    number: usize,
    asker: Asker,
    thinking: Duration,
    patients: Vec<File>,
    asked: u32,
}

/// What a writer knows of a patient.
#[derive(Clone)]
struct File {
    id: Uuid,
    names: (String, String),
    version: u64,
    archived: bool,
}

impl Writer {
    pub(super) fn new(number: usize, plan: &Plan, fleet: &Arc<Fleet>, client: &Client, notes: &Arc<Notes>) -> Self {
        Self {
            number,
            asker: Asker::new(format!("writer {number}"), number, plan, fleet, client, notes),
            thinking: plan.thinking,
            patients: Vec::new(),
            asked: 0,
        }
    }

    /// Writes until it is stopped.
    pub(super) async fn work(mut self, calm: Arc<RwLock<()>>) {
        loop {
            tokio::time::sleep(self.asker.rng.random_range(Duration::ZERO..self.thinking)).await;
            let _at_work = calm.read().await;
            if self.write().await.is_err() {
                return;
            }
        }
    }

    async fn write(&mut self) -> Result<(), GivenUp> {
        self.asked += 1;
        let registers = self.patients.is_empty() || (self.patients.len() < PATIENTS && self.asker.rng.random_bool(0.2));
        if registers {
            return self.register().await;
        }
        let chosen = self.asker.rng.random_range(0..self.patients.len());
        let mut file = self.patients[chosen].clone();
        if file.archived {
            self.restore(&mut file).await?;
        } else if self.asker.rng.random_bool(0.2) {
            self.archive(&mut file).await?;
        } else {
            self.revise(&mut file).await?;
        }
        self.patients[chosen] = file;
        Ok(())
    }

    fn key(&self, what: &str) -> String {
        format!("{what}-{}-{}", self.number, self.asked)
    }

    async fn register(&mut self) -> Result<(), GivenUp> {
        let names = (format!("Essai {}", letters(self.number)), letters(self.asked as usize));
        let (key, body) = (self.key("register"), patient(&names.0, &names.1));
        let request =
            |client: &Client| client.request(Method::POST, "/patients").header("Idempotency-Key", &key).json(&body);
        let Outcome { answer, .. } = self.asker.insist("a registration", request).await?;
        let id = answer.body["id"].as_str().and_then(|id| id.parse().ok());
        let (201, Some(id)) = (answer.status, id) else { return Err(self.asker.refused("a registration", &answer)) };
        let mut file = File { id, names, version: 0, archived: false };
        self.acknowledged(&mut file, &answer, "PatientRegistered")?;
        self.repeat(&answer, "a registration", request).await?;
        self.patients.push(file);
        Ok(())
    }

    async fn revise(&mut self, file: &mut File) -> Result<(), GivenUp> {
        let phone = format!("06{:08}", self.asker.rng.random_range(0..100_000_000));
        let mut body = patient(&file.names.0, &file.names.1);
        body["contact"] = json!({"phone": phone});
        let (path, tag) = (format!("/patients/{}", file.id), format!("\"{}\"", file.version));
        let request = |client: &Client| client.request(Method::PUT, &path).header("If-Match", &tag).json(&body);
        let outcome = self.asker.insist("a revision", request).await?;
        let done =
            |patient: &Value| patient["contact"]["phone"].as_str().is_some_and(|found| found.ends_with(&phone[1..]));
        self.settle("a revision", file, &outcome, "PatientContactChanged", done).await
    }

    async fn archive(&mut self, file: &mut File) -> Result<(), GivenUp> {
        let (path, tag) = (format!("/patients/{}", file.id), format!("\"{}\"", file.version));
        let request = |client: &Client| client.request(Method::DELETE, &path).header("If-Match", &tag);
        let outcome = self.asker.insist("an archiving", request).await?;
        let done = |patient: &Value| patient["status"] == "inactive";
        self.settle("an archiving", file, &outcome, "PatientArchived", done).await?;
        file.archived = true;
        Ok(())
    }

    async fn restore(&mut self, file: &mut File) -> Result<(), GivenUp> {
        let (path, tag) = (format!("/patients/{}/restore", file.id), format!("\"{}\"", file.version));
        let key = self.key("restore");
        let request = |client: &Client| {
            client.request(Method::POST, &path).header("Idempotency-Key", &key).header("If-Match", &tag)
        };
        let Outcome { answer, .. } = self.asker.insist("a restoration", request).await?;
        if answer.status != 200 {
            return Err(self.asker.refused("a restoration", &answer));
        }
        self.acknowledged(file, &answer, "PatientRestored")?;
        self.repeat(&answer, "a restoration", request).await?;
        file.archived = false;
        Ok(())
    }

    /// Of a request without a key: its answer, or that the version it was to make is the one that it would have made.
    async fn settle(
        &mut self,
        what: &str,
        file: &mut File,
        Outcome { answer, uncertain }: &Outcome,
        event_type: &'static str,
        done: impl Fn(&Value) -> bool,
    ) -> Result<(), GivenUp> {
        if answer.status == 200 {
            return self.acknowledged(file, answer, event_type);
        }
        if answer.status != 412 || !uncertain {
            return Err(self.asker.refused(what, answer));
        }
        // An earlier try got through, and its answer did not. The read models may still be catching up.
        let path = format!("/patients/{}", file.id);
        let deadline = Instant::now() + PERSISTENCE;
        loop {
            let Outcome { answer, .. } =
                self.asker.insist("a look", |client: &Client| client.request(Method::GET, &path)).await?;
            let version = answer.body["version"].as_u64().unwrap_or_default();
            if version == file.version + 1 && done(&answer.body) {
                file.version = version;
                self.asker.notes.change(file.id, Noted { event_type, position: None });
                return Ok(());
            }
            if version > file.version || answer.status != 200 || Instant::now() > deadline {
                return Err(self.asker.refused(&format!("{what} at version {}", file.version), &answer));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn acknowledged(&self, file: &mut File, answer: &Answer, event_type: &'static str) -> Result<(), GivenUp> {
        file.version += 1;
        let tag = format!("\"{}\"", file.version);
        let position = answer.header("event-position").and_then(|position| position.parse().ok());
        if answer.header("etag") != Some(&tag) || position.is_none() {
            return Err(self.asker.refused(&format!("{event_type} at version {tag}"), answer));
        }
        self.asker.notes.change(file.id, Noted { event_type, position });
        Ok(())
    }

    /// Sends the same request again, at times: it must get the same answer and change nothing.
    async fn repeat(
        &mut self,
        first: &Answer,
        what: &str,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<(), GivenUp> {
        if self.asker.rng.random_bool(0.1) {
            let Outcome { answer, .. } = self.asker.insist(what, request).await?;
            if (answer.status, &answer.body) != (first.status, &first.body) {
                return Err(self.asker.refused(&format!("{what}, repeated,"), &answer));
            }
        }
        Ok(())
    }
}
