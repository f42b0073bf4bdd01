//! Starting, stopping and being killed: data is kept, nothing stale is in the way.

use std::time::{Duration, Instant};

use domain::role::Role;
use embedded_servers::ScratchDir;
use system_tests::practice::{Practice, Underneath, patient};
use system_tests::screen::Screen;
use system_tests::server::{Client, Server};

async fn demo_secretary(server: &Server) -> Client {
    let account = server.report.accounts.iter().find(|account| account.role == "secretary").unwrap();
    Client::anonymous(server).log_in(&account.email, &account.password).await
}

async fn total(client: &Client) -> u64 {
    client.get("/patients").await.expect(200).body["total"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn data_accounts_and_the_demo_practice_are_kept_over_a_stop_and_over_kill_9() {
    let folder = ScratchDir::new("lifetime").unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let client = demo_secretary(&server).await;
    let seeded = total(&client).await;
    assert!(seeded > 0, "the demo practice has patients");
    client.post("/patients", &patient("Le Goff", "Zoé")).await.expect(201);
    assert!(server.stop(), "a clean stop is a success");

    let server = Server::start(&data, &[]);
    let client = demo_secretary(&server).await;
    assert_eq!(total(&client).await, seeded + 1, "kept, and the demo was seeded once");
    client.post("/patients", &patient("Le Goff", "Chloé")).await.expect(201);
    server.kill();

    let server = Server::start(&data, &[]);
    assert_eq!(total(&demo_secretary(&server).await).await, seeded + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_underneath_are_killed_and_come_back() {
    let folder = ScratchDir::new("lifetime").unwrap();
    let server = Server::start(&folder.path().join("data"), &[]);
    let practice = Practice::in_server(&server).await;
    let mut screen = Screen::open(&server, practice.client(Role::Doctor).token(), None).await;
    for (round, victim) in ["postgres", "nats-server", "postgres"].into_iter().enumerate() {
        kill_embedded(&server, victim);
        let body = patient("Nom", &"x".repeat(round + 1));
        let deadline = Instant::now() + Duration::from_secs(30);
        let registered = loop {
            let answer = practice.secretary().post("/patients", &body).await;
            match answer.status {
                201 => break answer.body,
                // A try whose answer was lost may have registered the patient.
                409 => {
                    break practice.secretary().get("/patients?search=nom").await.expect(200).body["items"][round]
                        .clone();
                }
                _ => answer.expect_problem(503, "not_ready"),
            };
            assert!(Instant::now() < deadline, "no recovery after the end of {victim}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let frame = screen.next_frame().await;
        assert_eq!(frame["data"]["patientId"], registered["id"], "after the end of {victim}");
    }
}

/// Kills one of the embedded servers of this server with SIGKILL.
fn kill_embedded(server: &Server, name: &str) {
    let children = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (start, end) = (stat.find('(')?, stat.rfind(')')?);
        let parent: u32 = stat[end + 2..].split(' ').nth(1)?.parse().ok()?;
        (&stat[start + 1..end] == name && parent == server.report.pid).then_some(pid)
    });
    let victims: Vec<i32> = children.collect();
    assert_eq!(victims.len(), 1, "{name}");
    // SAFETY: a signal to a process that was found a moment ago.
    unsafe { libc::kill(victims[0], libc::SIGKILL) };
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_finishes_its_requests_and_says_goodbye_to_its_screens() {
    let folder = ScratchDir::new("lifetime").unwrap();
    let server = Server::start(&folder.path().join("data"), &[]);
    let practice = Practice::in_server(&server).await;
    let mut screen = Screen::open(&server, practice.client(Role::Doctor).token(), None).await;
    let writers: Vec<_> = (0..20)
        .map(|number| {
            let client = practice.secretary().clone();
            tokio::spawn(async move { client.post("/patients", &patient("Nom", &"x".repeat(number + 1))).await.status })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(30)).await;
    let underneath = Underneath::of(&server);
    assert!(!underneath.nats_url.is_empty());
    let stopped = tokio::task::spawn_blocking(move || server.stop());
    for writer in writers {
        match writer.await {
            Ok(status) => assert!([201, 503].contains(&status), "{status}"),
            // A connection that was not accepted any more.
            Err(refused) => assert!(refused.is_panic()),
        }
    }
    assert!(stopped.await.unwrap());
    let code = screen.closed().await.map(|frame| u16::from(frame.code));
    assert_eq!(code, Some(1001));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_folder_is_refused() {
    let server = Server::shared();
    let output = std::process::Command::new(system_tests::server::program("medicalpro"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&server.data_dir)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("another"), "{said}");
}
