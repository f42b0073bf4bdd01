//! No name of a patient in clear: not in the events table, not on NATS, not in any log.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use system_tests::practice::{Practice, Underneath, patient};
use system_tests::server::Server;

const SECRETS: [&str; 5] = ["Mnemosyne", "Zephyrine", "zephyrine.m@example.org", "33698123457", "Ondine"];

fn told(text: &str) -> Vec<&'static str> {
    SECRETS.into_iter().filter(|secret| text.to_lowercase().contains(&secret.to_lowercase())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_of_a_patient_is_in_the_log_on_nats_or_in_the_servers_logs() {
    let server = Server::shared();
    let practice = Practice::new().await;
    let client = practice.secretary();
    let underneath = Underneath::of(server);
    let nats = projections::publisher::connect(&underneath.nats_url).await.unwrap();
    let mut everything = nats.subscribe(">").await.unwrap();
    nats.flush().await.unwrap();

    let mut body = patient("Mnemosyne", "Zephyrine");
    body["contact"] = json!({
        "phone": "06 98 12 34 57", "email": "zephyrine.m@example.org", "emergencyContact": {"name": "Ondine"}});
    let registered = client.post("/patients", &body).await.expect(201).body;
    let path = format!("/patients/{}", registered["id"].as_str().unwrap());
    client.post("/patients", &body).await.expect(409);
    body["birthDate"] = json!("1984-02-28");
    body["reason"] = json!("Zephyrine l'a dit");
    client.put(&path, &body).await.expect(200);
    client.get("/patients?search=zephyrine").await.expect(200);
    client.get(&format!("{path}/history")).await.expect(200);
    client.delete(&path).await.expect(200);
    // What goes wrong is logged more eagerly than what goes well.
    client.get("/patients/Zephyrine").await.expect(400);
    client.get("/patients?search=a&Zephyrine=b").await.expect(400);
    client.post("/patients", &json!({"lastName": "Mnemosyne", "Zephyrine": 1})).await.expect(400);

    let mut messages = 0;
    while let Ok(Some(message)) = tokio::time::timeout(Duration::from_secs(2), everything.next()).await {
        let text = format!("{} {:?} {}", message.subject, message.headers, String::from_utf8_lossy(&message.payload));
        assert_eq!(told(&text), Vec::<&str>::new());
        messages += usize::from(message.subject.starts_with(&format!("medicalpro.{}.patient.", practice.facility_id)));
    }
    assert_eq!(messages, 3, "registered, corrected, archived");

    let (client, connection) = underneath.owner.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let rows = client.query("SELECT e::text, e.sealed IS NOT NULL, encode(e.sealed, 'escape') FROM log.events e", &[]);
    let mut sealed = 0;
    for row in rows.await.unwrap() {
        assert_eq!(told(row.get(0)), Vec::<&str>::new());
        assert_eq!(told(row.get::<_, Option<&str>>(2).unwrap_or_default()), Vec::<&str>::new());
        sealed += usize::from(row.get::<_, bool>(1));
    }
    assert!(sealed >= 2);
    for table in
        ["log.key_reservations", "log.idempotency_keys", "accounts.credentials", "keys.data_keys", "audit.access"]
    {
        for row in client.query(&format!("SELECT t::text FROM {table} t"), &[]).await.unwrap() {
            assert_eq!(told(row.get(0)), Vec::<&str>::new(), "{table}");
        }
    }

    assert_eq!(told(&server.log()), Vec::<&str>::new());
    let mut files = 0;
    for file in std::fs::read_dir(server.data_dir.join("log")).unwrap() {
        let text = std::fs::read(file.unwrap().path()).unwrap_or_default();
        assert_eq!(told(&String::from_utf8_lossy(&text)), Vec::<&str>::new());
        files += 1;
    }
    assert!(files > 0);
}
