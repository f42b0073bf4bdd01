//! A fault drill. Writers and live screens work on a [`Fleet`] whose servers, PostgreSQL and NATS are killed, frozen and
//! restarted. After every few faults, an audit asks whether all that was promised still holds.
//!
//! ```text
//! chaos   strikes at random moments     writers, clerks  note what was acknowledged
//! audit   reads the log, compares it with ─────►         notes, read models, NATS
//!                                               screens  note what they were shown
//! ```

mod asker;
mod audit;
mod chaos;
mod clerks;
mod notes;
mod overlaps;
mod screens;
mod writers;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::role::Role;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use self::audit::Audit;
use self::chaos::Chaos;
pub use self::chaos::Faults;
use self::clerks::{Book, Clerk};
use self::notes::Notes;
use self::screens::Screen;
use self::writers::Writer;
use crate::agenda::Agenda;
use crate::fleet::Fleet;

/// How long the writers may take to get their last answers once nothing is in their way.
const CALM: Duration = Duration::from_secs(120);

/// How a drill is held.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many servers.
    pub servers: usize,
    /// How many writers, each with patients of its own.
    pub writers: usize,
    /// How many clerks, who book, move and call off at the same few hours.
    pub clerks: usize,
    /// How many live screens.
    pub screens: usize,
    /// How long a writer thinks between two requests, at most.
    pub thinking: Duration,
    /// How long it lasts, at least.
    pub duration: Duration,
    /// How many processes are killed, at least.
    pub kills: u32,
    /// How many faults come between two audits.
    pub faults_per_audit: u32,
    /// How long nothing happens between two faults, at most.
    pub between_faults: Duration,
    /// Whether the servers alone are struck, in turn, not what they stand on.
    pub servers_only: bool,
    /// What decides everything that is left to chance.
    pub seed: u64,
    /// Whether a line every minute tells how it goes.
    pub talkative: bool,
}

/// What happened.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// What was done to whom, and how often.
    pub faults: Faults,
    /// Changes that were acknowledged.
    pub writes: usize,
    /// Appointments that were promised.
    pub bookings: usize,
    /// Requests that had to be repeated.
    pub retries: usize,
    /// Frames that the screens were shown, all together.
    pub frames: usize,
    /// Times a screen had to connect.
    pub connections: usize,
    /// Audits that were held.
    pub audits: usize,
    /// The last position of the log.
    pub head: u64,
    /// How long it took.
    pub took: Duration,
    /// Every promise that was not kept.
    pub violations: Vec<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, writes, bookings, retries, frames, connections, audits, head, took, violations } = self;
        write!(
            f,
            "{:>5} s  kills {}  faults {} ({faults})  writes {writes}  bookings {bookings}  retries {retries}  frames {frames}  \
             connections {connections}  audits {audits}  head {head}  violations {}",
            took.as_secs(),
            faults.kills(),
            faults.count(),
            violations.len()
        )
    }
}

/// Holds a drill. It ends early at the first audit that finds something.
pub async fn hold(plan: &Plan) -> Summary {
    let began = Instant::now();
    let fleet = Arc::new(Fleet::start(plan.servers).await);
    let agenda = Agenda::in_fleet(&fleet).await;
    let practice = &agenda.practice;
    let notes = Arc::new(Notes::default());
    let book = Book::of(&agenda, &notes).await;
    // Writers hold it for reading while they want something; the audit asks for all of it, and so waits for them.
    let calm = Arc::new(RwLock::new(()));
    let mut work = JoinSet::new();
    for number in 0..plan.writers {
        let writer = Writer::new(number, plan, &fleet, practice.secretary(), &notes);
        work.spawn(writer.work(Arc::clone(&calm)));
    }
    for number in 0..plan.clerks {
        let clerk = Clerk::new(number, plan, &fleet, practice.secretary(), &book, &notes);
        work.spawn(clerk.work(Arc::clone(&calm)));
    }
    for number in 0..plan.screens {
        let token = practice.client(Role::Doctor).token();
        work.spawn(Screen::new(number, plan, &fleet, token, &notes).watch());
    }
    let mut chaos = Chaos::new(plan, Arc::clone(&fleet), Arc::clone(&notes));
    let mut audit = Audit::new(Arc::clone(&fleet), Arc::clone(&notes)).await;
    let mut summary = Summary::default();
    let mut told = Instant::now();
    loop {
        for _ in 0..plan.faults_per_audit {
            chaos.strike().await;
            if plan.talkative && told.elapsed() > Duration::from_secs(60) {
                told = Instant::now();
                sum_up(&mut summary, &notes, &chaos, began);
                println!("{summary}");
            }
        }
        chaos.heal().await;
        match tokio::time::timeout(CALM, calm.write()).await {
            Ok(_quiet) => audit.hold(practice.secretary()).await,
            Err(_) => notes.complain(format!("writers have no answer {CALM:?} after everything was healed")),
        }
        summary.audits += 1;
        summary.head = audit.head();
        sum_up(&mut summary, &notes, &chaos, began);
        let enough = began.elapsed() >= plan.duration && summary.faults.kills() >= plan.kills;
        if enough || !summary.violations.is_empty() {
            break;
        }
    }
    if summary.violations.is_empty() {
        let _quiet = calm.write().await;
        audit.hold_at_the_end().await;
        sum_up(&mut summary, &notes, &chaos, began);
    }
    if !summary.violations.is_empty() {
        println!("seed {}; what was done:\n{}", plan.seed, chaos.story());
        for server in 0..fleet.len() {
            println!("the end of the log of server {server}:\n{}", fleet.log_of(server));
        }
    }
    work.shutdown().await;
    summary
}

fn sum_up(summary: &mut Summary, notes: &Notes, chaos: &Chaos, began: Instant) {
    summary.faults = chaos.faults().clone();
    summary.violations = notes.complaints();
    (summary.writes, summary.retries) = notes.writes();
    summary.bookings = notes.appointments().len();
    (summary.frames, summary.connections) = notes.frames();
    summary.took = began.elapsed();
}
