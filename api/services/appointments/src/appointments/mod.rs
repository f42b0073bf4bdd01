//! Appointments: book, list, read, move and change ([`AppointmentsApi`]), what happens to them on the day
//! ([`transitions`]), holds and the dry run of a booking ([`holds`]), [`series`], visits that are booked together
//! ([`linked`]), and what was called off by mistake ([`restore`]). Clients speak in what the clock of the practice shows;
//! [`times`] makes instants of it.

mod documents;
mod holds;
mod input;
mod linked;
mod list;
mod outcome;
mod restore;
mod series;
pub(super) mod times;
mod transitions;

use domain::appointment::{AppointmentCommand, AppointmentStatus, AppointmentType};
use domain::ids::{AppointmentId, PatientId};
use domain::role::Area;
use domain::values::CivilDate;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use uuid::Uuid;

use self::documents::AppointmentDocument;
pub(super) use self::documents::word;
use self::input::{BookingInput, RevisionInput};
use self::list::{AppointmentListDocument, Wanted};
use crate::desk::AgendaDesk;
use frame::answers::{Changed, Created, Read, TaggedList};
use frame::comma_separated::CommaSeparated;
use frame::pagination::{Cursor, PageLimit, PageNumber, PageRequest};
use frame::parameter::{SearchText, StrictBool, StrictUuid};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::received::{ChangingFor, Creating, NO_BODY, Reading, Revising};
use frame::shown::{Showing, Shown, Traced};
use frame::strict_json::StrictJson;
use frame::unparsed::Unparsed;
use service::{Chapter, Mount};

/// Mounts all of them. They are of several types because each has its own file.
pub(crate) fn mount(mount: &mut Mount<'_>) {
    mount.operations(PERMISSIONS, |parts| AppointmentsApi::new(AgendaDesk::new(parts)));
    mount.operations(transitions::PERMISSIONS, |parts| transitions::TransitionsApi::new(AgendaDesk::new(parts)));
    mount.operations(list::PERMISSIONS, |parts| list::AppointmentListsApi::new(AgendaDesk::new(parts)));
    mount.operations(holds::PERMISSIONS, |parts| holds::HoldsApi::new(AgendaDesk::new(parts)));
    mount.operations(series::PERMISSIONS, |parts| series::SeriesApi::new(AgendaDesk::new(parts)));
    mount.operations(linked::PERMISSIONS, |parts| linked::LinkedApi::new(AgendaDesk::new(parts)));
    mount.operations(restore::PERMISSIONS, |parts| restore::RestoreApi::new(AgendaDesk::new(parts)));
}

/// The operations on appointments themselves.
pub struct AppointmentsApi {
    desk: AgendaDesk,
}

impl AppointmentsApi {
    /// Over this desk.
    pub const fn new(desk: AgendaDesk) -> Self {
        Self { desk }
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    ("listAppointments", Permission::Read(Area::Appointments)),
    ("bookAppointment", Permission::Write(Area::Appointments)),
    ("readAppointment", Permission::Read(Area::Appointments)),
    ("reviseAppointment", Permission::Write(Area::Appointments)),
    ("deleteAppointment", Permission::Write(Area::Appointments)),
];

#[OpenApi(prefix_path = "/api/v1/appointments", tag = "Chapter::Appointments")]
impl AppointmentsApi {
    /// List or search appointments
    ///
    /// By when they begin. Slots that are held are among them until their time is over; what was released is not.
    #[oai(path = "/", method = "get", operation_id = "listAppointments")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        /// Those of this day, where the practice is.
        date: Query<Option<Unparsed<CivilDate>>>,
        /// Those of the week that this day is in, from Monday to Sunday.
        week: Query<Option<Unparsed<CivilDate>>>,
        /// Those from this day on.
        from: Query<Option<Unparsed<CivilDate>>>,
        /// Those until this day, and on it.
        until: Query<Option<Unparsed<CivilDate>>>,
        /// Those of these practitioners.
        #[oai(name = "practitionerId")]
        practitioner_id: Query<Option<CommaSeparated<StrictUuid>>>,
        /// Those of this patient.
        #[oai(name = "patientId")]
        patient_id: Query<Option<StrictUuid>>,
        /// Those of these statuses.
        status: Query<Option<CommaSeparated<AppointmentStatus>>>,
        /// Those of these kinds.
        r#type: Query<Option<CommaSeparated<AppointmentType>>>,
        /// Those of this series.
        #[oai(name = "seriesId")]
        series_id: Query<Option<StrictUuid>>,
        /// Those that were booked together.
        #[oai(name = "linkId")]
        link_id: Query<Option<StrictUuid>>,
        /// Those that have to be moved, because they are still ahead and lie in a leave of their practitioner; with `false` as
        /// without it, all.
        #[oai(name = "needsRescheduling")]
        needs_rescheduling: Query<Option<StrictBool>>,
        /// Words that begin words of the title or the reason, in any order.
        search: Query<Option<SearchText>>,
        /// Which page, from 1. Not together with `cursor`.
        page: Query<Option<PageNumber>>,
        /// How many appointments on a page.
        limit: Query<Option<PageLimit>>,
        /// The `nextCursor` of the page before. It costs the same on every page.
        cursor: Query<Option<Cursor>>,
        asked: Reading,
    ) -> Result<Traced<TaggedList<AppointmentListDocument>>, Problem> {
        let wanted = Wanted {
            date: date.0,
            week: week.0,
            from: from.0,
            until: until.0,
            practitioners: practitioner_id.0,
            patient: patient_id.0,
            statuses: status.0,
            types: r#type.0,
            series: series_id.0,
            link: link_id.0,
            search: search.0,
            needs_rescheduling: needs_rescheduling.0,
        };
        let page = PageRequest::new(page.0, limit.0, cursor.0)?;
        self.desk.list_appointments(&wanted, &page, &asked).await
    }

    /// Book an appointment
    ///
    /// 409 if the practitioner, the patient or the room is taken then, with what is met, or if the practitioner is not
    /// there, with the hours around. In the past with a `justification` only.
    #[oai(path = "/", method = "post", operation_id = "bookAppointment")]
    async fn book(
        &self,
        asked: Creating,
        StrictJson(input): StrictJson<BookingInput>,
    ) -> Result<Traced<Created<AppointmentDocument>>, Problem> {
        let time = self.desk.practice_time(asked.facility_id).await?;
        let mut violations = Vec::new();
        let visit = input.visit();
        let slot = visit.times.slot(&time.zone, "", &mut violations);
        let details = visit.details("", &mut violations);
        let (Some(slot), Some((details, terms)), true) = (slot, details, violations.is_empty()) else {
            return Err(Problem::validation_failed(violations));
        };
        let context = asked.context(terms.reason.as_ref(), &input);
        let patient_id = PatientId(input.patient_id.0);
        let command =
            AppointmentCommand::BookAppointment { patient_id, slot, details, occurrence: None, link_id: None, terms };
        let id = AppointmentId(Uuid::now_v7());
        self.desk.take_times(input.hold_id, id, &command, &time, (&context, &asked)).await
    }

    /// Read an appointment
    #[oai(path = "/:id", method = "get", operation_id = "readAppointment")]
    async fn read(
        &self,
        /// The appointment.
        id: Path<StrictUuid>,
        asked: Reading,
    ) -> Result<Traced<Read<AppointmentDocument>>, Problem> {
        let found = self.desk.appointments.get(asked.facility_id, AppointmentId(id.0.0)).await?;
        let found = found.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))?;
        let shown = Shown::of("appointment", Some(id.0.0), found.patient_id);
        let answer = Read::of(&asked, found.version, || Ok(AppointmentDocument::from(found)))?;
        Ok(answer.showing(shown))
    }

    /// Move or change an appointment
    ///
    /// Replaces everything that is known of it: what is left out is known no more. Other times, another practitioner or
    /// another room are checked as a booking is, and ask for the patient's confirmation again.
    #[oai(path = "/:id", method = "put", operation_id = "reviseAppointment")]
    async fn revise(
        &self,
        /// The appointment.
        id: Path<StrictUuid>,
        asked: Revising,
        StrictJson(input): StrictJson<RevisionInput>,
    ) -> Result<Traced<Changed<AppointmentDocument>>, Problem> {
        asked.conditional()?;
        let time = self.desk.practice_time(asked.facility_id).await?;
        let mut violations = Vec::new();
        let visit = input.visit();
        let slot = visit.times.slot(&time.zone, "", &mut violations);
        let details = visit.details("", &mut violations);
        let (Some(slot), Some((details, terms)), true) = (slot, details, violations.is_empty()) else {
            return Err(Problem::validation_failed(violations));
        };
        let context = asked.context(terms.reason.as_ref(), &input);
        let command = AppointmentCommand::ReviseAppointment { slot, details, terms };
        self.desk.change_appointment(id, &command, &context, &asked).await
    }

    /// Call an appointment off
    ///
    /// Its times are free again.
    #[oai(path = "/:id", method = "delete", operation_id = "deleteAppointment")]
    async fn delete(
        &self,
        /// The appointment.
        id: Path<StrictUuid>,
        asked: ChangingFor,
    ) -> Result<Traced<Changed<AppointmentDocument>>, Problem> {
        // Why a patient's visit is called off is the patient's: it stands in the event, under their key.
        let command = AppointmentCommand::CancelAppointment { reason: asked.change_reason() };
        let context = asked.context(None, &NO_BODY);
        self.desk.change_appointment(id, &command, &context, &asked).await
    }
}
