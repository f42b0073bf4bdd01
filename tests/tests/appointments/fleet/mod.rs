//! No double booking, whatever happens: two server processes on one database, asked over HTTP by many at once. What one
//! process alone does is in [`log`](super::log), with thousands of runs; this is the same door that everybody uses.

mod histories;
mod leave;
mod slot;

use std::sync::Arc;

use serde_json::Value;
use system_tests::agenda::Agenda;
use system_tests::fleet::Fleet;
use system_tests::server::{Answer, Client};

/// A practice, and its secretary as a client of each of two servers.
struct Counter {
    agenda: Agenda,
    clients: [Client; 2],
    // Dropped last.
    _fleet: Fleet,
}

impl Counter {
    async fn open() -> Arc<Self> {
        let fleet = Fleet::start(2).await;
        let agenda = Agenda::in_fleet(&fleet).await;
        let clients = [0, 1].map(|server| agenda.secretary().of(fleet.url(server)));
        Arc::new(Self { agenda, clients, _fleet: fleet })
    }

    fn client(&self, number: usize) -> &Client {
        &self.clients[number % self.clients.len()]
    }

    /// So many patients of the practice.
    async fn patients(&self, count: usize) -> Vec<String> {
        let mut patients = Vec::with_capacity(count);
        for number in 0..count {
            patients.push(self.agenda.another_patient(number).await);
        }
        patients
    }
}

/// The conflicts of a refusal, of which there is at least one.
fn conflicts(refused: &Answer) -> &[Value] {
    let conflicts = refused.body["conflicts"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(!conflicts.is_empty(), "refused for nothing: {}", refused.text);
    conflicts
}
