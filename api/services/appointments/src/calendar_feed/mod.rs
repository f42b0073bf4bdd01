//! The appointments of a practitioner for calendar programs: a secret address that is made, replaced and revoked here, and what
//! is read at it.

mod calendar;

use domain::appointment::AppointmentStatus;
use domain::availability::AvailabilityError;
use domain::ids::UserId;
use domain::role::Area;
use domain::user::UserStatus;
use jiff::{SignedDuration, Timestamp};
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::registry::MetaSchema;
use poem_openapi::{ApiResponse, Object, OpenApi};
use projections::appointments::{AppointmentFilter, AppointmentPageStart};
use uuid::Uuid;

use self::calendar::calendar_of;
use crate::desk::AgendaDesk;
use accounts::calendar_feeds::{CalendarFeed, CalendarFeeds, SECRET_PATTERN};
use frame::answers::Done;
use frame::conditional::{IfNoneMatch, content_tag};
use frame::parameter::{StrictUuid, TextParameter};
use frame::permissions::{Permission, PermissionTable};
use frame::problem::{Problem, ProblemCode};
use frame::received::{Asked, Received};
use frame::text_parameter;
use service::Chapter;

/// How far back and ahead a feed reaches.
const BACK: SignedDuration = SignedDuration::from_hours(31 * 24);
const AHEAD: SignedDuration = SignedDuration::from_hours(366 * 24);
/// How many appointments a feed has at most.
const MOST: u32 = 10_000;
/// Programs ask more often than anything changes.
const CACHED: &str = "private, max-age=300";

/// The secret in the address of a feed.
#[derive(Clone)]
pub struct FeedSecret(String);

impl TextParameter for FeedSecret {
    const NAME: &'static str = "feed_secret";

    fn schema() -> MetaSchema {
        MetaSchema { pattern: Some(SECRET_PATTERN.to_owned()), ..MetaSchema::new("string") }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let form = text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        form.then(|| Self(text.to_owned())).ok_or_else(|| "Must be the secret of a calendar feed.".to_owned())
    }
}

text_parameter!(FeedSecret);

/// The operations.
pub struct CalendarFeedApi {
    desk: AgendaDesk,
    feeds: CalendarFeeds,
}

/// A calendar feed. Its address is told once, when it is made.
#[derive(Debug, Object)]
#[oai(rename = "CalendarFeed", rename_all = "camelCase", skip_serializing_if_is_none)]
struct CalendarFeedDocument {
    practitioner_id: Uuid,
    /// When its address was made, RFC 3339.
    created_at: String,
    /// Who made it, or took it over.
    created_by: Uuid,
    /// When it ended, RFC 3339: whoever made it was suspended, got another role, or had their password reset. It is read no
    /// more until somebody takes it over or makes another address.
    ended_at: Option<String>,
    /// Where calendar programs read it, below the address of this server. Whoever knows it reads the feed. Told when it is
    /// made, and never again.
    path: Option<String>,
}

impl CalendarFeedDocument {
    fn of(feed: CalendarFeed, secret: Option<&str>) -> Self {
        Self {
            practitioner_id: feed.practitioner_id.0,
            created_at: feed.created_at.to_string(),
            created_by: feed.created_by.0,
            ended_at: feed.ended_at.map(|moment| moment.to_string()),
            path: secret.map(|secret| format!("/api/v1/calendars/{secret}")),
        }
    }
}

#[derive(ApiResponse)]
enum Made {
    /// The feed, with its address. A former address is void.
    #[oai(status = 201)]
    Created(
        Json<CalendarFeedDocument>,
        /// The answer holds a secret.
        #[oai(header = "Cache-Control")]
        String,
    ),
}

#[derive(ApiResponse)]
enum CalendarAnswer {
    /// The appointments, as a calendar (RFC 5545).
    #[oai(status = 200, content_type = "text/calendar; charset=utf-8")]
    Calendar(
        PlainText<String>,
        /// What the calendar is.
        #[oai(header = "ETag")]
        String,
        /// For how long it need not be asked for again.
        #[oai(header = "Cache-Control")]
        String,
    ),
    /// It is still as in `If-None-Match`.
    #[oai(status = 304)]
    NotModified(
        /// What the calendar is.
        #[oai(header = "ETag")]
        String,
        /// For how long it need not be asked for again.
        #[oai(header = "Cache-Control")]
        String,
    ),
}

impl CalendarFeedApi {
    /// Over this desk.
    pub fn new(desk: AgendaDesk) -> Self {
        let feeds = CalendarFeeds::new(desk.commands.log().database().clone());
        Self { desk, feeds }
    }

    /// Practitioners look after their own feed; those who may change calendars, after everybody's.
    async fn admitted(&self, received: &Received, id: StrictUuid) -> Result<UserId, Problem> {
        let practitioner = UserId(id.0);
        self.desk.commands.practitioner::<AvailabilityError>(received.facility_id, practitioner).await?;
        if received.user_id != practitioner && !received.may_write(Area::Availability) {
            let why = "The feed is another practitioner's, and the role may not write availability.";
            return Err(Problem::new(ProblemCode::PermissionDenied).because(why));
        }
        Ok(practitioner)
    }

    /// The calendar at a secret, as it is now. Of somebody who does not work here any more there is none.
    async fn calendar(&self, secret: &FeedSecret) -> Result<String, Problem> {
        let gone = || Problem::not_found("calendar feed");
        let feed = self.feeds.find(&secret.0).await?.ok_or_else(gone)?;
        let user = self.desk.users.view(feed.facility_id, feed.practitioner_id).await?;
        user.filter(|user| user.status != UserStatus::Suspended).ok_or_else(gone)?;
        let practice = self.desk.facilities.get(feed.facility_id).await?.ok_or_else(gone)?;
        let now = Timestamp::now();
        let filter = AppointmentFilter {
            from: now.checked_sub(BACK).ok(),
            until: now.checked_add(AHEAD).ok(),
            practitioners: vec![feed.practitioner_id],
            statuses: vec![
                AppointmentStatus::Scheduled,
                AppointmentStatus::Confirmed,
                AppointmentStatus::Arrived,
                AppointmentStatus::InProgress,
                AppointmentStatus::Completed,
            ],
            ..AppointmentFilter::default()
        };
        let first = AppointmentPageStart::Number(1);
        let found = self.desk.appointments.list(feed.facility_id, &filter, &first, MOST, now).await?;
        Ok(calendar_of(&found.items, &practice.rooms))
    }
}

/// What each operation asks of its caller.
pub(crate) const PERMISSIONS: PermissionTable = &[
    // One's own; another's is for those who may change calendars, which the operation sees to.
    ("makeCalendarFeed", Permission::FreshlyProved),
    ("readCalendarFeed", Permission::SignedIn),
    ("takeOverCalendarFeed", Permission::FreshlyProved),
    ("revokeCalendarFeed", Permission::FreshlyProved),
    // By its secret address, for programs that cannot log in.
    ("readCalendar", Permission::Public),
];

#[OpenApi(prefix_path = "/api/v1", tag = "Chapter::Availability")]
impl CalendarFeedApi {
    /// Make the address of a calendar feed
    ///
    /// For a calendar program, which cannot log in: whoever knows the address reads when the practitioner has appointments, in
    /// which room, and nothing else. A former address is void from now on. Practitioners make their own; those with write
    /// access to `availability`, anybody's. The feed ends when whoever made it is suspended, gets another role or has their
    /// password reset.
    #[oai(path = "/practitioners/:practitionerId/calendar-feed", method = "post", operation_id = "makeCalendarFeed")]
    async fn make(
        &self,
        /// Whose appointments.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        asked: Asked<()>,
    ) -> Result<Made, Problem> {
        let practitioner = self.admitted(&asked, practitioner_id.0).await?;
        let (feed, secret) = self.feeds.make(asked.facility_id, practitioner, asked.user_id).await?;
        Ok(Made::Created(Json(CalendarFeedDocument::of(feed, Some(secret.as_str()))), "no-store".to_owned()))
    }

    /// Is there a calendar feed?
    ///
    /// Since when, and by whom; its address is not told again.
    #[oai(path = "/practitioners/:practitionerId/calendar-feed", method = "get", operation_id = "readCalendarFeed")]
    async fn read(
        &self,
        /// Whose appointments.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        asked: Asked<()>,
    ) -> Result<Json<CalendarFeedDocument>, Problem> {
        let practitioner = self.admitted(&asked, practitioner_id.0).await?;
        let feed = self.feeds.of(asked.facility_id, practitioner).await?;
        let feed = feed.ok_or_else(|| Problem::not_found("calendar feed"))?;
        Ok(Json(CalendarFeedDocument::of(feed, None)))
    }

    /// Take over a calendar feed
    ///
    /// The feed is then the caller's, as if they had made it, and goes on at the same address. Also one that ended because of
    /// what happened to whoever made it.
    #[oai(
        path = "/practitioners/:practitionerId/calendar-feed/take-over",
        method = "post",
        operation_id = "takeOverCalendarFeed"
    )]
    async fn take_over(
        &self,
        /// Whose appointments.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        asked: Asked<()>,
    ) -> Result<Json<CalendarFeedDocument>, Problem> {
        let practitioner = self.admitted(&asked, practitioner_id.0).await?;
        let feed = self.feeds.take_over(asked.facility_id, practitioner, asked.user_id).await?;
        let feed = feed.ok_or_else(|| Problem::not_found("calendar feed"))?;
        Ok(Json(CalendarFeedDocument::of(feed, None)))
    }

    /// Revoke a calendar feed
    ///
    /// Its address is void at once.
    #[oai(
        path = "/practitioners/:practitionerId/calendar-feed",
        method = "delete",
        operation_id = "revokeCalendarFeed"
    )]
    async fn revoke(
        &self,
        /// Whose appointments.
        #[oai(name = "practitionerId")]
        practitioner_id: Path<StrictUuid>,
        asked: Asked<()>,
    ) -> Result<Done, Problem> {
        let practitioner = self.admitted(&asked, practitioner_id.0).await?;
        let revoked = self.feeds.revoke(asked.facility_id, practitioner).await?;
        if revoked { Ok(Done::Done) } else { Err(Problem::not_found("calendar feed")) }
    }

    /// Read a calendar feed
    ///
    /// Without a login, at the secret address that was made for it: the appointments of a practitioner from a month ago until a
    /// year ahead, as an iCalendar file (RFC 5545) with their times, rooms and status.
    #[oai(path = "/calendars/:secret", method = "get", operation_id = "readCalendar")]
    async fn calendar_at(
        &self,
        /// The secret of the feed.
        secret: Path<FeedSecret>,
        /// The calendars that the client has already.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<IfNoneMatch>>,
    ) -> Result<CalendarAnswer, Problem> {
        let calendar = self.calendar(&secret.0).await?;
        let content = content_tag(&calendar);
        let (tag, cached) = (format!("\"{content}\""), CACHED.to_owned());
        if if_none_match.0.is_some_and(|known| known.has_tag(&content)) {
            return Ok(CalendarAnswer::NotModified(tag, cached));
        }
        Ok(CalendarAnswer::Calendar(PlainText(calendar), tag, cached))
    }
}
