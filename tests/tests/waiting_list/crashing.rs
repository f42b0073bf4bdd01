//! Servers that die in the middle of an offer: none is lost, and none is made twice.

use std::time::{Duration, Instant};

use commands::{CommandContext, Commands};
use domain::appointment::{AppointmentCommand, AppointmentPriority, AppointmentType, Details, Slot, Terms, Texts};
use domain::availability::{AvailabilityCommand, DayHours};
use domain::ids::{AppointmentId, PatientId, Position, UserId};
use domain::role::Role;
use domain::scheduling::{Interval, TimeOfDay, TimeSlot};
use domain::waiting_list::WaitingEvent;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::json;
use system_tests::agenda::{in_a_week, today};
use system_tests::fleet::{Door, Fleet};
use system_tests::practice::letters;
use system_tests::server::Client;
use system_tests::staff::Member;
use uuid::Uuid;

use super::PATIENCE;

const APPOINTMENTS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn killing_servers_in_the_middle_of_offers_neither_loses_nor_repeats_one() {
    let fleet = Fleet::start(2).await;
    let practice = fleet.open_practice().await;
    let log = fleet.open_log().await;
    let commands = Commands::new(log.clone());
    let context = CommandContext::system(practice.facility_id);
    let doctor = Member::hire(practice.client(Role::Admin), Role::Doctor, "Kerjean").await;
    let doctor = UserId(doctor.id().parse().unwrap());
    let all_day = TimeSlot { start: TimeOfDay::START, end: TimeOfDay::END };
    let day = |day_of_week| DayHours { day_of_week, time_slots: vec![all_day] };
    let hours = Weekday::Monday.cycle_forward().take(7).map(day).collect();
    let set = AvailabilityCommand::SetWeeklyHours { hours, valid_from: None };
    commands.change_availability(doctor, &set, &context).await.unwrap();

    let patient = practice.register("Le Goff", "Zoé").await["id"].as_str().unwrap().parse().unwrap();
    let paris = TimeZone::get("Europe/Paris").unwrap();
    let midnight: Timestamp = paris.to_timestamp(in_a_week().at(8, 0, 0, 0)).unwrap();
    let mut booked = Vec::new();
    for number in 0..APPOINTMENTS {
        let from = midnight + (60 * i64::try_from(number).unwrap()).minutes();
        let during = Interval { from, until: from + 30.minutes() };
        let slot = Slot { practitioner_id: doctor, room_id: None, during, additional_slots: Vec::new() };
        let details = Details {
            kind: AppointmentType::Consultation,
            priority: AppointmentPriority::Normal,
            texts: Texts::default(),
        };
        let (patient_id, terms) = (PatientId(patient), Terms::default());
        let book =
            AppointmentCommand::BookAppointment { patient_id, slot, details, occurrence: None, link_id: None, terms };
        let id = AppointmentId(Uuid::now_v7());
        commands.change_appointment(id, &book, &context).await.unwrap();
        booked.push(id);
    }
    for number in 0..APPOINTMENTS {
        let waiting = practice.register("Diallo", &letters(number)).await["id"].clone();
        let wish = json!({
            "patientId": waiting, "practitionerIds": [doctor], "type": "consultation", "duration": 30,
            "earliest": today(), "latest": in_a_week(),
        });
        practice.secretary().post("/waiting-list", &wish).await.expect(201);
    }

    // Cancellations arrive while one server after the other is killed and comes back.
    for (number, id) in booked.iter().enumerate() {
        let cancel = AppointmentCommand::CancelAppointment { reason: None };
        commands.change_appointment(*id, &cancel, &context).await.unwrap();
        if number % 3 == 2 {
            let victim = (number / 3) % 2;
            tokio::time::sleep(Duration::from_millis(5 * u64::try_from(number).unwrap())).await;
            fleet.kill_server(victim).await;
            fleet.start_server(victim, Door::Same).await;
        }
    }
    let client: Client = practice.secretary().of(fleet.url(1));
    let began = Instant::now();
    while client.get("/waiting-list?status=offered").await.expect(200).body["total"] != APPOINTMENTS {
        assert!(began.elapsed() < PATIENCE * 3, "{}\n{}", fleet.log_of(0), fleet.log_of(1));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Each time was offered once, and to somebody else each.
    let mut starts = Vec::new();
    let mut to = Vec::new();
    for event in log.read_forward(Position::ZERO, 100_000).await.unwrap() {
        if event.event_type == "SlotOffered" {
            let WaitingEvent::SlotOffered { slot, .. } = event.decode().unwrap() else { panic!("an offer") };
            starts.push(slot.during.from);
            to.push(event.stream.clone());
        }
    }
    starts.sort_unstable();
    let expected: Vec<Timestamp> =
        (0..APPOINTMENTS).map(|number| midnight + (60 * i64::try_from(number).unwrap()).minutes()).collect();
    assert_eq!(starts, expected);
    to.sort_unstable();
    to.dedup();
    assert_eq!(to.len(), APPOINTMENTS);
}
