//! RFC 9457 problem answers: the one form in which the API refuses. Handlers return `Result<_, Problem>`; what the HTTP
//! library refuses by itself is brought into the same form by [`super::errors::ProblemAnswers`], at the edge.

use std::time::Duration;

use domain::scheduling::Interval;
use jiff::tz::TimeZone;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Object};

use super::instants::rfc3339;
pub use super::problem_code::ProblemCode;

/// The media type of every problem answer.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// One field or parameter that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
pub struct Violation {
    /// Where: a path such as `contact.emergencyContact.phone` or `treatments[2].dosage`, or a parameter's name.
    pub field: String,
    /// The rule that is broken, as a stable name such as `required`, `type`, `max_length` or `insee_key`.
    pub rule: String,
    /// What is wrong, for a person to read.
    pub detail: String,
}

impl Violation {
    /// `field` breaks `rule`; `detail` says how.
    pub fn new(field: impl Into<String>, rule: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), rule: rule.into(), detail: detail.into() }
    }
}

/// Something that is already there and in the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct Conflict {
    /// What kind of resource it is, such as `patient` or `appointment`.
    pub resource_type: String,
    /// Its identifier, where the caller may know it.
    pub resource_id: Option<String>,
    /// What people call it, such as a patient number.
    pub reference: Option<String>,
    /// Why it is in the way, as a stable name such as `same_identity`, `same_ins` or `same_practitioner`.
    pub rule: String,
    /// The fields that clash or differ.
    pub fields: Option<Vec<String>>,
    /// When it is in the way.
    pub period: Option<Period>,
}

/// From one instant until right before another.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
pub struct Period {
    /// RFC 3339, with the offset of the practice.
    pub start: String,
    /// RFC 3339, with the offset of the practice.
    pub end: String,
}

impl Period {
    /// As clocks of this zone show it.
    pub fn of(interval: Interval, zone: &TimeZone) -> Self {
        Self { start: rfc3339(interval.from, zone), end: rfc3339(interval.until, zone) }
    }
}

/// A refusal, before it is written out as an answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", self.code.name())]
pub struct Problem {
    code: ProblemCode,
    detail: Option<String>,
    violations: Vec<Violation>,
    conflicts: Vec<Conflict>,
    /// On the heap: few problems speak of times, and every operation may return one.
    times: Option<Box<Times>>,
    retry_after: Option<Duration>,
}

/// The times of which a problem speaks.
#[derive(Clone, Debug, Default, PartialEq)]
struct Times {
    open_hours: Option<Vec<Period>>,
    alternatives: Option<Vec<Period>>,
}

impl Problem {
    /// The problem with this code, and nothing more to say than the catalogue does.
    pub const fn new(code: ProblemCode) -> Self {
        Self { code, detail: None, violations: Vec::new(), conflicts: Vec::new(), times: None, retry_after: None }
    }

    /// 422, for a body whose values break these rules.
    pub fn validation_failed(violations: Vec<Violation>) -> Self {
        Self::new(ProblemCode::ValidationFailed).violating(violations)
    }

    /// 400, for a parameter that cannot be accepted.
    pub fn invalid_parameter(name: &str, rule: &str, detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::InvalidParameter).violating(vec![Violation::new(name, rule, detail)])
    }

    /// 404, for an identifier that names nothing the caller may see.
    pub fn not_found(resource: &str) -> Self {
        Self::new(ProblemCode::ResourceNotFound).because(format!("There is no such {resource}."))
    }

    /// 500. The error itself goes to the log, never into the answer; it must not hold personal data.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        let causes: Vec<String> =
            std::iter::successors(error.source(), |&cause| cause.source()).map(ToString::to_string).collect();
        tracing::error!(error = %error, causes = ?causes, "internal error");
        Self::new(ProblemCode::InternalError)
    }

    /// With a sentence on this very occurrence.
    #[must_use]
    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With the fields or parameters that are wrong.
    #[must_use]
    pub fn violating(mut self, violations: Vec<Violation>) -> Self {
        self.violations = violations;
        self
    }

    /// With what is in the way.
    #[must_use]
    pub fn conflicting_with(mut self, conflicts: Vec<Conflict>) -> Self {
        self.conflicts = conflicts;
        self
    }

    /// With the hours around the time that was asked for.
    #[must_use]
    pub fn open_at(mut self, hours: Vec<Period>) -> Self {
        self.times.get_or_insert_default().open_hours = Some(hours);
        self
    }

    /// With the nearest times that are free.
    #[must_use]
    pub fn with_alternatives(mut self, alternatives: Vec<Period>) -> Self {
        self.times.get_or_insert_default().alternatives = Some(alternatives);
        self
    }

    /// With the time after which trying again makes sense (`Retry-After`, in whole seconds, at least one).
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Why the request was refused.
    pub const fn code(&self) -> ProblemCode {
        self.code
    }

    /// The fields or parameters that are wrong.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// What is in the way, the hours around, and the nearest times that are free.
    pub fn into_times(self) -> (Vec<Conflict>, Option<Vec<Period>>, Option<Vec<Period>>) {
        let Times { open_hours, alternatives } = self.times.map(|times| *times).unwrap_or_default();
        (self.conflicts, open_hours, alternatives)
    }

    /// Writes the answer. `instance` is the path asked for, `request_id` finds the request in the log.
    pub fn answer(self, instance: Option<&str>, request_id: Option<&str>) -> Response {
        let retry_after =
            self.retry_after.or(default_wait(self.code)).map(|wait| wait.as_secs_f64().ceil().max(1.0) as u64);
        let times = self.times.map(|times| *times).unwrap_or_default();
        let document = ProblemDocument {
            r#type: format!("/docs/errors#{}", self.code.name()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            code: self.code.name().to_owned(),
            detail: self.detail,
            instance: instance.map(str::to_owned),
            request_id: request_id.map(str::to_owned),
            violations: (!self.violations.is_empty()).then_some(self.violations),
            conflicts: (!self.conflicts.is_empty()).then_some(self.conflicts),
            open_hours: times.open_hours,
            alternatives: times.alternatives,
            retry_after,
        };
        let mut response =
            Response::builder().status(self.code.status()).content_type(PROBLEM_JSON).body(document.to_json_string());
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge(self.code)));
        }
        response
    }
}

/// A caller that is told to come back later is always told when.
fn default_wait(code: ProblemCode) -> Option<Duration> {
    matches!(code.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
        .then_some(Duration::from_secs(1))
}

/// RFC 6750, section 3: a request without a token is told the scheme alone, a bad token is told so.
const fn challenge(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::InvalidToken | ProblemCode::TokenExpired | ProblemCode::SessionEnded => {
            r#"Bearer realm="medicalpro", error="invalid_token""#
        }
        _ => r#"Bearer realm="medicalpro""#,
    }
}

impl poem::error::ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.code.status()
    }

    fn as_response(&self) -> Response {
        self.clone().answer(None, None)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.answer(None, None)
    }
}

/// The body of a problem answer, as it is declared and written.
#[derive(Debug, Object)]
#[oai(rename = "Problem", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ProblemDocument {
    /// A reference to the page that explains this code.
    r#type: String,
    /// What is wrong, the same for every occurrence.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The stable name of this kind of problem.
    code: String,
    /// What is wrong in this very case.
    detail: Option<String>,
    /// The path that was asked for.
    instance: Option<String>,
    /// The id of the request, as in the `X-Request-Id` header and in the server's log.
    request_id: Option<String>,
    /// The fields or parameters that are wrong.
    violations: Option<Vec<Violation>>,
    /// What is in the way.
    conflicts: Option<Vec<Conflict>>,
    /// When the practitioner sees patients around the time that was asked for.
    open_hours: Option<Vec<Period>>,
    /// The nearest times that are free.
    alternatives: Option<Vec<Period>>,
    /// Seconds after which trying again makes sense.
    retry_after: Option<u64>,
}

impl ApiResponse for Problem {
    /// Declares every status of the catalogue that an operation can answer; `super::document` takes away from each
    /// operation what cannot happen there. An unknown path or method is no operation, hence not declared.
    fn meta() -> MetaResponses {
        let mut statuses: Vec<StatusCode> = ProblemCode::ALL.iter().map(|code| code.status()).collect();
        statuses.sort_unstable();
        statuses.dedup();
        statuses.retain(|status| *status != StatusCode::METHOD_NOT_ALLOWED);
        MetaResponses { responses: statuses.into_iter().map(problem_response).collect() }
    }

    fn register(registry: &mut Registry) {
        ProblemDocument::register(registry);
    }
}

fn problem_response(status: StatusCode) -> MetaResponse {
    let string_header = |name: &str, description: &str| MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
    };
    let headers = match status {
        StatusCode::UNAUTHORIZED => vec![string_header("WWW-Authenticate", "How to authenticate.")],
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            vec![string_header("Retry-After", "Seconds after which trying again makes sense.")]
        }
        _ => Vec::new(),
    };
    MetaResponse {
        description: status.canonical_reason().unwrap_or("Problem"),
        status: Some(status.as_u16()),
        status_range: None,
        content: vec![MetaMediaType { content_type: PROBLEM_JSON, schema: ProblemDocument::schema_ref() }],
        headers,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn a_problem_is_written_without_a_null_and_with_its_retry_time() {
        let problem = Problem::new(ProblemCode::Overloaded).retry_after(Duration::from_millis(1200));
        let mut response = problem.answer(Some("/api/v1/patients"), Some("r-1"));
        assert_eq!(response.header("retry-after"), Some("2"));
        assert_eq!(response.content_type(), Some(PROBLEM_JSON));
        let body: Value = response.take_body().into_json().await.unwrap();
        assert_eq!(
            body,
            json!({
                "type": "/docs/errors#overloaded", "title": "The server is at its limit", "status": 503,
                "code": "overloaded", "instance": "/api/v1/patients", "requestId": "r-1", "retryAfter": 2,
            })
        );
    }

    #[test]
    fn every_operational_status_of_the_catalogue_is_declared() {
        let declared: Vec<u16> = Problem::meta().responses.iter().filter_map(|response| response.status).collect();
        for code in ProblemCode::ALL.iter().filter(|code| **code != ProblemCode::MethodNotAllowed) {
            assert!(declared.contains(&code.status().as_u16()), "{}", code.name());
        }
    }
}
