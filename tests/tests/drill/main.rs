//! The short form of the fault drill, and what clients are told while something is away.

mod away;

use std::time::Duration;

use system_tests::drill::{Plan, hold};

/// A drill that fits among the tests, repeated exactly by `DRILL_SEED`.
fn plan() -> Plan {
    Plan {
        servers: 1,
        writers: 24,
        clerks: 8,
        screens: 10,
        thinking: Duration::from_millis(400),
        duration: Duration::from_secs(12),
        kills: 3,
        faults_per_audit: 4,
        between_faults: Duration::from_millis(1500),
        servers_only: false,
        seed: std::env::var("DRILL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(3),
        talkative: false,
    }
}

async fn passes(plan: &Plan) {
    let summary = hold(plan).await;
    println!("{summary}");
    assert!(summary.violations.is_empty(), "seed {}: {:#?}", plan.seed, summary.violations);
    assert!(summary.writes > 50 && summary.bookings > 20 && summary.frames > 500, "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_frozen_or_restarted_no_promise_is_broken() {
    passes(&plan()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_servers_of_one_database_go_down_in_turn_no_promise_is_broken() {
    passes(&Plan { servers: 2, servers_only: true, ..plan() }).await;
}
