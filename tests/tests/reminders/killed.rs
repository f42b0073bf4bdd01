//! Real servers that are killed while mails flow, with the clock moved over days.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use rand::Rng;
use system_tests::fleet::{Door, Fleet};
use tokio::time::sleep;

use super::*;

/// How often the server is killed.
const KILLS: usize = 10;

/// What is expected of a reminder: who is reached, and of which times.
type Told = (String, Vec<String>);

/// Real servers, whose mails and texts come to this process.
struct Office {
    fleet: Fleet,
    practice: Practice,
    mails: MailServer,
    texts: SmsGateway,
    clock: Clock,
    database: tokio_postgres::Client,
}

impl Office {
    async fn open(servers: usize) -> Self {
        let (mails, texts, clock) = (MailServer::start().await, SmsGateway::start().await, Clock::new());
        clock.set(time(0, 12, 0) - 48.hours());
        let file = clock.file().display().to_string();
        let arguments = [
            ["--smtp-url", &mails.url()],
            ["--mail-from", "rdv@cabinet.example"],
            ["--sms-url", &texts.url()],
            ["--public-url", "https://rdv.cabinet.example"],
            ["--test-reminder-clock", &file],
        ];
        let arguments = arguments.into_iter().flatten().chain(["--demo"]).map(str::to_owned).collect();
        let fleet = Fleet::start_with(servers, arguments).await;
        let practice = Practice::open(Commands::new(fleet.open_log().await)).await;
        let database = fleet.owner_client().await.expect("a connection");
        Self { fleet, practice, mails, texts, clock, database }
    }

    /// The instants at which something will be due.
    async fn due(&self) -> Vec<Timestamp> {
        let due = "SELECT DISTINCT due_at FROM read_model.reminders WHERE state = 'pending' ORDER BY due_at";
        self.database.query(due, &[]).await.expect("the list").iter().map(|row| row.get(0)).collect()
    }

    /// Whether everything that was due at an instant has ended, but for what was in the hands of a server that died.
    async fn is_done(&self, now: Timestamp) -> bool {
        let open = "SELECT EXISTS (
                        SELECT FROM read_model.reminders r WHERE state = 'pending' AND due_at <= $1 AND NOT EXISTS (
                            SELECT FROM messaging.reminders_at_work w JOIN messaging.reminder_messages m USING (message_id)
                            WHERE m.state = 'handing_over' AND (r.appointment_id, r.starts, r.channel, r.minutes_before)
                                = (w.appointment_id, w.starts, w.channel, w.minutes_before)))
                    OR EXISTS (SELECT FROM messaging.reminder_messages WHERE state = 'planned')";
        !self.database.query_one(open, &[&now]).await.expect("an answer").get::<_, bool>(0)
    }

    /// Until nothing is in anybody's hands.
    async fn until_nothing_is_at_work(&self) {
        let at_work = "SELECT EXISTS (SELECT FROM messaging.reminder_messages)";
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.database.query_one(at_work, &[]).await.expect("an answer").get(0) {
            assert!(Instant::now() < deadline, "a message is forgotten:\n{}", self.fleet.log_of(0));
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until_done(&self, now: Timestamp, patience: Duration) {
        let deadline = Instant::now() + patience;
        while !self.is_done(now).await {
            assert!(Instant::now() < deadline, "not done at {now}:\n{}", self.fleet.log_of(0));
            sleep(Duration::from_millis(40)).await;
        }
    }

    /// Until the list of what is due shows everything that was written.
    async fn until_listed(&self) {
        let head = self.practice.commands.log().head().await.expect("the log").to_sql();
        let shown = "SELECT position >= $1 FROM read_model.checkpoints WHERE projection = 'reminders'";
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.database.query_one(shown, &[&head]).await.expect("an answer").get::<_, bool>(0) {
            assert!(Instant::now() < deadline, "the list stands still");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// What arrived, by what it says, and how often.
    fn arrived(&self) -> BTreeMap<Told, usize> {
        let mut arrived = BTreeMap::new();
        for mail in self.mails.mails() {
            *arrived.entry((mail.to.join(" "), times_in(&mail.text()))).or_default() += 1;
        }
        for text in self.texts.messages() {
            let said = |field: &str| text.body[field].as_str().expect("a text").to_owned();
            *arrived.entry((said("to"), times_in(&said("text")))).or_default() += 1;
        }
        arrived
    }

    /// Each message was taken once, by its own id.
    fn assert_no_id_twice(&self) {
        let mut seen = BTreeSet::new();
        let ids = self.mails.mails().into_iter().map(|mail| mail.message_id());
        let keys = self.texts.messages().into_iter().filter_map(|text| text.key);
        for id in ids.chain(keys) {
            assert!(seen.insert(id.clone()), "{id} came twice");
        }
    }

    /// Whom messages were for of which nobody knows whether they arrived.
    async fn in_doubt(&self, booked: &[Booked]) -> BTreeSet<String> {
        let mut doubted = BTreeSet::new();
        for Booked { id, email, phone, .. } in booked {
            for (_, outcome) in self.practice.outcomes(*id).await {
                if let ReminderOutcome::Sent { channel, certain: false, .. } = outcome {
                    doubted.insert(if channel == Channel::Email { email.clone() } else { phone.clone() });
                }
            }
        }
        doubted
    }
}

struct Booked {
    id: AppointmentId,
    email: String,
    phone: String,
}

fn shown(times: &[(i8, i8)]) -> Vec<String> {
    times.iter().map(|(hour, minute)| format!("{hour} h {minute:02}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reminder_of_three_days_arrives_once_although_the_server_is_killed_ten_times() {
    let office = Office::open(1).await;
    let practice = &office.practice;
    let (mut booked, mut expected) = (Vec::new(), BTreeSet::new());
    let mut never = BTreeSet::new();
    // Twelve patients each day. Of each four, one has two appointments, one moves theirs, one calls theirs off.
    for number in 0..36_usize {
        let (email, phone) = (format!("p{number}@patient.example"), format!("+336{number:08}"));
        let patient = practice.patient(number, Some(&email), Some(&phone)).await;
        let day = 1 + i64::try_from(number / 12).expect("a day");
        let place = i8::try_from(number % 12).expect("a place");
        // Half of them so early that two hours before would be at night.
        let (hour, minute) = if place < 6 { (9, place * 10) } else { (15, (place - 6) * 10) };
        let id = practice.book(patient, time(day, hour, minute)).await;
        let mut times = vec![(hour, minute)];
        match number % 4 {
            0 => {
                let second = practice.book(patient, time(day, hour + 1, minute)).await;
                times.push((hour + 1, minute));
                booked.push(Booked { id: second, email: email.clone(), phone: phone.clone() });
            }
            1 => {
                practice.reschedule(id, time(day, hour + 2, minute)).await;
                times = vec![(hour + 2, minute)];
            }
            2 => {
                practice.cancel(id).await;
                times.clear();
                never.extend([email.clone(), phone.clone()]);
            }
            _ => {}
        }
        if !times.is_empty() {
            expected.extend([(email.clone(), shown(&times)), (phone.clone(), shown(&times))]);
        }
        booked.push(Booked { id, email, phone });
    }
    office.until_listed().await;
    assert_eq!(office.arrived(), BTreeMap::new(), "something came before its time");

    let moments = office.due().await;
    let mut kills = 0;
    let mut now = moments[0];
    // Each moment at which something is due, as the clock comes to it.
    while let Some(next) = office.due().await.into_iter().find(|due| *due >= now) {
        now = next;
        let shown = now.to_zoned(paris());
        assert!((8..21).contains(&shown.hour()), "{shown} is at night");
        office.clock.set(now);
        if kills < KILLS {
            kills += 1;
            if kills % 2 == 0 {
                sleep(Duration::from_millis(rand::rng().random_range(0..1200))).await;
            } else {
                // In the middle of what is due now.
                let before = office.mails.mails().len() + office.texts.messages().len();
                let some = before + rand::rng().random_range(1..3);
                let patience = Instant::now() + Duration::from_secs(3);
                while office.mails.mails().len() + office.texts.messages().len() < some && Instant::now() < patience {
                    sleep(Duration::from_millis(1)).await;
                }
            }
            office.fleet.kill_server(0).await;
            office.fleet.start_server(0, Door::New).await;
        }
        office.until_done(now, Duration::from_secs(25)).await;
        now += 1.second();
    }
    office.until_nothing_is_at_work().await;

    for mail in office.mails.mails() {
        let (told, links) =
            (times_in(&mail.text()).len(), mail.text().matches("https://rdv.cabinet.example/rdv/").count());
        let (name, kind, calendar) = mail.attachment().expect("a file for calendars");
        assert_eq!((name.as_str(), kind.as_str()), ("rendez-vous.ics", "text/calendar"));
        assert_eq!((links, calendar.matches("BEGIN:VEVENT").count()), (told, told), "{}", mail.text());
    }
    let arrived = office.arrived();
    let doubted = office.in_doubt(&booked).await;
    let twice: Vec<_> = arrived.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "twice: {twice:?}");
    office.assert_no_id_twice();
    let strange: Vec<_> = arrived.keys().filter(|told| !expected.contains(*told)).collect();
    assert!(strange.is_empty(), "nobody expected {strange:?}");
    assert!(!arrived.keys().any(|(to, _)| never.contains(to)), "what was called off was reminded of");
    // Of a message that was in the server's hands at the very moment of its death nobody knows, and the practice is told.
    let missing: Vec<_> = expected.iter().filter(|told| !arrived.contains_key(*told)).collect();
    assert!(missing.iter().all(|(to, _)| doubted.contains(to)), "lost: {missing:?}; in doubt: {doubted:?}");
    println!("{} arrived, {} in doubt, {} of them missing, {kills} kills", arrived.len(), doubted.len(), missing.len());
    assert_eq!(kills, KILLS);
    assert!(doubted.len() <= KILLS, "{doubted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_send_each_reminder_once_and_one_goes_on_when_the_other_dies() {
    let office = Office::open(2).await;
    let mut expected = BTreeMap::new();
    for number in 0..60_usize {
        let email = format!("p{number}@patient.example");
        let patient = office.practice.patient(number, Some(&email), None).await;
        let place = i64::try_from(number).expect("a place");
        office.practice.book(patient, time(1, 9, 0) + (10 * place).minutes()).await;
        let starts = (time(1, 9, 0) + (10 * place).minutes()).to_zoned(paris());
        expected.insert((email, shown(&[(starts.hour(), starts.minute())])), 1);
    }
    office.until_listed().await;
    // All of those whose day before begins in the morning and goes on until the evening: in one look.
    let evening = time(0, 19, 0);
    office.clock.set(evening);
    office.mails.wait_for(10).await;
    let frozen = office.fleet.freeze_server(0).await;
    office.until_done(evening, Duration::from_secs(30)).await;
    drop(frozen);
    office.until_nothing_is_at_work().await;
    assert_eq!(office.arrived(), expected);
    office.assert_no_id_twice();
}
