//! What every answer tells the browser: to guess no types, to name this address to nobody, to show it in no frame, to run
//! nothing that is not allowed in so many words, and to keep no health data.

use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

/// For answers that are data. Pages for people have a policy of their own.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

const ALWAYS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The middleware.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecurityHeaders {
    /// Whether clients reach this server by TLS, and shall never try without again.
    pub strict_transport: bool,
}

impl<E: Endpoint> Middleware<E> for SecurityHeaders {
    type Output = SecurityHeadersEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        SecurityHeadersEndpoint { inner, headers: *self }
    }
}

/// The endpoint of [`SecurityHeaders`].
pub struct SecurityHeadersEndpoint<E> {
    inner: E,
    headers: SecurityHeaders,
}

impl<E: Endpoint> Endpoint for SecurityHeadersEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let is_api = request.uri().path().starts_with("/api/");
        let mut response = self.inner.call(request).await?.into_response();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            self.headers.put(&mut response, is_api);
        }
        Ok(response)
    }
}

impl SecurityHeaders {
    fn put(self, response: &mut Response, is_api: bool) {
        let headers = response.headers_mut();
        for (name, value) in ALWAYS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DATA_POLICY));
        }
        if self.strict_transport {
            let two_years = HeaderValue::from_static("max-age=63072000; includeSubDomains");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, two_years);
        }
        // Health data must not stay in a browser's or a proxy's cache; an ETag works without one.
        if is_api && !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}
