//! Whoever reads the log may stall or go away: the server goes on, and tells how many lines it lost.

use std::time::Duration;

use embedded_servers::ScratchDir;
use system_tests::practice::Practice;
use system_tests::server::{Client, Server};

/// More lines than a pipe and the queue behind it hold.
const REQUESTS: usize = 12_000;

async fn dropped_lines(server: &Server) -> f64 {
    let metrics = reqwest::get(&server.report.metrics_url).await.expect("metrics").text().await.expect("text");
    let line = metrics.lines().find_map(|line| line.strip_prefix("log_lines_dropped_total "));
    line.expect("the counter is there from the start").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_or_that_is_closed_stops_nothing() {
    let folder = ScratchDir::new("unread").unwrap();
    let (server, unread) = Server::start_unread(&folder.path().join("data"), &["--log-level", "debug"]);
    let practice = Practice::in_server(&server).await;
    let client = Client::anonymous(&server);
    let ask = async || {
        let answer = tokio::time::timeout(Duration::from_secs(10), client.get("/health/live")).await;
        answer.expect("it answers while nobody reads its log").expect(200);
    };
    for _ in 0..REQUESTS / 16 {
        futures_util::future::join_all((0..16).map(|_| ask())).await;
    }
    assert!(dropped_lines(&server).await > 0.0, "lines that found no place are counted");

    drop(unread);
    for number in 0..20 {
        practice.register("Le Goff", &system_tests::practice::letters(number)).await;
    }
    ask().await;
    assert!(server.stop(), "it ends as it should");
}
