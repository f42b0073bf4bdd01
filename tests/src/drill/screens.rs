//! The live screens of a drill. Each notes what it is shown, and comes back with the last position that it saw.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Plan;
use super::notes::Notes;
use crate::fleet::Fleet;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// A screen to which nothing is said for so long, no ping either, looks for another server.
const SILENCE: Duration = Duration::from_secs(60);

/// One screen.
pub(super) struct Screen {
    number: usize,
    fleet: Arc<Fleet>,
    token: String,
    notes: Arc<Notes>,
    rng: StdRng,
    seen: u64,
}

impl Screen {
    pub(super) fn new(number: usize, plan: &Plan, fleet: &Arc<Fleet>, token: &str, notes: &Arc<Notes>) -> Self {
        Self {
            number,
            fleet: Arc::clone(fleet),
            token: token.to_owned(),
            notes: Arc::clone(notes),
            rng: StdRng::seed_from_u64(plan.seed.wrapping_sub(1 + number as u64)),
            seen: 0,
        }
    }

    /// Watches until it is stopped.
    pub(super) async fn watch(mut self) {
        loop {
            // However a connection ends, there is a next one.
            let _ = self.watch_one().await;
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(20..200))).await;
        }
    }

    async fn watch_one(&mut self) -> Result<(), Error> {
        let server = self.rng.random_range(0..self.fleet.len());
        let address = format!("{}/api/v1/realtime", self.fleet.url(server).replacen("http", "ws", 1));
        let Ok(connected) = tokio::time::timeout(CONNECT, connect_async(address)).await else { return Ok(()) };
        let (mut socket, _) = connected?;
        let hello = json!({"type": "authenticate", "token": self.token, "position": self.seen});
        socket.send(Message::text(hello.to_string())).await?;
        self.notes.connected();
        while let Ok(Some(message)) = tokio::time::timeout(SILENCE, socket.next()).await {
            if let Message::Text(text) = message? {
                self.read(&text);
            }
        }
        Ok(())
    }

    fn read(&mut self, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        match (message["event"].as_str(), message["position"].as_u64()) {
            (
                Some("patient_updated" | "appointment_created" | "appointment_updated" | "appointment_cancelled"),
                Some(position),
            ) => {
                if position <= self.seen {
                    let (number, seen) = (self.number, self.seen);
                    self.notes.complain(format!("screen {number} saw {seen}, and then {position}"));
                }
                self.seen = position;
                self.notes.frame(self.number, position);
            }
            // The server lost what it stands on, or is stopping; or this screen is too slow.
            (Some("ready" | "slow_consumer" | "user_connected" | "user_disconnected"), _) => {}
            (Some("error"), _) if message["data"]["code"] == "internal_error" => {}
            // What was shown cannot be traced at this moment, so nothing more is shown.
            (Some("error"), _) if message["data"]["code"] == "not_ready" => {}
            _ => self.notes.complain(format!("screen {} at {} is told: {text}", self.number, self.seen)),
        }
    }
}
