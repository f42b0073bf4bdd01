//! A client that repeats a request until it knows what became of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::RequestBuilder;

use super::Plan;
use super::notes::Notes;
use crate::fleet::Fleet;
use crate::server::{Answer, Client, try_send};

/// How long one answer is waited for. Longer than the server's own time-out.
const PATIENCE: Duration = Duration::from_secs(12);
/// How long a client repeats a request before it complains.
pub(super) const PERSISTENCE: Duration = Duration::from_secs(110);

/// One of them.
pub(super) struct Asker {
    /// How complaints call them.
    name: String,
    fleet: Arc<Fleet>,
    client: Client,
    pub(super) notes: Arc<Notes>,
    pub(super) rng: StdRng,
}

/// What became of a request.
pub(super) struct Outcome {
    pub(super) answer: Answer,
    /// Whether an earlier try may have done it.
    pub(super) uncertain: bool,
}

/// The client does not know any more what is so, and has complained: it gives up.
pub(super) struct GivenUp;

impl Asker {
    /// The one of this number among all who ask in a drill.
    pub(super) fn new(
        name: String,
        number: usize,
        plan: &Plan,
        fleet: &Arc<Fleet>,
        client: &Client,
        notes: &Arc<Notes>,
    ) -> Self {
        Self {
            name,
            fleet: Arc::clone(fleet),
            client: client.clone(),
            notes: Arc::clone(notes),
            rng: StdRng::seed_from_u64(plan.seed.wrapping_add(1 + number as u64)),
        }
    }

    /// Sends a request, to whichever server, until there is an answer that is not "later".
    pub(super) async fn insist(
        &mut self,
        what: &str,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<Outcome, GivenUp> {
        let deadline = Instant::now() + PERSISTENCE;
        let mut uncertain = false;
        while Instant::now() < deadline {
            let server = self.rng.random_range(0..self.fleet.len());
            let client = self.client.of(self.fleet.url(server));
            match try_send(request(&client).timeout(PATIENCE)).await {
                Ok(answer) if answer.status == 503 => {
                    if answer.header("content-type") != Some("application/problem+json") {
                        return Err(self.refused(what, &answer));
                    }
                }
                Ok(answer) => return Ok(Outcome { answer, uncertain }),
                Err(_) => {}
            }
            uncertain = true;
            self.notes.retry();
            let pause = self.rng.random_range(20..200);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.notes.complain(format!("{}: {what} has no answer within {PERSISTENCE:?}", self.name));
        Err(GivenUp)
    }

    pub(super) fn refused(&self, what: &str, answer: &Answer) -> GivenUp {
        let text: String = answer.text.chars().take(400).collect();
        let etag = answer.header("etag").unwrap_or("no ETag");
        self.notes.complain(format!("{}: {what} is answered {} ({etag}): {text}", self.name, answer.status));
        GivenUp
    }
}
