//! Serves what was mounted until told to stop: plain routes, the documents for programs and people, and the socket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use event_store_schema::AccessTrail;
use poem::endpoint::BoxEndpoint;
use poem::http::{Method, header};
use poem::listener::{Acceptor, Listener, TcpAcceptor, TcpListener};
use poem::{Endpoint, EndpointExt, IntoEndpoint, Request, Response, Server};
use poem_openapi::OpenApiService;
use tokio_util::sync::CancellationToken;

use super::client_address::TrustedProxies;
use super::document::TITLE;
use super::limits::Limits;
use super::origins::Origins;
use super::problem_code::explanations_page;
use super::rate::RateSettings;
use super::routes::FIRST_PARAMETER;
use super::security_headers::SecurityHeaders;
use super::tls::{Certificate, TlsConnections, TlsError};
use accounts::sessions::Sessions;

/// The whole interface, as one endpoint.
pub type App = BoxEndpoint<'static, Response>;

/// A path that is no operation of the OpenAPI document, such as a WebSocket, or the document itself.
pub struct PlainRoute {
    path: &'static str,
    endpoints: Vec<(Method, BoxEndpoint<'static, Response>)>,
}

impl PlainRoute {
    /// Serves `path` for this method. One segment of it may be a parameter, such as `{token}`.
    pub fn new<E>(method: Method, path: &'static str, endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        Self { path, endpoints: Vec::with_capacity(1) }.and(method, endpoint)
    }

    /// And for another method.
    #[must_use]
    pub fn and<E>(mut self, method: Method, endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        self.endpoints.push((method, endpoint.into_endpoint().map_to_response().boxed()));
        self
    }

    /// The path as declared.
    pub(super) const fn path(&self) -> &'static str {
        self.path
    }

    pub(super) fn methods(&self) -> Vec<Method> {
        self.endpoints.iter().map(|(method, _)| method.clone()).collect()
    }

    pub(super) fn into_endpoints(self) -> Vec<(Method, BoxEndpoint<'static, Response>)> {
        self.endpoints
    }

    /// The parameter in the path of a request that came by such a route.
    pub fn path_parameter(request: &Request) -> Option<&str> {
        request.raw_path_param(FIRST_PARAMETER)
    }
}

/// What the frame is told by the configuration.
#[derive(Clone, Default)]
pub struct FrameSettings {
    /// What the server takes on at a time.
    pub limits: Limits,
    /// How often one caller may ask.
    pub rates: RateSettings,
    /// Whose pages may speak to it.
    pub origins: Origins,
    /// Who is believed about where a request comes from.
    pub proxies: TrustedProxies,
    /// What every answer tells the browser.
    pub headers: SecurityHeaders,
    /// Where refused tries are traced; nowhere without.
    pub trail: Option<AccessTrail>,
    /// Who proved lately who they are; nobody without.
    pub sessions: Option<Sessions>,
}

/// The document for programs, and pages for people. They bring their scripts along: nothing is loaded from elsewhere,
/// and the browser is told to insist on that.
pub(super) fn document_routes(document: &serde_json::Value) -> [PlainRoute; 3] {
    let json = document.to_string();
    [
        fixed("/docs", "text/html; charset=utf-8", swagger_page(&json)),
        fixed("/docs/errors", "text/html; charset=utf-8", explanations_page()),
        fixed("/openapi.json", "application/json", json),
    ]
}

fn fixed(path: &'static str, content_type: &'static str, content: String) -> PlainRoute {
    const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let content: Arc<str> = content.into();
    let answer = move |_| {
        Response::builder()
            .content_type(content_type)
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            .body(content.to_string())
    };
    PlainRoute::new(Method::GET, path, poem::endpoint::make_sync(answer))
}

/// The library renders its own version of the document into the page; ours takes its place.
fn swagger_page(document: &str) -> String {
    let empty = OpenApiService::new((), TITLE, env!("CARGO_PKG_VERSION"));
    // Inside a script element, `</` would end it.
    let document = document.replace("</", "<\\/");
    empty.swagger_ui_html().replace(&empty.spec(), &document)
}

/// A socket that accepts connections already, so that its address is known before anything is served.
pub struct Bound {
    acceptor: TcpAcceptor,
    address: SocketAddr,
}

impl Bound {
    /// Opens the socket; port 0 takes any free port.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let acceptor = TcpListener::bind(address).into_acceptor().await?;
        let bound = acceptor.local_addr().into_iter().find_map(|local| local.as_socket_addr().copied());
        let address = bound.ok_or_else(|| io::Error::other("the socket has no address"))?;
        Ok(Self { acceptor, address })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is cancelled; requests in flight then have `grace` to finish.
    pub async fn serve<E>(self, app: E, stop: CancellationToken, grace: Duration) -> io::Result<()>
    where
        E: Endpoint + 'static,
    {
        serve_on(self.acceptor, app, stop, grace).await
    }

    /// The same by TLS alone.
    pub async fn serve_tls<E>(
        self,
        app: E,
        certificate: &Certificate,
        stop: CancellationToken,
        grace: Duration,
    ) -> Result<(), ServeTlsError>
    where
        E: Endpoint + 'static,
    {
        let connections = TlsConnections::over(self.acceptor, self.address, certificate)?;
        Ok(serve_on(connections, app, stop, grace).await?)
    }
}

/// Serving by TLS does not begin, or fails.
#[derive(Debug, thiserror::Error)]
pub enum ServeTlsError {
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

async fn serve_on<A, E>(acceptor: A, app: E, stop: CancellationToken, grace: Duration) -> io::Result<()>
where
    A: Acceptor + 'static,
    E: Endpoint + 'static,
{
    Server::new_with_acceptor(acceptor)
        .idle_timeout(Duration::from_secs(75))
        .run_with_graceful_shutdown(app, stop.cancelled_owned(), Some(grace))
        .await
}
