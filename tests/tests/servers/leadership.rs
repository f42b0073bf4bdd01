use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::role::Role;
use system_tests::fleet::{Door, Fleet};
use system_tests::practice::{Practice, patient};
use system_tests::server::Client;
use tokio::task::JoinHandle;

/// Within which another server takes over.
const SECONDS: Duration = Duration::from_secs(10);

/// How often a server has begun to lead the patients.
fn leads(fleet: &Fleet, server: usize) -> usize {
    fleet.whole_log_of(server).matches("leading a projection projection=\"patients\"").count()
}

/// Which server began to lead last.
fn leader(fleet: &Fleet) -> usize {
    let led_since = |server: usize| {
        let log = fleet.whole_log_of(server);
        let last = log.lines().rfind(|line| line.contains("leading a projection projection=\"patients\""));
        last.and_then(|line| line.split_whitespace().next()).map(str::to_owned)
    };
    (0..fleet.len()).max_by_key(|&server| led_since(server)).expect("a server")
}

/// Registers a patient, and tells within which time the registration could be read.
async fn write_and_read(client: &Client, names: &str) -> Duration {
    let began = Instant::now();
    let registered = client.post("/patients", &patient("Nom", names)).await.expect(201);
    let path = format!("/patients/{}", registered.body["id"].as_str().unwrap());
    while client.get(&path).await.status != 200 {
        assert!(began.elapsed() < SECONDS, "nobody leads the projection");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    began.elapsed()
}

/// Looks at the checkpoints all the time, and complains if one ever goes back.
fn watch_checkpoints(fleet: &Arc<Fleet>) -> JoinHandle<()> {
    let fleet = Arc::clone(fleet);
    tokio::spawn(async move {
        let owner = fleet.owner_client().await.unwrap();
        let find = owner.prepare("SELECT projection, position FROM read_model.checkpoints").await.unwrap();
        let mut known = std::collections::HashMap::new();
        loop {
            for row in owner.query(&find, &[]).await.unwrap() {
                let (name, position): (String, i64) = (row.get(0), row.get(1));
                let before = known.insert(name.clone(), position).unwrap_or(0);
                assert!(before <= position, "the checkpoint of {name} went back from {before} to {position}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

async fn totals_agree(fleet: &Fleet, practice: &Practice, expected: usize) {
    for server in 0..fleet.len() {
        let client = practice.client(Role::Secretary).of(fleet.url(server));
        assert_eq!(client.get("/patients").await.expect(200).body["total"], expected, "on server {server}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_is_killed_another_server_leads_within_seconds() {
    let fleet = Fleet::start(3).await;
    let practice = fleet.open_practice().await;
    let client = practice.secretary();
    write_and_read(client, "a").await;
    for (round, names) in ["b", "c", "d"].into_iter().enumerate() {
        let leader = leader(&fleet);
        fleet.kill_server(leader).await;
        let survivor = (leader + 1) % fleet.len();
        let waited = write_and_read(&client.of(fleet.url(survivor)), names).await;
        println!("round {round}: led again after {waited:?}");
        fleet.start_server(leader, Door::Same).await;
    }
    totals_agree(&fleet, &practice, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_freezes_another_leads_within_seconds_and_it_writes_nothing_when_it_wakes_up() {
    let fleet = Arc::new(Fleet::start(2).await);
    let practice = fleet.open_practice().await;
    let watch = watch_checkpoints(&fleet);
    let mut expected = 0;
    for (round, names) in ["a", "b", "c"].into_iter().enumerate() {
        let first = leader(&fleet);
        let other = 1 - first;
        let (leading, following) = (leads(&fleet, first), leads(&fleet, other));
        let client = |server: usize| practice.secretary().of(fleet.url(server));
        // It freezes in the middle of its work.
        let busy: Vec<_> = (0..20)
            .map(|number| {
                let (client, body) = (client(other), patient("Presse", &names.repeat(number + 1)));
                tokio::spawn(async move { client.post("/patients", &body).await.expect(201) })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(10)).await;
        let frozen = fleet.freeze_server(first).await;
        let waited = write_and_read(&client(other), &names.repeat(2)).await;
        println!("round {round}: led again after {waited:?}");
        for request in busy {
            request.await.unwrap();
        }
        assert_eq!(leads(&fleet, other), following + 1, "the other server leads");
        drop(frozen);
        write_and_read(&client(first), &names.repeat(3)).await;
        write_and_read(&client(other), &names.repeat(4)).await;
        expected += 23;
        totals_agree(&fleet, &practice, expected).await;
        assert_eq!(leads(&fleet, first), leading, "the one that woke up does not lead");
        assert!(!watch.is_finished(), "no checkpoint went back");
    }
    watch.abort();
}
