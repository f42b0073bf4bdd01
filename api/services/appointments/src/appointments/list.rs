//! Lists of appointments: which are in them, their pages, and what a line shows to whom.

use std::collections::{HashMap, HashSet};

use domain::appointment::{AppointmentPriority, AppointmentStatus, AppointmentType};
use domain::ids::{LinkId, PatientId, SeriesId, UserId};
use domain::role::Area;
use domain::scheduling::{TimeOfDay, instant_or_jump};
use domain::values::CivilDate;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use projections::appointments::{AppointmentFilter, AppointmentPage, AppointmentPageStart, AppointmentView};
use projections::availability::LeaveAhead;
use uuid::Uuid;

use super::documents::word;
use super::times::{AdditionalSlotDocument, ClockTimes};
use crate::desk::AgendaDesk;
use frame::answers::TaggedList;
use frame::comma_separated::CommaSeparated;
use frame::instants::rfc3339;
use frame::pagination::{Cursor, Links, PageLimit, PageNumber, PageRequest, PageStart};
use frame::parameter::{SearchText, StrictBool, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode, Violation};
use frame::received::{Reading, Received};
use frame::shown::{Showing, Shown, Traced};
use frame::unparsed::Unparsed;
use frame::unparsed_code::UnparsedCode;
use service::Chapter;

/// Where the list is. Those of today and of a patient lead to pages of it.
const PATH: &str = "/api/v1/appointments";

/// One appointment in a list, or a slot that is held.
#[derive(Debug, Object)]
#[oai(rename = "AppointmentSummary", rename_all = "camelCase", skip_serializing_if_is_none)]
struct AppointmentSummaryDocument {
    id: Uuid,
    status: UnparsedCode<AppointmentStatus>,
    patient_id: Option<Uuid>,
    /// For those who may read patients.
    patient_name: Option<String>,
    practitioner_id: Uuid,
    /// For those who may read staff.
    practitioner_name: Option<String>,
    room_id: Option<Uuid>,
    /// `YYYY-MM-DD`, where the practice is.
    date: String,
    /// `HH:MM`, where the practice is.
    start_time: String,
    /// `HH:MM`, where the practice is; 24:00 at the end of the day.
    end_time: String,
    /// In minutes.
    duration: u32,
    /// When it begins (RFC 3339, with the offset of the practice).
    start: String,
    /// When it ends (RFC 3339, with the offset of the practice).
    end: String,
    additional_slots: Vec<AdditionalSlotDocument>,
    r#type: Option<UnparsedCode<AppointmentType>>,
    priority: Option<UnparsedCode<AppointmentPriority>>,
    /// What calendars show.
    title: Option<String>,
    /// Until when a slot is held (RFC 3339).
    held_until: Option<String>,
    /// The series it belongs to.
    series_id: Option<Uuid>,
    /// What was booked together with it.
    link_id: Option<Uuid>,
    /// True if it lies outside the practitioner's hours as they were when it was booked.
    outside_availability: Option<bool>,
    /// There if it is still ahead and lies in a leave of its practitioner: it has to be moved.
    reschedule: Option<RescheduleDocument>,
    /// The version of the appointment.
    version: u64,
    /// When it was last changed (RFC 3339).
    updated_at: String,
}

/// Why an appointment has to be moved.
#[derive(Debug, Object)]
#[oai(rename = "Reschedule", rename_all = "camelCase")]
struct RescheduleDocument {
    /// The leave in which it lies.
    leave_id: Uuid,
}

/// A page of appointments.
#[derive(Debug, Object)]
#[oai(rename = "AppointmentList", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct AppointmentListDocument {
    items: Vec<AppointmentSummaryDocument>,
    /// How many there are on all pages.
    total: u64,
    /// The `cursor` of the next page, if there is one.
    next_cursor: Option<String>,
}

/// What people are called whom a list shows, as far as the caller may know.
struct Names {
    patients: HashMap<PatientId, String>,
    practitioners: HashMap<UserId, String>,
}

fn summary(view: AppointmentView, names: &Names, leave: &[LeaveAhead], now: Timestamp) -> AppointmentSummaryDocument {
    let leave = leave.iter().find(|leave| leave.concerns(&view, now));
    let zone = TimeZone::get(&view.time_zone).unwrap_or(TimeZone::UTC);
    let ClockTimes { date, start, end, repeated_hour: _ } = ClockTimes::of(view.during, &zone);
    AppointmentSummaryDocument {
        id: view.id.0,
        status: word(view.status),
        patient_id: view.patient_id.map(|patient| patient.0),
        patient_name: view.patient_id.and_then(|patient| names.patients.get(&patient).cloned()),
        practitioner_id: view.practitioner_id.0,
        practitioner_name: names.practitioners.get(&view.practitioner_id).cloned(),
        room_id: view.room_id.map(|room| room.0),
        date,
        start_time: start,
        end_time: end,
        duration: super::documents::minutes(view.during),
        start: rfc3339(view.during.from, &zone),
        end: rfc3339(view.during.until, &zone),
        additional_slots: view.additional_slots.iter().map(|slot| AdditionalSlotDocument::of(*slot, &zone)).collect(),
        r#type: view.kind.map(word),
        priority: view.priority.map(word),
        title: view.title,
        held_until: view.held_until.map(|until| rfc3339(until, &zone)),
        series_id: view.series_id.map(|series| series.0),
        link_id: view.link_id.map(|link| link.0),
        outside_availability: view.outside_availability.then_some(true),
        reschedule: leave.map(|leave| RescheduleDocument { leave_id: leave.leave_id.0 }),
        version: view.version.get(),
        updated_at: view.updated_at.to_string(),
    }
}

/// Which appointments a list is asked for.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) date: Option<Unparsed<CivilDate>>,
    pub(super) week: Option<Unparsed<CivilDate>>,
    pub(super) from: Option<Unparsed<CivilDate>>,
    pub(super) until: Option<Unparsed<CivilDate>>,
    pub(super) practitioners: Option<CommaSeparated<StrictUuid>>,
    pub(super) patient: Option<StrictUuid>,
    pub(super) statuses: Option<CommaSeparated<AppointmentStatus>>,
    pub(super) types: Option<CommaSeparated<AppointmentType>>,
    pub(super) series: Option<StrictUuid>,
    pub(super) link: Option<StrictUuid>,
    pub(super) search: Option<SearchText>,
    pub(super) needs_rescheduling: Option<StrictBool>,
}

impl Wanted {
    /// The first day and the last one, as far as they are limited.
    fn days(&self) -> Result<(Option<Date>, Option<Date>), Problem> {
        let day = |name: &str, wire: &Option<Unparsed<CivilDate>>| {
            wire.as_ref().map(|wire| wire.parameter(name).map(|date| date.value())).transpose()
        };
        let (date, week) = (day("date", &self.date)?, day("week", &self.week)?);
        let (from, until) = (day("from", &self.from)?, day("until", &self.until)?);
        let limits = [date.is_some(), week.is_some(), from.is_some() || until.is_some()];
        if limits.into_iter().filter(|given| *given).count() > 1 {
            let why = "One of `date`, `week`, and `from` with `until`.";
            let violations = [("date", date.is_some()), ("week", week.is_some())].into_iter();
            let violations =
                violations.filter(|(_, given)| *given).map(|(name, _)| Violation::new(name, "either", why));
            return Err(Problem::new(ProblemCode::InvalidParameter).violating(violations.collect()));
        }
        if let Some(week) = week {
            let monday = week.saturating_sub(i32::from(week.weekday().to_monday_zero_offset()).days());
            return Ok((Some(monday), Some(monday.saturating_add(6.days()))));
        }
        Ok((date.or(from), date.or(until)))
    }

    /// In the words of the read model.
    fn filter(&self, zone: &TimeZone) -> Result<AppointmentFilter, Problem> {
        let (first, last) = self.days()?;
        let begins = |date: Date, time: TimeOfDay| instant_or_jump(time.on(date), zone);
        Ok(AppointmentFilter {
            from: first.map(|date| begins(date, TimeOfDay::START)),
            until: last.map(|date| begins(date, TimeOfDay::END)),
            practitioners: several(self.practitioners.as_ref()).iter().map(|id| UserId(id.0)).collect(),
            patient: self.patient.map(|id| PatientId(id.0)),
            series: self.series.map(|id| SeriesId(id.0)),
            link: self.link.map(|id| LinkId(id.0)),
            statuses: several(self.statuses.as_ref()).to_vec(),
            types: several(self.types.as_ref()).to_vec(),
            search: self.search.as_ref().map(|search| search.as_str().to_owned()),
            in_leave: None,
        })
    }

    /// The parameters that all pages share.
    fn shared(&self, request: &PageRequest) -> Vec<(&'static str, String)> {
        let mut shared = vec![("limit", request.limit.0.to_string())];
        let days = [("date", &self.date), ("week", &self.week), ("from", &self.from), ("until", &self.until)];
        shared.extend(days.into_iter().filter_map(|(name, day)| Some((name, day.as_ref()?.raw().to_owned()))));
        let mut add = |name, value: Option<String>| shared.extend(value.map(|value| (name, value)));
        add("practitionerId", self.practitioners.as_ref().map(|several| several.as_str().to_owned()));
        add("patientId", self.patient.map(|id| id.0.to_string()));
        add("status", self.statuses.as_ref().map(|several| several.as_str().to_owned()));
        add("type", self.types.as_ref().map(|several| several.as_str().to_owned()));
        add("seriesId", self.series.map(|id| id.0.to_string()));
        add("linkId", self.link.map(|id| id.0.to_string()));
        add("needsRescheduling", self.needs_rescheduling.map(|needs| needs.0.to_string()));
        add("search", self.search.as_ref().map(|search| search.as_str().to_owned()));
        shared
    }
}

fn several<T: frame::comma_separated::Item>(given: Option<&CommaSeparated<T>>) -> &[T] {
    given.map_or(&[], CommaSeparated::values)
}

impl AgendaDesk {
    /// A page of the list, with the names that the reader may see. Whose appointments it shows is traced.
    pub(super) async fn list_appointments(
        &self,
        wanted: &Wanted,
        request: &PageRequest,
        received: &Received,
    ) -> Result<Traced<TaggedList<AppointmentListDocument>>, Problem> {
        let facility = received.facility_id;
        let mut filter = wanted.filter(&self.practice_time(facility).await?.zone)?;
        let now = Timestamp::now();
        let leave = self.availability.leave_ahead(facility, &filter.practitioners, now).await?;
        if wanted.needs_rescheduling.is_some_and(|needs| needs.0) {
            filter.in_leave = Some(leave.iter().map(|leave| (leave.practitioner_id, leave.during)).collect());
        }
        let start = match &request.start {
            PageStart::Number(number) => AppointmentPageStart::Number(number.0),
            PageStart::Cursor(cursor) => AppointmentPageStart::After(cursor.position()?),
        };
        let found = self.appointments.list(facility, &filter, &start, request.limit.0, now).await?;
        let patients: HashSet<PatientId> = found.items.iter().filter_map(|view| view.patient_id).collect();
        let patients: Vec<PatientId> = patients.into_iter().collect();
        let names = self.names_in(&found, &patients, received).await?;
        let next = found.next.as_ref().and_then(Cursor::of);
        let links = Links::new(PATH, wanted.shared(request)).around(request, Some(found.total), next.as_ref());
        let body = AppointmentListDocument {
            items: found.items.into_iter().map(|view| summary(view, &names, &leave, now)).collect(),
            total: found.total,
            next_cursor: next.map(|cursor| cursor.as_str().to_owned()),
        };
        // Also of those who are shown no names: whose visit it is, and when, is the patient's.
        Ok(TaggedList::page(received, body, links.header()).showing(Shown::search(patients)))
    }

    async fn names_in(
        &self,
        found: &AppointmentPage,
        patients: &[PatientId],
        received: &Received,
    ) -> Result<Names, Problem> {
        let facility = received.facility_id;
        let practitioners: HashSet<UserId> = found.items.iter().map(|view| view.practitioner_id).collect();
        let practitioners: Vec<UserId> = practitioners.into_iter().collect();
        let mut names = Names { patients: HashMap::new(), practitioners: HashMap::new() };
        if !patients.is_empty() && received.may_read(Area::Patients) {
            names.patients = self.patients.names(facility, patients).await?;
        }
        if !practitioners.is_empty() && received.may_read(Area::Users) {
            names.practitioners = self.users.names(facility, &practitioners).await?;
        }
        Ok(names)
    }
}

/// The lists of today and of one patient.
pub struct AppointmentListsApi {
    desk: AgendaDesk,
}

impl AppointmentListsApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("listAppointmentsToday", Permission::Read(Area::Appointments)),
    ("listAppointmentsOfPatient", Permission::Read(Area::Appointments)),
];

#[OpenApi(prefix_path = "/api/v1", tag = "Chapter::Appointments")]
impl AppointmentListsApi {
    /// The appointments of today
    ///
    /// Where the practice is, by when they begin.
    #[oai(path = "/appointments/today", method = "get", operation_id = "listAppointmentsToday")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn today(
        &self,
        /// Those of these practitioners.
        #[oai(name = "practitionerId")]
        practitioner_id: Query<Option<CommaSeparated<StrictUuid>>>,
        /// Those of these statuses.
        status: Query<Option<CommaSeparated<AppointmentStatus>>>,
        /// Those of these kinds.
        r#type: Query<Option<CommaSeparated<AppointmentType>>>,
        /// Which page, from 1. Not together with `cursor`.
        page: Query<Option<PageNumber>>,
        /// How many appointments on a page.
        limit: Query<Option<PageLimit>>,
        /// The `nextCursor` of the page before. It costs the same on every page.
        cursor: Query<Option<Cursor>>,
        asked: Reading,
    ) -> Result<Traced<TaggedList<AppointmentListDocument>>, Problem> {
        let today = self.desk.practice_time(asked.facility_id).await?.today();
        let wanted = Wanted {
            date: Some(today.to_string().into()),
            practitioners: practitioner_id.0,
            statuses: status.0,
            types: r#type.0,
            ..Wanted::default()
        };
        let page = PageRequest::new(page.0, limit.0, cursor.0)?;
        // The other pages are of the day that it is now.
        self.desk.list_appointments(&wanted, &page, &asked).await
    }

    /// The appointments of a patient
    ///
    /// By when they begin.
    #[oai(path = "/patients/:id/appointments", method = "get", operation_id = "listAppointmentsOfPatient")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn of_patient(
        &self,
        /// The patient.
        id: Path<StrictUuid>,
        /// Those from this day on.
        from: Query<Option<Unparsed<CivilDate>>>,
        /// Those until this day, and on it.
        until: Query<Option<Unparsed<CivilDate>>>,
        /// Those of these statuses.
        status: Query<Option<CommaSeparated<AppointmentStatus>>>,
        /// Those of these kinds.
        r#type: Query<Option<CommaSeparated<AppointmentType>>>,
        /// Which page, from 1. Not together with `cursor`.
        page: Query<Option<PageNumber>>,
        /// How many appointments on a page.
        limit: Query<Option<PageLimit>>,
        /// The `nextCursor` of the page before. It costs the same on every page.
        cursor: Query<Option<Cursor>>,
        asked: Reading,
    ) -> Result<Traced<TaggedList<AppointmentListDocument>>, Problem> {
        let patient = PatientId(id.0.0);
        if self.desk.patients.get(asked.facility_id, patient).await?.is_none() {
            return Err(Problem::new(ProblemCode::ResourceNotFound));
        }
        let wanted = Wanted {
            from: from.0,
            until: until.0,
            patient: Some(id.0),
            statuses: status.0,
            types: r#type.0,
            ..Wanted::default()
        };
        let page = PageRequest::new(page.0, limit.0, cursor.0)?;
        self.desk.list_appointments(&wanted, &page, &asked).await
    }
}
