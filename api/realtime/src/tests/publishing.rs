//! What gets to NATS, and how servers hear of each other.

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, pull};

use super::*;

/// Everything that the stream holds, as subject, position and whole text.
async fn published(site: &Site) -> Vec<(String, u64, String)> {
    let context = jetstream::new(site.nats().await);
    let Ok(stream) = context.get_stream(site.names.stream()).await else { return Vec::new() };
    let config = pull::Config { ack_policy: AckPolicy::None, ..Default::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut batch = consumer.fetch().max_messages(100_000).messages().await.unwrap();
    let mut found = Vec::new();
    while let Some(message) = batch.next().await {
        let message = message.unwrap();
        let headers = message.headers.clone().unwrap_or_default();
        let position = headers.get("Medicalpro-Position").unwrap().as_str().parse().unwrap();
        let body = String::from_utf8(message.payload.to_vec()).unwrap();
        let headers: Vec<_> = headers.iter().map(|(name, values)| format!("{name}: {}", values[0])).collect();
        found.push((message.subject.to_string(), position, format!("{} {body}", headers.join("\n"))));
    }
    found
}

async fn published_up_to(site: &Site, position: Position) -> Vec<u64> {
    eventually("everything to be published", async || {
        published(site).await.last().is_some_and(|(_, last, _)| *last >= position.get())
    })
    .await;
    published(site).await.into_iter().map(|(_, position, _)| position).collect()
}

fn all_up_to(position: Position) -> Vec<u64> {
    (1..=position.get()).collect()
}

fn leads(server: &Server) -> bool {
    server.publisher.as_ref().is_some_and(|publisher| publisher.status().leading)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_published_in_log_order_as_a_cloud_event() {
    let site = Site::new().await;
    let server = Server::start(&site).await;
    server.write(facility(1), 700).await;
    let head = server.write(facility(2), 1).await;
    assert_eq!(published_up_to(&site, head).await, all_up_to(head));

    let found = published(&site).await;
    let (subject, _, text) = found.last().unwrap();
    let prefix = site.names.stream().to_lowercase();
    assert_eq!(*subject, format!("{prefix}.{}.patient.patient_archived", facility(2)));
    for part in [
        "ce-specversion",
        "ce-id",
        "ce-type",
        "ce-source",
        "ce-subject",
        "ce-time",
        "Nats-Msg-Id",
        "application/json",
        r#""type":"PatientArchived""#,
        r#""event":"patient_updated""#,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let status = server.publisher.as_ref().unwrap().status();
    eventually("the checkpoint to follow", async || server.publisher.as_ref().unwrap().status().position == Some(head))
        .await;
    assert!(status.connected && status.problem.is_none(), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_publishes_and_another_takes_over_without_a_repeat() {
    let site = Site::new().await;
    let (first, second) = (Server::start(&site).await, Server::start(&site).await);
    eventually("a leader", async || leads(&first) || leads(&second)).await;
    let (mut leader, follower) = if leads(&first) { (first, second) } else { (second, first) };
    assert!(!leads(&follower));
    let head = follower.write(facility(1), 300).await;
    published_up_to(&site, head).await;
    leader.publisher.take().unwrap().stop().await;
    let head = leader.write(facility(1), 300).await;
    assert_eq!(published_up_to(&site, head).await, all_up_to(head));
    assert!(leads(&follower));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_deleted_is_made_again_and_goes_on_at_the_checkpoint() {
    let site = Site::new().await;
    let server = Server::start(&site).await;
    let before = server.write(facility(1), 20).await;
    eventually("the checkpoint", async || server.publisher.as_ref().unwrap().status().position == Some(before)).await;
    jetstream::new(site.nats().await).delete_stream(site.names.stream()).await.unwrap();
    let head = server.write(facility(1), 20).await;
    let rest: Vec<u64> = (before.get() + 1..=head.get()).collect();
    assert_eq!(published_up_to(&site, head).await, rest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_is_behind_or_ahead_of_the_stream_is_put_right() {
    let site = Site::new().await;
    let server = Server::start(&site).await;
    let head = server.write(facility(1), 20).await;
    published_up_to(&site, head).await;
    server.publisher.unwrap().stop().await;
    let (admin, connection) = site.postgres.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    for wrong in [5_i64, 21] {
        write(&server.log, facility(1), 10).await;
        let head = write(&server.log, facility(1), 10).await;
        let set = "UPDATE read_model.checkpoints SET position = $1 WHERE projection = 'nats_publisher'";
        admin.execute(set, &[&wrong]).await.unwrap();
        let server = Server::start(&site).await;
        assert_eq!(published_up_to(&site, head).await, all_up_to(head), "the checkpoint was {wrong}");
        server.publisher.unwrap().stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nudge_wakes_the_other_servers() {
    let site = Site::new().await;
    let (here, there) = (Server::start(&site).await, Server::start(&site).await);
    here.write(facility(1), 1).await;
    let mut head = there.log.watch();
    eventually("the subscriptions", async || head.borrow_and_update().get() == 1).await;
    for _ in 0..5 {
        let begun = std::time::Instant::now();
        let position = here.write(facility(1), 1).await;
        head.wait_for(|head| *head >= position).await.unwrap();
        assert!(begun.elapsed() < Duration::from_millis(150), "{:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_going_away_and_coming_back_costs_no_frame_and_repeats_none() {
    let scratch = tokio::task::spawn_blocking(|| ScratchDir::new("realtime-kill").unwrap()).await.unwrap();
    let options = Options::for_tests(scratch.path().join("data"));
    let servers = tokio::task::spawn_blocking(move || EmbeddedServers::start(options).unwrap()).await.unwrap();
    let site = Site::on(servers.postgres(), servers.nats_url().to_owned()).await;
    let server = Server::start(&site).await;
    let (mut doctor, _) = server.login(&user(1, facility(1), Role::Doctor), None).await;
    let mut head = Position::ZERO;
    for round in 0..60 {
        if round % 20 == 10 {
            let pid = i32::try_from(servers.nats_pid().unwrap_or_default()).unwrap();
            // SAFETY: a signal to the process that these servers run.
            assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
        }
        let begun = std::time::Instant::now();
        head = server.write(facility(1), 5).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "NATS being away does not hold up a command");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(doctor.positions(300).await, all_up_to(head));
    assert!(doctor.is_silent().await);
    assert_eq!(published_up_to(&site, head).await, all_up_to(head));
    drop(server);
    tokio::task::spawn_blocking(move || servers.stop().unwrap()).await.unwrap();
    drop(scratch);
}
