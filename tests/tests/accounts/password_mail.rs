//! The link of a reset goes to its owner by e-mail; if it is handed out, owner and compliance officer are told.

use domain::ids::StreamVersion;
use domain::role::Role;
use embedded_servers::ScratchDir;
use serde_json::{Value, json};
use system_tests::practice::{Practice, Underneath};
use system_tests::server::{Client, Server};
use system_tests::smtp::{Mail, MailServer};
use system_tests::staff::{Member, PASSWORD, member};

const OTHER_PASSWORD: &str = "trois phares et une bouée";

/// A server that sends e-mails, and a nurse.
struct House {
    server: Server,
    practice: Practice,
    mail: MailServer,
    nurse: Member,
    _folder: ScratchDir,
}

impl House {
    async fn open(page: &[&str]) -> Self {
        let folder = ScratchDir::new("password-mail").unwrap();
        let mail = MailServer::start().await;
        let url = mail.url();
        let arguments = [&["--smtp-url", &url, "--mail-from", "compte@cabinet.example"], page].concat();
        let server = Server::start(&folder.path().join("data"), &arguments);
        let practice = Practice::in_server(&server).await;
        let nurse = Member::hire(practice.client(Role::Admin), Role::Nurse, "Diallo").await;
        Self { server, practice, mail, nurse, _folder: folder }
    }

    fn door(&self) -> Client {
        Client::anonymous(&self.server)
    }

    /// The types of what happened to the nurse's account.
    async fn history(&self) -> Vec<String> {
        let log = Underneath::of(&self.server).open_log().await;
        let stream = format!("user-{}", self.nurse.id()).parse().unwrap();
        let events = log.load(&stream, StreamVersion::ZERO).await.unwrap();
        events.into_iter().map(|event| event.event_type).collect()
    }

    async fn accept(&self, token: &str) {
        let chosen = json!({"token": token, "newPassword": OTHER_PASSWORD});
        self.door().post("/auth/password/accept", &chosen).await.expect(204);
        self.door().log_in(&self.nurse.email, OTHER_PASSWORD).await;
    }
}

/// The token in a message.
fn token_in(mail: &Mail) -> String {
    let text = mail.text();
    let at = text.find("mpl_").unwrap_or_else(|| panic!("no token: {text}"));
    text[at..].split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_reset_goes_to_its_owner_and_not_to_who_asks() {
    let house = House::open(&["--password-page", "https://app.example/choisir"]).await;
    let reset = format!("{}/password-reset", house.nurse.path());
    let answer = house.practice.client(Role::Admin).post(&reset, &Value::Null).await.expect(200);
    assert!(answer.body.get("link").is_none() && !answer.text.contains("mpl_"), "{}", answer.text);
    let mails = house.mail.wait_for(1).await;
    assert_eq!(mails[0].to.as_slice(), std::slice::from_ref(&house.nurse.email));
    assert!(mails[0].text().contains("https://app.example/choisir#mpl_"), "{}", mails[0].text());
    assert!(house.history().await.contains(&"PasswordResetStarted".to_owned()));
    house.accept(&token_in(&mails[0])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_link_that_is_handed_out_its_owner_and_the_compliance_officer_are_told() {
    let house = House::open(&[]).await;
    let admin = house.practice.client(Role::Admin);
    let officer = Member::hire(admin, Role::Dpo, "Benali").await;
    let reset = format!("{}/password-reset?handOut=true", house.nurse.path());
    let answer = admin.post(&reset, &Value::Null).await.expect(200).body;
    let token = answer["link"]["token"].as_str().unwrap().to_owned();
    let mails = house.mail.wait_for(2).await;
    let told: Vec<&str> = mails.iter().flat_map(|mail| &mail.to).map(String::as_str).collect();
    assert_eq!(told, [house.nurse.email.as_str(), officer.email.as_str()]);
    assert!(mails.iter().all(|mail| !mail.raw.contains("mpl_")));
    assert!(mails[1].text().contains("Diallo"), "{}", mails[1].text());
    let history = house.history().await;
    assert!(history.contains(&"PasswordResetHandedOut".to_owned()), "{history:?}");
    assert!(!history.contains(&"PasswordResetStarted".to_owned()), "{history:?}");
    house.accept(&token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_forgot_a_password_gets_a_link_and_nobody_learns_whether_an_address_is_known() {
    let house = House::open(&[]).await;
    let admin = house.practice.client(Role::Admin);
    let invited = member(Role::Nurse, "Roux", "Léa");
    admin.post("/users", &invited).await.expect(201);
    let suspended = Member::hire(admin, Role::Nurse, "Petit").await;
    let reason = json!({"reason": "Essai"});
    admin.post(&format!("{}/suspend", suspended.path()), &reason).await.expect(200);

    let forgot = async |email: &str| house.door().post("/auth/password/forgot", &json!({"email": email})).await;
    let mut answers = Vec::new();
    for email in ["nobody@exemple.fr", &suspended.email, invited["email"].as_str().unwrap(), &house.nurse.email] {
        let answer = forgot(email).await.expect(204);
        let names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        answers.push((answer.text, names));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let mails = house.mail.wait_for(1).await;
    assert_eq!(mails[0].to.as_slice(), std::slice::from_ref(&house.nurse.email));

    // Another one so soon would void the first, and fill the mailbox.
    forgot(&house.nurse.email).await.expect(204);
    forgot("nobody@exemple.fr").await.expect(204);
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert_eq!(house.mail.mails().len(), 1);
    house.door().log_in(&house.nurse.email, PASSWORD).await;
    house.accept(&token_in(&mails[0])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_e_mail_says_so_to_who_forgot_a_password() {
    let door = Client::anonymous(Server::shared());
    let answer = door.post("/auth/password/forgot", &json!({"email": "nobody@exemple.fr"})).await;
    answer.expect_problem(409, "invalid_state");
}
