//! The edge where every error becomes a problem answer: those that handlers return, those that the HTTP library makes by
//! itself (unknown path, wrong method, unreadable body), and panics. Nothing leaves the server as `text/plain`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use poem::error::{CorsError, MethodNotAllowedError, NotFoundError, ParsePathError, ReadBodyError};
use poem::http::{HeaderValue, header};
use poem::{Endpoint, Error, IntoResponse, Middleware, PathPattern, Request, Response, Result};

use poem_openapi::error::{ContentTypeError, ParseRequestPayloadError};

use super::problem::{Problem, ProblemCode, Violation};
use super::request_id::RequestId;
use super::routes::{RouteTable, RouteTemplate};

/// The middleware: what it wraps never fails, it answers.
pub struct ProblemAnswers {
    routes: Arc<RouteTable>,
}

impl ProblemAnswers {
    /// Answers 405 with the methods that these routes have.
    pub const fn new(routes: Arc<RouteTable>) -> Self {
        Self { routes }
    }
}

impl<E: Endpoint> Middleware<E> for ProblemAnswers {
    type Output = ProblemAnswersEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        ProblemAnswersEndpoint { inner, routes: Arc::clone(&self.routes) }
    }
}

/// The endpoint of [`ProblemAnswers`].
pub struct ProblemAnswersEndpoint<E> {
    inner: E,
    routes: Arc<RouteTable>,
}

impl<E: Endpoint> Endpoint for ProblemAnswersEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let instance = request.original_uri().path().to_owned();
        let request_id = request.data::<RequestId>().cloned();
        let answer = |problem: Problem| problem.answer(Some(&instance), request_id.as_ref().map(RequestId::as_str));

        match AssertUnwindSafe(self.inner.call(request)).catch_unwind().await {
            Ok(Ok(response)) => Ok(response.into_response()),
            Ok(Err(error)) => {
                let pattern = error.data::<PathPattern>().cloned();
                let template = error.data::<RouteTemplate>().cloned();
                let problem = problem_of(error);
                let refused_method = problem.code() == ProblemCode::MethodNotAllowed;
                let mut response = answer(problem);
                let route = pattern.and_then(|pattern| self.routes.by_pattern(&pattern.0));
                if refused_method
                    && let Some(allow) = route.and_then(|route| HeaderValue::from_str(&route.allowed()).ok())
                {
                    response.headers_mut().insert(header::ALLOW, allow);
                }
                if let Some(template) = template.or_else(|| route.map(|route| route.template.clone())) {
                    response.set_data(template);
                }
                Ok(response)
            }
            // The panic hook has logged where it happened; its message may hold data and goes nowhere else.
            Err(_panic) => Ok(answer(Problem::new(ProblemCode::InternalError))),
        }
    }
}

/// Reads like a table: which error of the HTTP library is which problem.
fn problem_of(error: Error) -> Problem {
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.clone();
    }
    if error.is::<NotFoundError>() {
        return Problem::new(ProblemCode::RouteNotFound);
    }
    if error.is::<MethodNotAllowedError>() {
        return Problem::new(ProblemCode::MethodNotAllowed);
    }
    if error.is::<CorsError>() {
        return Problem::new(ProblemCode::OriginNotAllowed);
    }
    if error.is::<ParsePathError>() {
        return Problem::invalid_parameter("path", "encoding", "The path is not percent-encoded UTF-8.");
    }
    if error.is::<ContentTypeError>() {
        return Problem::new(ProblemCode::UnsupportedMediaType);
    }
    if let Some(ParseRequestPayloadError { reason }) = error.downcast_ref() {
        return Problem::new(ProblemCode::MalformedRequest).violating(vec![Violation::new("", "syntax", reason)]);
    }
    if let Some(read) = error.downcast_ref::<ReadBodyError>() {
        return match read {
            ReadBodyError::PayloadTooLarge => Problem::new(ProblemCode::BodyTooLarge),
            ReadBodyError::Utf8(_) | ReadBodyError::Io(_) => Problem::new(ProblemCode::MalformedRequest),
            ReadBodyError::BodyHasBeenTaken => Problem::internal(read),
        };
    }
    let code = ProblemCode::for_status(error.status());
    if code == ProblemCode::InternalError {
        return Problem::internal(&error);
    }
    Problem::new(code)
}
