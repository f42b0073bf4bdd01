//! Patients are told of an offer by e-mail or a text message, and answer by the link in it, without an account.

use std::time::{Duration, Instant};

use embedded_servers::ScratchDir;
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use system_tests::agenda::Agenda;
use system_tests::practice::patient;
use system_tests::server::{self, Server, send};
use system_tests::sms::SmsGateway;
use system_tests::smtp::{Fault, MailServer, Step};

use super::{PATIENCE, cancel, join, until, wish, with};

const ORIGIN: &str = "https://rdv.cabinet.example";

/// A practice that disturbs its patients at night as well, in a server that can.
async fn practice(server: &Server) -> Agenda {
    let agenda = Agenda::in_server(server).await;
    let restless = json!({"enabled": true, "reminders": [], "byType": []});
    let request = agenda.secretary().request(Method::PUT, "/facilities/current/reminders").header("If-Match", "*");
    send(request.json(&restless)).await.expect(200);
    agenda
}

/// Somebody who waits, and can be reached like this.
async fn waiting(agenda: &Agenda, first_name: &str, contact: Value) -> Value {
    let reached = with(patient("Diallo", first_name), &[("contact", contact)]);
    let id = agenda.secretary().post("/patients", &reached).await.expect(201).body["id"].clone();
    join(agenda, &wish(agenda, id.as_str().unwrap())).await
}

/// The path of the link in a message.
fn link(text: &str) -> String {
    let from = text.find(ORIGIN).unwrap_or_else(|| panic!("no link: {text}")) + ORIGIN.len();
    text[from..].split_whitespace().next().unwrap().to_owned()
}

/// What the page of a link says.
async fn page(server: &Server, path: &str) -> (u16, String) {
    let response = reqwest::get(format!("{}{path}", server.report.url)).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn press(server: &Server, path: &str, answer: &str) {
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let form = client.post(format!("{}{path}", server.report.url)).body(format!("answer={answer}"));
    let pressed = form.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(pressed.status(), 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_reaches_the_patient_once_and_is_answered_by_its_link() {
    let (mails, texts) = (MailServer::start().await, SmsGateway::start().await);
    let folder = ScratchDir::new("telling").unwrap();
    let (mail_url, sms_url) = (mails.url(), texts.url());
    let arguments = [
        ["--smtp-url", &mail_url],
        ["--mail-from", "rdv@cabinet.example"],
        ["--sms-url", &sms_url],
        ["--public-url", ORIGIN],
    ];
    let server = Server::start(&folder.path().join("data"), arguments.as_flattened());
    let agenda = practice(&server).await;
    let client = agenda.secretary();
    let booked = agenda.book(&agenda.visit("09:00", "09:30")).await;
    let by_text = waiting(&agenda, "Awa", json!({"phone": "+33612345678", "email": "awa@exemple.fr"})).await;
    let by_mail = waiting(&agenda, "Ana", json!({"email": "ana@exemple.fr"})).await;
    let by_nothing = waiting(&agenda, "Zoé", json!({})).await;
    cancel(&agenda, &booked).await;

    let told = until(client, &by_text, |entry| entry["offer"]["toldBy"] == "sms").await;
    let began = Instant::now();
    while texts.messages().is_empty() {
        assert!(began.elapsed() < PATIENCE, "no message");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let message = texts.messages()[0].clone();
    let path = link(message.body["text"].as_str().unwrap_or_else(|| panic!("{}", message.body)));
    assert_eq!(message.key.as_deref(), told["offer"]["offerId"].as_str());
    let (status, html) = page(&server, &path).await;
    assert!(status == 200 && html.contains("value=\"accept\"") && html.contains("value=\"decline\""), "{html}");
    assert!(!html.contains("Diallo") && !html.contains("Toux"), "whoever has the message can open it");
    press(&server, &path, "decline").await;
    let (status, html) = page(&server, &path).await;
    assert!(status == 410 && html.contains("plus proposé"), "{html}");

    let mail = mails.wait_for(1).await.remove(0);
    let path = link(&mail.text());
    until(client, &by_mail, |entry| entry["offer"]["toldBy"] == "email").await;
    press(&server, &path, "decline").await;
    // The last in line cannot be told, which the staff is to know.
    let untold = until(client, &by_nothing, |entry| entry["offer"]["notTold"] == "unreachable").await;
    assert_eq!(untold["status"], "offered");
    let kinds: Vec<Value> = client.get("/notifications").await.expect(200).body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["kind"].clone())
        .collect();
    assert_eq!(
        kinds,
        [
            "waiting_patient_not_told",
            "waiting_slot_offered",
            "waiting_offer_declined",
            "waiting_slot_offered",
            "waiting_offer_declined",
            "waiting_slot_offered",
        ]
        .map(Value::from)
    );

    // Something else frees up, and is taken.
    let booked = agenda.book(&agenda.visit("15:00", "15:30")).await;
    cancel(&agenda, &booked).await;
    let began = Instant::now();
    while texts.messages().len() < 2 {
        assert!(began.elapsed() < PATIENCE, "no second message");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let path = link(texts.messages()[1].body["text"].as_str().unwrap());
    press(&server, &path, "accept").await;
    let served = until(client, &by_text, |entry| entry["status"] == "served").await;
    let appointment = format!("/appointments/{}", served["bookedAppointmentId"].as_str().unwrap());
    assert_eq!(client.get(&appointment).await.expect(200).body["startTime"], "15:00");
    let (status, html) = page(&server, &path).await;
    assert!(status == 200 && html.contains("Votre rendez-vous est pris"), "{html}");
    press(&server, &path, "accept").await;
    assert_eq!((texts.messages().len(), mails.mails().len()), (2, 1), "each was told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_waits_for_what_becomes_of_a_message() {
    let mails = MailServer::start().await;
    let folder = ScratchDir::new("telling-stop").unwrap();
    let (data, mail_url) = (folder.path().join("data"), mails.url());
    let arguments = ["--smtp-url", &mail_url, "--mail-from", "rdv@cabinet.example", "--public-url", ORIGIN];
    let server = Server::start(&data, &arguments);
    let agenda = practice(&server).await;
    let booked = agenda.book(&agenda.visit("09:00", "09:30")).await;
    let entry = waiting(&agenda, "Ana", json!({"email": "ana@exemple.fr"})).await;
    mails.break_next([Fault::RefuseLate(Step::End, 451, Duration::from_secs(3))]);
    cancel(&agenda, &booked).await;
    until(agenda.secretary(), &entry, |entry| entry["offer"]["toldBy"] == "email").await;
    assert!(server.stop());

    // It was refused after all, and the staff is to know.
    let server = Server::start(&data, &arguments);
    let client = server::Client::anonymous(&server).with_token(agenda.secretary().token());
    assert_eq!(super::now(&client, &entry).await["offer"]["notTold"], "given_up");
    assert_eq!(mails.mails().len(), 0);
}
