//! Which web pages may speak to this server from a browser: its own, and those of the configured origins. They get the CORS headers,
//! and their WebSockets are accepted; a page of another origin gets neither. Programs that are no browser send no `Origin`
//! and are not concerned.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use poem::http::{Method, Uri, header};
use poem::middleware::{Cors, CorsEndpoint};
use poem::{Endpoint, Middleware, Request, Response, Result};

use super::problem::{Problem, ProblemCode};

/// Pages that patients open by links. No script reads them; and since they name themselves to nobody, the origin of
/// their forms is `null`, which nobody may be refused for.
pub(super) const PATIENT_LINKS: &str = "/rdv/";

/// How long a browser may remember what it was told, in seconds.
const REMEMBERED: i32 = 3600;

/// What scripts may read of an answer besides its body.
const EXPOSED: [&str; 9] = [
    "etag",
    "event-position",
    "link",
    "location",
    "preference-applied",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "x-request-id",
];

/// An origin as browsers write it: scheme, host, and port where it is not the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin(String);

impl Origin {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        const FORM: &str = "an origin is https://host or https://host:port, in small letters and without a path";
        let uri: Uri = text.parse().map_err(|_| FORM)?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(FORM);
        };
        // As a browser sends it, byte for byte: nothing else would ever match.
        let standard = if scheme == "https" { Some(443) } else { Some(80) };
        let plain = authority.port_u16() != standard && !authority.as_str().contains('@');
        let whole = format!("{scheme}://{authority}");
        (plain && whole == text && whole == whole.to_lowercase()).then_some(Self(whole)).ok_or(FORM)
    }
}

/// The origins that are allowed.
#[derive(Clone, Debug, Default)]
pub struct Origins(Arc<BTreeSet<String>>);

impl Origins {
    /// These.
    pub fn new(origins: impl IntoIterator<Item = Origin>) -> Self {
        Self(Arc::new(origins.into_iter().map(|origin| origin.0).collect()))
    }

    /// The CORS layer; none without origins, for it would then allow every one.
    fn cors(&self) -> Option<Cors> {
        if self.0.is_empty() {
            return None;
        }
        let origins = Arc::clone(&self.0);
        let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let cors = Cors::new()
            .allow_origins(origins.iter().map(String::as_str))
            .allow_methods(methods)
            .expose_headers(EXPOSED)
            .max_age(REMEMBERED);
        Some(cors)
    }

    /// 403 for a socket that a page of another origin opens. Browsers let any page open one, and say whose page it is.
    pub fn check(&self, request: &Request) -> std::result::Result<(), Problem> {
        let mut given = request.headers().get_all(header::ORIGIN).iter();
        let allowed = match (given.next().map(|origin| origin.to_str()), given.next()) {
            (None, _) => true,
            (Some(Ok(origin)), None) => self.0.contains(origin) || is_own(origin, request),
            (Some(_), _) => false,
        };
        if allowed { Ok(()) } else { Err(Problem::new(ProblemCode::OriginNotAllowed)) }
    }
}

impl<E: Endpoint<Output = Response>> Middleware<E> for Origins {
    type Output = CrossOriginEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        let inner = Arc::new(inner);
        CrossOriginEndpoint { cors: self.cors().map(|cors| cors.transform(Arc::clone(&inner))), inner }
    }
}

/// The endpoint of [`Origins`].
pub struct CrossOriginEndpoint<E> {
    inner: Arc<E>,
    cors: Option<CorsEndpoint<Arc<E>>>,
}

impl<E: Endpoint<Output = Response>> Endpoint for CrossOriginEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        let is_page = request.uri().path().starts_with(PATIENT_LINKS);
        // The library would refuse a page of our own, for browsers name its origin as well when it writes.
        match &self.cors {
            Some(cors) if !is_page && !origin.is_some_and(|origin| is_own(origin, &request)) => {
                cors.call(request).await
            }
            Some(_) | None => self.inner.call(request).await,
        }
    }
}

/// Whether a page comes from where the request goes to.
fn is_own(origin: &str, request: &Request) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for text in
            ["https://cabinet.example", "http://localhost:5173", "https://cabinet.example:8443", "http://[::1]:80"]
        {
            let expected = text != "http://[::1]:80";
            assert_eq!(text.parse::<Origin>().is_ok(), expected, "{text}");
        }
        for text in
            ["", "*", "cabinet.example", "https://cabinet.example/", "HTTPS://cabinet.example", "file:///x", "null"]
        {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_socket_of_a_foreign_page_is_refused() {
        let origins = Origins::new(["https://app.example".parse().unwrap()]);
        let check = |origin: Option<&str>| {
            let request = Request::builder().header("host", "api.example");
            let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin)).finish();
            origins.check(&request).is_ok()
        };
        for (origin, allowed) in [
            (None, true),
            (Some("https://app.example"), true),
            (Some("https://api.example"), true),
            (Some("https://app.example.evil"), false),
            (Some("http://app.example"), false),
            (Some("null"), false),
        ] {
            assert_eq!(check(origin), allowed, "{origin:?}");
        }
    }
}
