//! Row-level security, for when a query forgets its WHERE clause. What is a table is asked of the catalogue, so that a
//! new one is held against the same.

use std::collections::BTreeMap;
use std::time::Duration;

use commands::{CommandContext, Commands};
use domain::appointment::{AppointmentCommand, AppointmentPriority, AppointmentType, Details, Slot, Terms, Texts};
use domain::availability::{AvailabilityCommand, DayHours};
use domain::facility::FacilityCommand;
use domain::ids::{AppointmentId, PatientId, UserId};
use domain::reminder::ReminderSettings;
use domain::role::Role;
use domain::scheduling::{Interval, TimeOfDay, TimeSlot};
use jiff::civil::Weekday;
use jiff::{Timestamp, ToSpan};
use system_tests::practice::{Practice, Underneath};
use system_tests::server::Server;
use system_tests::staff::{Member, within_a_second};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{KEPT, application, hire, lapsed_offer, owner};

/// Tables of the schemas below that hold nothing of a practice, and why.
const OF_NO_PRACTICE: [(&str, &str); 1] =
    [("read_model.checkpoints", "how far each read model has come: names of read models and positions")];

/// Tables elsewhere that know a practice's rows apart and show all of them to the server, and why.
const SEEN_WHOLE: [(&str, &str); 7] = [
    ("log.events", "projections, push and standing follow the whole log; streams are loaded with the practice checked"),
    ("keys.data_keys", "keys are sealed, and asked for by the person whose they are"),
    ("accounts.credentials", "who logs in names no practice yet"),
    ("accounts.sessions", "a refresh token names no practice, and every server follows the ends of all sessions"),
    ("accounts.practices", "every server knows what all practices decided"),
    ("accounts.calendar_feeds", "whoever reads a calendar at its secret address names no practice"),
    ("messaging.reminder_messages", "one server sends the messages of all practices; ids and times"),
];

/// Tables whose rows are of no practice, and why.
const OF_NO_PRACTICE_ELSEWHERE: [(&str, &str); 10] = [
    ("accounts.login_attempts", "failures are counted by digests of addresses and accounts, before anybody is known"),
    ("accounts.refused_logins", "refused logins, also on addresses that nobody has, by keyed hashes"),
    ("accounts.signing_keys", "the keys of the house"),
    ("accounts.standing_progress", "how far the log is followed"),
    ("accounts.unread_events", "where in the log events stand that no release could read yet"),
    ("public.accounts_schema_history", "which migrations ran"),
    ("public.messaging_schema_history", "which migrations ran"),
    ("public.notifications_schema_history", "which migrations ran"),
    ("public.read_model_schema_history", "which migrations ran"),
    ("public.refinery_schema_history", "which migrations ran"),
];

/// Tables of practices that [`kept_of`](super::kept_of) does not compare, and why.
const NOT_COMPARED: [(&str, &str); 4] = [
    ("accounts.known_places", "from where somebody logged in: written by their own logins alone"),
    ("accounts.practices", "copied from the practice's own stream, whose version is compared"),
    ("messaging.reminder_messages", "made of the practice's own appointments, whose versions are compared"),
    ("messaging.reminders_at_work", "made of the practice's own appointments, whose versions are compared"),
];

/// A table or view, as the catalogue has it.
struct Relation {
    name: String,
    has_facility: bool,
    is_secured: bool,
    /// Privileges of the application to change it.
    may_change: bool,
    is_owned_by_application: bool,
}

async fn relations(schemas: &str) -> Vec<Relation> {
    // A view is as secure as what it reads if it reads it as the one who asks.
    let statement = format!(
        "SELECT c.oid::regclass::text AS name,
           EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'facility_id') AS has_facility,
           c.relrowsecurity OR coalesce(c.reloptions @> '{{security_invoker=true}}', false) AS is_secured,
           has_table_privilege('medicalpro_app', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS may_change,
           pg_get_userbyid(c.relowner) = 'medicalpro_app' AS is_owned_by_application
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {schemas} ORDER BY 1"
    );
    let rows = owner().await.query(&statement, &[]).await.unwrap().into_iter();
    rows.map(|row| Relation {
        name: row.get("name"),
        has_facility: row.get("has_facility"),
        is_secured: row.get("is_secured"),
        may_change: row.get("may_change"),
        is_owned_by_application: row.get("is_owned_by_application"),
    })
    .collect()
}

/// The tables that hold rows of practices.
async fn tables_of_practices() -> Vec<Relation> {
    let mut tables = relations("n.nspname IN ('read_model', 'audit')").await;
    for (name, _) in OF_NO_PRACTICE {
        assert!(tables.iter().any(|table| table.name == name), "{name} is no more");
    }
    tables.retain(|table| OF_NO_PRACTICE.iter().all(|(name, _)| *name != table.name));
    tables
}

/// A practice with a row in each of these tables.
async fn practice_with_everything() -> Practice {
    let practice = Practice::new().await;
    let patient = practice.register("Le Goff", "Zoé").await;
    let member: Member = hire(&practice, Role::Nurse, "Roux").await;
    practice.secretary().get("/patients").await.expect(200);
    let admin = practice.client(Role::Admin);
    within_a_second(admin, &member.path(), |answer| answer.body["status"] == "active").await;
    within_a_second(admin, "/facilities/current", |answer| answer.status == 200).await;
    book(&practice, PatientId(patient["id"].as_str().unwrap().parse().unwrap())).await;
    lapsed_offer(&practice, member.id(), patient["id"].as_str().unwrap()).await;
    practice
}

/// A doctor is there on Mondays, some of their time is a patient's, and the practice has said how patients are reminded.
async fn book(practice: &Practice, patient_id: PatientId) {
    let doctor: Member = hire(practice, Role::Doctor, "Kerjean").await;
    let doctor = UserId(doctor.id().parse().unwrap());
    let commands = Commands::new(Underneath::of(Server::shared()).open_log().await);
    let context = CommandContext::system(practice.facility_id);
    let all_day = TimeSlot { start: TimeOfDay::START, end: TimeOfDay::END };
    let hours = vec![DayHours { day_of_week: Weekday::Monday, time_slots: vec![all_day] }];
    let set_hours = AvailabilityCommand::SetWeeklyHours { hours, valid_from: None };
    commands.change_availability(doctor, &set_hours, &context).await.unwrap();
    let from = Timestamp::now() + 1.hour();
    let during = Interval { from, until: from + 30.minutes() };
    let slot = Slot { practitioner_id: doctor, room_id: None, during, additional_slots: Vec::new() };
    let details =
        Details { kind: AppointmentType::Emergency, priority: AppointmentPriority::Normal, texts: Texts::default() };
    let terms = Terms::default();
    let book =
        AppointmentCommand::BookAppointment { patient_id, slot, details, occurrence: None, link_id: None, terms };
    let booked = commands.change_appointment(AppointmentId(Uuid::now_v7()), &book, &context).await.unwrap();
    let reminders = ReminderSettings { quiet_hours: None, ..ReminderSettings::default() };
    let decided = FacilityCommand::SetReminderRules { reminders };
    commands.change_facility(&decided, &context).await.unwrap();
    let shown = "SELECT (SELECT count(*) FROM read_model.appointments WHERE appointment_id = $1)
                      + (SELECT count(*) FROM read_model.reminder_settings WHERE facility_id = $2)";
    let owner = owner().await;
    for _ in 0..100 {
        if owner.query_one(shown, &[&booked.id, &practice.facility_id.0]).await.unwrap().get::<_, i64>(0) == 2 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the appointment is not shown");
}

/// All rows that somebody sees in each table, by a query without a WHERE clause, and how many of them are a practice's.
async fn count(client: &Client, tables: &[Relation], facility: Uuid) -> BTreeMap<String, (i64, i64)> {
    let mut counts = BTreeMap::new();
    for Relation { name, .. } in tables {
        let statement = format!("SELECT count(*), count(*) FILTER (WHERE facility_id = $1) FROM {name}");
        let row = client.query_one(&statement, &[&facility]).await.unwrap();
        counts.insert(name.clone(), (row.get(0), row.get(1)));
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_without_a_where_clause_sees_the_rows_of_one_practice_or_none() {
    let (ours, theirs) = (practice_with_everything().await, practice_with_everything().await);
    let tables = tables_of_practices().await;
    assert!(tables.len() >= 6, "read models and the trail of accesses");
    let (owner, mut client) = (owner().await, application().await);
    for practice in [&ours, &theirs] {
        let facility = practice.facility_id.0;
        let all = count(&owner, &tables, facility).await;
        for (name, (rows, own)) in &all {
            assert!(*own > 0 && own < rows, "{name}: give it a row in `practice_with_everything`");
        }
        let transaction = client.transaction().await.unwrap();
        let set = "SELECT set_config('medicalpro.facility_id', $1, true)";
        transaction.query_one(set, &[&facility.to_string()]).await.unwrap();
        let seen = count(transaction.client(), &tables, facility).await;
        transaction.commit().await.unwrap();
        let expected = all.iter().map(|(name, (_, own))| (name.clone(), (*own, *own)));
        assert_eq!(seen, expected.collect());
        // The setting ended with the transaction.
        let unset = count(&client, &tables, facility).await;
        assert!(unset.values().all(|seen| *seen == (0, 0)), "{unset:?}");
    }
    let unset = count(&application().await, &tables, ours.facility_id.0).await;
    assert!(unset.values().all(|seen| *seen == (0, 0)), "{unset:?}");
    for nobody in [String::new(), Uuid::now_v7().to_string()] {
        client.query_one("SELECT set_config('medicalpro.facility_id', $1, false)", &[&nobody]).await.unwrap();
        let seen = count(&client, &tables, ours.facility_id.0).await;
        assert!(seen.values().all(|seen| *seen == (0, 0)), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_practices_is_secured_and_not_the_applications_to_change() {
    practice_with_everything().await;
    for table in tables_of_practices().await {
        assert!(table.has_facility, "{} does not say whose its rows are", table.name);
        assert!(table.is_secured, "{} has no row-level security", table.name);
        assert!(!table.may_change && !table.is_owned_by_application, "{} may be changed", table.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_table_shows_the_application_all_practices_without_a_reason_given_here() {
    Practice::new().await;
    let elsewhere = "n.nspname NOT IN ('read_model', 'audit', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
         AND has_table_privilege('medicalpro_app', c.oid, 'SELECT')";
    let whole = relations(elsewhere).await.into_iter().filter(|table| table.has_facility && !table.is_secured);
    let mut expected: Vec<&str> = SEEN_WHOLE.iter().map(|(name, _)| *name).collect();
    expected.sort_unstable();
    assert_eq!(whole.map(|table| table.name).collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_cannot_get_around_row_level_security() {
    Practice::new().await;
    let client = application().await;
    let role = "SELECT rolsuper, rolbypassrls, rolinherit, rolcreaterole, pg_has_role('medicalpro_app', oid, 'USAGE')
                FROM pg_roles WHERE rolname = $1";
    let app = client.query_one(role, &[&"medicalpro_app"]).await.unwrap();
    assert!((0..4).all(|attribute| !app.get::<_, bool>(attribute)), "{app:?}");
    // Whoever sees all rows: the application may take the projector's role on purpose, and has nothing of it otherwise.
    let projector = client.query_one(role, &[&"medicalpro_projector"]).await.unwrap();
    assert!([0, 1, 3, 4].into_iter().all(|attribute| !projector.get::<_, bool>(attribute)), "{projector:?}");
    for attempt in [
        "SET row_security = off; SELECT count(*) FROM read_model.patients",
        "ALTER TABLE read_model.patients DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY everything ON read_model.patients USING (true)",
        "DELETE FROM read_model.patients",
        "UPDATE audit.access SET facility_id = facility_id",
        "INSERT INTO audit.access SELECT * FROM audit.access LIMIT 0",
    ] {
        let refused = application().await.batch_execute(attempt).await.unwrap_err();
        assert_eq!(refused.code().map(|code| code.code()), Some("42501"), "{attempt}: {refused}");
    }
}

/// The tables beside the log and the read models, each with whether its rows name a practice, themselves or by the row that
/// they belong to.
async fn tables_elsewhere() -> BTreeMap<String, bool> {
    let statement = "
        WITH named AS (
          SELECT a.attrelid FROM pg_attribute a WHERE a.attname = 'facility_id' AND NOT a.attisdropped)
        SELECT n.nspname || '.' || c.relname,
          c.oid IN (SELECT attrelid FROM named) OR EXISTS (
            SELECT FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f'
              AND f.confrelid IN (SELECT attrelid FROM named))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%'
          AND n.nspname NOT IN ('information_schema', 'read_model', 'audit', 'log', 'keys')";
    let rows = owner().await.query(statement, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_beside_the_log_says_whose_its_rows_are() {
    Practice::new().await;
    let tables = tables_elsewhere().await;
    let of_nobody: Vec<&str> = tables.iter().filter(|(_, named)| !**named).map(|(table, _)| table.as_str()).collect();
    assert_eq!(of_nobody, OF_NO_PRACTICE_ELSEWHERE.map(|(table, _)| table), "rows without a practice");
    // What `kept_of` does not compare, another practice could change without a test that notices.
    let of_practices = tables.iter().filter(|(_, named)| **named).map(|(table, _)| table.as_str());
    let not_compared: Vec<&str> = of_practices.filter(|table| !KEPT.contains(table)).collect();
    assert_eq!(not_compared, NOT_COMPARED.map(|(table, _)| table), "rows that `kept_of` does not compare");
}
