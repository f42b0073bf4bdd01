//! When practitioners can be booked: commands on a real log, the guard that bookings take, and what the read model shows.

use std::sync::Arc;
use std::time::Duration;

use commands::{CommandContext, CommandError, Commands};
use domain::availability::{
    AvailabilityCommand, AvailabilityError, BookingRules, DayHours, ExtraHours, Leave, LeaveKind,
};
use domain::ids::{AppointmentId, ExtraHoursId, FacilityId, LeaveId, StreamVersion, UserId};
use domain::role::Role;
use domain::scheduling::{TimeOfDay, TimeSlot};
use domain::user::{Profession, Profile, UserDetails};
use domain::values::{EmailAddress, FirstName, LastName, Rpps, TextValue};
use event_store_schema::EventLog;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use projections::availability::{AvailabilityQueries, TemplateView, WeekView};
use projections_engine::Projections;
use projections_engine::rebuild::verify;
use system_tests::house::{House, open_practice};
use uuid::Uuid;

/// A practice with its log and its read models, as in one server.
struct Practice {
    house: Arc<House>,
    log: EventLog,
    commands: Commands,
    read_models: Projections,
    queries: AvailabilityQueries,
    facility: FacilityId,
}

impl Practice {
    async fn new() -> Self {
        let house = Arc::new(House::new().await);
        projections_engine::install(&house.owner, &projections::all()).await.expect("tables");
        let log = house.open_log().await;
        let commands = Commands::new(log.clone());
        let facility = open_practice(&commands).await;
        let read_models = Projections::start(log.clone(), projections::all());
        let queries = AvailabilityQueries::new(log.database().clone());
        Self { house, log, commands, read_models, queries, facility }
    }

    fn context(&self) -> CommandContext {
        CommandContext::system(self.facility)
    }

    async fn hire(&self, role: Role) -> UserId {
        hire(&self.commands, self.facility, role).await
    }

    async fn change(&self, practitioner: UserId, command: AvailabilityCommand) {
        self.commands.change_availability(practitioner, &command, &self.context()).await.expect("it is allowed");
    }

    /// The week after next, as another practice or this one sees it.
    async fn week(&self, facility: FacilityId, practitioner: UserId) -> Option<WeekView> {
        let (zone, known) = self.queries.one(facility, practitioner).await.unwrap();
        known.map(|known| WeekView::of(known, &zone, monday()))
    }

    /// Waits until the read models show all there is.
    async fn shown(&self) {
        let head = self.log.head().await.expect("the log answers");
        assert!(self.read_models.wait_for(head, Duration::from_secs(10)).await);
    }
}

async fn hire(commands: &Commands, facility: FacilityId, role: Role) -> UserId {
    let id = UserId(Uuid::now_v7());
    let details = UserDetails {
        profile: Profile {
            last_name: LastName::parse("Le Goff").expect("a value"),
            first_name: FirstName::parse("Anaïs").expect("a value"),
            email: EmailAddress::parse(&format!("u{id}@exemple.fr")).expect("a value"),
            phone: None,
        },
        profession: Profession {
            rpps_number: (role == Role::Doctor).then(|| Rpps::parse("10002909371").expect("a value")),
            ..Profession::default()
        },
    };
    commands.register_user(id, role, &details, &CommandContext::system(facility)).await.expect("registered");
    id
}

fn slot(start: &str, end: &str) -> TimeSlot {
    let time = |text| TimeOfDay::parse(text).expect("a time of the day");
    TimeSlot { start: time(start), end: time(end) }
}

/// From 08:00 to 12:00 on every day but Sunday.
fn mornings() -> AvailabilityCommand {
    let days = Weekday::Monday.cycle_forward().take(6);
    let hours = days.map(|day_of_week| DayHours { day_of_week, time_slots: vec![slot("08:00", "12:00")] }).collect();
    AvailabilityCommand::SetWeeklyHours { hours, valid_from: None }
}

/// The Monday after next, in Brest: whenever the test runs, hours that hold from today on hold in that week.
fn monday() -> Date {
    let today = Timestamp::now().to_zoned(TimeZone::get("Europe/Paris").expect("a zone")).date();
    today.nth_weekday(2, Weekday::Monday).expect("a date")
}

fn leave(from: Date, until: Date) -> Leave {
    Leave { from: from.at(10, 0, 0, 0), until: until.at(0, 0, 0, 0), kind: LeaveKind::Holiday }
}

fn plan(leave_id: LeaveId, leave: Leave) -> AvailabilityCommand {
    AvailabilityCommand::PlanLeave { leave_id, leave, touched: vec![], confirmed: false }
}

/// Each day of the week with what the clock shows when it opens and closes.
async fn week(practice: &Practice, practitioner: UserId) -> Vec<String> {
    practice.shown().await;
    let week = practice.week(practice.facility, practitioner).await.expect("a week");
    let open = week.days.iter().flat_map(|day| day.time_slots.iter().map(move |slot| (day.day_of_week, slot)));
    open.map(|(day, slot)| format!("{day} {}–{}", slot.start, slot.end)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_shows_hours_and_extra_hours_without_leave() {
    let practice = Practice::new().await;
    let doctor = practice.hire(Role::Doctor).await;
    practice.shown().await;
    assert_eq!(practice.week(practice.facility, doctor).await, None);

    practice.change(doctor, mornings()).await;
    let whole = [1, 2, 3, 4, 5, 6].map(|day| format!("{day} 08:00–12:00"));
    assert_eq!(week(&practice, doctor).await, whole);

    let (wednesday, thursday) = (monday() + 2.days(), monday() + 3.days());
    let leave_id = LeaveId(Uuid::now_v7());
    practice.change(doctor, plan(leave_id, leave(wednesday, thursday))).await;
    let extra_id = ExtraHoursId(Uuid::now_v7());
    let extra = ExtraHours { date: monday(), time_slots: vec![slot("20:00", "24:00")] };
    practice.change(doctor, AvailabilityCommand::OpenExtraHours { extra_id, extra }).await;
    let mut changed = whole.to_vec();
    changed[2] = "3 08:00–10:00".to_owned();
    changed.insert(1, "1 20:00–24:00".to_owned());
    assert_eq!(week(&practice, doctor).await, changed);

    let rules = BookingRules { notice_minutes: 60, ..BookingRules::default() };
    practice.change(doctor, AvailabilityCommand::SetBookingRules { rules }).await;
    practice.shown().await;
    let (zone, known) = practice.queries.one(practice.facility, doctor).await.unwrap();
    let template = TemplateView::of(known.unwrap(), &zone, Timestamp::now());
    assert_eq!((template.hours[0].days.len(), template.rules, template.version), (6, rules, StreamVersion::from(4)));
    assert_eq!((template.leave[0].id, template.extra_hours[0].id), (leave_id, extra_id));
    assert_eq!(template.time_zone, "Europe/Paris");

    practice.change(doctor, AvailabilityCommand::CancelLeave { leave_id }).await;
    practice.change(doctor, AvailabilityCommand::CloseExtraHours { extra_id }).await;
    assert_eq!(week(&practice, doctor).await, whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_treat_patients_in_the_practice_have_hours() {
    let practice = Practice::new().await;
    let elsewhere = open_practice(&practice.commands).await;
    let strangers = [
        UserId(Uuid::now_v7()),
        practice.hire(Role::Secretary).await,
        hire(&practice.commands, elsewhere, Role::Doctor).await,
    ];
    for stranger in strangers {
        let outcome = practice.commands.change_availability(stranger, &mornings(), &practice.context()).await;
        assert!(matches!(outcome, Err(CommandError::NotFound)), "{outcome:?}");
        let guarded = practice.commands.guarded_availability::<AvailabilityError>(practice.facility, stranger).await;
        assert!(matches!(guarded, Err(CommandError::NotFound)), "{guarded:?}");
    }
    let doctor = practice.hire(Role::Doctor).await;
    practice.change(doctor, mornings()).await;
    let theirs = practice.commands.change_availability(doctor, &mornings(), &CommandContext::system(elsewhere)).await;
    assert!(matches!(theirs, Err(CommandError::NotFound)), "{theirs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn leave_over_appointments_is_refused_with_them_until_it_is_confirmed() {
    let practice = Practice::new().await;
    let doctor = practice.hire(Role::Doctor).await;
    let touched = vec![AppointmentId(Uuid::now_v7())];
    let plan = |confirmed| AvailabilityCommand::PlanLeave {
        leave_id: LeaveId(Uuid::now_v7()),
        leave: leave(monday(), monday() + 1.day()),
        touched: touched.clone(),
        confirmed,
    };
    let outcome = practice.commands.change_availability(doctor, &plan(false), &practice.context()).await;
    let expected = AvailabilityError::TouchesAppointments(touched.clone());
    assert!(matches!(outcome, Err(CommandError::Refused(refusal)) if refusal == expected));
    practice.change(doctor, plan(true)).await;
    let unknown = AvailabilityCommand::CancelLeave { leave_id: LeaveId(Uuid::now_v7()) };
    let outcome = practice.commands.change_availability(doctor, &unknown, &practice.context()).await;
    assert!(matches!(outcome, Err(CommandError::NotFound)), "{outcome:?}");
}

/// What a booking was decided on is no longer so, on whichever server the leave was planned.
#[tokio::test(flavor = "multi_thread")]
async fn the_guard_of_a_decision_moves_with_every_change() {
    let practice = Practice::new().await;
    let other_server = practice.house.open_commands().await;
    let doctor = practice.hire(Role::Doctor).await;
    let guarded =
        async || practice.commands.guarded_availability::<AvailabilityError>(practice.facility, doctor).await.unwrap();
    let (nothing, guard) = guarded().await;
    assert_eq!((nothing.weekly.len(), guard.version), (0, StreamVersion::ZERO));
    for (version, command) in
        (1..).zip([mornings(), plan(LeaveId(Uuid::now_v7()), leave(monday(), monday() + 1.day()))])
    {
        other_server.change_availability(doctor, &command, &practice.context()).await.expect("it is allowed");
        let (_, guard) = guarded().await;
        assert_eq!(guard.version, StreamVersion::from(version));
    }
    let (availability, _) = guarded().await;
    assert_eq!((availability.weekly.len(), availability.leave.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_the_calendar_of_another_practice_and_one_made_again_is_the_same() {
    let practice = Practice::new().await;
    let elsewhere = open_practice(&practice.commands).await;
    for role in [Role::Doctor, Role::Nurse, Role::Doctor] {
        let practitioner = practice.hire(role).await;
        practice.change(practitioner, mornings()).await;
        practice.change(practitioner, plan(LeaveId(Uuid::now_v7()), leave(monday(), monday() + 1.day()))).await;
        practice.shown().await;
        assert!(practice.week(practice.facility, practitioner).await.is_some());
        assert_eq!(practice.week(elsewhere, practitioner).await, None);
    }
    let application = practice.house.application_client().await;
    let count = "SELECT count(*) FROM read_model.availability";
    assert_eq!(application.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 0);

    let availability = &projections::availability::Availabilities;
    let report = verify(&practice.log, &practice.house.owner, availability, |_| {}).await.unwrap();
    assert!(report.differences.is_empty(), "{:?}", report.differences);
}
