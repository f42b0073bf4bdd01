//! What cannot be traced is not shown.

use domain::role::Role;
use embedded_servers::ScratchDir;
use system_tests::practice::{Practice, Underneath};
use system_tests::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_personal_leaves_the_server_while_the_trail_does_not_answer() {
    let folder = ScratchDir::new("traces").unwrap();
    let server = Server::start(&folder.path().join("data"), &["--request-timeout-seconds", "2"]);
    let practice = Practice::in_server(&server).await;
    let registered = practice.register("Le Goff", "Zoé").await;
    let path = format!("/patients/{}", registered["id"].as_str().unwrap());
    let (mut owner, connection) = Underneath::of(&server).owner.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let blocked = owner.transaction().await.unwrap();
    blocked.batch_execute("LOCK TABLE audit.access IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let doctor = practice.client(Role::Doctor);
    for shown in [path.clone(), "/patients".to_owned(), format!("{path}/history")] {
        let refused = doctor.get(&shown).await.expect_problem(503, "not_ready");
        assert!(refused.header("retry-after").is_some() && !refused.text.contains("Goff"), "{}", refused.text);
    }
    // A refusal shows nothing, and stays one; what is not about a patient goes on.
    practice.client(Role::Admin).delete(&path).await.expect_problem(403, "permission_denied");
    doctor.get("/facilities/current").await.expect(200);
    blocked.rollback().await.unwrap();
    doctor.get(&path).await.expect(200);
}
