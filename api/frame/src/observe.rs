//! The outermost layer: names the request, measures and logs it. It
//! records the route as declared, never the path or the query as sent, so no identifier and no name reaches a log line
//! or a metric.

use std::time::Instant;

use poem::http::Method;
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use tracing::Instrument;
use tracing::field::Empty;

use super::request_id::{RequestId, X_REQUEST_ID};
use super::routes::RouteTemplate;

/// Seconds from the first byte of a request to its answer's head, by method, route and status.
pub const REQUEST_DURATION: &str = "http_request_duration_seconds";

/// The middleware.
pub struct Observe;

impl<E: Endpoint> Middleware<E> for Observe {
    type Output = ObserveEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        ObserveEndpoint { inner }
    }
}

/// The endpoint of [`Observe`].
pub struct ObserveEndpoint<E> {
    inner: E,
}

impl<E: Endpoint> Endpoint for ObserveEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let started = Instant::now();
        let request_id = RequestId::of(request.headers());
        let method = method_label(request.method());
        let span = tracing::info_span!("request", request_id = %request_id, method, route = Empty, status = Empty);
        request.set_data(request_id.clone());

        let mut response = match self.inner.call(request).instrument(span.clone()).await {
            Ok(response) => response.into_response(),
            Err(error) => error.into_response(),
        };

        let template = response.data::<RouteTemplate>().cloned();
        let route = template.as_ref().map_or("unmatched", |template| &*template.0);
        let status = response.status();
        let elapsed = started.elapsed();
        metrics::histogram!(
            REQUEST_DURATION,
            "method" => method, "route" => route.to_owned(), "status" => status.as_str().to_owned()
        )
        .record(elapsed.as_secs_f64());
        span.record("route", route);
        span.record("status", status.as_u16());
        span.in_scope(|| {
            let duration_ms = elapsed.as_secs_f64() * 1000.0;
            if status.is_server_error() {
                tracing::warn!(duration_ms, "request failed");
            } else {
                tracing::info!(duration_ms, "request answered");
            }
        });
        put_id(&mut response, &request_id);
        Ok(response)
    }
}

fn put_id(response: &mut Response, request_id: &RequestId) {
    if let Some(id) = request_id.to_header() {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
}

/// A client may invent methods; a metric's labels must stay few.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
