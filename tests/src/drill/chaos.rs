//! What strikes in a drill: at random moments, a process is killed, frozen or restarted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::Plan;
use super::notes::Notes;
use crate::fleet::{Door, Fleet, Frozen};

/// How long something is frozen.
const FREEZE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));
/// How long a server is frozen at times where another can take its work over.
const LONG_FREEZE: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(10));

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Kill,
    Freeze,
    Restart,
}

/// To whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Server,
    Postgres,
    Nats,
}

/// What was done to whom, and how often.
#[derive(Clone, Debug, Default)]
pub struct Faults(BTreeMap<(Victim, Deed), u32>);

impl Faults {
    /// All of them.
    pub fn count(&self) -> u32 {
        self.0.values().sum()
    }

    /// Those that ended a process with SIGKILL.
    pub fn kills(&self) -> u32 {
        self.0.iter().filter(|((_, deed), _)| *deed == Deed::Kill).map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, ((victim, deed), count)) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{deed:?} {victim:?} {count}")?;
        }
        Ok(())
    }
}

/// The one who strikes.
pub(super) struct Chaos {
    fleet: Arc<Fleet>,
    notes: Arc<Notes>,
    rng: StdRng,
    between: Duration,
    servers_only: bool,
    turn: usize,
    faults: Faults,
    story: Vec<String>,
    began: Instant,
}

impl Chaos {
    pub(super) fn new(plan: &Plan, fleet: Arc<Fleet>, notes: Arc<Notes>) -> Self {
        Self {
            fleet,
            notes,
            rng: StdRng::seed_from_u64(plan.seed),
            between: plan.between_faults,
            servers_only: plan.servers_only,
            turn: 0,
            faults: Faults::default(),
            story: Vec::new(),
            began: Instant::now(),
        }
    }

    /// What was done so far, counted.
    pub(super) const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What was done so far, in order.
    pub(super) fn story(&self) -> String {
        self.story.join("\n")
    }

    /// Waits a while, and strikes; a frozen one may see something else go down before it wakes up.
    pub(super) async fn strike(&mut self) {
        tokio::time::sleep(self.rng.random_range(Duration::ZERO..self.between)).await;
        match self.choose() {
            (victim, Deed::Freeze) => self.freeze(victim).await,
            (victim, deed) => self.end(victim, deed).await,
        }
    }

    fn choose(&mut self) -> (Victim, Deed) {
        let victims: &[_] =
            if self.servers_only { &[Victim::Server] } else { &[Victim::Server, Victim::Postgres, Victim::Nats] };
        let deeds = [Deed::Kill, Deed::Kill, Deed::Freeze, Deed::Restart];
        let pick = |rng: &mut StdRng| Some((*victims.choose(rng)?, *deeds.choose(rng)?));
        pick(&mut self.rng).expect("there is something to choose from")
    }

    fn server(&mut self) -> usize {
        self.turn += 1;
        self.turn % self.fleet.len()
    }

    fn note(&mut self, victim: Victim, deed: Deed, details: &str) {
        *self.faults.0.entry((victim, deed)).or_default() += 1;
        let at = self.began.elapsed().as_secs_f64();
        self.story.push(format!("{at:8.3} {deed:?} {victim:?} {details}"));
    }

    async fn freeze(&mut self, victim: Victim) {
        let long = victim == Victim::Server && self.fleet.len() > 1 && self.rng.random_bool(0.2);
        let (shortest, longest) = if long { LONG_FREEZE } else { FREEZE };
        let time = self.rng.random_range(shortest..longest);
        let server = self.server();
        let frozen: Option<Frozen> = match victim {
            Victim::Server => Some(self.fleet.freeze_server(server).await),
            Victim::Postgres => self.fleet.freeze_postgres(),
            Victim::Nats => self.fleet.freeze_nats(),
        };
        // What is down just now cannot be frozen.
        let Some(frozen) = frozen else { return };
        self.note(victim, Deed::Freeze, &format!("{server} for {time:?}"));
        tokio::time::sleep(time / 2).await;
        // What a server stands on may go down while it is frozen.
        if victim == Victim::Server && !self.servers_only && self.rng.random_bool(0.3) {
            let other = if self.rng.random() { Victim::Postgres } else { Victim::Nats };
            self.end(other, Deed::Kill).await;
        }
        tokio::time::sleep(time / 2).await;
        drop(frozen);
    }

    async fn end(&mut self, victim: Victim, deed: Deed) {
        let signal = if deed == Deed::Kill { libc::SIGKILL } else { libc::SIGINT };
        match victim {
            Victim::Postgres if self.fleet.signal_postgres(signal) => self.note(victim, deed, ""),
            Victim::Nats if self.fleet.signal_nats(signal) => self.note(victim, deed, ""),
            // It is down already.
            Victim::Postgres | Victim::Nats => {}
            Victim::Server => {
                let server = self.server();
                self.note(victim, deed, &server.to_string());
                if !self.fleet.runs(server).await {
                    self.notes.complain(format!("server {server} ended by itself"));
                }
                if deed == Deed::Kill {
                    self.fleet.kill_server(server).await;
                } else if !self.fleet.stop_server(server).await {
                    self.notes.complain(format!("server {server} did not end well"));
                }
                let down = self.rng.random_range(Duration::ZERO..Duration::from_secs(1));
                tokio::time::sleep(down).await;
                let door = if self.rng.random_bool(0.2) { Door::New } else { Door::Same };
                self.fleet.start_server(server, door).await;
            }
        }
    }

    /// Sees that everything runs.
    pub(super) async fn heal(&mut self) {
        for server in 0..self.fleet.len() {
            if !self.fleet.runs(server).await {
                self.notes.complain(format!("server {server} ended by itself"));
            }
        }
        while self.fleet.owner_client().await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
